"""Who counts as the Internet."""

from __future__ import annotations

import ipaddress
import random
from datetime import UTC, datetime

import pytest

from gatekeeper.gate import Internet, spans
from gatekeeper.policy import parse_policy

AT = datetime(2026, 6, 1, tzinfo=UTC)
BARE = parse_policy("internal_sources: []\nexempt_sources: []\n")


def holds(internet: Internet, text: str) -> bool:
    address = ipaddress.ip_address(text)
    family = "ipv4" if address.version == 4 else "ipv6"
    return spans.covers(internet.sources(family), ((int(address), int(address)),))


def test_ipv4_agrees_with_the_standard_library() -> None:
    """But for multicast and the relay blocks, on which the registry's own words decide."""
    internet = Internet.of(BARE, AT, ())
    draw = random.Random(4)
    edges = [
        int(edge) + step
        for network in map(
            ipaddress.ip_network,
            (
                *("0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16"),
                *("172.16.0.0/12", "192.0.2.0/24", "192.168.0.0/16", "198.18.0.0/15"),
                *("198.51.100.0/24", "203.0.113.0/24", "240.0.0.0/4"),
            ),
        )
        for edge in (network.network_address, network.broadcast_address)
        for step in (-1, 0, 1)
    ]
    for number in [*edges, *(draw.randrange(2**32) for _ in range(4000))]:
        if not 0 <= number < 2**32:
            continue
        address = ipaddress.IPv4Address(number)
        if address in ipaddress.ip_network("192.0.0.0/24"):
            continue
        assert holds(internet, str(address)) == (address.is_global and not address.is_multicast), (
            address
        )


@pytest.mark.parametrize(
    ("address", "counts"),
    [
        ("8.8.8.8", True),
        ("52.83.1.1", True),
        ("192.88.99.1", True),
        ("192.0.0.8", False),
        ("224.0.0.1", False),
        ("239.255.255.255", False),
        ("240.0.0.1", False),
        ("255.255.255.255", False),
        ("0.1.2.3", False),
        ("1.0.0.0", True),
        ("2000::", True),
        ("2404:c2c0::1", True),
        ("3fff:ffff::1", True),
        ("4000::", False),
        ("1fff:ffff::1", False),
        ("fe80::1", False),
        ("fc00::1", False),
        ("ff02::1", False),
        ("::1", False),
    ],
)
def test_an_address(address: str, counts: bool) -> None:
    assert holds(Internet.of(BARE, AT, ()), address) is counts


def test_internal_sources_are_the_policys_and_the_vpcs() -> None:
    policy = parse_policy('internal_sources: [52.0.0.0/16, "2404:c2c0::/48"]\n')
    internet = Internet.of(policy, AT, ("52.83.0.0/20", "2404:c2c0:1::/56"))
    inside = ("52.0.1.1", "52.83.15.255", "2404:c2c0::9", "2404:c2c0:1:ff::1")
    outside = ("52.1.0.0", "52.83.16.0", "2404:c2c0:1:100::1", "10.0.0.1")
    assert not any(holds(internet, ip) for ip in inside)
    assert [holds(internet, ip) for ip in outside] == [True, True, True, False]


@pytest.mark.parametrize(
    ("at", "counts"),
    [
        (datetime(2026, 5, 31, 23, 59, 59, tzinfo=UTC), False),
        (datetime(2026, 6, 1, 0, 0, tzinfo=UTC), True),
        (datetime.fromisoformat("2026-06-01T07:59:59+08:00"), False),
        (datetime.fromisoformat("2026-06-01T08:00:00+08:00"), True),
    ],
)
def test_an_exemption_ends_with_its_day(at: datetime, counts: bool) -> None:
    policy = parse_policy(
        "exempt_sources: [{cidr: 9.9.9.9/32, reason: monitoring, until: 2026-05-31}]\n"
    )
    assert holds(Internet.of(policy, at, ()), "9.9.9.9") is counts


def test_an_exemption_without_end_holds() -> None:
    policy = parse_policy("exempt_sources: [{cidr: 9.9.9.9/32, reason: monitoring}]\n")
    assert not holds(Internet.of(policy, AT, ()), "9.9.9.9")
    assert holds(Internet.of(policy, AT, ()), "9.9.9.8")
