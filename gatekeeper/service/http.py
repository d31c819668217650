"""``/metrics``, ``/healthz`` and ``/readyz`` over HTTP, for Prometheus and for whoever restarts us.

It only tells and takes nothing: GET and HEAD, one request a connection, few connections at a time,
each with a limit in bytes and in seconds.  It has no authentication, so it listens on the loopback
address unless told otherwise.
"""

from __future__ import annotations

import contextlib
import errno
import json
import logging
import socket
import threading
from collections.abc import Callable
from http import HTTPStatus
from http.client import LineTooLong
from http.server import BaseHTTPRequestHandler
from socketserver import TCPServer, ThreadingMixIn
from typing import TYPE_CHECKING, Any, Final, Protocol, Self
from urllib.parse import urlsplit

from gatekeeper.errors import GatekeeperError
from gatekeeper.service.health import Health

if TYPE_CHECKING:
    from gatekeeper.service.metrics import Metrics

_REQUEST_BYTES: Final = 16 * 1024
_REQUEST_SECONDS: Final = 15.0
_CONNECTIONS: Final = 32
_READY_SECONDS: Final = 5.0
"""How long a question waits for one before it that the store has not answered yet."""

_log = logging.getLogger(__name__)


class Server:
    """The server on its daemon thread; ``address`` is where it listens."""

    def __init__(self, listener: _Listener) -> None:
        self._listener = listener
        host, port = listener.server_address[:2]
        self.address: tuple[str, int] = (str(host), int(port))
        self._thread = threading.Thread(
            target=listener.serve_forever, kwargs={"poll_interval": 0.2}, name="http", daemon=True
        )
        self._thread.start()

    @property
    def url(self) -> str:
        """The address as a browser takes it."""
        host, port = self.address
        return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"

    def close(self) -> None:
        """Stop listening; answers under way are let go."""
        self._listener.shutdown()
        self._listener.server_close()
        self._thread.join()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def serve(
    listen: tuple[str, int],
    metrics: Metrics,
    health: Callable[[], Health],
    ready: Callable[[], Health],
) -> Server:
    """Serve on ``listen`` (port 0: any free one).

    Args:
        listen: host and port; an IPv6 address without brackets.
        metrics: what ``/metrics`` shows.
        health: what ``/healthz`` asks; it must not wait for anybody.
        ready: what ``/readyz`` asks; it may ask the store, and is asked once at a time.

    Raises:
        GatekeeperError: the address is not ours, or the port is taken.
    """
    host, port = listen
    shown = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
    try:
        family, _, _, _, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        return Server(_Listener(family, address, _Pages(metrics, health, ready)))
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            why, zh = "the port is in use", "端口已被占用"
        elif error.errno == errno.EACCES:
            why, zh = "the port needs more rights", "没有使用该端口的权限"
        else:
            why = error.strerror or type(error).__name__
            zh = why
        raise GatekeeperError(
            f"cannot listen on {shown}: {why}; choose another address under http.listen, or null"
            " for none",
            zh=f"无法监听 {shown}：{zh}；请修改 http.listen，或设为 null 以关闭",
        ) from None


class _Answer(Protocol):
    def __call__(self, accept: str) -> tuple[HTTPStatus, str, bytes]: ...


class _Pages:
    """What each path answers."""

    def __init__(
        self, metrics: Metrics, health: Callable[[], Health], ready: Callable[[], Health]
    ) -> None:
        self._metrics = metrics
        self._health = health
        self._ready = ready
        self._asking = threading.Lock()
        self.paths: dict[str, _Answer] = {
            "/metrics": self._figures,
            "/healthz": lambda accept: _verdict(_asked(self._health)),  # noqa: ARG005
            "/readyz": self._readiness,
        }

    def _figures(self, accept: str) -> tuple[HTTPStatus, str, bytes]:
        body, content_type = self._metrics.render(accept)
        return HTTPStatus.OK, content_type, body

    def _readiness(self, accept: str) -> tuple[HTTPStatus, str, bytes]:  # noqa: ARG002
        # A store that hangs must not take every thread with it: /healthz goes on answering.
        if not self._asking.acquire(timeout=_READY_SECONDS):
            return _verdict(Health(False, ("the store has not answered yet",)))
        try:
            return _verdict(_asked(self._ready))
        finally:
            self._asking.release()


