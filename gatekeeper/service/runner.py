"""Runs jobs: each on its schedule and on a thread of its own.

A job never overlaps itself: while it runs, its turns are missed, and made up once.  One that fails
neither stops nor delays the others.  Between instances a job is held by a lease, and whoever takes
it looks first whether another has run it in its turn already.

Turns are counted in seconds that passed, not by the clock on the wall: when that is set, the turns
move with it.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterable
from datetime import datetime, timedelta
from typing import Final

import schedule

from gatekeeper.errors import GatekeeperError, LeaseHeld, LeaseLost, StoreError
from gatekeeper.service.context import Context
from gatekeeper.service.health import Pulse
from gatekeeper.service.jobs import FAILED, JOBS, Done, Job
from gatekeeper.service.logs import bound
from gatekeeper.store import Lease

END_SECONDS: Final = 25.0
"""How long an ending process waits for its jobs: systemd kills after 30."""
_TICK: Final = 0.2
_LOOK_SECONDS: Final = 5.0
"""Between two looks for jobs whose instance died."""
_SET: Final = 2.0
"""From how many seconds on a difference of the clocks means that somebody set one."""
_RETRY: Final = timedelta(seconds=10)
"""After a turn for which the store was out of reach."""
_EARLY: Final = 0.9
"""A turn that comes a little before its time is still the same turn."""

_log = logging.getLogger(__name__)


def run_job(context: Context, job: Job, *, due: bool = False) -> Done | None:
    """Run a job once, by its lease, and write the run down.

    Args:
        context: what it works with.
        job: which one.
        due: run it only if no instance has run it within its interval; ``None`` is returned
            otherwise, and where another instance runs it at this moment.

    Raises:
        LeaseHeld: another instance runs it, and ``due`` is not set.
        GatekeeperError: it failed; the run is written down as failed.
    """
    store = context.store
    try:
        lease = store.acquire_lease(f"job:{job.name}")
    except LeaseHeld:
        if due:
            return None
        raise
    with lease:
        if due and not _due(context, job):
            return None
        context.metrics.holder(job.name, context.instance, True)
        try:
            return _run(context, job, lease)
        finally:
            context.metrics.holder(job.name, context.instance, False)


def _due(context: Context, job: Job) -> bool:
    """Whether the last run began long enough ago; one whose process died is due at once."""
    settings = context.config.job(job.name)
    last = context.store.last_job_runs().get(job.name)
    if settings is None or last is None or last.finished_at is None or last.result == "lost":
        return True
    age = context.clock() - last.started_at
    return age < timedelta(0) or age >= settings.every * _EARLY


def _run(context: Context, job: Job, lease: Lease) -> Done:
    store = context.store
    began = time.monotonic()
    with store.fenced(lease):
        run_id = store.start_job(
            job.name, instance=context.instance, token=lease.token, at=context.clock()
        )
        result = "failed"
        done = Done(FAILED, {})
        with bound(job=job.name, run=str(run_id)):
            try:
                done = job.run(context)
                result = "ok"
                return done
            except GatekeeperError as error:
                done = Done(error.exit_status, {"error": error.message})
                _log.error("job %s: %s", job.name, error.message)
                raise
            except Exception as error:
                done = Done(FAILED, {"error": type(error).__name__})
                _log.exception("job %s failed", job.name)
                raise
            finally:
                at = context.clock()
                try:
                    store.finish_job(
                        run_id, result=result, status=done.status, at=at, detail=done.detail
                    )
                except (LeaseLost, StoreError) as lost:
                    _log.warning("job %s: its end was not written: %s", job.name, lost.message)
                context.metrics.job_finished(job.name, result, time.monotonic() - began, at)


class Runner:
    """The loop: turns of jobs as ``schedule`` counts them, each run on its job's own thread."""

    def __init__(
        self,
        context: Context,
        jobs: Iterable[Job] = tuple(JOBS.values()),
        *,
        run: Callable[..., Done | None] = run_job,
        elapsed: Callable[[], float] = time.monotonic,
        wall: Callable[[], datetime] = datetime.now,
    ) -> None:
        self.context = context
        self.pulse = Pulse()
        self._jobs = tuple(jobs)
        self._run_job = run
        self._elapsed = elapsed
        self._wall = wall
        self._schedule = schedule.Scheduler()
        self._lines = {job.name: _Line(self, job) for job in self._jobs}
        self._last = (elapsed(), wall())

    def plan(self) -> None:
        """Lay out the turns by the settings in force; one that was missed is made up at once.

        Raises:
            StoreError: the last runs cannot be read; the turns stay as they are.
        """
        last = self.context.store.last_job_runs()
        self._schedule.clear()
        now = self.context.clock()
        for job in self._jobs:
            settings = self.context.config.job(job.name)
            if settings is None or not settings.enabled:
                continue
            turn = self._schedule.every(int(settings.every.total_seconds()) or 1).seconds
            turn.do(self._lines[job.name].turn)
            before = last.get(job.name)
            wait = timedelta(0)
            if before is not None and before.finished_at and before.started_at <= now:
                wait = max(wait, before.started_at + settings.every - now)
            turn.next_run = self._wall() + min(wait, settings.every)

    def tick(self) -> None:
        """Start every job whose turn has come."""
        self._follow_clock()
        self._schedule.run_pending()
        self.pulse.beat()

    def start(self) -> None:
        """Begin: from now on a tick starts what is due."""
        for line in self._lines.values():
            line.start()
        self.plan()
        threading.Thread(target=self._take_over, name="take-over", daemon=True).start()

    def run(self) -> None:
        """Tick until the context is asked to stop, then wait for what runs."""
        self.start()
        while not self.context.stop.wait(_TICK):
            self.tick()
        self.end()

    def end(self, wait: float = END_SECONDS) -> bool:
        """Let every job come to its end; whether all did."""
        deadline = self._elapsed() + wait
        for line in self._lines.values():
            line.stop()
        ended = [line.join(deadline - self._elapsed()) for line in self._lines.values()]
        return all(ended)

    def retry_soon(self, name: str) -> None:
        """Give a job another turn before its next one: it could not begin."""
        soon = self._wall() + _RETRY
        for turn in self._schedule.get_jobs():
            if turn.job_func is not None and turn.job_func.func == self._lines[name].turn:
                turn.next_run = min(turn.next_run or soon, soon)

    def next_runs(self) -> dict[str, datetime]:
        """When each job has its next turn, by the clock on the wall, without offset."""
        names = {line.turn: name for name, line in self._lines.items()}
        return {
            names[turn.job_func.func]: turn.next_run
            for turn in self._schedule.get_jobs()
            if turn.job_func is not None and turn.next_run is not None
        }

    def _take_over(self) -> None:
        """Give a turn to every job whose run has no end: perhaps its instance died.

        Whether it did, the job's lease says; a long interval is not waited for.
        """
        while not self.context.stop.wait(_LOOK_SECONDS):
            try:
                runs = self.context.store.last_job_runs()
            except GatekeeperError as error:
                _log.warning("the store did not answer: %s", error.message)
                continue
            for name, line in self._lines.items():
                run = runs.get(name)
                settings = self.context.config.job(name)
                if run is None or settings is None or not settings.enabled:
                    continue
                if run.finished_at is None and run.instance != self.context.instance:
                    line.turn()

    def _follow_clock(self) -> None:
        """Move the turns where somebody set the clock: ``schedule`` counts by it."""
        elapsed, wall = self._elapsed(), self._wall()
        jump = (wall - self._last[1]).total_seconds() - (elapsed - self._last[0])
        self._last = (elapsed, wall)
        if abs(jump) < _SET:
            return
        _log.warning("the clock was set by %+.0f s; the turns move with it", jump)
        for turn in self._schedule.get_jobs():
            if turn.next_run is not None:
                turn.next_run += timedelta(seconds=jump)


