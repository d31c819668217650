"""An account with everything that was concluded about it, and all accounts together."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from gatekeeper.account import AccountState, Reading
from gatekeeper.filing import Register
from gatekeeper.gate.coverage import Coverage
from gatekeeper.gate.decide import Ruling
from gatekeeper.gate.exposure import AccountReach
from gatekeeper.gate.gates import Gates
from gatekeeper.gate.model import Decision, Finding, Verdict
from gatekeeper.gate.plan import AccountPlan
from gatekeeper.policy import Policy


@dataclass(frozen=True, slots=True)
class JudgedAccount:
    """One account with everything that was concluded about it."""

    state: AccountState
    reach: AccountReach
    gates: Gates
    coverage: Coverage
    rulings: tuple[Ruling, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Overview:
    """All accounts together, without their states: what a person should know."""

    region: str
    at: datetime
    readings: tuple[Reading, ...]
    """How well each account was read."""
    findings: tuple[Finding, ...]
    muted: tuple[Finding, ...]
    decisions: tuple[Decision, ...]
    """Empty where nobody asked for them."""
    verdicts: Mapping[Verdict, int]
    """How many decisions there are of each kind."""
    decided: int
    """How many endpoints there are decisions of, remembered ones too."""
    plans: tuple[AccountPlan, ...]
    """Of each account that was read whole, in order; empty where nobody asked for them."""
    endpoints: int
    """How many endpoints have public addresses."""
    exposed: int
    """How many of them the Internet reaches on a gated port."""
    verified: Mapping[str, str]
    """Account to what the next audit compares with, as JSON, of those that were read whole."""
    register_version: str
    policy: Policy

    @property
    def complete(self) -> bool:
        """Whether nothing is unknown: every account was read and every endpoint is decided."""
        return all(r.complete for r in self.readings) and not self.verdicts.get(Verdict.UNKNOWN)


@dataclass(frozen=True, slots=True, kw_only=True)
class Reconciliation:
    """What is, what must be, and what a person should know."""

    region: str
    at: datetime
    accounts: tuple[JudgedAccount, ...]
    findings: tuple[Finding, ...]
    muted: tuple[Finding, ...]
    decisions: tuple[Decision, ...]
    register: Register
    policy: Policy

    @property
    def readings(self) -> tuple[Reading, ...]:
        """How well each account was read."""
        return tuple(account.state for account in self.accounts)

    @property
    def complete(self) -> bool:
        """Whether nothing is unknown: every account was read and every endpoint is decided."""
        return all(a.state.complete for a in self.accounts) and not any(
            d.verdict is Verdict.UNKNOWN for d in self.decisions
        )
