"""How actions and runs end, as plain values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Final


class Result(StrEnum):
    """How one action ended (DESIGN §15)."""

    DONE = "done"
    NOOP = "noop"
    """The goal held already."""
    DRIFTED = "drifted"
    """What the plan was computed from is no longer so; nothing was changed."""
    BLOCKED = "blocked"
    """It may not be done now; nothing was changed."""
    FAILED = "failed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """One action's result, with what a rollback needs to know."""

    action_id: str
    result: Result
    reason: str
    reason_zh: str = ""
    data: Mapping[str, Any] = field(default_factory=dict)

    def to_json(self) -> dict[str, str]:
        return {"action": self.action_id, "result": str(self.result), "reason": self.reason}


@dataclass(frozen=True, slots=True, kw_only=True)
class RunReport:
    """A run as it is printed."""

    run_id: str
    plan_id: str
    outcomes: tuple[Outcome, ...]
    trail_head: str
    unread: tuple[str, ...] = ()
    """Accounts that could not be read, so that what was due there was not done."""

    @property
    def exit_status(self) -> int:
        """0 where all is done, 1 where something failed, 4 where an account was not read, else 3.

        1 wins over 4, 4 over 3 (DESIGN §10).
        """
        results = {outcome.result for outcome in self.outcomes}
        if Result.FAILED in results:
            return 1
        if self.unread:
            return 4
        return 3 if results & _UNDONE else 0

    @property
    def ended(self) -> str:
        """How the run is kept in the store."""
        return {0: "done", 1: "failed"}.get(self.exit_status, "partly done")

    def to_json(self) -> dict[str, Any]:
        """``gatekeeper/run/1`` (DESIGN §15)."""
        return {
            "schema": "gatekeeper/run/1",
            "run_id": self.run_id,
            "plan_id": self.plan_id,
            "results": [outcome.to_json() for outcome in self.outcomes],
            "trail_head": self.trail_head,
        }


_UNDONE: Final = {Result.DRIFTED, Result.BLOCKED}
