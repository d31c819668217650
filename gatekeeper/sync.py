"""Portals into the register: read whole, judged like an import, stored with how far they were read.

Until every page is there and every row is good the store is not touched; then the rows, their
events and the place to go on from are one transaction.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from typing import Any, Final

from gatekeeper.errors import ImportRefused, PortalError
from gatekeeper.filing import Merge, merge_files
from gatekeeper.sources.portal import (
    Client,
    ContradictoryError,
    Portal,
    Portals,
    Reader,
    RowReader,
    Rows,
    Spool,
    Tag,
    load_portals,
    parse_portals,
    query_key,
)
from gatekeeper.store import Source, Store

__all__ = [
    "Portal",
    "Portals",
    "Result",
    "Stores",
    "Synced",
    "Window",
    "load_portals",
    "parse_portals",
    "spool_folder",
    "sync_portal",
]

_COUNTS: Final = ("new", "moved", "corrected", "observed", "unchanged", "stale")


class Result(StrEnum):
    """How the sync of one portal ended."""

    STORED = "stored"
    UNCHANGED = "unchanged"
    """The register has all of it already."""
    DRY_RUN = "dry-run"
    FAILED = "failed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Synced:
    """One portal's sync."""

    portal: str
    result: Result
    pages: int = 0
    resumed: int = 0
    """Pages among them that an earlier sync fetched before it broke off."""
    rows: int = 0
    merge: Merge = field(default_factory=Merge)
    since: datetime | None = None
    """From when on changes were asked for; ``None`` for everything."""
    until: datetime | None = None
    """The newest change known of the portal."""
    error: str = ""
    error_zh: str = ""

    @property
    def counts(self) -> dict[str, int]:
        """How many rows did what to the register."""
        return {name: len(getattr(self.merge, name)) for name in _COUNTS}


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """What to ask for: what changed since the last sync, unless said otherwise."""

    since: datetime | None = None
    full: bool = False
    """Everything, whatever is known."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Stores:
    """How to come by the store: to read what is known, and to write when all is there."""

    read: Callable[[], AbstractContextManager[Store | None]]
    """``None`` where there is none yet."""
    write: Callable[[], AbstractContextManager[Store]]


@dataclass(frozen=True, slots=True)
class _Known:
    """What the last reading left, as far as it is of the same query."""

    source: Source | None
    until: datetime | None = None
    asked: datetime | None = None
    tags: tuple[Tag, ...] = ()


def sync_portal(
    portal: Portal,
    stores: Stores,
    *,
    spool: Path,
    window: Window,
    actor: str,
    clock: Callable[[], datetime],
    pause: Callable[[float], object] = time.sleep,
    stopping: Callable[[], bool] = bool,
    watch: Callable[[Iterator[Any]], Iterable[Any]] = iter,
    dry_run: bool = False,
) -> Synced:
    """Bring what changed at one portal into the register, or nothing of it.

    Args:
        portal: which.
        stores: reading and writing the register.
        spool: the folder in which pages wait; the portal has one of its own there.
        window: what to ask for.
        actor: who is said to have stored it.
        clock: aware times.
        pause: waits before a request is tried again, by seconds.
        stopping: whether the process is asked to end.
        watch: sees each page as it comes.
        dry_run: say what would change, and store nothing.

    Raises:
        PortalError: it cannot be read, contradicts itself, or cannot be asked for ``window``.
        ImportRefused: some rows are bad; all of them are listed.
        StoreError: the register cannot be read or written, or was changed meanwhile.
    """
    with stores.read() as store:
        known = _known(portal, store.source(portal.name) if store is not None else None)
    since = _since(portal, known, window)
    key = query_key(portal, since, known.source.at if known.source else None)
    now = clock()
    with (
        Client(portal, sleep=pause) as asking,
        Spool(
            spool / portal.name,
            portal=portal.name,
            key=key,
            at=now,
            keep=portal.resume,
            limit=portal.limits.page_bytes,
        ) as waiting,
    ):
        tags = known.tags if since == known.asked and not window.full else ()
        reader = Reader(portal, asking, waiting, since=since, tags=tags, stopping=stopping)
        if tags and not waiting.begun() and reader.unchanged():
            waiting.clear()
            return Synced(
                portal=portal.name,
                result=Result.DRY_RUN if dry_run else Result.UNCHANGED,
                since=since,
                until=known.until,
            )
        try:
            rows, resumed = _read(portal, reader, watch, clock)
        except (ContradictoryError, ImportRefused):
            waiting.clear()
            raise
        until = _until(known, rows, since, window)
        data = _data(portal, reader, since=since, until=until)
        try:
            merged = _store(portal, stores, rows, known, data, actor, clock, dry_run=dry_run)
        except ImportRefused:
            waiting.clear()
            raise
        waiting.clear()
        changed = Result.STORED if merged.steps else Result.UNCHANGED
        return Synced(
            portal=portal.name,
            result=Result.DRY_RUN if dry_run else changed,
            pages=reader.count,
            resumed=resumed,
            rows=len(rows.rows),
            merge=merged,
            since=since,
            until=until,
        )


def spool_folder(
    store: Path | None, label: str, given: str | Path | None, environ: Mapping[str, str]
) -> Path:
    """Where pages wait: as somebody says, else beside the store, else with the user's state.

    Args:
        store: its file, if it is one.
        label: its place for messages, which tells it from others.
        given: the folder that somebody names.
        environ: names the user's state.
    """
    if given is not None:
        return Path(given)
    if store is not None:
        return store.with_name(f"{store.name}.spool")
    state = environ.get("STATE_DIRECTORY", "").partition(":")[0] or environ.get("XDG_STATE_HOME")
    base = Path(state) if state else Path(environ.get("HOME") or ".") / ".local" / "state"
    mark = hashlib.sha256(label.encode()).hexdigest()[:16]
    return base / "gatekeeper" / "spool" / mark


def _known(portal: Portal, source: Source | None) -> _Known:
    """What was remembered; of a portal whose settings changed since, only that it was read."""
    if source is None or source.data.get("query") != portal.digest():
        return _Known(source)
    data = source.data
    return _Known(
        source,
        _moment(data.get("until")),
        _moment(data.get("asked")),
        tuple(Tag(token, etag) for token, etag in data.get("tags", ())),
    )


def _since(portal: Portal, known: _Known, window: Window) -> datetime | None:
    if portal.updated is None:
        if window.since is not None:
            raise PortalError(
                f"portal {portal.name}: it cannot be asked for what changed since a time; leave "
                "out --since, or say how under updated",
                portal=portal.name,
                zh=f"门户 {portal.name}：无法按更新时间读取，请去掉 --since 或配置 updated",
            )
        return None
    if window.full:
        return None
    if window.since is not None:
        return window.since.astimezone(UTC)
    return known.until - portal.updated.overlap if known.until is not None else None


def _until(known: _Known, rows: Rows, since: datetime | None, window: Window) -> datetime | None:
    """The newest change known, as far as nothing before it was left out.

    Whoever asks for less than the last sync knows leaves a gap, and the next one must close it.
    """
    if window.full or known.until is None:
        return rows.until if since is None else None
    if since is not None and since > known.until:
        return known.until
    return max(known.until, rows.until or known.until)


def _data(
    portal: Portal, reader: Reader, *, since: datetime | None, until: datetime | None
) -> dict[str, Any]:
    return {
        "query": portal.digest(),
        "until": until.isoformat() if until is not None else None,
        "asked": since.isoformat() if since is not None else None,
        "tags": [list(tag) for tag in reader.tags],
    }


def _read(
    portal: Portal,
    reader: Reader,
    watch: Callable[[Iterator[Any]], Iterable[Any]],
    clock: Callable[[], datetime],
) -> tuple[Rows, int]:
    """Every row of every page, and how many pages lay there already."""
    taking = RowReader(portal, clock=clock)
    resumed = 0
    for page in watch(reader.pages()):
        resumed += page.resumed
        taking.take(page)
    rows = taking.result()
    _refuse(portal, rows.problems, rows.more_problems)
    reader.check(len(rows.rows))
    return rows, resumed


def _store(
    portal: Portal,
    stores: Stores,
    rows: Rows,
    known: _Known,
    data: Mapping[str, Any],
    actor: str,
    clock: Callable[[], datetime],
    *,
    dry_run: bool,
) -> Merge:
    """Decide what the rows mean, and store it with how far the portal was read."""
    names = [row.application.application_id for row in rows.rows]
    at = clock()
    if dry_run:
        with stores.read() as looked:
            merged = merge_files(looked.stored(names) if looked else {}, [rows.rows], now=at)
        _refuse(portal, merged.problems, merged.more_problems)
        return merged
    with stores.write() as store:
        merged = merge_files(store.stored(names), [rows.rows], now=at)
        _refuse(portal, merged.problems, merged.more_problems)
        with store.together():
            store.commit_merge(merged, actor=actor, source="", at=at)
            store.keep_source(portal.name, data, before=known.source, at=at)
    return merged


def _refuse(portal: Portal, problems: tuple[Any, ...], more: int) -> None:
    if not problems:
        return
    count = len(problems) + more
    raise ImportRefused(
        f"portal {portal.name}: {count} bad row{'s' if count > 1 else ''}; nothing was stored: "
        "have them mended at the portal, or mend fields in the settings, and sync again",
        problems,
        zh=f"门户 {portal.name}：共 {count} 处错误，未写入任何记录；"
        "请在门户更正数据或修正配置中的 fields 后重新同步",
    )


def _moment(text: object) -> datetime | None:
    return datetime.fromisoformat(text) if isinstance(text, str) else None
