"""A record with the place that it was read from, and what is wrong with a record at a place."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from gatekeeper.filing.model import Application
from gatekeeper.filing.personal import mask_text

MAX_PROBLEMS: Final = 1000
"""How many problems one reading keeps; the rest are counted."""

_SHOWN: Final = 80


class Where(NamedTuple):
    """A place in a file that a person can find."""

    file: str
    line: int
    """1 is the first line; in a workbook the row's number.  0 means the file as a whole."""
    sheet: str | None = None

    def describe(self, lang: str = "en") -> str:
        if lang == "zh":
            sheet = f" 工作表“{printable(self.sheet)}”" if self.sheet is not None else ""
            return _named(self.file) + sheet + (f" 第 {self.line} 行" if self.line else "")
        sheet = f", sheet {printable(self.sheet)}" if self.sheet is not None else ""
        return _named(self.file) + sheet + (f", line {self.line}" if self.line else "")


class Row(NamedTuple):
    """One application as a file states it."""

    application: Application
    where: Where
    silent: frozenset[str] = frozenset()
    """Columns (DESIGN §4) that the file does not have: about these it says nothing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """Why a row, or a whole file, cannot be taken."""

    where: Where
    column: str
    """The column's name as the file has it, or a JSON path (``access.ips[1]``); may be empty."""
    value: str
    reason: str
    reason_zh: str

    def describe(self, lang: str = "en") -> str:
        """One line: file, sheet, line, column, value, reason; numbers of persons are masked."""
        column, value = printable(mask_text(self.column)), printable(mask_text(self.value))
        if lang == "zh":
            parts = [self.where.describe("zh")]
            parts += [f"列 {column}"] if column else []
            parts += [f"值“{value}”"] if value else []
            return "，".join(parts) + "：" + printable(mask_text(self.reason_zh), 400)
        parts = [self.where.describe()]
        parts += [f"column {column}"] if column else []
        parts += [f'value "{value}"'] if value else []
        return ", ".join(parts) + ": " + printable(mask_text(self.reason), 400)


@dataclass(slots=True)
class Problems:
    """Collects every problem, keeps the first ``MAX_PROBLEMS`` of them and counts the others."""

    kept: list[Problem] = field(default_factory=list)
    more: int = 0

    def add(self, problem: Problem) -> None:
        if len(self.kept) < MAX_PROBLEMS:
            self.kept.append(problem)
        else:
            self.more += 1

    def extend(self, problems: Iterable[Problem], more: int = 0) -> None:
        for problem in problems:
            self.add(problem)
        self.more += more

    def __bool__(self) -> bool:
        return bool(self.kept)


def _named(path: str, limit: int = _SHOWN) -> str:
    """A path on one line; of a long one the end is kept, where the file's name is."""
    return printable(path if len(path) <= limit else f"…{path[1 - limit :]}", limit)


def printable(text: str, limit: int = _SHOWN) -> str:
    """``text`` on one line: shortened, with control and invisible characters escaped."""
    short = text if len(text) <= limit else text[: limit - 1] + "…"
    if short.isprintable():
        return short
    return "".join(
        char if char.isprintable() else char.encode("unicode_escape").decode() for char in short
    )
