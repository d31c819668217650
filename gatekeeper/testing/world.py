"""Everything that stands in one account, as dictionaries of immutable values."""

from __future__ import annotations

from dataclasses import dataclass, field

from gatekeeper.account import Address, Interface, LoadBalancer, PrefixList, SecurityGroup, Vpc
from gatekeeper.testing.rules import RuleKey

RuleTags = dict[RuleKey, dict[str, str]]


@dataclass(slots=True)
class World:
    """One account at one moment; copying it is cheap, since the values never change."""

    vpcs: dict[str, Vpc] = field(default_factory=dict)
    groups: dict[str, SecurityGroup] = field(default_factory=dict)
    interfaces: dict[str, Interface] = field(default_factory=dict)
    addresses: dict[str, Address] = field(default_factory=dict)
    """EIPs, by address."""
    load_balancers: dict[str, LoadBalancer] = field(default_factory=dict)
    """By ARN."""
    prefix_lists: dict[str, PrefixList] = field(default_factory=dict)
    rule_tags: dict[str, RuleTags] = field(default_factory=dict)
    """Group to the tags of its inbound rules."""

    def copy(self) -> World:
        return World(
            vpcs=dict(self.vpcs),
            groups=dict(self.groups),
            interfaces=dict(self.interfaces),
            addresses=dict(self.addresses),
            load_balancers=dict(self.load_balancers),
            prefix_lists=dict(self.prefix_lists),
            rule_tags={group: dict(tags) for group, tags in self.rule_tags.items()},
        )

    def users(self, group_id: str) -> frozenset[str]:
        """The interfaces and load balancers that hold a group."""
        holders = [i.interface_id for i in self.interfaces.values() if group_id in i.group_ids]
        holders += [b.arn for b in self.load_balancers.values() if group_id in b.group_ids]
        return frozenset(holders)
