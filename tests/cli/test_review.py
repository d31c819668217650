"""``filings review``, ``answer`` and ``rules`` by command: the reply to the customer."""

import copy
import json

import pytest

from tests.unit.filing.review.records import app, changed, website


@pytest.fixture
def review(gatekeeper, tmp_path):
    """Review records given as nested values; the last answer is a review, or a list of them."""

    def run(*records, words=(), status=None):
        content = list(records) if len(records) != 1 else records[0]
        (tmp_path / "records.json").write_text(json.dumps(content), encoding="utf-8")
        shown = gatekeeper(
            "filings", "review", "records.json", *words, "--format", "json", status=status
        ).json
        return shown.get("reviews", shown)

    return run


def verdicts(shown):
    return {result["rule"]: result["verdict"] for result in shown["results"]}


def test_one_application_gives_one_review_and_several_give_several(review):
    one = review(website(), status=4)
    assert one["schema"] == "gatekeeper/review/1"
    assert one["application_id"] == "W1"
    both = review(website(), app(), status=4)
    assert [each["application_id"] for each in both] == ["W1", "P1"]
    assert {each["schema"] for each in both} == {"gatekeeper/review/1"}


def test_offline_a_complete_record_breaks_nothing_and_live_rules_are_unknown(review):
    for shown in review(website(), app(), status=4):
        assert shown["verdict"] == "ask"
        left = {rule for rule, verdict in verdicts(shown).items() if verdict in ("fail", "unknown")}
        assert left == {
            "who-region", "portal-ip", "domain-tld", "domain-registrar", "access-type",
            "access-owned", "access-released", "access-elb-set",
        }  # fmt: skip
        assert not [one for one in shown["results"] if one["verdict"] == "fail"]


def test_a_fault_is_told_in_both_languages_with_its_remedy(review, gatekeeper):
    shown = review(changed(website(), "entity.province", "西藏"), status=3)
    assert shown["verdict"] == "fail"
    [found] = [one for one in shown["results"] if one["rule"] == "who-province"]
    assert found["verdict"] == "fail"
    assert found["field"] == "entity.province"
    assert "西藏" in found["message_zh"]
    assert found["message"].isascii() or "西藏" in found["message"]
    assert found["remedy"]
    assert found["source"].startswith("NWCD APP guide §4")
    text = gatekeeper("--lang", "zh", "filings", "review", "records.json", status=3).out
    assert "请按顺序修改" in text
    assert found["message_zh"][:10] in text


def test_the_checklist_is_that_of_the_case(review):
    electronic = {one["kind"]: one for one in review(website(), status=4)["checklist"]}
    assert not electronic["verification_form"]["needed"]
    manual = changed(website(), "entity.certificate_type", "事业单位法人证书")
    by_hand = {one["kind"]: one for one in review(manual, status=3)["checklist"]}
    assert by_hand["verification_form"] | {"why": "", "why_zh": ""} == {
        "kind": "verification_form", "needed": True, "present": False, "why": "", "why_zh": "",
    }  # fmt: skip


def test_applications_of_a_file_are_compared_with_each_other(review):
    other = changed(website(), "application_id", "W2")
    other = changed(other, "filing_id", "FW2")
    other = changed(other, "portal.mobile", "13995000099")
    shown = review(website(), other, status=3)
    assert [verdicts(one)["portal-one"] for one in shown] == ["fail", "fail"]


def test_a_stored_application_is_reviewed_with_its_answers(gatekeeper, tmp_path):
    record = copy.deepcopy(website())
    del record["answers"]
    (tmp_path / "one.json").write_text(json.dumps(record), encoding="utf-8")
    gatekeeper("filings", "import", "one.json", status=0)
    before = gatekeeper("filings", "review", "W1", "--format", "json", status=4).json
    assert verdicts(before)["name-website-related"] == "ask"
    answer = ("filings", "answer", "W1", "name-website-related")
    gatekeeper(*answer, "yes", "--by", "li", status=0)
    after = gatekeeper("filings", "review", "W1", "--format", "json", status=4).json
    [found] = [one for one in after["results"] if one["rule"] == "name-website-related"]
    assert (found["verdict"], found["message"]) == ("pass", "confirmed by li")
    gatekeeper(*answer, "no", "--by", "wang", status=0)
    last = gatekeeper("filings", "review", "W1", "--format", "json", status=3).json
    assert verdicts(last)["name-website-related"] == "fail"
    history = gatekeeper("filings", "history", "W1", "--format", "json", status=0).json["events"]
    told = [(one["actor"], one["note"]) for one in history if one["kind"] == "review.answered"]
    assert sorted(told) == [
        ("li", "name-website-related: yes"), ("wang", "name-website-related: no"),
    ]  # fmt: skip
    gatekeeper("trail", "verify", status=0)


def test_a_change_of_addresses_is_held_against_the_whole_stored_record(
    review, gatekeeper, tmp_path
):
    filed = changed(website(), "status", "approved")
    filed = changed(filed, "service.licence", "宁ICP备2026000001号-1")
    (tmp_path / "filed.json").write_text(json.dumps(filed), encoding="utf-8")
    gatekeeper("filings", "import", "filed.json", status=0)
    order = changed(website(), "application_id", "W2") | {"kind": "change_ip", "entry": "ip"}
    order = changed(order, "access.ips", ["52.83.200.9"])
    assert verdicts(review(order, status=4))["change-ip-only"] == "pass"
    shown = review(changed(order, "service.head.phone", "13995000009"), status=3)
    [found] = [one for one in shown["results"] if one["rule"] == "change-ip-only"]
    assert (found["verdict"], found["field"]) == ("fail", "service.head.phone")


