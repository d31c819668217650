"""Fetching strangers' URLs, from servers on loopback that misbehave."""

import gzip
import socket
import time
import zlib

import pytest

from gatekeeper.public import Fetched, Fetcher, Limits, Unfetched, not_public
from gatekeeper.testing import FakeNames
from tests.outside import certificate, reply, web_server

HOST = "shop.example.cn"
QUICK = Limits(connect=0.5, read=0.5, total=1.5, size=1000)


def fetcher(*ports, known=None, then=None, limits=QUICK, **more):
    names = FakeNames(known or {HOST: "127.0.0.1"}, then=then)
    made = Fetcher(names, limits=limits, loopback=True, ports=frozenset({80, 443, *ports}), **more)
    return made, names


def fetched(answer, path="/", **more):
    with web_server(answer) as port:
        made, _ = fetcher(port, **more)
        return made.get(f"http://{HOST}:{port}{path}")


@pytest.mark.parametrize(
    "address",
    [
        *("0.0.0.0", "10.255.255.255", "100.64.0.1", "100.100.100.200", "127.0.0.1", "127.9.9.9"),
        *("169.254.169.254", "172.31.255.255", "192.0.0.192", "192.0.2.1", "192.88.99.1"),
        *("192.168.1.1", "198.19.0.1", "198.51.100.9", "203.0.113.9", "224.0.0.1", "239.1.2.3"),
        *("240.0.0.1", "255.255.255.255"),
        *("::", "::1", "::127.0.0.1", "::ffff:127.0.0.1", "::ffff:52.83.1.2", "64:ff9b::a00:1"),
        *("64:ff9b::3453:102", "64:ff9b:1::1", "100::1", "2001::1", "2001:2::1", "2001:db8::1"),
        *("2002:7f00:1::", "2002:3453:102::1", "3fff::1", "5f00::1", "fc00::1", "fd00:ec2::254"),
        *("fe80::1", "fe80::1%eth0", "fec0::1", "ff02::1", "2404:c2c0::1%1", "127.1", "x", ""),
    ],
)
def test_no_address_but_a_public_one_is_asked(address):
    assert not_public(address) is not None


@pytest.mark.parametrize(
    "address",
    ["52.83.1.2", "1.1.1.1", "100.63.255.255", "172.32.0.0", "223.255.255.255", "2404:c2c0::1"],
)
def test_public_addresses_pass(address):
    assert not_public(address) is None


@pytest.mark.parametrize(
    ("url", "why"),
    [
        ("ftp://shop.example.cn/", "only http"),
        ("file:///etc/passwd", "only http"),
        ("javascript:alert(1)", "only http"),
        ("//shop.example.cn/", "only http"),
        ("http://user:word@shop.example.cn/", "credentials"),
        ("http://@shop.example.cn/", "credentials"),
        ("http://shop.example.cn:22/", "port 22"),
        ("http://shop.example.cn:8080/", "port 8080"),
        ("http://shop.example.cn:x/", "no URL"),
        ("http://shop.example.cn:99999/", "no URL"),
        ("http://shop.example.cn\\@evil.example/", "no URL"),
        ("http://shop.example.cn/\r\nX: y", "no URL"),
        ("http://shop example.cn/", "no URL"),
        ("http:///path", "no URL"),
        ("http://[::1/", "no URL"),
        ("http://a..b/", "no URL"),
        ("http://" + "x" * 300 + ".cn/", "no URL"),
        ("http://shop.example.cn/" + "x" * 5000, "no URL"),
        ("http://10.0.0.1/", "not public"),
        ("http://169.254.169.254/latest/meta-data/", "not public"),
        ("http://[::ffff:10.0.0.1]/", "not public"),
        ("http://[fe80::1%25eth0]/", "not public"),
        ("http://2130706433/", "does not resolve"),
        ("http://0x7f.1/", "does not resolve"),
        ("http://127.1/", "does not resolve"),
        ("http://nowhere.example.cn/", "does not resolve"),
        ("http://inside.example.cn/", "not public (private)"),
        ("http://both.example.cn/", "not public (link-local)"),
        ("http://dark.example.cn/", "no answer in time"),
    ],
)
def test_what_may_not_be_asked_is_refused_before_any_connection(url, why, monkeypatch):
    def connect(*_):
        raise AssertionError("it connects")

    monkeypatch.setattr(socket.socket, "connect", connect)
    names = FakeNames(
        {
            "inside.example.cn": "10.0.0.1",
            "both.example.cn": ("52.83.1.2", "169.254.169.254"),
            "dark.example.cn": None,
        }
    )
    found = Fetcher(names).get(url)
    assert isinstance(found, Unfetched)
    assert why in found.reason
    assert found.reason_zh


def test_a_page_comes_with_its_type_and_the_name_it_was_asked_by():
    seen = {}

    def answer(handler):
        seen.update(handler.headers)
        seen["path"] = handler.path
        reply(handler, "备案".encode())

    found = fetched(answer, "/a?b=c#d")
    assert isinstance(found, Fetched)
    assert (found.status, found.media, found.charset) == (200, "text/html", "utf-8")
    assert found.data.decode() == "备案"
    assert not found.cut
    assert seen["Host"].startswith(HOST)
    assert seen["path"] == "/a?b=c"
    assert "Cookie" not in seen
    assert "Authorization" not in seen


