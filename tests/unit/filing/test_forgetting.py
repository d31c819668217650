"""Taking somebody out of a record, and keeping them out; all persons are made up."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from gatekeeper.filing import (
    Application,
    Entity,
    Kind,
    Person,
    Row,
    Status,
    Stored,
    Where,
    forget,
    is_final,
    keep_forgotten,
    merge,
    remembered,
)

NOW = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)
WHEN = "2026-03-02T09:30:00.000000Z"
MARK = {"forgotten": WHEN}
ID = "11010519491231002X"
OTHER = "110101199003070003"
REVIEW: dict[str, Any] = {
    "entity": {
        "head": {"name": "王某", "id_number": ID, "phone": "13812345678", "email": "w@a.cn"},
        "legal_representative": "王某",
        "investor": "某集团",
    },
    "service": {
        "head": {"name": "李某", "id_number": OTHER, "phone": "13900001111"},
        "domains": [
            {"name": "13812345678.cn", "holder": "王某", "holder_certificate_number": ID},
            {"name": "b.cn", "holder": "某公司"},
        ],
    },
    "portal": {"mobile": "13812345678", "email": "icp@a.cn"},
    "attachments": [{"path": "王某.jpg"}, {"path": f"scan-{ID.lower()}.png"}, {"path": "李.jpg"}],
    "answers": {"who-fit": {"answer": "yes", "by": "王某"}},
}


def text(record: Any) -> str:
    return json.dumps(record, ensure_ascii=False, sort_keys=True, separators=(",", ":"))


def application(review: Any = None, **changes: Any) -> Application:
    return replace(
        Application(
            application_id="A1",
            filing_id="F1",
            kind=Kind.NEW,
            status=Status.APPROVED,
            status_at=NOW,
            entity=Entity(name="某公司", certificate_number="91350100M000100Y43"),
            review=text(REVIEW if review is None else review),
        ),
        **changes,
    )


def test_a_person_goes_with_all_that_is_theirs_and_nobody_else() -> None:
    erased = forget(application(), Person(id_number=ID), WHEN)
    record = json.loads(erased.application.review)
    assert record == {
        "entity": {"head": MARK, "legal_representative": MARK, "investor": "某集团"},
        "service": {
            "head": REVIEW["service"]["head"],
            "domains": [
                {"name": "13812345678.cn", "holder": MARK, "holder_certificate_number": MARK},
                {"name": "b.cn", "holder": "某公司"},
            ],
        },
        "portal": {"mobile": MARK, "email": "icp@a.cn"},
        "attachments": [{"path": MARK}, {"path": MARK}, {"path": "李.jpg"}],
        "answers": REVIEW["answers"],
    }
    assert set(erased.places) == {
        "entity.head",
        "entity.legal_representative",
        "service.domains[0].holder",
        "service.domains[0].holder_certificate_number",
        "portal.mobile",
        "attachments[0].path",
        "attachments[1].path",
    }
    assert not erased.entity
    assert replace(erased.application, review=application().review) == application()


@pytest.mark.parametrize("spelt", [ID.lower(), f" {ID} ", "１１０１０５１９４９１２３１００２Ｘ"])
def test_a_number_is_found_however_it_is_spelt(spelt: str) -> None:
    assert "entity.head" in forget(application(), Person(id_number=spelt), WHEN).places


def test_a_name_counts_in_one_filing_alone() -> None:
    person = Person(name="王 某", filing_id="F1")
    assert "entity.head" in forget(application(), person, WHEN).places
    elsewhere = application(filing_id="F2")
    assert forget(elsewhere, person, WHEN).application == elsewhere


def test_whoever_has_the_same_name_and_another_number_stays() -> None:
    record = {
        "entity": {"head": {"name": "王某", "id_number": ID}},
        "service": {"head": {"name": "王某", "id_number": OTHER, "phone": "1"}},
    }
    erased = forget(application(record), Person(id_number=ID), WHEN)
    assert erased.places == ("entity.head",)
    assert json.loads(erased.application.review)["service"] == record["service"]
    nameless = {**record, "service": {"head": {"name": "王某", "phone": "2"}}}
    both = forget(application(nameless), Person(id_number=ID), WHEN)
    assert both.places == ("entity.head", "service.head")


def test_a_number_that_stands_outside_of_persons_goes_too() -> None:
    record = {"attachments": [{"path": f"{ID}.jpg", ID: 1, "kind": "head_photo"}]}
    erased = forget(application(record), Person(id_number=ID), WHEN)
    assert json.loads(erased.application.review) == {
        "attachments": [{"path": MARK, "forgotten": WHEN, "kind": "head_photo"}]
    }
    assert set(erased.places) == {"attachments[0].path", "attachments[0]"}


@pytest.mark.parametrize("person", [Person(id_number="110101199003070011"), Person(name="赵某")])
def test_nobody_is_found_where_nobody_is(person: Person) -> None:
    assert forget(application(), person, WHEN) == (application(), (), False)
    assert forget(application(review=""), person, WHEN).places == ()


def test_an_entity_is_said_and_stays() -> None:
    entity = Entity(name="王某", certificate_number=ID)
    alone = forget(application(review="", entity=entity), Person(id_number=ID), WHEN)
    assert (alone.places, alone.entity) == (("entity",), True)
    named = forget(application(entity=entity), Person(id_number=ID), WHEN)
    assert named.entity
    assert named.places[-1] == "entity"
    assert "entity.head" in named.places
    assert named.application.entity == entity


def test_forgetting_twice_changes_nothing_more() -> None:
    once = forget(application(), Person(id_number=ID), WHEN).application
    assert forget(once, Person(id_number=ID), "later") == (once, (), False)


def test_a_sealed_review_is_not_searched() -> None:
    with pytest.raises(ValueError, match="sealed"):
        forget(replace(application(), review="sealed:1:00000000:x"), Person(id_number=ID), WHEN)


def test_a_person_shows_nothing_of_itself() -> None:
    assert ID not in repr(Person(id_number=ID, name="王某", filing_id="F1"))
    assert "王某" not in repr(Person(id_number=ID, name="王某"))


def test_final_is_what_no_move_leaves() -> None:
    final = {status for status in Status if is_final(application(status=status))}
    assert final == {Status.APPROVED, Status.WITHDRAWN}


def bring(stored: Application, said: Application) -> Any:
    row = Row(application=said, where=Where(file="f.json", line=1))
    return merge({"A1": Stored(application=stored, seen_at=NOW)}, [row], now=NOW)


def test_the_same_file_does_not_bring_them_back() -> None:
    erased = forget(application(), Person(id_number=ID), WHEN).application
    outcome = bring(erased, application())
    assert (outcome.steps, outcome.problems) == ((), ())
    assert len(outcome.unchanged) == len(outcome.forgotten) == 1
    assert bring(application(), application()).forgotten == ()


def test_what_else_a_file_says_still_counts() -> None:
    pending = application(status=Status.SUBMITTED)
    erased = forget(pending, Person(id_number=ID), WHEN).application
    changed = json.loads(pending.review) | {"entry": "all"}
    changed["service"]["domains"].insert(0, {"name": "0.cn", "holder": "某公司"})
    (step,) = bring(erased, replace(pending, review=text(changed))).corrected
    record = json.loads(step.after.application.review)
    assert record["entry"] == "all"
    assert record["entity"]["head"] == MARK
    assert record["service"]["domains"][0] == {"name": "0.cn", "holder": "某公司"}
    assert record["service"]["domains"][1]["holder"] == MARK


def test_markers_stay_where_a_file_is_silent() -> None:
    stored = text({"entity": {"head": MARK}, "portal": {"email": MARK}})
    assert keep_forgotten(text({"entry": "all"}), stored) == text({"entry": "all"})
    kept = keep_forgotten(text({"entity": {"investor": "x"}, "portal": {"email": "a"}}), stored)
    assert json.loads(kept) == {
        "entity": {"head": MARK, "investor": "x"},
        "portal": {"email": MARK},
    }


def test_a_reader_finds_nothing_where_something_was_erased() -> None:
    record = {
        "entity": {"head": MARK, "name": "x"},
        "attachments": [{"path": MARK, "kind": "y", "forgotten": WHEN}, MARK],
        "forgotten": "something else",
    }
    assert remembered(record) == {
        "entity": {"name": "x"},
        "attachments": [{"kind": "y"}],
        "forgotten": "something else",
    }
