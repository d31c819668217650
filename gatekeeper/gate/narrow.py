"""Narrowing: a group's rules less the gated ports from the Internet, and nothing else.

Only rules that expose are touched, in the families asked for.  What they allowed besides is put
back as the fewest rules (``cover``): other ports from everywhere, gated ports from internal and
exempt sources.  Sources that can never send (loopback, link-local, multicast, reserved and
documentation blocks) are not put back on gated ports.  ``-1`` becomes ``-1`` from internal sources
and, from elsewhere, tcp and udp less the gated ports and the policy's kept protocols: AWS has no
rule for "every protocol but tcp".
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Final, NamedTuple

from gatekeeper.account import Family, Rule, SecurityGroup
from gatekeeper.gate import reading, spans
from gatekeeper.gate.cover import Band, smallest_cover
from gatekeeper.gate.internet import Internet
from gatekeeper.gate.reading import ALL_PROTOCOLS, EVERY_PORT, TCP, UDP, MalformedRule
from gatekeeper.gate.spans import Span, Spans
from gatekeeper.gate.traffic import combine_bands, rule_order, rule_sources
from gatekeeper.policy import PROTOCOL_NUMBERS, Policy

_GUARDED: Final = (TCP, UDP)


@dataclass(frozen=True, slots=True, kw_only=True)
class Narrowing:
    """What takes the gated ports out of one group.

    ``added`` go in first, then ``removed`` go out.  ``heirs`` gives, for each added rule, the
    removed rule whose description and tags it carries.
    """

    removed: tuple[Rule, ...]
    added: tuple[Rule, ...]
    heirs: Mapping[Rule, Rule]
    expanded_lists: tuple[str, ...] = ()
    """Prefix lists whose internal entries became plain CIDR rules."""

    def __bool__(self) -> bool:
        return bool(self.removed)


class _Exposing(NamedTuple):
    """An exposing rule, read."""

    rule: Rule
    protocol: int
    ports: Span
    sources: Spans

    @property
    def by_list(self) -> bool:
        return self.rule.kind == "prefix_list"


class Quota(NamedTuple):
    """Rules of one family: now, at the moment when old and new stand together, and afterwards."""

    family: Family
    now: int
    moment: int
    after: int


def narrow(
    group: SecurityGroup,
    families: Iterable[Family],
    internet: Internet,
    policy: Policy,
    entries: Mapping[Family, Mapping[str, Spans]],
) -> Narrowing:
    """How ``group`` loses the gated ports from ``internet`` in ``families``.

    ``entries`` gives, for each family, the addresses in every prefix list (empty for a list of the
    other family).

    Raises:
        MalformedRule: a rule that may expose cannot be resolved; nothing may be narrowed then.
    """
    removed: list[Rule] = []
    added: list[Rule] = []
    heirs: dict[Rule, Rule] = {}
    lists: set[str] = set()
    for family in families:
        one = _FamilyNarrowing(group, family, internet, policy, entries[family])
        removed.extend(e.rule for e in one.exposing)
        for rule in one.remainders():
            heir = one.heir(rule)
            described = rule._replace(description=heir.description)
            added.append(described)
            heirs[described] = heir
        lists |= one.expanded
    return Narrowing(
        removed=tuple(removed),
        added=tuple(sorted(added, key=rule_order)),
        heirs=heirs,
        expanded_lists=tuple(sorted(lists)),
    )


def quotas(
    rules: Sequence[Rule], narrowing: Narrowing, weights: Mapping[str, tuple[Family, int]]
) -> tuple[Quota, ...]:
    """How many rules of each family a narrowing needs room for.

    A prefix list counts its MaxEntries (``weights``: list id to family and MaxEntries), a group
    reference counts in both families (DESIGN §15; AWS, "Amazon VPC quotas").
    """

    def count(some: Iterable[Rule], family: Family) -> int:
        total = 0
        for rule in some:
            if rule.kind == "prefix_list":
                list_family, entries = weights.get(rule.source, (family, 1))
                total += entries if list_family == family else 0
            elif rule.kind in (family, "group", "malformed"):
                total += 1
        return total

    result = []
    for family in ("ipv4", "ipv6"):
        now = count(rules, family)
        plus = count(narrowing.added, family)
        minus = count(narrowing.removed, family)
        if plus or minus:
            result.append(Quota(family, now, now + plus, now + plus - minus))
    return tuple(result)


class _FamilyNarrowing:
    """One group in one family."""

    def __init__(
        self,
        group: SecurityGroup,
        family: Family,
        internet: Internet,
        policy: Policy,
        entries: Mapping[str, Spans],
    ) -> None:
        self.family = family
        self.kept = internet.kept(family)
        self.policy = policy
        self.gated: dict[int, Spans] = {
            number: spans.normalise(
                (p.port, p.port)
                for p in policy.gated_ports
                if PROTOCOL_NUMBERS[p.protocol] == number
            )
            for number in _GUARDED
        }
        self.exposing: list[_Exposing] = []
        self.standing: list[_Exposing] = []
        self.listed: dict[tuple[str, int], Spans] = {}
        """The ports that standing rules open to each prefix list, by list and protocol."""
        self.expanded: set[str] = set()
        for rule in group.rules:
            self._sort(rule, internet, entries)
        self.exposing.sort(key=lambda e: rule_order(e.rule))

    def _sort(self, rule: Rule, internet: Internet, entries: Mapping[str, Spans]) -> None:
        """Put a rule with those that expose, or with those that stand as they are."""
        if rule.kind == "group":
            return
        protocol = reading.protocol_number(rule.protocol)
        if protocol == ALL_PROTOCOLS:
            ports, touches = EVERY_PORT, any(self.gated.values())
        elif protocol in self.gated:
            ports = reading.read_ports(protocol, rule.from_port, rule.to_port)
            touches = spans.overlaps((ports,), self.gated[protocol])
        else:
            self._sort_harmless(rule, protocol, entries)
            return
        if not touches:
            self._sort_harmless(rule, protocol, entries)
            return
        sources = rule_sources(rule, self.family, entries)
        read = _Exposing(rule, protocol, ports, sources)
        if spans.overlaps(sources, internet.sources(self.family)):
            self.exposing.append(read)
        elif sources and not read.by_list:
            self.standing.append(read)

    def _sort_harmless(self, rule: Rule, protocol: int, entries: Mapping[str, Spans]) -> None:
        """A rule that cannot expose still makes a remainder needless, if it can be read."""
        with contextlib.suppress(MalformedRule):
            ports = reading.read_ports(protocol, rule.from_port, rule.to_port)
            if rule.kind == "prefix_list":
                key = (rule.source, protocol)
                self.listed[key] = spans.union(self.listed.get(key, spans.EMPTY), (ports,))
            elif rule.kind == self.family:
                sources = rule_sources(rule, self.family, entries)
                self.standing.append(_Exposing(rule, protocol, ports, sources))

    def _kept_protocols(self) -> tuple[int, ...]:
        numbers = {reading.protocol_number(name) for name in self.policy.kept_protocols}
        return tuple(sorted(numbers - set(_GUARDED)))

    def remainders(self) -> list[Rule]:
        """The rules to put back, without those that already stand."""
        if not self.exposing:
            return []
        result: list[Rule] = []
        wide = [e for e in self.exposing if e.protocol == ALL_PROTOCOLS]
        everything = self._all_protocols(wide, result)
        for protocol in _GUARDED:
            self._guarded(protocol, everything, result)
        if wide:
            for protocol in self._kept_protocols():
                self._kept_protocol(protocol, wide, everything, result)
        return list(dict.fromkeys(result))

    def _all_protocols(self, wide: list[_Exposing], result: list[Rule]) -> Spans:
        """``-1`` from internal sources; returns who may use every protocol afterwards."""
        standing = _sources(e for e in self.standing if e.protocol == ALL_PROTOCOLS)
        inside = spans.intersection(_sources(wide), self.kept)
        for exposing in wide:
            self._note_expansion(exposing)
        allowed = spans.union(standing, inside)
        missing = spans.difference(inside, standing)
        for block in spans.aligned_blocks(allowed):
            if spans.overlaps((block,), missing):
                result.append(self._rule(ALL_PROTOCOLS, EVERY_PORT, block))
        return allowed

    def _guarded(self, protocol: int, everything: Spans, result: list[Rule]) -> None:
        """tcp or udp: other ports from everywhere, gated ports from internal sources."""
        here = [e for e in self.exposing if e.protocol in (protocol, ALL_PROTOCOLS)]
        if not here:
            return
        gated = self.gated[protocol]
        free = spans.difference((EVERY_PORT,), gated)
        wanted: tuple[Band, ...] = ()
        self._lists(protocol, here, free, result)
        for exposing in here:
            inside = spans.intersection(exposing.sources, self.kept)
            if not exposing.by_list:
                for ports in spans.intersection((exposing.ports,), free):
                    wanted = _add(wanted, (*ports, exposing.sources))
            for ports in spans.intersection((exposing.ports,), gated):
                wanted = _add(wanted, (*ports, inside))
                if inside:
                    self._note_expansion(exposing)
        standing: tuple[Band, ...] = _add((), (*EVERY_PORT, everything))
        for rule in self.standing:
            if rule.protocol == protocol:
                standing = _add(standing, (*rule.ports, rule.sources))
        self._cover(protocol, wanted, standing, result)

    def _kept_protocol(
        self, protocol: int, wide: list[_Exposing], everything: Spans, result: list[Rule]
    ) -> None:
        wanted: tuple[Band, ...] = ()
        self._lists(protocol, wide, (EVERY_PORT,), result)
        for exposing in wide:
            if not exposing.by_list:
                wanted = _add(wanted, (*EVERY_PORT, exposing.sources))
        standing = _add((), (*EVERY_PORT, everything))
        for rule in self.standing:
            if rule.protocol == protocol and rule.ports == EVERY_PORT:
                standing = _add(standing, (*rule.ports, rule.sources))
        self._cover(protocol, wanted, standing, result)

    def _lists(
        self, protocol: int, exposing: Iterable[_Exposing], free: Spans, result: list[Rule]
    ) -> None:
        """What prefix lists keep, by reference: their entries may change later."""
        wanted: dict[str, Spans] = {}
        for one in exposing:
            if one.by_list:
                ports = spans.intersection((one.ports,), free)
                wanted[one.rule.source] = spans.union(wanted.get(one.rule.source, ()), ports)
        for list_id, ports in sorted(wanted.items()):
            standing = self.listed.get((list_id, protocol), spans.EMPTY)
            if protocol not in _GUARDED and standing != (EVERY_PORT,):
                standing = spans.EMPTY
            missing = spans.difference(ports, standing)
            for run in spans.union(ports, standing):
                if here := spans.intersection(missing, (run,)):
                    whole = (here[0][0], here[-1][1])
                    result.append(self._rule(protocol, whole, None, list_id))

    def _cover(
        self,
        protocol: int,
        wanted: tuple[Band, ...],
        standing: tuple[Band, ...],
        result: list[Rule],
    ) -> None:
        for ports, block in _fewest(wanted, standing):
            result.append(self._rule(protocol, ports, block))

    def _note_expansion(self, exposing: _Exposing) -> None:
        if exposing.by_list and spans.overlaps(exposing.sources, self.kept):
            self.expanded.add(exposing.rule.source)

    def _rule(
        self, protocol: int, ports: Span, block: Span | None, list_id: str | None = None
    ) -> Rule:
        from_port, to_port = reading.aws_ports(protocol, ports)
        name = reading.aws_protocol(protocol)
        if list_id is not None:
            return Rule(name, from_port, to_port, "prefix_list", list_id)
        assert block is not None
        return Rule(name, from_port, to_port, self.family, reading.cidr_text(self.family, *block))

    def heir(self, remainder: Rule) -> Rule:
        """The removed rule that a remainder comes from: the first, by port and source, to hold it.

        Where none holds the whole remainder, the first that shares something with it.
        """
        protocol = reading.protocol_number(remainder.protocol)
        ports = reading.read_ports(protocol, remainder.from_port, remainder.to_port)
        by_list = remainder.kind == "prefix_list"
        block: Spans = ()
        if not by_list:
            network = reading.read_network(remainder.source)
            block = ((network.low, network.high),)
        sharing: Rule | None = None
        for exposing in self.exposing:
            if exposing.protocol not in (protocol, ALL_PROTOCOLS):
                continue
            if by_list and exposing.rule.source != remainder.source:
                continue
            if not spans.overlaps((ports,), (exposing.ports,)):
                continue
            if spans.covers(exposing.sources, block) and spans.covers((exposing.ports,), (ports,)):
                return exposing.rule
            if sharing is None and (by_list or spans.overlaps(exposing.sources, block)):
                sharing = exposing.rule
        return sharing or self.exposing[0].rule


@lru_cache(maxsize=4096)
def _fewest(wanted: tuple[Band, ...], standing: tuple[Band, ...]) -> tuple[tuple[Span, Span], ...]:
    """The fewest rectangles that give ``wanted`` beside ``standing``.

    The kept protocols of one group ask the same, and so do the many groups of one VPC.
    """
    required = combine_bands(wanted, standing, spans.difference)
    return smallest_cover(required, combine_bands(wanted, standing, spans.union))


def _sources(rules: Iterable[_Exposing]) -> Spans:
    return spans.normalise(span for rule in rules for span in rule.sources)


def _add(bands: tuple[Band, ...], band: Band) -> tuple[Band, ...]:
    """``bands`` with one more band."""
    if not band[2]:
        return bands
    return combine_bands(bands, (band,), spans.union) if bands else (band,)
