"""``gatekeeper ranges``: the address ranges that AWS publishes, as gatekeeper knows them."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from gatekeeper.cli import options
from gatekeeper.cli.output import deliver, say
from gatekeeper.cli.ranges_file import ranges_file, stored_ranges
from gatekeeper.cli.root import COMMANDS, Command, command_app
from gatekeeper.cli.settings import settings_of
from gatekeeper.errors import AccountError

if TYPE_CHECKING:
    from gatekeeper.account import Ranges

app = command_app(COMMANDS["ranges"].summary)

Published = Annotated[
    str | None,
    typer.Option(
        "--url",
        metavar="URL",
        help="Where the list is.  Default: https://ip-ranges.amazonaws.com/ip-ranges.json.",
    ),
]


@app.command("update", cls=Command)
def update(
    context: typer.Context,
    url: Published = None,
    out: Annotated[
        Path | None,
        typer.Option(
            "--out",
            metavar="FILE",
            help="Keep it in FILE.  Default: the file that GATEKEEPER_RANGES names, else "
            "gatekeeper/ranges.json in the user's data folder.",
        ),
    ] = None,
    force: Annotated[
        bool,
        typer.Option("--force", help="Keep an older list, or replace a file that is damaged."),
    ] = False,
) -> None:
    """Fetch the list that AWS publishes, and keep its ranges of the China regions."""
    from gatekeeper.account import packaged_ranges, read_published, snapshot_text
    from gatekeeper.public import RANGES_URL, download_ranges
    from gatekeeper.report.files import write_whole

    settings = settings_of(context.meta)  # not settings_in: the file may be the damaged one
    path, source = out or ranges_file(), url or RANGES_URL
    kept = _kept(path, force=force)
    same = kept is not None and kept.url == source and not force
    got = download_ranges(source, etag=kept.etag if kept is not None and same else "")
    if got.data is None:
        assert kept is not None
        _unchanged(kept, settings.lang)
        return
    new = read_published(got.data, source, etag=got.etag)
    known = max((kept or packaged_ranges(), packaged_ranges()), key=lambda one: one.sync_token)
    if not force:
        if new.sync_token < known.sync_token:
            raise AccountError(
                f"{source}: made {new.created}, older than the known list of {known.created}; "
                "check --url, or take it with --force",
                zh=f"{source}：发布于 {new.created}，早于已有的 {known.created}；"
                "请检查 --url，或使用 --force",
            )
        if new.sync_token == known.sync_token:
            _unchanged(known, settings.lang)
            return
    with suppress(OSError):  # writing says why
        path.parent.mkdir(parents=True, exist_ok=True)
    write_whole(path, snapshot_text(new))
    say(
        f"{path}：已保存 {new.created} 发布的地址范围"
        if settings.lang == "zh"
        else f"{path}: holds the ranges of {new.created} now"
    )
    if new.sync_token < packaged_ranges().sync_token:
        say(
            "该列表早于软件自带的列表，不会被采用"
            if settings.lang == "zh"
            else "they are older than the packaged ones, which count"
        )


@app.command("show", cls=Command)
def show(
    context: typer.Context,
    form: options.Format = options.Form.TABLE,
    out: options.Out = None,
) -> None:
    """Show the ranges that count: their date, where they are from, and how many there are."""
    from gatekeeper.account import current_ranges
    from gatekeeper.report.ranges import ranges_report

    settings = options.settings_in(context)
    ranges, now = current_ranges(), options.now()
    deliver(ranges_report(ranges, at=now), form=form, out=out, lang=settings.lang)
    if ranges.stale(now):
        days = ranges.age(now).days
        say(
            f"地址范围已是 {days} 天前的数据，请运行 gatekeeper ranges update"
            if settings.lang == "zh"
            else f"the ranges are {days} days old; run gatekeeper ranges update"
        )


def _kept(path: Path, *, force: bool) -> Ranges | None:
    """What the file holds; a damaged one is replaced only on purpose."""
    try:
        return stored_ranges(path)
    except AccountError:
        if force:
            return None
        raise


def _unchanged(ranges: Ranges, lang: str) -> None:
    say(
        f"已是最新（{ranges.created} 发布），未作改动"
        if lang == "zh"
        else f"the list of {ranges.created} is known already; nothing changed"
    )
