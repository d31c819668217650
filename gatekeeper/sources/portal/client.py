"""A portal over HTTP: one GET at a time, within bounds, tried again where that may help.

What a portal sends is hostile until it is read.  It is asked for JSON and believed only as JSON;
it cannot lead the client elsewhere; it sets no cookies; its words are never repeated in messages,
and neither is the token.
"""

from __future__ import annotations

import contextlib
import os
import random
import re
import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from http.cookiejar import DefaultCookiePolicy
from types import TracebackType
from typing import Any, Final, NamedTuple, Self
from urllib.parse import SplitResult, urljoin, urlsplit

import requests
import urllib3

from gatekeeper import __version__
from gatekeeper.errors import PortalError
from gatekeeper.filing import printable
from gatekeeper.sources.portal.body import (
    READABLE,
    BodyPackedError,
    BodyTooLargeError,
    read_body,
)
from gatekeeper.sources.portal.config import Portal
from gatekeeper.sources.portal.wire import Wire

OK: Final = 200
UNCHANGED: Final = 304
_REDIRECTS: Final = frozenset({301, 302, 303, 307, 308})
_AGAIN: Final = frozenset({408, 425, 429, 500, 502, 503, 504})
"""Answers after which the same request may succeed."""
_MOST_REDIRECTS: Final = 5
_LONGEST_PAUSE: Final = 30.0
"""Seconds between two tries, where the portal does not say."""
_LONGEST_WAIT: Final = 120.0
"""Seconds that a portal's ``Retry-After`` is obeyed for."""
_ETAG: Final = re.compile(r'(?:W/)?"[!#-~]{0,256}"')
_TOKEN: Final = re.compile(r"[!-~]+(?: [!-~]+)*")
_SHORT_TOKEN: Final = 8
"""Shorter ones are test tokens, and stand in ordinary words."""
_DEFAULT_PORTS: Final = {"https": 443, "http": 80}


class Answer(NamedTuple):
    """What a portal answered, whole."""

    status: int
    """200, or 304 where a tag was sent."""
    body: bytes
    url: str
    """Where it came from, after redirects."""
    etag: str | None
    link: str | None
    """The next page, by the ``Link`` header."""


class _Failed(NamedTuple):
    """Why a try gave no answer, in both languages."""

    why: str
    zh: str
    again: bool
    wait: float | None = None
    """Seconds after which the portal asks to be tried again."""


class _Session(requests.Session):
    """A session that leaves redirects to its caller: requests would read their bodies whole."""

    def get_redirect_target(self, resp: requests.Response) -> str | None:  # noqa: ARG002
        """None is followed."""
        return None


