"""Webhooks of our own: JSON, signed with HMAC-SHA256 over the time and the body.

The header ``Gatekeeper-Signature`` is ``sha256=`` and the hex HMAC of ``<timestamp>.<body>``, where
the timestamp stands in ``Gatekeeper-Timestamp``.  So a receiver knows who sent it, that nobody
changed it, and that it is not an old one sent again.
"""

from __future__ import annotations

import contextlib
import hashlib
import hmac
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any, Final

import requests

from gatekeeper import __version__
from gatekeeper.service.config import Route
from gatekeeper.service.message import Message
from gatekeeper.service.receipt import Mask, Receipt, answered, failed, hushed

TIMESTAMP: Final = "Gatekeeper-Timestamp"
SIGNATURE: Final = "Gatekeeper-Signature"
IDEMPOTENCY: Final = "Idempotency-Key"
CONNECT_SECONDS: Final = 5.0
READ_SECONDS: Final = 10.0
_LISTENED: Final = 800
"""Bytes of a refusal that are read; 200 characters of them are kept."""


def sign(secret: str, timestamp: str | int, body: bytes) -> str:
    """The value of ``Gatekeeper-Signature``."""
    text = str(timestamp).encode() + b"." + body
    return f"sha256={hmac.new(secret.encode(), text, hashlib.sha256).hexdigest()}"


def verify_signature(
    secret: str,
    timestamp: str | int,
    body: bytes,
    signature: str,
    *,
    now: datetime,
    tolerance: float = 300,
) -> bool:
    """Whether a message came from who knows the secret, unchanged, and just now.

    Args:
        secret: the route's.
        timestamp: the header ``Gatekeeper-Timestamp``.
        body: the body, byte for byte as it came.
        signature: the header ``Gatekeeper-Signature``.
        now: an aware time.
        tolerance: seconds by which the timestamp may differ from ``now``.
    """
    text = str(timestamp)
    right = hmac.compare_digest(sign(secret, text, body).encode(), signature.encode())
    if not (text.isascii() and text.isdigit()) or len(text) > 12:
        return False
    return right and abs(now.timestamp() - int(text)) <= tolerance


class _Session(requests.Session):
    """Follows no redirect and reads none: requests would parse its target and read it whole."""

    def get_redirect_target(self, resp: requests.Response) -> str | None:  # noqa: ARG002
        """There is none."""
        return None


class Webhook:
    """Sends the messages of one route."""

    def __init__(self, route: Route) -> None:
        self._url = route.url.get_secret_value()
        self._secret = None if route.secret is None else route.secret.get_secret_value()
        self._mask = Mask(route)

    def send(self, message: Message) -> Receipt:
        """Send once; never raises for what the receiver or the network does."""
        body = message.payload()
        timestamp = int(message.sent_at.timestamp())
        headers = {
            "Content-Type": "application/json",
            "User-Agent": f"gatekeeper/{__version__}",
            IDEMPOTENCY: message.id,
            TIMESTAMP: str(timestamp),
        }
        if self._secret is not None:
            headers[SIGNATURE] = sign(self._secret, timestamp, body)
        with hushed(self._mask):
            try:
                with (
                    _Session() as session,
                    session.post(
                        self._url,
                        data=body,
                        headers=headers,
                        timeout=(CONNECT_SECONDS, READ_SECONDS),
                        allow_redirects=False,
                        stream=True,
                        auth=None if "@" in self._url else _as_it_is,
                    ) as answer,
                ):
                    words = "" if answer.ok else self._mask.hide(_beginning(answer))
                    wait = retry_after(answer.headers.get("Retry-After"), now=message.sent_at)
                    return answered(answer.status_code, words, retry_after=wait)
            except (requests.RequestException, UnicodeError) as error:
                return _unreached(error)


def retry_after(value: str | None, *, now: datetime) -> float | None:
    """The seconds that a ``Retry-After`` asks for, as number or as date (RFC 9110 §10.2.3)."""
    if value is None:
        return None
    text = value.strip()
    if text.isascii() and text.isdigit():
        return float(text[:9])
    with contextlib.suppress(ValueError, TypeError):
        at = parsedate_to_datetime(text)
        at = at if at.tzinfo is not None else at.replace(tzinfo=UTC)
        return max((at - now).total_seconds(), 0.0)
    return None


def _as_it_is(request: Any) -> Any:
    """No credentials: requests would else take them from a ``.netrc``."""
    return request


def _beginning(answer: requests.Response) -> str:
    """The first words of a refusal, as far as they are there already."""
    with contextlib.suppress(Exception):
        raw: bytes = answer.raw.read1(_LISTENED)
        return raw.decode(errors="replace")
    return ""


def _unreached(error: Exception) -> Receipt:
    """Why nothing was answered; the error's own words hold the URL and are never told."""
    match error:
        case requests.exceptions.SSLError():
            return failed("the TLS certificate is not accepted", "TLS 证书无效")
        case requests.exceptions.ProxyError():
            return failed("the proxy does not answer", "代理无响应")
        case requests.exceptions.ConnectTimeout():
            return failed(
                f"no connection within {CONNECT_SECONDS:g} s", f"{CONNECT_SECONDS:g} 秒内未能连接"
            )
        case requests.exceptions.Timeout():
            return failed(f"no answer within {READ_SECONDS:g} s", f"{READ_SECONDS:g} 秒内无响应")
        case requests.exceptions.ConnectionError():
            return failed("cannot connect, or the connection broke", "无法连接或连接中断")
    return failed(
        f"the URL cannot be used ({type(error).__name__})",
        f"URL 无法使用（{type(error).__name__}）",
    )
