"""Carrying out actions through the stack that owns the gates, where it owns them.

The checks are those of the direct way, made before the preview and again before the update, since
a preview takes its time; the preview must be exactly the batch; the update is journalled for each
of its actions; AWS, read again, says what holds.

===========  ==========================================  ====================================
action       through the stack                           directly
===========  ==========================================  ====================================
create-gate  where no gate stands yet                    the empty group; a gate that stands
repair-gate  ports of a gate that the stack owns         what the stack does not know of it
attach       an interface to a gate that the stack owns  load balancers, other gates
detach       an attachment that the stack owns           others; where the gate is all it has
narrow                                                   always: no stack of gates owns these
===========  ==========================================  ====================================
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final, Protocol

from gatekeeper.account import Doubt, Family, Handle, Rule, SecurityGroup
from gatekeeper.apply import endpoints, gates
from gatekeeper.apply.actions import attempt, do
from gatekeeper.apply.context import Account, Refused
from gatekeeper.apply.outcome import Outcome, Result
from gatekeeper.errors import AwsError, StackError
from gatekeeper.gate import (
    SHUT,
    Action,
    Attach,
    CreateGate,
    Detach,
    GateChange,
    GateHeld,
    GateKind,
    GatePorts,
    RepairGate,
    alteration,
    gate_name,
    is_ours,
    rule_key,
)

UP: Final = "PulumiUp"
"""The call's name in the journal."""
Done = tuple[Result, Mapping[str, str]]


class GateStack(Protocol):
    """The stack that owns gates of one account; what it says is as of the last ``read``."""

    @property
    def stack(self) -> str:
        """Its name, for people."""
        ...

    def read(self) -> None:
        """Read its state anew, refreshed from AWS.

        Raises:
            StackError: it cannot be read; the other methods raise it too.
        """
        ...

    def gate(self, vpc_id: str, family: Family) -> str | None:
        """The id of the gate that it owns there."""
        ...

    def ports(self, vpc_id: str, family: Family) -> frozenset[tuple[str, int]]:
        """What its gate there lets in, as far as the stack knows."""
        ...

    def attached(self, interface_id: str, family: Family) -> bool:
        """Whether it owns the attachment of an interface."""
        ...

    def propose(self, changes: Sequence[GateChange]) -> Doubt | None:
        """Preview changes; why they may not be brought up, where the preview is not just they."""
        ...

    def carry_out(self) -> None:
        """Bring up what was proposed last and not refused."""
        ...


def do_together(
    account: Account, stack: GateStack, actions: Sequence[Action]
) -> Iterator[tuple[Action, Outcome]]:
    """Actions of one phase: what the stack owns in one update of it, the rest directly.

    Raises:
        RegisterChanged, LeaseLost: the whole run must stop; what was yielded is done.
    """
    batch = _Batch(account, stack)
    yield from batch.run(actions)


@dataclass(slots=True)
class _Item:
    """An action that waits for the update."""

    action: Action
    change: GateChange
    holds: Callable[[], bool]
    """Whether AWS shows its goal."""
    still: Callable[[], object]
    """Raises what ``attempt`` knows, where something is against the action by now."""
    after: Callable[[], None] = lambda: None
    """What is left to be done directly once the update is done."""
    outcome: Outcome | None = None


