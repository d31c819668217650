"""What AWS says of one account and region, as plain values.

Every collection is what was read.  ``AccountState.failures`` says which reads did not end well: a
fact that a failed read would have given is unknown, whatever the collections hold.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final, Literal, NamedTuple, Protocol

Family = Literal["ipv4", "ipv6"]
FAMILIES: Final[tuple[Family, Family]] = ("ipv4", "ipv6")

RuleKind = Literal["ipv4", "ipv6", "prefix_list", "group", "malformed"]


class Rule(NamedTuple):
    """One inbound rule: one protocol, one port range, one source.

    ``protocol`` is AWS's text ("tcp", "6", "-1", …); ports are AWS's numbers, ``None`` where the
    answer has none.  ``source`` is the CIDR exactly as AWS stores it, ``pl-…`` or ``sg-…``
    (``account/sg-…`` for another account's group).  ``kind`` is "malformed" where the answer has
    no source that can be read; the raw text is then in ``source``.
    """

    protocol: str
    from_port: int | None
    to_port: int | None
    kind: RuleKind
    source: str
    description: str | None = None


class SecurityGroup(NamedTuple):
    """A security group with its inbound rules, and how many outbound rules it has."""

    group_id: str
    name: str
    vpc_id: str
    owner_id: str
    rules: tuple[Rule, ...]
    egress: tuple[Rule, ...] = ()
    tags: tuple[tuple[str, str], ...] = ()
    description: str = ""

    def tag(self, key: str) -> str | None:
        """The value of tag ``key``; ``None`` where the group does not carry it."""
        return next((value for name, value in self.tags if name == key), None)


class Association(NamedTuple):
    """A public IPv4 address on an interface, as DescribeNetworkInterfaces shows it."""

    public_ip: str
    owner_id: str
    """``IpOwnerId``: the account for an EIP, "amazon" for a lent address, "amazon-elb"."""
    allocation_id: str | None = None
    private_ip: str | None = None


class Interface(NamedTuple):
    """A network interface."""

    interface_id: str
    vpc_id: str
    description: str
    interface_type: str
    """AWS's ``InterfaceType``; "interface" where an old answer lacks it."""
    requester_managed: bool
    requester_id: str
    group_ids: tuple[str, ...]
    associations: tuple[Association, ...] = ()
    ipv6: tuple[str, ...] = ()
    instance_id: str | None = None
    instance_owner_id: str = ""
    owner_id: str = ""


class Address(NamedTuple):
    """An Elastic IP address, as DescribeAddresses shows it."""

    public_ip: str
    allocation_id: str | None
    association_id: str | None = None
    interface_id: str | None = None
    private_ip: str | None = None


class LoadBalancerType(StrEnum):
    APPLICATION = "application"
    NETWORK = "network"
    GATEWAY = "gateway"
    CLASSIC = "classic"


class Listener(NamedTuple):
    """A listener of a load balancer: AWS's protocol text and its port."""

    protocol: str
    port: int


class LoadBalancer(NamedTuple):
    """A load balancer.  A classic one gets the ARN that AWS's IAM documentation gives it."""

    arn: str
    name: str
    dns_name: str
    type: LoadBalancerType
    scheme: str
    """"internet-facing" or "internal"."""
    vpc_id: str
    group_ids: tuple[str, ...]
    listeners: tuple[Listener, ...] | None = None
    """Read only for a network load balancer without groups; ``None`` elsewhere."""


class PrefixList(NamedTuple):
    """A managed prefix list that some rule names."""

    prefix_list_id: str
    name: str
    family: Family
    max_entries: int | None
    entries: tuple[str, ...] | None
    """CIDRs; ``None`` where they could not be read."""


class Vpc(NamedTuple):
    """A VPC with all its associated IPv4 and IPv6 blocks."""

    vpc_id: str
    blocks: tuple[str, ...]
    is_default: bool = False


class Failure(NamedTuple):
    """A read that failed: which call, AWS's code, its words, and the object where it was about one.

    ``code`` is "NotRead" where a dump lacks the file.
    """

    operation: str
    code: str
    message: str
    resource: str | None = None


class ReadStatus(StrEnum):
    COMPLETE = "complete"
    PARTIAL = "partial"
    UNREADABLE = "unreadable"


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountState:
    """One account and region at one moment."""

    account_id: str
    region: str
    partition: str = "aws-cn"
    status: ReadStatus = ReadStatus.COMPLETE
    failures: tuple[Failure, ...] = ()
    addresses: tuple[Address, ...] = ()
    interfaces: tuple[Interface, ...] = ()
    groups: Mapping[str, SecurityGroup] = field(default_factory=dict)
    vpcs: Mapping[str, Vpc] = field(default_factory=dict)
    prefix_lists: Mapping[str, PrefixList] = field(default_factory=dict)
    load_balancers: tuple[LoadBalancer, ...] = ()

    def failed(self, operation: str) -> Failure | None:
        """The failure of ``operation``, if it failed."""
        return next((f for f in self.failures if f.operation == operation), None)

    @property
    def complete(self) -> bool:
        return self.status is ReadStatus.COMPLETE

    def owns(self, owner_id: str) -> bool:
        """Whether what has this ``OwnerId`` is the account's own, as it is where AWS gave none.

        In a shared VPC an account sees groups and interfaces of others, and may change none of
        them (AWS, "Share your VPC subnets with other accounts").
        """
        return owner_id in ("", self.account_id)


class Reading(Protocol):
    """How well an account was read; all that a report says of it."""

    @property
    def account_id(self) -> str: ...

    @property
    def status(self) -> ReadStatus: ...

    @property
    def failures(self) -> tuple[Failure, ...]: ...

    @property
    def complete(self) -> bool: ...


def unreadable(account_id: str, region: str, *failures: Failure) -> AccountState:
    """An account of which nothing is known, and why."""
    return AccountState(
        account_id=account_id,
        region=region,
        status=ReadStatus.UNREADABLE,
        failures=failures,
    )


def strangers(state: AccountState) -> Mapping[str, tuple[str, ...]]:
    """By group, the interfaces of other accounts that hold it and have a public address.

    What they may serve is judged with their own account, so nothing is known of it here.
    """
    found: dict[str, list[str]] = {}
    for interface in state.interfaces:
        if state.owns(interface.owner_id) or not (interface.associations or interface.ipv6):
            continue
        for group_id in interface.group_ids:
            found.setdefault(group_id, []).append(interface.interface_id)
    return {group_id: tuple(sorted(names)) for group_id, names in found.items()}


READS: Final = (
    "DescribeAddresses",
    "DescribeNetworkInterfaces",
    "DescribeSecurityGroups",
    "DescribeVpcs",
    "DescribeManagedPrefixLists",
    "GetManagedPrefixListEntries",
    "elbv2:DescribeLoadBalancers",
    "elbv2:DescribeListeners",
    "elb:DescribeLoadBalancers",
)
"""The operation names that a ``Failure`` may carry; the two load balancer APIs share names."""
