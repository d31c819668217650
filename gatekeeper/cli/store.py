"""``gatekeeper store``: backups, the schema, and what is kept for how long."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from gatekeeper.cli import options
from gatekeeper.cli.output import say, show
from gatekeeper.cli.root import COMMANDS, Command, command_app
from gatekeeper.cli.status import CLEAN, FOUND, INCOMPLETE
from gatekeeper.cli.stores import no_store, present_store

app = command_app(COMMANDS["store"].summary)


@app.callback()
def _store() -> None:
    """Back the store up, put it back, bring its schema up to date, seal it, drop what is old."""


@app.command("backup", cls=Command)
def backup(
    context: typer.Context,
    target: Annotated[
        Path,
        typer.Argument(
            metavar="FILE|DIR", help="The file to write, or a folder that gets one with the time."
        ),
    ],
    force: Annotated[
        bool, typer.Option("--force", help="Replace a file that is there already.")
    ] = False,
) -> None:
    """Write a backup, of one moment, while others may write; prints the file's name.

    SQLite gives a database file; PostgreSQL a dump of its schema by pg_dump, found on PATH.
    """
    from gatekeeper.store import write_backup

    settings = options.settings_in(context)
    made = write_backup(settings.store, target, at=options.now(), force=force)
    show(str(made.path))
    say(f"{made.size:,} 字节" if settings.lang == "zh" else f"{made.size:,} bytes")


@app.command("restore", cls=Command)
def restore(
    context: typer.Context,
    source: Annotated[Path, typer.Argument(metavar="FILE", help="What store backup wrote.")],
    by: options.By = None,
) -> None:
    """Put a backup in the place of the store, once its trail and its schema are found sound.

    Nobody may work on the store meanwhile. What stood there is kept beside it.
    """
    from gatekeeper.store import restore_backup

    settings = options.settings_in(context)
    done = restore_backup(settings.store, source, actor=options.whoami(by), at=options.now())
    if settings.lang == "zh":
        say(f"已恢复：审计链 {done.entries} 条，末尾 {done.head}")
        if done.kept:
            say(f"原有数据保留在：{done.kept}")
    else:
        say(f"restored: {done.entries} entries in the trail, head {done.head}")
        if done.kept:
            say(f"what stood there is kept: {done.kept}")


@app.command("migrate", cls=Command)
def migrate(
    context: typer.Context,
    check: Annotated[
        bool, typer.Option("--check", help="Change nothing; exit 3 where the schema is behind.")
    ] = False,
) -> int:
    """Bring the schema up to date, in one transaction, and say from which to which.

    Every other command that opens the store does so too; this one does nothing else.
    """
    from gatekeeper.store import open_store, stored_schema

    settings = options.settings_in(context)
    schema = stored_schema(settings.store)
    if schema is None:
        raise no_store(settings)
    chinese = settings.lang == "zh"
    if schema.current:
        show(
            f"数据库结构已是最新：{schema.newest}"
            if chinese
            else f"schema {schema.newest}: up to date"
        )
        return CLEAN
    if check:
        show(
            f"数据库结构 {schema.found} 落后于 {schema.newest}"
            if chinese
            else f"schema {schema.found}: behind {schema.newest}"
        )
        return FOUND
    open_store(settings.store).close()
    show(
        f"数据库结构：{schema.found} -> {schema.newest}"
        if chinese
        else f"schema {schema.found} -> {schema.newest}"
    )
    return CLEAN


@app.command("seal", cls=Command)
def seal(
    context: typer.Context,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Only count; exit 3 where something is left to seal.")
    ] = False,
    by: options.By = None,
) -> int:
    """Encrypt personal data that stand in the clear, or under an older key, with the first key.

    Keys come from GATEKEEPER_KEY_FILE or GATEKEEPER_KEY.  Contents, digests and versions stay.
    A run that was killed goes on where it stopped.
    """
    settings = options.settings_in(context)
    chinese = settings.lang == "zh"
    with present_store(settings) as store:
        counts = store.seal_counts()
        left = counts.plain + counts.other
        if dry_run:
            show(
                f"明文 {counts.plain}，当前密钥 {counts.newest}，其他密钥 {counts.other}"
                if chinese
                else f"{counts.plain} in the clear, {counts.newest} sealed with the first key, "
                f"{counts.other} with another"
            )
            return FOUND if left else CLEAN
        done = store.seal_register(actor=options.whoami(by), at=options.now())
        cleared = store.purge()
    show(f"已加密：{done}，密钥 {store.keyed}" if chinese else f"sealed: {done}, key {store.keyed}")
    if not cleared:
        say(
            "其他进程正在使用数据库，旧的明文可能仍在文件中；请稍后重新执行 gatekeeper store seal"
            if chinese
            else "others use the database, so old plain text may still be in its files; run "
            "gatekeeper store seal again later"
        )
    return CLEAN if cleared else INCOMPLETE


@app.command("prune", cls=Command)
def prune(
    context: typer.Context,
    config: Annotated[
        str | None,
        typer.Option(
            "--config",
            metavar="FILE",
            envvar="GATEKEEPER_SERVICE",
            show_envvar=False,
            help="The service's settings; its section retention says how long.  "
            "[env: GATEKEEPER_SERVICE]",
        ),
    ] = None,
) -> None:
    """Drop job runs, drift, notices and events that are older than the settings say.

    The trail, the register and findings are kept for ever.
    """
    from gatekeeper.service import load_config
    from gatekeeper.service.retention import prune as drop

    settings = options.settings_in(context)
    retention = load_config(config).retention
    with present_store(settings) as store:
        gone = drop(store, retention, at=options.now())
    show(
        f"已删除：作业记录 {gone.job_runs}，漂移 {gone.drift}，通知 {gone.notices}，"
        f"事件 {gone.events}"
        if settings.lang == "zh"
        else f"dropped: {gone.job_runs} job runs, {gone.drift} drift, {gone.notices} notices,"
        f" {gone.events} events"
    )
