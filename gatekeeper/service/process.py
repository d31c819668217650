"""The always-on process: what it starts, how it is asked to reload, and how it ends."""

from __future__ import annotations

import logging
import os
import signal
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from datetime import datetime
from types import FrameType
from typing import TYPE_CHECKING, Final

from gatekeeper.errors import GatekeeperError, LeaseHeld, LeaseLost, StoreError
from gatekeeper.service.context import Context
from gatekeeper.service.ending import LastResort
from gatekeeper.service.health import Health, readiness
from gatekeeper.service.http import serve
from gatekeeper.service.runner import END_SECONDS, Runner

if TYPE_CHECKING:
    from gatekeeper.policy import Policy
    from gatekeeper.service.config import ServiceConfig
    from gatekeeper.store import Lease

LEASE: Final = "service"
"""Held while the service runs on SQLite: there it is alone."""
PRUNE_SECONDS: Final = 3600.0
SEND_SECONDS: Final = 2.0
"""Between two looks into the outbox."""
_LOOK_SECONDS: Final = 1.0
"""Between two looks whether we were asked to reload, and are alone still."""
_SIGNALS: Final = tuple(
    number
    for number in (getattr(signal, name, None) for name in ("SIGTERM", "SIGINT", "SIGHUP"))
    if number is not None
)

_log = logging.getLogger(__name__)


def instance_name() -> str:
    """This process as people find it: host and number."""
    return f"{socket.gethostname()}:{os.getpid()}"


