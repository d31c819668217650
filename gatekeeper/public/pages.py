"""A page as text: fetched with care, decoded, and read for what a visitor sees."""

from __future__ import annotations

import codecs
import re
from typing import Final, Protocol

from gatekeeper.filing import PageSeen, printable, read_html
from gatekeeper.public.fetch import Fetched, Fetcher, Unfetched

_MEDIA: Final = frozenset({"", "text/html", "application/xhtml+xml", "text/plain", "text/xhtml"})
_CHARSETS: Final = {
    "utf-8": "utf-8",
    "utf8": "utf-8",
    "us-ascii": "utf-8",
    "ascii": "utf-8",
    "gb2312": "gb18030",
    "gbk": "gb18030",
    "gb18030": "gb18030",
    "gb-2312": "gb18030",
    "x-gbk": "gb18030",
    "cp936": "gb18030",
    "big5": "big5",
    "utf-16": "utf-16",
    "utf-16le": "utf-16-le",
    "utf-16be": "utf-16-be",
    "iso-8859-1": "cp1252",
    "latin1": "cp1252",
    "windows-1252": "cp1252",
}
"""The charsets that are read, under the names that pages give them; Python knows stranger ones."""
_MARKS: Final = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
_DECLARED: Final = re.compile(
    rb"<meta[^>]{0,300}?charset\s{0,8}=\s{0,8}[\"']?\s{0,8}([A-Za-z0-9_-]{2,20})", re.IGNORECASE
)
_HEAD: Final = 4096
"""Bytes in which a page may declare its charset."""


class Pages(Protocol):
    """Who reads pages."""

    def read(self, target: str) -> PageSeen:
        """The page of a URL, or of a bare name; never raises for what the other side does."""
        ...


class WebPages:
    """Reads pages from the Web."""

    def __init__(self, fetcher: Fetcher) -> None:
        self._fetcher = fetcher

    def read(self, target: str) -> PageSeen:
        """The page of a URL; of a bare name by https, and by http where nobody answers that."""
        if "://" in target:
            return _seen(target, self._fetcher.get(target))
        first = f"https://{target}/"
        found = self._fetcher.get(first)
        if isinstance(found, Unfetched) and found.unreachable:
            plain = f"http://{target}/"
            other = self._fetcher.get(plain)
            if isinstance(other, Fetched):
                return _seen(plain, other)
        return _seen(first, found)


def decode(data: bytes, charset: str) -> str:
    """A page's text.

    What its first bytes mark counts, then what the header says, then what the page declares, then
    UTF-8, then GB18030.  Bytes that do not fit become U+FFFD.
    """
    for mark, encoding in _MARKS:
        if data.startswith(mark):
            return data[len(mark) :].decode(encoding, errors="replace")
    declared = _DECLARED.search(data, 0, _HEAD)
    named = [charset, declared[1].decode("ascii").lower() if declared is not None else ""]
    tried = [_CHARSETS[name] for name in named if name in _CHARSETS]
    for encoding in (*tried, "utf-8", "gb18030"):
        try:
            return data.decode(encoding)
        except UnicodeDecodeError as error:
            if error.start >= len(data) - 4:  # cut within a character
                return data.decode(encoding, errors="replace")
    return data.decode(tried[0] if tried else "utf-8", errors="replace")


def _seen(target: str, found: Fetched | Unfetched) -> PageSeen:
    if isinstance(found, Unfetched):
        return PageSeen(target, None, found.reason, found.reason_zh)
    if found.status != 200:
        return PageSeen(
            found.url, None, f"it answers with status {found.status}", f"返回状态码 {found.status}"
        )
    if found.media not in _MEDIA:
        media = printable(found.media)
        return PageSeen(found.url, None, f"it is no page but {media}", f"不是网页，而是 {media}")
    return PageSeen(found.url, read_html(decode(found.data, found.charset), cut=found.cut))
