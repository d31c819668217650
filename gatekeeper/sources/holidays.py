"""Which days people work in mainland China: what a library knows, and files for further years."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache
from pathlib import Path

from gatekeeper.errors import PolicyError
from gatekeeper.filing import Holidays


@cache
def known_holidays() -> Holidays:
    """What the packaged calendar knows: every year from 2004 to the newest of its release."""
    from chinese_calendar.constants import (  # type: ignore[import-untyped]
        holidays,
        workdays,
    )

    years = range(min(holidays).year, max(holidays).year + 1)
    return Holidays(frozenset(years), frozenset(holidays), frozenset(workdays))


def read_holidays(paths: Iterable[str | Path]) -> Holidays:
    """The packaged calendar, with the years of these files in place of its own.

    Raises:
        PolicyError: a file cannot be read, or a key of it is wrong; nothing of it counts then.
    """
    from gatekeeper.sources.year_file import read_year

    found = Holidays()
    for path in paths:
        year = read_year(Path(path))
        if year.years & found.years:
            number = min(year.years)
            raise PolicyError(
                f"{path}: another file has the year {number} too; name one of them",
                zh=f"{path}：另一个文件也是 {number} 年，请只指定其中一个",
            )
        found = year.over(found)
    return found.over(known_holidays())
