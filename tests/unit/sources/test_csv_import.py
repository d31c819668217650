"""CSV files of applications: encodings, headers, lines, and everything that a row must have."""

from __future__ import annotations

import os
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gatekeeper.filing import (
    Access,
    Application,
    Entity,
    Kind,
    Problems,
    Service,
    ServiceType,
    Status,
    Where,
)
from gatekeeper.sources import ReadResult, read_applications
from gatekeeper.sources import table as table_module
from gatekeeper.sources.column import APPLICATION_COLUMNS, match_header

HEADER = "application_id,filing_id,kind,status,status_at,entity_name,service_licence,account_id,ips"
TEXTS = ["application_id", "entity_name", "service_name"]
ROW = "A1,F1,new,approved,2026-11-03T09:30:00,甲公司,宁ICP备2026000001号-1,000022223333,52.83.1.1"


@pytest.fixture
def read(tmp_path: Path):
    def go(text: str | bytes, name: str = "a.csv") -> ReadResult:
        path = tmp_path / name
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return read_applications(path)

    return go


def told(result: ReadResult) -> list[tuple[int, str, str]]:
    return [(p.where.line, p.column, p.value) for p in result.problems]


FULL = Application(
    application_id="A1",
    filing_id="F1",
    kind=Kind.TRANSFER_IN,
    status=Status.BUREAU_REVIEW,
    status_at=datetime(2026, 11, 3, 1, 30, tzinfo=UTC),
    entity=Entity(
        name="甲公司",
        certificate_type="营业执照",
        certificate_number="91640500MA000001XX",
        province="宁夏",
        licence="宁ICP备2026000001号",
    ),
    service=Service(
        type=ServiceType.WEBSITE,
        name="站",
        licence="宁ICP备2026000001号-1",
        domains=("a.cn", "b.cn"),
    ),
    access=Access(account_id="000022223333", load_balancer="prod", ips=("52.83.1.1", "52.83.1.2")),
)
CHINESE = (
    "IP地址,负载均衡,亚马逊云科技账号,域名,服务备案号,服务名称,服务类型,主体备案号,所属区域,"
    "证件号码,证件类型,主办单位名称,状态时间,状态,申请类型,备案标识,申请编号\r\n"
    '"52.83.1.2；52.83.1.1",prod,000022223333,"B.cn\na.cn",宁ICP备2026000001号-1,站,网站,'
    "宁ICP备2026000001号,宁夏,91640500MA000001XX,营业执照,甲公司,"
    "2026-11-03 09:30,管局审核中,转入,F1,A1\r\n"
)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gb18030"])
def test_chinese_headers_in_any_order_and_every_encoding(read, encoding: str) -> None:
    result = read(CHINESE.encode(encoding))
    assert result.problems == ()
    assert [row.application for row in result.rows] == [FULL]
    assert result.rows[0].silent == frozenset()
    assert (result.format, result.unknown_columns) == ("csv", ())


def test_the_line_is_the_physical_one_on_which_a_row_begins(read) -> None:
    text = f'{HEADER},domains\n{ROW},"a.cn\nb.cn"\n\n,,,,,,,,,\n{ROW.replace("A1", "A2")},a.cn\n'
    assert [row.where.line for row in read(text).rows] == [2, 6]


def test_columns_that_the_file_lacks_are_silent(read) -> None:
    (row,) = read(f"{HEADER}\n{ROW}\n").rows
    assert row.silent == {
        "entity_certificate_type",
        "entity_certificate_number",
        "entity_province",
        "entity_licence",
        "service_type",
        "service_name",
        "domains",
        "load_balancer",
    }


def test_unknown_columns_are_reported_and_left_alone(read) -> None:
    result = read(f"{HEADER},备注,owner\n{ROW},x,y\n")
    assert (len(result.rows), result.unknown_columns) == (1, ("备注", "owner"))


