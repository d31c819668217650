"""Reconciliation: filings, account states and policy in, findings and decisions out.

Pure: the time, the memory of earlier reads and the accounts are arguments.  It has two steps.

================  ==================================================================
``look_at``       one account alone, wherever it was read; gives a ``Sighting``
``Gathering``     all sightings together, in whatever order they come
================  ==================================================================

``reconcile`` takes both for accounts whose whole states are kept, as a plan needs them.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime

from gatekeeper.account import AccountState, Family, Reading, ReadStatus, RememberedEndpoint
from gatekeeper.drift import snapshot
from gatekeeper.filing import Register
from gatekeeper.gate import (
    Absence,
    AccountFilings,
    AccountPlan,
    AddressCheck,
    AddressMemory,
    Coverage,
    Decision,
    Direction,
    EndpointKey,
    FiledAddresses,
    Finder,
    Finding,
    JudgedAccount,
    Overview,
    Reconciliation,
    Sighting,
    Verdict,
    decide,
    facts_of,
    filings_by_account,
    filings_of,
    find_absent,
    find_exposures,
    find_group_trouble,
    find_holds,
    find_register_issues,
    find_unenforceable,
    find_unknown_accounts,
    find_unreached,
    judge_account,
    plan_account,
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
    """Compare what is filed with what AWS says, and keep the states.

    ``states`` are the accounts that were read, unreadable ones too; ``known_accounts`` every
    registered account: a filing for another one is ``account-unknown``.  ``scope``, where given,
    says that only these accounts are looked at.
    """
    memory = memory or Memory()
    read = sorted(states, key=lambda state: state.account_id)
    filings = filings_by_account(register)
    gathering = Gathering(
        register,
        policy,
        at=at,
        region=region,
        known_accounts=known_accounts,
        first_seen=memory.first_seen,
        scope=scope,
    )
    lost = _endpoints_by_account(memory) if not all(state.complete for state in read) else {}
    accounts: list[JudgedAccount] = []
    for state in read:
        account_id = state.account_id
        mine = filings.get(account_id) or AccountFilings(account_id)
        account = judge_filed(state, mine, policy, memory, at)
        known = memory if state.complete else replace(memory, endpoints=lost.get(account_id, {}))
        gathering.add(_conclude(account, mine, policy, known, at))
        accounts.append(account)
    found = gathering.overview()
    return Reconciliation(
        region=region,
        at=at,
        accounts=tuple(accounts),
        findings=found.findings,
        muted=found.muted,
        decisions=found.decisions,
        register=register,
        policy=policy,
    )


def look_at(
    state: AccountState,
    filings: AccountFilings,
    policy: Policy,
    memory: Memory,
    at: datetime,
    *,
    plan: Direction | None = None,
) -> Sighting:
    """What follows of one account alone, and what is to be remembered of it.

    Args:
        state: the account as it was read.
        filings: what the register says of it.
        policy: the policy in force.
        memory: what is remembered of it; of other accounts nothing is needed.
        at: the time of the look.
        plan: what to plan, if anything.
    """
    account = judge_filed(state, filings, policy, memory, at)
    sighting = _conclude(account, filings, policy, memory, at)
    if not state.complete:
        return sighting
    return replace(
        sighting,
        facts=facts_of(account, memory.endpoints),
        planned=plan_account(account, policy, plan) if plan is not None else None,
        snapshot=json.dumps(snapshot(account), ensure_ascii=False, separators=(",", ":")),
    )


class Gathering:
    """Sightings as they come, and at the end what follows of all of them together."""

    def __init__(
        self,
        register: Register,
        policy: Policy,
        *,
        at: datetime,
        region: str,
        known_accounts: frozenset[str],
        first_seen: Mapping[str, datetime],
        scope: frozenset[str] | None = None,
        decisions: bool = True,
    ) -> None:
        """``decisions`` says whether to keep them, beyond counting; the rest as ``reconcile``."""
        self._register = register
        self._policy = policy
        self._at = at
        self._region = region
        self._known = known_accounts
        self._first_seen = first_seen
        self._scope = scope
        self._keep_decisions = decisions
        self._readings: dict[str, Reading] = {}
        self._findings: dict[str, tuple[Finding, ...]] = {}
        self._muted: dict[str, tuple[Finding, ...]] = {}
        self._decisions: list[Decision] = []
        self._verdicts: Counter[Verdict] = Counter()
        self._absences: list[Absence] = []
        self._holders: dict[str, tuple[str, ...]] = {}
        self._verified: dict[str, str] = {}
        self._plans: dict[str, AccountPlan] = {}
        self._counts: Counter[str] = Counter()

    def add(self, sighting: Sighting) -> None:
        """Take in one account; each comes once."""
        account_id = sighting.account_id
        self._readings[account_id] = Sighting(
            account_id=account_id, status=sighting.status, failures=sighting.failures
        )
        self._findings[account_id] = sighting.findings
        self._muted[account_id] = sighting.muted
        self._verdicts.update(decision.verdict for decision in sighting.decisions)
        if self._keep_decisions:
            self._decisions += sighting.decisions
        self._absences += sighting.absences
        for ip in sighting.addresses:
            self._holders[ip] = (*self._holders.get(ip, ()), account_id)
        if sighting.snapshot:
            self._verified[account_id] = sighting.snapshot
        if sighting.planned is not None:
            self._plans[account_id] = sighting.planned
        self._counts.update(
            endpoints=sighting.endpoints,
            exposed=sighting.exposed,
            decided=len({decision.endpoint for decision in sighting.decisions}),
        )

    def overview(self) -> Overview:
        """All accounts together."""
        order = sorted(self._readings)
        finder = Finder(self._policy, self._at, self._first_seen)
        in_scope = frozenset(order)
        known = frozenset() if self._scope else self._known
        find_register_issues(self._register, finder, in_scope | known)
        find_unknown_accounts(self._register, finder, self._known | in_scope, self._scope)
        find_absent(sorted(self._absences, key=lambda one: one.account_id), self._holders, finder)
        for account_id in order:
            finder.found += self._findings[account_id]
            finder.muted += self._muted[account_id]
        return Overview(
            region=self._region,
            at=self._at,
            readings=tuple(self._readings[account_id] for account_id in order),
            findings=finder.findings(),
            muted=finder.silenced(),
            decisions=tuple(
                sorted(self._decisions, key=lambda d: (d.account_id, d.endpoint, d.family))
            ),
            verdicts=dict(self._verdicts),
            decided=self._counts["decided"],
            plans=tuple(self._plans[name] for name in order if name in self._plans),
            endpoints=self._counts["endpoints"],
            exposed=self._counts["exposed"],
            verified={name: self._verified[name] for name in order if name in self._verified},
            register_version=self._register.version,
            policy=self._policy,
        )


def judge(
    state: AccountState, register: Register, policy: Policy, memory: Memory, at: datetime
) -> JudgedAccount:
    """One account with everything that follows from the register and the policy."""
    return judge_filed(state, filings_of(register, state.account_id), policy, memory, at)


def judge_filed(
    state: AccountState,
    filings: AccountFilings,
    policy: Policy,
    memory: Memory,
    at: datetime,
) -> JudgedAccount:
    """``judge`` with the account's part of the register."""
    reach = judge_account(state, policy, at)
    gates = read_gates(state, policy)
    coverage = Coverage.of(filings.in_effect, state)
    rulings = decide(reach, coverage, gates, memory.endpoints, policy, at)
    return JudgedAccount(state, reach, gates, coverage, rulings)


