"""``gatekeeper.apply.Edge`` over an account in memory."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

from gatekeeper.account import (
    AccountState,
    Endpoint,
    Failure,
    Handle,
    Interface,
    PrefixList,
    ReadStatus,
    Rule,
    SecurityGroup,
    read_endpoints,
)
from gatekeeper.errors import AwsError
from gatekeeper.testing.account import FakeAccount
from gatekeeper.testing.rules import key_of
from gatekeeper.testing.world import World

if TYPE_CHECKING:
    from gatekeeper.testing.aws import FakeAws

Answer = TypeVar("Answer")


@dataclass(slots=True)
class FakeEdge:
    """One account, read and changed call by call as the real edge does."""

    aws: FakeAws
    account: FakeAccount

    @property
    def account_id(self) -> str:
        return self.account.account_id

    # reads -----------------------------------------------------------------------------------

    def read_account(self) -> AccountState:
        """Call by call, as a collection reads: what changes in between is seen by later calls."""
        reading = _Reading(self)
        addresses = reading.part("DescribeAddresses", lambda w: tuple(w.addresses.values()))
        interfaces = reading.part(
            "DescribeNetworkInterfaces", lambda w: tuple(w.interfaces.values())
        )
        groups = reading.part("DescribeSecurityGroups", lambda w: dict(w.groups))
        vpcs = reading.part("DescribeVpcs", lambda w: dict(w.vpcs))
        balancers = reading.part(
            "elbv2:DescribeLoadBalancers",
            lambda w: tuple(b for b in w.load_balancers.values() if "/" in _path(b.arn)),
        )
        classic = reading.part(
            "elb:DescribeLoadBalancers",
            lambda w: tuple(b for b in w.load_balancers.values() if "/" not in _path(b.arn)),
        )
        lists = self._prefix_lists(reading, groups or {})
        return AccountState(
            account_id=self.account_id,
            region=self.aws.region,
            status=ReadStatus.PARTIAL if reading.failures else ReadStatus.COMPLETE,
            failures=tuple(reading.failures),
            addresses=addresses or (),
            interfaces=interfaces or (),
            groups=groups or {},
            vpcs=vpcs or {},
            prefix_lists=lists,
            load_balancers=(*(balancers or ()), *(classic or ())),
        )

    def _prefix_lists(
        self, reading: _Reading, groups: Mapping[str, SecurityGroup]
    ) -> dict[str, PrefixList]:
        named = {
            rule.source
            for group in groups.values()
            for rule in group.rules
            if rule.kind == "prefix_list"
        }
        if not named:
            return {}
        known = reading.part("DescribeManagedPrefixLists", lambda w: dict(w.prefix_lists)) or {}
        found = {}
        for list_id in sorted(named & known.keys()):
            entries = reading.part(
                "GetManagedPrefixListEntries",
                lambda w, one=list_id: w.prefix_lists[one].entries,  # type: ignore[misc]
                list_id,
            )
            found[list_id] = known[list_id]._replace(entries=entries)
        return found

    def read_groups(self, group_ids: Iterable[str]) -> dict[str, SecurityGroup]:
        wanted = list(group_ids)
        world = self._read("DescribeSecurityGroups", ",".join(wanted))
        return {name: world.groups[name] for name in wanted if name in world.groups}

    def find_group(self, vpc_id: str, name: str) -> SecurityGroup | None:
        world = self._read("DescribeSecurityGroups", name)
        return next(
            (
                group
                for group in world.groups.values()
                if (group.vpc_id, group.name, group.owner_id) == (vpc_id, name, self.account_id)
            ),
            None,
        )

    def read_rule_tags(
        self, group_ids: Iterable[str]
    ) -> dict[str, list[tuple[Rule, dict[str, str]]]]:
        world = self._read("DescribeSecurityGroupRules")
        tagged: dict[str, list[tuple[Rule, dict[str, str]]]] = {}
        for group_id in group_ids:
            group = world.groups.get(group_id)
            known = world.rule_tags.get(group_id, {})
            for rule in group.rules if group else ():
                if known.get(key_of(rule)):
                    tagged.setdefault(group_id, []).append((rule, dict(known[key_of(rule)])))
        return tagged

    def group_users(self, group_id: str) -> dict[str, Interface]:
        world = self._read("DescribeNetworkInterfaces", group_id)
        return {name: one for name, one in world.interfaces.items() if group_id in one.group_ids}

    def read_endpoint(self, endpoint: Endpoint) -> Endpoint | None:
        if endpoint.load_balancer is not None:
            self.aws.read(self.account, "DescribeLoadBalancers", endpoint.endpoint)
        self.aws.read(self.account, "DescribeNetworkInterfaces", endpoint.endpoint)
        world = self._read("DescribeAddresses", endpoint.endpoint)
        state = AccountState(
            account_id=self.account_id,
            region=self.aws.region,
            addresses=tuple(world.addresses.values()),
            interfaces=tuple(world.interfaces.values()),
            load_balancers=tuple(world.load_balancers.values()),
        )
        found = read_endpoints(state).endpoints
        return next((e for e in found if e.endpoint == endpoint.endpoint), None)

    def _read(self, operation: str, subject: str = "") -> World:
        """What one call shows: its moment is before whatever happens after it."""
        world = self.aws.look(self.account).copy()
        self.aws.read(self.account, operation, subject)
        return world

    # changes ---------------------------------------------------------------------------------

    def create_group(
        self, vpc_id: str, name: str, description: str, tags: Mapping[str, str]
    ) -> str:
        return self._change(
            "CreateSecurityGroup",
            name,
            lambda: self.account.create_group(vpc_id, name, description=description, tags=tags),
        )

    def delete_group(self, group_id: str) -> None:
        self._change("DeleteSecurityGroup", group_id, lambda: self.account.delete_group(group_id))

    def authorize(self, group_id: str, rules: Sequence[Rule], tags: Mapping[str, str]) -> None:
        self._change(
            "AuthorizeSecurityGroupIngress",
            group_id,
            lambda: self.account.authorize(group_id, rules, tags),
        )

    def revoke(self, group_id: str, rules: Sequence[Rule]) -> None:
        self._change(
            "RevokeSecurityGroupIngress", group_id, lambda: self.account.revoke(group_id, rules)
        )

    def revoke_egress(self, group_id: str, rules: Sequence[Rule]) -> None:
        self._change(
            "RevokeSecurityGroupEgress",
            group_id,
            lambda: self.account.revoke(group_id, rules, "egress"),
        )

    def set_groups(self, endpoint: Endpoint, group_ids: Sequence[str]) -> None:
        name = endpoint.endpoint
        if endpoint.handle is Handle.INTERFACE:
            self._change(
                "ModifyNetworkInterfaceAttribute",
                name,
                lambda: self.account.set_interface_groups(name, group_ids),
            )
            return
        operation = {
            Handle.ELBV2: "SetSecurityGroups",
            Handle.CLASSIC: "ApplySecurityGroupsToLoadBalancer",
        }[endpoint.handle]
        self._change(operation, name, lambda: self.account.set_balancer_groups(name, group_ids))

    def _change(self, operation: str, subject: str, effect: Callable[[], Answer]) -> Answer:
        return self.aws.change(self.account, operation, subject, effect)


class _Reading:
    """The calls of one collection; a call that fails is a fact of the state."""

    def __init__(self, edge: FakeEdge) -> None:
        self.edge = edge
        self.failures: list[Failure] = []
        older = edge.aws.look(edge.account)
        self.older = None if older is edge.account.world else older

    def part(
        self, operation: str, take: Callable[[World], Answer], subject: str | None = None
    ) -> Answer | None:
        taken = take(self.older or self.edge.account.world)
        try:
            self.edge.aws.read(self.edge.account, operation, subject or "")
        except AwsError as error:
            self.failures.append(Failure(operation, error.code, error.message, subject))
            return None
        return taken


def _path(arn: str) -> str:
    """What follows ``loadbalancer/``: a classic one's name has no stroke in it."""
    return arn.rpartition(":loadbalancer/")[2]
