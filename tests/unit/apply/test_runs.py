"""Runs that meet: a lease that is held, a register that moves, a run of a live process."""

from __future__ import annotations

from dataclasses import replace

import pytest

from gatekeeper.account import Rule
from gatekeeper.apply import carry_out_plan, roll_back
from gatekeeper.errors import LeaseHeld, UnknownRecord
from gatekeeper.filing import Kind
from gatekeeper.policy import parse_policy
from gatekeeper.store import open_store
from gatekeeper.testing import Fault, Killed, refusal
from tests.unit.apply.given import OWN, Scene, shape, tcp


@pytest.fixture
def store():
    with open_store("sqlite://") as opened:
        yield opened


@pytest.fixture
def scene(store):
    made = Scene(store)
    made.prepare()
    return made


def test_a_run_that_finds_the_lease_held_never_began(scene, store):
    plan = scene.keeper.plan()
    before = len(scene.aws.changes())
    with store.acquire_lease(OWN), pytest.raises(LeaseHeld):
        scene.keeper.apply(plan)
    assert store.runs()[0].outcome == "not begun"
    assert len(scene.aws.changes()) == before
    assert scene.keeper.apply(plan).exit_status == 0


def test_a_live_run_of_the_same_plan_is_left_alone(scene, store):
    """Another process carries out this very plan: its run is not ended, its results stay."""
    plan = scene.keeper.plan()
    clock = scene.keeper.clock
    store.start_run("live", plan.id, "apply", "zhao", clock(), plan.to_json(), accounts=[OWN])
    with store.acquire_lease(OWN), pytest.raises(LeaseHeld):
        scene.keeper.apply(plan)
    assert store.run("live").outcome is None
    assert store.results("live") == ()


def test_a_run_that_ended_while_we_waited_is_not_written_into(scene, store):
    plan = scene.keeper.plan()
    clock = scene.keeper.clock
    store.start_run("live", plan.id, "apply", "zhao", clock(), plan.to_json(), accounts=[OWN])
    tools = scene.keeper.tools()
    real = store.acquire_lease

    def late(account_id, *, wait=0.0):
        store.finish_run("live", "done", clock())
        return real(account_id, wait=wait)

    store.acquire_lease = late
    report = carry_out_plan(plan, tools, mark=store.register_mark())
    assert report.run_id != "live"
    assert store.journal_entries("live") == ()


def test_a_register_that_moves_stops_the_run(scene, store):
    plan = scene.keeper.plan()
    moved = []

    def move(call):
        if call.changing and not moved:
            moved.append(call)
            scene.keeper.file("F9", Kind.NEW, ("52.83.0.2",))

    scene.aws.on_call = move
    before = len(scene.aws.changes())
    report = scene.keeper.apply(plan)
    assert len(scene.aws.changes()) == before + 1
    assert report.exit_status == 3
    assert {outcome.result for outcome in report.outcomes} == {"drifted"}
    assert "the register changed" in report.outcomes[0].reason
    assert store.runs()[0].outcome == "partly done"
    assert scene.keeper.apply().exit_status == 0
    assert scene.keeper.plan().actions == ()


def test_a_lease_that_is_lost_stops_the_run(scene, store):
    plan = scene.keeper.plan()
    taken = []

    def take(call):
        if call.changing and not taken:
            with store._db.write() as connection:
                connection.exec_driver_sql("UPDATE leases SET token = token + 1")
            taken.append(call)

    scene.aws.on_call = take
    before = len(scene.aws.changes())
    report = scene.keeper.apply(plan)
    assert len(scene.aws.changes()) == before + 1
    assert report.exit_status == 1
    assert "lease" in report.outcomes[0].reason


def test_a_killed_run_of_another_plan_is_closed(scene, store):
    scene.aws.fail(Fault.KILLED_AFTER, 3)
    with pytest.raises(Killed):
        scene.keeper.apply()
    (dead,) = store.unfinished_runs()
    report = scene.keeper.apply()
    assert report.run_id != dead.run_id
    assert store.run(dead.run_id).outcome == "interrupted"
    assert store.run(report.run_id).outcome == "done"


def test_rolling_back_what_never_was(scene):
    with pytest.raises(UnknownRecord, match="no run nowhere"):
        scene.keeper.roll_back("nowhere")


