"""What an import means for the stored applications: every cell of the table, and its edges."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from gatekeeper.filing import (
    MAX_PROBLEMS,
    Access,
    Application,
    Entity,
    Kind,
    Merge,
    Row,
    Service,
    Status,
    Stored,
    Where,
    merge,
    merge_files,
)

NOW = datetime(2026, 11, 22, 8, tzinfo=UTC)


def day(number: int) -> datetime:
    return datetime(2026, 11, number, tzinfo=UTC)


def app(
    status: str = "submitted", at: int = 5, *, name: str = "站", **changes: object
) -> Application:
    application = Application(
        application_id="A1",
        filing_id="F1",
        kind=Kind.NEW,
        status=Status(status),
        status_at=day(at),
        entity=Entity(name="甲"),
        service=Service(name=name),
        access=Access(account_id="111122223333", ips=("52.83.1.1",)),
    )
    return replace(application, **changes)


def row(
    application: Application, line: int = 2, file: str = "a.csv", silent: set = frozenset()
) -> Row:
    return Row(application, Where(file, line), frozenset(silent))


def stored(application: Application, seen: int | None = None) -> dict[str, Stored]:
    seen_at = application.status_at if seen is None else day(seen)
    return {application.application_id: Stored(application=application, seen_at=seen_at)}


def one(current: dict[str, Stored], application: Application) -> Merge:
    return merge(current, [row(application)], now=NOW)


def shape(merged: Merge) -> str:
    """The only thing that a merge of one row did."""
    (name,) = [
        name
        for name in ("new", "moved", "corrected", "observed", "unchanged", "stale", "problems")
        if getattr(merged, name)
    ]
    return name


@pytest.mark.parametrize("status", list(Status))
def test_an_unknown_application_is_new_at_any_status(status: Status) -> None:
    merged = one({}, app(status))
    (step,) = merged.new
    assert step.after == Stored(application=app(status), seen_at=day(5))
    assert step.before is None
    assert shape(merged) == "new"


@pytest.mark.parametrize(
    ("known", "seen", "said", "expected"),
    [
        # the same status
        (app(), None, app(), "unchanged"),
        (app(), None, app(at=4), "stale"),
        (app(), None, app(at=6), "observed"),
        (app(), 8, app(at=6), "unchanged"),
        (app(), 8, app(at=8), "unchanged"),
        (app(), 8, app(at=9), "observed"),
        (app(), None, app(name="新"), "corrected"),
        (app(), None, app(at=6, name="新"), "corrected"),
        (app(), 8, app(at=6, name="新"), "stale"),
        (app(), 8, app(name="新"), "corrected"),
        (app(), None, app(at=4, name="新"), "stale"),
        (app("approved"), None, app("approved"), "unchanged"),
        (app("approved"), None, app("approved", 6), "observed"),
        (app("approved"), None, app("approved", name="新"), "problems"),
        (app("approved"), None, app("approved", 6, name="新"), "problems"),
        (app("approved"), 8, app("approved", name="新"), "problems"),
        # another status
        (app(), None, app("reported", 6), "moved"),
        (app(), None, app("reported", 6, name="新"), "moved"),
        (app(), None, app("approved", 6), "moved"),
        (app(), None, app("reported", 5), "problems"),
        (app(), None, app("reported", 4), "stale"),
        (app(), 8, app("reported", 6), "stale"),
        (app(), 8, app("reported", 5), "problems"),
        (app(), 8, app("reported", 8), "problems"),
        (app(), 8, app("reported", 9), "moved"),
        (app("reported"), None, app("submitted", 4), "stale"),
        (app("reported"), None, app("draft", 6), "problems"),
        (app("approved"), None, app("rejected", 6), "problems"),
        (app("withdrawn"), None, app("submitted", 6), "problems"),
        # what never changes
        (app(), None, app("reported", 6, kind=Kind.CHANGE), "problems"),
        (app(), None, app("reported", 6, filing_id="F2"), "problems"),
        (app(), None, app(kind=Kind.TRANSFER_IN), "problems"),
        (app(), 8, app(kind=Kind.TRANSFER_IN), "problems"),
        (app(), None, app(at=4, kind=Kind.CHANGE), "stale"),
    ],
)
def test_the_table(known: Application, seen: int | None, said: Application, expected: str) -> None:
    assert shape(one(stored(known, seen), said)) == expected


def test_a_move_takes_the_new_content_and_says_what_it_skipped() -> None:
    said = app("approved", 9, service=Service(name="站", licence="宁ICP备2026000001号-1"))
    (step,) = one(stored(app()), said).moved
    assert step.skipped == (Status.REPORTED, Status.BUREAU_REVIEW)
    assert step.after == Stored(application=said, seen_at=day(9))
    assert step.before == stored(app())["A1"]


def test_an_observation_changes_nothing_but_the_last_sight() -> None:
    (step,) = one(stored(app()), app(at=9)).observed
    assert step.after == Stored(application=app(), seen_at=day(9))


def test_a_correction_keeps_the_time_of_the_status() -> None:
    (step,) = one(stored(app()), app(at=9, name="新")).corrected
    assert step.after == Stored(application=app(name="新"), seen_at=day(9))


def test_messages_name_both_statuses_in_both_languages() -> None:
    (problem,) = one(stored(app("reported")), app("draft", 6)).problems
    assert "no move leads from reported to draft" in problem.describe()
    assert "“已上报”" in problem.describe("zh")
    assert "“草稿”" in problem.describe("zh")
    (final,) = one(stored(app("approved")), app("rejected", 6)).problems
    assert "approved is final" in final.reason
    (same,) = one(stored(app()), app("reported")).problems
    assert "submitted at this same time" in same.reason


def test_a_changed_approved_application_names_the_column() -> None:
    said = app("approved", access=Access(account_id="111122223333", ips=("52.83.9.9",)))
    (problem,) = one(stored(app("approved")), said).problems
    assert (problem.column, problem.value) == ("ips", "52.83.9.9")
    assert "file a change" in problem.reason
    assert "变更申请" in problem.reason_zh


@pytest.mark.parametrize(("ahead", "good"), [(300, True), (301, False)])
def test_clocks_may_differ_by_five_minutes(ahead: int, good: bool) -> None:
    merged = one({}, app(status_at=NOW + timedelta(seconds=ahead)))
    assert bool(merged.new) is good
    assert [p.column for p in merged.problems] == ([] if good else ["status_at"])


def test_one_application_twice_in_a_file_names_both_lines() -> None:
    merged = merge({}, [row(app(), 2), row(app("reported", 6), 7)], now=NOW)
    (problem,) = merged.problems
    assert problem.where.line == 7
    assert "line 2" in problem.reason
    assert "第 2 行" in problem.reason_zh


def test_files_are_merged_one_over_the_other() -> None:
    rows = [row(app(), 2, "a.csv"), row(app("reported", 6), 2, "b.csv"), row(app(), 2, "c.csv")]
    merged = merge({}, rows, now=NOW)
    assert [step.kind for step in merged.steps] == ["new", "moved"]
    assert merged.stale == (rows[2],)
    assert merged.outcome["A1"].application.status is Status.REPORTED


def test_the_same_file_twice_in_one_import() -> None:
    merged = merge_files({}, [[row(app())], [row(app())]], now=NOW)
    assert (len(merged.new), len(merged.unchanged), merged.problems) == (1, 1, ())


def test_a_file_says_nothing_about_columns_that_it_lacks() -> None:
    known = app(review='{"provider":"nwcd"}', service=Service(name="站", licence="L"))
    thin = app("reported", 6, access=Access(), service=Service(name="新"))
    silent = {"account_id", "load_balancer", "ips", "service_licence"}
    (step,) = merge(stored(known), [row(thin, silent=silent)], now=NOW).moved
    assert step.after.application == replace(
        known,
        status=Status.REPORTED,
        status_at=day(6),
        service=Service(name="新", licence="L"),
    )
    (said,) = merge(stored(known), [row(thin)], now=NOW).moved
    assert said.after.application.access == Access()
    assert said.after.application.review == known.review


def test_a_given_review_replaces_the_old_one() -> None:
    (step,) = one(stored(app(review='{"entry":"all"}')), app(review='{"entry":"ip"}')).corrected
    assert step.after.application.review == '{"entry":"ip"}'


def test_no_problem_stops_the_scan_and_the_rest_are_counted() -> None:
    bad = [row(app("draft", 6, application_id=f"B{n}"), n) for n in range(MAX_PROBLEMS + 5)]
    current = {
        r.application.application_id: Stored(
            application=replace(r.application, status=Status.REPORTED, status_at=day(5)),
            seen_at=day(5),
        )
        for r in bad
    }
    merged = merge(current, [*bad, row(app(), 9999)], now=NOW)
    assert len(merged.problems) == MAX_PROBLEMS
    assert merged.more_problems == 5
    assert len(merged.new) == 1
