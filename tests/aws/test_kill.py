"""kill -9 at every changing call of a plan, just before it and just after it, and then again.

The process that dies is a real one, with a store on disk and a server over HTTP.
"""

from __future__ import annotations

import json
import shutil
import signal
import subprocess
import sys

import pytest

from gatekeeper.filing import Kind
from gatekeeper.gate import gate_tags
from gatekeeper.policy import default_policy
from gatekeeper.store import open_store
from tests.servers import unmeasured

from .bench import MotoBench, portrait, rule
from .conftest import empty
from .dying import gatekeeping, read_plan

pytestmark = pytest.mark.no_cover

#: The changing calls of the whole plan; a test holds this figure to the truth.
CALLS = 9

#: One of each operation, on both sides; two are taken up by a new plan, three by the same file.
QUICK = {("before", 2), ("after", 3), ("before", 4), ("after", 5), ("before", 8)}


@pytest.fixture(scope="module")
def mortal():
    """What forks the processes that die."""
    with subprocess.Popen(
        [sys.executable, "-W", "error", "-m", "tests.aws.dying"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env=unmeasured(),
    ) as process:

        def run(*requests):
            process.stdin.write(json.dumps(requests) + "\n")
            process.stdin.flush()
            return json.loads(process.stdout.readline())

        yield run
        process.stdin.close()


def furnish(bench):
    """A plan with every kind of action is due here: see ``tests/unit/apply/given.py``."""
    vpc = bench.vpc()
    wide = bench.group(vpc, "wide", rule("tcp 0-65535", description="web"), tags={"team": "web"})
    gate = bench.ec2.create_security_group(
        GroupName="gatekeeper-gate",
        Description="ours",
        VpcId=vpc,
        TagSpecifications=[
            {
                "ResourceType": "security-group",
                "Tags": [{"Key": k, "Value": v} for k, v in gate_tags(default_policy()).items()],
            }
        ],
    )["GroupId"]
    bench.allow(gate, rule("tcp 80"), rule("tcp 443"), rule("tcp 8080"), rule("tcp 22"))
    bench.interface(vpc, [wide], "52.83.0.1")  # filed
    bench.interface(vpc, [wide], "52.83.0.2")  # not filed
    bench.interface(vpc, [gate], "52.83.0.3")  # deregistered


@pytest.fixture
def bench(bench):
    furnish(bench)
    return bench


@pytest.fixture
def keeper(bench, keeper):
    keeper.file("F1", Kind.NEW, ("52.83.0.1",))
    return keeper


@pytest.fixture
def plan_file(keeper, tmp_path):
    path = tmp_path / "plan.json"
    path.write_text(json.dumps(keeper.plan().to_json()), encoding="utf-8")
    return path


@pytest.fixture(scope="module")
def goal(moto_server, clients, empty_store, tmp_path_factory):
    """What an undisturbed run leaves behind."""
    empty(moto_server)
    bench = MotoBench(clients)
    furnish(bench)
    path = tmp_path_factory.mktemp("undisturbed") / "gatekeeper.db"
    shutil.copy(empty_store, path)
    with open_store(f"sqlite:///{path}") as store:
        keeper = gatekeeping(store, clients.connection)
        keeper.file("F1", Kind.NEW, ("52.83.0.1",))
        report = keeper.apply()
        assert report.exit_status == 0
        done = [e.call for e in store.journal_entries(report.run_id) if e.phase == "done"]
    return {"calls": done, "portrait": portrait(bench.edge())}


def test_the_plan_is_as_long_as_said(goal):
    assert len(goal["calls"]) == CALLS
    assert {goal["calls"][at - 1] for _, at in QUICK} == set(goal["calls"])
    assert set(goal["calls"]) == {
        "AuthorizeSecurityGroupIngress",
        "CreateSecurityGroup",
        "ModifyNetworkInterfaceAttribute",
        "RevokeSecurityGroupEgress",
        "RevokeSecurityGroupIngress",
    }


def deaths():
    """Before and after every call; by default one call of each operation dies, on one side of it.

    ``tests/unit/apply/test_faults.py`` has every call on both sides, in memory.
    """
    for at in range(1, CALLS + 1):
        for when in ("before", "after"):
            marks = [] if (when, at) in QUICK else [pytest.mark.soak]
            yield pytest.param(when, at, marks=marks)


@pytest.mark.parametrize(("when", "at"), list(deaths()))
def test_a_killed_run_is_taken_up(goal, moto, bench, keeper, plan_file, mortal, when, at):
    store = keeper.store
    request = {
        "endpoint": moto,
        "store": f"sqlite:///{plan_file.parent / 'gatekeeper.db'}",
        "plan": str(plan_file),
        "at": at,
        "when": when,
    }
    assert mortal(request) == [-signal.SIGKILL]
    (dead,) = store.runs()
    assert dead.outcome is None
    intents = [entry for entry in store.journal_entries(dead.run_id) if entry.phase == "intent"]
    assert len(intents) == at, "the call at which it died is written down"

    # The same file in half of the cases, in the others a new plan, which may be an equal one.
    same_file = (at // 2 + (when == "after")) % 2 == 0
    report = keeper.apply(read_plan(str(plan_file)) if same_file else None)
    taken_up = report.plan_id == dead.plan_id
    assert taken_up or not same_file
    assert (report.run_id == dead.run_id) == taken_up
    assert report.exit_status == 0, report.outcomes
    assert portrait(bench.edge()) == goal["portrait"]

    assert keeper.plan().actions == ()
    assert store.verify_trail().ok
    assert store.unfinished_runs() == ()
    outcomes = {run.run_id: run.outcome for run in store.runs()}
    assert outcomes == (
        {dead.run_id: "done"} if same_file else {dead.run_id: "interrupted", report.run_id: "done"}
    )
    tokens = [
        entry.token for run in reversed(store.runs()) for entry in store.journal_entries(run.run_id)
    ]
    assert tokens == sorted(tokens)
