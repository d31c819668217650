"""The full application record, as a review reads it (DESIGN §12).

Everything may be missing: what is missing is judged by the rules.  What is there must be of its
kind; a value that is not is refused with its place.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterator, Mapping
from datetime import date, datetime
from enum import StrEnum
from functools import cache
from typing import Annotated, Any, Final, Literal, NamedTuple, get_args

from pydantic import (
    AfterValidator,
    AwareDatetime,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StrictBool,
    ValidationError,
)

from gatekeeper.filing.clocks import read_until
from gatekeeper.filing.model import Kind, Status
from gatekeeper.filing.provinces import Province, find_province
from gatekeeper.filing.review import words
from gatekeeper.filing.workdays import SHANGHAI
from gatekeeper.policy import wrong

MAX_TEXT: Final = 4000
MAX_ITEMS: Final = 2000

# Cc but for line breaks and tabs, what turns the direction of writing, lone surrogates.
_FORBIDDEN: Final = re.compile(
    r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ud800-\udfff]"
)

LONG_TERM: Final = "long-term"
"""A document without an end (长期)."""


def _text(value: object) -> object:
    if value is None:
        return ""
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    if not isinstance(value, str):
        raise wrong("must be text in quotation marks", "应为带引号的文本")
    if len(value) > MAX_TEXT:
        raise wrong(f"is longer than {MAX_TEXT} characters", f"超过 {MAX_TEXT} 个字符")
    if not value.isprintable() and _FORBIDDEN.search(value):
        raise wrong("contains control characters", "含有控制字符")
    return value.strip()


def _boolean(value: object) -> object:
    if isinstance(value, str):
        word = words.folded(value)
        if word in ("true", "yes", "是", "有", "彩色"):
            return True
        if word in ("false", "no", "否", "无", "黑白"):
            return False
        if not word:
            return None
    if value is not None and not isinstance(value, bool):
        raise wrong("must be true or false (是 or 否)", "应为 true 或 false（是或否）")
    return value


def _flag(default: bool) -> BeforeValidator:
    """A switch that a record may leave out."""

    def read(value: object) -> object:
        found = _boolean(value)
        return default if found is None else found

    return BeforeValidator(read)


def _until(value: object) -> object:
    if isinstance(value, datetime):
        raise wrong(
            "must be a date such as 2027-01-31, or 长期", "应为日期（如 2027-01-31）或 长期"
        )
    if isinstance(value, date) or value is None:
        return value
    found = read_until(value)
    if found is None:
        raise wrong(
            "is no date; write it as 2027-01-31, or 长期 where there is no end",
            "不是有效的日期，应写作 2027-01-31；长期有效写“长期”",
        )
    if found is False:
        return LONG_TERM if isinstance(value, str) and value.strip() else None
    return found


def _word(kind: type[StrEnum]) -> BeforeValidator:
    def read(value: object) -> object:
        if value is None or value == "":
            return None
        found = words.read_word(kind, value) if isinstance(value, str) else None
        if found is None:
            known = words.shown_words(kind)
            raise wrong(f"is none of {known}", f"应为以下之一：{known}")
        return found

    return BeforeValidator(read)


def _ip(value: str) -> str:
    try:
        return str(ipaddress.ip_address(value))
    except ValueError:
        raise wrong("is no IP address", "不是有效的 IP 地址") from None


def _list(value: object) -> object:
    if value is None:
        return ()
    if isinstance(value, list | tuple) and len(value) > MAX_ITEMS:
        raise wrong(f"has more than {MAX_ITEMS} items", f"超过 {MAX_ITEMS} 项")
    if not isinstance(value, list | tuple):
        raise wrong("must be a list", "应为列表")
    return value


def _maybe_list(value: object) -> object:
    return None if value is None else _list(value)


def _domain(value: object) -> object:
    return {"name": value} if isinstance(value, str) else value


def _moment(value: object) -> object:
    if isinstance(value, str) and value.strip():
        try:
            found = datetime.fromisoformat(value.strip())
        except ValueError:
            raise wrong(
                "is no time; write it as ISO 8601", "不是有效的时间，应为 ISO 8601 格式"
            ) from None
        return found if found.tzinfo else found.replace(tzinfo=SHANGHAI)
    if value in (None, "") or isinstance(value, datetime):
        return value or None
    raise wrong("is no time; write it as ISO 8601", "不是有效的时间，应为 ISO 8601 格式")


def _category(value: object) -> object:
    """A category that needs papers by its word; another one stays as it is."""
    text = _text(value)
    found = words.read_word(words.Category, text) if isinstance(text, str) else None
    return words.Category(found) if found else text


Str = Annotated[str, BeforeValidator(_text)]
Flag = Annotated[StrictBool | None, BeforeValidator(_boolean)]
Until = Annotated[date | Literal["long-term"] | None, BeforeValidator(_until)]
Ip = Annotated[str, BeforeValidator(_text), AfterValidator(_ip)]
Bytes = Annotated[int, Field(ge=0, strict=True)]
Pixels = Annotated[int, Field(ge=0, strict=True)]


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore")


class Person(_Part):
    """The head of an entity or of a service (负责人)."""

    name: Str = ""
    id_type: Annotated[words.PersonIdType | None, _word(words.PersonIdType)] = None
    id_number: Str = Field(default="", repr=False)
    valid_until: Until = None
    phone: Str = Field(default="", repr=False)
    """Mobile number."""
    office_phone: Str = Field(default="", repr=False)
    email: Str = Field(default="", repr=False)
    emergency_phone: Str = Field(default="", repr=False)


class Domain(_Part):
    """A domain of the service, with what its registration says."""

    name: Str = ""
    registrar: Str = ""
    valid_until: Until = None
    real_name_verified: Flag = None
    holder: Str = ""
    holder_certificate_type: Str = ""
    holder_certificate_number: Str = Field(default="", repr=False)
    certificate_valid_until: Until = None
    """Of its TLS certificate."""


class Platform(_Part):
    """An APP on one platform."""

    platform: Annotated[words.PlatformKind | None, _word(words.PlatformKind)] = None
    name: Str = ""
    """As it stands under the icon; empty where it is the service's."""
    package: Str = ""
    """Package name or bundle id."""
    public_key: Str = ""
    md5: Str = ""
    """MD5 of the signing certificate."""


