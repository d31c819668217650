"""A process that forks others which apply a plan and kill themselves at a chosen call.

It reads one JSON request a line and answers each with one: the child's exit status, negative for a
signal.  Forking from here spares every case the start of an interpreter; this process has no
threads, so that forking it is safe.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from gatekeeper.apply import Edge
from gatekeeper.aws.changes import LiveEdge
from gatekeeper.aws.session import AccountTarget, Connection, Gateway
from gatekeeper.gate import Plan, plan_from_json
from gatekeeper.policy import default_policy
from gatekeeper.store import Store, open_store
from tests.aws.bench import OWN, REGION
from tests.properties.gatekeeping import Gatekeeping

READS = ("Describe", "Get")


class Live:
    """The server as gatekeeper sees it."""

    region = REGION

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def edge(self, _account_id: str) -> Edge:
        return LiveEdge(self._connection)


def wall_clock() -> datetime:
    return datetime.now(UTC)


def gatekeeping(store: Store, connection: Connection, *, wait: float = 0.0) -> Gatekeeping:
    """Gatekeeper over a store and an account, by the clock of this machine."""
    keeper = Gatekeeping(Live(connection), store, default_policy(), (OWN,))
    keeper.clock = wall_clock  # type: ignore[assignment]
    keeper.sleep = time.sleep
    keeper.wait = wait
    return keeper


@contextmanager
def installation(store_url: str, *, wait: float = 0.0) -> Iterator[tuple[Gatekeeping, Connection]]:
    """Gatekeeper over a store and the server that the environment names."""
    with open_store(store_url) as store, Gateway(REGION).open(AccountTarget()) as connection:
        yield gatekeeping(store, connection, wait=wait), connection


def read_plan(path: str) -> Plan:
    return plan_from_json(json.loads(Path(path).read_text(encoding="utf-8")))


class Death:
    """Kills this process just before, or just after, its n-th changing call."""

    def __init__(self, at: int, when: str) -> None:
        self.left = at
        self.when = when

    def watch(self, connection: Connection) -> None:
        for service in ("ec2", "elbv2", "elb"):
            events = connection.client(service).meta.events
            events.register(f"{self.when}-call.*.*", self)

    def __call__(self, model: Any, **_: Any) -> None:
        if model.name.startswith(READS):
            return
        self.left -= 1
        if self.left == 0:
            os.kill(os.getpid(), signal.SIGKILL)


class Slowness:
    """Waits after every changing call, so that two processes have time to meet."""

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds

    def watch(self, connection: Connection) -> None:
        connection.client("ec2").meta.events.register("after-call.*.*", self)

    def __call__(self, model: Any, **_: Any) -> None:
        if not model.name.startswith(READS):
            time.sleep(self.seconds)


def apply(request: dict[str, Any]) -> int:
    """Apply the plan of a request."""
    os.environ["AWS_ENDPOINT_URL"] = request["endpoint"]
    with installation(request["store"], wait=request.get("wait", 0.0)) as (keeper, connection):
        if "at" in request:
            Death(request["at"], request["when"]).watch(connection)
        if "slow" in request:
            Slowness(request["slow"]).watch(connection)
        plan = read_plan(request["plan"]) if request.get("plan") else None
        return keeper.apply(plan).exit_status


def start(request: dict[str, Any]) -> int:
    """A child that does it; its id."""
    child = os.fork()
    if child:
        return child
    status = 99
    try:
        status = apply(request)
    finally:
        sys.stderr.flush()
        os._exit(status)


def main() -> None:
    for line in sys.stdin:
        children = [start(request) for request in json.loads(line)]
        ended = [os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) for child in children]
        print(json.dumps(ended), flush=True)


if __name__ == "__main__":
    main()
