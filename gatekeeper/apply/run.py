"""Carrying out a plan: checks, lease, actions in order, verification (DESIGN §8).

1. take up the run of a process that died with this plan, or begin one;
2. for each account, under its lease: read it, carry out the actions in the plan's order (each
   reads its own object anew), then read it again by pages and verify every goal.

A register that moves meanwhile, or a lost lease, stops the run: what is left is reported, not done.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import groupby

from gatekeeper.apply.actions import do
from gatekeeper.apply.context import RETRY_SECONDS, Account, Judge
from gatekeeper.apply.edge import Edge
from gatekeeper.apply.groups import load_tags, settle, tags_written_down
from gatekeeper.apply.journal import Journal, RegisterChanged
from gatekeeper.apply.outcome import Outcome, Result, RunReport
from gatekeeper.apply.stacked import GateStack, do_together
from gatekeeper.apply.verify import unmet
from gatekeeper.errors import AwsError, GatekeeperError, LeaseHeld, LeaseLost, PlanRefused
from gatekeeper.gate import Action, JudgedAccount, Narrow, Plan, plan_from_json
from gatekeeper.policy import Policy
from gatekeeper.store import Run, Store

Progress = Callable[[Outcome], None]
Keep = Callable[[JudgedAccount, datetime], None]
"""What to do with an account that was verified: remember it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Tools:
    """What a run works with."""

    store: Store
    policy: Policy
    edge_for: Callable[[str], Edge]
    judge: Judge
    clock: Callable[[], datetime]
    sleep: Callable[[float], None]
    actor: str
    keep: Keep
    progress: Progress
    wait: float = 60.0
    stopping: Callable[[], bool] = lambda: False
    """Whether the process is asked to end: no further action is begun then."""
    stack_for: Callable[[str], GateStack | None] = lambda _: None
    """The stack that owns an account's gates, where they are changed through it."""


def carry_out_plan(plan: Plan, tools: Tools, *, mark: int) -> RunReport:
    """Carry out a plan that was found current, within the belts and approved.

    Args:
        plan: what to do.
        tools: with what.
        mark: the register's mark from before the plan was found current.

    Raises:
        PlanRefused: the plan was made from a dump.
        LeaseHeld: another process is changing an account, and nothing was done yet.
    """
    if plan.offline:
        raise PlanRefused(
            "this plan was made from a dump and cannot be applied; make one without --dump",
            zh="该计划由 --dump 生成，不能执行；请不带 --dump 重新生成",
        )
    store = tools.store
    dead = [run for run in store.unfinished_runs() if run.plan_id != plan.id]
    run_id, resumed = _begin(plan, tools)
    outcomes: dict[str, Outcome] = {}
    settled: set[str] = set()
    unread: set[str] = set()
    elsewhere = False
    for account_id in _accounts(plan, dead):
        actions = [action for action in plan.actions if action.account_id == account_id]
        try:
            lease = store.acquire_lease(account_id, wait=tools.wait)
        except LeaseHeld as held:
            if not outcomes:
                if not resumed:
                    store.finish_run(run_id, "not begun", tools.clock())
                raise
            elsewhere = True
            note(outcomes, every(actions, Result.BLOCKED, held), tools, run_id, account_id)
            continue
        with lease:
            if resumed and not outcomes and ended(run_id, store):
                run_id, resumed = _begin(plan, tools)
            try:
                edge = tools.edge_for(account_id)
            except AwsError as error:
                unread.add(account_id)
                note(outcomes, every(actions, Result.BLOCKED, error), tools, run_id, account_id)
                continue
            account = _AccountRun(tools, edge, run_id, actions, lease.token, mark)
            note(outcomes, account.run(dead), tools, run_id, account_id)
            if account.unread:
                unread.add(account_id)
        settled.add(account_id)
    for run in dead:
        if set(run.accounts) <= settled:
            store.finish_run(run.run_id, "interrupted", tools.clock())
    report = RunReport(
        run_id=run_id,
        plan_id=plan.id,
        outcomes=(*(outcomes[a.id] for a in plan.actions), *_blocked(plan)),
        trail_head="",
        unread=tuple(sorted(unread)),
    )
    if not (resumed and elsewhere) and not _owes(plan, outcomes, run_id, store):
        store.finish_run(run_id, report.ended, tools.clock())
    return replace(report, trail_head=store.trail_head())


