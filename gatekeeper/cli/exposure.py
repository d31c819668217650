"""``gatekeeper exposure``: a report; it needs no register and never makes a database."""

from __future__ import annotations

import typer

from gatekeeper.cli import options
from gatekeeper.cli.output import deliver
from gatekeeper.cli.root import COMMANDS, Command, command_app
from gatekeeper.cli.scope import read_scope
from gatekeeper.cli.status import CLEAN, INCOMPLETE
from gatekeeper.cli.stores import announced_store, reading_store

app = command_app()


@app.command("exposure", cls=Command, short_help=COMMANDS["exposure"].summary)
def exposure(
    context: typer.Context,
    dump: options.Dump = None,
    account: options.Accounts = None,
    form: options.PageFormat = options.PageForm.TABLE,
    out: options.Out = None,
) -> int:
    """What the Internet can reach, and through which rule.

    A report: exit 0 whatever it shows, 4 where something is unknown.
    """
    from gatekeeper.gate import exposures, judge_account, unknown_exposures
    from gatekeeper.report.exposures import exposure_report

    settings = options.settings_in(context)
    policy = settings.policy()
    only = options.unique(account)
    # Without a register there is nothing to miss, unless one was named.
    open_it = announced_store if settings.store_named else reading_store
    with open_it(settings) as store:
        scope = read_scope(settings, store, dump=dump, only=only)
        head = store.trail_head() if store is not None else None
    at = options.now()
    judged = [judge_account(state, policy, at) for state in scope.states]
    reached = [item for reach in judged for item in exposures(reach)]
    unknown = [item for reach in judged for item in unknown_exposures(reach)]
    report = exposure_report(reached, unknown, scope.states, trail_head=head, lang=settings.lang)
    deliver(report, form=form, out=out, lang=settings.lang)
    return INCOMPLETE if unknown or not all(s.complete for s in scope.states) else CLEAN
