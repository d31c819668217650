"""What the doctor found."""

from __future__ import annotations

from collections.abc import Sequence

from gatekeeper.doctor import Check
from gatekeeper.report.records import Report, Table

_COLUMNS = ("account_id", "check", "status", "detail", "remedy")


def doctor_report(checks: Sequence[Check]) -> Report:
    """``doctor``: one row a check."""
    records = [{column: getattr(check, column) for column in _COLUMNS} for check in checks]
    return Report(
        title="doctor",
        document={
            "schema": "gatekeeper/doctor/1",
            "ok": all(check.well for check in checks),
            "checks": records,
        },
        tables=(Table("checks", _COLUMNS, [tuple(record.values()) for record in records]),),
    )
