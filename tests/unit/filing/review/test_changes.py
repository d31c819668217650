"""Changes and endings against the filing in effect; every record is made up."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from gatekeeper.filing.model import Access, Entity, Filing, FilingState, Service, ServiceType
from gatekeeper.filing.review import Surroundings
from tests.unit.filing.review.others import OWN, STRANGER, filing, register
from tests.unit.filing.review.records import (
    ACCOUNT,
    DELETE,
    IPS,
    app,
    changed,
    judged,
    verdict,
    website,
)

LICENCE = "宁ICP备2026000001号-1"
IN_EFFECT = Filing(
    filing_id="FW1",
    state=FilingState.IN_EFFECT,
    entity=Entity(
        name="宁夏测试科技有限公司",
        certificate_type="营业执照",
        certificate_number="91640100ma0000001p",
        province="宁夏回族自治区",
    ),
    service=Service(
        type=ServiceType.WEBSITE,
        name="塞上测试商城",
        licence=LICENCE,
        domains=("example-test.cn",),
    ),
    access=Access(account_id=ACCOUNT, ips=IPS),
    application_id="N1",
    since=filing("x", "app", "x").since,
)
AROUND = Surroundings.of((), register(IN_EFFECT))


def order(kind: str, entry: Any, **values: Any) -> dict[str, Any]:
    record = changed(changed(website(), "kind", kind), "entry", entry)
    for path, value in values.items():
        record = changed(record, path.replace("__", "."), value)
    return record


@pytest.mark.parametrize(
    ("kind", "entry", "expected"),
    [
        ("new", "all", "not_applicable"),
        ("change_ip", "ip", "pass"),
        ("change_ip", "变更IP", "pass"),
        ("change_ip", "all", "fail"),
        ("change_ip", DELETE, "unknown"),
        ("deregister_service", "end", "pass"),
        ("deregister_entity", "注销", "pass"),
        ("cancel_access", "entity", "fail"),
        ("change", "ip", "fail"),
        ("change", "end", "fail"),
        ("change", "all", "pass"),
        ("change", "entity", "pass"),
    ],
)
def test_each_order_has_its_entry(kind: str, entry: Any, expected: str) -> None:
    assert verdict(order(kind, entry), "change-entry", surroundings=AROUND) == expected


@pytest.mark.parametrize(
    ("values", "entity", "everything"),
    [
        ({"entity__name": "宁夏新名称有限公司"}, "pass", "fail"),
        ({"entity__province": "北京"}, "pass", "fail"),
        ({"service__name": "塞上新商城"}, "fail", "pass"),
        ({"service__domains": ["example-test.cn", "new-test.cn"]}, "fail", "pass"),
        ({"service__type": "app"}, "fail", "pass"),
        ({"service__licence": "宁ICP备2026000001号-2"}, "fail", "pass"),
        ({"access__ips": ["52.83.200.9"]}, "fail", "pass"),
        ({"entity__name": "宁夏新名称有限公司", "service__name": "塞上新商城"}, "fail", "pass"),
        ({"service__licence": "宁ICP备2026000001 - 1"}, "pass", "pass"),
        ({"service__domains": ["EXAMPLE-TEST.cn."]}, "pass", "pass"),
        ({"access__account_id": "210987654321"}, "fail", "pass"),
        ({"access__load_balancer": "shop"}, "fail", "pass"),
        ({"access__account_id": ""}, "pass", "pass"),
        ({"access": {}}, "pass", "pass"),
        ({"entity__name": DELETE, "service__name": DELETE}, "pass", "pass"),
    ],
)
def test_a_change_goes_in_by_what_it_changes(
    values: dict[str, Any], entity: str, everything: str
) -> None:
    for entry, expected in (("entity", entity), ("all", everything)):
        record = order("change", entry, **values)
        assert verdict(record, "change-entry", surroundings=AROUND) == expected, entry


def test_the_fields_that_changed_are_named() -> None:
    record = order("change", "entity", service__name="塞上新商城", access__ips=["52.83.200.9"])
    [found] = judged(record, "change-entry", surroundings=AROUND)
    assert "service.name, access.ips" in found.message
    assert "服务名称、IP 地址" in found.message_zh


@pytest.mark.parametrize("rule", ["change-entry", "change-ip-only"])
def test_without_the_filing_nothing_can_be_compared(rule: str) -> None:
    kind, entry = ("change", "all") if rule == "change-entry" else ("change_ip", "ip")
    record = order(kind, entry)
    assert verdict(record, rule) == "unknown"
    assert verdict(changed(record, "filing_id", ""), rule, surroundings=AROUND) == "unknown"
    ended = Surroundings.of((), register(replace(IN_EFFECT, state=FilingState.ENDED)))
    assert verdict(record, rule, surroundings=ended) == "unknown"


@pytest.mark.parametrize("rule", ["change-entry", "change-ip-only"])
def test_what_is_in_effect_already_is_not_compared_with_itself(rule: str) -> None:
    kind, entry = ("change", "all") if rule == "change-entry" else ("change_ip", "ip")
    around = Surroundings.of((), register(replace(IN_EFFECT, application_id="W1")))
    record = order(kind, entry, status="approved", entity__name="宁夏新名称有限公司")
    [found] = judged(record, rule, surroundings=around)
    assert (found.verdict.value, "already" in found.message) == ("pass", True)


@pytest.mark.parametrize(
    ("values", "fields"),
    [
        ({"access__ips": ["52.83.200.9"]}, []),
        ({"access": {"account_id": "210987654321", "ips": ["52.83.200.9"]}}, []),
        ({"entity__name": "宁夏新名称有限公司"}, ["entity.name"]),
        ({"entity__licence": "宁ICP备2026000001号"}, []),  # the register has none to compare
        (
            {"service__name": "塞上新商城", "entity__province": "北京"},
            [
                "entity.province",
                "service.name",
            ],
        ),
        ({"service__domains": ["new-test.cn"]}, ["service.domains"]),
        ({"service__type": "小程序"}, ["service.type"]),
        ({"entity__name": "宁夏测试科技有限公司 "}, []),
    ],
)
def test_a_change_of_addresses_changes_nothing_else(
    values: dict[str, Any], fields: list[str]
) -> None:
    record = order("change_ip", "ip", access__ips=["52.83.200.9"])
    for path, value in values.items():
        record = changed(record, path.replace("__", "."), value)
    found = judged(record, "change-ip-only", surroundings=AROUND)
    assert [one.field for one in found if one.verdict.value == "fail"] == fields
    assert bool(fields) == (found[0].verdict.value == "fail")


@pytest.mark.parametrize(
    ("given", "filed", "fields"),
    [
        ("宁ICP备2026000001", "宁ICP备2026000001号", []),
        ("宁ICP备2026000002号", "宁ICP备2026000001号", ["entity.licence"]),
        ("not a number", "宁ICP备2026000001号", ["entity.licence"]),
        ("Not a  number", "not a number", []),
    ],
)
def test_numbers_are_compared_as_numbers(given: str, filed: str, fields: list[str]) -> None:
    before = replace(IN_EFFECT, entity=replace(IN_EFFECT.entity, licence=filed))
    record = order("change_ip", "ip", access__ips=["52.83.200.9"], entity__licence=given)
    found = judged(record, "change-ip-only", surroundings=Surroundings.of((), register(before)))
    assert [one.field for one in found if one.verdict.value == "fail"] == fields


def test_a_change_to_the_same_addresses_is_said() -> None:
    record = order("change_ip", "ip")
    [found] = judged(record, "change-ip-only", surroundings=AROUND)
    assert (found.verdict.value, found.field) == ("warn", "access.ips")


def test_ending_an_entity_names_what_ends() -> None:
    others = [filing(f"F{n}", "app", f"塞上应用{n}") for n in range(9)]
    stranger = filing("S1", "website", "别家商城", entity=STRANGER)
    gone = filing("G1", "website", "旧商城", state=FilingState.ENDED)
    around = Surroundings.of((), register(IN_EFFECT, *others, stranger, gone))
    [found] = judged(order("deregister_entity", "end"), "end-entity", surroundings=around)
    assert found.verdict.value == "pass"
    assert "ends 10 filings: " in found.message
    assert "FW1 (塞上测试商城)" in found.message
    assert "10 个备案" in found.message_zh
    assert not {"S1", "G1"} & set(found.message.replace(",", " ").split())
    assert "…" in found.message


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ({}, "unknown"),
        ({"status": "approved"}, "pass"),
        ({"entity": {}}, "unknown"),
    ],
)
def test_an_entity_without_living_filings(values: dict[str, Any], expected: str) -> None:
    ended = Surroundings.of((), register(replace(IN_EFFECT, state=FilingState.ENDED)))
    record = order("deregister_entity", "end", **values)
    assert verdict(record, "end-entity", surroundings=ended) == expected


def test_ending_a_service_leaves_the_others() -> None:
    around = Surroundings.of((), register(IN_EFFECT, filing("F2", "app", "塞上应用", entity=OWN)))
    [found] = judged(order("deregister_service", "end"), "end-service", surroundings=around)
    assert found.verdict.value == "pass"
    assert "FW1 (塞上测试商城)" in found.message
    assert "1 other filing stay" in found.message
    assert "其他 1 个备案" in found.message_zh


@pytest.mark.parametrize(
    ("kind", "rule", "good"),
    [
        ("deregister_service", "end-service", "pass"),
        ("cancel_access", "end-access", "warn"),
    ],
)
def test_an_ending_names_a_living_filing(kind: str, rule: str, good: str) -> None:
    record = order(kind, "end")
    assert verdict(record, rule, surroundings=AROUND) == good
    assert verdict(record, rule) == ("unknown" if rule == "end-service" else "warn")
    assert verdict(changed(record, "filing_id", DELETE), rule, surroundings=AROUND) == "unknown"
    ended = replace(IN_EFFECT, state=FilingState.ENDED, ended_by="E1")
    around = Surroundings.of((), register(ended))
    [found] = judged(record, rule, surroundings=around)
    assert (found.field, "ended already" in found.message) == ("filing_id", True)
    assert found.verdict.value == ("fail" if rule == "end-service" else "warn")
    mine = Surroundings.of((), register(replace(ended, ended_by="W1")))
    assert verdict(record, rule, surroundings=mine) == good


@pytest.mark.parametrize("around", [AROUND, Surroundings.of(())])
def test_cancelled_access_should_have_a_new_provider_first(around: Surroundings) -> None:
    [found] = judged(order("cancel_access", "end"), "end-access", surroundings=around)
    assert "may cancel the number of FW1" in found.message
    assert "可能被管局注销" in found.message_zh
    assert "transfer_in" in found.remedy


@pytest.mark.parametrize("rule", ["change-ip-only", "end-entity", "end-service", "end-access"])
def test_other_orders_are_not_concerned(rule: str) -> None:
    for record in (website(), app()):
        assert verdict(record, rule, surroundings=AROUND) == "not_applicable"
