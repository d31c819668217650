"""One account while a plan is carried out in it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, TypeVar

from gatekeeper.account import AccountState, Interface, Rule, SecurityGroup, strangers
from gatekeeper.apply.edge import Edge
from gatekeeper.apply.journal import Journal
from gatekeeper.apply.outcome import Result
from gatekeeper.gate import JudgedAccount, rule_key, shortlist
from gatekeeper.policy import Policy

T = TypeVar("T")
RuleKey = tuple[int, int, int, str]
RuleTags = Sequence[Mapping[str, str]]
"""The tags of the rules that a narrowing adds, by place."""

RETRY_SECONDS: Final = (0.5, 1.0, 2.0, 4.0)
"""Describe calls lag a change by a moment (AWS: eventual consistency)."""

Judge = Callable[[AccountState], JudgedAccount]
"""Judges a freshly read account against the register and the policy."""


class Refused(Exception):
    """The action may not be done now."""

    def __init__(self, result: Result, reason: str, reason_zh: str) -> None:
        super().__init__(reason)
        self.result = result
        self.reason = reason
        self.reason_zh = reason_zh


@dataclass(slots=True)
class Account:
    """The account's edge, its journal, and how it was judged when it was read last."""

    edge: Edge
    journal: Journal
    policy: Policy
    judge: Judge
    judged: JudgedAccount
    sleep: Callable[[float], None]
    tags: dict[str, list[tuple[Rule, dict[str, str]]]] = field(default_factory=dict)
    """The tags of the rules of the groups to be narrowed."""
    owed: Mapping[str, RuleTags] = field(default_factory=dict)
    """By action, the tags that this run wrote down, before it was killed, of rules now gone."""
    stale: bool = False
    """Whether groups were given or taken since: then who holds what must be read anew."""

    given: dict[str, frozenset[str]] = field(default_factory=dict)
    """Endpoint to the groups that this run gave it last: an answer that differs may be an old one,
    and groups set from an old answer would undo our own change."""
    doubtful: set[str] = field(default_factory=set)
    """Endpoints whose groups may be what this run failed to give them."""
    mended: dict[str, frozenset[RuleKey]] = field(default_factory=dict)
    """Gate to the rules that this run left in it."""

    _strangers: tuple[AccountState | None, Mapping[str, tuple[str, ...]]] = (None, {})

    def patiently(self, read: Callable[[], T], settled: Callable[[T], bool]) -> T:
        """What ``read`` shows once it is ``settled``, or at last."""
        found = read()
        for pause in RETRY_SECONDS:
            if settled(found):
                break
            self.sleep(pause)
            found = read()
        return found

    def refresh(self) -> bool:
        """Read the account anew if that is needed; whether it could be read."""
        if self.stale:
            self.judged = self.patiently(
                lambda: self.judge(self.edge.read_account()), self._shows_what_was_given
            )
            self.stale = False
        return self.judged.state.complete

    def _shows_what_was_given(self, judged: JudgedAccount) -> bool:
        if not judged.state.complete:
            return True
        held: Mapping[str, frozenset[str]] = {
            name: frozenset(reach.endpoint.group_ids)
            for name, reach in judged.reach.endpoints.items()
        }
        if any(held.get(name, groups) != groups for name, groups in self.given.items()):
            return False
        return all(
            self.shows_what_was_mended(judged.state.groups.get(name)) for name in self.mended
        )

    def shows_what_was_mended(self, gate: SecurityGroup | None) -> bool:
        """Whether an answer about a gate is no older than what this run did to it."""
        if gate is None:
            return not self.mended
        left = self.mended.get(gate.group_id)
        rules = {rule_key(rule) for rule in gate.rules}
        return left is None or (left == rules and not gate.egress)

    def refuse_changed_users(self, group_id: str) -> None:
        """Make sure that the users of a group are as they were judged, reading anew if not.

        Raises:
            Refused: they change under our eyes, or the account cannot be read.
        """
        for _ in range(2):
            changed = self._changed_users(group_id)
            if not changed:
                return
            self.stale = True
            if not self.refresh():
                raise self.unreadable()
        changed = self._changed_users(group_id)
        if changed:
            who = ", ".join(sorted(changed))
            raise Refused(
                Result.DRIFTED,
                f"{who} began or ceased to use the group, or changed its groups or addresses,"
                " meanwhile",
                f"{who} 在此期间开始或停止使用该安全组，或更改了安全组或地址",
            )

    def _changed_users(self, group_id: str) -> set[str]:
        now = {name: _guarded(one) for name, one in self.edge.group_users(group_id).items()}
        known = {
            one.interface_id: _guarded(one)
            for one in self.judged.state.interfaces
            if group_id in one.group_ids
        }
        return {name for name in now | known if now.get(name) != known.get(name)}

    def strangers(self) -> Mapping[str, tuple[str, ...]]:
        """By group, interfaces of other accounts: looked for once in each reading."""
        state, found = self._strangers
        if state is not self.judged.state:
            state, found = self.judged.state, strangers(self.judged.state)
            self._strangers = state, found
        return found

    def refuse_strangers(self, group_id: str) -> None:
        """Make sure that no interface of another account, whose filings are not ours, uses a group.

        Raises:
            Refused: one does.
        """
        found = self.strangers().get(group_id)
        if found:
            raise Refused(
                Result.BLOCKED,
                f"{shortlist(found)} of another account uses the group too, and is judged there",
                f"其他账号的 {shortlist(found, '、')} 也使用该安全组，应在其所属账号中判定",
            )

    def read_group(self, group_id: str) -> SecurityGroup:
        group = self.edge.read_groups([group_id]).get(group_id)
        if group is None:
            raise Refused(Result.DRIFTED, f"{group_id} is gone", f"{group_id} 已不存在")
        return group

    def unreadable(self) -> Refused:
        failures = self.judged.state.failures
        what = ", ".join(f"{f.operation} ({f.code})" for f in failures) or "unreadable"
        return Refused(
            Result.BLOCKED,
            f"the account could not be read completely: {what}",
            f"账号未能完整读取：{what}",
        )


def _guarded(interface: Interface) -> tuple[frozenset[str], ...]:
    """What of an interface decides who reaches it: its groups and its public addresses."""
    return (
        frozenset(interface.group_ids),
        frozenset(one.public_ip for one in interface.associations),
        frozenset(interface.ipv6),
    )
