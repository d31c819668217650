"""Connections that end when their time is up, whatever they are waiting for.

A socket's time-out starts anew with every byte.  A portal that drips its headers, its body or its
part of the TLS handshake would hold a request for ever; so a clock beside it cuts the line.
"""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

from requests.adapters import HTTPAdapter
from urllib3 import HTTPConnectionPool, HTTPSConnectionPool, PoolManager
from urllib3.connection import HTTPConnection, HTTPSConnection


class Wire(HTTPAdapter):
    """The connections of one client, which asks for one thing at a time."""

    def __init__(self) -> None:
        self._line: socket.socket | None = None
        self._turn = threading.Lock()
        self._over = False
        super().__init__()

    @property
    def over(self) -> bool:
        """Whether the time of the last request was up before it ended."""
        return self._over

    @contextmanager
    def limit(self, seconds: float) -> Iterator[None]:
        """Cut the line after so long; what was read until then is not whole."""
        self._over = False
        clock = threading.Timer(seconds, self._cut)
        clock.daemon = True
        clock.start()
        try:
            yield
        finally:
            clock.cancel()

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        """As ever, with connections that are known here."""
        super().init_poolmanager(*args, **kwargs)
        self._watch(self.poolmanager)

    def proxy_manager_for(self, proxy: Any, **kwargs: Any) -> Any:
        """As ever, with connections that are known here."""
        return self._watch(super().proxy_manager_for(proxy, **kwargs))

    def close(self) -> None:
        """Close every connection."""
        super().close()
        self._hold(None)

    def _watch(self, manager: PoolManager) -> PoolManager:
        wire = self

        class Plain(HTTPConnection):
            def _new_conn(self) -> socket.socket:
                return wire._opened(super()._new_conn())

        class Sealed(HTTPSConnection):
            def _new_conn(self) -> socket.socket:
                return wire._opened(super()._new_conn())

        class PlainPool(HTTPConnectionPool):
            ConnectionCls = Plain

        class SealedPool(HTTPSConnectionPool):
            ConnectionCls = Sealed

        manager.pool_classes_by_scheme = {"http": PlainPool, "https": SealedPool}
        return manager

    def _opened(self, line: socket.socket) -> socket.socket:
        # TLS takes the socket away from this object; a second one of the same line stays valid.
        self._hold(line.dup())
        return line

    def _hold(self, line: socket.socket | None) -> None:
        with self._turn:
            if self._line is not None:
                self._line.close()
            self._line = line

    def _cut(self) -> None:
        with self._turn:
            self._over = True
            if self._line is not None:
                with suppress(OSError):  # it was closed already
                    self._line.shutdown(socket.SHUT_RDWR)
