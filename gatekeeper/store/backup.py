"""Backups of a store, taken while others write, and their way back.

A backup is one file, readable by its owner alone: an SQLite database without a log beside it, or
what ``pg_dump`` writes in its own format.  It appears whole or not at all.

Nothing is put back before it was proved: the backup is loaded elsewhere, its trail and its schema
are examined, and only then it takes the store's place in one step.  What stood there is kept aside.
"""

from __future__ import annotations

import contextlib
import os
import sqlite3
import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Final, NamedTuple

from sqlalchemy import Connection, delete, func, insert, select, update
from sqlalchemy.exc import SQLAlchemyError

from gatekeeper.errors import LeaseHeld, StoreError, TrailBroken
from gatekeeper.store.address import Address, parse_address
from gatekeeper.store.encoding import to_text
from gatekeeper.store.engine import BUSY_SECONDS, Database
from gatekeeper.store.lease import SystemClock
from gatekeeper.store.model import Entry, TrailReport
from gatekeeper.store.schema import ensure
from gatekeeper.store.store import Store
from gatekeeper.store.tables import leases
from gatekeeper.store.verify import verify

RESTORED: Final = "store.restored"
"""The trail's entry of a restore: the trail itself was put back to an earlier state."""
_LOCK_SECONDS: Final = 2.0
_TOKENS: Final = "store:restore"
"""The row that keeps the greatest fencing token; never an account's or a job's lease."""


class Backup(NamedTuple):
    """A backup that was written."""

    path: Path
    size: int
    """In bytes."""


class Restored(NamedTuple):
    """A backup that was put in place."""

    entries: int
    """Entries of the backup's trail."""
    head: str
    """The hash of the newest of them."""
    kept: str | None
    """Where that lies what stood there before; ``None`` where nothing did."""


def write_backup(url: str, target: Path, *, at: datetime, force: bool = False) -> Backup:
    """Write a backup of the store at ``url``.

    Args:
        url: the store.
        target: the file to write, or a folder in which it gets a name with the time.
        at: now, for that name.
        force: replace a file that is there.

    Raises:
        StoreError: there is no store, the file is there, or it cannot be written.
    """
    address = parse_address(url)
    suffix = "db" if address.dialect == "sqlite" else "dump"
    if target.is_dir():
        target /= f"gatekeeper-{stamp(at)}.{suffix}"
    if not force and os.path.lexists(target):
        raise _exists(target)
    if address.dialect == "sqlite" and (address.path is None or address.missing()):
        raise StoreError(
            f"{address.label}: there is nothing to back up; check --store or GATEKEEPER_STORE",
            zh=f"{address.label}：没有可备份的内容，请检查 --store 或 GATEKEEPER_STORE",
        )
    try:
        with _beside(target) as temporary:
            if address.path is not None:
                _copy(address.path, temporary, address.label)
            else:
                from gatekeeper.store.pgdump import dump

                dump(address, temporary)
            _flush(temporary)
            _place(temporary, target, force=force)
            return Backup(target, target.stat().st_size)
    except FileExistsError:
        raise _exists(target) from None
    except OSError as error:
        raise _unwritten(target, error) from None


def restore_backup(url: str, source: Path, *, actor: str, at: datetime) -> Restored:
    """Put a backup in the place of the store at ``url``.

    Raises:
        LeaseHeld: somebody works on the store at this moment.
        TrailBroken: the backup's trail does not verify.
        SchemaOutdated: a newer gatekeeper wrote the backup.
        StoreError: the backup is none, or cannot be put in place.
    """
    if not source.is_file():
        raise StoreError(f"{source}: there is no such backup", zh=f"{source}：备份文件不存在")
    address = parse_address(url)
    if address.dialect != "sqlite":
        from gatekeeper.store.pgdump import load

        return load(address, source, actor=actor, at=at)
    if address.path is None:
        raise StoreError(
            "a store in memory cannot be restored; name a file with --store",
            zh="内存中的存储无法恢复，请用 --store 指定文件",
        )
    path = address.path
    try:
        with _beside(path) as temporary:
            _copy(source, temporary, str(source))
            proved = prove(parse_address(f"sqlite:///{temporary}"), str(source))
            token, head = _left(address)
            with Database(parse_address(f"sqlite:///{temporary}")) as database:
                settle(database, proved, actor=actor, at=at, token=token, before=head)
            _single(temporary)
            _flush(temporary)
            kept = _swap(path, temporary, at)
    except OSError as error:
        raise _unwritten(path, error) from None
    return Restored(proved.entries, proved.head, str(kept) if kept else None)


