"""Files of accounts."""

from __future__ import annotations

from pathlib import Path

import openpyxl
import pytest

from gatekeeper.sources import AccountsResult, read_accounts

ROLE = "arn:aws-cn:iam::000022223333:role/gate/keeper"


@pytest.fixture
def read(tmp_path: Path):
    def go(text: str, name: str = "a.csv") -> AccountsResult:
        (tmp_path / name).write_text(text, encoding="utf-8")
        return read_accounts(tmp_path / name)

    return go


def test_csv(read) -> None:
    text = (
        "账号名称,account_id,role_arn,external_id,x\n"
        f"生产,000022223333,{ROLE},e-1,\n,111122223333,,,\n"
    )
    result = read(text)
    assert [
        (r.account_id, r.name, r.role_arn, r.external_id, r.where.line) for r in result.rows
    ] == [
        ("000022223333", "生产", ROLE, "e-1", 2),
        ("111122223333", "", "", "", 3),
    ]
    assert (result.problems, result.unknown_columns) == ((), ("x",))


@pytest.mark.parametrize(
    "text",
    [
        '[{"account_id": "000022223333", "name": "生产", "extra": 1}]',
        '{"accounts": [{"account_id": "000022223333", "name": "生产", "extra": 1}]}',
    ],
)
def test_json(read, text: str) -> None:
    result = read(text, "a.json")
    assert [(r.account_id, r.name) for r in result.rows] == [("000022223333", "生产")]
    assert result.unknown_columns == ("extra",)


def test_xlsx(tmp_path: Path) -> None:
    workbook = openpyxl.Workbook()
    workbook.active.append(["account_id", "name"])
    workbook.active.append([111122223333, "生产"])
    workbook.save(tmp_path / "a.xlsx")
    assert read_accounts(tmp_path / "a.xlsx").rows[0].account_id == "111122223333"


@pytest.mark.parametrize(
    ("row", "column", "reason"),
    [
        ("2223333,x,,", "account_id", "leading zeros"),
        (",x,,", "account_id", "required"),
        ("111122223333,x,role/x,", "role_arn", "not the ARN"),
        (f"111122223333,x,{ROLE},", "role_arn", "of account 000022223333"),
        ("000022223333,x,,", "account_id", "line 2 too"),
        ("111122223333,x\x07,,", "name", "control"),
    ],
)
def test_bad_rows(read, row: str, column: str, reason: str) -> None:
    result = read(f"account_id,name,role_arn,external_id\n000022223333,a,,\n{row}\n")
    (problem,) = result.problems
    assert (problem.where.line, problem.column) == (3, column)
    assert reason in problem.reason
    assert problem.reason_zh != problem.reason


def test_bad_json_rows(read) -> None:
    text = (
        '[{"account_id": 22223333}, 5, {"account_id": ["x"]}, '
        '{"account_id": "1", "account_id": "111122223333"}]'
    )
    assert [p.column for p in read(text, "a.json").problems] == [
        "account_id",
        "",
        "account_id",
        "account_id",
    ]


def test_files_that_are_no_list(read) -> None:
    assert "missing" in read("name\nx\n").problems[0].reason
    assert ".txt" in read("x", "a.txt").problems[0].reason
