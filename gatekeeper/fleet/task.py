"""What a worker does: read one account and judge it alone.

A task carries everything that it needs, so that a worker which starts in the middle of a run, on
this machine or another, needs nothing but the package and its AWS credentials.
"""

from __future__ import annotations

import logging
import threading
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import TYPE_CHECKING, NamedTuple

from gatekeeper import __version__
from gatekeeper.account import Failure, unreadable, use_ranges
from gatekeeper.reconcile import look_at
from gatekeeper.survey import Case

if TYPE_CHECKING:
    from gatekeeper.account import AccountState, Ranges
    from gatekeeper.aws.session import AccountTarget, Gateway
    from gatekeeper.gate import Direction, Sighting
    from gatekeeper.policy import Policy

_log = logging.getLogger(__name__)
_making = threading.Lock()


@dataclass(frozen=True, slots=True, kw_only=True)
class Setup:
    """What the tasks of one look share."""

    look: str
    """Tells this look from others that a worker did before."""
    policy: Policy
    region: str
    at: datetime
    plan: Direction | None = None
    """What to plan of each account, if anything."""
    ranges: Ranges | None = None
    """The published address ranges that count, where they are not the packaged ones."""
    version: str = __version__
    """The version that sends the tasks; another one would judge by other rules."""


class Task(NamedTuple):
    """One account: how to enter it, and what is filed and remembered of it."""

    target: AccountTarget
    case: Case


def run_task(setup: Setup, task: Task) -> Sighting:
    """Read the account and judge it.  Whatever goes wrong is in the sighting."""
    from gatekeeper.aws.collect import read_account

    if setup.version != __version__:
        reason = f"the worker runs gatekeeper {__version__}, not {setup.version}; install the same"
        return unread(setup, task, "WorkerVersion", reason)
    if setup.ranges is not None:
        use_ranges(setup.ranges)
    with _making:
        gateway = _gateway(setup.look, setup.region)
    state = read_account(gateway, task.target)
    try:
        return _judged(setup, task, state)
    except Exception as error:  # noqa: BLE001 - a defect met in one account must not hide the others
        _log.exception("account %s could not be judged", task.case.account_id)
        return unread(setup, task, "Internal", f"{type(error).__name__}: see the log")


def unread(setup: Setup, task: Task, code: str, reason: str) -> Sighting:
    """The account as one of which nothing is known, and why."""
    account_id = task.case.account_id
    state = unreadable(account_id, setup.region, Failure("*", code, reason))
    return _judged(setup, task, state)


def _judged(setup: Setup, task: Task, state: AccountState) -> Sighting:
    _, filings, memory = task.case
    return look_at(state, filings, setup.policy, memory, setup.at, plan=setup.plan)


@lru_cache(maxsize=2)
def _gateway(look: str, region: str) -> Gateway:
    """One gateway for each look in this process: credentials are as fresh as the look."""
    from gatekeeper.aws.session import Gateway

    del look
    return Gateway(region)