@dataclass(slots=True)
class _Batch:
    """The actions of one phase."""

    account: Account
    stack: GateStack
    items: dict[str, _Item] = field(default_factory=dict)
    reread: bool = False
    """Whether something was changed directly that the stack's state shows."""
    directly: set[str] = field(default_factory=set)

    def run(self, actions: Sequence[Action]) -> Iterator[tuple[Action, Outcome]]:
        unread = self._read() if any(map(_may_be_stacked, actions)) else None
        for action in actions:
            if unread is not None and _may_be_stacked(action):
                yield action, _failed(action, unread)
                continue
            outcome = attempt(action, lambda action=action: self._begin(action))  # type: ignore[misc]
            if action.id in self.items:
                self.items[action.id].outcome = outcome
            else:
                yield action, self._told(action, outcome)
        if self.items:
            yield from self._update()

    def _read(self) -> StackError | None:
        try:
            self.stack.read()
        except StackError as error:
            return error
        return None

    def _told(self, action: Action, outcome: Outcome) -> Outcome:
        """An outcome that says that the direct way was taken, where it was."""
        if action.id not in self.directly or outcome.result is not Result.DONE:
            return outcome
        return replace(
            outcome,
            reason=f"{outcome.reason}; done directly, stack {self.stack.stack} does not own it",
            reason_zh=f"{outcome.reason_zh}；不归堆栈 {self.stack.stack} 所有，已直接执行",
        )

    # before the update -------------------------------------------------------------------------

    def _begin(self, action: Action) -> Done:
        """Carry an action out directly, or let it wait for the update."""
        if isinstance(action, CreateGate) and action.kind != SHUT:
            return self._create(action)
        if isinstance(action, RepairGate) and action.kind != SHUT:
            if self.stack.gate(action.vpc_id, _family(action.kind)) == action.group_id:
                return self._repair(action)
        elif isinstance(action, Attach) and action.handle is Handle.INTERFACE:
            return self._attach(action)
        elif isinstance(action, Detach) and self.stack.attached(action.endpoint, action.family):
            return self._detach(action)
        return self._directly(action)

    def _directly(self, action: Action) -> Done:
        self.directly.add(action.id)
        outcome = do(self.account, action)
        if outcome.result in (Result.DONE, Result.NOOP):
            return outcome.result, outcome.data
        raise Refused(outcome.result, outcome.reason, outcome.reason_zh)

    def _wait(
        self,
        action: Action,
        change: GateChange,
        holds: Callable[[], bool],
        still: Callable[[], object],
        data: Mapping[str, str] | None = None,
        after: Callable[[], None] = lambda: None,
    ) -> Done:
        self.items[action.id] = _Item(action, change, holds, still, after)
        return Result.DONE, {**(data or {}), "stack": self.stack.stack}

    def _create(self, action: CreateGate) -> Done:
        account, family = self.account, _family(action.kind)
        group = account.edge.find_group(action.vpc_id, gate_name(action.kind))
        if group is not None:
            if group.group_id != self.stack.gate(action.vpc_id, family):
                return self._directly(action)
            changed = alteration(group, action.kind, account.policy)
            if not changed:
                return Result.NOOP, {"group_id": group.group_id}
            if changed.extra or changed.egress:
                return self._directly(action)
            gates.refuse_unlawful(account, group, action.kind)
        return self._wait(
            action,
            GatePorts(action.vpc_id, family, _ports(action.rules)),
            lambda: self._whole(action.vpc_id, action.kind),
            lambda: self._lawful(group, action.kind),
        )

    def _repair(self, action: RepairGate) -> Done:
        """Put a gate right: what the stack does not know goes directly, ports through the stack."""
        account, family = self.account, _family(action.kind)
        group = gates.ready_to_repair(account, action)
        if group is None:
            return Result.NOOP, {}
        changed = alteration(group, action.kind, account.policy)
        missing = changed.missing if action.added else ()
        owned = self.stack.ports(action.vpc_id, family)
        strange = tuple(rule for rule in changed.extra if not _known(rule, family, owned))
        carrying = tuple(rule for rule in strange if gates.carries(rule, missing))
        beyond = tuple(rule for rule in strange if rule not in carrying)
        if changed.egress:
            gates.close_egress(account, action.id, group)
        gates.change_rules(account, action.id, group.group_id, group.rules, removed=beyond)
        self.reread = self.reread or bool(changed.egress or beyond)

        def finish() -> None:
            """Take out what carried the ports meanwhile."""
            keys = set(map(rule_key, carrying))
            if keys:
                rules = account.read_group(group.group_id).rules
                wide = tuple(rule for rule in rules if rule_key(rule) in keys)
                gates.change_rules(account, action.id, group.group_id, rules, removed=wide)

        if missing:
            try:
                gates.refuse_unlawful(account, group, action.kind)
            except Refused:
                finish()
                raise
        wanted = set(account.policy.opened_ports)
        ports = wanted if missing else wanted & owned
        if ports == owned:
            finish()
            self.directly.add(action.id)
            return Result.DONE, {}
        return self._wait(
            action,
            GatePorts(action.vpc_id, family, tuple(sorted(ports))),
            lambda: self._whole(action.vpc_id, action.kind, carrying, add=bool(action.added)),
            lambda: self._lawful(group if missing else None, action.kind),
            after=finish,
        )

    def _lawful(self, gate: SecurityGroup | None, kind: GateKind) -> None:
        """Refuse ports for a gate that somebody holds unlawfully by now; a new one nobody holds."""
        if gate is not None:
            gates.refuse_unlawful(self.account, gate, kind)

    def _attach(self, action: Attach) -> Done:
        endpoint, gate = endpoints.ready_to_attach(self.account, action)
        data = {"gate_id": gate.group_id}
        if gate.group_id in endpoint.group_ids:
            return Result.NOOP, data
        if gate.group_id != self.stack.gate(action.vpc_id, action.family):
            return self._directly(action)
        return self._wait(
            action,
            GateHeld(action.endpoint, action.family, action.vpc_id, held=True),
            lambda: self._held(action, gate) is True,
            lambda: endpoints.ready_to_attach(self.account, action),
            data,
        )

    def _detach(self, action: Detach) -> Done:
        endpoint, gate = endpoints.ready_to_detach(self.account, action)
        if gate.group_id not in endpoint.group_ids:
            return Result.NOOP, {}
        if set(endpoint.group_ids) <= {gate.group_id}:
            # AWS wants one group at least, and the stack knows of no empty one.
            return self._directly(action)
        return self._wait(
            action,
            GateHeld(action.endpoint, action.family, action.vpc_id, held=False),
            lambda: self._held(action, gate) is False,
            lambda: endpoints.ready_to_detach(self.account, action),
        )

    # the update --------------------------------------------------------------------------------

    def _update(self) -> Iterator[tuple[Action, Outcome]]:
        items = list(self.items.values())
        try:
            if self.reread:
                self.stack.read()
            doubt = self.stack.propose([item.change for item in items])
        except StackError as error:
            for item in items:
                yield item.action, _failed(item.action, error)
            return
        if doubt is not None:
            for item in items:
                yield (
                    item.action,
                    Outcome(
                        action_id=item.action.id,
                        result=Result.BLOCKED,
                        reason=f"{doubt.reason}; the stack was not brought up",
                        reason_zh=f"{doubt.reason_zh}；堆栈未执行更新",
                    ),
                )
            return
        self.account.stale = True  # the preview took its time
        overtaken = self._overtaken(items)
        if overtaken:
            for item in items:
                yield item.action, overtaken.get(item.action.id) or _held_up(item.action)
            return
        self.account.stale = True
        failure: StackError | None = None
        details: dict[str, dict[str, Any]] = {
            item.action.id: {"stack": self.stack.stack, **item.change._asdict()} for item in items
        }
        try:
            self.account.journal.together(details, UP, self.stack.carry_out)
        except StackError as error:
            failure = error
        for item in items:
            yield item.action, attempt(item.action, lambda item=item: self._end(item, failure))  # type: ignore[misc]

    def _overtaken(self, items: Sequence[_Item]) -> dict[str, Outcome]:
        """What somebody else changed during the preview, by action: the update would not see it."""
        found = {}
        for item in items:
            outcome = attempt(item.action, lambda item=item: (item.still(), (Result.DONE, {}))[1])  # type: ignore[misc]
            if outcome.result is not Result.DONE:
                found[item.action.id] = outcome
        return found

    def _end(self, item: _Item, failure: StackError | None) -> Done:
        """How an action of the update ended: what AWS shows counts, whatever Pulumi says."""
        account, action = self.account, item.action
        if not account.patiently(item.holds, lambda held: held):
            if isinstance(action, Attach | Detach):
                account.doubtful.add(action.endpoint)
            if failure is not None:
                raise Refused(Result.FAILED, failure.message, failure.zh)
            raise Refused(
                Result.FAILED,
                f"stack {self.stack.stack} was brought up, and AWS does not show the change",
                f"堆栈 {self.stack.stack} 已更新，但 AWS 未显示该变更",
            )
        item.after()
        assert item.outcome is not None
        data = dict(item.outcome.data)
        if isinstance(action, CreateGate):
            group = account.edge.find_group(action.vpc_id, gate_name(action.kind))
            if group is not None:
                data["group_id"] = group.group_id
        return Result.DONE, data

    # what AWS shows ----------------------------------------------------------------------------

    def _whole(
        self, vpc_id: str, kind: GateKind, besides: Sequence[Rule] = (), *, add: bool = True
    ) -> bool:
        """Whether the gate is what it should be, but for rules that go next."""
        account = self.account
        group = account.edge.find_group(vpc_id, gate_name(kind))
        if group is None or not is_ours(group, account.policy):
            return False
        changed = alteration(group, kind, account.policy)
        passing = set(map(rule_key, besides))
        strange = [rule for rule in changed.extra if rule_key(rule) not in passing]
        right = not ((add and changed.missing) or changed.egress or strange)
        if right:
            account.mended[group.group_id] = frozenset(map(rule_key, group.rules))
        return right

    def _held(self, action: Attach | Detach, gate: SecurityGroup) -> bool | None:
        account = self.account
        ruling = endpoints.ruling_of(account, action)
        try:
            endpoint = account.edge.read_endpoint(ruling.endpoint)
        except AwsError:
            return None
        if endpoint is None:
            return None
        held = gate.group_id in endpoint.group_ids
        if held == isinstance(action, Attach):
            account.given[action.endpoint] = frozenset(endpoint.group_ids)
        return held


