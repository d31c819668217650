"""Events against moto's queue and accounts: opened by hand, told, closed again.

The records are made up after CloudTrail's documented shapes; moto has no EventBridge that feeds a
queue, so the tests send what AWS would.
"""

from __future__ import annotations

import json
import threading
import time
import uuid
from collections import Counter
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta

import boto3
import pytest

from gatekeeper.account import LoadBalancerType
from gatekeeper.aws.queue import Queue
from gatekeeper.aws.session import observe
from gatekeeper.errors import AwsError, StoreError
from gatekeeper.filing import Kind
from gatekeeper.policy import default_policy, parse_policy
from gatekeeper.service import Context, parse_config
from gatekeeper.service.watch import Watcher
from gatekeeper.store import Account

from .bench import OWN, REGION, rule

ONE, TWO, THREE = "52.83.0.1", "52.83.0.2", "52.83.0.3"
SSH = ("tcp 22", "10.0.0.0/8")
HAND = f"arn:aws-cn:sts::{OWN}:assumed-role/Admin/zhang.san"


@pytest.fixture
def vpc(bench):
    return bench.vpc()


@pytest.fixture
def office(bench, vpc):
    return bench.group(vpc, "office", rule(*SSH))


class Post:
    """Two queues, and what is in them."""

    def __init__(self):
        self.sqs = boto3.client("sqs", region_name=REGION)
        self.url = self.sqs.create_queue(QueueName="gatekeeper-events")["QueueUrl"]
        self.dead = self.sqs.create_queue(QueueName="gatekeeper-events-dead")["QueueUrl"]
        self.queue = Queue(REGION, self.url)

    def close(self):
        self.queue.close()
        self.sqs.close()

    def send(self, body):
        text = body if isinstance(body, str) else json.dumps(body)
        self.sqs.send_message(QueueUrl=self.url, MessageBody=text)

    def left(self, url=None):
        """How many messages there are, hidden ones too."""
        names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
        answer = self.sqs.get_queue_attributes(QueueUrl=url or self.url, AttributeNames=names)
        return sum(int(value) for value in answer["Attributes"].values())


@pytest.fixture
def post(moto):
    made = Post()
    yield made
    made.close()


def record(name, *, account=OWN, at=None, event_id=None, actor=HAND, source="ec2", **more):
    """An EventBridge envelope with a record, made up after the documented shape."""
    at = at or datetime.now(UTC)
    detail = {
        "eventVersion": "1.09",
        "userIdentity": {"type": "AssumedRole", "arn": actor, "accountId": account},
        "eventTime": at.strftime("%Y-%m-%dT%H:%M:%SZ"),
        "eventSource": f"{source}.amazonaws.com",
        "eventName": name,
        "awsRegion": REGION,
        "sourceIPAddress": "198.51.100.9",
        "eventID": event_id or str(uuid.uuid4()),
        "recipientAccountId": account,
        "requestParameters": {},
        "responseElements": None,
        **more,
    }
    return {
        "version": "0",
        "id": str(uuid.uuid4()),
        "detail-type": "AWS API Call via CloudTrail",
        "source": f"aws.{source}",
        "account": account,
        "time": detail["eventTime"],
        "region": REGION,
        "detail": detail,
    }


def authorized(group, **more):
    return record("AuthorizeSecurityGroupIngress", requestParameters={"groupId": group}, **more)


@pytest.fixture
def context(keeper, post):
    return Context(
        store=keeper.store,
        region=REGION,
        policy=default_policy(),
        config=parse_config(f"events: {{dead_letter_url: '{post.dead}'}}"),
        clock=lambda: datetime.now(UTC),
        instance="test:1",
        actor="gatekeeper@test",
        wait=1.0,
    )


@pytest.fixture
def watcher(context, post):
    made = Watcher(context, post.queue)
    yield made
    made.close()


def by_hand(bench, group, text="tcp 443"):
    bench.allow(group, rule(text))


def is_open(bench, group):
    """Whether anybody may come in by a gated port."""
    return any(
        source == "0.0.0.0/0" and (protocol == "-1" or low <= 443 <= high or low <= 80 <= high)
        for protocol, low, high, source in bench.rules(group)
    )


class Calls(Counter):
    """Calls of AWS as they are made."""

    def aws_call(self, operation, outcome):
        self[operation] += 1


@contextmanager
def counted():
    calls = Calls()
    observe(calls)
    try:
        yield calls
    finally:
        observe(None)


