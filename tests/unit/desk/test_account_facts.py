"""What the accounts say of filed addresses, from AWS's answers; every account here is made up."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from gatekeeper.account import RememberedAddress, outside_region, snapshot_date, unreadable
from gatekeeper.account.model import Failure
from gatekeeper.aws.dump import read_dump
from gatekeeper.desk.account_facts import KnownAccounts, LiveAccount, account_facts
from gatekeeper.filing import Access
from gatekeeper.filing.review import AccountFacts, AddressFacts, Holding
from gatekeeper.policy import default_policy

REGION = "cn-northwest-1"
MINE, THEIRS = "123456789012", "210987654321"
AT = datetime(2026, 11, 20, 4, 0, tzinfo=UTC)
SHOP = f"arn:aws-cn:elasticloadbalancing:{REGION}:{MINE}:loadbalancer/app/shop/1"
TWIN = f"arn:aws-cn:elasticloadbalancing:{REGION}:{MINE}:loadbalancer/net/shop/2"
INNER = f"arn:aws-cn:elasticloadbalancing:{REGION}:{MINE}:loadbalancer/app/inner/3"

EIP, IDLE, NAT, LENT = "52.83.1.1", "52.83.1.2", "52.83.1.3", "52.83.1.4"
ELB_1, ELB_2, ELSEWHERE, NOWHERE = "52.83.2.1", "52.83.2.2", "52.83.3.1", "52.83.9.9"
V6 = "2404:c2c0:110::1"


def interface(name: str, *ips: str, owner: str = MINE, **more: Any) -> dict[str, Any]:
    return {
        "NetworkInterfaceId": name,
        "VpcId": "vpc-1",
        "OwnerId": MINE,
        "Groups": [{"GroupId": "sg-1"}],
        "PrivateIpAddresses": [
            {
                "PrivateIpAddress": f"10.0.0.{n}",
                "Association": {"PublicIp": ip, "IpOwnerId": owner},
            }
            for n, ip in enumerate(ips, 5)
        ],
        **more,
    }


def balancer(arn: str, scheme: str = "internet-facing") -> dict[str, Any]:
    kind, name = arn.split("loadbalancer/")[1].split("/")[:2]
    return {
        "LoadBalancerArn": arn,
        "LoadBalancerName": name,
        "DNSName": f"{name}-{kind}.{REGION}.elb.amazonaws.com.cn",
        "Type": {"app": "application", "net": "network"}[kind],
        "Scheme": scheme,
        "VpcId": "vpc-1",
        "SecurityGroups": ["sg-1"],
    }


def managed(name: str, path: str, *ips: str) -> dict[str, Any]:
    return interface(
        name,
        *ips,
        owner="amazon-elb",
        Description=f"ELB {path}",
        RequesterManaged=True,
        RequesterId="amazon-elb",
    )


ANSWERS: dict[str, Any] = {
    "describe-addresses.json": {
        "Addresses": [
            {
                "PublicIp": EIP,
                "AllocationId": "eipalloc-1",
                "NetworkInterfaceId": "eni-1",
                "AssociationId": "a-1",
            },
            {"PublicIp": IDLE, "AllocationId": "eipalloc-2"},
            {
                "PublicIp": NAT,
                "AllocationId": "eipalloc-3",
                "NetworkInterfaceId": "eni-3",
                "AssociationId": "a-3",
            },
        ]
    },
    "describe-network-interfaces.json": {
        "NetworkInterfaces": [
            interface("eni-1", EIP, Ipv6Addresses=[{"Ipv6Address": V6}]),
            interface("eni-3", NAT, InterfaceType="nat_gateway"),
            interface("eni-4", LENT, owner="amazon"),
            managed("eni-5", "app/shop/1", ELB_1),
            managed("eni-6", "app/shop/1", ELB_2),
        ]
    },
    "describe-security-groups.json": {
        "SecurityGroups": [
            {
                "GroupId": "sg-1",
                "GroupName": "web",
                "VpcId": "vpc-1",
                "OwnerId": MINE,
                "IpPermissions": [
                    {
                        "IpProtocol": "tcp",
                        "FromPort": 443,
                        "ToPort": 443,
                        "IpRanges": [{"CidrIp": "0.0.0.0/0"}],
                    }
                ],
            }
        ]
    },
    "describe-vpcs.json": {"Vpcs": [{"VpcId": "vpc-1", "CidrBlock": "10.0.0.0/16"}]},
    "elbv2-describe-load-balancers.json": {
        "LoadBalancers": [balancer(SHOP), balancer(INNER, "internal")]
    },
    "elb-describe-load-balancers.json": {"LoadBalancerDescriptions": []},
}

Tell = Callable[..., LiveAccount]


@pytest.fixture
def tell(tmp_path: Path) -> Tell:
    """Tells the facts of an access in a folder of answers; ``without`` leaves files out."""

    def facts(
        *ips: str,
        account: str = MINE,
        named: str = "",
        without: tuple[str, ...] = (),
        memory: Any = None,
        region: str = REGION,
        judge: bool = False,
        **answers: Any,
    ) -> LiveAccount:
        for owner, content in ((MINE, ANSWERS | answers), (THEIRS, theirs())):
            home = tmp_path / owner
            home.mkdir(exist_ok=True)
            for name, value in content.items():
                if owner == THEIRS or name not in without:
                    (home / name).write_text(json.dumps(value))
        known = KnownAccounts(
            read_dump(tmp_path, REGION),
            policy=default_policy() if judge else None,
            at=AT if judge else None,
        )
        access = Access(account_id=account, load_balancer=named, ips=ips)
        return account_facts(access, known, memory, region=region)

    return facts


def theirs() -> dict[str, Any]:
    mine = {"PublicIp": ELSEWHERE, "AllocationId": "eipalloc-9"}
    return ANSWERS | {
        "describe-addresses.json": {"Addresses": [mine]},
        "describe-network-interfaces.json": {"NetworkInterfaces": []},
        "elbv2-describe-load-balancers.json": {"LoadBalancers": []},
    }


def known(found: LiveAccount) -> AccountFacts:
    assert found.account.value is not None, found.account.reason
    return found.account.value


def one(found: LiveAccount) -> AddressFacts:
    [facts] = known(found).addresses.values()
    return facts


@pytest.mark.parametrize(
    ("ip", "holding", "serves", "nat", "owner"),
    [
        (EIP, Holding.EIP, True, False, ""),
        (IDLE, Holding.EIP, False, False, ""),
        (NAT, Holding.EIP, False, True, ""),
        (LENT, Holding.AUTO, True, False, ""),
        (ELB_1, Holding.LOAD_BALANCER, True, False, SHOP),
        (V6, Holding.IPV6, True, False, ""),
    ],
)
def test_what_the_account_has(
    tell: Tell, ip: str, holding: Holding, serves: bool, nat: bool, owner: str
) -> None:
    found = one(tell(ip))
    assert found.holding.value is holding
    assert (found.serves, found.on_nat_gateway, found.balancer) == (serves, nat, owner)
    assert (found.elsewhere, found.released.value) == ("", False)
    assert found.exposed.value is None


def test_what_it_lacks_is_none_or_anothers(tell: Tell) -> None:
    found = known(tell(NOWHERE, ELSEWHERE)).addresses
    assert [one.holding.value for one in found.values()] == [Holding.NONE, Holding.NONE]
    assert [one.elsewhere for one in found.values()] == ["", THEIRS]


@pytest.mark.parametrize("file", ["describe-addresses.json", "describe-network-interfaces.json"])
def test_a_state_that_was_read_in_part_lacks_nothing_for_sure(tell: Tell, file: str) -> None:
    found = known(tell(NOWHERE, EIP, ELSEWHERE, without=(file,))).addresses
    assert (found[NOWHERE].holding.value, found[NOWHERE].released.value) == (None, None)
    operation = {"describe-addresses.json": "DescribeAddresses"}.get(
        file, "DescribeNetworkInterfaces"
    )
    assert operation in found[NOWHERE].holding.reason
    assert operation in found[NOWHERE].holding.reason_zh
    assert found[EIP].holding.value is Holding.EIP
    assert (found[ELSEWHERE].holding.value, found[ELSEWHERE].elsewhere) == (Holding.NONE, THEIRS)


def test_groups_that_were_not_read_hide_no_address(tell: Tell) -> None:
    found = known(tell(NOWHERE, without=("describe-security-groups.json",)))
    assert found.addresses[NOWHERE].holding.value is Holding.NONE


def test_an_account_that_was_not_read_is_unknown(tell: Tell) -> None:
    found = tell(EIP, account="999999999999")
    assert found.account.value is None
    assert "999999999999" in found.account.reason
    assert "未登记" in found.account.reason_zh
    assert found.in_region[EIP].value is True
    hostile = tell(EIP, account="1\u2028\x1b[31m")
    assert hostile.account.reason.isprintable()


def test_an_unreadable_account_says_why() -> None:
    state = unreadable(MINE, REGION, Failure("AssumeRole", "AccessDenied", "no"))
    access = Access(account_id=MINE, ips=(EIP,))
    found = account_facts(access, KnownAccounts([state]), region=REGION)
    assert "AssumeRole (AccessDenied)" in found.account.reason
    assert found.account.value is None
    silent = account_facts(access, KnownAccounts([unreadable(MINE, REGION)]), region=REGION)
    assert "could not be read" in silent.account.reason


def test_an_account_of_another_region_says_nothing(tell: Tell) -> None:
    found = tell(EIP, region="cn-north-1")
    assert found.account.value is None
    assert "cn-north-1" in found.account.reason
    assert found.in_region[EIP].value is False


@pytest.mark.parametrize(
    ("ip", "region", "inside"),
    [
        (EIP, REGION, True),
        (EIP, "cn-north-1", False),
        (V6, REGION, True),
        ("203.0.113.1", REGION, False),
        (EIP, "mars-1", None),
    ],
)
def test_the_published_ranges(tell: Tell, ip: str, region: str, inside: bool | None) -> None:
    told = tell(ip, region=region).in_region[ip]
    assert told.value is inside
    assert snapshot_date() in (told.reason if inside is None else told.source)
    outside = outside_region(ip, region)
    assert inside == (None if outside is None else not outside)


def remembered(ip: str, kind: str = "eip", allocation: str | None = "eipalloc-0") -> Any:
    return {(MINE, ip): RememberedAddress(ip, kind, allocation, AT, AT)}


@pytest.mark.parametrize(
    ("ip", "memory", "named", "released"),
    [
        (NOWHERE, None, "", None),
        (NOWHERE, {}, "", False),
        (NOWHERE, remembered(NOWHERE), "", True),
        (NOWHERE, remembered(NOWHERE, "elb", None), "", True),
        (NOWHERE, remembered(NOWHERE, "elb", None), "shop", False),
        (EIP, None, "", False),
        (EIP, remembered(EIP, allocation="eipalloc-1"), "", False),
        (EIP, remembered(EIP, allocation="eipalloc-0"), "", True),
        (EIP, remembered(EIP, allocation=None), "", False),
    ],
)
def test_only_memory_tells_released_from_never(
    tell: Tell, ip: str, memory: Any, named: str, released: bool | None
) -> None:
    assert one(tell(ip, memory=memory, named=named)).released.value is released


@pytest.mark.parametrize(
    ("named", "fits"),
    [
        ("shop", (SHOP,)),
        (SHOP, (SHOP,)),
        (f"dualstack.SHOP-app.{REGION}.elb.amazonaws.com.cn.", (SHOP,)),
        ("sho", ()),
        ("", ()),
        ("inner", (INNER,)),
    ],
)
def test_the_load_balancer_that_is_named(tell: Tell, named: str, fits: tuple[str, ...]) -> None:
    found = known(tell(EIP, named=named))
    assert found.named.value == fits
    assert set(found.balancers) == set(fits)
    for arn in fits:
        one = found.balancers[arn]
        assert one.ips == ((ELB_1, ELB_2) if arn == SHOP else ())
        assert one.internal == (arn == INNER)
        assert one.whole.value is True


def test_a_name_may_fit_two(tell: Tell) -> None:
    both = {"LoadBalancers": [balancer(SHOP), balancer(TWIN)]}
    found = known(tell(EIP, named="shop", **{"elbv2-describe-load-balancers.json": both}))
    assert found.named.value == (SHOP, TWIN)
    assert found.balancers[TWIN].whole.value is None  # its interfaces are not in the answers
    assert found.balancers[TWIN].whole.reason_zh


@pytest.mark.parametrize(
    ("named", "fits"),
    [("shop", None), ("nobody", None), (SHOP, (SHOP,)), (INNER.replace("inner", "x"), None)],
)
def test_a_name_is_unknown_while_load_balancers_are_unread(
    tell: Tell, named: str, fits: tuple[str, ...] | None
) -> None:
    found = known(tell(EIP, named=named, without=("elb-describe-load-balancers.json",)))
    assert found.named.value == fits


def test_the_owner_of_an_address_comes_with_its_whole_set(tell: Tell) -> None:
    found = known(tell(ELB_1, EIP))
    assert found.balancers[SHOP].ips == (ELB_1, ELB_2)
    assert found.owners.value is True


@pytest.mark.parametrize(
    ("ip", "without", "owners"),
    [
        (ELB_1, "elbv2-describe-load-balancers.json", None),
        (EIP, "elbv2-describe-load-balancers.json", True),
        (EIP, "describe-network-interfaces.json", None),
        (IDLE, "describe-network-interfaces.json", True),
        (NOWHERE, "describe-addresses.json", None),
    ],
)
def test_an_owner_may_be_unread(tell: Tell, ip: str, without: str, owners: bool | None) -> None:
    found = known(tell(ip, without=(without,)))
    assert found.owners.value is owners
    assert bool(found.owners.reason) == (owners is None)


def test_a_set_is_not_whole_while_interfaces_are_unread(tell: Tell) -> None:
    found = known(tell(EIP, named=SHOP, without=("describe-network-interfaces.json",)))
    assert (found.balancers[SHOP].ips, found.balancers[SHOP].whole.value) == ((), None)


@pytest.mark.parametrize(
    ("ip", "ports"),
    [(EIP, ("tcp 443",)), (ELB_2, ("tcp 443",)), (IDLE, ()), (V6, ()), (NOWHERE, None)],
)
def test_what_the_internet_reaches(tell: Tell, ip: str, ports: tuple[str, ...] | None) -> None:
    assert one(tell(ip, judge=True)).exposed.value == ports


def test_what_it_reaches_is_unknown_without_the_groups(tell: Tell) -> None:
    found = one(tell(EIP, judge=True, without=("describe-security-groups.json",)))
    assert found.exposed.value is None
    assert found.exposed.reason
    assert found.exposed.reason_zh
