"""``gatekeeper audit``: drift since the last verified state."""

from __future__ import annotations

import typer

from gatekeeper.cli import options
from gatekeeper.cli.output import deliver
from gatekeeper.cli.root import COMMANDS, Command, command_app
from gatekeeper.cli.scope import survey_scope
from gatekeeper.cli.status import CLEAN, FOUND, INCOMPLETE, worst

app = command_app()


@app.command("audit", cls=Command, short_help=COMMANDS["audit"].summary)
def audit(
    context: typer.Context,
    dump: options.Dump = None,
    account: options.Accounts = None,
    fail_on: options.FailOnOption = options.FailOn.HIGH,
    form: options.PageFormat = options.PageForm.TABLE,
    out: options.Out = None,
) -> int:
    """Say what is new, what is known and what is resolved since the last audit, and what drifted.

    Exit 3 where a finding that stands reaches --fail-on, 4 where something could not be read.
    """
    from gatekeeper.audit import audit as compare
    from gatekeeper.audit import keep
    from gatekeeper.gate import finding_record
    from gatekeeper.report.findings import audit_report

    settings = options.settings_in(context)
    only = options.unique(account)
    with survey_scope(settings, dump=dump, only=only) as look:
        found = look.found
        result = compare(look.store, found, whole=not only)
        if look.store is not None and not look.scope.recorded:
            keep(look.store, found, map(finding_record, found.findings), whole=not only)
        report = audit_report(
            result.findings,
            result.drift,
            look.scope.states,
            since=result.since,
            trail_head=look.trail_head,
            lang=settings.lang,
        )
    deliver(report, form=form, out=out, lang=settings.lang)
    return worst(
        (
            FOUND if fail_on.reached(found.findings) else CLEAN,
            CLEAN if found.complete else INCOMPLETE,
        )
    )
