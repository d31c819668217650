"""Live facts, as plain values: what AWS, the published ranges, DNS and registries say.

Each fact is a value or unknown, and an unknown one says why.  Whoever reads the facts lives at the
edges; the rules only see these values.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from enum import StrEnum
from typing import Any, Final, Generic, NamedTuple, TypeVar

T = TypeVar("T")


class Told(NamedTuple, Generic[T]):
    """A fact, or why it is not known."""

    value: T | None
    """``None`` is unknown, never "no"."""
    reason: str = ""
    reason_zh: str = ""
    source: str = ""
    """Where it comes from, with its date: ``list of 2026-10-01``."""

    @property
    def known(self) -> bool:
        return self.value is not None


NOT_ASKED: Final[Told[Any]] = Told(None, "was not read", "未读取")


NO_BALANCER: Final[Told[tuple[str, ...]]] = Told(())
YES: Final[Told[bool]] = Told(True)
NO: Final[Told[bool]] = Told(False)


def not_told(reason: str, zh: str) -> Told[T]:
    """An unknown fact."""
    return Told(None, reason, zh)


class Holding(StrEnum):
    """How an account has an address."""

    EIP = "eip"
    LOAD_BALANCER = "load_balancer"
    IPV6 = "ipv6"
    """An IPv6 address of one of its interfaces: there are no elastic ones."""
    AUTO = "auto"
    """Lent by AWS to an instance; it cannot be filed."""
    NONE = "none"
    """The account does not have it."""


class AddressFacts(NamedTuple):
    """One filed address, as the account has it."""

    holding: Told[Holding]
    elsewhere: str = ""
    """Another known account that has it."""
    released: Told[bool] = NO
    """It was there and is gone; of one that the account has: it was gone meanwhile, and another
    allocation brought it back."""
    balancer: str = ""
    """The load balancer whose address it is (its ARN)."""
    serves: bool = True
    """False for an EIP that nothing uses, and one on a NAT gateway."""
    on_nat_gateway: bool = False
    exposed: Told[tuple[str, ...]] = NOT_ASKED
    """Gated ports that the Internet reaches on it, as ``tcp 443``."""


class BalancerFacts(NamedTuple):
    """A load balancer with its set of addresses, as it is now."""

    arn: str
    name: str
    ips: tuple[str, ...]
    internal: bool = False
    whole: Told[bool] = YES
    """Unknown where it may have more addresses than were read."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountFacts:
    """The account that an application names."""

    account_id: str
    addresses: Mapping[str, AddressFacts] = field(default_factory=dict)
    """By canonical address; every address of the application is there."""
    balancers: Mapping[str, BalancerFacts] = field(default_factory=dict)
    """By ARN: those that own one of the addresses, and those that the application names."""
    named: Told[tuple[str, ...]] = NO_BALANCER
    """ARNs that the application's ``load_balancer`` fits: none, one, or several."""
    owners: Told[bool] = YES
    """Unknown where an address may be a load balancer's that was not read."""


class DomainFacts(NamedTuple):
    """What is known of one domain from outside the record."""

    tld_approved: Told[bool] = NOT_ASKED
    registrar: Told[str] = NOT_ASKED
    registrar_approved: Told[bool] = NOT_ASKED
    expires: Told[date] = NOT_ASKED
    resolves_to: Told[tuple[str, ...]] = NOT_ASKED
    """Addresses; an empty tuple is a name that does not resolve."""


class ShownNumber(NamedTuple):
    """What the service's page shows of its number."""

    numbers: tuple[str, ...]
    """Every filing number on it, in canonical form."""
    linked: tuple[str, ...]
    """Those that link to MIIT's filing site."""


class Lookup(NamedTuple):
    """What MIIT's public query shows of the filing."""

    found: bool
    restricted: bool | None
    differences: tuple[str, ...]
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """Everything live about one application; what was not asked says so."""

    account: Told[AccountFacts] = NOT_ASKED
    in_region: Mapping[str, Told[bool]] = field(default_factory=dict)
    """By address: whether it lies in the published ranges of the provider's region."""
    domains: Mapping[str, DomainFacts] = field(default_factory=dict)
    """By domain, as the record has it in lower case."""
    shown: Told[ShownNumber] = NOT_ASKED
    lookup: Told[Lookup] = NOT_ASKED
    opened: Told[datetime] = NOT_ASKED
    """When an endpoint of the filing was first verified open."""
