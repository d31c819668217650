"""What each endpoint must be (DESIGN §7).

============  =====================  ========================================  ========
account       filings in effect      the gate                                  verdict
============  =====================  ========================================  ========
incomplete    any                    any                                       unknown
complete      cannot be told which   any                                       unknown
              addresses or rules
complete      cover all of P         any                                       open
complete      cover some of P and    attached, load balancer, the change is    hold
              all of P as opened     younger than the grace
complete      cover some of P        otherwise                                 closed
complete      cover none of P        any                                       closed
============  =====================  ========================================  ========
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

from gatekeeper.account import (
    AccountState,
    Endpoint,
    Family,
    ReadStatus,
    RememberedEndpoint,
)
from gatekeeper.gate.coverage import Coverage
from gatekeeper.gate.exposure import AccountReach, EndpointReach
from gatekeeper.gate.gates import Gates
from gatekeeper.gate.model import Decision, Verdict, shortlist
from gatekeeper.policy import Policy

EndpointKey = tuple[str, str, Family]
"""Account, endpoint, family."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Hold:
    """A load balancer whose address set changed, and how long it may stay open."""

    since: datetime
    until: datetime


class Ruling(NamedTuple):
    """A decision with what it rests on."""

    decision: Decision
    reach: EndpointReach
    covered: tuple[str, ...]
    uncovered: tuple[str, ...]
    gate_held: bool
    hold: Hold | None = None

    @property
    def verdict(self) -> Verdict:
        return self.decision.verdict

    @property
    def endpoint(self) -> Endpoint:
        return self.reach.endpoint

    @property
    def family(self) -> Family:
        return self.decision.family


def decide(
    reach: AccountReach,
    coverage: Coverage,
    gates: Gates,
    memory: Mapping[EndpointKey, RememberedEndpoint],
    policy: Policy,
    at: datetime,
) -> tuple[Ruling, ...]:
    """One ruling for each endpoint and family with a public address, in order."""
    whole = _unread(reach.state)
    rulings: list[Ruling] = []
    for name in sorted(reach.endpoints):
        one = reach.endpoints[name]
        for family in one.endpoint.families or ("ipv4",):
            rulings.append(_rule(one, family, whole, coverage, gates, memory, policy, at))
    return tuple(rulings)


def _rule(
    reach: EndpointReach,
    family: Family,
    whole: tuple[str, str] | None,
    coverage: Coverage,
    gates: Gates,
    memory: Mapping[EndpointKey, RememberedEndpoint],
    policy: Policy,
    at: datetime,
) -> Ruling:
    endpoint = reach.endpoint
    inside, outside, filings = coverage.covered(endpoint, family)
    held = gates.held(endpoint.group_ids, endpoint.vpc_id, family)
    hold: Hold | None = None
    doubts = reach.doubts.get(family, ())
    if whole is not None:
        verdict, (reason, reason_zh) = Verdict.UNKNOWN, whole
    elif doubts:
        verdict = Verdict.UNKNOWN
        reason = "; ".join(doubt.reason for doubt in doubts)
        reason_zh = "；".join(doubt.reason_zh for doubt in doubts)
    elif inside and not outside:
        verdict = Verdict.OPEN
        names = shortlist(filings)
        reason = f"filings in effect cover all its addresses ({names})"
        reason_zh = f"有效备案覆盖其全部地址（{names}）"
    elif inside:
        hold = _hold(endpoint, family, held, coverage, memory, policy, at)
        missing = shortlist(outside)
        if hold is not None:
            verdict = Verdict.HOLD
            until = hold.until.isoformat(timespec="seconds")
            reason = f"its address set changed; {missing} not filed yet; held until {until}"
            reason_zh = f"地址集已变化，{missing} 尚未备案；保留至 {until}"
        else:
            verdict = Verdict.CLOSED
            reason = f"filings in effect cover only part of its addresses; not {missing}"
            reason_zh = f"有效备案只覆盖部分地址，未覆盖 {missing}"
    else:
        verdict = Verdict.CLOSED
        reason = "no filing in effect covers it"
        reason_zh = "没有有效备案覆盖该端点"
    decision = Decision(
        endpoint.account_id,
        endpoint.endpoint,
        endpoint.kind,
        family,
        outside if not inside else inside if not outside else endpoint.ips(family),
        verdict,
        reason,
        reason_zh,
        filings,
    )
    return Ruling(decision, reach, inside, outside, held, hold)


def _hold(
    endpoint: Endpoint,
    family: Family,
    held: bool,
    coverage: Coverage,
    memory: Mapping[EndpointKey, RememberedEndpoint],
    policy: Policy,
    at: datetime,
) -> Hold | None:
    """Whether a partly covered endpoint may wait for its new addresses to be filed.

    Only a load balancer changes its addresses by itself.  Without memory of the set that it was
    opened with, the change counts from now.
    """
    if endpoint.kind != "load_balancer" or not held:
        return None
    remembered = memory.get((endpoint.account_id, endpoint.endpoint, family))
    since = at
    if remembered is not None and remembered.opened_ips is not None:
        opened = remembered.opened_ips
        if set(opened) == set(endpoint.ips(family)):
            return None
        if not all(coverage.filings_for(endpoint, ip) for ip in opened):
            return None
        since = remembered.changed_at or at
    elif remembered is not None and remembered.changed_at is not None:
        since = remembered.changed_at
    until = since + policy.address_change_grace
    return Hold(since=since, until=until) if at < until else None


def _unread(state: AccountState) -> tuple[str, str] | None:
    if state.status is ReadStatus.COMPLETE:
        return None
    what = ", ".join(f"{f.operation} ({f.code})" for f in state.failures) or state.status
    return (
        f"the account was not read completely: {what}",
        f"账号未完整读取：{what}",
    )


def remembered_unknown(
    state: AccountState,
    memory: Mapping[EndpointKey, RememberedEndpoint],
    known: frozenset[tuple[str, Family]],
) -> tuple[Decision, ...]:
    """Endpoints that an incomplete read did not show but that are remembered."""
    why = _unread(state)
    if why is None:
        return ()
    found = []
    for (account_id, endpoint, family), remembered in sorted(memory.items()):
        if account_id != state.account_id or (endpoint, family) in known:
            continue
        found.append(
            Decision(
                account_id=account_id,
                endpoint=endpoint,
                kind=remembered.kind,
                family=family,
                ips=remembered.ips,
                verdict=Verdict.UNKNOWN,
                reason=why[0],
                reason_zh=why[1],
            )
        )
    return tuple(found)
