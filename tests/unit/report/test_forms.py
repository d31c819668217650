"""One hostile report in every form."""

import csv
import io
import json
from html.parser import HTMLParser

import pytest

from gatekeeper.report.records import Report, Table
from gatekeeper.report.render import render
from gatekeeper.report.text import width

HOSTILE = '=cmd()<img src=x onerror="alert(1)">\x1b[31m\u202e\'&\x00'


def report(*rows, alarms=(), headless=()):
    return Report(
        title="reconciliation",
        document={"schema": "gatekeeper/test/1", "records": [list(row) for row in rows]},
        tables=(Table("findings", ("account_id", "message", "port"), rows, frozenset()),),
        facts=(("region", "cn-northwest-1"), ("trail_head", None)),
        alarms=alarms,
        counts={"critical": 2, "high": 0},
        headless=headless,
    )


class Strict(HTMLParser):
    """Collects tags, attributes and text; balanced tags only."""

    VOID = frozenset({"meta", "img", "link"})

    def __init__(self, text):
        super().__init__(convert_charrefs=True)
        self.tags, self.attributes, self.texts, self.open = [], [], [], []
        self.feed(text)
        self.close()
        assert not self.open

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.attributes += attrs
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.texts.append(data)


def test_a_terminal_sees_no_control_character():
    text = render(report(("111122223333", HOSTILE, 80)), form="table", lang="en")
    assert all(c.isprintable() or c == "\n" for c in text)
    assert "\\x1b[31m\\u202e" in text
    assert "\\x00" in text


def test_wide_characters_keep_the_columns_straight():
    rows = [("1", "备案名称", 80), ("22", "plain", 443)]
    lines = render(report(*rows), form="table", lang="zh").splitlines()
    assert len({width(line) for line in lines[:4]}) == 1


def test_alarms_come_first_and_facts_last():
    text = render(report(("1", "m", 1), alarms=("unread!",)), form="table", lang="en")
    assert text.startswith("!! unread!\n")
    assert text.rstrip().endswith("Region: cn-northwest-1")


def test_an_empty_table_says_so():
    assert "Nothing to show." in render(report(), form="table", lang="en")
    assert "没有记录" in render(report(), form="html", lang="zh")


def test_an_empty_table_may_be_left_out():
    assert "Nothing" not in render(report(headless=("findings",)), form="table", lang="en")
    assert "<table" not in render(report(headless=("findings",)), form="html", lang="en")


def test_a_terminal_leaves_wide_columns_out_and_csv_does_not():
    table = Table("findings", ("code", "remedy"), [("c", "r")], frozenset({"remedy"}))
    wide = Report(title="audit", document={}, tables=(table,))
    assert "Remedy" not in render(wide, form="table", lang="en")
    assert "remedy" in render(wide, form="csv", lang="en")
    assert "Remedy" in render(wide, form="html", lang="en")


def test_csv_has_stable_names_and_no_formula():
    text = render(report(("111122223333", HOSTILE, 80)), form="csv", lang="zh")
    header, row = csv.reader(io.StringIO(text))
    assert header == ["account_id", "message", "port"]
    assert row[1].startswith("'=cmd()")
    assert "\x1b" not in row[1]
    assert row[2] == "80"


def test_json_is_the_document_itself():
    shown = render(report(("1", HOSTILE, 80)), form="json", lang="zh")
    assert json.loads(shown)["records"] == [["1", HOSTILE, 80]]


@pytest.mark.parametrize(("lang", "tag"), [("en", "en"), ("zh", "zh-CN")])
def test_the_page_is_one_safe_file(lang, tag):
    text = render(report(("1", HOSTILE, 80), alarms=(HOSTILE,)), form="html", lang=lang)
    page = Strict(text)
    assert text.startswith(f'<!DOCTYPE html>\n<html lang="{tag}">')
    assert not {"script", "img", "link", "iframe", "object"} & set(page.tags)
    assert not [name for name, _ in page.attributes if name.startswith("on")]
    assert not [value for name, value in page.attributes if name in {"src", "href"}]
    assert "://" not in text
    assert "@import" not in text
    assert 'onerror="' not in text
    shown = [t for t in page.texts if t.startswith("=cmd()")]
    assert len(shown) == 2
    assert all("\\x1b[31m\\u202e'&\\x00" in t for t in shown)


def test_the_page_prints_and_follows_the_dark_mode():
    text = render(report(), form="html", lang="en")
    assert "@media print" in text
    assert "prefers-color-scheme:dark" in text


def test_the_page_counts_findings_by_severity():
    text = render(report(), form="html", lang="en")
    assert '<b class="critical">2</b>critical' in text
    assert '<b class="">0</b>high' in text


def test_a_class_is_never_taken_from_outside():
    table = Table("findings", ("severity",), [('" onclick="x',), ("critical",)])
    page = Strict(
        render(Report(title="audit", document={}, tables=(table,)), form="html", lang="en")
    )
    classes = [value for name, value in page.attributes if name == "class"]
    assert set(classes) <= {"critical", "wide", "n", "counts", ""}