def _stopped(action: Action) -> Outcome:
    """What is not begun because the process ends; the next plan has it again."""
    return Outcome(
        action_id=action.id,
        result=Result.BLOCKED,
        reason="the process was asked to end before it was begun",
        reason_zh="进程收到停止请求，该操作尚未开始",
    )


def ended(run_id: str, store: Store) -> bool:
    """Whether the process that we took for dead brought the run to its end meanwhile."""
    run = store.run(run_id)
    return run is None or run.outcome is not None


def _owes(plan: Plan, outcomes: Mapping[str, Outcome], run_id: str, store: Store) -> bool:
    """Whether rules went out of a group first, and those that must follow could not be added.

    Such a run stays unfinished, so that the next one takes it up.
    """
    left = {
        action.id
        for action in plan.actions
        if isinstance(action, Narrow)
        and outcomes[action.id].result not in (Result.DONE, Result.NOOP)
    }
    return bool(left) and not left.isdisjoint(_began_by_removing(run_id, store))


def _began_by_removing(run_id: str, store: Store) -> frozenset[str]:
    """The actions of a run whose first call took rules out."""
    first: dict[str, str] = {}
    for entry in store.journal_entries(run_id):
        first.setdefault(entry.action_id, entry.call)
    return frozenset(name for name, call in first.items() if call == "RevokeSecurityGroupIngress")


def _blocked(plan: Plan) -> Iterator[Outcome]:
    """What the plan itself could not plan."""
    for blocked in plan.blocked:
        yield Outcome(
            action_id=blocked.to_json()["id"],
            result=Result.BLOCKED,
            reason=blocked.reason,
            reason_zh=blocked.reason_zh,
        )


def _begin(plan: Plan, tools: Tools) -> tuple[str, bool]:
    """The run to carry the plan out in: one that died with it, else a new one."""
    for run in tools.store.unfinished_runs():
        if run.plan_id == plan.id and run.kind == "apply":
            return run.run_id, True
    run_id = secrets.token_hex(8)
    tools.store.start_run(
        run_id, plan.id, "apply", tools.actor, tools.clock(), plan.to_json(), accounts=plan.accounts
    )
    return run_id, False


def _accounts(plan: Plan, dead: Iterable[Run]) -> list[str]:
    """Accounts with something to do, or in which a run died."""
    busy = {action.account_id for action in plan.actions}
    for run in dead:
        busy |= set(run.accounts) & set(plan.accounts)
    return sorted(busy)


def note(
    outcomes: dict[str, Outcome],
    found: Iterable[Outcome],
    tools: Tools,
    run_id: str,
    account_id: str,
) -> None:
    """Keep outcomes as they come, in the store too."""
    for outcome in found:
        outcomes[outcome.action_id] = outcome
        tools.store.record_result(
            run_id,
            outcome.action_id,
            str(outcome.result),
            outcome.reason,
            outcome.data,
            at=tools.clock(),
            account_id=account_id,
        )
        tools.progress(outcome)


def every(actions: Iterable[Action], result: Result, why: GatekeeperError) -> Iterator[Outcome]:
    """One outcome for all of some actions."""
    for action in actions:
        yield Outcome(action_id=action.id, result=result, reason=why.message, reason_zh=why.zh)


