"""Answers of MIIT's public query, from files: real ones where they are kept, and made-up ones.

Every value in this file is made up, after the shapes of real answers.
"""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import pytest

from gatekeeper.filing import (
    Access,
    Dated,
    Entity,
    Filing,
    FilingState,
    Outcome,
    Service,
    verify,
)
from gatekeeper.filing.miit import number_key, subject_key
from gatekeeper.sources import miit, read_miit

NOW = datetime(2026, 11, 1, tzinfo=UTC)
ROW = {
    "contentTypeName": "新闻、出版、新闻",
    "domain": "example.cn",
    "domainId": 110000000001,
    "leaderName": "",
    "limitAccess": "否",
    "mainId": 230000000001,
    "mainLicence": "宁ICP备2026000001号",
    "natureName": "企业",
    "serviceId": 110000000002,
    "serviceLicence": "宁ICP备2026000001号-1",
    "unitName": "示例科技（宁夏）有限公司",
    "updateRecordTime": "2026-05-04 09:30:00",
}
APP_ROW = {
    "cityId": 640500,
    "dataId": 5,
    "leaderName": None,
    "mainLicence": "宁ICP备2026000001号",
    "serviceId": 7,
    "serviceLicence": "宁ICP备2026000001号-2A",
    "serviceName": "示例",
    "serviceType": 6,
    "unitName": "示例科技（宁夏）有限公司",
    "updateRecordTime": "2026-05-04 09:30:00",
    "version": "1.0",
}
ERROR = {"code": 401, "msg": "token过期,请及时刷新页面", "success": False}


def answer(*rows, **params):
    figures = {"total": len(rows), "pages": 1 if rows else 0, "pageNum": 1, "pageSize": 26}
    return {
        "code": 200,
        "msg": "操作成功",
        "params": {"list": list(rows), **figures, **params},
        "success": True,
    }


@pytest.fixture
def read(tmp_path):
    def reader(content, name="export.json", *, at=NOW, given=False, now=NOW):
        path = tmp_path / name
        if not isinstance(content, bytes):
            text = content if isinstance(content, str) else json.dumps(content, ensure_ascii=False)
            content = text.encode()
        path.write_bytes(content)
        return read_miit(path, at=at, given=given, now=now)

    return reader


def reasons(result):
    return [problem.describe().partition(".json")[2] for problem in result.problems]


def test_one_answer(read):
    result = read(answer(ROW))
    assert result.problems == ()
    [page] = result.export.answers
    assert (page.at, page.dated, page.counted, page.total, page.pages) == (
        NOW,
        Dated.ASSUMED,
        True,
        1,
        1,
    )
    [row] = page.rows
    assert row.unit_name == "示例科技（宁夏）有限公司"
    assert (row.main_licence, row.service_licence) == (
        "宁ICP备2026000001号",
        "宁ICP备2026000001号-1",
    )
    assert (row.domain, row.restricted) == ("example.cn", False)
    assert row.approved_at == datetime(2026, 5, 4, 1, 30, tzinfo=UTC), "Shanghai's clock"
    assert read(answer(ROW), given=True).export.answers[0].dated is Dated.GIVEN


def test_no_hit_is_an_answer(read):
    result = read(answer())
    assert (result.problems, result.export.gaps) == ((), ())
    assert [page.rows for page in result.export.answers] == [()]


def test_answers_in_an_array_and_one_a_line(read):
    both = [answer(ROW), answer({**ROW, "domain": "example.com"})]
    assert [len(page.rows) for page in read(both).export.answers] == [1, 1]
    lines = "\n".join(json.dumps(one) for one in both) + "\n"
    result = read(lines, "export.jsonl")
    assert result.problems == ()
    assert [page.where.line for page in result.export.answers] == [1, 2]


def test_rows_alone_are_not_counted(read):
    for content, count in ((ROW, 1), ([ROW, APP_ROW], 2), ({"body": [ROW, APP_ROW]}, 2)):
        result = read(content)
        assert result.problems == ()
        assert not any(page.counted for page in result.export.answers)
        assert sum(len(page.rows) for page in result.export.answers) == count
    assert read({**answer(ROW), "params": {"list": [ROW]}}).export.answers[0].counted is False


def test_the_file_says_when_it_was_asked(read):
    asked = "2026-10-20T09:00:00+08:00"
    [page] = read({"queried_at": asked, "body": answer(ROW)}, given=True).export.answers
    assert (page.at, page.dated) == (datetime(2026, 10, 20, 1, tzinfo=UTC), Dated.FILE)
    two = [{"queried_at": asked, "body": answer(ROW)}, answer(APP_ROW)]
    assert [page.dated for page in read(two).export.answers] == [Dated.FILE, Dated.ASSUMED]
    assert reasons(read({"queried_at": "soon", "body": answer(ROW)}))
    assert reasons(read({"queried_at": 17, "body": answer(ROW)}))
    [future] = reasons(read({"queried_at": "2026-12-01", "body": answer(ROW)}))
    assert "lies in the future" in future


