"""Every attempt of every call is told to whoever counts them."""

from __future__ import annotations

import pytest
from botocore.exceptions import ClientError

from gatekeeper.aws.session import AccountTarget, Gateway, observe
from gatekeeper.errors import AwsError

from .conftest import OWN_ACCOUNT, REGION, Reply, ec2_error


class Counted:
    def __init__(self):
        self.seen = []

    def aws_call(self, operation, outcome):
        self.seen.append((operation, outcome))


@pytest.fixture
def counted():
    counted = Counted()
    observe(counted)
    yield counted
    observe(None)


def vpcs(connection):
    return connection.reader("ec2").describe_vpcs()


def test_calls_by_service_and_operation(script, counted):
    with Gateway(REGION).open(AccountTarget(account_id=OWN_ACCOUNT)) as connection:
        vpcs(connection)
    assert counted.seen == [("sts:GetCallerIdentity", "ok"), ("ec2:DescribeVpcs", "ok")]


@pytest.mark.parametrize(
    ("code", "status", "outcome"),
    [
        ("RequestLimitExceeded", 503, "throttled"),
        ("Throttling", 400, "throttled"),
        ("UnauthorizedOperation", 403, "denied"),
        ("InternalError", 500, "refused"),
    ],
)
def test_each_attempt_counts_with_its_outcome(script, counted, code, status, outcome):
    script["DescribeVpcs"] = Reply(ec2_error(code), status=status)
    with (
        Gateway(REGION).open(AccountTarget(account_id=OWN_ACCOUNT)) as connection,
        pytest.raises(ClientError, match=code),
    ):
        vpcs(connection)
    told = [one for operation, one in counted.seen if operation == "ec2:DescribeVpcs"]
    assert set(told) == {outcome}
    assert len(told) == (1 if outcome == "denied" else 5)


def test_nobody_answers(counted, monkeypatch):
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:1")
    with pytest.raises(AwsError):
        Gateway(REGION).open(AccountTarget(account_id=OWN_ACCOUNT))
    assert set(counted.seen) == {("sts:GetCallerIdentity", "unanswered")}


def test_without_an_observer_nothing_is_registered(script):
    with Gateway(REGION).open(AccountTarget(account_id=OWN_ACCOUNT)) as connection:
        client = connection.reader("ec2")
    emitter = client.meta.events._emitter
    assert emitter._lookup_cache.get("response-received.ec2.DescribeVpcs") in (None, [])
    assert not list(emitter._handlers.prefix_search("response-received"))
