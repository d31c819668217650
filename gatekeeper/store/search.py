"""Searching the register where it lies: what a person looks for, and one filing with its past.

The database finds what ``Search.finds`` would, a test compares the two.  A part of a name can stand
anywhere in it, so every entity is looked at: they are few and narrow beside the applications.
"""

from __future__ import annotations

import hashlib
from functools import lru_cache
from typing import Final, NamedTuple

from sqlalchemy import ColumnElement, Connection, and_, func, or_, select

from gatekeeper.collector import uncollected
from gatekeeper.filing import Application, Entity, Kind, Order, Search, Status, search_words
from gatekeeper.store.engine import Database
from gatekeeper.store.orders import read_orders
from gatekeeper.store.seal import opener
from gatekeeper.store.tables import applications, entities

_COLUMNS: Final = applications.c
FEW: Final = 500
"""So many entities are looked up by their ids."""


class EntityRow(NamedTuple):
    """A row of ``entities``, in the order of its columns."""

    entity: str
    name: str
    certificate: str
    licence: str


@lru_cache(maxsize=65536)
def entity_row(entity: Entity) -> EntityRow:
    """What a search for the entity reads."""
    words = search_words(entity)
    return EntityRow(hashlib.sha256("\0".join(words).encode()).hexdigest()[:32], *words)


class FilingPast(NamedTuple):
    """One filing, and all that decides what it is worth."""

    filing_id: str
    applications: tuple[Application, ...]
    """Those of the filing, in order of their ids."""
    endings: tuple[Application, ...]
    """Approved deregistrations of entities, of any entity; they may end the filing."""
    orders: tuple[Order, ...]
    """Every order that stands."""


class RegisterSearch:
    """The part of the register that finds a few records among many."""

    _db: Database

    def search(self, search: Search, *, limit: int | None = None) -> tuple[Application, ...]:
        """The applications that are looked for, in order of their ids; ``limit`` at most."""
        with self._db.read() as connection, uncollected():
            return self._read(connection, self._conditions(connection, search), limit)

    def search_filings(self, search: Search) -> tuple[Application, ...]:
        """Every application that can matter to the filings that ``search`` concerns.

        Of each filing that one of its applications puts under an account or entity looked for all
        applications, and the approved deregistrations of entities: their fold has those filings as
        the whole register's has them, and perhaps others.
        """
        concerned = Search(accounts=search.accounts, entity=search.entity)
        with self._db.read() as connection, uncollected():
            wanted = self._conditions(connection, concerned)
            if not wanted:
                return self._read(connection, [])
            named = select(_COLUMNS.filing_id).where(*wanted)
            own = self._read(connection, [_COLUMNS.filing_id.in_(named)])
            ends = self._read(connection, [_ending()])
            found = {one.application_id: one for one in (*own, *ends)}
            return tuple(found[name] for name in sorted(found))

    def filing_past(self, record: str) -> FilingPast | None:
        """The filing that ``record`` is the id of, or else the one of that application."""
        if not _can_stand(record):
            return None
        with self._db.read() as connection:
            by_filing = select(_COLUMNS.filing_id).where(_COLUMNS.filing_id == record)
            by_id = select(_COLUMNS.filing_id).where(_COLUMNS.application_id == record)
            filing_id = connection.execute(by_filing.limit(1)).scalar()
            if filing_id is None:
                filing_id = connection.execute(by_id).scalar()
            if filing_id is None:
                return None
            of = or_(_COLUMNS.filing_id == filing_id, _COLUMNS.application_id == record)
            return FilingPast(
                filing_id,
                self._read(connection, [of]),
                self._read(connection, [_ending()]),
                read_orders(connection),
            )

    def _conditions(self, connection: Connection, search: Search) -> list[ColumnElement[bool]]:
        found: list[ColumnElement[bool]] = []
        if search.statuses or search.kinds:
            # Kinds are looked up below their statuses: one index serves both.
            found.append(_COLUMNS.status.in_(sorted(search.statuses or Status)))
        if search.kinds:
            found.append(_COLUMNS.kind.in_(sorted(search.kinds)))
        if search.accounts:
            found.append(_COLUMNS.account_id.in_(sorted(search.accounts)))
        if search.entity is not None:
            found.append(self._of_entity(connection, search.entity.casefold()))
        return found

    def _of_entity(self, connection: Connection, text: str) -> ColumnElement[bool]:
        """The applications of entities that ``text`` names.

        Few entities are looked up.  Of many, in the order of applications, the first ones come
        soon: there each application's entity is compared.
        """
        if not _can_stand(text):
            return _COLUMNS.entity.in_([])
        place = func.instr if self._db.sqlite else func.strpos
        named = or_(
            place(entities.c.name, text) > 0,
            entities.c.certificate == text,
            entities.c.licence == text,
        )
        few = connection.execute(select(entities.c.entity).where(named).limit(FEW + 1)).scalars()
        ids = few.all()
        if len(ids) <= FEW:
            return _COLUMNS.entity.in_(ids)
        compared = select(named).where(entities.c.entity == _COLUMNS.entity)
        return compared.correlate(applications).scalar_subquery()

    def _read(
        self,
        connection: Connection,
        conditions: list[ColumnElement[bool]],
        limit: int | None = None,
    ) -> tuple[Application, ...]:
        """Applications to be shown or folded: a review whose key is not set stays sealed."""
        query = select(_COLUMNS.body).where(*conditions)
        query = query.order_by(_COLUMNS.application_id).limit(limit)
        read = opener(self._db.seal, lenient=True)
        return tuple(map(read, connection.execute(query).scalars()))


def _ending() -> ColumnElement[bool]:
    return and_(
        _COLUMNS.kind == Kind.DEREGISTER_ENTITY.value, _COLUMNS.status == Status.APPROVED.value
    )


def _can_stand(text: str) -> bool:
    """Whether a database can hold the text; what it cannot hold is not in it."""
    return "\0" not in text and text.encode(errors="replace").decode() == text
