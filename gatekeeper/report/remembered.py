"""The findings that the store remembers: those that stand, and those that are resolved."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, Literal

from gatekeeper.gate import Severity, moment
from gatekeeper.report.records import Report, Table, clock, several

if TYPE_CHECKING:
    from gatekeeper.store import RememberedFinding

State = Literal["open", "resolved", "all"]

_FIELDS = (
    *("code", "severity", "account_id", "filing_id", "endpoint", "family", "ips", "ports"),
    *("message", "message_zh", "remedy", "remedy_zh"),
)
_COLUMNS = (
    *("state", "severity", "code", "account_id", "filing_id", "endpoint", "family", "ips", "ports"),
    *("message", "remedy", "first_seen", "last_seen", "resolved_at"),
)
_WIDE = frozenset({"family", "remedy", "last_seen", "resolved_at"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """Which of the remembered findings are meant."""

    state: State = "open"
    severity: Severity | None = None
    """From this severity on."""
    codes: frozenset[str] = frozenset()
    """Only these; empty: all."""
    accounts: frozenset[str] = frozenset()
    """Only of these; empty: all."""
    since: datetime | None = None
    """Only those that came, or went, from then on."""

    def fits(self, one: RememberedFinding) -> bool:
        if self.state != "all" and (self.state == "resolved") != (one.resolved_at is not None):
            return False
        if self.severity and not severity_of(one).at_least(self.severity):
            return False
        if self.codes and one.data["code"] not in self.codes:
            return False
        if self.accounts and one.data.get("account_id") not in self.accounts:
            return False
        return self.since is None or (one.resolved_at or one.first_seen) >= self.since


def severity_of(one: RememberedFinding) -> Severity:
    """How severe it is, as it was reported last."""
    return Severity(one.data["severity"])


def ranked(findings: Iterable[RememberedFinding], wanted: Wanted) -> tuple[RememberedFinding, ...]:
    """Those that are wanted: the most severe first, what is resolved last."""
    return tuple(
        sorted(
            filter(wanted.fits, findings),
            key=lambda one: (one.resolved_at is not None, -severity_of(one).rank, one.key),
        )
    )


def fingerprint(one: RememberedFinding) -> str:
    """What names a finding outside, the same from one look to the next: SHA-256 of its key."""
    return hashlib.sha256(one.key.encode()).hexdigest()


def subject_of(one: RememberedFinding) -> str:
    """What it is about: an endpoint and family, a filing, an application, a group, an account."""
    return one.key.split("|", 2)[-1]


def remembered_report(findings: Sequence[RememberedFinding], lang: str) -> Report:
    """``findings list``: findings/1."""
    return Report(
        title="findings",
        document={
            "schema": "gatekeeper/findings/1",
            "findings": [remembered_record(one) for one in findings],
        },
        tables=(Table("findings", _COLUMNS, [_row(one, lang) for one in findings], _WIDE),),
        counts={
            severity.value: sum(
                severity_of(one) is severity for one in findings if one.resolved_at is None
            )
            for severity in Severity
        },
    )


def remembered_record(one: RememberedFinding) -> dict[str, Any]:
    """A finding of DESIGN §9 with its key and its state."""
    return {
        **{name: one.data.get(name) for name in _FIELDS},
        "first_seen": moment(one.first_seen),
        "last_seen": moment(one.last_seen),
        "key": one.key,
        "state": "open" if one.resolved_at is None else "resolved",
        "resolved_at": moment(one.resolved_at),
    }


def _row(one: RememberedFinding, lang: str) -> tuple[str | None, ...]:
    data = one.data
    suffix = "_zh" if lang == "zh" else ""
    return (
        "open" if one.resolved_at is None else "resolved",
        data["severity"],
        data["code"],
        data.get("account_id"),
        data.get("filing_id"),
        data.get("endpoint"),
        data.get("family"),
        several(data.get("ips") or ()),
        several(data.get("ports") or ()),
        data.get(f"message{suffix}") or data["message"],
        data.get(f"remedy{suffix}") or data.get("remedy"),
        clock(one.first_seen),
        clock(one.last_seen),
        clock(one.resolved_at),
    )
