"""``gatekeeper audit``: drift since the last verified state."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

import typer

from gatekeeper.cli import options
from gatekeeper.cli.output import deliver
from gatekeeper.cli.root import COMMANDS, Command, command_app
from gatekeeper.cli.scope import overlook
from gatekeeper.cli.status import CLEAN, FOUND, INCOMPLETE, worst

app = command_app()


@app.command("audit", cls=Command, short_help=COMMANDS["audit"].summary)
def audit(
    context: typer.Context,
    dump: options.Dump = None,
    account: options.Accounts = None,
    since: Annotated[
        datetime | None,
        typer.Option(
            "--since",
            metavar="TIME",
            parser=options.read_time,
            help="Say what is new, resolved and drifted since a time, from the history.",
        ),
    ] = None,
    new: Annotated[
        bool, typer.Option("--new", help="Show new findings alone; they alone make exit 3.")
    ] = False,
    workers: options.WorkersOption = options.WORKERS,
    fail_on: options.FailOnOption = options.FailOn.HIGH,
    form: options.PageFormat = options.PageForm.TABLE,
    out: options.Out = None,
) -> int:
    """Say what is new, what is known and what is resolved since the last audit, and what drifted.

    Exit 3 where a finding that stands reaches --fail-on, 4 where something could not be read.
    """
    from gatekeeper.audit import audit as compare
    from gatekeeper.audit import keep
    from gatekeeper.audit import since as tell_since
    from gatekeeper.fleet import name_authors
    from gatekeeper.gate import Overview
    from gatekeeper.report.findings import audit_report

    settings = options.settings_in(context)
    only = options.unique(account)
    with overlook(settings, dump=dump, only=only, workers=workers, decisions=False) as look:
        found = look.found
        result = compare(look.store, found, whole=not only)
        if look.store is not None and isinstance(found, Overview) and not look.recorded:
            result = name_authors(look.store, found, result)
        told = result
        if since is not None and look.store is not None:
            told = tell_since(look.store, result, since)
        if look.store is not None and not look.recorded:
            keep(look.store, found, result, whole=not only)
        shown = [pair for pair in told.findings if pair[1] == "new" or not new]
        report = audit_report(
            shown,
            told.drift,
            found.readings,
            since=told.since,
            trail_head=look.trail_head,
            lang=settings.lang,
        )
    deliver(report, form=form, out=out, lang=settings.lang)
    standing = [finding for finding, state in shown if state != "resolved"]
    return worst(
        (
            FOUND if fail_on.reached(standing) else CLEAN,
            CLEAN if found.complete else INCOMPLETE,
        )
    )
