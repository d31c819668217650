"""The clocks that run: which, until when, and what it means when the time is up."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from gatekeeper.filing import Clock
from gatekeeper.gate import moment
from gatekeeper.report.records import Cell, Report, Table, clock

_COLUMNS = (
    "clock",
    "application_id",
    "filing_id",
    "started_at",
    "deadline",
    "estimated",
    "overdue",
    "then",
)


def due_report(clocks: Sequence[Clock], *, at: datetime, lang: str) -> Report:
    """``filings due``: clocks in the order in which they end, as they stand at ``at``."""
    return Report(
        title="due",
        document={
            "schema": "gatekeeper/due/1",
            "due": [
                {
                    "clock": one.clock.value,
                    "application_id": one.application_id,
                    "filing_id": one.filing_id,
                    "started_at": moment(one.started_at),
                    "deadline": moment(one.deadline),
                    "estimated": one.estimated,
                    "overdue": one.overdue(at),
                    "then": one.then,
                    "then_zh": one.then_zh,
                }
                for one in clocks
            ],
        },
        tables=(Table("due", _COLUMNS, [_row(one, at, lang) for one in clocks]),),
    )


def _row(one: Clock, at: datetime, lang: str) -> tuple[Cell, ...]:
    return (
        one.clock.value,
        one.application_id,
        one.filing_id,
        clock(one.started_at),
        clock(one.deadline),
        "yes" if one.estimated else "no",
        "yes" if one.overdue(at) else "no",
        one.then_zh if lang == "zh" else one.then,
    )
