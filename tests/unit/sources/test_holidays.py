"""A year's holidays from a file: what counts, and what is refused with its key."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from gatekeeper.errors import PolicyError
from gatekeeper.sources import known_holidays, read_holidays

#: Made up: nobody has arranged 2031 yet.
YEAR = "year: 2031\nholidays: [2031-01-01, '2031-01-02']\nworkdays: [2031-01-04]\n"


def written(folder: Path, text: str | bytes, name: str = "2031.yaml") -> Path:
    path = folder / name
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


def test_the_packaged_calendar_knows_whole_years() -> None:
    known = known_holidays()
    assert {2025, 2026} <= known.years
    assert known.years == frozenset(range(min(known.years), max(known.years) + 1))
    for worked in (date(2026, 2, 14), date(2026, 2, 28), date(2025, 10, 11)):
        assert worked.weekday() == 5
        assert known.is_workday(worked)
    assert not any(known.is_workday(date(2026, 2, day)) for day in range(15, 24))


def test_a_file_adds_its_year(tmp_path: Path) -> None:
    found = read_holidays([written(tmp_path, b"\xef\xbb\xbf" + YEAR.encode())])
    assert found.years == known_holidays().years | {2031}
    assert not found.is_workday(date(2031, 1, 1))
    assert not found.is_workday(date(2031, 1, 2))
    assert found.is_workday(date(2031, 1, 4)), "a Saturday that is worked"
    assert found.is_workday(date(2031, 1, 6))
    assert not found.is_workday(date(2026, 2, 16)), "other years stand"


def test_a_file_replaces_its_year_whole(tmp_path: Path) -> None:
    mine = written(tmp_path, "year: 2026\nholidays: [2026-01-01]\n")
    found = read_holidays([mine])
    assert found.is_workday(date(2026, 2, 16))
    assert not found.is_workday(date(2026, 2, 14))
    assert read_holidays([]) == known_holidays()


def test_one_year_from_two_files_is_refused(tmp_path: Path) -> None:
    files = [written(tmp_path, YEAR, name) for name in ("a.yaml", "b.yaml")]
    with pytest.raises(PolicyError, match=r"b\.yaml: another file has the year 2031"):
        read_holidays(files)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "key year: is required"),
        ("year: 2031\n", "key holidays: is required"),
        ("year: 2031\nholidays: []\n", "key holidays: must not be empty"),
        ("year: '2031'\nholidays: [2031-01-01]\n", "key year: must be a whole number"),
        ("year: 31\nholidays: [2031-01-01]\n", "key year: must be at least 1950"),
        ("year: 2031\nholidays: 2031-01-01\n", "key holidays: must be a list"),
        ("year: 2031\nholidays: [1 January]\n", "key holidays.0: write a date as 2027-02-05"),
        ("year: 2031\nholidays: ['2031-02-30']\n", "key holidays.0: write a date"),
        ("year: 2031\nholidays: [2031-02-30]\n", "not valid YAML"),
        ("year: 2031\nholidays: [2031-01-01T00:00:00]\n", "key holidays.0: write a date"),
        ("year: 2031\nholidays: [2032-01-01]\n", "key holidays.0: 2032-01-01 is not in 2031"),
        ("year: 2031\nholidays: [2031-01-01, 2031-01-01]\n", "holidays.1: 2031-01-01 stands twice"),
        (YEAR.replace("01-04", "01-03"), "key workdays.0: 2031-01-03 is no Saturday"),
        (YEAR.replace("'2031-01-02'", "2031-01-04"), "key workdays.0: 2031-01-04 stands twice"),
        (YEAR + "holiday: []\n", "key holiday: there is no such key; did you mean holidays?"),
        (YEAR + "year: 2031\n", "stands twice"),
        ("- 2031-01-01\n", "must be a mapping"),
        (b"\xff\xfe", "not UTF-8"),
        (b"#" * 100_001, "larger than 100000 bytes"),
    ],
)
def test_what_is_wrong_is_named(text: str | bytes, said: str, tmp_path: Path) -> None:
    with pytest.raises(PolicyError) as refused:
        read_holidays([written(tmp_path, text)])
    assert said in refused.value.message
    assert "2031.yaml" in refused.value.message
    assert "\n" not in refused.value.message
    assert refused.value.zh != refused.value.message


def test_a_file_that_cannot_be_read_is_said(tmp_path: Path) -> None:
    for path in (tmp_path / "none.yaml", tmp_path):
        with pytest.raises(PolicyError, match="check the path"):
            read_holidays([path])
