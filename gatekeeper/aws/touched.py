"""What events touched, read anew: a part of an account, as much as it takes to judge it.

1. the touched interfaces: by id, by group, by instance, by address;
2. the load balancers that they belong to, with all their interfaces;
3. everything that guards these: groups, the gates of their VPCs, prefix lists, addresses;
4. whoever else uses a group that is to be narrowed, and 2 and 3 of them; the caller says which
   groups these are.

A part is never taken for the account: what it lacks is not gone.  It comes in a type of its own,
which says of which groups every user was read; no other group may be narrowed by it.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import chain, islice
from typing import Any, Final

from gatekeeper.account import (
    AccountState,
    Address,
    Interface,
    LoadBalancer,
    LoadBalancerType,
    SecurityGroup,
    Vpc,
    balancer_path,
    described_balancer,
    read_endpoints,
)
from gatekeeper.aws import collect
from gatekeeper.aws.assemble import account_state, prefix_lists_named
from gatekeeper.aws.changes import LiveEdge
from gatekeeper.aws.events import Touched
from gatekeeper.aws.permissions import needs
from gatekeeper.aws.session import Connection

MOST: Final = 1000
"""Interfaces, or groups, of a part; what is larger is read whole."""
ROUNDS: Final = 4
"""How often the users of more groups may turn out to be needed."""

_PAGE: Final = 1000
_VALUES: Final = 200
"""Values of one filter, by EC2's own limit."""
_THREADS: Final = 4

