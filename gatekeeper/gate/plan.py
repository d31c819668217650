"""A plan: the exact changes that make an account equal to the decisions (DESIGN §8).

An action says what it changes, from what (``before``) to what (``after``), and why.  A plan's id is
the SHA-256 of all that decides it, so that equal worlds have equal plans and an approval binds to
one of them.
"""

from __future__ import annotations

import hashlib
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, ClassVar, Final, NamedTuple

from gatekeeper.account import Family, Handle, Rule
from gatekeeper.gate.gates import GateKind, gate_name
from gatekeeper.gate.traffic import rule_order
from gatekeeper.seal import canonical_json

SCHEMA: Final = "gatekeeper/plan/1"


class Op(StrEnum):
    """What an action does, in the order in which actions are carried out."""

    REPAIR_GATE = "repair-gate"
    CREATE_GATE = "create-gate"
    ATTACH = "attach"
    DETACH = "detach"
    NARROW = "narrow"


@dataclass(frozen=True, slots=True, kw_only=True)
class Action(ABC):
    """What every action says of itself."""

    op: ClassVar[Op]
    account_id: str
    vpc_id: str
    reason: str
    reason_zh: str
    filing_ids: tuple[str, ...] = ()

    @property
    @abstractmethod
    def target(self) -> str:
        """What it changes, as a stable text."""

    @property
    def phase(self) -> int:
        """Its place in the order of the plan."""
        return _PHASES[self.op]

    @property
    def id(self) -> str:
        """Stable from plan to plan for the same change of the same object."""
        digest = hashlib.sha256(f"{self.account_id}|{self.target}|{self.phase}".encode())
        return f"{self.op}-{digest.hexdigest()[:12]}"

    @property
    def sort_key(self) -> tuple[int, str, str]:
        return (self.phase, self.account_id, self.target)

    def describe(self) -> str:
        """One line for people."""
        return f"{self.op} {self.target}: {self.reason}"

    @abstractmethod
    def payload(self) -> dict[str, Any]:
        """What ``before`` and ``after`` hold, and the object's name, as plain data."""

    def to_json(self) -> dict[str, Any]:
        """The action as DESIGN §10 shapes it."""
        payload = self.payload()
        return {
            "id": self.id,
            "op": str(self.op),
            "account_id": self.account_id,
            **{key: payload.pop(key) for key in ("endpoint", "group_id") if key in payload},
            "vpc_id": self.vpc_id,
            "reason": self.reason,
            "reason_zh": self.reason_zh,
            "filing_ids": list(self.filing_ids),
            **payload,
        }


