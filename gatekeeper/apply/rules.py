"""Changing the rules of one group so that a kill at any call can be taken up again.

A group's rules go from ``before`` through ``before + added`` to ``before + added - removed``.  What
is found decides what is left to do:

=================================  ===============================================
found                              then
=================================  ===============================================
the result                         nothing
exactly ``before``                 add, then remove
between the two, and begun by us   what is left of it
anything else                      drifted: somebody else changed the group
=================================  ===============================================
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from gatekeeper.account import Rule
from gatekeeper.apply.edge import Edge
from gatekeeper.apply.journal import Journal
from gatekeeper.errors import AwsError
from gatekeeper.gate import rule_key, rules_json

RuleKey = tuple[int, int, int, str]
RACED = ("InvalidPermission.Duplicate", "InvalidPermission.NotFound")
"""Codes that say that a rule is there, or gone, already: re-read, never trusted."""


class Drifted(Exception):
    """What is found is neither the baseline nor anything that we made of it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RuleChange:
    """From which rules to which; ``tags`` are those of the added rules, by place."""

    group_id: str
    before: tuple[Rule, ...]
    added: tuple[Rule, ...]
    removed: tuple[Rule, ...]
    tags: tuple[Mapping[str, str], ...] = ()
    remove_first: bool = False
    """Where old and new rules do not fit together for a moment."""

    def keys(self) -> tuple[set[RuleKey], set[RuleKey]]:
        """The rules before and after, by what AWS tells them apart by."""
        before = {rule_key(rule) for rule in self.before}
        after = before - {rule_key(rule) for rule in self.removed}
        return before, after | {rule_key(rule) for rule in self.added}

    def left(self, found: Sequence[Rule], *, begun: bool) -> tuple[list[int], list[Rule]]:
        """What is still to add (places in ``added``) and to remove.

        Raises:
            Drifted: the rules found are not on the way from ``before`` to the result.
        """
        before, after = self.keys()
        now = {rule_key(rule) for rule in found}
        added = {rule_key(rule) for rule in self.added}
        removed = {rule_key(rule) for rule in self.removed}
        on_the_way = begun and (before - removed) <= now <= (before | added) and self._ordered(now)
        if now not in (before, after) and not on_the_way:
            raise Drifted
        to_add = [i for i, rule in enumerate(self.added) if rule_key(rule) not in now]
        # As they are found: an emulator wants a rule named as it was given.
        to_remove = [rule for rule in found if rule_key(rule) in removed]
        return to_add, to_remove

    def _ordered(self, now: set[RuleKey]) -> bool:
        """Whether the first half is whole before the second began."""
        added = {rule_key(rule) for rule in self.added}
        removed = {rule_key(rule) for rule in self.removed}
        if self.remove_first:
            return removed.isdisjoint(now) or added.isdisjoint(now - self.keys()[0])
        return added <= now or removed <= now


def carry_out(
    change: RuleChange,
    edge: Edge,
    journal: Journal,
    action_id: str,
    found: Sequence[Rule],
    *,
    begun: bool = False,
) -> bool:
    """Bring a group to its result; whether anything was changed.

    ``begun``: this run is on the way already, as is one that the journal shows.

    Raises:
        Drifted, RegisterChanged, LeaseLost, AwsError: see there; what was done stays journaled.
    """
    to_add, to_remove = change.left(found, begun=begun or action_id in journal.begun)
    if not to_add and not to_remove:
        return False
    try:
        _carry_out(change, edge, journal, action_id, to_add, to_remove)
    except AwsError as error:
        group = edge.read_groups([change.group_id]).get(change.group_id)
        if group is None:
            raise
        now = {rule_key(rule) for rule in group.rules}
        if now == change.keys()[1]:
            return True
        if error.code not in RACED:
            raise
        reread = RuleChange.left(change, group.rules, begun=True)
        _carry_out(change, edge, journal, action_id, *reread)
    return True


def _carry_out(
    change: RuleChange,
    edge: Edge,
    journal: Journal,
    action_id: str,
    to_add: list[int],
    to_remove: list[Rule],
) -> None:
    if change.remove_first:
        _remove(change, edge, journal, action_id, to_remove)
    for tags, rules in _by_tags(change, to_add):
        detail: dict[str, Any] = {"group_id": change.group_id, "rules": rules_json(rules)}
        journal.call(
            action_id,
            "AuthorizeSecurityGroupIngress",
            detail,
            _authorizing(edge, change.group_id, rules, tags),
            owed=change.remove_first,
        )
    if not change.remove_first:
        _remove(change, edge, journal, action_id, to_remove)


def _remove(
    change: RuleChange, edge: Edge, journal: Journal, action_id: str, rules: list[Rule]
) -> None:
    if rules:
        detail: dict[str, Any] = {"group_id": change.group_id, "rules": rules_json(rules)}
        if change.remove_first:
            # Nobody else will know them once the rules that carry them are gone.
            detail["tags"] = [dict(tags) for tags in change.tags]
        journal.call(
            action_id,
            "RevokeSecurityGroupIngress",
            detail,
            lambda: edge.revoke(change.group_id, rules),
        )


def _authorizing(edge: Edge, group_id: str, rules: list[Rule], tags: Mapping[str, str]) -> Any:
    return lambda: edge.authorize(group_id, rules, tags)


def _by_tags(change: RuleChange, places: list[int]) -> list[tuple[Mapping[str, str], list[Rule]]]:
    """Rules to add, grouped by their tags: AWS gives one set of tags to all rules of a call."""
    groups: dict[tuple[tuple[str, str], ...], list[Rule]] = {}
    for place in places:
        tags = change.tags[place] if change.tags else {}
        groups.setdefault(tuple(sorted(tags.items())), []).append(change.added[place])
    return [(dict(tags), rules) for tags, rules in sorted(groups.items())]
