"""What the rules of a plan open: gated ports, to which part of the Internet, on which group.

The traffic algebra of ``gatekeeper.gate`` judges each rule as it judges the live ones.  A value
that cannot be read makes a note, but only where some value of it could open a gated port.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from functools import reduce
from ipaddress import IPv6Network, ip_network
from operator import or_
from typing import Any, Final, NamedTuple

from gatekeeper.account import FAMILIES, Family, Rule
from gatekeeper.gate import Internet, MalformedRule, Traffic, protocol_number, rule_traffic
from gatekeeper.policy import PROTOCOL_NUMBERS, Policy, Port
from gatekeeper.stacks.check import kinds, rules, words
from gatekeeper.stacks.check.index import Index, Meant
from gatekeeper.stacks.check.lists import PrefixLists, vpc_blocks
from gatekeeper.stacks.check.model import Hidden, Marked, MarkedNumber, Note, Resource
from gatekeeper.stacks.check.rules import Sources, Spec
from gatekeeper.stacks.check.values import items, protocol_text, shown, whole

Ports = tuple[str, int | None, int | None]

_ALL: Final = "-1"
_EVERYTHING: Final[Ports] = (_ALL, None, None)
_ANYWHERE: Final[dict[Family, str]] = {"ipv4": "0.0.0.0/0", "ipv6": "::/0"}
_MAPPED: Final = IPv6Network("::ffff:0:0/96")
_LISTENING: Final = {
    "TCP": ("tcp",),
    "TLS": ("tcp",),
    "UDP": ("udp",),
    "TCP_UDP": ("tcp", "udp"),
    "QUIC": ("udp",),
    "TCP_QUIC": ("tcp", "udp"),
}
"""What a network load balancer listens on; others have groups."""
_GUARDED_LISTENING: Final = ("HTTP", "HTTPS")
"""What an application load balancer listens on, which always has groups."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Opening:
    """Gated ports of one protocol that a rule opens to the Internet in one family."""

    resource: Resource
    family: Family
    protocol: str
    ports: tuple[int, ...]
    """Empty where the plan marks them sensitive."""
    sources: tuple[str, ...]
    """As the plan writes them."""
    groups: tuple[str, ...] = ()
    """The nodes of the groups that the rule may belong to."""
    balancers: tuple[str, ...] = ()
    """The nodes of load balancers whose listener this is, with no group in front of it."""
    left: bool = False
    """Whether the plan does not ask for the rule: it is on AWS and stays there."""

    @property
    def standing(self) -> bool:
        """Whether the rule is on AWS already and the plan does not touch it."""
        return self.left or self.resource.change in ("same", "kept")


@dataclass(slots=True)
class Openings:
    """What was found."""

    found: list[Opening] = field(default_factory=list)
    notes: list[Note] = field(default_factory=list)
    ruled: set[str] = field(default_factory=set)
    """The groups of which the plan holds rules."""
    lists: list[tuple[Resource, Any]] = field(default_factory=list)
    """What widens a prefix list that no rule of the plan uses, and the list's name."""


