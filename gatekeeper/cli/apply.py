"""``gatekeeper apply`` and ``rollback``: the only commands that change an account."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NamedTuple

import typer

from gatekeeper.cli import options
from gatekeeper.cli.output import deliver, say
from gatekeeper.cli.plans import AllowLarge, read_plan
from gatekeeper.cli.root import COMMANDS, Command, command_app
from gatekeeper.cli.scope import overlook, quiet
from gatekeeper.cli.settings import Lang, Settings
from gatekeeper.cli.status import CLEAN, FOUND, INCOMPLETE, worst
from gatekeeper.cli.stores import present_store
from gatekeeper.errors import LeaseHeld, PlanError, StackError, UnknownRecord, UsageError
from gatekeeper.fleet import edges

if TYPE_CHECKING:
    from gatekeeper.apply import GateStack, Outcome, RunReport, Tools
    from gatekeeper.gate import Plan
    from gatekeeper.policy import Policy
    from gatekeeper.stacks import Backend
    from gatekeeper.store import Store

app = command_app()


class Via(StrEnum):
    """How gates and attachments are changed."""

    DIRECT = "direct"
    PULUMI = "pulumi"


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
    workers: options.WorkersOption = options.WORKERS,
    via: Annotated[
        Via,
        typer.Option(help="Change gates directly, or through a Pulumi stack for each account."),
    ] = Via.DIRECT,
    backend: Annotated[
        str | None,
        typer.Option(
            metavar="URL",
            envvar="PULUMI_BACKEND_URL",
            show_envvar=False,
            help="With --via pulumi: file:///folder or s3://bucket with the stacks' state."
            "  Default: PULUMI_BACKEND_URL.",
        ),
    ] = None,
    form: options.Format = options.Form.TABLE,
    out: options.Out = None,
) -> int:
    """Carry out a plan: journalled, each object read anew before it is changed, then verified.

    Without --yes it asks on a terminal and declines in a pipe.  Exit 3 where anything was
    blocked, drifted or declined; started again after a kill it ends in the same state.

    With --via pulumi the gates, and the attachments to interfaces, belong to a stack for each
    account: a preview must show exactly the plan before the stack is brought up.
    """
    from gatekeeper.gate import join_plans
    from gatekeeper.report.changes import run_report

    settings = options.settings_in(context)
    stacks = _backend(backend) if via is Via.PULUMI else None
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
            job = _Job(settings, store, settings.policy(), actor, wait, stacks)
            with _told(job, made.id, form, out):
                report = _carry_out(job, made, yes, allow_large)
        unread = bool(made.incomplete)
    else:
        with present_store(settings):
            # A mistyped --store would else be an empty register, and close whatever is lawful.
            pass
        with overlook(
            settings, dump=None, only=only, workers=workers, decisions=False, plan="both"
        ) as look:
            assert look.store is not None
            made = join_plans(look.found)
            job = _Job(settings, look.store, look.found.policy, actor, wait, stacks)
            if made.actions or made.blocked:
                look.store.save_plan(made.id, actor, look.found.at, made.to_json())
            with _told(job, made.id, form, out):
                report = _carry_out(job, made, yes, allow_large)
            unread = not all(reading.complete for reading in look.found.readings)
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
        begun = store.run(run)
        if begun is None:
            raise UnknownRecord(
                f"{run}: no run has this id; see gatekeeper history --kind run.started",
                zh=f"{run}：没有此执行编号，可用 gatekeeper history --kind run.started 查看",
            )
        question = f"回滚 {run}？" if settings.lang == "zh" else f"Roll back run {run}?"
        job = _Job(settings, store, settings.policy(), options.whoami(by), wait)
        with _told(job, begun.plan_id, form, out):
            if not yes:
                _ask(question)
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
    backend: Backend | None = None
    """Where the stacks' state is, if gates are changed through stacks."""

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
                stack_for=self._stacks(),
            )

    def _stacks(self) -> Callable[[str], GateStack | None]:
        """The stack of each account, where gates are changed through stacks."""
        backend = self.backend
        if backend is None:
            return lambda _: None
        from gatekeeper.stacks import PulumiGates

        registered = {account.account_id: account for account in self.store.accounts()}

        def stack_for(account_id: str) -> GateStack:
            account = registered.get(account_id)
            return PulumiGates.of(
                account_id,
                self.settings.region,
                owner=self.policy.owner,
                backend=backend,
                role_arn=account.role_arn if account else None,
                external_id=account.external_id if account else None,
            )

        return stack_for

    def progress(self, outcome: Outcome) -> None:
        """One line an action, where a person watches."""
        if sys.stderr.isatty():
            reason = outcome.reason_zh if self.settings.lang == "zh" else outcome.reason
            say(f"{outcome.result} {outcome.action_id} {reason}")


def _backend(url: str | None) -> Backend:
    """The stacks' backend, found before anything is read or changed.

    Raises:
        StackError: it cannot be used: no SDK, no command, no place for the state, no passphrase.
    """
    try:
        from gatekeeper.stacks import Backend
    except ImportError as error:
        raise StackError(
            f"--via pulumi needs the Pulumi SDK ({error.name} is missing): install"
            " gatekeeper[pulumi]; nothing was changed",
            zh=f"--via pulumi 需要 Pulumi SDK（缺少 {error.name}）：请安装 gatekeeper[pulumi]；"
            "未作任何更改",
        ) from None
    return Backend.find(url, os.environ)


class _Declined(PlanError):
    """Nobody agreed to it."""

    exit_status = FOUND


@contextmanager
def _told(job: _Job, plan_id: str, form: options.Form, out: Path | None) -> Iterator[None]:
    """Print JSON for a run that does not come to be, too: a program reads stdout alone."""
    from gatekeeper.report.changes import unrun_report

    try:
        yield
    except (PlanError, LeaseHeld) as error:
        if form is options.Form.JSON:
            report = unrun_report(plan_id, job.store.trail_head(), error)
            deliver(report, form=form, out=out, lang=job.settings.lang)
        raise


def _carry_out(job: _Job, plan: Plan, yes: bool, allow_large: bool) -> RunReport:
    """The run.

    Raises:
        PlanError: it may not be carried out now, or nobody agreed to it.
    """
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
        _ask(question)
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


def _ask(question: str) -> None:
    """Ask on a terminal; elsewhere nobody can agree.

    Raises:
        _Declined: the answer is no, or nobody is there to give one.
    """
    if not sys.stdin.isatty():
        raise _Declined(
            "declined, nothing was changed: nobody can be asked here; pass --yes",
            zh="未获确认，未作任何更改；请加上 --yes",
        )
    if not typer.confirm(question, default=False, err=True):
        raise _Declined("declined, nothing was changed", zh="未作任何更改")


def _nothing_to_do(plan: Plan, lang: Lang) -> str:
    """Nothing to do is no news of an account that was not read."""
    unread = ", ".join(plan.incomplete)
    if not unread:
        return "没有待执行的变更" if lang == "zh" else "nothing is pending"
    if lang == "zh":
        return f"未完整读取的账号不作变更：{unread}"
    return f"nothing is planned where the account was not read completely: {unread}"
