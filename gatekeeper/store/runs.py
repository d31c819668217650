"""Runs and their journal: what was about to be done, and what came of it.

The journal and the results are entries of the trail, so that whoever alters them breaks its chain.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, insert, select, update

from gatekeeper.errors import StoreError, UnknownRecord
from gatekeeper.store import chain
from gatekeeper.store.encoding import canonical, from_text, plain, to_text
from gatekeeper.store.engine import Database
from gatekeeper.store.lease import Clock, account_of
from gatekeeper.store.model import ActionResult, Entry, EntryKind, JournalEntry, Phase, Run
from gatekeeper.store.tables import run_accounts, runs, trail


class Runs:
    """The part of the store that keeps runs, their journal and their results."""

    _db: Database
    _clock: Clock

    def start_run(
        self,
        run_id: str,
        plan_id: str,
        kind: str,
        actor: str,
        at: datetime,
        plan: Mapping[str, Any],
        *,
        accounts: Iterable[str] | None = None,
    ) -> None:
        """Begin a run.

        Args:
            run_id: a new id.
            plan_id: the plan that it carries out.
            kind: "apply" or "rollback".
            actor: who runs it.
            at: when it begins.
            plan: the plan, whole: whoever resumes the run reads it here.
            accounts: which accounts it changes; without, those that the plan's actions name.
        """
        touched = sorted(set(_accounts_of(plan) if accounts is None else accounts))
        with self._db.write(trail=True) as connection:
            if _row(connection, run_id) is not None:
                raise StoreError(f"run {run_id} exists already", zh=f"运行 {run_id} 已存在")
            row = {
                "run_id": run_id,
                "plan_id": plan_id,
                "kind": kind,
                "actor": actor,
                "started_at": to_text(at),
                "plan": canonical(plan),
                "outcome": None,
                "finished_at": None,
            }
            connection.execute(insert(runs), row)
            if touched:
                links = [{"run_id": run_id, "account_id": account} for account in touched]
                connection.execute(insert(run_accounts), links)
            data = {"plan_id": plan_id, "kind": kind, "accounts": touched}
            self._tell(connection, run_id, EntryKind.RUN_STARTED, actor, at, None, data)

    def finish_run(self, run_id: str, outcome: str, at: datetime) -> None:
        """End a run; a run that ended already stays as it ended."""
        with self._db.write(trail=True) as connection:
            run = _known(connection, run_id)
            if run.outcome is not None:
                return
            connection.execute(
                update(runs)
                .where(runs.c.run_id == run_id)
                .values(outcome=outcome, finished_at=to_text(at))
            )
            data = {"outcome": outcome}
            self._tell(connection, run_id, EntryKind.RUN_FINISHED, run.actor, at, None, data)

    def run(self, run_id: str) -> Run | None:
        with self._db.read() as connection:
            row = _row(connection, run_id)
            return None if row is None else _runs(connection, [row])[0]

    def runs(self, *, limit: int | None = None) -> tuple[Run, ...]:
        """Every run, the newest first."""
        query = select(runs).order_by(runs.c.started_at.desc(), runs.c.run_id).limit(limit)
        with self._db.read() as connection:
            return _runs(connection, connection.execute(query).all())

    def unfinished_runs(self, account_id: str | None = None) -> tuple[Run, ...]:
        """Runs under way or killed, the oldest first."""
        query = select(runs).where(runs.c.outcome.is_(None))
        if account_id is not None:
            of_account = select(run_accounts.c.run_id).where(
                run_accounts.c.account_id == account_id
            )
            query = query.where(runs.c.run_id.in_(of_account))
        query = query.order_by(runs.c.started_at, runs.c.run_id)
        with self._db.read() as connection:
            return _runs(connection, connection.execute(query).all())

    def journal(
        self,
        run_id: str,
        action_id: str,
        call: str,
        phase: Phase,
        detail: Mapping[str, Any],
        at: datetime,
        token: int,
    ) -> None:
        """Write down one step of an AWS call; on the disk before this returns.

        Raises:
            LeaseLost: ``token`` no longer holds an account; nothing is written, and the call must
                not be made.
            UnknownRecord: no such run.
        """
        data = {
            "action_id": action_id,
            "call": call,
            "phase": phase,
            "detail": detail,
            "token": token,
        }
        with self._db.write(trail=True) as connection:
            account_id = account_of(self._db, connection, self._clock, token)
            actor = _known(connection, run_id).actor
            self._tell(connection, run_id, EntryKind.RUN_CALL, actor, at, account_id, data)

    def journal_entries(self, run_id: str) -> tuple[JournalEntry, ...]:
        """The journal of a run, oldest first."""
        return tuple(
            JournalEntry(
                seq=row.seq,
                at=from_text(row.at),
                account_id=row.account_id,
                action_id=data["action_id"],
                call=data["call"],
                phase=data["phase"],
                detail=data["detail"],
                token=data["token"],
            )
            for row, data in self._told(run_id, EntryKind.RUN_CALL)
        )

    def record_result(
        self,
        run_id: str,
        action_id: str,
        result: str,
        reason: str,
        data: Mapping[str, Any],
        *,
        at: datetime | None = None,
        account_id: str | None = None,
    ) -> None:
        """Write down how an action ended; now, where ``at`` is not given."""
        told = {"action_id": action_id, "result": result, "reason": reason, "data": data}
        with self._db.write(trail=True) as connection:
            actor = _known(connection, run_id).actor
            when = at or self._clock.now()
            self._tell(connection, run_id, EntryKind.RUN_RESULT, actor, when, account_id, told)

    def results(self, run_id: str) -> tuple[ActionResult, ...]:
        """How each action of a run ended: its newest result, in order of the first ones."""
        newest: dict[str, ActionResult] = {}
        for row, data in self._told(run_id, EntryKind.RUN_RESULT):
            newest[data["action_id"]] = ActionResult(
                seq=row.seq,
                at=from_text(row.at),
                action_id=data["action_id"],
                result=data["result"],
                reason=data["reason"],
                data=data["data"],
            )
        return tuple(newest.values())

    def _tell(
        self,
        connection: Connection,
        run_id: str,
        kind: EntryKind,
        actor: str,
        at: datetime,
        account_id: str | None,
        data: Mapping[str, Any],
    ) -> None:
        entry = Entry(
            at=at, actor=actor, kind=kind, subject=run_id, account_id=account_id, data=data
        )
        chain.append(self._db, connection, [entry])

    def _told(self, run_id: str, kind: EntryKind) -> list[tuple[Row[Any], dict[str, Any]]]:
        query = (
            select(trail)
            .where(trail.c.subject == run_id, trail.c.kind == kind.value)
            .order_by(trail.c.seq)
        )
        with self._db.read() as connection:
            return [(row, plain(row.data)) for row in connection.execute(query)]


def _accounts_of(plan: Mapping[str, Any]) -> set[str]:
    return {action["account_id"] for action in plan.get("actions", ()) if action.get("account_id")}


def _row(connection: Connection, run_id: str) -> Row[Any] | None:
    return connection.execute(select(runs).where(runs.c.run_id == run_id)).one_or_none()


def _known(connection: Connection, run_id: str) -> Row[Any]:
    row = _row(connection, run_id)
    if row is None:
        raise UnknownRecord(f"no run {run_id}", zh=f"没有运行 {run_id}")
    return row


def _runs(connection: Connection, rows: Iterable[Row[Any]]) -> tuple[Run, ...]:
    found = []
    for row in rows:
        query = (
            select(run_accounts.c.account_id)
            .where(run_accounts.c.run_id == row.run_id)
            .order_by(run_accounts.c.account_id)
        )
        found.append(
            Run(
                run_id=row.run_id,
                plan_id=row.plan_id,
                kind=row.kind,
                actor=row.actor,
                started_at=from_text(row.started_at),
                accounts=tuple(connection.execute(query).scalars()),
                plan=plain(row.plan),
                outcome=row.outcome,
                finished_at=from_text(row.finished_at),
            )
        )
    return tuple(found)
