"""Runs of the service's jobs: one instance runs a job at a time, and every run is written down.

A job is held by a lease of the name ``job:NAME``, with the same heartbeat and fencing token as an
account's: an instance that was paused finds at its next write that its token is old.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from typing import Any, Final, NamedTuple

from sqlalchemy import delete, func, insert, select, update

from gatekeeper.store.encoding import canonical, from_text, plain, to_text
from gatekeeper.store.engine import Database
from gatekeeper.store.lease import Clock, Lease, account_of
from gatekeeper.store.tables import job_runs

LOST: Final = "lost"
"""The result of a run whose process ended before it could write one."""


class JobRun(NamedTuple):
    """One run of a job."""

    run_id: int
    job: str
    instance: str
    started_at: datetime
    finished_at: datetime | None
    """``None`` while it is under way."""
    result: str | None
    """"ok", "failed" or "lost"."""
    status: int | None
    """The exit status of the command that the job stands for."""
    detail: dict[str, Any]


class Jobs:
    """The part of the store that keeps runs of jobs."""

    _db: Database
    _clock: Clock

    @contextmanager
    def fenced(self, lease: Lease) -> Iterator[None]:
        """Let this context write only while ``lease`` is ours.

        Raises:
            LeaseLost: at the first write after it ran out or was taken; nothing is written then.
        """

        def still_ours(connection: Any) -> None:
            account_of(self._db, connection, self._clock, lease.token)

        with self._db.guarded(still_ours):
            yield

    def start_job(self, job: str, *, instance: str, token: int, at: datetime) -> int:
        """Write down that a job begins; runs of it without an end are lost."""
        with self._db.write() as connection:
            connection.execute(
                update(job_runs)
                .where(job_runs.c.job == job, job_runs.c.finished_at.is_(None))
                .values(finished_at=to_text(at), result=LOST)
            )
            made = connection.execute(
                insert(job_runs),
                {
                    "job": job,
                    "instance": instance,
                    "token": token,
                    "started_at": to_text(at),
                    "detail": "{}",
                },
            )
            assert made.inserted_primary_key is not None
            run_id: int = made.inserted_primary_key[0]
        return run_id

    def finish_job(
        self,
        run_id: int,
        *,
        result: str,
        status: int,
        at: datetime,
        detail: Mapping[str, Any] | None = None,
    ) -> None:
        """Write down how a run ended; one that counts as lost by now stays lost."""
        values = {
            "finished_at": to_text(at),
            "result": result,
            "status": status,
            "detail": canonical(dict(detail or {})),
        }
        with self._db.write() as connection:
            connection.execute(
                update(job_runs)
                .where(job_runs.c.run_id == run_id, job_runs.c.finished_at.is_(None))
                .values(**values)
            )

    def last_job_runs(self) -> dict[str, JobRun]:
        """The newest run of each job."""
        newest = select(func.max(job_runs.c.run_id)).group_by(job_runs.c.job)
        with self._db.read() as connection:
            query = select(job_runs).where(job_runs.c.run_id.in_(newest))
            return {row.job: _run(row) for row in connection.execute(query)}

    def job_runs(self, job: str | None = None, *, limit: int = 100) -> tuple[JobRun, ...]:
        """Runs, newest first."""
        query = select(job_runs).order_by(job_runs.c.run_id.desc()).limit(limit)
        if job is not None:
            query = query.where(job_runs.c.job == job)
        with self._db.read() as connection:
            return tuple(_run(row) for row in connection.execute(query))

    def forget_job_runs(self, *, before: datetime) -> int:
        """Drop ended runs that began before a time, the newest of each job excepted."""
        newest = select(func.max(job_runs.c.run_id)).group_by(job_runs.c.job)
        with self._db.write() as connection:
            return connection.execute(
                delete(job_runs).where(
                    job_runs.c.started_at < to_text(before),
                    job_runs.c.finished_at.is_not(None),
                    job_runs.c.run_id.not_in(newest),
                )
            ).rowcount


def _run(row: Any) -> JobRun:
    return JobRun(
        run_id=row.run_id,
        job=row.job,
        instance=row.instance,
        started_at=from_text(row.started_at),
        finished_at=from_text(row.finished_at),
        result=row.result,
        status=row.status,
        detail=plain(row.detail),
    )
