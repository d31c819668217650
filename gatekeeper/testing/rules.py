"""How EC2 keeps and answers the rules of a group.

Sources: EC2 API reference, ``IpPermission``, ``AuthorizeSecurityGroupIngress``; protocol numbers
become names, host bits go, ports of ``-1`` and of protocols without ports go, and rules come back
grouped by protocol and ports.  Written without ``gatekeeper.gate``, so that tests which compare the
two compare two readings of AWS.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable
from typing import Final

from gatekeeper.account import Rule
from gatekeeper.errors import AwsError

RuleKey = tuple[str, int | None, int | None, str, str]
"""What tells one rule of a group from another: all but the description."""

_NAMES: Final = {"1": "icmp", "6": "tcp", "17": "udp", "58": "icmpv6", "all": "-1"}
_KINDS: Final = ("ipv4", "ipv6", "prefix_list", "group")


def refusal(operation: str, code: str, message: str) -> AwsError:
    """What the real edge raises where AWS refuses a call."""
    return AwsError(f"{operation}: {code}: {message}", operation=operation, code=code)


def kept(rule: Rule, operation: str) -> Rule:
    """The rule as EC2 stores it.

    Raises:
        AwsError: EC2 would not take it.
    """
    protocol = _protocol(rule.protocol, operation)
    from_port, to_port = _ports(protocol, rule.from_port, rule.to_port, operation)
    source = rule.source
    if rule.kind in ("ipv4", "ipv6"):
        try:
            network = ipaddress.ip_network(source, strict=False)
        except ValueError:
            raise refusal(
                operation, "InvalidParameterValue", f"CIDR block {source} is malformed"
            ) from None
        if f"ipv{network.version}" != rule.kind:
            raise refusal(operation, "InvalidParameterValue", f"{source} is not {rule.kind}")
        source = str(network)
    elif rule.kind not in _KINDS:
        raise refusal(operation, "InvalidParameterValue", f"{rule.kind} is no source")
    return Rule(protocol, from_port, to_port, rule.kind, source, rule.description or None)


def key_of(rule: Rule) -> RuleKey:
    """The key of a rule that is kept."""
    return rule[:5]


def in_answer_order(rules: Iterable[Rule]) -> tuple[Rule, ...]:
    """Rules as an answer gives them: by permission, then by kind of source."""
    places: dict[tuple[str, int | None, int | None], int] = {}
    for rule in (rules := list(rules)):
        places.setdefault(rule[:3], len(places))
    return tuple(sorted(rules, key=lambda rule: (places[rule[:3]], _KINDS.index(rule.kind))))


def _protocol(text: str, operation: str) -> str:
    name = _NAMES.get(text.lower(), text.lower())
    if name in ("-1", "tcp", "udp", "icmp", "icmpv6"):
        return name
    if name.isascii() and name.isdigit() and int(name) <= 255:
        return str(int(name))
    raise refusal(operation, "InvalidParameterValue", f"invalid protocol {text}")


def _ports(
    protocol: str, low: int | None, high: int | None, operation: str
) -> tuple[int | None, int | None]:
    if protocol in ("tcp", "udp"):
        if (low, high) == (-1, -1):
            return 0, 65535
        if low is None or high is None or not 0 <= low <= high <= 65535:
            raise refusal(operation, "InvalidParameterValue", f"invalid port range {low}-{high}")
        return low, high
    if protocol in ("icmp", "icmpv6"):
        return (-1 if low is None else low), (-1 if high is None else high)
    return None, None
