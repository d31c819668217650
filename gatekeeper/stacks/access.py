"""What ``WebAccess`` opens: pure values from decisions, addresses, ports and sources."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from ipaddress import ip_address, ip_network
from types import MappingProxyType
from typing import Final, Literal

from gatekeeper.errors import StackError
from gatekeeper.stacks.feed import Decided, Decisions, Family, Verdict

OnHold = Literal["close", "keep"]
Port = tuple[str, int]
"""("tcp" or "udp", number)."""

ANYWHERE: Final[Mapping[Family, Sequence[str]]] = MappingProxyType(
    {"ipv4": ("0.0.0.0/0",), "ipv6": ("::/0",)}
)
_FAMILIES: Final[tuple[Family, ...]] = ("ipv4", "ipv6")
_STRICTEST_FIRST: Final[tuple[Verdict, ...]] = ("closed", "unknown", "hold", "open")
_PREFIX_LIST: Final = re.compile(r"pl-[0-9a-z]+")
_NOT_IN_A_TAG: Final = re.compile(r"[^\w\s+\-=.:/@]")
_LONGEST_TAG: Final = 256


@dataclass(frozen=True, slots=True, order=True)
class Opening:
    """One rule: a gated port, open to one source."""

    family: Family
    protocol: str
    port: int
    source: str
    """A network in its shortest form, or a prefix list's id."""

    def name(self, prefix: str) -> str:
        """The rule's logical name: from what it is, never from its place in a list."""
        place = self.source.replace("/", "-").replace(":", ".")
        return f"{prefix}-{self.protocol}-{self.port}-{self.family}-{place}"

    def describe(self) -> str:
        return f"{self.protocol} {self.port} from {self.source}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Access:
    """What is open, and why."""

    openings: tuple[Opening, ...] = ()
    verdict: Verdict = "closed"
    """The strictest over the families that have addresses."""
    verdicts: Mapping[Family, Verdict]
    reason: str
    filing_ids: tuple[str, ...] = ()


def access(
    decisions: Decisions,
    *,
    addresses: Sequence[object],
    endpoint: str | None = None,
    ports: Sequence[Port] | None = None,
    sources: Mapping[Family, Sequence[str]] = ANYWHERE,
    on_hold: OnHold = "close",
) -> Access:
    """The rules that the decisions allow; none at all where anything is in doubt.

    Args:
        decisions: a feed, believed or not.
        addresses: every public address of what is opened; one that is no address closes all.
        endpoint: a load balancer's ARN or an interface's id: its decision must allow it too.
        ports: from ``read_ports``; default: every port that the feed gates.
        sources: from ``read_sources``.
        on_hold: whether a family that is on hold stays open.

    Raises:
        StackError: a port that the feed does not gate.
    """
    if decisions.problem is not None:
        return Access(verdicts={}, reason=str(decisions.problem))
    opened = gated_ports(decisions, ports)
    strange = [address for address in addresses if _family(address) is None]
    if strange:
        return Access(verdicts={}, reason=f"{strange[0]!r} is no public address")
    allowed = ("open", "hold") if on_hold == "keep" else ("open",)
    verdicts: dict[Family, Verdict] = {}
    openings: list[Opening] = []
    found: list[Decided] = []
    reasons: list[str] = []
    for family in _FAMILIES:
        own = [str(address) for address in addresses if _family(address) == family]
        held = [] if endpoint is None else _of_endpoint(decisions, endpoint, family)
        if not own and not held:
            continue
        verdict = _verdict(decisions, own, endpoint, held)
        verdicts[family] = verdict
        behind = [*held, *(one for address in own for one in decisions.of_address(address))]
        reasons.append(_reason(decisions, family, verdict, own, behind))
        if verdict in allowed:
            found += behind
            openings += [
                Opening(family, protocol, port, source)
                for protocol, port in opened
                for source in sources.get(family, ())
            ]
    return Access(
        openings=tuple(sorted(openings)),
        verdict=min(verdicts.values(), key=_STRICTEST_FIRST.index, default="closed"),
        verdicts=verdicts,
        reason="; ".join(reasons) or _nothing(endpoint),
        filing_ids=tuple(sorted({name for one in found for name in one.filing_ids})),
    )


