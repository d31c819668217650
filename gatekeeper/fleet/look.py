"""One look at the fleet: read, judged, remembered and gathered, account by account.

Of an account that is done only its sighting stays, so memory does not grow with what accounts hold.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING
from uuid import uuid4

from gatekeeper.account import refreshed_ranges
from gatekeeper.errors import FleetError
from gatekeeper.fleet.entry import targets
from gatekeeper.fleet.stream import read_fleet
from gatekeeper.fleet.task import Setup, Task
from gatekeeper.fleet.workers import DEFAULT_WORKERS, Workers
from gatekeeper.survey import Docket, remember_several

if TYPE_CHECKING:
    from datetime import datetime

    from gatekeeper.aws.session import AccountTarget
    from gatekeeper.gate import Direction, Facts, Overview, Sighting
    from gatekeeper.policy import Policy
    from gatekeeper.store import Store

_AT_ONCE = 100
"""Accounts that are remembered in one transaction."""

Watcher = Callable[[Iterator["Sighting"], int], Iterable["Sighting"]]
"""Sees the sightings pass, of which there will be so many; it raises to end the look."""


def look_over(
    store: Store,
    policy: Policy,
    *,
    at: datetime,
    region: str,
    only: tuple[str, ...] = (),
    workers: Workers = DEFAULT_WORKERS,
    decisions: bool = True,
    plan: Direction | None = None,
    watch: Watcher | None = None,
) -> Overview:
    """Read the accounts in scope live, compare them with the register, and remember them.

    Args:
        store: the register and the memory; accounts are remembered as they come, many at once.
        policy: the policy in force.
        at: the time of the look.
        region: where to look.
        only: the accounts asked for; without, every registered one, or else the caller's own.
        workers: who does it.
        decisions: whether the decisions are wanted, beyond their number.
        plan: what to plan of each account, if anything.
        watch: for a progress bar.

    Raises:
        FleetError: the workers cannot be had, or the look was ended before it was whole.
        AwsError: there is no account but the caller's own, and that cannot be entered.
    """
    registered = {account.account_id: account for account in store.accounts()}
    wanted = {
        target.account_id or "": target
        for target in (_named(target, region) for target in targets(registered, only))
    }
    docket = Docket(store, policy, at=at)
    gathering = docket.gathering(
        region, known=frozenset(registered), only=only, decisions=decisions
    )
    setup = Setup(
        look=uuid4().hex, policy=policy, region=region, at=at, plan=plan, ranges=refreshed_ranges()
    )
    tasks = (Task(wanted[case.account_id], case) for case in docket.cases(wanted))
    sightings = read_fleet(tasks, setup, workers)
    seen: list[tuple[str, Facts]] = []

    try:
        for sighting in sightings if watch is None else watch(sightings, len(wanted)):
            if sighting.facts is not None:
                seen.append((sighting.account_id, sighting.facts))
                if len(seen) == _AT_ONCE:
                    remember_several(store, seen, at)
                    seen.clear()
            gathering.add(sighting)
    finally:
        remember_several(store, seen, at)
    found = gathering.overview()
    missing = len(wanted) - len(found.readings)
    if missing:
        # A part that passes for the whole would resolve the findings of what was not read.
        raise FleetError(
            f"the look ended before {missing} of {len(wanted)} accounts were read; look again",
            zh=f"{len(wanted)} 个账号中有 {missing} 个尚未读取，检查已中止，请重新运行",
        )
    return found


def _named(target: AccountTarget, region: str) -> AccountTarget:
    """The target with its account's id, which for the caller's own only AWS can tell."""
    from gatekeeper.aws.session import AccountTarget, open_account

    if target.account_id is not None:
        return target
    with open_account(target, region) as connection:
        return AccountTarget(account_id=connection.account_id)