def test_loopback_needs_to_be_allowed():
    with web_server(reply) as port:
        found = Fetcher(FakeNames({HOST: "127.0.0.1"}), ports=frozenset({port})).get(
            f"http://{HOST}:{port}/"
        )
    assert isinstance(found, Unfetched)
    assert "loopback" in found.reason


def test_a_name_is_resolved_once_and_the_connection_goes_there(monkeypatch):
    """DNS rebinding: the second answer would lead elsewhere, and nobody asks for it."""
    asked = []
    look_up = socket.getaddrinfo

    def watch(host, *rest, **more):
        asked.append(host)
        return look_up(host, *rest, **more)

    monkeypatch.setattr(socket, "getaddrinfo", watch)
    with web_server(lambda handler: reply(handler, b"here")) as port:
        made, names = fetcher(port, then={HOST: "10.0.0.1"})
        found = made.get(f"http://{HOST}:{port}/")
        assert isinstance(found, Fetched)
        assert found.data == b"here"
        assert names.asked == [HOST]
        assert set(asked) == {"127.0.0.1"}
        again = made.get(f"http://{HOST}:{port}/")
    assert isinstance(again, Unfetched)
    assert "10.0.0.1" in again.reason


def test_the_certificate_is_verified_against_the_name(tmp_path):
    context, authority = certificate(tmp_path, HOST)
    offered = []
    context.sni_callback = lambda _socket, name, _context: offered.append(name)
    with web_server(lambda handler: reply(handler, b"safe"), context=context) as port:
        known = {HOST: "127.0.0.1", "other.example.cn": "127.0.0.1"}
        made, _ = fetcher(port, known=known, authorities=authority)
        found = made.get(f"https://{HOST}:{port}/")
        assert isinstance(found, Fetched)
        assert found.data == b"safe"
        assert offered == [HOST]
        wrong = made.get(f"https://other.example.cn:{port}/")
        assert isinstance(wrong, Unfetched)
        assert "certificate" in wrong.reason
        unknown, _ = fetcher(port)
        found = unknown.get(f"https://{HOST}:{port}/")
    assert isinstance(found, Unfetched)
    assert "certificate" in found.reason


def test_the_next_address_is_tried_where_nobody_listens():
    with web_server(lambda handler: reply(handler, b"second")) as port:
        made, _ = fetcher(port, known={HOST: ("::1", "127.0.0.1")})
        found = made.get(f"http://{HOST}:{port}/")
    assert isinstance(found, Fetched)
    assert found.data == b"second"


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_redirects_are_followed(status):
    def answer(handler):
        if handler.path == "/":
            reply(handler, b"x" * 10, status=status, Location="/next?a=1#part")
        else:
            reply(handler, handler.path.encode())

    found = fetched(answer)
    assert isinstance(found, Fetched)
    assert found.data == b"/next?a=1"
    assert len(found.hops) == 2
    assert found.url == found.hops[1]


@pytest.mark.parametrize(
    ("location", "why"),
    [
        ("http://169.254.169.254/latest/meta-data/", "not public"),
        ("http://inside.example.cn/", "not public"),
        ("http://[::1]:1/", "port 1"),
        ("file:///etc/passwd", "only http"),
        ("gopher://shop.example.cn/", "only http"),
        ("//user@shop.example.cn/", "credentials"),
        ("http://shop.example.cn:25/", "port 25"),
        ("http://[", "no URL"),
    ],
)
def test_every_redirect_is_checked_like_the_first(location, why):
    known = {HOST: "127.0.0.1", "inside.example.cn": "10.0.0.1"}
    found = fetched(lambda h: reply(h, status=302, Location=location), known=known)
    assert isinstance(found, Unfetched)
    assert found.reason.startswith("redirected: ")
    assert why in found.reason


def test_a_redirect_may_lead_to_another_name_once_it_is_checked():
    with web_server(lambda handler: reply(handler, b"target")) as port:
        there = f"http://www.example.cn:{port}/"
        with web_server(lambda handler: reply(handler, status=301, Location=there)) as first:
            known = {HOST: "127.0.0.1", "www.example.cn": "127.0.0.1"}
            made, names = fetcher(port, first, known=known)
            found = made.get(f"http://{HOST}:{first}/")
    assert isinstance(found, Fetched)
    assert found.url == there
    assert names.asked == [HOST, "www.example.cn"]


def test_redirects_end():
    asked = []

    def answer(handler):
        asked.append(handler.path)
        reply(handler, status=302, Location=f"/{len(asked)}")

    found = fetched(answer)
    assert isinstance(found, Unfetched)
    assert "more than 5 redirects" in found.reason
    assert len(asked) == 6


def test_the_body_of_a_redirect_is_not_read():
    def answer(handler):
        if handler.path == "/":
            handler.send_response(302)
            handler.send_header("Location", "/next")
            handler.end_headers()
            for _ in range(10_000):
                handler.wfile.write(b"x" * 65536)
        else:
            reply(handler, b"next")

    started = time.monotonic()
    found = fetched(answer)
    assert isinstance(found, Fetched)
    assert found.data == b"next"
    assert time.monotonic() - started < 1


