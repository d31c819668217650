"""Plans and runs: what is to be changed, and what became of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from gatekeeper.account import Reading
from gatekeeper.apply import RunReport
from gatekeeper.errors import GatekeeperError
from gatekeeper.gate import Plan
from gatekeeper.report.accounts import alarms
from gatekeeper.report.records import Cell, Report, Table, several

_PLAN_COLUMNS = ("id", "op", "account_id", "target", "filing_ids", "reason")


def plan_report(plan: Plan, readings: Sequence[Reading], lang: str) -> Report:
    """``plan``: plan/1, its actions in order, and what is blocked."""
    document = plan.to_json()
    belts = plan.belts
    return Report(
        title="plan",
        document=document,
        tables=(
            Table(
                "actions",
                _PLAN_COLUMNS,
                [_row(item, lang) for item in document["actions"]],
                frozenset({"id"}),
            ),
            Table(
                "blocked",
                _PLAN_COLUMNS,
                [_row(item, lang) for item in document["blocked"]],
                frozenset({"id"}),
            ),
        ),
        facts=(
            ("plan_id", plan.id),
            ("region", plan.region),
            ("belt_opens", f"{belts.opens} / {belts.endpoints}"),
            ("belt_closes", f"{belts.closes} / {belts.endpoints}"),
            ("register_version", plan.register_version),
            ("policy_version", plan.policy_version),
            ("trail_head", _text(plan.meta.get("trail_head"))),
        ),
        alarms=alarms(readings, lang),
        headless=("blocked",),
    )


def run_report(run: RunReport, lang: str) -> Report:
    """``apply`` and ``rollback``: run/1."""
    return Report(
        title="run",
        document=run.to_json(),
        tables=(
            Table(
                "results",
                ("action", "result", "reason"),
                [
                    (o.action_id, str(o.result), o.reason_zh if lang == "zh" else o.reason)
                    for o in run.outcomes
                ],
            ),
        ),
        facts=(
            ("run_id", run.run_id),
            ("plan_id", run.plan_id),
            ("trail_head", run.trail_head),
        ),
    )


def unrun_report(plan_id: str, trail_head: str, error: GatekeeperError) -> Report:
    """A run that did not come to be: run/1 without results, and why."""
    return Report(
        title="run",
        document={
            "schema": "gatekeeper/run/1",
            "run_id": "",
            "plan_id": plan_id,
            "results": [],
            "reason": error.text("en"),
            "reason_zh": error.text("zh"),
            "trail_head": trail_head,
        },
        tables=(Table("results", ("action", "result", "reason"), ()),),
    )


def _row(item: Mapping[str, Any], lang: str) -> tuple[Cell, ...]:
    return (
        item["id"],
        item["op"],
        item["account_id"],
        item.get("endpoint") or item.get("group_id") or item.get("vpc_id"),
        several(item["filing_ids"]),
        item["reason_zh"] if lang == "zh" else item["reason"],
    )


def _text(value: object) -> str | None:
    return None if value is None else str(value)
