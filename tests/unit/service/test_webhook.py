"""Webhooks: what is signed, what is refused, and what a failure tells."""

from __future__ import annotations

import hashlib
import hmac
import logging
import re
import socket
import threading
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from gatekeeper.gate import finding_record
from gatekeeper.service.message import Message, compose
from gatekeeper.service.webhook import Webhook, retry_after, sign, verify_signature
from tests.unit.service.receiver import Receiver, receiver
from tests.unit.service.told import AT, FINDING, route

SECRET = "s3cret-of-the-route"


@pytest.fixture
def told() -> Iterator[Receiver]:
    with receiver() as opened:
        yield opened


def message() -> Message:
    data = {**finding_record(FINDING), "state": "new"}
    return compose([("key", data)], route="ops", lang="en", sent_at=AT)


def test_a_webhook_carries_the_findings_signed_with_time(told: Receiver) -> None:
    sent = message()
    assert Webhook(route(url=f"{told.url}/in?a=1", secret=SECRET)).send(sent).arrived
    (got,) = told.got
    assert got.path == "/in?a=1"
    assert got.json == {
        "schema": "gatekeeper/notice/1",
        "id": sent.id,
        "route": "ops",
        "sent_at": "2026-11-02T04:00:00Z",
        "test": False,
        "findings": [{"id": sent.id, **finding_record(FINDING), "state": "new"}],
    }
    assert got.headers["Idempotency-Key"] == sent.id
    timestamp = got.headers["Gatekeeper-Timestamp"]
    assert int(timestamp) == int(AT.timestamp())
    right = hmac.new(SECRET.encode(), f"{timestamp}.".encode() + got.body, hashlib.sha256)
    assert got.headers["Gatekeeper-Signature"] == f"sha256={right.hexdigest()}"
    assert verify_signature(
        SECRET, timestamp, got.body, got.headers["Gatekeeper-Signature"], now=AT
    )


def test_without_a_secret_nothing_is_signed(told: Receiver) -> None:
    assert Webhook(route(url=told.url)).send(message()).arrived
    assert "Gatekeeper-Signature" not in told.got[0].headers


@pytest.mark.parametrize(
    ("change", "right"),
    [
        ({}, True),
        ({"secret": "other"}, False),
        ({"body": b"{} "}, False),
        ({"timestamp": "1000000001"}, False),
        ({"timestamp": "1_000_000_000"}, False),
        ({"timestamp": "１000000000"}, False),
        ({"timestamp": ""}, False),
        ({"signature": ""}, False),
        ({"signature": "sha256=é"}, False),
        ({"later": 300}, True),
        ({"later": 301}, False),
        ({"later": -301}, False),
        ({"later": 301, "tolerance": 600}, True),
    ],
)
def test_a_signature_holds_for_one_secret_body_and_time(change, right) -> None:
    given = {
        "secret": SECRET,
        "timestamp": "1000000000",
        "body": b"{}",
        "signature": sign(SECRET, 1000000000, b"{}"),
        "later": 0,
        "tolerance": 300,
        **change,
    }
    now = datetime.fromtimestamp(1000000000, UTC) + timedelta(seconds=given.pop("later"))
    tolerance = given.pop("tolerance")
    assert verify_signature(*given.values(), now=now, tolerance=tolerance) is right


@pytest.mark.parametrize("change", [b"", b"1", b"2.{}"])
def test_a_signed_timestamp_that_is_no_number_is_refused(change) -> None:
    text = change.decode() or "x"
    now = AT
    assert not verify_signature(SECRET, text, b"{}", sign(SECRET, text, b"{}"), now=now)


@pytest.mark.parametrize(
    ("status", "refused"),
    [
        (400, True),
        (401, True),
        (404, True),
        (410, True),
        (408, False),
        (425, False),
        (429, False),
        (500, False),
        (503, False),
        (302, False),
    ],
)
def test_what_is_not_2xx_did_not_arrive(told: Receiver, status: int, refused: bool) -> None:
    told.status = status
    receipt = Webhook(route(url=told.url)).send(message())
    assert not receipt.arrived
    assert receipt.refused is refused
    assert receipt.reason.startswith(f"HTTP {status}")
    assert receipt.reason_zh.startswith(f"HTTP {status}")


@pytest.mark.parametrize("status", [200, 201, 202, 204])
def test_every_2xx_is_an_arrival(told: Receiver, status: int) -> None:
    told.status = status
    assert Webhook(route(url=told.url)).send(message()).arrived


