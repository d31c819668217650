"""Working days by the State Council's arrangements of 2025 and 2026, counted by hand."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest

from gatekeeper.filing import SHANGHAI, Holidays, days_after, end_of, working_days_after
from gatekeeper.sources import known_holidays

KNOWN = known_holidays()


def shanghai(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=SHANGHAI)


def last_day(deadline: datetime) -> date:
    """The last day that counts: a clock ends at its 24:00."""
    there = deadline.astimezone(SHANGHAI)
    assert (there.hour, there.minute, there.second, there.microsecond) == (0, 0, 0, 0)
    return (there - timedelta(days=1)).date()


#: Spring Festival 2026: free from 15 to 23 February, worked on Saturday 14 and Saturday 28.
NEXT_IN_FEBRUARY = {
    **{day: day + 1 for day in (1, 2, 3, 4, 5, 8, 9, 10, 11, 12, 13, 24, 25, 26, 27)},
    **dict.fromkeys((6, 7), 9),
    **dict.fromkeys(range(14, 24), 24),
}


@pytest.mark.parametrize(("day", "until"), sorted(NEXT_IN_FEBRUARY.items()))
def test_one_working_day_across_the_spring_festival(day: int, until: int) -> None:
    start = datetime(2026, 2, day, 15, 30, tzinfo=SHANGHAI)
    deadline = working_days_after(start, 1, KNOWN)
    assert last_day(deadline.at) == date(2026, 2, until)
    assert not deadline.estimated


@pytest.mark.parametrize(
    ("start", "count", "until"),
    [
        ("2026-02-28T09:00", 1, "2026-03-02"),
        ("2026-02-13T09:00", 2, "2026-02-24"),
        ("2026-02-14T09:00", 2, "2026-02-25"),
        ("2026-01-30T09:00", 20, "2026-03-05"),
        # 2025: Sunday 28 September and Saturday 11 October worked, 1 to 8 October free.
        ("2025-09-26T09:00", 20, "2025-10-30"),
        ("2025-09-27T09:00", 1, "2025-09-28"),
        ("2025-09-30T09:00", 1, "2025-10-09"),
        ("2025-10-10T09:00", 1, "2025-10-11"),
        # 2026: Sunday 20 September and Saturday 10 October worked, 25 to 27 September and
        # 1 to 7 October free.
        ("2026-09-18T09:00", 20, "2026-10-22"),
        ("2026-09-24T09:00", 1, "2026-09-28"),
        ("2026-09-30T09:00", 2, "2026-10-09"),
        # A leap day is a day.
        ("2024-02-28T09:00", 1, "2024-02-29"),
        ("2024-02-29T09:00", 1, "2024-03-01"),
    ],
)
def test_working_days_by_hand(start: str, count: int, until: str) -> None:
    deadline = working_days_after(shanghai(start), count, KNOWN)
    assert (last_day(deadline.at), deadline.estimated) == (date.fromisoformat(until), False)


@pytest.mark.parametrize(
    ("start", "until"),
    [
        ("2026-03-02T23:59:59+08:00", "2026-03-03"),
        ("2026-03-03T00:00:00+08:00", "2026-03-04"),
        ("2026-03-02T15:59:59+00:00", "2026-03-03"),
        ("2026-03-02T16:00:00+00:00", "2026-03-04"),
        ("2026-03-03T00:00:00-05:00", "2026-03-04"),
    ],
)
def test_the_day_changes_at_midnight_in_shanghai(start: str, until: str) -> None:
    deadline = working_days_after(datetime.fromisoformat(start), 1, KNOWN)
    assert last_day(deadline.at) == date.fromisoformat(until)


def test_a_day_ends_at_24_o_clock() -> None:
    assert end_of(date(2026, 3, 3)) == datetime(2026, 3, 3, 16, tzinfo=UTC)
    with pytest.raises(OverflowError):
        end_of(date.max)


@pytest.mark.parametrize(
    ("start", "until"),
    [
        ("2026-02-13T09:00", "2026-03-15"),
        ("2028-02-15T09:00", "2028-03-16"),
        ("2027-02-15T09:00", "2027-03-17"),
    ],
)
def test_plain_days_know_no_holidays_but_leap_days(start: str, until: str) -> None:
    deadline = days_after(shanghai(start), 30)
    assert (last_day(deadline.at), deadline.estimated) == (date.fromisoformat(until), False)


def test_beyond_the_data_weekdays_count_and_it_is_estimated() -> None:
    newest = max(KNOWN.years)
    start = datetime(newest, 12, 31, 9, tzinfo=SHANGHAI)
    first = date(newest + 1, 1, 1)
    while first.weekday() > 4:
        first += timedelta(days=1)
    deadline = working_days_after(start, 1, KNOWN)
    assert (last_day(deadline.at), deadline.estimated) == (first, True)
    within = working_days_after(start - timedelta(days=21), 1, KNOWN)
    assert not within.estimated
    assert working_days_after(start - timedelta(days=21), 20, KNOWN).estimated


def test_a_year_of_their_own_replaces_the_known_one_whole() -> None:
    mine = Holidays(
        frozenset({2026, 2027}), frozenset({date(2027, 1, 1)}), frozenset({date(2027, 1, 2)})
    )
    both = mine.over(KNOWN)
    assert both.is_workday(date(2026, 2, 16)), "the known year no longer counts"
    assert not both.is_workday(date(2026, 2, 14))
    assert not both.is_workday(date(2025, 10, 1)), "other years stand"
    deadline = working_days_after(shanghai("2026-12-31T09:00"), 1, both)
    assert (last_day(deadline.at), deadline.estimated) == (date(2027, 1, 2), False)
