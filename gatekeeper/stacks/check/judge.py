"""The check: every opening of a plan held against the decisions (DESIGN §14)."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Final, NamedTuple

from gatekeeper.account import FAMILIES, Family
from gatekeeper.errors import FeedError, PolicyError
from gatekeeper.policy import Policy, parse_policy
from gatekeeper.stacks.check import kinds, rules, words
from gatekeeper.stacks.check.index import Index
from gatekeeper.stacks.check.model import Blueprint, Note, PlanCheck, Violation
from gatekeeper.stacks.check.openings import Opening, OpeningReader
from gatekeeper.stacks.check.ties import Endpoint, Tie, Ties
from gatekeeper.stacks.check.words import Why
from gatekeeper.stacks.feed import Decided, Decisions

_STRICTEST: Final = ("absent", "closed", "unknown", "hold", "open")


def check(
    blueprint: Blueprint,
    decisions: Decisions,
    policy: Policy,
    *,
    at: datetime,
    allow_unattached: bool = False,
) -> PlanCheck:
    """Judge what a plan would open, or what a state says is open.

    Args:
        blueprint: the plan.
        decisions: the feed; one that could not be believed has no decisions, so that whatever
            the plan opens is a violation.
        policy: what is gated and who is not the Internet, where the feed does not say.
        at: the time of the check; exemptions of the policy end.
        allow_unattached: let rules pass whose group nothing in the feed is tied to.

    Raises:
        FeedError: the feed names networks that are none, or that set half the Internet apart.
    """
    return _Judge(blueprint, decisions, policy, at, allow_unattached).judge()


class _Standing(NamedTuple):
    """What is decided of one endpoint in one family."""

    verdict: str
    """One of ``_STRICTEST``, or ``without``: it has no address of that family."""
    decided: Decided | None = None
    address: str = ""
    """The address, or the resource that makes one, which nobody decided on."""


class _Held(NamedTuple):
    """What is decided of everything that holds a group, in one family."""

    reached: bool
    """Whether that is anything."""
    blocked: tuple[Why, ...]
    without: tuple[Endpoint, ...]
    """What has no address of the family."""


class _Judge:
    def __init__(
        self,
        blueprint: Blueprint,
        decisions: Decisions,
        policy: Policy,
        at: datetime,
        allow_unattached: bool,
    ) -> None:
        self._blueprint = blueprint
        self._decisions = decisions
        self._allow_unattached = allow_unattached
        self._index = Index(blueprint.resources)
        self._ties = Ties(self._index)
        gated: tuple[tuple[str, int], ...] = decisions.ports or policy.gated_ports
        internet = _policy_of(decisions, policy)
        self._opened = OpeningReader(self._index, internet, at, gated).read()
        self._violations: dict[Violation, None] = {}
        self._notes: dict[Note, None] = dict.fromkeys(
            (*blueprint.not_judged, *self._opened.notes, *self._ties.notes)
        )
        self._warnings: dict[Note, None] = dict.fromkeys(blueprint.warnings)
        if decisions.offline:
            self._warnings[words.offline_feed()] = None
        self._joins: dict[tuple[str, str, Family, str], tuple[list[Opening], Why]] = {}
        """What joins ports that are open already: the openings, and why it must not."""
        self._verdicts: dict[tuple[str, Family], _Standing] = {}
        self._held: dict[tuple[str, Family], _Held] = {}
        self._classic: dict[str, tuple[Decided, ...]] | None = None

    def judge(self) -> PlanCheck:
        for opening in self._opened.found:
            self._opening(opening)
        for (by, *_), (openings, why) in self._joins.items():
            self._join(by, openings, why)
        for resource in self._index.by_address.values():
            if rules.drops(resource):
                self._dropped(resource.address)
            if resource.type == kinds.TEMPLATE_STACK:
                self._warnings[words.template_stack(resource.address)] = None
        self._joined()
        self._addressed()
        for resource, written in self._opened.lists:
            self._notes[words.widened_list(resource.address, written)] = None
        return PlanCheck(
            source=self._blueprint.source,
            violations=tuple(self._violations),
            not_judged=tuple(self._notes),
            warnings=tuple(self._warnings),
            resources=len(self._blueprint.resources),
        )

    def _opening(self, opening: Opening) -> None:
        if opening.balancers:
            self._listening(opening)
            return
        for group in opening.groups:
            self._tied(opening, group)

    def _listening(self, opening: Opening) -> None:
        """A listener with no group in front of it."""
        for node in opening.balancers:
            tie = Tie(node, "", opening.resource.address, opening.standing)
            held = self._weigh([tie], opening.family)
            if held.blocked and self._ties.endpoint(node).resource is None:
                self._notes[words.unseen_balancer(opening.resource.address, node)] = None
            elif held.blocked:
                self._violate(opening, held.blocked)

    def _tied(self, opening: Opening, group: str) -> None:
        """Judge one opening for everything that is tied to its group."""
        held = self._held.get((group, opening.family))
        if held is None:
            held = self._weigh(self._ties.of_group(group), opening.family)
            self._held[group, opening.family] = held
        if not held.reached:
            self._unattached(opening, group)
            return
        here: dict[str, Why] = {}
        for why in held.blocked:
            if opening.standing and not why.tie.standing:
                key = (why.tie.by, why.endpoint.node, opening.family, opening.protocol)
                self._joins.setdefault(key, ([], why))[0].append(opening)
            else:
                here.setdefault(why.endpoint.node, why)
        if held.without:
            self._warnings[words.no_ipv6(opening, held.without)] = None
        if here:
            self._violate(opening, list(here.values()))
        elif opening.left:
            self._warnings[words.left_open(opening)] = None
        elif self._blueprint.partial and not opening.standing and not self._index.is_new(group):
            self._warnings[words.may_be_shared(opening, group)] = None

    def _weigh(self, ties: Iterable[Tie], family: Family) -> _Held:
        """What is decided of everything that some ties hold."""
        blocked: list[Why] = []
        without: dict[str, Endpoint] = {}
        reached = False
        for tie in ties:
            endpoint = self._ties.endpoint(tie.endpoint)
            if not self._is_endpoint(endpoint):
                continue
            reached = True
            found = self._verdict(endpoint, family)
            if found.verdict == "without":
                without[endpoint.node] = endpoint
            elif found.verdict == "open" or (found.verdict == "hold" and tie.standing):
                self._notes.update(dict.fromkeys(endpoint.unread))
            else:
                blocked.append(Why(endpoint, tie, found.verdict, found.decided, found.address))
        return _Held(reached, tuple(blocked), tuple(without.values()))

    def _is_endpoint(self, endpoint: Endpoint) -> bool:
        """Whether it has public addresses, as far as plan and feed can tell."""
        return not endpoint.private or bool(self._decided(endpoint))

    def _unattached(self, opening: Opening, group: str) -> None:
        note = words.unattached(opening, group)
        if self._allow_unattached:
            self._warnings[note] = None
        else:
            self._add(opening, note)

    def _verdict(self, endpoint: Endpoint, family: Family) -> _Standing:
        """The strictest decision on an endpoint and on every address that the plan gives it."""
        known = self._verdicts.get((endpoint.node, family))
        if known is None:
            known = self._verdicts[endpoint.node, family] = self._look_up(endpoint, family)
        return known

    def _look_up(self, endpoint: Endpoint, family: Family) -> _Standing:
        named = self._decided(endpoint)
        found = [_Standing(one.verdict, one) for one in named if one.family == family]
        known = bool(named)
        for address in endpoint.addresses:
            decided = self._decisions.of_address(address)
            known = known or bool(decided)
            if (":" in address) != (family == "ipv6"):
                continue
            found += [_Standing(one.verdict, one) for one in decided]
            if not decided:
                found.append(_Standing("absent", None, address))
        if family == "ipv4":
            found += [_Standing("absent", None, resource) for resource in endpoint.fresh]
        if family == "ipv6" and endpoint.more_ipv6:
            found.append(_Standing("absent", None, endpoint.node))
        if found:
            return min(found, key=lambda one: _STRICTEST.index(one.verdict))
        if family == "ipv6" and known and not endpoint.ipv6 and not self._fresh(endpoint):
            return _Standing("without")
        return _Standing("absent")

    def _fresh(self, endpoint: Endpoint) -> bool:
        """Whether the plan makes the endpoint: which IPv6 addresses it gets, its subnet says."""
        return self._index.is_new(endpoint.node)

    def _decided(self, endpoint: Endpoint) -> tuple[Decided, ...]:
        """The decisions on an endpoint by its name."""
        found = [one for name in endpoint.names for one in self._decisions.of_endpoint(name)]
        if not found and endpoint.resource and endpoint.resource.type == kinds.CLASSIC_BALANCER:
            if self._classic is None:
                self._classic = _classic_balancers(self._decisions)
            found = [one for name in endpoint.names for one in self._classic.get(name, ())]
        return tuple(found)

    def _dropped(self, address: str) -> None:
        if not any(one.resource == address for one in self._violations):
            self._warnings[words.dropped(address)] = None

    def _joined(self) -> None:
        """What joins a group that the plan does not hold may join open ports."""
        for group, ties in self._ties.by_group.items():
            if self._seen(group):
                continue
            for tie in ties:
                endpoint = self._ties.endpoint(tie.endpoint)
                if tie.standing or not self._is_endpoint(endpoint):
                    continue
                verdicts = {self._verdict(endpoint, family).verdict for family in FAMILIES}
                if verdicts <= {"open", "without"}:
                    continue
                self._notes[words.joins_unseen(tie.by, group)] = None

    def _addressed(self) -> None:
        """What exists and gets another address may hold open groups that the plan does not."""
        groups: dict[str, list[str]] = {}
        for group, ties in self._ties.by_group.items():
            for tie in ties:
                groups.setdefault(tie.endpoint, []).append(group)
        for node, by in self._ties.addressed.items():
            held = groups.get(node, [])
            if self._index.is_new(node) or (held and all(self._seen(group) for group in held)):
                continue
            if self._verdict(self._ties.endpoint(node), "ipv4").verdict != "open":
                self._notes[words.addressed_unseen(by.address, node)] = None

    def _seen(self, group: str) -> bool:
        """Whether the plan holds the rules of a group, as far as it can."""
        if self._blueprint.partial and not self._index.is_new(group):
            return False
        return self._index.resource(group) is not None or group in self._opened.ruled

    def _violate(self, opening: Opening, several: Sequence[Why]) -> None:
        self._add(opening, words.not_decided(opening, several, self._decisions))

    def _join(self, by: str, openings: Sequence[Opening], why: Why) -> None:
        """One violation for all the open rules of a group that something joins."""
        ports = {port for one in openings for port in one.ports}
        sources = dict.fromkeys(source for one in openings for source in one.sources)
        note = words.joins_open(by, openings, why, self._decisions)
        violation = Violation(
            resource=by,
            protocol=openings[0].protocol,
            ports=tuple(sorted(ports)),
            sources=tuple(sources),
            reason=note.reason,
            reason_zh=note.reason_zh,
        )
        self._violations[violation] = None

    def _add(self, opening: Opening, note: Note) -> None:
        violation = Violation(
            resource=opening.resource.address,
            protocol=opening.protocol,
            ports=opening.ports,
            sources=opening.sources,
            reason=note.reason,
            reason_zh=note.reason_zh,
        )
        self._violations[violation] = None


def _classic_balancers(decisions: Decisions) -> dict[str, tuple[Decided, ...]]:
    """Decisions on classic load balancers by name: a plan need not know their ARNs."""
    found: dict[str, list[Decided]] = {}
    for one in decisions.decided:
        head, _, name = one.endpoint.rpartition(":loadbalancer/")
        if head and "/" not in name:
            found.setdefault(name, []).append(one)
    return {name: tuple(several) for name, several in found.items()}


def _policy_of(decisions: Decisions, policy: Policy) -> Policy:
    """The policy with the feed's word on who is not the Internet in place of its own."""
    if decisions.internal_sources is None:
        return policy
    networks = {
        "internal_sources": list(decisions.internal_sources),
        "exempt_sources": [
            {"cidr": cidr, "reason": "the decision feed"} for cidr in decisions.exempt_sources
        ],
    }
    try:
        return parse_policy(json.dumps(networks), source="the decision feed")
    except PolicyError as error:
        raise FeedError(error.message, zh=error.zh) from None
