"""One value of a record at a time: text in, a canonical value out, or the reason why not.

Every parser takes trimmed, non-empty text.  Values are canonical, so that the order of a list or
the notation of an address in an export is never taken for a change.
"""

from __future__ import annotations

import ipaddress
import re
import unicodedata
from collections.abc import Callable, Iterable
from datetime import UTC, datetime, timedelta, timezone
from socket import inet_aton
from typing import Final, TypeVar

from gatekeeper.filing import KIND_ZH, STATUS_ZH, Kind, ServiceType, Status

SHANGHAI: Final = timezone(timedelta(hours=8), "Asia/Shanghai")
"""The offset of every time that is written without one."""

MAX_TEXT: Final = 1000
MAX_ID: Final = 128
MAX_DOMAIN: Final = 253

_T = TypeVar("_T")

# Cc, the bidirectional embeddings, overrides and isolates, lone surrogates and the two
# code points that XML cannot carry.
_FORBIDDEN: Final = re.compile(
    r"[\x00-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ud800-\udfff\ufffe\uffff]"
)
_INVISIBLE: Final = re.compile(r"[\u00ad\u061c\u180e\u200b-\u200f\u2060-\u2064\ufeff]")
_SEPARATOR: Final = re.compile(r"[；\r\n]")
_DOMAIN: Final = re.compile(r"[\w.\-]+")
_DOMAINS: Final = re.compile(r"[\w.\-]{1,253}(?:;[\w.\-]{1,253})*")
_ACCOUNT: Final = re.compile(r"[0-9]{12}")
_INSTANT: Final = re.compile(r"[0-9W-]{8,10}(?:[T ][0-9:.,+Z-]+)?")
_OCTET: Final = r"(?:25[0-5]|2[0-4][0-9]|1[0-9][0-9]|[1-9]?[0-9])"
_IPV4: Final = rf"{_OCTET}(?:\.{_OCTET}){{3}}"
_IPV4_LIST: Final = re.compile(rf"{_IPV4}(?:;{_IPV4})*")
_RANGE: Final = re.compile(r"[0-9a-fA-F.:]+\s*[-~–—]\s*[0-9a-fA-F.:]+")

_SERVICE_TYPE_ZH: Final = {ServiceType.WEBSITE: ("网站",), ServiceType.APP: ("APP", "应用程序")}
_ELSEWHERE: Final = frozenset({"mini_program", "fast_app", "小程序", "快应用"})


class FieldError(Exception):
    """A value is refused; ``value`` is the part that is wrong, ``index`` its place in a list."""

    def __init__(
        self, reason: str, reason_zh: str, *, value: str | None = None, index: int | None = None
    ) -> None:
        super().__init__(reason)
        self.reason = reason
        self.reason_zh = reason_zh
        self.value = value
        self.index = index


def text(value: str) -> str:
    """One line of text, at most ``MAX_TEXT`` characters."""
    return _line(value, MAX_TEXT)


def identifier(value: str) -> str:
    """A key: text of at most ``MAX_ID`` characters, all of them visible."""
    if not value.isprintable() and _INVISIBLE.search(value):
        raise FieldError("contains invisible characters", "含有不可见字符")
    return _line(value, MAX_ID)


def kind(value: str) -> Kind:
    """What the application asks for, in English or Chinese."""
    found = _KINDS.get(_word(value)) or _KINDS.get(_word(value, join=""))
    if found is None:
        names = ", ".join(Kind)
        zh = "、".join(words[0] for words in KIND_ZH.values())
        raise FieldError(
            f"not a kind of application; one of {names}", f"申请类型无效，应为{zh}之一"
        )
    return found


def status(value: str) -> Status:
    """Where the application stands, in English or Chinese."""
    found = _STATUSES.get(_word(value)) or _STATUSES.get(_word(value, join=""))
    if found is None:
        names, zh = ", ".join(Status), "、".join(STATUS_ZH.values())
        raise FieldError(f"not a status; one of {names}", f"状态无效，应为{zh}之一")
    return found


def service_type(value: str) -> ServiceType:
    """Website or APP; the two kinds that file elsewhere are told apart from nonsense."""
    found = _SERVICE_TYPES.get(_word(value))
    if found is None and _word(value) in _ELSEWHERE:
        raise FieldError(
            "mini-programs and fast apps file through their platform, not here",
            "小程序和快应用应通过其所属平台备案，不在此处办理",
        )
    if found is None:
        raise FieldError("not a service type; website or app", "服务类型无效，应为网站或 APP")
    return found


def instant(value: str) -> datetime:
    """An ISO 8601 time in UTC; without an offset it was meant in Asia/Shanghai."""
    try:
        if not _INSTANT.fullmatch(value):
            raise ValueError(value)
        moment = datetime.fromisoformat(value)
        if moment.tzinfo is None:
            moment = moment.replace(tzinfo=SHANGHAI)
        return moment.astimezone(UTC)
    except (ValueError, OverflowError):
        raise FieldError(
            "not an ISO 8601 time such as 2026-11-03T09:30:00+08:00",
            "时间格式无效，应为 ISO 8601，例如 2026-11-03T09:30:00+08:00",
        ) from None


