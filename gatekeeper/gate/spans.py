"""Sets of whole numbers as sorted, disjoint, closed intervals: the arithmetic under the algebra.

A set is a tuple of ``(low, high)`` pairs, low <= high, sorted, never overlapping and never
touching, so equal sets are equal tuples.  Addresses, ports and ICMP type-code pairs are all held
this way.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Iterator

Span = tuple[int, int]
Spans = tuple[Span, ...]

EMPTY: Spans = ()


def normalise(pairs: Iterable[Span]) -> Spans:
    """The set that holds every number of every pair."""
    ordered = sorted(pairs)
    if len(ordered) < 2:
        return tuple(ordered)
    merged: list[Span] = []
    low, high = ordered[0]
    for next_low, next_high in ordered:
        if next_low > high + 1:
            merged.append((low, high))
            low, high = next_low, next_high
        elif next_high > high:
            high = next_high
    merged.append((low, high))
    return tuple(merged)


def union(first: Spans, second: Spans) -> Spans:
    if not first or first == second:
        return second
    if not second:
        return first
    return normalise((*first, *second))


def intersection(first: Spans, second: Spans) -> Spans:
    result: list[Span] = []
    i = j = 0
    while i < len(first) and j < len(second):
        low_a, high_a = first[i]
        low_b, high_b = second[j]
        low = low_a if low_a > low_b else low_b
        high = high_a if high_a < high_b else high_b
        if low <= high:
            result.append((low, high))
        if high_a < high_b:
            i += 1
        else:
            j += 1
    return tuple(result)


def difference(first: Spans, second: Spans) -> Spans:
    """What is in ``first`` and not in ``second``."""
    if not first or not second:
        return first
    result: list[Span] = []
    j = 0
    for low, high in first:
        start = low
        while j < len(second) and second[j][1] < start:
            j += 1
        k = j
        while k < len(second) and second[k][0] <= high:
            cut_low, cut_high = second[k]
            if cut_low > start:
                result.append((start, cut_low - 1))
            start = cut_high + 1
            if start > high:
                break
            k += 1
        if start <= high:
            result.append((start, high))
    return tuple(result)


def overlaps(first: Spans, second: Spans) -> bool:
    """Whether the two sets share a number."""
    i = j = 0
    while i < len(first) and j < len(second):
        if first[i][1] < second[j][0]:
            i += 1
        elif second[j][1] < first[i][0]:
            j += 1
        else:
            return True
    return False


def meets(spans: Spans, low: int, high: int) -> bool:
    """Whether the set holds a number from ``low`` to ``high``."""
    after = bisect_right(spans, (high, high))
    if after < len(spans) and spans[after][0] <= high:
        return True
    return after > 0 and spans[after - 1][1] >= low


def covers(outer: Spans, inner: Spans) -> bool:
    """Whether every number of ``inner`` is in ``outer``."""
    j = 0
    for low, high in inner:
        while j < len(outer) and outer[j][1] < low:
            j += 1
        if j == len(outer) or outer[j][0] > low or outer[j][1] < high:
            return False
    return True


def size(spans: Spans) -> int:
    """How many numbers the set holds."""
    return sum(high - low + 1 for low, high in spans)


def aligned_blocks(spans: Spans) -> Iterator[Span]:
    """The fewest power-of-two aligned blocks (CIDR blocks) that make up the set, in order.

    They are exactly the maximal aligned blocks inside the set, which is what makes a cover by
    rules minimal (``gatekeeper.gate.cover``).
    """
    for low, high in spans:
        start = low
        while start <= high:
            room = (high - start + 1).bit_length() - 1
            align = room if start == 0 else min((start & -start).bit_length() - 1, room)
            end = start + (1 << align) - 1
            yield start, end
            start = end + 1
