"""Files that appear whole or not at all."""

from __future__ import annotations

import os
import tempfile
from contextlib import suppress
from pathlib import Path

from gatekeeper.errors import GatekeeperError


def write_whole(path: Path, data: str | bytes) -> None:
    """Write ``data`` beside ``path``, then put it there in one step.

    Raises:
        GatekeeperError: the file cannot be written; what stood there before still stands.
    """
    raw = data.encode("utf-8") if isinstance(data, str) else data
    target = path.resolve() if path.is_symlink() else path
    temporary: str | None = None
    try:
        if target.exists() and not target.is_file():  # /dev/stdout, a pipe: nothing to replace
            target.write_bytes(raw)
            return
        handle, temporary = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name}.")
        with os.fdopen(handle, "wb") as stream:
            stream.write(raw)
            stream.flush()
            os.fsync(stream.fileno())
        mode = target.stat().st_mode & 0o777 if target.exists() else 0o666 & ~_umask()
        os.chmod(temporary, mode)  # noqa: PTH101
        os.replace(temporary, target)  # noqa: PTH105
    except OSError as error:
        if temporary is not None:
            with suppress(OSError):
                os.unlink(temporary)  # noqa: PTH108
        why = error.strerror or type(error).__name__
        raise GatekeeperError(
            f"{path}: cannot write the file ({why}); choose another --out",
            zh=f"{path}：无法写入文件（{why}），请为 --out 换一个路径",
        ) from None


def _umask() -> int:
    current = os.umask(0o022)
    os.umask(current)
    return current
