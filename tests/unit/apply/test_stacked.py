"""Actions carried out through the stack that owns the gates, and what is never left to it."""

from __future__ import annotations

import json

import pytest

from gatekeeper.account import Doubt, Rule
from gatekeeper.apply import carry_out_plan
from gatekeeper.errors import StackError
from gatekeeper.filing import Kind
from gatekeeper.gate import GateHeld, GatePorts, gate_tags, plan_from_json
from gatekeeper.policy import default_policy, parse_policy
from gatekeeper.store import open_store
from gatekeeper.testing import Killed
from tests.unit.apply.given import ANYWHERE, OWN, Scene, shape, tcp
from tests.unit.apply.stack import MemoryStack

PORTS = tuple(sorted((port.protocol, port.port) for port in default_policy().opened_ports))


class Stacked(Scene):
    """The scene, with the gates in a stack from the beginning."""

    def __init__(self, store, policy=None):
        super().__init__(store, policy)
        self.stack = MemoryStack(self.aws, OWN)
        self.via = True
        self.keeper.stack_for = lambda _: self.stack if self.via else None


@pytest.fixture
def store():
    with open_store("sqlite://") as opened:
        yield opened


@pytest.fixture
def scene(store):
    return Stacked(store)


@pytest.fixture
def disturbed(scene):
    scene.prepare()
    return scene


def _ended(report):
    """By what each action does and of what: how it ended."""
    return {outcome.action_id: str(outcome.result) for outcome in report.outcomes}


def _by(report, op):
    return [one for one in report.outcomes if one.action_id.startswith(op)]


def _ups(store, report):
    entries = store.journal_entries(report.run_id)
    return [
        (one.action_id.rsplit("-", 1)[0], one.phase) for one in entries if one.call == "PulumiUp"
    ]


def test_a_gate_and_its_attachment_come_by_the_stack(scene, store):
    scene.keeper.file("F1", Kind.NEW, ("52.83.0.1",))
    report = scene.keeper.apply()
    assert report.exit_status == 0
    gate = scene.named("gatekeeper-gate")
    assert scene.stack.gate(scene.vpc, "ipv4") == gate
    assert scene.holds(scene.lawful) == {"office", "gatekeeper-gate"}
    assert scene.stack.ups == [
        (GatePorts(scene.vpc, "ipv4", PORTS),),
        (GateHeld(scene.lawful, "ipv4", scene.vpc, held=True),),
    ]
    assert _ups(store, report) == [
        ("create-gate", "intent"), ("create-gate", "done"),
        ("attach", "intent"), ("attach", "done"),
    ]  # fmt: skip
    assert scene.keeper.plan().actions == ()


def test_what_no_stack_of_gates_owns_is_done_directly_and_said(scene):
    scene.keeper.file("F3", Kind.NEW, ("52.83.1.1", "52.83.1.2"), balancer="web")
    scene.account.set_interface_groups(scene.unfiled, [scene.wide])
    report = scene.keeper.apply()
    assert report.exit_status == 0
    [attach], [narrow] = _by(report, "attach"), _by(report, "narrow")
    assert "done directly, stack gatekeeper-gates/memory does not own it" in attach.reason
    assert "已直接执行" in narrow.reason_zh
    [create] = _by(report, "create-gate")
    assert "directly" not in create.reason
    assert scene.stack.attachments == set()


def test_gates_made_directly_before_stay_so(store):
    scene = Stacked(store)
    scene.via = False
    scene.prepare()
    scene.via = True
    report = scene.keeper.apply()
    assert report.exit_status == 0, report
    assert scene.stack.ups == []
    assert scene.keeper.plan().actions == ()


def test_the_same_world_comes_of_it_as_directly(disturbed, store):
    direct = Scene(open_store("sqlite://"))
    direct.prepare()
    assert direct.keeper.apply().exit_status == 0
    report = disturbed.keeper.apply()
    assert report.exit_status == 0, report
    assert {op for op, _ in _ups(store, report)} >= {"attach", "repair-gate"}
    mine, theirs = shape(disturbed.account.world), shape(direct.account.world)
    for groups in (mine["groups"], theirs["groups"]):
        for name, (rules, egress, tags, group_tags) in groups.items():
            kept = tuple(one for one in group_tags if one[0] != "gatekeeper:stack")
            groups[name] = (rules, egress, tags, kept)
    assert mine == theirs
    assert disturbed.keeper.plan().actions == ()


