"""The history of drift, and the events whose effect is stored."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, delete, insert, select
from sqlalchemy.dialects import postgresql, sqlite

from gatekeeper.store.encoding import canonical, from_text, plain, to_text
from gatekeeper.store.engine import BATCH, Database, batches
from gatekeeper.store.tables import drifts, events


class History:
    """The part of the store that keeps what drifted, and which events are done."""

    _db: Database

    def remember_drifts(self, entries: Iterable[Mapping[str, Any]], *, at: datetime) -> None:
        """Keep entries of drift, as ``audit/1`` has them, seen at a time."""
        with self._db.write() as connection:
            add_drifts(connection, entries, at=at)

    def drifts(
        self, *, since: datetime | None = None, account_ids: Iterable[str] | None = None
    ) -> tuple[dict[str, Any], ...]:
        """What drifted, oldest first; each entry has ``seen_at`` beside what it was kept with."""
        query = select(drifts).order_by(drifts.c.drift_id)
        if since is not None:
            query = query.where(drifts.c.at >= to_text(since))
        wanted = None if account_ids is None else frozenset(account_ids)
        with self._db.read() as connection:
            return tuple(
                {**plain(row.data), "seen_at": from_text(row.at)}
                for row in connection.execute(query)
                if wanted is None or row.account_id in wanted
            )

    def forget_drifts(self, *, before: datetime) -> int:
        """Drop what drifted before a time."""
        with self._db.write() as connection:
            return connection.execute(delete(drifts).where(drifts.c.at < to_text(before))).rowcount

    def known_events(self, event_ids: Iterable[str]) -> frozenset[str]:
        """Those of the events whose effect is stored."""
        found: set[str] = set()
        with self._db.read() as connection:
            for ids in batches(event_ids, BATCH):
                query = select(events.c.event_id).where(events.c.event_id.in_(ids))
                found.update(connection.execute(query).scalars())
        return frozenset(found)

    def remember_events(self, seen: Mapping[str, Mapping[str, Any]], *, at: datetime) -> None:
        """The effect of these events, by id, is stored; one that is known already stays."""
        rows = [
            {"event_id": event_id, "at": to_text(at), "data": canonical(dict(data))}
            for event_id, data in seen.items()
        ]
        if not rows:
            return
        maker = sqlite.insert if self._db.sqlite else postgresql.insert
        with self._db.write() as connection:
            connection.execute(
                maker(events).on_conflict_do_nothing(index_elements=["event_id"]), rows
            )

    def forget_events(self, *, before: datetime) -> int:
        """Drop events that were done before a time: a queue keeps a message 14 days at most."""
        with self._db.write() as connection:
            return connection.execute(delete(events).where(events.c.at < to_text(before))).rowcount


def add_drifts(
    connection: Connection, entries: Iterable[Mapping[str, Any]], *, at: datetime
) -> None:
    """``remember_drifts`` inside a transaction."""
    rows = list(entries)
    if not rows:
        return
    connection.execute(
        insert(drifts),
        [
            {
                "at": to_text(at),
                "account_id": entry["account_id"],
                "kind": entry["kind"],
                "subject": entry.get("endpoint") or entry.get("group_id") or "",
                "data": canonical(dict(entry)),
            }
            for entry in rows
        ],
    )
