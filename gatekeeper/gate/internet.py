"""Who counts as the Internet (DESIGN: words), as sets of addresses.

IPv4: every address that IANA's special-purpose registry (RFC 6890 and its successors) does not
take out of global routing, and that is not multicast.  Blocks which that registry lists as globally
reachable (AS112, AMT, 6to4 relays) stay in.  IPv6: 2000::/3, the only space that IANA has given out
as global unicast.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import Final

from gatekeeper.account import FAMILIES, Family
from gatekeeper.gate import spans
from gatekeeper.gate.reading import read_network
from gatekeeper.gate.spans import Spans
from gatekeeper.policy import Policy

_SPECIAL_IPV4: Final = (
    "0.0.0.0/8",
    "10.0.0.0/8",
    "100.64.0.0/10",
    "127.0.0.0/8",
    "169.254.0.0/16",
    "172.16.0.0/12",
    "192.0.0.0/24",
    "192.0.2.0/24",
    "192.168.0.0/16",
    "198.18.0.0/15",
    "198.51.100.0/24",
    "203.0.113.0/24",
    "224.0.0.0/4",
    "240.0.0.0/4",
)
_ROUTABLE: Final[dict[Family, Spans]] = {
    "ipv4": spans.difference(
        ((0, 2**32 - 1),),
        spans.normalise((n.low, n.high) for n in map(read_network, _SPECIAL_IPV4)),
    ),
    "ipv6": ((read_network("2000::/3").low, read_network("2000::/3").high),),
}


def networks(family: Family, cidrs: Iterable[str]) -> Spans:
    """The addresses of ``family`` in a list of CIDRs."""
    read = map(read_network, cidrs)
    return spans.normalise((n.low, n.high) for n in read if n.family == family)


@dataclass(frozen=True)
class Internet:
    """The Internet as one VPC sees it: what is routable, less what is internal or exempt."""

    kept_ipv4: Spans
    kept_ipv6: Spans

    @classmethod
    def of(cls, policy: Policy, at: datetime, vpc_blocks: Iterable[str]) -> Internet:
        """The Internet for a VPC with ``vpc_blocks`` at a time (exemptions end)."""
        kept = (*policy.internal_sources, *policy.exempt_at(at), *vpc_blocks)
        return cls(*(networks(family, kept) for family in FAMILIES))

    def kept(self, family: Family) -> Spans:
        """Internal and exempt sources: who may keep reaching gated ports of a closed endpoint."""
        return self.kept_ipv4 if family == "ipv4" else self.kept_ipv6

    def sources(self, family: Family) -> Spans:
        """Every source that counts as the Internet."""
        return self._sources[family]

    @cached_property
    def _sources(self) -> dict[Family, Spans]:
        return {f: spans.difference(_ROUTABLE[f], self.kept(f)) for f in FAMILIES}