def test_an_approval_after_the_export_belies_its_date(read):
    result = read({"queried_at": "2026-05-01", "body": answer(ROW)})
    [problem] = result.problems
    assert problem.column == "params.list[0].updateRecordTime"
    assert "later than the export" in problem.reason
    assert "查询时间" in problem.reason_zh


def test_rows_of_apps(read):
    [page] = read(answer(APP_ROW)).export.answers
    [row] = page.rows
    assert (row.service_name, row.domain, row.restricted) == ("示例", "", None)
    detail = {"code": 200, "msg": "操作成功", "params": APP_ROW, "success": True}
    assert read(detail).export.answers[0].rows == page.rows


@pytest.mark.parametrize("suffix", ["X", "K"])
def test_rows_of_other_kinds_are_read_and_match_nothing(read, suffix):
    shown = {**APP_ROW, "serviceLicence": f"宁ICP备2026000001号-3{suffix}"}
    result = read(answer(shown))
    assert result.problems == ()
    found = verify([], (), [result.export], lifted=lambda _: None)
    assert (found.outcome, found.unmatched) == (Outcome.UNKNOWN, 1)


def test_an_error_answer_is_a_gap(read):
    result = read([answer(ROW), ERROR, {"code": 500, "msg": "服务器异常", "success": False}])
    assert result.problems == ()
    assert [gap.reason for gap in result.export.gaps] == [
        "MIIT answered with an error (401 token过期,请及时刷新页面); ask again",
        "MIIT answered with an error (500 服务器异常); ask again",
    ]
    assert "请重新查询" in result.export.gaps[0].reason_zh
    assert len(read({**answer(ROW), "code": 401}).export.gaps) == 1
    assert len(read({**answer(ROW), "success": False}).export.gaps) == 1
    assert read({**answer(ROW), "code": "200"}).export.gaps == ()


def test_a_tools_placeholder_row_is_a_gap(read):
    empty = dict.fromkeys(APP_ROW) | {"serviceName": "示例"}
    result = read(answer(empty))
    assert result.problems == ()
    assert [gap.reason for gap in result.export.gaps] == [
        "shows a row without a number; ask for it again"
    ]


def test_figures_that_tools_have_damaged(read):
    floats = {**ROW, "mainId": 2.30000000001e11, "domainId": 1.10000415475e11, "serviceId": "7"}
    result = read(answer(floats, total=1.0, pages="1", pageNum=1.0))
    assert result.problems == ()
    assert result.export.answers[0].total == 1
    for total in (1.5, -1, "many", True, [1], 10**12):
        assert "is no count" in reasons(read(answer(ROW, total=total)))[0]


def test_rows_that_differ_only_in_what_is_not_compared_are_one(read):
    other = {**ROW, "contentTypeName": "出版、新闻、新闻", "domainId": "110000000001"}
    assert len(set(read(answer(ROW, other, total=2)).export.answers[0].rows)) == 1


@pytest.mark.parametrize(
    ("key", "value", "why"),
    [
        ("limitAccess", "也许", "is neither 是 nor 否"),
        ("limitAccess", True, "must be text"),
        ("unitName", ["甲"], "must be text"),
        ("unitName", "甲\u202e乙", "control"),
        ("unitName", "甲" * 1001, "1000"),
        ("serviceLicence", 5, "must be text"),
        ("updateRecordTime", "yesterday", "ISO 8601"),
        ("updateRecordTime", 1714786200000, "must be text"),
    ],
)
def test_a_bad_cell_is_named(read, key, value, why):
    result = read(answer(ROW, {**ROW, key: value}))
    [problem] = result.problems
    assert problem.column == f"params.list[1].{key}"
    assert why in problem.reason
    assert not problem.reason_zh.isascii()


def test_access_in_other_characters(read):
    for text, restricted in ((" 是 ", True), ("否", False), ("", None), (None, None)):
        [row] = read(answer({**ROW, "limitAccess": text})).export.answers[0].rows
        assert row.restricted is restricted


@pytest.mark.parametrize(
    ("content", "why"),
    [
        ("", "is empty"),
        ("<!DOCTYPE html><title>创宇盾</title>", "is a web page, not JSON"),
        ("\ufeff  <html>", "is a web page, not JSON"),
        ('{"code": 200, "params": {"list": [{"dom', "is not JSON"),
        ('{"code": 200, "code": 200}', "stands twice"),
        ('{"code": NaN}', "is not JSON"),
        ("[" * 100_000, "nested too deeply"),
        ("[" * 7 + "]" * 7, "nested too deeply"),
        ('{"body": {"body": {"body": {"body": {"body": []}}}}}', "nested too deeply"),
        ('{"a": 1}', "is no answer of MIIT's query"),
        ("17", "is no answer of MIIT's query"),
        ('"text"', "is no answer of MIIT's query"),
        ('{"code": 200, "success": true, "params": {"bussiness": "x"}}', "holds no rows"),
        ('{"code": 200, "success": true, "params": []}', "holds no rows"),
        ('{"code": 200, "success": true}', "holds no rows"),
        ('{"code": 200, "params": {"list": [1]}}', "is no row"),
        ('{"code": 200} {"code": 200}', "a .jsonl file"),
        ("[" + "9" * 5000 + "]", "is not JSON"),
    ],
)
def test_a_bad_file_is_refused_with_its_reason(read, content, why):
    result = read(content)
    assert why in " ".join(problem.reason for problem in result.problems)
    assert all(not problem.reason_zh.isascii() for problem in result.problems)


