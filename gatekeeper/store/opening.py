"""Open a store by its URL; no database library is imported before one is needed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, overload

from gatekeeper.store.address import parse_address

if TYPE_CHECKING:
    from gatekeeper.store.lease import Clock
    from gatekeeper.store.schema import Schema
    from gatekeeper.store.store import Store


@overload
def open_store(url: str, *, create: Literal[True] = True, clock: Clock | None = None) -> Store: ...
@overload
def open_store(url: str, *, create: bool, clock: Clock | None = None) -> Store | None: ...
def open_store(url: str, *, create: bool = True, clock: Clock | None = None) -> Store | None:
    """Open the store at ``url``, bringing its schema up to date.

    Args:
        url: ``sqlite:///FILE``, ``postgresql://USER@HOST/DATABASE``, or ``sqlite://`` for a store
            in memory, which is what tests use in place of a file.
        create: make one where there is none.  Without it a store that is not there is ``None``,
            and a missing SQLite file is neither made nor is SQLAlchemy imported.
        clock: for tests of leases; the host's (on PostgreSQL the server's) otherwise.

    Raises:
        StoreError: it cannot be opened; one line that says why.
        SchemaOutdated: a newer gatekeeper wrote it.
    """
    address = parse_address(url)
    if not create and address.missing():
        return None
    from gatekeeper.store.store import connect

    return connect(address, create=create, clock=clock)


def stored_schema(url: str) -> Schema | None:
    """Which schema the store at ``url`` has, without changing it; ``None`` if there is no store.

    Raises:
        StoreError: it cannot be opened.
        SchemaOutdated: a newer gatekeeper wrote it.
    """
    address = parse_address(url)
    if address.missing():
        return None
    from gatekeeper.store.engine import Database
    from gatekeeper.store.schema import read_schema

    with Database(address) as database:
        schema = read_schema(database)
    return None if schema.found is None else schema
