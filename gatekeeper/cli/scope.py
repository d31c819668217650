"""Which accounts a command works on, and their states.

From ``--dump``, else from the registered accounts, else from the caller's own.  A registered
account that a dump lacks is unreadable, not forgotten, unless ``--account`` asks for others.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from gatekeeper.account import AccountState, Failure, unreadable
from gatekeeper.cli.progress import watched

if TYPE_CHECKING:
    from gatekeeper.cli.settings import Settings
    from gatekeeper.store import Account, Store


@dataclass(frozen=True, slots=True, kw_only=True)
class Scope:
    """What was read."""

    states: tuple[AccountState, ...]
    known: frozenset[str]
    """Every account that gatekeeper knows of: registered, or just read."""
    recorded: bool
    """Whether the answers came from files: then memory is left as it is."""


def existing_store(settings: Settings) -> Store | None:
    """The store if there is one; none is made, and no SQL library is loaded for a missing file."""
    path = _sqlite_file(settings.store)
    if path is not None and not path.exists():
        return None
    from gatekeeper.store import open_store

    return open_store(settings.store, create=False)


def _sqlite_file(url: str) -> Path | None:
    """The file behind a SQLite URL, ``None`` for any other."""
    prefix = "sqlite:///"
    if not url.startswith(prefix) or url == prefix or url.startswith(prefix + ":memory:"):
        return None
    if url.startswith(prefix + "file:"):
        return None
    return Path(url.removeprefix(prefix).partition("?")[0])


def read_scope(
    settings: Settings,
    store: Store | None,
    *,
    dump: Path | None,
    only: tuple[str, ...],
) -> Scope:
    """Read every account in scope."""
    registered = {account.account_id: account for account in store.accounts()} if store else {}
    if dump is not None:
        found = _dumped(dump, settings.region, registered, only)
    else:
        found = _live(settings.region, registered, only)
    states = tuple(sorted(found, key=lambda state: state.account_id))
    return Scope(
        states=states,
        known=frozenset(registered) | {state.account_id for state in states},
        recorded=dump is not None,
    )


def _dumped(
    dump: Path, region: str, registered: Iterable[str], only: tuple[str, ...]
) -> Iterator[AccountState]:
    from gatekeeper.aws.dump import read_dump

    seen = set()
    for state in watched(read_dump(dump, region, only or None), total=None, label="accounts"):
        seen.add(state.account_id)
        yield state
    if only:
        return
    for account_id in registered:
        if account_id not in seen:
            reason = f"{dump} holds no folder {account_id}"
            yield unreadable(account_id, region, Failure("*", "NotRead", reason))


def _live(
    region: str, registered: dict[str, Account], only: tuple[str, ...]
) -> Iterator[AccountState]:
    raise NotImplementedError
