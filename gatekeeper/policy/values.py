"""What single values of a policy may be: durations, days, networks, protocols, texts.

Each reader takes what YAML gives and refuses the rest in one sentence, in English and in Chinese.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import date, datetime, timedelta
from ipaddress import IPv4Network, IPv6Network, collapse_addresses, ip_network
from typing import Annotated, Final

from pydantic import BeforeValidator
from pydantic_core import PydanticCustomError

_UNITS: Final = {"s": 1, "m": 60, "h": 3600, "d": 86400}
_LONGEST: Final = timedelta(days=3660)
PROTOCOL_NUMBERS: Final = {"icmp": 1, "tcp": 6, "udp": 17, "icmpv6": 58}
PROTOCOL_NAMES: Final = {number: name for name, number in PROTOCOL_NUMBERS.items()}

WIDEST: Final = {4: 8, 6: 16}
"""The shortest prefix, by IP version, of Internet that one entry of a list may set apart.

A /8 is what a whole company or agency ever got; IPv6's /16 is more than any one network has.
A list may hold four such entries.  Wider, and the gate would guard against nobody.
"""
_INTERNET: Final = {4: ip_network("0.0.0.0/0"), 6: ip_network("2000::/3")}
_NOT_INTERNET: Final = tuple(
    ip_network(block)
    for block in (
        *("0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16"),
        *("172.16.0.0/12", "192.168.0.0/16", "198.18.0.0/15", "224.0.0.0/3"),
    )
)
"""IANA's special-purpose blocks that are large enough to count here."""


def wrong(message: str, zh: str) -> PydanticCustomError:
    """A reason in our own words, in both languages."""
    return PydanticCustomError("gatekeeper", "{message}", {"message": message, "zh": zh})


def _duration(value: object) -> timedelta:
    match = re.fullmatch(r"([0-9]{1,12})\s*([smhd])", str(value).strip())
    if match is None:
        raise wrong("write a duration as 90s, 30m, 72h or 7d", "时长应写作 90s、30m、72h 或 7d")
    seconds = int(match[1]) * _UNITS[match[2]]
    if seconds > _LONGEST.total_seconds():
        raise wrong(f"at most {_LONGEST.days}d", f"最长为 {_LONGEST.days}d")
    return timedelta(seconds=seconds)


def _network(value: object) -> str:
    try:
        network = ip_network(value.strip()) if isinstance(value, str) else None
    except ValueError:
        network = None
    if network is None:
        raise wrong(
            "must be a network in CIDR form without host bits, as 203.0.113.0/24",
            "应为不含主机位的 CIDR 网段，例如 203.0.113.0/24",
        )
    if _share(network) > _most(network.version):
        raise wrong(
            f"sets apart more of the Internet than a /{WIDEST[network.version]}, and would switch "
            "the gate off; name smaller networks",
            f"所含公网范围大于 /{WIDEST[network.version]}，等于关闭管控，请改用更小的网段",
        )
    return str(network)


def _share(network: IPv4Network | IPv6Network) -> int:
    """How many addresses of the Internet a network holds."""
    held = _common(network, _INTERNET[network.version])
    return held - sum(_common(network, block) for block in _NOT_INTERNET)


def _common(one: IPv4Network | IPv6Network, other: IPv4Network | IPv6Network) -> int:
    """How many addresses two blocks share: all of the smaller one, or none."""
    if one.version != other.version or not one.overlaps(other):
        return 0
    return min(one.num_addresses, other.num_addresses)


def _most(version: int) -> int:
    return 1 << ((32 if version == 4 else 128) - WIDEST[version])


def check_list(networks: Iterable[str]) -> None:
    """Refuse a list that sets half the Internet apart in small pieces."""
    both = [ip_network(network) for network in networks]
    shares = {
        4: sum(map(_share, collapse_addresses(n for n in both if isinstance(n, IPv4Network)))),
        6: sum(map(_share, collapse_addresses(n for n in both if isinstance(n, IPv6Network)))),
    }
    for version, share in shares.items():
        if share > 4 * _most(version):
            raise wrong(
                f"together they set apart more of the IPv{version} Internet than four "
                f"/{WIDEST[version]}, and would switch the gate off; name smaller networks",
                f"所列 IPv{version} 公网范围合计大于四个 /{WIDEST[version]}，等于关闭管控，"
                "请改用更小的网段",
            )


def _kept(value: object) -> str:
    text = str(value).strip().lower()
    if text.isascii() and text.isdigit() and int(text) <= 255:
        text = PROTOCOL_NAMES.get(int(text), str(int(text)))
    if text in ("tcp", "udp"):
        raise wrong(
            f"{text} is never listed: what is left of it, every port that is not gated, is kept "
            "anyway",
            f"无需列出 {text}：未受管控的端口总会保留",
        )
    if text in PROTOCOL_NUMBERS or (text.isascii() and text.isdigit() and int(text) <= 255):
        return text
    raise wrong(
        "write each protocol as its name (icmp, icmpv6) or its IANA number (47)",
        "协议应写作名称（icmp、icmpv6）或 IANA 编号（47）",
    )


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise wrong("must be text; put it in quotation marks", "应为文本，请加引号")
    if not value.strip():
        raise wrong("must not be empty", "不能为空")
    return value


def _account(value: object) -> str:
    if isinstance(value, int):
        raise wrong(
            "an account id is text: put its 12 digits in quotation marks, or YAML takes the zeros "
            "off",
            "账号 ID 应为文本：请给 12 位数字加引号，否则 YAML 会丢失前导零",
        )
    if not isinstance(value, str) or re.fullmatch(r"[0-9]{12}", value) is None:
        raise wrong("an account id has 12 digits", "账号 ID 应为 12 位数字")
    return value


def _day(value: object) -> date:
    if isinstance(value, date) and not isinstance(value, datetime):
        return value
    try:
        if isinstance(value, str) and re.fullmatch(r"[0-9-]{10}", value.strip()):
            return date.fromisoformat(value.strip())
    except ValueError:
        pass  # said below, as for every other value
    raise wrong("write a day as 2027-01-31", "日期应写作 2027-01-31")


def _percent(value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= 100:
        raise wrong("must be a number from 0 to 100", "应为 0 到 100 之间的数")
    return float(value)


_TAG_KEY: Final = re.compile(r"[^\x00-\x1f\x7f]{1,128}")
_GROUP_ID: Final = re.compile(r"sg-[0-9a-z-]{1,64}")


def _tag_key(value: object) -> str:
    """A tag's key: AWS takes up to 128 characters, and keeps ``aws:`` to itself."""
    text = _text(value)
    if not _TAG_KEY.fullmatch(text) or text != text.strip():
        raise wrong("a tag's key has 1 to 128 characters", "标签键应为 1 至 128 个字符")
    return text


def _group_id(value: object) -> str:
    if not isinstance(value, str) or not _GROUP_ID.fullmatch(value):
        raise wrong(
            "write a security group's id, as sg-0a1b2c3d", "应为安全组 ID，例如 sg-0a1b2c3d"
        )
    return value


Duration = Annotated[timedelta, BeforeValidator(_duration)]
Network = Annotated[str, BeforeValidator(_network)]
KeptProtocol = Annotated[str, BeforeValidator(_kept)]
Text = Annotated[str, BeforeValidator(_text)]
AccountId = Annotated[str, BeforeValidator(_account)]
TagKey = Annotated[str, BeforeValidator(_tag_key)]
GroupId = Annotated[str, BeforeValidator(_group_id)]
Day = Annotated[date, BeforeValidator(_day)]
Percent = Annotated[float, BeforeValidator(_percent)]
