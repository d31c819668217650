"""The rules about pictures; every record is made up."""

from __future__ import annotations

from typing import Any

import pytest

from gatekeeper.filing.review import Verdict
from tests.unit.filing.review.records import DELETE, app, changed, judged, verdict, website

PLACES = {"file-licence-photo": 0, "file-person-photo": 1, "file-domain-certificate": 2}
"""Where the attachments of the made-up records stand."""


def manual(record: dict[str, Any]) -> dict[str, Any]:
    """The record with a document that takes the papers to the manual route."""
    return changed(record, "service.head.id_type", "passport")


def without(record: dict[str, Any], kind: str) -> dict[str, Any]:
    """The record without its attachments of a kind."""
    kept = [one for one in record["attachments"] if one["kind"] != kind]
    return changed(record, "attachments", kept)


def with_one(record: dict[str, Any], kind: str, **fields: Any) -> dict[str, Any]:
    """The record with one more attachment."""
    return changed(record, "attachments", [*record["attachments"], {"kind": kind, **fields}])


def two_people(record: dict[str, Any]) -> dict[str, Any]:
    """The record with another person as the service's head."""
    record = changed(record, "service.head.id_number", "64010419900101107X")
    return changed(record, "service.head.name", "李测试")


@pytest.mark.parametrize("rule", [*PLACES, "file-app-icon", "file-photo-quality"])
def test_complete_pictures_pass(rule: str) -> None:
    assert verdict(app(), rule) == "pass"


@pytest.mark.parametrize(
    ("rule", "kind"),
    [
        ("file-licence-photo", "certificate_photo"),
        ("file-person-photo", "head_photo"),
        ("file-domain-certificate", "domain_certificate"),
        ("file-app-icon", "app_icon"),
    ],
)
def test_a_picture_that_is_missing_fails(rule: str, kind: str) -> None:
    [found] = judged(without(app(), kind), rule)
    assert (found.verdict, found.field) == (Verdict.FAIL, "attachments")
    assert kind.replace("_", " ") in found.message
    assert found.message_zh.startswith("缺少")


@pytest.mark.parametrize("rule", ["file-licence-photo", "file-person-photo"])
@pytest.mark.parametrize(
    ("size", "said"),
    [
        (99_999, "fail"),
        (100_000, "pass"),
        (204_800, "pass"),
        (204_801, "fail"),
        (0, "fail"),
        (None, "unknown"),
    ],
)
def test_a_document_has_between_100_and_200_kb(rule: str, size: int | None, said: str) -> None:
    field = f"attachments[{PLACES[rule]}].size"
    [found] = judged(changed(website(), field, size), rule)
    assert (found.verdict, found.field) == (said, "" if said == "pass" else field)
    if said == "fail":
        assert f"{size:,} bytes, not 100,000 to 204,800" in found.message


@pytest.mark.parametrize(
    ("rule", "width", "height", "said", "field"),
    [
        ("file-licence-photo", 1500, 1100, "pass", ""),
        ("file-licence-photo", 1100, 1500, "pass", ""),
        ("file-licence-photo", 1499, 1100, "fail", "width"),
        ("file-licence-photo", 1500, 1099, "fail", "width"),
        ("file-licence-photo", 1499, 1499, "fail", "width"),
        ("file-licence-photo", 1099, 5000, "fail", "width"),
        ("file-licence-photo", None, 1500, "unknown", "width"),
        ("file-licence-photo", 1500, None, "unknown", "height"),
        ("file-licence-photo", 1099, None, "fail", "width"),
        ("file-licence-photo", None, 1099, "fail", "height"),
        ("file-person-photo", 720, 1280, "pass", ""),
        ("file-person-photo", 1280, 720, "pass", ""),
        ("file-person-photo", 719, 1280, "fail", "width"),
        ("file-person-photo", 720, 1279, "fail", "width"),
        ("file-person-photo", 1000, 1000, "fail", "width"),
    ],
)
def test_a_document_has_enough_pixels_on_either_side(
    rule: str, width: int | None, height: int | None, said: str, field: str
) -> None:
    at = f"attachments[{PLACES[rule]}]"
    record = changed(changed(website(), f"{at}.width", width), f"{at}.height", height)
    [found] = judged(record, rule)
    assert (found.verdict, found.field) == (said, f"{at}.{field}" if field else "")


def test_both_sides_that_are_unknown_are_told() -> None:
    record = changed(website(), "attachments[0].width", DELETE)
    found = judged(changed(record, "attachments[0].height", DELETE), "file-licence-photo")
    assert [one.field for one in found] == ["attachments[0].width", "attachments[0].height"]


@pytest.mark.parametrize("rule", ["file-licence-photo", "file-person-photo"])
@pytest.mark.parametrize(("colour", "said"), [(True, "pass"), (False, "fail"), (None, "unknown")])
def test_a_document_is_in_colour(rule: str, colour: bool | None, said: str) -> None:
    field = f"attachments[{PLACES[rule]}].colour"
    [found] = judged(changed(website(), field, colour), rule)
    assert (found.verdict, found.field) == (said, "" if said == "pass" else field)


def test_the_limits_are_the_providers() -> None:
    from gatekeeper.filing.review.provider import Picture
    from gatekeeper.sources.provider_rules import packaged_providers

    nwcd = packaged_providers()["nwcd"]
    small = Picture(bytes_from=1, bytes_to=10, width=2, height=3)
    pictures = nwcd.pictures.model_copy(update={"person": small})
    rules = nwcd.model_copy(update={"pictures": pictures})
    record = changed(website(), "attachments[1]", {
        "kind": "head_photo", "size": 10, "width": 3, "height": 2, "colour": True,
    })  # fmt: skip
    assert verdict(record, "file-person-photo") == "fail"
    assert verdict(record, "file-person-photo", provider=rules) == "pass"


