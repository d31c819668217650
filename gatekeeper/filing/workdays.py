"""Working days in mainland China, and when a clock that counts days ends (DESIGN §12).

A day clock begins to count with the day after its start and ends at 24:00 Asia/Shanghai.  Which
weekdays are holidays, and which days of a weekend are worked, the State Council says anew for each
year; what is known of it is an argument here.  A year that nobody has loaded has plain weekdays,
and whatever was counted through it is estimated.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, timezone
from typing import Final, NamedTuple

SHANGHAI: Final = timezone(timedelta(hours=8), "Asia/Shanghai")
"""No summer time since 1991."""

_DAY: Final = timedelta(days=1)
_SATURDAY: Final = 5


@dataclass(frozen=True, slots=True)
class Holidays:
    """What is known of holidays: whole years, each with its free and its worked days."""

    years: frozenset[int] = frozenset()
    """The years that are known; a known year without a day here has plain weekdays for sure."""
    holidays: frozenset[date] = frozenset()
    workdays: frozenset[date] = frozenset()
    """Saturdays and Sundays that are worked."""

    def is_workday(self, day: date) -> bool:
        """Whether people work on ``day``; by its weekday alone in a year that is not known."""
        if day.year not in self.years:
            return day.weekday() < _SATURDAY
        if day in self.workdays:
            return True
        return day.weekday() < _SATURDAY and day not in self.holidays

    def over(self, other: Holidays) -> Holidays:
        """These years in place of the same years of ``other``, beside its remaining ones."""
        return Holidays(
            self.years | other.years,
            self.holidays | {day for day in other.holidays if day.year not in self.years},
            self.workdays | {day for day in other.workdays if day.year not in self.years},
        )


class Deadline(NamedTuple):
    """When a clock has run out."""

    at: datetime
    """UTC; the first moment that no longer counts, so 24:00 of a day is 00:00 of the next."""
    estimated: bool = False
    """Whether a day was counted of which it is not known if people work."""


def working_days_after(start: datetime, count: int, holidays: Holidays) -> Deadline:
    """24:00 of the ``count``-th working day after the day of ``start``.

    Args:
        start: aware; which day it is, Asia/Shanghai says.
        count: at least 1.
        holidays: what is known of them.
    """
    day = start.astimezone(SHANGHAI).date()
    left, estimated = count, False
    while left:
        day += _DAY
        estimated = estimated or day.year not in holidays.years
        left -= holidays.is_workday(day)
    return Deadline(end_of(day), estimated)


def days_after(start: datetime, count: int) -> Deadline:
    """24:00 of the ``count``-th day after the day of ``start``, whatever day that is."""
    return Deadline(end_of(start.astimezone(SHANGHAI).date() + count * _DAY))


def end_of(day: date) -> datetime:
    """24:00 Asia/Shanghai of ``day``, in UTC.

    Raises:
        OverflowError: ``day`` is the calendar's last.
    """
    return datetime.combine(day + _DAY, time(), SHANGHAI).astimezone(UTC)
