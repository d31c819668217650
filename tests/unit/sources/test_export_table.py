"""The exported table: what a spreadsheet sees, and that it imports back unchanged."""

from __future__ import annotations

import csv
import io
from datetime import UTC, datetime
from pathlib import Path

import openpyxl
import pytest

from gatekeeper.errors import FilingError, UsageError
from gatekeeper.filing import Access, Application, Entity, Kind, Service, ServiceType, Status
from gatekeeper.sources import read_applications, write_applications

APPLICATION = Application(
    application_id="-A1",
    filing_id="0001",
    kind=Kind.NEW,
    status=Status.APPROVED,
    status_at=datetime(2026, 11, 3, 1, 30, tzinfo=UTC),
    entity=Entity(name="=cmd|' /C calc'!A0", certificate_number="001", province="'+x"),
    service=Service(
        type=ServiceType.APP, name='a,"b"', licence="宁ICP备1号", domains=("-a.cn", "b.cn")
    ),
    access=Access(account_id="000022223333", ips=("52.83.1.1", "52.83.1.2")),
)


@pytest.mark.parametrize("name", ["a.csv", "a.xlsx"])
@pytest.mark.parametrize("lang", ["en", "zh"])
def test_export_imports_back(tmp_path: Path, name: str, lang: str) -> None:
    write_applications([APPLICATION], tmp_path / name, lang=lang)
    result = read_applications(tmp_path / name)
    assert result.problems == ()
    assert [row.application for row in result.rows] == [APPLICATION]


def test_csv_for_excel() -> None:
    stream = io.BytesIO()
    write_applications([APPLICATION], stream, "csv")
    raw = stream.getvalue()
    assert raw.startswith(
        b"\xef\xbb\xbfapplication_id,filing_id,kind,status,status_at,entity_name,"
    )
    header, cells = csv.reader(io.StringIO(raw.decode("utf-8-sig"), newline=""))
    line = dict(zip(header, cells, strict=True))
    assert line["application_id"] == "'-A1"
    assert line["entity_name"] == "'=cmd|' /C calc'!A0"
    assert line["entity_province"] == "''+x"
    assert line["domains"] == "'-a.cn;b.cn"
    assert line["ips"] == "52.83.1.1;52.83.1.2"
    assert line["status_at"] == "2026-11-03T09:30:00+08:00"


def test_xlsx_has_text_cells_and_no_formula(tmp_path: Path) -> None:
    write_applications([APPLICATION], tmp_path / "a.xlsx")
    sheet = openpyxl.load_workbook(tmp_path / "a.xlsx").active
    cells = {header.value: cell for header, cell in zip(sheet[1], sheet[2], strict=True)}
    assert {cell.data_type for cell in sheet[2] if cell.value is not None} == {"s"}
    assert cells["account_id"].value == "000022223333"
    assert cells["account_id"].number_format == "@"
    assert cells["entity_name"].value.startswith("'=")


def test_headers_in_chinese() -> None:
    stream = io.BytesIO()
    write_applications([], stream, lang="zh")
    assert stream.getvalue().decode("utf-8-sig").startswith("申请编号,备案标识,申请类型,状态,")


def test_other_formats_and_places_are_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="not pdf"):
        write_applications([], tmp_path / "a.pdf")
    with pytest.raises(FilingError, match="cannot be written"):
        write_applications([], tmp_path / "no" / "a.csv")
