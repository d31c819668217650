"""Which groups a plan narrows, and what keeps it from narrowing others.

A group is narrowed for the families in which it exposes a closed endpoint.  Its other users:

=========  ==================================================================
open       must hold the gate, or get it in this plan; else blocked
hold       holds the gate, so nothing is lost; blocked where the gate is unfit
closed     loses what it should not have
unknown    blocked: nobody can say what would be taken away
strangers  (interfaces of other accounts, in a shared VPC) blocked likewise
=========  ==================================================================

A group of another account cannot be changed: that is the finding ``unenforceable``.  One that a
stack owns is narrowed as any other, with a warning, unless the policy leaves it to the stack
(``stacks.mode``).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol

from gatekeeper.account import FAMILIES, Doubt, Family, LoadBalancerType, SecurityGroup
from gatekeeper.gate.decide import Ruling
from gatekeeper.gate.gates import plain_group
from gatekeeper.gate.judged import JudgedAccount
from gatekeeper.gate.model import Verdict, shortlist
from gatekeeper.gate.narrow import Narrowing, Quota, narrow, quotas
from gatekeeper.gate.owned import StackOwner, narrowing_refused, narrowing_warned, stack_of
from gatekeeper.gate.plan import Action, Narrow, Op
from gatekeeper.gate.reading import MalformedRule
from gatekeeper.gate.spans import Spans
from gatekeeper.gate.traffic import rule_order
from gatekeeper.policy import Policy


class Planner(Protocol):
    """What the narrowing of groups needs of the account's planner."""

    account: JudgedAccount
    policy: Policy
    actions: list[Action]
    closed: set[str]
    refused: dict[tuple[str, Family], Doubt]
    unfit: set[str]
    users: dict[str, list[Ruling]]
    strangers: Mapping[str, tuple[str, ...]]

    @property
    def account_id(self) -> str: ...
    def attach(self, ruling: Ruling, reason: str, reason_zh: str) -> None: ...
    def closed_to_us(self, vpc_id: str) -> Doubt | None: ...
    def block(
        self, op: Op, why: Doubt, *, ruling: Ruling | None = None, group_id: str | None = None
    ) -> None: ...


def plan_narrowings(planner: Planner) -> None:
    """Plan every group that exposes a closed endpoint, or note why it stays."""
    narrowings = _Narrowings(planner)
    for group_id, families in narrowings.exposing().items():
        narrowings.add(plain_group(planner.account.state.groups[group_id]), families)


