"""The accounts that gatekeeper looks after."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import Connection, delete, insert, select

from gatekeeper.store import chain
from gatekeeper.store.engine import Database
from gatekeeper.store.model import Account, Entry, EntryKind
from gatekeeper.store.tables import accounts


class Accounts:
    """The part of the store that knows which accounts to read, and how to get in."""

    _db: Database

    def accounts(self) -> tuple[Account, ...]:
        """Every registered account, in order of its id."""
        with self._db.read() as connection:
            rows = connection.execute(select(accounts).order_by(accounts.c.account_id))
            return tuple(_account(row) for row in rows)

    def put_account(self, account: Account, *, actor: str, at: datetime) -> bool:
        """Register an account or change it; ``False``, and nothing is written, if it is so."""
        return self.put_accounts([account], actor=actor, at=at) == 1

    def put_accounts(self, batch: list[Account], *, actor: str, at: datetime) -> int:
        """Register or change several accounts, all or none; how many were not so already."""
        with self._db.write(trail=True) as connection:
            known = {row.account_id: _account(row) for row in connection.execute(select(accounts))}
            wanted = {account.account_id: account for account in batch}
            changed = [a for name, a in wanted.items() if known.get(name) != a]
            for account in changed:
                _delete(connection, account.account_id)
                connection.execute(insert(accounts), _row(account))
            entries = [_entry(a, actor=actor, at=at, known=a.account_id in known) for a in changed]
            if entries:
                chain.append(self._db, connection, entries)
        return len(changed)

    def remove_account(self, account_id: str, *, actor: str, at: datetime) -> bool:
        """Look after it no more; ``False`` if it was not registered.

        What is remembered of it stays: "released" must still be told from "never belonged".
        """
        with self._db.write(trail=True) as connection:
            if not _delete(connection, account_id):
                return False
            entry = Entry(
                at=at,
                actor=actor,
                kind=EntryKind.ACCOUNT_REMOVED,
                subject=account_id,
                account_id=account_id,
            )
            chain.append(self._db, connection, [entry])
        return True


def _account(row: Any) -> Account:
    return Account(
        account_id=row.account_id,
        name=row.name,
        role_arn=row.role_arn,
        external_id=row.external_id,
    )


def _row(account: Account) -> dict[str, str]:
    return {
        "account_id": account.account_id,
        "name": account.name,
        "role_arn": account.role_arn,
        "external_id": account.external_id,
    }


def _entry(account: Account, *, actor: str, at: datetime, known: bool) -> Entry:
    return Entry(
        at=at,
        actor=actor,
        kind=EntryKind.ACCOUNT_PUT,
        subject=account.account_id,
        account_id=account.account_id,
        data={
            "name": account.name,
            "role_arn": account.role_arn,
            # Half a secret: the trail says that there is one, and no more.
            "external_id": bool(account.external_id),
            "change": "changed" if known else "added",
        },
    )


def _delete(connection: Connection, account_id: str) -> bool:
    statement = delete(accounts).where(accounts.c.account_id == account_id)
    return connection.execute(statement).rowcount > 0
