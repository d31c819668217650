"""``gatekeeper demo``: the whole job, start to end, on two embedded accounts."""

from __future__ import annotations

import os
import shlex
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Final, NamedTuple

import typer

from gatekeeper.cli import options
from gatekeeper.cli.output import say, show
from gatekeeper.cli.root import COMMANDS, Command, command_app
from gatekeeper.cli.sandbox import account_commands, table_of
from gatekeeper.cli.settings import Lang
from gatekeeper.cli.status import CLEAN, FAILED, FOUND

if TYPE_CHECKING:
    from gatekeeper.sandbox import Sandbox, World

app = command_app()


class Step(NamedTuple):
    """One command of the demonstration, and how it must end."""

    words: str
    ends: int
    why: str
    why_zh: str


class Event(NamedTuple):
    """Something that others do between two commands."""

    happens: Callable[[Sandbox, World], None]
    why: str
    why_zh: str


def _release(box: Sandbox, world: World) -> None:
    from gatekeeper.sandbox import release

    release(box, world, "shop-gone")


def _widen(box: Sandbox, world: World) -> None:
    from gatekeeper.sandbox import widen

    widen(box, world, "office")


SCRIPT: Final[tuple[Step | Event, ...]] = (
    Step(
        "filings import filings.csv",
        CLEAN,
        "The provider's records: filings in every state.",
        "导入接入商的备案记录，包含各种状态。",
    ),
    Step(
        "filings suspend F-shop-stop --by bureau --reason order-7",
        CLEAN,
        "The bureau orders one service cut off.",
        "管局责令暂停一项服务的接入。",
    ),
    Step(
        "exposure",
        CLEAN,
        "What the Internet reaches in both accounts now, and through which rule.",
        "两个账号目前对公网开放的端口，以及由哪条规则放行。",
    ),
    Step(
        "reconcile",
        FOUND,
        "Records against accounts: what is open without a filing, what is filed and closed.",
        "备案与账号对账：哪些未备案却开放，哪些已备案却未开放。",
    ),
    Step(
        "plan --by operator --out plan.json",
        FOUND,
        "The exact changes that make both equal.",
        "使两者一致的具体变更。",
    ),
    Step("approve plan.json --by supervisor", CLEAN, "Another person approves.", "由他人批准。"),
    Step(
        "apply plan.json --yes --by operator",
        CLEAN,
        "Carried out under a lease, journaled, verified.",
        "在租约下执行，逐步记录并验证。",
    ),
    Step(
        "exposure",
        CLEAN,
        "Only what is filed is left, and what no security group can close.",
        "只剩已备案的端点，以及安全组无法关闭的端点。",
    ),
    Event(
        _release,
        "The shop releases an EIP that stands in a filing.",
        "商城释放了一个已备案的 EIP。",
    ),
    Step(
        "filings advance A-009 withdrawn --by operator --note check",
        FAILED,
        "An approved application is final: an illegal move is refused.",
        "已通过的申请为最终状态，非法流转会被拒绝。",
    ),
    Step(
        "filings import end.csv --by operator",
        CLEAN,
        "The bureau approves the shop's deregistration of its website.",
        "管局批准商城注销其网站。",
    ),
    Step("plan --by operator", FOUND, "What must close now.", "现在必须关闭的端点。"),
    Step("apply --yes --by operator", CLEAN, "It closes.", "执行关闭。"),
    Event(
        _widen,
        "Somebody opens HTTPS by hand in a group that filed and unfiled servers hold.",
        "有人在安全组中手工放行了 HTTPS。",
    ),
    Step(
        "audit",
        FOUND,
        "What is new since the last verified state, and what drifted.",
        "自上次验证以来的新发现与漂移。",
    ),
    Step("apply --yes --by operator", CLEAN, "Put right again.", "再次恢复。"),
    Step("audit --fail-on none", CLEAN, "The finding is resolved.", "问题已解决。"),
    Step("history --limit 8", CLEAN, "Who did what.", "操作历史。"),
    Step("trail verify", CLEAN, "And nobody edited that.", "历史未被改动。"),
)


@app.command("demo", cls=Command, short_help=COMMANDS["demo"].summary)
def demo(context: typer.Context) -> int:
    """Import, reconcile, plan, approve, apply, deregister and audit, on embedded accounts.

    Nothing outside a temporary folder is read or written.  Exit 1 if a step does not end as it
    must.
    """
    from gatekeeper.cli.entry import run
    from gatekeeper.report.files import write_whole
    from gatekeeper.sandbox import deregistration, furnish, sample_register, serve

    settings = options.settings_in(context)
    lang, region = settings.lang, settings.region
    with (
        tempfile.TemporaryDirectory(prefix="gatekeeper-demo-") as folder,
        serve(region) as box,
        _surroundings(box.environment, Path(folder), lang, region),
    ):
        world = furnish(box)
        records = sample_register(world, options.now())
        write_whole(Path("filings.csv"), table_of(records))
        write_whole(Path("end.csv"), table_of((deregistration(records[0], options.now()),)))
        accounts = (Step(words, CLEAN, "", "") for words in account_commands(region))
        for step in (*accounts, *SCRIPT):
            why = step.why_zh if lang == "zh" else step.why
            if isinstance(step, Event):
                show(f"\n# {why}")
                step.happens(box, world)
                continue
            show(f"\n# {why}\n$ gatekeeper {step.words}" if why else f"$ gatekeeper {step.words}")
            status = run(shlex.split(step.words))
            if status != step.ends:
                say(
                    f"演示失败：“{step.words}”的退出码为 {status}，应为 {step.ends}"
                    if lang == "zh"
                    else f"the demo failed: `{step.words}` ended {status}, not {step.ends}",
                    lang=lang,
                    error=True,
                )
                return FAILED
    return CLEAN


@contextmanager
def _surroundings(
    variables: Mapping[str, str], folder: Path, lang: Lang, region: str
) -> Iterator[None]:
    """An environment without anything of the caller's account, in a folder of its own."""
    kept, here = dict(os.environ), Path.cwd()
    for name in kept:
        if name.startswith(("AWS_", "GATEKEEPER_")):
            del os.environ[name]
    os.environ.update(variables)
    os.environ.update(
        AWS_CONFIG_FILE=os.devnull,
        AWS_SHARED_CREDENTIALS_FILE=os.devnull,
        GATEKEEPER_LANG=lang,
        GATEKEEPER_REGION=region,
        NO_PROXY="127.0.0.1",
        no_proxy="127.0.0.1",
    )
    os.chdir(folder)
    try:
        yield
    finally:
        os.chdir(here)
        os.environ.clear()
        os.environ.update(kept)
