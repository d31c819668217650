"""Narrowing a group, as long as nobody lawful loses anything by it."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Mapping
from dataclasses import replace

from gatekeeper.account import Family, SecurityGroup
from gatekeeper.apply.context import RETRY_SECONDS, Account, Refused, RuleTags
from gatekeeper.apply.outcome import Result
from gatekeeper.apply.rules import Drifted, RuleChange, RuleKey, carry_out
from gatekeeper.errors import AwsError
from gatekeeper.gate import (
    Action,
    Narrow,
    Narrowing,
    Ruling,
    Verdict,
    alteration,
    narrowing_refused,
    quotas,
    rule_key,
    stack_of,
)
from gatekeeper.store import JournalEntry


def narrow(account: Account, action: Narrow) -> Result:
    if not account.refresh():
        raise account.unreadable()
    account.refuse_changed_users(action.group_id)
    group = account.read_group(action.group_id)
    change = _narrowing(account, action, group, account.owed.get(action.id, ()))
    to_add, to_remove = change.left(group.rules, begun=action.id in account.journal.begun)
    if not to_add and not to_remove:
        return Result.NOOP
    _refuse_of_stack(account, group)
    untouched = {rule_key(rule) for rule in group.rules} == change.keys()[0]
    _check_users(account, action, exposing=untouched)
    try:
        carry_out(change, account.edge, account.journal, action.id, group.rules)
    except AwsError:
        if not change.remove_first or not _give_back(account, action, change):
            raise
    return Result.DONE


def _refuse_of_stack(account: Account, group: SecurityGroup) -> None:
    """Leave a group alone that became a stack's after the plan, where the policy says so.

    Raises:
        Refused: it did.
    """
    owner = stack_of(group, account.policy)
    if owner is not None and account.policy.stacks.mode == "report":
        why = narrowing_refused(owner)
        raise Refused(Result.BLOCKED, why.reason, why.reason_zh)


def _give_back(account: Account, action: Narrow, change: RuleChange) -> bool:
    """Try again to add what must follow what was taken out; whether it stands."""
    for pause in RETRY_SECONDS:
        account.sleep(pause)
        group = account.edge.read_groups([action.group_id]).get(action.group_id)
        now = {rule_key(rule) for rule in group.rules} if group else set()
        if group is None or any(rule_key(rule) in now for rule in action.removed):
            return False
        with contextlib.suppress(AwsError, Drifted):
            to_add, _ = change.left(group.rules, begun=True)
            if not to_add:
                return True
            carry_out(change, account.edge, account.journal, action.id, group.rules, begun=True)
            return True
    return False


def settle(account: Account, action: Narrow, tags: RuleTags) -> bool:
    """Put back what a killed run owed: its rules went out first, and theirs never came in.

    ``tags`` are what that run wrote down of them.  What is added never exposes anything, so neither
    register nor plan need be asked.
    """
    group = account.edge.read_groups([action.group_id]).get(action.group_id)
    if group is None:
        return False
    change = _narrowing(account, action, group, tags)
    now = {rule_key(rule) for rule in group.rules}
    before, after = change.keys()
    owed = after - before
    if not (before - {rule_key(r) for r in action.removed}) <= now < after or owed <= now:
        return False
    if any(rule_key(rule) in now for rule in action.removed):
        return False
    return carry_out(
        replace(change, remove_first=True),
        account.edge,
        account.journal,
        action.id,
        group.rules,
        begun=True,
    )


def load_tags(account: Account, actions: Iterable[Action]) -> None:
    """Read the tags of the rules that narrowing replaces, many groups a call."""
    groups = [action.group_id for action in actions if isinstance(action, Narrow)]
    if groups:
        account.tags = account.edge.read_rule_tags(groups)


def known_tags(account: Account, group_id: str) -> dict[RuleKey, dict[str, str]]:
    """The tags of a group's rules, as ``load_tags`` read them."""
    return {rule_key(rule): tags for rule, tags in account.tags.get(group_id, ()) if tags}


def tags_written_down(entries: Iterable[JournalEntry]) -> dict[str, RuleTags]:
    """By action, the tags of the rules that must follow those that a run took out first."""
    return {
        entry.action_id: tuple(entry.detail["tags"]) for entry in entries if "tags" in entry.detail
    }


def _narrowing(
    account: Account, action: Narrow, group: SecurityGroup, owed: RuleTags
) -> RuleChange:
    """The change, with the tags of the rules that stand, and of those that are gone as written."""
    known = known_tags(account, action.group_id)
    now = {rule_key(rule) for rule in group.rules}
    tags: list[Mapping[str, str]] = []
    for place, heir in enumerate(action.heirs):
        key = rule_key(action.removed[heir])
        gone = key not in now and place < len(owed)
        tags.append(owed[place] if gone else known.get(key, {}))
    return RuleChange(
        group_id=action.group_id,
        before=action.before,
        added=action.added,
        removed=action.removed,
        tags=tuple(tags),
        remove_first=account.policy.narrow_without_headroom and not _fit_together(account, action),
    )


def list_weights(account: Account) -> dict[str, tuple[Family, int]]:
    """How many rules each prefix list counts for, and in which family."""
    return {
        one.prefix_list_id: (one.family, one.max_entries or len(one.entries or ()) or 1)
        for one in account.judged.state.prefix_lists.values()
    }


def _fit_together(account: Account, action: Narrow) -> bool:
    """Whether old and new rules may stand together for a moment, each family by itself."""
    weights = list_weights(account)
    change = Narrowing(removed=action.removed, added=action.added, heirs={})
    limit = account.policy.limits.rules_per_group
    return all(quota.moment <= limit for quota in quotas(action.before, change, weights))


def _check_users(account: Account, action: Narrow, *, exposing: bool) -> None:
    """Everyone who uses the group now: nobody lawful may lose what he has by filings.

    ``exposing``: the group is as it was, so it must still expose somebody decided closed.
    """
    users = [
        r
        for r in account.judged.rulings
        if action.group_id in r.endpoint.group_ids and r.family in action.families
    ]
    for ruling in users:
        name = ruling.endpoint.endpoint
        if ruling.verdict is Verdict.UNKNOWN:
            raise Refused(
                Result.BLOCKED,
                f"{name} uses the group and is unknown: {ruling.decision.reason}",
                f"{name} 使用该安全组且状态未知：{ruling.decision.reason_zh}",
            )
        if ruling.verdict is Verdict.CLOSED:
            continue
        if not ruling.gate_held or _gate_short(account, ruling):
            raise Refused(
                Result.BLOCKED,
                f"{name} uses the group lawfully and does not hold a whole gate",
                f"{name} 合法使用该安全组，但未持有完整的闸门",
            )
    account.refuse_strangers(action.group_id)
    if exposing and not any(
        r.verdict is Verdict.CLOSED and action.group_id in r.reach.groups(r.family) for r in users
    ):
        raise Refused(
            Result.DRIFTED,
            "it no longer exposes an endpoint that is decided closed",
            "该安全组已不再暴露任何应关闭的端点",
        )


def _gate_short(account: Account, ruling: Ruling) -> bool:
    gate = account.judged.gates.ours[ruling.endpoint.vpc_id, ruling.family]
    return bool(alteration(gate, ruling.family, account.policy).missing)
