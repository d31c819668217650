"""What the groups of an account let the Internet reach, each group read once.

A rule is judged with three small tables: its (protocol, ports) touch which gated ports; its source
lets in the Internet of the group's VPC or not; anything that cannot be resolved is a doubt about
every gated port that it might open.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from gatekeeper.account import FAMILIES, AccountState, Doubt, Family, Rule, SecurityGroup
from gatekeeper.gate import reading, spans
from gatekeeper.gate.internet import Internet, networks
from gatekeeper.gate.model import TracedRule
from gatekeeper.gate.reading import MalformedRule
from gatekeeper.gate.spans import Spans
from gatekeeper.policy import PROTOCOL_NUMBERS, Policy, Port

PortsKey = tuple[str, int | None, int | None]
SourceKey = tuple[str, str]


_WIDEST_VPC: Final[dict[Family, int]] = {"ipv4": 50 * 2**16, "ipv6": 50 * 2**84}
"""More than any VPC's blocks: AWS allows 50 of them at most, each no wider than /16 or /44."""


@dataclass(slots=True)
class GroupReach:
    """What one group lets the Internet reach: for each family and gated port, the rules."""

    exposing: dict[tuple[Family, Port], tuple[TracedRule, ...]] = field(default_factory=dict)
    doubts: dict[Family, list[Doubt]] = field(default_factory=dict)

    def add(self, family: Family, port: Port, traced: TracedRule) -> None:
        self.exposing[family, port] = (*self.exposing.get((family, port), ()), traced)

    def doubt(self, family: Family, doubt: Doubt) -> None:
        known = self.doubts.setdefault(family, [])
        if doubt not in known:
            known.append(doubt)


