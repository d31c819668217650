"""Every error that gatekeeper raises on purpose.

GatekeeperError
├── UsageError            exit 2
├── PolicyError
├── FilingError
│   ├── IllegalMove
│   ├── UnknownRecord
│   └── ImportRefused     carries every bad row
├── AccountError
│   ├── DumpError
│   └── AwsError          carries operation and code
├── StoreError
│   ├── SchemaOutdated
│   ├── StoreSealed
│   ├── LeaseHeld
│   ├── LeaseLost
│   └── TrailBroken
├── FleetError
├── PortalError           carries the portal's name
├── FeedError
├── StackError            carries a code, as AwsError does
└── PlanError
    ├── PlanTooLarge      carries the belts
    ├── PlanStale         exit 3
    ├── PlanRefused
    └── ApprovalMissing   exit 3

A message is one line: what, where, why, and what to do.  ``zh`` is the same line for operators
who read Chinese; where it is missing the English one is shown.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar, Protocol


class GatekeeperError(Exception):
    """Something gatekeeper refuses or cannot do; shown as one line."""

    exit_status: ClassVar[int] = 1

    def __init__(self, message: str, *, zh: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.zh = zh or message

    def text(self, lang: str) -> str:
        """The line in ``lang`` ("en" or "zh")."""
        return self.zh if lang == "zh" else self.message


class UsageError(GatekeeperError):
    """The command line asks for something that makes no sense."""

    exit_status = 2


class PolicyError(GatekeeperError):
    """The policy file cannot be used; the message names the key."""


class FilingError(GatekeeperError):
    """A filing record cannot be accepted."""


class IllegalMove(FilingError):
    """An application cannot go from its status to the one asked for."""


class UnknownRecord(FilingError):
    """No application, filing, account, run or plan has this id."""


class Locatable(Protocol):
    """What a bad row must be able to say of itself."""

    def describe(self, lang: str = "en") -> str: ...


class ImportRefused(FilingError):
    """A file has bad rows, so none of it was stored."""

    def __init__(
        self, message: str, problems: Sequence[Locatable], *, zh: str | None = None
    ) -> None:
        super().__init__(message, zh=zh)
        self.problems = tuple(problems)


class AccountError(GatekeeperError):
    """An account's state cannot be read."""


class DumpError(AccountError):
    """A folder of recorded answers cannot be used at all."""


class AwsError(AccountError):
    """AWS refused a call, or did not answer it."""

    def __init__(self, message: str, *, operation: str, code: str, zh: str | None = None) -> None:
        super().__init__(message, zh=zh)
        self.operation = operation
        self.code = code


class StoreError(GatekeeperError):
    """The database cannot be opened, read or written."""


class SchemaOutdated(StoreError):
    """The database has another schema than this version of gatekeeper writes."""


class StoreSealed(StoreError):
    """Personal data are encrypted, and their key is not set."""


class LeaseHeld(StoreError):
    """Another process is changing the account."""


class LeaseLost(StoreError):
    """Our lease ran out while we were changing the account; nothing more may be changed."""


class TrailBroken(StoreError):
    """The audit trail does not verify: an entry was edited, removed or put in another order."""


class FleetError(GatekeeperError):
    """The workers that read the accounts cannot be had."""


class PortalError(GatekeeperError):
    """A portal cannot be read, or answers what cannot be meant; nothing of it was stored."""

    def __init__(self, message: str, *, portal: str, zh: str | None = None) -> None:
        super().__init__(message, zh=zh)
        self.portal = portal


class FeedError(GatekeeperError):
    """A decision feed cannot be believed: missing, damaged, expired, or signed by another."""


class StackError(GatekeeperError):
    """A stack cannot be described, read, previewed or brought up."""

    def __init__(self, message: str, *, zh: str | None = None, code: str = "Stack") -> None:
        super().__init__(message, zh=zh)
        self.code = code


class PlanError(GatekeeperError):
    """A plan cannot be made, approved or applied."""


class PlanTooLarge(PlanError):
    """A plan changes more endpoints than the belts let pass."""


class PlanStale(PlanError):
    """The plan was made on another register, policy or region."""

    exit_status = 3


class PlanRefused(PlanError):
    """The plan file is not one that may be applied: altered, truncated, or made from a dump."""


class ApprovalMissing(PlanError):
    """The policy asks for approvals that this plan does not have."""

    exit_status = 3
