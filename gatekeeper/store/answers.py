"""Answers to the questions of a review, beside the applications that they are about.

An approved application never changes, but questions about it are answered still; so an answer is no
part of the application, and changes nothing that the register says.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import NamedTuple

from sqlalchemy import bindparam, delete, insert, select

from gatekeeper.errors import UnknownRecord
from gatekeeper.store import chain
from gatekeeper.store.encoding import from_text, to_text
from gatekeeper.store.engine import BATCH, Database, batches
from gatekeeper.store.model import Entry, EntryKind
from gatekeeper.store.tables import answers, applications


class StoredAnswer(NamedTuple):
    """What one person said to the question of one rule."""

    application_id: str
    rule: str
    yes: bool
    by: str
    at: datetime


class Answers:
    """The part of the store that keeps answers."""

    _db: Database

    def answers(
        self, application_ids: Iterable[str] | None = None
    ) -> Mapping[str, Mapping[str, StoredAnswer]]:
        """The newest answer to each rule, by application; of all applications, or of these."""
        query = select(answers)
        found: defaultdict[str, dict[str, StoredAnswer]] = defaultdict(dict)
        with self._db.read() as connection:
            if application_ids is None:
                rows = list(connection.execute(query))
            else:
                some = query.where(answers.c.application_id.in_(bindparam("ids", expanding=True)))
                rows = [
                    row
                    for ids in batches(application_ids, BATCH)
                    for row in connection.execute(some, {"ids": ids})
                ]
        for row in rows:
            found[row.application_id][row.rule] = StoredAnswer(
                row.application_id,
                row.rule,
                row.answer == "yes",
                row.answered_by,
                from_text(row.at),
            )
        return found

    def answer(self, given: StoredAnswer) -> bool:
        """Keep an answer in place of an older one; ``False``, nothing written, if it is no newer.

        Raises:
            UnknownRecord: no such application.
        """
        key = (answers.c.application_id == given.application_id) & (answers.c.rule == given.rule)
        word = "yes" if given.yes else "no"
        with self._db.write(trail=True) as connection:
            known = connection.execute(
                select(applications.c.account_id, applications.c.filing_id).where(
                    applications.c.application_id == given.application_id
                )
            ).one_or_none()
            if known is None:
                raise UnknownRecord(
                    f"no application {given.application_id}; import it first",
                    zh=f"没有申请 {given.application_id}，请先导入",
                )
            before = connection.execute(select(answers.c.at).where(key)).scalar()
            if before is not None and from_text(before) >= given.at:
                return False
            connection.execute(delete(answers).where(key))
            row = {
                "application_id": given.application_id,
                "rule": given.rule,
                "answer": word,
                "answered_by": given.by,
                "at": to_text(given.at),
            }
            connection.execute(insert(answers), row)
            entry = Entry(
                at=given.at,
                actor=given.by,
                kind=EntryKind.REVIEW_ANSWERED,
                subject=given.application_id,
                account_id=known.account_id or None,
                data={
                    "filing_id": known.filing_id,
                    "rule": given.rule,
                    "answer": word,
                    "note": f"{given.rule}: {word}",
                },
            )
            chain.append(self._db, connection, [entry])
        return True