class App(_Part):
    """What an APP has beside a website."""

    platforms: Annotated[tuple[Platform, ...], BeforeValidator(_list)] = ()
    service_type: Str = ""
    category: Str = ""
    sdks: Annotated[tuple[Any, ...] | None, BeforeValidator(_maybe_list)] = None
    """``None`` is undeclared, an empty list says that there are none."""
    number_place: Str = ""
    """Where it shows its number: an address of a page, or words."""


class DossierEntity(_Part):
    """Who files (主办单位)."""

    name: Str = ""
    type: Annotated[words.EntityType | None, _word(words.EntityType)] = None
    certificate_type: Annotated[words.CertificateType | None, _word(words.CertificateType)] = None
    certificate_number: Str = ""
    province: Str = ""
    certificate_province: Str = ""
    address: Str = ""
    investor: Str = ""
    legal_representative: Str = ""
    licence: Str = ""
    aws_company: Str = ""
    foreign: Annotated[StrictBool, _flag(False)] = False
    head: Person | None = None

    @property
    def known_province(self) -> Province | None:
        """The province that is chosen, where it is one."""
        return find_province(self.province)


class DossierService(_Part):
    """What is filed (互联网信息服务)."""

    type: Annotated[words.ServiceKind | None, _word(words.ServiceKind)] = None
    name: Str = ""
    licence: Str = ""
    head: Person | None = None
    categories: Annotated[
        tuple[Annotated[words.Category | Str, BeforeValidator(_category)], ...] | None,
        BeforeValidator(_maybe_list),
    ] = None
    languages: Annotated[tuple[Str, ...] | None, BeforeValidator(_maybe_list)] = None
    name_papers: Annotated[StrictBool, _flag(False)] = False
    """The state's papers for words that a name may not have without."""
    online: Annotated[StrictBool, _flag(True)] = True
    filed_as_website: Annotated[StrictBool, _flag(False)] = False
    domains: Annotated[
        tuple[Annotated[Domain, BeforeValidator(_domain)], ...], BeforeValidator(_list)
    ] = ()
    app: App | None = None


class DossierAccess(_Part):
    """The account and addresses (接入)."""

    account_id: Str = ""
    load_balancer: Str = ""
    ips: Annotated[tuple[Ip, ...], BeforeValidator(_list)] = ()
    mode: Annotated[words.AccessMode | None, _word(words.AccessMode)] = None
    server_place: Str = ""


class Attachment(_Part):
    """A file that goes with the application; sizes in bytes, dimensions in pixels."""

    kind: Annotated[words.AttachmentKind | None, _word(words.AttachmentKind)] = None
    path: Str = ""
    size: Bytes | None = None
    width: Pixels | None = None
    height: Pixels | None = None
    colour: Flag = None
    fault: str = ""
    """Why the file at ``path`` could not be measured; set by whoever measured."""
    fault_zh: str = ""


class Portal(_Part):
    """The account at the provider's portal that sends the application."""

    email: Str = Field(default="", repr=False)
    mobile: Str = Field(default="", repr=False)


class Verification(_Part):
    """How the papers are verified, and how far that is."""

    route: Annotated[words.Route | None, _word(words.Route)] = None
    status: Annotated[words.VerificationStatus | None, _word(words.VerificationStatus)] = None


