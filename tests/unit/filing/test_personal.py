"""What is personal, how it is masked, and what must never be taken for it.

Names and numbers are made up; the identity numbers are the examples of the standard.
"""

from __future__ import annotations

import copy
import time
from typing import Any

import pytest
from stdnum.cn import ric, uscc

from gatekeeper.filing import (
    Problem,
    Where,
    certificate_is_personal,
    is_resident_id,
    mask_number,
    mask_record,
    mask_text,
    mask_tree,
    masked_places,
    too_deep,
)
from gatekeeper.filing.personal import mask_email, mask_name, mask_phone

ID = "11010519491231002X"
PHONE = "13812345678"
RECORD: dict[str, Any] = {
    "application_id": "13900001111",
    "filing_id": "110101199003070003",
    "kind": "new",
    "entity": {
        "name": "某公司",
        "certificate_type": "business_licence",
        "certificate_number": "91640100MA0000000X",
        "head": {
            "name": "王某",
            "id_type": "resident_id",
            "id_number": ID,
            "valid_until": "长期",
            "phone": PHONE,
            "office_phone": "0951-1234567",
            "emergency_phone": 13900001111,
            "email": "wang@example.cn",
            "wechat": "wang-1990",
            "note": None,
        },
        "legal_representative": "王某",
        "investor": "某某集团有限公司",
    },
    "service": {
        "domains": [
            "13812345678.cn",
            {"name": "b.cn", "holder": "王某", "holder_certificate_number": ID},
            {
                "name": "c.cn",
                "holder": "某公司",
                "holder_certificate_number": "91350100M000100Y43",
            },
        ],
        "app": {"platforms": [{"public_key": "MIIB13812345678AQAB", "md5": "0" * 32}]},
    },
    "access": {"account_id": "111122223333", "load_balancer": "13812345678", "ips": []},
    "portal": {"email": "portal@example.cn", "mobile": PHONE},
    "attachments": [{"kind": "head_photo", "path": f"王某-{ID}.jpg"}],
    "answers": {"name-fit": {"answer": "yes", "by": "li", "at": "2026-01-01T00:00:00Z"}},
}


def test_a_record_shows_its_shape_and_nobody() -> None:
    before = copy.deepcopy(RECORD)
    shown = mask_record(RECORD)
    assert before == RECORD
    assert shown["entity"]["head"] == {
        "name": "王*",
        "id_type": "resident_id",
        "id_number": "1****************X",
        "valid_until": "长期",
        "phone": "138****5678",
        "office_phone": "**********67",
        "emergency_phone": "139****1111",
        "email": "w***@example.cn",
        "wechat": "***",
        "note": None,
    }
    assert shown["entity"]["legal_representative"] == "王*"
    assert shown["entity"]["investor"] == "某某集团有限公司"
    assert shown["entity"]["certificate_number"] == "91640100MA0000000X"
    assert shown["portal"] == {"email": "p***@example.cn", "mobile": "138****5678"}
    assert shown["attachments"] == [{"kind": "head_photo", "path": "王*-1****************X.jpg"}]
    assert shown["service"]["domains"] == [
        "13812345678.cn",
        {"name": "b.cn", "holder": "王*", "holder_certificate_number": "1****************X"},
        RECORD["service"]["domains"][2],
    ]
    for part in ("application_id", "filing_id", "kind", "access", "answers"):
        assert shown[part] == RECORD[part]
    assert shown["service"]["app"] == RECORD["service"]["app"]
    assert mask_record(shown) == shown


def test_an_entity_that_is_a_person_is_masked_by_its_paper_or_its_number() -> None:
    for papers, number in (("passport", "E12345678"), ("", ID), ("身份证", "12345")):
        assert certificate_is_personal(papers, number)
        entity = {"certificate_type": papers, "certificate_number": number}
        shown = mask_record({"entity": entity})["entity"]["certificate_number"]
        assert shown == mask_number(number) != number
    assert not certificate_is_personal("business_licence", "91350100M000100Y43")


@pytest.mark.parametrize(
    ("text", "masked"),
    [
        (f"no. {ID}.", "no. 1****************X."),
        ("11010519491231002x", "1****************x"),
        (f"电话{PHONE}，备用 139 0000 1111", "电话138****5678，备用 139 **** 1111"),
        ("+86 138-1234-5678", "+86 138-****-5678"),
        ("008613812345678", "0086138****5678"),
        ("电话-13812345678", "电话-138****5678"),
        ("tel:13812345678/13912345678", "tel:138****5678/139****5678"),
        ("１３８１２３４５６７８", "138****5678"),
        (f'{{"phone":"{PHONE}"}}', '{"phone":"138****5678"}'),
        (f"{PHONE}@example.cn", "138****5678@example.cn"),
    ],
)
def test_numbers_of_persons_in_a_text_are_masked(text: str, masked: str) -> None:
    assert mask_text(text) == masked
    assert mask_text(masked) == masked
    assert len(masked) == len(text)