def _asked(question: Callable[[], Health]) -> Health:
    try:
        return question()
    except Exception as error:  # noqa: BLE001 - a check that fails is an answer: not well
        _log.warning("a health check failed: %s: %s", type(error).__name__, error)
        return Health(False, ("the check itself failed; see the log",))


def _verdict(health: Health) -> tuple[HTTPStatus, str, bytes]:
    body = json.dumps({"ok": health.ok, "reasons": list(health.reasons)}) + "\n"
    status = HTTPStatus.OK if health.ok else HTTPStatus.SERVICE_UNAVAILABLE
    return status, "application/json", body.encode("ascii")


class _Listener(ThreadingMixIn, TCPServer):
    """Threads for few connections; one more than that is closed unheard."""

    daemon_threads = True
    block_on_close = False
    allow_reuse_address = True
    request_queue_size = 16

    def __init__(self, family: int, address: Any, pages: _Pages) -> None:
        self.address_family = family
        self.pages = pages
        self._free = threading.BoundedSemaphore(_CONNECTIONS)
        super().__init__(address, _Handler)

    def process_request(self, request: Any, client_address: Any) -> None:
        if not self._free.acquire(blocking=False):
            self.shutdown_request(request)
            return
        try:
            super().process_request(request, client_address)
        except BaseException:
            self._free.release()
            raise

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        try:
            super().process_request_thread(request, client_address)
        finally:
            self._free.release()

    def handle_error(self, request: Any, client_address: Any) -> None:  # noqa: ARG002
        _log.debug("a client went away", exc_info=True)


class _Bounded:
    """The request's bytes, up to a limit."""

    def __init__(self, stream: Any) -> None:
        self._stream = stream
        self._left = _REQUEST_BYTES

    def readline(self, limit: int = -1) -> bytes:
        most = self._left + 1 if limit < 0 else min(limit, self._left + 1)
        line: bytes = self._stream.readline(most)
        self._left -= len(line)
        if self._left < 0:
            raise LineTooLong("request")
        return line

    def close(self) -> None:
        self._stream.close()


class _Handler(BaseHTTPRequestHandler):
    """One request; ``protocol_version`` is HTTP/1.0, so the connection ends with it."""

    server: _Listener
    timeout = _REQUEST_SECONDS
    requestline = ""
    request_version = "HTTP/1.0"
    command = ""
    path = ""

    def setup(self) -> None:
        super().setup()
        self.rfile = _Bounded(self.rfile)  # type: ignore[assignment]
        # ``timeout`` is for one read; who sends a byte now and then must end as well.
        self._end = threading.Timer(_REQUEST_SECONDS, self._expire)
        self._end.daemon = True
        self._end.start()

    def handle(self) -> None:
        try:
            super().handle()
        except LineTooLong:
            self.send_error(HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE)

    def finish(self) -> None:
        self._end.cancel()
        super().finish()

    def do_GET(self) -> None:
        answer = self.server.pages.paths.get(urlsplit(self.path).path)
        if answer is None:
            self.send_error(HTTPStatus.NOT_FOUND)
            return
        status, content_type, body = answer(self.headers.get("Accept", ""))
        self._send(status, content_type, body)

    def do_HEAD(self) -> None:
        self.do_GET()

    def __getattr__(self, name: str) -> Any:
        """Every other method is refused alike."""
        if name.startswith("do_"):
            return lambda: self.send_error(HTTPStatus.METHOD_NOT_ALLOWED)
        raise AttributeError(name)

    def send_error(
        self,
        code: int,
        message: str | None = None,  # noqa: ARG002 - it may repeat what the client sent
        explain: str | None = None,  # noqa: ARG002
    ) -> None:
        status = HTTPStatus(code)
        self._send(status, "text/plain; charset=utf-8", f"{status.phrase}\n".encode("ascii"))

    def _send(self, status: HTTPStatus, content_type: str, body: bytes) -> None:
        self.close_connection = True
        self.send_response(status)
        self.send_header("Content-Type", content_type)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Cache-Control", "no-store")
        self.send_header("X-Content-Type-Options", "nosniff")
        if status is HTTPStatus.METHOD_NOT_ALLOWED:
            self.send_header("Allow", "GET, HEAD")
        self.send_header("Connection", "close")
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def version_string(self) -> str:
        return "gatekeeper"

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
        _log.debug("%s %s", self.client_address[0], format % args)

    def _expire(self) -> None:
        with contextlib.suppress(OSError):
            self.connection.shutdown(socket.SHUT_RDWR)
