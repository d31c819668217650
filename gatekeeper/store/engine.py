"""Connections and transactions on SQLite and PostgreSQL, and their errors as ``StoreError``.

SQLite: write-ahead log, ``synchronous=FULL``, foreign keys.  The driver's own transaction magic is
switched off; a read begins with BEGIN and sees one moment, a write begins with BEGIN IMMEDIATE, so
that it waits for other writers before it reads and never fails half-way for want of the lock.

PostgreSQL: a read is REPEATABLE READ, one moment too.  A write that adds to the trail takes an
advisory lock first, before any row lock, so that the chain has one writer and no deadlocks.
"""

from __future__ import annotations

import os
import stat
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from contextvars import ContextVar
from typing import Any, Final, Self

from sqlalchemy import URL, Connection, Engine, Table, create_engine, event, exc, make_url
from sqlalchemy.pool import StaticPool

from gatekeeper.errors import StoreError
from gatekeeper.store.address import Address
from gatekeeper.store.seal import read_seal

BUSY_SECONDS: Final = 30.0
"""How long a statement waits for another writer of an SQLite file."""
CONNECT_SECONDS: Final = 10
_IDLE_SECONDS: Final = 30
"""How long a transaction on PostgreSQL may wait for its own process."""
BATCH: Final = 500
"""Values in one IN list; an old SQLite takes 999 parameters."""
_COPY_FROM: Final = 100
"""From so many rows on PostgreSQL's COPY is the faster insert."""
_TRAIL_LOCK: Final = 0x6761_7465
"""With the hash of the schema's name, the advisory lock of a trail and its schema."""


