"""A large account as pages that AWS would answer with: indented XML, a thousand objects each."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from ipaddress import IPv4Address

ACCOUNT = "111122223333"
REGION = "cn-northwest-1"
EC2 = "http://ec2.amazonaws.com/doc/2016-11-15/"
ELBV2 = "http://elasticloadbalancing.amazonaws.com/doc/2015-12-01/"
ELB = "http://elasticloadbalancing.amazonaws.com/doc/2012-06-01/"
STS = "https://sts.amazonaws.com/doc/2011-06-15/"
VPCS = 20
PORTS = (22, 80, 443, 3306, 5432, 6379, 8080, 8443, 9090, 9200)


@dataclass(frozen=True, slots=True, kw_only=True)
class Size:
    """How many of each; the load balancers take two of the interfaces each."""

    groups: int = 10_000
    interfaces: int = 5_000
    addresses: int = 5_000
    load_balancers: int = 190
    classic: int = 10
    page: int = 1_000
    indent: int = 4
    """Spaces a level, as EC2 writes; 0 puts a page on one line."""


class Xml:
    """Writes XML, indented as EC2 does it."""

    def __init__(self, indent: int = 4) -> None:
        self._parts: list[str] = []
        self._depth = 0
        self._step = " " * indent
        self._end = "\n" if indent else ""

    def _add(self, text: str) -> None:
        self._parts += (self._step * self._depth, text, self._end)

    def open(self, name: str, attributes: str = "") -> None:
        self._add(f"<{name}{attributes}>")
        self._depth += 1

    def close(self, name: str) -> None:
        self._depth -= 1
        self._add(f"</{name}>")

    def leaf(self, name: str, value: object) -> None:
        self._add(f"<{name}>{value}</{name}>")

    def empty(self, name: str) -> None:
        self._add(f"<{name}/>")

    def leaves(self, **values: object) -> None:
        for name, value in values.items():
            self.leaf(name, value)

    def items(self, name: str, rows: list[dict[str, object]], item: str = "item") -> None:
        if not rows:
            self.empty(name)
            return
        self.open(name)
        for row in rows:
            self.open(item)
            self.leaves(**row)
            self.close(item)
        self.close(name)

    def encode(self) -> bytes:
        head = '<?xml version="1.0" encoding="UTF-8"?>\n'
        return (head + "".join(self._parts)).encode()


class Estate:
    """The pages by operation: ``pages[operation][n]``, with tokens ``page-1``, ``page-2``, …"""

    def __init__(self, size: Size | None = None, *, seed: int = 7) -> None:
        self.size = size or Size()
        self._random = random.Random(seed)
        size = self.size
        self.pages: dict[str, list[bytes]] = {
            "DescribeAddresses": self._pages(
                "DescribeAddresses", "addressesSet", size.addresses, self._address, paged=False
            ),
            "DescribeNetworkInterfaces": self._pages(
                "DescribeNetworkInterfaces", "networkInterfaceSet", size.interfaces, self._interface
            ),
            "DescribeSecurityGroups": self._pages(
                "DescribeSecurityGroups", "securityGroupInfo", size.groups, self._group
            ),
            "DescribeVpcs": self._pages("DescribeVpcs", "vpcSet", VPCS, self._vpc),
            "elbv2:DescribeLoadBalancers": list(self._balancers()),
            "elb:DescribeLoadBalancers": [self._classic()],
            "GetCallerIdentity": [self._identity()],
        }

    @property
    def bytes(self) -> int:
        return sum(len(page) for pages in self.pages.values() for page in pages)

    def _pages(
        self,
        operation: str,
        name: str,
        count: int,
        write: Callable[[Xml, int], None],
        *,
        paged: bool = True,
    ) -> list[bytes]:
        step = self.size.page if paged else max(count, 1)
        starts = range(0, max(count, 1), step)
        pages = []
        for number, start in enumerate(starts, 1):
            xml = Xml(self.size.indent)
            xml.open(f"{operation}Response", f' xmlns="{EC2}"')
            xml.leaf("requestId", f"5b9e6f3a-0000-4000-8000-{number:012d}")
            xml.open(name)
            for index in range(start, min(start + step, count)):
                xml.open("item")
                write(xml, index)
                xml.close("item")
            xml.close(name)
            if number < len(starts):
                xml.leaf("nextToken", f"page-{number}")
            xml.close(f"{operation}Response")
            pages.append(xml.encode())
        return pages

    def _network(self) -> str:
        address = IPv4Address(self._random.getrandbits(32))
        return f"{address}/{self._random.choice((24, 32, 32, 32))}"

    def _group(self, xml: Xml, index: int) -> None:
        group_id = f"sg-{index:017x}"
        xml.leaves(
            ownerId=ACCOUNT,
            groupId=group_id,
            securityGroupArn=f"arn:aws-cn:ec2:{REGION}:{ACCOUNT}:security-group/{group_id}",
            groupName=f"service-{index:05d}",
            groupDescription=f"Managed by the platform team, service {index}",
            vpcId=f"vpc-{index % VPCS:017x}",
        )
        xml.open("ipPermissions")
        for port in self._random.sample(PORTS, 3):
            open_to_all = self._random.random() < 0.1
            networks = ["0.0.0.0/0"] if open_to_all else [self._network(), self._network()]
            xml.open("item")
            xml.leaves(ipProtocol="tcp", fromPort=port, toPort=port)
            xml.empty("groups")
            xml.items("ipRanges", [{"cidrIp": net, "description": "a peer"} for net in networks])
            xml.items("ipv6Ranges", [{"cidrIpv6": "::/0"}] if open_to_all else [])
            xml.empty("prefixListIds")
            xml.close("item")
        xml.open("item")
        xml.leaf("ipProtocol", "-1")
        xml.items("groups", [{"userId": ACCOUNT, "groupId": group_id}])
        xml.empty("ipRanges")
        xml.empty("ipv6Ranges")
        xml.empty("prefixListIds")
        xml.close("item")
        xml.close("ipPermissions")
        xml.open("ipPermissionsEgress")
        xml.open("item")
        xml.leaf("ipProtocol", "-1")
        xml.empty("groups")
        xml.items("ipRanges", [{"cidrIp": "0.0.0.0/0"}])
        xml.empty("ipv6Ranges")
        xml.empty("prefixListIds")
        xml.close("item")
        xml.close("ipPermissionsEgress")
        xml.items("tagSet", [{"key": "team", "value": f"team-{index % 40}"}])

    def _public_ip(self, index: int) -> str:
        return str(IPv4Address(int(IPv4Address("52.83.0.0")) + index))

    def _interface(self, xml: Xml, index: int) -> None:
        size = self.size
        owners = size.load_balancers + size.classic
        balancer = index // 2 if index < 2 * owners else None
        description = "Primary network interface"
        if balancer is not None and balancer < size.load_balancers:
            description = (
                f"ELB {'net' if balancer % 5 == 4 else 'app'}/lb-{balancer}/{balancer:016x}"
            )
        elif balancer is not None:
            description = f"ELB classic-{balancer}"
        owner = ACCOUNT if balancer is None else "amazon-elb"
        private_ip = str(IPv4Address(int(IPv4Address("10.0.0.0")) + index))
        association: dict[str, object] = {"publicIp": self._public_ip(index), "ipOwnerId": owner}
        if balancer is None:
            association |= {
                "publicDnsName": "",
                "allocationId": f"eipalloc-{index:017x}",
                "associationId": f"eipassoc-{index:017x}",
            }
        xml.leaves(
            networkInterfaceId=f"eni-{index:017x}",
            subnetId=f"subnet-{index % 60:017x}",
            vpcId=f"vpc-{index % VPCS:017x}",
            availabilityZone=f"{REGION}a",
            description=description,
            ownerId=ACCOUNT,
        )
        if balancer is not None:
            xml.leaf("requesterId", "amazon-elb")
        xml.leaves(
            requesterManaged="false" if balancer is None else "true",
            status="in-use",
            macAddress="02:00:00:00:00:01",
            privateIpAddress=private_ip,
            privateDnsName=f"ip-{private_ip.replace('.', '-')}.{REGION}.compute.internal",
            sourceDestCheck="true",
        )
        groups = self._random.sample(range(size.groups), 2)
        xml.items(
            "groupSet",
            [{"groupId": f"sg-{g:017x}", "groupName": f"service-{g:05d}"} for g in groups],
        )
        xml.open("attachment")
        xml.leaves(attachmentId=f"eni-attach-{index:017x}")
        if balancer is None:
            xml.leaf("instanceId", f"i-{index:017x}")
        xml.leaves(
            instanceOwnerId=owner,
            deviceIndex=0,
            networkCardIndex=0,
            status="attached",
            attachTime="2026-01-05T08:00:00.000Z",
            deleteOnTermination="true",
        )
        xml.close("attachment")
        xml.open("association")
        xml.leaves(**association)
        xml.close("association")
        xml.empty("tagSet")
        xml.open("privateIpAddressesSet")
        xml.open("item")
        xml.leaves(privateIpAddress=private_ip, primary="true")
        xml.open("association")
        xml.leaves(**association)
        xml.close("association")
        xml.close("item")
        xml.close("privateIpAddressesSet")
        xml.empty("ipv6AddressesSet")
        xml.leaf("interfaceType", "interface")
        xml.open("operator")
        xml.leaf("managed", "false")
        xml.close("operator")

    def _address(self, xml: Xml, index: int) -> None:
        xml.leaves(
            publicIp=self._public_ip(index),
            allocationId=f"eipalloc-{index:017x}",
            domain="vpc",
            associationId=f"eipassoc-{index:017x}",
            instanceId=f"i-{index:017x}",
            networkInterfaceId=f"eni-{index:017x}",
            networkInterfaceOwnerId=ACCOUNT,
            privateIpAddress=str(IPv4Address(int(IPv4Address("10.0.0.0")) + index)),
            publicIpv4Pool="amazon",
            networkBorderGroup=REGION,
        )
        xml.empty("tagSet")

    def _vpc(self, xml: Xml, index: int) -> None:
        xml.leaves(
            vpcId=f"vpc-{index:017x}",
            ownerId=ACCOUNT,
            state="available",
            cidrBlock=f"10.{index}.0.0/16",
        )
        xml.open("cidrBlockAssociationSet")
        xml.open("item")
        xml.leaves(cidrBlock=f"10.{index}.0.0/16", associationId=f"vpc-cidr-assoc-{index:017x}")
        xml.open("cidrBlockState")
        xml.leaf("state", "associated")
        xml.close("cidrBlockState")
        xml.close("item")
        xml.close("cidrBlockAssociationSet")
        xml.leaves(dhcpOptionsId="dopt-1", instanceTenancy="default", isDefault="false")
        xml.empty("tagSet")

    def _balancers(self) -> Iterator[bytes]:
        step = 400
        starts = range(0, max(self.size.load_balancers, 1), step)
        for number, start in enumerate(starts, 1):
            xml = Xml(self.size.indent)
            xml.open("DescribeLoadBalancersResponse", f' xmlns="{ELBV2}"')
            xml.open("DescribeLoadBalancersResult")
            xml.open("LoadBalancers")
            for index in range(start, min(start + step, self.size.load_balancers)):
                network = index % 5 == 4
                path = f"{'net' if network else 'app'}/lb-{index}/{index:016x}"
                xml.open("member")
                xml.leaves(
                    LoadBalancerArn=f"arn:aws-cn:elasticloadbalancing:{REGION}:{ACCOUNT}"
                    f":loadbalancer/{path}",
                    LoadBalancerName=f"lb-{index}",
                    DNSName=f"lb-{index}.elb.{REGION}.amazonaws.com.cn",
                    Scheme="internet-facing",
                    Type="network" if network else "application",
                    VpcId=f"vpc-{index % VPCS:017x}",
                )
                xml.open("SecurityGroups")
                xml.leaf("member", f"sg-{index:017x}")
                xml.close("SecurityGroups")
                xml.close("member")
            xml.close("LoadBalancers")
            if number < len(starts):
                xml.leaf("NextMarker", f"page-{number}")
            xml.close("DescribeLoadBalancersResult")
            xml.close("DescribeLoadBalancersResponse")
            yield xml.encode()

    def _classic(self) -> bytes:
        xml = Xml(self.size.indent)
        xml.open("DescribeLoadBalancersResponse", f' xmlns="{ELB}"')
        xml.open("DescribeLoadBalancersResult")
        xml.open("LoadBalancerDescriptions")
        for index in range(self.size.load_balancers, self.size.load_balancers + self.size.classic):
            xml.open("member")
            xml.leaves(
                LoadBalancerName=f"classic-{index}",
                DNSName=f"classic-{index}.elb.{REGION}.amazonaws.com.cn",
                Scheme="internet-facing",
                VPCId=f"vpc-{index % VPCS:017x}",
            )
            xml.open("SecurityGroups")
            xml.leaf("member", f"sg-{index:017x}")
            xml.close("SecurityGroups")
            xml.close("member")
        xml.close("LoadBalancerDescriptions")
        xml.close("DescribeLoadBalancersResult")
        xml.close("DescribeLoadBalancersResponse")
        return xml.encode()

    def _identity(self) -> bytes:
        xml = Xml(self.size.indent)
        xml.open("GetCallerIdentityResponse", f' xmlns="{STS}"')
        xml.open("GetCallerIdentityResult")
        xml.leaves(Arn=f"arn:aws-cn:iam::{ACCOUNT}:user/bench", UserId="AIDABENCH", Account=ACCOUNT)
        xml.close("GetCallerIdentityResult")
        xml.close("GetCallerIdentityResponse")
        return xml.encode()
