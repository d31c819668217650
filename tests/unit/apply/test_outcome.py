"""How runs end: the exit status, and what is printed."""

from __future__ import annotations

from dataclasses import replace

import pytest

from gatekeeper.apply import Outcome, Result, RunReport


def report(*results: str) -> RunReport:
    outcomes = tuple(
        Outcome(action_id=f"narrow-{place}", result=Result(result), reason="why", reason_zh="因")
        for place, result in enumerate(results)
    )
    return RunReport(run_id="r", plan_id="p", outcomes=outcomes, trail_head="h")


@pytest.mark.parametrize(
    ("results", "status"),
    [
        ((), 0),
        (("done",), 0),
        (("noop", "done"), 0),
        (("done", "drifted"), 3),
        (("blocked",), 3),
        (("failed",), 1),
        (("blocked", "failed", "done"), 1),
        (("failed", "drifted"), 1),
    ],
)
def test_exit_status(results, status):
    assert report(*results).exit_status == status


@pytest.mark.parametrize(
    ("results", "status"), [((), 4), (("done", "blocked"), 4), (("blocked", "failed"), 1)]
)
def test_incomplete_wins_over_blocked_and_failed_over_incomplete(results, status):
    assert replace(report(*results), unread=("111122223333",)).exit_status == status


def test_as_json():
    assert report("done", "drifted").to_json() == {
        "schema": "gatekeeper/run/1",
        "run_id": "r",
        "plan_id": "p",
        "results": [
            {"action": "narrow-0", "result": "done", "reason": "why"},
            {"action": "narrow-1", "result": "drifted", "reason": "why"},
        ],
        "trail_head": "h",
    }
