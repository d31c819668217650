"""What the public sees: names, pages, registrations, each fetched with care."""

from gatekeeper.public.address import not_public
from gatekeeper.public.fetch import Fetched, Fetcher, Limits, Unfetched
from gatekeeper.public.names import DnsNames, Names, Nameserver, read_nameserver
from gatekeeper.public.pages import Pages, WebPages

__all__ = [
    "DnsNames",
    "Fetched",
    "Fetcher",
    "Limits",
    "Names",
    "Nameserver",
    "Pages",
    "Unfetched",
    "WebPages",
    "not_public",
    "read_nameserver",
]
