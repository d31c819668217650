"""``gatekeeper filings``: the register of what was sent to the bureau and what is in effect."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from functools import partial
from io import BytesIO
from itertools import islice
from pathlib import Path
from typing import Annotated

import typer

from gatekeeper.cli import (
    filings_due,
    filings_forget,
    filings_import,
    filings_moves,
    filings_review,
    filings_sync,
    filings_template,
    filings_verify,
    filings_watch,
    masking,
    options,
)
from gatekeeper.cli.masking import Unmasked, filed, told
from gatekeeper.cli.output import deliver, say, show
from gatekeeper.cli.root import COMMANDS, Command, command_app
from gatekeeper.cli.status import CLEAN, INCOMPLETE
from gatekeeper.cli.stores import announced_store, present_store
from gatekeeper.errors import UnknownRecord, UsageError
from gatekeeper.filing import (
    Application,
    FilingState,
    Kind,
    Order,
    Register,
    Search,
    Status,
    fold,
)
from gatekeeper.report.files import write_whole

app = command_app(COMMANDS["filings"].summary)

Record = Annotated[str, typer.Argument(metavar="ID", help="A filing's id, or an application's.")]


@app.command("list", cls=Command)
def list_filings(
    context: typer.Context,
    status: Annotated[
        list[Status] | None,
        typer.Option(
            "--status",
            metavar="STATUS",
            parser=options.read_status,
            help="Only applications at this status; its Chinese name will do.",
        ),
    ] = None,
    kind: Annotated[
        list[Kind] | None, typer.Option("--kind", help="Only applications of this kind.")
    ] = None,
    entity: Annotated[
        str | None,
        typer.Option(
            "--entity",
            metavar="TEXT",
            help="Only this entity: part of its name, or its whole certificate or licence number.",
        ),
    ] = None,
    account: options.Accounts = None,
    limit: Annotated[
        int | None,
        typer.Option("--limit", min=1, max=options.MOST_ROWS, help="Only the first so many."),
    ] = None,
    in_effect: Annotated[
        bool, typer.Option("--in-effect", help="List the filings that are in effect.")
    ] = False,
    at: options.At = None,
    unmasked: Unmasked = False,
    form: options.Format = options.Form.TABLE,
    out: options.Out = None,
) -> int:
    """List applications, or with --in-effect the filings in effect (--at implies it)."""
    from gatekeeper.report.register import applications_report, filings_report

    settings = options.settings_in(context)
    if (in_effect or at is not None) and (status or kind):
        raise UsageError(
            "--status and --kind choose applications; leave them out with --in-effect and --at",
            zh="--status 和 --kind 用于筛选申请，不能与 --in-effect 或 --at 同时使用",
        )
    search = Search(
        statuses=frozenset(status or ()),
        kinds=frozenset(kind or ()),
        accounts=frozenset(options.unique(account)),
        entity=entity,
    )
    with announced_store(settings) as store:
        if in_effect or at is not None:
            applications = store.search_filings(search) if store else ()
            orders = store.orders() if store else ()
            register = _fold(applications, orders, at, settings.policy().open_transfer_in)
            effective = (
                filing
                for filing in register.filings
                if filing.state is FilingState.IN_EFFECT and search.concerns(filing)
            )
            chosen: tuple[Application, ...] = ()
            report = filings_report(filed(islice(effective, limit), unmasked=unmasked))
        else:
            chosen = store.search(search, limit=limit) if store else ()
            report = applications_report(
                filed(chosen, unmasked=unmasked), partial(masking.record, unmasked=unmasked)
            )
    deliver(report, form=form, out=out, lang=settings.lang)
    return _incomplete(chosen, form, settings.lang)


@app.command("show", cls=Command)
def show_filing(
    context: typer.Context,
    record: Record,
    at: options.At = None,
    unmasked: Unmasked = False,
    form: options.Format = options.Form.TABLE,
    out: options.Out = None,
) -> int:
    """Show one filing as it stands, with every application behind it."""
    from gatekeeper.report.register import filings_report

    settings = options.settings_in(context)
    with present_store(settings) as store:
        past = store.filing_past(record)
    if past is None:
        raise _unknown(record)
    filing_id, orders = past.filing_id, past.orders
    deciding = {one.application_id: one for one in (*past.applications, *past.endings)}
    register = _fold(deciding.values(), orders, at, settings.policy().open_transfer_in)
    report = filings_report(
        filed(
            (filing for filing in register.filings if filing.filing_id == filing_id),
            unmasked=unmasked,
        ),
        filed(past.applications, unmasked=unmasked),
        partial(masking.record, unmasked=unmasked),
    )
    deliver(report, form=form, out=out, lang=settings.lang)
    for order in orders:
        if order.filing_id == filing_id:
            say(f"{order.kind}: {order.at.isoformat()} {order.by}: {order.reason}")
    return _incomplete(past.applications, form, settings.lang)


@app.command("history", cls=Command)
def history(
    context: typer.Context,
    record: Record,
    limit: Annotated[
        int | None,
        typer.Option("--limit", min=1, max=options.MOST_ROWS, help="Only the newest so many."),
    ] = None,
    unmasked: Unmasked = False,
    form: options.Format = options.Form.TABLE,
    out: options.Out = None,
) -> None:
    """Every event of an application, or of a filing and all its applications."""
    from gatekeeper.report.register import events_report

    settings = options.settings_in(context)
    with present_store(settings) as store:
        events = store.events(record, limit=limit)
    if not events:
        raise _unknown(record)
    deliver(events_report(told(events, unmasked=unmasked)), form=form, out=out, lang=settings.lang)


@app.command("export", cls=Command)
def export(
    context: typer.Context,
    out: Annotated[
        Path | None,
        typer.Option(
            "--out",
            metavar="FILE",
            help="Write into FILE; its ending says how: .csv, .xlsx, .json, .jsonl.  "
            "Default: CSV on stdout.",
        ),
    ] = None,
    masked: Annotated[
        bool,
        typer.Option(
            "--masked", help="Mask persons, for a reader; such a file cannot be imported."
        ),
    ] = False,
) -> None:
    """Write every application in the table that `filings import` reads, persons in full."""
    settings = options.settings_in(context)
    with announced_store(settings) as store:
        applications = store.applications() if store else ()
    shown = filed(applications, unmasked=not masked)
    ending = out.suffix.lower() if out is not None else ".csv"
    if ending in (".json", ".jsonl"):
        data: bytes = _as_json(shown, lines=ending == ".jsonl", unmasked=not masked).encode()
    else:
        from gatekeeper.sources import write_applications

        stream = BytesIO()
        write_applications(shown, stream, ending.removeprefix(".") or "csv", lang=settings.lang)
        data = stream.getvalue()
    if out is None:
        show(data.decode("utf-8-sig"))
    else:
        write_whole(out, data)


def _as_json(applications: Sequence[Application], *, lines: bool, unmasked: bool) -> str:
    from gatekeeper.report.register import applications_report
    from gatekeeper.report.text import to_json, to_json_line

    written = partial(masking.record, unmasked=unmasked)
    if lines:
        return "".join(to_json_line(written(one)) + "\n" for one in applications)
    return to_json(applications_report(applications, written).document) + "\n"


def _incomplete(applications: Iterable[Application], form: options.Form, lang: str) -> int:
    """Exit 4 where JSON lacks what is sealed; no other form shows any of it."""
    if form is not options.Form.JSON:
        return CLEAN
    return INCOMPLETE if masking.say_sealed(applications, lang) else CLEAN


for module in (
    filings_template,
    filings_import,
    filings_moves,
    filings_review,
    filings_due,
    filings_sync,
    filings_verify,
    filings_watch,
    filings_forget,
):
    module.register(app)


def _fold(
    applications: Iterable[Application],
    orders: Iterable[Order],
    at: datetime | None,
    open_transfer_in: str,
) -> Register:
    return fold(
        applications, orders, at=at or options.now(), open_transfer_in=open_transfer_in, version="-"
    )


def _unknown(record: str) -> UnknownRecord:
    return UnknownRecord(
        f"{record}: no filing or application has this id; see gatekeeper filings list",
        zh=f"{record}：没有此备案标识或申请编号，可用 gatekeeper filings list 查看",
    )
