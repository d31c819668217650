"""Tables as such: a line number and its cells, whatever file they come from."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from pathlib import Path
from typing import Any, Final, NamedTuple

from gatekeeper.filing import Problem, Problems, Where
from gatekeeper.sources import field
from gatekeeper.sources.column import Column, Header, match_header
from gatekeeper.sources.field import FieldError

MAX_FILE_BYTES: Final = 256 * 1024 * 1024
_BLOCK: Final = 1024 * 1024

GUARDED: Final = re.compile(r"'*[=+\-@＝＋－＠\t\r]")
"""What a spreadsheet would run as a formula, behind any number of apostrophes (DESIGN §15)."""


@dataclass(frozen=True, slots=True)
class Odd:
    """A workbook cell that has no usable value."""

    shown: str
    reason: str
    reason_zh: str
    truth: bool | None = None
    """Of a cell that says TRUE or FALSE, which."""


_Step = tuple[str, int, Callable[[str], Any]]


@dataclass(frozen=True, slots=True)
class _Plan:
    """How a line of text is read: each column's name, place and parser."""

    steps: tuple[_Step, ...]
    texts: tuple[_Step, ...]
    """Columns whose parser takes plain text as it is."""
    names: tuple[str, ...]
    """Theirs."""

    @classmethod
    def of(cls, header: Header) -> _Plan:
        steps: list[_Step] = []
        texts: list[_Step] = []
        for index, column, _ in header.columns:
            into = texts if column.parse in (field.text, field.identifier) else steps
            into.append((column.name, index, _reader(column)))
        return cls(tuple(steps), tuple(texts), tuple(name for name, _, _ in texts))


def _plain(texts: list[str]) -> bool:
    """Whether cells hold nothing to trim, to take off or to refuse: one look at a whole line."""
    joined = "".join(texts)
    return (
        joined.isprintable()
        and "'" not in joined
        and list(map(str.strip, texts)) == texts
        and (len(joined) <= field.MAX_ID or max(map(len, texts)) <= field.MAX_ID)
    )


Cell = str | int | float | datetime | Odd | None
"""A cell as its file has it; CSV knows text alone."""


class TableError(Exception):
    """A file that cannot be read further, at a line (0: not at all)."""

    def __init__(self, line: int, reason: str, reason_zh: str, *, sheet: str | None = None) -> None:
        super().__init__(reason)
        self.line, self.reason, self.reason_zh, self.sheet = line, reason, reason_zh, sheet

    def problem(self, file: str) -> Problem:
        return Problem(
            where=Where(file=file, line=self.line, sheet=self.sheet),
            column="",
            value="",
            reason=self.reason,
            reason_zh=self.reason_zh,
        )


@dataclass(frozen=True, slots=True)
class Table:
    """Lines of cells; the first is the header."""

    sheet: str | None
    lines: Iterator[tuple[int, Sequence[Cell]]]


class Record(NamedTuple):
    """The parsed values of one line, and the line itself for messages."""

    where: Where
    values: dict[str, Any]
    header: Header
    cells: Sequence[Cell]

    def problem(self, column: str, reason: str, reason_zh: str) -> Problem:
        """What is wrong with this line at ``column``."""
        shown, cell = self.header.find(column)
        value = self.cells[cell] if cell >= 0 else None
        return Problem(
            where=self.where,
            column=shown,
            value="" if value is None else str(value).strip(),
            reason=reason,
            reason_zh=reason_zh,
        )


@contextmanager
def open_table(path: Path, known: Callable[[Sequence[object]], bool]) -> Iterator[Table]:
    """A CSV file or the right sheet of a workbook.

    Raises:
        TableError: it cannot be read.
    """
    if path.suffix.lower() == ".csv":
        from gatekeeper.sources.csv_table import read_csv

        yield read_csv(read_bytes(path))
    else:
        from gatekeeper.sources.xlsx_table import read_xlsx

        with read_xlsx(read_bytes(path), known) as table:
            yield table


def read_bytes(path: Path) -> bytes:
    """A file's content, within ``MAX_FILE_BYTES``.

    Raises:
        TableError: it is missing, no file, unreadable or too large.
    """
    try:
        if path.is_dir():
            raise TableError(0, "is a folder; name a file", "这是文件夹，请指定文件")
        if path.exists() and not path.is_file():  # opening a pipe that nobody writes to waits
            raise TableError(
                0, "is a pipe or a device; name a regular file", "这是管道或设备，请指定普通文件"
            )
        with path.open("rb") as stream:
            size = min(os.fstat(stream.fileno()).st_size, MAX_FILE_BYTES)
            content = stream.read(max(size, _BLOCK) + 1)  # takes that much memory at once
    except (OSError, ValueError) as error:  # a name may hold what no name can
        reason = (error.strerror if isinstance(error, OSError) else None) or str(error)
        raise TableError(0, f"cannot be read: {reason}", f"无法读取文件：{reason}") from None
    if len(content) > MAX_FILE_BYTES:
        limit = MAX_FILE_BYTES // (1024 * 1024)
        raise TableError(
            0, f"larger than {limit} MB; split the file", f"文件超过 {limit} MB，请拆分"
        )
    return content


