"""Making gates and putting them right, never giving a port to whoever may not have it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final

from gatekeeper.account import Rule, SecurityGroup
from gatekeeper.apply.context import Account, Refused
from gatekeeper.apply.outcome import Result
from gatekeeper.apply.rules import Drifted, RuleChange, carry_out
from gatekeeper.errors import AwsError
from gatekeeper.gate import (
    GATE_DESCRIPTION,
    SHUT,
    SHUT_DESCRIPTION,
    CreateGate,
    GateKind,
    RepairGate,
    alteration,
    gate_name,
    gate_rules,
    is_ours,
    rule_key,
    unlawful_holders,
)

ALL_PROTOCOLS: Final = -1
"""What ``rule_key`` gives for every protocol."""


def create(account: Account, action: CreateGate) -> tuple[Result, Mapping[str, str]]:
    name = gate_name(action.kind)
    group = account.edge.find_group(action.vpc_id, name)
    if group is None:
        description = SHUT_DESCRIPTION if action.kind == SHUT else GATE_DESCRIPTION
        detail = {"vpc_id": action.vpc_id, "name": name}
        try:
            account.journal.call(
                action.id,
                "CreateSecurityGroup",
                detail,
                lambda: account.edge.create_group(
                    action.vpc_id, name, description, dict(action.tags)
                ),
            )
        except AwsError:
            group = account.edge.find_group(action.vpc_id, name)
            if group is None:
                raise
        group = group or account.patiently(
            lambda: account.edge.find_group(action.vpc_id, name), lambda found: found is not None
        )
    if group is None:
        raise Refused(
            Result.FAILED,
            f"{name} was created in {action.vpc_id} but cannot be read back",
            f"{action.vpc_id} 中的 {name} 已创建但无法读回",
        )
    if not is_ours(group, account.policy):
        raise Refused(
            Result.BLOCKED,
            f"{group.group_id} in {action.vpc_id} has the gate's name and is not ours",
            f"{action.vpc_id} 中的 {group.group_id} 与闸门同名但不归本系统所有",
        )
    changed = _put_right(account, action.id, group, action.kind, add=True)
    made = {"group_id": group.group_id}
    created = changed or action.id in account.journal.begun or _created_now(account, group)
    return (Result.DONE if created else Result.NOOP), made


def repair(account: Account, action: RepairGate) -> Result:
    group = ready_to_repair(account, action)
    if group is None:
        return Result.NOOP
    _put_right(account, action.id, group, action.kind, add=bool(action.added))
    return Result.DONE


def ready_to_repair(account: Account, action: RepairGate) -> SecurityGroup | None:
    """The gate as it is now, altered just as it was planned; ``None`` where it is right.

    Raises:
        Refused, Drifted: it is not ours any more, or altered in another way.
    """
    group = account.read_group(action.group_id)
    if not is_ours(group, account.policy):
        raise Refused(
            Result.DRIFTED,
            f"{group.group_id} no longer carries our tags",
            f"{group.group_id} 已不带有本系统的标签",
        )
    if not alteration(group, action.kind, account.policy):
        return None
    planned = {rule_key(rule) for rule in action.before}
    wanted = {rule_key(rule) for rule in gate_rules(action.kind, account.policy)}
    now = {rule_key(rule) for rule in group.rules}
    ours = action.late or action.id in account.journal.begun
    if now != planned and not (ours and (planned & wanted) <= now <= (planned | wanted)):
        raise Drifted
    return group


def _created_now(account: Account, group: SecurityGroup) -> bool:
    return group.group_id not in account.judged.state.groups


def _put_right(
    account: Account, action_id: str, group: SecurityGroup, kind: GateKind, add: bool
) -> bool:
    """Make a gate let in just what it should.

    What it lets in beyond its ports goes first.  A rule that carries these ports besides, as one
    for all traffic does, is what lawful holders are reached through while the gate's own rules are
    missing: those are added before it goes.  That opens nothing unlawful, since it is done only
    while every holder is decided open; else the wide rule goes at once, and the others stay out.
    """
    changed = alteration(group, kind, account.policy)
    if not changed:
        return False
    account.stale = True
    if changed.egress:
        close_egress(account, action_id, group)
    missing = changed.missing if add else ()
    carrying = tuple(rule for rule in changed.extra if carries(rule, missing))
    beyond = tuple(rule for rule in changed.extra if rule not in carrying)
    rules = change_rules(account, action_id, group.group_id, group.rules, removed=beyond)
    refused: Refused | None = None
    if missing:
        try:
            refuse_unlawful(account, group, kind)
        except Refused as why:
            refused = why
        else:
            rules = change_rules(account, action_id, group.group_id, rules, added=missing)
    change_rules(account, action_id, group.group_id, rules, removed=carrying)
    if refused is not None:
        raise refused
    return True


def carries(rule: Rule, missing: Iterable[Rule]) -> bool:
    """Whether somebody is reached through a rule on the port of one that is missing."""
    protocol, low, high, _ = rule_key(rule)
    wanted = [rule_key(one) for one in missing]
    return any(
        protocol in (ALL_PROTOCOLS, number) and low <= port <= high for number, port, _, _ in wanted
    )


def change_rules(
    account: Account,
    action_id: str,
    group_id: str,
    rules: tuple[Rule, ...],
    *,
    added: tuple[Rule, ...] = (),
    removed: tuple[Rule, ...] = (),
) -> tuple[Rule, ...]:
    """Change the rules of a gate, and note what is left in it."""
    change = RuleChange(group_id=group_id, before=rules, added=added, removed=removed)
    if added or removed:
        account.stale = True
        carry_out(change, account.edge, account.journal, action_id, rules)
    left = (*(rule for rule in rules if rule not in removed), *added)
    account.mended[group_id] = frozenset(map(rule_key, left))
    return left


def close_egress(account: Account, action_id: str, group: SecurityGroup) -> None:
    """Take every outbound rule out; one that is gone already is what was wanted."""
    group_id = group.group_id
    try:
        account.journal.call(
            action_id,
            "RevokeSecurityGroupEgress",
            {"group_id": group_id},
            lambda: account.edge.revoke_egress(group_id, group.egress),
        )
    except AwsError:
        again = account.edge.read_groups([group_id]).get(group_id)
        if again is None or again.egress:
            raise


def refuse_unlawful(account: Account, group: SecurityGroup, kind: GateKind) -> None:
    """Ports are put into a gate only while everybody who holds it is decided open."""
    if group.group_id not in account.judged.state.groups:
        holders = frozenset(account.edge.group_users(group.group_id))
    else:
        if not account.refresh():
            raise account.unreadable()
        wrong = {r.endpoint.endpoint for r in unlawful_holders(account.judged, group, kind)}
        wrong.update(account.strangers().get(group.group_id, ()))
        known = {
            i.interface_id for i in account.judged.state.interfaces if group.group_id in i.group_ids
        }
        holders = frozenset(wrong) | (account.edge.group_users(group.group_id).keys() - known)
    if holders:
        who = ", ".join(sorted(holders))
        raise Refused(
            Result.BLOCKED,
            f"{who} holds the gate without being decided open",
            f"{who} 持有闸门但未被判定为开放",
        )
