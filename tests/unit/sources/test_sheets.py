"""Workbooks with the sheets of full records: joining, places of what is wrong, hostile files."""

from __future__ import annotations

import io
import json
import subprocess
import sys
import zipfile
from collections.abc import Callable
from datetime import date, datetime
from pathlib import Path
from typing import Any

import openpyxl
import pytest

from gatekeeper.filing import Problem
from gatekeeper.sources import read_applications, read_dossiers
from gatekeeper.sources.dossier_form import FORMS, Shape, field_of, model_fields, paths_of
from gatekeeper.sources.dossiers import DossierFile
from gatekeeper.sources.template import workbook
from tests.unit.filing.review.records import DELETE, app, changed, read, website

NOON = datetime.fromisoformat("2026-11-19T12:00:00")


def save(path: Path, records: list[dict[str, Any]], lang: str = "en") -> Path:
    path.write_bytes(workbook(records, lang))
    return path


def edited(path: Path, edit: Callable[[Any], None]) -> Path:
    """The workbook with something changed in it, as a person would."""
    book = openpyxl.load_workbook(path)
    edit(book)
    book.save(path)
    return path


def cell(book: Any, sheet: str, column: str, row: int = 2) -> Any:
    for one in book[sheet][1]:
        if str(one.value).split()[0] == column:
            return book[sheet].cell(row, one.column)
    raise AssertionError(f"{sheet} has no column {column}")


def put(sheet: str, column: str, value: object, row: int = 2) -> Callable[[Any], None]:
    def edit(book: Any) -> None:
        cell(book, sheet, column, row).value = value

    return edit


def told(problems: tuple[Problem, ...]) -> list[tuple[str | None, int, str, str]]:
    return [(one.where.sheet, one.where.line, one.column, one.value) for one in problems]


def test_the_columns_are_the_models_fields() -> None:
    """Each place of the model in exactly one column, and no column without a place."""
    places = [path for form in FORMS for one in form.columns for path in paths_of(form, one)]
    joined = [path for path in places if path != "application_id"]
    assert sorted({*joined, "application_id"}) == sorted(model_fields())
    assert len(joined) == len(set(joined))
    for form in FORMS:
        names = [name for one in form.columns for name in (one.name, one.zh)]
        assert len(names) == len(set(names)), form.name


def test_what_stands_in_a_column_is_read_from_the_model() -> None:
    shapes = {path: one.shape for path, one in model_fields().items()}
    assert shapes["service.domains[].valid_until"] is Shape.DATE
    assert shapes["status_at"] is Shape.MOMENT
    assert shapes["attachments[].size"] is Shape.WHOLE
    assert shapes["attachments[].colour"] is Shape.FLAG
    assert shapes["entity.head.id_number"] is Shape.DIGITS
    assert shapes["access.ips"] is Shape.LIST
    assert shapes["service.app.platforms[].platform"] is Shape.WORD
    none = {path for path, one in model_fields().items() if one.may_be_none}
    assert none == {"service.categories", "service.languages", "service.app.sdks"}


def rich() -> dict[str, Any]:
    """An APP with all that takes further rows, and words that differ from the defaults."""
    record = app()
    record["service"]["domains"] += [
        {"name": "second.cn", "real_name_verified": False},
        {"name": "third.cn", "valid_until": "长期"},
    ]
    record["service"] |= {"categories": ["news", "games"], "languages": [], "online": False}
    record["service"]["head"]["name"] = "=王测试"
    record["attachments"][0]["path"] = "材料/执照.jpg"
    return record


@pytest.mark.parametrize("lang", ["en", "zh"])
def test_a_workbook_reads_as_its_json(tmp_path: Path, lang: str) -> None:
    records = [website(), rich(), {"application_id": "D1"}]
    path = save(tmp_path / "a.xlsx", records, lang)
    found = read_dossiers(path)
    assert (found.problems, found.unknown_keys, found.format) == ((), (), "xlsx")
    assert [one.dossier for one in found.dossiers] == [read(one) for one in records]
    services = "服务" if lang == "zh" else "services"
    assert [(one.where.sheet, one.where.line) for one in found.dossiers] == [
        (services, 2),
        (services, 3),
        (services, 6),
    ]


