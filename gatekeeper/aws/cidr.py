"""Which texts are CIDRs; by the C library, because an account has tens of thousands of them."""

from __future__ import annotations

import socket
from functools import lru_cache
from typing import Final

from gatekeeper.account import Family

_IPV4_BITS: Final = frozenset(str(bits) for bits in range(33))
_IPV6_BITS: Final = frozenset(str(bits) for bits in range(129))


def cidr_family(text: str) -> Family | None:
    """The family of a CIDR as AWS writes it (host bits allowed); ``None`` where it is not one."""
    if is_ipv4_cidr(text):
        return "ipv4"
    return "ipv6" if is_ipv6_cidr(text) else None


@lru_cache(maxsize=65536)
def is_ipv4_cidr(text: str) -> bool:
    """Whether ``text`` is a dotted quad, a slash and 0-32."""
    address, _, bits = text.partition("/")
    return bits in _IPV4_BITS and _packed(socket.AF_INET, address) is not None


@lru_cache(maxsize=65536)
def is_ipv6_cidr(text: str) -> bool:
    """Whether ``text`` is an IPv6 address, a slash and 0-128."""
    address, _, bits = text.partition("/")
    return bits in _IPV6_BITS and _packed(socket.AF_INET6, address) is not None


def canonical_ipv6(text: str) -> str:
    """An IPv6 address in its short lower-case form; ``text`` itself where it is not one."""
    packed = _packed(socket.AF_INET6, text)
    return text if packed is None else socket.inet_ntop(socket.AF_INET6, packed)


def _packed(family: socket.AddressFamily, text: str) -> bytes | None:
    try:
        return socket.inet_pton(family, text)
    except (OSError, ValueError):
        return None
