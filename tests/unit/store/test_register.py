"""The register: what goes in comes out, every change is told, and nothing private is."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta, timezone
from pathlib import Path

import pytest

from gatekeeper.errors import StoreError, UnknownRecord
from gatekeeper.filing import (
    Application,
    Entity,
    Kind,
    Order,
    OrderKind,
    Problem,
    Row,
    Status,
    Where,
    content_digest,
    merge,
    register_version,
)
from gatekeeper.store import EntryKind, Store, open_store
from tests.unit.store.given import NOW, REVIEW, SECRET, application, bring, minutes

BARE = Application(
    application_id="B1",
    filing_id="",
    kind=Kind.DEREGISTER_ENTITY,
    status=Status.DRAFT,
    status_at=NOW,
    entity=Entity(name="某公司"),
)
SUSPENDED = Order(
    filing_id="F000001", kind=OrderKind.SUSPENSION, at=NOW, by="wang", reason="bureau letter 7"
)


def test_what_goes_in_comes_out_in_order_of_ids(store: Store) -> None:
    bring(store, [application(2), BARE, application(1)])
    assert store.applications() == (application(1), application(2), BARE)
    assert store.application("A000002") == application(2)
    assert store.application("nobody") is None


def test_times_come_back_as_utc(store: Store) -> None:
    shanghai = timezone(timedelta(hours=8))
    bring(store, [application(1, status_at=NOW.astimezone(shanghai))])
    status_at = store.applications()[0].status_at
    assert (status_at, status_at.utcoffset()) == (NOW, timedelta(0))


def test_stored_takes_any_number_of_ids(store: Store) -> None:
    bring(store, [application(number) for number in range(1, 1203)])
    found = store.stored([*(f"A{number:06}" for number in range(1, 1203)), "A000001", "nobody"])
    assert len(found) == 1202
    assert found["A001202"].application == application(1202)
    assert found["A001202"].seen_at == NOW


def test_an_import_is_told_in_the_trail(store: Store) -> None:
    bring(store, [application(1)])
    moved = replace(application(1), status=Status.BUREAU_REVIEW, status_at=minutes(5))
    bring(store, [moved], at=minutes(6))
    new, move = store.events("A000001")
    assert (new.kind, new.status, new.actor, new.source) == (
        EntryKind.APPLICATION_NEW,
        "submitted",
        "li",
        "f.csv",
    )
    assert move.kind == EntryKind.APPLICATION_MOVED
    assert (move.status, move.status_at, move.at) == ("bureau_review", minutes(5), minutes(6))
    assert move.skipped == ("reported",)
    assert move.data["before"] == new.data["after"] == content_digest(application(1))
    assert move.data["after"] == content_digest(moved)
    assert new.data["before"] is None
    assert new.data["line"] == 2


def test_corrections_and_later_sights_are_stored(store: Store) -> None:
    bring(store, [application(1)])
    other = replace(application(1), entity=replace(application(1).entity, name="改名公司"))
    bring(store, [other])
    later = replace(other, status_at=minutes(9))
    bring(store, [later], at=minutes(9))
    assert store.applications() == (other,)
    assert store.stored(["A000001"])["A000001"].seen_at == minutes(9)
    kinds = [event.kind for event in store.events("A000001")]
    assert kinds == ["application.new", "application.corrected", "application.observed"]
    assert store.verify_trail().ok


def test_one_import_may_move_an_application_twice(store: Store) -> None:
    first = application(1)
    second = replace(first, status=Status.REPORTED, status_at=minutes(1))
    third = replace(first, status=Status.BUREAU_REVIEW, status_at=minutes(2))
    bring(store, [first])
    rows = [
        Row(application=second, where=Where(file="a.csv", line=2)),
        Row(application=third, where=Where(file="b.csv", line=2)),
    ]
    outcome = merge(store.stored(["A000001"]), rows, now=minutes(3))
    store.commit_merge(outcome, actor="li", source="", at=minutes(3))
    assert store.applications() == (third,)
    events = store.events("A000001")[1:]
    assert [event.source for event in events] == ["a.csv", "b.csv"]
    assert events[1].data["before"] == events[0].data["after"]
    assert store.verify_trail().ok


def test_importing_the_same_again_writes_nothing(store: Store) -> None:
    bring(store, [application(1)])
    head = store.trail_head()
    bring(store, [application(1)])
    assert store.trail_head() == head


def test_the_trail_holds_nothing_private(store: Store) -> None:
    bring(store, [application(1)])
    told = repr(store.history())
    assert SECRET not in told
    assert "id_number" not in told
    assert store.applications()[0].review == REVIEW


def test_an_import_with_problems_is_refused_whole(store: Store) -> None:
    where = Where(file="f.csv", line=3)
    problem = Problem(where=where, column="kind", value="x", reason="bad", reason_zh="坏")
    outcome = merge({}, [Row(application=application(1), where=where)], now=NOW)
    with pytest.raises(StoreError):
        store.commit_merge(
            replace(outcome, problems=(problem,)), actor="li", source="f.csv", at=NOW
        )
    assert store.applications() == ()


def test_a_raced_import_stores_nothing(store: Store) -> None:
    rows = [
        Row(application=application(number), where=Where(file="f.csv", line=number))
        for number in (1, 2)
    ]
    outcome = merge({}, rows, now=NOW)
    bring(store, [application(2)])
    head = store.trail_head()
    with pytest.raises(StoreError, match=r"A000002 was changed by another process .* try again"):
        store.commit_merge(outcome, actor="li", source="f.csv", at=NOW)
    assert store.applications() == (application(2),)
    assert store.trail_head() == head


def test_a_raced_move_stores_nothing(store: Store) -> None:
    bring(store, [application(1), application(2)])
    moved = [
        replace(application(number), status=Status.REPORTED, status_at=minutes(1))
        for number in (1, 2)
    ]
    rows = [Row(application=one, where=Where(file="f.csv", line=2)) for one in moved]
    outcome = merge(store.stored(["A000001", "A000002"]), rows, now=minutes(2))
    bring(store, [moved[1]], at=minutes(2))
    with pytest.raises(StoreError, match="try again"):
        store.commit_merge(outcome, actor="li", source="f.csv", at=minutes(2))
    assert store.applications() == (application(1), moved[1])
    assert store.verify_trail().ok


@pytest.mark.parametrize("whole", [False, True])
def test_advance_moves_one_application(store: Store, whole: bool) -> None:
    bring(store, [application(1)])
    after = replace(application(1), status=Status.REPORTED, status_at=minutes(1))
    store.advance(
        after,
        before=application(1) if whole else Status.SUBMITTED,
        actor="wang",
        source="cli",
        at=minutes(2),
        note="电话确认",
    )
    assert store.application("A000001") == after
    event = store.events("A000001")[-1]
    assert (event.kind, event.note, event.actor) == ("application.moved", "电话确认", "wang")
    assert store.verify_trail().ok


def test_advance_refuses_a_race_and_an_unknown_application(store: Store) -> None:
    bring(store, [application(1)])
    after = replace(application(1), status=Status.REPORTED, status_at=minutes(1))
    say = {"actor": "wang", "source": "cli", "at": NOW}
    with pytest.raises(StoreError, match="changed by another process"):
        store.advance(after, before=Status.RETURNED, **say)
    corrected = replace(application(1), review="{}")
    with pytest.raises(StoreError, match="changed by another process"):
        store.advance(after, before=corrected, **say)
    with pytest.raises(UnknownRecord, match="A000009"):
        store.advance(application(9), before=Status.SUBMITTED, **say)
    assert store.applications() == (application(1),)


def test_orders_stand_until_they_are_lifted(store: Store) -> None:
    assert store.place_order(SUSPENDED)
    assert not store.place_order(replace(SUSPENDED, reason="again"))
    restricted = replace(SUSPENDED, kind=OrderKind.RESTRICTION, reason="MIIT")
    assert store.place_order(restricted)
    assert store.orders() == (restricted, SUSPENDED)
    assert store.lift_order("F000001", by="wang", at=minutes(3), reason="letter 8")
    assert not store.lift_order("F000001", by="wang", at=minutes(3), reason="letter 8")
    assert store.orders() == (restricted,)
    told = [(event.kind, event.note) for event in store.events("F000001")]
    assert told == [
        ("order.placed", "bureau letter 7"),
        ("order.placed", "MIIT"),
        ("order.lifted", "letter 8"),
    ]
    assert store.verify_trail().ok


def test_a_filing_shows_its_applications_and_its_orders(store: Store) -> None:
    change = replace(application(1), application_id="A000500", kind=Kind.CHANGE)
    bring(store, [application(1), change, application(2)])
    store.place_order(SUSPENDED)
    subjects = [event.subject for event in store.events("F000001")]
    assert subjects == ["A000001", "A000500", "F000001"]
    assert {event.filing_id for event in store.events("F000001")} == {"F000001"}
    assert len(store.events()) == 4
    assert [event.subject for event in store.events(limit=1)] == ["F000001"]


def test_the_version_is_the_content_wherever_and_however_it_came(
    store: Store, tmp_path: Path
) -> None:
    bring(store, [application(1), application(2)])
    with open_store(f"sqlite:///{tmp_path / 'other.db'}") as other:
        bring(other, [application(2)], at=minutes(1))
        assert other.register_version() != store.register_version()
        bring(other, [application(1)], at=minutes(2))
        assert other.register_version() == store.register_version()
        other.place_order(SUSPENDED)
        assert other.register_version() != store.register_version()
        store.place_order(replace(SUSPENDED, at=minutes(5), by="zhao"))
        assert other.register_version() == store.register_version()
    digests = [content_digest(application(number)) for number in (2, 1)]
    assert store.register_version() == register_version(digests, [SUSPENDED])


def test_a_later_sight_does_not_change_the_version_or_the_mark(store: Store) -> None:
    assert store.register_mark() == 0
    bring(store, [application(1)])
    version, mark = store.register_version(), store.register_mark()
    bring(store, [application(1, status_at=minutes(1))], at=minutes(1))
    assert (store.register_version(), store.register_mark()) == (version, mark)
    store.place_order(SUSPENDED)
    assert store.register_mark() > mark


def test_records_are_one_moment(store: Store) -> None:
    bring(store, [application(2), application(1)])
    store.place_order(SUSPENDED)
    records = store.records()
    assert records.applications == store.applications()
    assert records.orders == store.orders()
    assert records.version == store.register_version()


def test_a_store_in_memory_does_the_same() -> None:
    with open_store("sqlite://") as store:
        bring(store, [application(number) for number in range(1, 1200)])
        assert len(store.applications()) == 1199
        assert store.verify_trail().ok
    with open_store("sqlite://") as other:
        assert other.applications() == ()
