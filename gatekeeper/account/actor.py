"""Who changed something, as CloudTrail tells it."""

from __future__ import annotations

from datetime import datetime
from typing import NamedTuple


class Actor(NamedTuple):
    """The caller of an API call, and which call it was."""

    name: str
    """The caller's ARN; of an assumed role it ends in the session's name."""
    at: datetime
    event_name: str
    """The call, as ``AuthorizeSecurityGroupIngress``."""
    event_id: str
