"""Workbooks of full records: a sheet for entities, services, people, access, attachments.

Rows are joined by the application's id.  A row of the sheet of services begins an application;
another row with the same id adds a domain or an APP's platform to it.  Nothing is computed and
nothing guessed: a row that fits nowhere is a problem with its sheet, row, column and value.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, Final

from gatekeeper.filing import Problem, Problems, Where, printable
from gatekeeper.filing.review import words
from gatekeeper.sources.column import APPLICATION_COLUMNS, folded
from gatekeeper.sources.dossier_cell import value_masked
from gatekeeper.sources.dossier_form import (
    ANSWERS,
    ATTACHMENTS,
    FORMS,
    HEADS,
    HELP,
    PEOPLE,
    ROLE_ZH,
    ROWS,
    SERVICES,
    Field,
    Form,
    FormColumn,
    Role,
    Shape,
    field_of,
    form_of,
    model_fields,
)
from gatekeeper.sources.dossier_lines import Given, Line, put, read_lines, value_at
from gatekeeper.sources.field import split
from gatekeeper.sources.table import Table, TableError
from gatekeeper.sources.xlsx_table import Workbook

_TABLE: Final = frozenset(".".join(column.keys) for column in APPLICATION_COLUMNS)
"""Places of which an import takes an empty cell for a word: nothing stands there."""
_OTHER_ROLES: Final = {
    Role.ENTITY: ("主体", "主办单位负责人"),
    Role.SERVICE: ("服务", "网站负责人", "APP负责人"),
    Role.BOTH: ("主体及服务负责人",),
}
_LISTS: Final = frozenset({"service.domains", "access.ips"})


def read_form(
    book: Workbook, file: str, problems: Problems, unknown: dict[str, None]
) -> Iterator[Given]:
    """Every record of a workbook with sheets of records (``has_record_sheets``).

    Those of which something could not be read come too, and say so: what else is wrong with them
    can be told as well.

    Raises:
        TableError: the workbook is damaged.
    """
    titles = _titles(book, file, problems, unknown)
    if problems:
        return
    reader = _Reader(problems, titles[SERVICES.name])
    for form in (SERVICES, *(one for one in FORMS if one is not SERVICES)):
        if form.name in titles:
            table = book.table(titles[form.name])
            for line in _form_lines(table, file, form, problems, unknown):
                reader.take(form, line)
    yield from reader.records.values()


def read_rows(
    table: Table, file: str, problems: Problems, unknown: dict[str, None]
) -> Iterator[Given]:
    """Every record of the one-sheet table of applications (DESIGN §4); no column is needed."""
    places = {
        one.name: model_fields().get(path := ".".join(one.keys)) or Field(path, Shape.LIST)
        for one in APPLICATION_COLUMNS
    }
    for line in read_lines(table, file, APPLICATION_COLUMNS, places, problems, unknown):
        given = Given({}, line.where)
        for column, value in line.values.items():
            put(given, places[column].path, value, line.place(column))
        if line.unread:
            given.spoil(places[column].path for column in line.unread)
        yield given


def _titles(
    book: Workbook, file: str, problems: Problems, unknown: dict[str, None]
) -> dict[str, str]:
    """The workbook's titles by the names of the sheets."""
    titles: dict[str, str] = {}
    for title in book.titles:
        form = form_of(title)
        if form is None:
            if folded(title) not in HELP:
                unknown[printable(title)] = None
        elif form.name in titles:
            problems.add(
                Problem(
                    where=Where(file, 0, title),
                    column="",
                    value="",
                    reason=f"is the same sheet as {printable(titles[form.name])}; keep one",
                    reason_zh=f"与工作表“{printable(titles[form.name])}”重复，请只保留一个",
                )
            )
        else:
            titles[form.name] = title
    for form in FORMS:
        if form.needed and form.name not in titles:
            problems.add(
                Problem(
                    where=Where(file, 0, form.name),
                    column="",
                    value="",
                    reason=f"the sheet {form.name} ({form.zh}) is missing; it may hold its header "
                    "alone",
                    reason_zh=f"缺少工作表“{form.zh}”（{form.name}），可只保留表头",
                )
            )
    return titles


