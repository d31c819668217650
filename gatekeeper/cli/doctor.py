"""``gatekeeper doctor``: what works, and what is missing."""

from __future__ import annotations

from collections.abc import Callable
from enum import StrEnum
from typing import Annotated, Any

import typer

from gatekeeper.cli import options
from gatekeeper.cli.output import deliver, say, show
from gatekeeper.cli.root import COMMANDS, Command, command_app
from gatekeeper.cli.scope import quiet
from gatekeeper.cli.settings import Settings
from gatekeeper.cli.status import CLEAN, FAILED
from gatekeeper.cli.stores import reading_store
from gatekeeper.errors import GatekeeperError
from gatekeeper.fleet import targets
from gatekeeper.store import Account

app = command_app()

MOST = 10
"""How many registered accounts are tried where none is named."""


class Document(StrEnum):
    """Which IAM policy to print."""

    READ = "read"
    CHANGE = "change"
    ASSUME = "assume"


@app.command("doctor", cls=Command, short_help=COMMANDS["doctor"].summary)
def doctor(
    context: typer.Context,
    account: options.Accounts = None,
    print_policy: Annotated[
        Document | None,
        typer.Option(
            "--print-policy",
            help="Print the least IAM policy instead: to read an account, to change it, or to "
            "assume the role in it.",
        ),
    ] = None,
    form: options.Format = options.Form.TABLE,
    out: options.Out = None,
) -> int:
    """Check store, policy, credentials, permissions and endpoints; change nothing.

    Each read is tried with a small call, each change as EC2's DryRun.  Exit 1 where anything is
    missing or cannot be told.
    """
    settings = options.settings_in(context)
    if print_policy is not None:
        _print(print_policy, settings)
        return CLEAN
    from gatekeeper.doctor import Check, examine_accounts, examine_policy, examine_store
    from gatekeeper.report.health import doctor_report
    from gatekeeper.store import open_store

    quiet()
    only = options.unique(account)
    checks: list[Check] = [
        *examine_store(lambda: open_store(settings.store, create=False), settings.lang),
        *examine_policy(settings.policy, settings.lang),
    ]
    wanted = targets(_registered(settings), only)
    tried = wanted if only else wanted[:MOST]
    checks += examine_accounts(tried, settings.region, settings.lang)
    report = doctor_report(checks)
    deliver(report, form=form, out=out, lang=settings.lang)
    if len(wanted) > len(tried):
        left = len(wanted) - len(tried)
        say(
            f"另有 {left} 个账号未检查，可用 --account 指定"
            if settings.lang == "zh"
            else f"{left} more accounts were not tried; name them with --account"
        )
    return CLEAN if all(check.well for check in checks) else FAILED


def _registered(settings: Settings) -> dict[str, Account]:
    try:
        with reading_store(settings) as store:
            accounts = store.accounts() if store is not None else ()
    except GatekeeperError:  # the store's own check says what is wrong
        return {}
    return {account.account_id: account for account in accounts}


def _print(document: Document, settings: Settings) -> None:
    from gatekeeper.aws import permissions
    from gatekeeper.aws.answers import partition_of
    from gatekeeper.report.text import to_json

    makers: dict[Document, Callable[..., dict[str, Any]]] = {
        Document.READ: permissions.read_policy,
        Document.CHANGE: permissions.change_policy,
        Document.ASSUME: permissions.assume_policy,
    }
    region = {} if document is Document.ASSUME else {"region": settings.region}
    show(to_json(makers[document](partition_of(settings.region), **region)))
