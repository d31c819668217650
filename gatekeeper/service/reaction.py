"""What follows of events in one account: the touched endpoints judged, and closed where they must.

Only what was touched is read, planned and changed; everything else is the schedule's.  Of the plan
that follows, this part is carried out:

============  ====================================================================
detach        of a touched endpoint
narrow        of a group that exposes a touched endpoint and all of whose users
              were read
attach        to a lawful user of such a group, before it is narrowed
repair-gate   of a gate whose holders were all read: what it lets in beyond its
              ports goes, or a lawful user of such a group needs it whole
create-gate   where one of these needs it
============  ====================================================================
"""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final

from gatekeeper.errors import ApprovalMissing, GatekeeperError, PlanTooLarge
from gatekeeper.gate import (
    SHUT,
    Action,
    Attach,
    Belts,
    CreateGate,
    Detach,
    JudgedAccount,
    Narrow,
    Plan,
    Reconciliation,
    RepairGate,
    Verdict,
    alteration,
    gate_name,
    make_plan,
)
from gatekeeper.reconcile import Memory, judge
from gatekeeper.service.authors import Names, keep_drift, renew
from gatekeeper.survey import read_register

if TYPE_CHECKING:
    from gatekeeper.account import AccountState
    from gatekeeper.apply import Outcome, RunReport
    from gatekeeper.aws.events import Touched
    from gatekeeper.aws.session import Connection
    from gatekeeper.aws.touched import Part, PartEdge
    from gatekeeper.filing import Register
    from gatekeeper.service.context import Context

GATES: Final = (gate_name("ipv4"), gate_name("ipv6"), gate_name(SHUT))
"""The names of the gates."""


class NotNow(GatekeeperError):
    """The account cannot be handled at this moment; the events must come again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Effect:
    """What was done about events of one account."""

    account_id: str
    result: str
    """"nothing", "closed", "planned", "blocked", "refused" or "dropped"."""
    reason: str = ""
    reason_zh: str = ""
    run_id: str | None = None
    plan_id: str | None = None
    closed: tuple[str, ...] = ()
    """Endpoints that were closed, or would be."""
    drifted: int = 0
    """How many differences from the last verified state were told, with who made them."""

    def to_json(self) -> dict[str, Any]:
        """What is kept with each event."""
        kept = {"account_id": self.account_id, "result": self.result}
        more = {"reason": self.reason, "run_id": self.run_id, "plan_id": self.plan_id}
        return {
            **kept,
            **{key: value for key, value in more.items() if value},
            **({"endpoints": list(self.closed)} if self.closed else {}),
        }


class Reactions:
    """Reacts to the events of one batch."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._policy = context.policy
        self._register: Register | None = None

    def react(self, connection: Connection, events: Collection[Touched]) -> Effect:
        """Judge what the events touched, and close what must be closed.

        Raises:
            NotNow: it was not read completely, or a change failed; let the events come again.
            AwsError, StoreError: likewise.
        """
        from gatekeeper.aws.touched import PartEdge, Seeds

        seeds = Seeds.of(events)
        edge = PartEdge(connection, seeds, gates=GATES, spread=self._spread(seeds.groups))
        part = edge.read_part()
        if not part.state.complete:
            raise _unread(part.state)
        store = self._context.store
        judged = self._judge(part.state)
        names = Names(part.touched, seeds.groups)
        drifted = keep_drift(store, judged, names, events, at=self._context.clock())
        plan = self._plan(judged, part)
        done = self._effect(plan, edge)
        if done.judged is not None:
            judged, names = done.judged, names.with_actions(plan.actions)
        renew(store, judged, names)
        return replace(done.effect, drifted=drifted)

    # --- judging

    def _judge(self, state: AccountState) -> JudgedAccount:
        store, at = self._context.store, self._context.clock()
        self._register = read_register(store, self._policy, at)
        memory = Memory(endpoints=store.endpoint_memory([state.account_id]))
        return judge(state, self._register, self._policy, memory, at)

    def _spread(self, groups: frozenset[str]) -> Callable[[AccountState, frozenset[str]], set[str]]:
        """The groups all of whose users must be known before a touched endpoint is closed."""

        def needed(state: AccountState, touched: frozenset[str]) -> set[str]:
            judged = self._judge(state)
            found = {
                group_id
                for ruling in judged.rulings
                if ruling.endpoint.endpoint in touched and ruling.verdict is Verdict.CLOSED
                for group_id in ruling.reach.groups(ruling.family)
                if state.owns(state.groups[group_id].owner_id)
            }
            for (_, kind), gate in judged.gates.ours.items():
                mended = found or gate.group_id in groups
                if mended and alteration(gate, kind, self._policy):
                    found.add(gate.group_id)
            return found

        return needed

    # --- planning

    def _plan(self, judged: JudgedAccount, part: Part) -> Plan:
        context, register = self._context, self._register
        assert register is not None
        account_id = judged.state.account_id
        whole = make_plan(
            Reconciliation(
                region=context.region,
                at=context.clock(),
                accounts=(judged,),
                findings=(),
                muted=(),
                decisions=tuple(ruling.decision for ruling in judged.rulings),
                register=register,
                policy=self._policy,
            ),
            direction="close",
        )
        # The belts count of all endpoints of the account, as for a plan of the schedule.
        known = {name for _, name, _ in context.store.endpoint_memory([account_id])}
        return closing_part(whole, judged, part, endpoints=len(known | set(judged.reach.endpoints)))

    def _effect(self, plan: Plan, edge: PartEdge) -> _Done:
        from gatekeeper.execution import check

        context = self._context
        closes = tuple(sorted(_closes(plan.actions)))
        blocked = plan.blocked[0] if plan.blocked else None
        effect = Effect(
            account_id=edge.account_id,
            result="blocked" if blocked else "nothing",
            reason=blocked.reason if blocked else "",
            reason_zh=blocked.reason_zh if blocked else "",
        )
        if not plan.actions:
            return _Done(effect)
        effect = replace(effect, plan_id=plan.id, closed=closes, result="planned")
        job = context.config.job("close")
        if job is None or not job.enabled or job.mode != "apply":
            return _Done(effect)
        try:
            mark = check(
                plan,
                context.store,
                self._policy,
                region=context.region,
                at=context.clock(),
                allow_large=False,
            )
        except (PlanTooLarge, ApprovalMissing) as error:
            return _Done(
                replace(effect, result="refused", reason=error.message, reason_zh=error.zh)
            )
        report, judged = self._carry_out(plan, edge, mark)
        done = replace(effect, run_id=report.run_id, result="closed")
        return _Done(_ended(done, report), judged)

    def _carry_out(
        self, plan: Plan, edge: PartEdge, mark: int
    ) -> tuple[RunReport, JudgedAccount | None]:
        from gatekeeper.apply import Tools, carry_out_plan

        context = self._context
        verified: list[JudgedAccount] = []

        def keep(judged: JudgedAccount, at: datetime) -> None:
            # Not remember_account: this is a part, and what it lacks is not gone.
            del at
            verified.append(judged)

        def progress(outcome: Outcome) -> None:
            context.metrics.applied([outcome.result.value])

        report = carry_out_plan(
            plan,
            Tools(
                store=context.store,
                policy=self._policy,
                edge_for=lambda _: edge,
                judge=self._judge,
                clock=context.clock,
                sleep=time.sleep,
                actor=context.actor,
                keep=keep,
                progress=progress,
                wait=context.wait,
                stopping=context.stop.is_set,
            ),
            mark=mark,
        )
        return report, verified[-1] if verified else None


