"""``gatekeeper check-plan``: what a plan would open, before anybody applies it."""

from __future__ import annotations

import sys
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from gatekeeper.cli import options
from gatekeeper.cli.output import say, show
from gatekeeper.cli.root import COMMANDS, Command, command_app

if TYPE_CHECKING:
    from gatekeeper.errors import GatekeeperError

app = command_app()

_STDIN = "-"


class As(StrEnum):
    """How the check is printed."""

    TABLE = "table"
    JSON = "json"
    SARIF = "sarif"


@app.command("check-plan", cls=Command, short_help=COMMANDS["check-plan"].summary)
def check_plan(
    context: typer.Context,
    file: Annotated[
        str,
        typer.Argument(
            metavar="FILE",
            help="pulumi preview --json, pulumi stack export, or terraform show -json; - is stdin.",
        ),
    ],
    decisions: Annotated[
        Path,
        typer.Option(
            "--decisions", metavar="FILE", help="The feed that gatekeeper decisions --out wrote."
        ),
    ],
    form: Annotated[
        As, typer.Option("--format", help="How to print: table, json, or SARIF 2.1.0.")
    ] = As.TABLE,
    out: options.Out = None,
    allow_unattached: Annotated[
        bool,
        typer.Option(
            "--allow-unattached",
            help="Let rules pass whose group is tied to nothing that the feed decides on.",
        ),
    ] = False,
    feed_key: Annotated[
        Path | None,
        typer.Option(
            "--feed-key",
            metavar="FILE",
            help="An Ed25519 public key (PEM): believe the feed only where its other half signed.",
        ),
    ] = None,
) -> int:
    """Judge what a Pulumi or Terraform plan would open before anyone applies it.

    Exit 0 where nothing gated is opened beyond the decisions, 3 with violations, 4 where something
    could not be judged (3 wins), 1 for a file or a feed that is refused.
    """
    from gatekeeper.report.plan_check import plan_check_text, summary
    from gatekeeper.stacks import read_decisions
    from gatekeeper.stacks.check import check, read_blueprint

    settings = options.settings_in(context)
    at = options.now()
    key = None if feed_key is None else _bytes(str(feed_key), 2**16)
    feed = read_decisions(decisions, at=at, public_key=key)
    name = "stdin" if file == _STDIN else file
    plan = read_blueprint(_plan(file), name=name)
    found = check(plan, feed, settings.policy(), at=at, allow_unattached=allow_unattached)
    text = plan_check_text(found, form=form, name=name, lang=settings.lang)
    if out is None:
        show(text)
    else:
        from gatekeeper.report.files import write_whole

        write_whole(out, text)
    say(summary(found, name=name, lang=settings.lang), lang=settings.lang)
    return found.exit_status


def _plan(file: str) -> bytes:
    """The bytes of the plan, never more than one byte beyond what is read."""
    from gatekeeper.stacks.check import LARGEST, too_large

    if file == _STDIN:
        return sys.stdin.buffer.read(LARGEST + 1)
    data = _bytes(file, LARGEST + 1)
    if len(data) > LARGEST:
        raise too_large(file)
    return data


def _bytes(file: str, most: int) -> bytes:
    try:
        with Path(file).open("rb") as stream:
            return stream.read(most)
    except (OSError, ValueError) as error:
        raise _unreadable(file, error) from None


def _unreadable(file: str, error: Exception) -> GatekeeperError:
    from gatekeeper.errors import PlanRefused

    why = getattr(error, "strerror", None) or str(error)
    return PlanRefused(
        f"{file}: cannot be read ({why}); name a file that exists",
        zh=f"{file}：无法读取（{why}），请指定存在的文件",
    )
