"""The file of portals: where each is, how it pages, and what its fields mean here.

A token never stands in the file: ``${NAME}`` names a variable of the environment, and it is read
only when its portal is.  So nothing that is parsed here is a secret.
"""

from __future__ import annotations

import hashlib
import json
import re
from datetime import timedelta
from ipaddress import ip_address
from pathlib import Path as File
from typing import Annotated, Any, Final, Literal
from urllib.parse import urlsplit

from pydantic import BeforeValidator, Field, StrictBool, StrictInt, model_validator

from gatekeeper.errors import PolicyError
from gatekeeper.policy import ConfigModel, Duration, Text, checked, read_mapping, wrong
from gatekeeper.sources.column import APPLICATION_COLUMNS
from gatekeeper.sources.nested import REVIEW_KEYS
from gatekeeper.sources.portal.path import Path, parse_path
from gatekeeper.sources.record import NEEDED
from gatekeeper.textfile import read_text

DOCS: Final = "docs/portal.md"
_LARGEST: Final = 1_000_000
"""Bytes of a file of portals."""
_MIB: Final = 1024 * 1024

_PARTS: Final = ("entity", "service", "access")
_COLUMNS: Final = {column.name: column.keys for column in APPLICATION_COLUMNS}
_PLACES: Final = frozenset(_COLUMNS.values())


def _name(value: object) -> object:
    if not isinstance(value, str) or not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}", value):
        raise wrong(
            "write 1 to 64 of A-Z a-z 0-9 . _ - and begin with a letter or digit",
            "应为 1 至 64 个字符（A-Z a-z 0-9 . _ -），以字母或数字开头",
        )
    return value


def _url(value: object) -> object:
    if not isinstance(value, str) or not value.isprintable() or " " in value:
        raise wrong("must be a URL in one line, without spaces", "应为不含空格的 URL")
    try:
        parts = urlsplit(value)
        known = parts.scheme in ("https", "http") and parts.hostname and (parts.port or 1)
    except ValueError:
        known = None
    if not known:
        raise wrong(
            "write it as https://portal.example.cn/api/applications",
            "应写作 https://portal.example.cn/api/applications",
        )
    if "@" in parts.netloc or parts.fragment:
        raise wrong(
            "a URL here has no user, password or fragment; a token belongs under token",
            "URL 中不能有用户名、密码或片段，令牌应写在 token 下",
        )
    return value


def _token(value: object) -> object:
    """The variable's name out of ``${NAME}``; the token itself is refused, and not repeated."""
    match = re.fullmatch(r"\$\{([A-Za-z_][A-Za-z0-9_]*)\}", str(value))
    if match is None:
        raise wrong(
            "a token never stands in the file: write ${NAME}, a variable of the environment",
            "令牌不能写在文件中，应写作 ${NAME}，即环境变量的名称",
        )
    return match[1]


def _header(value: object) -> object:
    if not isinstance(value, str) or not re.fullmatch(
        r"[A-Za-z0-9-]{1,64}(: ?[!-~]{1,32})?", value
    ):
        raise wrong(
            'write a header\'s name, and before the token a word or none: "Authorization: Bearer"',
            '应为请求头名称，令牌前可加一个词："Authorization: Bearer"',
        )
    return value


def _path(value: object) -> object:
    try:
        return parse_path(value) if isinstance(value, str) else value
    except ValueError:
        raise wrong(
            "write a path as data.list, rows[0].name or hosts[].ip; . is the answer itself",
            "路径应写作 data.list、rows[0].name 或 hosts[].ip，. 表示应答本身",
        ) from None


def _words(value: object) -> object:
    """A mapping of the portal's words to ours; a number or a truth as JSON writes it."""
    if not isinstance(value, dict) or not value:
        raise wrong("must be a mapping: their word to ours", "应为映射：对方的值对应本方的值")
    made: dict[str, Any] = {}
    for theirs, ours in value.items():
        if not (ours is None or isinstance(ours, str | bool)):
            raise wrong(
                f"what {theirs!r} means must be text in quotation marks, true, false or null",
                f"{theirs!r} 对应的值应为带引号的文本、true、false 或 null",
            )
        made[as_word(theirs)] = ours
    return made


def as_word(value: object) -> str:
    """A scalar of an answer as a key of ``values``: ``true`` and ``1`` without quotation marks."""
    return value if isinstance(value, str) else json.dumps(value)


def _fields(value: object) -> object:
    if isinstance(value, dict):
        return {
            key: {"path": given} if isinstance(given, str) else given
            for key, given in value.items()
        }
    return value


