"""Places and problems, as a person reads them."""

from __future__ import annotations

from gatekeeper.filing import Problem, Where, printable


def problem(
    value: str = "x", column: str = "ips", sheet: str | None = None, line: int = 3
) -> Problem:
    return Problem(
        where=Where("a.csv", line, sheet),
        column=column,
        value=value,
        reason="not an IP address",
        reason_zh="IP 地址格式无效",
    )


def test_a_problem_is_one_line_in_both_languages() -> None:
    assert problem().describe() == 'a.csv, line 3, column ips, value "x": not an IP address'
    assert problem().describe("zh") == "a.csv 第 3 行，列 ips，值“x”：IP 地址格式无效"
    assert problem(sheet="备案").describe() == (
        'a.csv, sheet 备案, line 3, column ips, value "x": not an IP address'
    )
    assert problem(sheet="备案").describe("zh") == (
        "a.csv 工作表“备案” 第 3 行，列 ips，值“x”：IP 地址格式无效"
    )


def test_what_is_not_known_is_left_out() -> None:
    assert problem("", "", line=0).describe() == "a.csv: not an IP address"
    assert problem("", "", line=0).describe("zh") == "a.csv：IP 地址格式无效"


def test_hostile_values_are_shortened_and_escaped() -> None:
    line = problem("\x1b[31m\n\u202e" + "a" * 500).describe()
    assert "\\x1b[31m\\n\\u202e" in line
    assert line.isprintable()
    assert len(line) < 200
    assert printable("a" * 100, 10) == "aaaaaaaaa…"
    assert printable("备案") == "备案"


def test_of_a_long_path_the_name_is_shown():
    long = "/very/deep" * 20 + "/filings.csv"
    shown = Where(file=long, line=3).describe()
    assert shown.startswith("…")
    assert shown.endswith("/filings.csv, line 3")
    assert len(shown) == 80 + len(", line 3")
    assert Where(file=long, line=3).describe("zh").endswith("/filings.csv 第 3 行")
