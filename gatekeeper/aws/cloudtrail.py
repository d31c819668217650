"""Who changed a resource last: CloudTrail's LookupEvents, as far as it may be asked.

It answers two requests a second for an account and region (AWS, "Quotas in AWS CloudTrail"), the
newest events first, of the last 90 days; an event is there some minutes after the call.  So an
author is a courtesy: whatever goes wrong leaves him unknown, and nothing waits for him for long.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import datetime
from typing import Any, Final

from gatekeeper.account import Actor
from gatekeeper.aws.events import PoisonMessage, parse_event
from gatekeeper.aws.faults import EXPECTED, translate
from gatekeeper.aws.permissions import needs
from gatekeeper.aws.session import Connection

MOST_REQUESTS: Final = 40
"""Requests for one account in one go: twenty seconds."""

_PAGES: Final = 3
"""Pages for one resource: reads of a resource are events too, and hide its changes."""
_PAGE: Final = 50
_APART: Final = 0.55
"""Seconds between two requests."""

_log = logging.getLogger(__name__)
_turns = threading.Lock()
_next: dict[tuple[str, str], float] = {}
"""By account and region, when the next request may go out."""


@needs("cloudtrail:LookupEvents", purpose="attribute")
def who(
    connection: Connection,
    resource_names: Iterable[str],
    since: datetime,
    until: datetime,
    *,
    most: int = MOST_REQUESTS,
    sleep: Callable[[float], None] = time.sleep,
    clock: Callable[[], float] = time.monotonic,
) -> Mapping[str, Actor]:
    """The author of the newest change of each resource within a time, where CloudTrail tells.

    Args:
        connection: the account.
        resource_names: ids, ARNs or names as CloudTrail writes them (``sg-…``, ``eni-…``).
        since: the earliest time of a change.
        until: the latest.
        most: requests to make, whatever is left to ask then.
        sleep: waits so many seconds.
        clock: seconds that only grow.

    Returns:
        What was found, by resource.  One that nobody changed by a call that matters, that was not
        asked for in time or that CloudTrail would not tell of is not in it.  Nothing is raised.
    """
    found: dict[str, Actor] = {}
    left = most

    def request(**more: Any) -> Mapping[str, Any]:
        nonlocal left
        left -= 1
        _wait_for_turn((connection.account_id, connection.region), sleep, clock)
        reply: Mapping[str, Any] = connection.reader("cloudtrail").lookup_events(
            StartTime=since, EndTime=until, MaxResults=_PAGE, **more
        )
        return reply

    try:
        for name in dict.fromkeys(resource_names):
            token: str | None = None
            for _ in range(_PAGES):
                if left <= 0:
                    return found
                wanted = [{"AttributeKey": "ResourceName", "AttributeValue": name}]
                page = request(LookupAttributes=wanted, **({"NextToken": token} if token else {}))
                actor = next(_changes(page), None)
                token = page.get("NextToken")
                if actor is not None:
                    found[name] = actor
                if actor is not None or not token:
                    break
    except EXPECTED as error:
        # Without the permission every further request would say the same, and throttled ones
        # would take from those that others make in this account.
        _log.info("no authors of %s: %s", connection.account_id, translate(error, "LookupEvents"))
    return found


def _changes(page: Mapping[str, Any]) -> Iterator[Actor]:
    """The calls of a page that changed who may reach something, newest first."""
    for event in page.get("Events") or ():
        try:
            touched = parse_event(str(event.get("CloudTrailEvent") or ""))
        except PoisonMessage:
            continue  # one unreadable record must not hide an earlier one
        if touched.names:
            yield Actor(touched.actor, touched.at, touched.name, touched.event_id)


def _wait_for_turn(
    place: tuple[str, str], sleep: Callable[[float], None], clock: Callable[[], float]
) -> None:
    """Wait until a request may go out; those of one account queue, those of others do not."""
    with _turns:
        now = clock()
        turn = max(now, _next.get(place, now))
        _next[place] = turn + _APART
        for old in [key for key, at in _next.items() if at < now - 60]:
            del _next[old]
    if turn > now:
        sleep(turn - now)
