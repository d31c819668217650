"""``gatekeeper watch``: handle events as they come."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated

import typer

from gatekeeper.cli import options
from gatekeeper.cli.output import say
from gatekeeper.cli.root import COMMANDS, Command, command_app
from gatekeeper.cli.scope import quiet
from gatekeeper.cli.settings import Lang
from gatekeeper.cli.stores import present_store
from gatekeeper.errors import PolicyError

if TYPE_CHECKING:
    from gatekeeper.service.watch import Batch

app = command_app()

RESULTS = {
    "nothing": "无需变更",
    "closed": "已关闭",
    "planned": "仅列入计划",
    "blocked": "受阻",
    "refused": "未获准执行",
    "dropped": "账号未登记",
}
"""What an effect is called in Chinese."""


@app.command("watch", cls=Command, short_help=COMMANDS["watch"].summary)
def watch(
    context: typer.Context,
    config: options.Config = None,
    queue_url: Annotated[
        str | None,
        typer.Option(
            "--queue-url", metavar="URL", help="The SQS queue.  Default: events.queue_url."
        ),
    ] = None,
    once: Annotated[
        bool, typer.Option("--once", help="Handle one batch of what is there now, and end.")
    ] = False,
    wait: options.Wait = 60,
) -> None:
    """Take events from a queue, look at what they touched, and close what must be closed.

    One line a batch goes to stderr.  Runs until SIGTERM or Ctrl-C, which end it with 0; exit 1
    where no queue is named or the store is missing.
    """
    from gatekeeper.aws.queue import Queue
    from gatekeeper.service import Context, load_config
    from gatekeeper.service.process import instance_name
    from gatekeeper.service.watch import Watcher

    settings = options.settings_in(context)
    loaded = load_config(config)
    url = queue_url or loaded.events.queue_url
    if url is None:
        raise PolicyError(
            "no queue is named; pass --queue-url, or set events.queue_url in the settings",
            zh="未指定队列；请使用 --queue-url，或在服务配置中设置 events.queue_url",
        )
    policy = settings.policy()
    quiet()
    with present_store(settings) as store, _ended_by_signals() as stop:
        store.bind_region(settings.region)
        queue = Queue(settings.region, url)
        watcher = Watcher(
            Context(
                store=store,
                region=settings.region,
                policy=policy,
                config=loaded,
                clock=options.now,
                instance=instance_name(),
                actor=f"gatekeeper@{instance_name().split(':')[0]}",
                stop=stop,
                wait=wait,
            ),
            queue,
            told=lambda batch: _tell(batch, settings.lang),
        )
        try:
            if once:
                watcher.run_once(wait=1)
            else:
                say(
                    f"正在接收 {url} 的事件"
                    if settings.lang == "zh"
                    else f"waiting for events: {url}"
                )
                watcher.run(stop)
        finally:
            watcher.close()
            queue.close()


@contextmanager
def _ended_by_signals() -> Iterator[threading.Event]:
    """Give an event that SIGTERM and SIGINT set, in place of ending the process at once."""
    stop = threading.Event()
    before = {
        number: signal.signal(number, lambda *_: stop.set())
        for number in (signal.SIGTERM, signal.SIGINT)
    }
    try:
        yield stop
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _tell(batch: Batch, lang: Lang) -> None:
    """One line of a batch."""
    zh = lang == "zh"
    parts = []
    for effect in batch.effects:
        what = RESULTS.get(effect.result, effect.result) if zh else effect.result
        said = f"{effect.account_id} {what}"
        if effect.closed:
            said += f" {len(effect.closed)}"
        if effect.run_id:
            said += f" ({effect.run_id})"
        reason = effect.reason_zh if zh else effect.reason
        if reason and effect.result != "dropped":
            said += f"：{reason}" if zh else f": {reason}"
        parts.append(said)
    counts = (
        (("received", "收到"), batch.received),
        (("known", "已处理过"), batch.known),
        (("unreadable", "无法读取"), batch.poison),
        (("to come again", "稍后重试"), batch.left),
    )
    named = [f"{names[zh]} {count}" for names, count in counts if count]
    say(("；" if zh else "; ").join([("，" if zh else ", ").join(named), *parts]))
