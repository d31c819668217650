"""A connection that goes to one address and to no other, within one span of time.

The name stays what TLS asks for and verifies (SNI, certificate) and what ``Host`` says; only where
the socket leads is fixed.  So nobody can answer a second question about the name with another
address, between our check and our connection.
"""

from __future__ import annotations

import contextlib
import socket
import threading
from types import TracebackType
from typing import Any, Self

from requests.adapters import HTTPAdapter
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.exceptions import ConnectTimeoutError, NewConnectionError
from urllib3.util.connection import create_connection


class Guard:
    """Ends every connection when the time is up, whatever it waits for then.

    Time limits of sockets begin anew with every byte: who sends one in nine seconds holds a
    reader for ever.  Shutting the connection down from beside reaches it in each of its states.
    """

    def __init__(self, seconds: float) -> None:
        self._timer = threading.Timer(max(seconds, 0.0), self._end)
        self._timer.daemon = True
        self._lock = threading.Lock()
        self._held: list[socket.socket] = []
        self.over = False

    def __enter__(self) -> Self:
        self._timer.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._timer.cancel()
        with self._lock:
            for held in self._held:
                held.close()
            self._held.clear()

    def watch(self, connected: socket.socket) -> None:
        """Hold a second handle of a connection: TLS takes the first one away."""
        with self._lock:
            self._held.append(connected.dup())
        if self.over:
            self._end()

    def _end(self) -> None:
        self.over = True
        with self._lock:
            for held in self._held:
                with contextlib.suppress(OSError):
                    held.shutdown(socket.SHUT_RDWR)


class PinnedAdapter(HTTPAdapter):
    """Sends requests to one address, under the name that their URL has."""

    def __init__(self, address: str, guard: Guard) -> None:
        self._address, self._guard = address, guard
        super().__init__()

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        """Make the pools whose connections are pinned."""
        super().init_poolmanager(*args, **kwargs)
        self.poolmanager.pool_classes_by_scheme = {
            "http": _pool(HTTPConnectionPool, _pinned(HTTPConnection, self._address, self._guard)),
            "https": _pool(
                HTTPSConnectionPool, _pinned(HTTPSConnection, self._address, self._guard)
            ),
        }


def _pinned(base: type[Any], address: str, guard: Guard) -> type[Any]:
    class Pinned(base):  # type: ignore[misc]
        """A connection to ``address`` alone."""

        def _new_conn(self) -> socket.socket:
            try:
                connected = create_connection((address, self.port), self.timeout)
            except TimeoutError as error:
                raise ConnectTimeoutError(self, f"no connection to {address}") from error
            except OSError as error:
                raise NewConnectionError(self, f"no connection to {address}: {error}") from error
            guard.watch(connected)
            return connected

    return Pinned


def _pool(base: type[Any], connection: type[Any]) -> type[Any]:
    class Pool(base):  # type: ignore[misc]
        ConnectionCls = connection

    return Pool
