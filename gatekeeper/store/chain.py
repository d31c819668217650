"""The trail's hash chain: how an entry is hashed, and how entries are added.

An entry's hash is the SHA-256, in hex, of the canonical JSON of its other fields as they are
stored: ``account_id``, ``actor``, ``at``, ``data`` (the JSON text), ``kind``, ``prev_hash``,
``seq`` and ``subject``.  ``prev_hash`` is the hash of the entry before, sixty-four zeros for the
first; ``seq`` counts from 1 without gaps.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from typing import NamedTuple

from sqlalchemy import Connection

from gatekeeper.store.encoding import canonical, storable, to_text
from gatekeeper.store.engine import Database
from gatekeeper.store.model import EMPTY_HEAD, Entry
from gatekeeper.store.tables import trail


class Head(NamedTuple):
    """The newest entry: its number and its hash."""

    seq: int
    hash: str


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
    content = {
        "account_id": account_id,
        "actor": actor,
        "at": at,
        "data": data,
        "kind": kind,
        "prev_hash": prev_hash,
        "seq": seq,
        "subject": subject,
    }
    return hashlib.sha256(storable(canonical(content))).hexdigest()


def read_head(connection: Connection) -> Head:
    row = connection.exec_driver_sql(
        "SELECT seq, hash FROM trail ORDER BY seq DESC LIMIT 1"
    ).one_or_none()
    return Head(0, EMPTY_HEAD) if row is None else Head(row[0], row[1])


def append(database: Database, connection: Connection, entries: Iterable[Entry]) -> str:
    """Add entries to the trail inside a ``write(trail=True)`` transaction; the new head's hash."""
    seq, head = read_head(connection)
    links: list[Link] = []
    for entry in entries:
        seq += 1
        at, data = to_text(entry.at), canonical(entry.data)
        kind = str(entry.kind)
        own = link_hash(seq, at, entry.actor, kind, entry.subject, entry.account_id, data, head)
        links.append(
            Link(seq, at, entry.actor, kind, entry.subject, entry.account_id, data, head, own)
        )
        head = own
    database.insert(connection, trail, links)
    return head