def test_a_detachment_that_leaves_nothing_takes_the_empty_group_directly(disturbed):
    report = disturbed.keeper.apply()
    [detach] = _by(report, "detach")
    assert str(detach.result) == "done"
    assert "done directly" in detach.reason
    assert disturbed.holds(disturbed.ended) == {"gatekeeper-shut"}


def test_a_detachment_goes_by_the_stack(scene, store):
    scene.keeper.file("F1", Kind.NEW, ("52.83.0.1",))
    scene.keeper.apply()
    scene.keeper.file("F1", Kind.DEREGISTER_SERVICE)
    report = scene.keeper.apply()
    assert report.exit_status == 0
    assert _ups(store, report) == [("detach", "intent"), ("detach", "done")]
    assert scene.holds(scene.lawful) == {"office"}
    assert scene.stack.attachments == set()


def test_a_missing_port_comes_back_by_the_stack_and_a_strange_one_goes_directly(scene, store):
    scene.keeper.file("F1", Kind.NEW, ("52.83.0.1",))
    scene.keeper.apply()
    gate = scene.named("gatekeeper-gate")
    scene.account.revoke(gate, [Rule("tcp", 443, 443, "ipv4", ANYWHERE)])
    scene.account.authorize(gate, [tcp(22)])
    report = scene.keeper.apply()
    assert report.exit_status == 0
    calls = [one.call for one in store.journal_entries(report.run_id) if one.phase == "intent"]
    assert calls == ["RevokeSecurityGroupIngress", "PulumiUp"]
    assert scene.stack.ups[-1] == (GatePorts(scene.vpc, "ipv4", PORTS),)
    assert scene.keeper.plan().actions == ()


def test_a_rule_for_everything_goes_after_the_ports_are_back(scene, store):
    scene.keeper.file("F1", Kind.NEW, ("52.83.0.1",))
    scene.keeper.apply()
    gate = scene.named("gatekeeper-gate")
    scene.account.revoke(gate, [Rule("tcp", 443, 443, "ipv4", ANYWHERE)])
    scene.account.authorize(gate, [Rule("-1", None, None, "ipv4", ANYWHERE)])
    report = scene.keeper.apply()
    calls = [one.call for one in store.journal_entries(report.run_id) if one.phase == "intent"]
    assert calls == ["PulumiUp", "RevokeSecurityGroupIngress"]
    assert report.exit_status == 0
    assert scene.keeper.plan().actions == ()


def test_a_port_that_the_policy_drops_goes_by_the_stack(store):
    scene = Stacked(store)
    scene.keeper.file("F1", Kind.NEW, ("52.83.0.1",))
    scene.keeper.apply()
    scene.keeper.policy = parse_policy("opened: [{protocol: tcp, ports: [443]}]")
    report = scene.keeper.apply()
    assert report.exit_status == 0
    assert scene.stack.ups[-1] == (GatePorts(scene.vpc, "ipv4", (("tcp", 443),)),)
    assert scene.stack.ports(scene.vpc, "ipv4") == {("tcp", 443)}


def test_outbound_rules_go_before_the_preview_and_the_state_is_read_again(scene):
    scene.keeper.file("F1", Kind.NEW, ("52.83.0.1",))
    scene.keeper.apply()
    gate = scene.named("gatekeeper-gate")
    scene.account.revoke(gate, [Rule("tcp", 443, 443, "ipv4", ANYWHERE)])
    group = scene.account.world.groups[gate]
    scene.account.world.groups[gate] = group._replace(
        egress=(Rule("-1", None, None, "ipv4", ANYWHERE),)
    )
    report = scene.keeper.apply()
    assert report.exit_status == 0, report
    assert scene.account.world.groups[gate].egress == ()
    assert scene.keeper.plan().actions == ()


