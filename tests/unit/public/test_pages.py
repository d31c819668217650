"""Pages decoded, and what is no page."""

import pytest

from gatekeeper.public import Fetcher, Limits, WebPages
from gatekeeper.public.pages import decode
from gatekeeper.testing import FakeNames
from tests.outside import reply, web_server

TEXT = "宁ICP备2026000001号-1"


@pytest.mark.parametrize(
    ("data", "charset"),
    [
        (TEXT.encode(), ""),
        (TEXT.encode(), "utf-8"),
        (TEXT.encode(), "x-unknown"),
        (TEXT.encode(), "zip"),
        (TEXT.encode(), "gbk"),
        (TEXT.encode("utf-8-sig"), "gbk"),
        (TEXT.encode("gb18030"), ""),
        (TEXT.encode("gb18030"), "GB2312".lower()),
        (TEXT.encode("gb18030"), "utf-8"),
        (TEXT.encode("utf-16"), ""),
        (b'<meta charset="gbk">' + TEXT.encode("gbk"), ""),
        (b"<META http-equiv=x content='text/html; charset=gb2312'>" + TEXT.encode("gbk"), ""),
    ],
)
def test_a_page_is_decoded(data, charset):
    assert TEXT in decode(data, charset)


def test_a_page_that_is_cut_within_a_character_is_decoded():
    assert decode(("x" * 20 + TEXT + "号").encode()[:-1], "").startswith("x" * 20 + TEXT)


def test_bytes_that_fit_nothing_become_replacements():
    assert "\ufffd" in decode(b"\xff\xff" * 10 + b"x" * 10, "")


def read(answer, target=None, *, known=("127.0.0.1",)):
    with web_server(answer) as port:
        names = FakeNames({"shop.example.cn": known})
        fetcher = Fetcher(
            names,
            loopback=True,
            ports=frozenset({80, 443, port}),
            limits=Limits(connect=0.3, read=0.5, total=1.0, size=5000),
        )
        return WebPages(fetcher).read(target or f"http://shop.example.cn:{port}/")


def test_a_page_is_read():
    seen = read(lambda handler: reply(handler, TEXT.encode()))
    assert seen.page is not None
    assert seen.page.pieces[0].text == TEXT
    assert not seen.page.cut


def test_a_long_page_is_cut():
    seen = read(lambda handler: reply(handler, b"x" * 6000))
    assert seen.page is not None
    assert seen.page.cut


@pytest.mark.parametrize("status", [204, 403, 404, 500, 503])
def test_another_status_is_no_page(status):
    seen = read(lambda handler: reply(handler, TEXT.encode(), status=status))
    assert seen.page is None
    assert str(status) in seen.reason
    assert str(status) in seen.reason_zh


def test_another_type_is_no_page():
    seen = read(lambda handler: reply(handler, b"%PDF", Content_Type="application/pdf\x1b[31m"))
    assert seen.page is None
    assert "application/pdf" in seen.reason
    assert "\x1b" not in seen.reason


def test_a_name_is_asked_by_https_then_by_http(monkeypatch):
    asked = []
    look = Fetcher.get

    def watch(self, url, **more):
        asked.append(url)
        return look(self, url, **more)

    monkeypatch.setattr(Fetcher, "get", watch)
    seen = read(reply, "shop.example.cn")
    assert asked == ["https://shop.example.cn/", "http://shop.example.cn/"]
    assert seen.page is None
    assert seen.url == "https://shop.example.cn/"
    asked.clear()
    assert "not public" in read(reply, "shop.example.cn", known=("10.0.0.1",)).reason
    assert asked == ["https://shop.example.cn/"]
