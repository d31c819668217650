"""What goes wrong in memory goes wrong as it was asked to."""

from __future__ import annotations

import pytest

from gatekeeper.account import Rule
from gatekeeper.errors import AwsError
from gatekeeper.testing import FakeAws, Fault, Killed

OWN = "111122223333"
WEB = Rule("tcp", 80, 80, "ipv4", "0.0.0.0/0")


@pytest.fixture
def aws():
    return FakeAws()


@pytest.fixture
def group(aws):
    account = aws.account(OWN)
    return account.create_group(account.add_vpc("10.0.0.0/16"), "g")


def there(aws, group):
    return bool(aws.account(OWN).world.groups[group].rules)


@pytest.mark.parametrize(
    ("fault", "error", "effect"),
    [
        (Fault.REFUSED, "InternalError", False),
        (Fault.THROTTLED, "RequestLimitExceeded", False),
        (Fault.LOST, "ReadTimeout", True),
    ],
)
def test_faults_with_an_answer(aws, group, fault, error, effect):
    aws.fail(fault)
    with pytest.raises(AwsError) as refused:
        aws.edge(OWN).authorize(group, [WEB], {})
    assert refused.value.code == error
    assert there(aws, group) is effect


@pytest.mark.parametrize(
    ("fault", "effect"), [(Fault.KILLED_BEFORE, False), (Fault.KILLED_AFTER, True)]
)
def test_death(aws, group, fault, effect):
    aws.fail(fault)
    with pytest.raises(Killed):
        aws.edge(OWN).authorize(group, [WEB], {})
    assert there(aws, group) is effect
    assert len(aws.calls) == int(effect)


def test_a_fault_waits_for_its_call(aws, group):
    edge = aws.edge(OWN)
    aws.fail(Fault.REFUSED, 2)
    edge.read_groups([group])
    edge.authorize(group, [WEB], {})
    edge.read_groups([group])
    with pytest.raises(AwsError):
        edge.revoke(group, [WEB])
    edge.revoke(group, [WEB])
    aws.fail(Fault.REFUSED, 2, changing=False)
    edge.read_groups([group])
    with pytest.raises(AwsError):
        edge.read_groups([group])


def test_a_failed_read_is_a_fact_of_the_account(aws, group):
    aws.fail(Fault.THROTTLED, 3, changing=False)
    state = aws.edge(OWN).read_account()
    assert not state.complete
    assert [(one.operation, one.code) for one in state.failures] == [
        ("DescribeSecurityGroups", "RequestLimitExceeded")
    ]
    assert state.groups == {}
    assert state.vpcs


def test_describe_lags_a_change_for_one_read(aws, group):
    aws.lag = True
    edge = aws.edge(OWN)
    edge.authorize(group, [WEB], {})
    assert edge.read_groups([group])[group].rules == ()
    assert edge.read_groups([group])[group].rules == (WEB,)
    edge.revoke(group, [WEB])
    aws.settle()
    assert edge.read_groups([group])[group].rules == ()


def test_every_call_is_told_after_its_effect(aws, group):
    told = []
    aws.on_call = lambda call: told.append(
        (call.operation, call.changing, call.error, there(aws, group))
    )
    edge = aws.edge(OWN)
    edge.authorize(group, [WEB], {})
    edge.read_groups([group])
    with pytest.raises(AwsError):
        edge.authorize(group, [WEB], {})
    name = "AuthorizeSecurityGroupIngress"
    assert told == [
        (name, True, "", True),
        ("DescribeSecurityGroups", False, "", True),
        (name, True, "InvalidPermission.Duplicate", True),
    ]
    assert len(aws.changes()) == 1


def test_a_collection_is_read_call_by_call(aws, group):
    """What changes between two calls is in the later one alone."""
    account = aws.account(OWN)
    vpc = next(iter(account.world.vpcs))

    def grow(call):
        if call.operation == "DescribeAddresses":
            account.add_interface(vpc, [group], eips=["52.83.0.1"])

    aws.on_call = grow
    state = aws.edge(OWN).read_account()
    assert state.addresses == ()
    assert len(state.interfaces) == 1


def test_accounts_are_apart(aws, group):
    assert aws.edge("444455556666").read_account().groups == {}
    assert group in aws.edge(OWN).read_account().groups
