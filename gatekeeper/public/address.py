"""Which addresses belong to the public Internet, so that a stranger's name may lead us there."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from typing import Final

_PUBLIC6: Final = ip_network("2000::/3")

_SPECIAL: Final = tuple(
    (ip_network(block), why, why_zh)
    for block, why, why_zh in (
        # IANA's IPv4 special-purpose registry
        ("0.0.0.0/8", "this network", "本网络地址"),
        ("10.0.0.0/8", "private", "私有地址"),
        ("100.64.0.0/10", "shared by carriers", "运营商级 NAT 地址"),
        ("127.0.0.0/8", "loopback", "环回地址"),
        ("169.254.0.0/16", "link-local", "链路本地地址"),
        ("172.16.0.0/12", "private", "私有地址"),
        ("192.0.0.0/24", "reserved", "保留地址"),
        ("192.0.2.0/24", "documentation", "文档示例地址"),
        ("192.31.196.0/24", "reserved", "保留地址"),
        ("192.52.193.0/24", "reserved", "保留地址"),
        ("192.88.99.0/24", "6to4 relay", "6to4 中继地址"),
        ("192.168.0.0/16", "private", "私有地址"),
        ("192.175.48.0/24", "reserved", "保留地址"),
        ("198.18.0.0/15", "benchmarking", "测试地址"),
        ("198.51.100.0/24", "documentation", "文档示例地址"),
        ("203.0.113.0/24", "documentation", "文档示例地址"),
        ("224.0.0.0/4", "multicast", "组播地址"),
        ("240.0.0.0/4", "reserved", "保留地址"),
        # inside 2000::/3; what lies outside it is never public
        ("2001::/23", "reserved, or Teredo", "保留地址或 Teredo"),
        ("2001:db8::/32", "documentation", "文档示例地址"),
        ("2002::/16", "6to4, which holds an IPv4 address", "6to4 地址"),
        ("2620:4f:8000::/48", "reserved", "保留地址"),
        ("3fff::/20", "documentation", "文档示例地址"),
    )
)


def not_public(address: str) -> tuple[str, str] | None:
    """Why nobody on the Internet has this address, in both languages; ``None`` where one may.

    Addresses that hold another one (IPv4-mapped, 6to4, NAT64) are refused whatever they hold, and
    so are those with a zone.
    """
    try:
        parsed: IPv4Address | IPv6Address = ip_address(address)
    except ValueError:
        return "no address", "不是 IP 地址"
    if isinstance(parsed, IPv6Address) and (parsed.scope_id is not None or parsed not in _PUBLIC6):
        return "not a public IPv6 address", "不是公网 IPv6 地址"
    for block, why, why_zh in _SPECIAL:
        if parsed.version == block.version and parsed in block:
            return why, why_zh
    return None