def test_cookies_are_not_kept():
    seen = []

    def answer(handler):
        seen.append(handler.headers.get("Cookie"))
        if handler.path == "/":
            reply(handler, status=302, Location="/next", Set_Cookie="a=b")
        else:
            reply(handler)

    assert isinstance(fetched(answer), Fetched)
    assert seen == [None, None]


def test_no_proxy_and_no_netrc_of_the_environment(monkeypatch, tmp_path):
    netrc = tmp_path / "netrc"
    netrc.write_text(f"machine {HOST} login a password b\n", encoding="utf-8")
    monkeypatch.setenv("NETRC", str(netrc))
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    seen = {}

    def answer(handler):
        seen.update(handler.headers)
        reply(handler, b"direct")

    found = fetched(answer)
    assert isinstance(found, Fetched)
    assert found.data == b"direct"
    assert "Authorization" not in seen


@pytest.mark.parametrize(
    ("coding", "packed"),
    [
        ("gzip", gzip.compress(b"body", mtime=0)),
        ("x-gzip", gzip.compress(b"body", mtime=0)),
        ("deflate", zlib.compress(b"body")),
        ("deflate", zlib.compress(b"body")[2:-4]),
        ("identity", b"body"),
    ],
)
def test_what_is_compressed_is_read(coding, packed):
    found = fetched(lambda handler: reply(handler, packed, Content_Encoding=coding))
    assert isinstance(found, Fetched)
    assert found.data == b"body"


@pytest.mark.parametrize(
    ("coding", "body", "why"),
    [
        ("gzip", b"not gzip", "decompressed"),
        ("gzip", gzip.compress(b"body" * 50, mtime=0)[:-9], "decompressed"),
        ("br", b"x", "encoding"),
        ("gzip, gzip", b"x", "encoding"),
    ],
)
def test_what_cannot_be_decompressed_is_no_page(coding, body, why):
    found = fetched(lambda handler: reply(handler, body, Content_Encoding=coding))
    assert isinstance(found, Unfetched)
    assert why in found.reason


def test_a_bomb_is_cut_at_the_limit():
    bomb = gzip.compress(b"\0" * 50_000_000, mtime=0)
    found = fetched(lambda handler: reply(handler, bomb, Content_Encoding="gzip"))
    assert isinstance(found, Fetched)
    assert (len(found.data), found.cut) == (1000, True)


@pytest.mark.parametrize(("size", "cut"), [(999, False), (1000, False), (1001, True), (5000, True)])
def test_a_page_is_cut_at_the_limit(size, cut):
    found = fetched(lambda handler: reply(handler, b"x" * size))
    assert isinstance(found, Fetched)
    assert (len(found.data), found.cut) == (min(size, 1000), cut)


def test_an_endless_page_is_cut_and_left():
    def answer(handler):
        reply(handler, length=False)
        while True:
            handler.wfile.write(b"x" * 65536)

    found = fetched(answer)
    assert isinstance(found, Fetched)
    assert found.cut


def drip(handler, begin):
    handler.wfile.write(begin)
    while True:
        handler.wfile.write(b"x")
        handler.wfile.flush()
        time.sleep(0.05)


@pytest.mark.parametrize(
    "begin",
    [
        b"HTTP/1.1 200 OK\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nX-Slow: ",
        b"",
    ],
)
def test_who_sends_a_byte_now_and_then_does_not_hold_us(begin):
    started = time.monotonic()
    found = fetched(lambda handler: drip(handler, begin))
    assert isinstance(found, Unfetched)
    assert "1.5 s" in found.reason
    assert time.monotonic() - started < 3


def test_who_drips_during_the_handshake_does_not_hold_us():
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port = listening.getsockname()[1]
        made, _ = fetcher(port, limits=Limits(connect=5, read=5, total=0.5))
        started = time.monotonic()
        found = made.get(f"https://{HOST}:{port}/")
    assert isinstance(found, Unfetched)
    assert "0.5 s" in found.reason
    assert time.monotonic() - started < 2


def test_who_says_nothing_is_left():
    found = fetched(lambda _handler: time.sleep(1))
    assert isinstance(found, Unfetched)
    assert "in time" in found.reason
    assert not found.unreachable


def test_who_is_not_there_is_unreachable():
    with web_server(reply) as port:
        pass
    made, _ = fetcher(port)
    found = made.get(f"http://{HOST}:{port}/")
    assert isinstance(found, Unfetched)
    assert found.unreachable


@pytest.mark.parametrize(
    "raw",
    [
        b"nonsense\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\nshort",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\nx",
        b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 200 + b"\r\n",
        b"HTTP/1.1 200 OK\r\nX: " + b"y" * 70_000 + b"\r\n\r\n",
        b"",
    ],
)
def test_broken_answers_are_no_pages(raw):
    found = fetched(lambda handler: handler.wfile.write(raw))
    assert isinstance(found, Unfetched)
    assert found.reason
