"""The trail's hash chain: how an entry is hashed, and how entries are added.

An entry's hash is the SHA-256, in hex, of the canonical JSON of its other fields as they are
stored: ``account_id``, ``actor``, ``at``, ``data`` (the JSON text), ``kind``, ``prev_hash``,
``seq`` and ``subject``.  ``prev_hash`` is the hash of the entry before, sixty-four zeros for the
first; ``seq`` counts from 1 without gaps.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from typing import Final, NamedTuple

from sqlalchemy import Connection

from gatekeeper.store.encoding import canonical, quote, storable, to_text
from gatekeeper.store.engine import Database
from gatekeeper.store.model import EMPTY_HEAD, Entry
from gatekeeper.store.tables import trail

_CHUNK: Final = 5000
"""Rows inserted at once: enough for speed, and a long import stays small."""


class Head(NamedTuple):
    """The newest entry: its number and its hash."""

    seq: int
    hash: str


class Draft(NamedTuple):
    """An entry as it will be stored, before it has its place."""

    at: str
    actor: str
    kind: str
    subject: str
    account_id: str | None
    data: str


class Link(NamedTuple):
    """A row of the trail, in the order of the table's columns."""

    seq: int
    at: str
    actor: str
    kind: str
    subject: str
    account_id: str | None
    data: str
    prev_hash: str
    hash: str

    def own_hash(self) -> str:
        """What ``hash`` must be."""
        return link_hash(*self[:8])


def link_hash(
    seq: int,
    at: str,
    actor: str,
    kind: str,
    subject: str,
    account_id: str | None,
    data: str,
    prev_hash: str,
) -> str:
    """The hash of an entry; its JSON is written out by hand, for speed."""
    content = (
        f'{{"account_id":{"null" if account_id is None else quote(account_id)},'
        f'"actor":{quote(actor)},"at":"{at}","data":{quote(data)},"kind":"{kind}",'
        f'"prev_hash":"{prev_hash}","seq":{seq},"subject":{quote(subject)}}}'
    )
    return hashlib.sha256(storable(content)).hexdigest()


def read_head(connection: Connection) -> Head:
    row = connection.exec_driver_sql(
        "SELECT seq, hash FROM trail ORDER BY seq DESC LIMIT 1"
    ).one_or_none()
    return Head(0, EMPTY_HEAD) if row is None else Head(row[0], row[1])


def append(database: Database, connection: Connection, entries: Iterable[Entry]) -> str:
    """Add entries to the trail inside a ``write(trail=True)`` transaction; the new head's hash."""
    return extend(
        database,
        connection,
        (
            Draft(
                to_text(entry.at),
                entry.actor,
                str(entry.kind),
                entry.subject,
                entry.account_id,
                canonical(entry.data),
            )
            for entry in entries
        ),
    )


def extend(database: Database, connection: Connection, drafts: Iterable[Draft]) -> str:
    """``append`` for entries that are written out already, as many as there are."""
    seq, head = read_head(connection)
    waiting: list[tuple[str | int | None, ...]] = []
    for draft in drafts:
        seq += 1
        own = link_hash(seq, *draft, head)
        waiting.append((seq, *draft, head, own))
        head = own
        if len(waiting) == _CHUNK:
            database.insert(connection, trail, waiting)
            waiting = []
    database.insert(connection, trail, waiting)
    return head
