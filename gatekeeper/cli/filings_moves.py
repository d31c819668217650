"""``filings advance``, ``suspend`` and ``resume``: what a person records about one filing."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Annotated, Final

import typer

from gatekeeper.cli import options
from gatekeeper.cli.output import say
from gatekeeper.cli.root import Command
from gatekeeper.cli.stores import present_store
from gatekeeper.errors import FilingError, UnknownRecord
from gatekeeper.filing import STATUS_ZH, Order, OrderKind, Status
from gatekeeper.filing import advance as move
from gatekeeper.report.records import clock

if TYPE_CHECKING:
    from gatekeeper.store import Store

_AHEAD: Final = timedelta(minutes=5)
"""How far another clock may be ahead of ours."""

FilingId = Annotated[str, typer.Argument(metavar="FILING", help="The filing's id.")]
Reason = Annotated[
    str,
    typer.Option(
        "--reason",
        metavar="TEXT",
        parser=options.read_reason,
        help="Why: the order's number.",
    ),
]
Restricted = Annotated[
    bool,
    typer.Option(
        "--restricted", help="Not an order: MIIT's public query shows the filing as 限制接入."
    ),
]


def register(app: typer.Typer) -> None:
    """Add the commands to ``filings``."""
    app.command("advance", cls=Command)(advance)
    app.command("suspend", cls=Command)(suspend)
    app.command("resume", cls=Command)(resume)


def advance(
    context: typer.Context,
    application: Annotated[str, typer.Argument(metavar="APPLICATION", help="Its id.")],
    status: Annotated[
        Status,
        typer.Argument(
            metavar="STATUS",
            parser=options.read_status,
            help="The status it came to; its Chinese name will do.",
        ),
    ],
    by: options.RequiredBy,
    at: options.At = None,
    licence: Annotated[
        str | None,
        typer.Option(
            "--licence", metavar="N", help="The service licence number that the bureau gave."
        ),
    ] = None,
    note: Annotated[
        str,
        typer.Option(
            "--note", metavar="TEXT", parser=options.read_note, help="Kept with the event."
        ),
    ] = "",
) -> None:
    """Record one move of one application; illegal moves are refused."""
    settings = options.settings_in(context)
    now = options.now()
    with present_store(settings) as store:
        before = store.application(application)
        if before is None:
            raise UnknownRecord(
                f"{application}: no application has this id; see gatekeeper filings list",
                zh=f"{application}：没有此申请编号，可用 gatekeeper filings list 查看",
            )
        after = move(before, status, at=at or now, now=now, licence=licence)
        if after.status_at == before.status_at:
            since, status_zh = clock(after.status_at), STATUS_ZH[before.status]
            raise FilingError(
                f"{application}: {since} is the very time of its present status, "
                f"{before.status}; give a later --at",
                zh=f"{application}：{since} 正是当前状态“{status_zh}”的时间，请给出更晚的 --at",
            )
        store.advance(after, before=before, actor=by, source="cli", at=now, note=note)
    arrow = f"{application}: {before.status} -> {after.status}"
    say(f"{arrow} ({after.status_at.isoformat(timespec='seconds')})")


def suspend(
    context: typer.Context,
    filing: FilingId,
    by: options.RequiredBy,
    reason: Reason,
    at: options.At = None,
    restricted: Restricted = False,
) -> None:
    """Record a bureau's order to cut a filing off at once."""
    settings = options.settings_in(context)
    kind = OrderKind.RESTRICTION if restricted else OrderKind.SUSPENSION
    now = options.now()
    if at is not None and at > now + _AHEAD:
        raise FilingError(
            f"{filing}: {clock(at)} lies in the future, and an order cuts off at once; "
            "record it when it comes, or check --at and its offset",
            zh=f"{filing}：{clock(at)} 晚于当前时间，而停止接入指令立即生效；请届时再登记，"
            "或检查 --at 及其时区",
        )
    with present_store(settings) as store:
        _known(store, filing)
        order = Order(filing_id=filing, kind=kind, at=at or now, by=by, reason=reason)
        placed = store.place_order(order)
    if settings.lang == "zh":
        say(f"{filing}：{'已停止接入' if placed else '此前已停止接入，没有变化'}（{kind}）")
    else:
        say(f"{filing}: {'not in effect from now on' if placed else 'stands already'} ({kind})")


def resume(
    context: typer.Context,
    filing: FilingId,
    by: options.RequiredBy,
    reason: Annotated[
        str | None,
        typer.Option(
            "--reason",
            metavar="TEXT",
            parser=options.read_reason,
            help="Why: the number of the lifting order.",
        ),
    ] = None,
    restricted: Restricted = False,
) -> None:
    """Record that an order has ended."""
    settings = options.settings_in(context)
    kind = OrderKind.RESTRICTION if restricted else OrderKind.SUSPENSION
    with present_store(settings) as store:
        lifted = store.lift_order(filing, by=by, at=options.now(), reason=reason or "", kind=kind)
    if not lifted:
        raise FilingError(
            f"{filing}: no {kind} stands against this filing; see gatekeeper filings show {filing}",
            zh=f"{filing}：没有生效的停止接入指令（{kind}），可用 gatekeeper filings show 查看",
        )
    say(f"{filing}：指令已解除" if settings.lang == "zh" else f"{filing}: the {kind} has ended")


def _known(store: Store, filing: str) -> None:
    if not any(event.filing_id == filing for event in store.events(filing)):
        raise UnknownRecord(
            f"{filing}: no application names this filing; see gatekeeper filings list",
            zh=f"{filing}：没有此备案标识，可用 gatekeeper filings list 查看",
        )
