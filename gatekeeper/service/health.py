"""Does the process live, and does it do its work?

*Healthy* means that the scheduler's loop still turns; it asks nobody, so that a database that is
gone never has the process killed.  *Ready* means that the store answers and every job ran when it
should.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final, NamedTuple

from gatekeeper.errors import GatekeeperError

if TYPE_CHECKING:
    from gatekeeper.service.config import ServiceConfig
    from gatekeeper.store import JobRun, Store

BEAT_SECONDS: Final = 60.0
"""How old the loop's last turn may be."""
MISSED: Final = 3
"""So many intervals may pass without a run."""
GRACE: Final = timedelta(minutes=1)


class Health(NamedTuple):
    """Whether all is well, and if not, why; the reasons are shown to whoever asks."""

    ok: bool
    reasons: tuple[str, ...] = ()


class Pulse:
    """The beat of the scheduler's loop."""

    def __init__(self, elapsed: Callable[[], float] = time.monotonic) -> None:
        self._elapsed = elapsed
        self._lock = threading.Lock()
        self._last = elapsed()

    def beat(self) -> None:
        """The loop turned."""
        with self._lock:
            self._last = self._elapsed()

    def health(self) -> Health:
        """Whether it turned within ``BEAT_SECONDS``."""
        with self._lock:
            age = self._elapsed() - self._last
        if age <= BEAT_SECONDS:
            return Health(True)
        return Health(False, (f"the scheduler has not turned for {age:.0f} s",))


def readiness(
    store: Store, config: ServiceConfig, *, now: datetime, started_at: datetime
) -> Health:
    """Whether the store answers with the schema that we write, and no job is overdue.

    Args:
        store: the store.
        config: the settings in force.
        now: the time.
        started_at: when the service began; a job that never ran is late from then on.
    """
    try:
        schema = store.schema()
        runs = store.last_job_runs()
    except GatekeeperError as error:
        return Health(False, (error.message,))
    reasons = []
    if not schema.current:
        reasons.append(f"the store has schema {schema.found or 'none'}, not {schema.newest}")
    for field in type(config.jobs).model_fields:
        name = field.replace("_", "-")
        job = config.job(name)
        if job is None or not job.enabled:
            continue
        allowed = MISSED * job.every + GRACE
        last = max(_last(runs.get(name), started_at), started_at)
        if now - last > allowed:
            reasons.append(
                f"job {name} has not run for {_span(now - last)}; it should every"
                f" {_span(job.every)}"
            )
    return Health(not reasons, tuple(reasons))


def _last(run: JobRun | None, started_at: datetime) -> datetime:
    return started_at if run is None else run.finished_at or run.started_at


def _span(span: timedelta) -> str:
    seconds = int(span.total_seconds())
    for size, unit in ((86400, "d"), (3600, "h"), (60, "min")):
        if seconds >= 2 * size:
            return f"{seconds // size} {unit}"
    return f"{seconds} s"
