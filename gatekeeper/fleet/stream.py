"""Many accounts on many workers: their sightings as they come, and a bound on what is under way.

A worker that dies takes with it what it had in hand, and in a pool of processes what all others
had too.  So what was lost is tried again alone, where nothing else can be the cause; an account
that is lost three times is unreadable.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import (
    FIRST_COMPLETED,
    BrokenExecutor,
    CancelledError,
    Future,
    wait,
)
from dataclasses import dataclass, field
from itertools import islice
from typing import TYPE_CHECKING, Any, Final

from gatekeeper.errors import FleetError
from gatekeeper.fleet.task import Setup, Task, run_task, unread
from gatekeeper.fleet.workers import DEFAULT_WORKERS, Crew, Workers, hired

if TYPE_CHECKING:
    from gatekeeper.gate import Sighting

ATTEMPTS: Final = 3
"""How often an account is given to a worker that does not come back."""

_AHEAD: Final = 2
"""Tasks under way for each that is being done, so that no worker waits for us."""

_HOPELESS: Final = 12
"""Losses in a row, with nothing done between them, after which no worker can live."""


def read_fleet(
    tasks: Iterable[Task], setup: Setup, workers: Workers = DEFAULT_WORKERS
) -> Iterator[Sighting]:
    """Read and judge each account; each comes once, as it is done, in any order.

    ``tasks`` is read only as far as there is work to give out.

    Raises:
        FleetError: the workers cannot be had, or none of them lives.
    """
    with hired(workers) as crew:
        yield from _Stream(iter(tasks), setup, crew).run()


@dataclass(slots=True)
class _Stream:
    tasks: Iterator[Task]
    setup: Setup
    crew: Crew
    running: dict[Future[Any], Task] = field(default_factory=dict)
    suspects: deque[Task] = field(default_factory=deque)
    """What was under way when a worker died."""
    lost: dict[str, int] = field(default_factory=dict)
    """How often an account was."""
    deaths: int = 0
    """How often workers died since something was done."""

    def run(self) -> Iterator[Sighting]:
        while self._give_out():
            done, _ = wait(self.running, return_when=FIRST_COMPLETED)
            if any(isinstance(_error(future), BrokenExecutor) for future in done):
                # One process that dies takes its whole pool with it.
                done, _ = wait(self.running)
            missed: BaseException | None = None
            for future in done:
                task = self.running.pop(future)
                error = _error(future)
                if error is None:
                    self.deaths = 0
                    self.lost.pop(task.case.account_id, None)
                    yield future.result()
                    continue
                missed = error
                yield from self._missed(task, error)
            if missed is not None:
                self._recover(missed)

    def _give_out(self) -> bool:
        """Keep the workers busy; suspects go one at a time.  Whether anything is under way."""
        if self.suspects:
            if not self.running:
                self._submit(self.suspects.popleft())
            return True
        room = self.crew.capacity() * _AHEAD - len(self.running)
        for task in islice(self.tasks, max(room, 0)):
            self._submit(task)
        return bool(self.running)

    def _submit(self, task: Task) -> None:
        try:
            future = self.crew.submit(run_task, self.setup, task)
        except BrokenExecutor as error:
            future = Future()
            future.set_exception(error)
        self.running[future] = task

    def _missed(self, task: Task, error: BaseException) -> Iterator[Sighting]:
        """A worker did not come back with the account."""
        account_id = task.case.account_id
        times = self.lost[account_id] = self.lost.get(account_id, 0) + 1
        if times < ATTEMPTS:
            self.suspects.append(task)
            return
        reason = f"{times} workers were lost with it ({_said(error)})"
        yield unread(self.setup, task, "WorkerLost", reason)

    def _recover(self, error: BaseException) -> None:
        self.deaths += 1
        if self.deaths >= _HOPELESS:
            raise FleetError(
                f"workers died {self.deaths} times with nothing done ({_said(error)}); see that"
                " they can start, or use --workers threads:8",
                zh=f"工作进程连续终止 {self.deaths} 次，没有任何进展（{_said(error)}）；"
                "请检查其能否启动，或使用 --workers threads:8",
            )
        if isinstance(error, BrokenExecutor):
            self.crew.replace()


def _error(future: Future[Any]) -> BaseException | None:
    """What came in place of a result: a task has no errors, so it is about the way there."""
    return CancelledError() if future.cancelled() else future.exception()


def _said(error: BaseException) -> str:
    text = str(error).split("\n")[0].strip()[:200]
    return f"{type(error).__name__}: {text}" if text else type(error).__name__
