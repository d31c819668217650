"""Narrowing is exact set subtraction, for every list of rules that AWS accepts (DESIGN §8).

The oracle (``rule_oracle``) reads rules anew and samples every boundary of ports and sources.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Sequence
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gatekeeper.account import FAMILIES, Family, Rule, SecurityGroup
from gatekeeper.gate import Internet, MalformedRule, Narrowing, narrow
from gatekeeper.gate.internet import networks
from gatekeeper.policy import Policy, parse_policy
from tests.properties.examples import examples
from tests.properties.exhaustive import aligned_blocks, fewest
from tests.properties.rule_oracle import SPECIAL, Net, Service, edges, identity, serves

AT = datetime(2026, 6, 1, tzinfo=UTC)
POLICY = parse_policy(
    """
    exempt_sources:
      - {cidr: 52.95.0.0/16, reason: a}
      - {cidr: 9.0.0.0/8, reason: over, until: 2026-05-31}
      - {cidr: "2404:c2c0:2::1/128", reason: b}
    """
)
VPC = ("10.1.0.0/16", "52.83.16.0/20", "2404:c2c0:1::/56")
KEPT = (
    *("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10", "fc00::/7"),
    *("52.95.0.0/16", "2404:c2c0:2::1/128"),
    *VPC,
)
LISTS = {
    "pl-mixed4": ("10.0.0.0/8", "52.80.0.0/12"),
    "pl-internal": ("192.168.0.0/16",),
    "pl-public": ("8.8.8.0/24", "52.83.16.128/25"),
    "pl-mixed6": ("fc00::/7", "2404:c2c0::/32"),
    "pl-empty": (),
}
GATED: frozenset[Service] = frozenset({(6, 80), (6, 443), (6, 8080), (17, 443)})
KEPT_PROTOCOLS = {1, 6, 17, 58, 47, 50, 51}

SOURCES = {
    "ipv4": (
        *("0.0.0.0/0", "0.0.0.0/1", "128.0.0.0/1", "10.1.2.3/8", "52.0.0.0/8", "52.83.16.0/19"),
        *("52.83.16.0/20", "52.94.0.0/15", "192.168.0.0/15", "172.16.0.0/11", "100.0.0.0/8"),
        *("8.8.8.8/32", "224.0.0.0/3", "127.0.0.0/8", "10.0.0.0/9", "10.128.0.0/9", "9.1.1.1/32"),
    ),
    "ipv6": (
        *("::/0", "::/1", "8000::/1", "2000::/3", "2404:c2c0:1::/48", "2404:c2c0:1::/56"),
        *("2404:c2c0:1::5/64", "fc00::/6", "fe80::/10", "2404:c2c0:2::1/128", "fd00::/8"),
    ),
}
PORT_RANGES = (
    *((None, None), (-1, -1), (0, 65535), (1, 65535), (80, 80), (443, 443), (8080, 8080)),
    *((0, 442), (79, 81), (444, 65535), (443, 8080), (8000, 9000), (22, 22), (100, 200), (81, 442)),
)
TYPES = ((-1, -1), (8, -1), (8, 0), (3, 4))
WORDS = (None, "office", "everyone", "")


@st.composite
def rules(draw: st.DrawFn) -> Rule:
    protocol = draw(
        st.sampled_from(("-1", "tcp", "tcp", "6", "udp", "17", "icmp", "icmpv6", "58", "47", "132"))
    )
    if protocol in ("tcp", "6", "udp", "17"):
        ports = draw(st.sampled_from(PORT_RANGES))
    elif protocol in ("icmp", "icmpv6", "58"):
        ports = draw(st.sampled_from(TYPES))
    else:
        ports = draw(st.sampled_from(((None, None), (-1, -1), (80, 80), (0, 65535))))
    kind = draw(st.sampled_from(("ipv4", "ipv4", "ipv4", "ipv6", "ipv6", "prefix_list", "group")))
    if kind == "prefix_list":
        source = draw(st.sampled_from(sorted(LISTS)))
    elif kind == "group":
        source = draw(st.sampled_from(("sg-1", "sg-other", "444455556666/sg-2")))
    else:
        source = draw(st.sampled_from(SOURCES[kind]))
    return Rule(protocol, *ports, kind, source, draw(st.sampled_from(WORDS)))


def accepted(drawn: list[Rule]) -> list[Rule]:
    """What AWS would store: never the same protocol, ports and source twice."""
    return list({identity(rule): rule for rule in drawn}.values())


rule_lists = st.lists(rules(), max_size=9).map(accepted)
asked = st.sampled_from((("ipv4",), ("ipv6",), ("ipv4", "ipv6")))


def entries(lists: dict[str, tuple[str, ...]] = LISTS) -> dict[Family, dict[str, tuple[object]]]:
    return {f: {name: networks(f, cidrs) for name, cidrs in lists.items()} for f in FAMILIES}


def narrowed(
    drawn: Sequence[Rule],
    families: tuple[Family, ...],
    *,
    vpc: tuple[str, ...] = VPC,
    policy: Policy = POLICY,
) -> Narrowing:
    group = SecurityGroup("sg-1", "web", "vpc-1", "111122223333", tuple(drawn))
    return narrow(group, families, Internet.of(policy, AT, vpc), policy, entries())


def after(drawn: Sequence[Rule], found: Narrowing) -> list[Rule]:
    left = [rule for rule in drawn if rule not in found.removed]
    return left + list(found.added)


def net_of(drawn: Sequence[Rule], family: Family) -> Net:
    named = [rule.source for rule in drawn if rule.kind in FAMILIES]
    listed = [cidr for cidrs in LISTS.values() for cidr in cidrs]
    everything = (*named, *listed, *KEPT, *map(str, SPECIAL), "2000::/3")
    return Net(KEPT, LISTS, tuple(edges(everything, family)))


def services(drawn: Sequence[Rule]) -> list[Service]:
    ports = {0, 1, 65534, 65535}
    for bound in (80, 443, 8080, *(p for rule in drawn for p in (rule.from_port, rule.to_port))):
        if bound is not None:
            ports.update((bound - 1, bound, bound + 1))
    numbered = [(number, p) for number in (6, 17) for p in sorted(ports) if 0 <= p <= 65535]
    pairs = [(number, kind * 256 + code) for number in (1, 58) for kind, code in _PAIRS]
    return numbered + pairs + [(number, 0) for number in (0, 2, 47, 50, 51, 132, 255)]


_PAIRS = ((0, 0), (3, 3), (3, 4), (3, 5), (8, 0), (8, 1), (255, 255))


@examples(3)
@given(rule_lists, asked)
def test_what_is_left_is_exactly_the_rest(drawn: list[Rule], families: tuple[Family, ...]) -> None:
    found = narrowed(drawn, families)
    left = after(drawn, found)
    stayed = [rule for rule in drawn if rule not in found.removed]
    asks = services(drawn)
    for family in FAMILIES:
        net = net_of(drawn, family)
        before, now = net.reach(drawn, asks), net.reach(left, asks)
        if family not in families:
            assert now == before
            continue
        inside, internet = net.inside, net.internet
        without = net.reach(stayed, asks)
        for service, was, is_, other in zip(asks, before, now, without, strict=True):
            what = (service, [str(a) for n, a in enumerate(net.addresses) if (was ^ is_) >> n & 1])
            assert is_ & ~was == 0, ("something new is allowed", what)
            if service in GATED:
                assert is_ & internet == 0, ("still open", what)
                assert is_ & inside == was & inside, ("an internal source lost a gated port", what)
            elif service[0] in KEPT_PROTOCOLS:
                assert is_ == was, ("other traffic was lost", what)
            else:
                assert is_ & inside == was & inside, ("an internal source lost a protocol", what)
                assert is_ & ~inside == other & ~inside, what


@examples(2)
@given(rule_lists, asked)
def test_only_what_exposes_goes(drawn: list[Rule], families: tuple[Family, ...]) -> None:
    found = narrowed(drawn, families)
    for rule in drawn:
        exposes = any(
            net_of(drawn, family).senders(rule) & net_of(drawn, family).internet
            for family in families
        ) and any(serves(rule, *service) for service in GATED)
        assert (rule in found.removed) == exposes, rule


@examples(2)
@given(rule_lists, asked)
def test_nothing_is_added_twice(drawn: list[Rule], families: tuple[Family, ...]) -> None:
    found = narrowed(drawn, families)
    kept = {identity(rule) for rule in drawn}
    added = [identity(rule) for rule in found.added]
    assert len(set(added)) == len(added)
    assert not kept & set(added)
    for rule in found.added:
        assert rule.kind in (*families, "prefix_list")
        assert rule.kind != "prefix_list" or rule.source in {r.source for r in found.removed}


@examples(2)
@given(rule_lists, asked)
def test_words_carry_over(drawn: list[Rule], families: tuple[Family, ...]) -> None:
    """Each remainder keeps the description of a removed rule that let some of it in."""
    found = narrowed(drawn, families)
    asks = services(drawn)
    assert set(found.heirs) == set(found.added)
    for rule in found.added:
        heir = found.heirs[rule]
        assert heir in found.removed
        assert rule.description == heir.description
        assert any(serves(rule, *service) and serves(heir, *service) for service in asks)
        if rule.kind == "prefix_list":
            assert heir.source == rule.source
            continue
        net = net_of([*drawn, rule], rule.kind)
        assert net.senders(rule) & net.senders(heir)


@examples(2)
@given(rule_lists, asked)
def test_narrowing_again_is_nothing(drawn: list[Rule], families: tuple[Family, ...]) -> None:
    left = after(drawn, narrowed(drawn, families))
    again = narrowed(left, families)
    assert not again
    assert again.added == ()


@given(rule_lists, asked, st.randoms(use_true_random=False))
def test_the_order_of_rules_means_nothing(
    drawn: list[Rule], families: tuple[Family, ...], random: object
) -> None:
    shuffled = list(drawn)
    random.shuffle(shuffled)
    one, other = narrowed(drawn, families), narrowed(shuffled, families)
    assert one.added == other.added
    assert set(one.removed) == set(other.removed)
    assert one.heirs == other.heirs
    assert one.expanded_lists == other.expanded_lists


# the smallest list ------------------------------------------------------------------------------

_SMALL = parse_policy(
    'internal_sources: ["8.8.8.2/31"]\n'
    "gated: [{protocol: tcp, ports: [3]}]\nopened: [{protocol: tcp, ports: [3]}]\n"
)
_BASE = int(ipaddress.IPv4Address("8.8.8.0"))


def small_rules() -> st.SearchStrategy[Rule]:
    cidrs = [
        f"{ipaddress.IPv4Address(_BASE + low)}/{32 - (high - low).bit_length()}"
        for low, high in aligned_blocks(0, 7)
    ]
    spans = [(a, b) for a in range(6) for b in range(a, 6)] + [(0, 65535)]
    return st.builds(
        lambda cidr, ports: Rule("tcp", *ports, "ipv4", cidr),
        st.sampled_from(cidrs),
        st.sampled_from(spans),
    )


@examples(3)
@given(st.lists(small_rules(), min_size=1, max_size=5).map(accepted))
def test_the_smallest_list_wins(drawn: list[Rule]) -> None:
    """No shorter list of new rules, beside those that stay, gives the same traffic."""
    found = narrowed(drawn, ("ipv4",), vpc=(), policy=_SMALL)
    stayed = [rule for rule in drawn if rule not in found.removed]
    ports = (*range(7), 65535)
    allowed = _bits(stayed, ports) | _bits(found.added, ports)
    required = allowed & ~_bits(stayed, ports)
    runs = [(a, b) for a in range(7) for b in range(a, 6)] + [(a, 65535) for a in range(7)]
    pieces = []
    for low, high in runs:
        for first, last in aligned_blocks(0, 7):
            cidr = f"{ipaddress.IPv4Address(_BASE + first)}/{32 - (last - first).bit_length()}"
            piece = _bits([Rule("tcp", low, high, "ipv4", cidr)], ports)
            if piece & ~allowed == 0:
                pieces.append(piece)
    assert len(found.added) == fewest(required, pieces)


def _bits(some: Sequence[Rule], ports: tuple[int, ...]) -> int:
    addresses = tuple(ipaddress.IPv4Address(_BASE + n) for n in range(8))
    reach = Net((), {}, addresses).reach(some, [(6, port) for port in ports])
    return sum(mask << (8 * n) for n, mask in enumerate(reach))


# known cases ------------------------------------------------------------------------------------


def lines(found: Narrowing) -> list[str]:
    return [
        f"{rule.protocol} {rule.from_port} {rule.to_port} {rule.source}" for rule in found.added
    ]


def test_a_wide_rule_keeps_every_other_port_and_internal_sources() -> None:
    rule = Rule("tcp", 0, 65535, "ipv4", "0.0.0.0/0", "all")
    policy = parse_policy("internal_sources: [10.0.0.0/8]\nexempt_sources: []\n")
    found = narrowed([rule], ("ipv4",), vpc=(), policy=policy)
    assert found.removed == (rule,)
    assert lines(found) == [
        "tcp 0 79 0.0.0.0/0",
        "tcp 0 65535 10.0.0.0/8",
        "tcp 81 442 0.0.0.0/0",
        "tcp 444 8079 0.0.0.0/0",
        "tcp 8081 65535 0.0.0.0/0",
    ]


def test_a_list_keeps_its_free_ports_once() -> None:
    """Two exposing rules of one list leave no remainder inside another."""
    drawn = [
        Rule("-1", None, None, "prefix_list", "pl-public"),
        Rule("tcp", 0, 500, "prefix_list", "pl-public"),
    ]
    found = narrowed(drawn, ("ipv4",))
    tcp = [
        (r.from_port, r.to_port)
        for r in found.added
        if r.kind == "prefix_list" and r.protocol == "tcp"
    ]
    assert tcp == [(0, 79), (81, 442), (444, 8079), (8081, 65535)]
    assert found.expanded_lists == ("pl-public",)


def test_a_list_rule_that_stands_is_not_added_again() -> None:
    drawn = [
        Rule("tcp", 0, 500, "prefix_list", "pl-public", "wide"),
        Rule("6", 81, 442, "prefix_list", "pl-public", "mine"),
    ]
    found = narrowed(drawn, ("ipv4",))
    assert found.removed == (drawn[0],)
    assert [(r.from_port, r.to_port) for r in found.added if r.kind == "prefix_list"] == [
        (0, 79),
        (444, 500),
    ]


@pytest.mark.parametrize(
    "rule",
    [
        Rule("tcp", 443, 80, "ipv4", "0.0.0.0/0"),
        Rule("tcp", 443, None, "ipv4", "0.0.0.0/0"),
        Rule("tcq", 443, 443, "ipv4", "0.0.0.0/0"),
        Rule("tcp", 443, 443, "ipv4", "0.0.0.0/33"),
        Rule("tcp", 443, 443, "malformed", "{}"),
        Rule("-1", None, None, "prefix_list", "pl-unread"),
    ],
)
def test_what_cannot_be_read_is_not_narrowed(rule: Rule) -> None:
    with pytest.raises(MalformedRule):
        narrowed([Rule("tcp", 443, 443, "ipv4", "0.0.0.0/0"), rule], ("ipv4",))


@pytest.mark.parametrize(
    "rule",
    [
        Rule("tcp", 22, 22, "malformed", "{}"),
        Rule("tcp", 22, 22, "prefix_list", "pl-unread"),
        Rule("47", None, None, "malformed", "{}"),
        Rule("tcp", 443, 443, "group", "sg-9"),
    ],
)
def test_what_cannot_expose_may_be_unreadable(rule: Rule) -> None:
    wide = Rule("tcp", 443, 443, "ipv4", "0.0.0.0/0")
    assert narrowed([wide, rule], ("ipv4",)).removed == (wide,)