class ReachReader:
    """Reads the groups of one account state under one policy at one time."""

    def __init__(self, state: AccountState, policy: Policy, at: datetime) -> None:
        self.state = state
        self.policy = policy
        self.at = at
        self.gated = policy.gated_ports
        self._numbers = {PROTOCOL_NUMBERS[port.protocol] for port in self.gated}
        self._ports: dict[PortsKey, tuple[Port, ...] | Doubt] = {}
        self._internets: dict[tuple[str, ...] | None, Internet] = {}
        self._sources: dict[int, dict[SourceKey, Family | Doubt | None]] = {}
        self._groups: dict[str, GroupReach] = {}
        self._entries: dict[str, Spans | None] = {}
        self._unreached: dict[tuple[tuple[str, ...], str, Family], tuple[Port, ...]] = {}
        self._allowed: dict[str, dict[tuple[Family, Port], Spans]] = {}

    def internet(self, vpc_id: str) -> Internet:
        """The Internet as a VPC sees it; a VPC that was not read takes no blocks out of it."""
        vpc = self.state.vpcs.get(vpc_id)
        blocks = None if vpc is None else vpc.blocks
        found = self._internets.get(blocks)
        if found is None:
            found = Internet.of(self.policy, self.at, blocks or ())
            self._internets[blocks] = found
        return found

    def group(self, group_id: str) -> GroupReach | None:
        """What a group lets in; ``None`` where the answers lack the group."""
        try:
            return self._groups[group_id]
        except KeyError:
            group = self.state.groups.get(group_id)
            if group is None:
                return None
            known = self._groups[group_id] = self._read(group)
            return known

    def prefix_entries(self, family: Family) -> Mapping[str, Spans]:
        """The addresses in each prefix list that could be read, in one family."""
        found: dict[str, Spans] = {}
        for list_id, prefix_list in self.state.prefix_lists.items():
            if prefix_list.family == family and self.entries(list_id) is not None:
                found[list_id] = self.entries(list_id) or spans.EMPTY
            elif self.entries(list_id) is not None:
                found[list_id] = spans.EMPTY
        return found

    def entries(self, list_id: str) -> Spans | None:
        """The addresses in a prefix list; ``None`` where it was not read or makes no sense."""
        if list_id not in self._entries:
            prefix_list = self.state.prefix_lists.get(list_id)
            read: Spans | None = None
            if prefix_list is not None and prefix_list.entries is not None:
                try:
                    read = networks(prefix_list.family, prefix_list.entries)
                except MalformedRule:
                    read = None
            self._entries[list_id] = read
        return self._entries[list_id]

    def unreached(
        self, group_ids: tuple[str, ...], vpc_id: str, family: Family
    ) -> tuple[Port, ...]:
        """The opened ports that some part of the Internet cannot reach through some groups."""
        key = (group_ids, vpc_id, family)
        known = self._unreached.get(key)
        if known is None:
            internet = self.internet(vpc_id).sources(family)
            known = self._unreached[key] = tuple(
                port
                for port in self.policy.opened_ports
                if (internet and self._shut(group_ids, family, port))
                or not spans.covers(self.sources(group_ids, family, port), internet)
            )
        return known

    def _shut(self, group_ids: Iterable[str], family: Family, port: Port) -> bool:
        """Whether some groups surely let no part of the Internet reach a port."""
        groups = map(self.group, group_ids)
        return all(
            group is not None and not group.doubts and (family, port) not in group.exposing
            for group in groups
        )

    def sources(self, group_ids: Iterable[str], family: Family, port: Port) -> Spans:
        """Every source that some groups let reach one port; doubtful rules count as nothing."""
        found = spans.EMPTY
        for group_id in group_ids:
            allowed = self._allowed.get(group_id)
            if allowed is None:
                allowed = self._allowed[group_id] = self._allowed_by(group_id)
            found = spans.union(found, allowed.get((family, port), spans.EMPTY))
        return found

    def _allowed_by(self, group_id: str) -> dict[tuple[Family, Port], Spans]:
        group = self.state.groups.get(group_id)
        found: dict[tuple[Family, Port], list[spans.Span]] = {}
        for rule in group.rules if group else ():
            ports = self._touched(rule)
            if isinstance(ports, Doubt):
                continue
            for port in ports:
                for family in FAMILIES:
                    if senders := self._senders(rule, family):
                        found.setdefault((family, port), []).extend(senders)
        return {key: spans.normalise(senders) for key, senders in found.items()}

    def _senders(self, rule: Rule, family: Family) -> Spans:
        """The sources of one rule; none where it cannot be resolved."""
        if rule.kind == "prefix_list":
            prefix_list = self.state.prefix_lists.get(rule.source)
            if prefix_list is None or prefix_list.family != family:
                return spans.EMPTY
            return self.entries(rule.source) or spans.EMPTY
        if rule.kind != family:
            return spans.EMPTY
        try:
            network = reading.read_network(rule.source)
        except MalformedRule:
            return spans.EMPTY
        return ((network.low, network.high),) if network.family == family else spans.EMPTY

    def _read(self, group: SecurityGroup) -> GroupReach:
        reach = GroupReach()
        internet = self.internet(group.vpc_id)
        sources = self._sources.setdefault(id(internet), {})
        ports_of = self._ports
        for rule in group.rules:
            try:
                ports = ports_of[rule[:3]]
            except KeyError:
                ports = self._touched(rule)
            if not ports:
                continue
            source_key = rule[3:5]
            if source_key[0] == "group":
                continue
            try:
                verdict = sources[source_key]
            except KeyError:
                verdict = sources[source_key] = self._let_in(rule, internet)
            if verdict is None:
                continue
            if isinstance(ports, Doubt) or isinstance(verdict, Doubt):
                doubt = ports if isinstance(ports, Doubt) else verdict
                assert isinstance(doubt, Doubt)
                families = FAMILIES if isinstance(verdict, Doubt) else (verdict,)
                for family in families:
                    reach.doubt(family, _in_group(group, doubt))
                continue
            traced = TracedRule(group.group_id, rule)
            for port in ports:
                reach.add(verdict, port, traced)
        if not self._blocks_known(group.vpc_id):
            self._doubt_vpc(group, reach)
        return reach

    def _blocks_known(self, vpc_id: str) -> bool:
        """Whether the answers tell a VPC's blocks; an answer that holds no VPC at all counts."""
        if vpc_id in self.state.vpcs:
            return True
        return not self.state.vpcs and self.state.failed("DescribeVpcs") is None

    def _doubt_vpc(self, group: SecurityGroup, reach: GroupReach) -> None:
        """Without the VPC's own blocks nobody can say which public sources are internal.

        What no VPC could hold is exposed all the same.
        """
        doubt = Doubt(
            f"the blocks of {group.vpc_id} were not read, so {group.group_id} cannot be judged",
            f"未读取 {group.vpc_id} 的网段，无法判断 {group.group_id}",
        )
        internet = self.internet(group.vpc_id)
        for family, port in list(reach.exposing):
            reach.doubt(family, doubt)
            routable = internet.sources(family)
            certain = tuple(
                traced
                for traced in reach.exposing.pop((family, port))
                if spans.size(spans.intersection(self._senders(traced.rule, family), routable))
                > _WIDEST_VPC[family]
            )
            if certain:
                reach.exposing[family, port] = certain

    def _touched(self, rule: Rule) -> tuple[Port, ...] | Doubt:
        """The gated ports that a rule's protocol and ports touch."""
        key = (rule.protocol, rule.from_port, rule.to_port)
        known = self._ports.get(key)
        if known is not None:
            return known
        result: tuple[Port, ...] | Doubt
        try:
            number = reading.protocol_number(rule.protocol)
            if number == reading.ALL_PROTOCOLS:
                result = self.gated
            elif number not in self._numbers:
                result = ()
            else:
                low, high = reading.read_ports(number, rule.from_port, rule.to_port)
                result = tuple(
                    port
                    for port in self.gated
                    if PROTOCOL_NUMBERS[port.protocol] == number and low <= port.port <= high
                )
        except MalformedRule as error:
            result = Doubt(str(error), f"规则无法解析：{error}")
        self._ports[key] = result
        return result

    def _let_in(self, rule: Rule, internet: Internet) -> Family | Doubt | None:
        """The family in which a rule's source holds part of the Internet, if any."""
        if rule.kind == "prefix_list":
            entries = self.entries(rule.source)
            if entries is None:
                return Doubt(
                    f"prefix list {rule.source} could not be read",
                    f"前缀列表 {rule.source} 未能读取",
                )
            family = self.state.prefix_lists[rule.source].family
            return family if spans.overlaps(internet.sources(family), entries) else None
        if rule.kind == "malformed":
            return Doubt(f"source {rule.source!r} cannot be read", f"来源 {rule.source!r} 无法解析")
        try:
            reading.rule_family(rule)
            family, low, high = reading.read_network(rule.source)
        except MalformedRule as error:
            return Doubt(str(error), f"规则无法解析：{error}")
        return family if spans.meets(internet.sources(family), low, high) else None


def _in_group(group: SecurityGroup, doubt: Doubt) -> Doubt:
    return Doubt(f"{group.group_id}: {doubt.reason}", f"{group.group_id}：{doubt.reason_zh}")
