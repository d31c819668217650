"""Findings and decisions as plain data, in the public form (DESIGN §9, §10)."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from gatekeeper.gate.model import Decision, Finding


def finding_record(finding: Finding) -> dict[str, Any]:
    """One finding (DESIGN §9)."""
    return {
        "code": finding.code,
        "severity": finding.severity.value,
        "account_id": finding.account_id,
        "filing_id": finding.filing_id,
        "endpoint": finding.endpoint,
        "family": finding.family,
        "ips": list(finding.ips),
        "ports": list(finding.ports),
        "message": finding.message,
        "message_zh": finding.message_zh,
        "remedy": finding.remedy,
        "remedy_zh": finding.remedy_zh,
        "first_seen": moment(finding.first_seen),
        "last_seen": moment(finding.last_seen),
    }


def decision_record(decision: Decision) -> dict[str, Any]:
    """One decision (DESIGN §10)."""
    return {
        "account_id": decision.account_id,
        "endpoint": decision.endpoint,
        "kind": decision.kind,
        "family": decision.family,
        "ips": list(decision.ips),
        "decision": decision.verdict.value,
        "reason": decision.reason,
        "filing_ids": list(decision.filing_ids),
    }


def moment(at: datetime | None) -> str | None:
    """A time for JSON: UTC, to the second unless there is more, ending in ``Z``."""
    if at is None:
        return None
    text = at.astimezone(UTC).replace(tzinfo=None).isoformat()
    return f"{text}Z"
