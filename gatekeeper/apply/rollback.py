"""Taking a run back, action by action in reverse, by the three-way rule (DESIGN §8).

=====================  ==================================================
what is found          then
=====================  ==================================================
as before the run      nothing to do
as the run left it     put back, if filings in effect still allow it
anything else          refused: somebody else changed it since
=====================  ==================================================

Nothing is reopened that filings do not cover: a narrowed group is widened again only if every
endpoint that it would expose is decided open, a gate is given back only to an endpoint decided
open, and a gate that was repaired stays right.  A gate is not taken from an endpoint that needs it
since a group that it shares stays narrowed.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace

from gatekeeper.account import FAMILIES, Family, Rule, SecurityGroup
from gatekeeper.apply.context import Account, Refused
from gatekeeper.apply.edge import Edge
from gatekeeper.apply.endpoints import endpoint_of, refuse_drift, ruling_of, set_groups
from gatekeeper.apply.groups import known_tags, list_weights, load_tags
from gatekeeper.apply.journal import Journal, RegisterChanged
from gatekeeper.apply.outcome import Outcome, Result, RunReport
from gatekeeper.apply.rules import Drifted, RuleChange, carry_out
from gatekeeper.apply.run import Tools, ended, every, note
from gatekeeper.errors import AwsError, LeaseHeld, LeaseLost, UnknownRecord
from gatekeeper.gate import (
    Action,
    Attach,
    CreateGate,
    Detach,
    Narrow,
    Narrowing,
    RepairGate,
    Ruling,
    Verdict,
    alteration,
    is_ours,
    plan_from_json,
    quotas,
    rule_key,
)
from gatekeeper.store import Run


def roll_back(run_id: str, tools: Tools) -> RunReport:
    """Take back what a run did and what is still lawful to take back.

    Raises:
        UnknownRecord: no such run, or it is itself a rollback.
        LeaseHeld: another process is changing an account, and nothing was taken back yet.
    """
    store = tools.store
    run = store.run(run_id)
    if run is None or run.kind != "apply":
        raise UnknownRecord(
            f"no run {run_id} that changed anything; see gatekeeper history for run ids",
            zh=f"没有可回滚的运行 {run_id}，请用 gatekeeper history 查看运行编号",
        )
    mark = store.register_mark()
    actions = _to_take_back(run, tools)
    new_id, resumed = _begin(run, tools)
    outcomes: dict[str, Outcome] = {}
    unread: list[str] = []
    elsewhere = False
    for account_id in sorted({action.account_id for action in actions}):
        mine = [action for action in actions if action.account_id == account_id]
        try:
            lease = store.acquire_lease(account_id, wait=tools.wait)
        except LeaseHeld as held:
            if not outcomes:
                if not resumed:
                    store.finish_run(new_id, "not begun", tools.clock())
                raise
            elsewhere = True
            note(outcomes, every(mine, Result.BLOCKED, held), tools, new_id, account_id)
            continue
        with lease:
            if resumed and not outcomes and ended(new_id, store):
                new_id, resumed = _begin(run, tools)
            try:
                edge = tools.edge_for(account_id)
            except AwsError as error:
                unread.append(account_id)
                note(outcomes, every(mine, Result.BLOCKED, error), tools, new_id, account_id)
                continue
            back = _AccountRollback(tools, edge, run, new_id, lease.token, mark)
            note(outcomes, back.run(mine), tools, new_id, account_id)
            if not back.account.judged.state.complete:
                unread.append(account_id)
    report = RunReport(
        run_id=new_id,
        plan_id=run.plan_id,
        outcomes=tuple(outcomes.values()),
        trail_head="",
        unread=tuple(unread),
    )
    if not (resumed and elsewhere):
        store.finish_run(new_id, report.ended, tools.clock())
    return replace(report, trail_head=store.trail_head())


def _begin(run: Run, tools: Tools) -> tuple[str, bool]:
    """The rollback of this run that died, else a new one; and whether it died."""
    for other in tools.store.unfinished_runs():
        if other.kind == "rollback" and other.plan.get("rolls_back") == run.run_id:
            return other.run_id, True
    run_id = secrets.token_hex(8)
    tools.store.start_run(
        run_id,
        run.plan_id,
        "rollback",
        tools.actor,
        tools.clock(),
        {"rolls_back": run.run_id},
        accounts=run.accounts,
    )
    return run_id, False


def _to_take_back(run: Run, tools: Tools) -> list[Action]:
    """Actions that changed something, the last first."""
    plan = plan_from_json(dict(run.plan))
    touched = {entry.action_id for entry in tools.store.journal_entries(run.run_id)}
    return [action for action in reversed(plan.actions) if action.id in touched]


class _AccountRollback:
    """The rollback of one run in one account, under its lease."""

    def __init__(
        self, tools: Tools, edge: Edge, run: Run, new_id: str, token: int, mark: int
    ) -> None:
        self.tools = tools
        self.edge = edge
        self.journal = Journal(
            tools.store,
            new_id,
            token,
            mark,
            tools.clock,
            begun=frozenset(
                entry.action_id
                for one in (run.run_id, new_id)
                for entry in tools.store.journal_entries(one)
            ),
        )
        self.made = {result.action_id: result.data for result in tools.store.results(run.run_id)}
        judged = tools.judge(self.edge.read_account())
        self.account = Account(
            self.edge, self.journal, tools.policy, tools.judge, judged, tools.sleep
        )
        self.kept_narrow = set(self._narrowed_since(run))
        """Endpoints and families that share a group which stays narrowed."""

    def _narrowed_since(self, run: Run) -> Iterator[tuple[str, Family]]:
        """Who needs the gate of this run since a later one narrowed a group that it shares."""
        state = self.account.judged.state
        for other in self.tools.store.runs():
            if other.started_at <= run.started_at:
                return
            if other.kind != "apply" or state.account_id not in other.accounts:
                continue
            begun = {entry.action_id for entry in self.tools.store.journal_entries(other.run_id)}
            for action in plan_from_json(dict(other.plan)).actions:
                if not isinstance(action, Narrow) or action.id not in begun:
                    continue
                group = state.groups.get(action.group_id)
                before = {rule_key(rule) for rule in action.before}
                if group is not None and {rule_key(rule) for rule in group.rules} != before:
                    yield from action.keeps

    def run(self, actions: list[Action]) -> Iterator[Outcome]:
        if self.account.judged.state.complete:
            load_tags(self.account, actions)
        for place, action in enumerate(actions):
            try:
                outcome = self._one(action)
            except (RegisterChanged, LeaseLost) as stopped:
                for left in actions[place:]:
                    yield Outcome(
                        action_id=left.id,
                        result=Result.BLOCKED,
                        reason=stopped.message,
                        reason_zh=stopped.zh,
                    )
                return
            if isinstance(action, Narrow) and outcome.result not in (Result.DONE, Result.NOOP):
                self.kept_narrow |= set(action.keeps)
            yield outcome
        judged = self.tools.judge(self.edge.read_account())
        if judged.state.complete:
            self.tools.keep(judged, self.tools.clock())

    def _one(self, action: Action) -> Outcome:
        try:
            if not self.account.judged.state.complete:
                raise self.account.unreadable()
            result, reason, reason_zh = self._take_back(action)
        except Refused as refused:
            result, reason, reason_zh = refused.result, refused.reason, refused.reason_zh
        except Drifted:
            result = Result.DRIFTED
            reason = f"{action.target} was changed by somebody else since; it is left as it is"
            reason_zh = f"{action.target} 在此之后被他人改动，保持现状"
        except AwsError as error:
            result, reason, reason_zh = Result.FAILED, error.message, error.zh
        return Outcome(action_id=action.id, result=result, reason=reason, reason_zh=reason_zh)

    def _take_back(self, action: Action) -> tuple[Result, str, str]:
        if isinstance(action, Narrow):
            return self._widen(action)
        if isinstance(action, Attach):
            return self._loosen(action)
        if isinstance(action, Detach):
            return self._give_back(action)
        if isinstance(action, CreateGate):
            return self._delete(action)
        if isinstance(action, RepairGate):
            raise Refused(
                Result.BLOCKED,
                "a gate that was put right is never put wrong again",
                "已修复的闸门不会恢复为错误状态",
            )
        raise TypeError(f"no such action: {action!r}")

    def _widen(self, action: Narrow) -> tuple[Result, str, str]:
        group = self.account.read_group(action.group_id)
        tags = self._tags(action)
        change = RuleChange(
            group_id=action.group_id,
            before=_result_of(action),
            added=action.removed,
            removed=action.added,
            tags=tags,
        )
        to_add, to_remove = change.left(group.rules, begun=action.id in self.journal.begun)
        if not to_add and not to_remove:
            return Result.NOOP, "it is as it was before the run", "已是运行前的状态"
        self.account.refuse_changed_users(action.group_id)
        for ruling in self._users(action.group_id, action.families):
            if ruling.verdict is not Verdict.OPEN:
                raise Refused(
                    Result.BLOCKED,
                    f"it would expose {ruling.endpoint.endpoint}, which is {ruling.verdict}:"
                    f" {ruling.decision.reason}",
                    f"会暴露 {ruling.endpoint.endpoint}（{ruling.verdict}）："
                    f"{ruling.decision.reason_zh}",
                )
        self.account.refuse_strangers(action.group_id)
        self._refuse_beyond_quota(group, [action.removed[place] for place in to_add])
        carry_out(change, self.edge, self.journal, action.id, group.rules)
        return Result.DONE, "the group is as it was before the run", "安全组已恢复为运行前的状态"

    def _refuse_beyond_quota(self, group: SecurityGroup, back: Sequence[Rule]) -> None:
        """The old rules come in before the narrow ones go: both need room for a moment.

        Raises:
            Refused: there is none; nothing was changed.
        """
        limit = self.tools.policy.limits.rules_per_group
        change = Narrowing(removed=(), added=tuple(back), heirs={})
        for quota in quotas(group.rules, change, list_weights(self.account)):
            if quota.moment > limit:
                raise Refused(
                    Result.BLOCKED,
                    f"old and new rules together are {quota.moment} {quota.family} rules and"
                    f" limits.rules_per_group is {limit}",
                    f"新旧规则并存时共 {quota.moment} 条 {quota.family} 规则，"
                    f"超过 limits.rules_per_group（{limit}）",
                )

    def _tags(self, action: Narrow) -> tuple[dict[str, str], ...]:
        """The tags of the rules that come back: those that their heirs carry now."""
        tags: dict[int, dict[str, str]] = {}
        known = known_tags(self.account, action.group_id)
        for rule, heir in zip(action.added, action.heirs, strict=True):
            tags.setdefault(heir, known.get(rule_key(rule), {}))
        return tuple(tags.get(place, {}) for place in range(len(action.removed)))

    def _users(self, group_id: str, families: Iterable[Family]) -> Iterator[Ruling]:
        wanted = frozenset(families)
        for ruling in self.account.judged.rulings:
            if group_id in ruling.endpoint.group_ids and ruling.family in wanted:
                yield ruling

    def _loosen(self, action: Attach) -> tuple[Result, str, str]:
        """Take the gate from an endpoint that the run opened."""
        if (action.endpoint, action.family) in self.kept_narrow:
            raise Refused(
                Result.BLOCKED,
                "a group that it shares stays narrowed, so without the gate it would lose traffic",
                "与其共用的安全组仍为收窄状态，移除闸门会使其失去流量",
            )
        ruling = ruling_of(self.account, action)
        endpoint = endpoint_of(self.account, action, ruling)
        gate_id = str(self.made.get(action.id, {}).get("gate_id") or action.gate_id)
        if gate_id not in endpoint.group_ids:
            return Result.NOOP, "it does not hold the gate", "未绑定闸门"
        refuse_drift(self.account, action, endpoint)
        others = tuple(g for g in endpoint.group_ids if g != gate_id)
        set_groups(self.account, action, endpoint, others)
        return Result.DONE, "the gate is taken off again", "已移除闸门"

    def _give_back(self, action: Detach) -> tuple[Result, str, str]:
        ruling = ruling_of(self.account, action)
        endpoint = endpoint_of(self.account, action, ruling)
        gate_id = action.gate_id or ""
        if gate_id in endpoint.group_ids:
            return Result.NOOP, "it holds the gate", "已绑定闸门"
        if ruling.verdict is not Verdict.OPEN:
            raise Refused(
                Result.BLOCKED,
                f"it is {ruling.verdict}: {ruling.decision.reason}",
                f"判定为 {ruling.verdict}：{ruling.decision.reason_zh}",
            )
        gate = self.account.read_group(gate_id)
        if not is_ours(gate, self.tools.policy) or alteration(
            gate, action.family, self.tools.policy
        ):
            raise Refused(
                Result.BLOCKED,
                f"gate {gate_id} does not let in just what it should",
                f"闸门 {gate_id} 的规则与应有内容不符",
            )
        refuse_drift(self.account, action, endpoint)
        set_groups(self.account, action, endpoint, (*endpoint.group_ids, gate_id))
        return Result.DONE, "the gate is given back", "已重新绑定闸门"

    def _delete(self, action: CreateGate) -> tuple[Result, str, str]:
        group_id = str(self.made.get(action.id, {}).get("group_id") or "")
        group = self.edge.read_groups([group_id]).get(group_id) if group_id else None
        if group is None:
            return Result.NOOP, "the gate is gone", "闸门已不存在"
        if not is_ours(group, self.tools.policy) or alteration(
            group, action.kind, self.tools.policy
        ):
            raise Drifted
        if not self.account.refresh():
            raise self.account.unreadable()
        users = self.edge.group_users(group_id).keys() | {
            r.endpoint.endpoint for r in self._users(group_id, FAMILIES)
        }
        if users:
            raise Refused(
                Result.BLOCKED,
                f"{', '.join(sorted(users))} holds it",
                f"{', '.join(sorted(users))} 仍在使用",
            )
        self.journal.call(
            action.id,
            "DeleteSecurityGroup",
            {"group_id": group_id},
            lambda: self.edge.delete_group(group_id),
        )
        return Result.DONE, "the gate is deleted again", "已删除闸门"


def _result_of(action: Narrow) -> tuple[Rule, ...]:
    """The rules that a narrowing leaves."""
    removed = set(action.removed)
    return (*(rule for rule in action.before if rule not in removed), *action.added)
