"""A collection: which calls it makes, and what it says where they fail."""

from __future__ import annotations

import itertools
import threading
import time

import pytest

from gatekeeper import __version__
from gatekeeper.account import Listener, ReadStatus
from gatekeeper.aws.assemble import LISTS
from gatekeeper.aws.collect import MAX_PAGES, collect, collect_groups, collect_many
from gatekeeper.aws.session import AccountTarget, Patience, open_account
from gatekeeper.aws.turns import AT_ONCE, turns_of
from gatekeeper.errors import AwsError

from .conftest import EMPTY, OWN_ACCOUNT, REGION, Reply, balancers, ec2, ec2_error

QUICK = Patience(connect=1, read=0.3, attempts=2)


def group(number, rule=""):
    return (
        f"<item><ownerId>{OWN_ACCOUNT}</ownerId><groupId>sg-{number}</groupId><vpcId>vpc-1</vpcId>"
        f"<ipPermissions>{rule}</ipPermissions></item>"
    )


def groups(*items, token=None):
    return ec2(
        "DescribeSecurityGroups", f"<securityGroupInfo>{''.join(items)}</securityGroupInfo>", token
    )


def read(patience=None, progress=None):
    with open_account(AccountTarget(), REGION, patience=patience) as connection:
        return collect(connection, progress=progress)


def test_the_calls_of_a_plain_account(script):
    state = read()
    assert state.complete
    assert state.failures == ()
    assert (state.account_id, state.region, state.partition) == (OWN_ACCOUNT, REGION, "aws-cn")
    assert script.calls == dict.fromkeys(EMPTY, 1)
    assert all(f"gatekeeper/{__version__}" in agent for agent in script.agents)
    sizes = {query["Action"]: query.get("MaxResults") for query in script.queries}
    assert sizes["DescribeSecurityGroups"] == "1000"
    assert sizes["DescribeAddresses"] is None


def test_pages_are_followed_and_progress_is_told(script):
    def pages(query):
        number = int(query.get("NextToken", "0"))
        return Reply(groups(group(number), token=number + 1 if number < 2 else None))

    script["DescribeSecurityGroups"] = pages
    told = []
    state = read(progress=lambda *what: told.append(what))
    assert list(state.groups) == ["sg-0", "sg-1", "sg-2"]
    assert told.count((OWN_ACCOUNT, "DescribeSecurityGroups", 1)) == 3


def test_load_balancers_are_paged_by_marker(script):
    def member(name):
        arn = f"arn:aws-cn:elasticloadbalancing:{REGION}:{OWN_ACCOUNT}:loadbalancer/app/{name}/1"
        return (
            f"<member><LoadBalancerArn>{arn}</LoadBalancerArn>"
            f"<LoadBalancerName>{name}</LoadBalancerName><Type>application</Type></member>"
        )

    script["elbv2:DescribeLoadBalancers"] = lambda query: Reply(
        balancers(member("b")) if "Marker" in query else balancers(member("a"), marker="m")
    )
    classic = "<member><LoadBalancerName>old</LoadBalancerName></member>"
    script["elb:DescribeLoadBalancers"] = balancers(classic, classic=True)
    state = read()
    assert [one.name for one in state.load_balancers] == ["a", "b", "old"]
    assert state.load_balancers[2].arn == (
        f"arn:aws-cn:elasticloadbalancing:{REGION}:{OWN_ACCOUNT}:loadbalancer/old"
    )


@pytest.mark.parametrize("operation", LISTS)
def test_a_call_that_is_denied_makes_the_account_partial(script, operation):
    script[operation] = Reply(ec2_error("UnauthorizedOperation", "You may not"), 403)
    state = read()
    assert state.status is ReadStatus.PARTIAL
    (failure,) = state.failures
    assert failure.operation == operation
    assert failure.code == "UnauthorizedOperation"
    assert failure.message.startswith("You may not; ")