@dataclass(frozen=True, slots=True)
class _Done:
    """An effect, and the account as it was verified after a run."""

    effect: Effect
    judged: JudgedAccount | None = None


def closing_part(plan: Plan, judged: JudgedAccount, part: Part, *, endpoints: int) -> Plan:
    """What of a closing plan may be done by a part of an account.

    Args:
        plan: the plan that follows of the part.
        judged: the part, judged.
        part: which endpoints were touched, and of which groups all users are known.
        endpoints: how many endpoints the account has, for the belts.
    """
    narrows = [
        action
        for action in plan.actions
        if isinstance(action, Narrow)
        and action.group_id in part.whole
        and not part.touched.isdisjoint(action.closes)
    ]
    lawful = {user for action in narrows for user in action.keeps}
    places = {ruling.endpoint.endpoint: ruling.endpoint.vpc_id for ruling in judged.rulings}
    gates = {(places[name], family) for name, family in lawful}

    def wanted(action: Action) -> bool:
        if isinstance(action, Narrow):
            return action in narrows
        if isinstance(action, Detach):
            return action.endpoint in part.touched
        if isinstance(action, Attach):
            return (action.endpoint, action.family) in lawful
        if isinstance(action, RepairGate):
            mended = action.removed or action.removed_egress
            return action.group_id in part.whole and bool(
                mended or (action.vpc_id, action.kind) in gates
            )
        return False

    actions = tuple(action for action in plan.actions if wanted(action))
    needed: set[tuple[str, str]] = {
        (action.vpc_id, action.family)
        for action in actions
        if isinstance(action, Attach) and action.gate_id is None
    }
    needed |= {
        (action.vpc_id, SHUT) for action in actions if isinstance(action, Detach) and action.shut
    }
    made = tuple(
        action
        for action in plan.actions
        if isinstance(action, CreateGate) and (action.vpc_id, action.kind) in needed
    )
    kept = tuple(sorted((*actions, *made), key=lambda action: action.sort_key))
    return replace(
        plan,
        actions=kept,
        blocked=tuple(
            one
            for one in plan.blocked
            if one.endpoint in part.touched or one.group_id in part.whole
        ),
        belts=Belts(
            opens=len({action.endpoint for action in kept if isinstance(action, Attach)}),
            closes=len(_closes(kept)),
            endpoints=endpoints,
            floor=plan.belts.floor,
            percent=plan.belts.percent,
            count=plan.belts.count,
        ),
    )


def _closes(actions: Iterable[Action]) -> set[str]:
    """The endpoints that lose reachability."""
    found: set[str] = set()
    for action in actions:
        if isinstance(action, Detach):
            found.add(action.endpoint)
        elif isinstance(action, Narrow):
            found.update(action.closes)
    return found


def _ended(effect: Effect, report: RunReport) -> Effect:
    """How a run ended.

    Raises:
        NotNow: something failed, drifted or was not begun; it may go well the next time.
    """
    from gatekeeper.apply import Result

    undone = [one for one in report.outcomes if one.result not in (Result.DONE, Result.NOOP)]
    if not undone:
        return effect
    first = undone[0]
    if report.unread or any(one.result is not Result.BLOCKED for one in undone):
        raise NotNow(
            f"account {effect.account_id}, run {report.run_id}: {first.reason}; it is tried again",
            zh=f"账号 {effect.account_id}，执行 {report.run_id}：{first.reason_zh}；稍后重试",
        )
    return replace(
        effect,
        result="closed" if len(undone) < len(report.outcomes) else "blocked",
        reason=first.reason,
        reason_zh=first.reason_zh,
    )


def _unread(state: AccountState) -> NotNow:
    failed = ", ".join(f"{one.operation} ({one.code})" for one in state.failures)
    return NotNow(
        f"account {state.account_id} was not read completely: {failed}; it is tried again",
        zh=f"账号 {state.account_id} 未完整读取：{failed}；稍后重试",
    )
