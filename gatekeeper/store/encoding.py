"""How values are written into columns: canonical JSON, UTC times, applications."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any, overload

from gatekeeper.errors import StoreError
from gatekeeper.filing import Access, Application, Entity, Kind, Service, ServiceType, Status

_encode = json.JSONEncoder(
    ensure_ascii=False, sort_keys=True, separators=(",", ":"), allow_nan=False
).encode


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
    return None if text is None else datetime.fromisoformat(text)


def pack(application: Application) -> str:
    """An application as canonical JSON; only what is set is written."""
    entity, service, access = application.entity, application.service, application.access
    body: dict[str, Any] = {
        "application_id": application.application_id,
        "filing_id": application.filing_id,
        "kind": application.kind.value,
        "status": application.status.value,
        "status_at": to_text(application.status_at),
        "entity": _set(
            name=entity.name,
            certificate_type=entity.certificate_type,
            certificate_number=entity.certificate_number,
            province=entity.province,
            licence=entity.licence,
        ),
        "service": _set(
            type=service.type.value if service.type else "",
            name=service.name,
            licence=service.licence,
            domains=service.domains,
        ),
        "access": _set(
            account_id=access.account_id,
            load_balancer=access.load_balancer,
            ips=access.ips,
        ),
    }
    if application.review:
        body["review"] = application.review
    return _encode(body)


def _set(**fields: str | tuple[str, ...]) -> dict[str, str | tuple[str, ...]]:
    return {name: value for name, value in fields.items() if value}


def unpack(body: str) -> Application:
    """What ``pack`` wrote."""
    row = json.loads(body)
    entity, service, access = row["entity"], row["service"], row["access"]
    kind = service.get("type")
    return Application(
        application_id=row["application_id"],
        filing_id=row["filing_id"],
        kind=Kind(row["kind"]),
        status=Status(row["status"]),
        status_at=datetime.fromisoformat(row["status_at"]),
        entity=Entity(**{"name": "", **entity}),
        service=Service(
            type=ServiceType(kind) if kind else None,
            name=service.get("name", ""),
            licence=service.get("licence", ""),
            domains=tuple(service.get("domains", ())),
        ),
        access=Access(
            account_id=access.get("account_id", ""),
            load_balancer=access.get("load_balancer", ""),
            ips=tuple(access.get("ips", ())),
        ),
        review=row.get("review", ""),
    )
