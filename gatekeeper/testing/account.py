"""One account in memory, with EC2's and ELB's semantics: a call does all of it, or nothing.

Where AWS's documentation leaves something open, what is here was seen on AWS: a revoke that does
not match fails as a whole in a VPC of one's own, and passes over it in the default VPC.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, Literal

from gatekeeper.account import (
    Address,
    Association,
    Interface,
    Listener,
    LoadBalancer,
    LoadBalancerType,
    PrefixList,
    Rule,
    SecurityGroup,
    Vpc,
    balancer_path,
)
from gatekeeper.testing.rules import RuleKey, in_answer_order, kept, key_of, refusal
from gatekeeper.testing.world import World

_EGRESS: Final = Rule("-1", None, None, "ipv4", "0.0.0.0/0")
_EGRESS_V6: Final = Rule("-1", None, None, "ipv6", "::/0")
_KINDS: Final = {
    LoadBalancerType.APPLICATION: "app",
    LoadBalancerType.NETWORK: "net",
    LoadBalancerType.GATEWAY: "gwy",
}
Direction = Literal["ingress", "egress"]


@dataclass(slots=True)
class FakeAccount:
    """What the account's owner, its customers and gatekeeper do to it."""

    account_id: str
    region: str
    next_id: Callable[[], int]
    rules_per_group: int = 60
    groups_per_interface: int = 5
    world: World = field(default_factory=World)

    # network ---------------------------------------------------------------------------------

    def add_vpc(self, *blocks: str, default: bool = False) -> str:
        vpc_id = self._id("vpc")
        self.world.vpcs[vpc_id] = Vpc(vpc_id, blocks, default)
        return vpc_id

    def add_prefix_list(self, *entries: str, max_entries: int = 10) -> str:
        list_id = self._id("pl")
        family: Literal["ipv4", "ipv6"] = "ipv6" if ":" in entries[0] else "ipv4"
        self.world.prefix_lists[list_id] = PrefixList(
            list_id, list_id, family, max_entries, entries
        )
        return list_id

    def add_interface(
        self,
        vpc_id: str,
        groups: Sequence[str],
        *,
        eips: Iterable[str] = (),
        lent: Iterable[str] = (),
        ipv6: Sequence[str] = (),
        description: str = "",
        requester_managed: bool = False,
    ) -> str:
        """An interface; ``eips`` are allocated where they are new, ``lent`` are AWS's own."""
        interface_id = self._id("eni")
        owner = "amazon-elb" if description.startswith("ELB ") else "amazon"
        self.world.interfaces[interface_id] = Interface(
            interface_id,
            vpc_id,
            description,
            "interface",
            requester_managed,
            "amazon-rds" if requester_managed else "",
            tuple(groups),
            tuple(Association(ip, owner) for ip in lent),
            tuple(ipv6),
            owner_id=self.account_id,
        )
        for ip in eips:
            self.associate(ip, interface_id)
        return interface_id

    def remove_interface(self, interface_id: str) -> None:
        for ip in [a.public_ip for a in self._on(interface_id)]:
            self.disassociate(ip)
        del self.world.interfaces[interface_id]

    def set_ipv6(self, interface_id: str, ipv6: Sequence[str]) -> None:
        interface = self.world.interfaces[interface_id]
        self.world.interfaces[interface_id] = interface._replace(ipv6=tuple(ipv6))

    def hand_over(self, name: str, owner_id: str) -> None:
        """Let another account own a group, or an interface with its EIPs: a shared VPC has such."""
        if name in self.world.groups:
            self.world.groups[name] = self.world.groups[name]._replace(owner_id=owner_id)
            return
        interface = self.world.interfaces[name]
        theirs = tuple(
            one._replace(owner_id=owner_id) if one.allocation_id else one
            for one in interface.associations
        )
        self.world.interfaces[name] = interface._replace(owner_id=owner_id, associations=theirs)
        for address in self._on(name):
            del self.world.addresses[address.public_ip]

    # addresses -------------------------------------------------------------------------------

    def allocate(self, ip: str) -> None:
        self.world.addresses.setdefault(ip, Address(ip, self._id("eipalloc")))

    def associate(self, ip: str, interface_id: str) -> None:
        """Put an EIP on an interface, off the one that it was on before."""
        self.allocate(ip)
        self.disassociate(ip)
        address = self.world.addresses[ip]._replace(
            association_id=self._id("eipassoc"), interface_id=interface_id
        )
        self.world.addresses[ip] = address
        interface = self.world.interfaces[interface_id]
        one = Association(ip, self.account_id, address.allocation_id)
        self.world.interfaces[interface_id] = interface._replace(
            associations=(*interface.associations, one)
        )

    def disassociate(self, ip: str) -> None:
        address = self.world.addresses[ip]
        if address.interface_id is None:
            return
        interface = self.world.interfaces[address.interface_id]
        left = tuple(one for one in interface.associations if one.public_ip != ip)
        self.world.interfaces[interface.interface_id] = interface._replace(associations=left)
        self.world.addresses[ip] = Address(ip, address.allocation_id)

    def release(self, ip: str) -> None:
        self.disassociate(ip)
        del self.world.addresses[ip]

    def _on(self, interface_id: str) -> list[Address]:
        return [a for a in self.world.addresses.values() if a.interface_id == interface_id]

    # load balancers --------------------------------------------------------------------------

    def add_load_balancer(
        self,
        name: str,
        vpc_id: str,
        groups: Sequence[str],
        *,
        kind: LoadBalancerType = LoadBalancerType.APPLICATION,
        scheme: str = "internet-facing",
        listeners: Sequence[Listener] | None = None,
    ) -> str:
        prefix = f"arn:aws-cn:elasticloadbalancing:{self.region}:{self.account_id}:loadbalancer"
        number = f"{self.next_id():016x}"
        path = name if kind is LoadBalancerType.CLASSIC else f"{_KINDS[kind]}/{name}/{number}"
        arn = f"{prefix}/{path}"
        dns = f"{name}-{number}.{self.region}.elb.amazonaws.com.cn"
        self.world.load_balancers[arn] = LoadBalancer(
            arn,
            name,
            dns,
            kind,
            scheme,
            vpc_id,
            tuple(groups),
            None if listeners is None else tuple(listeners),
        )
        return arn

    def grow(self, arn: str, ip: str, *, eip: bool = False) -> str:
        """A load balancer gains an interface with one public address, AWS's or an EIP."""
        balancer = self.world.load_balancers[arn]
        return self.add_interface(
            balancer.vpc_id,
            balancer.group_ids,
            eips=(ip,) if eip else (),
            lent=() if eip else (ip,),
            description=f"ELB {balancer_path(balancer)}",
            requester_managed=True,
        )

    def set_balancer_groups(self, arn: str, group_ids: Sequence[str]) -> None:
        balancer = self.world.load_balancers.get(arn)
        classic = balancer is not None and balancer.type is LoadBalancerType.CLASSIC
        operation = "ApplySecurityGroupsToLoadBalancer" if classic else "SetSecurityGroups"
        if balancer is None:
            raise refusal(operation, "LoadBalancerNotFound", f"no load balancer {arn}")
        if not balancer.group_ids:
            raise refusal(
                operation,
                "InvalidConfigurationRequest",
                "a load balancer made without security groups takes none",
            )
        self._check_groups(operation, balancer.vpc_id, group_ids, "InvalidSecurityGroup")
        self.world.load_balancers[arn] = balancer._replace(group_ids=tuple(group_ids))
        described = f"ELB {balancer_path(balancer)}"
        for interface in list(self.world.interfaces.values()):
            if interface.description == described:
                self.world.interfaces[interface.interface_id] = interface._replace(
                    group_ids=tuple(group_ids)
                )

    def set_interface_groups(self, interface_id: str, group_ids: Sequence[str]) -> None:
        operation = "ModifyNetworkInterfaceAttribute"
        interface = self.world.interfaces.get(interface_id)
        if interface is None:
            raise refusal(
                operation, "InvalidNetworkInterfaceID.NotFound", f"no interface {interface_id}"
            )
        self._check_owner(operation, interface_id, interface.owner_id)
        if interface.requester_managed:
            raise refusal(
                operation, "OperationNotPermitted", f"another service manages {interface_id}"
            )
        self._check_groups(operation, interface.vpc_id, group_ids, "InvalidGroup.NotFound")
        self.world.interfaces[interface_id] = interface._replace(group_ids=tuple(group_ids))

    def _check_groups(
        self, operation: str, vpc_id: str, group_ids: Sequence[str], unknown: str
    ) -> None:
        if not group_ids:
            raise refusal(operation, "InvalidParameterValue", "at least one group is needed")
        if len(set(group_ids)) != len(group_ids):
            raise refusal(operation, "InvalidParameterValue", "a group is named twice")
        if len(group_ids) > self.groups_per_interface:
            raise refusal(
                operation,
                "SecurityGroupsPerInterfaceLimitExceeded",
                f"{len(group_ids)} groups, {self.groups_per_interface} are allowed",
            )
        for group_id in group_ids:
            group = self.world.groups.get(group_id)
            if group is None or group.vpc_id != vpc_id:
                raise refusal(operation, unknown, f"{vpc_id} has no security group {group_id}")

    # groups ----------------------------------------------------------------------------------

    def create_group(
        self,
        vpc_id: str,
        name: str,
        *,
        description: str = "made by hand",
        tags: Mapping[str, str] | None = None,
        rules: Sequence[Rule] = (),
    ) -> str:
        """A group with the outbound rules that AWS gives it; ``rules`` are added after."""
        operation = "CreateSecurityGroup"
        vpc = self.world.vpcs.get(vpc_id)
        if vpc is None:
            raise refusal(operation, "InvalidVpcID.NotFound", f"no VPC {vpc_id}")
        if any(g.name == name and g.vpc_id == vpc_id for g in self.world.groups.values()):
            raise refusal(operation, "InvalidGroup.Duplicate", f"{vpc_id} has a group {name}")
        group_id = self._id("sg")
        egress = (_EGRESS, _EGRESS_V6) if any(":" in b for b in vpc.blocks) else (_EGRESS,)
        self.world.groups[group_id] = SecurityGroup(
            group_id,
            name,
            vpc_id,
            self.account_id,
            (),
            egress,
            tuple(sorted((tags or {}).items())),
            description,
        )
        if rules:
            self.authorize(group_id, rules)
        return group_id

    def delete_group(self, group_id: str) -> None:
        operation = "DeleteSecurityGroup"
        self._group(operation, group_id)
        referenced = any(
            rule.kind == "group" and rule.source == group_id
            for other in self.world.groups.values()
            if other.group_id != group_id
            for rule in (*other.rules, *other.egress)
        )
        if referenced or self.world.users(group_id):
            raise refusal(operation, "DependencyViolation", f"{group_id} is in use")
        del self.world.groups[group_id]
        self.world.rule_tags.pop(group_id, None)

    def authorize(
        self, group_id: str, rules: Sequence[Rule], tags: Mapping[str, str] | None = None
    ) -> None:
        """Add inbound rules: all of them, or none."""
        operation = "AuthorizeSecurityGroupIngress"
        group = self._group(operation, group_id)
        new = [kept(rule, operation) for rule in rules]
        self._check_sources(operation, group, new)
        keys = [key_of(rule) for rule in new]
        if not new or len(set(keys)) != len(keys):
            raise refusal(
                operation, "InvalidParameterValue", "no permission, or the same one twice"
            )
        there = {key_of(rule) for rule in group.rules}
        twice = [key for key in keys if key in there]
        if twice:
            raise refusal(
                operation, "InvalidPermission.Duplicate", f"{group_id} has {twice[0]} already"
            )
        after = in_answer_order((*group.rules, *new))
        self._check_quota(operation, group_id, after)
        self.world.groups[group_id] = group._replace(rules=after)
        if tags:
            known = self.world.rule_tags.setdefault(group_id, {})
            known.update({key: dict(tags) for key in keys})

    def revoke(
        self, group_id: str, rules: Sequence[Rule], direction: Direction = "ingress"
    ) -> None:
        """Take rules out: all of them, or none where one is not there."""
        operation = f"RevokeSecurityGroup{direction.title()}"
        group = self._group(operation, group_id)
        gone = {key_of(kept(rule, operation)) for rule in rules}
        present = group.rules if direction == "ingress" else group.egress
        unknown = gone - {key_of(rule) for rule in present}
        if not gone:
            raise refusal(operation, "MissingParameter", "no permission")
        if unknown and not self.world.vpcs[group.vpc_id].is_default:
            raise refusal(
                operation,
                "InvalidPermission.NotFound",
                f"{group_id} lacks {min(map(str, unknown))}",
            )
        left = tuple(rule for rule in present if key_of(rule) not in gone)
        if direction == "ingress":
            self.world.groups[group_id] = group._replace(rules=left)
            known = self.world.rule_tags.get(group_id, {})
            for key in gone & known.keys():
                del known[key]
        else:
            self.world.groups[group_id] = group._replace(egress=left)

    def tags_of(self, group_id: str, rule: Rule) -> dict[str, str]:
        """The tags of one inbound rule."""
        return self.world.rule_tags.get(group_id, {}).get(self.key(rule), {})

    @staticmethod
    def key(rule: Rule) -> RuleKey:
        return key_of(kept(rule, "DescribeSecurityGroupRules"))

    def _group(self, operation: str, group_id: str) -> SecurityGroup:
        group = self.world.groups.get(group_id)
        if group is None:
            raise refusal(operation, "InvalidGroup.NotFound", f"no security group {group_id}")
        self._check_owner(operation, group_id, group.owner_id)
        return group

    def _check_owner(self, operation: str, name: str, owner_id: str) -> None:
        if owner_id != self.account_id:
            raise refusal(operation, "UnauthorizedOperation", f"account {owner_id} owns {name}")

    def _check_sources(self, operation: str, group: SecurityGroup, rules: Iterable[Rule]) -> None:
        for rule in rules:
            if rule.kind == "prefix_list" and rule.source not in self.world.prefix_lists:
                raise refusal(
                    operation, "InvalidPrefixListID.NotFound", f"no prefix list {rule.source}"
                )
            if rule.kind == "group" and "/" not in rule.source:
                other = self.world.groups.get(rule.source)
                if other is None or other.vpc_id != group.vpc_id:
                    raise refusal(operation, "InvalidGroup.NotFound", f"no group {rule.source}")

    def _check_quota(self, operation: str, group_id: str, rules: Iterable[Rule]) -> None:
        """Inbound rules of each family; a list counts its MaxEntries, a group in both."""
        count = {"ipv4": 0, "ipv6": 0}
        for rule in rules:
            if rule.kind == "prefix_list":
                prefix_list = self.world.prefix_lists[rule.source]
                count[prefix_list.family] += prefix_list.max_entries or 1
            elif rule.kind == "group":
                count["ipv4"] += 1
                count["ipv6"] += 1
            else:
                count[rule.kind] += 1
        if max(count.values()) > self.rules_per_group:
            raise refusal(
                operation,
                "RulesPerSecurityGroupLimitExceeded",
                f"{group_id} would have {max(count.values())} rules of {self.rules_per_group}",
            )

    def _id(self, kind: str) -> str:
        return f"{kind}-{self.next_id():017x}"