@pytest.mark.parametrize("lang", ["en", "zh"])
def test_a_workbook_imports_as_its_json(tmp_path: Path, lang: str) -> None:
    records = [website(), app()]
    (tmp_path / "a.json").write_text(json.dumps(records), encoding="utf-8")
    want = read_applications(tmp_path / "a.json")
    have = read_applications(save(tmp_path / "a.xlsx", records, lang))
    assert (have.problems, have.unknown_columns, want.problems) == ((), (), ())
    assert [row.application for row in have.rows] == [row.application for row in want.rows]
    assert "13995000001" in have.rows[0].application.review


def test_an_import_names_the_cell_of_what_it_refuses(tmp_path: Path) -> None:
    record = changed(changed(website(), "access.ips[1]", "52.83.0.0/16"), "status_at", "later")
    (moment, address) = read_applications(save(tmp_path / "a.xlsx", [record])).problems
    assert told((moment, address)) == [
        ("services", 2, "status_at 状态时间", "later"),
        ("access", 2, "ips IP地址", "52.83.0.0/16"),
    ]
    missing = save(tmp_path / "b.xlsx", [changed(website(), "entity.name", DELETE)])
    (problem,) = read_applications(missing).problems
    assert told((problem,))[0][:3] == ("entities", 2, "entity_name 主办单位名称")


BAD = [
    ("services", "kind", "新曾", "is none of new"),
    ("services", "domain_valid_until", "soon", "is no date"),
    ("services", "domain_valid_until", NOON, "a date; format the column as text"),
    ("services", "domain_valid_until", 46000, "a number cell"),
    ("services", "status_at", "yesterday", "is no time"),
    ("services", "portal_mobile", 95100000, "may have lost digits"),
    ("services", "name_papers", "perhaps", "must be true or false"),
    ("services", "service_name", "=A1&B1", "a formula; paste its value"),
    ("services", "service_name", "#REF!", "an error value"),
    ("services", "service_name", True, "TRUE or FALSE, not text"),
    ("services", "service_name", "塞上\u202e测试", "contains control characters"),
    ("entities", "entity_certificate_number", 640104000000001, "may have lost digits"),
    ("entities", "entity_type", "公司吧", "is none of enterprise"),
    ("entities", "entity_address", "x" * 4001, "longer than 4000"),
    ("people", "id_number", 640104199001010000, "a number cell"),
    ("people", "id_number", "6.40104E+17", "lost digits"),
    ("people", "role", "boss", "is none of entity, service, both"),
    ("people", "role", None, "is none of entity, service, both"),
    ("people", "valid_until", "2030-02-30", "is no date"),
    ("access", "account_id", 22223333, "may have lost digits"),
    ("access", "account_id", "1.11122E+11", "lost digits"),
    ("access", "ips", "52.83.1.1;52.83.1.999", "is no IP address"),
    ("access", "mode", "wifi", "is none of cloud"),
    ("attachments", "size", "150 KB", "must be a whole number"),
    ("attachments", "width", 1.5, "a number cell"),
    ("attachments", "kind", "selfie", "is none of certificate_photo"),
    ("answers", "rule", None, "is required"),
    ("answers", "answer", "maybe", "is none of yes, no"),
    ("people", "application_id", "X9", "no row of the sheet services"),
    ("people", "application_id", None, "is required: it joins"),
]
"""A sheet, a column of it, a value that is wrong there, and why."""

ROWS = {"services": 1, "entities": 1, "people": 2, "access": 1, "attachments": 4, "answers": 3}
"""Rows of one application in each sheet."""


