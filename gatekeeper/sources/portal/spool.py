"""Pages that wait for the others of their reading, in a folder that only this user may open.

A reading that was killed goes on where it stopped: each page is a file of its own, written whole
or not at all, and good only for the same query, for a limited time.  The pages hold people's names
and numbers, so the folder has mode 0700 and its files 0600, and all are removed when the reading
is over.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import re
import stat
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from types import TracebackType
from typing import Any, Final, NamedTuple, Self

from gatekeeper.errors import PortalError

_FORMAT: Final = "gatekeeper/spooled-page/1"
_NAME: Final = re.compile(r"page-[0-9]{6}\.json(\.part)?")
_HEAD: Final = 65536
"""Bytes of a file's first line at most."""
_LOCK: Final = "lock"


class Kept(NamedTuple):
    """One page of an earlier reading."""

    url: str
    link: str | None
    etag: str | None
    body: bytes


class Spool:
    """The pages of one portal's reading; a context manager that holds the folder.

    Args:
        folder: this portal's own.
        portal: its name, for messages.
        key: digest of the query that the pages answer; pages of another are dropped.
        at: now, an aware time.
        keep: how long a reading's first page is good.
        limit: bytes of one page.

    Raises:
        PortalError: the folder cannot be used, or belongs to somebody else, or another process
            reads this portal at this moment.
    """

    def __init__(
        self,
        folder: Path,
        *,
        portal: str,
        key: str,
        at: datetime,
        keep: timedelta,
        limit: int,
    ) -> None:
        self._folder, self._portal, self._key = folder, portal, key
        self._at, self._keep, self._limit = at, keep, limit
        self._count = 0

    def __enter__(self) -> Self:
        try:
            self._alone = not self._folder.parent.exists()
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            held = os.lstat(self._folder)
            if not stat.S_ISDIR(held.st_mode) or held.st_uid != os.getuid() or held.st_mode & 0o077:
                raise self._error(
                    "others may open it, or it is another's: give it to this user with mode 0700",
                    "该目录不属于当前用户或他人可访问，请将其权限改为 0700",
                )
            flags = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC
            self._lock = os.open(self._folder / _LOCK, flags, 0o600)
            try:
                fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                gone = os.fstat(self._lock).st_nlink == 0  # its holder has just ended
            except BlockingIOError:
                gone = True
            if gone:
                os.close(self._lock)
                raise PortalError(
                    f"portal {self._portal}: another process reads it at this moment; wait for it",
                    portal=self._portal,
                    zh=f"门户 {self._portal}：另一个进程正在读取，请等待其完成",
                )
        except OSError as error:
            raise self._unusable(error) from None
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        os.close(self._lock)

    def begun(self) -> bool:
        """Whether an earlier reading of this query left pages that are still good."""
        return self._read(1, None) is not None

    def pages(self) -> Iterator[Kept]:
        """The first pages of this query, if an earlier reading left them; all others go."""
        began: str | None = None
        while True:
            found = self._read(self._count + 1, began)
            if found is None:
                break
            self._count += 1
            began, page = found
            yield page
        for path in self._files():
            if _number(path) > self._count or path.suffix == ".part":
                self._remove(path)
        self._began = began or self._at.isoformat()

    def keep(self, page: Kept) -> None:
        """Keep the next page, durably.

        Raises:
            PortalError: it cannot be written.
        """
        head = {
            "format": _FORMAT,
            "key": self._key,
            "began": self._began,
            "url": page.url,
            "link": page.link,
            "etag": page.etag,
            "digest": hashlib.sha256(page.body).hexdigest(),
        }
        target = self._path(self._count + 1)
        part = target.with_suffix(".json.part")
        try:
            flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW | os.O_CLOEXEC
            with os.fdopen(os.open(part, flags, 0o600), "wb") as stream:
                stream.write(json.dumps(head).encode() + b"\n" + page.body)
                stream.flush()
                os.fsync(stream.fileno())
            part.replace(target)
        except OSError as error:
            raise self._unusable(error) from None
        self._count += 1

    def clear(self) -> None:
        """Remove every page, and the folders that were made for them."""
        for path in self._files():
            self._remove(path)
        self._count = 0
        try:
            (self._folder / _LOCK).unlink(missing_ok=True)
            self._folder.rmdir()
            if self._alone:
                self._folder.parent.rmdir()
        except OSError:
            return  # another portal's pages lie there, or a file that is not ours

    def _read(self, number: int, began: str | None) -> tuple[str, Kept] | None:
        """A page with the beginning of its reading; ``None`` where it is none of this query's."""
        try:
            flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC
            with os.fdopen(os.open(self._path(number), flags), "rb") as stream:
                head = json.loads(stream.readline(_HEAD))
                body = stream.read(self._limit + 1)
            if not self._fits(head, body, began):
                return None
            return head["began"], Kept(head["url"], head["link"], head["etag"], body)
        except (OSError, ValueError, KeyError, TypeError, RecursionError):
            return None

    def _fits(self, head: Any, body: bytes, began: str | None) -> bool:
        age = self._at - datetime.fromisoformat(head["began"])
        return (
            head["format"] == _FORMAT
            and head["key"] == self._key
            and began in (None, head["began"])
            and timedelta(0) <= age <= self._keep
            and isinstance(head["url"], str)
            and isinstance(head["link"], str | None)
            and isinstance(head["etag"], str | None)
            and head["digest"] == hashlib.sha256(body).hexdigest()
        )

    def _files(self) -> list[Path]:
        try:
            return [path for path in self._folder.iterdir() if _NAME.fullmatch(path.name)]
        except FileNotFoundError:
            return []

    def _path(self, number: int) -> Path:
        return self._folder / f"page-{number:06}.json"

    def _remove(self, path: Path) -> None:
        try:
            path.unlink(missing_ok=True)
        except OSError as error:
            raise self._unusable(error) from None

    def _unusable(self, error: OSError) -> PortalError:
        why = error.strerror or type(error).__name__
        return self._error(
            f"{why}: see to it, or name another folder with --spool",
            f"{why}，请检查或用 --spool 指定其他目录",
        )

    def _error(self, why: str, zh: str) -> PortalError:
        return PortalError(
            f"portal {self._portal}: {self._folder}: cannot keep pages there ({why}); nothing was "
            "stored",
            portal=self._portal,
            zh=f"门户 {self._portal}：{self._folder}：无法保存已读取的页面（{zh}），未写入任何记录",
        )


def _number(path: Path) -> int:
    return int(path.name[5:11])
