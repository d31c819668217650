"""Does the trail still say what it said, and does the register follow from it?

The chain is read once, in order, and never held in memory.  Of each link two things are asked:

==================  ==================  ===========================================================
follows the one     its own hash fits   verdict
before it
==================  ==================  ===========================================================
yes                 yes                 sound
yes                 no                  this entry was edited
no, seq jumps       any                 the entries between were removed
no                  no                  entries changed places
no                  yes                 the entry before was forged: rewritten with a fitting hash
==================  ==================  ===========================================================

Then every application and every standing order must be as its newest event left it.  Where a
review is sealed and its key is not set, the content cannot be compared with its digest: that is
counted and is no fault; everything else about the row is checked.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from typing import Any, Final, NamedTuple

from sqlalchemy import Connection, Table, select

from gatekeeper.errors import StoreError, StoreSealed
from gatekeeper.filing import Application, Stored, content_text, is_sealed
from gatekeeper.store.chain import Head, Link
from gatekeeper.store.encoding import from_text, plain, unpack
from gatekeeper.store.legacy import first_digest
from gatekeeper.store.model import (
    EMPTY_HEAD,
    EntryKind,
    Fault,
    TrailProblem,
    TrailReport,
)
from gatekeeper.store.row import ApplicationRow
from gatekeeper.store.seal import Seal, opened
from gatekeeper.store.tables import applications, orders, trail

REPORTED: Final = 100
"""How many problems a report lists."""
_STREAM: Final = 2000


class _Told(NamedTuple):
    """What the newest event says of an application."""

    digest: str
    status: str
    status_at: str
    seen_at: str
    seq: int


class _Scan:
    """One pass over the trail: the chain, and the newest events."""

    def __init__(self, expect: str | None) -> None:
        self.head = Head(0, EMPTY_HEAD)
        self.entries = 0
        self.broken: TrailProblem | None = None
        self.expected = expect is None
        self.applications: dict[str, _Told] = {}
        self.orders: dict[tuple[str, str], tuple[str, str, str] | None] = {}
        self.expect = expect
        self.sealed = 0

    def take(self, link: Link) -> None:
        self.entries += 1
        own = link.own_hash()
        if self.broken is None:
            self.broken = _break(self.head, link, own)
        if link.hash == self.expect:
            self.expected = True
        self.head = Head(link.seq, link.hash)
        if link.kind.startswith(("application.", "order.")):
            self._remember(link)

    def _remember(self, link: Link) -> None:
        try:
            data = plain(link.data)
            if link.kind == EntryKind.ORDER_PLACED:
                self.orders[link.subject, data["order"]] = (link.at, link.actor, data["reason"])
            elif link.kind == EntryKind.ORDER_LIFTED:
                self.orders[link.subject, data["order"]] = None
            else:
                status_at = data["status_at"]
                self.applications[link.subject] = _Told(
                    data["after"],
                    data["status"],
                    status_at,
                    data.get("seen_at", status_at),
                    link.seq,
                )
        except (json.JSONDecodeError, KeyError, TypeError):
            # The hash of such an entry does not fit either, or somebody appended it by hand.
            if self.broken is None:
                self.broken = _problem(Fault.EDITED, link.seq, link.subject)


def verify(connection: Connection, expect: str | None, seal: Seal) -> TrailReport:
    """Check the whole trail, then the register, in one moment of the store."""
    scan = _Scan(expect)
    for row in _stream(connection, trail):
        scan.take(Link(*row))
    problems: list[TrailProblem] = []
    found = 0
    for problem in _problems(connection, scan, seal):
        found += 1
        if len(problems) < REPORTED:
            problems.append(problem)
    return TrailReport(
        entries=scan.entries,
        head=scan.head.hash,
        problems=tuple(problems),
        found=found,
        sealed=scan.sealed,
    )


def _problems(connection: Connection, scan: _Scan, seal: Seal) -> Iterator[TrailProblem]:
    if scan.broken:
        yield scan.broken
    # The head of an empty trail tells nothing of a cut: it fits an empty trail alone.
    if not scan.expected and not (scan.expect == EMPTY_HEAD and scan.entries == 0):
        yield _problem(Fault.CUT, None, "")
    yield from _application_rows(connection, scan, seal)
    yield from _order_rows(connection, scan.orders)


def _stream(connection: Connection, table: Table) -> Iterator[Any]:
    query = select(table).order_by(*table.primary_key.columns)
    yield from connection.execute(query, execution_options={"yield_per": _STREAM})


def _break(head: Head, link: Link, own: str) -> TrailProblem | None:
    fits = own == link.hash
    if link.seq > head.seq + 1:
        return _problem(Fault.REMOVED, head.seq + 1, "", last=link.seq - 1)
    if link.prev_hash == head.hash:
        return None if fits else _problem(Fault.EDITED, link.seq, link.subject)
    if fits:
        return _problem(Fault.FORGED, max(head.seq, 1), "")
    return _problem(Fault.REORDERED, link.seq, link.subject)


def _application_rows(connection: Connection, scan: _Scan, seal: Seal) -> Iterator[TrailProblem]:
    left = dict(scan.applications)
    for row in _stream(connection, applications):
        name = row.application_id
        event = left.pop(name, None)
        if event is None:
            yield _row(name, None, "has no event", "没有对应的事件")
            continue
        try:
            kept = unpack(row.body)
            application = opened(seal, kept)
            stored = Stored(application=application, seen_at=from_text(row.seen_at))
            sound = tuple(row) == _expected(stored, kept, row)
        except StoreSealed:
            scan.sealed += 1
            stored = Stored(application=kept, seen_at=from_text(row.seen_at))
            sound = tuple(row) == _expected(stored, kept, row)
        except (ValueError, KeyError, TypeError, AttributeError):
            yield _row(name, event.seq, "does not parse", "无法解析")
            continue
        except StoreError:
            yield _row(name, event.seq, "does not open with its key", "无法用其密钥解密")
            continue
        digest = row.digest
        if sound and event[0] != digest:
            # Perhaps an entry of schema 0001; without the content nobody can tell.
            closed = is_sealed(stored.application.review)
            digest = event.digest if closed else first_digest(stored.application)
        said = (digest, row.status, row.status_at, row.seen_at)
        if not sound or said != event[:4]:
            yield _row(name, event.seq, "is not as it says", "与其不一致")
    for name in sorted(left):
        yield _row(name, left[name].seq, "is gone", "已不存在")


def _expected(stored: Stored, kept: Application, row: Any) -> ApplicationRow:
    """The row that holds ``stored``, whose body is that of ``kept``: the same, or it sealed.

    Of a review that cannot be opened the digest has to be believed: the event is asked next.
    """
    if stored.application is kept and not is_sealed(kept.review):
        return ApplicationRow.of(stored)
    closed = is_sealed(stored.application.review)
    plain = replace(stored.application, review="") if closed else stored.application
    expected = ApplicationRow.of(Stored(application=plain, seen_at=stored.seen_at))
    digest = row.digest if closed else expected.digest
    return expected._replace(body=content_text(kept), digest=digest)


def _order_rows(
    connection: Connection, told: dict[tuple[str, str], tuple[str, str, str] | None]
) -> Iterator[TrailProblem]:
    left = {key: order for key, order in told.items() if order is not None}
    for row in _stream(connection, orders):
        order = left.pop((row.filing_id, row.kind), None)
        if order != (row.at, row.placed_by, row.reason):
            yield _order(row.filing_id, row.kind, "no event explains", "没有对应的事件")
    for filing_id, kind in sorted(left):
        yield _order(
            filing_id, kind, "was placed and never lifted, yet is gone", "未撤销却已不存在"
        )


_WORDS: Final = {
    Fault.EDITED: ("entry {seq} was edited", "第 {seq} 条记录被修改"),
    Fault.REMOVED: ("entries {seq} to {last} were removed", "第 {seq} 至 {last} 条记录被删除"),
    Fault.REORDERED: (
        "entry {seq} does not stand where it was written: entries changed places",
        "第 {seq} 条记录不在原位，记录顺序被调换",
    ),
    Fault.FORGED: (
        "entry {seq} was rewritten with a fitting hash of its own; the next one follows another",
        "第 {seq} 条记录被改写并重算了自身哈希，与下一条无法衔接",
    ),
    Fault.CUT: (
        "the expected head is not in the trail: its tail was cut off, or it was written anew",
        "审计链中没有预期的链头：尾部被截断或整链被重写",
    ),
}


def _problem(fault: Fault, seq: int | None, subject: str, last: int | None = None) -> TrailProblem:
    english, chinese = _WORDS[fault]
    if fault is Fault.REMOVED and seq == last:
        english, chinese = "entry {seq} was removed", "第 {seq} 条记录被删除"
    return TrailProblem(
        fault,
        seq,
        subject,
        english.format(seq=seq, last=last),
        chinese.format(seq=seq, last=last),
    )


def _row(name: str, seq: int | None, what: str, what_zh: str) -> TrailProblem:
    entry, entry_zh = ("", "") if seq is None else (f" (entry {seq})", f"（第 {seq} 条）")
    return TrailProblem(
        Fault.ROW,
        seq,
        name,
        f"application {name} {what}: its row and its newest event{entry} disagree",
        f"申请 {name} {what_zh}：登记内容与最新事件{entry_zh}不符",
    )


def _order(filing_id: str, kind: str, what: str, what_zh: str) -> TrailProblem:
    return TrailProblem(
        Fault.ROW,
        None,
        filing_id,
        f"filing {filing_id}: its {kind} {what}",
        f"备案 {filing_id}：{kind} 命令{what_zh}",
    )
