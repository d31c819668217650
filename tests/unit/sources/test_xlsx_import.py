"""Workbooks of applications: typed cells, sheets, and files that are meant to hurt."""

from __future__ import annotations

import io
import zipfile
from datetime import UTC, date, datetime, time
from pathlib import Path

import openpyxl
import pytest

from gatekeeper.sources import ReadResult, read_applications, xlsx_table

HEADER = [
    "application_id",
    "filing_id",
    "kind",
    "status",
    "status_at",
    "entity_name",
    "account_id",
    "ips",
]
NAIVE = datetime.fromisoformat("2026-11-03T09:30:00")
GOOD = {
    "application_id": "A1",
    "filing_id": "F1",
    "kind": "新增",
    "status": "已通过",
    "status_at": "2026-11-03T09:30:00",
    "entity_name": "甲公司",
    "account_id": "000022223333",
    "ips": "52.83.1.1\n52.83.1.2",
}


def write(path: Path, rows: list, *, header: list | None = None, before: tuple = ()) -> Path:
    workbook = openpyxl.Workbook()
    sheet = workbook.active
    for title in before:
        other = workbook.create_sheet(title, 0)
        other.append(["说明", "请填写下一页"])
    sheet.title = "备案"
    sheet.append(header or HEADER)
    for row in rows:
        sheet.append(row)
    workbook.save(path)
    return path


def good(**changes: object) -> list:
    return list((GOOD | changes).values())


def read(tmp_path: Path, *rows: list, **options: object) -> ReadResult:
    return read_applications(write(tmp_path / "a.xlsx", list(rows), **options))


def test_a_good_row(tmp_path: Path) -> None:
    result = read(tmp_path, good(), before=("说明",))
    assert result.problems == ()
    (row,) = result.rows
    assert (row.where.sheet, row.where.line) == ("备案", 2)
    assert row.application.access.account_id == "000022223333"
    assert row.application.access.ips == ("52.83.1.1", "52.83.1.2")
    assert result.format == "xlsx"


def test_typed_cells_that_are_beyond_doubt(tmp_path: Path) -> None:
    typed = good(application_id=1001, status_at=NAIVE, account_id=111122223333)
    (row,) = read(tmp_path, typed).rows
    assert row.application.application_id == "1001"
    assert row.application.access.account_id == "111122223333"
    assert row.application.status_at == datetime(2026, 11, 3, 1, 30, tzinfo=UTC)


def test_a_date_cell_is_midnight_in_shanghai(tmp_path: Path) -> None:
    (row,) = read(tmp_path, good(status_at=date(2026, 11, 3))).rows
    assert row.application.status_at == datetime(2026, 11, 2, 16, tzinfo=UTC)


@pytest.mark.parametrize(
    ("column", "value", "reason"),
    [
        ("account_id", 22223333, "leading zeros"),
        ("account_id", 1111222233334, "12 digits"),
        ("account_id", 111122223333.5, "number cell"),
        ("application_id", 1234567890123456789, "number cell"),
        ("application_id", True, "TRUE or FALSE"),
        ("status_at", 46000.5, "number cell"),
        ("status_at", time(9, 30), "time cell"),
        ("entity_name", NAIVE, "a date"),
        ("entity_name", "=A1", "a formula; paste its value"),
        ("entity_name", "#N/A", "error value"),
        ("ips", 52.83, "number cell"),
        ("ips", "52.83.0.0/16", "a network"),
        ("entity_name", None, "required"),
    ],
)
def test_doubtful_cells(tmp_path: Path, column: str, value: object, reason: str) -> None:
    result = read(
        tmp_path,
        good(),
        good(application_id="A2", **{column: value})
        if column != "application_id"
        else good(application_id=value),
    )
    (problem,) = result.problems
    assert (problem.where.line, problem.where.sheet, problem.column) == (3, "备案", column)
    assert reason in problem.reason
    assert problem.value == ("" if value is None else problem.value)
    assert len(result.rows) == 1


def test_empty_rows_are_skipped_and_cells_beyond_the_header_are_not(tmp_path: Path) -> None:
    result = read(tmp_path, [None], good()[:7], [*good(application_id="A3"), None, "x"])
    assert [p.where.line for p in result.problems] == [4]
    assert [(r.where.line, r.application.access.ips) for r in result.rows] == [(3, ())]


