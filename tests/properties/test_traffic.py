"""The laws of the traffic algebra, against plain sets of sampled points.

The oracle is a bit mask a protocol: one bit for each sampled port and address.  Every bound that
the strategies draw lies on the samples, so equal masks mean equal sets.
"""

from __future__ import annotations

from functools import reduce
from itertools import combinations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gatekeeper.account import FAMILIES, Family, Rule
from gatekeeper.gate import Traffic, rules_traffic
from gatekeeper.gate.cover import smallest_cover
from gatekeeper.gate.reading import ALL_PROTOCOLS
from gatekeeper.gate.spans import normalise
from tests.properties.examples import examples
from tests.properties.exhaustive import aligned_blocks, fewest

BITS = {"ipv4": 32, "ipv6": 128}
PORTS = (0, 1, 2, 3, 4, 65535)
"""4 stands for every port from 4 to 65534."""
CUTS = (0, 1, 2, 3, 4)
ADDRESSES = tuple(range(8))
PROTOCOLS = tuple(range(256))

Atom = tuple[int, int, tuple[int, int], tuple[int, int]]
"""First protocol (-1 for all), how many, ports, addresses."""


def span(bounds: tuple[int, ...]) -> st.SearchStrategy[tuple[int, int]]:
    return st.tuples(st.sampled_from(bounds), st.sampled_from(bounds)).map(
        lambda pair: (min(pair), max(pair))
    )


port_spans = st.one_of(span(CUTS[:4]), st.sampled_from([(low, 65535) for low in CUTS]))
address_spans = span(ADDRESSES)
first_and_count = st.sampled_from(
    [(6, 1), (17, 1), (-1, 1)] + [(0, n) for n in (127, 128, 129, 200, 255, 256)]
)
atoms = st.tuples(first_and_count, port_spans, address_spans).map(
    lambda drawn: (*drawn[0], drawn[1], drawn[2])
)
recipes = st.lists(st.tuples(st.sampled_from("|&-"), atoms), min_size=1, max_size=5)


def built(family: Family, recipe: list[tuple[str, Atom]]) -> tuple[Traffic, dict[int, int]]:
    """The set that a recipe makes, by the algebra and by the oracle."""
    total, masks = Traffic(family), dict.fromkeys(PROTOCOLS, 0)
    for operation, atom in recipe:
        piece, drawn = traffic_of(family, atom), masks_of(atom)
        if operation == "|":
            total, masks = total | piece, {p: masks[p] | drawn[p] for p in PROTOCOLS}
        elif operation == "&":
            total, masks = total & piece, {p: masks[p] & drawn[p] for p in PROTOCOLS}
        else:
            total, masks = total - piece, {p: masks[p] & ~drawn[p] for p in PROTOCOLS}
    return total, masks


def traffic_of(family: Family, atom: Atom) -> Traffic:
    first, count, ports, addresses = atom
    if first < 0:
        return Traffic.of(family, ALL_PROTOCOLS, (0, 65535), (addresses,))
    if count > 1:
        ports = (0, 65535)  # most of them have no ports
    return together([Traffic.of(family, first + n, ports, (addresses,)) for n in range(count)])


