"""CSV as spreadsheets write it: UTF-8 with or without a mark, or GB18030."""

from __future__ import annotations

import codecs
import csv
import io
from collections.abc import Iterator, Sequence
from typing import Final

from gatekeeper.sources.table import Cell, Table, TableError

_WIDE_MARKS: Final = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE, codecs.BOM_UTF32_BE)


def decode(content: bytes) -> str:
    """The text of a file whose encoding nobody states.

    Raises:
        TableError: it is neither UTF-8 nor GB18030.
    """
    if content.startswith(_WIDE_MARKS):
        raise TableError(0, "is UTF-16; save it as UTF-8", "文件编码为 UTF-16，请另存为 UTF-8 编码")
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        place = content.count(b"\n", 0, error.start) + 1
    try:
        return content.decode("gb18030")
    except UnicodeDecodeError:
        raise TableError(
            place,
            "is neither UTF-8 nor GB18030; save it as UTF-8",
            "文件编码既不是 UTF-8 也不是 GB18030，请另存为 UTF-8 编码",
        ) from None


def read_csv(content: bytes) -> Table:
    """The lines of a CSV file, each with the number of the physical line on which it begins."""
    return Table(None, _lines(decode(content)))


def _lines(text: str) -> Iterator[tuple[int, Sequence[Cell]]]:
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    while True:
        line = reader.line_num + 1
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            raise TableError(
                line,
                f"is not CSV: {error}; check the quotation marks",
                f"不是有效的 CSV（{error}），请检查引号",
            ) from None
        yield line, cells