@pytest.mark.parametrize("at", range(1, 5))
@pytest.mark.parametrize("fault", [Fault.KILLED_BEFORE, Fault.KILLED_AFTER, Fault.LOST])
def test_a_killed_rollback_is_taken_up(store, fault, at):
    def begin(one):
        made = Scene(one)
        made.account.set_interface_groups(made.lawful, [made.wide])
        made.account.set_interface_groups(made.unfiled, [made.wide])
        made.keeper.file("F1", Kind.NEW, ("52.83.0.1",))
        run = made.keeper.apply().run_id
        made.keeper.file("F2", Kind.NEW, ("52.83.0.2",))
        return made, run

    with open_store("sqlite://") as other:
        calm, run = begin(other)
        assert calm.keeper.roll_back(run).exit_status == 0
        goal = shape(calm.account.world)

    scene, run = begin(store)
    scene.aws.fail(fault, at)
    try:
        scene.keeper.roll_back(run)
    except Killed:
        assert [one.kind for one in store.unfinished_runs()] == ["rollback"]
    scene.aws.clear_faults()
    scene.keeper.roll_back(run)
    assert shape(scene.account.world) == goal
    assert store.unfinished_runs() == ()
    assert store.verify_trail().ok


def test_a_gate_that_a_later_narrowing_rests_on_stays(store):
    """The second run took the group's own web rule away because the first had given the gate."""
    scene = Scene(store)
    here = scene.account
    shop = here.create_group(scene.vpc, "shop", rules=[tcp(80)])
    here.set_interface_groups(scene.lawful, [shop])
    scene.keeper.file("F1", Kind.NEW, ("52.83.0.1",))
    first = scene.keeper.apply()
    here.set_interface_groups(scene.unfiled, [shop])
    second = scene.keeper.apply()
    back = scene.keeper.roll_back(first.run_id)
    assert back.exit_status == 3
    assert "stays narrowed" in back.outcomes[0].reason
    assert scene.holds(scene.lawful) == {"shop", "gatekeeper-gate"}

    scene.keeper.file("F2", Kind.NEW, ("52.83.0.2",))
    assert scene.keeper.roll_back(second.run_id).exit_status == 0
    assert scene.keeper.roll_back(first.run_id).exit_status == 0
    assert scene.holds(scene.lawful) == {"shop"}


def once_read(scene, act):
    """Somebody acts right after the run has read the account."""
    done = []

    def hook(call):
        if call.operation == "elb:DescribeLoadBalancers" and not done:
            done.append(call)
            act()

    scene.aws.on_call = hook


@pytest.fixture
def shop(store):
    """A group that a closed endpoint and others share; the plan narrows it."""
    scene = Scene(store)
    here = scene.account
    group = here.create_group(scene.vpc, "shop", rules=[tcp(80)])
    here.set_interface_groups(scene.unfiled, [group])
    scene.keeper.file("F1", Kind.NEW, ("52.83.0.1",))
    scene.keeper.apply()
    here.world.groups[group] = here.world.groups[group]._replace(rules=(tcp(80),))
    scene.keeper.file("F9", Kind.NEW, ("52.83.0.9",))
    return scene, group


def test_a_user_who_gains_a_filed_address_meanwhile_loses_nothing(shop):
    scene, group = shop
    plain = scene.account.add_interface(scene.vpc, [group])
    plan = scene.keeper.plan()
    once_read(scene, lambda: scene.account.associate("52.83.0.9", plain))
    report = scene.keeper.apply(plan)
    assert [str(one.result) for one in report.outcomes] == ["blocked"]
    assert "uses the group lawfully" in report.outcomes[0].reason
    assert scene.account.world.groups[group].rules == (tcp(80),)


def test_a_user_who_loses_the_gate_meanwhile_loses_nothing_more(shop):
    scene, group = shop
    gate = scene.named("gatekeeper-gate")
    scene.account.set_interface_groups(scene.lawful, [group, gate])
    plan = scene.keeper.plan()
    once_read(scene, lambda: scene.account.set_interface_groups(scene.lawful, [group]))
    report = scene.keeper.apply(plan)
    assert [str(one.result) for one in report.outcomes] == ["blocked"]
    assert scene.account.world.groups[group].rules == (tcp(80),)


def test_users_who_never_come_to_rest(shop):
    scene, group = shop
    plain = scene.account.add_interface(scene.vpc, [group])
    plan = scene.keeper.plan()

    def flutter(call):
        if call.operation == "DescribeNetworkInterfaces":
            on = scene.account.world.interfaces[plain].associations
            if on:
                scene.account.disassociate("52.83.0.9")
            else:
                scene.account.associate("52.83.0.9", plain)

    scene.aws.on_call = flutter
    report = scene.keeper.apply(plan)
    assert report.exit_status == 3
    assert scene.account.world.groups[group].rules == (tcp(80),)


def shared_with(scene, group):
    """An interface of another account, as the owner of a shared VPC sees it."""
    name = scene.account.add_interface(scene.vpc, [group], eips=["52.83.9.9"])
    scene.account.hand_over(name, "444455556666")
    return name


