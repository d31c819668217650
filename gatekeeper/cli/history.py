"""``gatekeeper history``: the trail as it stands."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

import typer

from gatekeeper.cli import options
from gatekeeper.cli.masking import told
from gatekeeper.cli.output import deliver
from gatekeeper.cli.root import COMMANDS, Command, command_app
from gatekeeper.cli.stores import announced_store
from gatekeeper.store import EMPTY_HEAD, TrailEntry

app = command_app()


@app.command("history", cls=Command, short_help=COMMANDS["history"].summary)
def history(
    context: typer.Context,
    account: Annotated[
        str | None,
        typer.Option(
            "--account", metavar="ID", parser=options.read_account_id, help="Only this account."
        ),
    ] = None,
    subject: Annotated[
        str | None,
        typer.Option(
            "--subject",
            metavar="ID",
            help="Only what is about this application, filing, account, plan or run.",
        ),
    ] = None,
    kind: Annotated[
        list[str] | None,
        typer.Option("--kind", metavar="KIND", help="Only this kind, as run.started; repeatable."),
    ] = None,
    since: Annotated[
        datetime | None,
        typer.Option(
            "--since",
            metavar="TIME",
            parser=options.read_time,
            help="Only from then on; ISO 8601, without an offset it is Asia/Shanghai.",
        ),
    ] = None,
    limit: Annotated[
        int | None,
        typer.Option("--limit", min=1, max=options.MOST_ROWS, help="Only the newest so many."),
    ] = None,
    form: options.Format = options.Form.TABLE,
    out: options.Out = None,
) -> None:
    """Who did what, newest last: imports, moves, orders, plans, runs and every AWS change."""
    from gatekeeper.report.register import trail_report

    settings = options.settings_in(context)
    with announced_store(settings) as store:
        entries: tuple[TrailEntry, ...] = ()
        head = EMPTY_HEAD
        if store is not None:
            entries = store.history(
                subject=subject,
                account_id=account,
                kinds=options.unique(kind) or None,
                since=since,
                limit=limit,
                newest_first=limit is not None,
            )
            head = store.trail_head()
    if limit is not None:
        entries = tuple(reversed(entries))
    deliver(trail_report(told(entries), head), form=form, out=out, lang=settings.lang)
