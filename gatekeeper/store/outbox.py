"""Notices to send: written in one transaction with what they tell of, sent afterwards.

A notice has a key, and a key comes once: whatever is audited, retried or resumed, it is queued
once.  It is sent at least once.  Only a process that dies between the receiver's answer and the
next write sends it again, under the same key, by which the receiver knows it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, Final, Literal, NamedTuple

from sqlalchemy import (
    ColumnElement,
    Connection,
    and_,
    case,
    delete,
    func,
    not_,
    or_,
    select,
    update,
)
from sqlalchemy.dialects import postgresql, sqlite

from gatekeeper.store.encoding import canonical, from_text, plain, to_text
from gatekeeper.store.engine import Database
from gatekeeper.store.tables import outbox

NoticeState = Literal["waiting", "sent", "dead"]
_ERROR: Final = 500
"""Characters of an error that are kept."""


class Notice(NamedTuple):
    """One message for one route, before it is queued."""

    key: str
    """What makes it the same notice: route, finding, and the time since when it holds."""
    route: str
    data: Mapping[str, Any]
    """Plain JSON."""
    due_at: datetime
    """Not to be sent before: the end of quiet hours, or the next digest."""


class Queued(NamedTuple):
    """A notice in the outbox."""

    notice_id: int
    key: str
    route: str
    created_at: datetime
    due_at: datetime
    attempts: int
    state: NoticeState
    error: str
    data: dict[str, Any]


class Backlog(NamedTuple):
    """What waits for one route."""

    waiting: int
    due: int
    resting_until: datetime | None
    """When what failed last is tried again; ``None`` where nothing failed or its time has come."""


class Outbox:
    """The part of the store that keeps notices until they are sent."""

    _db: Database

    def queue_notices(self, notices: Iterable[Notice], *, at: datetime) -> int:
        """Queue what is not queued yet, whatever became of it; how many that were."""
        with self._db.write() as connection:
            return queue(self._db, connection, notices, at=at)

    def due_notices(
        self, *, at: datetime, limit: int = 100, route: str | None = None
    ) -> tuple[Queued, ...]:
        """Notices to send now, of one route or of all, oldest first."""
        query = (
            select(outbox)
            .where(outbox.c.state == "waiting", _due(to_text(at)))
            .order_by(outbox.c.notice_id)
            .limit(limit)
        )
        if route is not None:
            query = query.where(outbox.c.route == route)
        with self._db.read() as connection:
            return tuple(_queued(row) for row in connection.execute(query))

    def notices(
        self, state: NoticeState | None = None, *, limit: int | None = None
    ) -> tuple[Queued, ...]:
        """The newest notices, in one state or in any, oldest first."""
        query = select(outbox).order_by(outbox.c.notice_id.desc()).limit(limit)
        if state is not None:
            query = query.where(outbox.c.state == state)
        with self._db.read() as connection:
            return tuple(_queued(row) for row in connection.execute(query))[::-1]

    def backlog(self, *, at: datetime) -> dict[str, Backlog]:
        """What waits for each route, and whether the route rests after a failure."""
        now = to_text(at)
        query = (
            select(
                outbox.c.route,
                func.count(),
                func.sum(case((_due(now), 1), else_=0)),
                func.max(case((and_(outbox.c.attempts > 0, not_(_due(now))), outbox.c.due_at))),
            )
            .where(outbox.c.state == "waiting")
            .group_by(outbox.c.route)
            .order_by(outbox.c.route)
        )
        with self._db.read() as connection:
            return {
                route: Backlog(
                    waiting=int(waiting),
                    due=int(due),
                    resting_until=from_text(tried) if tried is not None and tried > now else None,
                )
                for route, waiting, due, tried in connection.execute(query)
            }

    def notice_sent(self, notice_ids: Sequence[int], *, at: datetime) -> None:
        """They arrived."""
        self._end(notice_ids, "sent", at)

    def notice_failed(
        self,
        notice_ids: Sequence[int],
        *,
        error: str,
        retry_at: datetime | None,
        at: datetime,
    ) -> None:
        """They did not arrive; without ``retry_at`` nobody tries again."""
        values: dict[str, Any] = {
            "attempts": outbox.c.attempts + 1,
            "error": error[:_ERROR],
        }
        if retry_at is None:
            values |= {"state": "dead", "done_at": to_text(at)}
        else:
            values |= {"due_at": to_text(retry_at)}
        with self._db.write() as connection:
            connection.execute(
                update(outbox)
                .where(outbox.c.notice_id.in_(notice_ids), outbox.c.state == "waiting")
                .values(**values)
            )

    def outbox_counts(self) -> dict[str, int]:
        """How many notices stand in each state."""
        query = select(outbox.c.state, func.count()).group_by(outbox.c.state)
        with self._db.read() as connection:
            return {row[0]: row[1] for row in connection.execute(query)}

    def sent_since(self, route: str, since: datetime) -> int:
        """How many notices of a route were sent since a time: for rate limits."""
        query = select(func.count()).where(
            outbox.c.route == route, outbox.c.state == "sent", outbox.c.done_at >= to_text(since)
        )
        with self._db.read() as connection:
            return int(connection.execute(query).scalar_one())

    def messages_since(self, route: str, since: datetime, until: datetime | None = None) -> int:
        """How many messages a route took since a time, and until another.

        Notices of one message were marked in one moment, those of different ones in different.
        """
        query = select(func.count(outbox.c.done_at.distinct())).where(
            outbox.c.route == route, outbox.c.state == "sent", outbox.c.done_at > to_text(since)
        )
        if until is not None:
            query = query.where(outbox.c.done_at <= to_text(until))
        with self._db.read() as connection:
            return int(connection.execute(query).scalar_one())

    def forget_notices(self, *, before: datetime) -> int:
        """Drop notices that were done before a time."""
        with self._db.write() as connection:
            return connection.execute(
                delete(outbox).where(
                    outbox.c.state != "waiting", outbox.c.done_at < to_text(before)
                )
            ).rowcount

    def _end(self, notice_ids: Sequence[int], state: NoticeState, at: datetime) -> None:
        with self._db.write() as connection:
            connection.execute(
                update(outbox)
                .where(outbox.c.notice_id.in_(notice_ids), outbox.c.state == "waiting")
                .values(state=state, done_at=to_text(at), attempts=outbox.c.attempts + 1, error="")
            )


def _due(now: str) -> ColumnElement[bool]:
    """Whether a notice may be sent.

    One that was made later than now was made before the clock was set back: if it was not to wait
    then, or was to be tried again after a pause, it is due, whatever the clock said.
    """
    tried = outbox.c.attempts > 0
    later = outbox.c.due_at > outbox.c.created_at
    return or_(
        outbox.c.due_at <= now,
        and_(outbox.c.created_at > now, or_(and_(tried, later), and_(not_(tried), not_(later)))),
    )


def queue(
    database: Database, connection: Connection, notices: Iterable[Notice], *, at: datetime
) -> int:
    """``queue_notices`` inside a transaction."""
    rows = [
        {
            "key": notice.key,
            "route": notice.route,
            "created_at": to_text(at),
            "due_at": to_text(notice.due_at),
            "attempts": 0,
            "state": "waiting",
            "error": "",
            "data": canonical(dict(notice.data)),
        }
        for notice in notices
    ]
    if not rows:
        return 0
    maker = sqlite.insert if database.sqlite else postgresql.insert
    statement = maker(outbox).on_conflict_do_nothing(index_elements=["key"])
    returning = statement.returning(outbox.c.notice_id)
    return sum(connection.execute(returning, row).first() is not None for row in rows)


def _queued(row: Any) -> Queued:
    return Queued(
        notice_id=row.notice_id,
        key=row.key,
        route=row.route,
        created_at=from_text(row.created_at),
        due_at=from_text(row.due_at),
        attempts=row.attempts,
        state=row.state,
        error=row.error,
        data=plain(row.data),
    )
