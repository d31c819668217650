"""Giving an endpoint the gate, and taking it away."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from gatekeeper.account import Endpoint, SecurityGroup
from gatekeeper.apply.context import Account, Refused
from gatekeeper.apply.outcome import Result
from gatekeeper.apply.rules import Drifted
from gatekeeper.errors import AwsError
from gatekeeper.gate import (
    SHUT,
    Action,
    Attach,
    Detach,
    Ruling,
    SetGroups,
    Verdict,
    alteration,
    gate_name,
    is_ours,
)

_CALLS: Final = {
    "interface": "ModifyNetworkInterfaceAttribute",
    "elbv2": "SetSecurityGroups",
    "classic": "ApplySecurityGroupsToLoadBalancer",
    "none": "none",
}


def attach(account: Account, action: Attach) -> tuple[Result, Mapping[str, str]]:
    endpoint, gate = ready_to_attach(account, action)
    data = {"gate_id": gate.group_id}
    if gate.group_id in endpoint.group_ids:
        return Result.NOOP, data
    set_groups(account, action, endpoint, (*endpoint.group_ids, gate.group_id))
    return Result.DONE, data


def ready_to_attach(account: Account, action: Attach) -> tuple[Endpoint, SecurityGroup]:
    """The endpoint and the gate as they are now, with nothing against the attachment.

    Raises:
        Refused, Drifted: something is.
    """
    ruling = ruling_of(account, action)
    if ruling.verdict is not Verdict.OPEN:
        raise _undecided(ruling, "open", "开放")
    endpoint, gate = endpoint_of(account, action, ruling), gate_of(account, action)
    if gate.group_id in endpoint.group_ids:
        return endpoint, gate
    refuse_drift(account, action, endpoint)
    if _lets_in_too_much(account, action, gate):
        raise Refused(
            Result.BLOCKED,
            f"gate {gate.group_id} lets in more than it should",
            f"闸门 {gate.group_id} 放行了多余的流量",
        )
    limit = account.policy.limits.groups_per_interface
    if len(endpoint.group_ids) >= limit:
        raise Refused(
            Result.BLOCKED,
            f"it holds {len(endpoint.group_ids)} groups and limits.groups_per_interface is {limit}",
            f"已有 {len(endpoint.group_ids)} 个安全组，达到 limits.groups_per_interface（{limit}）",
        )
    return endpoint, gate


def detach(account: Account, action: Detach) -> Result:
    endpoint, gate = ready_to_detach(account, action)
    if gate.group_id not in endpoint.group_ids:
        return Result.NOOP
    others = tuple(g for g in endpoint.group_ids if g != gate.group_id)
    if not others:
        others = (_shut(account, action).group_id,)
    set_groups(account, action, endpoint, others)
    return Result.DONE


def ready_to_detach(account: Account, action: Detach) -> tuple[Endpoint, SecurityGroup]:
    """The endpoint and the gate as they are now, with nothing against the detachment.

    Raises:
        Refused, Drifted: something is.
    """
    ruling = ruling_of(account, action)
    if ruling.verdict is not Verdict.CLOSED:
        raise _undecided(ruling, "closed", "关闭")
    endpoint, gate = endpoint_of(account, action, ruling), gate_of(account, action)
    if gate.group_id in endpoint.group_ids:
        refuse_drift(account, action, endpoint)
    return endpoint, gate


def ruling_of(account: Account, action: SetGroups) -> Ruling:
    for ruling in account.judged.rulings:
        if ruling.endpoint.endpoint == action.endpoint and ruling.family == action.family:
            return ruling
    raise Refused(
        Result.DRIFTED,
        f"{action.endpoint} is gone or has no {action.family} address any more",
        f"{action.endpoint} 已不存在或不再有 {action.family} 地址",
    )


def endpoint_of(account: Account, action: SetGroups, ruling: Ruling) -> Endpoint:
    """The endpoint read at this moment, with the addresses that it was decided on.

    Raises:
        Drifted: it does not hold what this run gave it, so its groups are not known for sure.
    """
    if action.endpoint in account.doubtful:
        raise Refused(
            Result.BLOCKED,
            "an earlier change of it failed, so its groups are not known for sure; apply again",
            "此前对其的变更失败，无法确定其安全组，请重新执行 apply",
        )
    given = account.given.get(action.endpoint)

    def settled(found: Endpoint | None) -> bool:
        return found is None or given is None or frozenset(found.group_ids) == given

    endpoint = account.patiently(lambda: account.edge.read_endpoint(ruling.endpoint), settled)
    if endpoint is None:
        raise Refused(Result.DRIFTED, f"{action.endpoint} is gone", f"{action.endpoint} 已不存在")
    if not settled(endpoint):
        raise Drifted
    found = set(endpoint.ips(action.family))
    if found != set(ruling.decision.ips) or found != set(action.ips):
        raise Refused(
            Result.DRIFTED,
            f"its addresses changed to {', '.join(sorted(found)) or 'none'}",
            f"其地址已变为 {'、'.join(sorted(found)) or '无'}",
        )
    return endpoint


def refuse_drift(account: Account, action: SetGroups, endpoint: Endpoint) -> None:
    ours = account.judged.gates.ids() | _own_gates(account, action.vpc_id)
    if {g for g in endpoint.group_ids if g not in ours} != set(action.groups):
        raise Drifted


def set_groups(
    account: Account, action: Action, endpoint: Endpoint, groups: tuple[str, ...]
) -> None:
    detail = {"endpoint": endpoint.endpoint, "groups": list(groups)}
    account.stale = True
    try:
        account.journal.call(
            action.id,
            _CALLS[endpoint.handle],
            detail,
            lambda: account.edge.set_groups(endpoint, groups),
        )
    except AwsError:
        again = account.edge.read_endpoint(endpoint)
        if again is None or set(again.group_ids) != set(groups):
            account.doubtful.add(endpoint.endpoint)
            raise
    account.given[endpoint.endpoint] = frozenset(groups)


def _undecided(ruling: Ruling, wanted: str, wanted_zh: str) -> Refused:
    return Refused(
        Result.DRIFTED,
        f"it is not decided {wanted} any more but {ruling.verdict}: {ruling.decision.reason}",
        f"已不再判定为{wanted_zh}（现为 {ruling.verdict}）：{ruling.decision.reason_zh}",
    )


def _own_gates(account: Account, vpc_id: str) -> frozenset[str]:
    """Gates that this run made after the account was read."""
    found = (account.edge.find_group(vpc_id, gate_name(k)) for k in ("ipv4", "ipv6", SHUT))
    return frozenset(g.group_id for g in found if g and is_ours(g, account.policy))


def gate_of(account: Account, action: SetGroups) -> SecurityGroup:

    def read() -> SecurityGroup | None:
        if action.gate_id is not None:
            return account.edge.read_groups([action.gate_id]).get(action.gate_id)
        return account.edge.find_group(action.vpc_id, gate_name(action.family))

    gate = account.patiently(read, account.shows_what_was_mended)
    if gate is None or not is_ours(gate, account.policy) or gate.vpc_id != action.vpc_id:
        raise Refused(
            Result.BLOCKED,
            f"{action.vpc_id} has no gate of ours for {action.family}",
            f"{action.vpc_id} 没有本系统的 {action.family} 闸门",
        )
    return gate


def _lets_in_too_much(account: Account, action: SetGroups, gate: SecurityGroup) -> bool:
    """Whether a gate has rules beyond its own; one that lacks some still opens nothing unlawful."""
    changed = alteration(gate, action.family, account.policy)
    return bool(changed.extra or changed.egress)


def _shut(account: Account, action: SetGroups) -> SecurityGroup:
    group = account.edge.find_group(action.vpc_id, gate_name(SHUT))
    if group is None or not is_ours(group, account.policy) or group.rules:
        raise Refused(
            Result.BLOCKED,
            "the gate is its only group, and there is no empty group of ours to take its place",
            "闸门是其唯一的安全组，且没有可替代的空安全组",
        )
    return group
