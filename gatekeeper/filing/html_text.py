"""What a person sees of an HTML page: its text, in pieces, each with the link that it stands in.

The page is a stranger's, so it is read in one pass whose time grows with its length alone.  The
standard library's parser needs minutes for a few hundred kilobytes of ``<a href='`` without an
end; here whatever has no end swallows the rest, as in a browser.
"""

from __future__ import annotations

import html
import re
from dataclasses import dataclass, field
from typing import Final, NamedTuple

MAX_CHARACTERS: Final = 4_000_000
"""More of a page is not read; it is then ``cut``."""
_MAX_ATTRIBUTES: Final = 64
"""Attributes of one element that are kept."""

_MARKUP: Final = re.compile(r"<(?=[A-Za-z/!?])")
_NAME: Final = re.compile(r"[A-Za-z][^\s/>]{0,63}")
_SPACE: Final = re.compile(r"[\s/]*")
_ATTRIBUTE: Final = re.compile(r"[^\s/>=][^\s/>=]*")
_EQUALS: Final = re.compile(r"\s*=\s*")
_BARE: Final = re.compile(r"[^\s>]*")
_LONG_REFERENCE: Final = re.compile(r"&#(?:[0-9]{8,}|[xX][0-9A-Fa-f]{7,});?")
_REFRESH: Final = re.compile(
    r"\s*[0-9.]*\s*[;,]?\s*(?:url\s*=\s*)?[\"']?([^\"'\s]*)", re.IGNORECASE
)

_RAW: Final = frozenset(
    {"script", "style", "title", "textarea", "template", "noscript", "iframe", "xmp", "noembed"}
)
"""Elements whose content is no text of the page for who has a browser with scripts."""
_INLINE: Final = frozenset(
    {
        "a", "abbr", "acronym", "b", "bdi", "bdo", "big", "cite", "code", "data", "dfn", "em",
        "font", "i", "ins", "kbd", "label", "mark", "nobr", "q", "s", "samp", "small", "span",
        "strike", "strong", "sub", "sup", "time", "tt", "u", "var", "wbr"
    }
)  # fmt: skip
"""Elements that do not part the text around them; a number may be written across several."""


class Piece(NamedTuple):
    """Text that stands together."""

    text: str
    link: str | None
    """The address of the link around it, as it is written."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PageText:
    """A page as its source has it, before any script ran."""

    pieces: tuple[Piece, ...]
    """In order; a piece ``\\n`` parts what a browser shows apart."""
    links: tuple[str, ...] = ()
    """Every link's address, with text in it or a picture."""
    scripts: bool = False
    """Whether a script may add to it."""
    frames: bool = False
    """Whether other pages are shown within it."""
    refresh: str = ""
    """Where it sends the browser on to, if it does."""
    cut: bool = False
    """Whether the end was not read."""

    @property
    def length(self) -> int:
        """Characters of text, white space left out."""
        return sum(len("".join(piece.text.split())) for piece in self.pieces)


@dataclass(slots=True)
class _Reading:
    """A page while it is read."""

    pieces: list[Piece] = field(default_factory=list)
    links: list[str] = field(default_factory=list)
    link: str | None = None
    scripts: bool = False
    frames: bool = False
    refresh: str = ""

    def say(self, text: str) -> None:
        if text:
            self.pieces.append(Piece(_plain(text), self.link))

    def part(self) -> None:
        if self.pieces and self.pieces[-1].text != "\n":
            self.pieces.append(Piece("\n", None))

    def begin(self, name: str, attributes: dict[str, str]) -> None:
        if name not in _INLINE:
            self.part()
        if name in ("a", "area"):
            target = attributes.get("href")
            if target is not None:
                self.links.append(target)
            if name == "a":
                self.link = target
        elif name == "script":
            self.scripts = True
        elif name in ("iframe", "frame", "object", "embed"):
            self.frames = True
        elif name == "meta" and attributes.get("http-equiv", "").strip().lower() == "refresh":
            found = _REFRESH.match(attributes.get("content", ""))
            self.refresh = self.refresh or (found[1] if found else "")

    def end(self, name: str) -> None:
        if name == "a":
            self.link = None
        elif name not in _INLINE:
            self.part()


def read_html(source: str, *, cut: bool = False) -> PageText:
    """The text of a page; never fails, whatever the source is.

    Args:
        source: the page, decoded.
        cut: whether its end is known to be missing.
    """
    text = source[:MAX_CHARACTERS]
    reading = _Reading()
    at = 0
    while at < len(text):
        mark = _MARKUP.search(text, at)
        if mark is None:
            reading.say(text[at:])
            break
        reading.say(text[at : mark.start()])
        at = _markup(text, mark.start(), reading)
    return PageText(
        pieces=tuple(reading.pieces),
        links=tuple(reading.links),
        scripts=reading.scripts,
        frames=reading.frames,
        refresh=reading.refresh,
        cut=cut or len(source) > MAX_CHARACTERS,
    )


def _markup(text: str, start: int, reading: _Reading) -> int:
    """Read what begins with ``<``; gives where the text goes on."""
    if text.startswith("<!--", start):
        return _after(text, "-->", start + 4)
    if text.startswith(("<!", "<?"), start):
        return _after(text, ">", start + 2)
    closing = text.startswith("</", start)
    name = _NAME.match(text, start + (2 if closing else 1))
    if name is None:
        return _after(text, ">", start + 2)
    tag = name[0].lower()
    if closing:
        reading.end(tag)
        return _after(text, ">", name.end())
    attributes, at = _attributes(text, name.end())
    if at > len(text):
        return at
    reading.begin(tag, attributes)
    if tag in _RAW:
        return _skip(text, tag, at)
    return at


def _attributes(text: str, at: int) -> tuple[dict[str, str], int]:
    """The attributes of a tag, and where it ends; beyond the text where it has no end."""
    found: dict[str, str] = {}
    end = len(text)
    while True:
        at = _after_match(_SPACE, text, at)
        if at >= end:
            return found, end + 1
        if text[at] == ">":
            return found, at + 1
        name = _ATTRIBUTE.match(text, at)
        if name is None:  # a lone "="
            at += 1
            continue
        at = name.end()
        value = ""
        equals = _EQUALS.match(text, at)
        if equals is not None:
            at = equals.end()
            quote = text[at : at + 1]
            if quote in ('"', "'") and quote:
                close = text.find(quote, at + 1)
                if close < 0:
                    return found, end + 1
                value, at = text[at + 1 : close], close + 1
            else:
                bare = _BARE.match(text, at)
                assert bare is not None
                value, at = bare[0], bare.end()
        key = name[0][:64].lower()
        if len(found) < _MAX_ATTRIBUTES and key not in found:
            found[key] = _plain(value[:4096])


def _skip(text: str, tag: str, at: int) -> int:
    """Beyond the end tag of an element whose content is not shown."""
    end = re.compile(rf"</{re.escape(tag)}(?=[\s/>])", re.IGNORECASE).search(text, at)
    return len(text) if end is None else _after(text, ">", end.end())


def _after(text: str, mark: str, at: int) -> int:
    found = text.find(mark, at)
    return len(text) if found < 0 else found + len(mark)


def _after_match(pattern: re.Pattern[str], text: str, at: int) -> int:
    found = pattern.match(text, at)
    return at if found is None else found.end()


def _plain(text: str) -> str:
    """Text with its character references read; a number too long for one is no character."""
    return html.unescape(_LONG_REFERENCE.sub("\ufffd", text)) if "&" in text else text
