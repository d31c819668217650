"""A stack of gates in memory: what ``apply`` needs of one, with whatever can go wrong."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from gatekeeper.account import Doubt, Family
from gatekeeper.errors import StackError
from gatekeeper.gate import (
    GATE_DESCRIPTION,
    STACK_TAG,
    GateChange,
    GatePorts,
    gate_name,
    gate_tags,
    port_rules,
)
from gatekeeper.policy import default_policy
from gatekeeper.testing import FakeAws

Place = tuple[str, Family]


@dataclass
class MemoryStack:
    """One account's stack; it works with its own credentials, as Pulumi does."""

    aws: FakeAws
    account_id: str
    doubt: Doubt | None = None
    fail: str = ""
    """"read", "propose", "up before" or "up after": what fails, and whether it had its effect."""
    on_propose: Callable[[], None] = lambda: None
    on_change: Callable[[str], None] = lambda _: None
    """Called after each change in AWS, with what it was."""
    stack: str = "gatekeeper-gates/memory"
    gates: dict[Place, str] = field(default_factory=dict)
    rules: dict[Place, set[tuple[str, int]]] = field(default_factory=dict)
    attachments: set[tuple[str, Family]] = field(default_factory=set)
    way_out: bool = False
    """Whether the state, as it was read, shows a gate with outbound rules."""
    proposed: tuple[GateChange, ...] | None = None
    ups: list[tuple[GateChange, ...]] = field(default_factory=list)

    @property
    def _account(self) -> Any:
        return self.aws.account(self.account_id)

    def _fail(self, when: str) -> None:
        if self.fail == when:
            raise StackError(f"it fails: {when}", zh=f"失败：{when}", code="Made")

    def read(self) -> None:
        self._fail("read")
        self.proposed = None
        world = self._account.world
        shown = (world.groups[one] for one in self.gates.values() if one in world.groups)
        self.way_out = any(group.egress for group in shown)
        for place, group_id in list(self.gates.items()):
            if group_id not in world.groups:
                del self.gates[place], self.rules[place]
                continue
            live = {(rule.protocol, rule.from_port) for rule in world.groups[group_id].rules}
            self.rules[place] &= live
        for interface, family in list(self.attachments):
            one = world.interfaces.get(interface)
            gate = self.gates.get((one.vpc_id, family)) if one else None
            if one is None or gate not in one.group_ids:
                self.attachments.discard((interface, family))

    def gate(self, vpc_id: str, family: Family) -> str | None:
        return self.gates.get((vpc_id, family))

    def ports(self, vpc_id: str, family: Family) -> frozenset[tuple[str, int]]:
        return frozenset(self.rules.get((vpc_id, family), ()))

    def attached(self, interface_id: str, family: Family) -> bool:
        return (interface_id, family) in self.attachments

    def propose(self, changes: Sequence[GateChange]) -> Doubt | None:
        self.on_propose()
        self._fail("propose")
        if self.way_out:
            return Doubt("it updates a gate", "更新闸门")
        if self.doubt is None:
            self.proposed = tuple(changes)
        return self.doubt

    def carry_out(self) -> None:
        changes, self.proposed = self.proposed, None
        assert changes is not None, "nothing was proposed, or it was refused"
        self._fail("up before")
        self.ups.append(changes)
        for change in changes:
            self._ports(change) if isinstance(change, GatePorts) else self._held(change)
        self._fail("up after")

    def _ports(self, change: GatePorts) -> None:
        account, place = self._account, (change.vpc_id, change.family)
        wanted = set(change.ports)
        group = self.gates.get(place)
        if group is None:
            tags = {**gate_tags(default_policy()), STACK_TAG: self.stack}
            group = account.create_group(
                change.vpc_id, gate_name(change.family), description=GATE_DESCRIPTION, tags=tags
            )
            account.world.groups[group] = account.world.groups[group]._replace(egress=())
            self.gates[place], self.rules[place] = group, set()
            self.on_change(f"create {gate_name(change.family)}")
        for port in sorted(wanted - self.rules[place]):
            account.authorize(group, port_rules(change.family, [port]))
            self.rules[place].add(port)
            self.on_change(f"authorize {port}")
        for port in sorted(self.rules[place] - wanted):
            account.revoke(group, port_rules(change.family, [port]))
            self.rules[place].discard(port)
            self.on_change(f"revoke {port}")

    def _held(self, change: Any) -> None:
        account = self._account
        gate = self.gates[change.vpc_id, change.family]
        groups = list(account.world.interfaces[change.interface_id].group_ids)
        key = (change.interface_id, change.family)
        if change.held:
            account.set_interface_groups(change.interface_id, [*groups, gate])
            self.attachments.add(key)
        else:
            account.set_interface_groups(change.interface_id, [g for g in groups if g != gate])
            self.attachments.discard(key)
        self.on_change(f"{'attach' if change.held else 'detach'} {change.interface_id}")