def read_ports(ports: Iterable[int | tuple[str, int]] | None) -> tuple[Port, ...] | None:
    """Ports as a program gives them: a bare number is of tcp; ``None`` is every gated one.

    Raises:
        StackError: what is no port.
    """
    if ports is None:
        return None
    found = []
    for given in ports:
        protocol, number = given if isinstance(given, tuple) else ("tcp", given)
        whole = not isinstance(number, bool) and isinstance(number, int | float)
        if protocol not in ("tcp", "udp") or not whole or number % 1 or not 0 < number < 65536:
            raise StackError(
                f"WebAccess: {given!r} is no port; give 443 or ('udp', 443)",
                zh=f"WebAccess：{given!r} 不是端口，请写成 443 或 ('udp', 443)",
            )
        found.append((protocol, int(number)))
    return tuple(sorted(set(found)))


def gated_ports(decisions: Decisions, ports: Sequence[Port] | None) -> Sequence[Port]:
    """The ports that are asked for, by default all that a believed feed gates.

    Raises:
        StackError: one that it does not gate.
    """
    if ports is None:
        return decisions.ports
    for protocol, port in ports:
        if (protocol, port) not in decisions.ports:
            gated = ", ".join(f"{name} {number}" for name, number in decisions.ports)
            raise StackError(
                f"WebAccess: {protocol} {port} is not gated (gated: {gated}), so no filing decides"
                " about it; write a plain rule for it",
                zh=f"WebAccess：{protocol} {port} 不是受控端口（受控端口：{gated}），"
                "与备案无关，请单独编写该规则",
            )
    return ports


def read_sources(
    sources: Mapping[Family, Sequence[str]] | None,
) -> Mapping[Family, tuple[str, ...]]:
    """Sources as a program gives them, in their shortest form; a family left out has none.

    Raises:
        StackError: another family's network, one with host bits, or no network at all.
    """
    given = ANYWHERE if sources is None else sources
    strange = [family for family in given if family not in _FAMILIES]
    if strange:
        raise StackError(
            f"WebAccess: {strange[0]!r} is no address family; sources has ipv4 and ipv6",
            zh=f"WebAccess：{strange[0]!r} 不是地址族，sources 只有 ipv4 和 ipv6",
        )
    return {
        family: tuple(sorted({_source(family, source) for source in several}))
        for family, several in given.items()
    }


def filing_tag(filing_ids: Sequence[str]) -> str:
    """Filing ids as the value of a tag: 256 characters, and only those that AWS takes."""
    text = _NOT_IN_A_TAG.sub("_", " ".join(filing_ids))
    if len(text) <= _LONGEST_TAG:
        return text
    kept = text[: _LONGEST_TAG - 20].rpartition(" ")[0]
    return f"{kept} +{len(filing_ids) - len(kept.split())}"


def _of_endpoint(decisions: Decisions, endpoint: str, family: Family) -> list[Decided]:
    return [one for one in decisions.of_endpoint(endpoint) if one.family == family]


def _verdict(
    decisions: Decisions, own: Sequence[str], endpoint: str | None, held: Sequence[Decided]
) -> Verdict:
    verdicts = [one.verdict for one in held]
    if own:
        verdicts.append(decisions.verdict_of_all(own))
    if endpoint is not None and not held:
        verdicts.append("closed")
    return min(verdicts, key=_STRICTEST_FIRST.index)


def _reason(
    decisions: Decisions,
    family: Family,
    verdict: Verdict,
    own: Sequence[str],
    behind: Sequence[Decided],
) -> str:
    unknown = [address for address in own if not decisions.of_address(address)]
    strictest = [one for one in behind if one.verdict == verdict]
    if unknown:
        why = f"the feed has no decision about {', '.join(unknown)}"
    elif strictest:
        why = strictest[0].reason or f"so the feed says of {strictest[0].endpoint}"
    else:
        why = "the feed has no decision about the endpoint"
    return f"{family} {verdict}: {why}"


def _nothing(endpoint: str | None) -> str:
    if endpoint is None:
        return "no public address is given"
    return f"the feed has no decision about {endpoint}"


def _family(address: object) -> Family | None:
    try:
        return "ipv6" if ip_address(str(address)).version == 6 else "ipv4"
    except ValueError:
        return None


def _source(family: Family, source: str) -> str:
    if isinstance(source, str) and _PREFIX_LIST.fullmatch(source):
        return source
    try:
        network = ip_network(source)
    except ValueError as error:
        raise StackError(
            f"WebAccess: the source {source!r} is no network ({error}); correct it",
            zh=f"WebAccess：来源 {source!r} 不是有效网段（{error}），请更正",
        ) from None
    if network.version != (6 if family == "ipv6" else 4):
        raise StackError(
            f"WebAccess: {source} stands under {family} and is of the other family",
            zh=f"WebAccess：{source} 写在 {family} 下，但属于另一地址族",
        )
    return str(network)