def read_header(
    table: Table, file: str, columns: Sequence[Column], needed: frozenset[str]
) -> Header:
    """The first line that is not empty.

    Raises:
        TableError: the table is empty.
    """
    for line, cells in table.lines:
        if any(cell not in (None, "") for cell in cells):
            where = Where(file=file, line=line, sheet=table.sheet)
            return match_header(_trimmed(cells), columns, where, needed=needed)
    raise TableError(
        0, "is empty; a header line is needed", "文件为空，缺少表头", sheet=table.sheet
    )


def read_records(
    table: Table, file: str, header: Header, required: frozenset[str], problems: Problems
) -> Iterator[Record]:
    """Every line that is not empty and has no bad cell; the bad ones go to ``problems``."""
    plan = _Plan.of(header)
    width, sheet = header.width, table.sheet
    for line, cells in table.lines:
        if not any(cells) and all(cell in (None, "") for cell in cells):
            continue
        where = Where(file, line, sheet)
        if len(cells) != width:
            if sheet is None or any(cell not in (None, "") for cell in cells[width:]):
                problems.add(ragged(where, len(cells), width))
                continue
            cells = [*cells[:width], *[None] * (width - len(cells))]  # noqa: PLW2901
        record = _read_text(where, cells, header, plan) if sheet is None else None
        if record is None or not required <= record.values.keys():
            record = _read_any(where, cells, header, required, problems)
        if record is not None:
            yield record


def _read_text(where: Where, cells: Sequence[Any], header: Header, plan: _Plan) -> Record | None:
    """One line of text; ``None`` where a cell is bad, whatever is bad about it."""
    try:
        values = {name: read(cells[index]) for name, index, read in plan.steps if cells[index]}
        texts = [cells[index] for _, index, _ in plan.texts]
        if _plain(texts):
            values.update({name: text for name, text in zip(plan.names, texts) if text})  # noqa: B905
        else:
            for name, index, read in plan.texts:
                values[name] = read(cells[index])
    except FieldError:
        return None
    if None in values.values():
        values = {name: value for name, value in values.items() if value is not None}
    return Record(where, values, header, cells)


def _read_any(
    where: Where,
    cells: Sequence[Cell],
    header: Header,
    required: frozenset[str],
    problems: Problems,
) -> Record | None:
    """One line, cell by cell; every bad cell goes to ``problems``, and then there is no record."""
    values: dict[str, Any] = {}
    good = True
    for index, column, shown in header.columns:
        cell = cells[index]
        try:
            value = _reader(column)(cell if isinstance(cell, str) else _as_text(column.name, cell))
            if value is not None:
                values[column.name] = value
            elif column.name in required:
                raise FieldError("is required", "不能为空", value="")
        except FieldError as error:
            good = False
            problems.add(
                Problem(
                    where=where,
                    column=shown,
                    value=str(cell).strip() if error.value is None else error.value,
                    reason=error.reason,
                    reason_zh=error.reason_zh,
                )
            )
    return Record(where, values, header, cells) if good else None


@lru_cache(maxsize=64)
def _reader(column: Column) -> Callable[[str], Any]:
    """A column's parser for raw cells: ``None`` where nothing stands, one apostrophe taken off."""
    parse = column.parse

    @lru_cache(maxsize=4096)
    def read(cell: str) -> Any:
        text = cell.strip()
        if not text:
            return None
        if text[0] == "'" and GUARDED.match(text, 1):
            text = text[1:].strip()
        return parse(text)

    return read


def _trimmed(cells: Sequence[Cell]) -> Sequence[Cell]:
    """A header without the empty cells at its end, where it is a workbook's."""
    end = len(cells)
    while end and cells[end - 1] is None:
        end -= 1
    return cells[:end]


def ragged(where: Where, found: int, expected: int) -> Problem:
    """A line with another number of cells than its header."""
    return Problem(
        where=where,
        column="",
        value="",
        reason=f"{found} cells, but the header has {expected}; "
        "quote cells that contain commas or line breaks",
        reason_zh=f"本行有 {found} 列，表头有 {expected} 列；含逗号或换行的内容需加引号",
    )


def _as_text(column: str, cell: Cell) -> str:
    """A workbook's typed cell as the text that it stands for, where that is beyond doubt."""
    if cell is None:
        return ""
    if isinstance(cell, str):
        return cell.strip()
    if isinstance(cell, Odd):
        raise FieldError(cell.reason, cell.reason_zh, value=cell.shown)
    if isinstance(cell, datetime):
        if column != "status_at":
            raise FieldError(
                "a date; format the column as text",
                "这是日期单元格，请将该列设为文本格式",
                value=cell.isoformat(),
            )
        return cell.isoformat()
    whole = int(cell) if float(cell).is_integer() else None
    if column == "status_at" or whole is None or not 0 <= whole < 10**15:
        raise FieldError(
            "a number cell; format the column as text",
            "这是数字单元格，请将该列设为文本格式",
            value=str(cell),
        )
    return str(whole)
