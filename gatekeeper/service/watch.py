"""Events as they come: a queue of CloudTrail's records, handled account by account.

For each batch: what makes no sense is put aside, what is known already is dropped, the rest is put
together by account, so that a burst costs one look.  What an event says is never believed but which
objects to look at: the state of now is read, so late events and events out of order do no harm.

A message is deleted after its effect is stored.  A process that dies in between finds the message
again, and then nothing left to do; one whose account cannot be read or changed now comes again
after a pause that grows with its deliveries.  Events only make things faster: whatever they miss,
the schedule finds.
"""

from __future__ import annotations

import logging
import threading
from collections import OrderedDict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, Protocol

from gatekeeper.errors import GatekeeperError, StoreError
from gatekeeper.service.ending import LastResort
from gatekeeper.service.reaction import Effect, Reactions

if TYPE_CHECKING:
    from gatekeeper.aws.events import Touched
    from gatekeeper.aws.queue import Message
    from gatekeeper.aws.session import AccountTarget, Connection, Gateway
    from gatekeeper.service.context import Context

POLL_SECONDS: Final = 5.0
"""How long one request waits for messages; a process that is asked to end waits for it."""
_FIRST_RETRY: Final = 2.0
_LONGEST_RETRY: Final = 600.0
_LONGEST_PAUSE: Final = 60.0
"""Between two tries to reach the queue."""
_OPEN: Final = 64
"""Connections kept open, the newest used ones."""
_MOST_POISON: Final = 10_000
"""Messages of which we remember that they were logged."""

_log = logging.getLogger(__name__)


class EventQueue(Protocol):
    """The queue's edge; ``gatekeeper.aws.queue.Queue`` is the real one."""

    def receive(self, *, wait: float = ...) -> tuple[Message, ...]: ...
    def delete(self, messages: Iterable[Message]) -> tuple[Message, ...]: ...
    def hide(self, message: Message, seconds: float) -> None: ...
    def bury(self, message: Message, dead_letter_url: str, reason: str) -> None: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    """What became of one batch of messages."""

    received: int = 0
    known: int = 0
    """Messages of events that were handled before, or twice in this batch."""
    poison: int = 0
    left: int = 0
    """Messages that come again."""
    effects: tuple[Effect, ...] = ()


@dataclass(slots=True)
class _Event:
    """An event, and the messages that carry it."""

    touched: Touched
    messages: list[Message] = field(default_factory=list)


