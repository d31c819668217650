"""The trail cannot be changed by accident, and whatever is changed on purpose is found."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from dataclasses import replace
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from gatekeeper.errors import StoreError
from gatekeeper.filing import Order, OrderKind, Status
from gatekeeper.store import EMPTY_HEAD, Entry, Fault, Store, TrailReport, chain
from tests.servers import unmeasured
from tests.unit.store.conftest import Intruder
from tests.unit.store.given import NOW, application, bring, minutes

SUSPENDED = Order(filing_id="F000001", kind=OrderKind.SUSPENSION, at=NOW, by="wang", reason="x")


def entry(number: int, **changes: Any) -> Entry:
    return replace(
        Entry(
            at=minutes(number),
            actor="li",
            kind="note",
            subject=f"S{number}",
            account_id="111122223333",
            data={"b": 1, "a": "备案"},
        ),
        **changes,
    )


@pytest.fixture
def told(store: Store) -> Store:
    """A store with five entries."""
    store.append(*(entry(number) for number in range(1, 6)))
    return store


def faults(report: TrailReport) -> list[tuple[Fault, int | None]]:
    assert report.found == len(report.problems)
    assert report.ok is (not report.problems)
    return [(problem.fault, problem.seq) for problem in report.problems]


def test_an_empty_trail_has_the_empty_head(store: Store) -> None:
    assert store.trail_head() == EMPTY_HEAD
    assert store.verify_trail() == TrailReport(entries=0, head=EMPTY_HEAD)
    assert store.verify_trail(EMPTY_HEAD).ok
    store.append(Entry(at=NOW, actor="me", kind="note", subject="x"))
    assert not store.verify_trail(EMPTY_HEAD).ok


def test_entries_come_back_as_they_were_told(store: Store) -> None:
    head = store.append(entry(1), entry(2, account_id=None, data={}))
    first, second = store.history()
    assert (first.seq, first.at, first.actor, first.kind) == (1, minutes(1), "li", "note")
    assert (first.subject, first.account_id) == ("S1", "111122223333")
    assert first.data == {"a": "备案", "b": 1}
    assert (second.seq, second.account_id, second.data) == (2, None, {})
    assert (first.prev_hash, second.prev_hash) == (EMPTY_HEAD, first.hash)
    assert head == second.hash == store.trail_head()


def test_the_hash_is_what_the_documents_say(store: Store) -> None:
    head = store.append(entry(1, actor='say "hi"\n'))
    stored = store.history()[0]
    content = {
        "account_id": "111122223333",
        "actor": 'say "hi"\n',
        "at": "2026-03-02T09:31:00.000000Z",
        "data": '{"a":"备案","b":1}',
        "kind": "note",
        "prev_hash": EMPTY_HEAD,
        "seq": 1,
        "subject": "S1",
    }
    text = json.dumps(content, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
    assert stored.hash == head == sha256(text.encode()).hexdigest()


def test_history_is_asked_by_what_it_is_about(told: Store) -> None:
    told.append(entry(6, kind="other", account_id=None))

    def seqs(**question: Any) -> list[int]:
        return [found.seq for found in told.history(**question)]

    assert seqs(subject="S2") == [2]
    assert seqs(account_id="111122223333") == [1, 2, 3, 4, 5]
    assert seqs(kinds=["other"]) == [6]
    assert seqs(since=minutes(2), until=minutes(4)) == [2, 3]
    assert seqs(after=4) == [5, 6]
    assert seqs(limit=2, newest_first=True) == [6, 5]


def test_text_that_is_not_utf8_is_refused(store: Store) -> None:
    with pytest.raises(StoreError, match="not UTF-8"):
        store.append(entry(1, actor="li\udcff"))
    assert store.history() == ()


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE trail SET actor = 'eve' WHERE seq = 3",
        "DELETE FROM trail WHERE seq = 3",
        "INSERT OR REPLACE INTO trail SELECT * FROM trail WHERE seq = 3",
        "TRUNCATE trail",
    ],
)
def test_the_database_refuses_to_change_an_entry(
    told: Store, intruder: Intruder, statement: str
) -> None:
    if intruder.sqlite is statement.startswith("TRUNCATE"):
        pytest.skip("not a statement of this engine")
    if not intruder.sqlite and "REPLACE" in statement:
        pytest.skip("not a statement of this engine")
    with pytest.raises(Exception, match="append-only"):
        intruder.run(statement)
    assert told.verify_trail().entries == 5


def test_an_edited_entry_is_found(told: Store, intruder: Intruder) -> None:
    intruder.disarm()
    intruder.run("UPDATE trail SET actor = 'eve' WHERE seq = 3")
    assert faults(told.verify_trail()) == [(Fault.EDITED, 3)]


@pytest.mark.parametrize("column", ["at", "kind", "subject", "account_id", "data", "hash"])
def test_no_field_can_be_edited(told: Store, intruder: Intruder, column: str) -> None:
    intruder.disarm()
    intruder.run(f"UPDATE trail SET {column} = '{{}}' WHERE seq = 3")
    assert faults(told.verify_trail())[0][1] == 3


def test_a_removed_entry_is_found(told: Store, intruder: Intruder) -> None:
    intruder.disarm()
    intruder.run("DELETE FROM trail WHERE seq = 2 OR seq = 3")
    report = told.verify_trail()
    assert faults(report) == [(Fault.REMOVED, 2)]
    assert "2 to 3" in report.problems[0].message


def test_a_removed_first_entry_is_found(told: Store, intruder: Intruder) -> None:
    intruder.disarm()
    intruder.run("DELETE FROM trail WHERE seq = 1")
    assert faults(told.verify_trail()) == [(Fault.REMOVED, 1)]


def test_a_cut_tail_is_found_by_the_head_that_was_seen(told: Store, intruder: Intruder) -> None:
    seen = told.trail_head()
    intruder.disarm()
    intruder.run("DELETE FROM trail WHERE seq > 3")
    assert told.verify_trail().ok
    assert faults(told.verify_trail(seen)) == [(Fault.CUT, None)]


def test_a_trail_that_grew_since_is_sound(told: Store) -> None:
    seen = told.trail_head()
    told.append(entry(6))
    report = told.verify_trail(seen)
    assert (report.ok, report.entries, report.head) == (True, 6, told.trail_head())


def test_swapped_entries_are_found(told: Store, intruder: Intruder) -> None:
    intruder.disarm()
    intruder.run("UPDATE trail SET seq = 99 WHERE seq = 2")
    intruder.run("UPDATE trail SET seq = 2 WHERE seq = 3")
    intruder.run("UPDATE trail SET seq = 3 WHERE seq = 99")
    assert faults(told.verify_trail()) == [(Fault.REORDERED, 2)]


def test_a_removal_that_is_closed_up_is_found(told: Store, intruder: Intruder) -> None:
    intruder.disarm()
    intruder.run("DELETE FROM trail WHERE seq = 2")
    for seq in (3, 4, 5):
        intruder.run("UPDATE trail SET seq = ? WHERE seq = ?", seq - 1, seq)
    assert faults(told.verify_trail()) == [(Fault.REORDERED, 2)]


def forge(intruder: Intruder, seq: int) -> None:
    """Rewrite one entry with a hash that fits."""
    names = ("seq", "at", "actor", "kind", "subject", "account_id", "data", "prev_hash")
    row = intruder.run(f"SELECT {', '.join(names)} FROM trail WHERE seq = ?", seq)[0]
    content = dict(zip(names, row, strict=True)) | {"actor": "eve"}
    text = json.dumps(content, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
    intruder.run(
        "UPDATE trail SET actor = 'eve', hash = ? WHERE seq = ?",
        sha256(text.encode()).hexdigest(),
        seq,
    )


def test_a_forged_entry_is_found_by_the_one_after_it(told: Store, intruder: Intruder) -> None:
    intruder.disarm()
    forge(intruder, 3)
    assert faults(told.verify_trail()) == [(Fault.FORGED, 3)]


def test_a_forged_head_is_found_by_the_head_that_was_seen(told: Store, intruder: Intruder) -> None:
    seen = told.trail_head()
    intruder.disarm()
    forge(intruder, 5)
    assert told.verify_trail().ok
    assert faults(told.verify_trail(seen)) == [(Fault.CUT, None)]


def test_only_the_first_break_is_told(told: Store, intruder: Intruder) -> None:
    intruder.disarm()
    intruder.run("UPDATE trail SET actor = 'eve' WHERE seq > 1")
    assert faults(told.verify_trail()) == [(Fault.EDITED, 2)]


def test_problems_are_said_in_both_languages(told: Store, intruder: Intruder) -> None:
    intruder.disarm()
    intruder.run("UPDATE trail SET actor = 'eve' WHERE seq = 3")
    problem = told.verify_trail().problems[0]
    assert problem.message == "entry 3 was edited"
    assert problem.message_zh == "第 3 条记录被修改"


@pytest.mark.parametrize(
    "edit",
    [
        "UPDATE applications SET status = 'approved'",
        "UPDATE applications SET account_id = '999999999999'",
        "UPDATE applications SET filing_id = 'F9'",
        "UPDATE applications SET seen_at = '2026-01-01T00:00:00.000000Z'",
        "UPDATE applications SET digest = 'abc'",
        "UPDATE applications SET body = replace(body, '52.83.1.1', '52.83.9.9')",
        "UPDATE applications SET body = replace(body, 'submitted', 'approved')",
        "UPDATE applications SET body = 'not json'",
        "UPDATE applications SET body = '[]'",
        "DELETE FROM applications",
    ],
)
def test_a_row_that_was_edited_is_found(store: Store, intruder: Intruder, edit: str) -> None:
    bring(store, [application(1), application(2)])
    intruder.run(f"{edit} WHERE application_id = 'A000002'")
    report = store.verify_trail()
    assert faults(report) == [(Fault.ROW, 2)]
    assert report.problems[0].subject == "A000002"


def test_a_row_without_an_event_is_found(store: Store, intruder: Intruder) -> None:
    bring(store, [application(1)])
    columns = "filing_id, kind, status, status_at, seen_at, entity_name, account_id, digest, body"
    intruder.run(
        f"INSERT INTO applications (application_id, {columns}) "
        f"SELECT 'A9', {columns} FROM applications"
    )
    report = store.verify_trail()
    assert faults(report) == [(Fault.ROW, None)]
    assert "A9 has no event" in report.problems[0].message


@pytest.mark.parametrize(
    "edit",
    [
        "DELETE FROM orders",
        "UPDATE orders SET reason = 'y'",
        "UPDATE orders SET filing_id = 'F2'",
        "UPDATE orders SET kind = 'restriction'",
    ],
)
def test_an_order_that_was_edited_is_found(store: Store, intruder: Intruder, edit: str) -> None:
    store.place_order(SUSPENDED)
    intruder.run(edit)
    assert {fault for fault, _ in faults(store.verify_trail())} == {Fault.ROW}


def test_a_lifted_order_that_is_back_is_found(store: Store, intruder: Intruder) -> None:
    store.place_order(SUSPENDED)
    store.lift_order("F000001", by="wang", at=NOW, reason="y")
    intruder.run(
        "INSERT INTO orders VALUES ('F000001', 'suspension', '2026-03-02T09:30:00.000000Z', "
        "'wang', 'x')"
    )
    assert faults(store.verify_trail()) == [(Fault.ROW, None)]


def test_a_report_stays_short(store: Store, intruder: Intruder) -> None:
    bring(store, [application(number) for number in range(1, 202)])
    intruder.run("UPDATE applications SET status = 'approved'")
    report = store.verify_trail()
    assert (report.found, len(report.problems)) == (201, 100)


def test_a_failed_change_leaves_no_entry(store: Store, intruder: Intruder) -> None:
    bring(store, [application(1)])
    head = store.trail_head()
    intruder.run("DROP TABLE orders")
    with pytest.raises(StoreError):
        store.place_order(SUSPENDED)
    assert store.trail_head() == head
    after = replace(application(1), status=Status.REPORTED, status_at=minutes(1))
    intruder.run("ALTER TABLE trail RENAME TO gone")
    with pytest.raises(StoreError):
        store.advance(after, before=Status.SUBMITTED, actor="li", source="cli", at=NOW)
    assert store.applications() == (application(1),)


def test_a_writer_waits_for_the_one_before(store: Store) -> None:
    heads: list[str] = []
    with store._db.write(trail=True) as connection:
        writer = threading.Thread(target=lambda: heads.append(store.append(entry(2))))
        writer.start()
        writer.join(0.3)
        assert heads == []
        chain.append(store._db, connection, [entry(1)])
    writer.join()
    assert heads == [store.trail_head()]
    assert [found.subject for found in store.history()] == ["S1", "S2"]
    assert store.verify_trail().ok


_WRITER = """
import sys
from datetime import UTC, datetime
from gatekeeper.store import Entry, open_store
url, who = sys.argv[1:]
with open_store(url) as store:
    for number in range(25):
        store.append(Entry(at=datetime.now(UTC), actor=who, kind="note", subject=str(number)))
"""


def test_writers_of_several_processes_make_one_chain(store: Store, url: str, root: Path) -> None:
    command = [sys.executable, "-W", "error", "-c", _WRITER, url]
    writers = [
        subprocess.Popen([*command, who], cwd=root, env=unmeasured()) for who in ("li", "wang")
    ]
    for number in range(25):
        store.append(entry(number))
    assert [writer.wait(60) for writer in writers] == [0, 0]
    report = store.verify_trail()
    assert (report.ok, report.entries) == (True, 75)
    for who in ("li", "wang"):
        mine = [
            found for found in store.history() if found.actor == who and found.account_id is None
        ]
        assert [found.subject for found in mine] == [str(number) for number in range(25)]
