"""Every rule of the guides is there, documented, and its questions can be answered."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from gatekeeper.filing.review import GUIDES, Area, How, Level, rules
from gatekeeper.report.rule_pages import rule_pages
from gatekeeper.sources.provider_rules import packaged_providers

ROOT = Path(__file__).resolve().parents[4]

#: The ids of the guides' rules, by how each is decided.
LIVE = {
    "who-region", "portal-ip", "domain-tld", "domain-registrar", "access-type", "access-owned",
    "access-released", "access-elb-set", "after-footer", "after-lookup",
}  # fmt: skip
ASK = {"who-foreign", "name-website-related", "file-photo-quality", "letter-party"}
AUTO = {
    "who-organisation", "who-province", "who-platform", "who-offline", "who-again",
    "portal-one",
    "domain-valid", "domain-real-name", "domain-holder", "domain-website-level",
    "domain-app-level", "domain-verify-one", "domain-added-by-change", "domain-shared",
    "entity-fields", "entity-uscc", "entity-region", "entity-address", "entity-investor",
    "entity-head", "person-fields", "person-id", "person-id-valid", "person-phone-region",
    "name-website-words", "name-website-length", "name-app-unique", "name-app-platforms",
    "app-features", "app-sdk", "app-basics", "preapproval",
    "access-account", "access-count", "access-mode", "access-order",
    "file-licence-photo", "file-person-photo", "file-domain-certificate", "file-app-icon",
    "file-site-photo", "letter-verification-form", "letter-authorisation",
    "letter-confirmation", "letter-commitment", "letter-fraud-risk",
    "verify-route", "verify-status", "clock-provider", "clock-sms", "clock-bureau",
    "step-open", "step-reject",
    "change-entry", "change-ip-only", "end-entity", "end-service", "end-access",
    "after-number", "after-police",
}  # fmt: skip


def test_every_rule_of_the_guides_is_registered() -> None:
    assert len(LIVE | ASK | AUTO) == 74
    assert set(rules()) == LIVE | ASK | AUTO


def test_each_is_decided_as_the_catalogue_says() -> None:
    found = {how: {one.id for one in rules().values() if one.how is how} for how in How}
    assert found == {How.LIVE: LIVE, How.ASK: ASK, How.AUTO: AUTO}


@pytest.mark.parametrize("name", sorted(LIVE | ASK | AUTO))
def test_each_says_what_why_and_what_to_do_in_both_languages(name: str) -> None:
    one = rules()[name]
    for english in (one.text, one.remedy):
        assert english
        assert english.isascii(), english
        assert not english.endswith("."), "a sentence of a list: no full stop"
    for chinese in (one.text_zh, one.remedy_zh):
        assert any("\u4e00" <= letter <= "\u9fff" for letter in chinese), chinese
        assert not chinese.endswith("。")
    assert one.source
    assert all(word[0] in GUIDES for word in one.source.split())
    assert one.kinds


def test_every_question_can_be_answered() -> None:
    answerable = {one.id for one in rules().values() if one.answerable}
    assert answerable >= ASK | {"letter-verification-form", "after-footer", "after-police"}


def test_every_area_has_rules() -> None:
    assert set(Counter(one.area for one in rules().values())) == set(Area)


@pytest.mark.parametrize("provider", ["nwcd", "21vianet"])
def test_a_provider_names_only_rules_that_there_are(provider: str) -> None:
    assert set(packaged_providers()[provider].rules) <= set(rules())


def test_what_binds_one_provider_alone_is_off_at_the_other() -> None:
    level = {
        name: {rule.id: found.rules.get(rule.id, rule.level) for rule in rules().values()}
        for name, found in packaged_providers().items()
    }
    off = {
        name: {rule for rule, one in found.items() if one is Level.OFF}
        for name, found in level.items()
    }
    assert off["nwcd"] == {"entity-investor", "access-mode", "access-order"}
    assert off["21vianet"] == {"who-province", "who-organisation"}


def test_packaged_providers_are_those_of_the_policies() -> None:
    for file in (ROOT / "policies" / "review").glob("*.yaml"):
        packaged = ROOT / "gatekeeper" / "data" / "review" / file.name
        assert packaged.read_text("utf-8") == file.read_text("utf-8")
    assert {p.stem for p in (ROOT / "policies" / "review").glob("*.yaml")} == set(
        packaged_providers()
    )


def test_the_pages_say_what_the_rules_say() -> None:
    folder = ROOT / "docs" / "rules"
    pages = rule_pages(rules(), packaged_providers())
    written = {file.name: file.read_text("utf-8") for file in folder.glob("*.md")}
    assert written == dict(pages), "run scripts/rule-pages"
