"""Tables for a terminal.

tabulate measures CJK text only with an optional package, so cells are widened here: each wide
character brings one filler that counts for its second column and is taken out again at the end.
"""

from __future__ import annotations

import unicodedata
from typing import Final

from gatekeeper.report.records import Cell, Report, Table
from gatekeeper.report.text import visible
from gatekeeper.report.words import spoken, word

_FILLER: Final = "\x00"
"""Never in a cell: ``visible`` escapes it."""


def as_table(report: Report, lang: str) -> str:
    """Every table of ``report``, its alarms first and its figures last."""
    blocks = [f"!! {visible(alarm)}" for alarm in report.alarms]
    shown = [t for t in report.tables if t.rows or t.name not in report.headless]
    for table in shown:
        title = f"{word(table.name, lang)} ({len(table.rows)})\n" if len(shown) > 1 else ""
        blocks.append(title + _grid(table, lang))
    facts = [
        f"{word(key, lang)}: {visible(str(value))}"
        for key, value in report.facts
        if value is not None
    ]
    if facts:
        blocks.append("\n".join(facts))
    return "\n\n".join(blocks) + "\n"


def _grid(table: Table, lang: str) -> str:
    if not table.rows:
        return word("nothing", lang)
    from tabulate import tabulate

    shown = [index for index, column in enumerate(table.columns) if column not in table.wide]
    drawn = tabulate(
        [[_cell(table.columns[index], row[index], lang) for index in shown] for row in table.rows],
        headers=[_widened(word(table.columns[index], lang)) for index in shown],
        tablefmt="simple",
        disable_numparse=True,
        colalign=[_side(table, index) for index in shown],
    )
    lines = drawn.replace(_FILLER, "").split("\n")
    return "\n".join(line.rstrip() for line in lines)


def _side(table: Table, index: int) -> str:
    filled = [row[index] for row in table.rows if row[index] is not None]
    return "right" if filled and all(isinstance(cell, int) for cell in filled) else "left"


def _cell(column: str, cell: Cell, lang: str) -> str:
    if cell is None:
        return ""
    return _widened(visible(spoken(column, cell, lang)) if isinstance(cell, str) else str(cell))


def _widened(text: str) -> str:
    if text.isascii():
        return text
    return "".join(c + _FILLER if unicodedata.east_asian_width(c) in "WF" else c for c in text)
