"""The rules about the entity; every record is made up."""

from __future__ import annotations

from typing import Any

import pytest

from gatekeeper.filing.review import Verdict
from tests.unit.filing.review.records import DELETE, changed, judged, verdict, website

UNICORN = "91110000600037341L"
"""A unified social credit code that holds."""


def elsewhere() -> dict[str, Any]:
    """The website, sent through 21Vianet."""
    return changed(website(), "provider", "21vianet")


@pytest.mark.parametrize(
    "rule",
    ["entity-fields", "entity-uscc", "entity-region", "entity-address", "entity-head"],
)
def test_a_complete_entity_passes(rule: str) -> None:
    assert verdict(website(), rule) == "pass"
    assert verdict(elsewhere(), rule) == "pass"


@pytest.mark.parametrize("field", ["name", "certificate_type", "certificate_number", "address"])
def test_every_field_of_the_entity_is_asked_for(field: str) -> None:
    [found] = judged(changed(website(), f"entity.{field}", DELETE), "entity-fields")
    assert (found.verdict, found.field) == (Verdict.FAIL, f"entity.{field}")
    assert found.remedy
    assert found.remedy_zh


def test_every_missing_field_is_named() -> None:
    found = judged(changed(website(), "entity", {}), "entity-fields")
    assert [one.field for one in found] == [
        "entity.name",
        "entity.certificate_type",
        "entity.certificate_number",
        "entity.address",
    ]


@pytest.mark.parametrize(
    ("number", "said"),
    [
        (UNICORN, "pass"),
        ("９１１１０００0600037341Ｌ", "pass"),
        ("9111 0000 6000 3734 1L", "pass"),
        (UNICORN.lower(), "warn"),
        ("91110000600037341M", "fail"),
        ("91110000600037431L", "fail"),  # two digits swapped
        ("9111000060003734IL", "fail"),  # I is in no code
        ("A1110000600037341L", "fail"),
        ("9111000060003734L", "fail"),
        ("640100200000001", "fail"),
        ("MA0000001", "fail"),
        ("９１１１００００６０００３７３４一L", "fail"),
        ("٩١١١٠٠٠٠600037341L", "fail"),  # digits, but no ASCII ones
        ("-", "fail"),
        ("", "unknown"),
    ],
)
def test_the_credit_code_holds(number: str, said: str) -> None:
    record = changed(website(), "entity.certificate_number", number)
    [found] = judged(record, "entity-uscc")
    assert (found.verdict, found.field) == (
        said,
        "" if said == "pass" else "entity.certificate_number",
    )
    if len(number) > 1:
        assert number not in found.message + found.message_zh


@pytest.mark.parametrize(
    ("number", "what", "what_zh"),
    [
        ("640100200000001", "15 long, like the registration number", "旧版工商注册号"),
        ("MA0000001", "9 long, like an organisation code", "旧版组织机构代码"),
        ("9111000060003734L", "17 long; a unified", "共 17 位"),
    ],
)
def test_a_number_of_before_is_called_so(number: str, what: str, what_zh: str) -> None:
    [found] = judged(changed(website(), "entity.certificate_number", number), "entity-uscc")
    assert what in found.message
    assert what_zh in found.message_zh


@pytest.mark.parametrize(
    ("field", "value"), [("certificate_type", "military"), ("type", "individual")]
)
def test_who_has_no_credit_code_is_not_asked_for_it(field: str, value: str) -> None:
    record = changed(website(), f"entity.{field}", value)
    record = changed(record, "entity.certificate_number", "12345")
    assert verdict(record, "entity-uscc") == "not_applicable"


@pytest.mark.parametrize(
    ("province", "certificate", "address", "said"),
    [
        ("宁夏", "宁夏回族自治区", "宁夏银川市金凤区测试路1号", "pass"),
        ("Ningxia", "宁夏", "银川市金凤区测试路1号", "pass"),
        ("宁夏", "宁夏银川市", "银川市金凤区测试路1号", "pass"),
        ("宁夏", "宁夏", "北京东路1号", "pass"),
        ("宁夏", "陕西", "银川市测试路1号", "fail"),
        ("宁夏", "宁夏", "陕西省西安市测试路1号", "fail"),
        ("山西", "陕西省", "", "fail"),
        ("宁夏", "", "宁夏银川市测试路1号", "unknown"),
        ("宁夏", "", "陕西省西安市测试路1号", "fail"),
        ("宁夏", "银川市", "宁夏银川市测试路1号", "unknown"),
        ("", "宁夏", "宁夏银川市测试路1号", "unknown"),
        ("香港", "宁夏", "宁夏银川市测试路1号", "unknown"),
    ],
)
def test_the_region_is_the_one_of_the_certificate(
    province: str, certificate: str, address: str, said: str
) -> None:
    record = changed(website(), "entity.province", province)
    record = changed(record, "entity.certificate_province", certificate)
    record = changed(record, "entity.address", address)
    assert verdict(record, "entity-region") == said


