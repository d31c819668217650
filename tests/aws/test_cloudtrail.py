"""Who changed a resource, by CloudTrail's answers (moto has none)."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import boto3
import pytest
from botocore.stub import Stubber

from gatekeeper.account import Actor
from gatekeeper.aws import cloudtrail
from gatekeeper.aws.cloudtrail import who
from gatekeeper.aws.session import AccountTarget, open_account

from .conftest import OWN_ACCOUNT, REGION

NOON = datetime(2026, 5, 4, 4, 0, tzinfo=UTC)
SINCE = NOON - timedelta(hours=1)
ROLE = f"arn:aws-cn:sts::{OWN_ACCOUNT}:assumed-role/ops/li"


class Fixed:
    """A connection with one client."""

    region = REGION

    def __init__(self, client):
        self._client = client
        self.account_id = OWN_ACCOUNT

    def reader(self, service):
        assert service == "cloudtrail"
        return self._client


class Time:
    """A clock that moves on only by waiting."""

    def __init__(self):
        self.now, self.waits = 1000.0, []

    def sleep(self, seconds):
        self.waits.append(round(seconds, 3))
        self.now += seconds

    def clock(self):
        return self.now


@pytest.fixture
def stub():
    client = boto3.client("cloudtrail", region_name=REGION)
    cloudtrail._next.clear()
    with Stubber(client) as stubber:
        stubber.client = client
        yield stubber
        stubber.assert_no_pending_responses()
    cloudtrail._next.clear()


def event(number=1, *, name="AuthorizeSecurityGroupIngress", group="sg-0123456789abcdef0", **more):
    record = {
        "eventVersion": "1.11",
        "userIdentity": {"type": "AssumedRole", "arn": ROLE, "accountId": OWN_ACCOUNT},
        "eventTime": (NOON - timedelta(minutes=number)).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "eventSource": "ec2.amazonaws.com",
        "eventName": name,
        "awsRegion": REGION,
        "requestParameters": {"groupId": group},
        "eventID": f"00000000-0000-4000-8000-{number:012}",
        "recipientAccountId": OWN_ACCOUNT,
    } | more
    return {"EventId": record["eventID"], "CloudTrailEvent": json.dumps(record)}


def expect(stub, resource, *events, token=None, following=None):
    asked = {
        "LookupAttributes": [{"AttributeKey": "ResourceName", "AttributeValue": resource}],
        "StartTime": SINCE,
        "EndTime": NOON,
        "MaxResults": 50,
    }
    if token:
        asked["NextToken"] = token
    reply = {"Events": list(events)} | ({"NextToken": following} if following else {})
    stub.add_response("lookup_events", reply, asked)


def ask(stub, *names, time=None, **more):
    time = time or Time()
    return who(Fixed(stub.client), names, SINCE, NOON, sleep=time.sleep, clock=time.clock, **more)


def test_the_newest_change_names_the_author(stub):
    expect(stub, "sg-1", event(1), event(2, name="RevokeSecurityGroupIngress"))
    found = ask(stub, "sg-1")
    at = NOON - timedelta(minutes=1)
    assert found == {
        "sg-1": Actor(
            ROLE, at, "AuthorizeSecurityGroupIngress", "00000000-0000-4000-8000-000000000001"
        )
    }


def test_reads_failures_and_nonsense_are_no_changes(stub):
    expect(
        stub,
        "sg-1",
        event(1, name="DescribeSecurityGroups"),
        event(2, errorCode="Client.UnauthorizedOperation"),
        {"EventId": "x", "CloudTrailEvent": "{"},
        {"EventId": "y"},
        event(5),
    )
    assert ask(stub, "sg-1")["sg-1"].event_id.endswith("5")


def test_pages_are_followed_up_to_a_bound(stub):
    read = event(1, name="DescribeSecurityGroups")
    expect(stub, "sg-1", read, following="t1")
    expect(stub, "sg-1", read, token="t1", following="t2")
    expect(stub, "sg-1", event(9), token="t2", following="t3")
    expect(stub, "sg-2", read, following="t1")
    expect(stub, "sg-2", read, token="t1", following="t2")
    expect(stub, "sg-2", read, token="t2", following="t3")
    expect(stub, "sg-3")
    found = ask(stub, "sg-1", "sg-2", "sg-3")
    assert set(found) == {"sg-1"}


def test_requests_of_an_account_keep_their_distance(stub):
    for name in ("a", "b", "c"):
        expect(stub, name)
    time = Time()
    ask(stub, "a", "b", "b", time=time)
    assert time.waits == [0.55]
    ask(stub, "c", time=time)
    assert time.waits == [0.55, 0.55]


def test_accounts_do_not_wait_for_each_other():
    cloudtrail._next.clear()
    time = Time()
    for place in (("1", REGION), ("2", REGION), ("1", "cn-north-1")):
        cloudtrail._wait_for_turn(place, time.sleep, time.clock)
    assert time.waits == []
    cloudtrail._wait_for_turn(("2", REGION), time.sleep, time.clock)
    assert time.waits == [0.55]
    time.now += 100
    cloudtrail._wait_for_turn(("3", REGION), time.sleep, time.clock)
    assert set(cloudtrail._next) == {("3", REGION)}


def test_no_more_is_asked_than_allowed(stub):
    expect(stub, "a", event(1))
    expect(stub, "b", event(2))
    assert set(ask(stub, "a", "b", "c", most=2)) == {"a", "b"}


@pytest.mark.parametrize("code", ["AccessDeniedException", "ThrottlingException", "InternalError"])
def test_what_cloudtrail_refuses_stays_unknown(stub, code):
    expect(stub, "a", event(1))
    stub.add_client_error("lookup_events", code, "no")
    found = ask(stub, "a", "b", "c")
    assert set(found) == {"a"}


def test_a_service_that_is_not_there_is_no_error(moto):
    cloudtrail._next.clear()
    with open_account(AccountTarget(), REGION) as connection:
        assert who(connection, ["sg-1"], SINCE, NOON) == {}
