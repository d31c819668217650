"""``gatekeeper findings``: what the audits remember, for people and for other programs."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Any

import typer

from gatekeeper.cli import options
from gatekeeper.cli.output import deliver, say, show
from gatekeeper.cli.root import COMMANDS, Command, command_app
from gatekeeper.cli.status import CLEAN, FAILED
from gatekeeper.cli.stores import announced_store, present_store

if TYPE_CHECKING:
    from gatekeeper.aws.securityhub import Refused
    from gatekeeper.cli.settings import Settings
    from gatekeeper.report.remembered import Wanted
    from gatekeeper.store import Account, RememberedFinding

app = command_app(COMMANDS["findings"].summary)

_GONE = timedelta(days=30)
"""How long a resolved finding is sent as archived: Security Hub keeps those for 30 days."""
_SHOWN = 20
"""Refused findings that are listed one by one."""


class StateOption(StrEnum):
    """Which findings, by their state."""

    OPEN = "open"
    RESOLVED = "resolved"
    ALL = "all"


class SeverityOption(StrEnum):
    """From which severity on."""

    CRITICAL = "critical"
    HIGH = "high"
    MEDIUM = "medium"
    LOW = "low"
    INFO = "info"


class As(StrEnum):
    """The form of another program."""

    ASFF = "asff"
    OCSF = "ocsf"
    SARIF = "sarif"


State = Annotated[
    StateOption, typer.Option("--state", help="Those that stand, those that are resolved, or all.")
]
Severity = Annotated[
    SeverityOption | None,
    typer.Option("--severity", help="Only from this severity on."),
]
Code = Annotated[
    list[str] | None,
    typer.Option("--code", metavar="CODE", help="Only this finding code; repeatable."),
]
Since = Annotated[
    datetime | None,
    typer.Option(
        "--since",
        metavar="TIME",
        parser=options.read_time,
        help="Only those that came, or were resolved, from then on; ISO 8601, without an offset it "
        "is Asia/Shanghai.",
    ),
]


@app.callback()
def _findings() -> None:
    """The findings that audits remember: list them, export them, send them to Security Hub."""


@app.command("list", cls=Command)
def list_findings(
    context: typer.Context,
    state: State = StateOption.OPEN,
    severity: Severity = None,
    code: Code = None,
    account: options.Accounts = None,
    since: Since = None,
    form: options.Format = options.Form.TABLE,
    out: options.Out = None,
) -> None:
    """List findings as the last audit left them, the most severe first."""
    from gatekeeper.report.remembered import remembered_report

    settings = options.settings_in(context)
    wanted = _wanted(state, severity, code, account, since)
    with announced_store(settings) as store:
        memory = store.findings_memory().values() if store is not None else ()
        found = _ranked(memory, wanted)
    deliver(remembered_report(found, settings.lang), form=form, out=out, lang=settings.lang)


@app.command("export", cls=Command)
def export(
    context: typer.Context,
    form: Annotated[
        As, typer.Option("--as", help="ASFF of Security Hub, OCSF 1.3 events, or SARIF 2.1.0.")
    ],
    state: State = StateOption.OPEN,
    severity: Severity = None,
    code: Code = None,
    account: options.Accounts = None,
    since: Since = None,
    out: options.Out = None,
) -> None:
    """Write findings in the form of another program, as JSON."""
    from gatekeeper.report.files import write_whole
    from gatekeeper.report.text import to_json

    settings = options.settings_in(context)
    wanted = _wanted(state, severity, code, account, since)
    with present_store(settings) as store:
        found = _ranked(store.findings_memory().values(), wanted)
    text = to_json(_converted(form, found, settings)) + "\n"
    if out is None:
        show(text)
    else:
        write_whole(out, text)


@app.command("push", cls=Command)
def push(
    context: typer.Context,
    severity: Severity = None,
    code: Code = None,
    account: options.Accounts = None,
    since: Annotated[
        datetime | None,
        typer.Option(
            "--since",
            metavar="TIME",
            parser=options.read_time,
            help="Of those that are resolved, only from then on.  Default: 30 days.",
        ),
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Say what would be sent; send nothing.")
    ] = False,
) -> int:
    """Send findings to Security Hub, resolved ones as archived; exit 1 where any was refused.

    Each goes to the hub of the account that it is about, entered by its role; those about no
    registered account to the hub of the caller's own.
    """
    settings = options.settings_in(context)
    with present_store(settings) as store:
        accounts = {one.account_id: one for one in store.accounts()}
        gone = since or options.now() - _GONE
        memory = store.findings_memory(resolved_from=gone).values()
        found = _ranked(memory, _wanted(StateOption.ALL, severity, code, account, None))
    sent = refused = 0
    for home, batch in _homes(found, accounts):
        sent += len(batch)
        if not dry_run:
            refused += _send(settings, accounts, home, batch)
    _summary(settings, sent, refused, dry_run=dry_run)
    return FAILED if refused else CLEAN


def _wanted(
    state: StateOption,
    severity: SeverityOption | None,
    code: list[str] | None,
    account: list[str] | None,
    since: datetime | None,
) -> Wanted:
    from gatekeeper.errors import UsageError
    from gatekeeper.gate import CATALOGUE
    from gatekeeper.gate import Severity as Level
    from gatekeeper.report.remembered import Wanted

    for one in code or ():
        if one not in CATALOGUE:
            raise UsageError(
                f"--code {one!r} is not a finding code; docs/findings.md lists them",
                zh=f"--code {one!r} 不是有效的发现代码，参见 docs/findings.md",
            )
    return Wanted(
        state=state.value,
        severity=Level(severity.value) if severity else None,
        codes=frozenset(code or ()),
        accounts=frozenset(account or ()),
        since=since,
    )


def _ranked(memory: Any, wanted: Wanted) -> tuple[RememberedFinding, ...]:
    from gatekeeper.report.remembered import ranked

    return ranked(memory, wanted)


def _converted(form: As, found: Sequence[RememberedFinding], settings: Settings) -> Any:
    from gatekeeper.aws.answers import partition_of

    region, partition = settings.region, partition_of(settings.region)
    if form is As.SARIF:
        from gatekeeper.report.sarif import to_sarif

        return to_sarif(found)
    if form is As.OCSF:
        from gatekeeper.report.ocsf import to_ocsf

        return [to_ocsf(one, region=region, partition=partition) for one in found]
    from gatekeeper.report.asff import to_asff

    return [
        to_asff(
            one,
            region=region,
            partition=partition,
            hub=str(one.data.get("account_id") or "") or "0" * 12,
        )
        for one in found
    ]


def _homes(
    found: Sequence[RememberedFinding], accounts: dict[str, Account]
) -> Iterator[tuple[str | None, list[RememberedFinding]]]:
    """Findings by the account whose hub takes them; ``None`` for the caller's own."""
    homes: dict[str | None, list[RememberedFinding]] = {}
    for one in found:
        account_id = str(one.data.get("account_id") or "")
        home = account_id if account_id in accounts else None
        homes.setdefault(home, []).append(one)
    yield from sorted(homes.items(), key=lambda pair: pair[0] or "")


