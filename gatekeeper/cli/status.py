"""Exit statuses (DESIGN §10)."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

CLEAN: Final = 0
FAILED: Final = 1
USAGE: Final = 2
FOUND: Final = 3
"""Findings at or above ``--fail-on``, or changes pending, blocked, drifted, declined."""
INCOMPLETE: Final = 4

_RANK: Final = {CLEAN: 0, FOUND: 1, INCOMPLETE: 2, USAGE: 3, FAILED: 4}


def worst(statuses: Iterable[int]) -> int:
    """The one that the process ends with: 1 wins over 4, 4 over 3."""
    return max(statuses, key=lambda status: _RANK.get(status, 4), default=CLEAN)