def together(pieces: list[Traffic]) -> Traffic:
    """The union of many, two and two."""
    while len(pieces) > 1:
        pairs = zip(pieces[::2], pieces[1::2], strict=False)
        pieces = [one | other for one, other in pairs] + pieces[len(pieces) // 2 * 2 :]
    return pieces[0]


def masks_of(atom: Atom) -> dict[int, int]:
    first, count, ports, addresses = atom
    if first < 0:
        first, count = 0, 256
    if count > 1:
        ports = (0, 65535)
    mask = sum(
        1 << (i * len(ADDRESSES) + j)
        for i, port in enumerate(PORTS)
        for j, address in enumerate(ADDRESSES)
        if ports[0] <= port <= ports[1] and addresses[0] <= address <= addresses[1]
    )
    return {p: mask if first <= p < first + count else 0 for p in PROTOCOLS}


def sampled(traffic: Traffic, protocol: int) -> int:
    return sum(
        1 << (i * len(ADDRESSES) + j)
        for i, port in enumerate(PORTS)
        for j, address in enumerate(ADDRESSES)
        if traffic.allows(protocol, port, address)
    )


@given(st.sampled_from(FAMILIES), recipes)
def test_every_operation_is_exact(family: Family, recipe: list[tuple[str, Atom]]) -> None:
    total, masks = built(family, recipe)
    for protocol in (0, 1, 6, 17, 47, 58, 126, 127, 128, 199, 200, 254, 255):
        assert sampled(total, protocol) == masks[protocol]
    assert bool(total) == any(masks.values())


@given(st.sampled_from(FAMILIES), recipes, recipes)
def test_equal_sets_are_equal_values(
    family: Family, one: list[tuple[str, Atom]], other: list[tuple[str, Atom]]
) -> None:
    (first, first_masks), (second, second_masks) = built(family, one), built(family, other)
    assert (first == second) == (first_masks == second_masks)


@examples(1)
@given(st.sampled_from(FAMILIES), recipes, recipes, recipes)
def test_the_laws_of_sets(
    family: Family,
    one: list[tuple[str, Atom]],
    other: list[tuple[str, Atom]],
    third: list[tuple[str, Atom]],
) -> None:
    a, b, c = (built(family, recipe)[0] for recipe in (one, other, third))
    everything = Traffic.of(family, ALL_PROTOCOLS, (0, 65535), ((0, 2 ** BITS[family] - 1),))
    assert a | b == b | a
    assert a & b == b & a
    assert (a | b) | c == a | (b | c)
    assert a & (b | c) == (a & b) | (a & c)
    assert a - (b | c) == (a - b) - c
    assert a - b == a & (everything - b)
    assert (a - b) | (a & b) == a
    assert not (a - b) & b
    assert everything - (everything - a) == a


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("named", [1, 127, 128, 129, 254, 255])
def test_a_set_of_nearly_all_protocols_is_one_value(family: Family, named: int) -> None:
    """Built from below, from above and in the other order, the value is the same."""
    sources = ((0, 7),)
    everything = Traffic.of(family, ALL_PROTOCOLS, (0, 65535), sources)
    singles = [Traffic.of(family, p, (0, 65535), sources) for p in PROTOCOLS]
    below = reduce(Traffic.union, singles[:named])
    above = reduce(Traffic.difference, singles[named:], everything)
    backwards = reduce(Traffic.union, reversed(singles[:named]))
    assert below == above == backwards
    assert below | reduce(Traffic.union, singles[named:]) == everything
    assert not below & reduce(Traffic.union, singles[named:])


@examples(1)
@given(st.sampled_from(FAMILIES), st.lists(atoms, max_size=4))
def test_the_rules_of_a_set_make_that_set(family: Family, pieces: list[Atom]) -> None:
    total = reduce(Traffic.union, (traffic_of(family, a) for a in pieces), Traffic(family))
    rules = total.to_rules()
    assert rules_traffic(rules, family) == total
    assert len(set(rules)) == len(rules)
    assert all(rule.kind == family for rule in rules)


@given(st.sampled_from(FAMILIES), st.lists(st.tuples(port_spans, address_spans), max_size=6))
def test_rules_are_the_fewest(
    family: Family, pieces: list[tuple[tuple[int, int], tuple[int, int]]]
) -> None:
    rules = rules_traffic((), family)
    for ports, addresses in pieces:
        rules |= Traffic.of(family, 6, ports, (addresses,))
    required = sampled(rules, 6)
    found = rules.to_rules()
    assert len(found) == fewest(required, rectangles(required))


@given(
    st.lists(st.tuples(port_spans, address_spans), min_size=1, max_size=5),
    st.lists(st.tuples(port_spans, address_spans), max_size=3),
)
def test_a_cover_may_lean_on_what_is_allowed_anyway(
    wanted: list[tuple[tuple[int, int], tuple[int, int]]],
    standing: list[tuple[tuple[int, int], tuple[int, int]]],
) -> None:
    """Rectangles may reach into what stands, and are the fewest that way."""
    want = reduce(Traffic.union, (Traffic.of("ipv4", 6, p, (a,)) for p, a in wanted))
    stands = reduce(
        Traffic.union, (Traffic.of("ipv4", 6, p, (a,)) for p, a in standing), Traffic("ipv4")
    )
    required, allowed = want - stands, want | stands
    found = smallest_cover(required.plane(6), allowed.plane(6))
    covered = Traffic("ipv4")
    for ports, block in found:
        covered |= Traffic.of("ipv4", 6, ports, (block,))
    assert not required - covered
    assert not covered - allowed
    assert len(found) == fewest(sampled(required, 6), rectangles(sampled(allowed, 6)))


def rectangles(allowed: int) -> list[int]:
    """Every run of ports times aligned block that lies wholly inside ``allowed``."""
    runs = [*combinations(range(len(PORTS) + 1), 2)]
    blocks = list(aligned_blocks(0, ADDRESSES[-1]))
    found = []
    for first, after in runs:
        if first == len(PORTS) - 1 or after == len(PORTS) - 1:
            continue  # 4 to 65534 and 65535 are never told apart
        for low, high in blocks:
            mask = sum(
                1 << (i * len(ADDRESSES) + j)
                for i in range(first, after)
                for j in range(low, high + 1)
            )
            if mask & ~allowed == 0:
                found.append(mask)
    return found


@pytest.mark.parametrize(
    ("kind", "codes"),
    [("icmp", [(-1, -1)]), ("icmp", [(3, -1)]), ("icmpv6", [(128, 0), (1, 4)]), ("icmp", [(0, 0)])],
)
def test_icmp_types_and_codes_come_back(kind: str, codes: list[tuple[int, int]]) -> None:
    rules = [Rule(kind, first, second, "ipv4", "198.51.0.0/16") for first, second in codes]
    total = rules_traffic(rules, "ipv4")
    assert set(total.to_rules()) == set(rules)


@given(st.lists(st.tuples(st.integers(0, 4), st.integers(-1, 3)), max_size=8))
def test_icmp_type_code_pairs_are_exact(pairs: list[tuple[int, int]]) -> None:
    rules = [Rule("icmp", kind, code, "ipv4", "10.0.0.0/8") for kind, code in pairs]
    total = rules_traffic(rules, "ipv4")
    for kind in range(6):
        for code in range(5):
            expected = any(k == kind and c in (-1, code) for k, c in pairs)
            assert total.allows(1, kind * 256 + code, 0x0A000001) == expected
    assert rules_traffic(total.to_rules(), "ipv4") == total


@examples(0.5)
@given(st.sampled_from(FAMILIES), recipes)
def test_families_do_not_mix(family: Family, recipe: list[tuple[str, Atom]]) -> None:
    total, _ = built(family, recipe)
    other: Family = "ipv6" if family == "ipv4" else "ipv4"
    for operation in (Traffic.union, Traffic.intersection, Traffic.difference):
        with pytest.raises(ValueError, match="do not mix"):
            operation(total, Traffic(other))


def test_every_protocol_but_one_takes_a_rule_for_each() -> None:
    everything = Traffic.of("ipv4", ALL_PROTOCOLS, (0, 65535), ((0, 7),))
    less = everything - Traffic.of("ipv4", 132, (0, 65535), ((0, 7),))
    rules = less.to_rules()
    assert len(rules) == 255
    assert rules_traffic(rules, "ipv4") == less


def test_a_part_by_protocol() -> None:
    both = Traffic.of("ipv4", ALL_PROTOCOLS, (0, 65535), ((0, 3),)) | Traffic.of(
        "ipv4", 6, (80, 80), ((4, 7),)
    )
    part = both.only([6, 17])
    assert part.allows(6, 80, 5)
    assert part.allows(17, 80, 3)
    assert not part.allows(1, 0, 3)


@given(
    st.lists(st.tuples(st.integers(-1, 2), st.integers(-1, 2), address_spans), max_size=6),
)
def test_icmp_rules_come_back_as_the_same_set(
    pieces: list[tuple[int, int, tuple[int, int]]],
) -> None:
    """Neighbouring codes and types must not melt into a range, which AWS cannot say."""
    total = Traffic("ipv4")
    for kind, code, addresses in pieces:
        if kind < 0:
            ports = (0, 65535)
        else:
            ports = (kind * 256 + max(code, 0), kind * 256 + (255 if code < 0 else code))
        total |= Traffic.of("ipv4", 1, ports, (addresses,))
    rules = total.to_rules()
    assert rules_traffic(rules, "ipv4") == total
    assert len(rules) <= len(
        [block for _, _, (low, high) in pieces for block in aligned_blocks(low, high)]
    )


masks = st.integers(0, 255)


@examples(3)
@given(st.lists(st.tuples(masks, masks), min_size=1, max_size=5))
def test_a_cover_of_scattered_needs_is_the_smallest(drawn: list[tuple[int, int]]) -> None:
    """Any part of what is allowed may be required: here the exact search has choices to make."""
    allowed = [mask for mask, _ in drawn]
    needed = [mask & needs for mask, needs in drawn]
    found = smallest_cover(bands_of(needed), bands_of(allowed))
    covered = [0] * len(drawn)
    for (low, high), (first, last) in found:
        for port in range(low, high + 1):
            covered[port] |= sum(1 << address for address in range(first, last + 1))
    for got, needs, may in zip(covered, needed, allowed, strict=True):
        assert got & needs == needs
        assert got & ~may == 0
    pieces = [
        sum(((1 << (last - first + 1)) - 1) << (8 * port + first) for port in range(low, high))
        for low, high in combinations(range(len(drawn) + 1), 2)
        for first, last in aligned_blocks(0, 7)
    ]
    whole = sum(mask << (8 * port) for port, mask in enumerate(allowed))
    required = sum(mask << (8 * port) for port, mask in enumerate(needed))
    assert len(found) == fewest(required, [piece for piece in pieces if not piece & ~whole])


def bands_of(masks_by_port: list[int]) -> tuple[tuple[int, int, tuple[tuple[int, int], ...]], ...]:
    return tuple(
        (port, port, normalise((n, n) for n in range(8) if mask >> n & 1))
        for port, mask in enumerate(masks_by_port)
        if mask
    )


def test_a_need_that_two_rules_could_serve() -> None:
    """Neither is indispensable, and one of them is enough."""
    allowed = bands_of([0b00000011, 0b00001111, 0b11111111, 0b11110000])
    needed = bands_of([0b00000011, 0b00000011, 0b11111100, 0b11110000])
    assert len(smallest_cover(needed, allowed)) == 3
