"""The clocks of a store's register, and what an expired one means, carried out.

Only one clock changes anything: an application whose SMS verification was not made within its 24
hours goes back to ``returned`` (DESIGN §4).  The move holds from the moment at which the time was
up, whenever it is carried out, and stands in the trail like every other.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Final, NamedTuple

from gatekeeper.account import Family, RememberedEndpoint
from gatekeeper.errors import StoreError, UnknownRecord
from gatekeeper.filing import (
    Application,
    Clock,
    ClockId,
    Filing,
    Holidays,
    Register,
    ReviewDays,
    Running,
    Status,
    advance,
    fold,
    running_clocks,
    status_clock,
)

if TYPE_CHECKING:
    from gatekeeper.policy import Policy
    from gatekeeper.store import Store

SOURCE: Final = "due"
"""What the trail names as the source of a settled clock."""
_NOTE: Final = "SMS not verified within 24 hours"


class Result(StrEnum):
    """What became of an expired clock."""

    SETTLED = "settled"
    MOVED = "moved"
    """Somebody moved the application meanwhile; that stands."""


class Settlement(NamedTuple):
    """One expired clock, carried out or overtaken."""

    clock: Clock
    result: Result
    status: Status | None
    """What the register says now; ``None`` where it has no such application any more."""


def clocks(
    store: Store | None,
    policy: Policy,
    holidays: Holidays,
    first_review: Mapping[str, ReviewDays],
    *,
    at: datetime,
) -> Running:
    """Every clock that runs at ``at`` on what the store has now; none where there is no store."""
    if store is None:
        return Running((), ())
    records = store.records()
    register = fold(
        records.applications,
        records.orders,
        at=at,
        open_transfer_in=policy.open_transfer_in,
        version=records.version,
    )
    opened = first_openings(register, store.endpoint_memory(gone=True))
    return running_clocks(
        records.applications,
        register,
        opened,
        holidays,
        first_review,
        at=at,
        police=_police_answers(store),
    )


def _police_answers(store: Store) -> dict[str, bool]:
    """Application to whether somebody answered that its public-security filing was made."""
    rule = ClockId.POLICE.value
    return {name: some[rule].yes for name, some in store.answers().items() if rule in some}


def first_openings(
    register: Register, memory: Mapping[tuple[str, str, Family], RememberedEndpoint]
) -> dict[str, datetime]:
    """When an endpoint of each filing was first verified open, where one was."""
    first: dict[tuple[str, str], datetime] = {}
    for (account_id, _, _), known in memory.items():
        if known.opened_at is None:
            continue
        for ip in known.opened_ips or ():
            place = (account_id, ip)
            first[place] = min(first.get(place, known.opened_at), known.opened_at)
    found = {}
    for filing in register.filings if first else ():
        times = [first[place] for place in _places(filing) if place in first]
        if times:
            found[filing.filing_id] = min(times)
    return found


def _places(filing: Filing) -> Iterable[tuple[str, str]]:
    for access in (*filing.former, filing.access):
        for ip in access.ips:
            yield access.account_id, ip


def settle(
    store: Store, expired: Iterable[Clock], *, actor: str, now: datetime
) -> tuple[Settlement, ...]:
    """Carry out what expired clocks mean; twice is the same as once.

    Args:
        store: where the register is.
        expired: clocks; those that have not run out at ``now``, and those whose end changes
            nothing, are passed over.
        actor: who settles.
        now: the present time.

    Raises:
        StoreError: the store cannot be written; what was settled before stays settled.
    """
    done = []
    for clock in expired:
        if clock.clock is ClockId.SMS and clock.overdue(now):
            done.append(_return(store, clock, actor=actor, now=now))
    return tuple(done)


def _return(store: Store, clock: Clock, *, actor: str, now: datetime) -> Settlement:
    before = store.application(clock.application_id)
    if before is None or not _runs(before, clock):
        return _overtaken(clock, before)
    after = advance(before, Status.RETURNED, at=clock.deadline, now=now)
    try:
        store.advance(after, before=before, actor=actor, source=SOURCE, at=now, note=_NOTE)
    except (StoreError, UnknownRecord):
        present = store.application(clock.application_id)
        if present == before:
            raise
        return _overtaken(clock, present)
    return Settlement(clock, Result.SETTLED, after.status)


def _runs(application: Application, clock: Clock) -> bool:
    """Whether it is still this clock that runs: a second verification has another start."""
    running = status_clock(application, Holidays(), {})
    return running is not None and (running.clock, running.deadline) == (
        clock.clock,
        clock.deadline,
    )


def _overtaken(clock: Clock, present: Application | None) -> Settlement:
    return Settlement(clock, Result.MOVED, None if present is None else present.status)
