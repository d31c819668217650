r"""Text from outside, made safe to show: terminals, spreadsheets, browsers.

AWS tags, group descriptions and filing records are written by others.  Control characters could
drive a terminal, and bidirectional controls could make a line read as what it does not say; both
are shown as escapes (``\\x1b``, ``\\u202e``) so that a person sees them.
"""

from __future__ import annotations

import json
import re
import unicodedata
from typing import Any, Final

from gatekeeper.report.records import Derived

_FORMULA: Final = ("=", "+", "-", "@", "\t", "\r")
_HIDDEN: Final = re.compile(
    "[\x7f-\x9f\xad\u061c\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb\ud800-\udfff]"
)


def visible(text: str) -> str:
    """``text`` with every character that would not show replaced by its escape."""
    if text.isprintable():
        return text
    return "".join(
        c if c.isprintable() or unicodedata.category(c) == "Zs" else _escape(c) for c in text
    )


def _escape(character: str) -> str:
    code = ord(character)
    if code < 0x100:
        return {"\n": "\\n", "\r": "\\r", "\t": "\\t"}.get(character, f"\\x{code:02x}")
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


def width(text: str) -> int:
    """How many terminal columns ``text`` takes: two for wide characters, none for combining."""
    if text.isascii():
        return len(text)
    return sum(
        0 if unicodedata.combining(c) else 2 if unicodedata.east_asian_width(c) in "WF" else 1
        for c in text
    )


def spreadsheet_cell(text: str) -> str:
    """``text`` such that no spreadsheet takes it for a formula (DESIGN §15: export)."""
    shown = visible(text)
    return f"'{shown}" if text.startswith(_FORMULA) else shown


def to_json(document: Any) -> str:
    r"""JSON in the order of its keys, readable, and without characters that a terminal obeys.

    Hidden characters become ``\\u`` escapes, which mean the same to every JSON reader.
    """
    return _safe(json.dumps(document, ensure_ascii=False, indent=2, default=_listed))


def to_json_line(document: Any) -> str:
    """The same on one line."""
    return _safe(json.dumps(document, ensure_ascii=False))


def _listed(value: Any) -> list[Any]:
    if isinstance(value, Derived):
        return list(value)
    raise TypeError(f"{type(value).__name__} has no place in a document")


def _safe(text: str) -> str:
    return _HIDDEN.sub(lambda match: f"\\u{ord(match[0]):04x}", text)
