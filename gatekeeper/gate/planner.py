"""From decisions to a plan (DESIGN §8).

Order of the plan, and why it is safe at every step:

0. repair-gate  takes out of a gate what does not belong there; puts ports back only while every
                endpoint that holds the gate is decided open
1. create-gate
2. attach       to endpoints decided open
3. detach       from endpoints decided closed
4. repair-gate  puts the other ports back, once no closed endpoint holds the gate
5. narrow       each group that exposes a closed endpoint, after every lawful user holds the gate
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Literal

from gatekeeper.account import (
    FAMILIES,
    Doubt,
    Family,
    Handle,
    Rule,
    SecurityGroup,
    strangers,
)
from gatekeeper.gate.decide import Ruling
from gatekeeper.gate.gates import (
    SHUT,
    GateKind,
    alteration,
    gate_rules,
    gate_tags,
    plain_group,
)
from gatekeeper.gate.judged import JudgedAccount, Overview, Reconciliation
from gatekeeper.gate.model import Verdict, shortlist
from gatekeeper.gate.narrowings import plan_narrowings
from gatekeeper.gate.plan import (
    AccountPlan,
    Action,
    Attach,
    Belts,
    Blocked,
    CreateGate,
    Detach,
    Op,
    Plan,
    RepairGate,
)
from gatekeeper.gate.reached import unreached_ports
from gatekeeper.policy import Policy

Direction = Literal["open", "close", "both"]
"""``open`` leaves out what closes, ``close`` what opens.