def test_an_account_of_which_every_call_fails_is_unreadable(script):
    for operation in LISTS:
        script[operation] = Reply(ec2_error("AuthFailure"), 401)
    state = read()
    assert state.status is ReadStatus.UNREADABLE
    assert [failure.operation for failure in state.failures] == list(LISTS)


def test_pages_before_a_failing_one_are_kept(script):
    script.in_turn(
        "DescribeSecurityGroups",
        groups(group(1), token="next"),
        Reply(ec2_error("InternalError"), 500),
    )
    state = read(QUICK)
    assert list(state.groups) == ["sg-1"]
    assert state.failures[0].code == "InternalError"
    assert script.calls["DescribeSecurityGroups"] == 3


@pytest.mark.parametrize("code", ["RequestLimitExceeded", "Throttling"])
def test_throttling_is_waited_out(script, code):
    throttled = Reply(ec2_error(code), 503)
    script.in_turn("DescribeSecurityGroups", throttled, throttled, groups(group(1)))
    state = read()
    assert state.complete
    assert script.calls["DescribeSecurityGroups"] == 3


def test_throttling_for_ever_ends_after_five_attempts(script):
    script["DescribeVpcs"] = Reply(ec2_error("RequestLimitExceeded", "Slow down"), 503)
    state = read()
    assert [(one.operation, one.code) for one in state.failures] == [
        ("DescribeVpcs", "RequestLimitExceeded")
    ]
    assert script.calls["DescribeVpcs"] == 5


@pytest.mark.parametrize(
    "bad",
    [
        Reply("<html><body>Please sign in</body></html>"),
        Reply(groups(group(1))[:-20]),
        Reply(groups(group(1)), cut=15),
        Reply("<html><body>502</body></html>", 502),
        Reply("", 503),
    ],
)
def test_a_body_that_cannot_be_read_is_asked_for_again(script, bad):
    script.in_turn("DescribeSecurityGroups", bad, groups(group(1)))
    state = read()
    assert state.complete
    assert list(state.groups) == ["sg-1"]


def test_a_body_that_never_can_be_read_is_a_failure(script):
    script["DescribeSecurityGroups"] = "<html><body>Please sign in</body></html>"
    script["elbv2:DescribeLoadBalancers"] = "<broken"
    state = read()
    assert {(one.operation, one.code) for one in state.failures} == {
        ("DescribeSecurityGroups", "MalformedResponse"),
        ("elbv2:DescribeLoadBalancers", "MalformedResponse"),
    }
    assert state.groups == {}


def test_a_server_that_says_nothing_is_given_up(script):
    script["DescribeVpcs"] = Reply(hang=True)
    state = read(QUICK)
    assert [(one.operation, one.code) for one in state.failures] == [
        ("DescribeVpcs", "ReadTimeout")
    ]


def test_a_token_that_comes_again_is_a_failure(script):
    script["DescribeSecurityGroups"] = groups(group(1), token="same")
    state = read()
    assert state.failures[0].code == "MalformedResponse"
    assert "leads back" in state.failures[0].message
    assert list(state.groups) == ["sg-1"]


def test_pages_without_end_are_a_failure(script, monkeypatch):
    monkeypatch.setattr("gatekeeper.aws.collect.MAX_PAGES", 5)
    assert MAX_PAGES > 1000
    numbers = itertools.count(1)
    script["DescribeSecurityGroups"] = lambda _: Reply(groups(token=next(numbers)))
    state = read()
    assert state.failures[0].code == "MalformedResponse"
    assert script.calls["DescribeSecurityGroups"] == 6


# --- prefix lists and listeners -----------------------------------------------------------------

NAMING = (
    "<item><ipProtocol>-1</ipProtocol><prefixListIds><item><prefixListId>pl-1</prefixListId></item>"
    "<item><prefixListId>pl-2</prefixListId></item></prefixListIds></item>"
)


def prefix_list(list_id):
    return (
        f"<item><prefixListId>{list_id}</prefixListId><addressFamily>IPv4</addressFamily>"
        "<maxEntries>9</maxEntries></item>"
    )


