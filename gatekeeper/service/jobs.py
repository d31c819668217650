"""The jobs of the service; each reads what it works on itself.

================  ==================================================  ============
job               what it does                                        ends like
================  ==================================================  ============
``collect``       read every account; remember addresses, endpoints   exposure
``audit``         compare, keep findings and drift, queue notices     audit
``reconcile``     compare everything, whatever was seen before        reconcile
``close``         close what ended (mode ``plan``: only plan it)      apply, plan
``open``          open what was approved (mode ``plan``: only plan)   apply, plan
``verify-trail``  verify the trail, and that its last head is there   trail verify
``due``           settle expired clocks (mode ``plan``: only count)   filings due
``sync``          bring applications from portals                     filings sync
================  ==================================================  ============
"""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import nullcontext
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final, Literal, NamedTuple

from gatekeeper.errors import GatekeeperError, StoreError
from gatekeeper.gate import (
    Direction,
    Finding,
    Overview,
    Severity,
    Verdict,
    join_plans,
)
from gatekeeper.service.context import Context

if TYPE_CHECKING:
    from gatekeeper.account import Failure
    from gatekeeper.apply import Outcome, RunReport
    from gatekeeper.audit import Audit, State
    from gatekeeper.filing import Clock
    from gatekeeper.gate import Plan

CLEAN: Final = 0
FAILED: Final = 1
FOUND: Final = 3
INCOMPLETE: Final = 4
_PROBLEMS_TOLD: Final = 20
"""Bad rows of a portal that the log names."""

_log = logging.getLogger(__name__)


class Done(NamedTuple):
    """How a run of a job ended."""

    status: int
    """The exit status of the command that it stands for (DESIGN §10)."""
    detail: Mapping[str, Any]
    """Plain data for the record of the run."""


class Job(NamedTuple):
    """A small unit with a schedule of its own."""

    name: str
    summary: str
    summary_zh: str
    run: Callable[[Context], Done]


def collect(context: Context) -> Done:
    """Read every account and remember what it has; one account in memory at a time."""
    found = _look(context)
    unread = sorted(reading.account_id for reading in found.readings if not reading.complete)
    return Done(
        INCOMPLETE if unread else CLEAN,
        {"complete": len(found.readings) - len(unread), "incomplete": unread[:100]},
    )


def audit(context: Context) -> Done:
    """Keep findings and drift as history, and queue notices of what is new and what is resolved."""
    from gatekeeper.audit import audit as compare
    from gatekeeper.audit import keep
    from gatekeeper.fleet import name_authors
    from gatekeeper.service.notices import plan_notices

    store, config = context.store, context.config
    found = _look(context)
    result = name_authors(store, found, compare(store, found, whole=True))
    changes = [(finding, state) for finding, state in _untold(context, result) if state != "known"]
    notices = plan_notices(changes, config.notices, _provinces(context, found.at), at=found.at)
    keep(store, found, result, whole=True, notices=notices)
    context.metrics.findings(found.findings)
    context.metrics.exposed(found.exposed)
    states = [state for _, state in result.findings]
    return Done(
        _status(found),
        {
            **{state: states.count(state) for state in ("new", "known", "resolved")},
            "drift": len(result.drift),
            "notices": len(notices),
        },
    )


def _untold(context: Context, result: Audit) -> Iterable[tuple[Finding, State]]:
    """Findings as they stand against the last audit of the service.

    An audit by hand meanwhile makes a finding known, or resolves it, and tells nobody.  What was
    queued already has its key in the outbox, and is not queued again.
    """
    from gatekeeper.audit import since

    runs = context.store.job_runs("audit", limit=100)
    before = next((run.started_at for run in runs if run.result == "ok"), None)
    if before is None:
        return result.findings
    return since(context.store, result, before).findings


def reconcile(context: Context) -> Done:
    """Compare everything, and remember what was seen."""
    found = _look(context)
    return Done(
        _status(found),
        {
            "findings": len(found.findings),
            **{verdict.value: found.verdicts.get(verdict, 0) for verdict in Verdict},
        },
    )


def close(context: Context) -> Done:
    """Close what ended: the lawful direction, so it is carried out unless the settings say plan."""
    return _change(context, "close")


def open_(context: Context) -> Done:
    """Open what the bureau approved; people apply it unless the settings say apply."""
    return _change(context, "open")


