"""The part of the register that speaks of one account: enough to judge it, anywhere."""

from __future__ import annotations

from dataclasses import replace
from typing import NamedTuple

from gatekeeper.filing import Application, Filing, FilingState, Register


class AccountFilings(NamedTuple):
    """What the register says of one account."""

    account_id: str
    filings: tuple[Filing, ...] = ()
    """Every filing that names it, or named it before a change; in the register's order."""
    pending: tuple[Application, ...] = ()
    """Applications under way that name it, without what only a review reads."""

    @property
    def in_effect(self) -> tuple[Filing, ...]:
        """The filings in effect that name the account."""
        return tuple(
            filing
            for filing in self.filings
            if filing.state is FilingState.IN_EFFECT and filing.access.account_id == self.account_id
        )


def filings_of(register: Register, account_id: str) -> AccountFilings:
    """The part of one account; for many of them, ``filings_by_account`` reads the register once."""
    return AccountFilings(
        account_id,
        tuple(filing for filing in register.filings if account_id in _named(filing)),
        tuple(_slim(one) for one in register.pending if one.access.account_id == account_id),
    )


def filings_by_account(register: Register) -> dict[str, AccountFilings]:
    """The parts of every account that the register names."""
    filings: dict[str, list[Filing]] = {}
    for filing in register.filings:
        for account_id in _named(filing):
            filings.setdefault(account_id, []).append(filing)
    pending: dict[str, list[Application]] = {}
    for application in register.pending:
        pending.setdefault(application.access.account_id, []).append(_slim(application))
    return {
        account_id: AccountFilings(
            account_id,
            tuple(filings.get(account_id, ())),
            tuple(pending.get(account_id, ())),
        )
        for account_id in filings.keys() | pending.keys()
    }


def _named(filing: Filing) -> tuple[str, ...]:
    """The accounts that a filing names or named, each once."""
    now = filing.access.account_id
    if not filing.former:
        return (now,)
    return tuple(dict.fromkeys((now, *(access.account_id for access in filing.former))))


def _slim(application: Application) -> Application:
    return replace(application, review="") if application.review else application
