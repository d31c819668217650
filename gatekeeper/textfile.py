"""An operator's settings file as text: bounded, UTF-8, and refused in one sentence."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from gatekeeper.errors import PolicyError

LARGEST: Final = 2_000_000
"""Bytes of a file that people write."""


def read_text(
    path: str | Path,
    what: str,
    what_zh: str,
    *,
    largest: int = LARGEST,
    check: str = "the path",
    check_zh: str = "路径",
) -> str:
    """The text of a file.

    Args:
        path: the file.
        what: what it holds, for the message.
        what_zh: the same in Chinese.
        largest: bytes; a larger file is refused.
        check: what somebody may have given wrongly.
        check_zh: the same in Chinese.

    Raises:
        PolicyError: it cannot be read, is too large or no UTF-8.
    """
    try:
        with Path(path).open("rb") as stream:
            raw = stream.read(largest + 1)
        if len(raw) <= largest:
            return raw.decode("utf-8-sig")
        why, why_zh = f"larger than {largest} bytes", f"超过 {largest} 字节"
    except UnicodeDecodeError:
        why, why_zh = "not UTF-8", "不是 UTF-8 编码"
    except OSError as error:
        why = why_zh = error.strerror or type(error).__name__
    except ValueError:  # a null character in the path
        why, why_zh = "no possible name", "文件名无效"
    raise PolicyError(
        f"{path}: cannot read {what} ({why}); check {check}",
        zh=f"{path}：无法读取{what_zh}（{why_zh}），请检查{check_zh}",
    )
