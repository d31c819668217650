"""What an import means for the applications that are stored already (DESIGN §4, §15).

=======================  ==============================  ======================================
row, against the stored  same status                     another status
=======================  ==============================  ======================================
older than the status    unchanged; other content stale  stale
same time as the status  unchanged; other content is a   bad row
                         correction, or bad if approved
later, but older than    unchanged; other content stale  stale
when it was last seen
newer                    observed; other content as      moved where a path leads there, else
                         at the same time                bad row
=======================  ==============================  ======================================

Whoever was forgotten stays so: where the stored record has a marker, the row's words do not count.
An unknown id is new, at whatever status.  ``kind`` and ``filing_id`` never change.  Nothing here
is stored: the caller stores a merge without problems whole, or nothing of it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from itertools import groupby
from typing import Any, Final, NamedTuple

from gatekeeper.filing.forgetting import keep_forgotten
from gatekeeper.filing.lifecycle import MOVES, STATUS_ZH, path
from gatekeeper.filing.model import Application, Status
from gatekeeper.filing.row import Problem, Problems, Row

AHEAD: Final = timedelta(minutes=5)
"""How far in the future a status may lie: clocks differ."""


class Stored(NamedTuple):
    """An application as the register has it."""

    application: Application
    seen_at: datetime
    """The newest ``status_at`` at which a file showed it with its present status."""


class StepKind(StrEnum):
    """What a row does to the register."""

    NEW = "new"
    MOVED = "moved"
    CORRECTED = "corrected"
    OBSERVED = "observed"
    """The same again at a later time: an event and a new ``seen_at``, nothing else."""


class Step(NamedTuple):
    """One change to store, in order."""

    kind: StepKind
    row: Row
    before: Stored | None
    after: Stored
    skipped: tuple[Status, ...] = ()
    """Statuses on the way that no file showed; only of a move."""

    @property
    def application_id(self) -> str:
        return self.after.application.application_id


@dataclass(frozen=True, slots=True, kw_only=True)
class Merge:
    """The whole outcome of an import."""

    steps: tuple[Step, ...] = ()
    """Oldest first; one application may take several, from several files."""
    unchanged: tuple[Row, ...] = ()
    stale: tuple[Row, ...] = ()
    problems: tuple[Problem, ...] = ()
    more_problems: int = 0
    """Problems found beyond those that are kept."""
    forgotten: tuple[Row, ...] = ()
    """Rows that name somebody who was forgotten; they stay so."""

    @property
    def new(self) -> tuple[Step, ...]:
        return self._of(StepKind.NEW)

    @property
    def moved(self) -> tuple[Step, ...]:
        return self._of(StepKind.MOVED)

    @property
    def corrected(self) -> tuple[Step, ...]:
        return self._of(StepKind.CORRECTED)

    @property
    def observed(self) -> tuple[Step, ...]:
        return self._of(StepKind.OBSERVED)

    @property
    def outcome(self) -> dict[str, Stored]:
        """What the register holds afterwards of every application that it changes."""
        return {step.application_id: step.after for step in self.steps}

    def _of(self, kind: StepKind) -> tuple[Step, ...]:
        return tuple(step for step in self.steps if step.kind is kind)


def merge(current: Mapping[str, Stored], incoming: Sequence[Row], *, now: datetime) -> Merge:
    """Decide an import; rows of one file follow each other in ``incoming``.

    Args:
        current: the stored applications by id; only those that ``incoming`` names are needed.
        incoming: the rows of one or more files, each over the outcome of the files before it.
        now: statuses more than ``AHEAD`` later are refused.
    """
    return merge_files(current, [tuple(rows) for _, rows in groupby(incoming, key=_file)], now=now)


def merge_files(
    current: Mapping[str, Stored], files: Iterable[Sequence[Row]], *, now: datetime
) -> Merge:
    """``merge`` for files that are told apart by the caller, for instance one file given twice."""
    scan = _Scan(current, now)
    for rows in files:
        scan.read(rows)
    return Merge(
        steps=tuple(scan.steps),
        unchanged=tuple(scan.unchanged),
        stale=tuple(scan.stale),
        problems=tuple(scan.problems.kept),
        more_problems=scan.problems.more,
        forgotten=tuple(scan.forgotten),
    )


class _BadRowError(Exception):
    """A row that cannot be merged: the column, its value, and the reason in both languages."""

    def __init__(self, column: str, value: str, reason: str, reason_zh: str) -> None:
        super().__init__(reason)
        self.column, self.value, self.reason, self.reason_zh = column, value, reason, reason_zh


class _Scan:
    def __init__(self, current: Mapping[str, Stored], now: datetime) -> None:
        self._current = current
        self._latest: dict[str, Stored] = {}
        self._horizon = now + AHEAD
        self.steps: list[Step] = []
        self.unchanged: list[Row] = []
        self.stale: list[Row] = []
        self.problems = Problems()
        self.forgotten: list[Row] = []

    def read(self, rows: Sequence[Row]) -> None:
        first: dict[str, Row] = {}
        for row in rows:
            try:
                self._distinct(row, first)
                self._take(row)
            except _BadRowError as bad:
                self.problems.add(
                    Problem(
                        where=row.where,
                        column=bad.column,
                        value=bad.value,
                        reason=bad.reason,
                        reason_zh=bad.reason_zh,
                    )
                )

    def _distinct(self, row: Row, first: dict[str, Row]) -> None:
        application_id = row.application.application_id
        earlier = first.setdefault(application_id, row)
        if earlier is not row:
            raise _BadRowError(
                "application_id",
                application_id,
                f"stands in line {earlier.where.line} too; an application has one row in a file",
                f"与第 {earlier.where.line} 行重复，同一文件中每个申请只能有一行",
            )

    def _take(self, row: Row) -> None:
        application = row.application
        if application.status_at > self._horizon:
            raise _BadRowError(
                "status_at",
                application.status_at.isoformat(),
                "lies in the future; check the date, the year and the offset",
                "时间晚于当前时间，请检查日期、年份和时区",
            )
        known = self._latest.get(application.application_id) or self._current.get(
            application.application_id
        )
        if known is None:
            self._step(StepKind.NEW, row, None, application, seen_at=application.status_at)
            return
        said = _said(row, known.application)
        if said.review != row.application.review and row.application.review:
            self.forgotten.append(row)
        if _late(said, known):
            self.stale.append(row)
            return
        _same_identity(said, known.application)
        if said.status is known.application.status:
            self._again(row, said, known)
        else:
            self._move(row, said, known)

    def _again(self, row: Row, said: Application, known: Stored) -> None:
        seen_at = max(said.status_at, known.seen_at)
        content = replace(said, status_at=known.application.status_at)
        if content == known.application:
            if said.status_at > known.seen_at:
                self._step(StepKind.OBSERVED, row, known, known.application, seen_at=seen_at)
            else:
                self.unchanged.append(row)
            return
        if said.status is Status.APPROVED:
            column, value = _difference(content, known.application)
            raise _BadRowError(
                column,
                value,
                "differs from what was approved, and an approved application never changes; "
                "file a change",
                "与已通过的内容不一致；已通过的申请不可修改，请提交变更申请",
            )
        self._step(StepKind.CORRECTED, row, known, content, seen_at=seen_at)

    def _move(self, row: Row, said: Application, known: Stored) -> None:
        old, new = known.application.status, said.status
        if said.status_at in (known.application.status_at, known.seen_at):
            raise _BadRowError(
                "status",
                new,
                f"the register has {old} at this same time; one of the two is wrong",
                f"系统中同一时间的状态为“{STATUS_ZH[old]}”，两者必有一误",
            )
        skipped = path(old, new)
        if skipped is None:
            final = "" if MOVES[old] else f" ({old} is final)"
            final_zh = "" if MOVES[old] else "，该状态为最终状态"
            raise _BadRowError(
                "status",
                new,
                f"no move leads from {old} to {new}{final}",
                f"申请不能从“{STATUS_ZH[old]}”变为“{STATUS_ZH[new]}”{final_zh}",
            )
        self._step(StepKind.MOVED, row, known, said, seen_at=said.status_at, skipped=skipped)

    def _step(
        self,
        kind: StepKind,
        row: Row,
        before: Stored | None,
        application: Application,
        *,
        seen_at: datetime,
        skipped: tuple[Status, ...] = (),
    ) -> None:
        after = Stored(application=application, seen_at=seen_at)
        self._latest[application.application_id] = after
        self.steps.append(Step(kind=kind, row=row, before=before, after=after, skipped=skipped))


def _late(said: Application, known: Stored) -> bool:
    """Whether the register already knows something newer than the row."""
    stored = known.application
    if said.status_at < stored.status_at:
        return True
    if said.status_at == stored.status_at or said.status_at >= known.seen_at:
        return False
    return said.status is not stored.status or (replace(said, status_at=stored.status_at) != stored)


def _same_identity(said: Application, stored: Application) -> None:
    if said.kind is not stored.kind:
        raise _BadRowError(
            "kind",
            said.kind,
            f"the register has this application as {stored.kind}; a kind never changes",
            f"系统中该申请的类型为 {stored.kind}，申请类型不可更改",
        )
    if said.filing_id != stored.filing_id:
        raise _BadRowError(
            "filing_id",
            said.filing_id,
            f"the register has this application under {stored.filing_id or 'no filing'}; "
            "that never changes",
            f"系统中该申请的备案标识为“{stored.filing_id}”，备案标识不可更改",
        )


def _said(row: Row, stored: Application) -> Application:
    """The row's application, completed from the stored one where the file cannot speak."""
    said = row.application
    if stored.review:
        review = keep_forgotten(said.review, stored.review) if said.review else stored.review
        if review != said.review:
            said = replace(said, review=review)
    if row.silent:
        entity = _kept(row.silent, _ENTITY, stored.entity)
        service = _kept(row.silent, _SERVICE, stored.service)
        access = _kept(row.silent, _ACCESS, stored.access)
        said = replace(
            said,
            entity=replace(said.entity, **entity) if entity else said.entity,
            service=replace(said.service, **service) if service else said.service,
            access=replace(said.access, **access) if access else said.access,
        )
    return said


