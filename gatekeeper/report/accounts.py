"""Accounts: which are registered, and how well each was read."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

from gatekeeper.account import Reading, ReadStatus
from gatekeeper.report.records import Report, Table, several
from gatekeeper.report.words import word

if TYPE_CHECKING:
    from gatekeeper.store import Account


def accounts_report(accounts: Iterable[Account]) -> Report:
    """``accounts list``."""
    known = tuple(accounts)
    columns = ("account_id", "name", "role_arn", "external_id")
    records = [{column: getattr(account, column) for column in columns} for account in known]
    return Report(
        title="accounts",
        document={"schema": "gatekeeper/accounts/1", "accounts": records},
        tables=(Table("accounts", columns, [tuple(r.values()) for r in records]),),
    )


def reading(states: Iterable[Reading]) -> list[dict[str, Any]]:
    """How well each account was read, for JSON (DESIGN §10: ``accounts``)."""
    return [
        {
            "account_id": state.account_id,
            "status": state.status.value,
            "errors": [
                {
                    "operation": failure.operation,
                    "code": failure.code,
                    "message": failure.message,
                    "resource": failure.resource,
                }
                for failure in state.failures
            ],
        }
        for state in states
    ]


def reading_table(states: Sequence[Reading]) -> Table:
    """The same for people."""
    return Table(
        "accounts",
        ("account_id", "status", "errors"),
        [(s.account_id, s.status.value, several(_failures(s))) for s in states],
    )


def alarms(states: Iterable[Reading], lang: str) -> tuple[str, ...]:
    """One loud sentence for each account of which something is not known."""
    lines = []
    for state in states:
        if state.complete:
            continue
        unread = state.status is ReadStatus.UNREADABLE
        text = word("unread_account" if unread else "partial_account", lang)
        why = several(_failures(state)) or word("no_errors", lang)
        lines.append(
            text.format(account=state.account_id, status=word(state.status.value, lang), why=why)
        )
    return tuple(lines)


def _failures(state: Reading) -> list[str]:
    return [
        f"{f.operation} {f.code}" + (f" ({f.resource})" if f.resource else "")
        for f in state.failures
    ]
