"""``gatekeeper accounts``: which AWS accounts there are to look at."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from gatekeeper.cli import options
from gatekeeper.cli.filings_import import check_files, refuse
from gatekeeper.cli.output import deliver, say
from gatekeeper.cli.root import COMMANDS, Command, command_app
from gatekeeper.cli.stores import announced_store, present_store, writing_store
from gatekeeper.errors import UnknownRecord, UsageError
from gatekeeper.filing import Problem

if TYPE_CHECKING:
    from gatekeeper.sources import AccountRow

app = command_app(COMMANDS["accounts"].summary)

_ROLE: Final = re.compile(
    r"arn:(?P<partition>aws(-[a-z]+)*):iam::(?P<account>[0-9]{12}):role/[\w+=,.@/-]{1,512}",
    re.ASCII,
)
"""An IAM role: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_identifiers.html"""

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
    _check_role(role_arn, account_id, settings.region)
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
    check_files([file])
    found = read_accounts(file)
    for column in found.unknown_columns:
        say(
            f"{file}：未知列 {column}，已忽略"
            if settings.lang == "zh"
            else f"{file}: unknown column {column}, not read"
        )
    problems = [*found.problems, *_elsewhere(found.rows, settings.region)]
    refuse(problems, len(problems) + found.more_problems)
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


def _check_role(role_arn: str, account_id: str, region: str) -> None:
    """Let pass no role, or one of this account in the region's partition.

    Raises:
        UsageError: it is no role's ARN, of another account, or of another partition.
    """
    if not role_arn:
        return
    parts = _ROLE.fullmatch(role_arn)
    if parts is None:
        raise UsageError(
            f"--role-arn {role_arn!r} is not the ARN of a role; write it as "
            f"arn:{_partition(region)}:iam::{account_id}:role/NAME",
            zh=f"--role-arn {role_arn!r} 不是角色的 ARN，应写作 "
            f"arn:{_partition(region)}:iam::{account_id}:role/名称",
        )
    if parts["account"] != account_id:
        raise UsageError(
            f"--role-arn is a role of account {parts['account']}, not of {account_id}; "
            "name a role of the account itself",
            zh=f"--role-arn 是账号 {parts['account']} 的角色，而不是 {account_id} 的；"
            "请指定该账号自身的角色",
        )
    if parts["partition"] != _partition(region):
        reason, reason_zh = _other_partition(parts["partition"], region)
        raise UsageError(
            f"--role-arn {reason}; correct the ARN or --region",
            zh=f"--role-arn {reason_zh}，请修正 ARN 或 --region",
        )


def _elsewhere(rows: Iterable[AccountRow], region: str) -> Iterator[Problem]:
    """Rows whose role is of another partition than the region."""
    for row in rows:
        parts = _ROLE.fullmatch(row.role_arn)
        if parts is not None and parts["partition"] != _partition(region):
            reason, reason_zh = _other_partition(parts["partition"], region)
            yield Problem(
                where=row.where,
                column="role_arn",
                value=row.role_arn,
                reason=reason,
                reason_zh=reason_zh,
            )


def _other_partition(found: str, region: str) -> tuple[str, str]:
    return (
        f"is of partition {found}, but the region {region} is of {_partition(region)}",
        f"属于分区 {found}，而区域 {region} 属于 {_partition(region)}",
    )


def _partition(region: str) -> str:
    """The partition of a region, as ARNs name it."""
    from gatekeeper.aws.answers import partition_of

    return partition_of(region)
