"""Which papers a case needs; the rules and the checklist read the same answers."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from gatekeeper.filing.review import AttachmentKind, checklist, rules
from gatekeeper.filing.review.needs import need, same_name
from gatekeeper.filing.review.provider import Commitment, Letters
from gatekeeper.sources.provider_rules import packaged_providers
from tests.unit.filing.review.records import app, case, changed, verdict, website

#: The rule that judges each kind of attachment alone.
RULES = {
    AttachmentKind.CERTIFICATE_PHOTO: "file-licence-photo",
    AttachmentKind.DOMAIN_CERTIFICATE: "file-domain-certificate",
    AttachmentKind.APP_ICON: "file-app-icon",
    AttachmentKind.SITE_PHOTO: "file-site-photo",
    AttachmentKind.VERIFICATION_FORM: "letter-verification-form",
    AttachmentKind.AUTHORISATION_LETTER: "letter-authorisation",
    AttachmentKind.CONFIRMATION_LETTER: "letter-confirmation",
    AttachmentKind.COMMITMENT_LETTER: "letter-commitment",
    AttachmentKind.FRAUD_RISK_REPORT: "letter-fraud-risk",
}
SAID = {True: "fail", False: "not_applicable", None: "unknown"}


def records() -> list[dict[str, Any]]:
    """Applications of every sort, without a single attachment."""
    made = [website(), app()]
    for path, value in (
        ("entity.certificate_type", "public_institution"),
        ("entity.certificate_type", None),
        ("service.head.id_type", "passport"),
        ("service.head", None),
        ("service.type", None),
        ("service.head.name", "李测试"),
        ("entity.aws_company", "北京测试控股有限公司"),
        ("entity.aws_company", ""),
        ("entity.legal_representative", ""),
        ("entity.province", "广东"),
        ("entity.province", ""),
        ("provider", "21vianet"),
        ("kind", "change_ip"),
        ("kind", "transfer_in"),
    ):
        made += [changed(one, path, value) for one in (website(), app())]
    return [changed(one, "attachments", []) for one in made]


@pytest.mark.parametrize("record", records())
def test_a_rule_says_what_the_checklist_says(record: dict[str, Any]) -> None:
    listed = {one.kind: one for one in checklist(case(record))}
    assert set(listed) == {kind.value for kind in AttachmentKind}
    for kind, rule in RULES.items():
        told = need(case(record), kind)
        assert verdict(record, rule) == SAID[told.needed], (kind, told)
        assert listed[kind].needed is (told.needed is not False)
        assert not listed[kind].present
        assert told.why
        assert told.why_zh
        assert bool(told.lacks) is (told.needed is None)


def test_each_rule_of_a_paper_is_compared() -> None:
    with_others = {"file-person-photo", "file-photo-quality", "letter-party"}
    assert {one for one in rules() if one.startswith(("file-", "letter-"))} == with_others | set(
        RULES.values()
    )


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("王测试", "王 测试", True),
        ("测试（宁夏）有限公司", "测试(宁夏)有限公司", True),
        ("Test Co Ltd", "TEST CO LTD", True),
        ("测试·古丽", "测试•古丽", True),
        ("测试·古丽", "测试．古丽", True),
        ("王测试", "李测试", False),
        ("宁夏测试科技有限公司", "宁夏测试科技有限公司银川分公司", False),
    ],
)
def test_a_name_is_one_however_it_is_written(one: str, other: str, same: bool) -> None:
    assert same_name(one, other) is same


@pytest.mark.parametrize(
    ("path", "value", "needed", "lacks"),
    [
        ("service.head.phone", "13995000004", False, ""),
        ("service.head.id_number", "64010419900101107X", True, ""),
        ("service.head", None, None, "service.head"),
        ("entity.head", {"phone": "13995000004"}, None, "entity.head.name"),
    ],
)
def test_a_second_persons_document_is_needed_of_two_people(
    path: str, value: Any, needed: bool | None, lacks: str
) -> None:
    told = need(case(changed(website(), path, value)), AttachmentKind.SERVICE_HEAD_PHOTO)
    assert (told.needed, told.lacks) == (needed, lacks)


def letters(website: tuple[str, ...], app: tuple[str, ...]) -> Letters:
    """Provinces of the letter of commitment, and no report on the risk of fraud."""
    return Letters(
        commitment_website=Commitment(provinces=website), commitment_app=Commitment(provinces=app)
    )


@pytest.mark.parametrize(
    ("asked", "service", "needed"),
    [
        (letters((), ()), "app", False),
        (letters((), ()), None, False),
        (letters((), ("宁夏",)), None, None),
        (letters((), ("宁夏",)), "website", False),
        (letters((), ("宁夏",)), "app", True),
        (letters(("宁夏",), ("宁夏",)), None, True),
        (letters(("甘肃",), ("甘肃",)), None, False),
    ],
)
def test_a_provider_says_who_gives_a_commitment(
    asked: Letters, service: str | None, needed: bool | None
) -> None:
    rules = packaged_providers()["nwcd"].model_copy(update={"letters": asked})
    one = case(changed(website(), "service.type", service), provider=rules)
    assert need(one, AttachmentKind.COMMITMENT_LETTER).needed is needed
    assert need(one, AttachmentKind.FRAUD_RISK_REPORT).needed is False


def test_the_provinces_of_a_commitment_are_named_in_both_languages() -> None:
    told = need(case(changed(app(), "entity.province", "")), AttachmentKind.COMMITMENT_LETTER)
    assert told.why == "needed in Shanghai, Ningxia, Shanxi, Guangdong"
    assert told.why_zh == "以下地区须提交：上海、宁夏、山西、广东"


@pytest.mark.parametrize(
    ("categories", "needed", "said"),
    [
        ([], False, "不涉及"),
        (["新闻", "games"], True, "新闻、网络游戏"),
        (["教育"], False, "管局可能要求提交：教育"),
        (None, None, "前置审批"),
    ],
)
def test_content_decides_on_an_authoritys_paper(
    categories: list[str] | None, needed: bool | None, said: str
) -> None:
    one = case(changed(website(), "service.categories", categories))
    told = need(one, AttachmentKind.PREAPPROVAL)
    assert told.needed is needed
    assert said in told.why_zh


def test_a_file_that_is_of_no_use_is_not_there() -> None:
    whole = case(website())
    assert checklist(whole)[0].present
    first, *others = whole.record.attachments
    damaged = first.model_copy(update={"fault": "is a damaged picture"})
    dossier = whole.record.model_copy(update={"attachments": (damaged, *others)})
    assert not checklist(replace(whole, record=dossier))[0].present
