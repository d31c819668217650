"""Every spelling of protocols, ports and networks that AWS's answers hold, and what is none."""

from __future__ import annotations

import pytest

from gatekeeper.account import Rule
from gatekeeper.gate import MalformedRule, protocol_name, protocol_number
from gatekeeper.gate.reading import (
    aws_ports,
    aws_protocol,
    cidr_text,
    read_network,
    read_ports,
    rule_family,
)

EVERY = (0, 65535)


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("-1", -1),
        ("all", -1),
        ("tcp", 6),
        ("TCP", 6),
        ("6", 6),
        ("udp", 17),
        ("17", 17),
        ("icmp", 1),
        ("1", 1),
        ("icmpv6", 58),
        ("58", 58),
        ("0", 0),
        ("47", 47),
        ("132", 132),
        ("255", 255),
        (" tcp ", 6),
    ],
)
def test_a_protocol(text: str, number: int) -> None:
    assert protocol_number(text) == number
    assert protocol_number(aws_protocol(number)) == number


@pytest.mark.parametrize("text", ["", "256", "-2", "tcpx", "6.0", "٦", "six", "0x6", "+6", "1e1"])
def test_no_protocol(text: str) -> None:
    with pytest.raises(MalformedRule, match="neither a name nor a number"):
        protocol_number(text)


@pytest.mark.parametrize(
    ("number", "name"),
    [(-1, "all"), (6, "tcp"), (17, "udp"), (1, "icmp"), (58, "icmpv6"), (47, "47"), (0, "0")],
)
def test_a_protocol_has_one_name(number: int, name: str) -> None:
    assert protocol_name(number) == name


@pytest.mark.parametrize("protocol", [6, 17])
@pytest.mark.parametrize(
    ("first", "last", "span"),
    [
        (None, None, EVERY),
        (-1, -1, EVERY),
        (None, -1, EVERY),
        (0, 65535, EVERY),
        (0, 0, (0, 0)),
        (443, 443, (443, 443)),
        (1, 65535, (1, 65535)),
    ],
)
def test_ports(protocol: int, first: int | None, last: int | None, span: tuple[int, int]) -> None:
    assert read_ports(protocol, first, last) == span


@pytest.mark.parametrize("protocol", [6, 17])
@pytest.mark.parametrize(
    ("first", "last"),
    [
        (443, 80),
        (443, None),
        (None, 443),
        (-1, 443),
        (443, -1),
        (-2, 5),
        (0, 65536),
        (70000, 70000),
    ],
)
def test_no_ports(protocol: int, first: int | None, last: int | None) -> None:
    with pytest.raises(MalformedRule, match="no range"):
        read_ports(protocol, first, last)


@pytest.mark.parametrize("protocol", [-1, 47, 50, 0, 132])
@pytest.mark.parametrize("ports", [(None, None), (-1, -1), (80, 80), (443, 80), (0, 65535)])
def test_ports_mean_nothing_elsewhere(protocol: int, ports: tuple[int | None, int | None]) -> None:
    assert read_ports(protocol, *ports) == EVERY


@pytest.mark.parametrize("protocol", [1, 58])
@pytest.mark.parametrize(
    ("kind", "code", "span"),
    [
        (-1, -1, EVERY),
        (None, None, EVERY),
        (8, -1, (2048, 2303)),
        (8, None, (2048, 2303)),
        (8, 0, (2048, 2048)),
        (0, 0, (0, 0)),
        (3, 4, (772, 772)),
        (255, 255, EVERY[1:] * 2),
    ],
)
def test_icmp(protocol: int, kind: int | None, code: int | None, span: tuple[int, int]) -> None:
    assert read_ports(protocol, kind, code) == span
    assert read_ports(protocol, *aws_ports(protocol, span)) == span


@pytest.mark.parametrize(("kind", "code"), [(256, 0), (-2, 0), (8, 256), (8, -2)])
def test_no_icmp(kind: int, code: int) -> None:
    with pytest.raises(MalformedRule, match="does not exist"):
        read_ports(1, kind, code)


@pytest.mark.parametrize(
    ("text", "family", "canonical"),
    [
        ("0.0.0.0/0", "ipv4", "0.0.0.0/0"),
        ("10.1.2.3/8", "ipv4", "10.0.0.0/8"),
        ("8.8.8.8", "ipv4", "8.8.8.8/32"),
        ("8.8.8.8/32", "ipv4", "8.8.8.8/32"),
        ("::/0", "ipv6", "::/0"),
        ("2404:C2C0::5/32", "ipv6", "2404:c2c0::/32"),
        ("2404:c2c0:0:0:0:0:0:1/128", "ipv6", "2404:c2c0::1/128"),
    ],
)
def test_a_network(text: str, family: str, canonical: str) -> None:
    network = read_network(text)
    assert network.family == family
    assert cidr_text(network.family, network.low, network.high) == canonical


@pytest.mark.parametrize(
    "text",
    ["", "any", "0.0.0.0/33", "300.0.0.0/8", "::/129", "10.0.0.0/-1", "010.0.0.0/8", "1.2.3/8"],
)
def test_no_network(text: str) -> None:
    with pytest.raises(MalformedRule, match="is no network"):
        read_network(text)


def test_a_network_in_the_wrong_field() -> None:
    with pytest.raises(MalformedRule, match="is not ipv4"):
        rule_family(Rule("tcp", 443, 443, "ipv4", "::/0"))
    assert rule_family(Rule("tcp", 443, 443, "group", "sg-1")) is None
