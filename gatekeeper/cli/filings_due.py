"""``gatekeeper filings due``: the clocks that run, and what an expired one means."""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Annotated, Final

import typer

from gatekeeper.cli import options
from gatekeeper.cli.output import deliver, say
from gatekeeper.cli.root import Command
from gatekeeper.cli.stores import announced_store, present_store
from gatekeeper.errors import UsageError
from gatekeeper.filing import STATUS_ZH, Clock, ClockId, Running

if TYPE_CHECKING:
    from gatekeeper.cli.settings import Lang, Settings
    from gatekeeper.deadlines import Settlement

_UNITS: Final = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}


def read_span(text: str) -> timedelta:
    """A duration, as the policy writes it."""
    match = re.fullmatch(r"([0-9]{1,6})\s*([smhd])", text.strip())
    if match is None:
        raise options.Refused(
            f"{text!r} is no duration; write it as 36h or 7d",
            zh=f"{text!r} 不是有效的时长，应写作 36h 或 7d",
        )
    return timedelta(**{_UNITS[match[2]]: int(match[1])})


def register(app: typer.Typer) -> None:
    """Add the command to ``filings``."""
    app.command("due", cls=Command)(due)


def due(
    context: typer.Context,
    at: options.At = None,
    within: Annotated[
        timedelta | None,
        typer.Option(
            "--within",
            metavar="SPAN",
            parser=read_span,
            help="Only what ends within 36h, 7d, …, or has ended.  Default: every clock.",
        ),
    ] = None,
    clock: Annotated[
        list[ClockId] | None,
        typer.Option("--clock", help="Only this clock; may be given several times."),
    ] = None,
    settle: Annotated[
        bool,
        typer.Option(
            "--settle",
            help="Carry out what an expired clock means: without the SMS verification an "
            "application goes back to returned.",
        ),
    ] = False,
    by: options.By = None,
    calendar: options.Calendar = None,
    form: options.Format = options.Form.TABLE,
    out: options.Out = None,
) -> int:
    """List the clocks that run, with their deadlines; exit 3 where one is overdue."""
    from gatekeeper.deadlines import clocks
    from gatekeeper.report.due import due_report
    from gatekeeper.sources import first_reviews, packaged_providers, read_holidays

    settings = options.settings_in(context)
    now = options.now()
    moment = at or now
    if settle and moment > now:
        raise UsageError(
            "--settle carries out what has expired by now; leave out --at, or give an earlier time",
            zh="--settle 只处理目前已到期的时限，请去掉 --at 或给出更早的时间",
        )
    holidays = read_holidays(calendar or ())
    wanted = frozenset(clock or ClockId)
    policy, days = settings.policy(), first_reviews(packaged_providers())
    with (present_store if settle else announced_store)(settings) as store:
        running = clocks(store, policy, holidays, days, at=moment)
        if settle and store is not None:
            from gatekeeper.deadlines import settle as carry_out

            expired = [one for one in running.clocks if one.clock in wanted and one.overdue(moment)]
            done = carry_out(store, expired, actor=options.whoami(by), now=now)
            for one in done:
                _tell(one, settings.lang)
            if done:
                running = clocks(store, policy, holidays, days, at=moment)
    shown = [
        one
        for one in running.clocks
        if one.clock in wanted and (within is None or one.deadline - moment <= within)
    ]
    deliver(
        due_report(shown, at=moment, lang=settings.lang),
        form=form,
        out=out,
        lang=settings.lang,
    )
    _warn(running, shown, settings, at=moment, settled=settle)
    return 3 if any(one.overdue(moment) for one in shown) else 0


def _tell(one: Settlement, lang: Lang) -> None:
    from gatekeeper.deadlines import Result
    from gatekeeper.report.records import clock

    name, since = one.clock.application_id, clock(one.clock.deadline)
    if one.result is Result.SETTLED:
        say(
            f"{name}：短信核验超时，已退回（{since}）"
            if lang == "zh"
            else f"{name}: sms_pending -> returned ({since})"
        )
        return
    status = "-" if one.status is None else one.status
    status_zh = "-" if one.status is None else STATUS_ZH[one.status]
    say(
        f"{name}：状态已变更为“{status_zh}”，未作处理"
        if lang == "zh"
        else f"{name}: moved to {status} meanwhile, left as it is"
    )


def _warn(
    running: Running, shown: list[Clock], settings: Settings, *, at: datetime, settled: bool
) -> None:
    """Say which dates cannot be read, and what waits to be settled."""
    for one in running.unread:
        say(
            f"{one.application_id}：{one.field} 的值 {one.value!r} 不是日期，未计入时限；请更正记录"
            if settings.lang == "zh"
            else f"{one.application_id}: {one.field}: {one.value!r} is no date, so its clock is "
            "not known; correct the record"
        )
    waiting = sum(one.clock is ClockId.SMS and one.overdue(at) for one in shown)
    if waiting and not settled:
        say(
            f"{waiting} 个申请短信核验已超时，可用 --settle 退回"
            if settings.lang == "zh"
            else f"SMS verification is over for {waiting}; --settle sends them back to returned"
        )
