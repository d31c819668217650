"""The gates: which groups of a VPC are ours, and whether they let in just what they should."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final, NamedTuple

from gatekeeper.account import AccountState, Family, Rule, SecurityGroup
from gatekeeper.gate import reading
from gatekeeper.gate.reading import MalformedRule
from gatekeeper.policy import Policy

GATE_NAMES: Final[dict[Family, str]] = {"ipv4": "gatekeeper-gate", "ipv6": "gatekeeper-gate-v6"}
SHUT_NAME: Final = "gatekeeper-shut"
"""A group without any rule: what an endpoint holds when the gate was its only group.

AWS wants at least one group on an interface and on a load balancer that has groups.
"""
MANAGED_TAG: Final = "gatekeeper:managed"
OWNER_TAG: Final = "gatekeeper:owner"
STACK_TAG: Final = "gatekeeper:stack"
"""What our components put on the groups that a stack owns: ``project/stack``."""
GATE_DESCRIPTION: Final = "Opened by gatekeeper for filed endpoints only"
SHUT_DESCRIPTION: Final = "Holds the place of the gate where it was the only group"
_ANYWHERE: Final[dict[Family, str]] = {"ipv4": "0.0.0.0/0", "ipv6": "::/0"}

GateKind = Family | str
"""A family, or ``SHUT``."""
SHUT: Final = "shut"

RuleKey = tuple[int, int, int, str]


def gate_name(kind: GateKind) -> str:
    return SHUT_NAME if kind == SHUT else GATE_NAMES["ipv6" if kind == "ipv6" else "ipv4"]


def gate_tags(policy: Policy) -> dict[str, str]:
    """The tags that make a gate ours."""
    return owner_tags(policy.owner)


def owner_tags(owner: str) -> dict[str, str]:
    """The tags of the gates of the installation with this owner id."""
    return {MANAGED_TAG: "true", OWNER_TAG: owner}


def gate_rules(kind: GateKind, policy: Policy) -> tuple[Rule, ...]:
    """What a gate lets in: each opened port from anywhere; the shut group lets in nothing."""
    if kind == SHUT:
        return ()
    return port_rules("ipv6" if kind == "ipv6" else "ipv4", policy.opened_ports)


def port_rules(family: Family, ports: Iterable[tuple[str, int]]) -> tuple[Rule, ...]:
    """One rule for each (protocol, port), from anywhere in the family."""
    return tuple(Rule(protocol, port, port, family, _ANYWHERE[family]) for protocol, port in ports)


class Alteration(NamedTuple):
    """How a gate of ours differs from what it should be."""

    missing: tuple[Rule, ...]
    extra: tuple[Rule, ...]
    egress: tuple[Rule, ...]

    def __bool__(self) -> bool:
        return bool(self.missing or self.extra or self.egress)


@dataclass(frozen=True, slots=True)
class Gates:
    """The gates of one account, by VPC and kind."""

    ours: dict[tuple[str, GateKind], SecurityGroup]
    foreign: dict[tuple[str, GateKind], SecurityGroup]

    def held(self, group_ids: tuple[str, ...], vpc_id: str, kind: GateKind) -> bool:
        """Whether an endpoint with these groups holds the gate of its VPC."""
        gate = self.ours.get((vpc_id, kind))
        return gate is not None and gate.group_id in group_ids

    def ids(self) -> frozenset[str]:
        """Every gate of ours."""
        return frozenset(group.group_id for group in self.ours.values())

    def foreign_in(self, vpc_id: str) -> SecurityGroup | None:
        """A group with a gate's name in this VPC that is not ours."""
        return next((g for (vpc, _), g in sorted(self.foreign.items()) if vpc == vpc_id), None)


def read_gates(state: AccountState, policy: Policy) -> Gates:
    """Tell our gates from foreign groups with a gate's name.

    A group of another account, which a shared VPC shows, is neither: it is that account's affair.
    """
    kinds: dict[str, GateKind] = {name: family for family, name in GATE_NAMES.items()}
    kinds[SHUT_NAME] = SHUT
    ours: dict[tuple[str, GateKind], SecurityGroup] = {}
    foreign: dict[tuple[str, GateKind], SecurityGroup] = {}
    for group in state.groups.values():
        kind = kinds.get(group.name)
        if kind is None or not state.owns(group.owner_id):
            continue
        mine = is_ours(group, policy)
        (ours if mine else foreign)[group.vpc_id, kind] = group
    return Gates(ours, foreign)


def is_ours(group: SecurityGroup, policy: Policy) -> bool:
    """Whether a group carries our tags with our owner id."""
    return all(group.tag(key) == value for key, value in gate_tags(policy).items())


def alteration(group: SecurityGroup, kind: GateKind, policy: Policy) -> Alteration:
    """What must change to make a gate right again; empty where it is."""
    wanted = {rule_key(rule): rule for rule in gate_rules(kind, policy)}
    present: set[RuleKey] = set()
    extra: list[Rule] = []
    for rule in group.rules:
        key = rule_key(rule)
        if key in wanted and key not in present:
            present.add(key)
        else:
            extra.append(rule)
    missing = tuple(rule for key, rule in wanted.items() if key not in present)
    return Alteration(missing, tuple(extra), group.egress)


def plain_group(group: SecurityGroup) -> SecurityGroup:
    """A group with its inbound rules as EC2 keeps them: equal groups are then equal values.

    Dumps and emulators also show protocol numbers, host bits, and ports of -1 for all of them.
    """
    return group._replace(rules=tuple(map(_plain, group.rules)))


def _plain(rule: Rule) -> Rule:
    try:
        protocol = reading.protocol_number(rule.protocol)
        ports = reading.read_ports(protocol, rule.from_port, rule.to_port)
        source = rule.source
        if rule.kind in ("ipv4", "ipv6"):
            network = reading.read_network(source)
            source = reading.cidr_text(network.family, network.low, network.high)
    except MalformedRule:
        return rule
    from_port, to_port = reading.aws_ports(protocol, ports)
    name = reading.aws_protocol(protocol)
    return Rule(name, from_port, to_port, rule.kind, source, rule.description)


def rule_key(rule: Rule) -> RuleKey:
    """What makes two rules the same to AWS: protocol, ports and source, never the description."""
    try:
        protocol = reading.protocol_number(rule.protocol)
        low, high = reading.read_ports(protocol, rule.from_port, rule.to_port)
    except MalformedRule:
        return (-2, 0, 0, f"{rule.protocol} {rule.from_port} {rule.to_port} {rule.source}")
    source = rule.source
    if rule.kind in ("ipv4", "ipv6"):
        try:
            network = reading.read_network(rule.source)
            source = reading.cidr_text(network.family, network.low, network.high)
        except MalformedRule:
            source = rule.source
    return (protocol, low, high, source)
