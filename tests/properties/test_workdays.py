"""Working days, whatever days are free: they lie between, and a later start ends no earlier."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from gatekeeper.filing import SHANGHAI, Holidays, days_after, working_days_after
from gatekeeper.sources import known_holidays
from tests.properties.examples import examples

DAY = timedelta(days=1)
days = st.dates(date(2025, 1, 1), date(2029, 12, 31))


@st.composite
def calendars(draw: st.DrawFn) -> Holidays:
    """The packaged calendar, or years with any free days and any worked weekends."""
    if draw(st.booleans()):
        return known_holidays()
    weekends = days.filter(lambda day: day.weekday() > 4)
    worked = draw(st.frozensets(weekends, max_size=20))
    free = draw(st.frozensets(days, max_size=40)) - worked
    return Holidays(draw(st.frozensets(st.integers(2025, 2029))), free, worked)


starts = st.integers(0, 3 * 365 * 24 * 60).map(
    lambda minutes: datetime(2025, 1, 1, tzinfo=UTC) + timedelta(minutes=minutes)
)
counts = st.integers(1, 25)


@examples(2)
@given(starts, counts, calendars())
def test_so_many_working_days_lie_between(start: datetime, count: int, known: Holidays) -> None:
    deadline = working_days_after(start, count, known)
    first = start.astimezone(SHANGHAI).date() + DAY
    last = deadline.at.astimezone(SHANGHAI).date() - DAY
    between = [first + n * DAY for n in range((last - first).days + 1)]
    worked = [
        day
        for day in between
        if (day.weekday() < 5 or (day.year in known.years and day in known.workdays))
        and not (day.year in known.years and day in known.holidays)
    ]
    assert len(worked) == count
    assert worked[-1] == last
    assert deadline.estimated == any(day.year not in known.years for day in between)


@examples(2)
@given(starts, starts, counts, calendars())
def test_a_later_start_ends_no_earlier(
    one: datetime, other: datetime, count: int, known: Holidays
) -> None:
    early, late = sorted((one, other))
    assert working_days_after(early, count, known).at <= working_days_after(late, count, known).at
    assert days_after(early, count).at <= days_after(late, count).at


@examples(1)
@given(starts, counts, calendars())
def test_more_days_end_later_and_every_day_counts_after_the_start(
    start: datetime, count: int, known: Holidays
) -> None:
    deadline = working_days_after(start, count, known)
    assert deadline.at < working_days_after(start, count + 1, known).at
    assert deadline.at >= days_after(start, count).at
    assert days_after(start, count).at - start > (count * DAY)
    assert days_after(start, count).at - start <= ((count + 1) * DAY)
