"""Every changing call is written down before it is made and after it answered."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol, TypeVar

from gatekeeper.errors import AwsError, PlanError, StackError

T = TypeVar("T")


class RegisterChanged(PlanError):
    """The register changed while a plan was being carried out; nothing more is changed."""

    exit_status = 3


class JournalStore(Protocol):
    """The store's side of a journal."""

    def journal(
        self,
        run_id: str,
        action_id: str,
        call: str,
        phase: Any,
        detail: Mapping[str, Any],
        at: datetime,
        token: int,
    ) -> None: ...

    def register_mark(self) -> int: ...


@dataclass(slots=True)
class Journal:
    """The journal of one run on one account, under its lease."""

    store: JournalStore
    run_id: str
    token: int
    mark: int
    """The register's mark when the plan was checked; another one now stops the run."""
    clock: Callable[[], datetime]
    begun: frozenset[str] = frozenset()
    """Actions of this plan that a run before this one began and may have left half done."""
    calls: int = 0

    def call(
        self,
        action_id: str,
        name: str,
        detail: Mapping[str, Any],
        change: Callable[[], T],
        *,
        owed: bool = False,
    ) -> T:
        """Make one changing call.

        ``owed``: it gives back what we took out a moment ago, and is made whatever the register
        says by now.

        Raises:
            RegisterChanged: the register moved since the plan was checked; the call is not made.
            LeaseLost: the account is no longer ours; the call is not made.
            AwsError: AWS refused it, or did not answer; it may have taken effect.
        """
        if not owed:
            self._refuse_change()
        self._write(action_id, name, "intent", detail)
        self.calls += 1
        try:
            answer = change()
        except AwsError as error:
            self._write(action_id, name, "failed", {"code": error.code})
            raise
        self._write(action_id, name, "done", {})
        return answer

    def together(
        self,
        details: Mapping[str, Mapping[str, Any]],
        name: str,
        change: Callable[[], None],
    ) -> None:
        """Make one change that carries out several actions: each is written down before and after.

        ``details`` are by action.

        Raises:
            RegisterChanged, LeaseLost: as ``call``; the change is not made.
            StackError: it failed, and may have been made in part.
        """
        self._refuse_change()
        for action_id, detail in details.items():
            self._write(action_id, name, "intent", detail)
        self.calls += 1
        try:
            change()
        except StackError as error:
            for action_id in details:
                self._write(action_id, name, "failed", {"code": error.code})
            raise
        for action_id in details:
            self._write(action_id, name, "done", {})

    def _refuse_change(self) -> None:
        if self.store.register_mark() != self.mark:
            raise RegisterChanged(
                "the register changed while the plan was carried out; nothing more was changed,"
                " plan again",
                zh="执行期间备案登记发生变化，已停止后续变更，请重新 plan",
            )

    def _write(self, action_id: str, name: str, phase: str, detail: Mapping[str, Any]) -> None:
        self.store.journal(self.run_id, action_id, name, phase, detail, self.clock(), self.token)
