"""Where the refreshed address ranges lie, and that every command goes by them."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Final

from gatekeeper.errors import AccountError

if TYPE_CHECKING:
    from gatekeeper.account import Ranges

VARIABLE: Final = "GATEKEEPER_RANGES"
_LARGEST: Final = 5_000_000
"""Bytes of a snapshot; the packaged one has 2,000."""


def ranges_file() -> Path:
    """The file that ``GATEKEEPER_RANGES`` names, else one in the user's data folder."""
    named = os.environ.get(VARIABLE)
    if named:
        return Path(named)
    data = os.environ.get("XDG_DATA_HOME") or os.path.expanduser("~/.local/share")  # noqa: PTH111
    return Path(data) / "gatekeeper" / "ranges.json"


def stored_ranges(path: Path) -> Ranges | None:
    """The snapshot of a file; ``None`` where there is none.

    Raises:
        AccountError: it cannot be read, or is no snapshot.
    """
    from gatekeeper.account import read_snapshot

    try:
        with path.open("rb") as stream:
            data = stream.read(_LARGEST + 1)
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        why = error.strerror or type(error).__name__
        raise AccountError(
            f"{path}: cannot read the address ranges ({why}); mend it, or run gatekeeper ranges "
            "update --out",
            zh=f"{path}：无法读取地址范围文件（{why}），请检查该文件",
        ) from None
    if len(data) > _LARGEST:
        raise AccountError(
            f"{path}: larger than {_LARGEST} bytes, so no snapshot of address ranges",
            zh=f"{path}：超过 {_LARGEST} 字节，不是地址范围文件",
        )
    try:
        return read_snapshot(data, str(path))
    except AccountError as error:
        raise AccountError(
            f"{error.message}; replace it: gatekeeper ranges update --force",
            zh=f"{error.text('zh')}；请用 gatekeeper ranges update --force 重新获取",
        ) from None


def adopt_ranges() -> None:
    """Let the refreshed ranges count in this process, where there are some.

    Raises:
        AccountError: the file is damaged, or ``GATEKEEPER_RANGES`` names one that is not there.
    """
    path = ranges_file()
    if not os.path.exists(path):  # noqa: PTH110 - a folder that may not be entered is no file
        if os.environ.get(VARIABLE):
            raise AccountError(
                f"{path}: there is no such file; check {VARIABLE}, or run gatekeeper ranges update",
                zh=f"{path}：文件不存在，请检查 {VARIABLE}，或运行 gatekeeper ranges update",
            )
        return
    from gatekeeper.account import use_ranges

    use_ranges(stored_ranges(path))
