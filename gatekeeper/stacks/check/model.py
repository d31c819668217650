"""What a plan file says, and what the check says of it, as plain values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Any, Final, Literal, NamedTuple

Source = Literal["pulumi-preview", "pulumi-state", "terraform-plan", "terraform-state"]
Change = Literal["create", "update", "replace", "delete", "same", "import", "kept"]
"""What happens to a resource.  ``kept``: the tool forgets it, and it stays on AWS as it was."""

NEW: Final = frozenset({"create", "replace", "import"})
"""Changes after which AWS has what it did not have before, or what nobody here had judged."""


class Hidden(Enum):
    """Why a value in a plan cannot be read."""

    UNKNOWN = "unknown until it is applied"
    SECRET = "secret"  # noqa: S105 (a word, no password)

    def __bool__(self) -> bool:
        return True


UNKNOWN: Final = Hidden.UNKNOWN
SECRET: Final = Hidden.SECRET


class Marked(str):
    """A text that Terraform marks sensitive: judged as any other, never shown."""

    __slots__ = ()


class MarkedNumber(int):
    """A number that Terraform marks sensitive."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Resource:
    """One resource of a plan or a state."""

    address: str
    """The URN, or Terraform's address."""
    type: str
    """Its kind (``gatekeeper.stacks.check.kinds``), or the tool's own type where it has none."""
    change: Change
    before: Mapping[str, Any] | None = None
    """Properties in snake_case before the change; ``None`` where there was none."""
    after: Mapping[str, Any] | None = None
    """Properties as they were asked for; ``UNKNOWN`` and ``SECRET`` stand for what is hidden."""
    computed: Mapping[str, Any] = field(default_factory=dict)
    """What AWS or the provider added to ``after``, as far as the tool knows."""
    links: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """For a property the addresses of the resources that its value comes from."""
    id: str | None = None
    """The AWS id; ``None`` where there is none yet."""

    def value(self, name: str) -> Any:
        """A property after the change: as asked for, else as it was computed."""
        asked = self.after.get(name) if self.after else None
        return self.computed.get(name) if asked is None else asked


class Note(NamedTuple):
    """One sentence about a resource, in both languages."""

    resource: str
    reason: str
    reason_zh: str


class Violation(NamedTuple):
    """Gated ports that a plan opens to the Internet beyond the decisions."""

    resource: str
    protocol: str
    ports: tuple[int, ...]
    sources: tuple[str, ...]
    reason: str
    reason_zh: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Blueprint:
    """A plan or a state that was read."""

    source: Source
    resources: tuple[Resource, ...]
    not_judged: tuple[Note, ...] = ()
    """What the file itself says that nobody can judge: errors, deferred changes, …"""
    warnings: tuple[Note, ...] = ()
    partial: bool = False
    """Whether resources that do not change are left out of it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanCheck:
    """What a plan would open, held against the decisions."""

    source: Source
    violations: tuple[Violation, ...] = ()
    not_judged: tuple[Note, ...] = ()
    warnings: tuple[Note, ...] = ()
    resources: int = field(default=0, compare=False)
    """How many were looked at."""

    @property
    def exit_status(self) -> int:
        """3 with violations, else 4 where something could not be judged, else 0."""
        return 3 if self.violations else 4 if self.not_judged else 0
