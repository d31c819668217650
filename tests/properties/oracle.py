"""An independent judge of the two invariants, straight over an account's raw rules.

It knows nothing of ``gatekeeper.gate``: it samples (protocol, port, source) by brute force and
asks each rule with ``ipaddress`` whether it lets the sample in.  A sample is one bit of an integer,
so that whole accounts can be compared after every call.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable
from dataclasses import dataclass, field

from gatekeeper.account import Interface, Rule, SecurityGroup
from gatekeeper.testing import World

FAMILIES = ("ipv4", "ipv6")
GATED = {("tcp", 80), ("tcp", 443), ("tcp", 8080), ("udp", 443)}
_PORTS = (0, 1, 22, 79, 80, 81, 100, 442, 443, 444, 1024, 1025, 8079, 8080, 8081, 9000, 9001, 65535)
SERVICES = (
    *(("tcp", port) for port in _PORTS),
    *(("udp", port) for port in _PORTS),
    *((name, 0) for name in ("icmp", "icmpv6", "47", "50", "51")),
)
EXEMPT = ("52.95.0.0/16",)
INTERNAL = (*EXEMPT, "10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10", "fc00::/7")
SPECIAL = (
    "0.0.0.0/8", "127.0.0.0/8", "169.254.0.0/16", "192.0.0.0/24", "192.0.2.0/24", "198.18.0.0/15",
    "198.51.100.0/24", "203.0.113.0/24", "224.0.0.0/3",
)  # fmt: skip
GATE_NAMES = ("gatekeeper-gate", "gatekeeper-gate-v6", "gatekeeper-shut")

Network = ipaddress.IPv4Network | ipaddress.IPv6Network


def _edges(networks: Iterable[str]) -> dict[str, list[int]]:
    """The addresses at and beside the ends of some networks: where sets can differ."""
    found: dict[str, set[int]] = {"ipv4": set(), "ipv6": set()}
    for text in networks:
        network = ipaddress.ip_network(text)
        low, high = int(network.network_address), int(network.broadcast_address)
        top = 2**network.max_prefixlen - 1
        family = f"ipv{network.version}"
        found[family] |= {one for one in (low - 1, low, high, high + 1) if 0 <= one <= top}
    return {family: sorted(ones) for family, ones in found.items()}


@dataclass(frozen=True, slots=True)
class Loss:
    """Samples that a call took away, or gave, and from whom."""

    interface: str
    family: str
    samples: tuple[str, ...]


@dataclass(slots=True)
class Oracle:
    """Judges worlds whose rules use only the ends of ``networks`` as sources."""

    networks: tuple[str, ...]
    sources: dict[str, list[int]] = field(init=False)
    _masks: dict[tuple[object, ...], int] = field(default_factory=dict)
    _specials: dict[str, int] = field(default_factory=dict)
    _internets: dict[tuple[str, ...], dict[str, int]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.sources = _edges((*self.networks, *INTERNAL, *SPECIAL, "8.8.8.8/32", "2001:4860::/32"))

    # samples ---------------------------------------------------------------------------------

    def _within(self, family: str, networks: Iterable[str]) -> int:
        """The sources inside some networks, as bits of one service."""
        inside = [n for n in map(ipaddress.ip_network, networks) if f"ipv{n.version}" == family]
        spans = [(int(n.network_address), int(n.broadcast_address)) for n in inside]
        bits = 0
        for place, source in enumerate(self.sources[family]):
            if any(low <= source <= high for low, high in spans):
                bits |= 1 << place
        return bits

    def _spread(self, family: str, wanted: Iterable[bool], sources: int) -> int:
        width = len(self.sources[family])
        bits = 0
        for place, yes in enumerate(wanted):
            if yes:
                bits |= sources << (place * width)
        return bits

    def rule(self, rule: Rule, family: str, world: World) -> int:
        """What one rule lets in."""
        if rule.kind not in ("prefix_list", family):
            return 0
        networks: tuple[str, ...] = (rule.source,)
        if rule.kind == "prefix_list":
            networks = world.prefix_lists[rule.source].entries or ()
        key = (rule[:3], family, networks)
        if key not in self._masks:
            wanted = (_serves(rule, protocol, port) for protocol, port in SERVICES)
            self._masks[key] = self._spread(family, wanted, self._within(family, networks))
        return self._masks[key]

    def group(self, group: SecurityGroup, family: str, world: World) -> int:
        bits = 0
        for rule in group.rules:
            bits |= self.rule(rule, family, world)
        return bits

    def interface(self, interface: Interface, family: str, world: World) -> int:
        """What its groups let in together."""
        bits = 0
        for group_id in interface.group_ids:
            bits |= self.group(world.groups[group_id], family, world)
        return bits

    def internet(self, vpc_id: str, family: str, world: World) -> int:
        """Gated ports from the Internet, as this VPC sees it."""
        blocks = world.vpcs[vpc_id].blocks
        known = self._internets.get(blocks)
        if known is None:
            known = self._internets[blocks] = {}
            for one in FAMILIES:
                every = (1 << len(self.sources[one])) - 1
                if one == "ipv6":
                    every = self._within(one, ("2000::/3",))
                outside = every & ~self._within(one, (*INTERNAL, *SPECIAL, *blocks))
                known[one] = self._spread(one, (s in GATED for s in SERVICES), outside)
        return known[family]

    def special(self, family: str) -> int:
        """Gated ports from sources that can never send."""
        known = self._specials.get(family)
        if known is None:
            sources = self._within(family, SPECIAL)
            if family == "ipv6":
                sources = (1 << len(self.sources[family])) - 1
                sources &= ~self._within(family, ("2000::/3", *INTERNAL))
            known = self._spread(family, (s in GATED for s in SERVICES), sources)
            self._specials[family] = known
        return known

    def name(self, family: str, bits: int) -> tuple[str, ...]:
        """Some samples in words."""
        width = len(self.sources[family])
        words = []
        while bits and len(words) < 6:
            place = (bits & -bits).bit_length() - 1
            bits &= bits - 1
            service, source = divmod(place, width)
            protocol, port = SERVICES[service]
            kind = ipaddress.IPv4Address if family == "ipv4" else ipaddress.IPv6Address
            words.append(f"{protocol}/{port} from {kind(self.sources[family][source])}")
        return tuple(words)


def _serves(rule: Rule, protocol: str, port: int) -> bool:
    if rule.protocol == "-1":
        return True
    if rule.protocol != protocol:
        return False
    if protocol not in ("tcp", "udp"):
        return rule.from_port in (None, -1)
    assert rule.from_port is not None
    assert rule.to_port is not None
    return rule.from_port <= port <= rule.to_port


# endpoints ---------------------------------------------------------------------------------------


def public(interface: Interface, family: str) -> tuple[str, ...]:
    """The public addresses that an interface carries."""
    if family == "ipv4":
        return tuple(one.public_ip for one in interface.associations)
    blocks = ipaddress.ip_network("2000::/3")
    return tuple(ip for ip in interface.ipv6 if ipaddress.ip_address(ip) in blocks)


def fellows(interface: Interface, world: World) -> list[Interface]:
    """The interfaces of the same endpoint: a load balancer's all belong to one."""
    if not interface.description.startswith("ELB "):
        return [interface]
    return [i for i in world.interfaces.values() if i.description == interface.description]


