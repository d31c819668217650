"""One account to change by name, on moto's server or in memory: the same words for both."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import boto3

from gatekeeper.account import Endpoint, LoadBalancerType, Rule, read_endpoints
from gatekeeper.apply import Edge
from gatekeeper.aws.changes import LiveEdge, permissions
from gatekeeper.aws.session import AccountTarget, Gateway
from gatekeeper.testing import FakeAws

REGION = "cn-northwest-1"
OWN = "123456789012"


def rule(text: str, source: str = "0.0.0.0/0", description: str | None = None) -> Rule:
    """``tcp 80``, ``udp 1-100``, ``-1``: a rule from a source."""
    protocol, _, ports = text.partition(" ")
    low, _, high = ports.partition("-")
    first, last = (int(low), int(high or low)) if ports else (None, None)
    if protocol in ("icmp", "icmpv6"):
        first, last = -1, -1
    kind: Any = "ipv6" if ":" in source else "ipv4"
    if source.startswith(("sg-", "pl-")):
        kind = "group" if source.startswith("sg-") else "prefix_list"
    return Rule(protocol, first, last, kind, source, description)


class Clients:
    """The caller's own account as boto3 and as gatekeeper see it."""

    def __init__(self) -> None:
        self.ec2 = boto3.client("ec2", region_name=REGION)
        self.elbv2 = boto3.client("elbv2", region_name=REGION)
        self.elb = boto3.client("elb", region_name=REGION)
        self.connection = Gateway(REGION).open(AccountTarget())
        for service in ("ec2", "elbv2", "elb"):
            self.connection.reader(service)
            self.connection.client(service)

    def close(self) -> None:
        self.connection.close()
        for client in (self.ec2, self.elbv2, self.elb):
            client.close()


