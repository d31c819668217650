"""Files of full application records, for the review: every value of its kind, nothing required.

The formats are those of an import (``applications.py``).  A draft may lack its status, its id or
whole parts: the rules judge what is missing.  A value that cannot be what its place asks for is a
problem with its place, and its record is left out.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, NamedTuple

from gatekeeper.collector import uncollected
from gatekeeper.filing import (
    Problem,
    Problems,
    Where,
    masked_places,
    printable,
    remembered,
    too_deep,
)
from gatekeeper.filing.review import Dossier, Fault, read_dossier, unknown_keys
from gatekeeper.sources.applications import BESIDE, FORMATS, unknown_format
from gatekeeper.sources.column import APPLICATION_COLUMNS, has_record_sheets, is_header
from gatekeeper.sources.csv_table import read_csv
from gatekeeper.sources.dossier_cell import value_masked
from gatekeeper.sources.dossier_example import example_problem, is_example
from gatekeeper.sources.dossier_lines import Given
from gatekeeper.sources.json_file import JsonFile
from gatekeeper.sources.sheets import read_form, read_rows
from gatekeeper.sources.table import TableError, read_bytes
from gatekeeper.sources.xlsx_table import open_workbook

_MASKED: Final = (
    "is masked (*), so nobody can judge it; export the record with --unmasked",
    "该值已脱敏（含 *），无法审核；请使用 --unmasked 导出",
)


class Located(NamedTuple):
    """One record with the place that it was read from."""

    dossier: Dossier
    given: Mapping[str, Any]
    """Its nested form (DESIGN §12), as the file says it."""
    where: Where


@dataclass(frozen=True, slots=True, kw_only=True)
class DossierFile:
    """One file of records, read to its end."""

    file: str
    format: str
    """csv, xlsx, json or jsonl; empty where the ending is none of these."""
    dossiers: tuple[Located, ...] = ()
    problems: tuple[Problem, ...] = ()
    more_problems: int = 0
    """Problems found beyond those that are kept."""
    unknown_keys: tuple[str, ...] = ()
    """Keys or columns that nothing is made of; a warning, not an error."""


def read_dossiers(path: str | Path) -> DossierFile:
    """Every record of a file, and everything that is wrong in it; nothing is raised."""
    path = Path(path)
    file = str(path)
    kind = FORMATS.get(path.suffix.lower(), "")
    problems = Problems()
    unknown: dict[str, None] = {}
    found: list[Located] = []
    first: dict[str, Where] = {}
    try:
        if not kind:
            raise unknown_format(path)
        with uncollected():
            for given in without_examples(_given(path, kind, problems, unknown), problems):
                read = _read(given)
                if not isinstance(read, Dossier):
                    problems.extend(read)
                    continue
                if given.bad:
                    continue
                unknown.update(dict.fromkeys(printable(key) for key in unknown_keys(given.nested)))
                name = read.application_id
                if name and name in first:
                    problems.add(given.told(_twice(name, first[name], given.where)))
                    continue
                first[name] = given.where
                found.append(Located(read, given.nested, given.where))
    except TableError as error:
        problems.add(error.problem(file))
    return DossierFile(
        file=file,
        format=kind,
        dossiers=tuple(found),
        problems=tuple(problems.kept),
        more_problems=problems.more,
        unknown_keys=tuple(unknown),
    )


def without_examples(records: Iterable[Given], problems: Problems) -> Iterator[Given]:
    """The records but for examples of the template that were left in."""
    for given in records:
        if is_example(given.nested):
            continue
        problem = example_problem(given.nested, given.where)
        if problem is None:
            yield given
        else:
            problems.add(given.told(problem))


def problem_of(fault: Fault, where: Where) -> Problem:
    """A fault at its place in a file, with what is personal in its value masked."""
    shown = value_masked(fault.path, fault.value)
    return _problem(where, fault.path, shown, fault.reason, fault.reason_zh)


def _read(given: Given) -> Dossier | list[Problem]:
    """A record, or what is wrong with it at its cells."""
    if too_deep(given.nested):
        return [_problem(given.where, "", "", "is nested too deeply", "JSON 嵌套层次过深")]
    masked = [
        given.told(_problem(given.where, *one, *_MASKED)) for one in masked_places(given.nested)
    ]
    if masked:
        return masked
    read = read_dossier(remembered(given.nested))
    if isinstance(read, Dossier):
        return read
    return [given.told(problem_of(fault, given.where)) for fault in read]


def _given(path: Path, kind: str, problems: Problems, unknown: dict[str, None]) -> Iterator[Given]:
    content = read_bytes(path)
    if kind == "csv":
        yield from read_rows(read_csv(content), str(path), problems, unknown)
    elif kind == "xlsx":
        with open_workbook(content) as book:
            if has_record_sheets(book.titles):
                yield from read_form(book, str(path), problems, unknown)
            else:
                table = book.choose(lambda cells: is_header(cells, APPLICATION_COLUMNS))
                yield from read_rows(table, str(path), problems, unknown)
    else:
        yield from _json(path, content, kind, problems, unknown)


def _json(
    path: Path, content: bytes, kind: str, problems: Problems, unknown: dict[str, None]
) -> Iterator[Given]:
    source = JsonFile(content, lines=kind == "jsonl", wrapper="applications")
    for item in source.items():
        where = Where(file=str(path), line=item.line)
        problems.extend(key_twice(key, where) for key in item.repeated)
        if not isinstance(item.value, dict):
            shown = "" if isinstance(item.value, list) else str(item.value)
            problems.add(_problem(where, "", shown, "is no JSON object", "应为 JSON 对象"))
        elif not item.repeated:
            yield Given(item.value, where)
    unknown.update(dict.fromkeys(printable(key) for key in source.other_keys if key not in BESIDE))


def key_twice(key: str, where: Where) -> Problem:
    """A key that stands twice in one object: which of the two holds, nobody can say."""
    return _problem(where, key, "", "the key stands twice in one object", "同一对象中键重复")


def _twice(name: str, first: Where, where: Where) -> Problem:
    return _problem(
        where,
        "application_id",
        name,
        f"stands twice in the file, first at line {first.line}",
        f"申请编号在文件中重复，首次出现在第 {first.line} 行",
    )


def _problem(where: Where, column: str, value: str, reason: str, reason_zh: str) -> Problem:
    return Problem(where=where, column=column, value=value, reason=reason, reason_zh=reason_zh)
