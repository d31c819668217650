"""Where a telephone number belongs: the province of an area code or of a mobile range.

The ranges are those of libphonenumber (``phonenumbers``), which are loaded when the first number
is placed.  They know every area code and the mobile networks of before 2017; a newer range has no
place there.  A number that changed its operator keeps its place.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from enum import StrEnum
from functools import cache
from typing import Any, Final, NamedTuple

from gatekeeper.filing.provinces import Province, leading_province


class Placing(StrEnum):
    """How far a number was placed."""

    PLACED = "placed"
    NATIONWIDE = "nationwide"
    """400, 800 and service numbers, which belong to no place."""
    NO_AREA_CODE = "no_area_code"
    UNLISTED = "unlisted"
    """The tables have no place for its range."""
    ABROAD = "abroad"
    """Not of mainland China."""
    NO_NUMBER = "no_number"


class Place(NamedTuple):
    """What is known of a number's place; ``province`` where it was placed."""

    placing: Placing
    province: Province | None = None


_ABROAD: Final = Place(Placing.ABROAD)
_NATIONWIDE: Final = Place(Placing.NATIONWIDE)
_NO_AREA_CODE: Final = Place(Placing.NO_AREA_CODE)
_NO_NUMBER: Final = Place(Placing.NO_NUMBER)
_UNLISTED: Final = Place(Placing.UNLISTED)

_DASHES: Final = str.maketrans(dict.fromkeys("‐‑‒–—―−", "-"))
_LOOSE: Final = re.compile(r"[\s().·]+")
_EXTENSION: Final = re.compile(
    r"(?:转|转分机|分机|ext|extension|x|#|,)[:.]?-?\d{1,6}", re.IGNORECASE
)
_SHAPE: Final = re.compile(r"\+?\d[\d-]*")
_SHORT_TAIL: Final = re.compile(r"-\d{1,6}")
_ANY_COUNTRY: Final = re.compile(r"\d{6,15}")

_MOBILE: Final = re.compile(r"1[3-9]\d{9}")
_LANDLINE: Final = re.compile(r"(10|2\d)\d{8}|([3-9]\d{2})\d{7,8}")
_OF_NO_PLACE: Final = re.compile(r"[48]00\d{7}|9[56]\d{3,6}|1[012]\d{1,6}")
_LOCAL: Final = re.compile(r"[2-8]\d{6,7}")

_MOBILE_DIGITS: Final = (7, 6, 5, 4)
"""A range is of seven digits; the tables shorten them where the neighbours are of one place.
Three digits are a whole network: libphonenumber has all of 173 in Beijing, which it is not."""


def place_of(number: str) -> Place:
    """The place of a number of mainland China, however it is written.

    Country code, area code and extension may be there or not; the area code may lack its 0.
    """
    text = _LOOSE.sub("", unicodedata.normalize("NFKC", number).translate(_DASHES))
    extension = _EXTENSION.search(text)
    if extension is not None and extension.end() == len(text):
        text = text[: extension.start()]
    if not _SHAPE.fullmatch(text):
        return _NO_NUMBER
    found = _placed(text.replace("-", ""))
    if found.placing is Placing.NO_NUMBER:
        head, dash, tail = text.rpartition("-")
        if head and _SHORT_TAIL.fullmatch(dash + tail):
            return _placed(head.replace("-", ""))
    return found


def _placed(digits: str) -> Place:
    abroad = digits.startswith(("+", "00"))
    digits = digits.removeprefix("+").removeprefix("00") if abroad else digits
    if digits.startswith("86") and (abroad or len(digits) > 11):
        digits = digits.removeprefix("86")
    elif abroad:
        return _ABROAD if _ANY_COUNTRY.fullmatch(digits) else _NO_NUMBER
    if _OF_NO_PLACE.fullmatch(digits):
        return _NATIONWIDE
    trunk = digits.startswith("0")
    digits = digits.removeprefix("0")
    if _MOBILE.fullmatch(digits):
        return _mobile(digits[:7])
    landline = _LANDLINE.fullmatch(digits)
    if landline is not None:
        return _listed(landline[1] or landline[2]) or _UNLISTED
    return _NO_AREA_CODE if _LOCAL.fullmatch(digits) and not trunk else _NO_NUMBER


def _mobile(prefix: str) -> Place:
    for length in _MOBILE_DIGITS:
        found = _listed(prefix[:length])
        if found is not None:
            return found
    return _UNLISTED


def _listed(prefix: str) -> Place | None:
    names = _table().get(f"86{prefix}", {})
    return _named(names["zh"]) if "zh" in names else None


@cache
def _table() -> Mapping[str, Any]:
    from phonenumbers.geodata import GEOCODE_DATA

    return GEOCODE_DATA


@cache
def _named(place: str) -> Place:
    province = leading_province(place)
    return _UNLISTED if province is None else Place(Placing.PLACED, province)
