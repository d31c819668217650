"""The cyclic garbage collector, at rest while a hundred thousand values are made."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def uncollected() -> Iterator[None]:
    """Let the cyclic garbage collector rest while many values are made.

    They are plain values without cycles, so it would walk them all again and again for nothing:
    a third of the time that reading a large register takes.
    """
    if not gc.isenabled():
        yield
        return
    gc.disable()
    try:
        yield
    finally:
        gc.enable()
