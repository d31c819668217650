"""The service killed again and again: nothing is lost, nothing doubled, nothing opened.

The embedded AWS is moto's server in this process; what it keeps while the service dies is what
AWS would keep.
"""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import threading
import time
import uuid
from collections import Counter
from contextlib import suppress
from datetime import UTC, datetime

import pytest

from gatekeeper.store import open_store
from tests.cli.faulty import Proxy, Receiver, Service, serving
from tests.cli.test_run import reachable, until
from tests.cli.world import ACCOUNT_ID, BLOG, SHOP

# Read here: no test sees the variables of whoever runs it.
KILLS = int(os.environ.get("GATEKEEPER_KILLS", "200"))
SEED = int(os.environ.get("GATEKEEPER_SEED", "7"))
SETTINGS = """
jobs:
  collect: {{every: 2s}}
  audit: {{every: 1s}}
  reconcile: {{every: 1h}}
  close: {{every: 1s}}
  open: {{every: 1s, mode: apply}}
http: {{listen: null}}
notices:
  - {{name: ops, url: "http://127.0.0.1:{port}/", secret: s, severity: low,
     rate: {{count: 100000, per: 1h}}}}
"""


class Guard(threading.Thread):
    """Looks again and again whether an endpoint that no filing covers holds a gate."""

    def __init__(self, ec2, unlawful):
        super().__init__(daemon=True)
        self.ec2, self.unlawful = ec2, unlawful
        self.done, self.seen, self.looks = threading.Event(), [], 0

    def run(self):
        while not self.done.wait(0.5):
            self.looks += 1
            for interface in self.ec2.describe_network_interfaces()["NetworkInterfaces"]:
                ip = interface.get("Association", {}).get("PublicIp")
                names = {group["GroupName"] for group in interface["Groups"]}
                if ip in self.unlawful and any(n.startswith("gatekeeper-gate") for n in names):
                    self.seen.append((ip, names))


@pytest.mark.soak
def test_killed_at_random_it_loses_and_doubles_nothing(filed, tmp_path, gatekeeper):
    draw = random.Random(SEED)
    kills = KILLS
    receiver, guard = Receiver(), Guard(filed, {BLOG})
    (tmp_path / "service.yaml").write_text(SETTINGS.format(port=receiver.port))
    web = filed.describe_security_groups(Filters=[{"Name": "group-name", "Values": ["web-wide"]}])
    group = web["SecurityGroups"][0]["GroupId"]
    guard.start()

    def start():
        return subprocess.Popen(
            [sys.executable, "-m", "gatekeeper", "run", "--config", "service.yaml"],
            cwd=tmp_path,
            stdin=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )

    for _ in range(kills):
        if draw.random() < 0.5:
            opened(filed, group, draw.choice((80, 443, 8080)))
        process = start()
        time.sleep(draw.uniform(0.5, 4.0))
        process.send_signal(signal.SIGKILL)
        process.wait(10)
    process = start()
    with store_of(tmp_path) as store:
        until(lambda: BLOG not in reachable(filed), 60)
        until(lambda: SHOP in reachable(filed), 60)
        until(lambda: store.outbox_counts().get("waiting", 0) == 0, 60)
        time.sleep(3)
        process.send_signal(signal.SIGTERM)
        assert process.wait(30) == 0
        receiver.close()
        guard.done.set()
        guard.join(10)
        assert guard.looks > kills
        assert guard.seen == []
        assert store.verify_trail().ok
        assert store.unfinished_runs() == ()
        counts = store.outbox_counts()
        assert set(counts) == {"sent"}
        assert sum(counts.values()) == len(receiver.notices)
        # Only a kill between the receiver's answer and the next write sends a notice again.
        again = {key: count for key, count in receiver.notices.items() if count > 1}
        assert len(again) <= kills // 20
    gatekeeper("apply", "--yes", status=0)
    rules = filed.describe_security_group_rules(Filters=[{"Name": "group-id", "Values": [group]}])[
        "SecurityGroupRules"
    ]
    seen = Counter(
        (r["IsEgress"], r["IpProtocol"], r["FromPort"], r["ToPort"], r.get("CidrIpv4"))
        for r in rules
    )
    assert max(seen.values()) == 1


def opened(ec2, group, port):
    """Open a port by hand; it may stand there already."""
    from botocore.exceptions import ClientError

    try:
        ec2.authorize_security_group_ingress(
            GroupId=group, IpProtocol="tcp", FromPort=port, ToPort=port, CidrIp="0.0.0.0/0"
        )
    except ClientError as error:
        if error.response["Error"]["Code"] != "InvalidPermission.Duplicate":
            raise


