"""The fewest rules that allow a set of ports and sources.

A rule is a rectangle: one run of ports times one CIDR block.  To cover a set one never needs any
rectangle but the maximal ones inside the allowed set, and every maximal rectangle is a maximal
aligned block of some band, stretched over every neighbouring band that holds it: a wider block
would leave some band of the run, and in that band the block is then maximal.  So the candidates
are few and complete; what remains is a set cover, solved by taking what is indispensable and then
by a bounded search.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

from gatekeeper.gate import spans
from gatekeeper.gate.spans import Span, Spans

Band = tuple[int, int, Spans]
"""First port, last port, sources."""

_SEARCH_STEPS = 4000
"""Bound of the exact search; beyond it the greedy cover stands.  Real groups need a handful."""


def smallest_cover(
    required: Sequence[Band], allowed: Sequence[Band]
) -> tuple[tuple[Span, Span], ...]:
    """Rectangles ``(ports, block)`` that hold all of ``required`` and nothing outside ``allowed``.

    ``allowed`` must hold ``required``.  Sorted by port, then block.
    """
    required = [band for band in required if band[2]]
    if not required:
        return ()
    bands, needed = _common_bands(required, allowed)
    candidates = _maximal_rectangles(bands, needed)
    masks = _atoms(candidates, needed)
    chosen = _choose(candidates, masks)
    trimmed = (_trim(candidates[index], needed) for index in chosen)
    return tuple(
        sorted(((bands[first][0], bands[last][1]), block) for first, last, block in trimmed)
    )


Rectangle = tuple[int, int, Span]
"""First band, last band, block."""


def _common_bands(
    required: Sequence[Band], allowed: Sequence[Band]
) -> tuple[list[Band], list[Spans]]:
    """Cut both at the same ports: the allowed bands, and what each of them requires."""
    edges = sorted(
        {low for low, _, _ in (*required, *allowed)}
        | {high + 1 for _, high, _ in (*required, *allowed)}
    )
    first, last = min(b[0] for b in required), max(b[1] for b in required)
    bands: list[Band] = []
    needed: list[Spans] = []
    for low, after in pairwise(edges):
        if low < first or low > last:
            continue
        holds = next((s for a, b, s in allowed if a <= low <= b), spans.EMPTY)
        needs = next((s for a, b, s in required if a <= low <= b), spans.EMPTY)
        if bands and bands[-1][1] == low - 1 and bands[-1][2] == holds and needed[-1] == needs:
            bands[-1] = (bands[-1][0], after - 1, holds)
        else:
            bands.append((low, after - 1, holds))
            needed.append(needs)
    return bands, needed


def _maximal_rectangles(bands: list[Band], needed: list[Spans]) -> list[Rectangle]:
    found: dict[Rectangle, None] = {}
    for index, (_, _, sources) in enumerate(bands):
        for block in spans.aligned_blocks(sources):
            first = last = index
            while (
                first > 0
                and bands[first - 1][1] == bands[first][0] - 1
                and spans.covers(bands[first - 1][2], (block,))
            ):
                first -= 1
            while (
                last + 1 < len(bands)
                and bands[last + 1][0] == bands[last][1] + 1
                and spans.covers(bands[last + 1][2], (block,))
            ):
                last += 1
            if any(spans.overlaps((block,), needs) for needs in needed[first : last + 1]):
                found[first, last, block] = None
    return list(found)


def _atoms(candidates: list[Rectangle], needed: list[Spans]) -> list[int]:
    """For each candidate a bit mask of the indivisible pieces of the required set it holds."""
    masks = [0] * len(candidates)
    bit = 1
    for band, needs in enumerate(needed):
        if not needs:
            continue
        here = [(i, c[2]) for i, c in enumerate(candidates) if c[0] <= band <= c[1]]
        edges = {edge for _, (low, high) in here for edge in (low, high + 1)}
        edges.update(edge for low, high in needs for edge in (low, high + 1))
        for low, after in pairwise(sorted(edges)):
            if not spans.covers(needs, ((low, after - 1),)):
                continue
            for index, block in here:
                if block[0] <= low and after - 1 <= block[1]:
                    masks[index] |= bit
            bit <<= 1
    return masks


def _choose(candidates: list[Rectangle], masks: list[int]) -> list[int]:
    """Indices of a smallest set of candidates that holds every atom."""
    everything = 0
    once = twice = 0
    for mask in masks:
        twice |= once & mask
        once |= mask
        everything |= mask
    indispensable = once & ~twice
    chosen = [i for i, mask in enumerate(masks) if mask & indispensable]
    done = 0
    for index in chosen:
        done |= masks[index]
    left = everything & ~done
    if not left:
        return chosen
    rest = [i for i in range(len(candidates)) if masks[i] & left]
    return chosen + _search(rest, masks, left)


def _search(rest: list[int], masks: list[int], left: int) -> list[int]:
    """The smallest cover of the atoms in ``left``; exact unless it takes too many steps."""
    best = _greedy(rest, masks, left)
    steps = _SEARCH_STEPS
    stack: list[tuple[int, tuple[int, ...]]] = [(left, ())]
    while stack and steps:
        steps -= 1
        open_atoms, taken = stack.pop()
        if not open_atoms:
            if len(taken) < len(best):
                best = list(taken)
            continue
        if len(taken) + 1 >= len(best):
            continue
        atom = open_atoms & -open_atoms
        holders = [i for i in rest if masks[i] & atom]
        holders.sort(key=lambda i: (masks[i] & open_atoms).bit_count())
        stack.extend((open_atoms & ~masks[i], (*taken, i)) for i in holders)
    return best


def _greedy(rest: list[int], masks: list[int], left: int) -> list[int]:
    taken: list[int] = []
    while left:
        index = max(rest, key=lambda i: ((masks[i] & left).bit_count(), -i))
        taken.append(index)
        left &= ~masks[index]
    return taken


def _trim(rectangle: Rectangle, needed: list[Spans]) -> Rectangle:
    """Without bands at either end in which nothing of the block is required."""
    first, last, block = rectangle
    while first < last and not spans.overlaps((block,), needed[first]):
        first += 1
    while last > first and not spans.overlaps((block,), needed[last]):
        last -= 1
    return first, last, block