def verify_trail(context: Context) -> Done:
    """Verify the trail, and that the head of the last good run is still in it."""
    before = context.store.job_runs("verify-trail", limit=100)
    heads = (run.detail.get("head") for run in before if run.status in (CLEAN, INCOMPLETE))
    report = context.store.verify_trail(next((head for head in heads if head), None))
    for problem in report.problems:
        _log.error("the trail does not verify: %s", problem.message)
    if report.sealed:
        _log.warning("sealed, and the key is not set: content not checked: %d", report.sealed)
    sound = INCOMPLETE if report.sealed else CLEAN
    return Done(
        sound if report.ok else FAILED,
        {
            "entries": report.entries,
            "head": report.head,
            "problems": report.found,
            "sealed": report.sealed,
        },
    )


def due(context: Context) -> Done:
    """Send back what was not verified by SMS in time, and count the clocks that have run out."""
    from gatekeeper.deadlines import Result, clocks, settle
    from gatekeeper.sources import first_reviews, packaged_providers, read_holidays

    store, at = context.store, context.clock()
    holidays = read_holidays(context.config.calendar)
    days = first_reviews(packaged_providers())
    running = clocks(store, context.policy, holidays, days, at=at)
    detail: dict[str, Any] = {"mode": _mode(context, "due")}
    if detail["mode"] == "apply":
        done = settle(store, running.clocks, actor=context.actor, now=at)
        settled = [one.clock.application_id for one in done if one.result is Result.SETTLED]
        for name in settled:
            _log.info("application %s: not verified by SMS in time, back to returned", name)
        detail |= {"settled": len(settled), "applications": settled[:100]}
        if done:
            running = clocks(store, context.policy, holidays, days, at=at)
    overdue = [one.clock.value for one in running.clocks if one.overdue(at)]
    detail["notices"] = _tell_deadlines(context, running.clocks, at)
    detail |= {
        "running": len(running.clocks) - len(overdue),
        "overdue": {name: overdue.count(name) for name in sorted(set(overdue))},
        "unread": len(running.unread),
    }
    return Done(FOUND if overdue else CLEAN, detail)


def _tell_deadlines(context: Context, clocks: Sequence[Clock], at: datetime) -> int:
    """Queue notices of the clocks that end soon or have ended; each is told once."""
    from gatekeeper.desk.findings import deadline_findings, worth_telling
    from gatekeeper.service.notices import plan_notices

    if not context.config.notices:
        return 0
    told = worth_telling(clocks, at)
    stored = context.store.stored({one.application_id for one in told}).items()
    accounts = {name: one.application.access.account_id for name, one in stored}
    found = deadline_findings(told, accounts, context.policy, at=at)
    changes: list[tuple[Finding, Literal["new", "resolved"]]] = [(one, "new") for one in found]
    notices = plan_notices(changes, context.config.notices, _provinces(context, at), at=at)
    return context.store.queue_notices(notices, at=at)


def sync(context: Context) -> Done:
    """Bring what changed at each portal into the register; one that fails stops no other."""
    from gatekeeper.sync import Stores, Window, load_portals, spool_folder, sync_portal

    if context.config.portals is None:
        return Done(CLEAN, {"portals": 0})
    store = context.store
    loaded = load_portals(context.config.portals)
    stores = Stores(read=lambda: nullcontext(store), write=lambda: nullcontext(store))
    done: dict[str, Any] = {}
    failed: dict[str, str] = {}
    for portal in loaded.portals:
        try:
            found = sync_portal(
                portal,
                stores,
                spool=spool_folder(store.path, store.label, loaded.spool, os.environ),
                window=Window(),
                actor=context.actor,
                clock=context.clock,
                stopping=context.stop.is_set,
                pause=context.stop.wait,
            )
        except StoreError:
            raise  # no portal's fault: the whole job has another turn soon
        except GatekeeperError as error:
            failed[portal.name] = error.message
            _log.error("portal %s: %s", portal.name, error.message)
            for problem in getattr(error, "problems", ())[:_PROBLEMS_TOLD]:
                _log.error("%s", problem.describe())
            continue
        done[portal.name] = {"result": found.result.value, "rows": found.rows, **found.counts}
    detail = {"portals": len(loaded.portals), **done}
    return Done(FAILED if failed else CLEAN, detail | ({"failed": failed} if failed else {}))


