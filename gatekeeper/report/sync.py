"""What a sync brought, portal by portal."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from gatekeeper.gate import moment
from gatekeeper.report.records import Cell, Report, Table, clock
from gatekeeper.sync import Synced

_COLUMNS = (
    "portal",
    "result",
    "pages",
    "rows",
    "new",
    "moved",
    "corrected",
    "observed",
    "unchanged",
    "stale",
    "since",
    "until",
)


def sync_report(synced: Sequence[Synced]) -> Report:
    """``filings sync``: portals in the order in which they were read."""
    return Report(
        title="sync",
        document={"schema": "gatekeeper/sync/1", "sync": [_record(one) for one in synced]},
        tables=(Table("sync", _COLUMNS, [_row(one) for one in synced]),),
    )


def _record(one: Synced) -> dict[str, Any]:
    failed = bool(one.error)
    return {
        "portal": one.portal,
        "result": one.result.value,
        "pages": one.pages,
        "resumed": one.resumed,
        "rows": one.rows,
        **one.counts,
        "since": moment(one.since),
        "until": moment(one.until),
        "error": one.error if failed else None,
        "error_zh": one.error_zh if failed else None,
    }


def _row(one: Synced) -> tuple[Cell, ...]:
    return (
        one.portal,
        one.result.value,
        one.pages,
        one.rows,
        *one.counts.values(),
        clock(one.since),
        clock(one.until),
    )