def test_other_encodings(read):
    text = json.dumps(answer(ROW), ensure_ascii=False)
    assert read(text.encode("gb18030")).export.answers[0].rows[0].unit_name == ROW["unitName"]
    assert read(text.encode("utf-8-sig")).problems == ()
    assert "UTF-16" in reasons(read(text.encode("utf-16")))[0]


def test_a_folder_and_a_missing_file(tmp_path):
    for path in (tmp_path, tmp_path / "none.json"):
        [problem] = read_miit(path, at=NOW, given=False, now=NOW).problems
        assert problem.where.file == str(path)


def test_what_is_too_much_is_refused(read, monkeypatch):
    monkeypatch.setattr(miit, "MAX_BYTES", 100)
    assert "larger than" in reasons(read(answer(ROW)))[0]
    monkeypatch.undo()
    monkeypatch.setattr(miit, "MAX_ROWS", 3)
    assert reasons(read(answer(ROW, ROW, ROW))) == []
    assert "more than 3 rows" in reasons(read([answer(ROW, ROW), answer(ROW, ROW)]))[0]
    monkeypatch.setattr(miit, "MAX_ANSWERS", 2)
    assert "more than 2 answers" in reasons(read([answer()] * 3))[0]
    assert "more than 2 error answers" in reasons(read([ERROR] * 3))[0]


def test_every_cut_of_an_answer_is_refused(read):
    text = json.dumps(answer(ROW))
    for end in range(1, len(text), 23):
        result = read(text[:end])
        assert result.problems, text[:end]
        assert result.export.answers == ()


# -- real answers, read in place -------------------------------------------------------------------

RECORDED = {
    "app_mini_fast_SHAPE_ONLY.json": None,
    "errors.json": (0, 3),
    "web_mi.cn_2021.json": (1, 0),
    "web_qq.com_2023-10.json": (1, 0),
    "web_qq.com_2025-09.json": (1, 0),
    "web_record_baidu_2019.json": (1, 0),
    "web_record_bilibili_2025-10.json": (1, 0),
    "web_record_float_ids.json": (1, 0),
    "web_records_baidu_multi_2025-09.json": (3, 0),
}


@pytest.mark.recorded
def test_no_recorded_file_is_left_out(recorded):
    assert {path.name for path in (recorded / "miit").glob("*")} == RECORDED.keys()


@pytest.mark.recorded
@pytest.mark.parametrize("name", [name for name, counts in RECORDED.items() if counts])
def test_a_recorded_file(recorded, name):
    rows, gaps = RECORDED[name]
    result = read_miit(recorded / "miit" / name, at=NOW, given=True, now=NOW)
    assert result.problems == ()
    shown = [row for page in result.export.answers for row in page.rows]
    assert (len(shown), len(result.export.gaps)) == (rows, gaps)
    for row in shown:
        assert row.restricted is False
        assert row.approved_at is not None
        assert row.domain
        assert number_key(row.service_licence) == row.service_licence, "MIIT's form is canonical"
        assert subject_key(row.service_licence) == row.main_licence


@pytest.mark.recorded
@pytest.mark.parametrize("name", [name for name, counts in RECORDED.items() if counts])
def test_a_register_made_of_a_recorded_file_equals_it(recorded, name):
    export = read_miit(recorded / "miit" / name, at=NOW, given=True, now=NOW).export
    filings = [
        Filing(
            filing_id=row.service_licence,
            state=FilingState.IN_EFFECT,
            entity=Entity(name=f" {row.unit_name}　", licence=row.main_licence),
            service=Service(
                licence=row.service_licence.replace("号", ""), domains=(row.domain.upper(),)
            ),
            access=Access(),
            application_id="A1",
            since=NOW - timedelta(days=1),
        )
        for page in export.answers
        for row in page.rows
    ]
    found = verify(filings, (), [export], lifted=lambda _: None)
    assert [one.outcome for one in found.filings] == [Outcome.EQUAL] * len(filings)
    assert found.unmatched == 0
    assert found.outcome is (Outcome.EQUAL if filings else Outcome.UNKNOWN)


@pytest.mark.recorded
def test_the_recorded_shape_of_apps_is_no_answer_but_its_row_is_a_gap(recorded, read):
    path = recorded / "miit" / "app_mini_fast_SHAPE_ONLY.json"
    [problem] = read_miit(path, at=NOW, given=True, now=NOW).problems
    assert "is no answer of MIIT's query" in problem.reason
    shape = json.loads(path.read_text(encoding="utf-8"))["body"]
    assert set(APP_ROW) <= set(shape["record_fields"]), "the made-up row has real fields"
    result = read(answer(shape["empty_list_placeholder"]))
    assert (result.problems, len(result.export.gaps)) == ((), 1)