def _form_lines(
    table: Table, file: str, form: Form, problems: Problems, unknown: dict[str, None]
) -> Iterator[Line]:
    places = {one.name: field_of(form, one) for one in form.columns}
    mine: dict[str, None] = {}
    try:
        yield from read_lines(table, file, form.header(), places, problems, mine, needed={ROWS})
    except TableError as error:
        problems.add(error.problem(file))
    unknown.update(dict.fromkeys(f"{printable(table.sheet or '')}: {one}" for one in mine))


class _Reader:
    """Joins the lines of the sheets into records."""

    def __init__(self, problems: Problems, services: str) -> None:
        self.records: dict[str, Given] = {}
        self._problems = problems
        self._services = services
        self._seen: dict[tuple[str, ...], Where] = {}

    def take(self, form: Form, line: Line) -> None:
        """Add one line to its record."""
        name = line.values.get(ROWS)
        if name is None:
            if ROWS not in line.unread:
                self._problems.add(
                    line.problem(
                        ROWS,
                        "",
                        "is required: it joins the rows of the sheets",
                        "不能为空：各工作表按申请编号关联",
                    )
                )
            return
        record = self.records.get(name)
        if form is SERVICES:
            if record is None:
                record = self.records[name] = Given({}, line.where)
                put(record, ROWS, name, line.place(ROWS))
                problem = self._scalars(form, record, line)
            else:
                problem = self._further(record, line)
            problem = problem or _domains(record, line) or _platform(record, line)
        elif record is None:
            problem = line.problem(
                ROWS,
                name,
                f"no row of the sheet {printable(self._services)} has this application",
                f"工作表“{printable(self._services)}”中没有该申请编号",
            )
        elif form is PEOPLE:
            problem = self._person(record, line)
        elif form is ATTACHMENTS:
            problem = self._attachment(record, line)
        elif form is ANSWERS:
            problem = self._answer(record, line)
        else:
            problem = self._once(line, form.name, name) or self._scalars(form, record, line)
        if record is not None and (problem is not None or line.unread):
            record.spoil(one.path for one in form.columns if one.name in line.unread)
        if problem is not None:
            self._problems.add(problem)

    def _once(self, line: Line, *key: str, column: str = ROWS) -> Problem | None:
        first = self._seen.setdefault(key, line.where)
        if first is line.where:
            return None
        return line.problem(
            column,
            str(line.values[column]),
            f"the same stands in row {first.line} already",
            f"与第 {first.line} 行重复",
        )

    def _scalars(self, form: Form, record: Given, line: Line) -> Problem | None:
        """The values of a record that stand in its first row."""
        for column in form.columns:
            if column.name not in line.shown or column.name == ROWS:
                continue
            path, _, item = column.path.partition("[].")
            value = line.values.get(column.name)
            if item:
                continue
            if value is None and path in _TABLE:
                value = [] if path in _LISTS else ""
            if value is not None:
                put(record, path, value, line.place(column.name))
        if form is SERVICES and "domains" in line.shown:
            put(record, "service.domains", [], line.place("domains"))
        return None

    def _further(self, record: Given, line: Line) -> Problem | None:
        """Another row of the same application: a domain or a platform, and nothing new else."""
        items = 0
        for column in SERVICES.columns:
            value = line.values.get(column.name)
            if value is None or column.name == ROWS:
                continue
            if "[]" in column.path:
                items += 1
                continue
            if value != value_at(record.nested, column.path):
                known = record.places.get(column.path)
                row = known.where.line if known is not None else record.where.line
                return line.problem(
                    column.name,
                    value_masked(column.path, str(value)),
                    f"row {row} of this application says otherwise; leave the cell empty here",
                    f"与该申请第 {row} 行的内容不一致，此处请留空",
                )
        if items:
            return None
        return line.problem(
            ROWS,
            str(line.values[ROWS]),
            f"the application stands in row {record.where.line} already, and this row adds no "
            "domain and no platform",
            f"该申请已在第 {record.where.line} 行，本行未填写域名或平台",
        )

    def _person(self, record: Given, line: Line) -> Problem | None:
        said = str(line.values.get("role", ""))
        role = _ROLES.get(words.folded(said))
        if role is None:
            known = ", ".join(Role)
            known_zh = "、".join(ROLE_ZH.values())
            return line.problem("role", said, f"is none of {known}", f"应为以下之一：{known_zh}")
        for part in HEADS[role]:
            again = self._once(line, PEOPLE.name, str(line.values[ROWS]), part, column="role")
            if again is not None:
                return again
            put(record, f"{part}.head", {}, line.place("role"))
            for column in PEOPLE.columns:
                if column.name in line.values and column.name not in (ROWS, "role"):
                    value = line.values[column.name]
                    put(record, f"{part}.head.{column.path}", value, line.place(column.name))
        return None

    def _attachment(self, record: Given, line: Line) -> Problem | None:
        path = line.values.get("path")
        if path is not None:
            key = (ATTACHMENTS.name, str(line.values[ROWS]), str(line.values.get("kind")), path)
            again = self._once(line, *key, column="path")
            if again is not None:
                return again
        _item(record, "attachments", ATTACHMENTS.columns, line)
        return None

    def _answer(self, record: Given, line: Line) -> Problem | None:
        rule = line.values.get("rule")
        if rule is None:
            return line.problem("rule", "", "is required", "不能为空")
        again = self._once(line, ANSWERS.name, str(line.values[ROWS]), rule, column="rule")
        if again is not None:
            return again
        answer: dict[str, Any] = record.nested.setdefault("answers", {}).setdefault(rule, {})
        for column in ANSWERS.columns:
            leaf = column.path.partition("{}.")[2]
            if leaf and column.name in line.values:
                answer[leaf] = line.values[column.name]
                record.places[f"answers.{rule}.{leaf}"] = line.place(column.name)
        return None