def entries(*cidrs, token=None):
    inner = "".join(f"<item><cidr>{cidr}</cidr></item>" for cidr in cidrs)
    return ec2("GetManagedPrefixListEntries", f"<entrySet>{inner}</entrySet>", token)


def test_prefix_lists_that_rules_name_are_read(script):
    script["DescribeSecurityGroups"] = groups(group(1, NAMING))
    described = f"<prefixListSet>{prefix_list('pl-1')}{prefix_list('pl-other')}</prefixListSet>"
    script["DescribeManagedPrefixLists"] = ec2("DescribeManagedPrefixLists", described)
    script["GetManagedPrefixListEntries"] = lambda query: Reply(
        entries("10.0.0.0/8") if "NextToken" in query else entries("52.82.0.0/17", token="t")
    )
    state = read()
    assert state.complete
    assert list(state.prefix_lists) == ["pl-1"]
    assert state.prefix_lists["pl-1"].entries == ("52.82.0.0/17", "10.0.0.0/8")
    assert state.prefix_lists["pl-1"].max_entries == 9
    asked = next(q for q in script.queries if q["Action"] == "DescribeManagedPrefixLists")
    assert [asked[f"Filter.1.Value.{n}"] for n in (1, 2)] == ["pl-1", "pl-2"]
    assert script.calls["GetManagedPrefixListEntries"] == 2


@pytest.mark.parametrize(
    ("reply", "code"),
    [
        (lambda _: Reply(ec2_error("UnauthorizedOperation"), 403), "UnauthorizedOperation"),
        (lambda _: Reply(entries("half")), "MalformedResponse"),
        (
            lambda query: (
                Reply(ec2_error("AuthFailure"), 401)
                if "NextToken" in query
                else Reply(entries("10.0.0.0/8", token="t"))
            ),
            "AuthFailure",
        ),
    ],
)
def test_entries_that_cannot_be_read_leave_the_list_unknown(script, reply, code):
    script["DescribeSecurityGroups"] = groups(group(1, NAMING))
    described = f"<prefixListSet>{prefix_list('pl-1')}</prefixListSet>"
    script["DescribeManagedPrefixLists"] = ec2("DescribeManagedPrefixLists", described)
    script["GetManagedPrefixListEntries"] = reply
    state = read()
    assert [(one.operation, one.code, one.resource) for one in state.failures] == [
        ("GetManagedPrefixListEntries", code, "pl-1")
    ]
    found = state.prefix_lists.get("pl-1")
    assert found is None or found.entries is None


ARN = f"arn:aws-cn:elasticloadbalancing:{REGION}:{OWN_ACCOUNT}:loadbalancer/net"


def network(name, *, scheme="internet-facing", group_ids=""):
    return (
        f"<member><LoadBalancerArn>{ARN}/{name}/1</LoadBalancerArn><Type>network</Type>"
        f"<LoadBalancerName>{name}</LoadBalancerName><Scheme>{scheme}</Scheme>"
        f"<SecurityGroups>{group_ids}</SecurityGroups></member>"
    )


def listeners(*ports, marker=""):
    inner = "".join(
        f"<member><Protocol>TCP</Protocol><Port>{port}</Port></member>" for port in ports
    )
    return (
        "<DescribeListenersResponse"
        ' xmlns="http://elasticloadbalancing.amazonaws.com/doc/2015-12-01/">'
        f"<DescribeListenersResult><Listeners>{inner}</Listeners>{marker}"
        "</DescribeListenersResult></DescribeListenersResponse>"
    )


def test_listeners_are_read_only_where_no_group_guards(script):
    script["elbv2:DescribeLoadBalancers"] = balancers(
        network("bare")
        + network("inner", scheme="internal")
        + network("guarded", group_ids="<member>sg-1</member>")
    )
    script["elbv2:DescribeListeners"] = lambda query: Reply(
        listeners(443) if "Marker" in query else listeners(80, marker="<NextMarker>m</NextMarker>")
    )
    state = read()
    assert {one.name: one.listeners for one in state.load_balancers} == {
        "bare": (Listener("TCP", 80), Listener("TCP", 443)),
        "inner": None,
        "guarded": None,
    }
    assert {q["LoadBalancerArn"] for q in script.queries if q["Action"] == "DescribeListeners"} == {
        f"{ARN}/bare/1"
    }