@pytest.fixture(scope="module")
def spoilt(tmp_path_factory: pytest.TempPathFactory) -> DossierFile:
    """One application for each of ``BAD``, spoilt by it, and a last one that is good."""
    records = [changed(website(), "application_id", f"W{n}") for n in range(len(BAD) + 1)]
    path = save(tmp_path_factory.mktemp("spoilt") / "a.xlsx", records)

    def spoil(book: Any) -> None:
        for number, (sheet, column, value, _) in enumerate(BAD):
            put(sheet, column, value, 2 + number * ROWS[sheet])(book)

    return read_dossiers(edited(path, spoil))


@pytest.mark.parametrize("number", range(len(BAD)), ids=[f"{one[1]}-{one[2]}"[:40] for one in BAD])
def test_a_bad_cell_has_its_sheet_row_column_and_value(spoilt: DossierFile, number: int) -> None:
    sheet, column, _, reason = BAD[number]
    row = 2 + number * ROWS[sheet]
    (problem,) = [
        one
        for one in spoilt.problems
        if (one.where.sheet, one.where.line, one.column.split()[0]) == (sheet, row, column)
    ]
    assert reason in problem.reason
    assert problem.reason_zh != problem.reason
    assert problem.describe().isprintable()
    assert sheet != "people" or "640104" not in problem.describe()
    assert f"工作表“{sheet}” 第 {row} 行" in problem.describe("zh")


def test_only_records_with_a_bad_cell_are_left_out(spoilt: DossierFile) -> None:
    assert len(spoilt.problems) == len(BAD)
    lost = {f"W{n}" for n, one in enumerate(BAD) if one[:2] == ("people", "application_id")}
    names = {one.dossier.application_id for one in spoilt.dossiers}
    assert names == {*lost, f"W{len(BAD)}"}, "a row that fits nowhere spoils no record"


def test_cells_of_their_own_kind_are_taken(tmp_path: Path) -> None:
    path = save(tmp_path / "a.xlsx", [website()])

    def fill(book: Any) -> None:
        put("services", "domain_valid_until", date(2029, 2, 1))(book)
        put("services", "status_at", NOON)(book)
        put("services", "name_papers", True)(book)
        put("services", "portal_mobile", 13995000009)(book)
        put("access", "account_id", 123456789012)(book)
        put("attachments", "size", 160_000)(book)
        put("people", "phone", "'13995000008")(book)
        put("people", "name", "'=x")(book)
        put("people", "valid_until", "长期")(book)

    found = read_dossiers(edited(path, fill))
    assert found.problems == ()
    record = found.dossiers[0].dossier
    head = record.entity.head
    assert head is not None
    assert record.service.domains[0].valid_until == date(2029, 2, 1)
    assert record.status_at == datetime.fromisoformat("2026-11-19T12:00:00+08:00")
    assert (record.service.name_papers, record.portal.mobile) == (True, "13995000009")
    assert (record.access.account_id, record.attachments[0].size) == ("123456789012", 160_000)
    assert (head.phone, head.name, head.valid_until) == ("13995000008", "=x", "long-term")


def test_several_plain_domains_in_one_cell_and_one_person_in_both_roles(tmp_path: Path) -> None:
    path = save(tmp_path / "a.xlsx", [changed(website(), "service.domains", ["a.cn"])])

    def fill(book: Any) -> None:
        put("services", "domains", "a.cn；b.cn\nC.cn")(book)
        put("people", "role", "主体和服务负责人")(book)
        book["people"].delete_rows(3)

    (one,) = read_dossiers(edited(path, fill)).dossiers
    assert [domain.name for domain in one.dossier.service.domains] == ["a.cn", "b.cn", "C.cn"]
    assert one.dossier.entity.head == one.dossier.service.head == read(website()).entity.head


def append(sheet: str, **cells: object) -> Callable[[Any], None]:
    def edit(book: Any) -> None:
        row = book[sheet].max_row + 1
        for column, value in {"application_id": "W1", **cells}.items():
            cell(book, sheet, column, row).value = value

    return edit


