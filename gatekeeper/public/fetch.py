"""One GET of a stranger's URL, such that it can do us no harm.

- http and https on ports 80 and 443, without credentials in the URL;
- the name is resolved once, by our resolver; every address must be public, and the connection is
  pinned to one of them (``pinned``), with the certificate verified against the name;
- redirects are followed by hand, five at most, each checked like the first.  One from https to http
  is followed too, as browsers do: nothing secret is sent, and what comes back is public;
- limits on connecting, on waiting, on the whole, and on the bytes before and after decompression;
- no proxy, no ``.netrc``, no cookie, no cache, no other encoding than gzip and deflate.
"""

from __future__ import annotations

import contextlib
import http.client
import re
import time
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from ipaddress import ip_address
from typing import Any, Final, NamedTuple
from urllib.parse import urljoin, urlsplit

import requests
import urllib3.exceptions

from gatekeeper import __version__
from gatekeeper.filing import Answer, domain_key, printable
from gatekeeper.public.address import not_public
from gatekeeper.public.names import Names
from gatekeeper.public.pinned import Guard, PinnedAdapter

_PORTS: Final = {"http": 80, "https": 443}
_LONGEST_URL: Final = 4096
_HOST: Final = re.compile(
    r"(?=.{1,253}$)[a-z0-9_](?:[a-z0-9_-]{0,62})(?:\.[a-z0-9_][a-z0-9_-]{0,62})*"
)
_UNSAFE: Final = re.compile(r"[\x00-\x20\x7f-\x9f\\]")
_REDIRECTS: Final = frozenset({301, 302, 303, 307, 308})
_PIECE: Final = 65536
_MOST_ADDRESSES: Final = 3
"""Of a name's addresses, how many are tried."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """How much of our time and memory a stranger gets."""

    connect: float = 5.0
    """Seconds, for each address."""
    read: float = 10.0
    """Seconds without a byte."""
    total: float = 20.0
    """Seconds for the whole, redirects included; DNS has limits of its own."""
    redirects: int = 5
    size: int = 2_000_000
    """Bytes, as sent and as decompressed."""


class Fetched(NamedTuple):
    """What was sent in the end."""

    url: str
    status: int
    media: str
    """``text/html``; empty where nothing is said."""
    charset: str
    data: bytes
    cut: bool
    """Whether there was more than the limit."""
    hops: tuple[str, ...]
    """The URLs that were asked, the last one included."""


class Unfetched(NamedTuple):
    """Why there is nothing."""

    reason: str
    reason_zh: str
    unreachable: bool = False
    """Whether nobody answered there at all, so that another scheme may be tried."""


class _Target(NamedTuple):
    scheme: str
    host: str
    port: int
    url: str


class Fetcher:
    """Fetches URLs that others wrote."""

    def __init__(
        self,
        names: Names,
        *,
        limits: Limits | None = None,
        ports: frozenset[int] = frozenset(_PORTS.values()),
        loopback: bool = False,
        authorities: str | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Set up what is allowed.

        Args:
            names: who resolves; nobody else is asked.
            limits: time and size.
            ports: that a URL may name.
            loopback: let this machine's loopback addresses pass; for tests alone.
            authorities: a file of certificates to trust in place of the packaged ones.
            clock: seconds that only grow.
        """
        self._names = names
        self._limits = limits or Limits()
        self._ports = ports
        self._loopback = loopback
        self._verify: bool | str = authorities or True
        self._clock = clock

    def get(self, url: str, *, accept: str = "text/html, */*;q=0.1") -> Fetched | Unfetched:
        """Fetch ``url``; never raises for what the other side does."""
        until = self._clock() + self._limits.total
        hops: list[str] = []
        while True:
            target = self._read_url(url)
            if isinstance(target, Unfetched):
                return target if not hops else _redirected(target)
            addresses = self._resolve(target.host)
            if isinstance(addresses, Unfetched):
                return addresses if not hops else _redirected(addresses)
            hops.append(target.url)
            found = self._ask(target, addresses, accept, until, tuple(hops))
            if not isinstance(found, str):
                return found
            if len(hops) > self._limits.redirects:
                return Unfetched(
                    f"more than {self._limits.redirects} redirects",
                    f"重定向超过 {self._limits.redirects} 次",
                )
            url = found

    def _read_url(self, url: str) -> _Target | Unfetched:
        """The parts of a URL that we are willing to ask."""
        shown = printable(url, 200)
        bad = Unfetched(f"{shown} is no URL that can be read", f"{shown} 不是有效的网址")
        if len(url) > _LONGEST_URL or _UNSAFE.search(url):
            return bad
        try:
            parts = urlsplit(url)
            host, port = parts.hostname or "", parts.port
        except ValueError:
            return bad
        if parts.scheme not in _PORTS:
            return Unfetched(f"{shown}: only http and https", f"{shown}：仅支持 http 和 https")
        if "@" in parts.netloc:
            return Unfetched(f"{shown} holds credentials", f"{shown} 含有用户名或密码")
        port = port or _PORTS[parts.scheme]
        if port not in self._ports:
            return Unfetched(f"{shown}: port {port} is not asked", f"{shown}：不访问端口 {port}")
        literal = _literal(host)
        name = literal or domain_key(host)
        if not literal and not _HOST.fullmatch(name):
            return bad
        authority = f"[{name}]" if ":" in name else name
        if port != _PORTS[parts.scheme]:
            authority += f":{port}"
        query = f"?{parts.query}" if parts.query else ""
        return _Target(
            parts.scheme, name, port, f"{parts.scheme}://{authority}{parts.path or '/'}{query}"
        )

    def _resolve(self, host: str) -> tuple[str, ...] | Unfetched:
        """The addresses of a host: all of them public, or none is asked."""
        if _literal(host):
            addresses: tuple[str, ...] = (host,)
        else:
            known = self._names.resolve(host)
            if not known.addresses:
                nothing = known.answer is not Answer.UNKNOWN
                return Unfetched(
                    f"{host} does not resolve" if nothing else f"{host}: {known.reason}",
                    f"{host} 无解析" if nothing else f"{host}：{known.reason_zh}",
                )
            addresses = known.addresses
        for address in addresses:
            why = not_public(address)
            if why is not None and not (self._loopback and ip_address(address).is_loopback):
                return Unfetched(
                    f"{host} leads to {address}, which is not public ({why[0]})",
                    f"{host} 解析至非公网地址 {address}（{why[1]}）",
                )
        return addresses

    def _ask(
        self,
        target: _Target,
        addresses: tuple[str, ...],
        accept: str,
        until: float,
        hops: tuple[str, ...],
    ) -> Fetched | Unfetched | str:
        """Ask one URL; the URL that it redirects to, where it does."""
        found: Fetched | Unfetched | str = self._late()
        for address in addresses[:_MOST_ADDRESSES]:
            left = until - self._clock()
            if left <= 0:
                return self._late()
            with Guard(left) as guard:
                found = self._exchange(target, address, accept, guard, hops)
                if guard.over:
                    return self._late()
            if not (isinstance(found, Unfetched) and found.unreachable):
                return found
        return found

    def _exchange(
        self, target: _Target, address: str, accept: str, guard: Guard, hops: tuple[str, ...]
    ) -> Fetched | Unfetched | str:
        adapter = PinnedAdapter(address, guard)
        try:
            # Not a Session: it would read a redirect's whole body, and keep cookies.
            request = requests.Request("GET", target.url, headers=_headers(accept)).prepare()
            with contextlib.closing(
                adapter.send(
                    request,
                    stream=True,
                    timeout=(self._limits.connect, self._limits.read),
                    verify=self._verify,
                )
            ) as response:
                location = response.headers.get("Location")
                if response.status_code in _REDIRECTS and location is not None:
                    return _joined(target.url, location)
                return self._body(target, response, hops)
        except _FAULTS as error:
            return self._failed(target, error)
        finally:
            adapter.close()

    def _body(
        self, target: _Target, response: requests.Response, hops: tuple[str, ...]
    ) -> Fetched | Unfetched:
        coding = response.headers.get("Content-Encoding", "").strip().lower()
        if coding not in _CODINGS:
            return Unfetched(
                f"{target.host} answers in an encoding that is not read ({printable(coding)})",
                f"{target.host} 使用了不支持的压缩格式（{printable(coding)}）",
            )
        inflate = _Inflate(_CODINGS[coding], self._limits.size + 1)
        received = 0
        while not inflate.full:
            piece: bytes = response.raw.read1(_PIECE, decode_content=False)
            if not piece:
                inflate.end()
                break
            received += len(piece)
            inflate.take(piece)
            if received > self._limits.size:
                break
        media, charset = _media(response.headers.get("Content-Type", ""))
        return Fetched(
            url=target.url,
            status=response.status_code,
            media=media,
            charset=charset,
            data=bytes(inflate.data[: self._limits.size]),
            cut=inflate.full or received > self._limits.size,
            hops=hops,
        )

    def _failed(self, target: _Target, error: Exception) -> Unfetched:
        """Why nothing came; the error's own words hold the URL and go no further."""
        host = target.host
        match error:
            case requests.exceptions.SSLError():
                return Unfetched(
                    f"the certificate of {host} is not accepted", f"{host} 的证书无效", True
                )
            case requests.exceptions.ConnectTimeout():
                return Unfetched(f"{host} does not answer in time", f"{host} 连接超时", True)
            case requests.exceptions.ReadTimeout() | urllib3.exceptions.ReadTimeoutError():
                return Unfetched(f"{host} does not answer in time", f"{host} 响应超时")
            case zlib.error():
                return Unfetched(
                    f"what {host} sends cannot be decompressed", f"{host} 的内容无法解压"
                )
            case requests.exceptions.ConnectionError():
                return Unfetched(f"{host} cannot be reached", f"无法连接 {host}", True)
        return Unfetched(f"{host} sends no answer that can be read", f"{host} 的响应无法读取")

    def _late(self) -> Unfetched:
        seconds = self._limits.total
        return Unfetched(f"not done within {seconds:g} s", f"{seconds:g} 秒内未完成")