def _may_be_stacked(action: Action) -> bool:
    """Whether a stack of gates could own what an action changes."""
    if isinstance(action, CreateGate | RepairGate):
        return action.kind != SHUT
    return isinstance(action, Attach | Detach) and action.handle is Handle.INTERFACE


def _failed(action: Action, error: StackError) -> Outcome:
    return Outcome(
        action_id=action.id,
        result=Result.FAILED,
        reason=f"{error.message}; nothing was changed",
        reason_zh=f"{error.zh}；未作任何更改",
    )


def _held_up(action: Action) -> Outcome:
    return Outcome(
        action_id=action.id,
        result=Result.BLOCKED,
        reason="another action of the same update was overtaken during the preview; the stack was"
        " not brought up, apply again",
        reason_zh="预览期间同一更新中的其他操作已失效；堆栈未执行更新，请重新 apply",
    )


def _family(kind: GateKind) -> Family:
    return "ipv6" if kind == "ipv6" else "ipv4"


def _ports(rules: Sequence[Rule]) -> tuple[tuple[str, int], ...]:
    return tuple(sorted((rule.protocol, rule.from_port or 0) for rule in rules))


def _known(rule: Rule, family: Family, owned: frozenset[tuple[str, int]]) -> bool:
    """Whether the stack's state has a rule: then the update takes it out, not we."""
    anywhere = "::/0" if family == "ipv6" else "0.0.0.0/0"
    return (
        rule.from_port is not None
        and rule.from_port == rule.to_port
        and rule.source == anywhere
        and (rule.protocol, rule.from_port) in owned
    )