def test_everything_that_is_wrong_with_a_record_is_told_at_once(tmp_path: Path) -> None:
    """A cell that cannot be read hides no other one, and is not told to be missing as well."""

    def spoil(book: Any) -> None:
        put("access", "account_id", 12345)(book)
        put("services", "kind", "新曾")(book)
        put("services", "status", None)(book)

    path = edited(save(tmp_path / "a.xlsx", [website()]), spoil)
    assert {one.column.split()[0] for one in read_dossiers(path).problems} == {"account_id", "kind"}
    result = read_applications(path)
    assert [one.column.split()[0] for one in result.problems] == ["account_id", "kind", "status"]
    assert result.rows == read_dossiers(path).dossiers == ()

    def account(book: Any) -> None:
        put("services", "kind", "new")(book)
        put("services", "status", "draft")(book)

    (problem,) = read_applications(edited(path, account)).problems
    assert problem.value == "12345"


@pytest.mark.parametrize(
    ("edit", "column", "value", "reason"),
    [
        (append("entities", entity_name="x"), "application_id", "W1", "stands in row 2 already"),
        (append("access", mode="cloud"), "application_id", "W1", "stands in row 2 already"),
        (append("people", role="网站负责人"), "role", "网站负责人", "stands in row 3 already"),
        (append("services"), "application_id", "W1", "adds no domain and no platform"),
        (append("services", kind="新增"), "kind", "新增", "row 2 of this application says"),
        (append("services", domains="EXAMPLE-test.cn"), "domains", "EXAMPLE-test.cn", "twice"),
        (
            append("services", domains="a.cn;b.cn", domain_registrar="x"),
            "domains",
            "a.cn;b.cn",
            "a row for each domain",
        ),
        (append("services", domain_registrar="x"), "domain_registrar", "", "belongs to one"),
        (
            append("answers", rule="letter-party", answer="no"),
            "rule",
            "letter-party",
            "stands in row",
        ),
    ],
)
def test_rows_that_fit_nowhere(
    tmp_path: Path, edit: Callable[[Any], None], column: str, value: str, reason: str
) -> None:
    found = read_dossiers(edited(save(tmp_path / "a.xlsx", [website()]), edit))
    (problem,) = found.problems
    assert (problem.column.split()[0], problem.value) == (column, value)
    assert reason in problem.reason
    assert found.dossiers == ()


def test_the_same_file_twice(tmp_path: Path) -> None:
    def twice(book: Any) -> None:
        for row in (2, 3):
            put("attachments", "path", "a.jpg", row)(book)
            put("attachments", "kind", "head_photo", row)(book)

    (problem,) = read_dossiers(edited(save(tmp_path / "a.xlsx", [website()]), twice)).problems
    assert told((problem,)) == [("attachments", 3, "path 文件", "a.jpg")]


def test_a_further_row_may_repeat_what_stands_above(tmp_path: Path) -> None:
    further = append("services", kind="new", domains="b.cn", provider="nwcd")
    found = read_dossiers(edited(save(tmp_path / "a.xlsx", [website()]), further))
    assert found.problems == ()
    assert len(found.dossiers[0].dossier.service.domains) == 2


def test_missing_double_and_unknown_sheets(tmp_path: Path) -> None:
    def rename(book: Any) -> None:
        del book["people"]
        book["access"].title = "notes"
        book.create_sheet("服务")

    found = read_dossiers(edited(save(tmp_path / "a.xlsx", [website()]), rename))
    assert [(one.where.sheet, one.reason.split(";")[0]) for one in found.problems] == [
        ("服务", "is the same sheet as services"),
        ("people", "the sheet people (人员) is missing"),
        ("access", "the sheet access (接入) is missing"),
    ]
    assert found.unknown_keys == ("notes",)
    assert found.dossiers == ()


def test_headers(tmp_path: Path) -> None:
    def mend(book: Any) -> None:
        cell(book, "people", "name").offset(-1).value = "姓名"
        cell(book, "people", "email").offset(-1).value = "Handy"
        cell(book, "access", "mode").offset(-1).value = "account_id"

    found = read_dossiers(edited(save(tmp_path / "a.xlsx", [website()]), mend))
    assert found.unknown_keys == ("people: Handy",)
    (twice,) = found.problems
    assert (twice.where.sheet, twice.where.line) == ("access", 1)
    assert "stands twice" in twice.reason


