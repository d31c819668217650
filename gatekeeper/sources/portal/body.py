"""The body of an answer, read by pieces within its bounds: of bytes, packed or not, and of time.

The library's own unpacking is not used: a few bytes of gzip may stand for gigabytes.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable
from typing import Final, NamedTuple

import requests

_PIECE: Final = 65536
_GZIP: Final = 16 + zlib.MAX_WBITS

READABLE: Final = "gzip"
"""The only packing that is asked for."""


class Bounds(NamedTuple):
    """What one answer may cost."""

    bytes: int
    """Unpacked; packed it may have no more either."""
    seconds: float
    """From the request to the last byte."""


class BodyTooLargeError(Exception):
    """More bytes than the bounds allow."""


class BodyTooSlowError(Exception):
    """It goes on for longer than the bounds allow."""


class BodyPackedError(Exception):
    """Packed in a way that was not asked for, or not to be unpacked."""


def read_body(
    answer: requests.Response, bounds: Bounds, *, began: float, elapsed: Callable[[], float]
) -> bytes:
    """The whole body, unpacked.

    Args:
        answer: streamed, nothing of it read yet.
        bounds: what it may cost.
        began: when the request was sent, by ``elapsed``.
        elapsed: a clock that only runs forward, in seconds.

    Raises:
        BodyTooLargeError, BodyTooSlowError, BodyPackedError: see there.
        urllib3.exceptions.HTTPError, OSError: the connection broke, or the body ended early.
    """
    encoding = answer.headers.get("Content-Encoding", "").strip().lower()
    if encoding not in ("", "identity", "gzip", "x-gzip"):
        raise BodyPackedError(encoding)
    unpack = zlib.decompressobj(_GZIP) if encoding.endswith("gzip") else None
    parts: list[bytes] = []
    came = size = 0
    while True:
        piece = answer.raw.read1(_PIECE, decode_content=False)
        if not piece:
            break
        came += len(piece)
        if unpack is not None:
            piece = _unpacked(unpack, piece, bounds.bytes - size)
        size += len(piece)
        parts.append(piece)
        if max(came, size) > bounds.bytes:
            raise BodyTooLargeError
        if elapsed() - began > bounds.seconds:
            raise BodyTooSlowError
    if unpack is not None and not unpack.eof:
        raise BodyPackedError("gzip")
    return b"".join(parts)


def _unpacked(unpack: zlib._Decompress, piece: bytes, room: int) -> bytes:
    """``piece`` unpacked, one byte more than there is room for at most."""
    try:
        made = unpack.decompress(piece, room + 1)
    except zlib.error:
        raise BodyPackedError("gzip") from None
    if unpack.unconsumed_tail:
        raise BodyTooLargeError
    return made