class Client:
    """Asks one portal; a context manager.

    Args:
        portal: which, and within which bounds.
        environ: where the token's variable is looked up.
        sleep: pauses, by seconds.
        chance: from 0 to 1, so that many clients do not come back together.

    Raises:
        PortalError: its token is not in the environment, or cannot be sent.
    """

    def __init__(
        self,
        portal: Portal,
        *,
        environ: Mapping[str, str] = os.environ,
        sleep: Callable[[float], object] = time.sleep,
        chance: Callable[[], float] = random.random,
    ) -> None:
        self._portal = portal
        self._sleep, self._chance = sleep, chance
        self._seconds = portal.timeout.page.total_seconds()
        self._wire = Wire()
        self._token = self._read_token(environ)
        self._origin = origin(portal.url)
        session = _Session()
        for scheme in _DEFAULT_PORTS:
            session.mount(f"{scheme}://", self._wire)
        session.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))
        session.headers.update(
            {
                "Accept": "application/json",
                "Accept-Encoding": READABLE,
                "User-Agent": f"gatekeeper/{__version__}",
            }
        )
        if self._token:
            header, _, word = portal.header.partition(":")
            session.headers[header] = f"{word.strip()} {self._token}".strip()
        self._session = session

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._session.close()

    def get(
        self, url: str, query: Mapping[str, str], *, page: int, etag: str | None = None
    ) -> Answer:
        """One page.

        Args:
            url: of the portal's own origin.
            query: parameters beside those of the URL.
            page: its number, for messages.
            etag: ask for it only if it is another by now.

        Raises:
            PortalError: no answer came, or one that is no JSON; said after the last try.
        """
        tries = self._portal.retries + 1
        for number in range(1, tries + 1):
            with self._wire.limit(self._seconds):
                found = self._try(url, query, page, etag)
            if self._wire.over:
                found = self._too_slow()
            if isinstance(found, Answer):
                return found
            if not found.again or number == tries:
                many, many_zh = (
                    (f", tried {number} times", f"，已尝试 {number} 次") if number > 1 else ("", "")
                )
                raise self.error(page, f"{found.why}{many}", f"{found.zh}{many_zh}")
            self._sleep(self._pause(number, found.wait))
        raise AssertionError("unreachable")

    def error(self, page: int, why: str, zh: str) -> PortalError:
        """The line that says which portal and page, and why."""
        name = self._portal.name
        where, where_zh = (f", page {page}", f"第 {page} 页") if page else ("", "")
        return PortalError(
            f"portal {name}{where}: {why}; nothing was stored",
            portal=name,
            zh=f"门户 {name}{where_zh}：{zh}；未写入任何记录",
        )

    def own(self, link: str, base: str, *, page: int) -> str:
        """A link of the portal as a URL, if it leads to the portal itself.

        Raises:
            PortalError: it leads elsewhere.
        """
        try:
            url = urljoin(base, link)
            there = origin(url)
        except ValueError:
            url, there = "", None
        if there is None or there != self._origin or len(url) > 8192:
            where = "nowhere" if there is None else printable("{}://{}:{}".format(*there))
            raise self.error(
                page,
                f"it leads to {where}, which is not the portal: neither token nor trust goes "
                "there; check url, and ask the portal's operator",
                f"应答指向 {where}，不是该门户，已拒绝；请检查 url 并联系门户运营方",
            )
        return url

    def _try(
        self, url: str, query: Mapping[str, str], page: int, etag: str | None
    ) -> Answer | _Failed:
        asked: Mapping[str, str] = query
        for _ in range(_MOST_REDIRECTS):
            try:
                with self._session.get(
                    url,
                    params=dict(asked),
                    headers={"If-None-Match": etag} if etag else {},
                    timeout=(
                        self._portal.timeout.connect.total_seconds(),
                        self._portal.timeout.read.total_seconds(),
                    ),
                    allow_redirects=False,
                    stream=True,
                    auth=_as_it_is,
                ) as answer:
                    if answer.status_code not in _REDIRECTS:
                        return self._read(answer, etag)
                    url = self.own(answer.headers.get("Location", ""), answer.url, page=page)
                    asked = {}
            except BodyTooLargeError:
                limit = self._portal.limits.page_bytes
                return _Failed(
                    f"the answer has more than {limit} bytes; ask for smaller pages (page.size), "
                    "or raise limits.page_bytes",
                    f"应答超过 {limit} 字节；请减小 page.size 或调高 limits.page_bytes",
                    again=False,
                )
            except BodyPackedError as error:
                encoding = printable(str(error), 20)
                return _Failed(
                    f"the answer's packing ({encoding}) cannot be undone; ask the portal's "
                    "operator",
                    f"无法解压应答（{encoding}）；请联系门户运营方",
                    again=False,
                )
            except (requests.RequestException, urllib3.exceptions.HTTPError, OSError) as error:
                return self._unreached(error)
            except UnicodeError:
                return _Failed(
                    "the URL cannot be asked; check url", "URL 无法使用，请检查 url", again=False
                )
        return _Failed(
            "it redirects from one page to the next without end; check url",
            "重定向过多，请检查 url",
            again=False,
        )

    def _read(self, answer: requests.Response, etag: str | None) -> Answer | _Failed:
        status = answer.status_code
        tag = answer.headers.get("ETag", "")
        known = tag if _ETAG.fullmatch(tag) else None
        if status == UNCHANGED and etag:
            return Answer(UNCHANGED, b"", answer.url, known or etag, None)
        if status != OK:
            return self._refused(answer)
        kind = answer.headers.get("Content-Type", "").partition(";")[0].strip().lower()
        if kind != "application/json" and not re.fullmatch(r"application/[a-z0-9.-]+\+json", kind):
            shown = printable(kind, 40) or "nothing"
            hint, hint_zh = "", ""
            if kind in ("text/html", "application/xhtml+xml"):
                hint = ", a page for people, of a login perhaps"
                hint_zh = "，是网页（可能是登录页）"
            return _Failed(
                f"the answer is no JSON but says to be {shown}{hint}; check url and token",
                f"应答不是 JSON，而是 {shown}{hint_zh}；请检查 url 和 token",
                again=False,
            )
        body = read_body(answer, limit=self._portal.limits.page_bytes)
        if len(self._token) >= _SHORT_TOKEN and self._token.encode() in body:
            return _Failed(
                "the answer repeats the token; ask the portal's operator, and change the token",
                "应答中含有令牌；请联系门户运营方并更换令牌",
                again=False,
            )
        return Answer(OK, body, answer.url, known, answer.links.get("next", {}).get("url"))

    def _too_slow(self) -> _Failed:
        return _Failed(
            f"the answer does not end within {self._seconds:g} s; ask for smaller pages "
            "(page.size), or raise timeout.page",
            f"应答在 {self._seconds:g} 秒内未结束；请减小 page.size 或调高 timeout.page",
            again=False,
        )

    def _refused(self, answer: requests.Response) -> _Failed:
        status = answer.status_code
        if status in (401, 403):
            name = self._portal.token
            token = f"check the token in ${{{name}}}" if name else "name a token: ${NAME}"
            token_zh = f"请检查 ${{{name}}} 中的令牌" if name else "请用 token 指定令牌"
            return _Failed(
                f"the token is refused (HTTP {status}); {token}, its end and its rights",
                f"令牌被拒绝（HTTP {status}）；{token_zh}及其有效期和权限",
                again=False,
            )
        if status in _AGAIN:
            return _Failed(
                f"HTTP {status}",
                f"HTTP {status}",
                again=True,
                wait=_retry_after(answer.headers.get("Retry-After")),
            )
        return _Failed(
            f"HTTP {status} in place of an answer; check url and query",
            f"返回 HTTP {status}；请检查 url 和 query",
            again=False,
        )

    def _unreached(self, error: Exception) -> _Failed:
        """What went wrong on the way; the error's own words hold the URL, and are never told."""
        connect = self._portal.timeout.connect.total_seconds()
        read = self._portal.timeout.read.total_seconds()
        match error:
            case requests.exceptions.SSLError():
                return _Failed(
                    "its TLS certificate is not accepted; a private authority's is named by "
                    "REQUESTS_CA_BUNDLE",
                    "TLS 证书无效；私有 CA 请用 REQUESTS_CA_BUNDLE 指定",
                    again=False,
                )
            case requests.exceptions.ProxyError():
                return _Failed("the proxy does not answer", "代理无响应", again=True)
            case requests.exceptions.ConnectTimeout():
                return _Failed(
                    f"no connection within {connect:g} s", f"{connect:g} 秒内未能连接", again=True
                )
            case requests.exceptions.Timeout() | urllib3.exceptions.TimeoutError():
                return _Failed(f"no answer within {read:g} s", f"{read:g} 秒内无响应", again=True)
            case (
                requests.exceptions.ConnectionError()
                | requests.exceptions.ChunkedEncodingError()
                | urllib3.exceptions.HTTPError()
                | OSError()
            ) if not isinstance(error, ValueError):
                return _Failed(
                    "cannot connect, or the connection broke", "无法连接或连接中断", again=True
                )
        name = type(error).__name__
        return _Failed(
            f"it cannot be asked ({name}); check url, header and token",
            f"无法请求（{name}）；请检查 url、header 和 token",
            again=False,
        )

    def _pause(self, number: int, asked: float | None) -> float:
        if asked is not None:
            return min(asked, _LONGEST_WAIT)
        return min(2.0 ** (number - 1), _LONGEST_PAUSE) * (0.5 + self._chance() / 2)

    def _read_token(self, environ: Mapping[str, str]) -> str:
        name = self._portal.token
        if name is None:
            return ""
        token = environ.get(name, "")
        if not token:
            raise self.error(
                0,
                f"the environment has no {name}; set it to the portal's token",
                f"环境变量 {name} 未设置，请设为该门户的令牌",
            )
        if not _TOKEN.fullmatch(token) or len(token) > 4096:
            raise self.error(
                0,
                f"the token in {name} holds what no header can; set it anew, without line breaks",
                f"环境变量 {name} 中的令牌含有非法字符，请重新设置，不要换行",
            )
        return token


def origin(url: str) -> tuple[str, str, int] | None:
    """Scheme, host and port; ``None`` for what is no HTTP URL, or has a user in it.

    Raises:
        ValueError: it does not parse.
    """
    parts: SplitResult = urlsplit(url)
    host = parts.hostname
    if parts.scheme not in _DEFAULT_PORTS or not host or "@" in parts.netloc:
        return None
    return parts.scheme, host, parts.port or _DEFAULT_PORTS[parts.scheme]


def _retry_after(value: str | None) -> float | None:
    """Seconds, as number or as date (RFC 9110 §10.2.3)."""
    if value is None:
        return None
    text = value.strip()
    if text.isascii() and text.isdigit():
        return float(text[:9])
    with contextlib.suppress(ValueError, TypeError):
        at = parsedate_to_datetime(text)
        at = at if at.tzinfo is not None else at.replace(tzinfo=UTC)
        return max((at - datetime.now(UTC)).total_seconds(), 0.0)
    return None


def _as_it_is(request: Any) -> Any:
    """No other credentials: requests would else take them from a ``.netrc``."""
    return request