def account(value: str) -> str:
    """An AWS account id, 12 digits."""
    if not _ACCOUNT.fullmatch(value):
        hint, hint_zh = "", ""
        if value.isascii() and value.isdigit() and len(value) < 12:
            hint = "; a spreadsheet may have dropped leading zeros, format the column as text"
            hint_zh = "；可能是电子表格丢失了前导零，请将该列设为文本格式"
        elif re.fullmatch(r"[0-9.]+[eE]\+?[0-9]+", value):
            hint = "; a spreadsheet turned it into a number, format the column as text"
            hint_zh = "；电子表格已将其转换为数字，请将该列设为文本格式"
        raise FieldError(
            f"not an AWS account id: 12 digits{hint}", f"账号无效，应为 12 位数字{hint_zh}"
        )
    return value


def split(value: str) -> list[str]:
    """The items of a list cell, trimmed, empty ones left out."""
    if "；" in value or "\n" in value or "\r" in value:
        value = _SEPARATOR.sub(";", value)
    return [item for item in map(str.strip, value.split(";")) if item]


def addresses(value: str) -> tuple[str, ...]:
    """The addresses of a list cell."""
    if _IPV4_LIST.fullmatch(value):  # the usual case, twenty times as fast as ipaddress
        return tuple(sorted(set(value.split(";")), key=inet_aton))
    return address_list(split(value))


def domains(value: str) -> tuple[str, ...]:
    """The domain names of a list cell."""
    lower = value.lower()
    if _DOMAINS.fullmatch(lower):
        return tuple(sorted(set(lower.split(";"))))
    return domain_list(split(value))


def address_list(items: Iterable[str]) -> tuple[str, ...]:
    """Canonical addresses, sorted by family and number, each once."""
    found = {_at(index, _address, item) for index, item in enumerate(items)}
    return tuple(item for _, _, item in sorted(found))


def domain_list(items: Iterable[str]) -> tuple[str, ...]:
    """Domain names in lower case, sorted, each once."""
    found = {_at(index, domain, item) for index, item in enumerate(items)}
    return tuple(sorted(found))


def domain(value: str) -> str:
    """One domain name in lower case; whether it can be filed is the review's to say."""
    name = value.lower()
    if len(name) > MAX_DOMAIN:
        raise FieldError(f"longer than {MAX_DOMAIN} characters", f"超过 {MAX_DOMAIN} 个字符")
    if not _DOMAIN.fullmatch(name):
        if re.search(r"[,，、\s]", name):
            raise FieldError(
                "not one domain name; separate several by ;", "不是单个域名，多个域名请用“;”分隔"
            )
        raise FieldError(
            "not a domain name: no scheme, port or path", "不是域名，请勿包含协议、端口或路径"
        )
    return name


def _address(value: str) -> tuple[int, int, str]:
    if "/" in value:
        raise FieldError(
            "a network, not an address; list every address", "这是网段而非 IP 地址，请逐个列出"
        )
    if "%" in value:
        raise FieldError("an address with a zone", "IP 地址不能带区域标识")
    try:
        address = ipaddress.ip_address(value)
    except ValueError:
        if _RANGE.fullmatch(value):
            raise FieldError(
                "a range, not an address; list every address", "这是地址段而非 IP 地址，请逐个列出"
            ) from None
        if re.search(r"[,，、\s]", value):
            raise FieldError(
                "not one IP address; separate several by ;",
                "不是单个 IP 地址，多个地址请用“;”分隔",
            ) from None
        raise FieldError("not an IP address", "IP 地址格式无效") from None
    if isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped is not None:
        raise FieldError(
            f"an IPv4 address written as IPv6; write {address.ipv4_mapped}",
            f"这是以 IPv6 形式书写的 IPv4 地址，请改为 {address.ipv4_mapped}",
        )
    return address.version, int(address), str(address)


def _at(index: int, parse: Callable[[str], _T], item: str) -> _T:
    try:
        return parse(item)
    except FieldError as error:
        raise FieldError(error.reason, error.reason_zh, value=item, index=index) from None


def _line(value: str, limit: int) -> str:
    if len(value) > limit:
        raise FieldError(
            f"{len(value)} characters long; at most {limit}",
            f"长度为 {len(value)} 个字符，上限为 {limit}",
        )
    if not value.isprintable() and _FORBIDDEN.search(value):
        raise FieldError("contains control characters", "含有控制字符")
    return value


def _word(value: str, join: str = "_") -> str:
    return re.sub(r"[\s_-]+", join, unicodedata.normalize("NFKC", value).casefold())


_KINDS: Final = {str(item): item for item in Kind} | {
    _word(word): item for item, words in KIND_ZH.items() for word in words
}
_STATUSES: Final = {str(item): item for item in Status} | {
    zh: item for item, zh in STATUS_ZH.items()
}
_SERVICE_TYPES: Final = {str(item): item for item in ServiceType} | {
    _word(word): item for item, words in _SERVICE_TYPE_ZH.items() for word in words
}
