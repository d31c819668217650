"""The rules about the two heads; the people and their numbers are made up."""

from __future__ import annotations

from typing import Any

import pytest

from gatekeeper.filing.review import Verdict
from tests.unit.filing.review.records import DELETE, app, changed, judged, verdict, website

HEADS = ("entity.head", "service.head")
FIELDS = ("name", "id_number", "valid_until", "phone", "email", "emergency_phone")
WITH_X = "64010419900101107X"


def two(**fields: Any) -> dict[str, Any]:
    """The website with a second person as the service's head."""
    record = website()
    other = {"name": "李测试", "id_number": WITH_X, **fields}
    return changed(record, "service.head", record["service"]["head"] | other)


@pytest.mark.parametrize(
    "rule", ["person-fields", "person-id", "person-id-valid", "person-phone-region"]
)
def test_complete_heads_pass(rule: str) -> None:
    for record in (website(), app(), two()):
        assert verdict(record, rule) == "pass"


@pytest.mark.parametrize("head", HEADS)
@pytest.mark.parametrize("field", FIELDS)
def test_every_field_of_both_heads_is_asked_for(head: str, field: str) -> None:
    [found] = judged(changed(website(), f"{head}.{field}", DELETE), "person-fields")
    assert (found.verdict, found.field) == (Verdict.FAIL, f"{head}.{field}")


@pytest.mark.parametrize("head", HEADS)
def test_a_head_who_is_missing_is_said_once(head: str) -> None:
    record = changed(website(), head, None)
    [found] = judged(record, "person-fields")
    assert (found.verdict, found.field) == (Verdict.FAIL, head)
    for rule in ("person-id", "person-id-valid"):
        [found] = judged(record, rule)
        assert (found.verdict, found.field) == (Verdict.UNKNOWN, head)


@pytest.mark.parametrize(
    ("number", "said"),
    [
        (WITH_X, "pass"),
        ("11010519491231002X", "pass"),
        ("６４０１０４１９９００１０１１０７Ｘ", "pass"),
        ("640104 19900101 107X", "pass"),
        ("64010419900101107x", "fail"),
        ("６４０１０４１９９００１０１１０７ｘ", "fail"),
        ("64010419900101107Х", "fail"),  # the Cyrillic letter
        ("640104199001010019", "fail"),
        ("64010419900101108X", "fail"),
        ("640104900101001", "fail"),  # of 15 digits, void since 2013
        ("6401041990010110７", "fail"),
        ("640104१9900101107X", "fail"),
        ("999999199001011070", "fail"),
        ("999999199001011000", "pass"),  # no such county: not judged
        ("", "unknown"),
    ],
)
@pytest.mark.parametrize("head", HEADS)
def test_the_number_of_a_resident_holds(head: str, number: str, said: str) -> None:
    [found] = judged(changed(website(), f"{head}.id_number", number), "person-id")
    assert (found.verdict, found.field) == (said, "" if said == "pass" else f"{head}.id_number")
    if number:
        assert number not in found.message + found.message_zh


def test_a_small_x_is_called_so() -> None:
    [found] = judged(changed(website(), "entity.head.id_number", WITH_X.lower()), "person-id")
    assert "lower-case x" in found.message
    assert "大写" in found.message_zh


def test_both_numbers_are_told() -> None:
    record = changed(website(), "entity.head.id_number", "1")
    found = judged(changed(record, "service.head.id_number", "2"), "person-id")
    assert [one.field for one in found] == ["entity.head.id_number", "service.head.id_number"]


@pytest.mark.parametrize(
    ("mine", "theirs", "said"),
    [
        ("passport", "passport", "not_applicable"),
        ("passport", "resident_id", "pass"),
        ("resident_id", "taiwan_permit", "pass"),
        ("passport", None, "unknown"),
        (None, "resident_id", "unknown"),
    ],
)
def test_other_documents_are_not_judged(mine: str | None, theirs: str | None, said: str) -> None:
    record = changed(website(), "entity.head.id_type", mine)
    record = changed(record, "service.head.id_type", theirs)
    for head, kind in zip(HEADS, (mine, theirs), strict=True):
        if kind not in ("resident_id", None):
            record = changed(record, f"{head}.id_number", "E00000000")
    assert verdict(record, "person-id") == said


@pytest.mark.parametrize(
    ("until", "said"),
    [
        ("2026-11-19", "fail"),
        ("2026-11-20", "pass"),  # the day still counts
        ("2026-11-21", "pass"),
        ("长期", "pass"),
        ("", "unknown"),
        (None, "unknown"),
    ],
)
@pytest.mark.parametrize("head", HEADS)
def test_a_document_has_not_expired(head: str, until: str | None, said: str) -> None:
    [found] = judged(changed(website(), f"{head}.valid_until", until), "person-id-valid")
    assert (found.verdict, found.field) == (said, "" if said == "pass" else f"{head}.valid_until")


@pytest.mark.parametrize(
    ("number", "said"),
    [
        ("0951-5000001", "pass"),
        ("13995000001", "pass"),
        ("010-65551234", "fail"),
        ("13800138000", "fail"),
        ("+852 2345 6789", "fail"),
        ("none", "fail"),
        ("400-610-0000", "warn"),
        ("19912345678", "ask"),
        ("17312345678", "ask"),
        ("5000001", "unknown"),
        ("", "unknown"),
    ],
)
@pytest.mark.parametrize("field", ["phone", "office_phone"])
def test_telephones_of_the_entitys_head_are_of_its_province(
    field: str, number: str, said: str
) -> None:
    [found] = judged(changed(website(), f"entity.head.{field}", number), "person-phone-region")
    assert (found.verdict, found.field) == (said, "" if said == "pass" else f"entity.head.{field}")
    if number:
        assert number not in found.message + found.message_zh


def test_the_places_are_named() -> None:
    [found] = judged(changed(website(), "entity.head.phone", "13800138000"), "person-phone-region")
    assert found.message == "the mobile belongs to Beijing, the entity to Ningxia"
    assert found.message_zh == "手机号码归属地为北京，主办单位所在地为宁夏"


@pytest.mark.parametrize(
    ("phone", "said"),
    [("13995000004", "pass"), ("13800138000", "warn"), ("19912345678", "warn"), ("", "pass")],
)
def test_the_services_head_is_advised(phone: str, said: str) -> None:
    """The guide asks it of the entity's data."""
    [found] = judged(two(phone=phone), "person-phone-region")
    assert (found.verdict, found.field) == (said, "" if said == "pass" else "service.head.phone")


@pytest.mark.parametrize("province", ["", "香港"])
def test_without_a_province_no_telephone_is_placed(province: str) -> None:
    [found] = judged(changed(website(), "entity.province", province), "person-phone-region")
    assert (found.verdict, found.field) == (Verdict.UNKNOWN, "entity.province")


def test_without_a_head_no_telephone_is_placed() -> None:
    [found] = judged(changed(website(), "entity.head", None), "person-phone-region")
    assert (found.verdict, found.field) == (Verdict.UNKNOWN, "entity.head")
