"""Files into applications and accounts, and applications into files."""

from typing import TYPE_CHECKING, Any

from gatekeeper.sources.accounts import AccountRow, AccountsResult, read_accounts
from gatekeeper.sources.applications import FORMATS, ReadResult, read_applications
from gatekeeper.sources.export import write_applications
from gatekeeper.sources.holidays import known_holidays, read_holidays
from gatekeeper.sources.miit import MiitResult, read_miit
from gatekeeper.sources.nested import application_from_json, application_to_json

if TYPE_CHECKING:
    from gatekeeper.sources.attachments import measured
    from gatekeeper.sources.dossiers import DossierFile, Located, read_dossiers
    from gatekeeper.sources.provider_rules import (
        first_reviews,
        packaged_providers,
        read_providers,
    )
    from gatekeeper.sources.shell_notice import read_shell_notices
    from gatekeeper.sources.template import template_json, template_workbook

__all__ = [
    "FORMATS",
    "AccountRow",
    "AccountsResult",
    "DossierFile",
    "Located",
    "MiitResult",
    "ReadResult",
    "application_from_json",
    "application_to_json",
    "first_reviews",
    "known_holidays",
    "measured",
    "packaged_providers",
    "read_accounts",
    "read_applications",
    "read_dossiers",
    "read_holidays",
    "read_miit",
    "read_providers",
    "read_shell_notices",
    "template_json",
    "template_workbook",
    "write_applications",
]

_LATER = {
    "DossierFile": "dossiers",
    "Located": "dossiers",
    "first_reviews": "provider_rules",
    "measured": "attachments",
    "packaged_providers": "provider_rules",
    "read_dossiers": "dossiers",
    "read_providers": "provider_rules",
    "read_shell_notices": "shell_notice",
    "template_json": "template",
    "template_workbook": "template",
}
"""Names that bring the models of the review with them, and their modules."""


def __getattr__(name: str) -> Any:
    """The names of ``_LATER``, loaded when they are asked for."""
    if name not in _LATER:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(f"{__name__}.{_LATER[name]}"), name)
