"""One cell of a sheet of records: what stands in it, in the form in which JSON would have it.

Whether a word or a date is one that the record knows, the model says; here stands only what a
spreadsheet does to values: it computes formulas, drops leading zeros, rounds long numbers.
"""

from __future__ import annotations

import re
from datetime import datetime, time
from typing import Any, Final

from gatekeeper.filing import mask_text, mask_tree
from gatekeeper.filing.review.words import CHINESE, folded, read_word
from gatekeeper.sources.column import APPLICATION_COLUMNS
from gatekeeper.sources.dossier_form import Field, Shape
from gatekeeper.sources.field import FieldError, split
from gatekeeper.sources.table import GUARDED, Cell, Odd

_HEADS: Final = ("entity.head.", "service.head.")
_NONE: Final = frozenset({"none", "无", "没有"})
"""What a list says that is declared to be empty."""
_FLAGS: Final = {"yes": True, "true": True, "是": True, "no": False, "false": False, "否": False}
_AS_WRITTEN: Final = frozenset(".".join(column.keys) for column in APPLICATION_COLUMNS)
_ROUNDED: Final = re.compile(r"[0-9](?:\.[0-9]+)?[eE]\+[0-9]{1,3}")
_WHOLE: Final = re.compile(r"[0-9]{1,15}")
_EXACT: Final = 10**15
"""From here on a spreadsheet rounds numbers."""


def read_cell(given: Cell, place: Field) -> Any:
    """What a cell says; ``None`` where it is empty.

    Raises:
        FieldError: the spreadsheet has no value there that can be trusted.
    """
    if given is None:
        return None
    if isinstance(given, Odd):
        if place.shape is Shape.FLAG and given.truth is not None:
            return given.truth
        raise FieldError(given.reason, given.reason_zh, value=given.shown)
    if isinstance(given, datetime):
        return _moment(given, place.shape)
    if isinstance(given, int | float):
        return _number(given, place)
    text = _bare(given)
    return _text(text, place) if text else None


def value_masked(path: str, value: str) -> str:
    """The value at a path (``entity.head.phone``) as a message may show it."""
    leaf = path.rpartition(".")[2].partition("[")[0]
    shown: Any = {leaf: value}
    shown = mask_tree({"head": shown})["head"] if path.startswith(_HEADS) else mask_tree(shown)
    return mask_text(str(shown[leaf]))


def _text(text: str, place: Field) -> Any:
    if place.shape is Shape.DIGITS and _ROUNDED.fullmatch(text):
        raise FieldError(
            "a spreadsheet turned it into a number and lost digits; format the column as text",
            "电子表格已将其转换为数字并丢失位数，请将该列设为文本格式后重新填写",
        )
    if place.shape is Shape.WHOLE:
        plain = text.replace(",", "").replace("，", "")
        if not _WHOLE.fullmatch(plain):
            raise FieldError("must be a whole number", "应为整数")
        return int(plain)
    if place.shape is Shape.LIST:
        if place.may_be_none and folded(text) in _NONE:
            return []
        return [_word(one, place) for one in split(text)]
    if place.shape is Shape.FLAG:
        return _FLAGS.get(folded(text), text)
    return _word(text, place)


def _word(text: str, place: Field) -> str:
    """The record's own word for a word of a list; the table's own columns stay as written."""
    if place.words is None or place.words not in CHINESE or place.path in _AS_WRITTEN:
        return text
    return read_word(place.words, text) or text


def _number(given: float, place: Field) -> Any:
    whole = int(given) if float(given).is_integer() and 0 <= given < _EXACT else None
    if whole is None or place.shape in (Shape.DATE, Shape.MOMENT):
        raise FieldError(
            "a number cell; format the column as text",
            "这是数字单元格，请将该列设为文本格式",
            value=str(given),
        )
    if place.shape is Shape.WHOLE:
        return whole
    if place.shape is Shape.DIGITS and not _whole_number(str(whole), place.path):
        raise FieldError(
            "a number cell, which may have lost digits; format the column as text",
            "这是数字单元格，可能已丢失位数，请将该列设为文本格式后重新填写",
            value=str(whole),
        )
    return [str(whole)] if place.shape is Shape.LIST else str(whole)


def _whole_number(digits: str, path: str) -> bool:
    """Whether no leading zero can be missing: 12 digits of an account, 11 of a mobile number."""
    if path == "access.account_id":
        return len(digits) == 12
    return path.endswith(("phone", "mobile")) and len(digits) == 11 and digits[0] == "1"


def _moment(given: datetime, shape: Shape) -> str:
    if shape is Shape.MOMENT:
        return given.isoformat()
    if shape is Shape.DATE and given.time() == time():
        return given.date().isoformat()
    raise FieldError(
        "a date; format the column as text",
        "这是日期单元格，请将该列设为文本格式",
        value=given.isoformat(),
    )


def _bare(text: str) -> str:
    """A text without the apostrophe that says in a spreadsheet that it is one."""
    text = text.strip()
    if text[:1] == "'" and (GUARDED.match(text, 1) or text[1:2].isdigit()):
        return text[1:].strip()
    return text