def endpoint_of(interface: Interface, world: World) -> str:
    """A load balancer's name for its interfaces, else the interface's id."""
    if not interface.description.startswith("ELB "):
        return interface.interface_id
    return interface.description.removeprefix("ELB ").split("/")[
        -2 if "/" in interface.description else 0
    ]


@dataclass(slots=True)
class Filed:
    """What is filed, by a fold of one's own from the moves that a test made."""

    live: dict[str, tuple[frozenset[str], str]] = field(default_factory=dict)
    """Filing to its addresses and its load balancer ("" for none)."""
    suspended: set[str] = field(default_factory=set)

    def covers(self, interface: Interface, family: str, world: World) -> bool:
        """Whether filings in effect name every address of the endpoint."""
        named: set[str] = set()
        balancer = endpoint_of(interface, world) if len(interface.description) > 4 else ""
        for filing, (ips, only) in self.live.items():
            if filing not in self.suspended and only in ("", balancer):
                named |= ips
        mine = [ip for one in fellows(interface, world) for ip in public(one, family)]
        lent = {
            one.public_ip
            for part in fellows(interface, world)
            for one in part.associations
            if one.owner_id == "amazon"
        }
        return bool(mine) and named.issuperset(mine) and lent.isdisjoint(mine)


# the invariants ----------------------------------------------------------------------------------


def opened(oracle: Oracle, before: World, after: World, filed: Filed) -> list[Loss]:
    """SAFETY: gated ports that became reachable from the Internet without filings."""
    found = []
    for interface in after.interfaces.values():
        for family in FAMILIES:
            if not public(interface, family) or filed.covers(interface, family, after):
                continue
            old = before.interfaces.get(interface.interface_id)
            was = oracle.interface(old, family, before) if old else 0
            new = oracle.interface(interface, family, after) & ~was
            new &= oracle.internet(interface.vpc_id, family, after)
            if new:
                found.append(Loss(interface.interface_id, family, oracle.name(family, new)))
    return found


def taken(
    oracle: Oracle,
    before: World,
    after: World,
    filed: Filed,
    *,
    rolling: bool = False,
    start: World | None = None,
) -> list[Loss]:
    """CARE: traffic that is gone and was not asked to go.

    What may go: gated ports from the Internet, of who is not covered or has no public address;
    what a gate gave that is taken from who is not covered; and what a gate under repair let in.
    ``rolling`` back, a gate may be taken from everybody; but where ``start`` shows the account as
    it was before the run, never what was there already.
    """
    found = []
    for interface in before.interfaces.values():
        now = after.interfaces[interface.interface_id]
        for family in FAMILIES:
            was = oracle.interface(interface, family, before)
            lost = was & ~oracle.interface(now, family, after) & ~oracle.special(family)
            if not lost:
                continue
            may_close = not (public(interface, family) and filed.covers(interface, family, before))
            if may_close:
                lost &= ~oracle.internet(interface.vpc_id, family, before)
            for group_id in interface.group_ids:
                group = before.groups[group_id]
                if ours(group) and (after.groups.get(group_id) != group):
                    lost &= ~oracle.group(group, family, before)  # a repair
                elif ours(group) and (may_close or rolling) and group_id not in now.group_ids:
                    given = oracle.group(group, family, before)
                    first = start.interfaces.get(interface.interface_id) if start else None
                    if not may_close and start is not None and first is not None:
                        given &= ~oracle.interface(first, family, start)
                    lost &= ~given
            if lost:
                found.append(Loss(interface.interface_id, family, oracle.name(family, lost)))
    return found


def ours(group: SecurityGroup) -> bool:
    return group.name in GATE_NAMES and dict(group.tags).get("gatekeeper:managed") == "true"