def test_listeners_that_cannot_be_read_are_unknown(script):
    script["elbv2:DescribeLoadBalancers"] = balancers(network("bare"))
    script["elbv2:DescribeListeners"] = Reply(ec2_error("AccessDenied"), 403)
    state = read()
    assert state.load_balancers[0].listeners is None
    assert state.failures[0].operation == "elbv2:DescribeListeners"
    assert state.failures[0].resource == f"{ARN}/bare/1"


# --- several accounts ---------------------------------------------------------------------------


def test_one_account_that_fails_hurts_no_other(script):
    targets = [
        AccountTarget(account_id="999999999999"),
        AccountTarget(account_id=OWN_ACCOUNT),
        AccountTarget(account_id="888888888888"),
    ]
    states = {one.account_id: one for one in collect_many(targets, REGION, workers=1)}
    assert states[OWN_ACCOUNT].complete
    other = states["999999999999"]
    assert other.status is ReadStatus.UNREADABLE
    assert [(one.operation, one.code) for one in other.failures] == [
        ("GetCallerIdentity", "AccountMismatch")
    ]
    assert OWN_ACCOUNT in other.failures[0].message


def test_a_defect_of_ours_is_one_accounts_failure_too(script, monkeypatch, caplog):
    def broken(*_args, **_more):
        raise KeyError("defect")

    monkeypatch.setattr("gatekeeper.aws.collect.collect", broken)
    (state,) = collect_many([AccountTarget(account_id=OWN_ACCOUNT)], REGION)
    assert state.failures[0].code == "Internal"
    assert "defect" in caplog.text


def test_without_any_account_an_error_is_raised(script):
    script["GetCallerIdentity"] = Reply(ec2_error("ExpiredToken", "It expired"), 403)
    with pytest.raises(AwsError, match="aws sso login") as caught:
        list(collect_many([AccountTarget()], REGION))
    assert caught.value.code == "ExpiredToken"


def test_iteration_may_be_given_up(script):
    many = (AccountTarget(account_id=OWN_ACCOUNT) for _ in range(50))
    states = collect_many(many, REGION, workers=2)
    assert next(states).complete
    states.close()
    assert script.calls["GetCallerIdentity"] < 10


def test_groups_by_their_ids(script):
    script["DescribeSecurityGroups"] = lambda query: Reply(
        groups(*(group(value[3:]) for key, value in query.items() if ".Value." in key))
    )
    with open_account(AccountTarget(), REGION) as connection:
        found = collect_groups(connection, [f"sg-{n}" for n in range(250)] * 2)
        assert [one.group_id for one in found] == [f"sg-{n}" for n in range(250)]
        assert script.calls["DescribeSecurityGroups"] == 2
        script["DescribeSecurityGroups"] = Reply(ec2_error("UnauthorizedOperation"), 403)
        with pytest.raises(AwsError) as caught:
            collect_groups(connection, ["sg-1"])
        assert caught.value.code == "UnauthorizedOperation"
        assert collect_groups(connection, []) == ()


def test_two_readings_of_an_account_share_its_turns_and_others_do_not_wait(script):
    under_way, most, lock = [0], [0], threading.Lock()

    def slow(answer):
        def reply(_query):
            with lock:
                under_way[0] += 1
                most[0] = max(most[0], under_way[0])
            time.sleep(0.05)
            with lock:
                under_way[0] -= 1
            return Reply(answer)

        return reply

    for operation, body in EMPTY.items():
        if operation != "GetCallerIdentity":
            script[operation] = slow(body)
    target = AccountTarget(account_id=OWN_ACCOUNT)
    states = list(collect_many([target, target, target], REGION, workers=3))
    assert all(state.complete for state in states)
    assert most[0] <= AT_ONCE
    assert turns_of("1", REGION) is not turns_of("2", REGION)
