"""Sends what waits in the outbox, one message after the other, oldest first.

```
waiting ──► sent          the receiver answered 2xx
   │  ▲
   │  └──── waiting       it did not: again after 30 s, 1 min, 2 min … 1 h
   └──────► dead          after 12 attempts, after 3 refusals, or the route is gone
```

A notice is sent at least once.  It is sent twice only where this process ends between the
receiver's answer and the next write, or where the answer was lost on its way; both times under the
same id.  Notices that were tried together stay together, so that the id of their message stays.

A route that failed rests until its first notice is tried again; others are not held up by it.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final, NamedTuple

from gatekeeper.errors import LeaseHeld, LeaseLost, StoreError
from gatekeeper.gate import Severity
from gatekeeper.service.channels import Channel, channel
from gatekeeper.service.message import compose
from gatekeeper.service.notices import is_quiet

if TYPE_CHECKING:
    from gatekeeper.service.config import Route, ServiceConfig
    from gatekeeper.service.receipt import Receipt
    from gatekeeper.store import Lease, Queued, Store

JOB: Final = "job:notify"
ATTEMPTS: Final = 12
"""After so many a notice is dead; with the pauses between them that is about five hours."""
REFUSALS: Final = 3
"""The same where the receiver refuses it for good."""
FIRST_PAUSE: Final = timedelta(seconds=30)
LONGEST_PAUSE: Final = timedelta(hours=1)
LONGEST_WISH: Final = timedelta(hours=6)
"""The longest pause that a receiver may ask for."""
TOGETHER: Final = 500
"""Notices in one message at most."""
_PASS: Final = 5_000
"""Notices of a route that one pass looks at."""
_REWRITES: Final = (0.5, 1.0, 2.0, 4.0, 8.0)
"""Seconds between attempts to write down that a message arrived."""
_EVER: Final = datetime.max.replace(tzinfo=UTC)
_SKEW: Final = timedelta(minutes=1)
"""How far the clocks of two instances may lie apart."""
_TICK: Final = timedelta(microseconds=1)

_log = logging.getLogger(__name__)


class SendReport(NamedTuple):
    """What became of the notices that were due."""

    sent: int = 0
    failed: int = 0
    """To be tried again."""
    dead: int = 0
    waiting: int = 0
    """In the outbox, due or not, when all was done."""


def send_due(
    store: Store,
    config: ServiceConfig,
    *,
    clock: Callable[[], datetime],
    stop: threading.Event | None = None,
    lease: Lease | None = None,
    arrived: dict[int, datetime] | None = None,
) -> SendReport:
    """Send every notice that is due, as far as its route allows.

    Args:
        store: whose outbox.
        config: the routes.
        clock: the time, aware.
        stop: once set no further message is begun.
        lease: of ``JOB``, where the caller holds it already and fences with it.
        arrived: kept by the caller from one call to the next: by notice, when it arrived, where
            the store was away too long to write that down.

    Raises:
        LeaseLost: another process sends by now.
        StoreError: the outbox cannot be read or written.
    """
    known = {route.name for route in config.notices}
    backlog = store.backlog(at=clock())
    waiting = sum(one.waiting for one in backlog.values())
    if not any(
        (one.due and one.resting_until is None) or route not in known
        for route, one in backlog.items()
    ):
        return SendReport(waiting=waiting)
    try:
        with _alone(store, lease) as held:
            kept = {} if arrived is None else arrived
            return _Pass(store, config, clock, stop or threading.Event(), held, kept).run()
    except LeaseHeld:
        return SendReport(waiting=waiting)


@contextmanager
def _alone(store: Store, lease: Lease | None) -> Iterator[Lease]:
    """Be the only sender."""
    if lease is not None:
        yield lease
        return
    with store.acquire_lease(JOB) as taken, store.fenced(taken):
        yield taken


class _Pass:
    """One look at every route."""

    def __init__(
        self,
        store: Store,
        config: ServiceConfig,
        clock: Callable[[], datetime],
        stop: threading.Event,
        lease: Lease,
        arrived: dict[int, datetime],
    ) -> None:
        self._store, self._clock, self._stop, self._lease = store, clock, stop, lease
        self._arrived = arrived
        self._routes = {route.name: route for route in config.notices}
        self._marked: datetime | None = None
        self._sent = self._failed = self._dead = 0

    def run(self) -> SendReport:
        self._catch_up()
        for name, backlog in self._store.backlog(at=self._clock()).items():
            if self._stop.is_set():
                break
            route = self._routes.get(name)
            if route is None:
                self._bury(name)
            elif backlog.due and backlog.resting_until is None:
                self._serve(route)
        waiting = self._store.outbox_counts().get("waiting", 0)
        return SendReport(self._sent, self._failed, self._dead, waiting)

    def _serve(self, route: Route) -> None:
        """Send what is due for one route, until it fails."""
        now = self._clock()
        due = self._store.due_notices(at=now, limit=_PASS, route=route.name)
        # What was sent later than now was sent before the clock was set back, and counts no more.
        taken = self._store.messages_since(route.name, now - route.rate.per, now + _SKEW)
        way = channel(route)
        for notices in messages(due, route, room=route.rate.count - taken, at=now):
            if self._stop.is_set() or not self._deliver(way, route, notices):
                return

    def _deliver(self, way: Channel, route: Route, notices: Sequence[Queued]) -> bool:
        """Send one message; whether the route may be sent the next one."""
        self._lease.check()
        message = compose(
            ((one.key, one.data) for one in notices),
            route=route.name,
            lang=route.lang,
            sent_at=self._clock(),
        )
        receipt = way.send(message)
        ids = [one.notice_id for one in notices]
        if receipt.arrived:
            self._mark(ids)
            self._sent += len(ids)
            return True
        now = self._clock()
        attempts = max(one.attempts for one in notices) + 1
        retry_at = next_attempt(attempts, receipt, at=now)
        self._store.notice_failed(ids, error=receipt.reason, retry_at=retry_at, at=now)
        _log.warning(
            "route %s: %d notices not delivered at attempt %d: %s",
            *(route.name, len(ids), attempts, receipt.reason),
        )
        if retry_at is None:
            self._dead += len(ids)
            return True
        self._failed += len(ids)
        return False

    def _catch_up(self) -> None:
        """Write down what arrived while the store was away, or it would be sent again."""
        for at in sorted(set(self._arrived.values())):
            ids = [notice_id for notice_id, when in self._arrived.items() if when == at]
            self._store.notice_sent(ids, at=at)
            for notice_id in ids:
                del self._arrived[notice_id]

    def _mark(self, ids: Sequence[int]) -> None:
        """Write down that a message arrived; a store that is away for a moment is waited for.

        No two messages are marked in one moment: that is how they are counted.
        """
        at = self._clock()
        if self._marked is not None and at <= self._marked:
            at = self._marked + _TICK
        self._marked = at
        for pause in (*_REWRITES, None):
            try:
                self._store.notice_sent(ids, at=at)
                return
            except StoreError as error:
                if isinstance(error, LeaseLost) or pause is None or self._stop.wait(pause):
                    self._arrived.update(dict.fromkeys(ids, at))
                    raise
                _log.warning("%s", error.message)

    def _bury(self, name: str) -> None:
        """The settings have no such route any more."""
        while gone := self._store.due_notices(at=_EVER, limit=_PASS, route=name):
            ids = [one.notice_id for one in gone]
            error = f"route {name} is not in the settings any more"
            self._store.notice_failed(ids, error=error, retry_at=None, at=self._clock())
            self._dead += len(ids)
            _log.warning("%d notices dropped: %s", len(ids), error)


def messages(
    due: Sequence[Queued], route: Route, *, room: int, at: datetime
) -> list[tuple[Queued, ...]]:
    """How the notices of a route go into messages, oldest first; the others wait.

    Args:
        due: its notices, oldest first.
        route: for its digest, quiet hours and language.
        room: how many messages it takes at present.
        at: now; in quiet hours only messages with something critical go out.
    """
    tried: dict[tuple[int, datetime], list[Queued]] = {}
    fresh: list[Queued] = []
    for one in due:
        if one.attempts:
            tried.setdefault((one.attempts, one.due_at), []).append(one)
        else:
            fresh.append(one)
    groups = [tuple(group) for group in tried.values()]
    if is_quiet(route.quiet, at):
        groups = [group for group in groups if any(map(_critical, group))]
        fresh = [one for one in fresh if _critical(one)]
    single = [one for one in fresh if not route.digest or _critical(one)]
    groups += _bundles([one for one in fresh if route.digest and not _critical(one)])
    left = room - len(groups)
    if len(single) > left:  # what is beyond the rate goes into the last one
        alone = max(left - 1, 0)
        groups += _bundles(single[alone:])
        single = single[:alone]
    groups += [(one,) for one in single]
    groups.sort(key=lambda group: group[0].notice_id)
    return groups[: max(room, 0)]


def next_attempt(attempts: int, receipt: Receipt, *, at: datetime) -> datetime | None:
    """When a message is tried again that failed ``attempts`` times; ``None`` for never."""
    if attempts >= (REFUSALS if receipt.refused else ATTEMPTS):
        return None
    pause = min(FIRST_PAUSE * (1 << (attempts - 1)), LONGEST_PAUSE)
    if receipt.retry_after is not None:
        wish = timedelta(seconds=min(receipt.retry_after, LONGEST_WISH.total_seconds()))
        pause = max(pause, wish)
    return at + pause


def _critical(one: Queued) -> bool:
    return one.data.get("severity") == Severity.CRITICAL.value


def _bundles(notices: Sequence[Queued]) -> list[tuple[Queued, ...]]:
    return [tuple(notices[start : start + TOGETHER]) for start in range(0, len(notices), TOGETHER)]