Spread = Callable[[AccountState, frozenset[str]], Collection[str]]
"""Given what was read and which endpoints were touched: the groups whose users are needed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Seeds:
    """What several events of one account touched together."""

    groups: frozenset[str] = frozenset()
    interfaces: frozenset[str] = frozenset()
    instances: frozenset[str] = frozenset()
    balancers: frozenset[str] = frozenset()
    addresses: frozenset[str] = frozenset()
    prefix_lists: frozenset[str] = frozenset()

    @classmethod
    def of(cls, events: Iterable[Touched]) -> Seeds:
        """The objects of all the events."""
        found = list(events)
        return cls(
            groups=frozenset().union(*(one.groups for one in found)),
            interfaces=frozenset().union(*(one.interfaces for one in found)),
            instances=frozenset().union(*(one.instances for one in found)),
            balancers=frozenset().union(*(one.balancers for one in found)),
            addresses=frozenset().union(*(one.addresses for one in found)),
            prefix_lists=frozenset().union(*(one.prefix_lists for one in found)),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """A part of an account at one moment."""

    state: AccountState
    """What was read: to be judged, never to be remembered as the account.

    "Complete" says that every read of the part ended well.
    """
    touched: frozenset[str]
    """The endpoints that the events touched."""
    whole: frozenset[str]
    """The groups of which every user was read."""


def read_part(
    connection: Connection,
    seeds: Seeds,
    *,
    gates: Collection[str],
    spread: Spread,
    users_of: Collection[str] = (),
) -> Part | None:
    """What it takes to judge the touched endpoints; ``None`` where that is too much.

    Args:
        connection: the account.
        seeds: what was touched.
        gates: the names of the gates, looked for in each VPC.
        spread: asked after each round for groups whose users are needed too.
        users_of: groups whose users are needed in any case.
    """
    try:
        with ThreadPoolExecutor(_THREADS, thread_name_prefix=connection.account_id) as pool:
            return _Reading(connection, pool, seeds, gates, users_of).run(spread)
    except _TooMuch:
        return None


def touched_endpoints(state: AccountState, seeds: Seeds) -> frozenset[str]:
    """The endpoints of ``state`` that events touched."""
    groups = seeds.groups | {
        group.group_id
        for group in state.groups.values()
        if seeds.prefix_lists
        if any(rule.source in seeds.prefix_lists for rule in group.rules)
    }
    moved = {one.interface_id for one in state.addresses if _is_seed(one, seeds)}
    names = {
        one.interface_id
        for one in state.interfaces
        if one.interface_id in seeds.interfaces
        or one.interface_id in moved
        or (one.instance_id or "") in seeds.instances
        or not groups.isdisjoint(one.group_ids)
        or any(public.public_ip in seeds.addresses for public in one.associations)
    }
    view = read_endpoints(state)
    found = {
        one.endpoint
        for one in view.endpoints
        if one.endpoint in names
        or not groups.isdisjoint(one.group_ids)
        or _is_balancer_of(one.load_balancer, seeds)
    }
    found |= {
        fact.endpoint
        for fact in view.addresses.values()
        if fact.endpoint is not None and fact.interface_id in names
    }
    return frozenset(found)


def _is_seed(address: Address, seeds: Seeds) -> bool:
    return not seeds.addresses.isdisjoint(
        (address.public_ip, address.allocation_id or "", address.association_id or "")
    )


def _is_balancer_of(balancer: LoadBalancer | None, seeds: Seeds) -> bool:
    return balancer is not None and not seeds.balancers.isdisjoint((balancer.arn, balancer.name))


class PartEdge(LiveEdge):
    """An account of AWS in which only what was touched is read, and may be changed.

    Groups whose users were needed once stay so: after a narrowing they no longer expose anything,
    and must be verified all the same.
    """

    def __init__(
        self,
        connection: Connection,
        seeds: Seeds,
        *,
        gates: Collection[str],
        spread: Spread,
    ) -> None:
        super().__init__(connection)
        self._seeds = seeds
        self._gates = gates
        self._spread = spread
        self._users_of: frozenset[str] = frozenset()

    def read_part(self) -> Part:
        """What it takes to judge what was touched; the account itself where that is too much."""
        part = read_part(
            self._connection,
            self._seeds,
            gates=self._gates,
            spread=self._spread,
            users_of=self._users_of,
        )
        if part is None:
            state = collect.collect(self._connection)
            touched = touched_endpoints(state, self._seeds)
            return Part(state=state, touched=touched, whole=frozenset(state.groups))
        self._users_of |= part.whole - self._seeds.groups
        return part

    def read_account(self) -> AccountState:
        return self.read_part().state


class _TooMuch(Exception):
    """The part is so large that the account is read whole."""


class _Reading:
    """One part, growing until it holds everything that is needed."""

    def __init__(
        self,
        connection: Connection,
        pool: ThreadPoolExecutor,
        seeds: Seeds,
        gates: Collection[str],
        users_of: Collection[str],
    ) -> None:
        self._connection = connection
        self._pool = pool
        self._seeds = seeds
        self._gates = sorted(gates)
        self._reads = collect.Collection(connection, self._counted)
        self._users_of = frozenset(users_of)
        self._whole = set(users_of)
        self._interfaces: dict[str, Interface] = {}
        self._addresses: dict[str, Address] = {}
        self._addressed: set[str] = set()
        """Interfaces whose addresses were asked for."""
        self._listed: list[LoadBalancer] | None = None
        """Every load balancer, without interfaces; ``None`` until one is needed."""
        self._balancers: dict[str, LoadBalancer] = {}
        """Those of the part, by ARN."""
        self._groups: dict[str, SecurityGroup] = {}
        self._asked: set[str] = set()
        """Groups that were asked for, whether or not they are there."""
        self._vpcs: dict[str, Vpc | None] = {}

    def run(self, spread: Spread) -> Part | None:
        for service in ("ec2", "elbv2", "elb"):
            self._connection.reader(service)
        self._touched_interfaces()
        narrows = bool(self._users_of)
        for _ in range(ROUNDS):
            self._complete_balancers(needed=narrows)
            self._guards()
            state = self._state()
            touched = touched_endpoints(state, self._seeds)
            if not state.complete:
                return Part(state=state, touched=touched, whole=frozenset())
            needed = frozenset(spread(state, touched))
            if needed <= self._whole and (self._listed is not None or not needed):
                return Part(state=state, touched=touched, whole=self._known_users())
            narrows = True
            self._use(self._by_filter("group-id", needed - self._whole))
            self._whole |= needed
        return None

    def _known_users(self) -> frozenset[str]:
        """The groups of which every user was read: load balancers are users by their own word."""
        return frozenset(self._whole) if self._listed is not None else frozenset()

    def _counted(self, account_id: str, operation: str, count: int) -> None:
        """Stop a list in the midst of its pages."""
        del account_id
        if operation == "DescribeNetworkInterfaces" and count >= MOST:
            raise _TooMuch

    # --- interfaces

    def _touched_interfaces(self) -> None:
        seeds = self._seeds
        self._whole |= seeds.groups
        if seeds.prefix_lists:
            named = self._groups_by("ip-permission.prefix-list-id", seeds.prefix_lists)
            self._whole |= {group.group_id for group in named}
        ids = {one.interface_id for one in self._moved_addresses() if one.interface_id}
        ids |= seeds.interfaces
        wanted = (
            ("group-id", frozenset(self._whole)),
            ("network-interface-id", frozenset(ids)),
            ("attachment.instance-id", seeds.instances),
        )
        found = self._pool.map(lambda one: self._by_filter(*one), wanted)
        self._use(chain.from_iterable(found))

    def _moved_addresses(self) -> list[Address]:
        names = self._seeds.addresses
        wanted = (
            ("allocation-id", [name for name in names if name.startswith("eipalloc-")]),
            ("association-id", [name for name in names if name.startswith("eipassoc-")]),
            ("public-ip", [name for name in names if not name.startswith("eip")]),
        )
        return list(
            chain.from_iterable(self._pool.map(lambda one: self._addresses_by(*one), wanted))
        )

    def _use(self, interfaces: Iterable[Interface]) -> None:
        self._interfaces.update((one.interface_id, one) for one in interfaces)
        if len(self._interfaces) > MOST:
            raise _TooMuch

    @needs("ec2:DescribeNetworkInterfaces")
    def _by_filter(self, name: str, values: Iterable[str]) -> list[Interface]:
        return self._filtered("DescribeNetworkInterfaces", name, values, MaxResults=_PAGE)

    def _filtered(
        self, operation: str, name: str, values: Iterable[str], **request: Any
    ) -> list[Any]:
        """Whatever a list holds that has one of the values."""
        found: list[Any] = []
        for batch in _batches(values):
            filters = [{"Name": name, "Values": batch}]
            found += self._reads.ec2(operation, Filters=filters, **request)
        return found

    # --- load balancers

    def _complete_balancers(self, *, needed: bool) -> None:
        """Add the load balancers of the part, with all their interfaces, and all addresses."""
        while True:
            paths = {described_balancer(one) for one in self._interfaces.values()} - {None}
            if self._listed is None and (needed or paths or self._seeds.balancers):
                first = self._pool.submit(self._reads.balancers)
                self._listed = self._reads.classic_balancers() + first.result()
            new = [one for one in self._related(paths) if one.arn not in self._balancers]
            self._balancers.update((one.arn, one) for one in new)
            described = {text for one in new for text in _descriptions(one)}
            self._use(self._by_filter("description", described))
            unseen = self._complete_addresses()
            self._use(self._by_filter("network-interface-id", unseen))
            if not new and not unseen:
                return

    def _related(self, paths: Collection[str | None]) -> list[LoadBalancer]:
        """Load balancers that belong to the part, and those that a filing may take for them."""
        listed = self._listed or []
        found = [
            one
            for one in listed
            if not _paths(one).isdisjoint(paths)
            or _is_balancer_of(one, self._seeds)
            or not self._whole.isdisjoint(one.group_ids)
        ]
        names = {one.name for one in found}
        return [one for one in listed if one.name in names]

    # --- addresses

    def _complete_addresses(self) -> set[str]:
        """Read the addresses of new interfaces; the interfaces that turn up by them."""
        new = self._interfaces.keys() - self._addressed
        self._addressed |= new
        shown = {public.public_ip for name in new for public in self._interfaces[name].associations}
        self._addresses_by("network-interface-id", new)
        # Either side may lag behind the other.
        self._addresses_by("public-ip", shown - self._addresses.keys())
        named = {one.interface_id for one in self._addresses.values() if one.interface_id}
        unseen = named - self._interfaces.keys() - self._addressed
        self._addressed |= unseen
        return unseen

    @needs("ec2:DescribeAddresses")
    def _addresses_by(self, name: str, values: Iterable[str]) -> list[Address]:
        found: list[Address] = self._filtered("DescribeAddresses", name, values)
        self._addresses.update((one.public_ip, one) for one in found)
        return found

    # --- what guards them

    def _guards(self) -> None:
        """Read the groups of all of them, and the gates and blocks of their VPCs."""
        wanted = set(self._whole)
        for group_ids in chain(
            (one.group_ids for one in self._interfaces.values()),
            (one.group_ids for one in self._balancers.values()),
        ):
            wanted.update(group_ids)
        new = wanted - self._asked
        if len(wanted) > MOST:
            raise _TooMuch
        self._asked |= new
        self._groups_by("group-id", new)
        vpcs = {one.vpc_id for one in self._interfaces.values()}
        vpcs |= {one.vpc_id for one in self._balancers.values()}
        vpcs |= {one.vpc_id for one in self._groups.values()}
        self._look_at_vpcs(vpcs - self._vpcs.keys() - {""})

    @needs("ec2:DescribeVpcs")
    def _look_at_vpcs(self, vpc_ids: set[str]) -> None:
        gates = self._pool.submit(self._gates_in, sorted(vpc_ids))
        found: list[Vpc] = self._filtered("DescribeVpcs", "vpc-id", vpc_ids)
        self._vpcs.update(dict.fromkeys(vpc_ids))
        self._vpcs.update((one.vpc_id, one) for one in found)
        self._groups.update((one.group_id, one) for one in gates.result())

    @needs("ec2:DescribeSecurityGroups")
    def _gates_in(self, vpc_ids: list[str]) -> list[SecurityGroup]:
        found: list[SecurityGroup] = []
        for batch in _batches(vpc_ids):
            filters = [
                {"Name": "vpc-id", "Values": batch},
                {"Name": "group-name", "Values": self._gates},
            ]
            found += self._reads.ec2("DescribeSecurityGroups", Filters=filters, MaxResults=_PAGE)
        return found

    @needs("ec2:DescribeSecurityGroups")
    def _groups_by(self, name: str, values: Iterable[str]) -> list[SecurityGroup]:
        found: list[SecurityGroup] = self._filtered(
            "DescribeSecurityGroups", name, values, MaxResults=_PAGE
        )
        self._groups.update((one.group_id, one) for one in found)
        return found

    def _state(self) -> AccountState:
        groups = self._groups.values()
        return account_state(
            self._connection.account_id,
            self._connection.region,
            addresses=self._addresses.values(),
            interfaces=self._interfaces.values(),
            groups=groups,
            vpcs=[one for one in self._vpcs.values() if one is not None],
            prefix_lists=self._reads.prefix_lists(self._pool, prefix_lists_named(groups)),
            load_balancers=self._reads.with_listeners(self._pool, list(self._balancers.values())),
            failures=self._reads.faults(),
        )


def _paths(balancer: LoadBalancer) -> set[str]:
    """How its interfaces may name it: some emulators give every ARN an ``app/`` path."""
    return {balancer_path(balancer), balancer.arn.partition(":loadbalancer/")[2]}


def _descriptions(balancer: LoadBalancer) -> Iterator[str]:
    """How AWS describes a load balancer's interfaces, as values of a filter."""
    if balancer.type is LoadBalancerType.CLASSIC:
        yield f"ELB {balancer.name}"
        return
    for path in _paths(balancer):
        yield f"ELB {path}"
        yield f"ELB {path}/*"


def _batches(values: Iterable[str]) -> Iterator[list[str]]:
    waiting = iter(sorted(values))
    while batch := list(islice(waiting, _VALUES)):
        yield batch
