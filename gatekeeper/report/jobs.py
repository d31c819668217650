"""Jobs of the service: the list, and one run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, NamedTuple

from gatekeeper.gate import moment
from gatekeeper.report.records import Report, Table, clock

if TYPE_CHECKING:
    from gatekeeper.store import JobRun

_UNITS = (("d", 86400), ("h", 3600), ("m", 60), ("s", 1))


class JobLine(NamedTuple):
    """One job with its schedule and its last run."""

    name: str
    summary: str
    every: timedelta
    mode: str | None
    enabled: bool
    last: JobRun | None
    next_at: datetime | None


def jobs_report(lines: Sequence[JobLine]) -> Report:
    """``jobs``: every job, in the order of the settings."""
    return Report(
        title="jobs",
        document={
            "schema": "gatekeeper/jobs/1",
            "jobs": [
                {
                    "job": line.name,
                    "every": span(line.every),
                    "mode": line.mode,
                    "enabled": line.enabled,
                    "last_run": _last(line.last),
                    "next_run": moment(line.next_at),
                }
                for line in lines
            ],
        },
        tables=(
            Table(
                "jobs",
                ("job", "summary", "every", "mode", "enabled", "last_run", "result", "next_run"),
                [
                    (
                        line.name,
                        line.summary,
                        span(line.every),
                        line.mode,
                        "yes" if line.enabled else "no",
                        clock(line.last.started_at) if line.last else None,
                        _result(line.last),
                        clock(line.next_at),
                    )
                    for line in lines
                ],
                frozenset({"enabled"}),
            ),
        ),
    )


def run_report(name: str, status: int, detail: Mapping[str, Any], trail_head: str | None) -> Report:
    """``job NAME``: how the run ended."""
    rows = [(key, _plain(value)) for key, value in sorted(detail.items())]
    return Report(
        title="job",
        document={
            "schema": "gatekeeper/job/1",
            "job": name,
            "status": status,
            "detail": dict(detail),
            "trail_head": trail_head,
        },
        tables=(Table("detail", ("name", "value"), rows),),
        facts=(("job", name), ("status", status), ("trail_head", trail_head)),
    )


def span(length: timedelta) -> str:
    """A duration as settings write it: ``5m``."""
    seconds = int(length.total_seconds())
    for unit, size in _UNITS:
        if seconds % size == 0:
            return f"{seconds // size}{unit}"
    return f"{seconds}s"


def _last(run: JobRun | None) -> dict[str, Any] | None:
    if run is None:
        return None
    return {
        "started_at": moment(run.started_at),
        "finished_at": moment(run.finished_at),
        "result": run.result,
        "status": run.status,
        "instance": run.instance,
        "detail": run.detail,
    }


def _result(run: JobRun | None) -> str | None:
    if run is None:
        return None
    if run.result is None:
        return "running"
    return run.result if run.status is None else f"{run.result} ({run.status})"


def _plain(value: Any) -> str:
    if isinstance(value, Mapping):
        return ", ".join(f"{key}: {item}" for key, item in sorted(value.items()))
    if isinstance(value, list | tuple):
        return ", ".join(map(str, value))
    return str(value)
