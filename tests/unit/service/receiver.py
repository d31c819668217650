"""A receiver of notices: a real HTTP server on this machine that answers as it is told."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


@dataclass(frozen=True)
class Request:
    path: str
    headers: dict[str, str]
    body: bytes
    status: int
    """What was answered."""

    @property
    def json(self) -> Any:
        return json.loads(self.body)


@dataclass
class Receiver:
    """What came, and what is answered: ``answers`` one by one, then ``status``."""

    url: str = ""
    status: int = 200
    words: str = ""
    headers: dict[str, str] = field(default_factory=dict)
    answers: list[int] = field(default_factory=list)
    got: list[Request] = field(default_factory=list)
    hold: threading.Event | None = None

    @property
    def host(self) -> str:
        return self.url.removeprefix("http://")

    def codes(self) -> list[list[str]]:
        """The finding codes of each message."""
        return [[finding["code"] for finding in one.json["findings"]] for one in self.got]


@contextmanager
def receiver() -> Iterator[Receiver]:
    told = Receiver()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            status = told.answers.pop(0) if told.answers else told.status
            told.got.append(Request(self.path, dict(self.headers), body, status))
            if told.hold is not None:
                told.hold.wait(20)
            self.send_response(status)
            for name, value in told.headers.items():
                self.send_header(name, value)
            words = told.words.encode()
            self.send_header("Content-Length", str(len(words)))
            self.end_headers()
            self.wfile.write(words)

        def log_message(self, *_: Any) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    told.url = f"http://127.0.0.1:{server.server_address[1]}"
    try:
        yield told
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
