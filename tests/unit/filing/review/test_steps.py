"""Verification, clocks and steps of an application; every record is made up."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from gatekeeper.filing.model import Access, FilingState
from gatekeeper.filing.review import AddressFacts, Facts, Holding, Surroundings, Told, not_told
from gatekeeper.filing.workdays import SHANGHAI
from gatekeeper.sources import known_holidays
from gatekeeper.sources.provider_rules import packaged_providers
from tests.unit.filing.review.others import filing, register
from tests.unit.filing.review.records import (
    ACCOUNT,
    DELETE,
    IPS,
    app,
    changed,
    facts,
    judged,
    verdict,
    website,
)


def changed_many(record: dict[str, Any], **values: Any) -> dict[str, Any]:
    for path, value in values.items():
        record = changed(record, path.replace("__", "."), value)
    return record


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ({}, "pass"),
        ({"verification__route": "线上核验"}, "pass"),
        ({"verification__route": "manual"}, "fail"),
        ({"verification__route": DELETE}, "unknown"),
        ({"entity__certificate_type": "事业单位法人证书"}, "fail"),
        ({"service__head__id_type": "passport"}, "fail"),
        ({"entity__head__id_type": "台胞证"}, "fail"),
        ({"service__head__id_type": "passport", "verification__route": "人工核验"}, "pass"),
        ({"entity__certificate_type": "other", "verification__route": "manual"}, "pass"),
        ({"entity__certificate_type": DELETE}, "unknown"),
        ({"service__head": DELETE}, "unknown"),
        ({"kind": "change_ip"}, "not_applicable"),
    ],
)
def test_the_papers_choose_the_route(values: dict[str, Any], expected: str) -> None:
    assert verdict(changed_many(website(), **values), "verify-route") == expected


def test_what_would_decide_the_route_is_named() -> None:
    record = changed_many(website(), entity__certificate_type=DELETE, service__head=DELETE)
    found = judged(record, "verify-route")
    assert [one.field for one in found] == ["entity.certificate_type", "service.head.id_type"]


@pytest.mark.parametrize(
    ("status", "verification", "expected"),
    [
        ("draft", "verified", "pass"),
        ("draft", "已核验", "pass"),
        ("draft", "核验中", "warn"),
        ("draft", "none", "fail"),
        ("draft", "核验失败", "fail"),
        ("draft", DELETE, "unknown"),
        (DELETE, "pending", "warn"),
        ("returned", "pending", "warn"),
        ("rejected", "pending", "warn"),
        ("submitted", "pending", "fail"),
        ("bureau_review", "none", "fail"),
        ("approved", "verified", "pass"),
    ],
)
def test_papers_are_verified_before_they_are_sent(
    status: Any, verification: Any, expected: str
) -> None:
    record = changed_many(website(), status=status, verification__status=verification)
    assert verdict(record, "verify-status") == expected


def test_a_wait_says_how_long() -> None:
    [found] = judged(changed(website(), "verification.status", "pending"), "verify-status")
    assert "3 minutes" in found.message
    assert "3 分钟" in found.message_zh


def test_verification_by_hand_has_no_status_but_failed() -> None:
    record = changed(website(), "entity.certificate_type", "军队代号")
    assert verdict(record, "verify-status") == "not_applicable"
    assert verdict(changed(record, "verification.status", DELETE), "verify-status") == (
        "not_applicable"
    )
    assert verdict(changed(record, "verification.status", "failed"), "verify-status") == "fail"


START = datetime(2026, 11, 20, 9, 0, tzinfo=SHANGHAI)
"""A Friday."""


def at(status: str, when: datetime, rule: str, **values: Any) -> Any:
    record = changed_many(website(), status=status, status_at=START.isoformat(), **values)
    return judged(record, rule, at=when, holidays=known_holidays())


MINUTE = timedelta(minutes=1)


@pytest.mark.parametrize(
    ("rule", "status", "values", "over", "then"),
    [
        ("clock-provider", "submitted", {}, datetime(2026, 11, 24, tzinfo=SHANGHAI), "warn"),
        (
            "clock-provider",
            "submitted",
            {"provider": "21vianet"},
            datetime(2026, 11, 25, tzinfo=SHANGHAI),
            "warn",
        ),
        ("clock-sms", "sms_pending", {}, START + timedelta(hours=24), "fail"),
        ("clock-bureau", "bureau_review", {}, datetime(2026, 12, 19, tzinfo=SHANGHAI), "warn"),
        ("clock-sms", "sms_pending", {"kind": "change_ip"}, START + timedelta(hours=24), "fail"),
    ],
)
def test_a_clock_runs_and_is_over(
    rule: str, status: str, values: dict[str, Any], over: datetime, then: str
) -> None:
    [before] = at(status, over - MINUTE, rule, **values)
    [after] = at(status, over, rule, **values)
    assert (before.verdict.value, after.verdict.value) == ("pass", then)
    day = f"{over:%Y-%m-%d %H:%M}"
    for text in (before.message, before.message_zh, after.message, after.message_zh):
        assert day in text
    assert after.remedy


def test_the_manual_route_has_days_of_its_own() -> None:
    nwcd = packaged_providers()["nwcd"]
    slow = nwcd.model_copy(
        update={"first_review": nwcd.first_review.model_copy(update={"manual": 3})}
    )
    record = changed_many(website(), status="submitted", status_at=START.isoformat())
    when = datetime(2026, 11, 25, tzinfo=SHANGHAI)
    assert verdict(record, "clock-provider", at=when, provider=slow) == "warn"
    by_hand = changed_many(record, verification__route="manual")
    assert verdict(by_hand, "clock-provider", at=when, provider=slow) == "pass"
    papers = changed_many(record, entity__certificate_type="other", verification__route=DELETE)
    assert verdict(papers, "clock-provider", at=when, provider=slow) == "pass"


def test_a_deadline_in_an_unknown_year_is_estimated() -> None:
    record = changed_many(website(), status="bureau_review", status_at=START.isoformat())
    [found] = judged(record, "clock-bureau", at=START)
    assert "(estimated)" in found.message
    assert "估算" in found.message_zh


@pytest.mark.parametrize("rule", ["clock-provider", "clock-sms", "clock-bureau"])
def test_a_clock_stands_still(rule: str) -> None:
    status = {"clock-provider": "submitted", "clock-sms": "sms_pending"}.get(rule, "bureau_review")
    assert verdict(website(), rule) == "not_applicable"
    assert verdict(changed(website(), "status", DELETE), rule) == "unknown"
    record = changed(website(), "status", status)
    assert verdict(changed(record, "status_at", DELETE), rule) == "unknown"
    late = changed(record, "status_at", "9999-12-31T23:00:00+08:00")
    early = changed(record, "status_at", "0001-01-01T00:00:00+14:00")
    assert verdict(late, rule) == "unknown"
    assert verdict(early, rule) in ("warn", "fail", "unknown")


def reached(ports: Told[tuple[str, ...]]) -> Facts:
    good = facts(website())
    assert good.account.value is not None
    open_ = AddressFacts(Told(Holding.EIP), exposed=ports)
    addresses = {**good.account.value.addresses, IPS[0]: open_}
    return replace(good, account=Told(replace(good.account.value, addresses=addresses)))


@pytest.mark.parametrize(
    ("ports", "status", "expected"),
    [
        (("tcp 443", "udp 443"), "draft", "fail"),
        (("tcp 443",), "bureau_review", "fail"),
        (("tcp 443",), "approved", "pass"),
        ((), "draft", "pass"),
    ],
)
def test_nothing_is_open_before_the_approval(
    ports: tuple[str, ...], status: str, expected: str
) -> None:
    record = changed(website(), "status", status)
    [found] = judged(record, "step-open", facts=reached(Told(ports)))
    assert found.verdict.value == expected
    if expected == "fail":
        assert IPS[0] in found.message
        assert "tcp 443" in found.message_zh


def test_what_nobody_looked_at_is_left_to_reconcile() -> None:
    for live in (None, facts(website()), reached(not_told("x", "x"))):
        [found] = judged(website(), "step-open", facts=live)
        assert (found.verdict.value, "reconcile" in found.message) == ("pass", True)


@pytest.mark.parametrize(
    ("state", "account_id", "expected"),
    [
        (FilingState.IN_EFFECT, ACCOUNT, "pass"),
        (FilingState.SUSPENDED, ACCOUNT, "fail"),
        (FilingState.ENDED, ACCOUNT, "fail"),
        (FilingState.IN_EFFECT, "210987654321", "fail"),
    ],
)
def test_another_filing_in_effect_may_hold_the_port_open(
    state: FilingState, account_id: str, expected: str
) -> None:
    other = replace(
        filing("FW2", "website", "塞上另一商城", state=state),
        access=Access(account_id=account_id, ips=IPS[:1]),
    )
    around = Surroundings.of((), register(other))
    live = reached(Told(("tcp 443",)))
    assert verdict(website(), "step-open", facts=live, surroundings=around) == expected


@pytest.mark.parametrize(
    ("status", "expected"),
    [("draft", "pass"), ("returned", "warn"), ("管局驳回", "warn"), ("approved", "pass")],
)
@pytest.mark.parametrize("kind", ["new", "cancel_access"])
def test_a_refusal_comes_back(status: str, expected: str, kind: str) -> None:
    record = changed_many(app(), status=status, kind=kind)
    [found] = judged(record, "step-reject", at=datetime(2026, 12, 1, tzinfo=UTC))
    assert found.verdict.value == expected
    assert bool(found.remedy) == (expected == "warn")
