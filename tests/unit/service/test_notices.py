"""Who is told of what, and when."""

from __future__ import annotations

import json
import re
from datetime import datetime, timedelta

import pytest

from gatekeeper.filing import place_name
from gatekeeper.gate import finding_record
from gatekeeper.service import Route, parse_config
from gatekeeper.service.channels import _service, channel
from gatekeeper.service.notices import (
    SHANGHAI,
    due,
    is_quiet,
    plan_notices,
    quiet_end,
)
from gatekeeper.service.webhook import Webhook
from tests.unit.service.told import AT, FINDING, finding, high, route

NIGHT = {"from": "22:00", "to": "08:00"}


def local(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=SHANGHAI)


def routes_told(one, routes, *, state="new", provinces=None):
    planned = plan_notices([(one, state)], routes, provinces or {}, at=AT)
    return [notice.route for notice in planned]


def test_a_notice_holds_the_finding_as_plain_json() -> None:
    (notice,) = plan_notices([(FINDING, "new")], [route()], {}, at=AT)
    assert notice.data == {**finding_record(FINDING), "state": "new"}
    assert json.loads(json.dumps(notice.data)) == notice.data
    assert (notice.route, notice.due_at) == ("ops", AT)


@pytest.mark.parametrize(
    ("filters", "told"),
    [
        ({}, True),
        ({"severity": "critical"}, False),
        ({"severity": "high"}, True),
        ({"severity": "info"}, True),
        ({"codes": ["closed-approved", "elb-internal"]}, True),
        ({"codes": ["elb-internal"]}, False),
        ({"accounts": ["111122223333"]}, True),
        ({"accounts": ["444455556666"]}, False),
        ({"provinces": ["宁夏"]}, True),
        ({"provinces": ["北京", "Ningxia"]}, True),
        ({"provinces": ["北京"]}, False),
        ({"codes": ["closed-approved"], "accounts": ["444455556666"]}, False),
    ],
)
def test_a_route_is_told_of_what_passes_all_its_filters(filters, told) -> None:
    one = high()
    assert bool(routes_told(one, [route(**filters)], provinces={"F1": "宁夏回族自治区"})) is told


def test_a_route_of_provinces_is_told_only_of_filings_whose_province_is_known() -> None:
    only = [route(provinces=["宁夏"])]
    assert routes_told(FINDING, only, provinces={"F1": "宁夏"}) == []
    assert routes_told(high(), only, provinces={"F1": ""}) == []
    assert routes_told(high(), only) == []


def test_what_is_resolved_is_told_where_it_would_have_been_told_and_is_wanted() -> None:
    routes = [
        route("all"),
        route("no", resolved=False),
        route("other", codes=["elb-internal"]),
        route("critical", severity="critical"),
    ]
    assert routes_told(high(), routes, state="resolved") == ["all"]
    assert routes_told(high(), routes) == ["all", "no"]


def test_each_route_finding_first_sight_and_state_is_one_notice() -> None:
    def key(one, state="new", name="ops"):
        (notice,) = plan_notices([(one, state)], [route(name)], {}, at=AT)
        return notice.key

    again = finding(last_seen=AT + timedelta(hours=1), message="other words")
    assert key(FINDING) == key(again)
    came_back = finding(first_seen=AT + timedelta(hours=1))
    others = [
        key(came_back),
        key(FINDING, "resolved"),
        key(FINDING, name="mail"),
        key(finding(subject="eni-1|ipv6")),
    ]
    assert len({key(FINDING), *others}) == 5


def test_a_key_fits_the_index_of_every_database_and_stays_the_same() -> None:
    made = [
        plan_notices([(high(subject="备" * 5000 + end), "new")], [route()], {}, at=AT)[0].key
        for end in ("a", "b", "a")
    ]
    assert made[0] == made[2] != made[1]
    assert max(len(key.encode()) for key in made) < 2000


@pytest.mark.parametrize(
    ("quiet", "at", "end"),
    [
        (NIGHT, "2026-11-02 21:59", None),
        (NIGHT, "2026-11-02 22:00", "2026-11-03 08:00"),
        (NIGHT, "2026-11-03 00:00", "2026-11-03 08:00"),
        (NIGHT, "2026-11-03 07:59", "2026-11-03 08:00"),
        (NIGHT, "2026-11-03 08:00", None),
        (NIGHT, "2026-12-31 23:00", "2027-01-01 08:00"),
        ({"from": "12:00", "to": "13:30"}, "2026-11-02 12:30", "2026-11-02 13:30"),
        ({"from": "12:00", "to": "13:30"}, "2026-11-02 23:30", None),
        ({"from": "09:00", "to": "09:00"}, "2026-11-02 09:00", None),
        (None, "2026-11-02 23:00", None),
    ],
)
def test_quiet_hours_are_of_shanghai_and_may_cross_midnight(quiet, at, end) -> None:
    hours = route(quiet=quiet).quiet
    expected = local(end or at)
    assert quiet_end(hours, local(at)) == expected
    assert is_quiet(hours, local(at)) is (end is not None)
    assert due(route(quiet=quiet), high().severity, at=local(at)) == expected
    assert due(route(quiet=quiet), FINDING.severity, at=local(at)) == local(at)


def test_a_digest_comes_at_the_next_multiple_and_critical_findings_at_once() -> None:
    hourly = route(digest="1h")
    assert due(hourly, high().severity, at=local("2026-11-02 12:10")) == local("2026-11-02 13:00")
    assert due(hourly, high().severity, at=local("2026-11-02 13:00")) == local("2026-11-02 14:00")
    assert due(hourly, FINDING.severity, at=AT) == AT
    daily = route(digest="1d")
    assert due(daily, high().severity, at=local("2026-11-02 12:10")) == local("2026-11-03 00:00")
    assert due(route(digest="0s"), high().severity, at=AT) == AT


def test_a_digest_that_falls_into_quiet_hours_comes_at_their_end() -> None:
    daily = route(digest="1d", quiet=NIGHT)
    assert due(daily, high().severity, at=local("2026-11-02 12:10")) == local("2026-11-03 08:00")


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("宁夏回族自治区", "宁夏"),
        ("宁夏", "宁夏"),
        (" Ning Xia ", "宁夏"),
        ("新疆维吾尔自治区", "新疆"),
        ("广西壮族自治区", "广西"),
        ("西藏自治区", "西藏"),
        ("内蒙古自治区", "内蒙古"),
        ("北京市", "北京"),
        ("北 京 市", "北京"),
        ("广东省", "广东"),
        ("香港特别行政区", "香港"),
        ("Shaanxi", "陕西"),
        ("省", "省"),
        ("", ""),
    ],
)
def test_a_province_is_known_by_its_full_and_its_short_name(text, name) -> None:
    assert place_name(text) == name


def test_every_key_of_a_route_is_documented_and_the_examples_are_settings(
    root, monkeypatch
) -> None:
    text = (root / "docs" / "notices.md").read_text(encoding="utf-8")
    described = set(re.findall(r"^\| `([a-z]+)` \|", text, re.MULTILINE))
    assert described == set(Route.model_fields)
    examples = re.findall(r"^```yaml\n(.*?)^```", text, re.MULTILINE | re.DOTALL)
    assert examples
    for example in examples:
        for name in re.findall(r"\$\{(\w+)\}", example):
            monkeypatch.setenv(name, "x")
        for one in parse_config(example).notices:
            known = isinstance(channel(one), Webhook) or _service(one.url.get_secret_value())
            assert known
