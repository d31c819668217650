"""/metrics, /healthz and /readyz, asked over a real socket."""

from __future__ import annotations

import json
import socket
import threading
from contextlib import suppress

import pytest
import requests

from gatekeeper.errors import GatekeeperError
from gatekeeper.service import http
from gatekeeper.service.health import Health
from gatekeeper.service.metrics import Metrics


def fine():
    return Health(True)


@pytest.fixture
def start():
    opened = []

    def run(health=fine, ready=fine, listen=("127.0.0.1", 0)):
        server = http.serve(listen, Metrics(), health, ready)
        opened.append(server)
        return server

    yield run
    for server in opened:
        server.close()


def raw(server, data, *, end=True):
    with socket.create_connection(server.address, timeout=10) as wire:
        wire.sendall(data)
        if end:
            with suppress(OSError):  # the server has had enough and hung up already
                wire.shutdown(socket.SHUT_WR)
        answer = b""
        while chunk := wire.recv(65536):
            answer += chunk
    return answer


def test_figures(start):
    server = start()
    answer = requests.get(f"{server.url}/metrics", timeout=5)
    assert answer.status_code == 200
    assert "gatekeeper_build_info" in answer.text
    assert answer.headers["Content-Type"].startswith("text/plain; version=")


def test_nothing_tells_the_version_of_what_serves(start):
    answer = requests.get(f"{start().url}/healthz", timeout=5)
    assert answer.headers["Server"] == "gatekeeper"
    assert "python" not in str(answer.headers).lower()


def test_health_and_readiness_with_their_reasons(start):
    server = start(ready=lambda: Health(False, ("job audit has not run for 20 min",)))
    assert requests.get(f"{server.url}/healthz", timeout=5).json() == {"ok": True, "reasons": []}
    answer = requests.get(f"{server.url}/readyz", timeout=5)
    assert answer.status_code == 503
    assert answer.json() == {"ok": False, "reasons": ["job audit has not run for 20 min"]}


def test_a_check_that_fails_is_not_well_and_shows_nothing_of_the_error(start):
    def ready():
        raise RuntimeError("password=hunter2")

    answer = requests.get(f"{start(ready=ready).url}/readyz", timeout=5)
    assert answer.status_code == 503
    assert "hunter2" not in answer.text


def test_head_has_no_body(start):
    answer = requests.head(f"{start().url}/metrics", timeout=5)
    assert answer.status_code == 200
    assert answer.content == b""
    assert int(answer.headers["Content-Length"]) > 0


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "OPTIONS", "TRACE", "BREW"])
def test_other_methods_are_refused(start, method):
    answer = requests.request(method, f"{start().url}/metrics", timeout=5)
    assert answer.status_code == 405
    assert answer.headers["Allow"] == "GET, HEAD"


def test_other_paths_are_not_found_and_not_repeated(start):
    answer = requests.get(f"{start().url}/<script>", timeout=5)
    assert (answer.status_code, answer.text) == (404, "Not Found\n")


def test_a_query_is_passed_over(start):
    assert requests.get(f"{start().url}/healthz?x=1", timeout=5).ok


@pytest.mark.parametrize(
    "data",
    [
        b"GET /healthz HTTP/1.1\r\nX: " + b"a" * 40_000 + b"\r\n\r\n",
        b"GET /healthz HTTP/1.1\r\n" + b"X: aaaaaaaaaaaaaaaaaa\r\n" * 5000 + b"\r\n",
        b"GET /" + b"a" * 40_000 + b" HTTP/1.1\r\n\r\n",
    ],
)
def test_a_request_is_bounded_in_bytes(start, data):
    server = start()
    try:
        answer = raw(server, data)
    except ConnectionError:  # what is left unread may reset the connection
        answer = b""
    assert b" 200 " not in answer
    assert requests.get(f"{server.url}/healthz", timeout=5).ok


@pytest.mark.parametrize(
    "data", [b"", b"\r\n", b"\x00\xff\r\n\r\n", b"GET\r\n\r\n", b"GET / X\r\n\r\n"]
)
def test_what_is_no_request_harms_nothing(start, data):
    server = start()
    assert b" 200 " not in raw(server, data)
    assert requests.get(f"{server.url}/healthz", timeout=5).ok


def test_who_sends_slowly_is_cut_off(start, monkeypatch):
    monkeypatch.setattr(http, "_REQUEST_SECONDS", 0.3)
    answer = raw(start(), b"GET /healthz HTTP/1.1\r\n", end=False)
    assert b" 200 " not in answer


def test_a_store_that_hangs_does_not_stop_the_health(start, monkeypatch):
    monkeypatch.setattr(http, "_READY_SECONDS", 0.1)
    done, asked = threading.Event(), threading.Event()

    def ready():
        asked.set()
        done.wait(20)
        return Health(True)

    server = start(ready=ready)
    first = threading.Thread(target=requests.get, args=(f"{server.url}/readyz",))
    first.start()
    assert asked.wait(10)
    try:
        answers = [requests.get(f"{server.url}/readyz", timeout=5) for _ in range(3)]
        assert 503 in {answer.status_code for answer in answers}
        assert requests.get(f"{server.url}/healthz", timeout=5).ok
    finally:
        done.set()
        first.join()


def test_too_many_at_once_are_closed_unheard(start, monkeypatch):
    monkeypatch.setattr(http, "_CONNECTIONS", 2)
    server = start()
    waiting = [socket.create_connection(server.address) for _ in range(2)]
    try:
        # The threads of the two have begun when a third is refused.
        for _ in range(50):
            try:
                refused = raw(server, b"GET /healthz HTTP/1.0\r\n\r\n", end=False) == b""
            except ConnectionError:
                refused = True
            if refused:
                break
        assert refused
    finally:
        for wire in waiting:
            wire.close()
    for _ in range(50):
        try:
            if requests.get(f"{server.url}/healthz", timeout=5).ok:
                return
        except requests.ConnectionError:
            continue
    pytest.fail("the server did not come back")


def test_ipv6(start):
    try:
        server = start(listen=("::1", 0))
    except GatekeeperError:
        pytest.skip("this machine has no IPv6 loopback")
    assert server.url.startswith("http://[::1]:")
    assert requests.get(f"{server.url}/healthz", timeout=5).ok


def test_a_port_in_use_is_one_line(start):
    server = start()
    with pytest.raises(GatekeeperError) as refused:
        http.serve(server.address, Metrics(), fine, fine)
    assert "the port is in use" in refused.value.message
    assert "端口已被占用" in refused.value.zh
    assert "\n" not in refused.value.message


def test_an_address_that_is_not_ours():
    with pytest.raises(GatekeeperError, match=r"cannot listen on 192\.0\.2\.1:0"):
        http.serve(("192.0.2.1", 0), Metrics(), fine, fine)


def test_close_frees_the_port(start):
    server = http.serve(("127.0.0.1", 0), Metrics(), fine, fine)
    server.close()
    with http.serve(server.address, Metrics(), fine, fine) as again:
        assert json.loads(requests.get(f"{again.url}/healthz", timeout=5).text)["ok"]