@pytest.mark.parametrize(
    "text",
    [
        "111122223333",
        "arn:aws-cn:elasticloadbalancing:cn-northwest-1:111122223333:loadbalancer/app/a/50dc6c495c0c9188",
        "eni-13812345678",
        "sg-0138123456781234f",
        "2026-11-22T14:42:06.123456Z",
        "1763822526123",
        "1381234567.8",
        "0.13812345678",
        "13812345678.cn",
        "www.13812345678.com.cn",
        "91350100M000100Y43",
        "宁ICP备2026000001号-1",
        "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
        "110105194913310028",  # no thirteenth month
        "110105194902300028",  # no thirtieth of February
        "990105194912310028",  # no such region
        "12345678901",
        "23812345678",
        "1138123456780",
        "52.83.113.138",
        "f47ac10b-58cc-4372-a567-138123456789",
    ],
)
def test_other_numbers_stay(text: str) -> None:
    assert mask_text(text) == text


def test_a_credit_code_of_digits_alone_stays_unless_it_is_a_residents_number_too() -> None:
    codes = [f"11010119900101{number:04}" for number in range(10_000)]
    assert all(map(is_resident_id, codes))
    kept = [code for code in codes if mask_text(code) == code]
    assert 250 < len(kept) < 350  # one check digit in 31 fits, one in 11 of them the other too
    assert all(uscc.is_valid(code) and not ric.is_valid(code) for code in kept)
    both = [code for code in codes if uscc.is_valid(code) and ric.is_valid(code)]
    assert both
    assert not set(both) & set(kept)


@pytest.mark.parametrize(
    ("masked", "given"),
    [
        (mask_phone("+86 138 1234 5678"), "138****5678"),
        (mask_phone("010-12345678"), "**********78"),
        (mask_phone("1234"), "****"),
        (mask_email("@example.cn"), "***@example.cn"),
        (mask_email("nobody"), "n****y"),
        (mask_name("欧阳某"), "欧*"),
        (mask_name(""), ""),
        (mask_number("E123"), "****"),
    ],
)
def test_each_kind_has_its_mask(masked: str, given: str) -> None:
    assert masked == given


def test_masking_each_kind_twice_is_masking_once() -> None:
    for mask in (mask_phone, mask_email, mask_name, mask_number):
        for text in ("", "*", "a", "***@b", "13812345678*", "+86 13812345678", "王某某", "a@b@c"):
            assert mask(mask(text)) == mask(text), (mask, text)


def test_what_has_not_its_shape_is_masked_by_its_keys() -> None:
    assert mask_tree([{"phone": "0951-1234567", "x": {"email": "a@b.cn"}, "n": 13812345678}]) == [
        {"phone": "**********67", "x": {"email": "a***@b.cn"}, "n": "138****5678"}
    ]
    assert mask_record({"entity": {"head": "王某"}, "portal": None}) == {
        "entity": {"head": "***"},
        "portal": None,
    }
    assert mask_record({"entity": {"head": {"phone": ["1", "2"]}}}) == {
        "entity": {"head": {"phone": "***"}}
    }


def test_masked_values_are_found_by_their_places() -> None:
    assert list(masked_places(RECORD)) == []
    assert {place for place, _ in masked_places(mask_record(RECORD))} == {
        "entity.head.name",
        "entity.head.id_number",
        "entity.head.phone",
        "entity.head.office_phone",
        "entity.head.emergency_phone",
        "entity.head.email",
        "entity.head.wechat",
        "entity.legal_representative",
        "service.domains[1].holder",
        "service.domains[1].holder_certificate_number",
        "portal.email",
        "portal.mobile",
        "attachments[0].path",
    }
    assert list(masked_places({"service": {"name": "五星*店"}, "filing_id": "1****"})) == []


def test_a_problem_never_repeats_a_number() -> None:
    problem = Problem(
        where=Where(file="f.json", line=3),
        column="entity",
        value=f"王 {ID}",
        reason=f"{PHONE} is no object",
        reason_zh=f"{PHONE} 不是对象",
    )
    for lang in ("en", "zh"):
        assert ID not in problem.describe(lang)
        assert PHONE not in problem.describe(lang)


def test_depth_is_bounded() -> None:
    nested: Any = "x"
    for _ in range(39):
        nested = [nested]
    assert not too_deep(nested)
    assert too_deep([nested])


@pytest.mark.parametrize(
    "hostile", ["1" * 200_000, "138-" * 50_000, "+86" * 70_000, "11010519" * 25_000, "13 " * 70_000]
)
def test_a_hostile_text_takes_no_time(hostile: str) -> None:
    start = time.perf_counter()
    mask_text(hostile)
    assert time.perf_counter() - start < 30
