"""The body of an answer, read by pieces within its bound of bytes, packed or not.

The library's own unpacking is not used: a few bytes of gzip may stand for gigabytes.
"""

from __future__ import annotations

import zlib
from typing import Final

import requests

_PIECE: Final = 65536
_GZIP: Final = 16 + zlib.MAX_WBITS

READABLE: Final = "gzip"
"""The only packing that is asked for."""


class BodyTooLargeError(Exception):
    """More bytes than are allowed."""


class BodyPackedError(Exception):
    """Packed in a way that was not asked for, or not to be unpacked."""


def read_body(answer: requests.Response, *, limit: int) -> bytes:
    """The whole body, unpacked.

    Args:
        answer: streamed, nothing of it read yet.
        limit: how many bytes it may have, as it comes and unpacked.

    Raises:
        BodyTooLargeError, BodyPackedError: see there.
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
            piece = _unpacked(unpack, piece, limit - size)
        size += len(piece)
        parts.append(piece)
        if max(came, size) > limit:
            raise BodyTooLargeError
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
