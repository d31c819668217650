"""Canned pages of one account of a fleet; every account has the same, under its own numbers.

An account has fifty endpoints: one load balancer with three addresses and 49 interfaces with one
EIP each.  The gate hangs on those that are filed; two are open to the Internet and are not filed.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from ipaddress import IPv4Address

from benches.estate import EC2, ELB, ELBV2, REGION, STS, Xml

FIRST = 100_000_000_000
ENDPOINTS = 50
FILED = 45
"""How many of the EIPs are filed, nine by a filing."""
_BALANCER_IPS = 3
_STEP = 64
_BASE = int(IPv4Address("52.83.0.0"))
_TOKEN = re.compile(rb"@(A|[0-9]+)@")
_GATE = (("tcp", 80), ("tcp", 443), ("tcp", 8080), ("udp", 443))


def account_of(number: int) -> str:
    return str(FIRST + number)


def address_of(number: int, index: int) -> str:
    return str(IPv4Address(_BASE + number * _STEP + index))


def filings_of(number: int) -> Iterator[dict[str, object]]:
    """The applications of an account, as an import reads them."""
    account = account_of(number)

    def application(index: int, ips: list[str], balancer: str = "") -> dict[str, object]:
        return {
            "application_id": f"A{number:04}-{index}",
            "filing_id": f"F{number:04}-{index}",
            "kind": "new",
            "status": "approved",
            "status_at": "2026-01-05T10:00:00+08:00",
            "entity": {"name": f"宁夏示例{number}有限公司"},
            "service": {
                "type": "website",
                "name": f"示例{number}",
                "licence": f"宁ICP备{2026000000 + number}号-{index + 1}",
            },
            "access": {"account_id": account, "load_balancer": balancer, "ips": ips},
        }

    for index in range(FILED // 9):
        yield application(index, [address_of(number, index * 9 + i) for i in range(9)])
    shop = [address_of(number, ENDPOINTS - 1 + i) for i in range(_BALANCER_IPS)]
    yield application(FILED // 9, shop, "shop")
    # One that its account lacks: the next account has it.
    yield application(FILED // 9 + 1, [address_of(number + 1, 0)])


class Pages:
    """The answer to each operation, as a template that is filled for an account."""

    def __init__(self) -> None:
        self._templates = {
            "DescribeAddresses": _ec2("DescribeAddresses", "addressesSet", _addresses),
            "DescribeNetworkInterfaces": _ec2(
                "DescribeNetworkInterfaces", "networkInterfaceSet", _interfaces
            ),
            "DescribeSecurityGroups": _ec2("DescribeSecurityGroups", "securityGroupInfo", _groups),
            "DescribeVpcs": _ec2("DescribeVpcs", "vpcSet", _vpcs),
            "elbv2:DescribeLoadBalancers": _balancers(),
            "elb:DescribeLoadBalancers": _classic(),
            "GetCallerIdentity": _identity(),
            "AssumeRole": _assumed(),
        }

    def page(self, operation: str, account: str) -> bytes:
        number = int(account) - FIRST
        text = account.encode()

        def fill(match: re.Match[bytes]) -> bytes:
            token = match[1]
            return text if token == b"A" else address_of(number, int(token)).encode()

        return _TOKEN.sub(fill, self._templates[operation])


def _ec2(operation: str, name: str, write) -> bytes:  # noqa: ANN001
    xml = Xml()
    xml.open(f"{operation}Response", f' xmlns="{EC2}"')
    xml.leaf("requestId", "5b9e6f3a-0000-4000-8000-000000000001")
    xml.open(name)
    write(xml)
    xml.close(name)
    xml.close(f"{operation}Response")
    return xml.encode()


def _addresses(xml: Xml) -> None:
    for index in range(ENDPOINTS - 1):
        xml.open("item")
        xml.leaves(
            publicIp=f"@{index}@",
            allocationId=f"eipalloc-{index:05x}@A@",
            domain="vpc",
            associationId=f"eipassoc-{index:05x}@A@",
            instanceId=f"i-{index:05x}@A@",
            networkInterfaceId=f"eni-{index:05x}@A@",
            networkInterfaceOwnerId="@A@",
            privateIpAddress=f"10.0.0.{index}",
            publicIpv4Pool="amazon",
            networkBorderGroup=REGION,
        )
        xml.empty("tagSet")
        xml.close("item")


def _interfaces(xml: Xml) -> None:
    for index in range(ENDPOINTS - 1 + _BALANCER_IPS):
        balancer = index >= ENDPOINTS - 1
        owner = "amazon-elb" if balancer else "@A@"
        association: dict[str, object] = {"publicIp": f"@{index}@", "ipOwnerId": owner}
        if not balancer:
            association |= {
                "publicDnsName": "",
                "allocationId": f"eipalloc-{index:05x}@A@",
                "associationId": f"eipassoc-{index:05x}@A@",
            }
        xml.open("item")
        xml.leaves(
            networkInterfaceId=f"eni-{index:05x}@A@",
            subnetId="subnet-00000@A@",
            vpcId="vpc-00000@A@",
            availabilityZone=f"{REGION}a",
            description="ELB app/shop/0123456789abcdef" if balancer else "Primary interface",
            ownerId="@A@",
        )
        if balancer:
            xml.leaf("requesterId", "amazon-elb")
        xml.leaves(
            requesterManaged="true" if balancer else "false",
            status="in-use",
            macAddress="02:00:00:00:00:01",
            privateIpAddress=f"10.0.0.{index}",
            privateDnsName=f"ip-10-0-0-{index}.{REGION}.compute.internal",
            sourceDestCheck="true",
        )
        second = "gate" if index < FILED or balancer else "wide" if index < FILED + 2 else "app-7"
        groups = ("app-1" if balancer else f"app-{index % 10}", second)
        xml.items(
            "groupSet", [{"groupId": f"sg-{g}-@A@", "groupName": g} for g in dict.fromkeys(groups)]
        )
        xml.open("association")
        xml.leaves(**association)
        xml.close("association")
        xml.empty("tagSet")
        xml.open("privateIpAddressesSet")
        xml.open("item")
        xml.leaves(privateIpAddress=f"10.0.0.{index}", primary="true")
        xml.open("association")
        xml.leaves(**association)
        xml.close("association")
        xml.close("item")
        xml.close("privateIpAddressesSet")
        xml.empty("ipv6AddressesSet")
        xml.leaf("interfaceType", "interface")
        xml.close("item")


def _groups(xml: Xml) -> None:
    for index in range(10):
        _group(xml, f"app-{index}", [("tcp", 22, "192.0.2.0/24"), ("tcp", 3306, "10.0.0.0/16")])
    _group(xml, "wide", [("tcp", port, "0.0.0.0/0") for port in (22, 80, 443)])
    tags = [
        {"key": "gatekeeper:managed", "value": "true"},
        {"key": "gatekeeper:owner", "value": "nwcd-gatekeeper"},
    ]
    _group(xml, "gate", [(*port, "0.0.0.0/0") for port in _GATE], "gatekeeper-gate", tags)


def _group(
    xml: Xml,
    short: str,
    rules: list[tuple[str, int, str]],
    name: str = "",
    tags: list[dict[str, object]] | None = None,
) -> None:
    xml.open("item")
    xml.leaves(
        ownerId="@A@",
        groupId=f"sg-{short}-@A@",
        securityGroupArn=f"arn:aws-cn:ec2:{REGION}:@A@:security-group/sg-{short}-@A@",
        groupName=name or short,
        groupDescription="Managed by the platform team",
        vpcId="vpc-00000@A@",
    )
    xml.open("ipPermissions")
    for protocol, port, source in rules:
        xml.open("item")
        xml.leaves(ipProtocol=protocol, fromPort=port, toPort=port)
        xml.empty("groups")
        xml.items("ipRanges", [{"cidrIp": source, "description": "a peer"}])
        xml.empty("ipv6Ranges")
        xml.empty("prefixListIds")
        xml.close("item")
    xml.close("ipPermissions")
    xml.empty("ipPermissionsEgress")
    xml.items("tagSet", tags or [{"key": "team", "value": "web"}])
    xml.close("item")


def _vpcs(xml: Xml) -> None:
    xml.open("item")
    xml.leaves(vpcId="vpc-00000@A@", ownerId="@A@", state="available", cidrBlock="10.0.0.0/16")
    xml.items("cidrBlockAssociationSet", [{"cidrBlock": "10.0.0.0/16"}])
    xml.leaves(dhcpOptionsId="dopt-1", instanceTenancy="default", isDefault="false")
    xml.empty("tagSet")
    xml.close("item")


def _balancers() -> bytes:
    xml = Xml()
    xml.open("DescribeLoadBalancersResponse", f' xmlns="{ELBV2}"')
    xml.open("DescribeLoadBalancersResult")
    xml.open("LoadBalancers")
    xml.open("member")
    xml.leaves(
        LoadBalancerArn=f"arn:aws-cn:elasticloadbalancing:{REGION}:@A@"
        ":loadbalancer/app/shop/0123456789abcdef",
        LoadBalancerName="shop",
        DNSName=f"shop.elb.{REGION}.amazonaws.com.cn",
        Scheme="internet-facing",
        Type="application",
        VpcId="vpc-00000@A@",
    )
    xml.open("SecurityGroups")
    xml.leaf("member", "sg-app-1-@A@")
    xml.leaf("member", "sg-gate-@A@")
    xml.close("SecurityGroups")
    xml.close("member")
    xml.close("LoadBalancers")
    xml.close("DescribeLoadBalancersResult")
    xml.close("DescribeLoadBalancersResponse")
    return xml.encode()


def _classic() -> bytes:
    xml = Xml()
    xml.open("DescribeLoadBalancersResponse", f' xmlns="{ELB}"')
    xml.open("DescribeLoadBalancersResult")
    xml.empty("LoadBalancerDescriptions")
    xml.close("DescribeLoadBalancersResult")
    xml.close("DescribeLoadBalancersResponse")
    return xml.encode()


def _identity() -> bytes:
    xml = Xml()
    xml.open("GetCallerIdentityResponse", f' xmlns="{STS}"')
    xml.open("GetCallerIdentityResult")
    xml.leaves(Arn="arn:aws-cn:iam::@A@:user/bench", UserId="AIDABENCH", Account="@A@")
    xml.close("GetCallerIdentityResult")
    xml.close("GetCallerIdentityResponse")
    return xml.encode()


def _assumed() -> bytes:
    xml = Xml()
    xml.open("AssumeRoleResponse", f' xmlns="{STS}"')
    xml.open("AssumeRoleResult")
    xml.open("Credentials")
    xml.leaves(
        AccessKeyId="ASIA@A@", SecretAccessKey="s", SessionToken="t",
        Expiration="2099-01-01T00:00:00Z",
    )  # fmt: skip
    xml.close("Credentials")
    xml.close("AssumeRoleResult")
    xml.close("AssumeRoleResponse")
    return xml.encode()
