"""The desk's findings carry their rule's id, and deadlines become findings when they are near."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import pytest

from gatekeeper.desk.findings import (
    NOTICES,
    codes,
    deadline_findings,
    review_findings,
    reviewable,
)
from gatekeeper.desk.review import Desk, surroundings
from gatekeeper.filing import Clock, ClockId, fold
from gatekeeper.gate import CATALOGUE
from gatekeeper.policy import default_policy, parse_policy
from gatekeeper.sources import application_from_json, packaged_providers
from tests.unit.filing.review.records import NOW, changed, website

END = datetime(2026, 12, 1, tzinfo=UTC)


def filed(record):
    return application_from_json(changed(record, "status", "submitted"))


def found(*applications, policy=None, accounts=()):
    register = fold(applications, at=NOW)
    desk = Desk(
        providers=packaged_providers(),
        at=NOW,
        surroundings=surroundings((), applications, register),
    )
    chosen = reviewable(applications, register)
    return review_findings(chosen, desk, policy or default_policy(), accounts=accounts)


def test_a_broken_rule_is_a_finding_under_its_id():
    [one] = [
        finding
        for finding in found(filed(changed(website(), "entity.province", "青海")))
        if finding.code == "who-province"
    ]
    assert (one.severity, one.account_id, one.filing_id) == ("medium", "123456789012", "FW1")
    assert one.message.startswith("application W1 (entity.province): ")
    assert one.message_zh.startswith("申请 W1（entity.province）：")
    assert one.remedy
    assert one.remedy_zh


def test_a_complete_record_gives_no_finding():
    assert found(filed(website())) == ()


def test_unknown_facts_and_open_questions_are_no_findings():
    record = changed(website(), "answers", {})
    record = changed(record, "entity.legal_representative", "")
    assert [one for one in found(filed(record)) if one.severity != "low"] == []


def test_a_table_without_the_reviews_part_is_not_judged():
    bare = {
        "application_id": "T1", "filing_id": "F1", "kind": "new", "status": "submitted",
        "status_at": "2026-11-19T09:00:00+08:00", "entity": {"name": "宁夏示例公司"},
        "service": {"type": "website"}, "access": {"account_id": "111122223333", "ips": []},
    }  # fmt: skip
    assert found(application_from_json(bare)) == ()


def test_only_the_asked_accounts_are_judged():
    broken = filed(changed(website(), "entity.province", "青海"))
    assert found(broken, accounts={"999999999999"}) == ()
    assert found(broken, accounts={"123456789012"})


def test_the_policy_may_weigh_and_silence_by_the_rules_id():
    broken = filed(changed(website(), "entity.province", "青海"))
    heavier = parse_policy("version: 1\nseverity: {who-province: critical}\n")
    [one] = [each for each in found(broken, policy=heavier) if each.code == "who-province"]
    assert one.severity == "critical"
    silent = parse_policy(
        "version: 1\nexceptions: [{code: who-province, reason: agreed, until: 2027-01-01}]\n"
    )
    assert "who-province" not in {each.code for each in found(broken, policy=silent)}


def test_no_personal_number_stands_in_a_finding():
    record = changed(website(), "entity.head.id_number", "640104199001010017")
    text = json.dumps([[one.message, one.message_zh] for one in found(filed(record))])
    assert "person-id" in {one.code for one in found(filed(record))}
    assert "64010419900101001" not in text


def clock(which, **given):
    values = {
        "clock": which,
        "application_id": "A1",
        "filing_id": "F1",
        "started_at": END - timedelta(days=30),
        "deadline": END,
        "estimated": False,
        "then": "something follows",
        "then_zh": "后果",
    }
    return Clock(**(values | given))


@pytest.mark.parametrize("which", list(ClockId))
def test_a_deadline_is_told_once_near_and_once_over(which):
    notice = NOTICES[which]
    policy = default_policy()

    def told(at):
        return deadline_findings([clock(which)], {"A1": "111122223333"}, policy, at=at)

    assert told(END - notice.before - timedelta(seconds=1)) == ()
    if notice.before:
        [near] = told(END - notice.before)
        [still] = told(END - timedelta(seconds=1))
        assert near.key == still.key
        assert near.first_seen == still.first_seen
        assert near.severity is notice.soon
    [over] = told(END)
    [later] = told(END + timedelta(days=3))
    assert (over.key, over.first_seen) == (later.key, later.first_seen)
    assert over.severity is notice.over
    assert over.account_id == "111122223333"
    assert "2026-12-01T00:00:00Z" in over.message
    if notice.before:
        assert over.key != near.key


def test_codes_of_the_desk_are_none_of_the_catalogue_but_may_be_named_in_a_policy():
    assert codes() & CATALOGUE.keys() <= {"after-footer"}
    assert {"who-province", "clock-sms", "certificate-valid", "record-unreadable"} <= codes()
