"""The lines of a sheet of records, and a record that is being joined from them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple

from gatekeeper.filing import Problem, Problems, Where
from gatekeeper.sources.column import Column
from gatekeeper.sources.dossier_cell import read_cell, value_masked
from gatekeeper.sources.dossier_form import Field
from gatekeeper.sources.field import FieldError
from gatekeeper.sources.table import Table, TableError, ragged, read_header


class Cellplace(NamedTuple):
    """A cell that a value came from."""

    where: Where
    column: str
    """The column's name, as the file has it."""


@dataclass(slots=True)
class Given:
    """One record before it is read: its nested form, and the cells of its values."""

    nested: dict[str, Any]
    where: Where
    places: dict[str, Cellplace] = field(default_factory=dict)
    """By path (``service.domains[0].name``); empty where the file is JSON."""
    bad: bool = False
    """Whether some row of it fits nowhere, or some cell could not be read."""
    unread: set[str] = field(default_factory=set)
    """The paths of cells that could not be read: what is missing there, is told already."""

    def spoil(self, paths: Iterable[str]) -> None:
        """Note that the record is not whole."""
        self.bad = True
        self.unread.update(paths)

    def told(self, problem: Problem) -> Problem:
        """A problem at a path of the record, at the cell that it comes from."""
        path = problem.column
        while path and path not in self.places:
            path = path.rpartition("[" if path.endswith("]") else ".")[0]
        if not path:
            return problem
        where, column = self.places[path]
        return replace(problem, where=where, column=column)


class Line(NamedTuple):
    """One line of a sheet, its cells by the names of their columns."""

    where: Where
    values: Mapping[str, Any]
    shown: Mapping[str, str]
    """The names that the header gives the columns."""
    unread: frozenset[str]
    """Columns whose cells could not be read."""

    def problem(self, column: str, value: str, reason: str, reason_zh: str) -> Problem:
        """What is wrong with this line at a column."""
        return Problem(
            where=self.where,
            column=self.shown.get(column, column),
            value=value,
            reason=reason,
            reason_zh=reason_zh,
        )

    def place(self, column: str) -> Cellplace:
        return Cellplace(self.where, self.shown[column])


def read_lines(
    table: Table,
    file: str,
    columns: Sequence[Column],
    places: Mapping[str, Field],
    problems: Problems,
    unknown: dict[str, None],
    needed: Iterable[str] = (),
) -> Iterator[Line]:
    """Every line of a sheet that says something; what is wrong in it goes to ``problems``.

    Args:
        table: the sheet.
        file: its file, for messages.
        columns: what its header may name.
        places: what stands in each column, by its name.
        problems: filled with what is wrong.
        unknown: filled with columns that nothing is made of.
        needed: columns that the header must have.

    Raises:
        TableError: there is no header, or the file is damaged.
    """
    header = read_header(table, file, columns, frozenset(needed))
    if not header.columns:
        raise TableError(
            0, "has no header line of known columns", "未找到有效的表头", sheet=table.sheet
        )
    unknown.update(dict.fromkeys(header.unknown))
    problems.extend(header.problems)
    if header.problems:
        return
    shown = {column.name: name for _, column, name in header.columns}
    for number, cells in table.lines:
        where = Where(file, number, table.sheet)
        filled = [cell not in (None, "") for cell in cells]
        if not any(filled):
            continue
        if any(filled[header.width :]) or (table.sheet is None and len(cells) != header.width):
            problems.add(ragged(where, len(cells), header.width))
            continue
        values: dict[str, Any] = {}
        unread = set()
        for index, column, name in header.columns:
            try:
                value = read_cell(cells[index] if index < len(cells) else None, places[column.name])
            except FieldError as error:
                unread.add(column.name)
                given = str(cells[index]).strip() if error.value is None else error.value
                masked = value_masked(places[column.name].path, given)
                problems.add(
                    Problem(
                        where=where,
                        column=name,
                        value=masked,
                        reason=error.reason,
                        reason_zh=error.reason_zh,
                    )
                )
                continue
            if value is not None:
                values[column.name] = value
        if values or unread:
            yield Line(where, values, shown, frozenset(unread))


def put(record: Given, path: str, value: Any, place: Cellplace) -> None:
    """Set what stands at a path of a record (``service.app.category``)."""
    *above, last = path.split(".")
    part = record.nested
    for step in above:
        part = part.setdefault(step, {})
    part[last] = value
    record.places[path] = place


def value_at(nested: Mapping[str, Any], path: str) -> Any:
    """What stands at a path; ``None`` for nothing."""
    found: Any = nested
    for step in path.split("."):
        found = found.get(step) if isinstance(found, Mapping) else None
    return found
