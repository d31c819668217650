"""PostgreSQL gone while the service works, and back: at the worst moments, without a loss.

The moments are those at which something outside has happened that the store has not heard of: AWS
changed a group, a receiver took a notice, the queue handed out a message.
"""

from __future__ import annotations

import json
import os
import threading
import time
import uuid
from collections import Counter
from datetime import UTC, datetime

import pytest
from boto3.session import Session

from gatekeeper.service.sender import _REWRITES
from gatekeeper.store import open_store
from tests.cli.faulty import Postgres, Proxy, Receiver, serving
from tests.cli.test_run import reachable, until
from tests.cli.test_service_kills import Guard
from tests.cli.world import ACCOUNT_ID, BLOG, SHOP

pytestmark = pytest.mark.postgres
REGION = "cn-northwest-1"
AWAY = 2.0
"""Seconds for which the database is gone: every job is due meanwhile."""
REWRITES = sum(_REWRITES)
SETTINGS = """
jobs:
  collect: {{every: 1s}}
  audit: {{every: 1s}}
  reconcile: {{every: 1h}}
  close: {{every: {close}}}
  open: {{every: 1h}}
  verify-trail: {{every: 1h}}
events: {{queue_url: "{queue}"}}
notices:
  - {{name: ops, url: "http://127.0.0.1:{port}/", secret: s, severity: low,
     rate: {{count: 100000, per: 1h}}}}
"""


class World:
    """AWS behind a proxy, a queue, a receiver, and a database that can be taken away."""

    def __init__(self, ec2, sqs, proxy, receiver, database):
        self.ec2, self.sqs, self.proxy = ec2, sqs, proxy
        self.receiver, self.database = receiver, database
        self.queue = sqs.create_queue(QueueName="events")["QueueUrl"]
        [web] = ec2.describe_security_groups(
            Filters=[{"Name": "group-name", "Values": ["web-wide"]}]
        )["SecurityGroups"]
        self.group = web["GroupId"]
        self.gone = threading.Event()
        self.lock = threading.Lock()
        self.told = 0
        self.mark = 0
        """The newest run of a job when the database was back."""

    def take_away(self):
        """Stop the database, once, in the middle of whatever calls this."""
        with self.lock:
            if not self.gone.is_set():
                self.database.stop()
                self.gone.set()

    def open_by_hand(self, port, *, event=True):
        self.ec2.authorize_security_group_ingress(
            GroupId=self.group, IpProtocol="tcp", FromPort=port, ToPort=port, CidrIp="0.0.0.0/0"
        )
        if event:
            self.tell()

    def tell(self):
        """What CloudTrail would say of it, through the queue."""
        detail = {
            "userIdentity": {"arn": f"arn:aws-cn:iam::{ACCOUNT_ID}:user/zhang"},
            "eventTime": datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
            "eventSource": "ec2.amazonaws.com",
            "eventName": "AuthorizeSecurityGroupIngress",
            "awsRegion": REGION,
            "eventID": str(uuid.uuid4()),
            "recipientAccountId": ACCOUNT_ID,
            "requestParameters": {"groupId": self.group},
        }
        self.sqs.send_message(QueueUrl=self.queue, MessageBody=json.dumps({"detail": detail}))
        self.told += 1

    def waiting(self):
        """How many messages the queue holds, shown or hidden."""
        names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
        found = self.sqs.get_queue_attributes(QueueUrl=self.queue, AttributeNames=names)
        return sum(map(int, found["Attributes"].values()))


@pytest.fixture(scope="module")
def database():
    made = Postgres()
    yield made
    made.close()


@pytest.fixture
def world(box, monkeypatch, database, gatekeeper):
    import psycopg

    proxy = Proxy(os.environ["AWS_ENDPOINT_URL"])
    name = f"t{uuid.uuid4().hex[:8]}"
    with psycopg.connect(database.url, autocommit=True) as connection:
        connection.execute(f"CREATE SCHEMA {name}")
    monkeypatch.setenv("GATEKEEPER_STORE", f"{database.url}&options=-csearch_path%3D{name}")
    gatekeeper("filings", "import", "filings.csv", status=0)
    sqs = Session(region_name=REGION).client("sqs")
    receiver = Receiver()
    made = World(box, sqs, proxy, receiver, database)
    monkeypatch.setenv("AWS_ENDPOINT_URL", proxy.url)
    yield made
    if made.gone.is_set():
        database.start()
    sqs.close()
    proxy.close()
    receiver.close()