class Database:
    """One store's connections.  Threads may share it: each transaction has its own connection."""

    def __init__(self, address: Address) -> None:
        self.address = address
        self.seal = read_seal()
        self.sqlite = address.dialect == "sqlite"
        # A database in memory is one connection, so its transactions take turns.
        alone = self.sqlite and address.path is None
        self._turn = threading.RLock() if alone else nullcontext()
        self._guard: ContextVar[Callable[[Connection], object] | None] = ContextVar(
            "guard", default=None
        )
        self._joined: ContextVar[Connection | None] = ContextVar("joined", default=None)
        with self.translated():
            self._engine = _sqlite_engine(address) if self.sqlite else _postgresql_engine(address)
        if self.sqlite:
            self._reading = self._engine
            self._writing = self._engine.execution_options(gatekeeper_begin="BEGIN IMMEDIATE")
        else:
            self._reading = self._engine.execution_options(isolation_level="REPEATABLE READ")
            # Behind the lock the newest state must be seen, whatever the server's default is.
            self._writing = self._engine.execution_options(isolation_level="READ COMMITTED")

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """A transaction that sees one moment of the store."""
        joined = self._joined.get()
        if joined is not None:
            yield joined
            return
        with self._turn, self.translated(), self._reading.begin() as connection:
            yield connection

    @contextmanager
    def write(self, *, trail: bool = False) -> Iterator[Connection]:
        """A transaction that changes the store; ``trail`` if it may add to the trail."""
        joined = self._joined.get()
        if joined is not None:
            if trail:
                self.lock_trail(joined)
            yield joined
            return
        with self._turn, self.translated(), self._writing.begin() as connection:
            if trail:
                self.lock_trail(connection)
            guard = self._guard.get()
            if guard is not None:
                guard(connection)
            yield connection

    @contextmanager
    def together(self) -> Iterator[None]:
        """Let everything that this context reads and writes be one transaction.

        Each transaction costs SQLite the pages that it touches, however little it writes.
        """
        with self.write() as connection:
            before = self._joined.set(connection)
            try:
                yield
            finally:
                self._joined.reset(before)

    @contextmanager
    def guarded(self, guard: Callable[[Connection], object]) -> Iterator[None]:
        """Let ``guard`` look at every transaction that this context writes; it refuses by raising.

        Threads that are started meanwhile are not in this context.
        """
        before = self._guard.set(guard)
        try:
            yield
        finally:
            self._guard.reset(before)

    def lock_trail(self, connection: Connection) -> None:
        """Make this transaction the trail's only writer until it ends."""
        if not self.sqlite:
            connection.exec_driver_sql(
                "SELECT pg_advisory_xact_lock(%s, hashtext(current_schema()))", (_TRAIL_LOCK,)
            )

    def insert(self, connection: Connection, table: Table, rows: Sequence[tuple[Any, ...]]) -> None:
        """Insert whole rows, in the order of the table's columns, the fastest way."""
        if not rows:
            return
        names = ", ".join(column.name for column in table.columns)
        if not self.sqlite and len(rows) >= _COPY_FROM:
            raw = connection.connection.driver_connection
            assert raw is not None
            try:
                with (
                    raw.cursor() as cursor,
                    cursor.copy(f"COPY {table.name} ({names}) FROM STDIN") as copy,
                ):
                    for row in rows:
                        copy.write_row(row)
            except self._engine.dialect.loaded_dbapi.Error as error:
                raise StoreError(self._line(error)) from error
            return
        marks = ", ".join("?" * len(table.columns))
        self.many(connection, f"INSERT INTO {table.name} ({names}) VALUES ({marks})", rows)  # noqa: S608

    @contextmanager
    def unindexed(self, connection: Connection, table: Table) -> Iterator[None]:
        """Fill an empty table on PostgreSQL: its indexes are made at the end, in one go each.

        Others wait for the table until the transaction ends.  A role that does not own the table
        keeps the indexes, and takes longer.
        """
        owned = not self.sqlite and self._owned(connection, table)
        indexes = sorted(table.indexes, key=lambda index: str(index.name)) if owned else []
        for index in indexes:
            index.drop(connection)
        yield
        for index in indexes:
            index.create(connection)

    def add_missing(
        self, connection: Connection, table: Table, rows: Sequence[tuple[Any, ...]]
    ) -> None:
        """``insert`` for rows of text that may be there already; those stay as they are."""
        names = ", ".join(column.name for column in table.columns)
        if self.sqlite:
            marks = ", ".join("?" * len(table.columns))
            values = f"VALUES ({marks})"
            given: Sequence[tuple[Any, ...]] = rows
        else:
            arrays = ", ".join(["?::text[]"] * len(table.columns))
            values = f"SELECT * FROM unnest({arrays})"  # noqa: S608
            given = [tuple(map(list, zip(*rows, strict=True)))] if rows else []
        self.many(
            connection,
            f"INSERT INTO {table.name} ({names}) {values} ON CONFLICT DO NOTHING",
            given,
        )

    def many(self, connection: Connection, statement: str, rows: Sequence[tuple[Any, ...]]) -> int:
        """Run ``statement``, its parameters written as ``?``, for each row; the rows touched."""
        if not rows:
            return 0
        text = statement if self.sqlite else statement.replace("?", "%s")
        return connection.exec_driver_sql(text, list(rows)).rowcount

    def rewrite(self, table: Table, *, wait: float) -> bool:
        """Write a table of PostgreSQL anew, without what was deleted from it.

        Others wait for the table meanwhile.  ``False`` where the role does not own it.

        Raises:
            StoreError: others held the table for ``wait`` seconds.
        """
        alone = self._engine.execution_options(isolation_level="AUTOCOMMIT")
        with self.translated(), alone.connect() as connection:
            if not self._owned(connection, table):
                return False
            connection.exec_driver_sql(f"SET lock_timeout = {round(wait * 1000)}")
            try:
                connection.exec_driver_sql(f"VACUUM (FULL) {table.name}")
            finally:
                connection.exec_driver_sql("RESET lock_timeout")
        return True

    def _owned(self, connection: Connection, table: Table) -> bool:
        return bool(
            connection.exec_driver_sql(
                "SELECT pg_has_role(relowner, 'USAGE') FROM pg_catalog.pg_class"
                " WHERE oid = %s::regclass",
                (table.name,),
            ).scalar()
        )

    @contextmanager
    def translated(self) -> Iterator[None]:
        """Errors of the driver as one line that names the store and never a password."""
        try:
            yield
        except exc.DBAPIError as error:
            raise self._explain(error) from error
        except exc.SQLAlchemyError as error:
            raise StoreError(self._line(error)) from error
        except ModuleNotFoundError as error:
            if error.name != "psycopg":
                raise
            raise StoreError(
                f"{self.address.label}: the PostgreSQL driver is not installed; "
                "pip install 'gatekeeper[postgres]'",
                zh=f"{self.address.label}：未安装 PostgreSQL 驱动，"
                "请执行 pip install 'gatekeeper[postgres]'",
            ) from None

    def close(self) -> None:
        self._engine.dispose()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _line(self, error: BaseException) -> str:
        words = str(getattr(error, "orig", None) or error).strip() or type(error).__name__
        first = words.splitlines()[0]
        return self.address.redact(f"{self.address.label}: the store refused: {first}")

    def _explain(self, error: exc.DBAPIError) -> StoreError:
        words = str(error.orig).strip()
        label = self.address.label
        for sign, english, chinese in _SQLITE_SIGNS if self.sqlite else ():
            if sign in words:
                return StoreError(f"{label}: {english}", zh=f"{label}：{chinese}")
        lost = isinstance(error, exc.OperationalError | exc.InterfaceError)
        if not self.sqlite and lost and ("connection" in words or error.connection_invalidated):
            why = self.address.redact((words.splitlines() or ["no answer"])[0])
            return StoreError(
                f"{label}: cannot reach the server ({why}); check the address, the user and "
                "whether the server runs",
                zh=f"{label}：无法连接数据库服务器（{why}），请检查地址、用户以及服务器是否运行",
            )
        return StoreError(self._line(error))


