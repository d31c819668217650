"""What the Internet reaches, through which rule (DESIGN §6)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from types import MappingProxyType
from typing import Final, NamedTuple

from gatekeeper.account import (
    FAMILIES,
    AccountState,
    AccountView,
    Doubt,
    Endpoint,
    Family,
    ReadStatus,
    Rule,
    read_endpoints,
)
from gatekeeper.gate.model import Exposure, TracedRule, UnknownExposure
from gatekeeper.gate.reach import ReachReader
from gatekeeper.gate.traffic import rule_order
from gatekeeper.policy import Policy, Port

_LISTENER_PROTOCOLS: Final = {
    "TCP": ("tcp",),
    "TLS": ("tcp",),
    "UDP": ("udp",),
    "TCP_UDP": ("tcp", "udp"),
    "QUIC": ("udp",),
    "TCP_QUIC": ("tcp", "udp"),
}
_ANYWHERE: Final[dict[Family, str]] = {"ipv4": "0.0.0.0/0", "ipv6": "::/0"}


_NO_RULES: Final[Mapping[tuple[Family, Port], tuple[TracedRule, ...]]] = MappingProxyType({})
_NO_DOUBTS: Final[Mapping[Family, tuple[Doubt, ...]]] = MappingProxyType({})


class EndpointReach(NamedTuple):
    """What the Internet is known to reach of one endpoint, and why there may be more."""

    endpoint: Endpoint
    exposing: Mapping[tuple[Family, Port], tuple[TracedRule, ...]] = _NO_RULES
    doubts: Mapping[Family, tuple[Doubt, ...]] = _NO_DOUBTS

    def ports(self, family: Family) -> tuple[Port, ...]:
        """The gated ports that some Internet source reaches."""
        return tuple(sorted(port for known, port in self.exposing if known == family))

    def groups(self, family: Family) -> tuple[str, ...]:
        """The groups that let the Internet in."""
        found = {
            traced.group_id
            for (known, _), rules in self.exposing.items()
            if known == family
            for traced in rules
            if traced.group_id is not None
        }
        return tuple(sorted(found))


@dataclass(frozen=True, slots=True)
class AccountReach:
    """One account judged: its endpoints, what they expose, and what cannot be told at all."""

    state: AccountState
    view: AccountView
    reader: ReachReader
    endpoints: dict[str, EndpointReach]
    unknown: tuple[UnknownExposure, ...]
    """What is unknown of the account beyond its known endpoints."""


def judge_account(state: AccountState, policy: Policy, at: datetime) -> AccountReach:
    """Judge every endpoint of an account under ``policy`` at a time."""
    view = read_endpoints(state)
    reader = ReachReader(state, policy, at)
    combined: dict[tuple[str, ...], _Combined] = {}
    endpoints: dict[str, EndpointReach] = {}
    for endpoint in view.endpoints:
        endpoints[endpoint.endpoint] = _judge(endpoint, reader, combined)
    return AccountReach(state, view, reader, endpoints, tuple(_unread(state)))


def exposures(reach: AccountReach) -> tuple[Exposure, ...]:
    """Every exposure of an account, sorted by endpoint, family and port."""
    found: list[Exposure] = []
    for name in sorted(reach.endpoints):
        one = reach.endpoints[name]
        for family, port in sorted(one.exposing):
            found.append(
                Exposure(
                    account_id=one.endpoint.account_id,
                    endpoint=name,
                    kind=one.endpoint.kind,
                    family=family,
                    ips=one.endpoint.ips(family),
                    protocol=port.protocol,
                    port=port.port,
                    rules=tuple(sorted(one.exposing[family, port], key=_traced_order)),
                )
            )
    return tuple(found)


def _traced_order(traced: TracedRule) -> tuple[str, tuple[int, int, int, int, int, str]]:
    return traced.group_id or "", rule_order(traced.rule)


def unknown_exposures(reach: AccountReach) -> tuple[UnknownExposure, ...]:
    """What cannot be told: whole accounts first, then endpoints in order."""
    found = list(reach.unknown)
    for name in sorted(reach.endpoints):
        one = reach.endpoints[name]
        doubts = [doubt for family in sorted(one.doubts) for doubt in one.doubts[family]]
        if not doubts:
            continue
        unique = list(dict.fromkeys(doubts))
        found.append(
            UnknownExposure(
                account_id=one.endpoint.account_id,
                endpoint=name,
                ips=tuple(address.ip for address in one.endpoint.addresses),
                reason="; ".join(doubt.reason for doubt in unique),
                reason_zh="；".join(doubt.reason_zh for doubt in unique),
            )
        )
    return tuple(found)


@dataclass(frozen=True, slots=True)
class _Combined:
    """The union of one set of groups, shared by every endpoint that has just these groups."""

    exposing: dict[tuple[Family, Port], tuple[TracedRule, ...]]
    doubts: dict[Family, tuple[Doubt, ...]]
    families: frozenset[Family]
    """The families in which it says anything."""


_NOTHING: Final = _Combined({}, {}, frozenset())


def _judge(
    endpoint: Endpoint, reader: ReachReader, combined: dict[tuple[str, ...], _Combined]
) -> EndpointReach:
    families = endpoint.families
    if endpoint.doubts:
        doubted = dict.fromkeys(families or ("ipv4",), endpoint.doubts)
        return EndpointReach(endpoint, doubts=doubted)
    if endpoint.groupless:
        return _judge_listeners(endpoint, reader)
    both = combined.get(endpoint.group_ids)
    if both is None:
        both = combined[endpoint.group_ids] = _combine(endpoint.group_ids, reader)
    if both.families.issubset(families):
        return EndpointReach(endpoint, both.exposing, both.doubts)
    return EndpointReach(
        endpoint,
        {key: rules for key, rules in both.exposing.items() if key[0] in families},
        {family: both.doubts[family] for family in families if family in both.doubts},
    )


def _combine(group_ids: tuple[str, ...], reader: ReachReader) -> _Combined:
    exposing: dict[tuple[Family, Port], tuple[TracedRule, ...]] = {}
    doubts: dict[Family, list[Doubt]] = {}
    for group_id in sorted(group_ids):
        group = reader.group(group_id)
        if group is None:
            missing = Doubt(
                f"security group {group_id} is not in the answers",
                f"应答中没有安全组 {group_id}",
            )
            for family in FAMILIES:
                doubts.setdefault(family, []).append(missing)
            continue
        for key, rules in group.exposing.items():
            exposing[key] = exposing.get(key, ()) + rules
        for family, found in group.doubts.items():
            doubts.setdefault(family, []).extend(found)
    if not exposing and not doubts:
        return _NOTHING
    return _Combined(
        exposing,
        {family: tuple(sorted(set(found))) for family, found in doubts.items()},
        frozenset((*(family for family, _ in exposing), *doubts)),
    )


def _judge_listeners(endpoint: Endpoint, reader: ReachReader) -> EndpointReach:
    """A network load balancer without groups is reachable on each port that it listens on."""
    exposing: dict[tuple[Family, Port], tuple[TracedRule, ...]] = {}
    doubts: dict[Family, tuple[Doubt, ...]] = {}
    balancer = endpoint.load_balancer
    assert balancer is not None
    if balancer.listeners is None:
        doubt = Doubt("its listeners were not read", "未读取其监听器")
        return EndpointReach(endpoint, doubts=dict.fromkeys(endpoint.families, (doubt,)))
    gated = {port.port for port in reader.gated}
    for listener in balancer.listeners:
        if listener.port not in gated:
            continue
        protocols = _LISTENER_PROTOCOLS.get(listener.protocol.upper())
        if protocols is None:
            doubt = Doubt(
                f"listener protocol {listener.protocol!r} is not known",
                f"监听器协议 {listener.protocol!r} 未知",
            )
            doubts = dict.fromkeys(endpoint.families, (doubt,))
            continue
        for protocol in protocols:
            port = Port(protocol, listener.port)
            if port not in reader.gated:
                continue
            for family in endpoint.families:
                rule = Rule(
                    protocol,
                    listener.port,
                    listener.port,
                    family,
                    _ANYWHERE[family],
                    f"{listener.protocol} listener",
                )
                known = exposing.get((family, port), ())
                exposing[family, port] = (*known, TracedRule(None, rule))
    return EndpointReach(endpoint, exposing, doubts)


def _unread(state: AccountState) -> Iterable[UnknownExposure]:
    """What a failed read hides beyond the endpoints that are known."""

    def unknown(endpoint: str | None, reason: str, reason_zh: str) -> UnknownExposure:
        return UnknownExposure(
            account_id=state.account_id,
            endpoint=endpoint,
            ips=(),
            reason=reason,
            reason_zh=reason_zh,
        )

    if state.status is ReadStatus.UNREADABLE:
        why = "; ".join(f"{f.operation}: {f.code}" for f in state.failures) or "not read"
        yield unknown(None, f"the account could not be read ({why})", f"账号无法读取（{why}）")
        return
    hidden = {
        "DescribeNetworkInterfaces": ("endpoints", "端点"),
        "DescribeAddresses": ("addresses of endpoints", "端点的地址"),
        "elbv2:DescribeLoadBalancers": ("load balancers", "负载均衡"),
        "elb:DescribeLoadBalancers": ("classic load balancers", "传统负载均衡"),
    }
    for operation, (what, what_zh) in hidden.items():
        failure = state.failed(operation)
        if failure is not None:
            yield unknown(
                None,
                f"{operation} failed ({failure.code}): {what} may be missing here",
                f"{operation} 失败（{failure.code}）：可能缺少{what_zh}",
            )