def settings(world, close="1s"):
    return SETTINGS.format(close=close, queue=world.queue, port=world.receiver.port)


def while_away(service, seconds):
    """The service lives without its database, and says that it does not work."""
    time.sleep(seconds)
    assert service.lives()
    assert service.page("/healthz")[0] == 200
    status, why = service.page("/readyz")
    assert status == 503
    assert "cannot reach the server" in why
    assert service.page("/metrics")[0] == 200


def token(store):
    with store.acquire_lease("probe") as lease:
        return lease.token


def invariants(world, service, store, before):
    """Nothing was lost, nothing doubled, and what is written hangs together."""
    until(lambda: reachable(world.ec2) == {SHOP}, 30)
    until(lambda: world.waiting() == 0, 30)
    until(service.ready, 10)
    until(lambda: audited(store, since=world.mark), 20)
    until(lambda: store.outbox_counts().get("waiting", 0) == 0, 20)
    assert service.ends() == 0
    assert "Traceback" not in service.log
    assert store.verify_trail().ok
    assert store.unfinished_runs() == ()
    entries = [entry for run in store.runs() for entry in store.journal_entries(run.run_id)]
    intents = [entry.call for entry in entries if entry.phase == "intent"]
    assert Counter(call.operation for call in world.proxy.changes) == Counter(intents)
    assert max(Counter(call.body for call in world.proxy.changes).values()) == 1
    assert token(store) > max(entry.token for entry in entries) > before
    counts = store.outbox_counts()
    assert set(counts) == {"sent"}
    assert len(world.receiver.notices) == counts["sent"]
    assert set(world.receiver.notices.values()) == {1}, "no notice comes twice"


def audited(store, *, since):
    """Whether audits and closes have begun and gone well again."""
    good = {r.job for r in store.job_runs(limit=100) if r.run_id > since and r.result == "ok"}
    return good >= {"audit", "close"}


def outage(world, service, store, seconds=AWAY):
    """Wait for the moment, and bring the database back after a while."""
    assert world.gone.wait(30), "the moment did not come"
    while_away(service, seconds)
    world.database.start()
    world.mark = max(run.run_id for run in store.job_runs(limit=1))


@pytest.fixture
def guard(world):
    """Whether the endpoint without a filing ever held a gate."""
    looking = Guard(world.ec2, {BLOG})
    looking.start()
    yield looking
    looking.done.set()
    looking.join(10)
    assert looking.looks
    assert looking.seen == []


@pytest.fixture
def store(world):
    with open_store(os.environ["GATEKEEPER_STORE"]) as opened:
        yield opened


def test_gone_when_aws_has_just_changed_something(world, store, guard, tmp_path):
    """The journal has the call, and cannot have its answer."""
    before = token(store)
    world.proxy.after = lambda call: world.take_away() if call.changes else None
    with serving(tmp_path, settings(world)) as service:
        outage(world, service, store)
        world.open_by_hand(443)
        invariants(world, service, store, before)


@pytest.mark.soak
def test_gone_when_a_receiver_has_just_taken_a_notice(world, store, guard, tmp_path):
    """It has arrived, and that cannot be written down for longer than is waited for."""
    before = token(store)
    world.receiver.before = world.take_away
    with serving(tmp_path, settings(world)) as service:
        assert world.gone.wait(30)
        time.sleep(REWRITES)
        outage(world, service, store)
        world.open_by_hand(443)
        invariants(world, service, store, before)


@pytest.mark.soak
def test_gone_when_the_queue_has_just_handed_out_a_message(world, store, guard, tmp_path):
    """Nobody knows whether the event was handled: it stays in the queue, and comes soon."""
    before = token(store)
    with serving(tmp_path, settings(world, close="1h")) as service:
        until(lambda: reachable(world.ec2) == {SHOP}, 30)
        world.proxy.after = lambda call: (
            world.take_away() if call.operation == "ReceiveMessage" and world.told else None
        )
        world.open_by_hand(443)
        outage(world, service, store, 2 * AWAY)
        assert world.waiting() == 1
        handed_out = world.proxy.arrived["ReceiveMessage"]
        invariants(world, service, store, before)
        assert world.proxy.arrived["DeleteMessageBatch"] == 1
        assert handed_out <= 3, "no message is taken while nothing can be stored"
