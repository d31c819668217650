"""Digests of filing records: two registers with equal content have equal versions."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from datetime import UTC
from typing import Final

from gatekeeper.filing.model import Application, Order

_ENCODER: Final = json.JSONEncoder(
    ensure_ascii=False, sort_keys=True, separators=(",", ":"), check_circular=False
)


def content_digest(application: Application) -> str:
    """SHA-256 (hex) over everything that an application says.

    The instant of ``status_at`` counts, not the offset that it was written with.
    """
    entity, service, access = application.entity, application.service, application.access
    content = {
        "application_id": application.application_id,
        "filing_id": application.filing_id,
        "kind": application.kind,
        "status": application.status,
        "status_at": application.status_at.astimezone(UTC).isoformat(timespec="microseconds"),
        "entity": [
            entity.name,
            entity.certificate_type,
            entity.certificate_number,
            entity.province,
            entity.licence,
        ],
        "service": [service.type, service.name, service.licence, service.domains],
        "access": [access.account_id, access.load_balancer, access.ips],
        "review": application.review,
    }
    return hashlib.sha256(_ENCODER.encode(content).encode()).hexdigest()


def register_version(digests: Iterable[str], orders: Iterable[Order] = ()) -> str:
    """SHA-256 (hex) of a whole register, in whatever order its parts are given.

    Of an order only the filing and the kind count: who placed it, when and why decide nothing.
    """
    parts = {
        "applications": sorted(digests),
        "orders": sorted({(order.filing_id, order.kind) for order in orders}),
    }
    return hashlib.sha256(_ENCODER.encode(parts).encode()).hexdigest()