def _conclude(
    account: JudgedAccount,
    filings: AccountFilings,
    policy: Policy,
    memory: Memory,
    at: datetime,
) -> Sighting:
    """What follows of a judged account; of a partial one ``memory`` holds no other's endpoints."""
    state, reach = account.state, account.reach
    finder = Finder(policy, at, memory.first_seen)
    absences: list[Absence] = []
    _find_read_trouble(state, finder)
    if state.complete:
        check = AddressCheck(reach, account.coverage, memory.addresses, finder)
        check.run()
        absences = check.absences
        _find_reached(account, policy, FiledAddresses.of(filings), finder)
    return Sighting(
        account_id=state.account_id,
        status=state.status,
        failures=state.failures,
        findings=tuple(finder.found),
        muted=tuple(finder.muted),
        decisions=_decisions(account, memory),
        absences=tuple(absences),
        addresses=tuple(reach.view.addresses),
        endpoints=sum(1 for one in reach.endpoints.values() if one.endpoint.families),
        exposed=sum(1 for one in reach.endpoints.values() if one.exposing),
    )


def _find_read_trouble(state: AccountState, finder: Finder) -> None:
    if state.complete:
        return
    code = "account-partial" if state.status is ReadStatus.PARTIAL else "account-unreadable"
    errors = "; ".join(f"{f.operation}: {f.code}" for f in state.failures) or "nothing was read"
    finder.about_account(code, state.account_id, errors=errors)


def _find_reached(
    account: JudgedAccount, policy: Policy, filed: FiledAddresses, finder: Finder
) -> None:
    rulings = account.rulings
    find_exposures(rulings, filed, finder, account.state, account.gates)
    find_unreached(rulings, account.reach.reader, finder)
    find_holds(rulings, finder)
    find_unenforceable(rulings, account.state, finder)
    find_group_trouble(account.reach, account.gates, policy, finder)


def _decisions(account: JudgedAccount, memory: Memory) -> tuple[Decision, ...]:
    """The account's decisions, with what is remembered of it where it was not read whole."""
    found = [ruling.decision for ruling in account.rulings]
    if not account.state.complete:
        known: frozenset[tuple[str, Family]] = frozenset(
            (ruling.endpoint.endpoint, ruling.family) for ruling in account.rulings
        )
        found += remembered_unknown(account.state, memory.endpoints, known)
    return tuple(found)


def _endpoints_by_account(
    memory: Memory,
) -> dict[str, dict[EndpointKey, RememberedEndpoint]]:
    found: dict[str, dict[EndpointKey, RememberedEndpoint]] = {}
    for key, seen in memory.endpoints.items():
        found.setdefault(key[0], {})[key] = seen
    return found
