"""``gatekeeper filings watch``: what the public sees of the filings."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from gatekeeper.cli import options
from gatekeeper.cli.output import deliver, say
from gatekeeper.cli.progress import watched as counted
from gatekeeper.cli.root import Command
from gatekeeper.cli.status import CLEAN, FOUND, INCOMPLETE, worst
from gatekeeper.cli.stores import announced_store

if TYPE_CHECKING:
    from gatekeeper.public import Names, Pages


def register(app: typer.Typer) -> None:
    """Add the command to ``filings``."""
    app.command("watch", cls=Command)(watch_filings)


def watch_filings(
    context: typer.Context,
    filings: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[FILING...]", help="Only these filings or applications.  Default: all."
        ),
    ] = None,
    account: options.Accounts = None,
    at: options.At = None,
    nameserver: Annotated[
        list[str] | None,
        typer.Option(
            "--nameserver",
            metavar="HOST[:PORT]",
            help="Ask this nameserver, by its address; may be given several times.  Default: "
            "those of this machine.",
        ),
    ] = None,
    notice: Annotated[
        list[Path] | None,
        typer.Option(
            "--notice",
            metavar="FILE",
            help="Bureaus' notices about shell filings, as YAML; may be given several times.",
        ),
    ] = None,
    no_pages: Annotated[
        bool, typer.Option("--no-pages", help="Resolve names alone; fetch no page.")
    ] = False,
    fail_on: options.FailOnOption = options.FailOn.LOW,
    form: options.Format = options.Form.TABLE,
    out: options.Out = None,
) -> int:
    """Look at filings in effect, and at applications before their approval, from outside.

    Exit 3 where something is found, 4 where something could not be told or is left for a person
    to look at (4 wins).  Nothing is stored.
    """
    from gatekeeper.desk.watch import subjects, watch_public
    from gatekeeper.report.public import public_report
    from gatekeeper.sources import read_shell_notices

    settings = options.settings_in(context)
    policy = settings.policy()
    moment = at or options.now()
    notices = [one for path in notice or () for one in read_shell_notices(path)]
    names, pages = look_with(nameserver or (), fetch=not no_pages)
    with announced_store(settings) as store:
        wanted = subjects(
            store,
            policy,
            at=moment,
            only=options.unique(filings),
            accounts=options.unique(account),
        )
    found = watch_public(
        wanted,
        names,
        pages,
        notices,
        policy,
        at=moment,
        progress=lambda items, total, label: counted(items, total=total, label=label),
    )
    deliver(public_report(found, lang=settings.lang), form=form, out=out, lang=settings.lang)
    if not wanted:
        say(
            "没有可检查的备案或申请，请检查 --account 和 --at"
            if settings.lang == "zh"
            else "there is no filing or application to look at; check --account and --at"
        )
    return worst(
        (
            FOUND if fail_on.reached(found.findings) else CLEAN,
            INCOMPLETE if found.unclear else CLEAN,
        )
    )


def look_with(nameservers: Sequence[str], *, fetch: bool) -> tuple[Names, Pages | None]:
    """Who resolves and who fetches."""
    from gatekeeper.public import DnsNames, Fetcher, WebPages, read_nameserver

    names = DnsNames([read_nameserver(one) for one in nameservers])
    return names, WebPages(Fetcher(names)) if fetch else None
