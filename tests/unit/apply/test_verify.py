"""After a run everything is read again: a goal that does not hold makes its action fail."""

from __future__ import annotations

import pytest

from gatekeeper.gate import Attach, CreateGate, Detach, Narrow, RepairGate
from gatekeeper.store import open_store
from tests.unit.apply.given import Scene, tcp


@pytest.fixture
def scene():
    with open_store("sqlite://") as store:
        made = Scene(store)
        made.prepare()
        yield made


def undo_narrowing(scene, action):
    scene.account.authorize(action.group_id, [tcp(80)])


def undo_attachment(scene, action):
    gate = scene.named("gatekeeper-gate")
    world = scene.account.world
    if action.endpoint in world.interfaces:
        left = [g for g in world.interfaces[action.endpoint].group_ids if g != gate]
        scene.account.set_interface_groups(action.endpoint, left)
    else:
        left = [g for g in world.load_balancers[action.endpoint].group_ids if g != gate]
        scene.account.set_balancer_groups(action.endpoint, left)


def undo_detachment(scene, action):
    scene.account.set_interface_groups(action.endpoint, [scene.named("gatekeeper-gate")])


def undo_repair(scene, action):
    scene.account.authorize(action.group_id, [tcp(23)])


def undo_creation(scene, action):
    scene.account.authorize(scene.named("gatekeeper-shut"), [tcp(23)])


UNDO = {
    Narrow: (undo_narrowing, "its rules are not as planned"),
    Attach: (undo_attachment, "the gate is not held"),
    Detach: (undo_detachment, "the gate is still held"),
    RepairGate: (undo_repair, "the gate's rules are not as they should be"),
    CreateGate: (undo_creation, "the gate's rules are not as they should be"),
}


@pytest.mark.parametrize("kind", list(UNDO), ids=lambda kind: kind.__name__)
def test_a_goal_that_does_not_hold_is_a_failure(scene, kind):
    plan = scene.keeper.plan()
    action = next(a for a in plan.actions if isinstance(a, kind))
    undo, why = UNDO[kind]
    last = scene.account.world.groups.keys() and max(
        a.sort_key for a in plan.actions if isinstance(a, Narrow)
    )
    final = next(a for a in plan.actions if a.sort_key == last)
    done = []

    def spoil(call):
        ended = call.operation == "RevokeSecurityGroupIngress" and call.subject == final.group_id
        if ended and not done:
            done.append(call)
            undo(scene, action)

    scene.aws.on_call = spoil
    report = scene.keeper.apply(plan)
    assert done
    assert report.exit_status == 1
    failed = {o.action_id: o.reason for o in report.outcomes if o.result == "failed"}
    assert failed[action.id] == f"it was done but does not verify: {why}"


def test_a_lagging_answer_is_read_again(scene):
    scene.aws.lag = True
    slept = []
    scene.keeper.sleep = slept.append
    report = scene.keeper.apply()
    assert report.exit_status == 0, report.outcomes
    assert slept
    assert sum(slept) < 60


def test_an_account_that_cannot_be_read_again_does_not_verify(scene):
    plan = scene.keeper.plan()
    blind = []

    def refuse(call):
        if call.operation == "RevokeSecurityGroupIngress" and not blind:
            blind.append(call)

    scene.aws.on_call = refuse
    edge_for = scene.aws.edge

    class Blind:
        region = scene.aws.region

        def edge(self, account_id):
            edge = edge_for(account_id)
            read = type(edge).read_account

            class Half(type(edge)):
                __slots__ = ()

                def read_account(self):
                    from dataclasses import replace

                    from gatekeeper.account import Failure, ReadStatus

                    state = read(self)
                    finished = sum(c.changing for c in scene.aws.calls) >= total
                    if not finished:
                        return state
                    failure = Failure("DescribeVpcs", "Throttling", "no")
                    return replace(state, status=ReadStatus.PARTIAL, failures=(failure,))

            return Half(edge.aws, edge.account)

    total = sum(c.changing for c in scene.aws.calls) + 12
    scene.keeper.aws = Blind()
    report = scene.keeper.apply(plan)
    assert report.exit_status == 1
    assert {o.result for o in report.outcomes} == {"failed"}
    assert all("could not be read again" in o.reason for o in report.outcomes)