_FAULTS: Final = (
    requests.RequestException,
    urllib3.exceptions.HTTPError,
    http.client.HTTPException,
    zlib.error,
    OSError,
    ValueError,
)
"""What the other side can make the libraries raise."""

_CODINGS: Final[dict[str, tuple[int, ...]]] = {
    "": (),
    "identity": (),
    "gzip": (16 + zlib.MAX_WBITS,),
    "x-gzip": (16 + zlib.MAX_WBITS,),
    "deflate": (zlib.MAX_WBITS, -zlib.MAX_WBITS),
}
"""Encodings that are read, with the window bits that zlib may try."""


class _Inflate:
    """Decompresses piece by piece, and no further than its limit."""

    def __init__(self, windows: tuple[int, ...], limit: int) -> None:
        self.data = bytearray()
        self._limit = limit
        self._windows = windows
        self._stream: Any = zlib.decompressobj(windows[0]) if windows else None
        self._begun = False

    @property
    def full(self) -> bool:
        return len(self.data) >= self._limit

    def take(self, piece: bytes) -> None:
        room = self._limit - len(self.data)
        if self._stream is None:
            self.data += piece[:room]
            return
        if self._stream.eof:
            return
        try:
            self.data += self._stream.decompress(piece, room)
        except zlib.error:
            if self._begun or len(self._windows) < 2:
                raise
            self._stream = zlib.decompressobj(self._windows[1])  # "deflate" without its header
            self.data += self._stream.decompress(piece, room)
        self._begun = True

    def end(self) -> None:
        """Nothing more comes.

        Raises:
            zlib.error: the end is missing.
        """
        if self._stream is not None and self._begun and not self._stream.eof:
            raise zlib.error("the end is missing")