Gates are put right in all, and a closing plan still attaches the gate to lawful users of a group
before it narrows it.
"""


def make_plan(
    found: Reconciliation, *, offline: bool = False, direction: Direction = "both"
) -> Plan:
    """The changes that make every completely read account equal to its decisions.

    Args:
        found: what is, and what must be.
        offline: it rests on a dump and cannot be applied.
        direction: what to plan.
    """
    return _joined(
        (
            plan_account(account, found.policy, direction)
            for account in found.accounts
            if account.state.complete
        ),
        found,
        endpoints=len({(d.account_id, d.endpoint) for d in found.decisions}),
        register_version=found.register.version,
        offline=offline,
    )


def join_plans(found: Overview, *, offline: bool = False) -> Plan:
    """``make_plan`` where each account was planned when it was read."""
    return _joined(
        found.plans,
        found,
        endpoints=found.decided,
        register_version=found.register_version,
        offline=offline,
    )


def plan_account(
    account: JudgedAccount, policy: Policy, direction: Direction = "both"
) -> AccountPlan:
    """The part of the plan that one account has, if it was read completely."""
    planner = AccountPlanner(account, policy, direction)
    planner.run()
    return AccountPlan(
        tuple(planner.actions), tuple(planner.blocked), len(planner.opened), len(planner.closed)
    )


def _joined(
    parts: Iterable[AccountPlan],
    found: Reconciliation | Overview,
    *,
    endpoints: int,
    register_version: str,
    offline: bool,
) -> Plan:
    actions: list[Action] = []
    blocked: list[Blocked] = []
    opens = closes = 0
    for part in parts:
        actions += part.actions
        blocked += part.blocked
        opens += part.opens
        closes += part.closes
    limits = found.policy.limits
    return Plan(
        region=found.region,
        accounts=tuple(reading.account_id for reading in found.readings),
        register_version=register_version,
        policy_version=found.policy.version,
        actions=tuple(sorted(actions, key=lambda a: a.sort_key)),
        blocked=tuple(
            sorted(blocked, key=lambda b: (b.account_id, b.op, b.endpoint or "", b.group_id or ""))
        ),
        belts=Belts(
            opens=opens,
            closes=closes,
            endpoints=endpoints,
            floor=limits.floor,
            percent=limits.percent,
            count=limits.count,
        ),
        incomplete=tuple(reading.account_id for reading in found.readings if not reading.complete),
        offline=offline,
    )


@dataclass(slots=True)
class AccountPlanner:
    """Plans one account."""

    account: JudgedAccount
    policy: Policy
    direction: Direction = "both"
    actions: list[Action] = field(default_factory=list)
    blocked: list[Blocked] = field(default_factory=list)
    opened: set[str] = field(default_factory=set)
    closed: set[str] = field(default_factory=set)
    attached: dict[tuple[str, Family], Attach] = field(default_factory=dict)
    """Attachments that this plan makes."""
    refused: dict[tuple[str, Family], Doubt] = field(default_factory=dict)
    """Attachments that cannot be made, and why."""
    _gates: dict[tuple[str, GateKind], None] = field(default_factory=dict)
    """Gates to create."""
    unfit: set[str] = field(default_factory=set)
    """Gates whose missing ports this plan cannot put back."""
    detaching: set[tuple[str, Family]] = field(default_factory=set)
    """Endpoints and families that are to lose the gate."""
    users: dict[str, list[Ruling]] = field(default_factory=dict)
    strangers: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """By group, interfaces of other accounts that hold it."""

    def run(self) -> None:
        self.strangers = strangers(self.account.state)
        for ruling in self.account.rulings:
            for group_id in ruling.endpoint.group_ids:
                self.users.setdefault(group_id, []).append(ruling)
        for ruling in self.account.rulings if self.direction != "close" else ():
            if ruling.verdict is Verdict.OPEN and not ruling.gate_held and self._unreached(ruling):
                self.attach(ruling, "filed and approved", "已备案并获批准")
        closing = [
            ruling
            for ruling in self.account.rulings
            if ruling.verdict is Verdict.CLOSED and ruling.gate_held and self.direction != "open"
        ]
        self.detaching = {(ruling.endpoint.endpoint, ruling.family) for ruling in closing}
        for ruling in closing:
            self._detach(ruling)
        self._repair()
        if self.direction != "open":
            plan_narrowings(self)
        for vpc_id, kind in self._gates:
            self.actions.append(
                CreateGate(
                    account_id=self.account_id,
                    vpc_id=vpc_id,
                    kind=kind,
                    rules=gate_rules(kind, self.policy),
                    tags=tuple(sorted(gate_tags(self.policy).items())),
                    reason="this VPC needs the gate and has none",
                    reason_zh="该 VPC 需要闸门但尚未创建",
                )
            )

    @property
    def account_id(self) -> str:
        return self.account.state.account_id

    def _unreached(self, ruling: Ruling) -> bool:
        return bool(unreached_ports(ruling, self.account.reach.reader))

    # attach ----------------------------------------------------------------------------------

    def attach(self, ruling: Ruling, reason: str, reason_zh: str) -> None:
        """Plan that an endpoint decided open gains the gate, or note why it cannot."""
        endpoint, family = ruling.endpoint, ruling.family
        key = (endpoint.endpoint, family)
        if key in self.attached or key in self.refused:
            return
        obstacle = self._attach_obstacle(ruling)
        if obstacle is not None:
            self.refused[key] = obstacle
            self.block(Op.ATTACH, obstacle, ruling=ruling)
            return
        gate = self._gate(endpoint.vpc_id, family)
        self.attached[key] = action = Attach(
            account_id=self.account_id,
            vpc_id=endpoint.vpc_id,
            endpoint=endpoint.endpoint,
            endpoint_kind=endpoint.kind,
            handle=endpoint.handle,
            family=family,
            ips=ruling.decision.ips,
            groups=self._besides_gates(ruling),
            gate_id=gate.group_id if gate else None,
            reason=reason,
            reason_zh=reason_zh,
            filing_ids=ruling.decision.filing_ids,
        )
        self.actions.append(action)
        self.opened.add(endpoint.endpoint)

    def _attach_obstacle(self, ruling: Ruling) -> Doubt | None:
        endpoint = ruling.endpoint
        if endpoint.fixed is not None or endpoint.handle is Handle.NONE:
            return endpoint.fixed or Doubt("its groups cannot be changed", "无法更改其安全组")
        obstacle = self.closed_to_us(endpoint.vpc_id)
        if obstacle is not None:
            return obstacle
        limit = self.policy.limits.groups_per_interface
        needed = len(endpoint.group_ids) + 1 + self._other_attachment(ruling)
        if needed > limit:
            return Doubt(
                f"it would hold {needed} groups and limits.groups_per_interface is {limit}",
                f"绑定后将有 {needed} 个安全组，超过 limits.groups_per_interface（{limit}）",
            )
        return None

    def _other_attachment(self, ruling: Ruling) -> int:
        """1 where this plan already attaches the gate of the other family to the endpoint."""
        return sum(
            (ruling.endpoint.endpoint, family) in self.attached
            for family in FAMILIES
            if family != ruling.family
        )

    def _besides_gates(self, ruling: Ruling) -> tuple[str, ...]:
        ours = self.account.gates.ids()
        return tuple(sorted(g for g in ruling.endpoint.group_ids if g not in ours))

    def closed_to_us(self, vpc_id: str) -> Doubt | None:
        """Why nothing may be changed in a VPC."""
        known = self.account.state.vpcs
        if known and vpc_id not in known:
            # What is internal to it is then a guess, and AWS may take no group there: a subnet
            # that its owner shares no more.
            return Doubt(f"{vpc_id} is not in the answers", f"应答中没有 {vpc_id}")
        group = self.account.gates.foreign_in(vpc_id)
        if group is None:
            return None
        return Doubt(
            f"{vpc_id} holds {group.group_id} with the gate's name {group.name}, which is not ours",
            f"{vpc_id} 中的 {group.group_id} 与闸门同名（{group.name}），但不归本系统所有",
        )

    def _gate(self, vpc_id: str, kind: GateKind) -> SecurityGroup | None:
        """The gate of a VPC; one that is missing is planned."""
        gate = self.account.gates.ours.get((vpc_id, kind))
        if gate is None:
            self._gates[vpc_id, kind] = None
        return gate

    # detach ----------------------------------------------------------------------------------

    def _detach(self, ruling: Ruling) -> None:
        endpoint, family = ruling.endpoint, ruling.family
        obstacle = self.closed_to_us(endpoint.vpc_id)
        if endpoint.handle is Handle.NONE:
            obstacle = endpoint.fixed
        if obstacle is not None:
            self.block(Op.DETACH, obstacle, ruling=ruling)
            return
        gate = self.account.gates.ours[endpoint.vpc_id, family]
        others = self._besides_gates(ruling)
        shut = set(endpoint.group_ids) <= self._leaving(ruling)
        if shut:
            self._gate(endpoint.vpc_id, SHUT)
        self.actions.append(
            Detach(
                account_id=self.account_id,
                vpc_id=endpoint.vpc_id,
                endpoint=endpoint.endpoint,
                endpoint_kind=endpoint.kind,
                handle=endpoint.handle,
                family=family,
                ips=ruling.decision.ips,
                groups=others,
                gate_id=gate.group_id,
                shut=shut,
                reason=ruling.decision.reason,
                reason_zh=ruling.decision.reason_zh,
                filing_ids=ruling.decision.filing_ids,
            )
        )
        self.closed.add(endpoint.endpoint)

    def _leaving(self, ruling: Ruling) -> set[str]:
        """The gates that an endpoint loses in this plan, in either family."""
        endpoint, ours = ruling.endpoint, self.account.gates.ours
        gates = (
            ours.get((endpoint.vpc_id, family))
            for family in FAMILIES
            if (endpoint.endpoint, family) in self.detaching
        )
        return {gate.group_id for gate in gates if gate is not None}

    # repair ----------------------------------------------------------------------------------

    def _repair(self) -> None:
        """Put altered gates right, never giving a port to an endpoint that may not have it."""
        for (vpc_id, kind), read in sorted(self.account.gates.ours.items()):
            gate = plain_group(read)
            changed = alteration(gate, kind, self.policy)
            if not changed:
                continue
            obstacle = self.closed_to_us(vpc_id)
            if obstacle is not None:
                self.block(Op.REPAIR_GATE, obstacle, group_id=gate.group_id)
                continue
            holders = [r for r in self.users.get(gate.group_id, ()) if r.family == kind]
            now, late = self._when_to_add(gate, holders, changed.missing)
            if changed.extra or changed.egress or now:
                self.actions.append(
                    self._repair_action(vpc_id, kind, gate, changed.extra, changed.egress, now)
                )
            if late:
                self.actions.append(
                    self._repair_action(vpc_id, kind, gate, (), (), late, late=True)
                )

    def _when_to_add(
        self, gate: SecurityGroup, holders: list[Ruling], missing: tuple[Rule, ...]
    ) -> tuple[tuple[Rule, ...], tuple[Rule, ...]]:
        """Missing rules to put back at once, and those that wait for the detachments."""
        if not missing:
            return (), ()
        detached = {(a.endpoint, a.family) for a in self.actions if isinstance(a, Detach)}
        wrong = [r for r in holders if r.verdict is not Verdict.OPEN]
        stuck = {
            r.endpoint.endpoint for r in wrong if (r.endpoint.endpoint, r.family) not in detached
        }
        stuck.update(self.strangers.get(gate.group_id, ()))
        if not stuck:
            return ((), missing) if wrong else (missing, ())
        self.unfit.add(gate.group_id)
        who = shortlist(sorted(stuck))
        self.block(
            Op.REPAIR_GATE,
            Doubt(
                f"{len(missing)} missing rules stay out while {who} holds the gate without being"
                " decided open",
                f"{who} 持有闸门但未被判定为开放，缺少的 {len(missing)} 条规则暂不恢复",
            ),
            group_id=gate.group_id,
        )
        return (), ()

    def _repair_action(
        self,
        vpc_id: str,
        kind: GateKind,
        gate: SecurityGroup,
        extra: tuple[Rule, ...],
        egress: tuple[Rule, ...],
        missing: tuple[Rule, ...],
        *,
        late: bool = False,
    ) -> RepairGate:
        return RepairGate(
            account_id=self.account_id,
            vpc_id=vpc_id,
            group_id=gate.group_id,
            kind=kind,
            before=gate.rules,
            before_egress=gate.egress,
            removed=extra,
            removed_egress=egress,
            added=missing,
            late=late,
            reason=f"our gate differs: {len(missing)} rules missing, {len(extra)} too many,"
            f" {len(egress)} outbound",
            reason_zh=f"闸门与应有内容不符：缺少 {len(missing)} 条，多出 {len(extra)} 条，"
            f"出站 {len(egress)} 条",
        )

    def block(
        self,
        op: Op,
        why: Doubt,
        *,
        ruling: Ruling | None = None,
        group_id: str | None = None,
    ) -> None:
        self.blocked.append(
            Blocked(
                op=op,
                account_id=self.account_id,
                endpoint=ruling.endpoint.endpoint if ruling else None,
                group_id=group_id,
                reason=why.reason,
                reason_zh=why.reason_zh,
                filing_ids=ruling.decision.filing_ids if ruling else (),
            )
        )


def unlawful_holders(
    account: JudgedAccount, gate: SecurityGroup, kind: GateKind
) -> Iterator[Ruling]:
    """Endpoints that hold a gate without being decided open."""
    for ruling in account.rulings:
        if (
            ruling.family == kind
            and gate.group_id in ruling.endpoint.group_ids
            and ruling.verdict is not Verdict.OPEN
        ):
            yield ruling
