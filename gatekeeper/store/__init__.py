"""What gatekeeper remembers: the register, the audit trail, the accounts, plans, runs and leases.

Importing this package imports no database library; ``open_store`` does.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from gatekeeper.store.address import parse_address
from gatekeeper.store.model import (
    EMPTY_HEAD,
    Account,
    ActionResult,
    Approval,
    Entry,
    EntryKind,
    Event,
    Fault,
    JournalEntry,
    Phase,
    RememberedFinding,
    Run,
    Snapshot,
    TrailEntry,
    TrailProblem,
    TrailReport,
    overtaken,
)
from gatekeeper.store.opening import open_store, stored_schema

if TYPE_CHECKING:
    from gatekeeper.store.answers import StoredAnswer
    from gatekeeper.store.backup import Backup, Restored, restore_backup, write_backup
    from gatekeeper.store.forget import Forgotten, Outcome, SealCount
    from gatekeeper.store.jobs import JobRun
    from gatekeeper.store.lease import Clock, Lease, SystemClock
    from gatekeeper.store.outbox import Backlog, Notice, NoticeState, Queued
    from gatekeeper.store.register import Records
    from gatekeeper.store.schema import Schema
    from gatekeeper.store.sources import Source
    from gatekeeper.store.store import Store

_LATE = {
    "SealCount": "gatekeeper.store.forget",
    "Outcome": "gatekeeper.store.forget",
    "Forgotten": "gatekeeper.store.forget",
    "StoredAnswer": "gatekeeper.store.answers",
    "Backup": "gatekeeper.store.backup",
    "Backlog": "gatekeeper.store.outbox",
    "Clock": "gatekeeper.store.lease",
    "JobRun": "gatekeeper.store.jobs",
    "Lease": "gatekeeper.store.lease",
    "Notice": "gatekeeper.store.outbox",
    "NoticeState": "gatekeeper.store.outbox",
    "Queued": "gatekeeper.store.outbox",
    "Records": "gatekeeper.store.register",
    "Restored": "gatekeeper.store.backup",
    "Schema": "gatekeeper.store.schema",
    "Source": "gatekeeper.store.sources",
    "Store": "gatekeeper.store.store",
    "SystemClock": "gatekeeper.store.lease",
    "restore_backup": "gatekeeper.store.backup",
    "write_backup": "gatekeeper.store.backup",
}

__all__ = [
    "EMPTY_HEAD",
    "Account",
    "ActionResult",
    "Approval",
    "Backlog",
    "Backup",
    "Clock",
    "Entry",
    "EntryKind",
    "Event",
    "Fault",
    "Forgotten",
    "JobRun",
    "JournalEntry",
    "Lease",
    "Notice",
    "NoticeState",
    "Outcome",
    "Phase",
    "Queued",
    "Records",
    "RememberedFinding",
    "Restored",
    "Run",
    "Schema",
    "SealCount",
    "Snapshot",
    "Source",
    "Store",
    "StoredAnswer",
    "SystemClock",
    "TrailEntry",
    "TrailProblem",
    "TrailReport",
    "open_store",
    "overtaken",
    "parse_address",
    "restore_backup",
    "stored_schema",
    "write_backup",
]


def __getattr__(name: str) -> Any:
    """The names that need SQLAlchemy, imported at their first use."""
    if name in _LATE:
        from importlib import import_module

        return getattr(import_module(_LATE[name]), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
