"""Files into applications and accounts, and applications into files."""

from gatekeeper.sources.accounts import AccountRow, AccountsResult, read_accounts
from gatekeeper.sources.applications import FORMATS, ReadResult, read_applications
from gatekeeper.sources.export import write_applications
from gatekeeper.sources.holidays import known_holidays, read_holidays
from gatekeeper.sources.miit import MiitResult, read_miit
from gatekeeper.sources.nested import application_from_json, application_to_json

__all__ = [
    "FORMATS",
    "AccountRow",
    "AccountsResult",
    "MiitResult",
    "ReadResult",
    "application_from_json",
    "application_to_json",
    "known_holidays",
    "read_accounts",
    "read_applications",
    "read_holidays",
    "read_miit",
    "write_applications",
]
