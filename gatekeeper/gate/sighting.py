"""One account as all accounts together need it: small plain values that travel between processes.

The state, its groups and its rules stay where the account was read.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

from gatekeeper.account import (
    Failure,
    Family,
    ReadStatus,
    RememberedEndpoint,
    SeenAddress,
    SeenEndpoint,
)
from gatekeeper.gate.absent import Absence
from gatekeeper.gate.decide import EndpointKey
from gatekeeper.gate.judged import JudgedAccount
from gatekeeper.gate.model import Decision, Finding, Verdict
from gatekeeper.gate.plan import AccountPlan


class Mark(NamedTuple):
    """What is to be remembered of an endpoint that holds the gate."""

    endpoint: str
    family: Family
    opened: tuple[str, ...] | None
    """The set with which it stands open."""
    changed_at: datetime | None
    """Or since when its set differs from that."""


class Facts(NamedTuple):
    """What is to be remembered of an account that was read whole."""

    addresses: tuple[SeenAddress, ...]
    endpoints: tuple[SeenEndpoint, ...]
    marks: tuple[Mark, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Sighting:
    """What was concluded of one account alone."""

    account_id: str
    status: ReadStatus
    failures: tuple[Failure, ...] = ()
    findings: tuple[Finding, ...] = ()
    muted: tuple[Finding, ...] = ()
    decisions: tuple[Decision, ...] = ()
    absences: tuple[Absence, ...] = ()
    """What its filings name and it lacks; findings come of it when all accounts are known."""
    addresses: tuple[str, ...] = ()
    """Its public addresses."""
    endpoints: int = 0
    """How many endpoints it has with public addresses."""
    exposed: int = 0
    """How many of them the Internet reaches on a gated port."""
    facts: Facts | None = None
    """What to remember; ``None`` where the account was not read whole, or nobody asked."""
    planned: AccountPlan | None = None
    """What is to be changed; ``None`` as for ``facts``."""
    snapshot: str = ""
    """What the next audit compares with, as JSON; empty as for ``facts``."""

    @property
    def complete(self) -> bool:
        return self.status is ReadStatus.COMPLETE


def facts_of(account: JudgedAccount, before: Mapping[EndpointKey, RememberedEndpoint]) -> Facts:
    """What is to be remembered of an account; ``before`` is what is remembered of it now."""
    view = account.reach.view
    return Facts(
        tuple(
            SeenAddress(fact.ip, fact.kind, fact.allocation_id) for fact in view.addresses.values()
        ),
        tuple(
            SeenEndpoint(one.endpoint, one.kind, family, one.ips(family))
            for one in view.endpoints
            for family in one.families
        ),
        tuple(_marks(account, before)),
    )


def _marks(
    account: JudgedAccount, before: Mapping[EndpointKey, RememberedEndpoint]
) -> Iterator[Mark]:
    """The set with which each endpoint stands open, and since when it differs.

    Neither is forgotten when the gate comes off: put back by hand, an old change is still old.
    """
    for ruling in account.rulings:
        name, family, ips = ruling.endpoint.endpoint, ruling.family, ruling.decision.ips
        known = before.get((account.state.account_id, name, family))
        if ruling.verdict is Verdict.OPEN and ruling.gate_held:
            opened = set(known.opened_ips or ()) if known is not None else set()
            if opened != set(ips) or (known is not None and known.changed_at is not None):
                yield Mark(name, family, ips, None)
        elif ruling.hold is not None:
            yield Mark(name, family, None, ruling.hold.since)