_PHASES: Final = {
    Op.REPAIR_GATE: 0,
    Op.CREATE_GATE: 1,
    Op.ATTACH: 2,
    Op.DETACH: 3,
    Op.NARROW: 5,
}
_LATE_REPAIR: Final = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class RepairGate(Action):
    """Put a gate of ours right: what it lets in beyond its ports goes first.

    A rule that carries its ports besides goes after those that are missing were added: lawful
    holders are reached through it meanwhile.

    ``late`` is the half that puts ports back once closed endpoints no longer hold the gate.
    """

    op: ClassVar[Op] = Op.REPAIR_GATE
    group_id: str
    kind: GateKind
    before: tuple[Rule, ...]
    before_egress: tuple[Rule, ...]
    removed: tuple[Rule, ...]
    removed_egress: tuple[Rule, ...]
    added: tuple[Rule, ...]
    late: bool = False

    @property
    def target(self) -> str:
        return self.group_id

    @property
    def phase(self) -> int:
        return _LATE_REPAIR if self.late else _PHASES[self.op]

    def payload(self) -> dict[str, Any]:
        return {
            "group_id": self.group_id,
            "kind": self.kind,
            "late": self.late,
            "before": {"rules": rules_json(self.before), "egress": rules_json(self.before_egress)},
            "after": {
                "removed": rules_json(self.removed),
                "removed_egress": rules_json(self.removed_egress),
                "added": rules_json(self.added),
            },
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class CreateGate(Action):
    """Make a gate in a VPC that needs one."""

    op: ClassVar[Op] = Op.CREATE_GATE
    kind: GateKind
    rules: tuple[Rule, ...]
    tags: tuple[tuple[str, str], ...]

    @property
    def target(self) -> str:
        return f"{self.vpc_id}/{gate_name(self.kind)}"

    def payload(self) -> dict[str, Any]:
        return {
            "group_id": None,
            "kind": self.kind,
            "before": None,
            "after": {
                "name": gate_name(self.kind),
                "rules": rules_json(self.rules),
                "tags": dict(self.tags),
            },
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class SetGroups(Action):
    """What ``Attach`` and ``Detach`` share: an endpoint gains or loses one gate."""

    endpoint: str
    endpoint_kind: str
    handle: Handle
    family: Family
    ips: tuple[str, ...]
    """Its addresses of the family: with others at the time, the action has drifted."""
    groups: tuple[str, ...]
    """The groups it holds besides the gate, sorted."""
    gate_id: str | None
    """``None`` where the plan itself creates the gate."""

    @property
    def target(self) -> str:
        return f"{self.endpoint}|{self.family}"

    def payload(self) -> dict[str, Any]:
        return {
            "endpoint": self.endpoint,
            "endpoint_kind": self.endpoint_kind,
            "handle": str(self.handle),
            "family": self.family,
            "ips": list(self.ips),
            "gate_id": self.gate_id,
            "before": {"groups": self._groups(held=self.op is Op.DETACH)},
            "after": {"groups": self._groups(held=self.op is Op.ATTACH)},
        }

    def _groups(self, *, held: bool) -> list[str]:
        gate = self.gate_id or f"{self.vpc_id}/{gate_name(self.family)}"
        return [*self.groups, gate] if held else list(self.groups)


@dataclass(frozen=True, slots=True, kw_only=True)
class Attach(SetGroups):
    """Open an endpoint: it gains the gate."""

    op: ClassVar[Op] = Op.ATTACH


@dataclass(frozen=True, slots=True, kw_only=True)
class Detach(SetGroups):
    """Close an endpoint: it loses the gate.

    ``shut`` is set where the gate is its only group: the empty group takes the gate's place.
    """

    op: ClassVar[Op] = Op.DETACH
    shut: bool = False

    def payload(self) -> dict[str, Any]:
        return {**super(Detach, self).payload(), "shut": self.shut}


@dataclass(frozen=True, slots=True, kw_only=True)
class Narrow(Action):
    """Take the gated ports from the Internet out of a group."""

    op: ClassVar[Op] = Op.NARROW
    group_id: str
    families: tuple[Family, ...]
    before: tuple[Rule, ...]
    added: tuple[Rule, ...]
    removed: tuple[Rule, ...]
    heirs: tuple[int, ...]
    """For each added rule the index in ``removed`` of the rule whose tags it carries."""
    closes: tuple[str, ...]
    """The endpoints that it closes."""
    keeps: tuple[tuple[str, Family], ...]
    """Endpoints and families that must hold the gate before."""

    @property
    def target(self) -> str:
        return self.group_id

    def payload(self) -> dict[str, Any]:
        return {
            "group_id": self.group_id,
            "families": list(self.families),
            "closes": list(self.closes),
            "keeps": [list(one) for one in self.keeps],
            "heirs": list(self.heirs),
            "before": {"rules": rules_json(self.before)},
            "after": {"added": rules_json(self.added), "removed": rules_json(self.removed)},
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Blocked:
    """A change that ought to be made and cannot be, and why."""

    op: Op
    account_id: str
    endpoint: str | None
    group_id: str | None
    reason: str
    reason_zh: str
    filing_ids: tuple[str, ...] = ()

    def to_json(self) -> dict[str, Any]:
        target = f"{self.account_id}|{self.endpoint}|{self.group_id}|{self.reason}"
        return {
            "id": f"{self.op}-{hashlib.sha256(target.encode()).hexdigest()[:12]}",
            "op": str(self.op),
            "account_id": self.account_id,
            **({"endpoint": self.endpoint} if self.endpoint is not None else {}),
            **({"group_id": self.group_id} if self.group_id is not None else {}),
            "reason": self.reason,
            "reason_zh": self.reason_zh,
            "filing_ids": list(self.filing_ids),
            "before": None,
            "after": None,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Belts:
    """How many endpoints the plan opens and closes, of how many in scope, against the limits."""

    opens: int
    closes: int
    endpoints: int
    floor: int
    percent: float
    count: int

    def exceeded(self) -> tuple[str, ...]:
        """The directions ("opens", "closes") that pass no belt."""
        return tuple(
            name
            for name, value in (("opens", self.opens), ("closes", self.closes))
            if not self.passes(value)
        )

    def passes(self, value: int) -> bool:
        share = value * 100 <= self.percent * self.endpoints
        return value <= self.count and (value <= self.floor or share)

    def to_json(self) -> dict[str, Any]:
        return {
            "opens": self.opens,
            "closes": self.closes,
            "endpoints": self.endpoints,
            "limits": {"floor": self.floor, "percent": self.percent, "count": self.count},
            "exceeded": list(self.exceeded()),
        }


class AccountPlan(NamedTuple):
    """One account's part of a plan."""

    actions: tuple[Action, ...]
    """In no order yet."""
    blocked: tuple[Blocked, ...]
    opens: int
    """How many endpoints gain the gate."""
    closes: int
    """How many lose reachability."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """Actions in the order in which they are carried out, and what cannot be done."""

    region: str
    accounts: tuple[str, ...]
    register_version: str
    policy_version: str
    actions: tuple[Action, ...]
    blocked: tuple[Blocked, ...]
    belts: Belts
    incomplete: tuple[str, ...] = ()
    """Accounts that were not read completely; nothing is planned there."""
    offline: bool = False
    """Made from a dump: it can be read, never applied."""
    meta: Mapping[str, Any] = field(default_factory=dict)
    """``made_at``, ``made_by``, ``trail_head``: not part of the identity."""

    def identity(self) -> dict[str, Any]:
        """Everything that decides the plan."""
        return {
            "region": self.region,
            "accounts": list(self.accounts),
            "register_version": self.register_version,
            "policy_version": self.policy_version,
            "offline": self.offline,
            "incomplete": list(self.incomplete),
            "actions": [action.to_json() for action in self.actions],
            "blocked": [blocked.to_json() for blocked in self.blocked],
            "belts": self.belts.to_json(),
        }

    @property
    def id(self) -> str:
        return hashlib.sha256(canonical_json(self.identity()).encode()).hexdigest()

    def to_json(self) -> dict[str, Any]:
        """The plan file (DESIGN §10)."""
        identity = self.identity()
        return {
            "schema": SCHEMA,
            "id": hashlib.sha256(canonical_json(identity).encode()).hexdigest(),
            **dict(self.meta),
            **identity,
        }

    @property
    def opens(self) -> bool:
        return any(isinstance(action, Attach) for action in self.actions)

    @property
    def closes(self) -> bool:
        return any(isinstance(action, Detach | Narrow) for action in self.actions)


def rules_json(rules: Sequence[Rule]) -> list[dict[str, Any]]:
    """Rules as plain data, in their stable order."""
    return [rule._asdict() for rule in sorted(rules, key=rule_order)]
