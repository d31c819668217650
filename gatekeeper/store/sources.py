"""How far each portal was read: kept in the transaction that stores what was read."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any, NamedTuple

from sqlalchemy import delete, insert, select

from gatekeeper.errors import StoreError
from gatekeeper.store.encoding import canonical, from_text, plain, to_text
from gatekeeper.store.engine import Database
from gatekeeper.store.tables import sources


class Source(NamedTuple):
    """A portal as it was last read."""

    name: str
    at: datetime
    """When that was stored."""
    data: dict[str, Any]
    """What the next reading needs to know."""


class Sources:
    """The part of the store that knows how far its sources were read."""

    _db: Database

    @property
    def path(self) -> Path | None:
        """The SQLite file, beside which others may lie; ``None`` for every other store."""
        return self._db.address.path

    def source(self, name: str) -> Source | None:
        """How far a source was read; ``None`` if it never was."""
        query = select(sources).where(sources.c.name == name)
        with self._db.read() as connection:
            row = connection.execute(query).first()
        return None if row is None else Source(row.name, from_text(row.at), plain(row.data))

    def keep_source(
        self, name: str, data: Mapping[str, Any], *, before: Source | None, at: datetime
    ) -> None:
        """Remember how far a source was read.

        Args:
            name: which.
            data: plain values.
            before: what was known when the reading began.
            at: now.

        Raises:
            StoreError: another process has read it meanwhile; nothing is written.
        """
        with self._db.write() as connection:
            row = connection.execute(select(sources).where(sources.c.name == name)).first()
            if (None if row is None else from_text(row.at)) != (before.at if before else None):
                raise StoreError(
                    f"{name} was read by another process meanwhile; nothing was stored, try again",
                    zh=f"{name} 已被其他进程读取，本次未保存任何内容，请重试",
                )
            connection.execute(delete(sources).where(sources.c.name == name))
            connection.execute(
                insert(sources), {"name": name, "at": to_text(at), "data": canonical(dict(data))}
            )
