"""What the store takes and gives back, as plain values.  All times are aware and UTC."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, Final, Literal, NamedTuple

Phase = Literal["intent", "done", "failed"]
"""Where an AWS call stands: about to be sent, answered, refused."""

EMPTY_HEAD: Final = "0" * 64
"""The head of a trail without entries, and what its first entry follows."""


class EntryKind(StrEnum):
    """What an entry of the trail tells.  ``append`` takes other words too."""

    APPLICATION_NEW = "application.new"
    APPLICATION_MOVED = "application.moved"
    APPLICATION_CORRECTED = "application.corrected"
    APPLICATION_OBSERVED = "application.observed"
    """A newer sight of the same status."""
    APPLICATION_FORGOTTEN = "application.forgotten"
    """A person was taken out of the record."""
    REVIEW_ANSWERED = "review.answered"
    """A question of the review was answered."""
    ORDER_PLACED = "order.placed"
    ORDER_LIFTED = "order.lifted"
    ACCOUNT_PUT = "account.put"
    ACCOUNT_REMOVED = "account.removed"
    PLAN_SAVED = "plan.saved"
    PLAN_APPROVED = "plan.approved"
    RUN_STARTED = "run.started"
    RUN_CALL = "run.call"
    RUN_RESULT = "run.result"
    RUN_FINISHED = "run.finished"
    STORE_SEALED = "store.sealed"
    """What stood in the clear, or under an older key, was sealed with the newest one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """An AWS account that gatekeeper looks after.  Empty text where nothing is set."""

    account_id: str
    name: str = ""
    role_arn: str = ""
    external_id: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """Something that happened, before it stands in the trail."""

    at: datetime
    actor: str
    kind: str
    subject: str
    """The id of what it is about: an application, filing, account, plan or run."""
    account_id: str | None = None
    data: Mapping[str, Any] = field(default_factory=dict)
    """Plain JSON; never personal data or secrets, since it can never be taken out again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TrailEntry:
    """An entry as it stands in the trail."""

    seq: int
    at: datetime
    actor: str
    kind: str
    subject: str
    account_id: str | None
    data: Mapping[str, Any]
    prev_hash: str
    hash: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """Something that happened to an application or a filing."""

    seq: int
    at: datetime
    """When it was recorded; ``status_at`` says since when it holds."""
    actor: str
    kind: str
    subject: str
    """The application; the filing where an order was placed or lifted."""
    filing_id: str
    status: str | None = None
    status_at: datetime | None = None
    skipped: tuple[str, ...] = ()
    """Statuses that an import did not see."""
    source: str = ""
    note: str = ""
    data: Mapping[str, Any] = field(default_factory=dict)


class Fault(StrEnum):
    """What is wrong with a trail, or with a register row that should follow from it."""

    EDITED = "edited"
    REMOVED = "removed"
    REORDERED = "reordered"
    FORGED = "forged"
    """Written anew with a fitting hash of its own."""
    CUT = "cut"
    """The head seen earlier is no longer in the trail."""
    ROW = "row"
    """A register row or standing order that its newest event does not explain."""


class TrailProblem(NamedTuple):
    """One thing that does not verify; ``seq`` is ``None`` where it is about no single entry."""

    fault: Fault
    seq: int | None
    subject: str
    message: str
    message_zh: str


@dataclass(frozen=True, slots=True, kw_only=True)
class TrailReport:
    """What ``verify_trail`` found."""

    entries: int
    head: str
    problems: tuple[TrailProblem, ...] = ()
    """The first break of the chain, then rows in order of their id, at most ``REPORTED``."""
    found: int = 0
    """How many problems there are, those not listed too."""
    sealed: int = 0
    """Applications whose content could not be checked: it is sealed and the key is not set."""

    @property
    def ok(self) -> bool:
        return self.found == 0


@dataclass(frozen=True, slots=True, kw_only=True)
class RememberedFinding:
    """A finding as it was reported last."""

    key: str
    first_seen: datetime
    last_seen: datetime
    resolved_at: datetime | None
    data: Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot:
    """The last verified state of an account, and when it was verified."""

    at: datetime
    data: dict[str, Any]


LONGEST_LOOK: Final = timedelta(minutes=15)
"""More than a look at a whole fleet takes."""


def overtaken(at: datetime, *, before: datetime) -> bool:
    """Whether a look that began at ``at`` began before the one that is remembered.

    Jobs and commands look beside each other, and the longest ends last.  One that seems older by
    more than any look takes is no such: the clock was set back.
    """
    return timedelta(0) < before - at < LONGEST_LOOK


@dataclass(frozen=True, slots=True, kw_only=True)
class Approval:
    """One person's consent to one plan."""

    plan_id: str
    by: str
    at: datetime
    expires_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """One attempt to carry out a plan, or to take it back."""

    run_id: str
    plan_id: str
    kind: str
    actor: str
    started_at: datetime
    accounts: tuple[str, ...]
    plan: Mapping[str, Any]
    outcome: str | None = None
    """``None`` while it is under way, or was killed."""
    finished_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class JournalEntry:
    """One step of one AWS call of a run."""

    seq: int
    at: datetime
    account_id: str
    action_id: str
    call: str
    phase: Phase
    detail: Mapping[str, Any]
    token: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ActionResult:
    """How an action of a run ended."""

    seq: int
    at: datetime
    action_id: str
    result: str
    reason: str
    data: Mapping[str, Any]