Name = Annotated[str, BeforeValidator(_name)]
Url = Annotated[str, BeforeValidator(_url)]
TokenName = Annotated[str, BeforeValidator(_token)]
Header = Annotated[str, BeforeValidator(_header)]
Place = Annotated[Path, BeforeValidator(_path)]
Words = Annotated[dict[str, Any], BeforeValidator(_words)]
Scalar = str | StrictBool | StrictInt


class Timeout(ConfigModel):
    """How long to wait for a portal."""

    connect: Duration = timedelta(seconds=5)
    read: Duration = timedelta(seconds=30)
    """Between two pieces of an answer."""
    page: Duration = timedelta(minutes=2)
    """For a whole page, however steadily it drips."""


class Paging(ConfigModel):
    """How one page leads to the next."""

    style: Literal["number", "offset", "cursor", "link"]
    parameter: Text | None = None
    """Where the number, offset or cursor is written."""
    size_parameter: Text | None = None
    size: Annotated[StrictInt, Field(ge=1, le=100_000)] | None = None
    first: Annotated[StrictInt, Field(ge=0)] | None = None
    """The first number (1) or offset (0)."""
    next: Place | None = None
    """Where a page has the next cursor or link; a link may also stand in the ``Link`` header."""

    @model_validator(mode="after")
    def _complete(self) -> Paging:
        if self.style != "link" and self.parameter is None:
            raise wrong(
                f"style {self.style} needs a parameter", f"{self.style} 方式必须指定 parameter"
            )
        if self.style == "cursor" and self.next is None:
            raise wrong("style cursor needs next, a path", "cursor 方式必须指定 next 路径")
        if self.style in ("number", "offset") and self.next is not None:
            raise wrong(
                "next belongs to the styles cursor and link", "next 只用于 cursor 和 link 方式"
            )
        if self.style in ("cursor", "link") and self.first is not None:
            raise wrong(
                "first belongs to the styles number and offset",
                "first 只用于 number 和 offset 方式",
            )
        if (self.size is None) != (self.size_parameter is None):
            raise wrong(
                "size and size_parameter go together", "size 与 size_parameter 必须同时指定"
            )
        return self


TimeForm = Literal["iso", "shanghai", "epoch", "epoch_ms"]


class Updated(ConfigModel):
    """How to ask only for what changed."""

    parameter: Text
    format: TimeForm = "iso"
    path: Place
    """Where a row has the time of its last change."""
    overlap: Duration = timedelta(minutes=10)
    """How far back of the newest known change is asked: rows may become visible late."""


class Success(ConfigModel):
    """What an answer must say to count: many portals answer 200 and mean otherwise."""

    path: Place
    values: tuple[Scalar, ...] = Field(min_length=1)


class FieldRule(ConfigModel):
    """Where one column comes from."""

    path: Place | None = None
    value: Any = None
    """A constant."""
    values: Words | None = None
    """What the portal's words mean; a word that is not listed makes a bad row."""
    separator: Text | None = None
    """What divides several in one text, besides ``;`` and line breaks."""
    format: Literal["epoch", "epoch_ms"] | None = None
    """Of a time that is a number."""

    @model_validator(mode="after")
    def _one(self) -> FieldRule:
        if (self.path is None) == ("value" not in self.model_fields_set):
            raise wrong("write either a path or a value", "path 与 value 必须且只能写一个")
        if self.path is None and (self.values or self.separator or self.format):
            raise wrong("a value needs nothing beside it", "使用 value 时不能再写其他键")
        return self


class Limits(ConfigModel):
    """What a reading may cost; beyond, nothing of it is stored."""

    page_bytes: Annotated[StrictInt, Field(ge=1024, le=64 * _MIB)] = 4 * _MIB
    """Of one answer, unpacked."""
    bytes: Annotated[StrictInt, Field(ge=1024, le=4096 * _MIB)] = 256 * _MIB
    """Of all pages together."""
    pages: Annotated[StrictInt, Field(ge=1, le=100_000)] = 1000
    rows: Annotated[StrictInt, Field(ge=1, le=2_000_000)] = 100_000


