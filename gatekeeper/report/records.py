"""What a command has to show, before anybody has chosen how.

A ``Report`` holds the JSON document and the same records as tables.  Column and table names are
keys of ``words``; cells are plain text as it came in, so each rendering escapes for itself.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone
from typing import Any, Final, NamedTuple, TypeVar, overload

Item = TypeVar("Item")
Made = TypeVar("Made")

Cell = str | int | None
"""A number stays a number; ``None`` shows as nothing."""

CHINA: Final = timezone(timedelta(hours=8))
"""Asia/Shanghai: no summer time since 1991."""


class Derived(Sequence[Made]):
    """A list whose items are made as they are read: most of a long table is never shown."""

    def __init__(self, make: Callable[[Item], Made], items: Sequence[Item]) -> None:
        self._make, self._items = make, items

    def __len__(self) -> int:
        return len(self._items)

    @overload
    def __getitem__(self, index: int) -> Made: ...
    @overload
    def __getitem__(self, index: slice) -> Derived[Made]: ...
    def __getitem__(self, index: int | slice) -> Made | Derived[Made]:
        if isinstance(index, slice):
            return Derived(self._make, self._items[index])
        return self._make(self._items[index])


class Table(NamedTuple):
    """Records of one kind, in rows."""

    name: str
    columns: tuple[str, ...]
    rows: Sequence[Sequence[Cell]]
    wide: frozenset[str] = frozenset()
    """Columns that a terminal has no room for; every other form shows them."""
    brief: Table | None = None
    """What a terminal shows instead, several records in a row."""
    at_most: int | None = None
    """How many rows a terminal shows; every other form shows all."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """One command's result."""

    document: Mapping[str, Any]
    """What ``--format json`` prints."""
    tables: tuple[Table, ...]
    """What people read; ``--format csv`` writes the first."""
    title: str
    """A key of ``words``: what the page is called."""
    facts: tuple[tuple[str, Cell], ...] = ()
    """Figures for the top, as (key of ``words``, value)."""
    alarms: tuple[str, ...] = ()
    """Sentences that must not be overlooked, in the report's language."""
    counts: Mapping[str, int] = field(default_factory=dict)
    """Findings by severity."""
    headless: tuple[str, ...] = ()
    """Tables that are left out where they are empty."""


def several(items: Iterable[object]) -> str:
    """A list in one cell."""
    return "; ".join(str(item) for item in items)


def clock(at: datetime | None) -> str | None:
    """A time for people: Asia/Shanghai, to the second, with its offset."""
    if at is None:
        return None
    return at.astimezone(CHINA).isoformat(sep=" ", timespec="seconds")
