"""Notices: how a test of each route ended, and what stands in the outbox."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from gatekeeper.gate import moment
from gatekeeper.report.records import Report, Table, clock

if TYPE_CHECKING:
    from gatekeeper.store import Queued

_TESTED = ("route", "scheme", "result", "reason")
_LISTED = ("at", "route", "state", "code", "severity", "account_id", "told", "attempts", "due_at")


def route_test_report(results: Iterable[Mapping[str, Any]], lang: str) -> Report:
    """``notify test``: one row a route, with ``reason`` and ``reason_zh``."""
    records = [dict(result) for result in results]
    words = "reason_zh" if lang == "zh" else "reason"
    return Report(
        title="notify",
        document={
            "schema": "gatekeeper/notify-test/1",
            "ok": all(record["result"] == "sent" for record in records),
            "routes": records,
        },
        tables=(
            Table(
                "routes",
                _TESTED,
                [(r["route"], r["scheme"], r["result"], r[words]) for r in records],
            ),
        ),
    )


def outbox_report(notices: Iterable[Queued]) -> Report:
    """``notify list``: one row a notice, oldest first."""
    known = tuple(notices)
    return Report(
        title="notify",
        document={
            "schema": "gatekeeper/notices/1",
            "notices": [
                {
                    "id": one.notice_id,
                    "route": one.route,
                    "state": one.state,
                    "created_at": moment(one.created_at),
                    "due_at": moment(one.due_at),
                    "attempts": one.attempts,
                    "error": one.error,
                    "finding": one.data,
                }
                for one in known
            ],
        },
        tables=(
            Table(
                "notices",
                (*_LISTED, "error"),
                [
                    (
                        clock(one.created_at),
                        one.route,
                        one.state,
                        one.data.get("code"),
                        one.data.get("severity"),
                        one.data.get("account_id"),
                        one.data.get("state"),
                        one.attempts,
                        clock(one.due_at) if one.state == "waiting" else None,
                        one.error,
                    )
                    for one in known
                ],
            ),
        ),
    )
