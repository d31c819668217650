"""The command line: options in, records out, an exit status.  No rules live here.

``app`` is the command tree (a click group) for whoever documents or completes it.
"""

from __future__ import annotations

from typing import Any

__all__ = ["app"]


def __getattr__(name: str) -> Any:
    if name == "app":
        from gatekeeper.cli.root import app

        return app
    raise AttributeError(name)