def test_both_ways_out_of_the_region_are_told() -> None:
    found = judged(changed(website(), "entity.province", "甘肃"), "entity-region")
    assert [one.message for one in found] == [
        "Gansu is chosen, but the certificate's province is Ningxia",
        "Gansu is chosen, but the province of the address is Ningxia",
    ]
    assert found[0].message_zh == "所选区域为甘肃，但证件住所所在省份为宁夏"
    assert {one.field for one in found} == {"entity.province"}


def test_what_is_no_province_is_shown_shortened() -> None:
    [found] = judged(changed(website(), "entity.province", "省" * 3000), "entity-region")
    assert len(found.message) < 300
    assert "省省" in found.message_zh


def test_a_company_that_moved_keeps_its_number() -> None:
    record = changed(website(), "entity.certificate_number", UNICORN)  # of Beijing
    assert verdict(record, "entity-region") == "pass"


@pytest.mark.parametrize(
    ("address", "said"),
    [
        ("宁夏银川市金凤区测试街道测试路1号", "pass"),
        ("宁夏银川市金凤区测试路１２－３号２楼", "pass"),
        ("银川市测试路甲1 号", "pass"),
        ("上海市测试路12弄3幢", "pass"),
        ("银川市测试街一百二十号", "pass"),
        ("宁夏固原市测试镇测试村", "pass"),
        ("内蒙古锡林郭勒盟测试苏木测试嘎查", "pass"),
        ("北京市100信箱", "pass"),
        ("No. 1, Test Road, Yinchuan", "pass"),
        ("北京市海淀区中关村", "warn"),
        ("宁夏银川市金凤区测试街道", "warn"),
        ("宁夏", "warn"),
        ("", "unknown"),
    ],
)
def test_an_address_goes_down_to_the_number(address: str, said: str) -> None:
    assert verdict(changed(website(), "entity.address", address), "entity-address") == said


@pytest.mark.parametrize(
    ("investor", "said"),
    [
        ("宁夏测试科技有限公司", "pass"),
        ("测试投资集团", "pass"),
        ("", "fail"),
        ("无", "fail"),
        ("（无）", "fail"),
        ("N/A", "fail"),
        ("——", "fail"),
        ("None", "fail"),
        ("无锡测试投资有限公司", "pass"),
    ],
)
def test_an_investor_is_named_at_21vianet_alone(investor: str, said: str) -> None:
    record = changed(elsewhere(), "entity.investor", investor)
    assert verdict(record, "entity-investor") == said
    here = changed(website(), "entity.investor", investor)
    assert verdict(here, "entity-investor") == "not_applicable"


@pytest.mark.parametrize(
    ("kind", "head", "representative", "said"),
    [
        ("enterprise", "王测试", "王测试", "pass"),
        ("enterprise", "王 测试", "王测试", "pass"),
        ("enterprise", "测试•古丽", "测试·古丽", "pass"),
        ("enterprise", "李测试", "王测试", "warn"),
        ("enterprise", "", "王测试", "unknown"),
        ("enterprise", "王测试", "", "unknown"),
        (None, "李测试", "王测试", "unknown"),
        ("government", "李测试", "王测试", "not_applicable"),
    ],
)
def test_a_company_is_headed_by_its_representative(
    kind: str | None, head: str, representative: str, said: str
) -> None:
    record = changed(website(), "entity.type", kind)
    record = changed(record, "entity.head.name", head)
    record = changed(record, "entity.legal_representative", representative)
    assert verdict(record, "entity-head") == said


def test_the_entity_is_judged_where_the_order_carries_it() -> None:
    bare = changed(website(), "entity", {"name": "宁夏测试科技有限公司"})
    for rule in ("entity-fields", "entity-uscc", "entity-region", "entity-address", "entity-head"):
        assert verdict(changed(bare, "kind", "change_ip"), rule) == "not_applicable"
        assert verdict(changed(bare, "kind", "change"), rule) in ("fail", "unknown")
