"""What was read of an account, put together: what else must be read, and how complete it is.

The same for live answers and for recorded ones.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final

from gatekeeper.account import (
    AccountState,
    Address,
    Failure,
    Interface,
    LoadBalancer,
    LoadBalancerType,
    PrefixList,
    ReadStatus,
    SecurityGroup,
    Vpc,
    unreadable,
)
from gatekeeper.aws.answers import partition_of

LISTS: Final = (
    "DescribeAddresses",
    "DescribeNetworkInterfaces",
    "DescribeSecurityGroups",
    "DescribeVpcs",
    "elbv2:DescribeLoadBalancers",
    "elb:DescribeLoadBalancers",
)
"""The reads that every account needs; the other ones only where something asks for them."""


def prefix_lists_named(groups: Iterable[SecurityGroup]) -> tuple[str, ...]:
    """The ids of the prefix lists that inbound rules name, sorted."""
    return tuple(
        sorted(
            {rule.source for group in groups for rule in group.rules if rule.kind == "prefix_list"}
        )
    )


def listeners_needed(load_balancers: Iterable[LoadBalancer]) -> tuple[LoadBalancer, ...]:
    """Load balancers that only their listeners guard: network ones that no group is tied to."""
    return tuple(
        one
        for one in load_balancers
        if one.type is LoadBalancerType.NETWORK
        and one.scheme == "internet-facing"
        and not one.group_ids
    )


def account_state(
    account_id: str,
    region: str,
    *,
    failures: Iterable[Failure],
    addresses: Iterable[Address] = (),
    interfaces: Iterable[Interface] = (),
    groups: Iterable[SecurityGroup] = (),
    vpcs: Iterable[Vpc] = (),
    prefix_lists: Iterable[PrefixList] = (),
    load_balancers: Iterable[LoadBalancer] = (),
) -> AccountState:
    """The account's state; an object that two pages both hold counts once, as last seen."""
    failed = tuple(failures)
    if {failure.operation for failure in failed}.issuperset(LISTS):
        return unreadable(account_id, region, *failed)
    by_id: Mapping[str, Interface] = {one.interface_id: one for one in interfaces}
    by_ip: Mapping[str, Address] = {one.public_ip: one for one in addresses}
    by_arn: Mapping[str, LoadBalancer] = {one.arn: one for one in load_balancers}
    return AccountState(
        account_id=account_id,
        region=region,
        partition=partition_of(region),
        status=ReadStatus.PARTIAL if failed else ReadStatus.COMPLETE,
        failures=failed,
        addresses=tuple(by_ip.values()),
        interfaces=tuple(by_id.values()),
        groups={one.group_id: one for one in groups},
        vpcs={one.vpc_id: one for one in vpcs},
        prefix_lists={one.prefix_list_id: one for one in prefix_lists},
        load_balancers=tuple(by_arn.values()),
    )
