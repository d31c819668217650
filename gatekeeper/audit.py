"""An audit: which findings are new, known or resolved, and what drifted since the last one.

Findings are remembered here and nowhere else, so that a look in between does not make new ones old.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TYPE_CHECKING, Any, Literal

from gatekeeper.drift import drift, snapshot
from gatekeeper.gate import Finding, Reconciliation, Severity

if TYPE_CHECKING:
    from gatekeeper.store import RememberedFinding, Store

State = Literal["new", "known", "resolved"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Audit:
    """What changed since the last audit."""

    since: datetime | None
    """The oldest verified state that was compared; ``None`` for a first audit."""
    findings: tuple[tuple[Finding, State], ...]
    drift: tuple[dict[str, Any], ...]


def audit(store: Store | None, found: Reconciliation, *, whole: bool) -> Audit:
    """Compare a look with what the last audit left behind.

    Args:
        store: the memory, if there is one.
        found: the look.
        whole: no ``--account`` limits it, so that a finding that is about no account in it, or
            about an account that is not registered any more, is resolved if it is absent.
    """
    remembered = store.findings_memory() if store is not None else {}
    live = {key: one for key, one in remembered.items() if one.resolved_at is None}
    present = {finding.key for finding in found.findings}
    scope = _scope(found, live, whole=whole)
    findings: list[tuple[Finding, State]] = [
        (_dated(finding, live.get(finding.key)), "known" if finding.key in live else "new")
        for finding in found.findings
    ]
    for key, one in sorted(live.items()):
        if key not in present and str(one.data.get("account_id") or "") in scope:
            findings.append((_recalled(one), "resolved"))
    before = store.snapshots() if store is not None else {}
    compared = [a for a in found.accounts if a.state.complete and a.state.account_id in before]
    return Audit(
        since=min((before[a.state.account_id].at for a in compared), default=None),
        findings=tuple(findings),
        drift=tuple(
            item
            for account in compared
            for item in drift(
                account.state.account_id,
                before[account.state.account_id].data,
                snapshot(account),
            )
        ),
    )


def keep(
    store: Store, found: Reconciliation, records: Iterable[Mapping[str, Any]], *, whole: bool
) -> None:
    """Remember an audit: its findings, as JSON in their order, and what was verified."""
    live = {key: one for key, one in store.findings_memory().items() if one.resolved_at is None}
    store.remember_findings(
        [
            {**record, "key": finding.key}
            for finding, record in zip(found.findings, records, strict=True)
        ],
        accounts=_scope(found, live, whole=whole),
        at=found.at,
    )
    for account in found.accounts:
        if account.state.complete:
            store.save_snapshot(account.state.account_id, snapshot(account), at=found.at)


def _scope(
    found: Reconciliation, live: Mapping[str, RememberedFinding], *, whole: bool
) -> frozenset[str]:
    """The accounts of which the absence of a finding says that it is resolved."""
    read = {a.state.account_id for a in found.accounts}
    scope = {a.state.account_id for a in found.accounts if a.state.complete}
    if whole:
        about = {str(one.data.get("account_id") or "") for one in live.values()}
        scope |= {"", *(about - read)}
    return frozenset(scope)


def _dated(finding: Finding, known: RememberedFinding | None) -> Finding:
    return finding if known is None else replace(finding, first_seen=known.first_seen)


def _recalled(one: RememberedFinding) -> Finding:
    """A finding as it was last reported."""
    data = one.data
    return Finding(
        code=data["code"],
        severity=Severity(data["severity"]),
        account_id=data.get("account_id") or "",
        filing_id=data.get("filing_id"),
        endpoint=data.get("endpoint"),
        family=data.get("family"),
        ips=tuple(data.get("ips") or ()),
        ports=tuple(data.get("ports") or ()),
        message=data["message"],
        message_zh=data.get("message_zh") or data["message"],
        remedy=data.get("remedy") or "",
        remedy_zh=data.get("remedy_zh") or "",
        first_seen=one.first_seen,
        last_seen=one.last_seen,
    )