def prove(address: Address, label: str) -> TrailReport:
    """The trail of a backup, once it verifies; its schema is brought up to date.

    Raises:
        TrailBroken: it does not.
        SchemaOutdated: a newer gatekeeper wrote it.
        StoreError: it holds no store.
    """
    with Database(address._replace(label=label)) as database:
        if not ensure(database, create=False):
            raise StoreError(
                f"{label}: this is no backup of a store: it has no tables of gatekeeper",
                zh=f"{label}：不是有效的备份，其中没有 gatekeeper 的数据表",
            )
        with database.read() as connection:
            report = verify(connection, None, database.seal)
    check_report(report, label)
    return report


def check_report(report: TrailReport, label: str) -> None:
    """Refuse a backup whose trail does not verify."""
    if report.ok:
        return
    first = report.problems[0]
    raise TrailBroken(
        f"{label}: the trail of the backup does not verify ({first.message}); nothing was"
        " restored, take another backup",
        zh=f"{label}：备份的审计链校验失败（{first.message_zh}），未作恢复，请换用其他备份",
    )


def settle(
    database: Database,
    proved: TrailReport,
    *,
    actor: str,
    at: datetime,
    token: int,
    before: str | None,
) -> None:
    """Make a loaded backup fit to be worked on: nobody holds it, and the trail says what was done.

    Args:
        database: the loaded backup.
        proved: its trail.
        actor: who restores.
        at: when.
        token: the greatest fencing token that the store before gave; no later one may be smaller.
        before: the head of its trail, where it could be read.
    """
    with database.write() as connection:
        release(connection, token, at)
    Store(database, SystemClock()).append(
        Entry(
            at=at,
            actor=actor,
            kind=RESTORED,
            subject="store",
            data={"head": proved.head, "entries": proved.entries, "before": before},
        )
    )


def release(connection: Connection, token: int, at: datetime) -> None:
    """Let go of every lease, and keep the greatest token."""
    connection.execute(update(leases).values(held=0))
    newest = max(token, connection.execute(select(func.max(leases.c.token))).scalar() or 0)
    connection.execute(delete(leases).where(leases.c.account_id == _TOKENS))
    row = {
        "account_id": _TOKENS,
        "token": newest + 1,
        "held": 0,
        "host": "",
        "pid": 0,
        "started": "",
        "boot": "",
        "acquired_at": to_text(at),
        "beat_at": to_text(at),
        "beat_clock": 0.0,
    }
    connection.execute(insert(leases), row)


def greatest_token(connection: Connection) -> int:
    """The greatest fencing token that was given."""
    return connection.execute(select(func.max(leases.c.token))).scalar() or 0


def refuse_held(store: Store) -> None:
    """Refuse to restore under somebody's hands.

    Raises:
        LeaseHeld: a lease is held.
    """
    held = store.holders()
    if held:
        raise in_use(store.label, held[0])


def in_use(label: str, who: str) -> LeaseHeld:
    """What to say where somebody works on the store."""
    return LeaseHeld(
        f"{label}: {who} works on the store; stop gatekeeper everywhere, then restore",
        zh=f"{label}：{who} 正在使用该存储，请先停止所有 gatekeeper 进程再恢复",
    )


def stamp(at: datetime) -> str:
    """A time as part of a name: 20260504T080000Z."""
    return at.astimezone(UTC).strftime("%Y%m%dT%H%M%SZ")


def _left(address: Address) -> tuple[int, str | None]:
    """The greatest token and the trail's head of the store that is there; 0 and none without.

    One that is damaged gives neither: it may be the reason why a backup is wanted.
    """
    if address.missing():
        return 0, None
    with Database(address) as database:
        try:
            store = Store(database, SystemClock())
            refuse_held(store)
            with database.read() as connection:
                token = greatest_token(connection)
            return token, store.trail_head()
        except LeaseHeld:
            raise
        except (StoreError, SQLAlchemyError):
            return 0, None


