"""What must be: exposures, decisions, findings and the plan, as plain values."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Final, NamedTuple

from gatekeeper.account import Family, Rule


class Verdict(StrEnum):
    """The decision for one endpoint and family (DESIGN §7)."""

    OPEN = "open"
    CLOSED = "closed"
    HOLD = "hold"
    UNKNOWN = "unknown"


class Severity(StrEnum):
    CRITICAL = "critical"
    HIGH = "high"
    MEDIUM = "medium"
    LOW = "low"
    INFO = "info"

    @property
    def rank(self) -> int:
        """0 for info … 4 for critical."""
        return _RANK[self]

    def at_least(self, other: Severity) -> bool:
        return self.rank >= other.rank


_RANK: Final = {
    Severity.INFO: 0,
    Severity.LOW: 1,
    Severity.MEDIUM: 2,
    Severity.HIGH: 3,
    Severity.CRITICAL: 4,
}


_LISTED: Final = 5


def shortlist(names: Iterable[str], separator: str = ", ") -> str:
    """The first few names, and how many there are where there are more: a line stays a line."""
    listed = list(names)
    text = separator.join(listed[:_LISTED])
    return text if len(listed) <= _LISTED else f"{text}{separator}… ({len(listed)})"


class TracedRule(NamedTuple):
    """A rule with the group it stands in.

    ``group_id`` is ``None`` for the listener of a network load balancer without groups.
    """

    group_id: str | None
    rule: Rule


@dataclass(frozen=True, slots=True, kw_only=True)
class Exposure:
    """A gated port of an endpoint that some Internet source can reach, and why."""

    account_id: str
    endpoint: str
    kind: str
    family: Family
    ips: tuple[str, ...]
    protocol: str
    port: int
    rules: tuple[TracedRule, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class UnknownExposure:
    """An endpoint whose exposure cannot be told; ``endpoint`` is ``None`` for a whole account."""

    account_id: str
    endpoint: str | None
    ips: tuple[str, ...]
    reason: str
    reason_zh: str


class Decision(NamedTuple):
    """What one endpoint and family must be, and the filings that say so."""

    account_id: str
    endpoint: str
    kind: str
    family: Family
    ips: tuple[str, ...]
    verdict: Verdict
    reason: str
    reason_zh: str
    filing_ids: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """Something that a person should know (DESIGN §9)."""

    code: str
    severity: Severity
    account_id: str
    filing_id: str | None
    endpoint: str | None
    family: Family | None
    ips: tuple[str, ...]
    ports: tuple[str, ...]
    message: str
    message_zh: str
    remedy: str
    remedy_zh: str
    first_seen: datetime
    last_seen: datetime

    subject: str = ""
    """What it is about: an endpoint and family, a filing, an application, a group or an account."""

    @property
    def key(self) -> str:
        """What makes it the same finding from one run to the next."""
        return f"{self.code}|{self.account_id}|{self.subject}"
