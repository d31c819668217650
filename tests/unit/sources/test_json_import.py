"""JSON and JSON lines: shapes, paths in messages, the review's part, and the way back."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from gatekeeper.errors import FilingError
from gatekeeper.filing import Kind, ServiceType
from gatekeeper.sources import (
    ReadResult,
    application_from_json,
    application_to_json,
    read_applications,
)

ACCOUNT = "000022223333"
GOOD: dict = {
    "application_id": "A1",
    "filing_id": "F1",
    "kind": "new",
    "status": "approved",
    "status_at": "2026-11-03T09:30:00+08:00",
    "entity": {
        "name": "甲公司",
        "certificate_type": "营业执照",
        "certificate_number": "91640500MA000001XX",
        "province": "宁夏",
        "licence": "宁ICP备2026000001号",
    },
    "service": {
        "type": "website",
        "name": "站",
        "licence": "宁ICP备2026000001号-1",
        "domains": ["a.cn", "b.cn"],
    },
    "access": {"account_id": ACCOUNT, "load_balancer": "", "ips": ["52.83.1.1"]},
}
REVIEWED: dict = {
    **GOOD,
    "provider": "nwcd",
    "entity": {**GOOD["entity"], "type": "enterprise", "foreign": False, "head": {"name": "李"}},
    "service": {
        **GOOD["service"],
        "domains": ["a.cn", {"name": "b.cn", "registrar": "x", "valid_until": "2027-01-01"}],
        "app": {"platforms": [], "sdks": None},
        "online": True,
    },
    "access": {**GOOD["access"], "mode": "cloud"},
    "attachments": [{"kind": "app_icon", "size": 10}],
    "answers": {"step-open": {"answer": "yes", "by": "li", "at": "2026-11-03"}},
    "verification": {"route": "electronic", "status": "已核验"},
    "entry": "all",
    "portal": {"email": "a@b.cn"},
}


@pytest.fixture
def read(tmp_path: Path):
    def go(value: object, name: str = "a.json") -> ReadResult:
        path = tmp_path / name
        text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, indent=1)
        path.write_text(text, encoding="utf-8")
        return read_applications(path)

    return go


def other(**changes: object) -> dict:
    return {**GOOD, **changes}


@pytest.mark.parametrize(
    "value",
    [
        GOOD,
        [GOOD],
        {"applications": [GOOD]},
        {"schema": "gatekeeper/applications/1", "applications": [GOOD]},
    ],
)
def test_an_object_an_array_and_our_own_output(read, value: object) -> None:
    result = read(value)
    assert result.problems == ()
    assert [application_to_json(row.application) for row in result.rows] == [GOOD]
    assert result.unknown_columns == ()
    assert result.format == "json"


def test_json_lines(read) -> None:
    text = f"{json.dumps(GOOD)}\n\n{json.dumps(other(application_id='A2'))}"
    result = read(text, "a.jsonl")
    assert [(r.where.line, r.application.application_id) for r in result.rows] == [
        (1, "A1"),
        (3, "A2"),
    ]
    assert result.format == "jsonl"


def test_lines_of_an_array_are_told(read) -> None:
    text = "[\n" + json.dumps(GOOD) + ",\n\n" + json.dumps(other(application_id="A2")) + "\n]\n"
    assert [row.where.line for row in read(text).rows] == [2, 4]
    wrapped = '{"schema": "x",\n"applications":\n' + text + "}"
    assert [row.where.line for row in read(wrapped).rows] == [4, 6]


def test_keys_that_are_absent_are_silent_and_null_is_not(read) -> None:
    thin = {**GOOD, "service": {"licence": "x", "name": None}}
    (row,) = read(thin).rows
    assert row.silent == {"service_type", "domains"}


@pytest.mark.parametrize(
    ("change", "column", "value", "reason"),
    [
        (
            {"access": {"account_id": ACCOUNT, "ips": ["52.83.1.1", "x"]}},
            "access.ips[1]",
            "x",
            "not an IP",
        ),
        ({"access": {"account_id": ACCOUNT, "ips": [1]}}, "access.ips[0]", "1", "must be text"),
        (
            {"access": {"account_id": ACCOUNT, "ips": "52.83.0.0/8"}},
            "access.ips",
            "52.83.0.0/8",
            "network",
        ),
        (
            {"access": {"account_id": 22223333, "ips": []}},
            "access.account_id",
            "22223333",
            "leading zeros",
        ),
        ({"access": {"account_id": 1.5, "ips": []}}, "access.account_id", "1.5", "must be text"),
        ({"access": []}, "access", "[]", "must be an object"),
        ({"access": None}, "access.account_id", "", "required for new"),
        ({"entity": {}}, "entity.name", "", "required"),
        ({"entity": {"name": ["x"]}}, "entity.name", '["x"]', "must be text"),
        ({"kind": "renew"}, "kind", "renew", "not a kind"),
        ({"status_at": 1793000000}, "status_at", "1793000000", "must be text"),
        (
            {"service": {"domains": [{"registrar": "x"}]}},
            "service.domains[0]",
            '{"registrar": "x"}',
            "must be text",
        ),
        ({"service": {"type": "mini_program"}}, "service.type", "mini_program", "platform"),
        ({"application_id": "A\u0000"}, "application_id", "A\x00", "control"),
        ({"application_id": True}, "application_id", "true", "must be text"),
        (
            {"kind": "change_ip", "access": {"account_id": ACCOUNT}},
            "access.ips",
            "",
            "required for change_ip",
        ),
    ],
)
def test_problems_name_the_path(read, change: dict, column: str, value: str, reason: str) -> None:
    result = read([GOOD, other(**change)])
    (problem,) = result.problems
    assert (problem.column, problem.value) == (column, value)
    assert reason in problem.reason
    assert problem.where.line > 1
    assert len(result.rows) == 1


def test_an_account_number_with_twelve_digits_is_taken(read) -> None:
    (row,) = read(other(access={"account_id": 111122223333, "ips": ["52.83.1.1"]})).rows
    assert row.application.access.account_id == "111122223333"


def test_every_problem_of_every_object_is_listed(read) -> None:
    result = read([other(kind="x", status="y"), 5, other(status_at="z")])
    assert [p.column for p in result.problems] == ["kind", "status", "", "status_at"]


@pytest.mark.parametrize(
    ("text", "line", "reason"),
    [
        ("", 0, "empty"),
        ("[\n{]", 2, "not JSON"),
        ("[" + json.dumps(GOOD), 1, "not JSON"),
        ("[" + json.dumps(GOOD) + ",]", 1, "comma"),
        ("[" + json.dumps(GOOD) + "\n" + json.dumps(GOOD) + "]", 2, "] expected"),
        (json.dumps(GOOD) + "\n" + json.dumps(GOOD), 2, ".jsonl"),
        ('{"application_id": NaN}', 1, "NaN"),
        ("[" * 100_000, 1, "nested too deeply"),
        ('{"applications": [], "applications": []}', 1, "stands twice"),
    ],
)
def test_texts_that_are_no_json(read, text: str, line: int, reason: str) -> None:
    problem = read(text).problems[-1]
    assert problem.where.line == line
    assert reason in problem.reason


@pytest.mark.parametrize(
    ("text", "line", "reason"),
    [
        (json.dumps(GOOD) + "\n{", 2, "not JSON"),
        (json.dumps(GOOD) + "\n\n{} {}", 3, "more than one"),
        ("5", 1, "no JSON object"),
    ],
)
def test_lines_that_are_no_json(read, text: str, line: int, reason: str) -> None:
    problem = read(text, "a.jsonl").problems[-1]
    assert problem.where.line == line
    assert reason in problem.reason


@pytest.mark.parametrize("name", ["a.json", "a.jsonl"])
def test_a_key_that_stands_twice_is_a_problem(read, name: str) -> None:
    text = json.dumps(GOOD).replace('"ips":', '"ips": ["52.83.9.9"], "ips":')
    (problem,) = read(text, name).problems
    assert problem.column == "ips"
    assert "twice" in problem.reason


def test_the_reviews_part_is_kept_and_comes_back(read) -> None:
    result = read([REVIEWED])
    assert result.problems == ()
    assert result.unknown_columns == ()
    (row,) = result.rows
    assert row.application.service.domains == ("a.cn", "b.cn")
    assert application_to_json(row.application) == REVIEWED
    kept = json.loads(row.application.review)
    assert kept["service"]["app"] == {"platforms": [], "sdks": None}
    assert "name" not in kept["entity"]


def test_the_reviews_part_is_canonical(read) -> None:
    shuffled = dict(reversed(REVIEWED.items()))
    assert read([shuffled]).rows[0].application == read([REVIEWED]).rows[0].application


def test_other_keys_are_reported(read) -> None:
    value = {**GOOD, "note": 1, "entity": {**GOOD["entity"], "vat": 2, "email": 3}}
    result = read({"applications": [value, value], "page": 1})
    assert len(result.rows) == 2
    assert result.unknown_columns == ("note", "entity.vat", "entity.email", "page")


def test_what_utf8_cannot_carry_is_refused(read) -> None:
    value = json.dumps({**GOOD, "portal": "PLACE"}).replace("PLACE", "\\ud800")
    (problem,) = read(value).problems
    assert "half a character" in problem.reason


def test_from_json_raises_the_first_problem() -> None:
    application = application_from_json(GOOD)
    assert (application.kind, application.service.type) == (Kind.NEW, ServiceType.WEBSITE)
    with pytest.raises(FilingError, match="column kind"):
        application_from_json(other(kind="x"))


def test_the_time_is_written_in_shanghai() -> None:
    application = application_from_json(other(status_at="2026-11-03T01:30:00Z"))
    assert application_to_json(application)["status_at"] == "2026-11-03T09:30:00+08:00"
