"""``gatekeeper apply`` and ``rollback``: the only commands that change an account."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NamedTuple

import typer

from gatekeeper.cli import options
from gatekeeper.cli.output import deliver, say
from gatekeeper.cli.plans import AllowLarge, read_plan
from gatekeeper.cli.root import COMMANDS, Command, command_app
from gatekeeper.cli.scope import edges, quiet, survey_scope
from gatekeeper.cli.settings import Lang, Settings
from gatekeeper.cli.status import CLEAN, FOUND, INCOMPLETE, worst
from gatekeeper.cli.stores import present_store
from gatekeeper.errors import UnknownRecord, UsageError

if TYPE_CHECKING:
    from gatekeeper.apply import Outcome, RunReport, Tools
    from gatekeeper.gate import Plan
    from gatekeeper.policy import Policy
    from gatekeeper.store import Store

app = command_app()

Yes = Annotated[bool, typer.Option("--yes", "-y", help="Do it without asking.")]


@app.command("apply", cls=Command, short_help=COMMANDS["apply"].summary)
def apply(
    context: typer.Context,
    file: Annotated[
        Path | None,
        typer.Argument(metavar="[FILE]", help="What plan --out wrote.  Default: plan now."),
    ] = None,
    yes: Yes = False,
    allow_large: AllowLarge = False,
    wait: options.Wait = 60,
    by: options.By = None,
    account: options.Accounts = None,
    form: options.Format = options.Form.TABLE,
    out: options.Out = None,
) -> int:
    """Carry out a plan: journalled, each object read anew before it is changed, then verified.

    Without --yes it asks on a terminal and declines in a pipe.  Exit 3 where anything was
    blocked, drifted or declined; started again after a kill it ends in the same state.
    """
    from gatekeeper.gate import make_plan
    from gatekeeper.report.changes import run_report

    settings = options.settings_in(context)
    only = options.unique(account)
    if file is not None and only:
        raise UsageError(
            "a plan file says itself which accounts it changes; leave --account out",
            zh="计划文件已包含账号范围，请去掉 --account",
        )
    actor = options.whoami(by)
    if file is not None:
        made = read_plan(file)
        with present_store(settings) as store:
            report = _carry_out(
                _Job(settings, store, settings.policy(), actor, wait), made, yes, allow_large
            )
        unread = bool(made.incomplete)
    else:
        with present_store(settings):
            # A mistyped --store would else be an empty register, and close whatever is lawful.
            pass
        with survey_scope(settings, dump=None, only=only) as look:
            assert look.store is not None
            made = make_plan(look.found)
            job = _Job(settings, look.store, look.policy, actor, wait)
            if made.actions or made.blocked:
                look.store.save_plan(made.id, actor, look.found.at, made.to_json())
            report = _carry_out(job, made, yes, allow_large)
            unread = not all(state.complete for state in look.scope.states)
    if report is None:
        return FOUND
    deliver(run_report(report, settings.lang), form=form, out=out, lang=settings.lang)
    return worst((report.exit_status, INCOMPLETE if unread else CLEAN))


@app.command("rollback", cls=Command, short_help=COMMANDS["rollback"].summary)
def rollback(
    context: typer.Context,
    run: Annotated[str, typer.Argument(metavar="RUN", help="The run's id, as apply printed it.")],
    yes: Yes = False,
    wait: options.Wait = 60,
    by: options.By = None,
    form: options.Format = options.Form.TABLE,
    out: options.Out = None,
) -> int:
    """Restore what a run changed, where nobody changed it since and filings still allow it.

    What is refused is listed; exit 3 if anything was.
    """
    from gatekeeper.apply import roll_back
    from gatekeeper.report.changes import run_report

    settings = options.settings_in(context)
    with present_store(settings) as store:
        if store.run(run) is None:
            raise UnknownRecord(
                f"{run}: no run has this id; see gatekeeper history --kind run.started",
                zh=f"{run}：没有此执行编号，可用 gatekeeper history --kind run.started 查看",
            )
        question = f"回滚 {run}？" if settings.lang == "zh" else f"Roll back run {run}?"
        if not yes and not _agreed(question, settings.lang):
            return FOUND
        job = _Job(settings, store, settings.policy(), options.whoami(by), wait)
        with job.tools() as tools:
            report = roll_back(run, tools)
    deliver(run_report(report, settings.lang), form=form, out=out, lang=settings.lang)
    return report.exit_status


class _Job(NamedTuple):
    """Who changes what, and with what."""

    settings: Settings
    store: Store
    policy: Policy
    actor: str
    wait: float

    @contextmanager
    def tools(self) -> Iterator[Tools]:
        from gatekeeper.execution import tools

        quiet()
        with edges(self.settings.region, self.store) as edge_for:
            yield tools(
                self.store,
                self.policy,
                edge_for,
                actor=self.actor,
                clock=options.now,
                wait=self.wait,
                progress=self.progress,
            )

    def progress(self, outcome: Outcome) -> None:
        """One line an action, where a person watches."""
        if sys.stderr.isatty():
            reason = outcome.reason_zh if self.settings.lang == "zh" else outcome.reason
            say(f"{outcome.result} {outcome.action_id} {reason}")


def _carry_out(job: _Job, plan: Plan, yes: bool, allow_large: bool) -> RunReport | None:
    """The run; ``None`` where nobody agreed to it."""
    from gatekeeper.apply import RunReport, carry_out_plan
    from gatekeeper.execution import check, pending

    settings, store = job.settings, job.store
    mark = check(
        plan,
        store,
        job.policy,
        region=settings.region,
        at=options.now(),
        allow_large=allow_large,
    )
    if not pending(plan, store) and not plan.blocked:
        say(_nothing_to_do(plan, settings.lang))
        return RunReport(run_id="", plan_id=plan.id, outcomes=(), trail_head=store.trail_head())
    if plan.actions and not yes:
        _describe(plan, settings)
        count = len(plan.actions)
        question = f"执行 {count} 项操作？" if settings.lang == "zh" else f"Do {count} actions?"
        if not _agreed(question, settings.lang):
            return None
    with job.tools() as tools:
        return carry_out_plan(plan, tools, mark=mark)


def _describe(plan: Plan, settings: Settings) -> None:
    """The plan, before the question, where there is somebody to read it."""
    from gatekeeper.report.changes import plan_report
    from gatekeeper.report.render import render

    if sys.stdin.isatty():
        text = render(plan_report(plan, (), settings.lang), form="table", lang=settings.lang)
        for line in text.splitlines():
            say(line)


def _agreed(question: str, lang: Lang) -> bool:
    """Ask on a terminal; elsewhere nobody can agree."""
    if not sys.stdin.isatty():
        say(
            "未获确认，未作任何更改；请加上 --yes"
            if lang == "zh"
            else "declined, nothing was changed: nobody can be asked here; pass --yes",
            lang=lang,
            error=True,
        )
        return False
    if typer.confirm(question, default=False, err=True):
        return True
    say("未作任何更改" if lang == "zh" else "declined, nothing was changed", lang=lang, error=True)
    return False


def _nothing_to_do(plan: Plan, lang: Lang) -> str:
    """Nothing to do is no news of an account that was not read."""
    unread = ", ".join(plan.incomplete)
    if not unread:
        return "没有待执行的变更" if lang == "zh" else "nothing is pending"
    if lang == "zh":
        return f"未完整读取的账号不作变更：{unread}"
    return f"nothing is planned where the account was not read completely: {unread}"
