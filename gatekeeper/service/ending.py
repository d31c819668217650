"""The end of a process that is asked to end, whatever AWS does.

Python waits at its end for every thread of a pool, and a call that AWS does not answer keeps its
thread for minutes.  Leaving such a call is safe: it is written down before it is made, and whoever
comes next finds out what became of it.
"""

from __future__ import annotations

import logging
import os
import threading
from types import TracebackType
from typing import Final, Self

LAST_SECONDS: Final = 28.0
"""So long after it was asked to a process ends at the latest: systemd kills it after 30."""

_log = logging.getLogger(__name__)


class LastResort:
    """Ends this process with status 0, ``seconds`` after ``stop`` was set, until it is called off.

    As a context manager it is called off at the end.
    """

    def __init__(self, stop: threading.Event, seconds: float = LAST_SECONDS) -> None:
        self._stop = stop
        self._seconds = seconds
        self._off = threading.Event()
        threading.Thread(target=self._wait, name="last-resort", daemon=True).start()

    def call_off(self) -> None:
        """Everything has come to its end by itself."""
        self._off.set()

    def _wait(self) -> None:
        while not self._stop.wait(1.0):
            if self._off.is_set():
                return
        if self._off.wait(self._seconds):
            return
        _log.warning("ended with a call under way that was not answered")
        logging.shutdown()
        os._exit(0)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.call_off()
