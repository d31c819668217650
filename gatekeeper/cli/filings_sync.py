"""``gatekeeper filings sync``: applications from portals, each portal whole or not at all."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from gatekeeper.cli import options
from gatekeeper.cli.output import deliver, say
from gatekeeper.cli.progress import watched
from gatekeeper.cli.root import Command
from gatekeeper.cli.status import CLEAN
from gatekeeper.cli.stores import reading_store, writing_store
from gatekeeper.errors import GatekeeperError, ImportRefused, UsageError

if TYPE_CHECKING:
    from gatekeeper.cli.settings import Lang, Settings
    from gatekeeper.sync import Portal, Portals, Synced, Window

_FAILED: Final = 1
_STALE_SHOWN: Final = 20


def register(app: typer.Typer) -> None:
    """Add the command to ``filings``."""
    app.command("sync", cls=Command)(sync)


def sync(
    context: typer.Context,
    names: Annotated[
        list[str] | None,
        typer.Argument(metavar="[NAME...]", help="Only these portals.  Default: all of the file."),
    ] = None,
    portals: Annotated[
        str | None,
        typer.Option(
            "--portals",
            metavar="FILE",
            envvar="GATEKEEPER_PORTALS",
            show_envvar=False,
            help="The portals, and what their fields mean.  [env: GATEKEEPER_PORTALS]",
        ),
    ] = None,
    since: Annotated[
        datetime | None,
        typer.Option(
            "--since",
            metavar="TIME",
            parser=options.read_time,
            help="What changed from then on; without an offset it is Asia/Shanghai.  Default: "
            "since the last sync.",
        ),
    ] = None,
    full: Annotated[
        bool, typer.Option("--full", help="Everything, whatever the last sync brought.")
    ] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Say what would change; store nothing.")
    ] = False,
    by: options.By = None,
    spool: Annotated[
        Path | None,
        typer.Option(
            "--spool",
            metavar="DIR",
            help="Where pages wait for the others, so that a sync that broke off can go on.  "
            "Default: beside the store, or in the user's state folder.",
        ),
    ] = None,
    form: options.Format = options.Form.TABLE,
    out: options.Out = None,
) -> int:
    """Bring applications from portals: of each portal every row, or with one bad row none.

    A portal that fails does not stop the others; exit 1 then.
    """
    from gatekeeper.report.sync import sync_report
    from gatekeeper.sync import Window, load_portals

    settings = options.settings_in(context)
    if portals is None:
        raise UsageError(
            "name the file of portals with --portals FILE or GATEKEEPER_PORTALS",
            zh="请用 --portals 或 GATEKEEPER_PORTALS 指定门户配置文件",
        )
    if full and since is not None:
        raise UsageError(
            "--full asks for everything, --since for less; choose one",
            zh="--full 与 --since 不能同时使用",
        )
    loaded = load_portals(portals)
    window = Window(since=since, full=full)
    done = [
        _sync(
            portal,
            settings,
            window,
            spool=_spool(settings, loaded, spool),
            actor=options.whoami(by),
            dry_run=dry_run,
        )
        for portal in _chosen(loaded, options.unique(names))
    ]
    deliver(sync_report(done), form=form, out=out, lang=settings.lang)
    if dry_run:
        say("仅试运行，未写入" if settings.lang == "zh" else "dry run: nothing was stored")
    return _FAILED if any(one.error for one in done) else CLEAN


def _chosen(portals: Portals, names: Sequence[str]) -> list[Portal]:
    known = {portal.name: portal for portal in portals.portals}
    for name in names:
        if name not in known:
            raise UsageError(
                f"there is no portal {name!r}; one of {', '.join(known)}",
                zh=f"没有名为 {name!r} 的门户，应为 {'、'.join(known)} 之一",
            )
    return [known[name] for name in names] or list(known.values())


def _spool(settings: Settings, portals: Portals, given: Path | None) -> Path:
    from gatekeeper.store import parse_address
    from gatekeeper.sync import spool_folder

    address = parse_address(settings.store)
    return spool_folder(address.path, address.label, given or portals.spool, os.environ)


def _sync(
    portal: Portal, settings: Settings, window: Window, *, spool: Path, actor: str, dry_run: bool
) -> Synced:
    """One portal; what went wrong with it is said, and part of the report."""
    from gatekeeper.sync import Result, Stores, Synced, sync_portal

    lang = settings.lang

    def watch(pages: Iterator[Any]) -> Iterable[Any]:
        return watched(pages, total=None, label=portal.name)

    try:
        done = sync_portal(
            portal,
            Stores(read=lambda: reading_store(settings), write=lambda: writing_store(settings)),
            spool=spool,
            window=window,
            actor=actor,
            clock=options.now,
            watch=watch,
            dry_run=dry_run,
        )
    except GatekeeperError as error:
        if isinstance(error, ImportRefused):
            for problem in error.problems:
                say(problem.describe(lang))
        say(error.text(lang), lang=lang, error=True)
        return Synced(
            portal=portal.name, result=Result.FAILED, error=error.message, error_zh=error.zh
        )
    _tell(done, lang)
    return done


def _tell(done: Synced, lang: Lang) -> None:
    if done.resumed:
        say(
            f"{done.portal}：接着上次中断处读取，已有 {done.resumed} 页"
            if lang == "zh"
            else f"{done.portal}: went on where it broke off, {done.resumed} pages were there"
        )
    for row in done.merge.stale[:_STALE_SHOWN]:
        where, application = row.where.describe(lang), row.application
        at, status = application.status_at.isoformat(), application.status
        say(
            f"{where}：{application.application_id} 已过时（{status}，{at}），未导入"
            if lang == "zh"
            else f"{where}: {application.application_id} is stale ({status} at {at}), left out"
        )
    more = len(done.merge.stale) - _STALE_SHOWN
    if more > 0:
        say(f"另有 {more} 行已过时" if lang == "zh" else f"{more} more rows are stale, left out")
