"""Plans carried out against moto's server, and looked at from outside with boto3."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import replace
from datetime import timedelta
from ipaddress import IPv6Address

import pytest

from gatekeeper.account import Failure, LoadBalancerType, ReadStatus
from gatekeeper.aws.collect import collect
from gatekeeper.errors import PlanStale
from gatekeeper.filing import Kind
from gatekeeper.policy import parse_policy
from tests.servers import unmeasured

from .bench import OWN, portrait, rule

pytestmark = pytest.mark.no_cover
GATE = {
    ("tcp", 80, 80, "0.0.0.0/0"),
    ("tcp", 443, 443, "0.0.0.0/0"),
    ("tcp", 8080, 8080, "0.0.0.0/0"),
    ("udp", 443, 443, "0.0.0.0/0"),
}
SSH = ("tcp 22", "10.0.0.0/8")
ONE, TWO, THREE = "52.83.0.1", "52.83.0.2", "52.83.0.3"


@pytest.fixture
def vpc(bench):
    return bench.vpc()


@pytest.fixture
def office(bench, vpc):
    return bench.group(vpc, "office", rule(*SSH))


def results(report):
    """How each action ended, by what it does."""
    return [
        (outcome.action_id.rsplit("-", 1)[0], str(outcome.result)) for outcome in report.outcomes
    ]


def calls(keeper, report):
    return [
        entry for entry in keeper.store.journal_entries(report.run_id) if entry.phase == "intent"
    ]


def test_approval_opens(bench, keeper, vpc, office):
    web = bench.interface(vpc, [office], ONE)
    keeper.file("F1", Kind.NEW, (ONE,))
    report = keeper.apply()
    assert results(report) == [("create-gate", "done"), ("attach", "done")]
    assert report.exit_status == 0
    assert bench.holds(web) == {"office", "gatekeeper-gate"}
    gate = bench.group_named("gatekeeper-gate")
    assert bench.rules(gate["GroupId"]) == GATE
    assert gate["IpPermissionsEgress"] == []
    assert {"Key": "gatekeeper:managed", "Value": "true"} in gate["Tags"]
    assert keeper.plan().actions == ()
    assert keeper.apply().outcomes == ()


def test_ipv6_has_a_gate_of_its_own(bench, keeper):
    vpc = bench.vpc(ipv6=True)
    office = bench.group(vpc, "office", rule(*SSH))
    # As an import writes it: the network is drawn, and may have a group with leading zeros.
    ip = str(IPv6Address(f"{bench.ipv6_of(vpc)}::9"))
    web = bench.interface(vpc, [office], ONE, ipv6=[ip])
    keeper.file("F1", Kind.NEW, (ONE,))
    keeper.apply()
    assert bench.holds(web) == {"office", "gatekeeper-gate"}
    keeper.file("F2", Kind.NEW, (ip,))
    keeper.apply()
    assert bench.holds(web) == {"office", "gatekeeper-gate", "gatekeeper-gate-v6"}
    gate = bench.group_named("gatekeeper-gate-v6")
    assert bench.rules(gate["GroupId"]) == {(*one[:3], "::/0") for one in GATE}


def test_deregistration_closes(bench, keeper, vpc, office):
    web = bench.interface(vpc, [office], ONE)
    keeper.file("F1", Kind.NEW, (ONE,))
    keeper.apply()
    keeper.file("F1", Kind.DEREGISTER_SERVICE)
    report = keeper.apply()
    assert results(report) == [("detach", "done")]
    assert bench.holds(web) == {"office"}


def test_a_bureaus_order_closes_and_its_end_opens(bench, keeper, vpc, office):
    web = bench.interface(vpc, [office], ONE)
    keeper.file("F1", Kind.NEW, (ONE,))
    keeper.apply()
    keeper.suspend("F1")
    keeper.apply()
    assert bench.holds(web) == {"office"}
    keeper.resume("F1")
    keeper.apply()
    assert bench.holds(web) == {"office", "gatekeeper-gate"}


def test_a_group_shared_by_lawful_and_unlawful(bench, keeper, vpc):
    wide = bench.group(vpc, "wide", rule("tcp 0-65535", description="web"))
    lawful, unlawful = (bench.interface(vpc, [wide], ip) for ip in (ONE, TWO))
    keeper.file("F1", Kind.NEW, (ONE,))
    report = keeper.apply()
    assert results(report) == [("create-gate", "done"), ("attach", "done"), ("narrow", "done")]
    assert bench.holds(lawful) == {"wide", "gatekeeper-gate"}
    assert bench.holds(unlawful) == {"wide"}
    rules = bench.rules(wide)
    assert {one for one in rules if one[3] == "0.0.0.0/0"} == {
        ("tcp", 0, 79, "0.0.0.0/0"),
        ("tcp", 81, 442, "0.0.0.0/0"),
        ("tcp", 444, 8079, "0.0.0.0/0"),
        ("tcp", 8081, 65535, "0.0.0.0/0"),
    }
    assert ("tcp", 0, 65535, "10.0.0.0/8") in rules


def test_at_most_two_changing_calls_a_group(bench, keeper, vpc):
    every = bench.group(vpc, "every", rule("-1"), rule("tcp 80"), rule("tcp 443"), rule("udp 443"))
    wide = bench.group(vpc, "wide", rule("tcp 0-65535"), rule("tcp 1-9000", "52.0.0.0/8"))
    bench.interface(vpc, [every], ONE)
    bench.interface(vpc, [wide], TWO)
    report = keeper.apply()
    assert results(report) == [("narrow", "done")] * 2
    made = [(entry.detail["group_id"], entry.call) for entry in calls(keeper, report)]
    for group in (every, wide):
        assert [call for name, call in made if name == group] == [
            "AuthorizeSecurityGroupIngress",
            "RevokeSecurityGroupIngress",
        ]


def test_descriptions_and_tags_carry_over(bench, keeper, vpc):
    wide = bench.group(vpc, "wide", rule("tcp 79-81", description="the shop"), tags={"team": "a"})
    bench.allow(wide, rule("udp 443-444", description="calls"), tags={"team": "b"})
    bench.interface(vpc, [wide], ONE)
    assert keeper.apply().exit_status == 0
    found = portrait(bench.edge())["groups"]["wide"]
    said = {one[:3]: one[-1] for one in found["rules"]}
    assert said[("tcp", 79, 79)] == "the shop"
    assert said[("udp", 444, 444)] == "calls"
    tags = {one[:3]: dict(pairs) for one, pairs in found["rule tags"]}
    assert tags[("tcp", 79, 79)] == {"team": "a"}
    assert tags[("udp", 444, 444)] == {"team": "b"}


@pytest.mark.parametrize(
    "kind", [LoadBalancerType.APPLICATION, LoadBalancerType.NETWORK, LoadBalancerType.CLASSIC]
)
def test_load_balancers_with_groups_open_and_close(bench, keeper, vpc, office, kind):
    arn = bench.balancer(vpc, "web", kind, [office], ONE, TWO)
    keeper.file("F1", Kind.NEW, (ONE, TWO), balancer="web")
    report = keeper.apply()
    assert results(report) == [("create-gate", "done"), ("attach", "done")]
    assert bench.holds(arn) == {"office", "gatekeeper-gate"}
    call = calls(keeper, report)[-1].call
    classic = kind is LoadBalancerType.CLASSIC
    assert call == ("ApplySecurityGroupsToLoadBalancer" if classic else "SetSecurityGroups")
    keeper.file("F1", Kind.CANCEL_ACCESS)
    assert keeper.apply().exit_status == 0
    assert bench.holds(arn) == {"office"}


def test_an_incomplete_set_is_not_opened(bench, keeper, vpc, office):
    arn = bench.balancer(vpc, "web", LoadBalancerType.APPLICATION, [office], ONE, TWO)
    keeper.file("F1", Kind.NEW, (ONE,), balancer="web")
    assert keeper.apply().outcomes == ()
    assert bench.holds(arn) == {"office"}


def test_a_partial_account_is_not_changed(bench, keeper, vpc, monkeypatch):
    wide = bench.group(vpc, "wide", rule("tcp 80"))
    bench.interface(vpc, [wide], ONE)
    plan = keeper.plan()
    assert plan.actions

    def partial(connection):
        failure = Failure("DescribeVpcs", "UnauthorizedOperation", "no")
        return replace(collect(connection), status=ReadStatus.PARTIAL, failures=(failure,))

    monkeypatch.setattr("gatekeeper.aws.changes.collect", partial)
    before = bench.rules(wide)
    report = keeper.apply(plan)
    assert results(report) == [("narrow", "blocked")]
    assert "UnauthorizedOperation" in report.outcomes[0].reason
    assert bench.rules(wide) == before
    assert keeper.plan().actions == ()
    assert calls(keeper, report) == []


def test_an_altered_gate_is_put_right(bench, keeper, vpc, office):
    web = bench.interface(vpc, [office], ONE)
    keeper.file("F1", Kind.NEW, (ONE,))
    keeper.apply()
    gate = bench.group_named("gatekeeper-gate")["GroupId"]
    bench.allow(gate, rule("tcp 22"))
    bench.forbid(gate, rule("udp 443"))
    report = keeper.apply()
    assert results(report) == [("repair-gate", "done")]
    assert [entry.call for entry in calls(keeper, report)] == [
        "RevokeSecurityGroupIngress",
        "AuthorizeSecurityGroupIngress",
    ]
    assert bench.rules(gate) == GATE
    assert bench.holds(web) == {"office", "gatekeeper-gate"}


def test_a_gate_with_a_closed_holder_gets_its_ports_back_last(bench, keeper, vpc, office):
    bench.interface(vpc, [office], ONE)
    keeper.file("F1", Kind.NEW, (ONE,))
    keeper.apply()
    gate = bench.group_named("gatekeeper-gate")["GroupId"]
    bench.forbid(gate, rule("udp 443"))
    sneaked = bench.interface(vpc, [office, gate], TWO)
    report = keeper.apply()
    assert results(report) == [("detach", "done"), ("repair-gate", "done")]
    assert bench.holds(sneaked) == {"office"}
    assert bench.rules(gate) == GATE


def test_an_endpoint_that_holds_only_the_gate_gets_the_empty_group(bench, keeper, vpc, office):
    web = bench.interface(vpc, [office], ONE)
    keeper.file("F1", Kind.NEW, (ONE,))
    keeper.apply()
    bench.set_groups(web, bench.group_named("gatekeeper-gate")["GroupId"])
    keeper.file("F1", Kind.DEREGISTER_SERVICE)
    report = keeper.apply()
    assert results(report) == [("create-gate", "done"), ("detach", "done")]
    assert bench.holds(web) == {"gatekeeper-shut"}
    shut = bench.group_named("gatekeeper-shut")
    assert (shut["IpPermissions"], shut["IpPermissionsEgress"]) == ([], [])
    assert keeper.plan().actions == ()


def test_the_quota_of_groups_blocks_an_attachment(bench, keeper, vpc, office):
    groups = [office, *(bench.group(vpc, f"g{n}") for n in range(4))]
    web = bench.interface(vpc, groups, ONE)
    keeper.file("F1", Kind.NEW, (ONE,))
    report = keeper.apply()
    assert results(report) == [("attach", "blocked")]
    assert report.exit_status == 3
    assert "6 groups" in report.outcomes[0].reason
    assert "limits.groups_per_interface is 5" in report.outcomes[0].reason
    assert "gatekeeper-gate" not in bench.holds(web)


def test_the_quota_of_rules_blocks_a_narrowing(bench, keeper, vpc):
    wide = bench.group(vpc, "wide", rule("-1"), *(rule(f"tcp {n}") for n in range(1000, 1055)))
    bench.interface(vpc, [wide], ONE)
    before = bench.rules(wide)
    report = keeper.apply()
    assert results(report) == [("narrow", "blocked")]
    assert "limits.rules_per_group is 60" in report.outcomes[0].reason
    assert bench.rules(wide) == before


def test_a_foreign_gate_blocks_its_vpc_only(bench, keeper, vpc, office):
    bench.group(vpc, "gatekeeper-gate", rule("tcp 80"))
    wide = bench.group(vpc, "wide", rule("tcp 80"))
    bench.interface(vpc, [wide], ONE)
    bench.interface(vpc, [office], TWO)
    other = bench.vpc("10.21.0.0/16")
    apart = bench.group(other, "apart", rule("tcp 80"))
    bench.interface(other, [apart], THREE)
    keeper.file("F1", Kind.NEW, (TWO,))
    report = keeper.apply()
    assert report.exit_status == 3
    assert sorted(results(report)) == [
        ("attach", "blocked"),
        ("narrow", "blocked"),
        ("narrow", "done"),
    ]
    assert bench.rules(wide) == {("tcp", 80, 80, "0.0.0.0/0")}
    assert ("tcp", 80, 80, "0.0.0.0/0") not in bench.rules(apart)


# drift --------------------------------------------------------------------------------------


def test_an_attachment_drifts_with_the_groups(bench, keeper, vpc, office):
    web = bench.interface(vpc, [office], ONE)
    keeper.file("F1", Kind.NEW, (ONE,))
    plan = keeper.plan()
    bench.set_groups(web, office, bench.group(vpc, "more"))
    report = keeper.apply(plan)
    assert results(report)[-1] == ("attach", "drifted")
    assert report.exit_status == 3
    assert bench.holds(web) == {"office", "more"}


def test_an_attachment_drifts_with_the_addresses(bench, keeper, vpc, office):
    web = bench.interface(vpc, [office], ONE)
    keeper.file("F1", Kind.NEW, (ONE,))
    plan = keeper.plan()
    bench.ec2.disassociate_address(
        AssociationId=bench.ec2.describe_addresses()["Addresses"][0]["AssociationId"]
    )
    bench.associate(TWO, web)
    report = keeper.apply(plan)
    assert results(report)[-1] == ("attach", "drifted")
    assert bench.holds(web) == {"office"}


def test_a_detachment_drifts(bench, keeper, vpc, office):
    web = bench.interface(vpc, [office], ONE)
    keeper.file("F1", Kind.NEW, (ONE,))
    keeper.apply()
    keeper.file("F1", Kind.DEREGISTER_SERVICE)
    plan = keeper.plan()
    gate = bench.group_named("gatekeeper-gate")["GroupId"]
    bench.set_groups(web, office, gate, bench.group(vpc, "more"))
    assert results(keeper.apply(plan)) == [("detach", "drifted")]
    assert bench.holds(web) == {"office", "gatekeeper-gate", "more"}


def test_a_narrowing_drifts_with_the_rules(bench, keeper, vpc):
    wide = bench.group(vpc, "wide", rule("tcp 0-65535"))
    bench.interface(vpc, [wide], ONE)
    plan = keeper.plan()
    bench.allow(wide, rule("udp 53"))
    before = bench.rules(wide)
    assert results(keeper.apply(plan)) == [("narrow", "drifted")]
    assert bench.rules(wide) == before


def test_a_narrowing_that_somebody_did_is_nothing_to_do(bench, keeper, vpc):
    wide = bench.group(vpc, "wide", rule("tcp 80"))
    bench.interface(vpc, [wide], ONE)
    plan = keeper.plan()
    report = keeper.apply(plan)
    assert results(report) == [("narrow", "done")]
    again = keeper.apply(plan)
    assert results(again) == [("narrow", "noop")]
    assert again.exit_status == 0


def test_a_new_lawful_user_stops_a_narrowing(bench, keeper, vpc, office):
    wide = bench.group(vpc, "wide", rule("tcp 80"))
    bench.interface(vpc, [wide], ONE)
    keeper.file("F1", Kind.NEW, (TWO,))
    plan = keeper.plan()
    bench.interface(vpc, [wide], TWO)
    report = keeper.apply(plan)
    assert results(report) == [("narrow", "blocked")]
    assert bench.rules(wide) == {("tcp", 80, 80, "0.0.0.0/0")}


def test_a_repair_drifts(bench, keeper, vpc, office):
    bench.interface(vpc, [office], ONE)
    keeper.file("F1", Kind.NEW, (ONE,))
    keeper.apply()
    gate = bench.group_named("gatekeeper-gate")["GroupId"]
    bench.allow(gate, rule("tcp 22"))
    plan = keeper.plan()
    bench.allow(gate, rule("tcp 23"))
    before = bench.rules(gate)
    assert results(keeper.apply(plan)) == [("repair-gate", "drifted")]
    assert bench.rules(gate) == before


def test_a_gate_that_appears_meanwhile(bench, keeper, vpc, office):
    web = bench.interface(vpc, [office], ONE)
    keeper.file("F1", Kind.NEW, (ONE,))
    plan = keeper.plan()
    bench.group(vpc, "gatekeeper-gate")
    assert results(keeper.apply(plan)) == [("create-gate", "blocked"), ("attach", "blocked")]
    assert bench.holds(web) == {"office"}


def test_a_plan_of_another_register_is_stale(bench, keeper, vpc, office):
    web = bench.interface(vpc, [office], ONE)
    keeper.file("F1", Kind.NEW, (ONE,))
    plan = keeper.plan()
    keeper.file("F1", Kind.DEREGISTER_SERVICE)
    with pytest.raises(PlanStale):
        keeper.apply(plan)
    assert bench.holds(web) == {"office"}


def test_a_plan_of_another_policy_is_stale(bench, keeper, vpc, office):
    bench.interface(vpc, [office], ONE)
    keeper.file("F1", Kind.NEW, (ONE,))
    plan = keeper.plan()
    keeper.policy = parse_policy("address_change_grace: 1h\n")
    with pytest.raises(PlanStale):
        keeper.apply(plan)


# rollback -----------------------------------------------------------------------------------


def test_rollback_restores_what_is_lawful(bench, keeper, vpc):
    wide = bench.group(vpc, "wide", rule("tcp 0-65535", description="web"), tags={"team": "a"})
    lawful = bench.interface(vpc, [wide], ONE)
    bench.interface(vpc, [wide], TWO)
    keeper.file("F1", Kind.NEW, (ONE,))
    before = portrait(bench.edge())
    run = keeper.apply()
    refused = keeper.roll_back(run.run_id)
    assert refused.exit_status == 3
    assert ("narrow", "blocked") in results(refused)
    assert bench.holds(lawful) == {"wide", "gatekeeper-gate"}

    keeper.file("F2", Kind.NEW, (TWO,))
    back = keeper.roll_back(run.run_id)
    assert results(back) == [("narrow", "done"), ("attach", "done"), ("create-gate", "done")]
    assert portrait(bench.edge()) == before
    again = keeper.roll_back(run.run_id)
    assert {result for _, result in results(again)} == {"noop"}
    assert keeper.store.verify_trail().ok


def test_rollback_leaves_what_others_changed(bench, keeper, vpc, office):
    web = bench.interface(vpc, [office], ONE)
    wide = bench.group(vpc, "wide", rule("tcp 80"))
    other = bench.interface(vpc, [wide], TWO)
    keeper.file("F1", Kind.NEW, (ONE,))
    run = keeper.apply()
    keeper.file("F2", Kind.NEW, (TWO,))
    bench.allow(wide, rule("udp 53"))
    bench.set_groups(web, office, wide, bench.group_named("gatekeeper-gate")["GroupId"])
    before = portrait(bench.edge())
    report = keeper.roll_back(run.run_id)
    assert ("narrow", "drifted") in results(report)
    assert ("attach", "drifted") in results(report)
    assert portrait(bench.edge()) == before
    assert bench.holds(other) == {"wide"}


def test_rollback_never_reopens_what_is_not_filed(bench, keeper, vpc, office):
    web = bench.interface(vpc, [office], ONE)
    keeper.file("F1", Kind.NEW, (ONE,))
    keeper.apply()
    keeper.file("F1", Kind.DEREGISTER_SERVICE)
    closing = keeper.apply()
    report = keeper.roll_back(closing.run_id)
    assert results(report) == [("detach", "blocked")]
    assert bench.holds(web) == {"office"}
    keeper.file("F1", Kind.NEW, (ONE,))
    assert results(keeper.roll_back(closing.run_id)) == [("detach", "done")]
    assert bench.holds(web) == {"office", "gatekeeper-gate"}


# two at once --------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def processes():
    """What forks other gatekeepers."""
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


@pytest.mark.parametrize("same_plan", [True, False])
def test_two_processes_never_interleave(
    moto, bench, keeper, vpc, office, tmp_path, processes, same_plan
):
    for place in range(1, 4):
        wide = bench.group(vpc, f"wide{place}", rule("tcp 80"))
        bench.interface(vpc, [wide], f"52.83.0.{place}")
    path = tmp_path / "plan.json"
    path.write_text(json.dumps(keeper.plan().to_json()), encoding="utf-8")
    request = {
        "endpoint": moto,
        "store": f"sqlite:///{tmp_path / 'gatekeeper.db'}",
        "wait": 30,
        "slow": 0.1,
    }
    first = {**request, "plan": str(path)}
    second = first if same_plan else request
    ended = processes(first, second)
    assert set(ended) <= {0, 3}, ended
    store = keeper.store
    entries = [entry for run in store.runs() for entry in store.journal_entries(run.run_id)]
    entries.sort(key=lambda entry: entry.seq)
    tokens = [entry.token for entry in entries]
    assert tokens == sorted(tokens), "the calls of two leases never mix"
    intents = [entry.action_id for entry in entries if entry.phase == "intent"]
    assert len(intents) == len({(e.action_id, e.call) for e in entries if e.phase == "intent"})
    assert keeper.plan().actions == ()
    assert keeper.store.verify_trail().ok
    assert keeper.store.unfinished_runs() == ()
    assert {run.outcome for run in keeper.store.runs()} <= {"done", "partly done"}


def test_a_lease_that_is_held_stops_the_second(moto, bench, keeper, vpc, tmp_path, processes):
    wide = bench.group(vpc, "wide", rule("tcp 80"))
    bench.interface(vpc, [wide], ONE)
    path = tmp_path / "plan.json"
    path.write_text(json.dumps(keeper.plan().to_json()), encoding="utf-8")
    request = {
        "endpoint": moto,
        "store": f"sqlite:///{tmp_path / 'gatekeeper.db'}",
        "plan": str(path),
    }
    with keeper.store.acquire_lease(OWN):
        (status,) = processes(request)
    assert status == 99  # LeaseHeld, raised to the command that shows it
    assert bench.rules(wide) == {("tcp", 80, 80, "0.0.0.0/0")}
    assert [run.outcome for run in keeper.store.runs()] == ["not begun"]
    assert keeper.apply(keeper.plan()).exit_status == 0


def test_a_grace_that_ends_closes_a_balancer(bench, keeper, vpc, office):
    arn = bench.balancer(vpc, "web", LoadBalancerType.APPLICATION, [office], ONE)
    keeper.file("F1", Kind.NEW, (ONE,), balancer="web")
    keeper.apply()
    bench.interface(vpc, [office], TWO, description="ELB " + arn.partition(":loadbalancer/")[2])
    assert keeper.plan().actions == ()
    assert bench.holds(arn) == {"office", "gatekeeper-gate"}
    now = keeper.clock()
    keeper.clock = lambda: now + timedelta(hours=73)
    assert results(keeper.apply()) == [("detach", "done")]
    assert bench.holds(arn) == {"office"}
