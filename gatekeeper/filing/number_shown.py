"""The filing number that the public sees (RULES: ``after-footer``).

A website shows its number at its foot, an APP in its settings, linked to MIIT's filing site.  In
every province but one that is the service's number (``-1``); a website of Guangdong shows the
entity's, without it.  What a page's source does not tell, because a script, a frame or a picture
brings it, is never called missing.
"""

from __future__ import annotations

import re
import unicodedata
from bisect import bisect_right
from collections.abc import Iterator
from enum import StrEnum
from typing import Final, NamedTuple
from urllib.parse import urlsplit

from gatekeeper.filing.html_text import PageText
from gatekeeper.filing.licence import PROVINCES, Licence, LicenceError, parse_licence
from gatekeeper.filing.model import Entity, Service, ServiceType
from gatekeeper.filing.provinces import find_province
from gatekeeper.filing.row import printable

FOOTER_RULE: Final = "after-footer"
MIIT_SITE: Final = "beian.miit.gov.cn"

_HYPHENS: Final = dict.fromkeys(map(ord, "‐‑‒–—―−－"), "-")
_GUANGDONG: Final = "44"
_MOST_NUMBERS: Final = 500
_NAMED: Final = 3
_LITTLE: Final = 400
"""Characters of text below which a page with scripts is taken for one that they build."""

_SEQUENCE: Final = r"(?: ?- ?[0-9]{1,9}(?: ?[A-Z](?![A-Z0-9]))?)?"
_NUMBER: Final = re.compile(
    rf"(?:[{PROVINCES}川甘贵云] ?(?:[A-Z] ?)?)?ICP ?[备证] ?案? ?第? ?[0-9]{{1,14}} ?号?{_SEQUENCE}"
    rf"|(?<![A-Z0-9])(?:(?:[{PROVINCES}]|合字) ?)?(?:[AB][12](?:\.[AB][12]){{0,3}}|B-[0-9]-[0-9])"
    rf" ?- ?[0-9]{{8}}(?![0-9]) ?号?{_SEQUENCE}"
)
_LOOSE_SEQUENCE: Final = re.compile(r"(?: -|- )[^-]*$")


class Seen(StrEnum):
    """What a look from outside ends with."""

    PASS = "pass"  # noqa: S105 - a verdict
    FAIL = "fail"
    UNKNOWN = "unknown"
    ASK = "ask"
    """A person must look: no page tells."""


class Judged(NamedTuple):
    """One check of the public side, with its sentence."""

    verdict: Seen
    message: str
    message_zh: str


class FoundNumber(NamedTuple):
    """Something on a page that is written as a filing number."""

    text: str
    """As it stands there, after NFKC and with single spaces."""
    licence: Licence | None
    """``None`` where it has no known shape."""
    linked: bool
    """Whether a part of it stands in a link to MIIT's filing site."""


def links_to_miit(target: str) -> bool:
    """Whether a link leads to MIIT's filing site, read as a browser reads it."""
    cleaned = re.sub(r"[\t\r\n]", "", target).strip("\x00\x20\x0b\x0c").replace("\\", "/")
    try:
        parts = urlsplit(cleaned, scheme="https")
        host, port = parts.hostname or "", parts.port
    except ValueError:
        return False
    return (
        parts.scheme in ("http", "https")
        and "@" not in parts.netloc
        and host.rstrip(".").lower() == MIIT_SITE
        and port in (None, 80, 443)
    )


def numbers_shown(page: PageText) -> tuple[FoundNumber, ...]:
    """Every filing number in the text of a page, those of telecom licences too."""
    return tuple(_found(page))


def right_number(service: Service, entity: Entity) -> str:
    """The number that must be shown, in canonical form.

    Raises:
        LicenceError: the register's own number has no known shape.
    """
    licence = parse_licence(service.licence)
    if service.type is not ServiceType.APP and _of_guangdong(licence, entity):
        return licence.subject
    return licence.canonical


def judge_page(page: PageText, service: Service, entity: Entity) -> Judged:
    """Whether a page shows the right number, linked."""
    try:
        right = right_number(service, entity)
    except LicenceError as error:
        return Judged(
            Seen.UNKNOWN,
            f"the register's number {printable(service.licence)} cannot be compared: "
            f"{error.message}",
            f"备案库中的备案号 {printable(service.licence)} 无法比对：{error.text('zh')}",
        )
    numbers = numbers_shown(page)
    mine = [one for one in numbers if one.licence is not None and one.licence.canonical == right]
    if any(one.linked for one in mine):
        return Judged(
            Seen.PASS,
            f"{right} is shown, linked to {MIIT_SITE}",
            f"已展示 {right} 并链接至 {MIIT_SITE}",
        )
    untold = _untold(page, right)
    if mine:
        return untold if untold is not None and page.cut else _unlinked(right)
    wrong = list(dict.fromkeys(_named(one) for one in numbers if _rivals(one, right)))
    if wrong and not page.cut:
        return _wrong(right, wrong, service, entity)
    if untold is not None:
        return untold
    if any(links_to_miit(link) for link in page.links):
        return Judged(
            Seen.ASK,
            f"a link to {MIIT_SITE} is there, but {right} is not in the text: look if a picture "
            "shows it",
            f"页面有指向 {MIIT_SITE} 的链接，但文字中没有 {right}，可能是图片，请人工查看",
        )
    return Judged(
        Seen.FAIL,
        f"{right} is not shown, nor is any other filing number",
        f"页面未展示 {right}，也没有其他备案号",
    )


