"""What Pulumi programs and CI import: decisions that fail closed, and components that obey them.

Reading decisions takes the standard library alone; ``WebAccess`` needs ``gatekeeper[pulumi]`` and
is loaded when it is first asked for.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from gatekeeper.stacks.feed import (
    Decided,
    Decisions,
    load_decisions,
    parse_decisions,
    read_decisions,
)

if TYPE_CHECKING:
    from gatekeeper.stacks.automation import Backend, PulumiGates
    from gatekeeper.stacks.gates import Gates
    from gatekeeper.stacks.web_access import WebAccess

__all__ = [
    "Backend",
    "Decided",
    "Decisions",
    "Gates",
    "PulumiGates",
    "WebAccess",
    "load_decisions",
    "parse_decisions",
    "read_decisions",
]

_LATE: dict[str, str] = {
    "Backend": "gatekeeper.stacks.automation",
    "PulumiGates": "gatekeeper.stacks.automation",
    "Gates": "gatekeeper.stacks.gates",
    "WebAccess": "gatekeeper.stacks.web_access",
}
"""Public names that are loaded when they are asked for, and where they are."""


def __getattr__(name: str) -> Any:
    if name not in _LATE:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_LATE[name]), name)
