"""Answers like EC2, ELB and STS from canned pages, over HTTP with keep-alive, on loopback.

Runs in a process of its own, so that it takes no time of what is measured.  ``GET /calls`` gives
the calls so far by operation and forgets them.
"""

from __future__ import annotations

import json
import multiprocessing
import re
import socket
import threading
from collections import Counter
from http.client import HTTPConnection
from multiprocessing.connection import Connection
from types import TracebackType
from typing import Self
from urllib.parse import parse_qs

from benches.estate import Estate, Size

_LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)


class BenchServer:
    """A context manager; ``url`` is what AWS_ENDPOINT_URL should be."""

    def __init__(self, size: Size) -> None:
        self._size = size
        self.url = ""
        self.bytes = 0

    def __enter__(self) -> Self:
        ours, theirs = multiprocessing.Pipe()
        self._process = multiprocessing.Process(target=_serve, args=(theirs, self._size))
        self._process.start()
        port, self.bytes = ours.recv()
        self.url = f"http://127.0.0.1:{port}"
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._process.terminate()
        self._process.join()

    def calls(self) -> dict[str, int]:
        """The calls since the last time this was asked."""
        connection = HTTPConnection(self.url.removeprefix("http://"))
        connection.request("GET", "/calls")
        counted: dict[str, int] = json.loads(connection.getresponse().read())
        connection.close()
        return counted


def _serve(pipe: Connection, size: Size) -> None:
    estate = Estate(size)
    listener = socket.create_server(("127.0.0.1", 0))
    pipe.send((listener.getsockname()[1], estate.bytes))
    calls: Counter[str] = Counter()
    while True:
        client, _ = listener.accept()
        client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        threading.Thread(target=_answer, args=(client, estate, calls), daemon=True).start()


def _answer(client: socket.socket, estate: Estate, calls: Counter[str]) -> None:
    buffer = b""
    with client:
        while True:
            while b"\r\n\r\n" not in buffer:
                received = client.recv(65536)
                if not received:
                    return
                buffer += received
            head, _, buffer = buffer.partition(b"\r\n\r\n")
            found = _LENGTH.search(head)
            length = int(found[1]) if found else 0
            while len(buffer) < length:
                buffer += client.recv(65536)
            body, buffer = buffer[:length], buffer[length:]
            if head.startswith(b"GET /calls"):
                answer = json.dumps(calls).encode()
                calls.clear()
            else:
                answer = _page(body, estate, calls)
            client.sendall(
                b"HTTP/1.1 200 OK\r\nContent-Type: text/xml;charset=UTF-8\r\n"
                b"Content-Length: %d\r\n\r\n" % len(answer)
            )
            client.sendall(answer)


def _page(body: bytes, estate: Estate, calls: Counter[str]) -> bytes:
    query = {key: values[0] for key, values in parse_qs(body.decode()).items()}
    operation = query["Action"]
    if operation == "DescribeLoadBalancers":
        operation = f"{'elb' if query['Version'] == '2012-06-01' else 'elbv2'}:{operation}"
    calls[operation] += 1
    token = query.get("NextToken") or query.get("Marker") or "page-0"
    return estate.pages[operation][int(token.removeprefix("page-"))]