def audited(keeper):
    """The account as an audit verified it."""
    from gatekeeper.drift import snapshot

    [account] = keeper.look().accounts
    keeper.store.save_snapshot(OWN, snapshot(account), at=datetime.now(UTC))


def test_opened_by_hand_is_closed_again(bench, keeper, vpc, office, post, watcher):
    site = bench.interface(vpc, [office], ONE)
    audited(keeper)
    by_hand(bench, office)
    event = authorized(office)
    post.send(event)
    began = time.monotonic()
    batch = watcher.run_once(wait=1)
    took = time.monotonic() - began
    [effect] = batch.effects
    assert (effect.result, effect.closed) == ("closed", (site,))
    assert not is_open(bench, office)
    assert took < 60, "the bound of a hang; how fast it is the bench of a quiet machine says"
    assert post.left() == 0
    [run] = keeper.store.runs()
    assert (run.run_id, run.outcome, run.actor) == (effect.run_id, "done", "gatekeeper@test")
    told = keeper.store.drifts()
    assert {entry["kind"] for entry in told} == {"endpoint-reopened", "rules-changed"}
    assert {entry["actor"] for entry in told} == {HAND}
    assert {entry["at"] for entry in told} == {event["detail"]["eventTime"]}
    assert keeper.store.known_events([event["detail"]["eventID"]])


def test_duplicates_cost_one_look(bench, vpc, office, post, watcher, keeper):
    bench.interface(vpc, [office], ONE)
    by_hand(bench, office)
    event = authorized(office)
    for _ in range(3):
        post.send(event)
    batches = [watcher.run_once(wait=1)]
    while post.left():
        batches.append(watcher.run_once(wait=1))
    assert sum(batch.received for batch in batches) == 3
    assert sum(batch.known for batch in batches) == 2
    post.send(event)
    with counted() as calls:
        batch = watcher.run_once(wait=1)
    assert (batch.known, batch.effects, post.left()) == (1, (), 0)
    assert not any(name.startswith("ec2:") for name in calls)
    assert len(keeper.store.runs()) == 1


def test_a_burst_is_put_together(bench, vpc, post, watcher, keeper):
    groups = [bench.group(vpc, f"web-{number}", rule("tcp 80")) for number in range(4)]
    for number, group in enumerate(groups):
        bench.interface(vpc, [group], f"52.83.0.{number + 1}")
        post.send(authorized(group))
    seen = []
    while post.left():
        seen += watcher.run_once(wait=1).effects
    assert sum(len(effect.closed) for effect in seen) == 4
    assert len(keeper.store.runs()) == len(seen) <= 4
    assert not any(is_open(bench, group) for group in groups)


def test_order_and_age_do_no_harm(bench, keeper, vpc, office, post, watcher):
    site = bench.interface(vpc, [office], ONE)
    keeper.file("F1", Kind.NEW, (ONE,))
    keeper.apply()
    old = datetime.now(UTC) - timedelta(days=9)
    revoked = record("RevokeSecurityGroupIngress", requestParameters={"groupId": office})
    for event in (revoked, authorized(office, at=old), record("ReleaseAddress", at=old)):
        post.send(event)
    while post.left():
        for effect in watcher.run_once(wait=1).effects:
            assert (effect.result, effect.run_id) == ("nothing", None)
    assert bench.holds(site) == {"office", "gatekeeper-gate"}


def test_our_own_changes_come_back_and_change_nothing(bench, vpc, office, post, watcher, keeper):
    bench.interface(vpc, [office], ONE)
    by_hand(bench, office)
    post.send(authorized(office))
    watcher.run_once(wait=1)
    before = bench.rules(office)
    post.send(record("RevokeSecurityGroupIngress", requestParameters={"groupId": office}))
    [effect] = watcher.run_once(wait=1).effects
    assert effect.result == "nothing"
    assert bench.rules(office) == before
    assert len(keeper.store.runs()) == 1


def test_poison_goes_to_the_dead_letter_queue(post, watcher, caplog):
    post.send("{not json")
    post.send({"detail": "text"})
    for _ in range(2):
        watcher.run_once(wait=1)
    assert (post.left(), post.left(post.dead)) == (0, 2)
    answer = post.sqs.receive_message(
        QueueUrl=post.dead, MessageAttributeNames=["reason"], MaxNumberOfMessages=10
    )
    reasons = {one["MessageAttributes"]["reason"]["StringValue"] for one in answer["Messages"]}
    assert any("not JSON" in reason for reason in reasons)
    assert sum("cannot be read" in one.message for one in caplog.records) == 2


