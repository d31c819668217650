"""What a record says otherwise than the filing in effect, field by field.

Only what both of them state is compared: a field that the register never had is no difference.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Iterator
from functools import lru_cache
from typing import Final, NamedTuple

from gatekeeper.filing.licence import LicenceError, parse_licence
from gatekeeper.filing.miit import domain_key
from gatekeeper.filing.model import Access, Entity, Service
from gatekeeper.filing.provinces import find_province
from gatekeeper.filing.review.words import CertificateType, read_word


class Difference(NamedTuple):
    """A field of the record, and its name in Chinese."""

    field: str
    name_zh: str


def entity_differences(given: Entity, filed: Entity) -> Iterator[Difference]:
    """The fields in which an entity is not the filed one."""
    for name, zh, key in _ENTITY:
        mine, theirs = getattr(given, name), getattr(filed, name)
        if mine and theirs and mine != theirs and key(mine) != key(theirs):
            yield Difference(f"entity.{name}", zh)


def service_differences(given: Service, filed: Service) -> Iterator[Difference]:
    """The fields in which a service is not the filed one."""
    if given.type is not None and filed.type is not None and given.type is not filed.type:
        yield Difference("service.type", "服务类型")
    for name, zh, key in _SERVICE:
        mine, theirs = getattr(given, name), getattr(filed, name)
        if mine and theirs and mine != theirs and key(mine) != key(theirs):
            yield Difference(f"service.{name}", zh)
    if given.domains and filed.domains:
        mine, theirs = ({domain_key(one) for one in side.domains} for side in (given, filed))
        if mine != theirs:
            yield Difference("service.domains", "域名")


def access_differences(given: Access, filed: Access) -> Iterator[Difference]:
    """The fields in which an access that has addresses is not the filed one."""
    if not given.ips:
        return
    if set(given.ips) != set(filed.ips):
        yield Difference("access.ips", "IP 地址")
    if given.account_id and given.account_id != filed.account_id:
        yield Difference("access.account_id", "亚马逊云科技账号")
    if given.load_balancer != filed.load_balancer:
        yield Difference("access.load_balancer", "负载均衡")


@lru_cache(maxsize=65536)
def _plain(text: str) -> str:
    return "".join(unicodedata.normalize("NFKC", text).split()).casefold()


def _province(text: str) -> str:
    found = find_province(text)
    return found.short if found is not None else _plain(text)


def _certificate(text: str) -> str:
    return read_word(CertificateType, text) or _plain(text)


def _number(text: str) -> str:
    try:
        return parse_licence(text).canonical
    except LicenceError:
        return _plain(text)


_Field = tuple[str, str, Callable[[str], str]]

_ENTITY: Final[tuple[_Field, ...]] = (
    ("name", "主办单位名称", _plain),
    ("certificate_type", "证件类型", _certificate),
    ("certificate_number", "证件号码", _plain),
    ("province", "所属区域", _province),
    ("licence", "主体备案号", _number),
)
_SERVICE: Final[tuple[_Field, ...]] = (
    ("name", "服务名称", _plain),
    ("licence", "服务备案号", _number),
)
