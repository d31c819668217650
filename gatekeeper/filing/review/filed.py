"""What a filing's approved applications said beyond the register's table: people, address, APP.

Only what both a record and the filed ones state is compared, and no value is ever shown.
"""

from __future__ import annotations

import json
import re
import unicodedata
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, Final

from gatekeeper.filing.fold import judge_service_licence
from gatekeeper.filing.forgetting import remembered
from gatekeeper.filing.model import Application, Status
from gatekeeper.filing.review.differences import Difference
from gatekeeper.filing.review.dossier import App, Dossier, read_dossier
from gatekeeper.filing.review.model import CREATING, WITH_CONTENT


def approved_content(applications: Iterable[Application]) -> Mapping[str, tuple[Application, ...]]:
    """By filing, the approved applications that give it its content, newest first.

    They go back to the newest one that created it: nothing of before counts.  A change whose
    number counts for nothing gave it nothing (DESIGN §4).
    """
    found: defaultdict[str, list[Application]] = defaultdict(list)
    counted = (
        one
        for one in applications
        if one.status is Status.APPROVED
        and one.kind in WITH_CONTENT
        and not judge_service_licence(one.service.licence).code
    )
    for one in sorted(counted, key=lambda one: (one.status_at, one.application_id)):
        if one.kind in CREATING:
            found[one.filing_id].clear()
        found[one.filing_id].insert(0, one)
    return {filing_id: tuple(some) for filing_id, some in found.items()}


def content_of(application: Application) -> Dossier | None:
    """What only a review reads of an application; ``None`` where it has none that can be read."""
    if application.review[:1] != "{":
        return None
    found = read_dossier(remembered(json.loads(application.review)))
    return found if isinstance(found, Dossier) else None


def entity_details(
    given: Dossier, filed: Sequence[Dossier], elsewhere: Callable[[], Iterable[Dossier]]
) -> Iterator[Difference]:
    """The details of the entity in which a record is not the filed ones, newest first.

    An entity has one set of data: what another of its filings has already is no difference.
    """
    for field, zh, key in _ENTITY:
        mine, theirs = key(given), _newest(filed, key)
        if mine and theirs and mine != theirs and all(key(one) != mine for one in elsewhere()):
            yield Difference(field, zh)


def service_details(given: Dossier, filed: Sequence[Dossier]) -> Iterator[Difference]:
    """The details of the service in which a record is not the filed ones, newest first."""
    for field, zh, key in _SERVICE:
        mine, theirs = key(given), _newest(filed, key)
        if mine and theirs and mine != theirs:
            yield Difference(field, zh)


_Key = Callable[[Dossier], Any]
"""What a record says of a field, as it is compared; empty where it says nothing."""


def _newest(filed: Sequence[Dossier], key: _Key) -> Any:
    return next((found for one in filed if (found := key(one))), None)


def _plain(value: object) -> str:
    return "".join(unicodedata.normalize("NFKC", str(value or "")).split()).casefold()


def _phone(value: object) -> str:
    """Its digits, without the country's code in front."""
    digits = re.sub(r"[^0-9]+", "", _plain(value))
    return re.sub(r"^(?:00)?86(?=1[0-9]{10}$|0[0-9]{9,}$)", "", digits)


def _hex(value: object) -> str:
    return _plain(value).replace(":", "")


def _of_head(part: str, name: str, compared: Callable[[object], str]) -> _Key:
    def key(record: Dossier) -> str:
        head = (record.entity if part == "entity" else record.service).head
        return compared(getattr(head, name)) if head is not None else ""

    return key


def _of_entity(name: str) -> _Key:
    return lambda record: _plain(getattr(record.entity, name))


def _of_app(name: str) -> _Key:
    return lambda record: _plain(getattr(record.service.app, name, ""))


def _words(name: str) -> _Key:
    """A list that is declared to be empty says something, one that is left out says nothing."""

    def key(record: Dossier) -> tuple[frozenset[str], ...]:
        words = getattr(record.service, name)
        return () if words is None else (frozenset(map(_plain, words)),)

    return key


def _platforms(app: App | None, name: str, compared: Callable[[object], str]) -> Mapping[str, str]:
    found = {
        str(one.platform): compared(getattr(one, name))
        for one in (app.platforms if app is not None else ())
        if one.platform is not None
    }
    return found if all(found.values()) else {}


def _of_platforms(name: str, compared: Callable[[object], str]) -> _Key:
    return lambda record: _platforms(record.service.app, name, compared)


_HEAD: Final[tuple[tuple[str, str, Callable[[object], str]], ...]] = (
    ("name", "姓名", _plain),
    ("id_type", "证件类型", _plain),
    ("id_number", "证件号码", _plain),
    ("valid_until", "证件有效期", _plain),
    ("phone", "手机号码", _phone),
    ("office_phone", "办公电话", _phone),
    ("email", "邮箱", _plain),
    ("emergency_phone", "应急联系电话", _phone),
)

_Field = tuple[str, str, _Key]


def _head(part: str, zh: str) -> tuple[_Field, ...]:
    return tuple(
        (f"{part}.head.{name}", f"{zh}{name_zh}", _of_head(part, name, compared))
        for name, name_zh, compared in _HEAD
    )


_ENTITY: Final[tuple[_Field, ...]] = (
    ("entity.address", "住所地址", _of_entity("address")),
    ("entity.investor", "投资者或上级主管单位", _of_entity("investor")),
    ("entity.legal_representative", "法定代表人", _of_entity("legal_representative")),
    *_head("entity", "主体负责人"),
)
_SERVICE: Final[tuple[_Field, ...]] = (
    *_head("service", "服务负责人"),
    ("service.categories", "前置审批内容", _words("categories")),
    ("service.languages", "语种", _words("languages")),
    ("service.app.service_type", "应用服务类型", _of_app("service_type")),
    ("service.app.category", "服务类目", _of_app("category")),
    ("service.app.platforms", "运行平台或包名", _of_platforms("package", _plain)),
    ("service.app.platforms", "公钥", _of_platforms("public_key", _plain)),
    ("service.app.platforms", "MD5", _of_platforms("md5", _hex)),
)
