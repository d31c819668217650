"""How values are written into columns: canonical JSON, UTC times, applications."""

from __future__ import annotations

import json
from datetime import datetime
from functools import lru_cache
from json.encoder import encode_basestring
from typing import Any, Final, overload

from gatekeeper.errors import StoreError
from gatekeeper.filing import (
    Access,
    Application,
    Entity,
    Kind,
    Service,
    ServiceType,
    Status,
    utc_text,
)

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


to_text: Final = utc_text


@overload
def from_text(text: str) -> datetime: ...
@overload
def from_text(text: str | None) -> datetime | None: ...
def from_text(text: str | None) -> datetime | None:
    """What ``utc_text`` wrote."""
    return None if text is None else _time(text)


@lru_cache(maxsize=4096)
def _time(text: str) -> datetime:
    return datetime.fromisoformat(text)


def unpack(body: str) -> Application:
    """The application that ``content_text`` wrote."""
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