def test_a_redirect_is_not_followed(told: Receiver) -> None:
    with receiver() as elsewhere:
        told.status, told.headers = 307, {"Location": elsewhere.url}
        receipt = Webhook(route(url=told.url, secret=SECRET)).send(message())
        assert not receipt.arrived
        assert receipt.reason == "HTTP 307; redirects are not followed"
        assert elsewhere.got == []


@pytest.mark.parametrize("target", ["http://[::1", "http://x:port/", "\x7f"])
def test_a_redirect_to_nowhere_is_only_a_refusal(told: Receiver, target: str) -> None:
    told.status, told.headers = 302, {"Location": target}
    receipt = Webhook(route(url=told.url, secret=SECRET)).send(message())
    assert receipt.reason == "HTTP 302; redirects are not followed"


def test_of_a_refusal_little_is_kept_and_no_secret(told: Receiver, caplog) -> None:
    token = "t0ken-in-the-url"
    told.status = 403
    told.words = f"bad {token} and {SECRET}\x1b[31m\u202e" + "x" * 5000
    with caplog.at_level(logging.DEBUG):
        receipt = Webhook(route(url=f"{told.url}/send/{token}?key={token}", secret=SECRET)).send(
            message()
        )
    assert len(receipt.reason) <= len("HTTP 403: ") + 200
    said = receipt.reason + receipt.reason_zh + caplog.text
    assert token not in said
    assert SECRET not in said
    assert "***" in receipt.reason
    assert "\x1b" not in receipt.reason
    assert "\u202e" not in receipt.reason
    assert told.got[0].path.startswith(f"/send/{token}")


def test_no_answer_is_told_without_the_url(caplog) -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        port = closed.getsockname()[1]
    with caplog.at_level(logging.DEBUG):
        receipt = Webhook(route(url=f"http://127.0.0.1:{port}/t0ken-in-the-url")).send(message())
    assert receipt == (
        False,
        "cannot connect, or the connection broke",
        "无法连接或连接中断",
        False,
        None,
    )
    assert "t0ken" not in caplog.text


def test_a_receiver_that_says_nothing_is_left(told: Receiver, monkeypatch) -> None:
    monkeypatch.setattr("gatekeeper.service.webhook.READ_SECONDS", 0.2)
    told.hold = threading.Event()
    receipt = Webhook(route(url=told.url)).send(message())
    told.hold.set()
    assert receipt.reason == "no answer within 0.2 s"
    assert not receipt.refused


@pytest.mark.parametrize("url", ["http://", "https://[::1", "http://exa mple", "http://\ud800"])
def test_a_url_that_cannot_be_used_is_a_failure_and_no_crash(url: str) -> None:
    receipt = Webhook(route(url=url)).send(message())
    assert not receipt.arrived
    assert receipt.reason


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        (None, None),
        ("120", 120.0),
        (" 7 ", 7.0),
        ("Mon, 02 Nov 2026 04:02:00 GMT", 120.0),
        ("Mon, 02 Nov 2026 03:00:00 GMT", 0.0),
        ("soon", None),
        ("-5", None),
        ("9" * 400, 999999999.0),
    ],
)
def test_retry_after_is_a_number_or_a_date(value, seconds) -> None:
    assert retry_after(value, now=AT) == seconds


def test_the_example_of_the_documents_verifies_what_is_sent(told: Receiver, root) -> None:
    text = (root / "docs" / "notices.md").read_text(encoding="utf-8")
    (example,) = re.findall(r"^```python\n(.*?)^```", text, re.MULTILINE | re.DOTALL)
    names: dict[str, Any] = {}
    exec(example, names)
    sent = replace(message(), sent_at=datetime.now(UTC))
    assert Webhook(route(url=told.url, secret=SECRET)).send(sent).arrived
    (got,) = told.got
    assert names["genuine"](SECRET, got.headers, got.body)
    assert not names["genuine"]("other", got.headers, got.body)
    assert not names["genuine"](SECRET, got.headers, got.body + b" ")


def test_credentials_of_the_machine_are_not_sent_along(told, tmp_path, monkeypatch) -> None:
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login me password mine\n")
    netrc.chmod(0o600)
    monkeypatch.setenv("NETRC", str(netrc))
    assert Webhook(route(url=told.url)).send(message()).arrived
    assert "Authorization" not in told.got[0].headers
    with_user = told.url.replace("//", "//me:own@")
    assert Webhook(route(url=with_user)).send(message()).arrived
    assert told.got[1].headers["Authorization"].startswith("Basic ")