def test_an_empty_sheet_asks_for_its_header(tmp_path: Path) -> None:
    def empty(book: Any) -> None:
        book["attachments"].delete_rows(1, 50)

    (problem,) = read_dossiers(edited(save(tmp_path / "a.xlsx", [website()]), empty)).problems
    assert (problem.where.sheet, problem.reason) == (
        "attachments",
        "is empty; a header line is needed",
    )


def test_a_single_table_is_still_a_table(tmp_path: Path) -> None:
    book = openpyxl.Workbook()
    book.active.title = "services"
    book.active.append(["application_id", "kind", "entity_name"])
    book.active.append(["A1", "new", "x"])
    book.save(tmp_path / "a.xlsx")
    (one,) = read_dossiers(tmp_path / "a.xlsx").dossiers
    assert (one.dossier.entity.name, one.where.sheet, one.where.line) == ("x", "services", 2)


def replaced(path: Path, member: str, change: Callable[[bytes], bytes]) -> Path:
    source = zipfile.ZipFile(io.BytesIO(path.read_bytes()))
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as target:
        for name in source.namelist():
            data = source.read(name)
            target.writestr(name, change(data) if name == member else data)
    return path


XXE = b'<!DOCTYPE x [<!ENTITY a SYSTEM "file:///etc/passwd">]><'


@pytest.mark.parametrize(
    "member",
    ["[Content_Types].xml", "xl/workbook.xml", "xl/styles.xml", "xl/worksheets/sheet2.xml"],
)
def test_entities_in_any_part_are_refused(tmp_path: Path, member: str) -> None:
    path = save(tmp_path / "a.xlsx", [website()])

    def insert(data: bytes) -> bytes:
        start = data.index(b"<", 1) if data.startswith(b"<?xml") else 0
        return data[:start] + XXE + data[start + 1 :]

    (problem, *_) = read_dossiers(replaced(path, member, insert)).problems
    assert "is not a readable XLSX workbook (EntitiesForbidden)" in problem.reason
    assert "root:" not in problem.describe()


def test_files_that_are_meant_to_hurt_stay_within_their_memory(tmp_path: Path) -> None:
    """A million empty rows, a part that unpacks to 100 MB, in a process that has 60 MB more."""
    rows = save(tmp_path / "rows.xlsx", [website()])
    member = "xl/worksheets/sheet3.xml"
    replaced(
        rows,
        member,
        lambda data: data.replace(b"</sheetData>", b"<row/>" * 10**6 + b"</sheetData>"),
    )
    bomb = save(tmp_path / "bomb.xlsx", [website()])
    with (
        zipfile.ZipFile(bomb, "a", zipfile.ZIP_DEFLATED, compresslevel=1) as archive,
        archive.open("xl/worksheets/sheet9.xml", "w") as stream,
    ):
        for _ in range(100):
            stream.write(bytes(1024 * 1024))
    program = (
        "import resource, sys\n"
        "import openpyxl\n"
        "from gatekeeper.sources import read_dossiers\n"
        "used = int(open('/proc/self/statm').read().split()[0]) * resource.getpagesize()\n"
        "resource.setrlimit(resource.RLIMIT_AS, (used + 60_000_000,) * 2)\n"
        "for name in sys.argv[1:]:\n"
        "    for problem in read_dossiers(name).problems:\n"
        "        print(problem.describe())\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, rows, bomb],
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    first, second = done.stdout.splitlines()
    assert "sheet people" in first
    assert "more than 10000 empty rows in succession" in first
    assert "times its packed size" in second or "unpacks to" in second


def test_field_of_knows_what_stands_beside_the_model() -> None:
    people = next(form for form in FORMS if form.name == "people")
    role = next(one for one in people.columns if one.name == "role")
    assert field_of(people, role).shape is Shape.WORD