@pytest.mark.parametrize("rule", PLACES)
def test_a_file_that_could_not_be_measured_fails(rule: str) -> None:
    at = f"attachments[{PLACES[rule]}]"
    record = changed(website(), f"{at}.path", "a.jpg")
    record = changed(record, f"{at}.fault", "there is no such file")
    [found] = judged(changed(record, f"{at}.fault_zh", "文件不存在"), rule)
    assert (found.verdict, found.field) == (Verdict.FAIL, f"{at}.path")
    assert "there is no such file" in found.message
    assert "文件不存在" in found.message_zh


def test_one_person_gives_one_document() -> None:
    assert verdict(website(), "file-person-photo") == "pass"
    [found] = judged(two_people(website()), "file-person-photo")
    assert (found.verdict, found.field) == (Verdict.FAIL, "attachments")
    good = {"size": 150_000, "width": 720, "height": 1280, "colour": True}
    second = with_one(two_people(website()), "service_head_photo", **good)
    assert verdict(second, "file-person-photo") == "pass"
    grey = with_one(two_people(website()), "service_head_photo", **good | {"colour": False})
    [found] = judged(grey, "file-person-photo")
    assert found.field == f"attachments[{len(website()['attachments'])}].colour"


def test_a_second_document_of_one_person_is_measured_all_the_same() -> None:
    record = with_one(website(), "service_head_photo", size=1, width=1, height=1, colour=True)
    assert verdict(record, "file-person-photo") == "fail"


@pytest.mark.parametrize(
    ("path", "value", "lacks"),
    [
        ("entity.head", None, "entity.head"),
        ("service.head", None, "service.head"),
        ("service.head", {"id_type": "resident_id"}, "service.head.name"),
    ],
)
def test_whether_they_are_one_person_must_be_known(path: str, value: Any, lacks: str) -> None:
    [found] = judged(changed(website(), path, value), "file-person-photo")
    assert (found.verdict, found.field) == (Verdict.UNKNOWN, lacks)


def test_two_pictures_of_a_card_are_both_measured() -> None:
    record = with_one(website(), "head_photo", size=150_000, width=100, height=100, colour=True)
    [found] = judged(record, "file-person-photo")
    assert found.field.endswith(".width")


def test_quality_is_asked_with_what_was_measured() -> None:
    record = changed(website(), "attachments[1].width", 3000)
    record = changed(record, "attachments[1].height", 4000)
    [found] = judged(record, "file-photo-quality", answers={})
    assert (found.verdict, found.field) == (Verdict.ASK, "attachments")
    assert "attachments[0] 1600 x 1200 pixels;" in found.message
    assert "attachments[1] 3000 x 4000 pixels, strongly compressed" in found.message
    assert "压缩率高" in found.message_zh


@pytest.mark.parametrize(
    ("field", "value", "said"),
    [
        ("colour", False, "perhaps a copy"),
        ("size", None, "attachments[0] not measured"),
        ("fault", "is a damaged picture", "attachments[0] not measured"),
    ],
)
def test_a_hint_says_what_looks_wrong(field: str, value: Any, said: str) -> None:
    record = changed(website(), f"attachments[0].{field}", value)
    [found] = judged(record, "file-photo-quality", answers={})
    assert said in found.message


def test_quality_is_answered_and_asks_only_of_photos() -> None:
    no = changed(website(), "answers", {"file-photo-quality": {"answer": "no", "by": "reviewer"}})
    assert verdict(no, "file-photo-quality") == "fail"
    bare = without(without(website(), "certificate_photo"), "head_photo")
    assert verdict(bare, "file-photo-quality") == "not_applicable"


def test_a_website_has_no_icon() -> None:
    assert verdict(website(), "file-app-icon") == "not_applicable"
    [found] = judged(changed(website(), "service.type", None), "file-app-icon")
    assert (found.verdict, found.field) == (Verdict.UNKNOWN, "service.type")


def test_a_site_photo_is_taken_on_the_manual_route() -> None:
    photo = {"size": 90_000}
    assert verdict(website(), "file-site-photo") == "not_applicable"
    assert verdict(with_one(website(), "site_photo"), "file-site-photo") == "not_applicable"
    [found] = judged(manual(website()), "file-site-photo")
    assert (found.verdict, found.field) == (Verdict.FAIL, "attachments")
    assert verdict(with_one(manual(website()), "site_photo", **photo), "file-site-photo") == "pass"


@pytest.mark.parametrize(
    "path",
    [
        "entity.certificate_type",
        "entity.head.id_type",
        "service.head.id_type",
        "entity.head",
        "service.head",
    ],
)
def test_the_route_must_be_known(path: str) -> None:
    [found] = judged(changed(website(), path, None), "file-site-photo")
    assert (found.verdict, found.field) == (Verdict.UNKNOWN, path)


@pytest.mark.parametrize("kind", ["change_ip", "deregister_service", "cancel_access"])
def test_orders_without_papers_are_not_judged(kind: str) -> None:
    record = changed(changed(website(), "kind", kind), "attachments", [])
    for rule in PLACES:
        assert verdict(record, rule) == "not_applicable"