class Portal(ConfigModel):
    """One portal."""

    name: Name
    url: Url
    insecure: StrictBool = False
    """Allow ``http`` to other hosts than this one."""
    token: TokenName | None = None
    """The name of the variable that holds it."""
    header: Header = "Authorization: Bearer"
    query: dict[str, Scalar] = Field(default_factory=dict)
    """Further parameters of every request."""
    timeout: Timeout = Field(default_factory=Timeout)
    retries: Annotated[StrictInt, Field(ge=0, le=20)] = 4
    page: Paging
    items: Place
    total: Place | None = None
    success: Success | None = None
    updated: Updated | None = None
    fields: Annotated[dict[str, FieldRule], BeforeValidator(_fields)]
    limits: Limits = Field(default_factory=Limits)
    resume: Duration = timedelta(hours=1)
    """How long the pages of a reading that broke off are good for."""

    @model_validator(mode="after")
    def _sound(self) -> Portal:
        parts = urlsplit(self.url)
        if parts.scheme == "http" and not self.insecure and not _loopback(parts.hostname or ""):
            raise wrong(
                "the URL must be https, or anybody on the way reads the token and the people; "
                "insecure: true allows it nevertheless",
                "URL 应为 https，否则途中任何人都能读到令牌和个人信息；"
                "确需使用 http 时写 insecure: true",
            )
        _check_targets(self.fields)
        if self.items.several:
            raise wrong("items names the list itself, without []", "items 应为列表本身，不带 []")
        return self

    def digest(self) -> str:
        """SHA-256 over all that decides what a query gives and what it means here."""
        kept = self.model_dump(
            mode="json",
            include={"url", "query", "page", "items", "total", "success", "updated", "fields"},
        )
        text = json.dumps(kept, sort_keys=True, separators=(",", ":"))
        return hashlib.sha256(text.encode(errors="backslashreplace")).hexdigest()


class Portals(ConfigModel):
    """Every key of a file of portals."""

    format: Literal[1] = Field(1, alias="version")
    spool: Text | None = None
    """The folder of pages that wait for the others of their reading."""
    portals: tuple[Portal, ...] = Field(min_length=1)


def target(key: str) -> tuple[str, ...]:
    """Where a key of ``fields`` leads in an application's nested form (DESIGN §4, §12)."""
    return _COLUMNS.get(key) or tuple(key.split("."))


def load_portals(path: str | File) -> Portals:
    """The portals of a file.

    Raises:
        PolicyError: the file cannot be read, or a key of it is missing, unknown or wrong.
    """
    text = read_text(
        path,
        "the portals",
        "门户配置",
        largest=_LARGEST,
        check="--portals or GATEKEEPER_PORTALS",
        check_zh=" --portals 或 GATEKEEPER_PORTALS",
    )
    return parse_portals(text, source=str(path))


def parse_portals(text: str, *, source: str = "portals") -> Portals:
    """The portals of YAML text.

    Raises:
        PolicyError: it is not YAML, or a key is missing, unknown or wrong; the key is named.
    """
    found = checked(Portals, read_mapping(text, source), source, docs=DOCS)
    seen: set[str] = set()
    for number, portal in enumerate(found.portals):
        if portal.name.casefold() in seen:
            raise PolicyError(
                f"{source}: key portals.{number}.name: {portal.name} stands twice; a name tells "
                f"one portal; see {DOCS}",
                zh=f"{source}：键 portals.{number}.name 无效：名称 {portal.name} 重复，参见 {DOCS}",
            )
        seen.add(portal.name.casefold())
    return found


def _loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _check_targets(fields: dict[str, FieldRule]) -> None:
    """Refuse a column that there is not, two for one place, and a lack of what is required."""
    leads: dict[tuple[str, ...], str] = {}
    for key in fields:
        place = target(key)
        if not _known(place):
            raise wrong(
                f"fields.{key}: there is no such column or key of an application",
                f"fields.{key}：没有这个列或申请字段",
            )
        leads[place] = f"{leads[place]}, {key}" if place in leads else key
    for place, key in leads.items():
        above = next((leads[place[:n]] for n in range(1, len(place)) if place[:n] in leads), None)
        if "," in key or above is not None:
            raise wrong(
                f"fields: {above or key}{f' and {key}' if above else ''} lead to one place",
                f"fields：{above or key}{f' 与 {key}' if above else ''} 指向同一字段",
            )
    missing = sorted(name for name in NEEDED if _COLUMNS[name] not in leads)
    if missing:
        raise wrong(
            f"fields: {', '.join(missing)} must be there: give a path, or a value",
            f"fields：缺少 {'、'.join(missing)}，请给出 path 或 value",
        )


def _known(place: tuple[str, ...]) -> bool:
    if not all(place):
        return False
    if place in _PLACES:
        return True
    first = place[0]
    if first in _PARTS:
        return len(place) > 1 and place[1] in REVIEW_KEYS[first]
    return first in REVIEW_KEYS[""]