class Watcher:
    """Consumes one queue.  One thread uses it at a time."""

    def __init__(
        self,
        context: Context,
        queue: EventQueue,
        *,
        told: Callable[[Batch], None] = lambda _: None,
    ) -> None:
        """``told`` hears of each batch that was not empty."""
        self._context = context
        self._queue = queue
        self._told = told
        self._gateway: Gateway | None = None
        self._connections: OrderedDict[AccountTarget, Connection] = OrderedDict()
        self._poison: OrderedDict[str, None] = OrderedDict()

    def run(self, stop: threading.Event) -> None:
        """Consume until ``stop`` is set.  No error ends it; while nothing works it waits longer."""
        with LastResort(stop):
            self._run(stop)

    def _run(self, stop: threading.Event) -> None:
        pause = 0.0
        try:
            while not stop.is_set():
                try:
                    if pause:
                        # While the store is away no message is taken: each delivery counts, and
                        # after so many the queue's own redrive puts a message aside.
                        self._context.store.known_events(())
                    self.run_once()
                    pause = 0.0
                    continue
                except GatekeeperError as error:
                    _log.warning("events wait: %s", error.message)
                except Exception:  # noqa: BLE001 - the loop goes on; the log has it
                    _log.exception("a batch of events failed; its messages come again")
                pause = min(_LONGEST_PAUSE, max(1.0, pause * 2))
                stop.wait(pause)
        finally:
            self.close()

    def run_once(self, *, wait: float = POLL_SECONDS) -> Batch:
        """Handle what is there, waiting ``wait`` seconds for a first message.

        Raises:
            AwsError: the queue does not answer; what was received comes again.
            StoreError: the store does not.
        """
        context = self._context
        messages = self._queue.receive(wait=wait)
        if not messages:
            return Batch()
        events, poison, buried = self._read(messages)
        try:
            known = context.store.known_events(events)
        except StoreError:
            self._again(events.values())
            raise
        again = sum(len(one.messages) - (name not in known) for name, one in events.items())
        self._done(event for name, event in events.items() if name in known)
        accounts: dict[str, list[_Event]] = {}
        for name, event in events.items():
            if name not in known:
                accounts.setdefault(event.touched.account_id, []).append(event)
        effects: list[Effect] = []
        left = poison - buried
        reactions = Reactions(context)
        for account_id, mine in sorted(accounts.items()):
            effect = None if context.stop.is_set() else self._handle(account_id, mine, reactions)
            if effect is not None:
                effects.append(effect)
            else:
                left += sum(len(event.messages) for event in mine)
        context.metrics.events("known", again)
        batch = Batch(
            received=len(messages),
            known=again,
            poison=poison,
            left=left,
            effects=tuple(effects),
        )
        self._told(batch)
        return batch

    def close(self) -> None:
        """Let go of every connection."""
        while self._connections:
            self._connections.popitem()[1].close()

    # --- messages

    def _read(self, messages: Iterable[Message]) -> tuple[dict[str, _Event], int, int]:
        """Events by id; how many messages are none, and how many of these were put aside."""
        from gatekeeper.aws.events import PoisonMessage, parse_event

        events: dict[str, _Event] = {}
        poison = buried = 0
        for message in messages:
            try:
                touched = parse_event(message.body)
            except PoisonMessage as why:
                poison += 1
                buried += self._bury(message, why)
            else:
                events.setdefault(touched.event_id, _Event(touched)).messages.append(message)
        return events, poison, buried

    def _bury(self, message: Message, why: GatekeeperError) -> bool:
        """Put a message aside; without a place for it, the queue's own redrive has to."""
        url = self._context.config.events.dead_letter_url
        if message.message_id not in self._poison:
            self._poison[message.message_id] = None
            while len(self._poison) > _MOST_POISON:
                self._poison.popitem(last=False)
            _log.warning("message %s: %s", message.message_id, why.message)
            self._context.metrics.events("poison")
        if url is None:
            return False
        try:
            self._queue.bury(message, url, why.message)
        except GatekeeperError as error:
            _log.warning("message %s: %s", message.message_id, error.message)
            return False
        return True

    def _done(self, events: Iterable[_Event]) -> None:
        """Delete messages; one that stays comes again, is known then, and is deleted."""
        messages = [message for event in events for message in event.messages]
        try:
            left = self._queue.delete(messages) if messages else ()
        except GatekeeperError as error:
            _log.warning("%d messages are not deleted: %s", len(messages), error.message)
        else:
            for message in left:
                _log.warning("message %s is not deleted", message.message_id)

    def _again(self, events: Iterable[_Event]) -> None:
        """Let messages come again, later each time.

        Where that fails they come when the queue says, which is as well.
        """
        for event in events:
            for message in event.messages:
                pause = min(_LONGEST_RETRY, _FIRST_RETRY * 2 ** min(message.deliveries - 1, 20))
                try:
                    self._queue.hide(message, pause)
                except GatekeeperError as error:
                    _log.warning("message %s: %s", message.message_id, error.message)

    # --- accounts

    def _handle(self, account_id: str, events: list[_Event], reactions: Reactions) -> Effect | None:
        """React to the events of one account; ``None`` where they must come again."""
        context = self._context
        try:
            effect = self._react(account_id, [event.touched for event in events], reactions)
            context.store.remember_events(
                {event.touched.event_id: _record(event.touched, effect) for event in events},
                at=context.clock(),
            )
        except GatekeeperError as error:
            _log.warning("events of account %s wait: %s", account_id, error.message)
        except Exception:  # noqa: BLE001 - a defect in one account must not keep all others
            _log.exception("events of account %s failed; they come again", account_id)
        else:
            context.metrics.events(effect.result, len(events))
            self._done(events)
            return effect
        context.metrics.events("left", len(events))
        self._drop(account_id)
        self._again(events)
        return None

    def _react(self, account_id: str, events: list[Touched], reactions: Reactions) -> Effect:
        region = self._context.region
        here = [event for event in events if event.region == region and event.names]
        if not here:
            return Effect(account_id=account_id, result="nothing")
        target = self._target(account_id)
        if target is None:
            return _unknown(account_id)
        connection = self._open(target)
        if connection.account_id != account_id:
            return _unknown(account_id)
        return reactions.react(connection, here)

    def _target(self, account_id: str) -> AccountTarget | None:
        """How to enter an account; ``None`` where it is not registered, though others are."""
        from gatekeeper.fleet import targets

        registered = {account.account_id: account for account in self._context.store.accounts()}
        if registered and account_id not in registered:
            return None
        return targets(registered, (account_id,) if registered else ())[0]

    def _open(self, target: AccountTarget) -> Connection:
        """A connection, kept open for the next batch."""
        from gatekeeper.aws.session import Gateway

        found = self._connections.get(target)
        if found is None:
            if self._gateway is None:
                self._gateway = Gateway(self._context.region)
            found = self._connections[target] = self._gateway.open(target)
            while len(self._connections) > _OPEN:
                self._connections.popitem(last=False)[1].close()
        self._connections.move_to_end(target)
        return found

    def _drop(self, account_id: str) -> None:
        """Enter an account anew the next time: its role or credentials may have changed."""
        for target, connection in list(self._connections.items()):
            if connection.account_id == account_id:
                del self._connections[target]
                connection.close()


def _unknown(account_id: str) -> Effect:
    return Effect(
        account_id=account_id,
        result="dropped",
        reason="the account is not registered",
        reason_zh="该账号未登记",
    )


def _record(event: Touched, effect: Effect) -> Mapping[str, Any]:
    """What is kept of an event."""
    return {
        "name": event.name,
        "actor": event.actor,
        "at": event.at.isoformat(),
        "region": event.region,
        **effect.to_json(),
    }
