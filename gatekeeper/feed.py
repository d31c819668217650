"""The decision feed that stacks and CI read (DESIGN §10, §14), sealed by its digest."""

from __future__ import annotations

from typing import Any

from gatekeeper.gate import Overview, decision_record, moment
from gatekeeper.seal import digest, sign

SCHEMA = "gatekeeper/decisions/1"


def feed(
    found: Overview,
    *,
    trail_head: str | None,
    offline: bool = False,
    private_key: bytes | None = None,
) -> dict[str, Any]:
    """Every decision of a look, until when it may be used, and the digest over all of it.

    ``trail_head`` is ``None`` where there is no store; ``offline`` says that the accounts were
    read from a dump; with a ``private_key`` (Ed25519, PEM) the feed is signed.

    Raises:
        FeedError: the key is none.
    """
    content = {
        "schema": SCHEMA,
        "generated_at": moment(found.at),
        "expires_at": moment(found.at + found.policy.decision_ttl),
        "region": found.region,
        "offline": offline,
        "accounts": [
            {"account_id": reading.account_id, "status": reading.status.value}
            for reading in found.readings
        ],
        "ports": [
            {"protocol": port.protocol, "port": port.port} for port in found.policy.gated_ports
        ],
        "decisions": [decision_record(decision) for decision in found.decisions],
        "register_version": found.register_version,
        "policy_version": found.policy.version,
        "internal_sources": list(found.policy.internal_sources),
        "exempt_sources": list(found.policy.exempt_at(found.at)),
        "trail_head": trail_head,
    }
    sealed = digest(content)
    signed = {"signature": sign(sealed, private_key)} if private_key is not None else {}
    return {**content, "digest": sealed, **signed}
