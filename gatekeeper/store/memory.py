"""What was seen of the accounts before: addresses, endpoints, findings, the last verified state.

A look that finds everything as it was writes one row, the time of the look.  What is present was
last seen at that time; only what is new, changed or gone has its own row written.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any, Final

from sqlalchemy import ColumnElement, Connection, Row, Table, insert, select, update
from sqlalchemy.dialects import postgresql, sqlite

from gatekeeper.account import (
    Family,
    RememberedAddress,
    RememberedEndpoint,
    SeenAddress,
    SeenEndpoint,
)
from gatekeeper.errors import StoreError
from gatekeeper.store.encoding import canonical, from_text, plain, to_text
from gatekeeper.store.engine import BATCH, Database, batches
from gatekeeper.store.history import add_drifts
from gatekeeper.store.model import RememberedFinding, Snapshot, overtaken
from gatekeeper.store.outbox import Notice, queue
from gatekeeper.store.tables import (
    addresses,
    endpoints,
    findings,
    settings,
    sightings,
    snapshots,
)

_ADDRESSES: Final = "addresses"
_ENDPOINTS: Final = "endpoints"
_FINDINGS: Final = "findings"
_SNAPSHOTS: Final = "snapshots"


class Memory:
    """The part of the store that remembers the accounts."""

    _db: Database

    def remember_addresses(
        self, account_id: str, seen: Iterable[SeenAddress], *, at: datetime
    ) -> None:
        """Take ``seen`` as all public addresses of the account; those that it lacks are gone.

        A look that began before the one that is remembered is passed over.

        The first allocation id of an address stays: only so is a later one known as another.
        """
        now = to_text(at)
        with self._db.write() as connection:
            looked = self._look(connection, _ADDRESSES, account_id, now)
            if looked is None:
                return
            left = {
                row.ip: row
                for row in connection.execute(
                    select(addresses).where(addresses.c.account_id == account_id)
                )
            }
            changed: list[tuple[Any, ...]] = []
            for address in seen:
                old = left.pop(address.ip, None)
                kind, allocation = address.kind, address.allocation_id
                if old is not None and old.allocation_id:
                    allocation = old.allocation_id
                if old is None or not old.present or tuple(old[2:4]) != (kind, allocation):
                    first = now if old is None else old.first_seen
                    row = (account_id, address.ip, kind, allocation, first, now, 1)
                    changed.append(row)
            changed += _gone(left.values(), looked)
            self._upsert(connection, addresses, changed)

    def address_memory(
        self, account_ids: Iterable[str] | None = None
    ) -> dict[tuple[str, str], RememberedAddress]:
        """Every address that these accounts (all, without) ever had, by account and address."""
        with self._db.read() as connection:
            looks = _looks(connection, _ADDRESSES)
            return {
                (row.account_id, row.ip): RememberedAddress(
                    ip=row.ip,
                    kind=row.kind,
                    allocation_id=row.allocation_id,
                    first_seen=from_text(row.first_seen),
                    last_seen=_last_seen(row, looks),
                )
                for row in _of(connection, addresses, account_ids)
            }

    def remember_endpoints(
        self, account_id: str, seen: Iterable[SeenEndpoint], *, at: datetime
    ) -> bool:
        """Take ``seen`` as all endpoints of the account; those that it lacks are gone.

        ``False``, and nothing is written, for a look that began before the remembered one.
        """
        now = to_text(at)
        with self._db.write() as connection:
            looked = self._look(connection, _ENDPOINTS, account_id, now)
            if looked is None:
                return False
            left = {
                (row.endpoint, row.family): row
                for row in connection.execute(
                    select(endpoints).where(endpoints.c.account_id == account_id)
                )
            }
            changed: list[tuple[Any, ...]] = []
            for item in seen:
                ips = canonical(sorted(item.ips))
                old = left.pop((item.endpoint, item.family), None)
                if old is None or not old.present or (old.kind, old.ips) != (item.kind, ips):
                    kept = (None, None, None) if old is None else old[5:8]
                    changed.append(
                        (account_id, item.endpoint, item.family, item.kind, ips, *kept, now, 1)
                    )
            changed += _gone(left.values(), looked)
            self._upsert(connection, endpoints, changed)
        return True

    def endpoint_memory(
        self, account_ids: Iterable[str] | None = None, *, gone: bool = False
    ) -> dict[tuple[str, str, Family], RememberedEndpoint]:
        """The endpoints of these accounts (all, without) as they were at the last look.

        Args:
            account_ids: only these accounts.
            gone: those as well that the last look no longer found.
        """
        with self._db.read() as connection:
            looks = _looks(connection, _ENDPOINTS)
            return {
                (row.account_id, row.endpoint, row.family): RememberedEndpoint(
                    kind=row.kind,
                    ips=tuple(plain(row.ips)),
                    last_seen=_last_seen(row, looks),
                    opened_ips=None if row.opened_ips is None else tuple(plain(row.opened_ips)),
                    opened_at=from_text(row.opened_at),
                    changed_at=from_text(row.changed_at),
                )
                for row in _of(connection, endpoints, account_ids)
                if row.present or gone
            }

    def mark_opened(
        self,
        account_id: str,
        endpoint: str,
        family: Family,
        ips: Sequence[str] | None,
        *,
        at: datetime,
    ) -> None:
        """Remember the address set with which an endpoint was opened; ``None`` forgets it."""
        now = to_text(at)
        opened = None if ips is None else canonical(sorted(ips))
        values = {
            "opened_ips": opened,
            "opened_at": None if ips is None else now,
            "changed_at": None,
        }
        with self._db.write() as connection:
            if not _mark(connection, account_id, endpoint, family, values) and opened:
                # Opened before any look: the next one fills in the rest.
                row = (account_id, endpoint, family, "", opened, opened, now, None, now, 1)
                self._upsert(connection, endpoints, [row])

    def mark_changed(
        self, account_id: str, endpoint: str, family: Family, at: datetime | None
    ) -> None:
        """Remember when the address set was first seen to differ; ``None`` when it no longer does.

        A first sight that is remembered already stays.
        """
        values = {"changed_at": None if at is None else to_text(at)}
        only = () if at is None else (endpoints.c.changed_at.is_(None),)
        with self._db.write() as connection:
            _mark(connection, account_id, endpoint, family, values, *only)

    def findings_memory(
        self, *, standing: bool = False, resolved_from: datetime | None = None
    ) -> dict[str, RememberedFinding]:
        """Findings that were reported, by key.

        Args:
            standing: only those that are not resolved; resolved ones grow without end.
            resolved_from: besides those that stand only what was resolved then or later.
        """
        wanted = select(findings)
        if standing:
            wanted = wanted.where(findings.c.resolved_at.is_(None))
        elif resolved_from is not None:
            late = findings.c.resolved_at >= to_text(resolved_from)
            wanted = wanted.where(findings.c.resolved_at.is_(None) | late)
        with self._db.read() as connection:
            looks = _looks(connection, _FINDINGS)
            return {
                row.key: RememberedFinding(
                    key=row.key,
                    first_seen=from_text(row.first_seen),
                    last_seen=(
                        _newest(row, looks) if row.resolved_at is None else from_text(row.last_seen)
                    ),
                    resolved_at=from_text(row.resolved_at),
                    data=plain(row.data),
                )
                for row in connection.execute(wanted)
            }

    def remember_findings(
        self,
        seen: Sequence[Mapping[str, Any]],
        *,
        accounts: Iterable[str],
        at: datetime,
        notices: Iterable[Notice] = (),
        drift: Iterable[Mapping[str, Any]] = (),
        states: Mapping[str, Mapping[str, Any]] | None = None,
    ) -> None:
        """Take ``seen`` as all findings of the accounts in scope; what they lack is resolved.

        Args:
            seen: findings as JSON, each with ``key`` and ``account_id``.  Their ``first_seen`` and
                ``last_seen`` are the store's business and not kept.  A finding that comes back
                after it was resolved is a new one.
            accounts: the accounts that were read whole, and "" for findings about none.  A finding
                of another account is remembered, but its absence says nothing.
            at: when.
            notices: what to tell of it; queued in the same transaction, each once.
            drift: what drifted, for the history.
            states: the verified states of accounts, which the next audit compares with.
        """
        now, scope = to_text(at), frozenset(accounts)
        with self._db.write() as connection:
            looks = _looks(connection, _FINDINGS)
            live = select(findings).where(findings.c.resolved_at.is_(None))
            known = {row.key: row for row in connection.execute(live)}
            changed: list[tuple[Any, ...]] = []
            present: set[str] = set()
            for finding in seen:
                key, account_id = finding["key"], finding.get("account_id") or ""
                present.add(key)
                kept = {name: finding[name] for name in finding if name not in _TIMES}
                data = canonical(kept)
                old = known.get(key)
                if old is None or old.data != data or account_id not in scope:
                    first = now if old is None else old.first_seen
                    changed.append((key, account_id, first, now, None, data))
            for key, row in known.items():
                if row.account_id in scope and key not in present:
                    last = to_text(_newest(row, looks))
                    changed.append((key, row.account_id, row.first_seen, last, now, row.data))
            self._upsert(connection, findings, changed)
            self._upsert(connection, sightings, [(name, _FINDINGS, now) for name in scope])
            queue(self._db, connection, notices, at=at)
            add_drifts(connection, drift, at=at)
            self._verified(connection, states or {}, now)

    def findings_looked_at(self) -> datetime | None:
        """When findings were last remembered, of any account."""
        with self._db.read() as connection:
            looks = _looks(connection, _FINDINGS)
        return from_text(max(looks.values(), default=None))

    def bind_region(self, region: str) -> None:
        """Bind the store to the region of its first look.

        Addresses and endpoints are remembered by account: a look at another region would find
        every one of them gone.

        Raises:
            StoreError: it is bound to another region.
        """
        with self._db.write() as connection:
            bound = connection.execute(
                select(settings.c.value).where(settings.c.name == "region")
            ).scalar()
            if bound is None:
                connection.execute(insert(settings), {"name": "region", "value": region})
            elif bound != region:
                raise StoreError(
                    f"this store remembers {bound} and cannot be used for {region}; name another"
                    f" one with --store, or pass --region {bound}",
                    zh=f"该数据库记录的是 {bound}，不能用于 {region}；"
                    f"请用 --store 指定其他数据库，或使用 --region {bound}",
                )

    def snapshot(self, account_id: str) -> dict[str, Any] | None:
        """The last verified state of the account."""
        found = self.snapshots([account_id]).get(account_id)
        return found.data if found else None

    def snapshots(self, account_ids: Iterable[str] | None = None) -> dict[str, Snapshot]:
        """The last verified states of these accounts (all, without), by account."""
        with self._db.read() as connection:
            looks = _looks(connection, _SNAPSHOTS)
            return {
                row.account_id: Snapshot(
                    at=from_text(max(row.at, looks.get(row.account_id, ""))), data=plain(row.data)
                )
                for row in _of(connection, snapshots, account_ids)
            }

    def save_snapshot(self, account_id: str, data: Mapping[str, Any], *, at: datetime) -> None:
        """Replace the last verified state of the account."""
        with self._db.write() as connection:
            self._verified(connection, {account_id: data}, to_text(at))

    def _verified(
        self, connection: Connection, states: Mapping[str, Mapping[str, Any]], now: str
    ) -> None:
        """Keep verified states; one that is as it was costs no more than the time of the look."""
        looks = _looks(connection, _SNAPSHOTS)
        stored = {row.account_id: row.data for row in _of(connection, snapshots, states)}
        texts = {
            name: canonical(data)
            for name, data in states.items()
            if name not in looks or not overtaken(from_text(now), before=from_text(looks[name]))
        }
        changed = [(name, now, text) for name, text in texts.items() if stored.get(name) != text]
        self._upsert(connection, snapshots, changed)
        self._upsert(connection, sightings, [(name, _SNAPSHOTS, now) for name in texts])

    def _look(self, connection: Connection, topic: str, account_id: str, now: str) -> str | None:
        """Write down that we look now; the time of the look before, "" if this is the first.

        ``None`` if a look that began later is remembered already.
        """
        before = connection.execute(
            select(sightings.c.at).where(
                sightings.c.account_id == account_id, sightings.c.topic == topic
            )
        ).scalar()
        if before and overtaken(from_text(now), before=from_text(before)):
            return None
        self._upsert(connection, sightings, [(account_id, topic, now)])
        return before or ""

    def _upsert(
        self, connection: Connection, table: Table, rows: Sequence[tuple[Any, ...]]
    ) -> None:
        """Insert whole rows, or replace those with the same primary key."""
        if not rows:
            return
        names = table.columns.keys()
        key = [column.name for column in table.primary_key.columns]
        maker = sqlite.insert if self._db.sqlite else postgresql.insert
        statement = maker(table)
        statement = statement.on_conflict_do_update(
            index_elements=key,
            set_={name: statement.excluded[name] for name in names if name not in key},
        )
        connection.execute(statement, [dict(zip(names, row, strict=True)) for row in rows])


_TIMES: Final = frozenset({"first_seen", "last_seen", "state"})
"""Fields of a finding that differ from one look to the next."""


def _mark(
    connection: Connection,
    account_id: str,
    endpoint: str,
    family: Family,
    values: Mapping[str, str | None],
    *conditions: ColumnElement[bool],
) -> bool:
    """Change an endpoint's row; whether there was one."""
    columns = endpoints.c
    statement = update(endpoints).where(
        columns.account_id == account_id,
        columns.endpoint == endpoint,
        columns.family == family,
        *conditions,
    )
    return connection.execute(statement.values(**values)).rowcount > 0


