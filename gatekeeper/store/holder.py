"""Which process holds a lease, and whether it still runs.

A process is told by host, number and start time: numbers are used again.  The host is the name, the
boot and the process namespace together, so that a container never judges its neighbour's numbers.
"""

from __future__ import annotations

import os
import socket
import sys
from functools import cache
from pathlib import Path
from typing import NamedTuple

_PROC = Path("/proc")


class Holder(NamedTuple):
    """A process."""

    host: str
    boot: str
    """The boot and process namespace that ``pid`` counts in; "" where the system does not say."""
    pid: int
    started: str
    """The process's start in ticks since boot; "" where the system does not say."""

    def __str__(self) -> str:
        return f"process {self.pid} on {self.host}"

    def dead(self) -> bool:
        """Whether it surely runs no more.  Of another host's process nothing is sure."""
        host, boot = this_host()
        if (self.host, self.boot) != (host, boot):
            return False
        started = start_of(self.pid)
        if started is None:
            return True
        return bool(started and self.started and started != self.started)


def this_process() -> Holder:
    pid = os.getpid()
    return Holder(*this_host(), pid, start_of(pid) or "")


@cache
def this_host() -> tuple[str, str]:
    """The host's name, and the boot and process namespace."""
    try:
        boot = (_PROC / "sys/kernel/random/boot_id").read_text("ascii").strip()
        space = str((_PROC / "self/ns/pid").readlink())
    except OSError:
        return socket.gethostname(), ""
    return socket.gethostname(), f"{boot} {space}"


def start_of(pid: int) -> str | None:
    """When a process of this host began: field 22 of its ``stat``; "" if unknown, ``None`` if gone.

    A zombie is gone: it does nothing any more.
    """
    try:
        # The second field is the program's name in parentheses, and may hold any character.
        fields = (_PROC / f"{pid}/stat").read_text("utf-8", "replace").rpartition(")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return None if (_PROC / "self/stat").exists() else _start_elsewhere(pid)
    except OSError:
        return ""
    return None if fields[0] in "ZXx" else fields[19]


def _start_elsewhere(pid: int) -> str | None:
    """Without /proc a signal 0 tells whether it runs; on Windows that would end it."""
    if sys.platform == "win32":
        return ""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return None
    except PermissionError:
        pass
    return ""
