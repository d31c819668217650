"""What was seen of an account before: only so can "released" be told from "never"."""

from __future__ import annotations

from datetime import datetime
from typing import NamedTuple

from gatekeeper.account.model import Family


class SeenAddress(NamedTuple):
    """A public address as it is in an account now; ``kind`` is "eip", "elb", "auto" or "ipv6"."""

    ip: str
    kind: str
    allocation_id: str | None


class RememberedAddress(NamedTuple):
    """A public address as an account once had it."""

    ip: str
    kind: str
    allocation_id: str | None
    first_seen: datetime
    last_seen: datetime


class SeenEndpoint(NamedTuple):
    """An endpoint and its addresses of one family as they are now."""

    endpoint: str
    kind: str
    family: Family
    ips: tuple[str, ...]


class RememberedEndpoint(NamedTuple):
    """An endpoint as it was seen last, and the address set that it had when it was opened."""

    kind: str
    ips: tuple[str, ...]
    last_seen: datetime
    opened_ips: tuple[str, ...] | None = None
    opened_at: datetime | None = None
    changed_at: datetime | None = None
    """The first sight of a set other than ``opened_ips``; ``None`` while it is the same."""