class MotoBench:
    """The account of the caller's own credentials, on a server."""

    is_aws = False
    region = REGION

    def __init__(self, clients: Clients) -> None:
        self.ec2 = clients.ec2
        self.elbv2 = clients.elbv2
        self.elb = clients.elb
        self.connection = clients.connection
        self._subnets: dict[str, list[str]] = {}

    def edge(self, account_id: str = OWN) -> Edge:
        assert account_id == OWN
        return LiveEdge(self.connection)

    def vpc(self, block: str = "10.20.0.0/16", *, ipv6: bool = False) -> str:
        made = self.ec2.create_vpc(CidrBlock=block, AmazonProvidedIpv6CidrBlock=ipv6)["Vpc"]
        vpc_id = made["VpcId"]
        start = block.rsplit(".", 2)[0]
        more: dict[str, Any] = {}
        if ipv6:
            associated = self.ec2.describe_vpcs(VpcIds=[vpc_id])["Vpcs"][0]
            whole = associated["Ipv6CidrBlockAssociationSet"][0]["Ipv6CidrBlock"]
            more = {"Ipv6CidrBlock": whole.replace("/56", "/64")}
        self._subnets[vpc_id] = [
            self.ec2.create_subnet(
                VpcId=vpc_id,
                CidrBlock=f"{start}.{place}.0/24",
                AvailabilityZone=REGION + zone,
                **(more if place == 0 else {}),
            )["Subnet"]["SubnetId"]
            for place, zone in enumerate("ab")
        ]
        return str(vpc_id)

    def ipv6_of(self, vpc_id: str) -> str:
        associated = self.ec2.describe_vpcs(VpcIds=[vpc_id])["Vpcs"][0]
        whole = associated["Ipv6CidrBlockAssociationSet"][0]["Ipv6CidrBlock"]
        return str(whole.partition("::")[0])

    def group(self, vpc_id: str, name: str, *rules: Rule, tags: Mapping[str, str] = {}) -> str:
        made = self.ec2.create_security_group(GroupName=name, Description=name, VpcId=vpc_id)
        if rules:
            self.allow(made["GroupId"], *rules, tags=tags)
        return str(made["GroupId"])

    def allow(self, group_id: str, *rules: Rule, tags: Mapping[str, str] = {}) -> None:
        pairs = [{"Key": key, "Value": value} for key, value in tags.items()]
        more = {"TagSpecifications": [{"ResourceType": "security-group-rule", "Tags": pairs}]}
        self.ec2.authorize_security_group_ingress(
            GroupId=group_id, IpPermissions=permissions(rules), **(more if tags else {})
        )

    def forbid(self, group_id: str, *rules: Rule) -> None:
        self.ec2.revoke_security_group_ingress(
            GroupId=group_id, IpPermissions=permissions(rules, described=False)
        )

    def interface(
        self,
        vpc_id: str,
        groups: Sequence[str],
        *ips: str,
        description: str = "",
        ipv6: Sequence[str] = (),
    ) -> str:
        made = self.ec2.create_network_interface(
            SubnetId=self._subnets[vpc_id][0],
            Groups=list(groups),
            Description=description,
            **({"Ipv6Addresses": [{"Ipv6Address": ip} for ip in ipv6]} if ipv6 else {}),
        )
        name = str(made["NetworkInterface"]["NetworkInterfaceId"])
        for ip in ips:
            self.associate(ip, name)
        return name

    def associate(self, ip: str, interface_id: str) -> None:
        known = {a["PublicIp"]: a for a in self.ec2.describe_addresses()["Addresses"]}
        if ip not in known:
            known[ip] = self.ec2.allocate_address(Domain="vpc", Address=ip)
        self.ec2.associate_address(
            AllocationId=known[ip]["AllocationId"],
            NetworkInterfaceId=interface_id,
            AllowReassociation=True,
        )

    def balancer(
        self, vpc_id: str, name: str, kind: LoadBalancerType, groups: Sequence[str], *ips: str
    ) -> str:
        """A load balancer, and its interfaces as AWS describes them: moto makes none."""
        if kind is LoadBalancerType.CLASSIC:
            self.elb.create_load_balancer(
                LoadBalancerName=name,
                Listeners=[{"Protocol": "tcp", "LoadBalancerPort": 80, "InstancePort": 8000}],
                Subnets=self._subnets[vpc_id][:1],
                SecurityGroups=list(groups),
            )
            path, arn = name, f"arn:aws-cn:elasticloadbalancing:{REGION}:{OWN}:loadbalancer/{name}"
        else:
            arn = self.elbv2.create_load_balancer(
                Name=name,
                Type=str(kind),
                Subnets=self._subnets[vpc_id],
                SecurityGroups=list(groups),
            )["LoadBalancers"][0]["LoadBalancerArn"]
            short = "net" if kind is LoadBalancerType.NETWORK else "app"
            path = f"{short}/{name}/{arn.rpartition('/')[2]}"
        for ip in ips:
            self.interface(vpc_id, groups, ip, description=f"ELB {path}")
        return str(arn)

    def set_groups(self, interface_id: str, *groups: str) -> None:
        self.ec2.modify_network_interface_attribute(
            NetworkInterfaceId=interface_id, Groups=list(groups)
        )

    # from outside ----------------------------------------------------------------------------

    def rules(self, group_id: str) -> set[tuple[Any, ...]]:
        """A group's inbound rules as EC2 tells them, without descriptions."""
        group = self.ec2.describe_security_groups(GroupIds=[group_id])["SecurityGroups"][0]
        return {
            (item["IpProtocol"], item.get("FromPort"), item.get("ToPort"), source)
            for item in group["IpPermissions"]
            for field, name in (
                ("IpRanges", "CidrIp"),
                ("Ipv6Ranges", "CidrIpv6"),
                ("PrefixListIds", "PrefixListId"),
                ("UserIdGroupPairs", "GroupId"),
            )
            for source in (one[name] for one in item.get(field) or ())
        }

    def holds(self, endpoint: str) -> set[str]:
        """The names of the groups that an interface or a load balancer holds."""
        if endpoint.startswith("eni-"):
            found = self.ec2.describe_network_interfaces(NetworkInterfaceIds=[endpoint])
            ids = [group["GroupId"] for group in found["NetworkInterfaces"][0]["Groups"]]
        elif "/app/" in endpoint:
            answer = self.elbv2.describe_load_balancers(LoadBalancerArns=[endpoint])
            ids = answer["LoadBalancers"][0]["SecurityGroups"]
        else:
            name = endpoint.rpartition("/")[2]
            answer = self.elb.describe_load_balancers(LoadBalancerNames=[name])
            ids = answer["LoadBalancerDescriptions"][0]["SecurityGroups"]
        groups = self.ec2.describe_security_groups(GroupIds=ids)["SecurityGroups"]
        return {group["GroupName"] for group in groups}

    def group_named(self, name: str) -> dict[str, Any] | None:
        filters = [{"Name": "group-name", "Values": [name]}]
        found = self.ec2.describe_security_groups(Filters=filters)["SecurityGroups"]
        return found[0] if found else None


