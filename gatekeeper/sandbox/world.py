"""Two made-up accounts on the embedded AWS, with everything that gatekeeper has to tell apart.

Names, numbers and addresses are invented.  moto gives load balancers no network interfaces, so the
world makes them as AWS would describe them.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Final

from gatekeeper.sandbox.server import Sandbox

SHOP: Final = "111122223333"
MEDIA: Final = "444455556666"
NAMES: Final = {SHOP: "shop", MEDIA: "media"}
ROLE: Final = "gatekeeper"
EXTERNAL_ID: Final = "sandbox-external-id"

WIDE: Final = {"IpProtocol": "tcp", "FromPort": 0, "ToPort": 65535}
EVERYTHING: Final = {"IpProtocol": "-1"}
HTTPS: Final = {"IpProtocol": "tcp", "FromPort": 443, "ToPort": 443}
SSH: Final = {"IpProtocol": "tcp", "FromPort": 22, "ToPort": 22}


def role_arn(account_id: str, partition: str = "aws-cn") -> str:
    """The role through which the sandbox's caller enters an account."""
    return f"arn:{partition}:iam::{account_id}:role/{ROLE}"


@dataclass(slots=True)
class World:
    """What was built, by name."""

    addresses: dict[str, str] = field(default_factory=dict)
    """Name to public IPv4 address."""
    interfaces: dict[str, str] = field(default_factory=dict)
    groups: dict[str, str] = field(default_factory=dict)
    balancers: dict[str, str] = field(default_factory=dict)
    """Name to ARN, or to the name of a classic one."""
    allocations: dict[str, str] = field(default_factory=dict)


def furnish(box: Sandbox) -> World:
    """Seed both accounts of a running sandbox."""
    world = World()
    _shop(_Builder(box, SHOP, world, "52.83.10"))
    _media(_Builder(box, MEDIA, world, "52.83.20"))
    return world


def release(box: Sandbox, world: World, name: str) -> None:
    """The shop releases an EIP, filed or not."""
    client_of(box, SHOP, "ec2").release_address(AllocationId=world.allocations[name])


def widen(box: Sandbox, world: World, name: str) -> None:
    """Somebody at the shop opens HTTPS in a group by hand."""
    rule = {**HTTPS, "IpRanges": [{"CidrIp": "0.0.0.0/0", "Description": "just for a test"}]}
    client_of(box, SHOP, "ec2").authorize_security_group_ingress(
        GroupId=world.groups[name], IpPermissions=[rule]
    )


def _shop(make: _Builder) -> None:
    make.vpc("10.20.0.0/16")
    make.group("web-wide", "shared by a filed and an unfiled site", WIDE)
    make.group("legacy", "everything from everywhere", EVERYTHING, ipv6=True)
    make.group("https", "web from everywhere", HTTPS)
    make.group("office", "administration only", SSH, cidr="10.0.0.0/8")
    make.group("forgotten", "attached to nothing", WIDE)
    make.site("shop-web", "web-wide")
    make.site("shop-trial", "web-wide")
    make.site("shop-api", "office")
    make.site("shop-old", "legacy")
    make.site("shop-new", "https")
    make.site("shop-stop", "https")
    make.site("shop-move-old", "https")
    make.site("shop-move-new", "office")
    make.address("shop-gone")
    make.balancer("shop-front", "application", ["office"], 2)
    make.balancer("shop-tcp", "network", ["office"], 1)
    make.balancer("shop-bare", "network", [], 1, port=443)
    make.classic("shop-classic", "office")


def _media(make: _Builder) -> None:
    make.vpc("10.30.0.0/16", ipv6=True)
    make.group("media-https", "web from everywhere", HTTPS, ipv6=True)
    make.group("media-office", "administration only", SSH, cidr="10.0.0.0/8")
    make.balancer("media", "application", ["media-https"], 3)
    make.site("media-dual", "media-https", ipv6=True)
    make.address("media-spare")


