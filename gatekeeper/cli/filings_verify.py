"""``gatekeeper filings verify``: compare the register with exports of MIIT's public query."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from gatekeeper.cli import options
from gatekeeper.cli.filings_import import check_files
from gatekeeper.cli.output import deliver, say
from gatekeeper.cli.root import Command
from gatekeeper.cli.status import CLEAN, FOUND, INCOMPLETE
from gatekeeper.cli.stores import present_store
from gatekeeper.errors import FilingError, ImportRefused, UsageError
from gatekeeper.filing import (
    MiitExport,
    Order,
    OrderKind,
    Outcome,
    Problem,
    Restriction,
    Search,
    Verification,
    fold,
    verify,
)

if TYPE_CHECKING:
    from gatekeeper.report.verification import Recorded
    from gatekeeper.store import Store

_AHEAD: Final = timedelta(minutes=5)
"""How far another clock may be ahead of ours."""

_STATUS: Final = {
    Outcome.EQUAL: CLEAN,
    Outcome.DIFFERENT: FOUND,
    Outcome.UNKNOWN: INCOMPLETE,
}


def register(app: typer.Typer) -> None:
    """Add the command to ``filings``."""
    app.command("verify", cls=Command)(verify_filings)


def verify_filings(
    context: typer.Context,
    files: Annotated[
        list[Path] | None,
        typer.Argument(metavar="[FILE...]", help="More exports, as --miit takes them."),
    ] = None,
    miit: Annotated[
        list[Path] | None,
        typer.Option(
            "--miit",
            metavar="FILE",
            help="An export of MIIT's public query: its JSON answers, one or several, or one a "
            "line (.jsonl); may be given several times.",
        ),
    ] = None,
    account: options.Accounts = None,
    entity: Annotated[
        str | None,
        typer.Option(
            "--entity",
            metavar="TEXT",
            help="Only this entity: part of its name, or its whole certificate or licence number.",
        ),
    ] = None,
    record: Annotated[
        bool,
        typer.Option(
            "--record",
            help="Record what MIIT restricts, and lift what it no longer does; needs --by.",
        ),
    ] = False,
    by: options.By = None,
    at: options.At = None,
    form: options.Format = options.Form.TABLE,
    out: options.Out = None,
) -> int:
    """Compare the register with exports of MIIT's public query.

    Exit 0 where every filing is found and equal, 3 where some differ, 4 where something could not
    be told or there was none to compare (4 wins), 1 for a file that cannot be read.  Nothing is
    fetched, and nothing is stored without --record.
    """
    from gatekeeper.report.verification import verification_report

    settings = options.settings_in(context)
    exports_files = [*(miit or ()), *(files or ())]
    if not miit:
        raise UsageError(
            "name at least one export with --miit FILE", zh="请用 --miit 指定至少一个导出文件"
        )
    if record != (by is not None):
        raise UsageError(
            "--record and --by go together: who records it", zh="--record 与 --by 必须同时使用"
        )
    now = options.now()
    if at is not None and at > now + _AHEAD:
        raise FilingError(
            f"--at {at.isoformat(timespec='seconds')} lies in the future; say when MIIT was asked",
            zh=f"--at {at.isoformat(timespec='seconds')} 晚于当前时间，请填写查询时间",
        )
    exports = read_exports(exports_files, at=at, now=now)
    search = Search(accounts=frozenset(options.unique(account)), entity=entity)
    with present_store(settings) as store:
        orders = store.orders()
        folded = fold(
            store.search_filings(search),
            orders,
            at=at or now,
            open_transfer_in=settings.policy().open_transfer_in,
            version="-",
        )
        found = verify(
            [filing for filing in folded.filings if search.concerns(filing)],
            orders,
            exports,
            lifted=lambda filing_id: _last_lifted(store, filing_id),
        )
        recorded = _record(store, found, by=by, now=now) if by is not None else ()
    report = verification_report(found, at=at or now, recorded=recorded, lang=settings.lang)
    deliver(report, form=form, out=out, lang=settings.lang)
    if not found.filings:
        say(
            "没有可比对的备案，请检查 --account、--entity 和 --at"
            if settings.lang == "zh"
            else "no filing was compared; check --account, --entity and --at"
        )
    for one in recorded:
        reason = one.reason_zh if settings.lang == "zh" else one.reason
        say(
            f"{one.step.filing_id}：{reason}"
            if settings.lang == "zh"
            else f"{one.step.filing_id}: {reason}"
        )
    if record and not recorded:
        say("没有需要登记的限制" if settings.lang == "zh" else "nothing to record")
    return _STATUS[found.outcome]


def read_exports(
    files: Sequence[Path], *, at: datetime | None, now: datetime
) -> tuple[MiitExport, ...]:
    """Exports of MIIT's public query, all of them or none.

    Raises:
        ImportRefused: something in them cannot be read.
    """
    from gatekeeper.sources import read_miit

    check_files(files)
    results = [read_miit(file, at=at or now, given=at is not None, now=now) for file in files]
    bad: list[Problem] = [problem for result in results for problem in result.problems]
    if bad:
        count = len(bad) + sum(result.more_problems for result in results)
        raise ImportRefused(
            f"{count} place{'s' if count > 1 else ''} cannot be read; nothing was compared or "
            "stored: ask MIIT again and save its answers",
            bad,
            zh=f"共 {count} 处无法读取，未作比对，未写入任何记录；请重新查询并保存查询结果",
        )
    return tuple(result.export for result in results)


def _last_lifted(store: Store, filing_id: str) -> datetime | None:
    """Since when the newest lifting of a restriction holds."""
    from gatekeeper.store import EntryKind

    return max(
        (
            event.at
            for event in store.events(filing_id)
            if event.kind == EntryKind.ORDER_LIFTED
            and event.data.get("order") == OrderKind.RESTRICTION
        ),
        default=None,
    )


def _record(store: Store, found: Verification, *, by: str, now: datetime) -> tuple[Recorded, ...]:
    """Carry out what may be recorded.

    Both events carry the time at which MIIT was asked: a restriction that an older export shows
    must never be recorded again after a newer one had it lifted.
    """
    from gatekeeper.report.verification import Recorded

    may, withheld = found.restrictions()
    recorded = [_recorded(store, step, by=by, now=now) for step in may]
    for step in withheld:
        reason = (
            "not lifted: all rows must be there, agree, and say when MIIT was asked (or --at)",
            "未解除：该备案的全部记录须齐全且一致，并用 queried_at 或 --at 指明查询时间",
        )
        recorded.append(Recorded(step, False, *reason))
    return tuple(recorded)


def _recorded(store: Store, step: Restriction, *, by: str, now: datetime) -> Recorded:
    from gatekeeper.report.verification import Recorded

    shown = step.decisive
    asked = shown.at.isoformat(timespec="seconds")
    reason = (
        f"MIIT's public query of {asked}: limitAccess {'是' if step.place else '否'} "
        f"({Path(shown.file).name}, recorded {now.isoformat(timespec='seconds')})"
    )
    if step.place:
        order = Order(
            filing_id=step.filing_id,
            kind=OrderKind.RESTRICTION,
            at=shown.at,
            by=by,
            reason=reason,
        )
        if store.place_order(order):
            return Recorded(step, True, "restriction recorded", "已登记限制接入")
    elif store.lift_order(
        step.filing_id, by=by, at=shown.at, reason=reason, kind=OrderKind.RESTRICTION
    ):
        return Recorded(step, True, "restriction lifted", "已解除限制接入")
    return Recorded(step, False, "somebody else was faster", "已由他人登记")