def batches(values: Iterable[str], size: int) -> Iterable[list[str]]:
    """Distinct values, in lists of ``size`` at most."""
    names = list(dict.fromkeys(values))
    return (names[start : start + size] for start in range(0, len(names), size))


_PRAGMAS: Final = (
    "foreign_keys = ON",
    "synchronous = FULL",
    "trusted_schema = OFF",
    "cache_size = -65536",  # KiB, so that a large import writes each page once
)

_SQLITE_SIGNS: Final = (
    (
        "database is locked",
        f"another process held the database for {BUSY_SECONDS:.0f} s; try again when it is done",
        f"其他进程占用数据库已达 {BUSY_SECONDS:.0f} 秒，请待其结束后重试",
    ),
    (
        "file is not a database",
        "the file is not an SQLite database; name another file with --store",
        "该文件不是 SQLite 数据库，请用 --store 指定其他文件",
    ),
    (
        "malformed",
        "the SQLite database is damaged; restore a backup",
        "SQLite 数据库已损坏，请从备份恢复",
    ),
    (
        "unable to open database file",
        "the database cannot be opened; check that the folder exists and may be written",
        "无法打开数据库文件，请检查目录是否存在且可写",
    ),
    (
        "readonly database",
        "the database may not be written; check the permissions of the file and its folder",
        "数据库不可写，请检查文件及其目录的权限",
    ),
    ("disk is full", "the disk is full; make room", "磁盘已满，请清理空间"),
    (
        "disk I/O error",
        "the disk takes or gives no data: it is full, over its quota or failing; see to it",
        "磁盘无法读写：空间已满、超出配额或发生故障，请检查磁盘",
    ),
)


def _sqlite_engine(address: Address) -> Engine:
    options: dict[str, Any] = {"connect_args": {"timeout": BUSY_SECONDS}}
    if address.path is None:
        options |= {"poolclass": StaticPool}
        options["connect_args"]["check_same_thread"] = False
        url = URL.create("sqlite")
    else:
        _create_private(address)
        url = URL.create("sqlite", database=str(address.path))
    engine = create_engine(url, hide_parameters=True, **options)

    @event.listens_for(engine, "connect")
    def _prepare(connection: Any, _record: Any) -> None:
        connection.isolation_level = None
        for pragma in _PRAGMAS:
            connection.execute(f"PRAGMA {pragma}").close()
        if address.path is not None:
            _write_ahead(connection)

    @event.listens_for(engine, "begin")
    def _begin(connection: Connection) -> None:
        words = connection.get_execution_options().get("gatekeeper_begin", "BEGIN")
        connection.exec_driver_sql(words)

    return engine


def _write_ahead(connection: Any) -> None:
    """Switch the file to write-ahead logging, once in its life."""
    if connection.execute("PRAGMA journal_mode").fetchone() != ("wal",):
        connection.execute("PRAGMA journal_mode = WAL").fetchone()


def _create_private(address: Address) -> None:
    """Create the file so that only its owner reads it; SQLite gives its log the same mode."""
    assert address.path is not None
    try:
        handle = os.open(address.path, os.O_RDWR | os.O_CREAT, stat.S_IRUSR | stat.S_IWUSR)
    except OSError as error:
        raise StoreError(
            f"{address.label}: the database cannot be opened ({error.strerror}); check that the "
            "folder exists and may be written",
            zh=f"{address.label}：无法打开数据库文件（{error.strerror}），请检查目录是否存在且可写",
        ) from None
    os.close(handle)


def _postgresql_engine(address: Address) -> Engine:
    url = make_url(address.url)
    connect = {"connect_timeout": CONNECT_SECONDS, "application_name": "gatekeeper"}
    engine = create_engine(
        url,
        hide_parameters=True,
        pool_pre_ping=True,
        connect_args={name: value for name, value in connect.items() if name not in url.query},
    )

    @event.listens_for(engine, "connect")
    def _prepare(connection: Any, _record: Any) -> None:
        # A journal entry is worth nothing if a crash may lose it.
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT set_config('synchronous_commit', 'on', false) "
                "WHERE current_setting('synchronous_commit') = 'off'"
            )
            # A process that is paused inside a transaction must not keep its locks for ever.
            cursor.execute(f"SET idle_in_transaction_session_timeout = '{_IDLE_SECONDS}s'")
        connection.commit()

    return engine
