"""The few calls that change an account, and the reads right before them.

This is the real ``gatekeeper.apply.Edge``.  Every call here is targeted; botocore retries what is
safe to retry, and a changing call that was sent twice ends as a Duplicate or NotFound, which
``gatekeeper.apply`` re-reads.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import islice
from typing import Any, Final, TypeVar

from gatekeeper.account import (
    AccountState,
    Endpoint,
    Handle,
    Interface,
    LoadBalancerType,
    Rule,
    SecurityGroup,
    balancer_path,
    read_endpoints,
)
from gatekeeper.aws import answers
from gatekeeper.aws.collect import collect, collect_groups
from gatekeeper.aws.faults import EXPECTED, translate
from gatekeeper.aws.permissions import needs
from gatekeeper.aws.session import Connection
from gatekeeper.errors import AwsError

Answer = TypeVar("Answer")

_GONE: Final = (
    "InvalidNetworkInterfaceID.NotFound",
    "LoadBalancerNotFound",
    "AccessPointNotFound",
)
_GROUPS_A_CALL: Final = 100
_SOURCES: Final = {
    "ipv4": ("IpRanges", "CidrIp"),
    "ipv6": ("Ipv6Ranges", "CidrIpv6"),
    "prefix_list": ("PrefixListIds", "PrefixListId"),
}


class LiveEdge:
    """One account of AWS, as apply reads and changes it."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    @property
    def account_id(self) -> str:
        return self._connection.account_id

    # reads -----------------------------------------------------------------------------------

    def read_account(self) -> AccountState:
        return collect(self._connection)

    def read_groups(self, group_ids: Iterable[str]) -> dict[str, SecurityGroup]:
        return {group.group_id: group for group in collect_groups(self._connection, group_ids)}

    def find_group(self, vpc_id: str, name: str) -> SecurityGroup | None:
        filters = [
            {"Name": "vpc-id", "Values": [vpc_id]},
            {"Name": "group-name", "Values": [name]},
        ]
        found = self._pages("describe_security_groups", "SecurityGroups", Filters=filters)
        groups = map(answers.security_group, found)
        return next(
            (
                group
                for group in groups
                if group.name == name
                and group.vpc_id == vpc_id
                and group.owner_id in ("", self.account_id)
            ),
            None,
        )

    @needs("ec2:DescribeSecurityGroupRules", purpose="change")
    def read_rule_tags(
        self, group_ids: Iterable[str]
    ) -> dict[str, list[tuple[Rule, dict[str, str]]]]:
        tagged: dict[str, list[tuple[Rule, dict[str, str]]]] = {}
        wanted = iter(dict.fromkeys(group_ids))
        while batch := list(islice(wanted, _GROUPS_A_CALL)):
            filters = [{"Name": "group-id", "Values": batch}]
            for item in self._pages(
                "describe_security_group_rules", "SecurityGroupRules", Filters=filters
            ):
                tags = {tag["Key"]: tag["Value"] for tag in item.get("Tags") or ()}
                # AWS keeps keys that begin so to itself and lets nobody set them.
                tags = {key: value for key, value in tags.items() if not key.startswith("aws:")}
                if tags and not item.get("IsEgress"):
                    rule = _described_rule(item)
                    tagged.setdefault(item["GroupId"], []).append((rule, tags))
        return tagged

    def group_users(self, group_id: str) -> dict[str, Interface]:
        filters = [{"Name": "group-id", "Values": [group_id]}]
        found = self._pages("describe_network_interfaces", "NetworkInterfaces", Filters=filters)
        return {one.interface_id: one for one in map(answers.interface, found)}

    def read_endpoint(self, endpoint: Endpoint) -> Endpoint | None:
        if endpoint.load_balancer is None:
            state = self._one_interface(endpoint.endpoint)
        else:
            state = self._one_balancer(endpoint)
        if state is None:
            return None
        view = read_endpoints(state)
        return next((e for e in view.endpoints if e.endpoint == endpoint.endpoint), None)

    def _one_interface(self, interface_id: str) -> AccountState | None:
        found = self._found(
            lambda: self._pages(
                "describe_network_interfaces",
                "NetworkInterfaces",
                NetworkInterfaceIds=[interface_id],
            )
        )
        if not found:
            return None
        return self._state(found, [interface_id])

    def _one_balancer(self, endpoint: Endpoint) -> AccountState | None:
        balancer = endpoint.load_balancer
        assert balancer is not None
        if balancer.type is LoadBalancerType.CLASSIC:
            client, key = self._connection.client("elb"), "LoadBalancerDescriptions"
            request: dict[str, Any] = {"LoadBalancerNames": [balancer.name]}
        else:
            client, key = self._connection.client("elbv2"), "LoadBalancers"
            request = {"LoadBalancerArns": [balancer.arn]}
        found = self._found(
            lambda: _called(
                "DescribeLoadBalancers", lambda: client.describe_load_balancers(**request)[key]
            )
        )
        if not found:
            return None
        path = balancer_path(balancer)
        paths = {path}
        if balancer.type is not LoadBalancerType.CLASSIC:
            # Some emulators give every balancer an ``app/`` ARN; a collection reads both as well.
            paths.add(balancer.arn.partition(":loadbalancer/")[2] or path)
        described = sorted(
            text for p in paths for text in (f"ELB {p}", f"ELB {p}/*")[: 1 + ("/" in p)]
        )
        parts = self._pages(
            "describe_network_interfaces",
            "NetworkInterfaces",
            Filters=[{"Name": "description", "Values": described}],
        )
        if balancer.type is LoadBalancerType.CLASSIC:
            read = answers.classic_load_balancer(
                found[0],
                account_id=self.account_id,
                region=self._connection.region,
                partition=self._connection.partition,
            )
        else:
            read = answers.load_balancer(found[0])
        state = self._state(parts, [part["NetworkInterfaceId"] for part in parts])
        return AccountState(
            account_id=state.account_id,
            region=state.region,
            interfaces=state.interfaces,
            addresses=state.addresses,
            load_balancers=(read,),
        )

    def _state(self, interfaces: Sequence[dict[str, Any]], ids: list[str]) -> AccountState:
        """A state of just these interfaces and the EIPs on them."""
        addresses: list[dict[str, Any]] = []
        if ids:
            filters = [{"Name": "network-interface-id", "Values": ids}]
            addresses = _called(
                "DescribeAddresses",
                lambda: self._ec2.describe_addresses(Filters=filters)["Addresses"],
            )
        read = (answers.address(item) for item in addresses)
        return AccountState(
            account_id=self.account_id,
            region=self._connection.region,
            interfaces=tuple(map(answers.interface, interfaces)),
            addresses=tuple(address for address in read if address is not None),
        )

    def _found(self, read: Callable[[], list[dict[str, Any]]]) -> list[dict[str, Any]]:
        try:
            return read()
        except AwsError as error:
            if error.code in _GONE:
                return []
            raise

    def _pages(self, method: str, key: str, **request: Any) -> list[dict[str, Any]]:
        operation = "".join(part.title() for part in method.split("_"))

        def read() -> list[dict[str, Any]]:
            pages = self._ec2.get_paginator(method).paginate(**request)
            return [item for page in pages for item in page.get(key) or ()]

        return _called(operation, read)

    @property
    def _ec2(self) -> Any:
        return self._connection.client("ec2")

    # changes ---------------------------------------------------------------------------------

    @needs("ec2:CreateSecurityGroup", purpose="change")
    @needs("ec2:CreateTags", purpose="change")
    def create_group(
        self, vpc_id: str, name: str, description: str, tags: Mapping[str, str]
    ) -> str:
        request = {
            "GroupName": name,
            "Description": description,
            "VpcId": vpc_id,
            "TagSpecifications": _tag_specifications("security-group", tags),
        }
        answer: dict[str, Any] = _called(
            "CreateSecurityGroup", lambda: self._ec2.create_security_group(**request)
        )
        return str(answer["GroupId"])

    @needs("ec2:DeleteSecurityGroup", purpose="change")
    def delete_group(self, group_id: str) -> None:
        _called("DeleteSecurityGroup", lambda: self._ec2.delete_security_group(GroupId=group_id))

    @needs("ec2:AuthorizeSecurityGroupIngress", purpose="change")
    def authorize(self, group_id: str, rules: Sequence[Rule], tags: Mapping[str, str]) -> None:
        request: dict[str, Any] = {"GroupId": group_id, "IpPermissions": permissions(rules)}
        if tags:
            request["TagSpecifications"] = _tag_specifications("security-group-rule", tags)
        _called(
            "AuthorizeSecurityGroupIngress",
            lambda: self._ec2.authorize_security_group_ingress(**request),
        )

    @needs("ec2:RevokeSecurityGroupIngress", purpose="change")
    def revoke(self, group_id: str, rules: Sequence[Rule]) -> None:
        request = {"GroupId": group_id, "IpPermissions": permissions(rules, described=False)}
        _called(
            "RevokeSecurityGroupIngress",
            lambda: self._ec2.revoke_security_group_ingress(**request),
        )

    @needs("ec2:RevokeSecurityGroupEgress", purpose="change")
    def revoke_egress(self, group_id: str, rules: Sequence[Rule]) -> None:
        request = {"GroupId": group_id, "IpPermissions": permissions(rules, described=False)}
        _called(
            "RevokeSecurityGroupEgress",
            lambda: self._ec2.revoke_security_group_egress(**request),
        )

    def set_groups(self, endpoint: Endpoint, group_ids: Sequence[str]) -> None:
        groups = list(group_ids)
        if endpoint.handle is Handle.INTERFACE:
            self._set_interface_groups(endpoint.endpoint, groups)
        elif endpoint.handle is Handle.ELBV2:
            self._set_balancer_groups(endpoint.endpoint, groups)
        else:
            assert endpoint.load_balancer is not None
            self._set_classic_groups(endpoint.load_balancer.name, groups)

    @needs("ec2:ModifyNetworkInterfaceAttribute", purpose="change")
    def _set_interface_groups(self, interface_id: str, groups: list[str]) -> None:
        _called(
            "ModifyNetworkInterfaceAttribute",
            lambda: self._ec2.modify_network_interface_attribute(
                NetworkInterfaceId=interface_id, Groups=groups
            ),
        )

    @needs("elasticloadbalancing:SetSecurityGroups", purpose="change")
    def _set_balancer_groups(self, arn: str, groups: list[str]) -> None:
        client = self._connection.client("elbv2")
        _called(
            "SetSecurityGroups",
            lambda: client.set_security_groups(LoadBalancerArn=arn, SecurityGroups=groups),
        )

    @needs("elasticloadbalancing:ApplySecurityGroupsToLoadBalancer", purpose="change")
    def _set_classic_groups(self, name: str, groups: list[str]) -> None:
        client = self._connection.client("elb")
        _called(
            "ApplySecurityGroupsToLoadBalancer",
            lambda: client.apply_security_groups_to_load_balancer(
                LoadBalancerName=name, SecurityGroups=groups
            ),
        )