class FakeBench:
    """The same words for an account in memory."""

    is_aws = True
    """It behaves as AWS does where moto does not."""
    region = REGION

    def __init__(self) -> None:
        self.aws = FakeAws(region=REGION)
        self.account = self.aws.account(OWN)

    def edge(self, account_id: str = OWN) -> Edge:
        return self.aws.edge(account_id)

    def vpc(self, block: str = "10.20.0.0/16", *, ipv6: bool = False) -> str:
        return self.account.add_vpc(block, *(["2406:da00:1::/56"] if ipv6 else []))

    def ipv6_of(self, vpc_id: str) -> str:
        return "2406:da00:1:0"

    def group(self, vpc_id: str, name: str, *rules: Rule, tags: Mapping[str, str] = {}) -> str:
        made = self.account.create_group(vpc_id, name, description=name)
        if rules:
            self.account.authorize(made, rules, tags)
        return made

    def allow(self, group_id: str, *rules: Rule, tags: Mapping[str, str] = {}) -> None:
        self.account.authorize(group_id, rules, tags)

    def interface(
        self,
        vpc_id: str,
        groups: Sequence[str],
        *ips: str,
        description: str = "",
        ipv6: Sequence[str] = (),
    ) -> str:
        return self.account.add_interface(
            vpc_id, groups, eips=ips, description=description, ipv6=ipv6
        )

    def balancer(
        self, vpc_id: str, name: str, kind: LoadBalancerType, groups: Sequence[str], *ips: str
    ) -> str:
        arn = self.account.add_load_balancer(name, vpc_id, groups, kind=kind)
        for ip in ips:
            self.account.grow(arn, ip, eip=True)
        return arn


def endpoint(edge: Edge, name: str) -> Endpoint:
    """An endpoint as a whole reading of the account shows it."""
    return next(e for e in read_endpoints(edge.read_account()).endpoints if e.endpoint == name)


def portrait(edge: Edge) -> dict[str, Any]:
    """An account with names and addresses in place of ids, so that two of them compare."""
    state = edge.read_account()
    assert state.complete, state.failures
    names = {group.group_id: group.name for group in state.groups.values()}
    tags = edge.read_rule_tags(state.groups)
    return {
        "groups": {
            group.name: {
                "rules": sorted((*one[:5], one.description or "") for one in group.rules),
                "egress": sorted(one[:5] for one in group.egress),
                "tags": sorted(group.tags),
                "rule tags": sorted(
                    (one[:5], sorted(on.items())) for one, on in tags.get(group.group_id, ())
                ),
            }
            for group in state.groups.values()
            if group.name != "default"
        },
        "holders": {
            (*one.ips("ipv4"), *one.ips("ipv6")): sorted(names[g] for g in one.group_ids)
            for one in read_endpoints(state).endpoints
        },
    }
