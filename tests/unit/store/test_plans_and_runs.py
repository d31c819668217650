"""Plans, approvals, runs, journals and results."""

from __future__ import annotations

import pytest

from gatekeeper.errors import StoreError, UnknownRecord
from gatekeeper.store import Approval, Store
from tests.unit.store.conftest import Intruder
from tests.unit.store.given import NOW, minutes

ACCOUNT = "111122223333"
PLAN = {"id": "P1", "actions": [{"id": "a1", "account_id": ACCOUNT, "reason": "备案"}]}


def test_a_plan_is_kept_with_everyone_who_made_it(store: Store) -> None:
    store.save_plan("P1", "li", NOW, PLAN)
    store.save_plan("P1", "wang", minutes(1), PLAN)
    head = store.trail_head()
    store.save_plan("P1", "li", minutes(2), PLAN)
    assert store.trail_head() == head
    assert store.plan("P1") == PLAN
    assert store.plan("P2") is None
    assert store.plan_authors("P1") == {"li", "wang"}
    assert store.plan_authors("P2") == frozenset()


def test_approvals_hold_until_they_expire(store: Store) -> None:
    store.save_plan("P1", "li", NOW, PLAN)
    store.approve("P1", "zhao", minutes(1), minutes(60))
    store.approve("P1", "wang", minutes(2), minutes(30))
    zhao = Approval(plan_id="P1", by="zhao", at=minutes(1), expires_at=minutes(60))
    wang = Approval(plan_id="P1", by="wang", at=minutes(2), expires_at=minutes(30))
    assert store.approvals("P1", at=minutes(3)) == (zhao, wang)
    assert store.approvals("P1", at=minutes(30)) == (zhao,)
    assert store.approvals("P1", at=minutes(60)) == ()
    assert store.approvals("P1", at=NOW) == ()
    assert store.approvals("P2", at=minutes(3)) == ()


def test_one_person_approves_once(store: Store) -> None:
    store.save_plan("P1", "li", NOW, PLAN)
    store.approve("P1", "Wang Wei", NOW, minutes(30))
    store.approve("P1", " wang  wei", minutes(1), minutes(40))
    store.approve("P1", "WANG WEI", minutes(2), minutes(20))
    (approval,) = store.approvals("P1", at=minutes(3))
    assert approval.expires_at == minutes(40)


def test_only_a_known_plan_is_approved(store: Store) -> None:
    with pytest.raises(UnknownRecord, match="P9"):
        store.approve("P9", "wang", NOW, minutes(1))


def test_a_run_is_under_way_until_it_ends(store: Store) -> None:
    store.start_run("R1", "P1", "apply", "li", NOW, PLAN)
    store.start_run("R2", "P1", "rollback", "li", minutes(1), {}, accounts=["9", "8", "9"])
    run = store.run("R1")
    assert run is not None
    assert (run.plan_id, run.kind, run.actor, run.started_at) == ("P1", "apply", "li", NOW)
    assert (run.plan, run.accounts, run.outcome, run.finished_at) == (PLAN, (ACCOUNT,), None, None)
    assert [one.run_id for one in store.unfinished_runs()] == ["R1", "R2"]
    assert [one.run_id for one in store.unfinished_runs(ACCOUNT)] == ["R1"]
    assert [one.accounts for one in store.unfinished_runs("8")] == [("8", "9")]
    store.finish_run("R1", "done", minutes(2))
    store.finish_run("R1", "failed", minutes(3))
    ended = store.run("R1")
    assert ended is not None
    assert (ended.outcome, ended.finished_at) == ("done", minutes(2))
    assert [one.run_id for one in store.unfinished_runs()] == ["R2"]
    assert [one.run_id for one in store.runs()] == ["R2", "R1"]
    assert [one.run_id for one in store.runs(limit=1)] == ["R2"]
    assert [entry.kind for entry in store.history(subject="R1")] == ["run.started", "run.finished"]


def test_unknown_and_doubled_runs_are_refused(store: Store) -> None:
    assert store.run("R1") is None
    with pytest.raises(UnknownRecord, match="R1"):
        store.finish_run("R1", "done", NOW)
    with pytest.raises(UnknownRecord, match="R1"):
        store.record_result("R1", "a1", "done", "", {})
    store.start_run("R1", "P1", "apply", "li", NOW, PLAN)
    with pytest.raises(StoreError, match="R1 exists"):
        store.start_run("R1", "P1", "apply", "li", NOW, PLAN)


def test_the_journal_is_read_back_in_order(store: Store) -> None:
    store.start_run("R1", "P1", "apply", "li", NOW, PLAN)
    with store.acquire_lease(ACCOUNT) as lease:
        store.journal("R1", "a1", "Detach", "intent", {"groups": ["sg-1"]}, NOW, lease.token)
        store.journal("R1", "a1", "Detach", "failed", {"code": "X"}, minutes(1), lease.token)
    first, second = store.journal_entries("R1")
    assert (first.action_id, first.call, first.phase) == ("a1", "Detach", "intent")
    assert (first.detail, first.account_id, first.token) == (
        {"groups": ["sg-1"]},
        ACCOUNT,
        lease.token,
    )
    assert (second.phase, second.at) == ("failed", minutes(1))
    assert store.journal_entries("R2") == ()
    assert store.history(account_id=ACCOUNT)[0].kind == "run.call"


def test_a_journal_entry_is_there_for_others_when_it_is_written(
    store: Store, intruder: Intruder
) -> None:
    store.start_run("R1", "P1", "apply", "li", NOW, PLAN)
    with store.acquire_lease(ACCOUNT) as lease:
        store.journal("R1", "a1", "Detach", "intent", {}, NOW, lease.token)
        assert intruder.run("SELECT kind FROM trail ORDER BY seq DESC LIMIT 1") == [("run.call",)]


def test_the_newest_result_of_an_action_counts(store: Store) -> None:
    store.start_run("R1", "P1", "apply", "li", NOW, PLAN)
    store.record_result("R1", "a1", "failed", "throttled", {}, at=NOW, account_id=ACCOUNT)
    store.record_result("R1", "a2", "noop", "", {"x": 1}, at=minutes(1))
    store.record_result("R1", "a1", "done", "", {})
    found = store.results("R1")
    assert [(one.action_id, one.result, one.data) for one in found] == [
        ("a1", "done", {}),
        ("a2", "noop", {"x": 1}),
    ]
    assert store.results("R2") == ()


def test_journal_and_results_cannot_be_altered_unseen(store: Store, intruder: Intruder) -> None:
    store.start_run("R1", "P1", "apply", "li", NOW, PLAN)
    store.record_result("R1", "a1", "failed", "throttled", {}, at=NOW)
    intruder.disarm()
    intruder.run("UPDATE trail SET data = replace(data, 'failed', 'done')")
    assert store.results("R1")[0].result == "done"
    assert not store.verify_trail().ok