def test_no_port_comes_into_a_gate_before_the_unlawful_lost_it(scene):
    """Ports that go and ports that come are two updates, with the detachment between them."""
    scene.keeper.policy = parse_policy("opened: [{protocol: tcp, ports: [80, 443]}]")
    scene.keeper.file("F1", Kind.NEW, ("52.83.0.1",))
    scene.keeper.file("F2", Kind.NEW, ("52.83.0.2",))
    scene.keeper.apply()
    scene.stack.ups.clear()
    scene.keeper.file("F2", Kind.DEREGISTER_SERVICE)
    scene.keeper.policy = parse_policy("opened: [{protocol: tcp, ports: [443, 8080]}]")
    report = scene.keeper.apply()
    assert report.exit_status == 0, report
    assert scene.stack.ups == [
        (GatePorts(scene.vpc, "ipv4", (("tcp", 443),)),),
        (GateHeld(scene.unfiled, "ipv4", scene.vpc, held=False),),
        (GatePorts(scene.vpc, "ipv4", (("tcp", 443), ("tcp", 8080))),),
    ]


def test_a_gate_that_somebody_made_meanwhile_is_put_right_directly(scene):
    scene.keeper.file("F1", Kind.NEW, ("52.83.0.1",))
    plan = scene.keeper.plan()
    tags = gate_tags(default_policy())
    made = scene.account.create_group(scene.vpc, "gatekeeper-gate", tags=tags)
    scene.account.world.groups[made] = scene.account.world.groups[made]._replace(egress=())
    report = scene.keeper.apply(plan)
    assert report.exit_status == 0, report
    [create] = _by(report, "create-gate")
    assert "done directly" in create.reason
    assert scene.stack.ups == []
    assert scene.keeper.plan().actions == ()


# what keeps it from being done -------------------------------------------------------------------


@pytest.mark.parametrize("when", ["read", "propose", "up before"])
def test_a_stack_that_fails_changes_nothing_and_the_rest_goes_on(scene, when):
    scene.keeper.file("F1", Kind.NEW, ("52.83.0.1",))
    scene.account.set_interface_groups(scene.unfiled, [scene.wide])
    scene.stack.fail = when
    report = scene.keeper.apply()
    assert report.exit_status == 1
    [create], [narrow] = _by(report, "create-gate"), _by(report, "narrow")
    assert str(create.result) == "failed"
    assert f"it fails: {when}" in create.reason
    assert f"失败：{when}" in create.reason_zh
    assert str(narrow.result) == "done"
    assert "gatekeeper-gate" not in {g.name for g in scene.account.world.groups.values()}
    scene.stack.fail = ""
    assert scene.keeper.apply().exit_status == 0


def test_an_update_that_fails_after_its_effect_is_done(scene, store):
    """What AWS shows counts, whatever Pulumi says."""
    scene.keeper.file("F1", Kind.NEW, ("52.83.0.1",))
    scene.stack.fail = "up after"
    report = scene.keeper.apply()
    assert report.exit_status == 0
    assert {phase for _, phase in _ups(store, report)} == {"intent", "failed"}
    assert scene.keeper.plan().actions == ()


def test_an_update_without_effect_is_a_failure(scene):
    scene.keeper.file("F1", Kind.NEW, ("52.83.0.1",))
    scene.keeper.apply()
    scene.keeper.file("F2", Kind.NEW, ("52.83.0.2",))
    scene.stack.carry_out = lambda: None
    report = scene.keeper.apply()
    assert report.exit_status == 1
    [attach] = _by(report, "attach")
    assert "was brought up, and AWS does not show the change" in attach.reason


def test_a_preview_that_differs_blocks_the_batch(scene, store):
    scene.keeper.file("F1", Kind.NEW, ("52.83.0.1",))
    scene.stack.doubt = Doubt("it deletes a bucket", "删除了存储桶")
    report = scene.keeper.apply()
    assert report.exit_status == 3
    [create], [attach] = _by(report, "create-gate"), _by(report, "attach")
    assert create.reason == "it deletes a bucket; the stack was not brought up"
    assert create.reason_zh == "删除了存储桶；堆栈未执行更新"
    assert str(create.result) == str(attach.result) == "blocked"
    assert "has no gate of ours" in attach.reason
    assert _ups(store, report) == []
    assert scene.stack.ups == []


