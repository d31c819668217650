"""Whether the goals of a plan's actions hold in an account that was read again by pages."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from gatekeeper.apply.outcome import Outcome
from gatekeeper.gate import (
    Action,
    Attach,
    CreateGate,
    Detach,
    JudgedAccount,
    Narrow,
    RepairGate,
    alteration,
    rule_key,
)
from gatekeeper.policy import Policy

Reason = tuple[str, str]
"""Why a goal does not hold, in English and Chinese."""


def unmet(
    actions: Iterable[Action],
    outcomes: Mapping[str, Outcome],
    judged: JudgedAccount,
    policy: Policy,
) -> dict[str, Reason]:
    """The actions whose goal does not hold, with the reason."""
    if not judged.state.complete:
        unread = ("the account could not be read again completely", "账号未能再次完整读取")
        return {action.id: unread for action in actions}
    found: dict[str, Reason] = {}
    for action in actions:
        why = _unmet(action, outcomes[action.id], judged, policy)
        if why is not None:
            found[action.id] = why
    return found


def _unmet(
    action: Action, outcome: Outcome, judged: JudgedAccount, policy: Policy
) -> Reason | None:
    if isinstance(action, CreateGate):
        gate = judged.gates.ours.get((action.vpc_id, action.kind))
        if gate is None:
            return "the gate is not there", "闸门不存在"
        if alteration(gate, action.kind, policy):
            return "the gate's rules are not as they should be", "闸门规则与应有内容不符"
        return None
    if isinstance(action, RepairGate):
        gate = judged.state.groups.get(action.group_id)
        if gate is None:
            return "the gate is gone", "闸门已不存在"
        left = alteration(gate, action.kind, policy)
        if left.extra or left.egress or (action.added and left.missing):
            return "the gate's rules are not as they should be", "闸门规则与应有内容不符"
        return None
    if isinstance(action, Attach | Detach):
        held = _holds(action, outcome, judged)
        if held is None:
            return "the endpoint is gone", "端点已不存在"
        if held != isinstance(action, Attach):
            return (
                ("the gate is not held", "未绑定闸门")
                if isinstance(action, Attach)
                else ("the gate is still held", "仍绑定闸门")
            )
        return None
    if isinstance(action, Narrow):
        group = judged.state.groups.get(action.group_id)
        if group is None:
            return "the group is gone", "安全组已不存在"
        removed = {rule_key(rule) for rule in action.removed}
        wanted = {rule_key(rule) for rule in action.before} - removed
        wanted |= {rule_key(rule) for rule in action.added}
        if {rule_key(rule) for rule in group.rules} != wanted:
            return "its rules are not as planned", "其规则与计划不符"
        return None
    raise TypeError(f"no such action: {action!r}")


def _holds(action: Attach | Detach, outcome: Outcome, judged: JudgedAccount) -> bool | None:
    """Whether the endpoint holds the gate that was meant."""
    reach = judged.reach.endpoints.get(action.endpoint)
    if reach is None:
        return None
    gate_id = outcome.data.get("gate_id") or action.gate_id
    return gate_id in reach.endpoint.group_ids
