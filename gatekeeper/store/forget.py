"""Forgetting a person, sealing what stands in the clear, and making what was removed really gone.

Taking somebody out of a record is one transaction with its event in the trail, which names the
digests before and after and where the person stood, never who it was.  The register's version
changes with it, so plans made before are stale.

A database keeps what it deletes for a while.  On SQLite that is free pages, the write-ahead log and
the copies that earlier changes left: the file is written anew (VACUUM) and the log emptied.  On
PostgreSQL old row versions go with VACUUM; its own log and replicas follow in their time.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any, Final, NamedTuple

from sqlalchemy import Connection, case, func, select
from sqlalchemy.exc import DBAPIError

from gatekeeper.collector import uncollected
from gatekeeper.errors import StoreError
from gatekeeper.filing import (
    Application,
    Person,
    Status,
    Stored,
    content_digest,
    content_text,
    forget,
    is_final,
)
from gatekeeper.store import chain
from gatekeeper.store.encoding import canonical, from_text, to_text, unpack
from gatekeeper.store.engine import Database
from gatekeeper.store.model import Entry, EntryKind
from gatekeeper.store.row import ApplicationRow
from gatekeeper.store.seal import Seal, opened, opener, sealed
from gatekeeper.store.tables import applications

BATCH: Final = 500
"""Rows sealed in one transaction: a kill loses no more, and others can write in between."""
_STREAMED: Final = {"yield_per": 2000}
_WAIT: Final = 10
"""Seconds that a rewrite waits for others."""
_COLUMNS: Final = applications.c


class Outcome(StrEnum):
    """What became of one application that names the person."""

    FORGOTTEN = "forgotten"
    REFUSED = "refused"
    """It is under way, and the bureau still needs its persons."""
    ENTITY = "entity"
    """The person is the entity itself; only a deregistration takes that away."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Forgotten:
    """One application that names the person."""

    application_id: str
    filing_id: str
    status: Status
    roles: tuple[str, ...]
    """Where the person stood, as paths of the record."""
    result: Outcome


class SealCount(NamedTuple):
    """How the reviews of a register are kept."""

    plain: int
    newest: int
    """Sealed with the key that seals now."""
    other: int
    """Sealed with another key."""


class Privacy:
    """The part of the store that knows what is personal in it."""

    _db: Database

    def forget(
        self,
        person: Person,
        *,
        actor: str,
        at: datetime,
        reason: str = "",
        force: bool = False,
        dry_run: bool = False,
    ) -> tuple[Forgotten, ...]:
        """Take a person out of every application that names them, in one transaction.

        Args:
            person: whom.
            actor: who asks for it.
            at: when.
            reason: the operator's words; they stay in the trail.
            force: take them out of applications that are under way too.
            dry_run: only say what would be done.

        Raises:
            StoreSealed: a record is sealed, so nobody can say whether it names the person.
        """
        found: list[Forgotten] = []
        transaction = self._db.read() if dry_run else self._db.write(trail=True)
        with transaction as connection, uncollected():
            changed: list[tuple[str, ...]] = []
            drafts: list[chain.Draft] = []
            when = to_text(at)
            for known in _reviewed(connection, self._db.seal):
                erased = forget(known.application, person, when)
                if not erased.places:
                    continue
                one = _outcome(known.application, erased.places, entity=erased.entity, force=force)
                found.append(one)
                if one.result is Outcome.REFUSED or erased.application == known.application:
                    continue
                before = content_digest(known.application)
                after = Stored(application=erased.application, seen_at=known.seen_at)
                row = ApplicationRow.of(after, self._db.seal)
                changed.append((row.digest, row.body, row.application_id, before))
                drafts.append(_draft(row, before, erased.places, actor, when, reason))
            if not dry_run:
                statement = (
                    "UPDATE applications SET digest = ?, body = ?"
                    " WHERE application_id = ? AND digest = ?"
                )
                if self._db.many(connection, statement, changed) != len(changed):
                    raise StoreError(
                        "the register was changed by another process meanwhile; nothing was "
                        "forgotten, try again",
                        zh="登记册已被其他进程修改，本次未删除任何信息，请重试",
                    )
                chain.extend(self._db, connection, drafts)
        return tuple(found)

    def seal_counts(self) -> SealCount:
        """How many reviews stand in the clear, and how many are sealed."""
        marks = [
            func.sum(case((_COLUMNS.body.contains(text, autoescape=True), 1), else_=0))
            for text in ('"review":""', '"review":"sealed:', f'"review":"{self._db.seal.form}')
        ]
        with self._db.read() as connection:
            query = select(func.count(), *marks).select_from(applications)
            total, *sums = connection.execute(query).one()
        empty, closed, newest = (int(number or 0) for number in sums)
        own = newest if self._db.seal else 0
        return SealCount(total - empty - closed, own, closed - own)

    def seal_register(
        self, *, actor: str, at: datetime, progress: Callable[[int], object] | None = None
    ) -> int:
        """Seal every review with the newest key; the number of those that were not.

        Each batch is a transaction: killed and started again it goes on.  The content, its digest
        and the register's version stay.

        Raises:
            StoreError: no key is set, or a sealed text was altered.
            StoreSealed: a review is sealed with a key that is not set.
        """
        if not self._db.seal:
            raise StoreError(
                "no key is set; make one, and name its file in GATEKEEPER_KEY_FILE",
                zh="尚未设置密钥，请生成密钥并在 GATEKEEPER_KEY_FILE 中指定其文件",
            )
        done, last = 0, ""
        while True:
            with self._db.write(trail=True) as connection:
                rows = _batch(connection, last)
                changed = list(_resealed(rows, self._db.seal))
                statement = (
                    "UPDATE applications SET body = ? WHERE application_id = ? AND digest = ?"
                )
                self._db.many(connection, statement, changed)
                if changed:
                    data = {"applications": len(changed), "key": self._db.seal.name}
                    entry = Entry(
                        at=at,
                        actor=actor,
                        kind=EntryKind.STORE_SEALED,
                        subject="store",
                        data=data,
                    )
                    chain.append(self._db, connection, [entry])
            done += len(changed)
            if progress is not None:
                progress(len(rows))
            if len(rows) < BATCH:
                return done
            last = rows[-1].application_id

    def purge(self) -> bool:
        """Make what was removed or replaced really gone from the database's files.

        ``False`` where others have the database open, so that not all of it could be done.
        """
        return _purge_sqlite(self._db) if self._db.sqlite else _purge_postgresql(self._db)


