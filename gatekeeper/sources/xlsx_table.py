"""XLSX workbooks, read as data from strangers: sizes are checked before anything is unpacked."""

from __future__ import annotations

import io
import warnings
import zipfile
import zlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import date, datetime, time, timedelta
from typing import Any, Final

from gatekeeper.sources.table import Cell, Odd, Table, TableError

MAX_MEMBERS: Final = 2000
MAX_UNPACKED: Final = 512 * 1024 * 1024
MAX_RATIO: Final = 200
"""What deflate gains on a part of a workbook at most; sheets reach 10 to 60."""
SMALL: Final = 16 * 1024 * 1024
"""Parts up to here may be packed as tightly as they like."""
MAX_EMPTY_ROWS: Final = 10_000
"""Empty rows in succession after which a sheet counts as damaged."""

# What openpyxl, its XML parser and zlib raise for a damaged workbook.
_DAMAGED: Final = (
    ArithmeticError,
    AttributeError,
    EOFError,
    LookupError,
    NotImplementedError,
    OSError,
    RuntimeError,
    SyntaxError,
    TypeError,
    ValueError,
    zipfile.BadZipFile,
    zlib.error,
)


class Workbook:
    """An open workbook: its sheets by title, each read row by row."""

    def __init__(self, sheets: Sequence[Any]) -> None:
        self._sheets = sheets
        for sheet in sheets:
            sheet.reset_dimensions()  # producers write wrong ones, and cells beyond would be lost

    @property
    def titles(self) -> tuple[str, ...]:
        return tuple(sheet.title for sheet in self._sheets)

    def table(self, title: str) -> Table:
        """The sheet of that title."""
        sheet = next(sheet for sheet in self._sheets if sheet.title == title)
        return Table(title, _rows(sheet))

    def choose(self, known: Callable[[Sequence[object]], bool]) -> Table:
        """The first sheet whose header is ``known``, or the only sheet.

        Raises:
            TableError: none of the sheets is the one, or the workbook is damaged.
        """
        sheet = _choose(self._sheets, known)
        return Table(sheet.title, _rows(sheet))


@contextmanager
def open_workbook(content: bytes) -> Iterator[Workbook]:
    """A workbook, opened after a look at the sizes of its parts.

    Raises:
        TableError: no workbook, a damaged or an oversized one.
    """
    _check_archive(content)
    import openpyxl

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            workbook = openpyxl.load_workbook(
                io.BytesIO(content), read_only=True, data_only=False, keep_links=False
            )
        except _DAMAGED as error:
            raise _damaged(error) from None
        try:
            yield Workbook(workbook.worksheets)
        finally:
            workbook.close()


@contextmanager
def read_xlsx(content: bytes, known: Callable[[Sequence[object]], bool]) -> Iterator[Table]:
    """The first sheet whose header is ``known``, or the only sheet.

    Raises:
        TableError: no workbook, a damaged or oversized one, or none of its sheets is the one.
    """
    with open_workbook(content) as workbook:
        yield workbook.choose(known)


def _check_archive(content: bytes) -> None:
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            members = archive.infolist()
    except _DAMAGED as error:
        raise _damaged(error) from None
    unpacked = sum(member.file_size for member in members)
    if len(members) > MAX_MEMBERS or unpacked > MAX_UNPACKED:
        limit = MAX_UNPACKED // (1024 * 1024)
        raise TableError(
            0,
            f"unpacks to {unpacked // (1024 * 1024)} MB in {len(members)} parts, more than "
            f"{limit} MB or {MAX_MEMBERS}; save it as CSV",
            f"解压后为 {unpacked // (1024 * 1024)} MB、{len(members)} 个部分，"
            f"超过上限 {limit} MB 或 {MAX_MEMBERS} 个，请另存为 CSV",
        )

    for member in members:
        if member.file_size > max(SMALL, MAX_RATIO * member.compress_size):
            raise TableError(
                0,
                f"holds a part that unpacks to {member.file_size // 1024**2} MB, more than "
                f"{MAX_RATIO} times its packed size; save it as CSV",
                f"其中一个部分解压后为 {member.file_size // 1024**2} MB，超过压缩大小的 "
                f"{MAX_RATIO} 倍，请另存为 CSV",
            )


def _choose(sheets: Sequence[Any], known: Callable[[Sequence[object]], bool]) -> Any:
    for sheet in sheets:
        for _, cells in _rows(sheet):
            if any(cell not in (None, "") for cell in cells):
                if known(cells):
                    return sheet
                break
    if len(sheets) == 1:
        return sheets[0]
    raise TableError(
        0,
        f"none of its {len(sheets)} sheets begins with a header line of known columns",
        f"{len(sheets)} 个工作表中均未找到有效的表头",
    )


def _rows(sheet: Any) -> Iterator[tuple[int, Sequence[Cell]]]:
    empty = 0
    line = 0
    try:
        for line, cells in enumerate(sheet.iter_rows(), start=1):
            values = [_value(cell) for cell in cells]
            if any(value is not None for value in values):
                empty = 0
                yield line, values
                continue
            empty += 1
            if empty > MAX_EMPTY_ROWS:
                raise TableError(
                    line,
                    f"more than {MAX_EMPTY_ROWS} empty rows in succession; delete them",
                    f"连续空行超过 {MAX_EMPTY_ROWS} 行，请删除空行",
                    sheet=sheet.title,
                )
    except _DAMAGED as error:
        raise _damaged(error, line + 1, sheet.title) from None


def _value(cell: Any) -> Cell:
    value = cell.value
    if value is None or value == "":
        return None
    kind = cell.data_type
    if kind == "f":
        shown = str(getattr(value, "text", value))
        return Odd(shown, "a formula; paste its value", "这是公式，请粘贴为数值")
    if kind == "e":
        return Odd(str(value), "an error value of the spreadsheet", "这是电子表格的错误值")
    if kind == "b" or isinstance(value, bool):
        shown = str(value).upper()
        return Odd(shown, "TRUE or FALSE, not text", "这是逻辑值，应为文本", truth=bool(value))
    if isinstance(value, str | int | float | datetime):
        return value
    if isinstance(value, date | time | timedelta):
        return Odd(
            str(value), "a time cell; format the column as text", "这是时间单元格，请设为文本格式"
        )
    return Odd(str(value), "a cell of unknown type", "无法识别的单元格类型")


def _damaged(error: BaseException, line: int = 0, sheet: str | None = None) -> TableError:
    what = type(error.__cause__ or error).__name__
    return TableError(
        line,
        f"is not a readable XLSX workbook ({what}); old .xls files and files with a password "
        "must be saved as .xlsx first",
        f"不是可读取的 XLSX 文件（{what}）；.xls 文件或带密码的文件请先另存为 .xlsx",
        sheet=sheet,
    )