def test_poison_without_a_place_stays_and_is_logged_once(context, post, watcher, caplog):
    context.config = parse_config("")
    post.send("{not json")
    receive = post.queue.receive
    post.queue.receive = lambda *, wait: receive(wait=wait, hidden=0)
    for _ in range(2):
        assert watcher.run_once(wait=1).left == 1
    assert post.left() == 1
    assert sum("cannot be read" in one.message for one in caplog.records) == 1


def test_what_fails_comes_again(bench, vpc, office, post, watcher, monkeypatch, keeper):
    from gatekeeper.service import watch

    monkeypatch.setattr(watch, "_FIRST_RETRY", 0)
    site = bench.interface(vpc, [office], ONE)
    by_hand(bench, office)
    post.send(authorized(office))
    react, failures = watch.Reactions.react, [True, True]

    def flaky(self, connection, events):
        if failures:
            failures.pop()
            raise AwsError("Throttling: no", operation="DescribeVpcs", code="Throttling")
        return react(self, connection, events)

    monkeypatch.setattr(watch.Reactions, "react", flaky)
    for _ in range(2):
        batch = watcher.run_once(wait=1)
        assert (batch.left, batch.effects) == (1, ())
    assert is_open(bench, office)
    [effect] = watcher.run_once(wait=1).effects
    assert effect.closed == (site,)
    assert post.left() == 0


def test_an_account_that_is_read_in_part_waits(
    bench, vpc, office, post, watcher, monkeypatch, context
):
    from gatekeeper.account import Failure
    from gatekeeper.aws.collect import Collection
    from gatekeeper.service import watch

    monkeypatch.setattr(watch, "_FIRST_RETRY", 0)
    bench.interface(vpc, [office], ONE)
    by_hand(bench, office)
    post.send(authorized(office))

    def denied(self):
        self.failures.append(Failure("elb:DescribeLoadBalancers", "AccessDenied", "no"))
        return []

    with monkeypatch.context() as patch:
        patch.setattr(Collection, "classic_balancers", denied)
        assert watcher.run_once(wait=1).left == 1
        assert is_open(bench, office)
    assert watcher.run_once(wait=1).effects[0].result == "closed"


def test_a_crash_before_the_effect_is_stored_is_harmless(
    bench, vpc, office, post, watcher, monkeypatch, keeper
):
    from gatekeeper.service import watch

    monkeypatch.setattr(watch, "_FIRST_RETRY", 0)
    bench.interface(vpc, [office], ONE)
    audited(keeper)
    by_hand(bench, office)
    post.send(authorized(office))

    def gone(*_, **__):
        raise StoreError("the database is gone")

    with monkeypatch.context() as patch:
        patch.setattr(type(keeper.store), "remember_events", gone)
        assert watcher.run_once(wait=1).left == 1
    assert not is_open(bench, office)
    rules, told = bench.rules(office), keeper.store.drifts()
    assert told
    [effect] = watcher.run_once(wait=1).effects
    assert effect.result == "nothing"
    assert (bench.rules(office), keeper.store.drifts()) == (rules, told)
    assert post.left() == 0
    assert len(keeper.store.runs()) == 1


def test_a_message_that_is_not_deleted_is_known(bench, vpc, office, post, watcher, monkeypatch):
    bench.interface(vpc, [office], ONE)
    by_hand(bench, office)
    event = authorized(office)
    post.send(event)

    def dead(_messages):
        raise AwsError("no", operation="DeleteMessageBatch", code="ServiceUnavailable")

    with monkeypatch.context() as patch:
        patch.setattr(post.queue, "delete", dead)
        assert watcher.run_once(wait=1).effects[0].result == "closed"
    assert post.left() == 1
    post.send(event)
    batch = watcher.run_once(wait=1)
    assert (batch.known, batch.effects) == (1, ())


def test_only_what_was_touched_is_read(bench, vpc, office, post, watcher, keeper):
    """The cost of an event does not grow with the account."""

    def cost():
        by_hand(bench, office)
        post.send(authorized(office))
        with counted() as calls:
            [effect] = watcher.run_once(wait=1).effects
        assert effect.result == "closed"
        return sum(calls.values())

    bench.interface(vpc, [office], ONE)
    first = cost()
    for number in range(25):
        group = bench.group(vpc, f"other-{number}", rule("tcp 443"))
        bench.interface(vpc, [group], f"52.83.1.{number + 1}")
    bench.balancer(vpc, "other", LoadBalancerType.APPLICATION, [group], TWO)
    watcher.close()
    assert cost() <= first <= 25
    assert is_open(bench, group), "what was not touched is the schedule's"
    assert keeper.store.endpoint_memory() == {}, "a part is never remembered"