def _reviewed(connection: Connection, seal: Seal) -> Iterator[Stored]:
    """Every application with its review opened, in order of its id."""
    read = opener(seal)
    query = select(_COLUMNS.body, _COLUMNS.seen_at).order_by(_COLUMNS.application_id)
    with closing(connection.execute(query, execution_options=_STREAMED)) as rows:
        for body, seen_at in rows:
            yield Stored(application=read(body), seen_at=from_text(seen_at))


def _outcome(
    application: Application, places: tuple[str, ...], *, entity: bool, force: bool
) -> Forgotten:
    result = Outcome.FORGOTTEN
    if not is_final(application) and not force:
        result = Outcome.REFUSED
    elif entity:
        result = Outcome.ENTITY
    return Forgotten(
        application_id=application.application_id,
        filing_id=application.filing_id,
        status=application.status,
        roles=places,
        result=result,
    )


def _draft(
    row: ApplicationRow,
    before: str,
    places: tuple[str, ...],
    actor: str,
    when: str,
    reason: str,
) -> chain.Draft:
    data: dict[str, Any] = {
        "after": row.digest,
        "before": before,
        "filing_id": row.filing_id,
        "kind": row.kind,
        "places": list(places),
        "source": "forget",
        "status": row.status,
        "status_at": row.status_at,
    }
    if row.seen_at != row.status_at:
        data["seen_at"] = row.seen_at
    if reason:
        data["note"] = reason
    kind = EntryKind.APPLICATION_FORGOTTEN.value
    account_id = row.account_id or None
    return chain.Draft(when, actor, kind, row.application_id, account_id, canonical(data))


def _batch(connection: Connection, last: str) -> list[Any]:
    query = select(_COLUMNS.application_id, _COLUMNS.digest, _COLUMNS.body)
    query = query.where(_COLUMNS.application_id > last)
    return list(connection.execute(query.order_by(_COLUMNS.application_id).limit(BATCH)))


def _resealed(rows: list[Any], seal: Seal) -> Iterator[tuple[str, ...]]:
    for row in rows:
        kept = unpack(row.body)
        if seal.newest(kept.review):
            continue
        plain = opened(seal, kept)
        if content_digest(plain) != row.digest:
            raise StoreError(
                f"application {row.application_id}: its content is not what its digest says; run "
                "gatekeeper trail verify before anything is sealed",
                zh=f"申请 {row.application_id}：内容与摘要不符，请先运行 gatekeeper trail verify",
            )
        yield content_text(sealed(seal, plain)), row.application_id, row.digest


def _purge_sqlite(database: Database) -> bool:
    path = database.address.path
    if path is None:
        return True
    try:
        with closing(sqlite3.connect(path, isolation_level=None, timeout=_WAIT)) as connection:
            connection.execute("VACUUM")
            busy, _, _ = connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
            return not busy
    except sqlite3.OperationalError as error:
        if "locked" in str(error):
            return False
        raise StoreError(
            f"{database.address.label}: the file could not be written anew ({error}), so deleted "
            "data may still be in it; make room on the disk and run the command again",
            zh=f"{database.address.label}：无法重写数据库文件（{error}），"
            "其中可能仍有已删除的数据，请检查磁盘空间后重新执行",
        ) from None


def _purge_postgresql(database: Database) -> bool:
    try:
        return database.rewrite(applications, wait=_WAIT)
    except StoreError as error:
        if isinstance(error.__cause__, DBAPIError) and "lock timeout" in str(error.__cause__.orig):
            return False
        raise