def test_a_group_that_another_account_uses_meanwhile_is_not_narrowed(shop):
    scene, group = shop
    plan = scene.keeper.plan()
    theirs = shared_with(scene, group)
    report = scene.keeper.apply(plan)
    assert [str(one.result) for one in report.outcomes] == ["blocked"]
    assert f"{theirs} of another account" in report.outcomes[0].reason
    assert scene.account.world.groups[group].rules == (tcp(80),)


def test_a_group_that_another_account_uses_is_not_widened_again(shop):
    scene, group = shop
    report = scene.keeper.apply()
    assert report.exit_status == 0
    narrowed = scene.account.world.groups[group].rules
    scene.keeper.file("F2", Kind.NEW, ("52.83.0.2",))
    theirs = shared_with(scene, group)
    report = scene.keeper.roll_back(report.run_id)
    blocked = [one.reason for one in report.outcomes if one.result == "blocked"]
    assert any(f"{theirs} of another account" in reason for reason in blocked)
    assert scene.account.world.groups[group].rules == narrowed


def test_a_gate_that_another_account_holds_meanwhile_gets_no_port_back(store):
    scene = Scene(store)
    scene.keeper.file("F1", Kind.NEW, ("52.83.0.1",))
    assert scene.keeper.apply().exit_status == 0
    gate = scene.named("gatekeeper-gate")
    scene.account.revoke(gate, [tcp(80)])
    plan = scene.keeper.plan()
    theirs = shared_with(scene, gate)
    report = scene.keeper.apply(plan)
    assert [str(one.result) for one in report.outcomes] == ["blocked"]
    assert theirs in report.outcomes[0].reason
    assert tcp(80) not in scene.account.world.groups[gate].rules


def test_the_gate_of_another_account_in_the_vpc_is_not_taken_for_ours(store):
    scene = Scene(store)
    theirs = scene.account.create_group(scene.vpc, "gatekeeper-gate")
    scene.account.hand_over(theirs, "444455556666")
    scene.keeper.file("F1", Kind.NEW, ("52.83.0.1",))
    report = scene.keeper.apply()
    assert scene.account.world.interfaces[scene.lawful].group_ids == (scene.office,)
    # Whether AWS lets two accounts use one name in a VPC is AWS's to say: the fake says no.
    assert {str(one.result) for one in report.outcomes} == {"failed", "blocked"}


def test_an_account_that_became_unreadable_makes_the_run_incomplete(scene):
    plan = scene.keeper.plan()
    before = len(scene.aws.changes())
    scene.aws.fail(Fault.REFUSED, changing=False)
    report = scene.keeper.apply(plan)
    assert {outcome.result for outcome in report.outcomes} == {"blocked"}
    assert "could not be read completely" in report.outcomes[0].reason
    assert (report.unread, report.exit_status) == ((OWN,), 4)
    assert len(scene.aws.changes()) == before
    assert scene.keeper.apply(plan).exit_status == 0


def test_an_account_that_cannot_be_opened_is_incomplete_and_keeps_no_other_back(store):
    scene = Scene(store)
    other = "444455556666"
    scene.keeper.accounts = (OWN, other)
    there = scene.aws.account(other)
    vpc = there.add_vpc("10.30.0.0/16")
    there.add_interface(vpc, [there.create_group(vpc, "office")], eips=["52.83.7.1"])
    scene.keeper.file("F1", Kind.NEW, ("52.83.0.1",))
    scene.keeper.file("F2", Kind.NEW, ("52.83.7.1",), account=other)
    plan = scene.keeper.plan()
    tools = scene.keeper.tools()

    def open_only_there(account_id):
        if account_id == OWN:
            raise refusal("AssumeRole", "AccessDenied", "no")
        return scene.aws.edge(account_id)

    report = carry_out_plan(
        plan, replace(tools, edge_for=open_only_there), mark=store.register_mark()
    )
    assert {call.account_id for call in scene.aws.changes()} == {other}
    assert (report.unread, report.exit_status) == ((OWN,), 4)
    assert "AccessDenied" in next(o.reason for o in report.outcomes if o.result == "blocked")
    assert store.unfinished_runs() == ()


def test_a_rollback_that_finds_the_lease_held_never_began(scene, store):
    run_id = scene.keeper.apply().run_id
    before = len(scene.aws.changes())
    with store.acquire_lease(OWN), pytest.raises(LeaseHeld) as held:
        scene.keeper.roll_back(run_id)
    assert "is being changed by" in held.value.message
    assert store.unfinished_runs() == ()
    assert store.runs()[0].outcome == "not begun"
    assert len(scene.aws.changes()) == before