def test_headers_are_matched_without_case_and_spaces(read) -> None:
    header = HEADER.replace("application_id", " Application ID ").replace("ips", "ＩＰ地址")
    assert len(read(f"{header}\n{ROW}\n").rows) == 1


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        (HEADER.replace("kind,", ""), [(1, "kind", "")]),
        (HEADER.replace("filing_id,", ""), [(1, "filing_id", "")]),
        (HEADER + ",IPS", [(1, "IPS", "")]),
        (HEADER + ",IP地址", [(1, "IP地址", "")]),
        (
            "a,b,c",
            [
                (1, c, "")
                for c in (
                    "application_id",
                    "filing_id",
                    "kind",
                    "status",
                    "status_at",
                    "entity_name",
                )
            ],
        ),
    ],
)
def test_missing_and_repeated_columns(read, header: str, expected: list) -> None:
    result = read(f"{header}\n{ROW}\n")
    assert told(result) == expected
    assert result.rows == ()


def cell(column: str, value: str) -> str:
    """The good row with another value in one column."""
    cells = dict(zip(HEADER.split(","), ROW.split(","), strict=True))
    cells[column] = value
    return ",".join(cells.values())


@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("application_id", ""),
        ("application_id", "A" * 129),
        ("filing_id", ""),
        ("kind", ""),
        ("kind", "renew"),
        ("status", "unknown"),
        ("status_at", "03/11/2026"),
        ("entity_name", ""),
        ("entity_name", "甲\x07"),
        ("account_id", ""),
        ("account_id", "22223333"),
        ("ips", "52.83.0.0/16"),
        ("ips", "52.83.1.1;x"),
    ],
)
def test_a_bad_cell_names_line_column_and_value(read, column: str, value: str) -> None:
    result = read(f"{HEADER}\n{ROW}\n{cell(column, value)}\n")
    assert told(result) == [(3, column, "x" if value.endswith(";x") else value)]
    assert len(result.rows) == 1


def test_every_bad_cell_of_every_row_is_listed(read) -> None:
    bad = "A2,F2,renew,unknown,never,,x,1,y"
    result = read(f"{HEADER}\n{bad}\n{cell('kind', 'z')}\n")
    assert [(line, column) for line, column, _ in told(result)] == [
        (2, "kind"),
        (2, "status"),
        (2, "status_at"),
        (2, "entity_name"),
        (2, "account_id"),
        (2, "ips"),
        (3, "kind"),
    ]


def test_messages_use_the_files_own_column_names(read) -> None:
    (problem,) = read(CHINESE.replace("转入", "续期")).problems
    assert problem.describe("zh").endswith(
        "a.csv 第 2 行，列 申请类型，值“续期”：申请类型无效，应为新增、新增接入、变更信息、"
        "变更IP、注销网站、注销主体、取消接入之一"
    )


@pytest.mark.parametrize(
    ("kind", "filing", "account", "ips", "column"),
    [
        ("new", "F1", "111122223333", "", None),
        ("new", "F1", "", "", "account_id"),
        ("transfer_in", "F1", "", "52.83.1.1", "account_id"),
        ("change", "F1", "", "", None),
        ("change", "F1", "", "52.83.1.1", "account_id"),
        ("change_ip", "F1", "111122223333", "52.83.1.1", None),
        ("change_ip", "F1", "111122223333", "", "ips"),
        ("change_ip", "F1", "", "52.83.1.1", "account_id"),
        ("deregister_service", "F1", "", "", None),
        ("deregister_service", "F1", "", "52.83.1.1", None),
        ("deregister_service", "", "", "", "filing_id"),
        ("deregister_entity", "", "", "", None),
        ("cancel_access", "F1", "", "", None),
        ("cancel_access", "", "", "", "filing_id"),
    ],
)
def test_what_each_kind_needs(
    read, kind: str, filing: str, account: str, ips: str, column: str | None
) -> None:
    result = read(f"{HEADER}\nA1,{filing},{kind},approved,2026-11-03,甲,,{account},{ips}\n")
    assert [p.column for p in result.problems] == ([] if column is None else [column])
    assert len(result.rows) == (column is None)


