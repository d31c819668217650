"""The filing register: applications and the orders that stand against filings.

Every change and its entries in the trail are one transaction.  The trail names digests, never the
content: certificate numbers and what only a review reads stay in the register.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing, nullcontext
from datetime import datetime
from typing import Any, Final, NamedTuple

from sqlalchemy import Connection, bindparam, delete, func, insert, select

from gatekeeper.collector import uncollected
from gatekeeper.errors import StoreError, UnknownRecord
from gatekeeper.filing import (
    Application,
    Merge,
    Order,
    OrderKind,
    Status,
    StepKind,
    Stored,
    content_digest,
    register_version,
)
from gatekeeper.store import chain
from gatekeeper.store.encoding import canonical, from_text, quote, to_text, unpack
from gatekeeper.store.engine import BATCH, Database, batches
from gatekeeper.store.model import Entry, EntryKind
from gatekeeper.store.orders import read_orders
from gatekeeper.store.row import ApplicationRow
from gatekeeper.store.seal import opener
from gatekeeper.store.search import EntityRow, RegisterSearch, entity_row
from gatekeeper.store.tables import applications, entities, orders, trail

_CHUNK: Final = 5000
"""Rows inserted at once."""
_FILLED_AT_ONCE: Final = 20_000
"""From so many applications on an empty register is filled first and indexed then."""
_STREAMED: Final = {"yield_per": _CHUNK}
"""A whole register is read by pieces: its text need not be in memory beside its values."""
_KINDS: Final = {
    StepKind.NEW: EntryKind.APPLICATION_NEW.value,
    StepKind.MOVED: EntryKind.APPLICATION_MOVED.value,
    StepKind.CORRECTED: EntryKind.APPLICATION_CORRECTED.value,
    StepKind.OBSERVED: EntryKind.APPLICATION_OBSERVED.value,
}


_REGISTER_KINDS: Final = (
    EntryKind.APPLICATION_NEW,
    EntryKind.APPLICATION_MOVED,
    EntryKind.APPLICATION_CORRECTED,
    EntryKind.APPLICATION_FORGOTTEN,
    EntryKind.ORDER_PLACED,
    EntryKind.ORDER_LIFTED,
)
"""Entries that change what the register says; a newer sight of a status does not."""


class Records(NamedTuple):
    """The register at one moment."""

    applications: tuple[Application, ...]
    """In order of their ids."""
    orders: tuple[Order, ...]
    version: str


class FilingRegister(RegisterSearch):
    """The part of the store that holds what the bureau says."""

    _db: Database

    def applications(self) -> tuple[Application, ...]:
        """Every application, in order of its id."""
        with self._db.read() as connection, uncollected():
            bodies = connection.exec_driver_sql(
                "SELECT body FROM applications ORDER BY application_id", execution_options=_STREAMED
            )
            with closing(bodies):
                return tuple(map(opener(self._db.seal), bodies.scalars()))

    def reviewed_applications(self) -> tuple[Application, ...]:
        """Those that came with the review's part, in order of their ids; the others are not read.

        A review stays sealed where its key is not set.
        """
        query = (
            select(applications.c.body)
            .where(applications.c.body.not_like('%,"review":"",%'))
            .order_by(applications.c.application_id)
        )
        with self._db.read() as connection, uncollected():
            read = opener(self._db.seal, lenient=True)
            found = (read(body) for body in connection.execute(query).scalars())
            return tuple(one for one in found if one.review)

    def records(self, *, sealed: bool = False) -> Records:
        """Applications, orders and version of one and the same moment.

        Args:
            sealed: leave reviews as they are stored.  What decides reads none, and must go on
                where the key is lost: ports have to be closed then too.
        """
        read = unpack if sealed else opener(self._db.seal)
        with self._db.read() as connection, uncollected():
            rows = connection.exec_driver_sql(
                "SELECT body, digest FROM applications ORDER BY application_id",
                execution_options=_STREAMED,
            )
            found = []
            digests = []
            with closing(rows):
                for body, digest in rows:
                    found.append(read(body))
                    digests.append(digest)
            standing = read_orders(connection)
            return Records(tuple(found), standing, register_version(digests, standing))

    def application(self, application_id: str) -> Application | None:
        found = self.stored([application_id]).get(application_id)
        return found.application if found else None

    def stored(self, application_ids: Iterable[str]) -> dict[str, Stored]:
        """Those of the named applications that are stored, as an import needs them.

        Raises:
            StoreSealed: a review is sealed and its key is not set.
        """
        read = opener(self._db.seal)
        found: dict[str, Stored] = {}
        columns = applications.c
        query = select(columns.application_id, columns.body, columns.seen_at).where(
            columns.application_id.in_(bindparam("ids", expanding=True))
        )
        with self._db.read() as connection, uncollected():
            for ids in batches(application_ids, BATCH):
                for name, body, seen_at in connection.execute(query, {"ids": ids}):
                    found[name] = Stored(application=read(body), seen_at=from_text(seen_at))
        return found

    def commit_merge(self, merge: Merge, *, actor: str, source: str, at: datetime) -> None:
        """Store an import whole: rows, events, trail.

        Args:
            merge: a merge without problems.
            actor: who imports.
            source: what was imported; where empty, each event names its own file.
            at: when.

        Raises:
            StoreError: the merge has problems, or another process changed one of its
                applications since it was decided.  Nothing is stored then.
        """
        if merge.problems or merge.more_problems:
            raise StoreError("an import with problems is never stored")
        if merge.steps:
            with uncollected():
                self._commit(merge, actor=actor, source=source, at=at)

    def _commit(self, merge: Merge, *, actor: str, source: str, at: datetime) -> None:
        now = to_text(at)
        firsts = {step.application_id: step for step in reversed(merge.steps)}
        lasts = {step.application_id: step for step in merge.steps}
        digests: dict[str, str] = {}
        new: list[ApplicationRow] = []
        changed: list[tuple[ApplicationRow, Stored]] = []
        named: dict[str, EntityRow] = {}

        def told(connection: Connection) -> Iterator[chain.Draft]:
            """What the trail says; on the way the rows of new applications are written."""
            for step in merge.steps:
                name = step.application_id
                row = ApplicationRow.of(step.after, self._db.seal)
                before = digests.get(name)
                if before is None and step.before is not None:
                    before = content_digest(step.before.application)
                digests[name] = row.digest
                if step is lasts[name]:
                    stored = firsts[name].before
                    if stored is not None:
                        changed.append((row, stored))
                    else:
                        new.append(row)
                named[row.entity] = entity_row(step.after.application.entity)
                if len(new) == _CHUNK:
                    self._db.insert(connection, applications, new)
                    new.clear()
                where = step.row.where
                data = _told(
                    row,
                    before,
                    source=source or where.file,
                    line=where.line,
                    skipped=step.skipped,
                )
                account_id = row.account_id or None
                yield chain.Draft(now, actor, _KINDS[step.kind], name, account_id, data)

        with self._db.write(trail=True) as connection:
            fresh = [name for name, step in firsts.items() if step.before is None]
            empty = self._refuse_known(connection, fresh)
            much = empty and len(fresh) >= _FILLED_AT_ONCE
            with self._db.unindexed(connection, applications) if much else nullcontext():
                chain.extend(self._db, connection, told(connection))
                self._db.insert(connection, applications, new)
            self._replace(connection, changed)
            self._db.add_missing(connection, entities, list(named.values()))

    def advance(
        self,
        application: Application,
        *,
        before: Status | Application,
        actor: str,
        source: str,
        at: datetime,
        note: str = "",
    ) -> None:
        """Store one move.

        Args:
            application: as it is after the move.
            before: the status, or better the whole application, that the move was decided on.
            actor: who moves it.
            source: where the move comes from.
            at: when it is recorded.
            note: the operator's words.

        Raises:
            UnknownRecord: no such application.
            StoreError: it is no longer as ``before`` says; nothing is stored.
        """
        name = application.application_id
        with self._db.write(trail=True) as connection:
            row = connection.execute(
                select(applications.c.body, applications.c.seen_at).where(
                    applications.c.application_id == name
                )
            ).one_or_none()
            if row is None:
                raise UnknownRecord(f"no application {name}", zh=f"没有申请 {name}")
            body = opener(self._db.seal)(row[0])
            known = Stored(application=body, seen_at=from_text(row[1]))
            found = known.application
            if found.status is not before and found != before:
                raise _raced(name)
            after = ApplicationRow.of(
                Stored(application=application, seen_at=application.status_at), self._db.seal
            )
            self._replace(connection, [(after, known)])
            self._db.add_missing(connection, entities, [entity_row(application.entity)])
            data = _told(after, content_digest(found), source=source, note=note)
            account_id = application.access.account_id or None
            kind = EntryKind.APPLICATION_MOVED.value
            draft = chain.Draft(to_text(at), actor, kind, name, account_id, data)
            chain.extend(self._db, connection, [draft])

    def orders(self) -> tuple[Order, ...]:
        """The standing orders, by filing and kind."""
        with self._db.read() as connection:
            return read_orders(connection)

    def place_order(self, order: Order) -> bool:
        """Let an order stand; ``False``, and nothing is written, if one of its kind does."""
        with self._db.write(trail=True) as connection:
            if connection.execute(_order(select(orders.c.at), order.filing_id, order.kind)).first():
                return False
            row = {
                "filing_id": order.filing_id,
                "kind": order.kind.value,
                "at": to_text(order.at),
                "placed_by": order.by,
                "reason": order.reason,
            }
            connection.execute(insert(orders), row)
            data = {"order": order.kind.value, "reason": order.reason}
            self._tell_order(
                connection, EntryKind.ORDER_PLACED, order.filing_id, order.by, order.at, data
            )
        return True

    def lift_order(
        self,
        filing_id: str,
        *,
        by: str,
        at: datetime,
        reason: str,
        kind: OrderKind = OrderKind.SUSPENSION,
    ) -> bool:
        """End a standing order; ``False``, and nothing is written, if none of its kind stands."""
        with self._db.write(trail=True) as connection:
            if not connection.execute(_order(delete(orders), filing_id, kind)).rowcount:
                return False
            data = {"order": kind.value, "reason": reason}
            self._tell_order(connection, EntryKind.ORDER_LIFTED, filing_id, by, at, data)
        return True

    def register_version(self) -> str:
        """SHA-256 over the content of the register; equal content has equal versions anywhere."""
        with self._db.read() as connection:
            digests = connection.exec_driver_sql("SELECT digest FROM applications").scalars().all()
            return register_version(digests, read_orders(connection))

    def register_mark(self) -> int:
        """The place in the trail of the register's newest change; 0 where there is none.

        Cheap at any size: whoever carries out a plan asks before every change.
        """
        newest = (
            select(func.max(trail.c.seq)).where(trail.c.kind == kind.value).scalar_subquery()
            for kind in _REGISTER_KINDS
        )
        with self._db.read() as connection:
            return max(mark or 0 for mark in connection.execute(select(*newest)).one())

    def _tell_order(
        self,
        connection: Connection,
        kind: EntryKind,
        filing_id: str,
        by: str,
        at: datetime,
        data: dict[str, Any],
    ) -> None:
        entry = Entry(at=at, actor=by, kind=kind, subject=filing_id, data=data)
        chain.append(self._db, connection, [entry])

    def _refuse_known(self, connection: Connection, names: Sequence[str]) -> bool:
        """Whether the register is empty; where it is not, none of the names may be in it."""
        query = select(applications.c.application_id).where(
            applications.c.application_id.in_(bindparam("ids", expanding=True))
        )
        if connection.execute(select(applications.c.application_id).limit(1)).first() is None:
            return True
        for ids in batches(names, BATCH):
            raced = connection.execute(query, {"ids": ids}).scalar()
            if raced is not None:
                raise _raced(raced)
        return False

    def _replace(
        self, connection: Connection, changed: Sequence[tuple[ApplicationRow, Stored]]
    ) -> None:
        """Write ``(after, before)`` over rows that are still as ``before`` says."""
        rows: list[tuple[str, ...]] = []
        sights: list[tuple[str, ...]] = []
        for after, before in changed:
            was = content_digest(before.application)
            still = (after.application_id, was, to_text(before.seen_at))
            if after.digest == was:
                sights.append((after.seen_at, *still))
            else:
                rows.append((*after[1:], *still))
        where = "WHERE application_id = ? AND digest = ? AND seen_at = ?"
        names = ", ".join(f"{name} = ?" for name in applications.columns.keys()[1:])
        done = self._db.many(connection, f"UPDATE applications SET {names} {where}", rows)  # noqa: S608
        done += self._db.many(connection, f"UPDATE applications SET seen_at = ? {where}", sights)  # noqa: S608
        if done != len(changed):
            raise _raced(changed[0][0].application_id if len(changed) == 1 else "")
        left = {
            (entity_row(before.application.entity).entity,)
            for after, before in changed
            if entity_row(before.application.entity).entity != after.entity
        }
        self._db.many(
            connection,
            "DELETE FROM entities WHERE entity = ? AND NOT EXISTS"
            " (SELECT 1 FROM applications WHERE applications.entity = entities.entity)",
            sorted(left),
        )


def _order(statement: Any, filing_id: str, kind: OrderKind) -> Any:
    return statement.where(orders.c.filing_id == filing_id, orders.c.kind == kind.value)


def _told(
    row: ApplicationRow,
    before: str | None,
    *,
    source: str,
    line: int = 0,
    skipped: Sequence[Status] = (),
    note: str = "",
) -> str:
    """What the trail says of one change, as canonical JSON written out by hand.

    Args:
        row: the application after the change.
        before: the digest of its content before, where there was any.
        source: where the change comes from, with the ``line`` there.
        line: 0 where there is none.
        skipped: statuses on the way that nobody showed.
        note: the operator's words.
    """
    return "".join(
        (
            f'{{"after":"{row.digest}","before":{quote(before) if before else "null"}',
            f',"filing_id":{quote(row.filing_id)},"kind":"{row.kind}"',
            f',"line":{line}' if line else "",
            f',"note":{quote(note)}' if note else "",
            f',"seen_at":"{row.seen_at}"' if row.seen_at != row.status_at else "",
            f',"skipped":{canonical(skipped)}' if skipped else "",
            f',"source":{quote(source)},"status":"{row.status}"',
            f',"status_at":"{row.status_at}"}}',
        )
    )


def _raced(name: str) -> StoreError:
    what, what_zh = (f"application {name}", f"申请 {name} ") if name else ("the register", "登记册")
    return StoreError(
        f"{what} was changed by another process meanwhile; nothing was stored, try again",
        zh=f"{what_zh}已被其他进程修改，本次未保存任何内容，请重试",
    )
