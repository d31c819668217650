"""``gatekeeper accounts``: which AWS accounts there are to look at."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from gatekeeper.cli import options
from gatekeeper.cli.filings_import import refuse
from gatekeeper.cli.output import deliver, say
from gatekeeper.cli.root import COMMANDS, Command, command_app
from gatekeeper.cli.stores import announced_store, present_store, writing_store
from gatekeeper.errors import UnknownRecord

app = command_app(COMMANDS["accounts"].summary)

AccountId = Annotated[
    str,
    typer.Argument(metavar="ID", parser=options.read_account_id, help="The account's 12 digits."),
]


@app.command("add", cls=Command)
def add(
    context: typer.Context,
    account_id: AccountId,
    name: Annotated[str, typer.Option("--name", help="What people call it.")] = "",
    role_arn: Annotated[
        str,
        typer.Option("--role-arn", metavar="ARN", help="The role to assume in it; none: no role."),
    ] = "",
    external_id: Annotated[
        str, typer.Option("--external-id", metavar="ID", help="The role's external id.")
    ] = "",
    by: options.By = None,
) -> None:
    """Register an account, or change what is known of it."""
    from gatekeeper.store import Account

    settings = options.settings_in(context)
    account = Account(account_id=account_id, name=name, role_arn=role_arn, external_id=external_id)
    with writing_store(settings) as store:
        changed = store.put_account(account, actor=options.whoami(by), at=options.now())
    if settings.lang == "zh":
        say(f"{account_id}：{'已登记' if changed else '没有变化'}")
    else:
        say(f"{account_id}: {'registered' if changed else 'nothing changed'}")


@app.command("import", cls=Command)
def import_accounts(
    context: typer.Context,
    file: Annotated[
        Path,
        typer.Argument(
            metavar="FILE", help="CSV or JSON with account_id, name, role_arn, external_id."
        ),
    ],
    by: options.By = None,
) -> None:
    """Register every account of a file, or with one bad row none of them."""
    from gatekeeper.sources import read_accounts
    from gatekeeper.store import Account

    settings = options.settings_in(context)
    found = read_accounts(file)
    for column in found.unknown_columns:
        say(
            f"{file}：未知列 {column}，已忽略"
            if settings.lang == "zh"
            else f"{file}: unknown column {column}, not read"
        )
    refuse(found.problems, len(found.problems) + found.more_problems)
    accounts = [
        Account(
            account_id=row.account_id,
            name=row.name,
            role_arn=row.role_arn,
            external_id=row.external_id,
        )
        for row in found.rows
    ]
    with writing_store(settings) as store:
        changed = store.put_accounts(accounts, actor=options.whoami(by), at=options.now())
    say(
        f"共 {len(accounts)} 个账号，{changed} 个有变化"
        if settings.lang == "zh"
        else f"{len(accounts)} accounts, {changed} of them new or changed"
    )


@app.command("list", cls=Command)
def list_accounts(
    context: typer.Context,
    form: options.Format = options.Form.TABLE,
    out: options.Out = None,
) -> None:
    """List the registered accounts."""
    from gatekeeper.report.accounts import accounts_report

    settings = options.settings_in(context)
    with announced_store(settings) as store:
        accounts = store.accounts() if store else ()
    deliver(accounts_report(accounts), form=form, out=out, lang=settings.lang)


@app.command("remove", cls=Command)
def remove(
    context: typer.Context,
    account_id: AccountId,
    by: options.By = None,
) -> None:
    """Forget an account; its history stays."""
    settings = options.settings_in(context)
    with present_store(settings) as store:
        gone = store.remove_account(account_id, actor=options.whoami(by), at=options.now())
    if not gone:
        raise UnknownRecord(
            f"{account_id}: this account is not registered; see gatekeeper accounts list",
            zh=f"{account_id}：该账号未登记，可用 gatekeeper accounts list 查看",
        )
    say(f"{account_id}：已移除" if settings.lang == "zh" else f"{account_id}: removed")
