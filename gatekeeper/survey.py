"""One look at the accounts in scope: reconciled with what is remembered, then remembered itself.

Command line and service share it.  What was read from a dump is compared without memory, and is
never remembered (DESIGN §15): a dump may be older than the last look.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from itertools import islice
from typing import TYPE_CHECKING, Final, NamedTuple
from weakref import WeakKeyDictionary

from gatekeeper.account import AccountState, RememberedAddress, RememberedEndpoint
from gatekeeper.filing import Register, fold
from gatekeeper.gate import (
    AccountFilings,
    EndpointKey,
    Facts,
    JudgedAccount,
    Reconciliation,
    facts_of,
    filings_by_account,
)
from gatekeeper.reconcile import Gathering, Memory, reconcile

if TYPE_CHECKING:
    from gatekeeper.policy import Policy
    from gatekeeper.store import Store

_AT_ONCE: Final = 64
"""Accounts whose memory is read together."""


def read_register(store: Store | None, policy: Policy, at: datetime) -> Register:
    """The filing records as they stand at ``at``; an empty register where there is no store."""
    if store is None:
        return fold((), (), at=at, open_transfer_in=policy.open_transfer_in)
    mark = store.register_mark()
    kept = _kept.get(store)
    if kept is None or not kept.holds(mark, policy, at):
        kept = _Kept.read(store, mark, policy, at)
        _kept[store] = kept
    return kept.register


def register_version(store: Store) -> str:
    """The version of the register as it stands now; cheap where it was read lately."""
    mark = store.register_mark()
    kept = _kept.get(store)
    if kept is not None and kept.mark == mark:
        return kept.register.version
    return store.register_version()


class _Kept(NamedTuple):
    """The register as a store had it last: a large one takes seconds to read, an event none."""

    register: Register
    mark: int
    """Of the register, taken before it was read."""
    open_transfer_in: str
    at: datetime
    until: datetime
    """When an application takes effect that did not at ``at``."""

    @classmethod
    def read(cls, store: Store, mark: int, policy: Policy, at: datetime) -> _Kept:
        records = store.records(sealed=True)
        register = fold(
            records.applications,
            records.orders,
            at=at,
            open_transfer_in=policy.open_transfer_in,
            version=records.version,
        )
        coming = (one.status_at for one in records.applications if one.status_at > at)
        until = min(coming, default=datetime.max.replace(tzinfo=UTC))
        return cls(register, mark, policy.open_transfer_in, at, until)

    def holds(self, mark: int, policy: Policy, at: datetime) -> bool:
        return (
            mark == self.mark
            and policy.open_transfer_in == self.open_transfer_in
            and self.at <= at < self.until
        )


_kept: WeakKeyDictionary[Store, _Kept] = WeakKeyDictionary()


def survey(
    store: Store | None,
    states: Iterable[AccountState],
    policy: Policy,
    *,
    at: datetime,
    region: str,
    known: frozenset[str],
    only: Iterable[str] = (),
    recorded: bool = False,
) -> Reconciliation:
    """Compare the register with the accounts.

    Args:
        store: where the register and the memory are, if there is a store.
        states: the accounts as they were read.
        policy: the policy in force.
        at: the time of the look.
        region: where the accounts were read.
        known: every registered account.
        only: the accounts asked for, where the scope is limited.
        recorded: the states come from files.
    """
    memory = Memory() if store is None or recorded else recall(store)
    limited = frozenset(only)
    return reconcile(
        read_register(store, policy, at),
        states,
        policy,
        at=at,
        region=region,
        known_accounts=known,
        memory=memory,
        scope=limited or None,
    )


def recall(store: Store) -> Memory:
    """What earlier looks left behind."""
    return Memory(
        addresses=store.address_memory(),
        endpoints=store.endpoint_memory(),
        first_seen=_first_seen(store),
    )


def _first_seen(store: Store) -> dict[str, datetime]:
    """When each finding that stands was seen first, by its key."""
    return {
        key: finding.first_seen for key, finding in store.findings_memory(standing=True).items()
    }


class Case(NamedTuple):
    """What is filed and remembered of one account: all that judging it needs beside its state."""

    account_id: str
    filings: AccountFilings
    memory: Memory


class Docket:
    """The register and the memory, cut into cases; what an account needs is read when it is due."""

    def __init__(
        self, store: Store | None, policy: Policy, *, at: datetime, recorded: bool = False
    ) -> None:
        """``store``, ``at`` and ``recorded`` are as for ``survey``."""
        self.register = read_register(store, policy, at)
        self.policy = policy
        self.at = at
        self._memory = None if recorded else store
        self._filings = filings_by_account(self.register)
        self.first_seen = _first_seen(self._memory) if self._memory is not None else {}
        self._first_seen: dict[str, dict[str, datetime]] = {}
        for key, seen in self.first_seen.items():
            self._first_seen.setdefault(key.split("|", 2)[1], {})[key] = seen

    def cases(self, account_ids: Iterable[str]) -> Iterator[Case]:
        """The case of each account, in order."""
        wanted = iter(account_ids)
        while batch := tuple(islice(wanted, _AT_ONCE)):
            addresses: dict[str, dict[tuple[str, str], RememberedAddress]] = {}
            endpoints: dict[str, dict[EndpointKey, RememberedEndpoint]] = {}
            if self._memory is not None:
                for key, address in self._memory.address_memory(batch).items():
                    addresses.setdefault(key[0], {})[key] = address
                for place, endpoint in self._memory.endpoint_memory(batch).items():
                    endpoints.setdefault(place[0], {})[place] = endpoint
            for account_id in batch:
                memory = Memory(
                    addresses=addresses.pop(account_id, {}),
                    endpoints=endpoints.pop(account_id, {}),
                    first_seen=self._first_seen.get(account_id, {}),
                )
                filings = self._filings.get(account_id) or AccountFilings(account_id)
                yield Case(account_id, filings, memory)

    def gathering(
        self,
        region: str,
        *,
        known: frozenset[str],
        only: Iterable[str] = (),
        decisions: bool = True,
    ) -> Gathering:
        """Where the sightings of the accounts come together; the rest is as for ``survey``."""
        return Gathering(
            self.register,
            self.policy,
            at=self.at,
            region=region,
            known_accounts=known,
            first_seen=self.first_seen,
            scope=frozenset(only) or None,
            decisions=decisions,
        )


def remember(store: Store, found: Reconciliation) -> None:
    """Keep what was seen of each account that was read whole."""
    for account in found.accounts:
        if account.state.complete:
            remember_account(store, account, found.at)


def remember_account(store: Store, account: JudgedAccount, at: datetime) -> None:
    """Keep the addresses and endpoints of one account, and with which addresses they stand open."""
    account_id = account.state.account_id
    before = store.endpoint_memory([account_id])
    remember_facts(store, account_id, facts_of(account, before), at)


def remember_several(store: Store, seen: Iterable[tuple[str, Facts]], at: datetime) -> None:
    """Keep what was seen of several accounts, by id, in one transaction."""
    with store.together():
        for account_id, facts in seen:
            remember_facts(store, account_id, facts, at)


def remember_facts(store: Store, account_id: str, facts: Facts, at: datetime) -> None:
    """Keep what was seen of an account that was read whole."""
    store.remember_addresses(account_id, facts.addresses, at=at)
    if not store.remember_endpoints(account_id, facts.endpoints, at=at):
        return
    for mark in facts.marks:
        if mark.opened is not None:
            store.mark_opened(account_id, mark.endpoint, mark.family, mark.opened, at=at)
        else:
            store.mark_changed(account_id, mark.endpoint, mark.family, mark.changed_at)
