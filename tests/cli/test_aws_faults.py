"""AWS refuses every second call for its rate, or does not answer at all."""

from __future__ import annotations

import json
import os
import random
import time
from collections import Counter

import pytest
from botocore.retries.standard import ExponentialBackoff

from gatekeeper.aws import session
from gatekeeper.store import open_store
from tests.cli.faulty import Proxy, Service, Trouble, figure, serving
from tests.cli.test_run import reachable, until
from tests.cli.test_service_kills import Guard
from tests.cli.world import ACCOUNT_ID, BLOG, SHOP

OTHER = "111122223333"
"""Another account: it is entered by a role."""
STUCK = "444455556666"
"""One whose calls are never answered."""
SETTINGS = """
jobs:
  collect: {every: 1s}
  audit: {every: 1s}
  reconcile: {every: 1h}
  close: {every: 1s}
  open: {every: 1h}
  verify-trail: {every: 1s}
"""


@pytest.fixture
def proxy(filed, monkeypatch):
    made = Proxy(os.environ["AWS_ENDPOINT_URL"])
    monkeypatch.setenv("AWS_ENDPOINT_URL", made.url)
    yield made
    made.close()


def every_second_call(seed):
    """Refuse half of all calls, always the same half of the same sequence."""
    draw = random.Random(seed)
    return lambda _call: Trouble.THROTTLE if draw.random() < 0.5 else None


def store_of(folder):
    return open_store(f"sqlite:///{folder}/gatekeeper.db")


@pytest.mark.no_cover
def test_half_of_all_calls_throttled_is_a_whole_look_or_said_to_be_none(
    proxy, gatekeeper, monkeypatch
):
    monkeypatch.setattr(ExponentialBackoff, "delay_amount", lambda _, _context: 0.01)
    whole = gatekeeper("exposure", "--format", "json", status=0).json["exposures"]
    looks = []
    for seed in range(20):
        proxy.judge = every_second_call(seed)
        looks.append(gatekeeper("exposure", "--format", "json"))
        if seed >= 2 and any(look.status == 0 for look in looks):
            break
    assert sum(proxy.troubled.values()) > 10
    for look in looks:
        if look.status == 0:
            assert look.json["exposures"] == whole
        else:
            assert look.status == 4
            assert look.json["unknown"], "what was not read is said to be unknown"
    assert any(look.status == 0 for look in looks)


@pytest.mark.soak
def test_half_of_all_calls_throttled_changes_each_thing_once(proxy, filed, tmp_path):
    guard = Guard(filed, {BLOG})
    guard.start()
    proxy.judge = every_second_call(5)
    quiet = SETTINGS.replace("{every: 1s}", "{every: 1h}").replace(
        "close: {every: 1h", "close: {every: 1s"
    )
    with serving(tmp_path, quiet) as service:
        until(lambda: reachable(filed) == {SHOP}, 240)
        figures = service.page("/metrics")[1]
        assert figure(figures, "gatekeeper_aws_throttles_total") > 5
        assert 'outcome="throttled"' in figures
        proxy.judge = lambda _: None
        with store_of(tmp_path) as store:
            until(lambda: store.unfinished_runs() == (), 60)
        assert service.ends() == 0
        assert "Traceback" not in service.log
    guard.done.set()
    guard.join(10)
    assert guard.seen == []
    once(proxy, tmp_path)


def once(proxy, folder):
    """What moto was asked to change is what is written down, each thing once."""
    with store_of(folder) as store:
        assert store.verify_trail().ok
        entries = [e for run in store.runs() for e in store.journal_entries(run.run_id)]
    done = Counter(entry.call for entry in entries if entry.phase == "done")
    assert Counter(call.operation for call in proxy.changes) == done
    assert max(Counter(call.body for call in proxy.changes).values()) == 1