def _domains(record: Given, line: Line) -> Problem | None:
    beside = [
        one.name
        for one in SERVICES.columns
        if one.path.startswith("service.domains[].")
        and one.name != "domains"
        and one.name in line.values
    ]
    names = split(str(line.values.get("domains", "")))
    if beside and len(names) != 1:
        return line.problem(
            beside[0] if not names else "domains",
            "" if not names else str(line.values["domains"]),
            "belongs to one domain; write a row for each domain",
            "只能对应一个域名，请每个域名填写一行",
        )
    known = {one["name"].lower() for one in value_at(record.nested, "service.domains") or ()}
    for name in names:
        if name.lower() in known:
            return line.problem("domains", name, "stands twice", "域名重复")
        known.add(name.lower())
        index = _item(record, "service.domains", SERVICES.columns, line)
        value_at(record.nested, "service.domains")[index]["name"] = name
    return None


def _platform(record: Given, line: Line) -> Problem | None:
    prefix = "service.app.platforms[]."
    if any(one.path.startswith(prefix) and one.name in line.values for one in SERVICES.columns):
        _item(record, "service.app.platforms", SERVICES.columns, line)
    return None


def _item(record: Given, path: str, columns: Iterable[FormColumn], line: Line) -> int:
    """Append what a line says of one item of a list; gives the item's place."""
    items = value_at(record.nested, path)
    if items is None:
        items = []
        put(record, path, items, line.place(ROWS))
    index, item = len(items), {}
    for column in columns:
        above, _, leaf = column.path.partition("[].")
        if above == path and leaf and column.name in line.values:
            item[leaf] = line.values[column.name]
            record.places[f"{path}[{index}].{leaf}"] = line.place(column.name)
            record.places.setdefault(f"{path}[{index}]", line.place(column.name))
    items.append(item)
    return index


_ROLES: Final = {
    words.folded(word): role
    for role in Role
    for word in (role.value, f"{role.value}_head", ROLE_ZH[role], *_OTHER_ROLES.get(role, ()))
}
