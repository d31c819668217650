"""Answers to a review's questions are kept beside the applications, each with who and when."""

from __future__ import annotations

import pytest

from gatekeeper.errors import UnknownRecord
from gatekeeper.store import Store, StoredAnswer
from tests.unit.store.given import NOW, application, bring, minutes

GIVEN = StoredAnswer("A000001", "name-website-related", True, "li", NOW)


@pytest.fixture
def filled(store: Store) -> Store:
    bring(store, [application(1), application(2)])
    return store


def test_an_answer_is_kept_with_who_and_when(filled: Store) -> None:
    assert filled.answer(GIVEN)
    assert filled.answers() == {"A000001": {"name-website-related": GIVEN}}
    assert filled.answers(["A000002"]) == {}


def test_the_newest_answer_counts_and_the_trail_has_both(filled: Store) -> None:
    later = GIVEN._replace(yes=False, at=minutes(5))
    assert filled.answer(GIVEN)
    assert not filled.answer(GIVEN), "the same again changes nothing"
    assert not filled.answer(GIVEN._replace(yes=False, at=minutes(-1))), "nor does an older one"
    assert filled.answer(GIVEN._replace(at=minutes(1))), "said again later, it is newer"
    assert filled.answers()["A000001"]["name-website-related"].at == minutes(1)
    assert filled.answer(later)
    assert filled.answers(["A000001"])["A000001"]["name-website-related"] == later
    told = [event.note for event in filled.events("A000001") if event.kind == "review.answered"]
    assert sorted(told) == ["name-website-related: no", *["name-website-related: yes"] * 2]
    assert filled.verify_trail().ok


def test_an_answer_changes_nothing_that_the_register_says(filled: Store) -> None:
    version, mark = filled.register_version(), filled.register_mark()
    filled.answer(GIVEN)
    assert (filled.register_version(), filled.register_mark()) == (version, mark)


def test_no_answer_about_what_is_not_there(filled: Store) -> None:
    with pytest.raises(UnknownRecord, match="no application A9"):
        filled.answer(GIVEN._replace(application_id="A9"))
    assert filled.answers() == {}