@pytest.mark.soak
def test_events_go_on_while_half_of_all_calls_are_throttled(proxy, filed, tmp_path):
    from boto3.session import Session

    sqs = Session(region_name="cn-northwest-1").client("sqs")
    queue = sqs.create_queue(QueueName="events")["QueueUrl"]
    [web] = filed.describe_security_groups(
        Filters=[{"Name": "group-name", "Values": ["web-wide"]}]
    )["SecurityGroups"]
    detail = {
        "userIdentity": {"arn": f"arn:aws-cn:iam::{ACCOUNT_ID}:user/zhang"},
        "eventTime": "2026-11-01T00:00:00Z",
        "eventSource": "ec2.amazonaws.com",
        "eventName": "AuthorizeSecurityGroupIngress",
        "awsRegion": "cn-northwest-1",
        "eventID": "00000000-0000-4000-8000-000000000001",
        "recipientAccountId": ACCOUNT_ID,
        "requestParameters": {"groupId": web["GroupId"]},
    }
    sqs.send_message(QueueUrl=queue, MessageBody=json.dumps({"detail": detail}))
    proxy.judge = every_second_call(3)
    service = Service(tmp_path, "watch", "--queue-url", queue)
    try:
        until(lambda: reachable(filed) == {SHOP}, 240)
        proxy.judge = lambda _: None
        names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]

        def left():
            found = sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=names)
            return sum(map(int, found["Attributes"].values()))

        until(lambda: left() == 0, 60)
        assert service.ends() == 0
        assert "Traceback" not in service.log
    finally:
        service.kill()
        sqs.close()
    assert proxy.troubled["ReceiveMessage"] + proxy.troubled["DeleteMessageBatch"] > 0
    once(proxy, tmp_path)


# --- no answer


def stuck(how):
    return lambda call: how if call.account_id == STUCK and call.service != "sts" else None


@pytest.fixture
def accounts(proxy, gatekeeper, tmp_path):
    """Three accounts, one of which will not answer."""
    roles = {name: f"arn:aws-cn:iam::{name}:role/gatekeeper" for name in (OTHER, STUCK)}
    gatekeeper("accounts", "add", ACCOUNT_ID, status=0)
    for name, role in roles.items():
        gatekeeper("accounts", "add", name, "--role-arn", role, status=0)
    return roles


@pytest.mark.parametrize("how", [Trouble.HANG, Trouble.HALF], ids=["silent", "half"])
def test_an_account_that_does_not_answer_is_unknown_and_hurts_no_other(
    proxy, accounts, gatekeeper, monkeypatch, how
):
    short = session.Patience(connect=2, read=3, attempts=1)
    monkeypatch.setattr(session, "Patience", lambda **_: short)
    proxy.judge = stuck(how)
    began = time.monotonic()
    said = gatekeeper("exposure", "--format", "json", status=4)
    assert time.monotonic() - began < 60
    assert {one["account_id"] for one in said.json["exposures"]} == {ACCOUNT_ID}
    assert {one["account_id"] for one in said.json["unknown"]} == {STUCK}
    assert "ReadTimeout" in said.json["unknown"][0]["reason"]


@pytest.mark.parametrize(
    "how",
    [
        pytest.param(Trouble.HANG, id="silent"),
        pytest.param(Trouble.HALF, id="half"),
    ],
)
@pytest.mark.soak  # half a minute of waiting each
def test_asked_to_end_while_aws_is_silent_it_ends_in_time(proxy, accounts, tmp_path, how):
    proxy.judge = stuck(how)
    settings = SETTINGS.replace("close: {every: 1s}", "close: {every: 1h}")
    with serving(tmp_path, settings) as service, store_of(tmp_path) as store:
        until(lambda: proxy.troubled, 30)
        beats = {lease.account_id: lease.beat_at for lease in leases(store)}
        verified = len(store.job_runs("verify-trail"))
        time.sleep(12)
        later = {lease.account_id: lease.beat_at for lease in leases(store)}
        assert later["service"] > beats["service"]
        assert later["job:audit"] > beats["job:audit"], "the lease of a job that waits goes on"
        assert len(store.job_runs("verify-trail")) >= verified + 5, "other jobs are not delayed"
        assert service.page("/healthz")[0] == 200
        began = time.monotonic()
        assert service.ends(31) == 0
        assert time.monotonic() - began < 30


def leases(store):
    from sqlalchemy import select

    from gatekeeper.store.tables import leases as table

    with store._db.read() as connection:
        return connection.execute(select(table)).all()
