"""AWS's published address ranges, fetched from where AWS publishes them, or from a mirror.

The URL is the operator's, so his proxy and his authorities count, and a mirror may stand in his own
network.  But what comes is bounded in bytes and time, a redirect is refused, and the file must be
whole: it is read by ``gatekeeper.account``, which refuses every other shape.
"""

from __future__ import annotations

import time
from typing import Any, Final, NamedTuple

import requests
import urllib3.exceptions

from gatekeeper import __version__
from gatekeeper.errors import AccountError, GatekeeperError
from gatekeeper.filing import printable

RANGES_URL: Final = "https://ip-ranges.amazonaws.com/ip-ranges.json"
_LARGEST: Final = 20_000_000
"""Bytes; the list had 2,400,000 in 2026."""
_SECONDS: Final = 60.0
_CONNECT, _READ = 10.0, 20.0
_PIECE: Final = 65536


class Download(NamedTuple):
    """The file as it came; ``None`` where it is the one that is known already."""

    data: bytes | None
    etag: str


class _Moved(Exception):
    """The server redirects."""


def download_ranges(
    url: str = RANGES_URL, *, etag: str = "", largest: int = _LARGEST, seconds: float = _SECONDS
) -> Download:
    """Fetch the published file.

    Args:
        url: http or https; the file's own address.
        etag: of the file that is known, so that it need not come again.
        largest: bytes.
        seconds: for the whole.

    Raises:
        GatekeeperError: it cannot be had; the message says why.
    """
    if not url.lower().startswith(("https://", "http://")):
        raise _refused(url, "only http and https", "仅支持 http 和 https")
    headers = {"User-Agent": f"gatekeeper/{__version__}", "Accept": "application/json"}
    if etag:
        headers["If-None-Match"] = etag
    until = time.monotonic() + seconds
    try:
        with requests.Session() as session:
            session.hooks["response"].append(_stay)
            with session.get(
                url,
                headers=headers,
                timeout=(_CONNECT, _READ),
                allow_redirects=False,
                stream=True,
            ) as answer:
                if answer.status_code == requests.codes.not_modified:
                    return Download(None, etag)
                if answer.status_code != requests.codes.ok:
                    status = answer.status_code
                    raise _refused(url, f"status {status}", f"状态码 {status}")
                return Download(
                    _body(answer, url, largest, until), answer.headers.get("ETag", "")[:200]
                )
    except _Moved as moved:
        where = printable(str(moved))
        raise _refused(
            url, f"it redirects to {where}; name that one", f"被重定向至 {where}，请直接使用该地址"
        ) from None
    except (requests.RequestException, urllib3.exceptions.HTTPError, OSError, ValueError) as error:
        name = type(error).__name__
        raise _refused(url, f"cannot be fetched ({name})", f"无法下载（{name}）") from None


def _stay(answer: requests.Response, *_: object, **__: Any) -> None:
    """Leave a redirect before its body is read."""
    if answer.is_redirect:
        answer.close()
        raise _Moved(answer.headers.get("Location", ""))


def _body(answer: requests.Response, url: str, largest: int, until: float) -> bytes:
    data = bytearray()
    while piece := answer.raw.read1(_PIECE, decode_content=True):
        data += piece
        if len(data) > largest:
            raise _refused(url, f"larger than {largest} bytes", f"超过 {largest} 字节")
        if time.monotonic() > until:
            raise _refused(url, "takes too long", "下载超时")
    return bytes(data)


def _refused(url: str, why: str, zh: str) -> GatekeeperError:
    shown = printable(url, 200)
    return AccountError(
        f"{shown}: {why}; the ranges stay as they were",
        zh=f"{shown}：{zh}；地址范围保持不变",
    )