def _send(
    settings: Settings,
    accounts: dict[str, Account],
    home: str | None,
    batch: Sequence[RememberedFinding],
) -> int:
    """Send one account's findings; how many were refused."""
    from gatekeeper.aws.securityhub import import_findings
    from gatekeeper.aws.session import AccountTarget, open_account
    from gatekeeper.errors import AwsError
    from gatekeeper.fleet import targets
    from gatekeeper.report.asff import to_asff

    [target] = targets(accounts, (home,)) if home else [AccountTarget()]
    try:
        with open_account(target, settings.region) as connection:
            records = [
                to_asff(
                    one,
                    region=settings.region,
                    partition=connection.partition,
                    hub=connection.account_id,
                )
                for one in batch
            ]
            refused = import_findings(connection, records)
    except AwsError as error:
        say(f"{home or '-'}: {error.text(settings.lang)}")
        return len(batch)
    _list(refused, {record["Id"]: record for record in records}, settings)
    return len(refused)


def _list(
    refused: Sequence[Refused], records: dict[str, dict[str, Any]], settings: Settings
) -> None:
    for one in refused[:_SHOWN]:
        record = records.get(one.finding_id, {})
        key = record.get("ProductFields", {}).get("gatekeeper/Key", one.finding_id)
        say(f"{key}: {one.code}: {one.message}")
    if len(refused) > _SHOWN:
        rest = len(refused) - _SHOWN
        say(f"……另有 {rest} 条" if settings.lang == "zh" else f"… and {rest} more")


def _summary(settings: Settings, sent: int, refused: int, *, dry_run: bool) -> None:
    chinese = settings.lang == "zh"
    if dry_run:
        show(f"将发送 {sent} 条发现" if chinese else f"{sent} findings would be sent")
        return
    taken = sent - refused
    show(
        f"已发送 {taken} 条发现，{refused} 条被拒绝"
        if chinese
        else f"{taken} findings sent, {refused} refused"
    )
