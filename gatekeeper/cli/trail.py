"""``gatekeeper trail``: is the record of what was done still the one that was written?"""

from __future__ import annotations

from typing import Annotated

import typer

from gatekeeper.cli import options
from gatekeeper.cli.output import deliver, say
from gatekeeper.cli.root import COMMANDS, Command, command_app
from gatekeeper.cli.status import CLEAN, FAILED, INCOMPLETE
from gatekeeper.cli.stores import present_store

app = command_app(COMMANDS["trail"].summary)


@app.callback()
def _trail() -> None:
    """The hash-chained audit trail."""


@app.command("verify", cls=Command)
def verify(
    context: typer.Context,
    expect: Annotated[
        str | None,
        typer.Option(
            "--expect",
            metavar="HASH",
            help="A head hash seen earlier; it must still be in the trail, or its tail was cut.",
        ),
    ] = None,
    form: options.Format = options.Form.TABLE,
    out: options.Out = None,
) -> int:
    """Verify the whole trail, and the register against it; prints the head hash.

    Exit 1 where anything was edited, removed, put in another order or cut off; 4 where records
    are sealed and their key is not set, so that their content could not be compared.
    """
    from gatekeeper.report.trail import verification_report

    settings = options.settings_in(context)
    with present_store(settings) as store:
        found = store.verify_trail(expect)
    deliver(verification_report(found, settings.lang), form=form, out=out, lang=settings.lang)
    if found.sealed:
        say(
            f"{found.sealed} 个申请已加密且未设置其密钥，内容未校验；请设置 GATEKEEPER_KEY_FILE"
            if settings.lang == "zh"
            else f"sealed, and their key is not set: {found.sealed}; their content was not "
            "checked; set GATEKEEPER_KEY_FILE"
        )
    if found.ok:
        return INCOMPLETE if found.sealed else CLEAN
    for problem in found.problems:
        say(problem.message_zh if settings.lang == "zh" else problem.message)
    say(
        f"审计链校验失败：共 {found.found} 处"
        if settings.lang == "zh"
        else f"the trail does not verify: {found.found} breaks; keep the database as it is and "
        "compare it with a backup",
        lang=settings.lang,
        error=True,
    )
    return FAILED