JOBS: Final[Mapping[str, Job]] = {
    job.name: job
    for job in (
        Job("collect", "Read every account.", "读取所有账号", collect),
        Job("audit", "Findings and drift, as history.", "审计：问题与漂移", audit),
        Job("reconcile", "Compare everything.", "全量核对", reconcile),
        Job("close", "Close what ended.", "关闭已终止的接入", close),
        Job("open", "Open what was approved.", "开放已批准的接入", open_),
        Job("verify-trail", "Verify the audit trail.", "校验审计链", verify_trail),
        Job("due", "Settle expired clocks.", "处理到期时限", due),
        Job("sync", "Bring applications from portals.", "从门户同步备案申请", sync),
    )
}
"""Every job by its public name."""


def _look(context: Context, plan: Direction | None = None) -> Overview:
    """One look at every account, remembered as it goes."""
    from gatekeeper.fleet import look_over, parse_workers

    context.store.bind_region(context.region)
    found = look_over(
        context.store,
        context.policy,
        at=context.clock(),
        region=context.region,
        workers=parse_workers(context.config.workers),
        decisions=False,
        plan=plan,
    )
    for reading in found.readings:
        _tell_reading(context, reading.account_id, reading.complete, reading.failures)
    return found


def _tell_reading(
    context: Context, account_id: str, complete: bool, failures: Iterable[Failure]
) -> None:
    if complete:
        context.metrics.account_read(account_id, context.clock())
        return
    failed = ", ".join(f"{failure.operation} ({failure.code})" for failure in failures)
    _log.warning("account %s was not read completely: %s", account_id, failed)


def _provinces(context: Context, at: datetime) -> dict[str, str]:
    """Filing to the province of its entity; empty where no route asks for one."""
    from gatekeeper.survey import read_register

    if not any(route.provinces for route in context.config.notices):
        return {}
    register = read_register(context.store, context.policy, at)
    pending = {one.filing_id: one.entity.province for one in register.pending}
    return pending | {one.filing_id: one.entity.province for one in register.filings}


def _status(found: Overview) -> int:
    if not found.complete:
        return INCOMPLETE
    return FOUND if _severe(found.findings) else CLEAN


def _severe(findings: Iterable[Finding]) -> bool:
    return any(finding.severity.at_least(Severity.HIGH) for finding in findings)


def _mode(context: Context, name: str) -> str:
    job = context.config.job(name)
    return job.mode if job is not None and job.mode is not None else "plan"


def _change(context: Context, direction: Direction) -> Done:
    from gatekeeper.execution import check

    store = context.store
    mode = _mode(context, direction)
    found = _look(context, direction)
    plan = join_plans(found)
    detail: dict[str, Any] = {
        "mode": mode,
        "plan_id": plan.id,
        "actions": len(plan.actions),
        "blocked": len(plan.blocked),
    }
    if plan.actions:
        store.save_plan(plan.id, context.actor, found.at, plan.to_json())
    waiting = INCOMPLETE if plan.incomplete else FOUND if plan.actions or plan.blocked else CLEAN
    if mode == "plan" or not (plan.actions or store.unfinished_runs()):
        return Done(waiting, detail)
    mark = check(
        plan, store, context.policy, region=context.region, at=context.clock(), allow_large=False
    )
    report = _carry_out(context, plan, mark)
    results = [outcome.result.value for outcome in report.outcomes]
    context.metrics.applied(results)
    detail |= {"run_id": report.run_id, "results": {r: results.count(r) for r in set(results)}}
    status = report.exit_status
    return Done(INCOMPLETE if plan.incomplete and status != FAILED else status, detail)


def _carry_out(context: Context, plan: Plan, mark: int) -> RunReport:
    from gatekeeper.apply import carry_out_plan
    from gatekeeper.execution import tools

    with context.edges() as edge_for:
        return carry_out_plan(
            plan,
            tools(
                context.store,
                context.policy,
                edge_for,
                actor=context.actor,
                clock=context.clock,
                wait=context.wait,
                progress=_told,
                stopping=context.stop.is_set,
            ),
            mark=mark,
        )


def _told(outcome: Outcome) -> None:
    _log.info("%s %s %s", outcome.result, outcome.action_id, outcome.reason)
