"""Where a domain leads, compared with the addresses that a filing names.

==============================  ===============================================
the domain resolves             then
==============================  ===============================================
to filed addresses alone        ``here``
to filed ones and others        ``partly``
to others alone                 ``elsewhere``; ``partly`` where ``www.`` is here
not at all, but ``www.`` does   as ``www.`` does: one sub-domain keeps a filing
neither                         ``unresolved``
nobody could say                ``unknown``
==============================  ===============================================
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from ipaddress import ip_address
from typing import Final, NamedTuple

from gatekeeper.filing.miit import domain_key
from gatekeeper.filing.number_shown import Judged, Seen
from gatekeeper.filing.row import printable

_SUB_DOMAIN: Final = "www."
_NAMED: Final = 8


class Answer(StrEnum):
    """What DNS says of a name."""

    FOUND = "found"
    NO_NAME = "no-name"
    """The name does not exist (NXDOMAIN)."""
    NO_ADDRESS = "no-address"
    """It exists, and has neither an IPv4 nor an IPv6 address."""
    UNKNOWN = "unknown"
    """Nobody answered, or nobody who could; nothing follows from it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Resolution:
    """One name, resolved."""

    name: str
    """In ASCII, without the root's dot."""
    answer: Answer
    addresses: tuple[str, ...] = ()
    """Canonical text, by family and number, each once."""
    aliases: tuple[str, ...] = ()
    """The CNAMEs that were followed, in order."""
    reason: str = ""
    """Why it is unknown; with addresses, which family is."""
    reason_zh: str = ""

    @property
    def partial(self) -> bool:
        """Whether there may be addresses that are not known."""
        return self.answer is Answer.UNKNOWN or bool(self.reason)

    @property
    def empty(self) -> bool:
        return self.answer in (Answer.NO_NAME, Answer.NO_ADDRESS) and not self.reason


class Place(StrEnum):
    """Where a domain leads."""

    HERE = "here"
    PARTLY = "partly"
    ELSEWHERE = "elsewhere"
    UNRESOLVED = "unresolved"
    UNKNOWN = "unknown"


class Pointing(NamedTuple):
    """One domain of a filing, with what follows from it."""

    domain: str
    place: Place
    here: tuple[str, ...]
    """Filed addresses that it leads to."""
    strange: tuple[str, ...]
    """Others that it leads to."""
    keeps: bool | None
    """Whether a name of it leads to a filed address; ``None`` where that is not known."""
    reason: str = ""
    reason_zh: str = ""


def names_asked(domain: str) -> tuple[str, ...]:
    """The names to resolve for a filed domain: itself, and its usual sub-domain."""
    name = domain_key(domain)
    return (name,) if name.startswith(_SUB_DOMAIN) else (name, _SUB_DOMAIN + name)


def canonical(addresses: tuple[str, ...]) -> frozenset[str]:
    """Addresses as they are compared."""
    return frozenset(str(ip_address(address)) for address in addresses)


def point(domain: str, known: Mapping[str, Resolution], filed: frozenset[str]) -> Pointing:
    """Where ``domain`` leads.

    Args:
        domain: as the filing has it.
        known: what DNS said, by name; a name that is missing was not asked and is unknown.
        filed: canonical addresses.
    """
    own, *subs = [known.get(name) or _unasked(name) for name in names_asked(domain)]
    sub = subs[0] if subs else None
    seen = own.addresses
    if sub is not None and (own.empty or not set(seen) & filed):
        seen = (*seen, *sub.addresses)
    here = tuple(address for address in dict.fromkeys(seen) if address in filed)
    strange = tuple(address for address in dict.fromkeys(seen) if address not in filed)
    decisive = sub if own.empty and sub is not None else own
    unclear = any(one.partial for one in (own, sub) if one is not None)
    keeps = True if here else None if unclear else False
    if own.answer is Answer.UNKNOWN or (decisive.partial and not strange):
        place = Place.UNKNOWN
    elif here and not strange:
        place = Place.HERE
    elif here or (strange and decisive.partial):
        place = Place.PARTLY
    elif strange:
        place = Place.ELSEWHERE
    else:
        place = Place.UNRESOLVED
    first = next((one for one in (decisive, sub) if one is not None and one.partial), None)
    return Pointing(
        domain,
        place,
        here,
        strange,
        keeps,
        first.reason if first is not None else "",
        first.reason_zh if first is not None else "",
    )


def judge_pointing(found: Pointing, *, former: frozenset[str] = frozenset()) -> Judged:
    """Whether a domain of a filing in effect leads where it should.

    Args:
        found: where it leads.
        former: addresses that the filing had before its last change.
    """
    name = printable(found.domain)
    strange = _list(found.strange)
    old = former & set(found.strange)
    was = f"; {_list(tuple(sorted(old)))} left the filing with its last change" if old else ""
    was_zh = f"；其中 {_list(tuple(sorted(old)))} 已随变更移出备案" if old else ""
    match found.place:
        case Place.HERE:
            return Judged(
                Seen.PASS,
                f"{name} resolves to {_list(found.here)}, as filed",
                f"{name} 解析至已备案地址 {_list(found.here)}",
            )
        case Place.PARTLY:
            return Judged(
                Seen.FAIL,
                f"{name} resolves to {strange}, which the filing does not name{was}",
                f"{name} 解析至备案以外的地址 {strange}{was_zh}",
            )
        case Place.ELSEWHERE:
            return Judged(
                Seen.FAIL,
                f"{name} resolves to {strange}, to none of the filed addresses{was}",
                f"{name} 解析至 {strange}，不是已备案地址{was_zh}",
            )
        case Place.UNRESOLVED:
            return Judged(
                Seen.FAIL,
                f"neither {name} nor its sub-domain www resolves",
                f"{name} 及其 www 子域名均无解析",
            )
    return _unknown(found)


def judge_before_approval(
    domain: str, known: Mapping[str, Resolution], filed: frozenset[str]
) -> tuple[Judged, tuple[str, ...]]:
    """Whether a domain stays away from addresses that are not approved for it yet.

    Gives the verdict, and the addresses that it reaches too early.
    """
    asked = [known.get(name) or _unasked(name) for name in names_asked(domain)]
    early = tuple(dict.fromkeys(ip for one in asked for ip in one.addresses if ip in filed))
    if early:
        names = ", ".join(printable(one.name) for one in asked if set(one.addresses) & filed)
        return Judged(
            Seen.FAIL,
            f"{names} resolves to {_list(early)} before the bureau approved it",
            f"{names} 在管局通过前已解析至 {_list(early)}",
        ), early
    unclear = next((one for one in asked if one.partial), None)
    if unclear is not None:
        return _unknown(
            Pointing(domain, Place.UNKNOWN, (), (), None, unclear.reason, unclear.reason_zh)
        ), ()
    name = printable(domain)
    return Judged(
        Seen.PASS,
        f"{name} does not resolve to the addresses of the application",
        f"{name} 未解析至申请填写的地址",
    ), ()


def _unknown(found: Pointing) -> Judged:
    name = printable(found.domain)
    return Judged(
        Seen.UNKNOWN,
        f"where {name} leads cannot be told: {printable(found.reason)}",
        f"无法得知 {name} 的解析：{printable(found.reason_zh)}",
    )


def _unasked(name: str) -> Resolution:
    return Resolution(name=name, answer=Answer.UNKNOWN, reason="not asked", reason_zh="未查询")


def _list(addresses: tuple[str, ...]) -> str:
    shown = ", ".join(addresses[:_NAMED])
    more = len(addresses) - _NAMED
    return f"{shown} (+{more})" if more > 0 else shown