def test_empty_columns_beside_the_header(tmp_path: Path) -> None:
    result = read(tmp_path, [*good(), ""], header=[*HEADER, None, "备注"])
    assert (len(result.rows), result.unknown_columns) == (1, ("备注",))


def test_no_sheet_with_a_header(tmp_path: Path) -> None:
    path = write(tmp_path / "a.xlsx", [], header=["x", "y"], before=("说明",))
    (problem,) = read_applications(path).problems
    assert "none of its 2 sheets" in problem.reason
    (only, *_) = read(tmp_path, header=["x", "y"]).problems
    assert only.column == "application_id"
    assert only.where.sheet == "备案"


def test_a_wrong_dimension_hides_no_rows(tmp_path: Path) -> None:
    path = write(tmp_path / "a.xlsx", [good(), good(application_id="A2")])
    _replace(path, "xl/worksheets/sheet1.xml", b'ref="A1:H3"', b'ref="A1:A1"')
    assert len(read_applications(path).rows) == 2


def test_a_gulf_of_empty_rows_is_refused(tmp_path: Path) -> None:
    path = write(tmp_path / "a.xlsx", [good(), good(application_id="A2")])
    _replace(path, "xl/worksheets/sheet1.xml", b'<row r="3"', b'<row r="3000000000"')
    result = read_applications(path)
    assert "empty rows in succession" in result.problems[0].reason
    assert len(result.rows) == 1


def test_a_bomb_is_refused_before_it_is_unpacked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write(tmp_path / "a.xlsx", [good()])
    monkeypatch.setattr(xlsx_table, "MAX_UNPACKED", 1000)
    (problem,) = read_applications(path).problems
    assert "unpacks to" in problem.reason
    monkeypatch.setattr(xlsx_table, "MAX_UNPACKED", 10**9)
    monkeypatch.setattr(xlsx_table, "MAX_MEMBERS", 3)
    (parts,) = read_applications(path).problems
    assert "parts" in parts.reason


def test_a_part_that_is_packed_beyond_any_sheet_is_refused(tmp_path: Path) -> None:
    path = write(tmp_path / "a.xlsx", [good()])
    with zipfile.ZipFile(path, "a", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("xl/worksheets/sheet2.xml", b" " * (xlsx_table.SMALL + 1))
    (problem,) = read_applications(path).problems
    assert "times its packed size" in problem.reason


def test_entities_in_the_xml_are_refused(tmp_path: Path) -> None:
    path = write(tmp_path / "a.xlsx", [good()])
    bomb = b'<!DOCTYPE x [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;">]><worksheet'
    _replace(path, "xl/worksheets/sheet1.xml", b"<worksheet", bomb)
    (problem,) = read_applications(path).problems
    assert "not a readable XLSX" in problem.reason
    assert "EntitiesForbidden" in problem.reason


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04", b"\xd0\xcf\x11\xe0old", b"a,b\n1,2\n"])
def test_what_is_no_workbook(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "a.xlsx"
    path.write_bytes(content)
    (problem,) = read_applications(path).problems
    assert "not a readable XLSX" in problem.reason


def test_a_truncated_or_foreign_archive(tmp_path: Path) -> None:
    path = write(tmp_path / "a.xlsx", [good()])
    path.write_bytes(path.read_bytes()[:-200])
    assert read_applications(path).problems
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("hello.txt", "hello")
    assert "not a readable XLSX" in read_applications(path).problems[0].reason


def test_a_damaged_sheet_names_the_row(tmp_path: Path) -> None:
    path = write(tmp_path / "a.xlsx", [good(), good(application_id="A2")])
    _replace(path, "xl/worksheets/sheet1.xml", b'<row r="3"', b'<row r="3"<')
    result = read_applications(path)
    assert "not a readable XLSX" in result.problems[-1].reason
    assert result.problems[-1].where.sheet == "备案"


def _replace(path: Path, member: str, old: bytes, new: bytes) -> None:
    """Edit one part of the workbook."""
    source = io.BytesIO(path.read_bytes())
    with zipfile.ZipFile(source) as before, zipfile.ZipFile(path, "w") as after:
        for name in before.namelist():
            content = before.read(name)
            if name == member:
                assert old in content
                content = content.replace(old, new)
            after.writestr(name, content)
