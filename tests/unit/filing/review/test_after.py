"""What must hold after the approval; every record is made up."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from gatekeeper.filing.model import FilingState
from gatekeeper.filing.review import (
    Facts,
    Lookup,
    ShownNumber,
    Surroundings,
    Told,
    not_told,
)
from gatekeeper.filing.workdays import SHANGHAI
from tests.unit.filing.review.others import OWN, STRANGER, filing, peer, register
from tests.unit.filing.review.records import (
    DELETE,
    app,
    changed,
    facts,
    judged,
    verdict,
    website,
)

SITE, APP = "宁ICP备2026000001号-1", "宁ICP备2026000001号-2A"
APPROVED = datetime(2026, 11, 2, 15, 0, tzinfo=SHANGHAI)
RULES = ("after-number", "after-footer", "after-police", "after-lookup")


def approved(record: dict[str, Any], licence: Any) -> dict[str, Any]:
    record = changed(record, "status", "approved")
    record = changed(record, "status_at", APPROVED.isoformat())
    return record if licence is DELETE else changed(record, "service.licence", licence)


def site(licence: Any = SITE) -> dict[str, Any]:
    return approved(website(), licence)


def mobile(licence: Any = APP) -> dict[str, Any]:
    return approved(app(), licence)


def licensed(filing_id: str, service_type: str, name: str, licence: str, **given: Any) -> Any:
    found = filing(filing_id, service_type, name, **given)
    return replace(found, service=replace(found.service, licence=licence))


@pytest.mark.parametrize("rule", RULES)
def test_before_the_approval_nothing_follows(rule: str) -> None:
    for record in (website(), changed(site(), "status", "bureau_review"), app()):
        assert verdict(record, rule) == "not_applicable"


@pytest.mark.parametrize("rule", RULES)
def test_after_the_ending_nothing_follows(rule: str) -> None:
    ended = filing("FW1", "website", "塞上测试商城", state=FilingState.ENDED)
    [found] = judged(site(), rule, surroundings=Surroundings.of((), register(ended)))
    assert (found.verdict.value, "ended" in found.message) == ("not_applicable", True)


@pytest.mark.parametrize(
    ("record", "expected"),
    [
        (site(), "pass"),
        (mobile(), "pass"),
        (site("粤B2-20090059-5"), "pass"),
        (site(APP), "fail"),
        (mobile(SITE), "fail"),
        (mobile("宁ICP备2026000001号-2X"), "fail"),
        (site("宁ICP备2026000001号"), "fail"),
        (site("川ICP备2026000001号-1"), "fail"),
        (site("备案号\u2028"), "fail"),
        (site(""), "fail"),
        (site(DELETE), "fail"),
        (changed(site(), "kind", "change_ip"), "not_applicable"),
        (changed(site(), "service.type", "mini_program"), "not_applicable"),
    ],
)
def test_the_number_is_the_services(record: dict[str, Any], expected: str) -> None:
    [found] = judged(record, "after-number")
    assert found.verdict.value == expected
    if expected == "fail":
        assert found.field == "service.licence"
        assert found.message.isprintable()


def test_a_mistaken_province_is_put_right() -> None:
    [found] = judged(site("川ICP备2026000001号-1"), "after-number")
    assert "蜀ICP备2026000001号-1" in found.message
    assert "蜀ICP备2026000001号-1" in found.message_zh


def test_the_register_may_have_the_number() -> None:
    mine = licensed("FW1", "website", "塞上测试商城", SITE)
    around = Surroundings.of((), register(mine))
    assert verdict(site(DELETE), "after-number", surroundings=around) == "pass"


@pytest.mark.parametrize(
    ("others", "expected"),
    [
        ([licensed("F2", "website", "另一商城", "宁ICP备2026000001-1", entity=STRANGER)], "fail"),
        ([licensed("F2", "website", "另一商城", SITE, state=FilingState.ENDED)], "pass"),
        ([licensed("F2", "website", "另一商城", "宁ICP备2026000001号-3")], "pass"),
        ([licensed("FW1", "website", "塞上测试商城", SITE)], "pass"),
    ],
)
def test_a_number_is_one_filings(others: list[Any], expected: str) -> None:
    around = Surroundings.of((), register(*others))
    assert verdict(site(), "after-number", surroundings=around) == expected


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({}, "fail"),
        ({"status": "draft"}, "pass"),
        ({"kind": "change"}, "pass"),
        ({"filing_id": "FW1"}, "pass"),
        ({"application_id": "W1"}, "pass"),
    ],
)
def test_a_number_is_one_records(given: dict[str, str], expected: str) -> None:
    other = {"application_id": "W2", "filing_id": "FW2", **given}
    record = site()
    for path, value in other.items():
        record = changed(record, path, value)
    around = Surroundings.of([peer(record)])
    assert verdict(site(), "after-number", surroundings=around) == expected


@pytest.mark.parametrize(
    ("other", "expected"),
    [
        (licensed("F2", "app", "塞上测试", "宁ICP备2026000001号-9A"), "fail"),
        (licensed("F2", "app", "塞上测试", "宁ICP备2026000001号-9A", entity=STRANGER), "pass"),
        (licensed("F2", "app", "塞上另一个", "宁ICP备2026000001号-9A"), "pass"),
        (licensed("F2", "website", "塞上测试", "宁ICP备2026000001号-9"), "pass"),
        (filing("F2", "app", "塞上测试", entity=OWN), "pass"),
    ],
)
def test_an_app_has_one_number_on_all_platforms(other: Any, expected: str) -> None:
    around = Surroundings.of((), register(other))
    assert verdict(mobile(), "after-number", surroundings=around) == expected


def shows(*numbers: str, linked: bool = True) -> Facts:
    return replace(facts(website()), shown=Told(ShownNumber(numbers, numbers if linked else ())))


GUANGDONG, SUBJECT = "粤ICP备2026000001号-1", "粤ICP备2026000001号"


@pytest.mark.parametrize(
    ("record", "live", "expected"),
    [
        (site(), shows(SITE), "pass"),
        (site("宁ICP备2026000001-1"), shows("京ICP备10046444号-9", SITE), "pass"),
        (site(), shows(SITE, linked=False), "fail"),
        (site(), shows("京ICP备10046444号-9"), "fail"),
        (site(), shows("宁ICP备2026000001号"), "fail"),
        (site(), shows(), "fail"),
        (site(GUANGDONG), shows(SUBJECT), "pass"),
        (site(GUANGDONG), shows(GUANGDONG), "fail"),
        (mobile(), shows(APP), "pass"),
        (mobile(), shows(), "fail"),
        (mobile(), None, "ask"),
        (mobile(), facts(app()), "ask"),
        (site(), None, "unknown"),
        (site(), facts(website()), "unknown"),
        (site(""), shows(SITE), "unknown"),
        (mobile(""), None, "unknown"),
    ],
)
def test_the_number_is_shown_and_linked(
    record: dict[str, Any], live: Facts | None, expected: str
) -> None:
    [found] = judged(record, "after-footer", facts=live)
    assert found.verdict.value == expected


def test_a_page_that_was_not_read_says_why() -> None:
    live = replace(facts(website()), shown=not_told("timed out", "超时"))
    [found] = judged(site(), "after-footer", facts=live)
    assert ("timed out" in found.message, "超时" in found.message_zh) == (True, True)


@pytest.mark.parametrize(("answer", "expected"), [("yes", "pass"), ("no", "fail")])
def test_a_person_looks_at_an_apps_settings(answer: str, expected: str) -> None:
    record = mobile()
    record["answers"]["after-footer"] = {"answer": answer, "by": "reviewer"}
    [found] = judged(record, "after-footer", facts=None)
    assert (found.verdict.value, "reviewer" in found.message) == (expected, True)


OVER = datetime(2026, 12, 3, tzinfo=SHANGHAI)
"""24:00 of the 30th day after the approval."""


@pytest.mark.parametrize(
    ("answer", "at", "expected"),
    [
        (None, APPROVED, "ask"),
        (None, OVER - timedelta(seconds=1), "ask"),
        (None, OVER, "fail"),
        ("no", OVER - timedelta(seconds=1), "warn"),
        ("no", OVER, "fail"),
        ("yes", APPROVED, "pass"),
        ("yes", OVER, "pass"),
    ],
)
def test_the_police_are_told_within_30_days(
    answer: str | None, at: datetime, expected: str
) -> None:
    record = site()
    if answer is not None:
        record["answers"]["after-police"] = {"answer": answer, "by": "reviewer"}
    [found] = judged(record, "after-police", at=at)
    assert found.verdict.value == expected
    if expected != "pass":
        assert "2026-12-03 00:00" in found.message
        assert "宁夏西云数据科技有限公司，宁夏回族自治区中卫市沙坡头区" in found.message_zh
    if expected == "fail":
        assert answer is None or "reviewer says" not in found.message


@pytest.mark.parametrize(
    ("opened", "expected"),
    [
        (APPROVED + timedelta(days=3), "ask"),  # the days run from the opening
        (APPROVED - timedelta(days=30), "fail"),  # never from before the approval
    ],
)
def test_the_days_run_from_the_opening(opened: datetime, expected: str) -> None:
    live = replace(facts(website()), opened=Told(opened))
    assert verdict(site(), "after-police", at=OVER, facts=live) == expected


def test_a_provider_without_data_of_its_own() -> None:
    record = changed(site(), "provider", "21vianet")
    [found] = judged(record, "after-police", at=APPROVED)
    assert (found.verdict.value, "provider:" in found.message) == ("ask", False)


@pytest.mark.parametrize("moment", [DELETE, "9999-12-31T23:00:00+08:00"])
def test_no_time_no_clock(moment: Any) -> None:
    assert verdict(changed(site(), "status_at", moment), "after-police") == "unknown"


def looked(
    found: bool = True,
    restricted: bool | None = False,
    *differences: str,
    at: datetime = APPROVED + timedelta(days=1),
) -> Facts:
    return replace(facts(website()), lookup=Told(Lookup(found, restricted, tuple(differences), at)))


@pytest.mark.parametrize(
    ("live", "expected"),
    [
        (looked(), "pass"),
        (looked(restricted=None), "pass"),
        (looked(False), "fail"),
        (looked(False, at=APPROVED - timedelta(days=1)), "unknown"),
        (looked(True, True), "fail"),
        (looked(True, False, "domain: other.cn\u2028"), "fail"),
        (facts(website()), "unknown"),
        (None, "unknown"),
    ],
)
def test_the_number_can_be_looked_up(live: Facts | None, expected: str) -> None:
    [found] = judged(site(), "after-lookup", facts=live)
    assert found.verdict.value == expected
    assert found.message.isprintable()
    if expected == "fail":
        assert "2026-11-03" in found.message


def test_everything_that_differs_is_said() -> None:
    found = judged(site(), "after-lookup", facts=looked(True, True, "domain", "name"))
    assert len(found) == 3
