"""``gatekeeper filings import``: all of it, or nothing."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterable, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from gatekeeper.cli import options
from gatekeeper.cli.output import deliver, say
from gatekeeper.cli.root import Command
from gatekeeper.cli.stores import announced_store, reading_store, writing_store
from gatekeeper.errors import FilingError, ImportRefused
from gatekeeper.filing import Problem, Row, merge_files

if TYPE_CHECKING:
    from gatekeeper.cli.settings import Settings
    from gatekeeper.store import Store


def register(app: typer.Typer) -> None:
    """Add the command to ``filings``."""
    app.command("import", cls=Command)(import_filings)


def import_filings(
    context: typer.Context,
    files: Annotated[
        list[Path],
        typer.Argument(metavar="FILE...", help="CSV, XLSX, JSON or JSONL files of applications."),
    ],
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Say what would change; store nothing.")
    ] = False,
    by: options.By = None,
    form: options.Format = options.Form.TABLE,
    out: options.Out = None,
) -> None:
    """Import applications: every row, or with one bad row none of them."""
    from gatekeeper.report.register import import_report

    settings = options.settings_in(context)
    check_files(files)
    rows, problems, more = _read(files, settings.lang)
    names = [row.application.application_id for one in rows for row in one]
    with _store(settings, dry_run=dry_run, bad=bool(problems)) as store:
        current = store.stored(names) if store is not None else {}
        merged = merge_files(current, rows, now=options.now())
        bad = (*problems, *merged.problems)
        refuse(bad, len(bad) + more + merged.more_problems)
        if store is not None and not dry_run and merged.steps:
            store.commit_merge(
                merged,
                actor=options.whoami(by),
                source="; ".join(file.name for file in files),
                at=options.now(),
            )
    for row in merged.forgotten:
        where, name = row.where.describe(settings.lang), row.application.application_id
        say(
            f"{where}：{name} 中有人员的信息已按要求删除，未重新导入"
            if settings.lang == "zh"
            else f"{where}: {name} names somebody who was forgotten; that stays so"
        )
    for row in merged.stale:
        where, application = row.where.describe(settings.lang), row.application
        at, status = application.status_at.isoformat(), application.status
        say(
            f"{where}：{application.application_id} 已过时（{status}，{at}），未导入"
            if settings.lang == "zh"
            else f"{where}: {application.application_id} is stale ({status} at {at}), left out"
        )
    report = import_report(merged, files=[str(file) for file in files], dry_run=dry_run)
    deliver(report, form=form, out=out, lang=settings.lang)
    if not merged.steps:
        say("没有变化" if settings.lang == "zh" else "nothing changed")
    elif dry_run:
        say("仅试运行，未写入" if settings.lang == "zh" else "dry run: nothing was stored")


def _store(settings: Settings, *, dry_run: bool, bad: bool) -> AbstractContextManager[Store | None]:
    """What the files are compared with; only an import that may succeed makes a store."""
    if not (dry_run or bad):
        return writing_store(settings)
    return (
        announced_store(settings) if dry_run and settings.store_named else reading_store(settings)
    )


def _read(files: list[Path], lang: str) -> tuple[list[tuple[Row, ...]], list[Problem], int]:
    from gatekeeper.sources import read_applications

    rows: list[tuple[Row, ...]] = []
    problems: list[Problem] = []
    more = 0
    for file in files:
        result = read_applications(file)
        rows.append(result.rows)
        problems.extend(result.problems)
        more += result.more_problems
        for column in result.unknown_columns:
            say(
                f"{file}：未知列 {column}，已忽略"
                if lang == "zh"
                else f"{file}: unknown column {column}, not read"
            )
    return rows, problems, more


def check_files(files: Iterable[Path]) -> None:
    """Let files pass that can be read; one that cannot is no bad row.

    Raises:
        FilingError: a file is missing, is a folder, or may not be read.
    """
    for file in files:
        try:
            if file.is_dir():
                raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR))
            file.stat()
            if not os.access(file, os.R_OK):
                raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))
        except (OSError, ValueError) as error:  # a name may hold what no name can
            why = (error.strerror if isinstance(error, OSError) else None) or str(error)
            raise FilingError(
                f"{file}: cannot read the file ({why}); nothing was stored: check the path",
                zh=f"{file}：无法读取文件（{why}），未写入任何记录；请检查路径",
            ) from None


def refuse(bad: Sequence[Problem], count: int) -> None:
    """Stop where any row is bad; ``count`` also counts those that are not listed.

    Raises:
        ImportRefused: something is wrong, so nothing may be stored.
    """
    if not bad:
        return
    raise ImportRefused(
        f"{count} bad row{'s' if count > 1 else ''}; nothing was stored: mend the file and "
        "import it again",
        bad,
        zh=f"共 {count} 处错误，未写入任何记录；请修正文件后重新导入",
    )
