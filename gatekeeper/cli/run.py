"""``gatekeeper run``, ``job`` and ``jobs``: the always-on process, and its parts one at a time."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Annotated

import typer

from gatekeeper.cli import options
from gatekeeper.cli.output import deliver
from gatekeeper.cli.root import COMMANDS, Command, command_app
from gatekeeper.cli.stores import present_store, reading_store, writing_store
from gatekeeper.errors import UsageError

if TYPE_CHECKING:
    from gatekeeper.cli.settings import Settings
    from gatekeeper.policy import Policy
    from gatekeeper.service import Context, ServiceConfig
    from gatekeeper.store import Store

app = command_app()


@app.command("run", cls=Command, short_help=COMMANDS["run"].summary)
def run(context: typer.Context, config: options.Config = None, wait: options.Wait = 60) -> int:
    """Run all jobs on their schedules, consume events and send notices, until SIGTERM.

    SIGHUP reads policy and settings anew; wrong ones are refused and the old ones stay.  Exit 0
    after SIGTERM, 1 where it cannot start.
    """
    from gatekeeper.service.config import load_config
    from gatekeeper.service.logs import configure
    from gatekeeper.service.process import Process

    settings = options.settings_in(context)
    loaded = load_config(config)
    policy = settings.policy()
    configure(loaded.log.format)

    def again() -> tuple[Policy, ServiceConfig]:
        return settings.policy(), load_config(config)

    with writing_store(settings) as store:
        Process(_context(settings, store, policy, loaded, wait), again).run()
    return 0


@app.command("job", cls=Command, short_help=COMMANDS["job"].summary)
def job(
    context: typer.Context,
    name: Annotated[str, typer.Argument(metavar="NAME", help="A job; gatekeeper jobs lists them.")],
    config: options.Config = None,
    wait: options.Wait = 60,
    form: options.Format = options.Form.TABLE,
    out: options.Out = None,
) -> int:
    """Run one job once, as cron or a timer would, with the exit status of its command."""
    from gatekeeper.cli.scope import quiet
    from gatekeeper.report.jobs import run_report
    from gatekeeper.service.config import load_config
    from gatekeeper.service.jobs import JOBS
    from gatekeeper.service.runner import run_job

    settings = options.settings_in(context)
    if name not in JOBS:
        names = ", ".join(JOBS)
        raise UsageError(
            f"there is no job {name!r}; one of {names}", zh=f"没有作业 {name!r}，应为 {names} 之一"
        )
    quiet()
    loaded = load_config(config)
    policy = settings.policy()
    changing = present_store if name in ("close", "open", "verify-trail", "due") else writing_store
    with changing(settings) as store:
        done = run_job(_context(settings, store, policy, loaded, wait), JOBS[name])
        assert done is not None
        head = store.trail_head()
    report = run_report(name, done.status, done.detail, head)
    deliver(report, form=form, out=out, lang=settings.lang)
    return done.status


@app.command("jobs", cls=Command, short_help=COMMANDS["jobs"].summary)
def jobs(
    context: typer.Context,
    config: options.Config = None,
    form: options.Format = options.Form.TABLE,
    out: options.Out = None,
) -> None:
    """List the jobs: how often each runs, when it ran last and how that ended, when it is next."""
    from gatekeeper.report.jobs import JobLine, jobs_report
    from gatekeeper.service.config import load_config
    from gatekeeper.service.jobs import JOBS

    settings = options.settings_in(context)
    loaded = load_config(config)
    with reading_store(settings) as store:
        last = store.last_job_runs() if store is not None else {}
    lines = []
    for name, one in JOBS.items():
        job = loaded.job(name)
        assert job is not None
        run = last.get(name)
        lines.append(
            JobLine(
                name=name,
                summary=one.summary_zh if settings.lang == "zh" else one.summary,
                every=job.every,
                mode=job.mode,
                enabled=job.enabled,
                last=run,
                next_at=_next(run.started_at + job.every if run else None, options.now())
                if job.enabled
                else None,
            )
        )
    deliver(jobs_report(lines), form=form, out=out, lang=settings.lang)


def _next(due: datetime | None, now: datetime) -> datetime:
    """A turn that was missed, or never was, is made up at once."""
    return now if due is None else max(due, now)


def _context(
    settings: Settings, store: Store, policy: Policy, config: ServiceConfig, wait: float
) -> Context:
    from gatekeeper.service import Context
    from gatekeeper.service.process import instance_name

    return Context(
        store=store,
        region=settings.region,
        policy=policy,
        config=config,
        clock=options.now,
        instance=instance_name(),
        actor=f"gatekeeper@{instance_name().split(':')[0]}",
        wait=wait,
    )
