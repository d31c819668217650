"""Who may file, and which services must; every record is made up."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from gatekeeper.filing.review import Surroundings, Told, not_told
from gatekeeper.sources.provider_rules import packaged_providers
from tests.unit.filing.review import records
from tests.unit.filing.review.others import filing, register
from tests.unit.filing.review.records import DELETE, app, changed, judged, verdict, website

BEIJING_ARN = (
    "arn:aws-cn:elasticloadbalancing:cn-north-1:123456789012:loadbalancer/app/shop/50dc6c495c0c9188"
)


@pytest.mark.parametrize(
    ("rule", "record", "path", "value", "expected"),
    [
        ("who-organisation", website(), "entity.type", "institution", "pass"),
        ("who-organisation", website(), "entity.type", "个体工商户", "fail"),
        ("who-organisation", website(), "entity.type", "individual", "fail"),
        ("who-organisation", website(), "entity.type", DELETE, "unknown"),
        ("who-organisation", website(), "entity.certificate_number", "92640100MA0000001P", "fail"),
        ("who-organisation", website(), "entity.certificate_number", "92640100", "pass"),
        ("who-province", website(), "entity.province", "内蒙古自治区", "pass"),
        ("who-province", website(), "entity.province", "西藏", "fail"),
        ("who-province", website(), "entity.province", "Qinghai", "fail"),
        ("who-province", website(), "entity.province", "青海省", "fail"),
        ("who-province", website(), "entity.certificate_province", "西藏自治区", "fail"),
        ("who-province", website(), "entity.certificate_province", DELETE, "pass"),
        ("who-province", website(), "entity.province", DELETE, "unknown"),
        ("who-province", website(), "entity.province", "火星", "unknown"),
        ("who-foreign", website(), "entity.foreign", False, "not_applicable"),
        ("who-foreign", website(), "entity.foreign", True, "ask"),
        ("who-platform", website(), "service.type", "website", "pass"),
        ("who-platform", app(), "service.type", "app", "pass"),
        ("who-platform", app(), "service.type", "小程序", "fail"),
        ("who-platform", app(), "service.type", "fast_app", "fail"),
        ("who-platform", app(), "service.type", DELETE, "unknown"),
        ("who-offline", app(), "service.online", True, "pass"),
        ("who-offline", app(), "service.online", False, "warn"),
        ("who-offline", website(), "service.online", False, "not_applicable"),
        ("who-again", app(), "service.filed_as_website", False, "pass"),
        ("who-again", app(), "service.filed_as_website", True, "warn"),
    ],
)
def test_one_change_decides(
    rule: str, record: dict[str, Any], path: str, value: Any, expected: str
) -> None:
    assert verdict(changed(record, path, value), rule) == expected


def test_only_nwcd_refuses_provinces_and_persons() -> None:
    record = changed(website(), "provider", "21vianet")
    record = changed(record, "entity.province", "西藏")
    record = changed(record, "entity.type", "individual")
    assert verdict(record, "who-province") == "not_applicable"
    assert verdict(record, "who-organisation") == "not_applicable"


def test_a_provider_without_refusals_takes_a_sole_trader() -> None:
    nwcd = packaged_providers()["nwcd"]
    lenient = nwcd.model_copy(
        update={"refused": nwcd.refused.model_copy(update={"entity_types": ()})}
    )
    record = changed(website(), "entity.certificate_number", "92640100MA0000001P")
    assert verdict(record, "who-organisation", provider=lenient) == "pass"


def test_both_provinces_are_named_where_both_are_refused() -> None:
    record = changed(website(), "entity.province", "青海")
    record = changed(record, "entity.certificate_province", "西藏")
    found = judged(record, "who-province")
    assert [one.field for one in found] == ["entity.province", "entity.certificate_province"]
    assert "Qinghai" in found[0].message
    assert "西藏自治区" in found[1].message_zh


class TestForeign:
    def test_an_answer_decides(self) -> None:
        record = changed(website(), "entity.foreign", True)
        for answer, expected in (("yes", "pass"), ("否", "fail")):
            record["answers"] = {"who-foreign": {"answer": answer, "by": "reviewer"}}
            assert verdict(record, "who-foreign") == expected

    def test_no_answer_makes_a_business_licence_of_another_paper(self) -> None:
        record = changed(website(), "entity.foreign", True)
        record["entity"]["certificate_type"] = "other"
        record["answers"] = {"who-foreign": {"answer": "yes", "by": "reviewer"}}
        [found] = judged(record, "who-foreign")
        assert (str(found.verdict), found.field) == ("fail", "entity.certificate_type")


class TestRegion:
    def test_every_address_lies_in_the_region(self) -> None:
        assert verdict(website(), "who-region") == "pass"

    def test_an_address_outside_is_named(self) -> None:
        record = changed(website(), "access.ips[1]", "54.222.0.10")
        facts = records.facts(record)
        facts = replace(facts, in_region={**facts.in_region, "54.222.0.10": Told(False)})
        [found] = judged(record, "who-region", facts=facts)
        assert (str(found.verdict), found.field) == ("fail", "access.ips[1]")
        assert "54.222.0.10" in found.message
        assert "cn-northwest-1" in found.message_zh

    def test_it_is_unknown_with_its_reason(self) -> None:
        record = website()
        told = dict.fromkeys(record["access"]["ips"], not_told("the list is too old", "地址段过旧"))
        found = judged(record, "who-region", facts=replace(records.facts(record), in_region=told))
        assert {str(one.verdict) for one in found} == {"unknown"}
        assert len(found) == 2
        assert "the list is too old" in found[0].message
        assert "地址段过旧" in found[0].message_zh

    def test_it_is_unknown_where_nothing_was_read(self) -> None:
        assert verdict(website(), "who-region", facts=None) == "unknown"

    @pytest.mark.parametrize(
        "balancer",
        [
            BEIJING_ARN,
            "shop-1234567890.cn-north-1.elb.amazonaws.com.cn",
            "shop-50dc6c495c0c9188.elb.cn-north-1.amazonaws.com.cn",
        ],
    )
    def test_a_load_balancer_says_its_region(self, balancer: str) -> None:
        record = changed(website(), "access.load_balancer", balancer)
        assert verdict(record, "who-region") == "fail"
        here = balancer.replace("cn-north-1", "cn-northwest-1")
        assert verdict(changed(record, "access.load_balancer", here), "who-region") == "pass"

    def test_a_load_balancer_elsewhere_fails_without_live_facts(self) -> None:
        record = changed(website(), "access.load_balancer", BEIJING_ARN)
        assert verdict(record, "who-region", facts=None) == "fail"

    def test_no_address_is_unknown_but_in_a_change_that_leaves_them(self) -> None:
        record = changed(website(), "access.ips", [])
        assert verdict(record, "who-region") == "unknown"
        assert verdict(changed(record, "kind", "change"), "who-region") == "not_applicable"
        ends = changed(website(), "kind", "cancel_access")
        assert verdict(ends, "who-region") == "not_applicable"


def test_an_app_that_names_a_websites_filing_needs_one_of_its_own() -> None:
    around = Surroundings.of((), register(filing("FP1", "website", "塞上测试商城")))
    [found] = judged(app(), "who-again", surroundings=around)
    assert (str(found.verdict), found.field) == ("warn", "filing_id")
    own = Surroundings.of((), register(filing("FP1", "app", "塞上测试")))
    assert verdict(app(), "who-again", surroundings=own) == "pass"


def test_a_hostile_province_is_shown_on_one_line() -> None:
    [found] = judged(changed(website(), "entity.province", "火\u2028星" * 300), "who-province")
    for message in (found.message, found.message_zh):
        assert message.isprintable()
        assert len(message) < 300
