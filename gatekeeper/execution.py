"""From a plan to a run: what must hold before anything is changed, and what a run works with.

Command line and service share it.  The register's mark is read first, so that a register that moves
after the checks still stops the run.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import datetime
from typing import TYPE_CHECKING

from gatekeeper.apply import Edge, GateStack, Outcome, Tools
from gatekeeper.approval import check_approved, check_current
from gatekeeper.drift import snapshot
from gatekeeper.errors import PlanRefused, PlanStale
from gatekeeper.gate import check_belts
from gatekeeper.reconcile import judge
from gatekeeper.survey import read_register, recall, register_version, remember_account

if TYPE_CHECKING:
    from gatekeeper.account import AccountState
    from gatekeeper.gate import JudgedAccount, Plan
    from gatekeeper.policy import Policy
    from gatekeeper.store import Store


def check(
    plan: Plan, store: Store, policy: Policy, *, region: str, at: datetime, allow_large: bool
) -> int:
    """Let a plan pass that may be carried out now; the register's mark to run it with.

    Raises:
        PlanRefused: it was made from a dump.
        PlanStale: the register, the policy or the region is another one.
        PlanTooLarge: it is beyond the belts.
        ApprovalMissing: too few people approved it.
    """
    mark = store.register_mark()
    if plan.offline:
        raise PlanRefused(
            "this plan was made from a dump and cannot be applied; make one without --dump",
            zh="该计划由 --dump 生成，不能执行；请不带 --dump 重新生成",
        )
    if plan.region != region:
        raise PlanStale(
            f"plan {plan.id[:12]} is for {plan.region}, not {region}; pass --region {plan.region}",
            zh=f"计划 {plan.id[:12]} 的区域是 {plan.region}，不是 {region}，"
            f"请使用 --region {plan.region}",
        )
    check_current(plan, policy, register_version(store))
    if not allow_large:
        check_belts(plan.belts)
    check_approved(store, plan, policy, at=at)
    return mark


def pending(plan: Plan, store: Store) -> bool:
    """Whether there is anything to do: actions, or what a run that died still owes."""
    return bool(plan.actions or store.unfinished_runs())


def tools(
    store: Store,
    policy: Policy,
    edge_for: Callable[[str], Edge],
    *,
    actor: str,
    clock: Callable[[], datetime],
    wait: float,
    progress: Callable[[Outcome], None],
    stopping: Callable[[], bool] = lambda: False,
    stack_for: Callable[[str], GateStack | None] = lambda _: None,
) -> Tools:
    """What a run, or a rollback, works with; the register is read once, here.

    ``stack_for`` gives the stack through which an account's gates are changed, where there is one.
    """
    register = read_register(store, policy, clock())
    memory = recall(store)

    def judge_now(state: AccountState) -> JudgedAccount:
        return judge(state, register, policy, memory, clock())

    def keep(account: JudgedAccount, at: datetime) -> None:
        remember_account(store, account, at)
        store.save_snapshot(account.state.account_id, snapshot(account), at=at)

    return Tools(
        store=store,
        policy=policy,
        edge_for=edge_for,
        judge=judge_now,
        clock=clock,
        sleep=time.sleep,
        actor=actor,
        wait=wait,
        keep=keep,
        progress=progress,
        stopping=stopping,
        stack_for=stack_for,
    )
