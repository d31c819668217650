"""The decision feed that stacks and CI read (DESIGN §10, §14), sealed by its digest."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from gatekeeper.gate import Decision, Overview, Reconciliation, canonical_json

SCHEMA = "gatekeeper/decisions/1"


def feed(
    found: Reconciliation | Overview, *, trail_head: str | None, offline: bool = False
) -> dict[str, Any]:
    """Every decision of a look, until when it may be used, and the digest over all of it.

    ``trail_head`` is ``None`` where there is no store; ``offline`` says that the accounts were
    read from a dump.
    """
    content = {
        "schema": SCHEMA,
        "generated_at": _moment(found.at),
        "expires_at": _moment(found.at + found.policy.decision_ttl),
        "region": found.region,
        "offline": offline,
        "accounts": [
            {"account_id": reading.account_id, "status": reading.status.value}
            for reading in found.readings
        ],
        "ports": [
            {"protocol": port.protocol, "port": port.port} for port in found.policy.gated_ports
        ],
        "decisions": [_decision(decision) for decision in found.decisions],
        "trail_head": trail_head,
    }
    return {**content, "digest": digest(content)}


def digest(content: Mapping[str, Any]) -> str:
    """The SHA-256, in hex, of a feed without ``digest`` and ``signature``, as canonical JSON."""
    plain = {key: value for key, value in content.items() if key not in ("digest", "signature")}
    return hashlib.sha256(canonical_json(plain).encode()).hexdigest()


def _decision(decision: Decision) -> dict[str, Any]:
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


def _moment(at: datetime) -> str:
    return at.astimezone(UTC).isoformat().removesuffix("+00:00") + "Z"
