"""A progress bar on stderr where a person watches, and nothing elsewhere."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from typing import TypeVar

Item = TypeVar("Item")


def watched(items: Iterable[Item], *, total: int | None, label: str) -> Iterator[Item]:
    """``items``, counted on stderr while they come if stderr is a terminal."""
    if not sys.stderr.isatty():
        yield from items
        return
    from tqdm import tqdm

    yield from tqdm(items, total=total, desc=label, unit="", leave=False, file=sys.stderr)
