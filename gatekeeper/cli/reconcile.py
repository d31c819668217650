"""``gatekeeper reconcile``: findings and decisions."""

from __future__ import annotations

import typer

from gatekeeper.cli import options
from gatekeeper.cli.output import deliver
from gatekeeper.cli.root import COMMANDS, Command, command_app
from gatekeeper.cli.scope import overlook
from gatekeeper.cli.status import CLEAN, FOUND, INCOMPLETE, worst

app = command_app()


@app.command("reconcile", cls=Command, short_help=COMMANDS["reconcile"].summary)
def reconcile(
    context: typer.Context,
    dump: options.Dump = None,
    account: options.Accounts = None,
    workers: options.WorkersOption = options.WORKERS,
    fail_on: options.FailOnOption = options.FailOn.HIGH,
    form: options.PageFormat = options.PageForm.TABLE,
    out: options.Out = None,
) -> int:
    """Compare filings with accounts: what a person should know, and what must be open.

    Exit 3 where a finding reaches --fail-on, 4 where something could not be read.
    """
    from gatekeeper.desk.findings import register_findings
    from gatekeeper.gate import by_weight
    from gatekeeper.report.findings import reconciliation_report

    settings = options.settings_in(context)
    only = options.unique(account)
    with overlook(settings, dump=dump, only=only, workers=workers) as look:
        found = look.found
        desk = register_findings(
            look.store,
            settings.policy(),
            at=found.at,
            accounts=only,
            rules_files=options.review_rules(),
        )
        findings = by_weight((*found.findings, *desk)) if desk else found.findings
        report = reconciliation_report(
            findings,
            found.decisions,
            found.readings,
            generated_at=found.at,
            region=settings.region,
            trail_head=look.trail_head,
            lang=settings.lang,
        )
    deliver(report, form=form, out=out, lang=settings.lang)
    return worst(
        (
            FOUND if fail_on.reached(findings) else CLEAN,
            CLEAN if found.complete else INCOMPLETE,
        )
    )