# --- each kind of process

EACH = 1
"""Kills of each kind in the short run."""
OFTEN = """
jobs:
  collect: {{every: 1s}}
  audit: {{every: 1s}}
  reconcile: {{every: 1h}}
  close: {{every: 1s}}
  open: {{every: 1s, mode: apply}}
workers: {workers}
notices:
  - {{name: ops, url: "http://127.0.0.1:{port}/", secret: s, severity: low,
     rate: {{count: 100000, per: 1h}}}}
"""


@pytest.fixture
def kills(request):
    """How many of each kind."""
    if not request.config.getoption("--soak"):
        return EACH
    return KILLS // 5


@pytest.fixture
def draw():
    return random.Random(SEED)


@pytest.fixture
def proxy(filed, monkeypatch):
    made = Proxy(os.environ["AWS_ENDPOINT_URL"])
    monkeypatch.setenv("AWS_ENDPOINT_URL", made.url)
    yield made
    made.close()


@pytest.fixture
def receiver():
    made = Receiver()
    yield made
    made.close()


@pytest.fixture
def guard(filed):
    looking = Guard(filed, {BLOG})
    looking.start()
    yield looking
    looking.done.set()
    looking.join(10)
    assert looking.looks
    assert looking.seen == []


def store_of(folder):
    return open_store(f"sqlite:///{folder}/gatekeeper.db")


def group_of(ec2):
    [web] = ec2.describe_security_groups(Filters=[{"Name": "group-name", "Values": ["web-wide"]}])[
        "SecurityGroups"
    ]
    return web["GroupId"]


def written_down(proxy, folder, kills):
    """Each change was written down before it was made; what a kill left open, the next found."""
    with store_of(folder) as store:
        assert store.verify_trail().ok
        assert store.unfinished_runs() == ()
        entries = [e for run in store.runs() for e in store.journal_entries(run.run_id)]
    intents = Counter(entry.call for entry in entries if entry.phase == "intent")
    done = Counter(entry.call for entry in entries if entry.phase == "done")
    made = Counter(call.operation for call in proxy.changes)
    assert made <= intents
    assert (made - done).total() <= kills, "only a kill leaves a change without its end"
    assert made["CreateSecurityGroup"] == 1


@pytest.mark.soak
def test_the_service_killed_at_its_changes_and_notices(
    proxy, receiver, guard, filed, tmp_path, draw, kills
):
    """Just when AWS has changed something, or a receiver has taken a notice."""
    group = group_of(filed)
    told = 0

    def at_a_change(call):
        if call.changes and draw.random() < 0.4:
            service.kill()

    def at_a_notice():
        nonlocal told
        if draw.random() < 0.2:
            told += 1
            service.kill()

    settings = OFTEN.format(port=receiver.port, workers="threads:2")
    for number in range(kills):
        with serving(tmp_path, settings) as service:
            proxy.after, receiver.before = at_a_change, at_a_notice
            if number:
                opened(filed, group, draw.choice((80, 443, 8080)))
            deadline = time.monotonic() + draw.uniform(2.0, 5.0)
            while service.lives() and time.monotonic() < deadline:
                time.sleep(0.05)
            proxy.after, receiver.before = lambda _: None, lambda: None
    with serving(tmp_path, settings) as service, store_of(tmp_path) as store:
        until(lambda: BLOG not in reachable(filed) and SHOP in reachable(filed), 60)
        until(lambda: store.unfinished_runs() == (), 30)
        mark = max(run.run_id for run in store.job_runs(limit=1))
        until(lambda: any(r.run_id > mark and r.result == "ok" for r in store.job_runs("audit")))
        until(lambda: store.outbox_counts().get("waiting", 0) == 0, 30)
        assert service.ends() == 0
        assert "Traceback" not in service.log
        assert set(store.outbox_counts()) == {"sent"}
        assert store.outbox_counts()["sent"] == len(receiver.notices)
        again = sum(count - 1 for count in receiver.keys.values())
        assert again <= told, "only a kill after the receiver's answer sends a message again"
    written_down(proxy, tmp_path, kills)