class OpeningReader:
    """Reads the rules of one plan under one policy at one time."""

    def __init__(
        self, index: Index, policy: Policy, at: datetime, gated: Iterable[tuple[str, int]]
    ) -> None:
        self._index = index
        self._policy = policy
        self._at = at
        self._gated = tuple(sorted({Port(*port) for port in gated}))
        self._numbers = {PROTOCOL_NUMBERS[port.protocol] for port in self._gated}
        self._lists = PrefixLists(index)
        self._blocks = vpc_blocks(index)
        self._internets: dict[tuple[str, ...], dict[Family, Traffic]] = {}
        self._known: dict[tuple[Any, ...], tuple[Port, ...] | MalformedRule] = {}
        self._result = Openings()
        self._used: set[str] = set()
        """The prefix lists of rules."""

    def read(self) -> Openings:
        """Every opening of every rule: inline, of its own, or a listener without groups."""
        elsewhere = rules.elsewhere(self._index)
        for resource in self._index.by_address.values():
            if resource.type in kinds.RULES:
                self._standalone(resource)
            elif resource.type in kinds.GROUPS:
                self._result.ruled.add(resource.address)
                node = self._index.canonical(resource.address)
                known = elsewhere.get(node, frozenset())
                for one in rules.inline(resource, known):
                    if isinstance(one.value, Hidden):
                        note = words.unreadable(resource.address, "ingress", one.value)
                        self._result.notes.append(note)
                    else:
                        self._judge(resource, one.value, (node,), left=one.left)
            elif resource.type == kinds.LISTENER:
                self._listener(resource)
        for resource, node, cidrs in self._lists.added:
            if node not in self._used and any(self._public(cidr) for cidr in cidrs):
                found = self._index.resource(node)
                self._result.lists.append((resource, (found.id if found else None) or node))
        return self._result

    def _public(self, cidr: object) -> bool:
        """Whether a network lets in some of the Internet, as far as it can be read."""
        if not isinstance(cidr, str):
            return True
        try:
            return bool(self._opened(_EVERYTHING, "ipv6" if ":" in cidr else "ipv4", cidr, ()))
        except MalformedRule:
            return True

    def _standalone(self, resource: Resource) -> None:
        one = rules.standalone(resource)
        if one is None:
            return
        name = "security_group_id"
        meant = self._index.meant(resource, name, resource.value(name), kinds.GROUPS)
        self._result.ruled.update(meant.nodes)
        opens = self._judge(resource, one, meant.nodes)
        if not meant.nodes or (opens and meant.hidden):
            why = meant.hidden or Hidden.UNKNOWN
            self._result.notes.append(words.unreadable(resource.address, name, why))

    def _judge(
        self, resource: Resource, one: Spec, groups: tuple[str, ...], *, left: bool = False
    ) -> bool:
        """Note what a rule opens, and what of it cannot be read; whether it opens anything."""
        self._used.update(
            node
            for sources in one.sources
            if sources.kind == "list"
            for node in self._lists_of(resource, sources).nodes
        )
        asked = self._asked(one)
        if asked is None:
            return False
        blocks = self._own_blocks(groups)
        known = asked if isinstance(asked, tuple) else _EVERYTHING
        found: dict[tuple[Family, str], _Found] = {}
        doubts: dict[Note, None] = {}
        for atom in self._atoms(resource, one):
            try:
                opened = self._opened(known, atom.family, atom.tried, blocks)
            except MalformedRule as error:
                if self._opened(known, atom.family, _ANYWHERE[atom.family], blocks):
                    doubts[words.malformed(resource.address, atom.written, error)] = None
                continue
            if not opened:
                continue
            if isinstance(asked, Hidden):
                doubts[
                    words.unreadable(resource.address, "protocol, from_port, to_port", asked)
                ] = None
            elif isinstance(asked, MalformedRule):
                doubts[words.malformed(resource.address, _written_ports(one), asked)] = None
            elif atom.doubt is not None:
                doubts[atom.doubt] = None
            else:
                for port in opened:
                    place = found.setdefault((atom.family, port.protocol), _Found({}, {}))
                    place.ports[port.port] = None
                    place.sources[shown(atom.written)] = None
        self._result.notes.extend(doubts)
        veiled = isinstance(one.from_port, MarkedNumber) or isinstance(one.to_port, MarkedNumber)
        for (family, protocol), place in found.items():
            self._result.found.append(
                Opening(
                    resource=resource,
                    family=family,
                    protocol=protocol,
                    ports=() if veiled else tuple(sorted(place.ports)),
                    sources=tuple(place.sources),
                    groups=groups,
                    left=left,
                )
            )
        return bool(found)

    def _asked(self, one: Spec) -> Ports | Hidden | MalformedRule | None:
        """A rule's protocol and ports; ``None`` where they cannot be gated ones."""
        if isinstance(one.protocol, Hidden):
            return one.protocol
        try:
            protocol = protocol_text(one.protocol)
            number = protocol_number(protocol)
        except MalformedRule as error:
            return error
        except ValueError as error:
            return MalformedRule(f"protocol {shown(one.protocol)!r}: {error}")
        if number == int(_ALL):
            return _EVERYTHING
        if number not in self._numbers:
            return None
        for port in (one.from_port, one.to_port):
            if isinstance(port, Hidden):
                return port
        try:
            asked = (protocol, whole(one.from_port), whole(one.to_port))
            self._opened(asked, "ipv4", _ANYWHERE["ipv4"], ())
        except MalformedRule as error:
            return error
        except ValueError as error:
            return MalformedRule(str(error))
        return asked

    def _atoms(self, resource: Resource, one: Spec) -> Iterator[_Atom]:
        """The sources of a rule, one by one, prefix lists taken apart."""
        for sources in one.sources:
            if sources.kind == "list":
                yield from self._listed(resource, sources)
                continue
            family: Family = "ipv4" if sources.kind == "ipv4" else "ipv6"
            for value in items(sources.value):
                yield _atom(resource, family, value, value, sources.name)

    def _lists_of(self, resource: Resource, sources: Sources) -> Meant:
        link = "ingress" if resource.type in kinds.GROUPS else sources.name
        return self._index.meant(resource, link, sources.value, kinds.LISTS)

    def _listed(self, resource: Resource, sources: Sources) -> Iterator[_Atom]:
        meant = self._lists_of(resource, sources)
        if meant.hidden:
            note = words.unreadable(resource.address, sources.name, meant.hidden)
            yield from (_Atom(family, _ANYWHERE[family], "", note) for family in FAMILIES)
        for node in meant.nodes:
            entries = self._lists.entries(node)
            found = self._index.resource(node)
            written = (found.id if found else None) or node
            if any(isinstance(one, Marked) for one in items(sources.value)):
                written = Marked(written)
            if entries is None or not entries.whole:
                note = words.unresolved_list(resource.address, written)
                yield from (_Atom(family, _ANYWHERE[family], written, note) for family in FAMILIES)
            for cidr in entries.cidrs if entries else ():
                text = cidr if isinstance(cidr, str) else ""
                for family in FAMILIES if not text else (("ipv6" if ":" in text else "ipv4"),):
                    yield _atom(resource, family, cidr, written, sources.name)

    def _opened(
        self, ports: Ports, family: Family, source: str, blocks: tuple[str, ...]
    ) -> tuple[Port, ...]:
        """The gated ports that one rule opens to the Internet.

        Raises:
            MalformedRule: its ports or its source make no sense.
        """
        key = (ports, family, source, blocks)
        known = self._known.get(key)
        if known is None:
            try:
                known = self._compute(ports, family, source, blocks)
            except MalformedRule as error:
                known = error
            self._known[key] = known
        if isinstance(known, MalformedRule):
            raise known
        return known

    def _compute(
        self, ports: Ports, family: Family, source: str, blocks: tuple[str, ...]
    ) -> tuple[Port, ...]:
        rule = Rule(*ports, family, source)
        opened = rule_traffic(rule, family) & self._internet(blocks)[family]
        if not opened and family == "ipv6" and source != (anywhere := _ANYWHERE[family]):
            _check_unmapped(source, touches=bool(self._opened(ports, family, anywhere, blocks)))
        return tuple(
            port
            for port in self._gated
            if opened.sources(PROTOCOL_NUMBERS[port.protocol], port.port)
        )

    def _internet(self, blocks: tuple[str, ...]) -> dict[Family, Traffic]:
        """Every gated port from the whole Internet, as a VPC with ``blocks`` sees it."""
        known = self._internets.get(blocks)
        if known is None:
            internet = Internet.of(self._policy, self._at, blocks)
            known = self._internets[blocks] = {
                family: reduce(
                    or_,
                    (
                        Traffic.of(
                            family,
                            PROTOCOL_NUMBERS[port.protocol],
                            (port.port, port.port),
                            internet.sources(family),
                        )
                        for port in self._gated
                    ),
                    Traffic(family),
                )
                for family in FAMILIES
            }
        return known

    def _own_blocks(self, groups: tuple[str, ...]) -> tuple[str, ...]:
        """The blocks of the VPC of a group; none where it is not sure which VPC that is."""
        group = self._index.resource(groups[0]) if len(groups) == 1 else None
        if group is None:
            return ()
        meant = self._index.meant(group, "vpc_id", group.value("vpc_id"), {kinds.VPC})
        if meant.hidden or len(meant.nodes) != 1:
            return ()
        return self._blocks.get(meant.nodes[0], ())

    def _listener(self, resource: Resource) -> None:
        """A listener of a network load balancer that has no groups is open to everybody."""
        name = "load_balancer_arn"
        meant = self._index.meant(resource, name, resource.value(name), {kinds.LOAD_BALANCER})
        bare = [node for node in meant.nodes if self._bare(node)]
        unseen = [
            node
            for node in meant.nodes
            if self._index.resource(node) is None and ":loadbalancer/net/" in node
        ]
        kinds_hidden = (self._type_hidden(node) for node in meant.nodes)
        doubt = meant.hidden or next((why for why in kinds_hidden if why), None)
        if not bare and not unseen and not doubt:
            return
        protocol, port = resource.value("protocol"), resource.value("port")
        if str(protocol).upper() in _GUARDED_LISTENING:
            return
        for value in (protocol, port):
            if isinstance(value, Hidden):
                note = words.unreadable(resource.address, "protocol, port", value)
                self._result.notes.append(note)
                return
        try:
            number = whole(port)
        except ValueError as error:
            self._result.notes.append(words.malformed(resource.address, port, error))
            return
        for transport in _LISTENING.get(str(protocol).upper(), ("tcp", "udp")):
            if number is None or Port(transport, number) not in self._gated:
                continue
            if doubt:
                self._result.notes.append(words.unreadable(resource.address, name, doubt))
            if not bare and not unseen:
                continue
            for family in FAMILIES:
                self._result.found.append(
                    Opening(
                        resource=resource,
                        family=family,
                        protocol=transport,
                        ports=(number,),
                        sources=(_ANYWHERE[family],),
                        balancers=(*bare, *unseen),
                    )
                )

    def _type_hidden(self, node: str) -> Hidden | None:
        """Why nobody can tell whether a load balancer of the plan is a network one."""
        found = self._index.resource(node)
        kind = found.value("load_balancer_type") if found else None
        return kind if isinstance(kind, Hidden) else None

    def _bare(self, node: str) -> bool:
        """Whether a load balancer of the plan is a network one without groups."""
        found = self._index.resource(node)
        return (
            found is not None
            and found.value("load_balancer_type") == "network"
            and not items(found.value("security_groups"))
        )


class _Atom(NamedTuple):
    """One source of a rule."""

    family: Family
    tried: str
    """The CIDR; the whole family where it cannot be read."""
    written: Any
    doubt: Note | None = None


class _Found(NamedTuple):
    ports: dict[int, None]
    sources: dict[str, None]


def _atom(resource: Resource, family: Family, value: Any, written: Any, name: str) -> _Atom:
    if isinstance(value, str):
        return _Atom(family, value, written)
    if isinstance(value, Hidden):
        note = words.unreadable(resource.address, name, value)
    else:
        note = words.malformed(resource.address, value, "it is no text")
    return _Atom(family, _ANYWHERE[family], written, note)


def _check_unmapped(source: str, *, touches: bool) -> None:
    """IPv4 networks in IPv6's clothes are judged by nobody: what AWS makes of them is not said."""
    if touches and ip_network(source.strip(), strict=False).overlaps(_MAPPED):
        raise MalformedRule(f"source {source!r} holds IPv4-mapped addresses; write them as IPv4")


def _written_ports(one: Spec) -> str:
    return " ".join(shown(value) for value in (one.protocol, one.from_port, one.to_port))
