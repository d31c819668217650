"""``gatekeeper notify``: does every route reach its receiver, and what waits to be sent?"""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Any
from uuid import uuid4

import typer

from gatekeeper.cli import options
from gatekeeper.cli.output import deliver, say
from gatekeeper.cli.root import COMMANDS, Command, command_app
from gatekeeper.cli.scope import quiet
from gatekeeper.cli.status import CLEAN, FAILED
from gatekeeper.cli.stores import announced_store
from gatekeeper.errors import PolicyError, UsageError

if TYPE_CHECKING:
    from gatekeeper.service import Route

app = command_app(COMMANDS["notify"].summary)


class NoticeState(StrEnum):
    """What became of a notice."""

    WAITING = "waiting"
    SENT = "sent"
    DEAD = "dead"


@app.command("test", cls=Command)
def try_routes(
    context: typer.Context,
    config: options.Config = None,
    route: Annotated[
        list[str] | None,
        typer.Option(
            "--route", metavar="NAME", help="Only this route; may be given several times."
        ),
    ] = None,
    form: options.Format = options.Form.TABLE,
    out: options.Out = None,
) -> int:
    """Send one message, marked as a test, to each route, and say how that went.

    Exit 1 where one did not arrive, or where the settings have no route.
    """
    from gatekeeper.report.notices import route_test_report
    from gatekeeper.service.config import load_config

    settings = options.settings_in(context)
    routes = load_config(config).notices
    names = options.unique(route)
    _check(names, routes)
    quiet()
    results = [_try(one) for one in routes if not names or one.name in names]
    report = route_test_report(results, settings.lang)
    deliver(report, form=form, out=out, lang=settings.lang)
    missed = [result["route"] for result in results if result["result"] != "sent"]
    if not missed:
        return CLEAN
    say(
        f"以下通知渠道未送达：{'、'.join(missed)}；请检查其 URL、密钥及网络"
        if settings.lang == "zh"
        else f"not delivered by {', '.join(missed)}; check the URL, the key and the network",
        lang=settings.lang,
        error=True,
    )
    return FAILED


@app.command("list", cls=Command)
def list_notices(
    context: typer.Context,
    state: Annotated[
        NoticeState | None,
        typer.Option("--state", help="Only notices in this state: waiting, sent or dead."),
    ] = None,
    limit: Annotated[
        int,
        typer.Option(
            "--limit", min=1, max=options.MOST_ROWS, help="At most so many, the newest ones."
        ),
    ] = 100,
    form: options.Format = options.Form.TABLE,
    out: options.Out = None,
) -> None:
    """List the notices in the outbox: sent, waiting, or given up, and why."""
    from gatekeeper.report.notices import outbox_report

    settings = options.settings_in(context)
    with announced_store(settings) as store:
        if store is None:
            found: tuple[Any, ...] = ()
        else:
            found = store.notices(None if state is None else state.value, limit=limit)
    deliver(outbox_report(found), form=form, out=out, lang=settings.lang)


def _check(names: tuple[str, ...], routes: tuple[Route, ...]) -> None:
    """Refuse routes that are not in the settings, and settings without a route."""
    if not routes:
        raise PolicyError(
            "the settings have no route to send to; add one under notices and name the file with "
            "--config or GATEKEEPER_SERVICE, see docs/notices.md",
            zh="服务配置中没有通知渠道；请在 notices 下添加，并用 --config 或 GATEKEEPER_SERVICE "
            "指定配置文件，参见 docs/notices.md",
        )
    known = [route.name for route in routes]
    for name in names:
        if name not in known:
            raise UsageError(
                f"--route {name!r} is not in the settings; there are {', '.join(known)}",
                zh=f"--route {name!r} 不在服务配置中，现有：{'、'.join(known)}",
            )


def _try(route: Route) -> dict[str, Any]:
    from gatekeeper.service.channels import channel, scheme
    from gatekeeper.service.message import Message

    message = Message(
        id=f"test-{uuid4().hex}",
        route=route.name,
        lang=route.lang,
        sent_at=options.now(),
        findings=(),
        test=True,
    )
    receipt = channel(route).send(message)
    return {
        "route": route.name,
        "scheme": scheme(route),
        "result": "sent" if receipt.arrived else "failed",
        "reason": receipt.reason,
        "reason_zh": receipt.reason_zh,
    }
