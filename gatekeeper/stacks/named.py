"""Decisions by the names that programs and policy packs give: a file, a key, or variables."""

from __future__ import annotations

import os
from datetime import UTC, datetime
from functools import lru_cache
from pathlib import Path
from typing import Final

from gatekeeper.errors import FeedError
from gatekeeper.stacks.feed import Decisions, load_decisions

DECISIONS: Final = "GATEKEEPER_DECISIONS"
PUBLIC_KEY: Final = "GATEKEEPER_PUBLIC_KEY"

Key = str | bytes | Path


def named_decisions(
    file: str | Path | None, key: Key | None, *, setting: str, at: datetime | None = None
) -> Decisions:
    """Read the feed that is named, else that of the variables; whatever is amiss closes.

    Args:
        file: the feed; default: ``GATEKEEPER_DECISIONS``.
        key: an Ed25519 key in PEM, or its file; default: ``GATEKEEPER_PUBLIC_KEY``.  Where one
            is named and cannot be read, nothing is believed.
        setting: what to set where neither names a feed.
        at: the time of use; default: now.
    """
    path = file or os.environ.get(DECISIONS)
    if not path:
        return Decisions(
            problem=FeedError(
                f"no decision feed is named; set {setting} or {DECISIONS} to the file that"
                " gatekeeper decisions --out wrote",
                zh=f"未指定决策文件；请将 {setting} 或 {DECISIONS} 设为"
                " gatekeeper decisions --out 生成的文件",
            )
        )
    try:
        now = at or datetime.now(UTC)
        return still_good(_fresh(Path(path), _pem(key or os.environ.get(PUBLIC_KEY)), now), now)
    except FeedError as error:
        return Decisions(problem=error)


def still_good(found: Decisions, at: datetime | None = None) -> Decisions:
    """A feed that was read before, if a stack may be built on it; else it says why and no more.

    One that has expired since may not, and one of a dump never: its answers are as old as they
    are, whatever the feed's own time says.
    """
    if found.offline:
        return Decisions(
            problem=FeedError(
                "the decision feed was made from a dump, which may be older than it says; make it"
                " from the live accounts, without --dump",
                zh="决策文件由 --dump 生成，其数据可能已过时；请不带 --dump，从实际账号重新生成",
            )
        )
    if found.expires_at is None or (at or datetime.now(UTC)) < found.expires_at:
        return found
    until = found.expires_at.isoformat()
    return Decisions(
        problem=FeedError(
            f"the decision feed expired at {until}; make it anew and read it again",
            zh=f"决策文件已于 {until} 过期，请重新生成并读取",
        )
    )


def _fresh(path: Path, key: bytes | None, at: datetime) -> Decisions:
    """A program with many components, and a pack with many resources, read one file often."""
    try:
        stat = path.stat()
    except (OSError, ValueError):
        return load_decisions(path, at=at, public_key=key)
    found = _kept(path.absolute(), stat.st_mtime_ns, stat.st_size, key)
    if found.problem is not None or (found.expires_at is not None and found.expires_at <= at):
        return load_decisions(path, at=at, public_key=key)
    return found


@lru_cache(maxsize=2)
def _kept(path: Path, _changed: int, _size: int, key: bytes | None) -> Decisions:
    return load_decisions(path, public_key=key)


def _pem(key: Key | None) -> bytes | None:
    if not key:
        return None
    if isinstance(key, bytes):
        return key
    if isinstance(key, str) and "-----BEGIN" in key:
        return key.encode()
    try:
        return Path(key).read_bytes()
    except (OSError, ValueError) as error:
        why = getattr(error, "strerror", None) or str(error)
        raise FeedError(
            f"the key to verify the feed with cannot be read: {key} ({why})",
            zh=f"无法读取验签公钥 {key}（{why}）",
        ) from None
