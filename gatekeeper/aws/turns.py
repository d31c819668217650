"""How many calls go out at the same time to one account and region, whoever makes them.

AWS throttles by account and region (AWS, "Throttling requests for the Amazon EC2 API"), so a bound
over all accounts would only make them wait for each other.
"""

from __future__ import annotations

import threading
from typing import Final
from weakref import WeakValueDictionary

AT_ONCE: Final = 6
"""As many as there are lists to read: a reading that is alone never waits."""

_lock = threading.Lock()
_known: WeakValueDictionary[tuple[str, str], Turns] = WeakValueDictionary()


class Turns:
    """A context manager: within it, a call may go out."""

    def __init__(self) -> None:
        self._free = threading.BoundedSemaphore(AT_ONCE)

    def __enter__(self) -> None:
        self._free.acquire()

    def __exit__(self, *_: object) -> None:
        self._free.release()


def turns_of(account_id: str, region: str) -> Turns:
    """The turns that every reading of the account in this process shares."""
    with _lock:
        turns = _known.get((account_id, region))
        if turns is None:
            turns = _known[account_id, region] = Turns()
        return turns