def test_a_register_that_moves_during_the_preview_stops_the_run(scene, store):
    scene.keeper.file("F1", Kind.NEW, ("52.83.0.1",))
    scene.stack.on_propose = lambda: scene.keeper.file("F9", Kind.NEW, ("52.83.0.9",))
    report = scene.keeper.apply()
    assert report.exit_status == 3
    assert set(_ended(report).values()) == {"drifted"}
    assert scene.stack.ups == []
    assert _ups(store, report) == []


def test_an_address_that_moves_during_the_preview_stops_the_update(scene):
    scene.keeper.file("F1", Kind.NEW, ("52.83.0.1",))
    scene.keeper.file("F2", Kind.NEW, ("52.83.0.2",))
    scene.keeper.apply(_stored(scene.keeper.plan()))
    gate = scene.named("gatekeeper-gate")
    ups = len(scene.stack.ups)
    scene.keeper.file("F4", Kind.NEW, ("52.83.0.4",))

    def move():
        scene.account.world.addresses.pop("52.83.0.4", None)
        one = scene.account.world.interfaces[scene.dual]
        scene.account.world.interfaces[scene.dual] = one._replace(associations=())

    scene.stack.on_propose = move
    report = scene.keeper.apply()
    assert report.exit_status == 3
    assert len(scene.stack.ups) == ups
    assert gate not in scene.account.world.interfaces[scene.dual].group_ids
    ended = {str(one.result) for one in _by(report, "attach")}
    assert ended <= {"drifted", "blocked"}


def test_nobody_gains_the_gate_who_is_not_decided_open_any_more(scene):
    scene.keeper.file("F1", Kind.NEW, ("52.83.0.1",))
    scene.keeper.file("F2", Kind.NEW, ("52.83.0.2",))
    scene.keeper.apply(_stored(scene.keeper.plan()))
    gate = scene.named("gatekeeper-gate")
    scene.keeper.file("F4", Kind.NEW, ("52.83.0.4",))
    plan = scene.keeper.plan()
    # Its address goes to somebody else between plan and apply.
    scene.account.world.addresses.pop("52.83.0.4")
    one = scene.account.world.interfaces[scene.dual]
    scene.account.world.interfaces[scene.dual] = one._replace(associations=())
    report = scene.keeper.apply(plan)
    assert report.exit_status == 3
    assert gate not in scene.account.world.interfaces[scene.dual].group_ids


def test_a_half_made_gate_is_not_finished_while_somebody_holds_it_unlawfully(scene):
    scene.keeper.file("F1", Kind.NEW, ("52.83.0.1",))
    plan = scene.keeper.plan()

    def fail(what):
        if what.startswith("authorize"):
            raise StackError("it fails")

    scene.stack.on_change = fail
    assert scene.keeper.apply(plan).exit_status == 1
    scene.stack.on_change = lambda _: None
    gate = scene.named("gatekeeper-gate")
    rules = scene.account.world.groups[gate].rules
    scene.account.set_interface_groups(scene.unfiled, [scene.office, gate])
    report = scene.keeper.apply(plan)
    [create] = _by(report, "create-gate")
    assert str(create.result) == "blocked"
    assert f"{scene.unfiled} holds the gate without being decided open" in create.reason
    assert scene.account.world.groups[gate].rules == rules


def test_a_rollback_is_direct_and_the_next_run_knows(scene):
    scene.keeper.file("F1", Kind.NEW, ("52.83.0.1",))
    report = scene.keeper.apply()
    assert scene.keeper.roll_back(report.run_id).exit_status == 0
    assert "gatekeeper-gate" not in scene.holds(scene.lawful)
    assert scene.keeper.apply().exit_status == 0
    assert scene.holds(scene.lawful) == {"office", "gatekeeper-gate"}
    assert scene.stack.attached(scene.lawful, "ipv4")


def _stored(plan):
    return plan_from_json(json.loads(json.dumps(plan.to_json())))