def test_a_rollback_of_an_account_that_cannot_be_read_is_incomplete(scene, store):
    run_id = scene.keeper.apply().run_id
    scene.aws.fail(Fault.REFUSED, changing=False)
    report = scene.keeper.roll_back(run_id)
    assert {outcome.result for outcome in report.outcomes} == {"blocked"}
    assert (report.unread, report.exit_status) == ((OWN,), 4)
    tools = scene.keeper.tools()

    def refuse(account_id):
        raise refusal("AssumeRole", "AccessDenied", "no")

    report = roll_back(run_id, replace(tools, edge_for=refuse))
    assert (report.unread, report.exit_status) == ((OWN,), 4)
    assert store.unfinished_runs() == ()


def test_a_narrowing_at_the_quota_is_not_taken_back(store):
    """Old and new rules do not fit together: nothing is tried that AWS would refuse."""
    policy = parse_policy("narrow_without_headroom: true\nlimits: {rules_per_group: 11}\n")
    scene = Scene(store, policy)
    scene.account.rules_per_group = 11
    rules = [tcp(0, 65535), *(tcp(22, source=f"9.9.9.{last}/32") for last in range(3))]
    group = scene.account.create_group(scene.vpc, "full", rules=rules)
    scene.account.set_interface_groups(scene.unfiled, [group])
    report = scene.keeper.apply()
    assert report.exit_status == 0
    narrowed = scene.account.world.groups[group].rules
    assert len(narrowed) == 11
    scene.keeper.file("F1", Kind.NEW, ("52.83.0.2",))
    before = len(scene.aws.changes())
    report = scene.keeper.roll_back(report.run_id)
    assert [str(one.result) for one in report.outcomes] == ["blocked"]
    assert (
        "together are 12 ipv4 rules and limits.rules_per_group is 11" in report.outcomes[0].reason
    )
    assert scene.account.world.groups[group].rules == narrowed
    assert len(scene.aws.changes()) == before


@pytest.fixture
def gated(store):
    """A filed endpoint that holds a whole gate."""
    scene = Scene(store)
    scene.keeper.file("F1", Kind.NEW, ("52.83.0.1",))
    assert scene.keeper.apply().exit_status == 0
    return scene, scene.named("gatekeeper-gate")


EVERYTHING = Rule("-1", None, None, "ipv4", "0.0.0.0/0")
OWN_RULES = {tcp(80), tcp(443), tcp(8080), Rule("udp", 443, 443, "ipv4", "0.0.0.0/0")}


def alter(scene, gate, *rules):
    scene.account.world.groups[gate] = scene.account.world.groups[gate]._replace(rules=rules)


@pytest.mark.parametrize("fault", [None, Fault.KILLED_BEFORE, Fault.KILLED_AFTER])
@pytest.mark.parametrize("at", [1, 2, 3])
def test_a_holder_is_reached_all_the_while_a_gate_is_repaired(gated, fault, at):
    """What lets in nothing of the gate's goes first; what carries it goes last."""
    scene, gate = gated
    alter(scene, gate, EVERYTHING, tcp(22), tcp(80))
    seen = []

    def look(call):
        if call.changing:
            seen.append(set(scene.account.world.groups[gate].rules))

    scene.aws.on_call = look
    if fault is not None:
        scene.aws.fail(fault, at)
        with pytest.raises(Killed):
            scene.keeper.apply()
    assert scene.keeper.apply().exit_status == 0
    assert all(EVERYTHING in rules or rules >= OWN_RULES for rules in seen)
    assert all(tcp(22) not in rules for rules in seen)
    assert set(scene.account.world.groups[gate].rules) == OWN_RULES
    if fault is None:
        assert seen == [{EVERYTHING, tcp(80)}, {EVERYTHING, *OWN_RULES}, OWN_RULES]


def test_a_wide_gate_is_shut_at_once_where_somebody_unlawful_holds_it(gated):
    scene, gate = gated
    alter(scene, gate, EVERYTHING)
    plan = scene.keeper.plan()
    scene.account.set_interface_groups(scene.unfiled, [gate])
    report = scene.keeper.apply(plan)
    assert [str(one.result) for one in report.outcomes] == ["blocked"]
    assert scene.account.world.groups[gate].rules == ()


def test_a_process_that_is_asked_to_end_begins_no_further_action(scene, store):
    plan = scene.keeper.plan()
    assert len(plan.actions) > 1
    tools = scene.keeper.tools()
    done = []
    stopped = replace(tools, stopping=lambda: bool(done), progress=done.append)
    before = len(scene.aws.changes())
    scene.aws.on_call = lambda call: done.append(call) if call.changing else None
    report = carry_out_plan(plan, stopped, mark=store.register_mark())
    results = [outcome.result.value for outcome in report.outcomes]
    assert results[0] == "done"
    assert set(results[1:]) == {"blocked"}
    assert report.exit_status == 3
    assert len(scene.aws.changes()) > before
    scene.aws.on_call = None
    assert scene.keeper.apply(scene.keeper.plan()).exit_status == 0
