"""Backups of a store on PostgreSQL, by the server's own ``pg_dump``, ``pg_restore`` and ``psql``.

Address and password reach them by their environment, never by the command line, which everybody on
the host can read.

A restore is one transaction: the schema that stands there is renamed, the backup is loaded under
its name, and whoever reads sees the one or the other.  Before that the trail of the backup is
verified here, in a scratch database: the dump's rows are plain text.
"""

from __future__ import annotations

import itertools
import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Final, NamedTuple, TextIO

from sqlalchemy import Connection

from gatekeeper.errors import SchemaOutdated, StoreError
from gatekeeper.store.address import Address, parse_address
from gatekeeper.store.backup import (
    Restored,
    check_report,
    greatest_token,
    in_use,
    refuse_held,
    settle,
    stamp,
)
from gatekeeper.store.engine import Database
from gatekeeper.store.lease import SystemClock
from gatekeeper.store.model import TrailReport
from gatekeeper.store.schema import REVISIONS, ensure, make, read_schema
from gatekeeper.store.store import Store
from gatekeeper.store.verify import verify

_PROVED: Final = ("trail", "applications", "orders")
"""What a verification reads."""
_COPY: Final = re.compile(
    r'COPY ("(?:[^"]|"")+"|[^".\s]+)\.([a-z_]+) \(([a-z_]+(?:, [a-z_]+)*)\) FROM stdin;\n'
)
_ESCAPES: Final = {"b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t", "v": "\v"}
_BATCH: Final = 2000


def dump(address: Address, target: Path) -> None:
    """Write the store's schema into ``target``, in pg_dump's own format.

    Raises:
        StoreError: there is no store, or pg_dump is missing or failed.
    """
    tool = _tool("pg_dump")
    with Database(address) as database:
        schema = _present(database)
    _run(
        address,
        [
            *(tool, "--format=custom", "--no-owner", "--no-privileges", "--no-password"),
            *(f"--schema={_quoted(schema)}", f"--file={target}"),
        ],
    )


def load(address: Address, source: Path, *, actor: str, at: datetime) -> Restored:
    """Put a dump in the place of the store's schema; see ``restore_backup``."""
    to_script, to_server = _tool("pg_restore"), _tool("psql")
    with tempfile.TemporaryDirectory(prefix="gatekeeper-") as folder:
        script = Path(folder) / "restore.sql"
        _run(
            address,
            [
                *(to_script, "--no-owner", "--no-privileges", "--exit-on-error"),
                *(f"--file={script}", str(source)),
            ],
        )
        proved, schema = _prove(script, Path(folder) / "proof.db", str(source))
        with Database(address) as database:
            before = _standing(database, schema)
            aside = _aside(database, schema, at) if before and before.head else None
        first = Path(folder) / "first.sql"
        first.write_text(_first(script, schema, aside, stands=before is not None), "utf-8")
        _run(
            address,
            [
                *(to_server, "--no-psqlrc", "--quiet", "--no-password", "--single-transaction"),
                *("--set=ON_ERROR_STOP=1", "--output=/dev/null"),
                *(f"--file={first}", f"--file={script}"),
            ],
        )
    with Database(address) as database:
        ensure(database, create=False)
        token, head = before or (0, "")
        settle(database, proved, actor=actor, at=at, token=token, before=head or None)
    return Restored(proved.entries, proved.head, aside and f"{address.label}, schema {aside}")


class _Before(NamedTuple):
    """What the store that is there leaves behind."""

    token: int
    head: str
    """Empty where the schema is there and has nothing in it."""


def _present(database: Database) -> str:
    """The schema's name, where it has a store."""
    if read_schema(database).found is None:
        label = database.address.label
        raise StoreError(
            f"{label}: there is nothing to back up; check --store or GATEKEEPER_STORE",
            zh=f"{label}：没有可备份的内容，请检查 --store 或 GATEKEEPER_STORE",
        )
    return _schema_name(database)


