"""How values are written into columns: canonical JSON, UTC times, applications."""

from __future__ import annotations

import json
import re
from datetime import datetime
from functools import lru_cache
from json.encoder import encode_basestring
from typing import Any, Final, overload

from gatekeeper.errors import StoreError
from gatekeeper.filing import (
    SEALED,
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


_TEXT: Final = r'"([^"\\]*)"'
_TEXTS: Final = r'\[((?:"[^"\\]*"(?:,"[^"\\]*")*)?)\]'


def _body(review: str) -> re.Pattern[str]:
    return re.compile(
        rf'{{"access":{{"account_id":{_TEXT},"ips":{_TEXTS},"load_balancer":{_TEXT}}},'
        rf'"application_id":{_TEXT},"entity":{{"certificate_number":{_TEXT},'
        rf'"certificate_type":{_TEXT},"licence":{_TEXT},"name":{_TEXT},"province":{_TEXT}}},'
        rf'"filing_id":{_TEXT},'
        rf'"kind":{_TEXT},"review":"({review})","service":{{"domains":{_TEXTS},"licence":{_TEXT},'
        rf'"name":{_TEXT},"type":(?:null|{_TEXT})}},"status":{_TEXT},"status_at":{_TEXT}}}'
    )


_PLAIN_BODY: Final = _body("")
"""A body without an escape and without a review, as nearly all are."""
_SEALED_BODY: Final = _body(rf'{SEALED}[^"\\]*')
"""The same with a sealed review."""
_KINDS: Final = {kind.value: kind for kind in Kind}
_STATUSES: Final = {status.value: status for status in Status}
_TYPES: Final[dict[str | None, ServiceType | None]] = {
    None: None,
    **{type_.value: type_ for type_ in ServiceType},
}


def unpack(body: str) -> Application:
    """The application that ``content_text`` wrote; a review that is sealed stays so.

    A register of a million is unpacked for every look, so the usual body is read by one pattern,
    three times as fast as by ``json``; what the pattern does not know, ``json`` reads.
    """
    match = _PLAIN_BODY.fullmatch(body) or _SEALED_BODY.fullmatch(body)
    if match is None:
        return _unpack_any(body)
    found = match.groups()
    account_id, ips, load_balancer, application_id = found[:4]
    filing_id, kind, review, domains, licence, name, type_, status, status_at = found[9:]
    return Application(
        application_id=application_id,
        filing_id=filing_id,
        kind=_KINDS[kind],
        status=_STATUSES[status],
        status_at=_time(status_at),
        entity=_entity(*found[4:9]),
        service=Service(
            type=_TYPES[type_],
            name=name,
            licence=licence,
            domains=tuple(domains[1:-1].split('","')) if domains else (),
        ),
        access=_access(account_id, load_balancer, ips),
        review=review,
    )


@lru_cache(maxsize=65536)
def _entity(
    certificate_number: str, certificate_type: str, licence: str, name: str, province: str
) -> Entity:
    """One value for all applications of an entity, as far as may be."""
    return Entity(
        name=name,
        certificate_type=certificate_type,
        certificate_number=certificate_number,
        province=province,
        licence=licence,
    )


@lru_cache(maxsize=65536)
def _access(account_id: str, load_balancer: str, ips: str) -> Access:
    return Access(
        account_id=account_id,
        load_balancer=load_balancer,
        ips=tuple(ips[1:-1].split('","')) if ips else (),
    )


def _unpack_any(body: str) -> Application:
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
