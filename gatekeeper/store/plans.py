"""Plans and who agreed to them.  Authors and approvals are entries of the trail alone."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from hashlib import sha256
from typing import Any

from sqlalchemy import Connection, insert, select

from gatekeeper.errors import UnknownRecord
from gatekeeper.store import chain
from gatekeeper.store.encoding import canonical, from_text, plain, storable, to_text
from gatekeeper.store.engine import Database
from gatekeeper.store.model import Approval, Entry, EntryKind
from gatekeeper.store.tables import plans, trail


class Plans:
    """The part of the store that keeps plans, their authors and their approvals."""

    _db: Database

    def save_plan(self, plan_id: str, author: str, at: datetime, data: Mapping[str, Any]) -> None:
        """Keep a plan.  The same plan by the same author again writes nothing."""
        with self._db.write(trail=True) as connection:
            text = canonical(data)
            if not _known(connection, plan_id):
                row = {"plan_id": plan_id, "at": to_text(at), "data": text}
                connection.execute(insert(plans), row)
            if author in _authors(connection, plan_id):
                return
            entry = Entry(
                at=at,
                actor=author,
                kind=EntryKind.PLAN_SAVED,
                subject=plan_id,
                data={"digest": sha256(storable(text)).hexdigest()},
            )
            chain.append(self._db, connection, [entry])

    def plan(self, plan_id: str) -> dict[str, Any] | None:
        """A plan as it was first saved."""
        with self._db.read() as connection:
            text = connection.execute(
                select(plans.c.data).where(plans.c.plan_id == plan_id)
            ).scalar()
            return None if text is None else plain(text)

    def plan_authors(self, plan_id: str) -> frozenset[str]:
        """Everyone who made this plan: equal worlds give equal plans."""
        with self._db.read() as connection:
            return _authors(connection, plan_id)

    def approve(self, plan_id: str, by: str, at: datetime, expires_at: datetime) -> None:
        """Record one person's consent.  Whether that person may consent is not judged here.

        Raises:
            UnknownRecord: the plan was never saved.
        """
        with self._db.write(trail=True) as connection:
            if not _known(connection, plan_id):
                raise UnknownRecord(
                    f"no plan {plan_id} in the store; make it again with plan",
                    zh=f"存储中没有计划 {plan_id}，请重新执行 plan",
                )
            entry = Entry(
                at=at,
                actor=by,
                kind=EntryKind.PLAN_APPROVED,
                subject=plan_id,
                data={"expires_at": to_text(expires_at)},
            )
            chain.append(self._db, connection, [entry])

    def approvals(self, plan_id: str, *, at: datetime) -> tuple[Approval, ...]:
        """The approvals that hold at ``at``, one a person: the one that holds longest.

        Names that differ in case or in the space around them are one person.
        """
        now = to_text(at)
        held: dict[str, Approval] = {}
        with self._db.read() as connection:
            for row in connection.execute(_entries(plan_id, EntryKind.PLAN_APPROVED)):
                expires = plain(row.data)["expires_at"]
                if not row.at <= now < expires:
                    continue
                approval = Approval(
                    plan_id=plan_id,
                    by=row.actor,
                    at=from_text(row.at),
                    expires_at=from_text(expires),
                )
                known = held.get(_person(row.actor))
                if known is None or known.expires_at < approval.expires_at:
                    held[_person(row.actor)] = approval
        return tuple(sorted(held.values(), key=lambda approval: (approval.at, approval.by)))


def _person(name: str) -> str:
    return " ".join(name.split()).casefold()


def _known(connection: Connection, plan_id: str) -> bool:
    found = connection.execute(select(plans.c.at).where(plans.c.plan_id == plan_id))
    return found.first() is not None


def _authors(connection: Connection, plan_id: str) -> frozenset[str]:
    entries = connection.execute(_entries(plan_id, EntryKind.PLAN_SAVED))
    return frozenset(row.actor for row in entries)


def _entries(plan_id: str, kind: EntryKind) -> Any:
    return (
        select(trail)
        .where(trail.c.subject == plan_id, trail.c.kind == kind.value)
        .order_by(trail.c.seq)
    )