def _schema_name(database: Database) -> str:
    with database.read() as connection:
        return str(connection.exec_driver_sql("SELECT current_schema()").scalar_one() or "")


def _standing(database: Database, schema: str) -> _Before | None:
    """What stands under the name of the backup's schema.

    Raises:
        LeaseHeld: somebody works on it.
        StoreError: the address names another schema.
    """
    label, here = database.address.label, _schema_name(database)
    if here and here != schema:
        raise StoreError(
            f"{label}: the backup is of schema {schema}, the address names {here}; write"
            f" ?options=-csearch_path%3D{schema}",
            zh=f"{label}：备份属于 schema {schema}，而地址指向 {here}；"
            f"请写作 ?options=-csearch_path%3D{schema}",
        )
    if not here:
        return None
    with database.read() as connection:
        others = connection.exec_driver_sql(
            "SELECT count(*) FROM pg_catalog.pg_stat_activity WHERE datname = current_database()"
            " AND application_name = 'gatekeeper' AND pid <> pg_backend_pid()"
        ).scalar_one()
        tables = connection.exec_driver_sql(
            "SELECT count(*) FROM pg_catalog.pg_tables WHERE schemaname = current_schema()"
        ).scalar_one()
    if read_schema(database).found is None:
        if tables:
            raise StoreError(
                f"{label}: schema {schema} belongs to another program; name another store",
                zh=f"{label}：schema {schema} 属于其他程序，请使用其他存储",
            )
        return _Before(0, "")
    store = Store(database, SystemClock())
    refuse_held(store)
    if others:
        raise in_use(label, f"{others} connections of gatekeeper")
    with database.read() as connection:
        token = greatest_token(connection)
    return _Before(token, store.trail_head())


def _aside(database: Database, schema: str, at: datetime) -> str:
    """A name that no schema has yet; the server takes 63 bytes."""
    with database.read() as connection:
        names = connection.exec_driver_sql("SELECT nspname FROM pg_catalog.pg_namespace").scalars()
        taken = set(names)
    stem = f"{schema.encode()[:36].decode(errors='ignore')}_before_{stamp(at).lower()}"
    numbers = itertools.count(2)
    name = stem
    while name in taken:
        name = f"{stem}_{next(numbers)}"
    return name


def _first(script: Path, schema: str, aside: str | None, *, stands: bool) -> str:
    """What goes before the script, in its transaction: room under the schema's name."""
    name = _quoted(schema)
    move = f"ALTER SCHEMA {name} RENAME TO {_quoted(aside)};\n" if aside else ""
    if stands and not aside:
        move = f"DROP SCHEMA {name} RESTRICT;\n"
    with script.open(encoding="utf-8") as stream:
        for line in stream:
            if line.startswith("CREATE SCHEMA "):
                return move
            if line.startswith("COPY "):
                break
    # pg_dump makes every schema but the one that is always there.
    return f"{move}CREATE SCHEMA {name};\n"


def _prove(script: Path, scratch: Path, label: str) -> tuple[TrailReport, str]:
    """Verify the trail that the script loads, and name the schema that it loads it into.

    The tables are made in ``scratch`` as the backup's version had them, filled, and brought up to
    date, as the store's will be.
    """
    revision, schema = _told(script, label)
    address = parse_address(f"sqlite:///{scratch}")._replace(label=label)
    with Database(address) as database:
        make(database, revision)
        with (
            database.write(trail=True) as connection,
            script.open(encoding="utf-8", newline="\n") as stream,
        ):
            for _, name, columns, rows in _tables(stream):
                if name in _PROVED:
                    _fill(database, connection, name, columns, rows)
        ensure(database, create=False)
        with database.read() as connection:
            report = verify(connection, None, database.seal)
    check_report(report, label)
    return report, schema


