"""Whether the audit trail verifies."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gatekeeper.report.records import Report, Table

if TYPE_CHECKING:
    from gatekeeper.store import TrailReport


def verification_report(found: TrailReport, lang: str) -> Report:
    """``trail verify``: the head, and where the chain breaks."""
    return Report(
        title="trail",
        document={
            "schema": "gatekeeper/trail/1",
            "ok": found.ok,
            "entries": found.entries,
            "trail_head": found.head,
            "found": found.found,
            "sealed": found.sealed,
            "problems": [
                {
                    "fault": problem.fault.value,
                    "seq": problem.seq,
                    "subject": problem.subject,
                    "message": problem.message,
                    "message_zh": problem.message_zh,
                }
                for problem in found.problems
            ],
        },
        tables=(
            Table(
                "problems",
                ("fault", "number", "subject", "message"),
                [
                    (p.fault.value, p.seq, p.subject, p.message_zh if lang == "zh" else p.message)
                    for p in found.problems
                ],
            ),
        ),
        facts=(("entries", found.entries), ("trail_head", found.head)),
        headless=("problems",),
    )
