"""The audit trail: adding to it, and reading what happened."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any, Final

from sqlalchemy import ColumnElement, Select, literal, select

from gatekeeper.collector import uncollected
from gatekeeper.store import chain
from gatekeeper.store.encoding import from_text, plain, to_text
from gatekeeper.store.engine import Database
from gatekeeper.store.model import Entry, EntryKind, Event, TrailEntry, TrailReport
from gatekeeper.store.tables import applications, trail
from gatekeeper.store.verify import verify

_REGISTER: Final = (
    EntryKind.APPLICATION_NEW,
    EntryKind.APPLICATION_MOVED,
    EntryKind.APPLICATION_CORRECTED,
    EntryKind.APPLICATION_OBSERVED,
    EntryKind.APPLICATION_FORGOTTEN,
    EntryKind.REVIEW_ANSWERED,
    EntryKind.ORDER_PLACED,
    EntryKind.ORDER_LIFTED,
)


class Trail:
    """The part of the store that remembers who did what."""

    _db: Database

    def append(self, *entries: Entry) -> str:
        """Add entries, all or none; the hash of the newest."""
        with self._db.write(trail=True) as connection:
            return chain.append(self._db, connection, entries)

    def trail_head(self) -> str:
        """The hash of the newest entry; sixty-four zeros while there is none."""
        with self._db.read() as connection:
            return chain.read_head(connection).hash

    def history(
        self,
        *,
        subject: str | None = None,
        account_id: str | None = None,
        kinds: Iterable[str] | None = None,
        since: datetime | None = None,
        until: datetime | None = None,
        after: int = 0,
        limit: int | None = None,
        newest_first: bool = False,
    ) -> tuple[TrailEntry, ...]:
        """Entries of the trail in its order.

        Args:
            subject: only what is about this id.
            account_id: only what touches this account.
            kinds: only these ``EntryKind`` values.
            since: not before this time.
            until: before this time.
            after: only entries with a greater ``seq``.
            limit: so many at most.
            newest_first: from the newest back.
        """
        wanted: list[ColumnElement[bool]] = [trail.c.seq > after]
        if subject is not None:
            wanted.append(trail.c.subject == subject)
        if account_id is not None:
            wanted.append(trail.c.account_id == account_id)
        if kinds is not None:
            wanted.append(trail.c.kind.in_([str(kind) for kind in kinds]))
        if since is not None:
            wanted.append(trail.c.at >= to_text(since))
        if until is not None:
            wanted.append(trail.c.at < to_text(until))
        order = trail.c.seq.desc() if newest_first else trail.c.seq
        return self._entries(select(trail).where(*wanted).order_by(order).limit(limit))

    def events(self, subject: str | None = None, *, limit: int | None = None) -> tuple[Event, ...]:
        """What happened to applications and filings, oldest first.

        Args:
            subject: an application's id, or a filing's: then its orders and all its applications.
            limit: only the newest so many.
        """
        query = select(trail).where(trail.c.kind.in_([kind.value for kind in _REGISTER]))
        if subject is not None:
            filed = select(applications.c.application_id).where(applications.c.filing_id == subject)
            # One set of subjects: with "or" PostgreSQL reads the whole trail.
            query = query.where(trail.c.subject.in_(select(literal(subject)).union_all(filed)))
        query = query.order_by(trail.c.seq.desc()).limit(limit)
        return tuple(_event(entry) for entry in reversed(self._entries(query)))

    def verify_trail(self, expect: str | None = None) -> TrailReport:
        """Check every link of the chain, and the register against its newest events.

        Args:
            expect: a head's hash seen earlier; it must be in the trail, or its tail was cut off.
        """
        with self._db.read() as connection, uncollected():
            return verify(connection, expect, self._db.seal)

    def _entries(self, query: Select[Any]) -> tuple[TrailEntry, ...]:
        with self._db.read() as connection:
            return tuple(read_entry(chain.Link(*row)) for row in connection.execute(query))


def read_entry(link: chain.Link) -> TrailEntry:
    """A row of the trail as a value."""
    return TrailEntry(
        seq=link.seq,
        at=from_text(link.at),
        actor=link.actor,
        kind=link.kind,
        subject=link.subject,
        account_id=link.account_id,
        data=plain(link.data),
        prev_hash=link.prev_hash,
        hash=link.hash,
    )


def _event(entry: TrailEntry) -> Event:
    data: Mapping[str, Any] = entry.data
    order = entry.kind in (EntryKind.ORDER_PLACED, EntryKind.ORDER_LIFTED)
    return Event(
        seq=entry.seq,
        at=entry.at,
        actor=entry.actor,
        kind=entry.kind,
        subject=entry.subject,
        filing_id=entry.subject if order else data["filing_id"],
        status=data.get("status"),
        status_at=from_text(data.get("status_at")),
        skipped=tuple(data.get("skipped", ())),
        source=data.get("source", ""),
        note=data.get("reason" if order else "note", ""),
        data=data,
    )
