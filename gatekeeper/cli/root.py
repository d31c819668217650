"""The command tree: which commands there are, and the options that all of them share.

A command's module is imported when that command is asked for, so that ``gatekeeper --help`` and
each single command start fast.  The tree itself is a plain click group: ``app.list_commands`` and
``app.get_command`` walk it.
"""

from __future__ import annotations

from collections.abc import Iterator, MutableMapping
from functools import cache
from importlib import import_module
from typing import Annotated, Any, Final, NamedTuple, cast

import typer
from typer.core import TyperCommand, TyperGroup
from typer.main import get_command

from gatekeeper.cli.settings import DEFAULT_REGION, DEFAULT_STORE, keep


class Entry(NamedTuple):
    """Where a command lives, and its line in ``gatekeeper --help``."""

    module: str
    summary: str


COMMANDS: Final[dict[str, Entry]] = {
    "filings": Entry(
        "filings", "The register: what was sent to the bureau, and what is in effect."
    ),
    "accounts": Entry("accounts", "Which AWS accounts gatekeeper looks at."),
    "exposure": Entry("exposure", "What the Internet can reach, and through which rule."),
    "reconcile": Entry("reconcile", "Compare filings with accounts: findings and decisions."),
    "plan": Entry("plans", "The exact changes that make the accounts equal to the decisions."),
    "approve": Entry("plans", "Approve a plan that somebody else made."),
    "apply": Entry("apply", "Carry out a plan, journalled and verified."),
    "rollback": Entry("apply", "Restore what a run changed, as far as filings still allow."),
    "audit": Entry("audit", "Drift since the last verified state, new findings first."),
    "run": Entry("run", "The always-on service: jobs on their schedules, events, notices."),
    "job": Entry("run", "Run one job of the service once, for cron."),
    "jobs": Entry("run", "The jobs, with their last and next runs."),
    "notify": Entry("notify", "Test the routes of notices; list what was sent and what waits."),
    "watch": Entry("watch", "Handle events from a queue as they come: look at what they touched."),
    "findings": Entry("findings", "What audits remember: list, export, send to Security Hub."),
    "decisions": Entry("decisions", "The decision feed for stacks and CI."),
    "check-plan": Entry("check_plan", "What a Pulumi or Terraform plan would open, judged first."),
    "history": Entry("history", "Who did what, newest last."),
    "trail": Entry("trail", "The hash-chained audit trail."),
    "store": Entry("store", "Back the database up, restore, migrate and prune it."),
    "ranges": Entry("ranges", "The address ranges that AWS publishes: refresh and show them."),
    "doctor": Entry("doctor", "Check store, policy, credentials, permissions and endpoints."),
    "demo": Entry("demo", "The whole job, start to end, on an embedded account."),
    "sandbox": Entry("sandbox", "Serve an embedded account to try commands on."),
}


def _remember(ctx: typer.Context, param: typer.CallbackParam, value: str | None) -> str | None:
    if value is not None and param.name is not None and not ctx.resilient_parsing:
        keep(ctx.meta, param.name, value)
    return value


def _version(value: bool) -> None:
    if value:
        from gatekeeper import __version__

        typer.echo(f"gatekeeper {__version__}")
        raise typer.Exit


@cache
def _global_options() -> tuple[Any, ...]:
    """The option objects that every command and group carries."""
    carrier = typer.Typer(add_completion=False, rich_markup_mode=None)

    @carrier.command()
    def options(
        store: Annotated[
            str | None,
            typer.Option(
                "--store",
                metavar="URL",
                help=f"The database: sqlite:///FILE or postgresql://…  [env: GATEKEEPER_STORE; "
                f"default: {DEFAULT_STORE}]",
                callback=_remember,
            ),
        ] = None,
        policy: Annotated[
            str | None,
            typer.Option(
                "--policy",
                metavar="FILE",
                help="The gate policy; only keys that differ from the packaged one.  "
                "[env: GATEKEEPER_POLICY]",
                callback=_remember,
            ),
        ] = None,
        region: Annotated[
            str | None,
            typer.Option(
                "--region",
                metavar="REGION",
                help=f"The AWS region.  [env: GATEKEEPER_REGION; default: {DEFAULT_REGION}]",
                callback=_remember,
            ),
        ] = None,
        lang: Annotated[
            str | None,
            typer.Option(
                "--lang",
                metavar="zh|en",
                help="The language of tables and messages.  [env: GATEKEEPER_LANG; default: en]",
                callback=_remember,
            ),
        ] = None,
    ) -> None: ...

    found = [param for param in get_command(carrier).params if param.name != "help"]
    for param in found:
        param.expose_value = False
    return tuple(found)


class Command(TyperCommand):
    """A command that also takes the global options."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.params = [*self.params, *_global_options()]


class Group(TyperGroup):
    """A group of commands that also takes the global options."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.params = [*self.params, *_global_options()]


def command_app(summary: str | None = None) -> typer.Typer:
    """A Typer app whose commands are :class:`Command` and which leaves errors to ``entry``."""
    return typer.Typer(
        cls=Group,
        help=summary,
        add_completion=False,
        rich_markup_mode=None,
        pretty_exceptions_enable=False,
        no_args_is_help=True,
    )


class _Lazy(MutableMapping[str, Any]):
    """Command names with the commands behind them, each imported at first use."""

    def __init__(self) -> None:
        self._loaded: dict[str, Any] = {}

    def __getitem__(self, name: str) -> Any:
        if name not in self._loaded:
            entry = COMMANDS[name]
            built = get_command(import_module(f"gatekeeper.cli.{entry.module}").app)
            inner = cast("dict[str, Any]", getattr(built, "commands", {}))
            self._loaded[name] = inner.get(name, built)
        return self._loaded[name]

    def __setitem__(self, name: str, command: Any) -> None:
        self._loaded[name] = command

    def __delitem__(self, name: str) -> None:
        del self._loaded[name]

    def __iter__(self) -> Iterator[str]:
        return iter(COMMANDS)

    def __len__(self) -> int:
        return len(COMMANDS)

    def __contains__(self, name: object) -> bool:
        return name in COMMANDS


class _Root(Group):
    """The top of the tree."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        kwargs["commands"] = _Lazy()
        super().__init__(*args, **kwargs)
        self.commands = _Lazy()

    def list_commands(self, ctx: Any) -> list[str]:  # noqa: ARG002
        return list(COMMANDS)

    def format_commands(self, ctx: Any, formatter: Any) -> None:  # noqa: ARG002
        with formatter.section("Commands"):
            formatter.write_dl([(name, entry.summary) for name, entry in COMMANDS.items()])


_top = typer.Typer(
    cls=_Root,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    no_args_is_help=True,
    context_settings={"help_option_names": ["--help", "-h"]},
    epilog="Exit status: 0 clean; 1 failed; 2 wrong usage; 3 findings at or above --fail-on, or "
    "changes pending; 4 incomplete, some account could not be read.",
)


@_top.callback()
def _gatekeeper(
    version: Annotated[
        bool, typer.Option("--version", help="Print the version.", callback=_version, is_eager=True)
    ] = False,
) -> None:
    """Keep the open ports of AWS China accounts equal to what the bureau has approved."""


app: Any = get_command(_top)
