"""One look at the accounts in scope: reconciled with what is remembered, then remembered itself.

Command line and service share it.  What was read from a dump is compared without memory, and is
never remembered (DESIGN §15): a dump may be older than the last look.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import TYPE_CHECKING

from gatekeeper.account import AccountState
from gatekeeper.filing import Register, fold
from gatekeeper.gate import Facts, JudgedAccount, Reconciliation, facts_of
from gatekeeper.reconcile import Memory, reconcile

if TYPE_CHECKING:
    from gatekeeper.policy import Policy
    from gatekeeper.store import Store


def read_register(store: Store | None, policy: Policy, at: datetime) -> Register:
    """The filing records as they stand at ``at``; an empty register where there is no store."""
    if store is None:
        return fold((), (), at=at, open_transfer_in=policy.open_transfer_in)
    records = store.records()
    return fold(
        records.applications,
        records.orders,
        at=at,
        open_transfer_in=policy.open_transfer_in,
        version=records.version,
    )


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
        first_seen={
            key: finding.first_seen
            for key, finding in store.findings_memory().items()
            if finding.resolved_at is None
        },
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


def remember_facts(store: Store, account_id: str, facts: Facts, at: datetime) -> None:
    """Keep what was seen of an account that was read whole."""
    store.remember_addresses(account_id, facts.addresses, at=at)
    store.remember_endpoints(account_id, facts.endpoints, at=at)
    for mark in facts.marks:
        if mark.opened is not None:
            store.mark_opened(account_id, mark.endpoint, mark.family, mark.opened, at=at)
        else:
            store.mark_changed(account_id, mark.endpoint, mark.family, mark.changed_at)