def test_the_rest_of_the_account_is_not_taken_for_gone(
    bench, vpc, office, post, watcher, keeper, context
):
    from gatekeeper.audit import audit, keep
    from gatekeeper.survey import remember

    elsewhere = bench.group(vpc, "elsewhere", rule("tcp 443"))
    other = bench.interface(vpc, [elsewhere], TWO)
    bench.interface(vpc, [office], ONE)
    found = keeper.look()
    remember(keeper.store, found)
    keep(keeper.store, found, audit(keeper.store, found, whole=True), whole=True)
    before = keeper.store.endpoint_memory(), keeper.store.findings_memory()
    state = keeper.store.snapshots()[OWN].data["endpoints"][other]
    by_hand(bench, office)
    post.send(authorized(office))
    assert watcher.run_once(wait=1).effects[0].result == "closed"
    assert (keeper.store.endpoint_memory(), keeper.store.findings_memory()) == before
    assert keeper.store.snapshots()[OWN].data["endpoints"][other] == state
    assert is_open(bench, elsewhere)


def test_a_lawful_user_of_the_group_stays_open(bench, keeper, vpc, office, post, watcher):
    filed = bench.interface(vpc, [office], ONE)
    trial = bench.interface(vpc, [office], TWO)
    keeper.file("F1", Kind.NEW, (ONE,))
    by_hand(bench, office)
    post.send(authorized(office))
    [effect] = watcher.run_once(wait=1).effects
    assert (effect.result, effect.closed) == ("closed", (trial,))
    assert bench.holds(filed) == {"office", "gatekeeper-gate"}
    assert bench.holds(trial) == {"office"}
    assert not is_open(bench, office)


def test_users_of_another_group_are_found(bench, keeper, vpc, office, post, watcher):
    """A closed interface was given a wide group by hand, which a lawful one uses elsewhere."""
    wide = bench.group(vpc, "wide", rule("tcp 0-65535"))
    filed = bench.interface(vpc, [wide], ONE)
    trial = bench.interface(vpc, [office], TWO)
    keeper.file("F1", Kind.NEW, (ONE,))
    bench.set_groups(trial, office, wide)
    parameters = {"networkInterfaceId": trial, "groupSet": {"items": [{"groupId": wide}]}}
    post.send(record("ModifyNetworkInterfaceAttribute", requestParameters=parameters))
    [effect] = watcher.run_once(wait=1).effects
    assert (effect.result, effect.closed) == ("closed", (trial,))
    assert bench.holds(filed) == {"wide", "gatekeeper-gate"}
    assert not is_open(bench, wide)


def test_nothing_is_opened_beyond_that(bench, keeper, vpc, office, post, watcher):
    site = bench.interface(vpc, [office], ONE)
    keeper.file("F1", Kind.NEW, (ONE,))
    post.send(authorized(office))
    [effect] = watcher.run_once(wait=1).effects
    assert effect.result == "nothing"
    assert bench.holds(site) == {"office"}


@pytest.mark.parametrize("kind", [LoadBalancerType.APPLICATION, LoadBalancerType.CLASSIC])
def test_a_load_balancer_loses_the_gate(bench, keeper, vpc, office, post, watcher, kind):
    arn = bench.balancer(vpc, "web", kind, [office], ONE, TWO)
    keeper.file("F1", Kind.NEW, (ONE, TWO), balancer="web")
    keeper.apply()
    assert "gatekeeper-gate" in bench.holds(arn)
    keeper.file("F1", Kind.DEREGISTER_SERVICE)
    name = "web" if kind is LoadBalancerType.CLASSIC else arn
    call, key = (
        ("ApplySecurityGroupsToLoadBalancer", "loadBalancerName")
        if kind is LoadBalancerType.CLASSIC
        else ("SetSecurityGroups", "loadBalancerArn")
    )
    post.send(record(call, source="elasticloadbalancing", requestParameters={key: name}))
    [effect] = watcher.run_once(wait=1).effects
    assert (effect.result, effect.closed) == ("closed", (arn,))
    assert bench.holds(arn) == {"office"}


def test_a_name_that_fits_two_load_balancers_covers_neither(
    bench, keeper, vpc, office, post, watcher
):
    wide = bench.group(vpc, "wide", rule("tcp 443"))
    bench.balancer(vpc, "web", LoadBalancerType.APPLICATION, [wide], ONE)
    bench.balancer(vpc, "web", LoadBalancerType.CLASSIC, [office], TWO)
    keeper.file("F1", Kind.NEW, (ONE,), balancer="web")
    post.send(authorized(wide))
    [effect] = watcher.run_once(wait=1).effects
    assert effect.result == "closed"
    assert not is_open(bench, wide)