class Process:
    """One instance of the service, from start to end."""

    def __init__(
        self, context: Context, reload: Callable[[], tuple[Policy, ServiceConfig]]
    ) -> None:
        """Make it.

        Args:
            context: what the jobs work with.
            reload: read policy and settings anew; what it raises is said, and the old ones stay.
        """
        self.context = context
        self.runner = Runner(context)
        self._reload = reload
        self._asked = threading.Event()
        self._lease: Lease | None = None
        self._arrived: dict[int, datetime] = {}
        self._started_at: datetime = context.clock()

    def run(self) -> None:
        """Run until SIGTERM or SIGINT.

        Raises:
            StoreError: on SQLite another instance runs already, or took our place meanwhile.
            GatekeeperError: it cannot begin: no such address to listen on, no such queue.
        """
        from gatekeeper.aws.session import observe

        context = self.context
        with ExitStack() as stack:
            self._be_alone(stack)
            stack.enter_context(self._signals())
            observe(context.metrics)
            stack.callback(observe, None)
            if context.config.http.listen is not None:
                server = stack.enter_context(
                    serve(
                        context.config.http.listen,
                        context.metrics,
                        self.runner.pulse.health,
                        self._ready,
                    )
                )
                _log.info("figures at %s/metrics", server.url)
            threads = [
                threading.Thread(target=target, name=name, daemon=True)
                for name, target in (
                    ("notices", self._send),
                    ("events", self._watch),
                    ("retention", self._prune),
                )
            ]
            for thread in threads:
                thread.start()
            _log.info("gatekeeper runs as %s on %s", context.instance, context.store.label)
            last = LastResort(context.stop)
            try:
                self._loop()
            finally:
                context.stop.set()
                deadline = time.monotonic() + END_SECONDS
                whole = self.runner.end()
                for thread in threads:
                    thread.join(max(0.0, deadline - time.monotonic()))
                if whole and not any(thread.is_alive() for thread in threads):
                    last.call_off()
                    _log.info("ended")
                else:
                    _log.info("ended; a job was still under way")

    def _loop(self) -> None:
        self.runner.start()
        next_look = 0.0
        while not self.context.stop.wait(0.2):
            now = time.monotonic()
            if now >= next_look:
                next_look = now + _LOOK_SECONDS
                if self._asked.is_set():
                    self._asked.clear()
                    self._take_new()
                if self._lease is not None:
                    self._still_alone(self._lease)
            self.runner.tick()

    def _be_alone(self, stack: ExitStack) -> None:
        """On SQLite, take the lease that one instance has."""
        store = self.context.store
        if store.shared:
            return
        try:
            self._lease = store.acquire_lease(LEASE).__enter__()
        except LeaseHeld as held:
            raise StoreError(
                f"{store.label}: {held.message}; on SQLite one instance runs alone, take PostgreSQL"
                " for several",
                zh=f"{store.label}：{held.zh}；SQLite 仅支持单实例运行，多实例请使用 PostgreSQL",
            ) from None
        stack.callback(self._let_go)

    def _let_go(self) -> None:
        if self._lease is not None:
            self._lease.__exit__(None, None, None)

    def _still_alone(self, lease: Lease) -> None:
        """Hold the lease still, or again: on a disk that was full it may have run out."""
        store = self.context.store
        try:
            try:
                lease.check()
            except LeaseLost:
                lease.release()
                self._lease = store.acquire_lease(LEASE).__enter__()
                _log.warning("the lease of the service had run out; it is held again")
        except LeaseHeld:
            raise StoreError(
                f"{store.label}: this instance was away for too long and another took its place;"
                " it ends",
                zh=f"{store.label}：本实例停顿过久，已由其他实例接替，现退出",
            ) from None
        except StoreError as busy:
            _log.warning("the store did not answer: %s", busy.message)

    def _take_new(self) -> None:
        try:
            policy, config = self._reload()
        except GatekeeperError as error:
            _log.error("not reloaded, the old settings stay: %s", error.message)
            return
        context = self.context
        fixed = ("http", "events", "log")
        for name in fixed:
            if getattr(config, name) != getattr(context.config, name):
                _log.warning("%s is read at the start alone; restart to change it", name)
        context.policy, context.config = policy, config
        try:
            self.runner.plan()
        except StoreError as error:
            self._asked.set()
            _log.warning("reloaded, but the turns stay as they were: %s", error.message)
            return
        _log.info("reloaded: policy %s", policy.version[:12])

    def _ready(self) -> Health:
        context = self.context
        return readiness(
            context.store, context.config, now=context.clock(), started_at=self._started_at
        )

    def _send(self) -> None:
        """Send what waits in the outbox, again and again."""
        from gatekeeper.service.sender import send_due

        context = self.context
        while not context.stop.wait(SEND_SECONDS):
            try:
                send_due(
                    context.store,
                    context.config,
                    clock=context.clock,
                    stop=context.stop,
                    arrived=self._arrived,
                )
                self._refresh()
            except GatekeeperError as error:
                _log.warning("notices wait: %s", error.message)
            except Exception:  # noqa: BLE001 - the loop goes on; whoever reads the log sees it
                _log.exception("sending notices failed; it is tried again")

    def _refresh(self) -> None:
        """Bring the figures up to date that do not follow from this instance's own jobs."""
        context = self.context
        context.metrics.outbox(context.store.outbox_counts())
        registered = context.known_accounts()
        if registered:
            context.metrics.accounts(registered)
        audited = context.store.last_job_runs().get("audit")
        if audited is not None and audited.instance != context.instance:
            context.metrics.superseded()

    def _prune(self) -> None:
        """Drop what the settings say is kept long enough; several instances do no harm."""
        from gatekeeper.service.retention import prune

        context = self.context
        while not context.stop.wait(PRUNE_SECONDS):
            try:
                pruned = prune(context.store, context.config.retention, at=context.clock())
            except GatekeeperError as error:
                _log.warning("nothing was pruned: %s", error.message)
                continue
            if any(pruned):
                _log.info("pruned: %s", pruned._asdict())

    def _watch(self) -> None:
        """Consume events, where there is a queue."""
        url = self.context.config.events.queue_url
        if url is None:
            return
        from gatekeeper.aws.queue import Queue
        from gatekeeper.service.watch import Watcher

        context = self.context
        Watcher(context, Queue(context.region, url)).run(context.stop)

    @contextmanager
    def _signals(self) -> Iterator[None]:
        def ask(number: int, _frame: FrameType | None) -> None:
            if number == getattr(signal, "SIGHUP", None):
                self._asked.set()
            else:
                self.context.stop.set()

        before = {number: signal.signal(number, ask) for number in _SIGNALS}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)