@pytest.mark.soak
def test_watch_killed_at_random_loses_no_event(proxy, guard, filed, tmp_path, draw, kills):
    from boto3.session import Session

    sqs = Session(region_name="cn-northwest-1").client("sqs")
    queue = sqs.create_queue(QueueName="events")["QueueUrl"]
    group = group_of(filed)
    told = []

    def left():
        names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
        found = sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=names)
        return sum(map(int, found["Attributes"].values()))

    for _ in range(kills):
        opened(filed, group, draw.choice((80, 443, 8080)))
        told.append(tell(sqs, queue, group))
        service = Service(tmp_path, "watch", "--queue-url", queue)
        if draw.random() < 0.5:
            proxy.after = lambda call, one=service: one.kill() if call.changes else None
        deadline = time.monotonic() + draw.uniform(1.0, 4.0)
        while service.lives() and time.monotonic() < deadline:
            time.sleep(0.05)
        proxy.after = lambda _: None
        service.kill()
    service = Service(tmp_path, "watch", "--queue-url", queue)
    try:
        # What a dead process had taken comes again after two minutes.
        until(lambda: left() == 0, 180)
        assert reachable(filed) == {SHOP}
        assert service.ends() == 0
        assert "Traceback" not in service.log
    finally:
        service.kill()
        sqs.close()
    with store_of(tmp_path) as store:
        assert store.known_events(told) == set(told)
        for run in store.unfinished_runs():  # a plan that the schedule takes up
            assert run.kind == "apply"


def tell(sqs, queue, group):
    """What CloudTrail says of a change of a group; its id."""
    name = str(uuid.uuid4())
    detail = {
        "userIdentity": {"arn": f"arn:aws-cn:iam::{ACCOUNT_ID}:user/zhang"},
        "eventTime": datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "eventSource": "ec2.amazonaws.com",
        "eventName": "AuthorizeSecurityGroupIngress",
        "awsRegion": "cn-northwest-1",
        "eventID": name,
        "recipientAccountId": ACCOUNT_ID,
        "requestParameters": {"groupId": group},
    }
    sqs.send_message(QueueUrl=queue, MessageBody=json.dumps({"detail": detail}))
    return name


@pytest.mark.soak
def test_workers_killed_at_random_cost_a_look_at_most(
    proxy, receiver, filed, tmp_path, draw, kills
):
    settings = OFTEN.format(port=receiver.port, workers="processes:2")
    killed = 0
    with serving(tmp_path, settings) as service, store_of(tmp_path) as store:
        deadline = time.monotonic() + 20 * kills
        while killed < kills and time.monotonic() < deadline:
            time.sleep(draw.uniform(0.2, 2.0))
            found = workers_of(service.process.pid)
            if found:
                with suppress(ProcessLookupError):
                    os.kill(draw.choice(found), signal.SIGKILL)
                    killed += 1
        assert killed == kills
        mark = max(run.run_id for run in store.job_runs(limit=1))
        until(lambda: any(r.run_id > mark and r.result == "ok" for r in store.job_runs("audit")))
        assert {run.result for run in store.job_runs("audit")} <= {"ok", None}
        # Three workers lost in a row with one account: it is unread in that look, and said to be.
        assert {run.status for run in store.job_runs("audit")} <= {0, 3, 4, None}
        last = next(run for run in store.job_runs("audit") if run.result == "ok")
        assert last.status in (0, 3)
        assert service.lives()
        assert service.ends() == 0
        assert "Traceback" not in service.log
        assert store.verify_trail().ok


def workers_of(pid):
    """The worker processes of a process, by their ids: not what counts its semaphores."""
    from pathlib import Path

    found = []
    for task in Path(f"/proc/{pid}/task").iterdir():
        with suppress(OSError):
            found += map(int, (task / "children").read_text().split())
    return [
        child for child in found if b"spawn_main" in Path(f"/proc/{child}/cmdline").read_bytes()
    ]


def test_an_import_killed_at_random_is_all_or_nothing(filings, gatekeeper, tmp_path, draw, kills):
    count = 2000
    filings({"application_id": "A-first"})
    gatekeeper("filings", "import", "filings.csv", status=0)
    filings(
        *(
            {
                "application_id": f"A{number:05}",
                "filing_id": f"F{number:05}",
                "service_licence": f"宁ICP备2026000001号-{number + 1}",
                "domains": f"n{number}.example.cn",
                "ips": f"52.83.{number // 250}.{number % 250 + 1}",
            }
            for number in range(count)
        ),
        name="many.csv",
    )
    whole = 0
    for _ in range(kills):
        service = Service(tmp_path, "filings", "import", "many.csv")
        time.sleep(draw.uniform(0.3, 2.5))
        service.kill()
        with store_of(tmp_path) as store:
            found = sum(1 for _ in store.applications())
            assert found in (1, count + 1)
            assert store.verify_trail().ok
        whole += found > 1
    gatekeeper("filings", "import", "many.csv", status=0)
    with store_of(tmp_path) as store:
        assert sum(1 for _ in store.applications()) == count + 1
        assert store.verify_trail().ok
    assert whole < kills or kills <= EACH, "every kill came too late to tell anything"
