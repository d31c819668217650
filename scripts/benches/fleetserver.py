"""Answers for every account of a fleet, each after the latency of a network; on loopback.

The account is told by the access key that AssumeRole gave out.  ``GET /calls`` gives the calls so
far by operation and forgets them; from ``GET /fail/ACCOUNT`` on that account's reads are denied.

As a program it prints its port and serves until it is stopped:
``python -m benches.fleetserver --latency 0.1``.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import re
import sys
from collections import Counter
from urllib.parse import parse_qs

from benches.canned import FIRST, Pages

_LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)
_KEY = re.compile(rb"\r\nauthorization: *[^\r]*Credential=ASIA(\d{12})/", re.IGNORECASE)
_ROLE = re.compile(r"arn:aws-cn:iam::(\d{12}):role/")
_DENIED = (
    b"<Response><Errors><Error><Code>UnauthorizedOperation</Code><Message>no</Message></Error>"
    b"</Errors><RequestID>r</RequestID></Response>"
)


class FleetServer:
    def __init__(self, latency: float) -> None:
        self._latency = latency
        self._pages = Pages()
        self._calls: Counter[str] = Counter()
        self._failing: set[str] = set()
        self._tasks: set[asyncio.Task[None]] = set()

    async def serve(self) -> None:
        server = await asyncio.start_server(self._connected, "127.0.0.1", 0, backlog=1024)
        print(server.sockets[0].getsockname()[1], flush=True)
        watch = asyncio.create_task(_end_with_parent())
        async with server:
            await asyncio.wait({asyncio.create_task(server.serve_forever()), watch},
                               return_when=asyncio.FIRST_COMPLETED)  # fmt: skip
        os._exit(0)

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                found = _LENGTH.search(head)
                body = await reader.readexactly(int(found[1])) if found else b""
                status, answer = self._answer(head, body)
                if body:
                    await asyncio.sleep(self._latency)
                writer.write(
                    b"HTTP/1.1 %d OK\r\nContent-Type: text/xml\r\nContent-Length: %d\r\n\r\n"
                    % (status, len(answer))
                )
                writer.write(answer)
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()

    def _answer(self, head: bytes, body: bytes) -> tuple[int, bytes]:
        if head.startswith(b"GET /calls"):
            answer = json.dumps(self._calls).encode()
            self._calls.clear()
            return 200, answer
        if head.startswith(b"GET /fail/"):
            self._failing.add(head.split()[1].decode().removeprefix("/fail/"))
            return 200, b"{}"
        query = {key: values[0] for key, values in parse_qs(body.decode()).items()}
        operation = query["Action"]
        if operation == "DescribeLoadBalancers":
            operation = f"{'elb' if query['Version'] == '2012-06-01' else 'elbv2'}:{operation}"
        self._calls[operation] += 1
        key = _KEY.search(head)
        account = key[1].decode() if key else str(FIRST)
        if operation == "AssumeRole":
            role = _ROLE.match(query["RoleArn"])
            assert role is not None
            account = role[1]
        if account in self._failing and operation.startswith("Describe"):
            return 403, _DENIED
        return 200, self._pages.page(operation, account)


async def _end_with_parent() -> None:
    """Stop when whoever started us is gone: our stdin ends then."""
    await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--latency", type=float, default=0.0)
    asyncio.run(FleetServer(parser.parse_args().latency).serve())
