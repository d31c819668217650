"""What the public sees: names, pages, registrations, each fetched with care."""

from typing import TYPE_CHECKING, Any

from gatekeeper.public.address import not_public
from gatekeeper.public.fetch import Fetched, Fetcher, Limits, Unfetched
from gatekeeper.public.names import DnsNames, Names, Nameserver, read_nameserver
from gatekeeper.public.pages import Pages, WebPages

if TYPE_CHECKING:
    from gatekeeper.public.approved import ApprovedLists, parse_lists, read_lists
    from gatekeeper.public.domains import DomainLookup, LiveDomains, read_bootstrap
    from gatekeeper.public.ranges import RANGES_URL, Download, download_ranges

__all__ = [
    "RANGES_URL",
    "ApprovedLists",
    "DnsNames",
    "DomainLookup",
    "Download",
    "Fetched",
    "Fetcher",
    "Limits",
    "LiveDomains",
    "Names",
    "Nameserver",
    "Pages",
    "Unfetched",
    "WebPages",
    "download_ranges",
    "not_public",
    "parse_lists",
    "read_bootstrap",
    "read_lists",
    "read_nameserver",
]

_LATER = {
    "ApprovedLists": "approved",
    "DomainLookup": "domains",
    "Download": "ranges",
    "LiveDomains": "domains",
    "RANGES_URL": "ranges",
    "download_ranges": "ranges",
    "parse_lists": "approved",
    "read_bootstrap": "domains",
    "read_lists": "approved",
}
"""Names that bring the models of the review with them, or are seldom wanted; and their modules."""


def __getattr__(name: str) -> Any:
    """The names of ``_LATER``, loaded when they are asked for."""
    if name not in _LATER:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(f"{__name__}.{_LATER[name]}"), name)
