"""A year's holidays as an operator writes them down before a release knows them."""

from __future__ import annotations

import re
from contextlib import suppress
from datetime import date, datetime
from pathlib import Path
from typing import Annotated, Final

from pydantic import BeforeValidator, Field, StrictInt

from gatekeeper.errors import PolicyError
from gatekeeper.filing import Holidays
from gatekeeper.policy import ConfigModel, checked, read_mapping, wrong
from gatekeeper.textfile import read_text

DOCS: Final = "docs/clocks.md"
_LARGEST: Final = 100_000
"""Bytes of a year file; one with every day of the year needs 5,000."""
_SATURDAY: Final = 5


def _day(value: object) -> object:
    """A date, as YAML reads it or as text."""
    if isinstance(value, date) and not isinstance(value, datetime):
        return value
    text = value.strip() if isinstance(value, str) else ""
    if re.fullmatch(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", text):
        with suppress(ValueError):  # 2027-02-30 is refused with every other text
            return date.fromisoformat(text)
    raise wrong("write a date as 2027-02-05", "日期应写作 2027-02-05")


Day = Annotated[date, BeforeValidator(_day)]


class _Year(ConfigModel):
    """One year as the State Council arranges it."""

    year: StrictInt = Field(ge=1950, le=2200)
    holidays: tuple[Day, ...] = Field(min_length=1)
    workdays: tuple[Day, ...] = ()


def read_year(path: Path) -> Holidays:
    """One year from a file.

    Raises:
        PolicyError: it cannot be read, or a key is missing, unknown or wrong.
    """
    text = read_text(path, "the year's holidays", "节假日文件", largest=_LARGEST)
    return parse_year(text, source=str(path))


def parse_year(text: str, *, source: str) -> Holidays:
    """One year from YAML text.

    Raises:
        PolicyError: the text is not YAML, or a key is missing, unknown or wrong; it is named.
    """
    year = checked(_Year, read_mapping(text, source), source, docs=DOCS)
    seen: set[date] = set()
    for key, days in (("holidays", year.holidays), ("workdays", year.workdays)):
        for index, day in enumerate(days):
            place = f"{key}.{index}"
            if day.year != year.year:
                raise _refused(
                    source, place, f"{day} is not in {year.year}", f"{day} 不在 {year.year} 年内"
                )
            if day in seen:
                raise _refused(source, place, f"{day} stands twice", f"{day} 重复")
            if key == "workdays" and day.weekday() < _SATURDAY:
                raise _refused(
                    source,
                    place,
                    f"{day} is no Saturday or Sunday, and worked anyway",
                    f"{day} 不是周六或周日，本来就是工作日",
                )
            seen.add(day)
    return Holidays(frozenset({year.year}), frozenset(year.holidays), frozenset(year.workdays))


def _refused(source: str, key: str, why: str, zh: str) -> PolicyError:
    return PolicyError(
        f"{source}: key {key}: {why}; see {DOCS}", zh=f"{source}：键 {key} 无效：{zh}，参见 {DOCS}"
    )