class _Builder:
    """Makes the things of one account."""

    def __init__(self, box: Sandbox, account_id: str, world: World, block: str) -> None:
        self._ec2 = client_of(box, account_id, "ec2")
        self._elbv2 = client_of(box, account_id, "elbv2")
        self._elb = client_of(box, account_id, "elb")
        self._zones = (f"{box.region}a", f"{box.region}b")
        self._world = world
        self._block = block
        self._next = 10

    def vpc(self, block: str, *, ipv6: bool = False) -> None:
        vpc = self._ec2.create_vpc(CidrBlock=block, AmazonProvidedIpv6CidrBlock=ipv6)["Vpc"]
        self._vpc = vpc["VpcId"]
        prefix = block.rsplit(".", 2)[0]
        request: dict[str, Any] = {"VpcId": self._vpc}
        if ipv6:
            associated = self._ec2.describe_vpcs(VpcIds=[self._vpc])["Vpcs"][0]
            blocks = associated["Ipv6CidrBlockAssociationSet"]
            request["Ipv6CidrBlock"] = blocks[0]["Ipv6CidrBlock"].replace("/56", "/64")
            self._ipv6 = request["Ipv6CidrBlock"].partition("::")[0]
        self._subnets = []
        for place, zone in enumerate(self._zones):
            made = self._ec2.create_subnet(
                CidrBlock=f"{prefix}.{place}.0/24",
                AvailabilityZone=zone,
                **(request if place == 0 else {"VpcId": self._vpc}),
            )
            self._subnets.append(made["Subnet"]["SubnetId"])

    def group(
        self,
        name: str,
        description: str,
        permission: dict[str, Any],
        *,
        cidr: str = "0.0.0.0/0",
        ipv6: bool = False,
    ) -> None:
        made = self._ec2.create_security_group(
            GroupName=name, Description=description, VpcId=self._vpc
        )["GroupId"]
        rule: dict[str, Any] = {
            **permission,
            "IpRanges": [{"CidrIp": cidr, "Description": description}],
        }
        if ipv6:
            rule["Ipv6Ranges"] = [{"CidrIpv6": "::/0", "Description": description}]
        self._ec2.authorize_security_group_ingress(GroupId=made, IpPermissions=[rule])
        self._world.groups[name] = made

    def address(self, name: str) -> str:
        """An EIP that is associated with nothing."""
        self._next += 1
        ip = f"{self._block}.{self._next}"
        made = self._ec2.allocate_address(Domain="vpc", Address=ip)
        self._world.addresses[name] = ip
        self._world.allocations[name] = made["AllocationId"]
        return str(made["AllocationId"])

    def site(self, name: str, group: str, *, ipv6: bool = False) -> None:
        """A server: an interface with an EIP."""
        self._interface(name, f"server {name}", [group], ipv6=ipv6)

    def _interface(
        self, name: str, description: str, groups: list[str], *, ipv6: bool = False
    ) -> None:
        request: dict[str, Any] = {}
        if ipv6:
            request["Ipv6Addresses"] = [{"Ipv6Address": f"{self._ipv6}::{self._next + 1:x}"}]
        made = self._ec2.create_network_interface(
            SubnetId=self._subnets[0],
            Groups=[self._world.groups[group] for group in groups],
            Description=description,
            **request,
        )["NetworkInterface"]["NetworkInterfaceId"]
        self._ec2.associate_address(AllocationId=self.address(name), NetworkInterfaceId=made)
        self._world.interfaces[name] = made

    def balancer(
        self, name: str, kind: str, groups: list[str], interfaces: int, port: int | None = None
    ) -> None:
        """An application or network load balancer with its interfaces."""
        made = self._elbv2.create_load_balancer(
            Name=name,
            Type=kind,
            Subnets=self._subnets,
            SecurityGroups=[self._world.groups[group] for group in groups],
        )["LoadBalancers"][0]
        arn = made["LoadBalancerArn"]
        self._world.balancers[name] = arn
        path = f"{'app' if kind == 'application' else 'net'}/{name}/{arn.rsplit('/', 1)[-1]}"
        for number in range(1, interfaces + 1):
            self._interface(f"{name}-{number}", f"ELB {path}", groups)
        if port is not None:
            target = self._elbv2.create_target_group(
                Name=f"{name}-targets", Protocol="TCP", Port=port, VpcId=self._vpc
            )["TargetGroups"][0]["TargetGroupArn"]
            self._elbv2.create_listener(
                LoadBalancerArn=arn,
                Protocol="TCP",
                Port=port,
                DefaultActions=[{"Type": "forward", "TargetGroupArn": target}],
            )

    def classic(self, name: str, group: str) -> None:
        self._elb.create_load_balancer(
            LoadBalancerName=name,
            Listeners=[{"Protocol": "tcp", "LoadBalancerPort": 80, "InstancePort": 8000}],
            Subnets=self._subnets[:1],
            SecurityGroups=[self._world.groups[group]],
        )
        self._world.balancers[name] = name
        self._interface(f"{name}-1", f"ELB {name}", [group])


def client_of(box: Sandbox, account_id: str, service: str) -> Any:
    """A client of the sandbox inside one of its accounts."""
    import boto3

    caller = boto3.Session("sandbox", "sandbox", region_name=box.region)
    partition = caller.get_partition_for_region(box.region)
    given = caller.client("sts", endpoint_url=box.url).assume_role(
        RoleArn=role_arn(account_id, partition),
        RoleSessionName="sandbox",
        ExternalId=EXTERNAL_ID,
    )["Credentials"]
    inside = boto3.Session(
        given["AccessKeyId"],
        given["SecretAccessKey"],
        given["SessionToken"],
        region_name=box.region,
    )
    return inside.client(service, endpoint_url=box.url)
