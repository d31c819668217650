"""AWS in memory: several accounts, every call counted, and whatever can go wrong on the way."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from enum import StrEnum
from itertools import count
from typing import TypeVar

from gatekeeper.errors import AwsError
from gatekeeper.testing.account import FakeAccount
from gatekeeper.testing.edge import FakeEdge
from gatekeeper.testing.rules import refusal
from gatekeeper.testing.world import World

Answer = TypeVar("Answer")


class Killed(BaseException):
    """The process died here: nothing after this line ran.  No ``except Exception`` stops it."""


class Fault(StrEnum):
    """What befalls one call."""

    REFUSED = "refused"
    """AWS answers with an error of its own, and did nothing."""
    THROTTLED = "throttled"
    LOST = "lost"
    """The call was done, and its answer never came."""
    KILLED_BEFORE = "killed before"
    KILLED_AFTER = "killed after"


_CODES = {
    Fault.REFUSED: ("InternalError", "an internal error has occurred"),
    Fault.THROTTLED: ("RequestLimitExceeded", "request limit exceeded"),
    Fault.LOST: ("ReadTimeout", "the answer did not come in time"),
}


@dataclass(frozen=True, slots=True)
class Call:
    """One call that reached AWS."""

    number: int
    account_id: str
    operation: str
    changing: bool
    subject: str = ""
    """The group, interface or load balancer that it is about."""
    error: str = ""
    """AWS's code where it was refused; a lost answer is none."""


@dataclass(slots=True)
class _Planned:
    """A fault that waits for its call."""

    left: int
    changing: bool
    fault: Fault


@dataclass(slots=True)
class FakeAws:
    """Accounts in memory, and edges to them.

    ``on_call`` runs after every call that reached AWS, reads too, and after its effect.  With
    ``lag`` the first read after a change made through an edge shows the account as it was before
    that change: describe calls of AWS lag.
    """

    region: str = "cn-northwest-1"
    lag: bool = False
    on_call: Callable[[Call], None] | None = None
    accounts: dict[str, FakeAccount] = field(default_factory=dict)
    calls: list[Call] = field(default_factory=list)
    _planned: list[_Planned] = field(default_factory=list)
    _older: dict[str, World] = field(default_factory=dict)
    _ids: count[int] = field(default_factory=lambda: count(1))

    def account(self, account_id: str) -> FakeAccount:
        """The account of this id, made at its first use."""
        if account_id not in self.accounts:
            self.accounts[account_id] = FakeAccount(
                account_id, self.region, lambda: next(self._ids)
            )
        return self.accounts[account_id]

    def edge(self, account_id: str) -> FakeEdge:
        return FakeEdge(self, self.account(account_id))

    def fail(self, fault: Fault, at: int = 1, *, changing: bool = True) -> None:
        """Let ``fault`` befall the ``at``-th call from now: of the changing ones, or of all."""
        self._planned.append(_Planned(at, changing, fault))

    def clear_faults(self) -> None:
        self._planned.clear()

    def settle(self) -> None:
        """Let every read show what is: the lag is over."""
        self._older.clear()

    def changes(self) -> list[Call]:
        """The changing calls that took effect."""
        return [call for call in self.calls if call.changing and not call.error]

    # what the edge uses ----------------------------------------------------------------------

    def look(self, account: FakeAccount) -> World:
        """What one read shows."""
        return self._older.pop(account.account_id, account.world)

    def read(self, account: FakeAccount, operation: str, subject: str = "") -> None:
        """One reading call.

        Raises:
            AwsError: it went wrong.
        """
        self._made(account, operation, subject, lambda: None, changing=False)

    def change(
        self,
        account: FakeAccount,
        operation: str,
        subject: str,
        effect: Callable[[], Answer],
    ) -> Answer:
        """One changing call.

        Raises:
            AwsError: it was refused, or its answer was lost.
        """
        before = account.world.copy()
        answer = self._made(account, operation, subject, effect, changing=True)
        if self.lag:
            self._older[account.account_id] = before
        return answer

    def _made(
        self,
        account: FakeAccount,
        operation: str,
        subject: str,
        effect: Callable[[], Answer],
        *,
        changing: bool,
    ) -> Answer:
        fault = self._due(changing)
        if fault is Fault.KILLED_BEFORE:
            raise Killed(operation)
        error: AwsError | None = None
        answer: Answer | None = None
        if fault in (Fault.REFUSED, Fault.THROTTLED):
            error = refusal(operation, *_CODES[fault])
        else:
            try:
                answer = effect()
            except AwsError as refused:
                error = refused
        call = Call(
            number=len(self.calls) + 1,
            account_id=account.account_id,
            operation=operation,
            changing=changing,
            subject=subject,
            error=error.code if error else "",
        )
        self.calls.append(call)
        if self.on_call is not None:
            self.on_call(call)
        if fault is Fault.KILLED_AFTER:
            raise Killed(operation)
        if error is not None:
            raise error
        if fault is Fault.LOST:
            raise refusal(operation, *_CODES[fault])
        return answer  # type: ignore[return-value]

    def _due(self, changing: bool) -> Fault | None:
        due: Fault | None = None
        for planned in list(self._planned):
            if planned.changing and not changing:
                continue
            planned.left -= 1
            if planned.left <= 0:
                self._planned.remove(planned)
                due = due or planned.fault
        return due
