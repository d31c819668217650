"""Whatever befalls any one call of a plan, the account ends as if nothing had happened."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from gatekeeper.policy import Policy, default_policy, parse_policy
from gatekeeper.store import Store, open_store
from gatekeeper.testing import Fault, Killed
from tests.unit.apply.given import Scene, shape

pytestmark = pytest.mark.no_cover

#: The whole plan has so many changing calls; a test holds this figure to the truth.
CALLS = 12
KILLED = (Fault.KILLED_BEFORE, Fault.KILLED_AFTER)


@pytest.fixture
def store(empty_store: Path, tmp_path: Path) -> Iterator[Store]:
    path = tmp_path / "gatekeeper.db"
    shutil.copy(empty_store, path)
    with open_store(f"sqlite:///{path}") as opened:
        yield opened


def undisturbed(policy: Policy):
    with open_store("sqlite://") as store:
        scene = Scene(store, policy)
        scene.account.rules_per_group = policy.limits.rules_per_group
        scene.prepare()
        before = len(scene.aws.changes())
        report = scene.keeper.apply()
        assert report.exit_status == 0
        assert not scene.keeper.plan().actions
        return shape(scene.account.world), scene.aws.changes()[before:]


@pytest.fixture(scope="module")
def goal():
    return undisturbed(default_policy())


TIGHT = parse_policy("narrow_without_headroom: true\nlimits: {rules_per_group: 15}\n")


def test_the_plan_has_every_kind_of_action(store, goal):
    scene = Scene(store)
    scene.prepare()
    plan = scene.keeper.plan()
    kinds = {action.op for action in plan.actions}
    assert kinds == {"repair-gate", "create-gate", "attach", "detach", "narrow"}
    assert len(goal[1]) == CALLS


def finish(scene: Scene, plan, *, same_file: bool) -> None:
    """Start again until nothing is left: first with the same file, or always without one."""
    if same_file:
        scene.keeper.apply(plan)
    for _ in range(4):
        left = scene.keeper.plan()
        if not left.actions and not scene.keeper.store.unfinished_runs():
            return
        scene.keeper.apply(left)
    raise AssertionError([action.describe() for action in left.actions])


@pytest.mark.parametrize("at", range(1, CALLS + 1))
@pytest.mark.parametrize("fault", list(Fault))
def test_any_fault_at_any_changing_call(store, goal, fault, at):
    scene = Scene(store)
    scene.prepare()
    plan = scene.keeper.plan()
    scene.aws.fail(fault, at)
    if fault in KILLED:
        try:
            scene.keeper.apply(plan)
        except Killed:
            assert store.unfinished_runs()
    else:
        report = scene.keeper.apply(plan)
        assert not store.unfinished_runs()
        results = {outcome.result for outcome in report.outcomes}
        assert results <= {"done", "noop", "blocked", "failed"}
    scene.aws.clear_faults()
    finish(scene, plan, same_file=at % 2 == 0)
    assert shape(scene.account.world) == goal[0]
    assert store.verify_trail().ok


@pytest.mark.parametrize("at", range(1, 25, 3))
@pytest.mark.parametrize("fault", [Fault.REFUSED, Fault.KILLED_AFTER])
def test_any_fault_at_a_read(store, goal, fault, at):
    scene = Scene(store)
    scene.prepare()
    plan = scene.keeper.plan()
    scene.aws.fail(fault, at, changing=False)
    try:
        scene.keeper.apply(plan)
    except Killed:
        assert store.unfinished_runs()
    scene.aws.clear_faults()
    finish(scene, plan, same_file=True)
    assert shape(scene.account.world) == goal[0]


@pytest.fixture(scope="module")
def tight_goal():
    return undisturbed(TIGHT)


def test_without_headroom_the_wide_rules_go_first(tight_goal):
    scene_calls = [c.operation for c in tight_goal[1] if c.operation.endswith("Ingress")]
    assert scene_calls[-2:] == ["RevokeSecurityGroupIngress", "AuthorizeSecurityGroupIngress"]


@pytest.mark.parametrize("at", range(1, CALLS + 1))
@pytest.mark.parametrize("fault", [Fault.THROTTLED, Fault.LOST, *KILLED])
def test_what_went_out_first_always_comes_back(store, tight_goal, fault, at):
    """Without headroom the wide rules go first: what they allowed besides is owed from then on."""
    scene = Scene(store, TIGHT)
    scene.account.rules_per_group = 15
    scene.prepare()
    plan = scene.keeper.plan()
    for call in range(at, at + (6 if fault is Fault.THROTTLED else 1)):
        scene.aws.fail(fault, call)
    try:
        scene.keeper.apply(plan)
    except Killed:
        assert store.unfinished_runs()
    scene.aws.clear_faults()
    finish(scene, plan, same_file=at % 2 == 0)
    assert shape(scene.account.world) == tight_goal[0]
