"""The rules about letters; every record is made up."""

from __future__ import annotations

from typing import Any

import pytest

from gatekeeper.filing.review import Verdict
from tests.unit.filing.review.records import app, changed, judged, verdict, website
from tests.unit.filing.review.test_files import manual, with_one, without

OTHER_HEAD = "李测试"
OTHER_COMPANY = "北京测试控股有限公司"


def other_head() -> dict[str, Any]:
    """The website with a service's head who is not the legal representative."""
    return changed(website(), "service.head.name", OTHER_HEAD)


def other_company() -> dict[str, Any]:
    """The website on another company's AWS account."""
    return changed(website(), "entity.aws_company", OTHER_COMPANY)


def of(record: dict[str, Any], province: str) -> dict[str, Any]:
    """The record from another province, without a letter of commitment."""
    return without(changed(record, "entity.province", province), "commitment_letter")


LETTERS = [
    ("letter-verification-form", "verification_form", manual(website())),
    ("letter-authorisation", "authorisation_letter", other_head()),
    ("letter-confirmation", "confirmation_letter", other_company()),
    ("letter-commitment", "commitment_letter", of(website(), "宁夏")),
    ("letter-fraud-risk", "fraud_risk_report", without(app(), "fraud_risk_report")),
]
"""Each with the kind of attachment, and a record that needs it and lacks it."""


@pytest.mark.parametrize(("rule", "kind", "record"), LETTERS)
def test_a_letter_that_is_needed_fails_where_it_is_missing(
    rule: str, kind: str, record: dict[str, Any]
) -> None:
    [found] = judged(record, rule)
    assert (found.verdict, found.field) == (Verdict.FAIL, "attachments")
    assert kind.replace("_", " ") in found.message
    assert found.remedy_zh
    there = with_one(record, kind, size=90_000)
    assert verdict(there, rule) == ("ask" if rule == "letter-verification-form" else "pass")


@pytest.mark.parametrize(("rule", "kind", "record"), LETTERS)
def test_a_letter_that_could_not_be_read_fails(
    rule: str, kind: str, record: dict[str, Any]
) -> None:
    broken = with_one(record, kind, path="letter.pdf", fault="there is no such file")
    [found] = judged(broken, rule)
    last = len(broken["attachments"]) - 1
    assert (found.verdict, found.field) == (Verdict.FAIL, f"attachments[{last}].path")


@pytest.mark.parametrize(
    "rule",
    ["letter-verification-form", "letter-authorisation", "letter-confirmation"],
)
def test_a_letter_that_is_not_needed_is_not_judged(rule: str) -> None:
    assert verdict(website(), rule) == "not_applicable"
    record = website()
    for _, kind, _ in LETTERS:
        record = with_one(record, kind)
    assert verdict(record, rule) == "not_applicable"


@pytest.mark.parametrize(("answer", "said"), [("yes", "pass"), ("no", "fail")])
def test_seal_and_signature_are_answered(answer: str, said: str) -> None:
    record = with_one(manual(website()), "verification_form", size=90_000)
    [question] = judged(record, "letter-verification-form")
    assert question.field == f"attachments[{len(record['attachments']) - 1}]"
    assert "公章" in question.message_zh
    answers = {"letter-verification-form": {"answer": answer, "by": "reviewer"}}
    assert verdict(changed(record, "answers", answers), "letter-verification-form") == said


@pytest.mark.parametrize(
    ("path", "value", "rule", "lacks"),
    [
        ("entity.certificate_type", None, "letter-verification-form", "entity.certificate_type"),
        ("entity.legal_representative", "", "letter-authorisation", "entity.legal_representative"),
        ("service.head", None, "letter-authorisation", "service.head.name"),
        ("entity.aws_company", "", "letter-confirmation", "entity.aws_company"),
        ("entity.name", "", "letter-confirmation", "entity.name"),
    ],
)
def test_what_decides_must_be_known(path: str, value: Any, rule: str, lacks: str) -> None:
    [found] = judged(changed(website(), path, value), rule)
    assert (found.verdict, found.field) == (Verdict.UNKNOWN, lacks)


@pytest.mark.parametrize("name", ["宁夏测试科技有限公司 ", "宁夏 测试科技有限公司"])
def test_the_accounts_company_is_compared_without_spaces(name: str) -> None:
    record = changed(website(), "entity.aws_company", name)
    assert verdict(record, "letter-confirmation") == "not_applicable"


def test_brackets_of_either_width_make_one_company() -> None:
    record = changed(website(), "entity.name", "测试（宁夏）有限公司")
    record = changed(record, "entity.aws_company", "测试(宁夏)有限公司")
    assert verdict(record, "letter-confirmation") == "not_applicable"


@pytest.mark.parametrize(
    ("record", "province", "said"),
    [
        *((website(), name, "fail") for name in ("上海", "宁夏", "山西")),
        *((app(), name, "fail") for name in ("上海", "宁夏", "山西", "广东")),
        (website(), "广东", "not_applicable"),
        (manual(app()), "广东", "not_applicable"),
        (website(), "陕西", "not_applicable"),
        (app(), "北京", "not_applicable"),
        (app(), "", "unknown"),
        (website(), "香港", "unknown"),
    ],
)
def test_provinces_ask_for_a_commitment(record: dict[str, Any], province: str, said: str) -> None:
    assert verdict(of(record, province), "letter-commitment") == said


def test_the_route_decides_in_guangdong() -> None:
    record = changed(of(app(), "广东"), "entity.head.id_type", None)
    [found] = judged(record, "letter-commitment")
    assert (found.verdict, found.field) == (Verdict.UNKNOWN, "entity.head.id_type")


def test_only_an_app_reports_its_risk_of_fraud() -> None:
    assert verdict(app(), "letter-fraud-risk") == "pass"
    assert verdict(website(), "letter-fraud-risk") == "not_applicable"
    assert verdict(changed(app(), "service.type", None), "letter-fraud-risk") == "pass"
    nothing = changed(website(), "service.type", None)
    assert verdict(nothing, "letter-fraud-risk") == "unknown"


def test_other_papers_are_asked_about() -> None:
    [question] = judged(website(), "letter-party", answers={})
    assert (question.verdict, question.field) == (Verdict.ASK, "attachments")
    assert "党建确认函" in question.message_zh
    assert verdict(website(), "letter-party") == "pass"
    no = changed(website(), "answers", {"letter-party": {"answer": "no", "by": "reviewer"}})
    assert verdict(no, "letter-party") == "fail"
    there = with_one(website(), "party_letter", size=90_000)
    assert verdict(there, "letter-party", answers={}) == "pass"
    broken = with_one(website(), "party_letter", path="a.pdf", fault="is no regular file")
    assert verdict(broken, "letter-party", answers={}) == "fail"