class _Line:
    """One job's thread, and whether its turn has come."""

    def __init__(self, runner: Runner, job: Job) -> None:
        self._runner = runner
        self._job = job
        self._turn = threading.Event()
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None

    def turn(self) -> None:
        """Its turn has come; while it runs, this counts once, however often it is said."""
        self._turn.set()

    def start(self) -> None:
        self._thread = threading.Thread(
            target=self._work, name=f"job-{self._job.name}", daemon=True
        )
        self._thread.start()

    def stop(self) -> None:
        """No further turn."""
        self._stop.set()
        self._turn.set()

    def join(self, timeout: float) -> bool:
        """Wait for the run under way; whether it ended."""
        if self._thread is None:
            return True
        self._thread.join(max(timeout, 0.0))
        return not self._thread.is_alive()

    def _work(self) -> None:
        while True:
            self._turn.wait()
            self._turn.clear()
            if self._stop.is_set():
                return
            self._once()

    def _once(self) -> None:
        runner = self._runner
        try:
            runner._run_job(runner.context, self._job, due=True)  # noqa: SLF001 - its own half
        except StoreError as error:
            _log.warning("job %s could not run: %s", self._job.name, error.message)
            runner.retry_soon(self._job.name)
        except GatekeeperError:
            return  # logged, and written down with its run
        except Exception:  # noqa: BLE001 - logged with its run; the job's next turn comes
            return
