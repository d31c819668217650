"""The smallest cover by exhaustive search: what the tests hold the fast one against."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence


def aligned_blocks(low: int, high: int) -> Iterator[tuple[int, int]]:
    """Every power-of-two aligned block inside ``low`` to ``high``, of every width."""
    width = 1
    while width <= high - low + 1:
        start = -(-low // width) * width
        while start + width - 1 <= high:
            yield start, start + width - 1
            start += width
        width *= 2


def fewest(required: int, pieces: Iterable[int]) -> int:
    """How many of ``pieces`` (bit masks) it takes to hold every bit of ``required``.

    Plain iterative deepening over every piece that covers the lowest open bit.
    """
    useful = sorted({piece & required for piece in pieces} - {0}, key=int.bit_count, reverse=True)
    limit = 0
    while not _covers(required, useful, limit):
        limit += 1
    return limit


def _covers(open_bits: int, pieces: Sequence[int], limit: int) -> bool:
    if not open_bits:
        return True
    if limit == 0 or open_bits.bit_count() > limit * pieces[0].bit_count():
        return False
    lowest = open_bits & -open_bits
    return any(_covers(open_bits & ~piece, pieces, limit - 1) for piece in pieces if piece & lowest)
