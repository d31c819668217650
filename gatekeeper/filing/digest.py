"""Digests of filing records: two registers with equal content have equal versions."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from datetime import UTC, datetime
from functools import lru_cache
from json.encoder import encode_basestring
from typing import Final

from gatekeeper.filing.model import Application, Entity, Order

_ENCODER: Final = json.JSONEncoder(
    ensure_ascii=False, sort_keys=True, separators=(",", ":"), check_circular=False
)


_WHOLE_SECONDS: Final = len("2026-11-03T09:30:00+00:00")

quote: Final = encode_basestring
"""A text as canonical JSON."""


def content_text(application: Application) -> str:
    """Everything that an application says, as canonical JSON: what is stored and digested.

    The instant of ``status_at`` counts, not the offset that it was written with.  Written out by
    hand: an import of a whole province does this a hundred thousand times.
    """
    entity, service, access = application.entity, application.service, application.access
    return (
        f'{{"access":{{"account_id":{quote(access.account_id)},"ips":{_list(access.ips)},'
        f'"load_balancer":{quote(access.load_balancer)}}},'
        f'"application_id":{quote(application.application_id)},'
        f'"entity":{_entity(entity)},'
        f'"filing_id":{quote(application.filing_id)},"kind":"{application.kind.value}",'
        f'"review":{quote(application.review)},'
        f'"service":{{"domains":{_list(service.domains)},"licence":{quote(service.licence)},'
        f'"name":{quote(service.name)},'
        f'"type":{quote(service.type) if service.type else "null"}}},'
        f'"status":"{application.status.value}",'
        f'"status_at":"{utc_text(application.status_at)}"}}'
    )


def content_digest(application: Application) -> str:
    """SHA-256 (hex) over everything that an application says."""
    return text_digest(content_text(application))


def text_digest(text: str) -> str:
    """The digest of an application from its ``content_text``."""
    return hashlib.sha256(text.encode()).hexdigest()


@lru_cache(maxsize=4096)
def utc_text(at: datetime) -> str:
    """An aware time as UTC text of one width, so that text order is time order.

    Raises:
        ValueError: it has no offset.
    """
    if at.tzinfo is not UTC:
        if at.tzinfo is None:
            raise ValueError("a time without offset says no instant")
        at = at.astimezone(UTC)
    text = at.isoformat()  # with a fraction only where there is one: "…T09:30:00+00:00"
    return f"{text[:19]}.000000Z" if len(text) == _WHOLE_SECONDS else f"{text[:26]}Z"


@lru_cache(maxsize=65536)
def _entity(entity: Entity) -> str:
    return (
        f'{{"certificate_number":{quote(entity.certificate_number)},'
        f'"certificate_type":{quote(entity.certificate_type)},'
        f'"licence":{quote(entity.licence)},"name":{quote(entity.name)},'
        f'"province":{quote(entity.province)}}}'
    )


def _list(texts: tuple[str, ...]) -> str:
    return f"[{','.join(map(quote, texts))}]"


def register_version(digests: Iterable[str], orders: Iterable[Order] = ()) -> str:
    """SHA-256 (hex) of a whole register, in whatever order its parts are given.

    Of an order only the filing and the kind count: who placed it, when and why decide nothing.
    """
    parts = {
        "applications": sorted(digests),
        "orders": sorted({(order.filing_id, order.kind) for order in orders}),
    }
    return hashlib.sha256(_ENCODER.encode(parts).encode()).hexdigest()