def _headers(accept: str) -> dict[str, str]:
    return {
        "User-Agent": f"gatekeeper/{__version__}",
        "Accept": accept,
        "Accept-Encoding": "gzip",
        "Accept-Language": "zh-CN, zh;q=0.9, en;q=0.5",
        "Connection": "close",
    }


def _joined(url: str, location: str) -> str:
    """Where a redirect leads; headers come as Latin-1 and mean UTF-8."""
    with contextlib.suppress(UnicodeError):
        location = location.encode("latin-1").decode("utf-8")
    try:
        return urljoin(url, location.strip())
    except ValueError:
        return location


def _literal(host: str) -> str:
    """An address as it is written in a URL; empty for a name."""
    try:
        return str(ip_address(host))
    except ValueError:
        return ""


def _media(header: str) -> tuple[str, str]:
    """Media type and charset of a Content-Type."""
    media, *parameters = header[:400].split(";")
    charset = ""
    for parameter in parameters:
        key, _, value = parameter.partition("=")
        if key.strip().lower() == "charset":
            charset = value.strip().strip("\"'").lower()
    return media.strip().lower(), charset


def _redirected(why: Unfetched) -> Unfetched:
    return Unfetched(f"redirected: {why.reason}", f"重定向后：{why.reason_zh}")
