"""The store: everything that gatekeeper remembers, behind one object."""

from __future__ import annotations

from contextlib import AbstractContextManager
from types import TracebackType
from typing import Self

from gatekeeper.store.accounts import Accounts
from gatekeeper.store.address import Address
from gatekeeper.store.answers import Answers
from gatekeeper.store.engine import Database
from gatekeeper.store.forget import Privacy
from gatekeeper.store.history import History
from gatekeeper.store.jobs import Jobs
from gatekeeper.store.lease import Clock, Leases, SystemClock
from gatekeeper.store.memory import Memory
from gatekeeper.store.outbox import Outbox
from gatekeeper.store.plans import Plans
from gatekeeper.store.register import FilingRegister
from gatekeeper.store.runs import Runs
from gatekeeper.store.schema import Schema, ensure, read_schema
from gatekeeper.store.sources import Sources
from gatekeeper.store.trail import Trail


class Store(
    FilingRegister,
    Accounts,
    Trail,
    Memory,
    Plans,
    Runs,
    Leases,
    Jobs,
    Outbox,
    History,
    Sources,
    Answers,
    Privacy,
):
    """An open store.  Threads may share it; each method is one transaction of its own.

    Opened by ``open_store``; closed by ``close`` or as a context manager.
    """

    def __init__(self, database: Database, clock: Clock) -> None:
        self._db = database
        self._clock = clock

    @property
    def label(self) -> str:
        """The store's place for messages; never with a password."""
        return self._db.address.label

    def schema(self) -> Schema:
        """Which schema it has at this moment: another version may have changed it meanwhile.

        Raises:
            SchemaOutdated: a newer gatekeeper did.
        """
        return read_schema(self._db)

    @property
    def shared(self) -> bool:
        """Whether several instances of the service may work on it: not on SQLite."""
        return not self._db.sqlite

    @property
    def keyed(self) -> str:
        """The id of the key that personal data are sealed with; empty where none is set."""
        return self._db.seal.name

    def together(self) -> AbstractContextManager[None]:
        """Let the memory of several accounts be written in one transaction, or none of it."""
        return self._db.together()

    def close(self) -> None:
        """Give back every connection."""
        self._db.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()


def connect(address: Address, *, create: bool, clock: Clock | None) -> Store | None:
    """Open the store at ``address``; see ``gatekeeper.store.open_store``."""
    database = Database(address)
    try:
        if not ensure(database, create=create):
            database.close()
            return None
    except BaseException:
        database.close()
        raise
    return Store(database, clock or SystemClock())
