"""An audit: which findings are new, known or resolved, and what drifted since the last one.

Findings are remembered here and nowhere else, so that a look in between does not make new ones old.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial
from itertools import islice
from typing import TYPE_CHECKING, Any, Final, Literal

from gatekeeper.drift import drift, expired, snapshot
from gatekeeper.gate import Finding, Overview, Reconciliation, Severity, finding_record
from gatekeeper.store import overtaken

if TYPE_CHECKING:
    from gatekeeper.store import Notice, RememberedFinding, Store

State = Literal["new", "known", "resolved"]
Look = Reconciliation | Overview

_AT_ONCE: Final = 64
"""Accounts that are compared together."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Audit:
    """What changed since the last audit."""

    since: datetime | None
    """The oldest verified state that was compared; ``None`` for a first audit."""
    findings: tuple[tuple[Finding, State], ...]
    drift: tuple[dict[str, Any], ...]


def audit(store: Store | None, found: Look, *, whole: bool) -> Audit:
    """Compare a look with what the last audit left behind.

    Args:
        store: the memory, if there is one.
        found: the look.
        whole: no ``--account`` limits it, so that a finding that is about no account in it, or
            about an account that is not registered any more, is resolved if it is absent.
    """
    live = store.findings_memory(standing=True) if store is not None else {}
    present = {finding.key for finding in found.findings}
    scope = _scope(found, live, whole=whole)
    findings: list[tuple[Finding, State]] = [
        (_dated(finding, live.get(finding.key)), "known" if finding.key in live else "new")
        for finding in found.findings
    ]
    for key, one in sorted(live.items()):
        if key not in present and str(one.data.get("account_id") or "") in scope:
            findings.append((_recalled(one), "resolved"))
    looked = store.findings_looked_at() if store is not None else None
    oldest, drifted = (
        _drifted(store, _Verified(found), found.at) if store is not None else (None, [])
    )
    if looked and whole:
        drifted += expired(found.policy.exceptions, looked, found.at)
    return Audit(since=oldest, findings=tuple(findings), drift=tuple(drifted))


def _drifted(
    store: Store, verified: Mapping[str, Mapping[str, Any]], at: datetime
) -> tuple[datetime | None, list[dict[str, Any]]]:
    """What differs from the states that were verified last, and when the oldest of them was.

    A state that was verified while this look was under way is newer than it: nothing drifted.
    """
    times: list[datetime] = []
    found: list[dict[str, Any]] = []
    wanted = iter(verified)
    while ids := tuple(islice(wanted, _AT_ONCE)):
        before = store.snapshots(ids)
        for account_id in ids:
            if account_id in before and not overtaken(at, before=before[account_id].at):
                times.append(before[account_id].at)
                found += drift(account_id, before[account_id].data, verified[account_id])
    return min(times, default=None), found


def since(store: Store, result: Audit, at: datetime) -> Audit:
    """The same audit, told since a time: what is new since then, resolved since then, drifted."""
    remembered = store.findings_memory(resolved_from=at)
    known = {key for key, one in remembered.items() if one.first_seen < at}
    past = [_recalled(one) for one in remembered.values() if one.resolved_at is not None]
    told = {finding.key for finding, _ in result.findings}
    findings: list[tuple[Finding, State]] = [
        (finding, state if state == "resolved" else "known" if finding.key in known else "new")
        for finding, state in result.findings
    ]
    findings += [(finding, "resolved") for finding in past if finding.key not in told]
    earlier = [
        {key: value for key, value in entry.items() if key != "seen_at"}
        for entry in store.drifts(since=at)
    ]
    return Audit(since=at, findings=tuple(findings), drift=(*earlier, *result.drift))


def keep(
    store: Store,
    found: Look,
    result: Audit,
    *,
    whole: bool,
    notices: Iterable[Notice] = (),
) -> None:
    """Remember an audit in one transaction.

    Args:
        store: the memory.
        found: the look: its findings, and what was verified.
        result: what came of it, with the drift for the history.
        whole: as for ``audit``.
        notices: what to tell of it.
    """
    live = store.findings_memory(standing=True)
    store.remember_findings(
        [
            {**finding_record(finding), "key": finding.key, "subject": finding.subject}
            for finding in found.findings
        ],
        accounts=_scope(found, live, whole=whole),
        at=found.at,
        notices=notices,
        drift=result.drift,
        states=_Verified(found),
    )


def _scope(found: Look, live: Mapping[str, RememberedFinding], *, whole: bool) -> frozenset[str]:
    """The accounts of which the absence of a finding says that it is resolved."""
    read = {reading.account_id for reading in found.readings}
    scope = {reading.account_id for reading in found.readings if reading.complete}
    if whole:
        about = {str(one.data.get("account_id") or "") for one in live.values()}
        scope |= {"", *(about - read)}
    return frozenset(scope)


class _Verified(Mapping[str, dict[str, Any]]):
    """The verified states of a look by account, in order; each made when it is asked for."""

    def __init__(self, found: Look) -> None:
        self._made: dict[str, Callable[[], dict[str, Any]]]
        if isinstance(found, Overview):
            self._made = {name: partial(json.loads, text) for name, text in found.verified.items()}
        else:
            self._made = {
                account.state.account_id: partial(snapshot, account)
                for account in found.accounts
                if account.state.complete
            }

    def __getitem__(self, account_id: str) -> dict[str, Any]:
        return self._made[account_id]()

    def __iter__(self) -> Iterator[str]:
        return iter(self._made)

    def __len__(self) -> int:
        return len(self._made)


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
        subject=data.get("subject") or one.key.split("|", 2)[-1],
    )