class Answer(_Part):
    """What a person said to a question of the review."""

    answer: Annotated[words.AnswerWord | None, _word(words.AnswerWord)] = None
    by: Str = ""
    at: Annotated[AwareDatetime | None, BeforeValidator(_moment)] = None


class Dossier(_Part):
    """One application with everything that a review reads."""

    application_id: Str = ""
    filing_id: Str = ""
    kind: Annotated[Kind | None, _word(Kind)] = None
    status: Annotated[Status | None, _word(Status)] = None
    status_at: Annotated[AwareDatetime | None, BeforeValidator(_moment)] = None
    provider: Str = ""
    entity: DossierEntity = Field(default_factory=DossierEntity)
    service: DossierService = Field(default_factory=DossierService)
    access: DossierAccess = Field(default_factory=DossierAccess)
    attachments: Annotated[tuple[Attachment, ...], BeforeValidator(_list)] = ()
    portal: Portal = Field(default_factory=Portal)
    entry: Annotated[words.Entry | None, _word(words.Entry)] = None
    verification: Verification = Field(default_factory=Verification)
    answers: Mapping[str, Answer] = Field(default_factory=dict)

    def attached(self, kind: words.AttachmentKind) -> tuple[Attachment, ...]:
        """The attachments of one kind."""
        return tuple(one for one in self.attachments if one.kind is kind)


class Fault(NamedTuple):
    """A value of a record that cannot be what its place asks for."""

    path: str
    """``service.domains[0].valid_until``."""
    value: str
    reason: str
    reason_zh: str


def read_dossier(given: Mapping[str, Any]) -> Dossier | tuple[Fault, ...]:
    """A record from its nested form, or everything that is wrong with it.

    ``null`` for a part is a part that is missing.
    """
    shown = {key: value for key, value in given.items() if value is not None}
    try:
        return Dossier.model_validate(shown)
    except ValidationError as error:
        return tuple(
            Fault(
                place(one["loc"]),
                value_shown(one.get("input")),
                *_reason(one["type"], one["msg"], one.get("ctx", {})),
            )
            for one in error.errors(include_url=False)
        )


def unknown_keys(given: Mapping[str, Any]) -> Iterator[str]:
    """Keys of a record that nothing is made of, as paths."""
    yield from _unknown(given, Dossier, "")


def place(location: tuple[int | str, ...]) -> str:
    """A path as a person writes it."""
    path = ""
    for one in location:
        if isinstance(one, int):
            path += f"[{one}]"
        elif one not in _BRANCHES:
            path += f".{one}" if path else one
    return path


def value_shown(value: Any) -> str:
    """A value for a message; of a structure its kind alone."""
    if isinstance(value, dict | list | tuple):
        return "{…}" if isinstance(value, dict) else "[…]"
    return "" if value is None else str(value)


_BRANCHES: Final = frozenset({"date", "literal['long-term']", "Category"})
"""What Pydantic puts into a place to tell the members of a union apart."""

_REASONS: Final[Mapping[str, tuple[str, str]]] = {
    "model_type": ("must be an object", "应为 JSON 对象"),
    "dict_type": ("must be an object", "应为 JSON 对象"),
    "mapping_type": ("must be an object", "应为 JSON 对象"),
    "model_attributes_type": ("must be an object", "应为 JSON 对象"),
    "int_type": ("must be a whole number", "应为整数"),
    "greater_than_equal": ("must not be negative", "不能为负数"),
}


def _reason(kind: str, message: str, context: Mapping[str, Any]) -> tuple[str, str]:
    if kind == "gatekeeper":
        return str(context["message"]), str(context["zh"])
    return _REASONS.get(kind, (message, "值无效"))


def _unknown(given: Mapping[str, Any], model: type[BaseModel], path: str) -> Iterator[str]:
    inner = _inner(model)
    for key, value in given.items():
        here = f"{path}.{key}" if path else str(key)
        if key not in inner:
            yield here
            continue
        part = inner[key]
        if part is None:
            continue
        if isinstance(value, Mapping):
            values = [(here, value)]
        elif isinstance(value, list | tuple):
            values = [(f"{here}[{n}]", one) for n, one in enumerate(value)]
        else:
            values = []
        for where, one in values:
            if isinstance(one, Mapping):
                yield from _unknown(one, part, where)


@cache
def _inner(model: type[BaseModel]) -> Mapping[str, type[BaseModel] | None]:
    """The fields of a model, each with the model that it or its items are."""
    return {
        name: None if name == "answers" else _model_in(field.annotation)
        for name, field in model.model_fields.items()
        if name not in ("fault", "fault_zh")
    }


def _model_in(annotation: Any) -> type[BaseModel] | None:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    for argument in get_args(annotation):
        found = _model_in(argument)
        if found is not None:
            return found
    return None
