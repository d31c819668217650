"""The traffic algebra: exact sets over (protocol, port, source) of one address family.

A set is held as *planes*: for each protocol the port axis cut into bands, each with the sources
that may use it.  ``rest`` holds the sources that may use every protocol that has no plane of its
own, so that "all protocols" stays finite and exact: all 256 protocol numbers are told apart.  For
ICMP the port axis holds the type-code pairs (``reading.read_ports``); protocols without ports have
one band.

Every operation is closed and exact: equal sets are equal values.  ``to_rules`` gives back the
fewest AWS rules that the cover search finds (``gatekeeper.gate.cover``).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from functools import reduce
from itertools import pairwise
from typing import Final

from gatekeeper.account import Family, Rule
from gatekeeper.gate import reading, spans
from gatekeeper.gate.cover import Band, smallest_cover
from gatekeeper.gate.reading import ALL_PROTOCOLS, EVERY_PORT, MalformedRule
from gatekeeper.gate.spans import Spans

Bands = tuple[Band, ...]
_Operation = Callable[[Spans, Spans], Spans]
_PROTOCOLS: Final = range(256)
_HALF: Final = len(_PROTOCOLS) // 2


@dataclass(frozen=True, slots=True)
class Traffic:
    """A set of (protocol, port, source) of one family."""

    family: Family
    planes: Mapping[int, Bands] = field(default_factory=dict)
    rest: Spans = spans.EMPTY

    @classmethod
    def of(cls, family: Family, protocol: int, ports: spans.Span, sources: Spans) -> Traffic:
        """The traffic of ``protocol`` (or ``ALL_PROTOCOLS``) on ``ports`` from ``sources``."""
        if not sources:
            return cls(family)
        if protocol == ALL_PROTOCOLS:
            return cls(family, {}, sources)
        return cls(family, {protocol: ((*ports, sources),)})

    def union(self, other: Traffic) -> Traffic:
        return self._combine(other, spans.union)

    def intersection(self, other: Traffic) -> Traffic:
        return self._combine(other, spans.intersection)

    def difference(self, other: Traffic) -> Traffic:
        """What this set holds and ``other`` does not."""
        return self._combine(other, spans.difference)

    __or__ = union
    __and__ = intersection
    __sub__ = difference

    def __bool__(self) -> bool:
        return bool(self.planes or self.rest)

    def plane(self, protocol: int) -> Bands:
        """The bands of one protocol number."""
        found = self.planes.get(protocol)
        return self._rest_bands() if found is None else found

    def sources(self, protocol: int, port: int) -> Spans:
        """Who may use one port of one protocol."""
        for low, high, allowed in self.plane(protocol):
            if low <= port <= high:
                return allowed
        return spans.EMPTY

    def allows(self, protocol: int, port: int, address: int) -> bool:
        return spans.covers(self.sources(protocol, port), ((address, address),))

    def only(self, protocols: Iterable[int]) -> Traffic:
        """The part of the set that uses one of ``protocols``."""
        kept = {number: self.plane(number) for number in protocols}
        return Traffic(self.family, {n: bands for n, bands in kept.items() if bands})

    def to_rules(self) -> tuple[Rule, ...]:
        """The fewest rules found that allow exactly this set, sorted.

        One ``-1`` rule a block of the sources that may use every protocol; the rest of each
        protocol is covered beside it.  "Every protocol but one" takes a rule for each of the 255.
        """
        common = self._common()
        rules: list[Rule] = [
            _rule(self.family, ALL_PROTOCOLS, EVERY_PORT, block)
            for block in spans.aligned_blocks(common)
        ]
        standing: Bands = ((*EVERY_PORT, common),) if common else ()
        for protocol in _PROTOCOLS if common != self.rest else sorted(self.planes):
            bands = self.plane(protocol)
            cover = _icmp_cover if protocol in reading.WITH_TYPES else smallest_cover
            required = combine_bands(bands, standing, spans.difference)
            rules.extend(
                _rule(self.family, protocol, ports, block)
                for ports, block in cover(required, bands)
            )
        return tuple(sorted(rules, key=rule_order))

    def _common(self) -> Spans:
        """The sources that may use every port of every protocol."""
        planes = self.planes.values()
        return reduce(
            spans.intersection, (_everywhere(bands, EVERY_PORT) for bands in planes), self.rest
        )

    def _rest_bands(self) -> Bands:
        return ((*EVERY_PORT, self.rest),) if self.rest else ()

    def _combine(self, other: Traffic, operation: _Operation) -> Traffic:
        if self.family != other.family:
            raise ValueError(f"{self.family} and {other.family} traffic do not mix")
        rest = operation(self.rest, other.rest)
        whole: Bands = ((*EVERY_PORT, rest),) if rest else ()
        planes: dict[int, Bands] = {}
        for number in self.planes.keys() | other.planes.keys():
            bands = combine_bands(self.plane(number), other.plane(number), operation)
            if bands != whole:
                planes[number] = bands
        if len(planes) >= _HALF:
            return _with_commonest_rest(self.family, planes, whole)
        return Traffic(self.family, planes, rest)


def _icmp_cover(required: Bands, allowed: Bands) -> tuple[tuple[spans.Span, spans.Span], ...]:
    """The fewest rules for type-code pairs: AWS can name every type, one type, or one pair."""
    found: list[tuple[spans.Span, spans.Span]] = []
    for width in (65536, 256, 1):
        starts = {n for low, high, _ in required for n in range(low // width, high // width + 1)}
        for ports in ((n * width, n * width + width - 1) for n in sorted(starts)):
            may, needs = _everywhere(allowed, ports), _somewhere(required, ports)
            blocks = [b for b in spans.aligned_blocks(may) if spans.overlaps((b,), needs)]
            found.extend((ports, block) for block in blocks)
            if blocks:
                done = ((*ports, spans.normalise(blocks)),)
                required = combine_bands(required, done, spans.difference)
    return tuple(found)


def _everywhere(bands: Bands, ports: spans.Span) -> Spans:
    """The sources that may use every one of ``ports``."""
    cut = _within(bands, ports)
    if spans.normalise((low, high) for low, high, _ in cut) != (ports,):
        return spans.EMPTY
    return reduce(spans.intersection, (sources for _, _, sources in cut))


def _somewhere(bands: Bands, ports: spans.Span) -> Spans:
    """The sources that may use some of ``ports``."""
    return reduce(spans.union, (sources for _, _, sources in _within(bands, ports)), spans.EMPTY)


def _within(bands: Bands, ports: spans.Span) -> list[Band]:
    """The parts of ``bands`` inside ``ports``."""
    return [
        (max(low, ports[0]), min(high, ports[1]), sources)
        for low, high, sources in bands
        if low <= ports[1] and high >= ports[0]
    ]


def _with_commonest_rest(family: Family, planes: Mapping[int, Bands], whole: Bands) -> Traffic:
    """The one form of a set that names most protocols: the commonest plain band is ``rest``."""
    every = {number: planes.get(number, whole) for number in _PROTOCOLS}
    plain = Counter(bands for bands in every.values() if _is_plain(bands))
    if not plain:
        return Traffic(family, {n: bands for n, bands in every.items() if bands}, spans.EMPTY)
    common = min(plain, key=lambda bands: (-plain[bands], bands))
    rest = common[0][2] if common else spans.EMPTY
    return Traffic(family, {n: bands for n, bands in every.items() if bands != common}, rest)


def _is_plain(bands: Bands) -> bool:
    return not bands or (len(bands) == 1 and bands[0][:2] == EVERY_PORT)


def combine_bands(first: Bands, second: Bands, operation: _Operation) -> Bands:
    """``operation`` on the sources of every port of two planes."""
    edges = sorted(
        {low for low, _, _ in (*first, *second)} | {high + 1 for _, high, _ in (*first, *second)}
    )
    result: list[Band] = []
    i = j = 0
    for low, after in pairwise(edges):
        while i < len(first) and first[i][1] < low:
            i += 1
        while j < len(second) and second[j][1] < low:
            j += 1
        a = first[i][2] if i < len(first) and first[i][0] <= low else spans.EMPTY
        b = second[j][2] if j < len(second) and second[j][0] <= low else spans.EMPTY
        sources = operation(a, b)
        if not sources:
            continue
        if result and result[-1][1] == low - 1 and result[-1][2] == sources:
            result[-1] = (result[-1][0], after - 1, sources)
        else:
            result.append((low, after - 1, sources))
    return tuple(result)


def rule_traffic(
    rule: Rule, family: Family, prefix_entries: Mapping[str, Spans] | None = None
) -> Traffic:
    """What one rule allows in ``family``; a reference to a group allows no public source.

    ``prefix_entries`` gives the sources of each prefix list in this family.

    Raises:
        MalformedRule: the rule, or the list that it names, cannot be resolved.
    """
    protocol = reading.protocol_number(rule.protocol)
    ports = reading.read_ports(protocol, rule.from_port, rule.to_port)
    return Traffic.of(family, protocol, ports, rule_sources(rule, family, prefix_entries))


def rule_sources(
    rule: Rule, family: Family, prefix_entries: Mapping[str, Spans] | None = None
) -> Spans:
    """The sources of one rule in ``family``.

    Raises:
        MalformedRule: the source, or the list that it names, cannot be resolved.
    """
    if rule.kind == "group":
        return spans.EMPTY
    if rule.kind == "prefix_list":
        if prefix_entries is None or rule.source not in prefix_entries:
            raise MalformedRule(f"prefix list {rule.source} was not read")
        return prefix_entries[rule.source]
    if rule.kind == "malformed":
        raise MalformedRule(f"source {rule.source!r} cannot be read")
    if reading.rule_family(rule) != family:
        return spans.EMPTY
    network = reading.read_network(rule.source)
    return ((network.low, network.high),)


def rules_traffic(
    rules: Iterable[Rule], family: Family, prefix_entries: Mapping[str, Spans] | None = None
) -> Traffic:
    """What a list of rules allows together."""
    total = Traffic(family)
    for rule in rules:
        total |= rule_traffic(rule, family, prefix_entries)
    return total


def rule_order(rule: Rule) -> tuple[int, int, int, int, int, str]:
    """By port, then source (family, address, width), then protocol: the order people read in."""
    from_port = -1 if rule.from_port is None else rule.from_port
    to_port = 65536 if rule.to_port is None else rule.to_port
    try:
        network = reading.read_network(rule.source)
        place = (4 if network.family == "ipv4" else 6, network.low)
    except MalformedRule:
        place = (9, 0)
    return (from_port, to_port, *place, len(rule.protocol), f"{rule.protocol} {rule.source}")


def _rule(family: Family, protocol: int, ports: spans.Span, block: spans.Span) -> Rule:
    from_port, to_port = reading.aws_ports(protocol, ports)
    return Rule(
        reading.aws_protocol(protocol),
        from_port,
        to_port,
        family,
        reading.cidr_text(family, *block),
    )