_ENTITY: Final = {
    "entity_certificate_type": "certificate_type",
    "entity_certificate_number": "certificate_number",
    "entity_province": "province",
    "entity_licence": "licence",
}
_SERVICE: Final = {
    "service_type": "type",
    "service_name": "name",
    "service_licence": "licence",
    "domains": "domains",
}
_ACCESS: Final = {"account_id": "account_id", "load_balancer": "load_balancer", "ips": "ips"}
_COLUMNS: Final = (
    ("entity", {"entity_name": "name", **_ENTITY}),
    ("service", _SERVICE),
    ("access", _ACCESS),
)


def _kept(silent: frozenset[str], names: Mapping[str, str], part: object) -> dict[str, Any]:
    return {name: getattr(part, name) for column, name in names.items() if column in silent}


def _difference(said: Application, stored: Application) -> tuple[str, str]:
    """The first column in which two applications differ, and what is said there."""
    for column, value, other in _cells(said, stored):
        if value != other:
            return column, ";".join(value) if isinstance(value, tuple) else str(value or "")
    return "", ""


def _cells(said: Application, stored: Application) -> Iterator[tuple[str, object, object]]:
    for part, columns in _COLUMNS:
        mine, theirs = getattr(said, part), getattr(stored, part)
        for column, name in columns.items():
            yield column, getattr(mine, name), getattr(theirs, name)


def _file(row: Row) -> str:
    return row.where.file