class _AccountRun:
    """The actions of one account, under its lease."""

    def __init__(
        self,
        tools: Tools,
        edge: Edge,
        run_id: str,
        actions: Sequence[Action],
        token: int,
        mark: int,
    ) -> None:
        self.tools = tools
        self.actions = actions
        self.account_id = edge.account_id
        self.unread = False
        """Whether the account could not be read completely at some point of the run."""
        self.edge = edge
        self.stack = tools.stack_for(edge.account_id)
        entries = tools.store.journal_entries(run_id)
        self.owed = tags_written_down(entries)
        self.journal = Journal(
            tools.store,
            run_id,
            token,
            mark,
            tools.clock,
            begun=frozenset(entry.action_id for entry in entries),
        )

    def run(self, dead: Iterable[Run]) -> Iterator[Outcome]:
        """Each action's outcome; first what runs that died here owe is put back."""
        judged = self.tools.judge(self.edge.read_account())
        account = Account(
            self.edge, self.journal, self.tools.policy, self.tools.judge, judged, self.tools.sleep
        )
        account.owed = self.owed
        self._settle(account, dead)
        if not self.actions:
            return
        found: dict[str, Outcome] = {}
        for action, outcome in self._each(account):
            found[action.id] = outcome
            self.unread = self.unread or not account.judged.state.complete
            if outcome.result not in (Result.DONE, Result.NOOP):
                yield outcome
        yield from self._verified(found)

    def _each(self, account: Account) -> Iterator[tuple[Action, Outcome]]:
        if not account.judged.state.complete:
            failed = ", ".join(f"{f.operation} ({f.code})" for f in account.judged.state.failures)
            for action in self.actions:
                yield (
                    action,
                    Outcome(
                        action_id=action.id,
                        result=Result.BLOCKED,
                        reason=f"the account could not be read completely: {failed}",
                        reason_zh=f"账号未能完整读取：{failed}",
                    ),
                )
            return
        try:
            load_tags(account, self.actions)
        except AwsError as error:
            for action, outcome in zip(
                self.actions, every(self.actions, Result.FAILED, error), strict=True
            ):
                yield action, outcome
            return
        left = {action.id: action for action in self.actions}
        for batch in self._batches():
            if self.tools.stopping():
                for later in left.values():
                    yield later, _stopped(later)
                return
            try:
                for action, outcome in self._carried_out(account, batch):
                    left.pop(action.id, None)
                    if outcome.result is Result.NOOP and action.id in self.journal.begun:
                        yield action, replace(outcome, result=Result.DONE)
                    else:
                        yield action, outcome
            except (RegisterChanged, LeaseLost) as stopped:
                undone = list(left.values())
                result = Result.DRIFTED if isinstance(stopped, RegisterChanged) else Result.FAILED
                yield from zip(undone, every(undone, result, stopped), strict=True)
                return

    def _batches(self) -> Iterator[Sequence[Action]]:
        """The actions one by one, or phase by phase where a stack owns the gates."""
        if self.stack is None:
            for action in self.actions:
                yield (action,)
            return
        for _, batch in groupby(self.actions, key=lambda action: action.phase):
            yield tuple(batch)

    def _carried_out(
        self, account: Account, batch: Sequence[Action]
    ) -> Iterator[tuple[Action, Outcome]]:
        if self.stack is not None:
            yield from do_together(account, self.stack, batch)
            return
        for action in batch:
            yield action, do(account, action)

    def _verified(self, found: Mapping[str, Outcome]) -> Iterator[Outcome]:
        """Read the account again by pages: what was reported done must be so."""
        good = [
            action
            for action in self.actions
            if found[action.id].result in (Result.DONE, Result.NOOP)
        ]
        if not good:
            return
        judged = self.tools.judge(self.edge.read_account())
        missing = unmet(good, found, judged, self.tools.policy)
        for pause in RETRY_SECONDS:
            if not missing:
                break
            self.tools.sleep(pause)
            judged = self.tools.judge(self.edge.read_account())
            missing = unmet(good, found, judged, self.tools.policy)
        for action in good:
            outcome = found[action.id]
            if action.id in missing:
                why, why_zh = missing[action.id]
                outcome = Outcome(
                    action_id=action.id,
                    result=Result.FAILED,
                    reason=f"it was done but does not verify: {why}",
                    reason_zh=f"已执行但验证未通过：{why_zh}",
                    data=outcome.data,
                )
            yield outcome
        if judged.state.complete:
            self.tools.keep(judged, self.tools.clock())

    def _settle(self, account: Account, dead: Iterable[Run]) -> None:
        for run in dead:
            if run.kind == "apply" and self.account_id in run.accounts:
                owed = tags_written_down(self.tools.store.journal_entries(run.run_id))
                for action in _half_done(run, self.tools.store, self.account_id):
                    settle(account, action, owed.get(action.id, ()))


def _half_done(run: Run, store: Store, account_id: str) -> Iterator[Narrow]:
    """Narrowings of a dead run that took rules out first and never came to their end."""
    ended = {
        result.action_id
        for result in store.results(run.run_id)
        if result.result in (Result.DONE, Result.NOOP)
    }
    owed = _began_by_removing(run.run_id, store) - ended
    for action in plan_from_json(dict(run.plan)).actions:
        if isinstance(action, Narrow) and action.account_id == account_id and action.id in owed:
            yield action