@dataclass(slots=True)
class _Narrowings:
    """The narrowings of one account."""

    planner: Planner
    _bystanders: Mapping[str, int] = field(init=False)
    _network_balancers: Mapping[str, tuple[str, ...]] = field(init=False)
    """By VPC, the lawful load balancers that show their targets the client's own address."""
    _entries: Mapping[Family, Mapping[str, Spans]] = field(init=False)
    _weights: Mapping[str, tuple[Family, int]] = field(init=False)

    def __post_init__(self) -> None:
        account = self.planner.account
        endpoints = {ruling.endpoint.endpoint for ruling in account.rulings}
        counts: dict[str, int] = {}
        for interface in account.state.interfaces:
            if interface.interface_id in endpoints or interface.description.startswith("ELB "):
                continue
            for group_id in interface.group_ids:
                counts[group_id] = counts.get(group_id, 0) + 1
        self._bystanders = counts
        lawful: dict[str, dict[str, None]] = {}
        for ruling in account.rulings:
            balancer = ruling.endpoint.load_balancer
            if balancer is None or balancer.type is not LoadBalancerType.NETWORK:
                continue
            if ruling.verdict in (Verdict.OPEN, Verdict.HOLD):
                lawful.setdefault(balancer.vpc_id, {})[balancer.name] = None
        self._network_balancers = {vpc_id: tuple(sorted(names)) for vpc_id, names in lawful.items()}
        self._entries = {f: account.reach.reader.prefix_entries(f) for f in FAMILIES}
        self._weights = {
            pl.prefix_list_id: (pl.family, pl.max_entries or len(pl.entries or ()) or 1)
            for pl in account.state.prefix_lists.values()
        }

    def exposing(self) -> dict[str, tuple[Family, ...]]:
        """Each group, not a gate of ours, that exposes a closed endpoint, and in which families."""
        account = self.planner.account
        ours, state = account.gates.ids(), account.state
        found: dict[str, set[Family]] = {}
        for ruling in account.rulings:
            if ruling.verdict is Verdict.CLOSED:
                for group_id in ruling.reach.groups(ruling.family):
                    if group_id not in ours and state.owns(state.groups[group_id].owner_id):
                        found.setdefault(group_id, set()).add(ruling.family)
        return {
            group_id: tuple(f for f in FAMILIES if f in families)
            for group_id, families in sorted(found.items())
        }

    def add(self, group: SecurityGroup, families: tuple[Family, ...]) -> None:
        owner = stack_of(group, self.planner.policy)
        if owner is not None and self.planner.policy.stacks.mode == "report":
            self.planner.block(Op.NARROW, narrowing_refused(owner), group_id=group.group_id)
            return
        users = [
            ruling
            for ruling in self.planner.users.get(group.group_id, ())
            if ruling.family in families or not ruling.endpoint.families
        ]
        keeps: list[tuple[str, Family]] = []
        for ruling in users:
            obstacle = self._user_obstacle(ruling)
            if obstacle is not None:
                self.planner.block(Op.NARROW, obstacle, group_id=group.group_id)
                return
            if ruling.verdict in (Verdict.OPEN, Verdict.HOLD):
                keeps.append((ruling.endpoint.endpoint, ruling.family))
        obstacle = self.planner.closed_to_us(group.vpc_id) or self._strangers(group)
        if obstacle is not None:
            self.planner.block(Op.NARROW, obstacle, group_id=group.group_id)
            return
        internet = self.planner.account.reach.reader.internet(group.vpc_id)
        try:
            narrowing = narrow(group, families, internet, self.planner.policy, self._entries)
        except MalformedRule as error:
            doubt = Doubt(f"a rule cannot be resolved: {error}", f"规则无法解析：{error}")
            self.planner.block(Op.NARROW, doubt, group_id=group.group_id)
            return
        obstacle = self._quota_obstacle(group, narrowing)
        if obstacle is not None:
            self.planner.block(Op.NARROW, obstacle, group_id=group.group_id)
            return
        self._add_narrow(group, families, users, keeps, narrowing, owner)

    def _user_obstacle(self, ruling: Ruling) -> Doubt | None:
        """Why a user of a group keeps it from being narrowed; gives a lawful user the gate."""
        name = ruling.endpoint.endpoint
        if ruling.verdict is Verdict.UNKNOWN:
            return Doubt(
                f"{name} uses the group too and is unknown: {ruling.decision.reason}",
                f"{name} 也使用该安全组且状态未知：{ruling.decision.reason_zh}",
            )
        if ruling.verdict is Verdict.CLOSED:
            return None
        gate = self.planner.account.gates.ours.get((ruling.endpoint.vpc_id, ruling.family))
        if gate is not None and gate.group_id in self.planner.unfit:
            return Doubt(
                f"{name} uses the group lawfully, and its gate {gate.group_id} cannot be repaired",
                f"{name} 合法使用该安全组，但其闸门 {gate.group_id} 无法修复",
            )
        if ruling.gate_held:
            return None
        self.planner.attach(
            ruling, "a group that it shares is narrowed", "与其共用的安全组将被收窄"
        )
        refused = self.planner.refused.get((name, ruling.family))
        if refused is None:
            return None
        return Doubt(
            f"{name} uses the group lawfully and cannot get the gate: {refused.reason}",
            f"{name} 合法使用该安全组，但无法绑定闸门：{refused.reason_zh}",
        )

    def _strangers(self, group: SecurityGroup) -> Doubt | None:
        found = self.planner.strangers.get(group.group_id)
        if not found:
            return None
        return Doubt(
            f"{shortlist(found)} of another account uses the group too, and is judged there",
            f"其他账号的 {shortlist(found, '、')} 也使用该安全组，应在其所属账号中判定",
        )

    def _quota_obstacle(self, group: SecurityGroup, narrowing: Narrowing) -> Doubt | None:
        limit = self.planner.policy.limits.rules_per_group
        for quota in quotas(group.rules, narrowing, self._weights):
            over = self._over(quota, limit)
            if over is not None:
                return over
        return None

    def _over(self, quota: Quota, limit: int) -> Doubt | None:
        if quota.after > limit and quota.after > quota.now:
            return Doubt(
                f"it would need {quota.after} {quota.family} rules and limits.rules_per_group is"
                f" {limit}",
                f"收窄后需要 {quota.after} 条 {quota.family} 规则，"
                f"超过 limits.rules_per_group（{limit}）",
            )
        if quota.moment > limit and not self.planner.policy.narrow_without_headroom:
            return Doubt(
                f"old and new rules together are {quota.moment} {quota.family} rules and"
                f" limits.rules_per_group is {limit}; narrow_without_headroom lifts this",
                f"新旧规则并存时共 {quota.moment} 条 {quota.family} 规则，"
                f"超过 limits.rules_per_group（{limit}）；可启用 narrow_without_headroom",
            )
        return None

    def _add_narrow(
        self,
        group: SecurityGroup,
        families: tuple[Family, ...],
        users: list[Ruling],
        keeps: list[tuple[str, Family]],
        narrowing: Narrowing,
        owner: StackOwner | None,
    ) -> None:
        removed = tuple(sorted(narrowing.removed, key=rule_order))
        closes = {
            r.endpoint.endpoint
            for r in users
            if r.verdict is Verdict.CLOSED and group.group_id in r.reach.groups(r.family)
        }
        reason = f"it exposes {shortlist(sorted(closes))}"
        reason_zh = f"该安全组暴露了 {shortlist(sorted(closes), '、')}"
        bystanders = self._bystanders.get(group.group_id, 0)
        if bystanders:
            reason += f"; {bystanders} interfaces without a public address use it too"
            reason_zh += f"；另有 {bystanders} 个无公网地址的网卡也在使用"
            balancers = self._network_balancers.get(group.vpc_id)
            if balancers:
                # Target groups are not read: whether any of these is a target is for a person.
                reason += (
                    f", and would lose the Internet if they are targets of {shortlist(balancers)}"
                    " (network load balancer) with client IP preservation"
                )
                reason_zh += (
                    f"；若其为网络负载均衡 {shortlist(balancers, '、')} 的目标且保留客户端 IP，"
                    "将失去来自互联网的流量"
                )
        if narrowing.expanded_lists:
            lists = ", ".join(narrowing.expanded_lists)
            reason += f"; internal entries of {lists} become plain rules"
            reason_zh += f"；{lists} 中的内网条目改写为普通规则"
        if owner is not None:
            warned = narrowing_warned(owner)
            reason += f"; {warned.reason}"
            reason_zh += f"；{warned.reason_zh}"
        self.planner.actions.append(
            Narrow(
                account_id=self.planner.account_id,
                vpc_id=group.vpc_id,
                group_id=group.group_id,
                families=families,
                before=group.rules,
                added=narrowing.added,
                removed=removed,
                heirs=tuple(removed.index(narrowing.heirs[rule]) for rule in narrowing.added),
                closes=tuple(sorted(closes)),
                keeps=tuple(sorted(keeps)),
                reason=reason,
                reason_zh=reason_zh,
                filing_ids=tuple(sorted({f for r in users for f in r.decision.filing_ids})),
            )
        )
        self.planner.closed |= closes
