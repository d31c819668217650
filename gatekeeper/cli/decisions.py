"""``gatekeeper decisions``: the feed for stacks and CI."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from gatekeeper.cli import options
from gatekeeper.cli.output import say, show
from gatekeeper.cli.root import COMMANDS, Command, command_app
from gatekeeper.cli.scope import overlook
from gatekeeper.cli.status import CLEAN, INCOMPLETE
from gatekeeper.errors import FeedError

if TYPE_CHECKING:
    from gatekeeper.aws.bucket import Place
    from gatekeeper.cli.settings import Settings

app = command_app()


@app.command("decisions", cls=Command, short_help=COMMANDS["decisions"].summary)
def decisions(
    context: typer.Context,
    dump: options.Dump = None,
    account: options.Accounts = None,
    workers: options.WorkersOption = options.WORKERS,
    sign_key: Annotated[
        Path | None,
        typer.Option(
            "--sign-key",
            metavar="FILE",
            envvar="GATEKEEPER_SIGN_KEY",
            show_envvar=False,
            help="Sign with this Ed25519 private key (PEM).  [env: GATEKEEPER_SIGN_KEY]",
        ),
    ] = None,
    out: Annotated[
        str | None,
        typer.Option(
            "--out",
            metavar="FILE|s3://BUCKET/KEY",
            help="Write there instead of to stdout: whole, or not at all.",
        ),
    ] = None,
) -> int:
    """Print the decision feed for stacks and CI as JSON; it expires after decision_ttl.

    Exit 4 where something could not be read: those endpoints are unknown in the feed.
    """
    from gatekeeper.feed import feed
    from gatekeeper.report.files import write_whole
    from gatekeeper.report.text import to_json

    settings = options.settings_in(context)
    only = options.unique(account)
    private_key = _key(sign_key)
    place = _place(out)
    with overlook(settings, dump=dump, only=only, workers=workers) as look:
        document = feed(
            look.found,
            trail_head=look.trail_head,
            offline=look.recorded,
            private_key=private_key,
        )
    text = to_json(document) + "\n"
    if out is None:
        show(text)
    elif place is not None:
        _publish(settings, place, text)
        say(f"{place} 已写入" if settings.lang == "zh" else f"wrote {place}")
    else:
        write_whole(Path(out), text)
    return CLEAN if look.found.complete else INCOMPLETE


def _key(file: Path | None) -> bytes | None:
    """The signing key, tried before anything is read from AWS."""
    from gatekeeper.seal import sign

    if file is None:
        return None
    try:
        key = file.read_bytes()
    except OSError as error:
        raise FeedError(
            f"{file}: cannot read the signing key ({error.strerror}); name an Ed25519 key in PEM",
            zh=f"{file}：无法读取签名密钥（{error.strerror}），请指定 PEM 格式的 Ed25519 私钥",
        ) from None
    sign("", key)
    return key


def _place(out: str | None) -> Place | None:
    if out is None or not out.startswith("s3:"):
        return None
    from gatekeeper.aws.bucket import parse_place

    return parse_place(out)


def _publish(settings: Settings, place: Place, text: str) -> None:
    from gatekeeper.aws.bucket import put_object
    from gatekeeper.aws.session import AccountTarget, open_account

    with open_account(AccountTarget(), settings.region) as connection:
        put_object(connection, place, text.encode())
