"""Which accounts a command works on, and their states.

From ``--dump``, else from the registered accounts, else from the caller's own.  A registered
account that a dump lacks is unreadable, not forgotten, unless ``--account`` asks for others.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from gatekeeper.account import AccountState, Failure, unreadable
from gatekeeper.cli.options import now
from gatekeeper.cli.progress import watched
from gatekeeper.cli.stores import look_store

if TYPE_CHECKING:
    from gatekeeper.cli.settings import Settings
    from gatekeeper.gate import Direction, Overview
    from gatekeeper.policy import Policy
    from gatekeeper.store import Account, Store


@dataclass(frozen=True, slots=True, kw_only=True)
class Scope:
    """What was read."""

    states: tuple[AccountState, ...]
    known: frozenset[str]
    """Every account that gatekeeper knows of: registered, or just read."""
    recorded: bool
    """Whether the answers came from files: then memory is left as it is."""


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


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """The accounts in scope, each read, judged and let go of again."""

    found: Overview
    store: Store | None
    recorded: bool
    """Whether the answers came from files: then memory is left as it is."""
    trail_head: str | None
    """``None`` where there is no store, and so no trail."""


@contextmanager
def overlook(
    settings: Settings,
    *,
    dump: Path | None,
    only: tuple[str, ...],
    workers: str,
    decisions: bool = True,
    plan: Direction | None = None,
) -> Iterator[Look]:
    """Read the accounts in scope and compare them, keeping no more of each than its sighting.

    ``decisions`` says whether they are wanted, beyond their number; ``plan`` what to plan.
    """
    from gatekeeper.fleet import look_over, parse_workers

    crew = parse_workers(workers)
    policy = settings.policy()
    with look_store(settings, recorded=dump is not None) as store:
        if dump is not None:
            found = _dumped_overview(
                settings, store, policy, dump, only, decisions=decisions, plan=plan
            )
        else:
            assert store is not None
            quiet()
            store.bind_region(settings.region)
            found = look_over(
                store,
                policy,
                at=now(),
                region=settings.region,
                only=only,
                workers=crew,
                decisions=decisions,
                plan=plan,
                watch=lambda items, total: watched(items, total=total, label="accounts"),
            )
        head = store.trail_head() if store is not None else None
        yield Look(found=found, store=store, recorded=dump is not None, trail_head=head)


def _dumped_overview(
    settings: Settings,
    store: Store | None,
    policy: Policy,
    dump: Path,
    only: tuple[str, ...],
    *,
    decisions: bool,
    plan: Direction | None,
) -> Overview:
    """The accounts of a dump, one after the other."""
    from gatekeeper.reconcile import look_at
    from gatekeeper.survey import Docket

    registered = {account.account_id: account for account in store.accounts()} if store else {}
    at = now()
    docket = Docket(store, policy, at=at, recorded=True)
    gathering = docket.gathering(
        settings.region, known=frozenset(registered), only=only, decisions=decisions
    )
    for state in _dumped(dump, settings.region, registered, only):
        [case] = docket.cases([state.account_id])
        gathering.add(look_at(state, case.filings, policy, case.memory, at, plan=plan))
    return gathering.overview()


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
    region: str, registered: Mapping[str, Account], only: tuple[str, ...]
) -> Iterator[AccountState]:
    from gatekeeper.aws.collect import collect_many
    from gatekeeper.fleet import targets

    quiet()
    wanted = targets(registered, only)
    return watched(collect_many(wanted, region), total=len(wanted), label="accounts")


def quiet() -> None:
    """What libraries log is for services; on the command line errors speak for themselves."""
    import logging

    if not os.environ.get("GATEKEEPER_DEBUG"):
        logging.getLogger().addHandler(logging.NullHandler())
