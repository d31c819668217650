"""How names, numbers and domains are compared, and when pages are missing."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from gatekeeper.filing import Dated, MiitAnswer, MiitRow, Where
from gatekeeper.filing.miit import domain_key, holder_key, number_key, page_gaps, subject_key

AT = datetime(2026, 11, 1, tzinfo=UTC)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("示例（宁夏）有限公司", "示例(宁夏)有限公司"),
        ("示例〔宁夏〕有限公司", "示例（宁夏）有限公司"),
        ("示例【宁夏】有限公司", "示例(宁夏)有限公司"),
        (" 示例　科技 有限公司\t", "示例科技有限公司"),
        ("ＡＢＣ科技有限公司", "abc科技有限公司"),
        ("示例\u200b科技有限公司", "示例科技有限公司"),
        ("\ufeff示例科技有限公司", "示例科技有限公司"),
    ],
)
def test_one_unit_written_in_two_ways(one, other):
    assert holder_key(one) == holder_key(other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("示例（宁夏）有限公司", "示例宁夏有限公司"),
        ("示例科技有限公司", "示例科技有限责任公司"),
        ("示例科技有限公司", "示例科技有限公司中卫分公司"),
    ],
)
def test_two_units(one, other):
    assert holder_key(one) != holder_key(other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("宁ICP备2026000001-1", "宁ICP备2026000001号-1"),
        ("宁icp备2026000001号－1", "宁ICP备2026000001号-1"),
        ("粤B2-20090059号-5", "粤B2-20090059-5"),
        ("京ICP证 030173号-1", "京ICP证030173号-1"),
        ("no  number", "NONUMBER"),
    ],
)
def test_one_number_written_in_two_ways(one, other):
    assert number_key(one) == number_key(other)


def test_the_entity_of_a_number():
    assert subject_key("粤B2-20090059-5") == "粤B2-20090059"
    assert subject_key("京ICP证030173号-102") == "京ICP证030173号"
    assert subject_key("whatever") == ""


def test_one_domain_written_in_two_ways():
    assert domain_key("例子.cn") == domain_key("XN--FSQU00A.cn.")
    assert domain_key("example.cn") != domain_key("example.com")
    assert domain_key("a" * 70 + ".cn") == "a" * 70 + ".cn", "no label is that long: as it stands"


def page(number, rows, *, pages=1, total=None, line=1, **more):
    return MiitAnswer(
        where=Where("x.json", line),
        at=AT,
        dated=Dated.FILE,
        rows=tuple(MiitRow(service_licence=f"宁ICP备2026000001号-{row}") for row in rows),
        total=len(rows) if total is None else total,
        pages=pages,
        page=number,
        page_size=2,
        **more,
    )


def reasons(*answers):
    return [gap.reason for gap in page_gaps(answers)]


def test_whole_answers_leave_no_gap():
    assert reasons() == []
    assert reasons(page(1, [1])) == []
    assert reasons(page(1, [], pages=0)) == []
    assert reasons(page(2, [3], pages=2, total=3), page(1, [1, 2], pages=2, total=3)) == []


def test_a_missing_page_is_named():
    [gap] = page_gaps([page(1, [1, 2], pages=3, total=5), page(3, [5], pages=3, total=5)])
    assert gap.reason == "page 2 of 3 is missing (5 rows in all)"
    assert gap.reason_zh == "缺少第 2 页（共 3 页，5 条）"
    assert gap.where == Where("x.json", 1)


def test_the_same_page_kept_twice_counts_once():
    first = page(1, [1, 2], pages=2, total=3)
    again = replace(first, where=Where("y.json", 1))
    assert reasons(first, again) == ["page 2 of 2 is missing (3 rows in all)"]
    assert reasons(first, again, page(2, [3], pages=2, total=3)) == []


def test_of_two_questions_of_one_size_every_page_is_wanted():
    one = [page(1, [1, 2], pages=2, total=3), page(2, [3], pages=2, total=3)]
    other = page(1, [7, 8], pages=2, total=3)
    assert reasons(*one, other) == ["page 2 of 2 is missing (3 rows in all)"]
    assert reasons(*one, other, page(2, [9], pages=2, total=3)) == []


def test_rows_that_are_cut_off_are_missed():
    assert reasons(page(1, [1, 2], total=3)) == ["says 3 rows in all, and has 2"]
    assert reasons(page(1, [1], pages=2, total=3), page(2, [3], pages=2, total=3)) == [
        "says 3 rows in all, and has 2"
    ]
    assert len(reasons(page(1, [1], more=True))) == 1
    assert len(reasons(page(2, [1]))) == 1


def test_a_page_beyond_the_last_is_a_gap():
    found = reasons(page(5, [1, 2], pages=2, total=3), page(1, [1, 2], pages=2, total=3))
    assert "is page 5 of 2" in found


def test_a_claim_of_a_billion_pages_costs_nothing():
    [gap] = page_gaps([page(1, [1, 2], pages=10**9, total=10**9)])
    assert gap.reason.startswith("page 2, 3, 4, ")
    assert len(gap.reason) < 100


def test_loose_rows_are_not_counted():
    assert reasons(page(0, [1, 2], total=0, counted=False)) == []
