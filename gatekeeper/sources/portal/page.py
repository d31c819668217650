"""One page of a portal's answer: JSON, checked for the shape that the settings say."""

from __future__ import annotations

import hashlib
import json
import math
from typing import Any, Final, NamedTuple, NoReturn

from gatekeeper.sources.portal.config import Portal
from gatekeeper.sources.portal.path import MISSING

_LONGEST_TOKEN: Final = 4096
"""Characters of a cursor or a link."""


class Page(NamedTuple):
    """A page as it was understood."""

    number: int
    """1 is the first."""
    items: list[Any]
    next: str | None
    """What asks for the next page: a number, an offset, a cursor, a link; ``None`` after the
    last.  Only of cursors and links: numbers are counted."""
    full: bool
    """It has as many items as were asked for, and says nothing of a next page."""
    total: int | None
    digest: str
    """SHA-256 over the items."""
    etag: str | None
    resumed: bool
    """It was fetched by an earlier reading, which broke off."""


class PageError(Exception):
    """The answer has not the shape that the settings say, in both languages."""

    def __init__(self, why: str, zh: str) -> None:
        super().__init__(why)
        self.why, self.zh = why, zh


def read_page(
    portal: Portal, body: bytes, *, number: int, link: str | None, etag: str | None, resumed: bool
) -> Page:
    """A page from the body of an answer.

    Args:
        portal: whose settings say what stands where.
        body: unpacked, as it came.
        number: 1 is the first.
        link: the next page by the ``Link`` header.
        etag: the answer's tag.
        resumed: whether it lay in the spool.

    Raises:
        PageError: it is not JSON, or not of that shape.
    """
    answer = _parse(body)
    _check_success(portal, answer)
    items = portal.items.of(answer)
    if not isinstance(items, list):
        what, what_zh = ("nothing", "不存在") if items is MISSING else ("no list", "不是列表")
        raise PageError(
            f"the answer has {what} at {portal.items.text} (items); has the portal changed, or "
            "does it report an error?",
            f"应答中 {portal.items.text}（items）{what_zh}；请确认门户接口是否变更或返回了错误",
        )
    token, said = _next(portal, answer, link)
    size = portal.page.size
    return Page(
        number=number,
        items=items,
        next=token,
        full=not said and size is not None and len(items) >= size,
        total=_total(portal, answer),
        digest=hashlib.sha256(json.dumps(items, sort_keys=True).encode()).hexdigest(),
        etag=etag,
        resumed=resumed,
    )


def _parse(body: bytes) -> Any:
    try:
        text = body.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise PageError(
            "the answer is not UTF-8; ask the portal's operator",
            "应答不是 UTF-8 编码；请联系门户运营方",
        ) from None
    try:
        return json.loads(
            text, object_pairs_hook=_pairs, parse_constant=_constant, parse_float=_float
        )
    except RecursionError:
        raise PageError(
            "the answer is nested too deeply; ask the portal's operator",
            "应答嵌套层次过深；请联系门户运营方",
        ) from None
    except ValueError as error:
        what = getattr(error, "msg", str(error))
        line = getattr(error, "lineno", 0)
        where, where_zh = (f" in line {line}", f"第 {line} 行") if line else ("", "")
        raise PageError(
            f"the answer is not whole JSON ({what[:80]}{where}): cut off, or no JSON at all; try "
            "again, then ask the portal's operator",
            f"应答不是完整的 JSON（{where_zh}{what[:80]}），可能被截断；请重试或联系门户运营方",
        ) from None


def _pairs(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a key stands twice in one object")
    return found


def _constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")


def _float(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise ValueError("a number is too large")
    return number


def _check_success(portal: Portal, answer: Any) -> None:
    if portal.success is None:
        return
    said = portal.success.path.of(answer)
    # In JSON true is no 1.
    if not any(type(said) is type(value) and said == value for value in portal.success.values):
        raise PageError(
            f"the portal reports an error: {portal.success.path.text} (success) is none of the "
            "values that count; check token and query",
            f"门户返回错误：{portal.success.path.text}（success）的值不符合要求；"
            "请检查 token 和 query",
        )


def _total(portal: Portal, answer: Any) -> int | None:
    if portal.total is None:
        return None
    total = portal.total.of(answer)
    if isinstance(total, str) and total.isascii() and total.isdigit() and len(total) < 16:
        total = int(total)
    if not isinstance(total, int) or isinstance(total, bool) or total < 0:
        raise PageError(
            f"the answer has no number at {portal.total.text} (total); has the portal changed?",
            f"应答中 {portal.total.text}（total）不是数字；请确认门户接口是否变更",
        )
    return total


def _next(portal: Portal, answer: Any, link: str | None) -> tuple[str | None, bool]:
    """What asks for the next page, and whether the answer spoke of one, or of its end."""
    page = portal.page
    if page.style in ("number", "offset"):
        return None, True
    found = link if page.next is None else page.next.of(answer)
    if found is MISSING or (page.next is None and link is None):
        return None, False
    if found is None or found is False or found == "":
        return None, True
    if isinstance(found, int) and not isinstance(found, bool):
        found = str(found)
    if (
        not isinstance(found, str)
        or not found.isprintable()
        or not found.strip()
        or len(found) > _LONGEST_TOKEN
    ):
        at = page.next.text if page.next is not None else "Link"
        raise PageError(
            f"what stands at {at} (page.next) asks for no page; has the portal changed?",
            f"{at}（page.next）的值不能用于翻页；请确认门户接口是否变更",
        )
    return found, True
