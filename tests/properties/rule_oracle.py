"""Who may send what through a list of rules, read again from AWS's documents, one point at a time.

Knows nothing of ``gatekeeper.gate``: ``ipaddress`` and plain comparisons only.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache

from gatekeeper.account import Family, Rule

NUMBERS = {"icmp": 1, "tcp": 6, "udp": 17, "icmpv6": 58}
SPECIAL = tuple(
    map(
        ipaddress.ip_network,
        (
            *("0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16"),
            *("172.16.0.0/12", "192.0.0.0/24", "192.0.2.0/24", "192.168.0.0/16"),
            *("198.18.0.0/15", "198.51.100.0/24", "203.0.113.0/24", "224.0.0.0/4", "240.0.0.0/4"),
        ),
    )
)
ROUTABLE_V6 = ipaddress.ip_network("2000::/3")

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Service = tuple[int, int]
"""Protocol number, and port or 256 * type + code."""


@dataclass(frozen=True)
class Net:
    """Who is whom: what is internal or exempt, what the prefix lists hold, and whom to ask for."""

    kept: tuple[str, ...]
    lists: Mapping[str, tuple[str, ...]]
    addresses: tuple[Address, ...]
    """The sampled sources; bit ``n`` of every mask is the n-th of them."""

    def mask(self, networks: Iterable[str]) -> int:
        """Which of the addresses are in one of some networks."""
        found = 0
        for network in map(_network, networks):
            for n, address in enumerate(self.addresses):
                if network.version == address.version and address in network:
                    found |= 1 << n
        return found

    @property
    def inside(self) -> int:
        return self.mask(self.kept)

    @property
    def internet(self) -> int:
        special = self.mask(map(str, SPECIAL))
        routable = self.mask(["0.0.0.0/0"]) & ~special | self.mask([str(ROUTABLE_V6)])
        return routable & ~self.inside

    def senders(self, rule: Rule) -> int:
        """Which of the addresses a rule lets in, at the services that it names."""
        if rule.kind == "group":
            return 0
        return self.mask(self.lists[rule.source] if rule.kind == "prefix_list" else [rule.source])

    def reach(self, rules: Iterable[Rule], services: Sequence[Service]) -> list[int]:
        """For each service, which of the addresses some rule lets in."""
        found = [0] * len(services)
        for rule in rules:
            senders = self.senders(rule)
            for n, service in enumerate(services):
                if serves(rule, *service):
                    found[n] |= senders
        return found


def serves(rule: Rule, protocol: int, port: int) -> bool:
    """Whether a rule is about a service, whoever asks."""
    number = _number(rule.protocol)
    if number not in (-1, protocol):
        return False
    if rule.from_port in (None, -1):
        return True
    if number in (6, 17):
        return rule.from_port <= port <= rule.to_port
    if number in (1, 58):
        return rule.from_port == port // 256 and rule.to_port in (None, -1, port % 256)
    return True


def edges(networks: Sequence[str], family: Family) -> list[Address]:
    """The addresses at and beside both ends of each network, where sets can differ."""
    top = 2 ** (32 if family == "ipv4" else 128)
    make = ipaddress.IPv4Address if family == "ipv4" else ipaddress.IPv6Address
    found: set[int] = {0, top - 1}
    for text in networks:
        network = _network(text)
        if (network.version == 4) == (family == "ipv4"):
            low, high = int(network.network_address), int(network.broadcast_address)
            found |= {low - 1, low, high, high + 1}
    return [make(number) for number in sorted(found) if 0 <= number < top]


def identity(rule: Rule) -> tuple[object, ...]:
    """What makes two rules duplicates to AWS: never the description."""
    number = _number(rule.protocol)
    ports: tuple[int | None, int | None] = (rule.from_port, rule.to_port)
    if number not in (1, 6, 17, 58) or rule.from_port in (None, -1):
        ports = (None, None)
    source = rule.source
    if rule.kind in ("ipv4", "ipv6"):
        source = str(_network(source))
    return (number, ports, source)


def _number(text: str) -> int:
    return NUMBERS[text.lower()] if text.lower() in NUMBERS else int(text)


@cache
def _network(text: str) -> ipaddress.IPv4Network | ipaddress.IPv6Network:
    return ipaddress.ip_network(text, strict=False)
