"""Findings about what the Internet reaches, and about the gates themselves."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from gatekeeper.account import AccountState, Doubt, Family, Handle
from gatekeeper.filing import STATUS_ZH, Application, Filing, FilingState
from gatekeeper.gate.decide import Ruling
from gatekeeper.gate.exposure import AccountReach
from gatekeeper.gate.finder import Finder
from gatekeeper.gate.gates import Gates, alteration
from gatekeeper.gate.model import Verdict, shortlist
from gatekeeper.gate.owned import StackOwner, stack_of, stack_remedy
from gatekeeper.gate.reach import ReachReader
from gatekeeper.gate.share import AccountFilings
from gatekeeper.policy import Policy, Port

_CREATES: Final = frozenset({"new", "transfer_in", "change", "change_ip"})


@dataclass(slots=True)
class FiledAddresses:
    """Who names each (account, address), in effect or not: only to explain an exposure.

    What a filing named before an approved change is with what ended.
    """

    suspended: dict[tuple[str, str], list[Filing]]
    ended: dict[tuple[str, str], list[Filing]]
    unlicensed: dict[tuple[str, str], list[Filing]]
    in_effect: dict[tuple[str, str], list[Filing]]
    pending: dict[tuple[str, str], list[Application]]

    @classmethod
    def of(cls, mine: AccountFilings) -> FiledAddresses:
        filed = cls({}, {}, {}, {}, {})
        by_state = {
            FilingState.SUSPENDED: filed.suspended,
            FilingState.RESTRICTED: filed.suspended,
            FilingState.ENDED: filed.ended,
            FilingState.UNLICENSED: filed.unlicensed,
            FilingState.IN_EFFECT: filed.in_effect,
        }
        for filing in mine.filings:
            for ip in filing.access.ips:
                key = (filing.access.account_id, ip)
                by_state[filing.state].setdefault(key, []).append(filing)
            for key in _past(filing):
                filed.ended.setdefault(key, []).append(filing)
        for application in mine.pending:
            if application.kind in _CREATES:
                for ip in application.access.ips:
                    filed.pending.setdefault((application.access.account_id, ip), []).append(
                        application
                    )
        return filed


def _past(filing: Filing) -> set[tuple[str, str]]:
    """The (account, address) pairs that a filing named once and names no more."""
    if not filing.former:
        return set()
    past = {(access.account_id, ip) for access in filing.former for ip in access.ips}
    return past - {(filing.access.account_id, ip) for ip in filing.access.ips}


def find_exposures(
    rulings: Iterable[Ruling],
    filed: FiledAddresses,
    finder: Finder,
    state: AccountState,
    gates: Gates,
) -> None:
    """One finding for each endpoint and family that is reachable and should not be.

    The code tells why there is no filing in effect, the gravest reason first: an order, an ending,
    a set covered only in part, an application under way, nothing at all.  Where a stack owns a
    group at fault, the remedy says what to change in its program.
    """
    ours = gates.ids()
    for ruling in rulings:
        ports = ruling.reach.ports(ruling.family)
        if not ports or ruling.verdict in (Verdict.OPEN, Verdict.HOLD):
            continue
        if ruling.verdict is Verdict.UNKNOWN and (
            not ruling.uncovered or ruling.reach.endpoint.doubts
        ):
            continue
        groups = (state.groups[name] for name in ruling.reach.groups(ruling.family))
        also = stack_remedy(groups, ours, ports, finder.policy)
        _find_exposure(ruling, ports, filed, finder, also)


def _find_exposure(
    ruling: Ruling,
    ports: tuple[Port, ...],
    filed: FiledAddresses,
    finder: Finder,
    also: Doubt | None,
) -> None:
    endpoint, family = ruling.endpoint, ruling.family
    keys = [(endpoint.account_id, ip) for ip in endpoint.ips(family)]

    def named(by: Mapping[tuple[str, str], list[Filing]]) -> list[str]:
        return sorted({filing.filing_id for key in keys for filing in by.get(key, ())})

    pending = [a for key in keys for a in filed.pending.get(key, ())]
    values: dict[str, str] = {}
    filing_ids: list[str] = []
    if filing_ids := named(filed.suspended):
        code = "exposed-suspended"
    elif not ruling.covered and (filing_ids := named(filed.ended)) and not named(filed.in_effect):
        code = "exposed-ended"
    elif ruling.covered or (filing_ids := named(filed.in_effect)):
        code = "exposed-uncovered"
        filing_ids = filing_ids or list(ruling.decision.filing_ids)
    elif pending:
        code = "exposed-pending"
        filing_ids = sorted({a.filing_id for a in pending})
        values = _pending_values(pending[0])
    elif filing_ids := named(filed.unlicensed):
        code = "exposed-pending"
        values = {
            "application": shortlist(filing_ids),
            "status": "approved without a licence number that counts",
            "status_zh": "已通过但缺少有效备案号",
        }
    else:
        code = "exposed-unfiled"
    finder.about_endpoint(
        code,
        endpoint.account_id,
        endpoint.endpoint,
        family,
        ips=ruling.uncovered or endpoint.ips(family),
        ports=ports,
        filing_id=filing_ids[0] if filing_ids else None,
        filings=shortlist(filing_ids),
        also=also,
        **values,
    )


def _pending_values(application: Application) -> dict[str, str]:
    return {
        "application": application.application_id,
        "status": application.status.value,
        "status_zh": STATUS_ZH[application.status],
    }


def find_unreached(rulings: Iterable[Ruling], reader: ReachReader, finder: Finder) -> None:
    """Endpoints that may be open but whose opened ports the whole Internet cannot reach."""
    for ruling in rulings:
        if ruling.verdict is not Verdict.OPEN:
            continue
        shut = unreached_ports(ruling, reader)
        if shut:
            finder.about_endpoint(
                "closed-approved",
                ruling.endpoint.account_id,
                ruling.endpoint.endpoint,
                ruling.family,
                ips=ruling.decision.ips,
                ports=shut,
                filing_id=next(iter(ruling.decision.filing_ids), None),
            )


def unreached_ports(ruling: Ruling, reader: ReachReader) -> tuple[Port, ...]:
    """The opened ports that some part of the Internet cannot reach."""
    endpoint = ruling.endpoint
    if endpoint.groupless:
        return ()
    return reader.unreached(endpoint.group_ids, endpoint.vpc_id, ruling.family)


def find_holds(rulings: Iterable[Ruling], finder: Finder) -> None:
    """Load balancers whose changed address set is given time to be filed."""
    for ruling in rulings:
        if ruling.hold is not None:
            finder.about_endpoint(
                "address-set-changed",
                ruling.endpoint.account_id,
                ruling.endpoint.endpoint,
                ruling.family,
                ips=ruling.uncovered,
                filing_id=next(iter(ruling.decision.filing_ids), None),
                since=ruling.hold.since.isoformat(timespec="seconds"),
                until=ruling.hold.until.isoformat(timespec="seconds"),
            )


def find_unenforceable(rulings: Iterable[Ruling], state: AccountState, finder: Finder) -> None:
    """Closed endpoints that are exposed through something that gatekeeper cannot change."""
    for ruling in rulings:
        if ruling.verdict is not Verdict.CLOSED:
            continue
        why = _unchangeable(ruling, state)
        if why is None:
            continue
        ports = ruling.reach.ports(ruling.family)
        if ports:
            finder.about_endpoint(
                "unenforceable",
                ruling.endpoint.account_id,
                ruling.endpoint.endpoint,
                ruling.family,
                ips=ruling.decision.ips,
                ports=ports,
                why=why.reason,
                why_zh=why.reason_zh,
            )


def _unchangeable(ruling: Ruling, state: AccountState) -> Doubt | None:
    """Why narrowing groups cannot close an endpoint and neither can taking the gate from it."""
    endpoint = ruling.endpoint
    if endpoint.groupless:
        return Doubt(
            "a network load balancer without security groups", "该网络负载均衡未使用安全组"
        )
    if ruling.gate_held and endpoint.handle is Handle.NONE and endpoint.fixed is not None:
        return Doubt(
            f"it holds the gate, and its groups cannot be changed: {endpoint.fixed.reason}",
            f"它持有闸门，且无法更改其安全组：{endpoint.fixed.reason_zh}",
        )
    for group_id in ruling.reach.groups(ruling.family):
        owner_id = state.groups[group_id].owner_id
        if not state.owns(owner_id):
            return Doubt(
                f"account {owner_id} owns security group {group_id}, and only it can change it",
                f"安全组 {group_id} 属于账号 {owner_id}，只有该账号可以更改",
            )
    return None


def find_group_trouble(reach: AccountReach, gates: Gates, policy: Policy, finder: Finder) -> None:
    """Gates that are not ours or were altered, and wide groups that nothing uses yet."""
    account_id = reach.state.account_id
    for (vpc_id, _), group in sorted(gates.foreign.items()):
        finder.about_endpoint(
            "gate-foreign", account_id, group.group_id, None, vpc=vpc_id, name=group.name
        )
    for (vpc_id, kind), group in sorted(gates.ours.items()):
        changed = alteration(group, kind, policy)
        if changed:
            what, what_zh = _alteration_words(len(changed.missing), len(changed.extra))
            if changed.egress:
                what += ", it has outbound rules"
                what_zh += "，存在出站规则"
            finder.about_endpoint(
                "gate-altered",
                account_id,
                group.group_id,
                None,
                vpc=vpc_id,
                what=what,
                what_zh=what_zh,
                also=_stack_mends(stack_of(group, policy)),
            )
    if reach.state.complete:
        _find_unused(reach, gates, policy, finder)


def _stack_mends(owner: StackOwner | None) -> Doubt | None:
    if owner is None:
        return None
    return Doubt(
        f"{owner} owns it: refresh the stack afterwards, and see that its program opens what the"
        " policy opens",
        f"该闸门归{owner.zh}所有：修复后请 refresh 该堆栈，并确认其程序开放的端口与策略一致",
    )


def _alteration_words(missing: int, extra: int) -> tuple[str, str]:
    return f"{missing} rules missing, {extra} too many", f"缺少 {missing} 条规则，多出 {extra} 条"


def _find_unused(reach: AccountReach, gates: Gates, policy: Policy, finder: Finder) -> None:
    used = {group for interface in reach.state.interfaces for group in interface.group_ids}
    used |= {group for balancer in reach.state.load_balancers for group in balancer.group_ids}
    ours = gates.ids()
    for group_id in sorted(reach.state.groups.keys() - used - ours):
        if not reach.state.owns(reach.state.groups[group_id].owner_id):
            continue
        group = reach.state.groups[group_id]
        read = reach.reader.group(group_id)
        if read is None or not read.exposing:
            continue
        families: set[Family] = {family for family, _ in read.exposing}
        ports = sorted({port for _, port in read.exposing})
        finder.about_endpoint(
            "group-exposing-unused",
            reach.state.account_id,
            group_id,
            next(iter(families)) if len(families) == 1 else None,
            ports=ports,
            also=stack_remedy((group,), ours, ports, policy),
        )
