"""Decision feeds for tests: made up by hand, or by gatekeeper itself from a register and moto."""

from __future__ import annotations

import json
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from gatekeeper.aws.collect import collect
from gatekeeper.aws.session import AccountTarget, Gateway
from gatekeeper.feed import feed
from gatekeeper.filing import (
    Access,
    Application,
    Entity,
    Kind,
    Service,
    ServiceType,
    Status,
    fold,
)
from gatekeeper.gate import AccountFilings, filings_by_account
from gatekeeper.policy import default_policy
from gatekeeper.reconcile import Gathering, Memory, look_at
from gatekeeper.seal import digest, sign

OWN = "123456789012"
PORTS = (("tcp", 80), ("tcp", 443), ("tcp", 8080), ("udp", 443))


def keys() -> tuple[bytes, bytes]:
    """A private and a public Ed25519 key, PEM."""
    from cryptography.hazmat.primitives import serialization as forms
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    key = Ed25519PrivateKey.generate()
    private = key.private_bytes(forms.Encoding.PEM, forms.PrivateFormat.PKCS8, forms.NoEncryption())
    public = key.public_key().public_bytes(
        forms.Encoding.PEM, forms.PublicFormat.SubjectPublicKeyInfo
    )
    return private, public


def decided(
    endpoint: str,
    *ips: str,
    verdict: str = "open",
    family: str = "ipv4",
    filings: Iterable[str] = ("F1",),
    reason: str = "",
) -> dict[str, Any]:
    """One decision of a made-up feed."""
    return {
        "account_id": OWN,
        "endpoint": endpoint,
        "kind": "load_balancer" if endpoint.startswith("arn:") else "interface",
        "family": family,
        "ips": list(ips),
        "decision": verdict,
        "reason": reason,
        "filing_ids": list(filings),
    }


def content(
    *decisions: dict[str, Any],
    ports: Iterable[tuple[str, int]] = PORTS,
    at: datetime | None = None,
    lives: timedelta = timedelta(hours=1),
    **more: Any,
) -> dict[str, Any]:
    """A made-up feed that a reader believes."""
    at = at or datetime.now(UTC)
    body = {
        "schema": "gatekeeper/decisions/1",
        "generated_at": at.isoformat(),
        "expires_at": (at + lives).isoformat(),
        "ports": [{"protocol": protocol, "port": port} for protocol, port in ports],
        "decisions": list(decisions),
        "internal_sources": ["10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16"],
        "exempt_sources": [],
        **more,
    }
    return {**body, "digest": digest(body)}


def write(path: Path, *decisions: dict[str, Any], key: bytes | None = None, **more: Any) -> Path:
    """Write a made-up feed, signed where there is a key."""
    body = content(*decisions, **more)
    if key is not None:
        body["signature"] = sign(body["digest"], key)
    path.write_text(json.dumps(body), encoding="utf-8")
    return path


def filing(*ips: str, kind: str = "new", status: str = "approved", number: int = 1) -> Application:
    """An application for the addresses of the account."""
    moved = datetime.now(UTC) - timedelta(days=10 - number)
    return Application(
        application_id=f"A{number:03}",
        filing_id="F1",
        kind=Kind(kind),
        status=Status(status),
        status_at=moved,
        entity=Entity(name="E"),
        service=Service(type=ServiceType.WEBSITE, licence="京ICP备10046444号-1"),
        access=Access(account_id=OWN, ips=tuple(sorted(ips))) if ips else Access(),
    )


def looked(path: Path, *applications: Application, region: str = "cn-northwest-1") -> Path:
    """Look at the account on moto as gatekeeper does, and write the feed that comes of it."""
    at = datetime.now(UTC)
    policy = default_policy()
    with Gateway(region).open(AccountTarget()) as connection:
        state = collect(connection)
    register = fold(applications, at=at)
    gathering = Gathering(
        register, policy, at=at, region=region, known_accounts=frozenset({OWN}), first_seen={}
    )
    filings = filings_by_account(register).get(OWN) or AccountFilings(OWN)
    gathering.add(look_at(state, filings, policy, Memory(), at))
    document = feed(gathering.overview(), trail_head=None)
    path.write_text(json.dumps(document, ensure_ascii=False), encoding="utf-8")
    return path