def _unlinked(right: str) -> Judged:
    return Judged(
        Seen.FAIL,
        f"{right} is shown, but does not link to {MIIT_SITE}",
        f"已展示 {right}，但未链接至 {MIIT_SITE}",
    )


def _wrong(right: str, wrong: list[str], service: Service, entity: Entity) -> Judged:
    shown = ", ".join(wrong[:_NAMED])
    whose, whose_zh = "", ""
    licence = parse_licence(service.licence)
    if right == licence.subject and licence.canonical in wrong:
        whose, whose_zh = " (Guangdong shows the entity's number)", "（广东展示主体备案号）"
    elif right == licence.canonical and licence.subject in wrong:
        province = find_province(entity.province)
        place, place_zh = (
            (province.pinyin, str(province)) if province else ("this province", "该省")
        )
        whose = f" ({place} shows the service's number)"
        whose_zh = f"（{place_zh}须展示服务备案号）"
    return Judged(
        Seen.FAIL,
        f"{shown} is shown, not {right}{whose}",
        f"展示的是 {shown}，应为 {right}{whose_zh}",
    )


def _untold(page: PageText, right: str) -> Judged | None:
    """Why the source of a page does not tell what a visitor sees, if it does not."""
    little = page.length < _LITTLE
    if page.cut:
        why, zh = "the page is longer than what is read", "页面过长，未读取完整"
    elif page.refresh and little:
        target = printable(page.refresh)
        why, zh = f"the page sends visitors on to {target}", f"页面自动跳转至 {target}"
    elif page.frames and little:
        why, zh = "the page shows others within it", "页面内容由内嵌页面提供"
    elif page.scripts and little:
        why, zh = "scripts build the page in the browser", "页面内容由浏览器脚本生成"
    else:
        return None
    return Judged(
        Seen.UNKNOWN,
        f"{why}, so whether it shows {right} cannot be told: look at it",
        f"{zh}，无法判断是否展示 {right}，请人工查看",
    )


def _rivals(one: FoundNumber, right: str) -> bool:
    """Whether a number stands where the right one should: a telecom licence beside it does not."""
    if one.licence is None:
        return True
    return (one.licence.kind in ("备", "证")) == ("ICP" in right)


def _named(one: FoundNumber) -> str:
    return one.licence.canonical if one.licence is not None else printable(one.text)


def _of_guangdong(licence: Licence, entity: Entity) -> bool:
    """Which bureau gave a number, its first character says; else where the entity is."""
    if licence.province in PROVINCES and licence.province:
        return licence.province == "粤"
    province = find_province(entity.province)
    return province is not None and province.code == _GUANGDONG


def _found(page: PageText) -> Iterator[FoundNumber]:
    parts: list[str] = []
    starts: list[int] = []
    linked: list[bool] = []
    length = 0
    known: dict[str, bool] = {}
    for piece in page.pieces:
        text = "\n" if piece.text == "\n" else _folded(piece.text)
        if not text:
            continue
        link = piece.link
        if link is not None and link not in known:
            known[link] = links_to_miit(link)
        parts.append(text)
        starts.append(length)
        linked.append(link is not None and known[link])
        length += len(text)
    for count, match in enumerate(_NUMBER.finditer("".join(parts))):
        if count >= _MOST_NUMBERS:
            return
        first = bisect_right(starts, match.start()) - 1
        last = bisect_right(starts, match.end() - 1) - 1
        inside = any(linked[first : last + 1])
        written = match[0].strip()
        yield _read(written, inside)
        loose = _LOOSE_SEQUENCE.search(written)
        if loose is not None:  # "…号 - 2026": a year after the number, or a sequence
            yield _read(written[: loose.start()].strip(), inside)


def _read(written: str, linked: bool) -> FoundNumber:
    try:
        licence = parse_licence(written.replace("案", "").replace("第", ""))
    except LicenceError:
        return FoundNumber(written, None, linked)
    return FoundNumber(written, licence, linked)


def _folded(text: str) -> str:
    plain = unicodedata.normalize("NFKC", text).translate(_HYPHENS).upper()
    plain = "".join(c for c in plain if c.isspace() or unicodedata.category(c) != "Cf")
    return re.sub(r"\s+", " ", plain)
