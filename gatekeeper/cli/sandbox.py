"""``gatekeeper sandbox``: an embedded account to try commands on."""

from __future__ import annotations

import threading
from io import BytesIO
from pathlib import Path
from typing import Annotated

import typer

from gatekeeper.cli import options
from gatekeeper.cli.output import say, show
from gatekeeper.cli.root import COMMANDS, Command, command_app
from gatekeeper.filing import Application
from gatekeeper.sources import write_applications

app = command_app()


@app.command("sandbox", cls=Command, short_help=COMMANDS["sandbox"].summary)
def sandbox(
    context: typer.Context,
    port: Annotated[
        int,
        typer.Option("--port", min=0, max=65535, help="Listen here, on 127.0.0.1; 0: any free."),
    ] = 0,
    filings: Annotated[
        Path | None,
        typer.Option(
            "--filings", metavar="FILE", help="Write the sample filings into FILE (CSV) to import."
        ),
    ] = None,
) -> None:
    """Serve two embedded accounts with endpoints of every kind until Ctrl-C; it is not AWS.

    The shell lines that point boto3 at it, and register its accounts, go to stdout.
    """
    from gatekeeper.report.files import write_whole
    from gatekeeper.sandbox import furnish, sample_register, serve

    settings = options.settings_in(context)
    with serve(settings.region, port=port) as box:
        world = furnish(box)
        if filings is not None:
            write_whole(filings, table_of(sample_register(world, options.now())))
        for name, value in box.environment.items():
            show(f"export {name}={value}")
        for words in account_commands(settings.region):
            show(f"gatekeeper {words}")
        say(
            f"沙箱已就绪：{box.url}，按 Ctrl-C 结束"
            if settings.lang == "zh"
            else f"the sandbox is ready at {box.url}; Ctrl-C ends it"
        )
        try:
            threading.Event().wait()
        except KeyboardInterrupt:
            say("沙箱已结束" if settings.lang == "zh" else "the sandbox is gone")


def account_commands(region: str) -> tuple[str, ...]:
    """The commands that register the sandbox's accounts."""
    from gatekeeper.aws.answers import partition_of
    from gatekeeper.sandbox import EXTERNAL_ID, NAMES, role_arn

    return tuple(
        f"accounts add {account_id} --name {name}"
        f" --role-arn {role_arn(account_id, partition_of(region))} --external-id {EXTERNAL_ID}"
        for account_id, name in NAMES.items()
    )


def table_of(applications: tuple[Application, ...]) -> bytes:
    """The applications as the table that ``filings import`` reads."""
    stream = BytesIO()
    write_applications(applications, stream, "csv")
    return stream.getvalue()
