"""Files of applications: CSV, XLSX, JSON and JSON lines, every bad row with its place."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from gatekeeper.collector import uncollected
from gatekeeper.filing import Problem, Problems, Row, Where, printable
from gatekeeper.sources import record
from gatekeeper.sources.column import APPLICATION_COLUMNS, has_record_sheets, is_header
from gatekeeper.sources.csv_table import read_csv
from gatekeeper.sources.dossier_example import example_problem, is_example
from gatekeeper.sources.json_file import JsonFile
from gatekeeper.sources.nested import read_object
from gatekeeper.sources.table import (
    Table,
    TableError,
    read_bytes,
    read_header,
    read_records,
)
from gatekeeper.sources.xlsx_table import open_workbook

FORMATS: Final = {".csv": "csv", ".xlsx": "xlsx", ".json": "json", ".jsonl": "jsonl"}
"""What a file's ending says of its content."""

BESIDE: Final = frozenset({"schema", "words"})
"""What may stand beside the applications in a JSON object."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadResult:
    """One file, read to its end."""

    file: str
    format: str
    """csv, xlsx, json or jsonl; empty where the ending is none of these."""
    rows: tuple[Row, ...] = ()
    problems: tuple[Problem, ...] = ()
    more_problems: int = 0
    """Problems found beyond those that are kept."""
    unknown_columns: tuple[str, ...] = ()
    """Columns or keys that nothing is made of; a warning, not an error."""


def read_applications(path: str | Path) -> ReadResult:
    """Every application of a file, and everything that is wrong in it; nothing is raised."""
    path = Path(path)
    file = str(path)
    kind = FORMATS.get(path.suffix.lower(), "")
    problems = Problems()
    rows: list[Row] = []
    unknown: dict[str, None] = {}
    try:
        if not kind:
            raise unknown_format(path)
        with uncollected():
            if kind in ("json", "jsonl"):
                _read_json(path, file, rows, problems, unknown)
            elif kind == "xlsx":
                _read_workbook(path, file, rows, problems, unknown)
            else:
                _read_table(read_csv(read_bytes(path)), file, rows, problems, unknown)
    except TableError as error:
        problems.add(error.problem(file))
    return ReadResult(
        file=file,
        format=kind,
        rows=tuple(rows),
        problems=tuple(problems.kept),
        more_problems=problems.more,
        unknown_columns=tuple(unknown),
    )


def unknown_format(path: Path) -> TableError:
    """What to say of a file whose ending is not known."""
    endings = ", ".join(FORMATS)
    return TableError(
        0,
        f"has no known ending ({path.suffix or 'none'}); {endings} can be read",
        f"不支持的文件类型（{path.suffix or '无扩展名'}），可读取 {endings}",
    )


def _read_workbook(
    path: Path, file: str, rows: list[Row], problems: Problems, unknown: dict[str, None]
) -> None:
    with open_workbook(read_bytes(path)) as book:
        if not has_record_sheets(book.titles):
            table = book.choose(lambda cells: is_header(cells, APPLICATION_COLUMNS))
            _read_table(table, file, rows, problems, unknown)
            return
        from gatekeeper.sources.sheets import read_form  # with the models of the review

        for given in read_form(book, file, problems, unknown):
            read = _read_nested(given.nested, given.where, unknown)
            if not isinstance(read, Row):
                problems.extend(given.told(one) for one in read if one.column not in given.unread)
            elif not given.bad:
                rows.append(read)


def _read_nested(value: Any, where: Where, unknown: dict[str, None]) -> Row | list[Problem]:
    """One application; nothing for the example of a template that was left in."""
    if isinstance(value, dict):
        if is_example(value):
            return []
        fault = example_problem(value, where)
        if fault is not None:
            return [fault]
    return read_object(value, where, unknown)


def _read_table(
    table: Table, file: str, rows: list[Row], problems: Problems, unknown: dict[str, None]
) -> None:
    header = read_header(table, file, APPLICATION_COLUMNS, record.NEEDED)
    unknown.update(dict.fromkeys(header.unknown))
    problems.extend(header.problems)
    if header.problems:
        return
    silent = record.OPTIONAL - header.names
    for found in read_records(table, file, header, record.REQUIRED, problems):
        faults = list(record.faults(found.values))
        for fault in faults:
            problems.add(found.problem(*fault))
        if not faults:
            rows.append(
                Row(
                    application=record.application(found.values),
                    where=found.where,
                    silent=silent,
                )
            )


def _read_json(
    path: Path, file: str, rows: list[Row], problems: Problems, unknown: dict[str, None]
) -> None:
    source = JsonFile(
        read_bytes(path), lines=path.suffix.lower() == ".jsonl", wrapper="applications"
    )
    for item in source.items():
        where = Where(file=file, line=item.line)
        for key in item.repeated:
            problems.add(
                Problem(
                    where=where,
                    column=key,
                    value="",
                    reason="the key stands twice in one object",
                    reason_zh="同一对象中键重复",
                )
            )
        read = _read_nested(item.value, where, unknown)
        if isinstance(read, Row):
            rows.append(read)
        else:
            problems.extend(read)
    unknown.update(dict.fromkeys(printable(key) for key in source.other_keys if key not in BESIDE))
