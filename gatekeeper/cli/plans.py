"""``gatekeeper plan`` and ``approve``."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from gatekeeper.cli import options
from gatekeeper.cli.output import deliver, say
from gatekeeper.cli.root import COMMANDS, Command, command_app
from gatekeeper.cli.scope import overlook
from gatekeeper.cli.status import CLEAN, FOUND, INCOMPLETE, worst
from gatekeeper.cli.stores import present_store
from gatekeeper.errors import PlanRefused

if TYPE_CHECKING:
    from gatekeeper.gate import Plan

app = command_app()

AllowLarge = Annotated[
    bool,
    typer.Option("--allow-large", help="Lift the belts (limits of the policy) this once."),
]


@app.command("plan", cls=Command, short_help=COMMANDS["plan"].summary)
def plan(
    context: typer.Context,
    dump: options.Dump = None,
    account: options.Accounts = None,
    workers: options.WorkersOption = options.WORKERS,
    by: options.By = None,
    allow_large: AllowLarge = False,
    form: options.PageFormat = options.PageForm.TABLE,
    out: Annotated[
        Path | None,
        typer.Option(
            "--out",
            metavar="FILE",
            help="Write the plan into FILE as JSON, for approve and apply; stdout stays as "
            "--format says.",
        ),
    ] = None,
) -> int:
    """Make the exact changes that make the accounts equal to the decisions; change nothing.

    Exit 3 where changes are pending or blocked, 4 where something could not be read.
    """
    from gatekeeper.gate import check_belts, join_plans, moment
    from gatekeeper.report.changes import plan_report

    settings = options.settings_in(context)
    author = options.whoami(by)
    only = options.unique(account)
    with overlook(
        settings, dump=dump, only=only, workers=workers, decisions=False, plan="both"
    ) as look:
        made = join_plans(look.found, offline=look.recorded)
        if not allow_large:
            check_belts(made.belts)
        made = replace(
            made,
            meta={
                "made_at": moment(look.found.at),
                "made_by": author,
                "trail_head": look.trail_head,
            },
        )
        if look.store is not None and not made.offline and (made.actions or made.blocked):
            look.store.save_plan(made.id, author, look.found.at, made.to_json())
    if out is not None:
        from gatekeeper.report.files import write_whole
        from gatekeeper.report.text import to_json

        write_whole(out, to_json(made.to_json()) + "\n")
    report = plan_report(made, look.found.readings, settings.lang)
    deliver(report, form=form, out=None, lang=settings.lang)
    return worst(
        (
            FOUND if made.actions or made.blocked else CLEAN,
            CLEAN if look.found.complete else INCOMPLETE,
        )
    )


@app.command("approve", cls=Command, short_help=COMMANDS["approve"].summary)
def approve(
    context: typer.Context,
    file: Annotated[Path, typer.Argument(metavar="FILE", help="What plan --out wrote.")],
    by: options.RequiredBy,
) -> None:
    """Approve a plan that somebody else made; the approval binds to its content and expires."""
    from gatekeeper.approval import approve as record
    from gatekeeper.report.records import clock

    settings = options.settings_in(context)
    approved = read_plan(file)
    with present_store(settings) as store:
        expires = record(store, approved, settings.policy(), by=by, at=options.now())
    if settings.lang == "zh":
        say(f"{by} 已批准计划 {approved.id}，有效期至 {clock(expires)}")
    else:
        say(f"{by} approved plan {approved.id} until {clock(expires)}")


def read_plan(file: Path) -> Plan:
    """A plan file.

    Raises:
        PlanRefused: it cannot be read, or is no plan as it was made.
    """
    from gatekeeper.gate import plan_from_json

    try:
        data = json.loads(file.read_bytes())
    except OSError as error:
        raise PlanRefused(
            f"{file}: cannot read the plan ({error.strerror}); name what plan --out wrote",
            zh=f"{file}：无法读取计划文件（{error.strerror}），请指定 plan --out 生成的文件",
        ) from None
    except (ValueError, RecursionError):
        raise PlanRefused(
            f"{file}: not JSON, or cut short; make the plan again with plan --out",
            zh=f"{file}：不是有效的 JSON 或文件不完整，请用 plan --out 重新生成",
        ) from None
    return plan_from_json(data)
