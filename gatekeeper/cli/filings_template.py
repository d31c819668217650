"""``gatekeeper filings template``: an empty record to fill in, as a workbook or as JSON."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from gatekeeper.cli import options
from gatekeeper.cli.output import say, show
from gatekeeper.cli.root import Command
from gatekeeper.errors import UsageError


class Service(StrEnum):
    """What the record is to file."""

    WEBSITE = "website"
    APP = "app"


def register(app: typer.Typer) -> None:
    """Add the command to ``filings``."""
    app.command("template", cls=Command)(template)


def template(
    context: typer.Context,
    service: Annotated[
        Service, typer.Option("--service", help="What is to be filed: a website or an APP.")
    ] = Service.WEBSITE,
    out: Annotated[
        Path | None,
        typer.Option(
            "--out",
            metavar="FILE",
            help="A workbook (.xlsx) or JSON (.json), written whole or not at all.  Default: JSON "
            "on stdout.",
        ),
    ] = None,
) -> None:
    """Print or write a template of the full application record, with an example in it."""
    from gatekeeper.report.files import write_whole
    from gatekeeper.sources import template_json, template_workbook

    lang = options.settings_in(context).lang
    ending = out.suffix.lower() if out is not None else ".json"
    if ending not in (".xlsx", ".json"):
        raise UsageError(
            f"--out {out}: the template is written as .xlsx or .json; name the file accordingly",
            zh=f"--out {out}：模板可写为 .xlsx 或 .json，请更改文件扩展名",
        )
    if out is None:
        show(template_json(service.value))
        return
    if ending == ".json":
        write_whole(out, template_json(service.value))
    else:
        write_whole(out, template_workbook(service.value, lang))
    say(
        f"已写入 {out}，填写后可用 filings review 审核"
        if lang == "zh"
        else f"wrote {out}; fill it in, then: gatekeeper filings review {out}"
    )