def _copy(source: Path, target: Path, label: str) -> None:
    """Copy an SQLite database in one moment of it, whatever is written meanwhile."""
    try:
        with (
            closing(sqlite3.connect(_uri(source, "rw"), uri=True, timeout=BUSY_SECONDS)) as read,
            closing(sqlite3.connect(target, timeout=BUSY_SECONDS)) as write,
        ):
            read.backup(write)
            # One file, without a log beside it.
            write.execute("PRAGMA journal_mode = DELETE").fetchone()
            bad = write.execute("PRAGMA quick_check(1)").fetchone()[0]
    except sqlite3.Error as error:
        raise StoreError(
            f"{label}: cannot be copied ({error}); check the file and the disk",
            zh=f"{label}：无法复制（{error}），请检查该文件和磁盘",
        ) from None
    if bad != "ok":
        raise StoreError(
            f"{label}: the SQLite database is damaged ({bad}); take an earlier backup",
            zh=f"{label}：SQLite 数据库已损坏（{bad}），请使用更早的备份",
        )


def _uri(path: Path, mode: str) -> str:
    return f"{path.absolute().as_uri()}?mode={mode}"


def _single(path: Path) -> None:
    """Take the log of a database that nobody else has open into its file."""
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA journal_mode = DELETE").fetchone()


def _swap(path: Path, temporary: Path, at: datetime) -> Path | None:
    """Put ``temporary`` in the place of ``path``; where what stood there lies now."""
    if not path.exists():
        os.replace(temporary, path)  # noqa: PTH105
        _flush_folder(path)
        return None
    kept = path.with_name(f"{path.name}.before-{stamp(at)}")
    number = 1
    while os.path.lexists(kept):
        number += 1
        kept = path.with_name(f"{path.name}.before-{stamp(at)}-{number}")
    with _alone(path):
        for suffix in ("-wal", "-shm"):
            # Left behind by a damaged database alone; beside another file they would spoil it.
            with contextlib.suppress(FileNotFoundError):
                path.with_name(path.name + suffix).rename(kept.with_name(kept.name + suffix))
        os.link(path, kept)
        os.replace(temporary, path)  # noqa: PTH105
    _flush_folder(path)
    return kept


@contextmanager
def _alone(path: Path) -> Iterator[None]:
    """Hold an SQLite database that nobody else has open.

    In write-ahead mode every open connection holds a shared lock; leaving the mode needs the
    exclusive one.

    Raises:
        LeaseHeld: another process has it open.
    """
    connection = sqlite3.connect(path, timeout=_LOCK_SECONDS, isolation_level=None)
    with closing(connection):
        try:
            mode = connection.execute("PRAGMA journal_mode = DELETE").fetchone()
            connection.execute("BEGIN EXCLUSIVE")
        except sqlite3.OperationalError as error:
            if "locked" not in str(error):
                raise StoreError(
                    f"{path}: cannot be replaced ({error}); check the file and its folder",
                    zh=f"{path}：无法替换（{error}），请检查该文件及其目录",
                ) from None
            raise in_use(str(path), "another process") from None
        except sqlite3.DatabaseError:
            # Damaged beyond its header: SQLite cannot lock it, and nobody can work on it.
            yield
            return
        if mode != ("delete",):
            raise in_use(str(path), "another process")
        yield


@contextmanager
def _beside(target: Path) -> Iterator[Path]:
    """An empty file of our own in the folder of ``target``; gone at the end if it was not moved."""
    handle, name = tempfile.mkstemp(dir=target.absolute().parent, prefix=f".{target.name}.")
    os.close(handle)
    temporary = Path(name)
    try:
        yield temporary
    finally:
        for suffix in ("", "-wal", "-shm", "-journal"):
            with contextlib.suppress(FileNotFoundError):
                temporary.with_name(temporary.name + suffix).unlink()


def _place(temporary: Path, target: Path, *, force: bool) -> None:
    if force:
        os.replace(temporary, target)  # noqa: PTH105
    else:
        os.link(temporary, target)  # fails where somebody was faster
    _flush_folder(target)


def _flush(path: Path) -> None:
    handle = os.open(path, os.O_RDWR)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _flush_folder(path: Path) -> None:
    if os.name == "nt":
        return
    handle = os.open(path.absolute().parent, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _exists(target: Path) -> StoreError:
    return StoreError(
        f"{target}: the file is there already; choose another name, or pass --force",
        zh=f"{target}：文件已存在，请换一个文件名，或使用 --force",
    )


def _unwritten(target: Path, error: OSError) -> StoreError:
    why = error.strerror or type(error).__name__
    return StoreError(
        f"{target}: cannot be written ({why}); check the folder and the disk",
        zh=f"{target}：无法写入（{why}），请检查目录和磁盘",
    )
