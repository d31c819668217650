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
from collections import Counter
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from gatekeeper.store import open_store
from tests.cli.test_run import reachable, until
from tests.cli.world import BLOG, SHOP

KILLS = 200
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


class Receiver:
    """Takes notices, each under its key."""

    def __init__(self):
        self.keys = Counter()
        keys = self.keys

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self):
                json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                keys[self.headers["Idempotency-Key"]] += 1
                self.send_response(204)
                self.end_headers()

            def log_message(self, *_):
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.port = self.server.server_address[1]
        threading.Thread(target=self.server.serve_forever, daemon=True).start()


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
    draw = random.Random(int(os.environ.get("GATEKEEPER_SEED", "7")))
    kills = int(os.environ.get("GATEKEEPER_KILLS", KILLS))
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
    with open_store(f"sqlite:///{tmp_path}/gatekeeper.db") as store:
        until(lambda: BLOG not in reachable(filed), 60)
        until(lambda: SHOP in reachable(filed), 60)
        until(lambda: store.outbox_counts().get("waiting", 0) == 0, 60)
        time.sleep(3)
        process.send_signal(signal.SIGTERM)
        assert process.wait(30) == 0
        guard.done.set()
        guard.join(10)
        assert guard.looks > kills
        assert guard.seen == []
        assert store.verify_trail().ok
        assert store.unfinished_runs() == ()
        counts = store.outbox_counts()
        assert set(counts) == {"sent"}
        assert sum(counts.values()) == len(receiver.keys)
        # Only a kill between the receiver's answer and the next write sends a notice again.
        again = {key: count for key, count in receiver.keys.items() if count > 1}
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
