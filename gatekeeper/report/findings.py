"""Findings and decisions: the reconciliation report, and the audit's."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from gatekeeper.account import Reading
from gatekeeper.gate import (
    Decision,
    Finding,
    Severity,
    Verdict,
    decision_record,
    finding_record,
    moment,
)
from gatekeeper.report.accounts import alarms, reading, reading_table
from gatekeeper.report.records import Cell, Report, Table, clock, several

_FINDING_COLUMNS = (
    "severity",
    "code",
    "account_id",
    "filing_id",
    "endpoint",
    "family",
    "ips",
    "ports",
    "message",
    "remedy",
    "first_seen",
    "last_seen",
)
_FINDING_WIDE = frozenset({"family", "remedy", "first_seen", "last_seen"})
_DECISION_COLUMNS = (
    "account_id",
    "endpoint",
    "kind",
    "family",
    "ips",
    "decision",
    "filing_ids",
    "reason",
)


def reconciliation_report(
    findings: Sequence[Finding],
    decisions: Sequence[Decision],
    states: Sequence[Reading],
    *,
    generated_at: datetime,
    region: str,
    trail_head: str | None,
    lang: str,
) -> Report:
    """``reconcile``: reconciliation/1, findings first."""
    severities = _by_severity(findings)
    verdicts = Counter(decision.verdict for decision in decisions)
    statuses = Counter(state.status.value for state in states)
    return Report(
        title="reconciliation",
        document={
            "schema": "gatekeeper/reconciliation/1",
            "generated_at": moment(generated_at),
            "region": region,
            "accounts": reading(states),
            "findings": [finding_record(finding) for finding in findings],
            "decisions": [decision_record(decision) for decision in decisions],
            "summary": {
                "accounts": {
                    status: statuses[status] for status in ("complete", "partial", "unreadable")
                },
                "findings": severities,
                "decisions": {verdict.value: verdicts[verdict] for verdict in Verdict},
            },
            "trail_head": trail_head,
        },
        tables=(
            findings_table(findings, lang),
            decisions_table(decisions, lang),
            reading_table(states),
        ),
        facts=(
            ("generated_at", clock(generated_at)),
            ("region", region),
            ("accounts_read", f"{statuses['complete']} / {len(states)}"),
            *((f"count_{verdict.value}", verdicts[verdict]) for verdict in Verdict),
            ("trail_head", trail_head),
        ),
        alarms=alarms(states, lang),
        counts=severities,
    )


def audit_report(
    findings: Sequence[tuple[Finding, str]],
    drift: Sequence[Mapping[str, Any]],
    states: Sequence[Reading],
    *,
    since: datetime | None,
    trail_head: str | None,
    lang: str,
) -> Report:
    """``audit``: audit/1; ``findings`` come with their state (new, known, resolved)."""
    order = {"new": 0, "known": 1, "resolved": 2}
    ranked = sorted(findings, key=lambda pair: order[pair[1]])
    table = findings_table([finding for finding, _ in ranked], lang)
    rows = [(state, *row) for (_, state), row in zip(ranked, table.rows, strict=True)]
    return Report(
        title="audit",
        document={
            "schema": "gatekeeper/audit/1",
            "since": moment(since),
            "accounts": reading(states),
            "findings": [{**finding_record(f), "state": state} for f, state in ranked],
            "drift": [dict(item) for item in drift],
            "trail_head": trail_head,
        },
        tables=(
            Table("findings", ("state", *table.columns), rows, _FINDING_WIDE),
            drift_table(drift),
            reading_table(states),
        ),
        facts=(("since", clock(since)), ("trail_head", trail_head)),
        alarms=alarms(states, lang),
        counts=_by_severity([finding for finding, state in ranked if state != "resolved"]),
    )


def findings_table(findings: Sequence[Finding], lang: str) -> Table:
    """Findings for people, in the order given."""
    rows = [_finding_row(finding, lang) for finding in findings]
    return Table("findings", _FINDING_COLUMNS, rows, _FINDING_WIDE)


def decisions_table(decisions: Sequence[Decision], lang: str) -> Table:
    """Decisions for people, in the order given."""
    return Table(
        "decisions",
        _DECISION_COLUMNS,
        [
            (
                d.account_id,
                d.endpoint,
                d.kind,
                d.family,
                several(d.ips),
                d.verdict.value,
                several(d.filing_ids),
                d.reason_zh if lang == "zh" else d.reason,
            )
            for d in decisions
        ],
    )


def drift_table(drift: Sequence[Mapping[str, Any]]) -> Table:
    """What changed behind gatekeeper's back."""
    return Table(
        "drift",
        ("kind", "account_id", "target", "before", "after", "actor", "at"),
        [
            (
                str(item["kind"]),
                str(item["account_id"]),
                str(item.get("endpoint") or item.get("group_id") or ""),
                _plain(item.get("before")),
                _plain(item.get("after")),
                _plain(item.get("actor")),
                _plain(item.get("at")),
            )
            for item in drift
        ],
    )


def _finding_row(finding: Finding, lang: str) -> tuple[Cell, ...]:
    chinese = lang == "zh"
    return (
        finding.severity.value,
        finding.code,
        finding.account_id,
        finding.filing_id,
        finding.endpoint,
        finding.family,
        several(finding.ips),
        several(finding.ports),
        finding.message_zh if chinese else finding.message,
        finding.remedy_zh if chinese else finding.remedy,
        clock(finding.first_seen),
        clock(finding.last_seen),
    )


def _by_severity(findings: Sequence[Finding]) -> dict[str, int]:
    counted = Counter(finding.severity for finding in findings)
    return {severity.value: counted[severity] for severity in Severity}


def _plain(value: object) -> str | None:
    """Plain data in one cell."""
    if value is None or isinstance(value, str):
        return value
    import json

    return json.dumps(value, ensure_ascii=False, sort_keys=True)
