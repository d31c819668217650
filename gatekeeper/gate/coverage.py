"""Which addresses the filings in effect cover, and for which endpoint (DESIGN §7, §15)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from gatekeeper.account import (
    AccountState,
    Endpoint,
    Family,
    LoadBalancer,
)
from gatekeeper.filing import Filing

Pool = dict[str, list[str]]
"""Address to the ids of the filings that name it."""


def find_balancers(wanted: str, balancers: Iterable[LoadBalancer]) -> tuple[LoadBalancer, ...]:
    """The load balancers that a filing's text fits: by ARN, DNS name or name."""
    text = wanted.strip()
    if text.startswith("arn:"):
        return tuple(b for b in balancers if b.arn == text)
    dns = text.lower().rstrip(".").removeprefix("dualstack.")
    return tuple(
        b
        for b in balancers
        if b.name == text or (b.dns_name and b.dns_name.lower().removeprefix("dualstack.") == dns)
    )


@dataclass(slots=True)
class Coverage:
    """The filings of one account, laid over its load balancers.

    A filing that names a load balancer covers only that one's addresses; with none named it covers
    every endpoint all of whose addresses are listed, alone or with other filings.
    """

    account_id: str
    in_effect: tuple[Filing, ...]
    balancers: dict[str, tuple[LoadBalancer, ...]]
    """Filing id to the load balancers that its text fits, for filings that name one."""
    _plain: Pool = field(default_factory=dict)
    _of_balancer: dict[str, Pool] = field(default_factory=dict)

    @classmethod
    def of(cls, mine: tuple[Filing, ...], state: AccountState) -> Coverage:
        """Lay the filings in effect that name the account over what was read of it."""
        coverage = cls(state.account_id, mine, {})
        for filing in mine:
            pool = coverage._plain
            if filing.access.load_balancer:
                fits = find_balancers(filing.access.load_balancer, state.load_balancers)
                coverage.balancers[filing.filing_id] = fits
                if len(fits) != 1:
                    continue
                pool = coverage._of_balancer.setdefault(fits[0].arn, {})
            for ip in filing.access.ips:
                pool.setdefault(ip, []).append(filing.filing_id)
        return coverage

    def filings_for(self, endpoint: Endpoint, ip: str) -> list[str]:
        """The filings in effect that name ``ip`` and may cover ``endpoint`` by it."""
        found = self._plain.get(ip, [])
        own = self._of_balancer.get(endpoint.endpoint)
        if own is not None and ip in own:
            return found + own[ip]
        return found

    def covered(
        self, endpoint: Endpoint, family: Family
    ) -> tuple[tuple[str, ...], tuple[str, ...], tuple[str, ...]]:
        """Addresses of ``family`` that are covered, those that are not, and the filings at work.

        An address that AWS lends to an instance is never covered.
        """
        if len(endpoint.addresses) == 1:  # nearly all of them
            address = endpoint.addresses[0]
            found = self.filings_for(endpoint, address.ip) if address.family == family else []
            if found and address.kind != "auto":
                return (address.ip,), (), tuple(sorted(set(found)))
            return (), endpoint.ips(family), ()
        inside: list[str] = []
        outside: list[str] = []
        filings: dict[str, None] = {}
        for address in endpoint.addresses:
            if address.family != family:
                continue
            found = self.filings_for(endpoint, address.ip)
            if found and address.kind != "auto":
                inside.append(address.ip)
                filings.update(dict.fromkeys(found))
            else:
                outside.append(address.ip)
        return tuple(inside), tuple(outside), tuple(sorted(filings))
