"""Fixtures: moto as a server, and a server that answers what a test tells it to."""

from __future__ import annotations

import shutil
import socket
import threading
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs
from urllib.request import Request, urlopen

import pytest
from botocore.retries.standard import ExponentialBackoff

from gatekeeper.store import open_store

from .bench import Clients, MotoBench
from .dying import gatekeeping

REGION = "cn-northwest-1"
OWN_ACCOUNT = "123456789012"


@pytest.fixture(autouse=True)
def aws_environment(monkeypatch, tmp_path):
    """Credentials of nobody, no configuration of this machine, and no waiting."""
    for name in ("AWS_PROFILE", "AWS_SESSION_TOKEN", "AWS_ROLE_ARN", "AWS_DEFAULT_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "testing")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "testing")
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "credentials"))
    monkeypatch.setattr(ExponentialBackoff, "delay_amount", lambda self, context: 0)


def empty(server):
    """Forget every account of a moto server."""
    with urlopen(Request(f"{server}/moto-api/reset", method="POST")):
        pass


@pytest.fixture
def moto(moto_server, monkeypatch):
    """A fresh moto; the endpoint is set the way users set it."""
    empty(moto_server)
    monkeypatch.setenv("AWS_ENDPOINT_URL", moto_server)
    return moto_server


@pytest.fixture(scope="session")
def clients(moto_server):
    """One account's clients on the server: to make them takes longer than most tests."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AWS_ENDPOINT_URL", moto_server)
        made = Clients()
    yield made
    made.close()


@pytest.fixture
def bench(moto, clients):
    """The account of the caller's own credentials, empty."""
    return MotoBench(clients)


@pytest.fixture
def keeper(moto, clients, tmp_path, empty_store):
    """Gatekeeper with an empty register."""
    path = tmp_path / "gatekeeper.db"
    shutil.copy(empty_store, path)
    with open_store(f"sqlite:///{path}") as store:
        yield gatekeeping(store, clients.connection)


@dataclass
class Reply:
    """An HTTP answer; ``cut`` bytes of the body are promised and not sent."""

    body: bytes | str = b""
    status: int = 200
    cut: int = 0
    hang: bool = False


Answer = Callable[[dict[str, str]], Reply]

IDENTITY = f"""<GetCallerIdentityResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/">
<GetCallerIdentityResult><Arn>arn:aws-cn:iam::{OWN_ACCOUNT}:user/u</Arn><UserId>U</UserId>
<Account>{OWN_ACCOUNT}</Account></GetCallerIdentityResult></GetCallerIdentityResponse>"""


def ec2(operation, inner, token=None):
    next_token = f"<nextToken>{token}</nextToken>" if token else ""
    return (
        f'<?xml version="1.0" encoding="UTF-8"?>\n<{operation}Response'
        f' xmlns="http://ec2.amazonaws.com/doc/2016-11-15/"><requestId>r</requestId>'
        f"{inner}{next_token}</{operation}Response>"
    )


def ec2_error(code, message="no"):
    return (
        f"<Response><Errors><Error><Code>{code}</Code><Message>{message}</Message></Error>"
        "</Errors><RequestID>r</RequestID></Response>"
    )


def balancers(inner="", *, classic=False, marker=None):
    version, name = (
        ("2012-06-01", "LoadBalancerDescriptions")
        if classic
        else (
            "2015-12-01",
            "LoadBalancers",
        )
    )
    next_marker = f"<NextMarker>{marker}</NextMarker>" if marker else ""
    return (
        "<DescribeLoadBalancersResponse"
        f' xmlns="http://elasticloadbalancing.amazonaws.com/doc/{version}/">'
        f"<DescribeLoadBalancersResult><{name}>{inner}</{name}>{next_marker}"
        "</DescribeLoadBalancersResult></DescribeLoadBalancersResponse>"
    )


EMPTY = {
    "GetCallerIdentity": IDENTITY,
    "DescribeAddresses": ec2("DescribeAddresses", "<addressesSet/>"),
    "DescribeNetworkInterfaces": ec2("DescribeNetworkInterfaces", "<networkInterfaceSet/>"),
    "DescribeSecurityGroups": ec2("DescribeSecurityGroups", "<securityGroupInfo/>"),
    "DescribeVpcs": ec2("DescribeVpcs", "<vpcSet/>"),
    "elbv2:DescribeLoadBalancers": balancers(),
    "elb:DescribeLoadBalancers": balancers(classic=True),
}


@dataclass
class Script:
    """What the server answers: ``script["DescribeVpcs"] = Reply(…)`` or a function of the query."""

    url: str = ""
    answers: dict[str, Answer] = field(default_factory=dict)
    calls: Counter[str] = field(default_factory=Counter)
    queries: list[dict[str, str]] = field(default_factory=list)
    agents: set[str] = field(default_factory=set)
    released: threading.Event = field(default_factory=threading.Event)

    def __setitem__(self, operation: str, answer: Answer | Reply | str) -> None:
        if isinstance(answer, str):
            answer = Reply(answer)
        self.answers[operation] = answer if callable(answer) else lambda _query: answer

    def in_turn(self, operation: str, *replies: Reply | str) -> None:
        """One reply after the other; the last one for ever."""
        left = [Reply(one) if isinstance(one, str) else one for one in replies]
        self[operation] = lambda _query: left.pop(0) if len(left) > 1 else left[0]

    def answer(self, query: dict[str, str]) -> Reply:
        operation = query["Action"]
        if operation.startswith(("DescribeLoadBalancers", "DescribeListeners")):
            service = "elb" if query["Version"] == "2012-06-01" else "elbv2"
            operation = f"{service}:{operation}"
        self.calls[operation] += 1
        self.queries.append(query)
        return self.answers[operation](query)


@pytest.fixture
def script(monkeypatch):
    """An account without anything, until the test says otherwise."""
    found = Script()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self):
            length = int(self.headers["Content-Length"])
            query = {k: v[0] for k, v in parse_qs(self.rfile.read(length).decode()).items()}
            found.agents.add(self.headers["User-Agent"])
            reply = found.answer(query)
            if reply.hang:
                found.released.wait(10)
                self.close_connection = True
                return
            body = reply.body.encode() if isinstance(reply.body, str) else reply.body
            self.send_response(reply.status)
            self.send_header("Content-Type", "text/xml")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body[: len(body) - reply.cut])
            if reply.cut:
                self.close_connection = True
                self.connection.shutdown(socket.SHUT_RDWR)

        def log_message(self, *_):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    found.url = f"http://127.0.0.1:{server.server_port}"
    for operation, body in EMPTY.items():
        found[operation] = body
    monkeypatch.setenv("AWS_ENDPOINT_URL", found.url)
    yield found
    found.released.set()
    server.shutdown()
    server.server_close()
    thread.join()