def test_only_questions_are_answered(gatekeeper, tmp_path):
    (tmp_path / "one.json").write_text(json.dumps(website()), encoding="utf-8")
    gatekeeper("filings", "import", "one.json", status=0)
    said = gatekeeper("filings", "answer", "W1", "who-province", "yes", "--by", "li", status=2)
    assert "asks nothing" in said.err
    said = gatekeeper("filings", "answer", "W9", "letter-party", "yes", "--by", "li", status=1)
    assert "no application W9" in said.err
    said = gatekeeper("filings", "answer", "W1", "no-rule", "yes", "--by", "li", status=2)
    assert "there is no such rule" in said.err


def test_a_provider_of_ones_own_loosens_a_rule(review, tmp_path):
    (tmp_path / "looser.yaml").write_text(
        "extends: nwcd\nprovider: nwcd\nrules: {who-province: warn}\n", encoding="utf-8"
    )
    record = changed(website(), "entity.province", "青海")
    shown = review(record, words=("--rules", "looser.yaml"))
    assert verdicts(shown)["who-province"] == "warn"


def test_a_wrong_rules_file_is_refused_with_the_key(gatekeeper, tmp_path):
    (tmp_path / "one.json").write_text(json.dumps(website()), encoding="utf-8")
    (tmp_path / "bad.yaml").write_text(
        "extends: nwcd\nprovider: nwcd\nrules: {no-such-rule: warn}\n", encoding="utf-8"
    )
    said = gatekeeper("filings", "review", "one.json", "--rules", "bad.yaml", status=1)
    assert "bad.yaml: rules.no-such-rule" in said.err


def test_what_cannot_be_read_is_refused_with_its_place(review, gatekeeper, tmp_path):
    bad = changed(website(), "service.domains[0].valid_until", "soon")
    (tmp_path / "bad.json").write_text(json.dumps(bad), encoding="utf-8")
    said = gatekeeper("filings", "review", "bad.json", status=1)
    assert "service.domains[0].valid_until" in said.err
    said = gatekeeper("filings", "review", "nobody", status=1)
    assert "neither a file nor a stored application" in said.err


def test_every_rule_is_listed(gatekeeper):
    shown = gatekeeper("filings", "rules", "--format", "json", status=0).json
    assert len(shown["rules"]) == 74
    by_id = {one["id"]: one for one in shown["rules"]}
    assert by_id["who-province"]["kind"] == "auto"
    assert by_id["access-mode"]["level"] == "off"
    other = gatekeeper("filings", "rules", "--provider", "21vianet", "--format", "json", status=0)
    assert {one["id"]: one for one in other.json["rules"]}["access-mode"]["level"] == "fail"


def test_reconcile_shows_what_the_review_finds(gatekeeper, tmp_path, dump):
    dump()
    record = changed(website(), "entity.province", "青海")
    record = changed(record, "status", "submitted")
    record = changed(record, "access.account_id", "111122223333")
    (tmp_path / "one.json").write_text(json.dumps(record), encoding="utf-8")
    gatekeeper("filings", "import", "one.json", status=0)
    shown = gatekeeper("reconcile", "--dump", "dump", "--format", "json").json
    [found] = [one for one in shown["findings"] if one["code"] == "who-province"]
    assert (found["severity"], found["filing_id"]) == ("medium", "FW1")
    assert "W1" in found["message"]
    assert "640104199001010018" not in json.dumps(shown)


def test_reconcile_knows_a_provider_of_ones_own(gatekeeper, tmp_path, dump, monkeypatch):
    dump()
    own = "extends: nwcd\nprovider: ours\nrules: {who-province: warn}\n"
    (tmp_path / "ours.yaml").write_text(own, encoding="utf-8")
    record = changed(changed(website(), "provider", "ours"), "entity.province", "青海")
    record = changed(record, "status", "submitted")
    (tmp_path / "one.json").write_text(json.dumps(record), encoding="utf-8")
    gatekeeper("filings", "import", "one.json", status=0)

    def found():
        shown = gatekeeper("reconcile", "--dump", "dump", "--format", "json").json
        return {one["code"]: one["severity"] for one in shown["findings"]}

    assert found()["record-unreadable"] == "medium", "nobody knows the provider"
    monkeypatch.setenv("GATEKEEPER_REVIEW", "ours.yaml")
    assert "record-unreadable" not in found()
    assert found()["who-province"] == "low"


def test_live_reads_no_account_that_no_record_names(gatekeeper, tmp_path, monkeypatch):
    def read(*_, **__):
        raise AssertionError("an account was read that nobody asked for")

    (tmp_path / "one.json").write_text(json.dumps(website()), encoding="utf-8")
    gatekeeper("accounts", "add", "999988887777", status=0)
    monkeypatch.setattr("gatekeeper.cli.scope.read_scope", read)
    words = ("--live", "--nameserver", "127.0.0.1:9", "--format", "json")
    shown = gatekeeper("filings", "review", "one.json", *words, status=4).json
    [owned] = [one for one in shown["results"] if one["rule"] == "access-owned"]
    assert owned["verdict"] == "unknown"
    assert "was not read" in owned["message"]