def _gone(rows: Iterable[Row[Any]], looked: str) -> Iterator[tuple[Any, ...]]:
    """The rows that were present until now, as gone since the look before."""
    for row in rows:
        if row.present:
            yield (*row[:-2], max(row.last_seen, looked), 0)


def _looks(connection: Connection, topic: str) -> dict[str, str]:
    """When each account was last looked at."""
    query = select(sightings.c.account_id, sightings.c.at).where(sightings.c.topic == topic)
    return {row.account_id: row.at for row in connection.execute(query)}


def _newest(row: Row[Any], looks: Mapping[str, str]) -> datetime:
    seen: str = max(row.last_seen, looks.get(row.account_id, ""))
    return from_text(seen)


def _last_seen(row: Row[Any], looks: Mapping[str, str]) -> datetime:
    return _newest(row, looks) if row.present else from_text(row.last_seen)


def _of(
    connection: Connection, table: Table, account_ids: Iterable[str] | None
) -> Iterator[Row[Any]]:
    """The rows of these accounts, or all rows, in order of the key."""
    query = select(table).order_by(*table.primary_key.columns)
    if account_ids is None:
        yield from connection.execute(query)
        return
    for ids in batches(account_ids, BATCH):
        yield from connection.execute(query.where(table.c.account_id.in_(ids)))
