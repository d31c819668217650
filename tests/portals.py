"""A filing portal that is made up: a real HTTP server on this machine, for tests of the sync.

Its rows are invented, and so are its words.  ``first`` may answer a request instead of it, in any
way that HTTP allows or does not allow.
"""

from __future__ import annotations

import json
import ssl
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, urlsplit

TOKEN = "t0ken-of-a-made-up-portal"
VARIABLE = "TEST_PORTAL_TOKEN"

SETTINGS = """
portals:
  - name: made-up
    url: {url}/api/applications
    token: ${{TEST_PORTAL_TOKEN}}
    timeout: {{connect: 2s, read: 2s, page: 4s}}
    retries: 2
    page: {{style: number, parameter: page, size_parameter: size, size: 3}}
    items: data.list
    total: data.total
    updated: {{parameter: since, path: changed, overlap: 10m}}
    fields:
      application_id: orderNo
      filing_id: serviceId
      kind: {{path: type, values: {{FIRST: new, CHANGE_IP: change_ip}}}}
      status: {{path: state, values: {{"1": submitted, "5": bureau_review, "6": approved}}}}
      status_at: stateTime
      entity_name: unit.name
      service_type: {{value: website}}
      service_name: site.name
      service_licence: site.icpNo
      domains: {{path: site.domains, separator: ","}}
      account_id: cloud.account
      ips: cloud.hosts[].ip
      entity.head.name: unit.leader
    limits: {{page_bytes: 100000, bytes: 1000000, pages: 40, rows: 200}}
"""


def row(number: int, **over: Any) -> dict[str, Any]:
    """One row of the portal; the data are invented."""
    hour = f"{9 + number // 60:02}:{number % 60:02}:00"
    return {
        "orderNo": f"A{number:03}",
        "serviceId": f"F{number:03}",
        "type": "FIRST",
        "state": 1,
        "stateTime": f"2026-03-01 {hour}",
        "changed": f"2026-03-01T{hour}+08:00",
        "unit": {"name": f"宁夏示例{number}公司", "leader": "示例"},
        "site": {"name": "示例网", "icpNo": "", "domains": f"a{number}.example.cn,b.example.cn"},
        "cloud": {"account": "111122223333", "hosts": [{"ip": f"52.83.1.{number}"}]},
        **over,
    }


@dataclass
class Request:
    path: str
    query: dict[str, str]
    headers: dict[str, str]


@dataclass
class FakePortal:
    """What it has, what was asked, and who answers first."""

    url: str = ""
    rows: list[dict[str, Any]] = field(default_factory=list)
    tagged: bool = False
    """Whether it gives ETags."""
    first: Callable[[BaseHTTPRequestHandler, Request, int], bool] | None = None
    """Given the handler, the request and its number (from 1), whether it was answered here."""
    asked: list[Request] = field(default_factory=list)

    @property
    def pages(self) -> list[str]:
        """The pages that were asked for, in turn."""
        return [request.query.get("page", "") for request in self.asked]

    def settings(self, *changes: tuple[str, str]) -> str:
        text = SETTINGS.format(url=self.url)
        for old, new in changes:
            assert old in text, old
            text = text.replace(old, new)
        return text

    def body(self, request: Request) -> dict[str, Any]:
        since = request.query.get("since", "")
        found = [one for one in self.rows if not since or utc(one["changed"]) >= since]
        size, page = int(request.query["size"]), int(request.query["page"])
        part = found[(page - 1) * size : page * size]
        return {"code": 0, "data": {"list": part, "total": len(found)}}

    def answer(self, handler: BaseHTTPRequestHandler) -> None:
        parts = urlsplit(handler.path)
        request = Request(parts.path, dict(parse_qsl(parts.query)), dict(handler.headers))
        self.asked.append(request)
        if self.first is not None and self.first(handler, request, len(self.asked)):
            return
        if request.headers.get("Authorization") != f"Bearer {TOKEN}":
            send(handler, 401, b'{"message": "who are you?"}')
            return
        raw = json.dumps(self.body(request), ensure_ascii=False).encode()
        tag = f'"{hash(raw) & 0xFFFFFFFF:x}"'
        if self.tagged and request.headers.get("If-None-Match") == tag:
            send(handler, 304, b"", {"ETag": tag})
            return
        send(handler, 200, raw, {"ETag": tag} if self.tagged else {})


def send(
    handler: BaseHTTPRequestHandler,
    status: int,
    body: bytes,
    headers: dict[str, str] | None = None,
    kind: str = "application/json; charset=utf-8",
) -> bool:
    """A plain answer."""
    handler.send_response(status)
    handler.send_header("Content-Type", kind)
    for name, value in (headers or {}).items():
        handler.send_header(name, value)
    if status != 304:
        handler.send_header("Content-Length", str(len(body)))
    handler.end_headers()
    handler.wfile.write(body)
    return True


def utc(text: str) -> str:
    """A time of a row as the query writes it."""
    from datetime import UTC, datetime

    return datetime.fromisoformat(text).astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


class Server(ThreadingHTTPServer):
    """Says nothing of clients that hang up: those under test do, and stderr is theirs."""

    daemon_threads = True
    block_on_close = False

    def handle_error(self, request: Any, client_address: Any) -> None:
        if not isinstance(sys.exception(), OSError):
            super().handle_error(request, client_address)


@contextmanager
def portal(tls: ssl.SSLContext | None = None) -> Iterator[FakePortal]:
    """The portal, while the context lasts."""
    told = FakePortal()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            sys.settrace(None)  # these lines are nobody's coverage
            try:
                told.answer(self)
            except (BrokenPipeError, ConnectionResetError):
                self.close_connection = True  # the client has had enough

        def log_message(self, *_: Any) -> None:
            """Say nothing."""

    server = Server(("127.0.0.1", 0), Handler)
    if tls is not None:
        server.socket = tls.wrap_socket(
            server.socket, server_side=True, do_handshake_on_connect=False
        )
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    told.url = f"{'http' if tls is None else 'https'}://127.0.0.1:{server.server_address[1]}"
    try:
        yield told
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
