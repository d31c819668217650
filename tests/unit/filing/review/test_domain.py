"""Domains: whose they are, what they are worth, on which level they stand; all made up."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from typing import Any

import pytest

from gatekeeper.filing import Kind, Status
from gatekeeper.filing.model import FilingState
from gatekeeper.filing.review import DomainFacts, Surroundings, Told, not_told
from tests.unit.filing.review import records
from tests.unit.filing.review.others import OWN, STRANGER, filing, peer, register
from tests.unit.filing.review.records import (
    DELETE,
    app,
    changed,
    judged,
    verdict,
    website,
)

RULES_OF_A_DOMAIN = (
    "domain-tld",
    "domain-registrar",
    "domain-valid",
    "domain-real-name",
    "domain-holder",
    "domain-verify-one",
    "domain-shared",
)
DOMAIN = "service.domains[0]"


def with_domains(record: dict[str, Any], *names: str) -> dict[str, Any]:
    """The record with these domains, each like its first."""
    first = record["service"]["domains"][0]
    return changed(record, "service.domains", [{**first, "name": name} for name in names])


@pytest.mark.parametrize(
    ("rule", "path", "value", "expected"),
    [
        ("domain-valid", "valid_until", "2026-11-20", "pass"),
        ("domain-valid", "valid_until", "2026-11-19", "fail"),
        ("domain-valid", "valid_until", "长期", "pass"),
        ("domain-real-name", "real_name_verified", True, "pass"),
        ("domain-real-name", "real_name_verified", False, "fail"),
        ("domain-real-name", "real_name_verified", "否", "fail"),
        ("domain-real-name", "real_name_verified", DELETE, "unknown"),
        ("domain-holder", "holder", "宁夏测试科技有限公司", "pass"),
        ("domain-holder", "holder", " 宁夏测试 科技有限公司", "pass"),
        ("domain-holder", "holder", "寧夏測試科技有限公司", "fail"),
        ("domain-holder", "holder", "王测试", "fail"),
        ("domain-holder", "holder", DELETE, "unknown"),
        ("domain-holder", "holder_certificate_number", "91640100MA0000002L", "fail"),
        ("domain-holder", "holder_certificate_number", "91640100ma0000001p", "pass"),
        ("domain-holder", "holder_certificate_number", DELETE, "pass"),
    ],
)
def test_one_change_decides(rule: str, path: str, value: Any, expected: str) -> None:
    found = judged(changed(website(), f"{DOMAIN}.{path}", value), rule)
    assert {str(one.verdict) for one in found} == {expected}
    if expected != "pass":
        assert [one.field for one in found] == [f"{DOMAIN}.{path}"]


@pytest.mark.parametrize("rule", RULES_OF_A_DOMAIN)
def test_a_record_without_domains_passes_none_of_the_rules_on_them(rule: str) -> None:
    [found] = judged(changed(website(), "service.domains", []), rule)
    assert (str(found.verdict), found.field) == ("unknown", "service.domains")
    nameless = changed(website(), f"{DOMAIN}.name", DELETE)
    [found] = judged(nameless, rule, facts=None)
    assert (str(found.verdict), found.field) == ("unknown", f"{DOMAIN}.name")


@pytest.mark.parametrize("rule", RULES_OF_A_DOMAIN)
def test_a_plain_name_says_as_much_as_it_says(rule: str) -> None:
    plain = changed(website(), "service.domains", ["example-test.cn"])
    decided = {"domain-tld", "domain-registrar", "domain-valid", "domain-verify-one"}
    known = rule in decided or rule == "domain-shared"
    assert verdict(plain, rule) == ("pass" if known else "unknown")


class TestLive:
    @staticmethod
    def facts(record: dict[str, Any], **given: Told[Any]) -> Any:
        """Good facts of the record, with others of its domain."""
        facts = records.facts(record)
        name = record["service"]["domains"][0]["name"].lower()
        return replace(facts, domains={name: facts.domains[name]._replace(**given)})

    @pytest.mark.parametrize(
        ("rule", "fact", "shown"),
        [
            ("domain-tld", "tld_approved", ".cn"),
            ("domain-registrar", "registrar_approved", "测试注册商"),
        ],
    )
    def test_a_dated_list_decides(self, rule: str, fact: str, shown: str) -> None:
        record = website()
        assert verdict(record, rule) == "pass"
        no = Told(False, source="list of 2026-10-01")
        [found] = judged(record, rule, facts=self.facts(record, **{fact: no}))
        assert str(found.verdict) == "fail"
        for message in (found.message, found.message_zh):
            assert shown in message
            assert "list of 2026-10-01" in message
        nobody = not_told("there is no list", "没有名单")
        [found] = judged(record, rule, facts=self.facts(record, **{fact: nobody}))
        assert str(found.verdict) == "unknown"
        assert "there is no list" in found.message
        assert "没有名单" in found.message_zh
        assert verdict(record, rule, facts=None) == "unknown"

    def test_a_domain_that_was_not_asked_for_is_unknown(self) -> None:
        facts = replace(records.facts(website()), domains={"other.cn": DomainFacts()})
        assert verdict(website(), "domain-tld", facts=facts) == "unknown"

    def test_a_name_that_is_none_has_no_top_level_domain_to_judge(self) -> None:
        record = changed(website(), f"{DOMAIN}.name", "https://example-test.cn/")
        [found] = judged(record, "domain-tld")
        assert str(found.verdict) == "unknown"

    def test_upper_case_finds_its_facts(self) -> None:
        record = changed(website(), f"{DOMAIN}.name", "Example-Test.CN")
        assert verdict(record, "domain-tld", facts=records.facts(website())) == "pass"

    def test_the_registrys_date_counts_where_it_was_read(self) -> None:
        record = website()
        over = self.facts(record, expires=Told(date(2026, 11, 19)))
        [found] = judged(record, "domain-valid", facts=over)
        assert str(found.verdict) == "fail"
        assert "2026-11-19" in found.message
        today = self.facts(record, expires=Told(date(2026, 11, 20)))
        assert verdict(record, "domain-valid", facts=today) == "pass"

    def test_a_record_that_was_left_behind_by_a_renewal_is_corrected(self) -> None:
        record = changed(website(), f"{DOMAIN}.valid_until", "2026-01-31")
        [found] = judged(record, "domain-valid")
        assert str(found.verdict) == "fail"
        assert "2026-01-31" in found.message
        assert "2028-01-31" in found.message

    def test_without_either_date_it_is_unknown(self) -> None:
        record = changed(website(), f"{DOMAIN}.valid_until", DELETE)
        assert verdict(record, "domain-valid") == "pass"
        [found] = judged(record, "domain-valid", facts=None)
        assert (str(found.verdict), found.field) == ("unknown", f"{DOMAIN}.valid_until")


class TestHolder:
    def test_brackets_and_width_do_not_matter(self) -> None:
        record = changed(website(), "entity.name", "测试（宁夏）有限公司")
        assert verdict(
            changed(record, f"{DOMAIN}.holder", "测试(宁夏)有限公司"), "domain-holder"
        ) == ("pass")

    def test_without_an_entity_nothing_can_be_compared(self) -> None:
        [found] = judged(changed(website(), "entity.name", DELETE), "domain-holder")
        assert (str(found.verdict), found.field) == ("unknown", "entity.name")

    def test_21vianet_takes_the_entitys_people_too(self) -> None:
        record = changed(website(), "provider", "21vianet")
        record["entity"]["investor"] = "测试投资有限公司"
        record["service"]["domains"][0].pop("holder_certificate_number")
        for holder, expected in (
            ("王测试", "pass"),
            ("测试投资有限公司", "pass"),
            ("宁夏测试科技有限公司", "pass"),
            ("李测试", "fail"),
        ):
            assert verdict(changed(record, f"{DOMAIN}.holder", holder), "domain-holder") == expected

    def test_a_head_holds_it_with_the_heads_own_document(self) -> None:
        record = changed(website(), "provider", "21vianet")
        record["entity"]["legal_representative"] = "赵测试"
        record["service"]["domains"][0]["holder"] = "王测试"
        number = f"{DOMAIN}.holder_certificate_number"
        mine = changed(record, number, record["entity"]["head"]["id_number"])
        assert verdict(mine, "domain-holder") == "pass"
        [found] = judged(changed(record, number, "640104198501010014"), "domain-holder")
        assert (str(found.verdict), found.field) == ("fail", number)
        assert "640104" not in found.message + found.message_zh

    def test_no_head_is_no_holder(self) -> None:
        record = changed(website(), "provider", "21vianet")
        record["entity"].pop("head")
        record["service"]["domains"][0]["holder"] = "李测试"
        assert verdict(record, "domain-holder") == "fail"


class TestLevel:
    @pytest.mark.parametrize(
        ("name", "website_says", "app_says"),
        [
            ("example.cn", "pass", "pass"),
            ("EXAMPLE.CN", "pass", "pass"),
            ("ｅｘａｍｐｌｅ.cn", "pass", "pass"),
            ("example.com.cn", "pass", "pass"),
            ("example.nx.cn", "pass", "pass"),
            ("测试示例.中国", "pass", "pass"),
            ("测试示例。中国", "pass", "pass"),
            ("xn--fsqu00a.xn--55qx5d.cn", "pass", "pass"),
            ("www.cn", "pass", "pass"),
            ("www.example.cn", "fail", "pass"),
            ("a.example.cn", "fail", "pass"),
            ("b.a.example.cn", "fail", "pass"),
            ("c.b.a.example.cn", "fail", "fail"),
            ("a.example.com.cn", "fail", "pass"),
            ("b.a.example.com.cn", "fail", "pass"),
            ("c.b.a.example.com.cn", "fail", "fail"),
            ("接口.测试示例.公司.cn", "fail", "pass"),
            ("shop.cn-northwest-1.elb.amazonaws.com.cn", "fail", "fail"),
            ("com.cn", "fail", "fail"),
            ("公司.cn", "fail", "fail"),
            ("example", "fail", "fail"),
            ("example.cn.", "fail", "fail"),
            (".example.cn", "fail", "fail"),
            ("www..example.cn", "fail", "fail"),
            ("www.", "fail", "fail"),
            ("*.example.cn", "fail", "fail"),
            ("https://example.cn", "fail", "fail"),
            ("example.cn/index.html", "fail", "fail"),
            ("example.cn:8080", "fail", "fail"),
            ("user@example.cn", "fail", "fail"),
            ("example.cn,example.com", "fail", "fail"),
            ("exa mple.cn", "fail", "fail"),
            ("exa_mple.cn", "fail", "fail"),
            ("-example.cn", "fail", "fail"),
            ("example-.cn", "fail", "fail"),
            ("xn--a.cn", "fail", "fail"),
            ("a" * 63 + ".cn", "pass", "pass"),
            ("a" * 64 + ".cn", "fail", "fail"),
            (".".join(["a" * 60] * 5) + ".cn", "fail", "fail"),
            ("52.83.200.1", "fail", "fail"),
            ("[2404:c2c0::1]", "fail", "fail"),
            ("1.2.3", "fail", "fail"),
        ],
    )
    def test_table(self, name: str, website_says: str, app_says: str) -> None:
        for record, rule, expected in (
            (website(), "domain-website-level", website_says),
            (app(), "domain-app-level", app_says),
        ):
            found = judged(with_domains(record, name), rule)
            assert [(str(one.verdict)) for one in found] == [expected], name
            if expected == "fail":
                assert found[0].field == DOMAIN

    def test_a_sub_domain_is_told_what_to_file(self) -> None:
        [found] = judged(with_domains(website(), "www.例子.公司.cn"), "domain-website-level")
        assert "例子.公司.cn" in found.message.removeprefix("www.例子.公司.cn")
        assert found.message.isprintable()

    def test_no_domain_fails_the_one_rule_that_fits(self) -> None:
        for domains in ([], [""], [{"registrar": "测试注册商"}]):
            bare = changed(website(), "service.domains", domains)
            [found] = judged(bare, "domain-website-level", facts=None)
            assert (str(found.verdict), found.field) == ("fail", "service.domains")
            assert verdict(bare, "domain-app-level", facts=None) == "not_applicable"
            bare = changed(app(), "service.domains", domains)
            assert verdict(bare, "domain-app-level", facts=None) == "fail"
            assert verdict(bare, "domain-website-level", facts=None) == "not_applicable"

    def test_one_nameless_domain_among_others_is_missing(self) -> None:
        found = judged(with_domains(website(), "example.cn", ""), "domain-website-level")
        assert [(str(one.verdict), one.field) for one in found] == [
            ("unknown", "service.domains[1].name")
        ]

    def test_an_unknown_service_is_unknown(self) -> None:
        bare = changed(website(), "service.type", DELETE)
        assert verdict(bare, "domain-website-level") == "unknown"
        assert verdict(bare, "domain-app-level") == "unknown"

    def test_a_provider_may_take_fewer_levels(self) -> None:
        given = records.case(app()).provider
        fewer = given.model_copy(
            update={"domains": given.domains.model_copy(update={"app_level": 3})}
        )
        record = with_domains(app(), "a.example.cn", "b.a.example.cn")
        [found] = judged(record, "domain-app-level", provider=fewer)
        assert found.field == "service.domains[1]"
        assert "level 3" in found.message


class TestVerifyOne:
    def test_several_are_advice(self) -> None:
        record = with_domains(app(), "example.cn", "example.com")
        [found] = judged(record, "domain-verify-one")
        assert (str(found.verdict), found.field) == ("warn", "service.domains")

    def test_one_is_fine_however_often_it_is_written(self) -> None:
        record = with_domains(app(), "example.cn", "EXAMPLE.cn")
        assert verdict(record, "domain-verify-one") == "pass"

    def test_a_change_has_no_first_check(self) -> None:
        record = changed(with_domains(app(), "example.cn", "example.com"), "kind", "change")
        assert verdict(record, "domain-verify-one") == "not_applicable"


class TestAddedByChange:
    FILED = filing("FP9", "app", "塞上測試", "api.example-test.cn")

    def test_a_new_order_with_a_further_domain_fails(self) -> None:
        around = Surroundings.of((), register(self.FILED))
        record = with_domains(app(), "api.example-test.cn", "cdn.example-test.cn")
        [found] = judged(record, "domain-added-by-change", surroundings=around)
        assert (str(found.verdict), found.field) == ("fail", "service.domains[1]")
        assert "FP9" in found.message
        assert "FP9" in found.message_zh

    def test_its_own_filing_counts_under_any_name(self) -> None:
        mine = filing("FP1", "app", "旧名称", "api.example-test.cn")
        around = Surroundings.of((), register(mine))
        record = with_domains(app(), "cdn.example-test.cn")
        assert verdict(record, "domain-added-by-change", surroundings=around) == "fail"
        same = with_domains(app(), "API.example-test.cn")
        assert verdict(same, "domain-added-by-change", surroundings=around) == "pass"

    def test_a_change_is_the_way(self) -> None:
        around = Surroundings.of((), register(replace(self.FILED, filing_id="FP1")))
        record = with_domains(app(), "api.example-test.cn", "cdn.example-test.cn")
        record["kind"] = "change"
        assert verdict(record, "domain-added-by-change", surroundings=around) == "pass"

    @pytest.mark.parametrize(
        "other",
        [
            replace(FILED, entity=STRANGER),
            replace(FILED, state=FilingState.ENDED),
            filing("FP9", "app", "塞上商城", "api.example-test.cn"),
            filing("FP9", "website", "塞上测试", "example-test.cn"),
            filing("FP1", "website", "塞上测试", "example-test.cn"),
        ],
        ids=["of another entity", "ended", "another APP", "a website", "its own, a website"],
    )
    def test_what_is_not_this_app_says_nothing(self, other: Any) -> None:
        around = Surroundings.of((), register(other))
        record = with_domains(app(), "cdn.example-test.cn")
        assert verdict(record, "domain-added-by-change", surroundings=around) == "pass"


class TestShared:
    def test_an_entitys_app_and_website_may_share_it(self) -> None:
        around = Surroundings.of((), register(filing("FW9", "website", "商城", "example-test.cn")))
        [found] = judged(website(), "domain-shared", surroundings=around)
        assert str(found.verdict) == "pass"
        assert "FW9" in found.message

    @pytest.mark.parametrize("written", ["example-test.cn", "Example-Test.cn", "example-test.cn."])
    def test_another_entitys_filing_fails(self, written: str) -> None:
        other = filing("FW9", "website", "商城", "example-test.cn", entity=STRANGER)
        around = Surroundings.of((), register(other))
        [found] = judged(with_domains(website(), written), "domain-shared", surroundings=around)
        assert (str(found.verdict), found.field) == ("fail", DOMAIN)
        assert "filing FW9" in found.message
        assert "备案 FW9 已使用" in found.message_zh

    def test_chinese_and_punycode_are_one_domain(self) -> None:
        other = filing("FW9", "website", "商城", "xn--fsqu00a.cn", entity=STRANGER)
        around = Surroundings.of((), register(other))
        record = with_domains(website(), "例子.cn")
        assert verdict(record, "domain-shared", surroundings=around) == "fail"

    def test_an_ended_filing_gave_it_up(self) -> None:
        other = filing(
            "FW9", "website", "商城", "example-test.cn", entity=STRANGER, state=FilingState.ENDED
        )
        old = peer(
            website(), application_id="W9", filing_id="FW9", entity=STRANGER, status=Status.APPROVED
        )
        around = Surroundings.of([old], register(other))
        assert verdict(website(), "domain-shared", surroundings=around) == "pass"
        alone = Surroundings.of([old])
        assert verdict(website(), "domain-shared", surroundings=alone) == "fail"

    @pytest.mark.parametrize(
        ("given", "expected"),
        [
            ({}, "fail"),
            ({"status": Status.RETURNED}, "fail"),
            ({"kind": None}, "fail"),
            ({"filing_id": ""}, "fail"),
            ({"status": Status.WITHDRAWN}, "pass"),
            ({"status": Status.REJECTED}, "pass"),
            ({"kind": Kind.CANCEL_ACCESS}, "pass"),
            ({"entity": OWN}, "pass"),
            ({"filing_id": "FW1"}, "pass"),
            ({"application_id": "W1", "filing_id": ""}, "pass"),
            ({"domains": ("other.cn",)}, "pass"),
        ],
    )
    def test_another_application(self, given: dict[str, Any], expected: str) -> None:
        base = {"application_id": "W9", "filing_id": "FW9", "entity": STRANGER}
        around = Surroundings.of([peer(website()), peer(website(), **{**base, **given})])
        found = judged(website(), "domain-shared", surroundings=around)
        assert [str(one.verdict) for one in found] == [expected]
        if expected == "fail":
            assert "application W9" in found[0].message

    def test_a_record_without_ids_is_not_its_own_rival(self) -> None:
        record = changed(changed(website(), "application_id", ""), "filing_id", "")
        around = Surroundings.of([peer(record)])
        [found] = judged(record, "domain-shared", surroundings=around)
        assert (str(found.verdict), found.field) == ("pass", "")

    def test_a_record_that_names_nobody_is_unknown(self) -> None:
        record = changed(changed(website(), "entity.name", ""), "entity.certificate_number", "")
        assert verdict(record, "domain-shared") == "unknown"
