"""How values are written into columns: canonical JSON, UTC times, applications."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from functools import lru_cache
from json.encoder import encode_basestring
from typing import Any, Final, overload

from gatekeeper.errors import StoreError
from gatekeeper.filing import Access, Application, Entity, Kind, Service, ServiceType, Status

_encode = json.JSONEncoder(
    ensure_ascii=False, sort_keys=True, separators=(",", ":"), allow_nan=False
).encode

quote: Final = encode_basestring
"""A text as JSON, the way ``canonical`` writes it."""


def canonical(value: Any) -> str:
    """Canonical JSON: sorted keys, no spaces, UTF-8 as it is."""
    return _encode(value)


def plain(text: str) -> Any:
    """What ``canonical`` wrote."""
    return json.loads(text)


def storable(text: str) -> bytes:
    """``text`` as UTF-8.

    Raises:
        StoreError: it has characters that UTF-8 cannot hold (an argument in another encoding).
    """
    try:
        return text.encode()
    except UnicodeEncodeError:
        raise StoreError(
            f"{text.encode(errors='backslashreplace').decode()[:80]!r} is not UTF-8 text and "
            "cannot be stored; check the terminal's encoding",
            zh="文本不是有效的 UTF-8，无法保存，请检查终端编码",
        ) from None


@lru_cache(maxsize=4096)
def to_text(at: datetime) -> str:
    """An aware time as UTC text of one width, so that text order is time order."""
    if at.tzinfo is None:
        raise ValueError("a time without offset cannot be stored")
    return at.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")


@overload
def from_text(text: str) -> datetime: ...
@overload
def from_text(text: str | None) -> datetime | None: ...
def from_text(text: str | None) -> datetime | None:
    """What ``to_text`` wrote."""
    return None if text is None else _time(text)


@lru_cache(maxsize=4096)
def _time(text: str) -> datetime:
    return datetime.fromisoformat(text)


def pack(application: Application) -> str:
    """An application as canonical JSON.

    Written out by hand: an import of a whole province does this a hundred thousand times.
    """
    entity, service, access = application.entity, application.service, application.access
    return (
        f'{{"access":{{"account_id":{quote(access.account_id)},"ips":{_list(access.ips)},'
        f'"load_balancer":{quote(access.load_balancer)}}},'
        f'"application_id":{quote(application.application_id)},'
        f'"entity":{{"certificate_number":{quote(entity.certificate_number)},'
        f'"certificate_type":{quote(entity.certificate_type)},'
        f'"licence":{quote(entity.licence)},"name":{quote(entity.name)},'
        f'"province":{quote(entity.province)}}},'
        f'"filing_id":{quote(application.filing_id)},"kind":{quote(application.kind)},'
        f'"review":{quote(application.review)},'
        f'"service":{{"domains":{_list(service.domains)},"licence":{quote(service.licence)},'
        f'"name":{quote(service.name)},"type":{quote(service.type) if service.type else "null"}}},'
        f'"status":{quote(application.status)},'
        f'"status_at":"{to_text(application.status_at)}"}}'
    )


def _list(texts: tuple[str, ...]) -> str:
    return f"[{','.join(map(quote, texts))}]"


def unpack(body: str) -> Application:
    """What ``pack`` wrote."""
    row = json.loads(body)
    service, access = row["service"], row["access"]
    return Application(
        application_id=row["application_id"],
        filing_id=row["filing_id"],
        kind=Kind(row["kind"]),
        status=Status(row["status"]),
        status_at=from_text(row["status_at"]),
        entity=Entity(**row["entity"]),
        service=Service(
            type=ServiceType(service["type"]) if service["type"] else None,
            name=service["name"],
            licence=service["licence"],
            domains=tuple(service["domains"]),
        ),
        access=Access(
            account_id=access["account_id"],
            load_balancer=access["load_balancer"],
            ips=tuple(access["ips"]),
        ),
        review=row["review"],
    )
