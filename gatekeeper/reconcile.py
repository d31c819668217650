"""Reconciliation: filings, account states and policy in, findings and decisions out.

A pure function: the time, the memory of earlier reads and the accounts are arguments.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from gatekeeper.account import AccountState, Family, ReadStatus, RememberedEndpoint
from gatekeeper.filing import Register
from gatekeeper.gate import (
    AddressCheck,
    AddressMemory,
    Coverage,
    Decision,
    EndpointKey,
    FiledAddresses,
    FilingsInEffect,
    Finder,
    JudgedAccount,
    Reconciliation,
    decide,
    filings_in_effect,
    find_exposures,
    find_group_trouble,
    find_holds,
    find_register_issues,
    find_unenforceable,
    find_unknown_accounts,
    find_unreached,
    judge_account,
    read_gates,
    remembered_unknown,
)
from gatekeeper.policy import Policy


@dataclass(frozen=True, slots=True, kw_only=True)
class Memory:
    """What earlier reads left behind; empty where nothing may be remembered (a dump)."""

    addresses: AddressMemory = field(default_factory=dict)
    endpoints: Mapping[EndpointKey, RememberedEndpoint] = field(default_factory=dict)
    first_seen: Mapping[str, datetime] = field(default_factory=dict)
    """Finding key to the time of its first sight."""


def reconcile(
    register: Register,
    states: Iterable[AccountState],
    policy: Policy,
    *,
    at: datetime,
    region: str,
    known_accounts: frozenset[str],
    memory: Memory | None = None,
    scope: frozenset[str] | None = None,
) -> Reconciliation:
    """Compare what is filed with what AWS says.

    ``states`` are the accounts that were read, unreadable ones too; ``known_accounts`` every
    registered account: a filing for another one is ``account-unknown``.  ``scope``, where given,
    says that only these accounts are looked at.
    """
    memory = memory or Memory()
    read = sorted(states, key=lambda state: state.account_id)
    filings = filings_in_effect(register)
    accounts = tuple(judge_filed(state, filings, policy, memory, at) for state in read)
    finder = Finder(policy, at, memory.first_seen)
    in_scope = frozenset(state.account_id for state in read)
    find_register_issues(register, finder, in_scope | (frozenset() if scope else known_accounts))
    find_unknown_accounts(register, finder, known_accounts | in_scope, scope)
    filed = FiledAddresses.of(register)
    holders = _holders(accounts)
    for account in accounts:
        _find_read_trouble(account.state, finder)
        if account.state.status is ReadStatus.UNREADABLE:
            continue
        AddressCheck(account.reach, account.coverage, holders, memory.addresses, finder).run()
        _find_reached(account, policy, filed, finder)
    decisions = _decisions(accounts, memory)
    return Reconciliation(
        region=region,
        at=at,
        accounts=accounts,
        findings=finder.findings(),
        muted=tuple(finder.muted),
        decisions=decisions,
        register=register,
        policy=policy,
    )


def judge(
    state: AccountState, register: Register, policy: Policy, memory: Memory, at: datetime
) -> JudgedAccount:
    """One account with everything that follows from the register and the policy."""
    return judge_filed(state, filings_in_effect(register), policy, memory, at)


def judge_filed(
    state: AccountState,
    filings: FilingsInEffect,
    policy: Policy,
    memory: Memory,
    at: datetime,
) -> JudgedAccount:
    """``judge`` for one of many accounts: the filings were put in order before."""
    reach = judge_account(state, policy, at)
    gates = read_gates(state, policy)
    coverage = Coverage.of(filings, state)
    rulings = decide(reach, coverage, gates, memory.endpoints, policy, at)
    return JudgedAccount(state, reach, gates, coverage, rulings)


def _find_read_trouble(state: AccountState, finder: Finder) -> None:
    if state.complete:
        return
    code = "account-partial" if state.status is ReadStatus.PARTIAL else "account-unreadable"
    errors = "; ".join(f"{f.operation}: {f.code}" for f in state.failures) or "nothing was read"
    finder.about_account(code, state.account_id, errors=errors)


def _find_reached(
    account: JudgedAccount, policy: Policy, filed: FiledAddresses, finder: Finder
) -> None:
    if not account.state.complete:
        return
    rulings = account.rulings
    find_exposures(rulings, filed, finder)
    find_unreached(rulings, account.reach.reader, finder)
    find_holds(rulings, finder)
    find_unenforceable(rulings, account.state, finder)
    find_group_trouble(account.reach, account.gates, policy, finder)


def _holders(accounts: Iterable[JudgedAccount]) -> dict[str, tuple[str, ...]]:
    """In which of the read accounts each public address is."""
    found: dict[str, list[str]] = {}
    for account in accounts:
        for ip in account.reach.view.addresses:
            found.setdefault(ip, []).append(account.state.account_id)
    return {ip: tuple(ids) for ip, ids in found.items()}


def _decisions(accounts: Iterable[JudgedAccount], memory: Memory) -> tuple[Decision, ...]:
    found: list[Decision] = []
    incomplete: list[JudgedAccount] = []
    for account in accounts:
        found.extend(ruling.decision for ruling in account.rulings)
        if not account.state.complete:
            incomplete.append(account)
    remembered: dict[str, dict[EndpointKey, RememberedEndpoint]] = {}
    for key, seen in memory.endpoints.items() if incomplete else ():
        remembered.setdefault(key[0], {})[key] = seen
    for account in incomplete:
        known: frozenset[tuple[str, Family]] = frozenset(
            (ruling.endpoint.endpoint, ruling.family) for ruling in account.rulings
        )
        mine = remembered.get(account.state.account_id, {})
        found.extend(remembered_unknown(account.state, mine, known))
    return tuple(sorted(found, key=lambda d: (d.account_id, d.endpoint, d.family)))