def _told(script: Path, label: str) -> tuple[str, str]:
    """The revision of the backup, and the name of its schema."""
    revision, schema = None, None
    with script.open(encoding="utf-8", newline="\n") as stream:
        for found, name, _, rows in _tables(stream):
            if name == "alembic_version":
                revision = next(rows, (None,))[0]
            elif name == "trail":
                schema = found
    if revision is None or schema is None:
        raise StoreError(
            f"{label}: this is no backup of a store: it has no tables of gatekeeper",
            zh=f"{label}：不是有效的备份，其中没有 gatekeeper 的数据表",
        )
    if revision not in REVISIONS:
        raise SchemaOutdated(
            f"{label}: the backup has schema {revision}, this gatekeeper knows up to"
            f" {REVISIONS[-1]}; upgrade gatekeeper",
            zh=f"{label}：备份的数据库结构版本为 {revision}，本程序最高支持 {REVISIONS[-1]}，"
            "请升级 gatekeeper",
        )
    return revision, schema


_Rows = Iterator[tuple[str | None, ...]]


def _tables(stream: TextIO) -> Iterator[tuple[str, str, list[str], _Rows]]:
    """The tables whose rows a script loads; the rows of one must be read before the next."""
    for line in stream:
        match = _COPY.fullmatch(line)
        if match is None:
            continue
        rows = _rows(stream)
        columns = match[3].split(", ")
        yield _unquoted(match[1]), match[2], columns, rows
        for _ in rows:
            pass


def _rows(stream: TextIO) -> _Rows:
    """Rows in the text format of COPY, up to its end."""
    for line in stream:
        text = line.removesuffix("\n")
        if text == "\\.":
            return
        yield tuple(_value(field) for field in text.split("\t"))


def _value(field: str) -> str | None:
    if field == "\\N":
        return None
    if "\\" not in field:
        return field
    return re.sub(r"\\(.)", lambda match: _ESCAPES.get(match[1], match[1]), field)


def _fill(
    database: Database, connection: Connection, table: str, columns: list[str], rows: _Rows
) -> None:
    """Insert rows; SQLite makes numbers of the text in columns of numbers."""
    marks = ", ".join("?" * len(columns))
    statement = f"INSERT INTO {table} ({', '.join(columns)}) VALUES ({marks})"  # noqa: S608
    while batch := list(itertools.islice(rows, _BATCH)):
        database.many(connection, statement, batch)


def _run(address: Address, command: list[str]) -> None:
    """Run a tool of PostgreSQL on the store's database."""
    name = Path(command[0]).name
    done = subprocess.run(  # noqa: S603 - a tool found on PATH, its arguments are ours
        command,
        env=_environment(address),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        check=False,
    )
    if done.returncode == 0:
        return
    said = done.stderr.decode("utf-8", "replace").strip().splitlines()
    first = re.sub(r"^psql:\S+:\d+: ", "", said[0]) if said else f"status {done.returncode}"
    why = address.redact(first)
    raise StoreError(
        f"{address.label}: {name} failed: {why}", zh=f"{address.label}：{name} 失败：{why}"
    )


def _environment(address: Address) -> dict[str, str]:
    """The environment by which libpq finds the database, in place of what is set already."""
    from psycopg import Error, pq

    url = address.url.replace("postgresql+psycopg://", "postgresql://", 1)
    try:
        given = pq.Conninfo.parse(url.encode())
    except Error as error:
        raise StoreError(f"{address.label}: {address.redact(str(error).strip())}") from None
    return {
        **os.environ,
        "PGAPPNAME": "gatekeeper backup",
        "PGCONNECT_TIMEOUT": "10",
        "PGCLIENTENCODING": "UTF8",
        "LC_ALL": "C.UTF-8",
        **{
            one.envvar.decode(): one.val.decode()
            for one in given
            if one.val is not None and one.envvar is not None
        },
    }


def _tool(name: str) -> str:
    found = shutil.which(name)
    if found is None:
        raise StoreError(
            f"{name} is not on PATH; install PostgreSQL's client programs of the server's version",
            zh=f"PATH 中没有 {name}，请安装与服务器版本一致的 PostgreSQL 客户端程序",
        )
    return found


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def _unquoted(name: str) -> str:
    return name[1:-1].replace('""', '"') if name.startswith('"') else name
