import json

import pytest

from gatekeeper.report.text import spreadsheet_cell, to_json, visible, width


@pytest.mark.parametrize(
    ("raw", "shown"),
    [
        ("plain", "plain"),
        ("备案　名称", "备案　名称"),
        ("\x1b[31mred", "\\x1b[31mred"),
        ("\x9b2J", "\\x9b2J"),
        ("a\nb\tc\r", "a\\nb\\tc\\r"),
        ("cod\u202egpj.exe", "cod\\u202egpj.exe"),
        ("zero\u200bwidth\ufeff", "zero\\u200bwidth\\ufeff"),
        ("line\u2028break", "line\\u2028break"),
        ("lone\ud800", "lone\\ud800"),
        ("tag\U000e0041", "tag\\U000e0041"),
        ("nul\x00", "nul\\x00"),
        ("fine 😀", "fine 😀"),
    ],
)
def test_what_would_not_show_is_shown_as_its_escape(raw, shown):
    assert visible(raw) == shown
    assert visible(shown) == shown


@pytest.mark.parametrize("start", ["=", "+", "-", "@", "\t", "\r"])
def test_a_cell_that_a_spreadsheet_would_compute_is_quoted(start):
    assert spreadsheet_cell(f"{start}cmd|' /C calc'!A0").startswith("'")


def test_an_ordinary_cell_is_not_quoted():
    assert spreadsheet_cell("京ICP备12345678号-1") == "京ICP备12345678号-1"


@pytest.mark.parametrize(
    ("text", "columns"), [("abc", 3), ("备案", 4), ("ＡＢ", 4), ("e\u0301", 1), ("", 0)]
)
def test_width_counts_terminal_columns(text, columns):
    assert width(text) == columns


def test_json_keeps_its_meaning_and_drives_no_terminal():
    hostile = {"名": "\x1b[2J\x9b\u202e\u2028\ufeff\ud800😀</script>"}
    text = to_json(hostile)
    assert json.loads(text) == hostile
    assert "名" in text
    assert "😀" in text
    assert all(c.isprintable() or c == "\n" for c in text)
