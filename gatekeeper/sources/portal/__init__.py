"""A portal over HTTP into applications: settings, pages, rows; nothing here is stored."""

from gatekeeper.sources.portal.client import Client
from gatekeeper.sources.portal.config import DOCS, Portal, Portals, load_portals, parse_portals
from gatekeeper.sources.portal.reader import ContradictoryError, Reader, Tag, query_key
from gatekeeper.sources.portal.rows import RowReader, Rows
from gatekeeper.sources.portal.spool import Spool

__all__ = [
    "DOCS",
    "Client",
    "ContradictoryError",
    "Portal",
    "Portals",
    "Reader",
    "RowReader",
    "Rows",
    "Spool",
    "Tag",
    "load_portals",
    "parse_portals",
    "query_key",
]
