"""Tables for a terminal.

tabulate measures CJK text only with an optional package, so cells are widened here: each wide
character brings one filler that counts for its second column and is taken out again at the end.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from typing import Final

from gatekeeper.report.records import Cell, Report, Table
from gatekeeper.report.text import visible, width
from gatekeeper.report.words import spoken, word

_FILLER: Final = "\x00"
"""Never in a cell: ``visible`` escapes it."""
_COLUMN: Final = 60
"""Wider cells are broken into lines, at a space where there is one."""
_BALANCER_ARN: Final = re.compile(r"arn:[^\s:]*:elasticloadbalancing:[^\s:]*:\d*:loadbalancer/")
"""What people need not read of an ARN; every other form keeps it whole."""


def as_table(report: Report, lang: str) -> str:
    """Every table of ``report``, its alarms first and its figures last."""
    blocks = [f"!! {visible(alarm)}" for alarm in report.alarms]
    shown = [t for t in report.tables if t.rows or t.name not in report.headless]
    for full in shown:
        table = full.brief or full
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
    rows = table.rows if table.at_most is None else table.rows[: table.at_most]
    drawn = tabulate(
        [[_cell(table.columns[index], row[index], lang) for index in shown] for row in rows],
        headers=[_widened(word(table.columns[index], lang)) for index in shown],
        tablefmt="simple",
        disable_numparse=True,
        colalign=[_side(rows, index) for index in shown],
    )
    lines = drawn.replace(_FILLER, "").split("\n")
    if len(rows) < len(table.rows):
        lines.append(word("more_rows", lang).format(count=len(table.rows) - len(rows)))
    return "\n".join(line.rstrip() for line in lines)


def _side(rows: Sequence[Sequence[Cell]], index: int) -> str:
    filled = [row[index] for row in rows if row[index] is not None]
    return "right" if filled and all(isinstance(cell, int) for cell in filled) else "left"


def _cell(column: str, cell: Cell, lang: str) -> str:
    if cell is None:
        return ""
    if not isinstance(cell, str):
        return str(cell)
    text = _BALANCER_ARN.sub("", visible(spoken(column, cell, lang)))
    return "\n".join(_widened(line) for line in _broken(text))


def _broken(text: str) -> list[str]:
    """The lines of a cell; a word wider than a line is left whole, to be copied."""
    if width(text) <= _COLUMN:
        return [text]
    lines: list[str] = []
    line, used = "", 0
    for part in re.findall(r"\S+\s*|\s+", text):
        wide = width(part.rstrip())
        if line and used + wide > _COLUMN:
            lines.append(line.rstrip())
            line, used = "", 0
        if wide > _COLUMN and not part.isascii():
            # Chinese has no spaces to break at.
            for character in part:
                if used + width(character) > _COLUMN:
                    lines.append(line)
                    line, used = "", 0
                line, used = line + character, used + width(character)
            continue
        line, used = line + part, used + width(part)
    return [*lines, line.rstrip()] if line.strip() else lines


def _widened(text: str) -> str:
    if text.isascii():
        return text
    return "".join(c + _FILLER if unicodedata.east_asian_width(c) in "WF" else c for c in text)
