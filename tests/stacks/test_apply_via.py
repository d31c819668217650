"""A whole run through a stack, on moto: plan, preview, up, and boto3 as the judge.

The Automation API is the real one; the command behind it is our simulator.
"""

from __future__ import annotations

from datetime import timedelta

import pytest
from moto import mock_aws

from gatekeeper.aws.collect import collect
from gatekeeper.filing import Kind
from gatekeeper.gate import STACK_TAG, alteration, read_gates
from gatekeeper.policy import default_policy
from gatekeeper.stacks import Backend, PulumiGates
from gatekeeper.store import open_store
from tests.aws.bench import OWN, REGION, Clients, MotoBench, rule
from tests.aws.dying import gatekeeping
from tests.stacks.engine import QUIET, Cloud
from tests.stacks.pulumi_cli import FakeCli

pytestmark = pytest.mark.filterwarnings(*QUIET)
POLICY = default_policy()
ONE, TWO = "52.83.0.1", "52.83.0.2"


@pytest.fixture
def aws(monkeypatch):
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "testing")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "testing")
    with mock_aws():
        clients = Clients()
        yield clients
        clients.close()


@pytest.fixture
def cli(aws):
    return FakeCli(Cloud(REGION))


@pytest.fixture
def keeper(aws, cli):
    with open_store("sqlite://") as store:
        made = gatekeeping(store, aws.connection)
        made.sleep = lambda _: None
        gates = PulumiGates.of(
            OWN, REGION, owner=POLICY.owner, backend=Backend("file:///made-up", cli)
        )
        made.stack_for = lambda account_id: gates if account_id == OWN else None
        yield made


@pytest.fixture
def bench(aws):
    return MotoBench(aws)


def _gate(aws, vpc):
    gates = read_gates(collect(aws.connection), POLICY)
    return gates.ours.get((vpc, "ipv4"))


def _holds(bench, name):
    found = bench.ec2.describe_network_interfaces(NetworkInterfaceIds=[name])["NetworkInterfaces"]
    return {group["GroupName"] for group in found[0]["Groups"]}


def test_a_filing_opens_and_its_end_closes_through_the_stack(bench, keeper, aws, cli):
    vpc = bench.vpc()
    office = bench.group(vpc, "office", rule("tcp 22", "10.0.0.0/8"))
    wide = bench.group(vpc, "wide", rule("tcp 443"))
    web = bench.interface(vpc, [office], ONE)
    bad = bench.interface(vpc, [wide], TWO)
    keeper.file("F1", Kind.NEW, (ONE,))
    report = keeper.apply()
    assert report.exit_status == 0, report
    gate = _gate(aws, vpc)
    assert not alteration(gate, "ipv4", POLICY)
    assert gate.tag(STACK_TAG) == f"gatekeeper-gates/{OWN}-{REGION}"
    assert _holds(bench, web) == {"office", "gatekeeper-gate"}
    assert _holds(bench, bad) == {"wide"}
    assert [one.result for one in report.outcomes] == ["done"] * 3
    assert cli.calls.count("up") == 2

    assert keeper.plan().actions == ()
    found = keeper.look().findings
    assert [one.code for one in found] == []

    keeper.clock = _later(keeper.clock)
    keeper.file("F1", Kind.DEREGISTER_SERVICE)
    report = keeper.apply()
    assert report.exit_status == 0, report
    assert _holds(bench, web) == {"office"}
    assert cli.calls.count("up") == 3
    assert keeper.plan().actions == ()


def _later(clock):
    return lambda: clock() + timedelta(seconds=1)


def test_a_preview_that_does_something_else_opens_nothing(bench, keeper, aws, cli):
    vpc = bench.vpc()
    web = bench.interface(vpc, [bench.group(vpc, "office", rule("tcp 22", "10.0.0.0/8"))], ONE)
    keeper.file("F1", Kind.NEW, (ONE,))

    def wider(events):
        for event in events:
            metadata = event.get("resourcePreEvent", {}).get("metadata", {})
            if "IngressRule" in metadata.get("type", ""):
                metadata["new"]["inputs"]["toPort"] = 65535
        return events

    cli.tamper = wider
    report = keeper.apply()
    assert report.exit_status == 3
    assert {str(one.result) for one in report.outcomes} == {"blocked"}
    assert any("toPort is 65535" in one.reason for one in report.outcomes)
    assert "up" not in cli.calls
    assert _gate(aws, vpc) is None
    assert _holds(bench, web) == {"office"}


def test_an_update_that_dies_half_way_is_finished_by_the_next_run(bench, keeper, aws, cli):
    vpc = bench.vpc()
    web = bench.interface(vpc, [bench.group(vpc, "office", rule("tcp 22", "10.0.0.0/8"))], ONE)
    keeper.file("F1", Kind.NEW, (ONE,))
    left = [4]

    def fault(_op, _urn):
        left[0] -= 1
        if left[0] == 0:
            raise RuntimeError("the plugin died")

    def arm():
        for engine in cli.engines.values():
            engine.before = fault

    cli.before_up = arm
    report = keeper.apply()
    assert report.exit_status == 1
    assert alteration(_gate(aws, vpc), "ipv4", POLICY).missing
    report = keeper.apply()
    assert report.exit_status == 0, report
    assert not alteration(_gate(aws, vpc), "ipv4", POLICY)
    assert _holds(bench, web) == {"office", "gatekeeper-gate"}
