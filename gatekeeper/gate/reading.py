"""One reading of AWS's rules: protocols, ports and networks, in every spelling that AWS allows.

Source: EC2 API reference, ``IpPermission`` and ``SecurityGroupRule``.  Protocol ``-1`` means every
protocol and port; for protocols other than tcp, udp, icmp and icmpv6 ports mean nothing; for icmp
``FromPort`` is the type and ``ToPort`` the code, -1 meaning all.
"""

from __future__ import annotations

import ipaddress
from functools import lru_cache
from typing import Final, NamedTuple

from gatekeeper.account import Family, Rule, ipv4_number
from gatekeeper.gate.spans import Span
from gatekeeper.policy import PROTOCOL_NAMES, PROTOCOL_NUMBERS

ALL_PROTOCOLS: Final = -1
TCP: Final = 6
UDP: Final = 17
ICMP: Final = 1
ICMPV6: Final = 58
WITH_PORTS: Final = frozenset({TCP, UDP})
WITH_TYPES: Final = frozenset({ICMP, ICMPV6})
EVERY_PORT: Final[Span] = (0, 65535)
BITS: Final[dict[Family, int]] = {"ipv4": 32, "ipv6": 128}
_WIDTHS: Final = {str(bits): bits for bits in range(33)}


class MalformedRule(ValueError):
    """A rule that cannot be read; the text says what is wrong with it."""


class Network(NamedTuple):
    """A source network as a family and a closed interval of addresses."""

    family: Family
    low: int
    high: int


@lru_cache(maxsize=4096)
def protocol_number(text: str) -> int:
    """The IANA number of AWS's protocol text, or ``ALL_PROTOCOLS``.

    Raises:
        MalformedRule: it is neither a known name nor a number from -1 to 255.
    """
    plain = text.strip().lower()
    if plain in ("-1", "all"):
        return ALL_PROTOCOLS
    if plain in PROTOCOL_NUMBERS:
        return PROTOCOL_NUMBERS[plain]
    if plain.isascii() and plain.isdigit() and int(plain) <= 255:
        return int(plain)
    raise MalformedRule(f"protocol {text!r} is neither a name nor a number from -1 to 255")


def protocol_name(number: int) -> str:
    """ "all", "tcp", … or the number as text (DESIGN §10)."""
    if number == ALL_PROTOCOLS:
        return "all"
    return PROTOCOL_NAMES.get(number, str(number))


def aws_protocol(number: int) -> str:
    """The text that AWS stores for a protocol."""
    return "-1" if number == ALL_PROTOCOLS else PROTOCOL_NAMES.get(number, str(number))


@lru_cache(maxsize=65536)
def read_ports(protocol: int, from_port: int | None, to_port: int | None) -> Span:
    """The ports of a rule; for ICMP the type-code pairs as ``256 * type + code``.

    Raises:
        MalformedRule: half a range, From after To, or numbers out of range.
    """
    if protocol in WITH_PORTS:
        if from_port in (None, -1) and to_port in (None, -1):
            return EVERY_PORT
        if from_port is None or to_port is None or not 0 <= from_port <= to_port <= 65535:
            raise MalformedRule(f"ports {from_port} to {to_port} are no range")
        return from_port, to_port
    if protocol in WITH_TYPES:
        if from_port in (None, -1):
            return EVERY_PORT
        if from_port is None or not 0 <= from_port <= 255 or not -1 <= (to_port or 0) <= 255:
            raise MalformedRule(f"ICMP type {from_port} code {to_port} does not exist")
        if to_port is None or to_port == -1:
            return from_port * 256, from_port * 256 + 255
        return from_port * 256 + to_port, from_port * 256 + to_port
    return EVERY_PORT


@lru_cache(maxsize=262144)
def read_network(text: str) -> Network:
    """A CIDR; host bits are ignored, as AWS ignores them.

    Raises:
        MalformedRule: it is no IPv4 or IPv6 network.
    """
    found = _plain_network(text)
    if found is not None:
        return found
    try:
        network = ipaddress.ip_network(text.strip(), strict=False)
    except ValueError as error:
        raise MalformedRule(f"source {text!r} is no network ({error})") from None
    family: Family = "ipv4" if network.version == 4 else "ipv6"
    return Network(family, int(network.network_address), int(network.broadcast_address))


def _plain_network(text: str) -> Network | None:
    """The usual form of IPv4, read without ``ipaddress``: an account has thousands."""
    address, _, width = text.partition("/")
    number = ipv4_number(address)
    bits = _WIDTHS.get(width)
    if number is None or bits is None:
        return None
    size = 1 << (32 - bits)
    low = number & -size
    return Network("ipv4", low, low + size - 1)


@lru_cache(maxsize=65536)
def cidr_text(family: Family, low: int, high: int) -> str:
    """The CIDR of an aligned block."""
    prefix = BITS[family] - (high - low + 1).bit_length() + 1
    if family == "ipv4":
        return f"{ipaddress.IPv4Address(low)}/{prefix}"
    return f"{ipaddress.IPv6Address(low)}/{prefix}"


def rule_family(rule: Rule) -> Family | None:
    """The family of a CIDR rule; ``None`` for lists, groups and what is malformed.

    Raises:
        MalformedRule: the CIDR cannot be read or is of the other family than its field.
    """
    if rule.kind not in ("ipv4", "ipv6"):
        return None
    network = read_network(rule.source)
    if network.family != rule.kind:
        raise MalformedRule(f"source {rule.source!r} is not {rule.kind}")
    return network.family


def aws_ports(protocol: int, span: Span) -> tuple[int | None, int | None]:
    """``FromPort`` and ``ToPort`` for AWS of a span of ``protocol``."""
    if protocol in WITH_PORTS:
        return span
    if protocol in WITH_TYPES:
        if span == EVERY_PORT:
            return -1, -1
        kind, code = divmod(span[0], 256)
        return (kind, -1) if span[1] - span[0] == 255 else (kind, code)
    return None, None
