"""A complete website and a complete APP pass; each single fault is caught under its own id."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from typing import Any

import pytest

from gatekeeper.filing.review import (
    AccountFacts,
    AddressFacts,
    BalancerFacts,
    DomainFacts,
    Facts,
    Holding,
    Told,
    Verdict,
    review,
)
from tests.unit.filing.review.records import (
    ACCOUNT,
    DELETE,
    IPS,
    app,
    case,
    changed,
    facts,
    website,
)

Record = dict[str, Any]

#: One value that is wrong, and the rule that must say so.
BOTH: list[tuple[str, Any, str]] = [
    ("entity.province", "西藏", "who-province"),
    ("entity.type", "个体工商户", "who-organisation"),
    ("entity.certificate_number", "91640100MA0000001Q", "entity-uscc"),
    ("entity.certificate_province", "广东省", "entity-region"),
    ("entity.address", "", "entity-fields"),
    ("entity.head.id_number", "640104199001010019", "person-id"),
    ("entity.head.valid_until", "2020-01-31", "person-id-valid"),
    ("service.domains[0].real_name_verified", False, "domain-real-name"),
    ("service.domains[0].holder", "另一家公司", "domain-holder"),
    ("service.domains[0].valid_until", "2026-01-31", "domain-valid"),
    ("access.account_id", "12345678901", "access-account"),
    ("access.ips", [], "access-type"),
    ("attachments[0].size", 300_000, "file-licence-photo"),
    ("attachments[1].colour", False, "file-person-photo"),
    ("attachments[2].kind", "party_letter", "file-domain-certificate"),
    ("entity.legal_representative", "李示例", "letter-authorisation"),
    ("entity.aws_company", "另一家公司", "letter-confirmation"),
    ("attachments[3].kind", "party_letter", "letter-commitment"),
    ("service.categories", ["新闻"], "preapproval"),
    ("verification.route", "manual", "verify-route"),
    ("verification.status", "failed", "verify-status"),
    ("answers", {"file-photo-quality": {"answer": "no", "by": "li"}}, "file-photo-quality"),
]
WEBSITE: list[tuple[str, Any, str]] = [
    *BOTH,
    ("service.name", "中国测试商城", "name-website-words"),
    ("service.domains[0].name", "www.example-test.cn", "domain-website-level"),
    ("service.type", "mini_program", "who-platform"),
]
APP: list[tuple[str, Any, str]] = [
    *BOTH,
    ("service.app.platforms[0].md5", "xyz", "app-features"),
    ("service.app.platforms[1].name", "别的名称", "name-app-platforms"),
    ("service.app.sdks", None, "app-sdk"),
    ("service.app.category", "", "app-basics"),
    ("service.domains[0].name", "a.b.c.example-test.cn", "domain-app-level"),
    ("attachments[4].kind", "party_letter", "file-app-icon"),
    ("attachments[5].kind", "party_letter", "letter-fraud-risk"),
]


def judged(record: Record, **given: Any) -> dict[str, Verdict]:
    return {result.rule: result.verdict for result in review(case(record, **given)).results}


@pytest.mark.parametrize("record", [website, app])
def test_a_complete_application_passes(record: Callable[[], Record]) -> None:
    found = review(case(record()))
    left = [one for one in found.results if one.verdict not in ("pass", "not_applicable")]
    assert left == []
    assert found.verdict is Verdict.PASS
    assert all(one.present for one in found.checklist if one.needed)


@pytest.mark.parametrize(
    ("record", "path", "value", "rule"),
    [
        *((website, *fault) for fault in WEBSITE),
        *((app, *fault) for fault in APP),
    ],
)
def test_a_single_fault_is_caught_under_its_own_id(
    record: Callable[[], Record], path: str, value: Any, rule: str
) -> None:
    broken = changed(record(), path, value)
    found = review(case(broken, facts=facts(broken)))
    [first, *_] = results = [one for one in found.results if one.rule == rule]
    assert {one.verdict for one in results} == {Verdict.FAIL}
    assert found.verdict is Verdict.FAIL
    assert any("\u4e00" <= letter <= "\u9fff" for letter in first.message_zh)
    assert first.message
    assert first.remedy
    assert first.remedy_zh
    assert first.source


def account(**given: Any) -> Facts:
    good = facts(website())
    return Facts(account=Told(AccountFacts(account_id=ACCOUNT, **given)), in_region=good.in_region,
                 domains=good.domains)  # fmt: skip


def held(*holdings: Holding, **given: Any) -> dict[str, AddressFacts]:
    return {ip: AddressFacts(Told(one), **given) for ip, one in zip(IPS, holdings, strict=True)}


EIP, NONE, AUTO = Holding.EIP, Holding.NONE, Holding.AUTO
BALANCER = "arn:aws-cn:elasticloadbalancing:cn-northwest-1:123456789012:loadbalancer/app/web/1"
DOMAIN = "example-test.cn"


@pytest.mark.parametrize(
    ("live", "rule"),
    [
        (account(addresses=held(EIP, AUTO)), "access-type"),
        (account(addresses=held(EIP, NONE)), "access-owned"),
        (account(addresses=held(EIP, NONE, released=Told(True))), "access-released"),
        (
            account(
                addresses=held(Holding.LOAD_BALANCER, Holding.LOAD_BALANCER, balancer=BALANCER),
                balancers={BALANCER: BalancerFacts(BALANCER, "web", (*IPS, "52.83.200.3"))},
            ),
            "access-elb-set",
        ),
        (account(addresses=held(NONE, NONE)), "portal-ip"),
        (
            Facts(account=account(addresses=held(EIP, EIP)).account,
                  in_region=dict.fromkeys(IPS, Told(False)),
                  domains=facts(website()).domains),
            "who-region",
        ),
        (
            Facts(domains={DOMAIN: DomainFacts(tld_approved=Told(False))}),
            "domain-tld",
        ),
        (
            Facts(domains={DOMAIN: DomainFacts(registrar_approved=Told(False))}),
            "domain-registrar",
        ),
        (
            Facts(domains={DOMAIN: DomainFacts(expires=Told(date(2026, 1, 1)))}),
            "domain-valid",
        ),
    ],
)  # fmt: skip
def test_a_live_fact_that_is_wrong_is_caught(live: Facts, rule: str) -> None:
    assert judged(website(), facts=live)[rule] is Verdict.FAIL


def test_a_missing_part_is_unknown_never_passed() -> None:
    found = judged(changed(website(), "entity.type", DELETE))
    assert found["who-organisation"] is Verdict.UNKNOWN