def test_ports_stay_out_of_a_gate_that_somebody_holds_unlawfully(scene):
    scene.keeper.file("F1", Kind.NEW, ("52.83.0.1",))
    scene.keeper.apply()
    gate = scene.named("gatekeeper-gate")
    scene.account.revoke(gate, [Rule("tcp", 443, 443, "ipv4", ANYWHERE)])
    plan = scene.keeper.plan()
    scene.account.set_interface_groups(scene.unfiled, [scene.office, gate])
    report = scene.keeper.apply(plan)
    [repair] = _by(report, "repair-gate")
    assert str(repair.result) == "blocked"
    assert "holds the gate without being decided open" in repair.reason
    assert ("tcp", 443) not in scene.stack.ports(scene.vpc, "ipv4")


def test_two_interfaces_go_in_one_update_and_a_bad_one_does_not_stop_the_good(scene):
    scene.keeper.file("F1", Kind.NEW, ("52.83.0.1",))
    scene.keeper.apply()
    scene.keeper.file("F2", Kind.NEW, ("52.83.0.2",))
    scene.keeper.file("F4", Kind.NEW, ("52.83.0.4", "2406:da00:1::9"))
    plan = scene.keeper.plan()
    scene.account.set_interface_groups(scene.unfiled, [scene.office, scene.wide])
    report = scene.keeper.apply(plan)
    ended = sorted(str(one.result) for one in _by(report, "attach"))
    assert ended == ["done", "done", "drifted"]
    assert set(scene.stack.ups[-1]) == {
        GateHeld(scene.dual, "ipv4", scene.vpc, held=True),
        GateHeld(scene.dual, "ipv6", scene.vpc, held=True),
    }


def test_a_group_that_became_a_stacks_is_left_alone_in_report_mode(store):
    scene = Scene(store, parse_policy("stacks: {mode: report}"))
    scene.account.set_interface_groups(scene.unfiled, [scene.wide])
    plan = scene.keeper.plan()
    group = scene.account.world.groups[scene.wide]
    scene.account.world.groups[scene.wide] = group._replace(tags=(("pulumi:stack", "shop/cn"),))
    report = scene.keeper.apply(plan)
    [narrow] = _by(report, "narrow")
    assert str(narrow.result) == "blocked"
    assert "stack shop/cn (tag pulumi:stack) owns the group" in narrow.reason
    assert scene.account.world.groups[scene.wide].rules == group.rules


# killed ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("again", "same"), [("via", True), ("via", False), ("direct", True)])
def test_killed_at_any_change_of_an_update_it_ends_in_the_same_state(again, same):
    """Whether Pulumi's state has what was done, as after a refresh, or the change before it."""
    count = 0
    while True:
        count += 1
        with open_store("sqlite://") as store:
            scene = Stacked(store)
            scene.keeper.file("F4", Kind.NEW, ("52.83.0.4", "2406:da00:1::9"))
            plan = _stored(scene.keeper.plan())
            left = [count]

            def die(_what, left=left):
                left[0] -= 1
                if left[0] == 0:
                    raise Killed

            scene.stack.on_change = die
            try:
                scene.keeper.apply(plan)
            except Killed:
                pass
            else:
                assert count > 10
                break
            for one in (scene.lawful, scene.unfiled, scene.ended):
                assert scene.holds(one) == {"office"}
            scene.via = again == "via"
            report = scene.keeper.apply(plan if same else None)
            assert report.exit_status == 0, (count, report)
            assert scene.holds(scene.dual) == {
                "office", "gatekeeper-gate", "gatekeeper-gate-v6",
            }  # fmt: skip
            assert scene.keeper.plan().actions == ()
            assert all(run.outcome for run in store.runs())


def test_without_a_stack_nothing_is_different(store):
    """The direct way takes one action after the other, as it always did."""
    scene = Scene(store)
    scene.prepare()
    tools = scene.keeper.tools()
    assert tools.stack_for(OWN) is None
    report = carry_out_plan(_stored(scene.keeper.plan()), tools, mark=store.register_mark())
    assert report.exit_status == 0
    assert not any("directly" in one.reason for one in report.outcomes)