def test_an_altered_gate_is_put_right(bench, keeper, vpc, office, post, watcher):
    site = bench.interface(vpc, [office], ONE)
    keeper.file("F1", Kind.NEW, (ONE,))
    keeper.apply()
    gate = bench.group_named("gatekeeper-gate")["GroupId"]
    good = bench.rules(gate)
    bench.allow(gate, rule("tcp 22"))
    post.send(authorized(gate))
    watcher.run_once(wait=1)
    assert bench.rules(gate) == good
    assert bench.holds(site) == {"office", "gatekeeper-gate"}


def test_in_plan_mode_it_is_only_recorded(bench, vpc, office, post, watcher, context, keeper):
    context.config = parse_config("jobs: {close: {mode: plan}}")
    site = bench.interface(vpc, [office], ONE)
    by_hand(bench, office)
    post.send(authorized(office))
    [effect] = watcher.run_once(wait=1).effects
    assert (effect.result, effect.closed, effect.run_id) == ("planned", (site,), None)
    assert is_open(bench, office)
    assert (keeper.store.runs(), post.left()) == ((), 0)


def test_the_belts_hold(bench, vpc, office, post, watcher, context):
    context.policy = parse_policy("limits: {floor: 1, percent: 30, count: 200}")
    for number in range(3):
        bench.interface(vpc, [office], f"52.83.0.{number + 1}")
    by_hand(bench, office)
    post.send(authorized(office))
    [effect] = watcher.run_once(wait=1).effects
    assert (effect.result, post.left()) == ("refused", 0)
    assert "limits.floor" in effect.reason
    assert is_open(bench, office)


def test_a_part_that_is_too_large_is_the_whole_account(
    bench, vpc, office, post, watcher, monkeypatch
):
    from gatekeeper.aws import touched

    monkeypatch.setattr(touched, "MOST", 1)
    for number in range(3):
        bench.interface(vpc, [office], f"52.83.0.{number + 1}")
    other = bench.group(vpc, "other", rule("tcp 443"))
    bench.interface(vpc, [other], "52.83.0.9")
    by_hand(bench, office)
    post.send(authorized(office))
    [effect] = watcher.run_once(wait=1).effects
    assert (effect.result, len(effect.closed)) == ("closed", 3)
    assert not is_open(bench, office)
    assert is_open(bench, other)


@pytest.mark.parametrize("registered", [False, True])
def test_an_account_that_is_not_ours_is_dropped(post, watcher, keeper, registered):
    if registered:
        other = Account(account_id="111122223333", name="other", role_arn="", external_id="")
        keeper.store.put_account(other, actor="test", at=datetime.now(UTC))
    event = authorized("sg-0123456789abcdef0", account="444455556666")
    post.send(event)
    [effect] = watcher.run_once(wait=1).effects
    assert effect.result == "dropped"
    assert post.left() == 0
    assert keeper.store.known_events([event["detail"]["eventID"]])


def test_what_does_not_matter_costs_nothing(post, watcher):
    elsewhere = authorized("sg-0123456789abcdef0")
    elsewhere["detail"]["awsRegion"] = "cn-north-1"
    for event in (record("DescribeVpcs"), authorized("sg-1", errorCode="Client.X"), elsewhere):
        post.send(event)
    with counted() as calls:
        while post.left():
            for effect in watcher.run_once(wait=1).effects:
                assert effect.result == "nothing"
    assert calls == {}


def test_it_runs_until_it_is_stopped(bench, vpc, office, post, watcher, monkeypatch):
    bench.interface(vpc, [office], ONE)
    by_hand(bench, office)
    receive, failures = post.queue.receive, [True]

    def flaky(*, wait):
        if failures:
            failures.pop()
            raise AwsError("no", operation="ReceiveMessage", code="ServiceUnavailable")
        return receive(wait=min(wait, 1))

    monkeypatch.setattr(post.queue, "receive", flaky)
    stop = threading.Event()
    thread = threading.Thread(target=watcher.run, args=(stop,))
    thread.start()
    post.send(authorized(office))
    deadline = time.monotonic() + 20
    while is_open(bench, office) and time.monotonic() < deadline:
        time.sleep(0.1)
    stop.set()
    thread.join(10)
    assert not thread.is_alive()
    assert not is_open(bench, office)
