"""``gatekeeper decisions``: the feed for stacks and CI."""

from __future__ import annotations

import typer

from gatekeeper.cli import options
from gatekeeper.cli.output import show
from gatekeeper.cli.root import COMMANDS, Command, command_app
from gatekeeper.cli.scope import overlook
from gatekeeper.cli.status import CLEAN, INCOMPLETE

app = command_app()


@app.command("decisions", cls=Command, short_help=COMMANDS["decisions"].summary)
def decisions(
    context: typer.Context,
    dump: options.Dump = None,
    account: options.Accounts = None,
    workers: options.WorkersOption = options.WORKERS,
    out: options.Out = None,
) -> int:
    """Print the decision feed for stacks and CI as JSON; it expires after decision_ttl.

    Exit 4 where something could not be read: those endpoints are unknown in the feed.
    """
    from gatekeeper.feed import feed
    from gatekeeper.report.files import write_whole
    from gatekeeper.report.text import to_json

    settings = options.settings_in(context)
    only = options.unique(account)
    with overlook(settings, dump=dump, only=only, workers=workers) as look:
        document = feed(look.found, trail_head=look.trail_head, offline=look.recorded)
    text = to_json(document) + "\n"
    if out is None:
        show(text)
    else:
        write_whole(out, text)
    return CLEAN if look.found.complete else INCOMPLETE