def permissions(rules: Sequence[Rule], *, described: bool = True) -> list[dict[str, Any]]:
    """Rules as EC2's ``IpPermissions``: one for each protocol and port range."""
    grouped: dict[tuple[str, int | None, int | None], dict[str, Any]] = {}
    for rule in rules:
        key = (rule.protocol, rule.from_port, rule.to_port)
        permission = grouped.get(key)
        if permission is None:
            permission = grouped[key] = {"IpProtocol": rule.protocol}
            if rule.protocol != "-1":
                # -1 stands for every port where a protocol has none.
                permission["FromPort"] = -1 if rule.from_port is None else rule.from_port
                permission["ToPort"] = -1 if rule.to_port is None else rule.to_port
        if rule.kind == "group":
            owner, _, group = rule.source.rpartition("/")
            source = {"GroupId": group} | ({"UserId": owner} if owner else {})
            field = "UserIdGroupPairs"
        else:
            field, name = _SOURCES[rule.kind]
            source = {name: rule.source}
        if described and rule.description:
            source["Description"] = rule.description
        permission.setdefault(field, []).append(source)
    return list(grouped.values())


def _described_rule(item: Mapping[str, Any]) -> Rule:
    """One entry of DescribeSecurityGroupRules as a rule."""
    protocol = str(item.get("IpProtocol", ""))
    from_port, to_port = item.get("FromPort"), item.get("ToPort")
    description = item.get("Description")
    if item.get("CidrIpv4"):
        return Rule(protocol, from_port, to_port, "ipv4", item["CidrIpv4"], description)
    if item.get("CidrIpv6"):
        return Rule(protocol, from_port, to_port, "ipv6", item["CidrIpv6"], description)
    if item.get("PrefixListId"):
        source = item["PrefixListId"]
        return Rule(protocol, from_port, to_port, "prefix_list", source, description)
    group = (item.get("ReferencedGroupInfo") or {}).get("GroupId", "")
    return Rule(protocol, from_port, to_port, "group", group, description)


def _tag_specifications(kind: str, tags: Mapping[str, str]) -> list[dict[str, Any]]:
    pairs = [{"Key": key, "Value": value} for key, value in sorted(tags.items())]
    return [{"ResourceType": kind, "Tags": pairs}]


def _called(operation: str, call: Callable[[], Answer]) -> Answer:
    """The call's answer.

    Raises:
        AwsError: AWS refused it or did not answer.
    """
    try:
        return call()
    except EXPECTED as error:
        raise translate(error, operation) from error