def test_ending_rows_need_only_six_columns(read) -> None:
    header = "application_id,filing_id,kind,status,status_at,entity_name"
    result = read(f"{header}\nA1,F1,注销网站,已通过,2026-11-03,甲\n")
    assert result.rows[0].application.kind is Kind.DEREGISTER_SERVICE


@pytest.mark.parametrize("row", [ROW + ",x", ROW.rsplit(",", 1)[0], "A1"])
def test_ragged_rows(read, row: str) -> None:
    result = read(f"{HEADER}\n{row}\n{ROW}\n")
    (problem,) = result.problems
    assert problem.where.line == 2
    assert "header has 9" in problem.reason
    assert len(result.rows) == 1


@pytest.mark.parametrize(
    ("content", "line", "reason"),
    [
        (b"", 0, "empty"),
        (b"\n\n", 0, "empty"),
        (f'{HEADER}\n{ROW}\n"A2,F2\n'.encode(), 3, "quotation"),
        (f'{HEADER}\n"A"1,F2\n'.encode(), 2, "quotation"),
        (HEADER.encode() + b"\n\xff\xff\xff", 2, "neither UTF-8 nor GB18030"),
        (HEADER.encode("utf-16"), 0, "UTF-16"),
    ],
)
def test_files_that_are_no_csv(read, content: bytes, line: int, reason: str) -> None:
    (problem,) = read(content).problems
    assert problem.where.line == line
    assert reason in problem.reason
    assert problem.reason_zh != problem.reason


def test_files_that_cannot_be_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (missing,) = read_applications(tmp_path / "no.csv").problems
    assert "cannot be read" in missing.reason
    (tmp_path / "folder.csv").mkdir()
    (folder,) = read_applications(tmp_path / "folder.csv").problems
    assert "folder" in folder.reason
    os.mkfifo(tmp_path / "pipe.csv")
    (pipe,) = read_applications(tmp_path / "pipe.csv").problems
    assert "pipe" in pipe.reason
    (other,) = read_applications(tmp_path / "a.pdf").problems
    assert ".pdf" in other.reason
    monkeypatch.setattr(table_module, "MAX_FILE_BYTES", 10)
    (tmp_path / "big.csv").write_text(HEADER)
    (big,) = read_applications(tmp_path / "big.csv").problems
    assert "larger than" in big.reason


ODD = st.sampled_from(["'", "=", " ", "\u3000", "\u00a0", "\u200b", "\x07", "名", "a", "-", "\t"])


@given(st.lists(st.text(ODD, max_size=4), min_size=3, max_size=3), st.integers(0, 140))
def test_lines_are_read_as_their_cells_one_by_one(texts: list[str], length: int) -> None:
    columns = [column for column in APPLICATION_COLUMNS if column.name in TEXTS]
    header = match_header(TEXTS, columns, Where("a.csv", 1), needed=())
    cells = [texts[0] + "x" * length, *texts[1:]]
    where, problems = Where("a.csv", 2), Problems()
    quick = table_module._read_text(where, cells, header, table_module._Plan.of(header))
    careful = table_module._read_any(where, cells, header, frozenset(), problems)
    assert (quick is None) == (careful is None) == bool(problems.kept)
    assert quick is None or quick.values == careful.values


def test_one_apostrophe_before_a_formula_is_taken_off(read) -> None:
    names = {"'=1+1": "=1+1", "''=1": "'=1", "'@x": "@x", "'＋x": "＋x", "'x": "'x", "''": "''"}
    rows = "\n".join(cell("entity_name", name) for name in names)
    read_back = [row.application.entity.name for row in read(f"{HEADER}\n{rows}\n").rows]
    assert read_back == list(names.values())


def test_names_of_unknown_columns_are_safe_to_print(read) -> None:
    (name,) = read(f"{HEADER},\x1b[31mred\n{ROW},x\n").unknown_columns
    assert name == "\\x1b[31mred"
