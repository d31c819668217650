"""Where a store is: the URL as the operator wrote it, read without importing a database library."""

from __future__ import annotations

import re
from pathlib import Path
from typing import NamedTuple
from urllib.parse import parse_qsl, unquote, urlsplit

from gatekeeper.errors import StoreError


class Address(NamedTuple):
    """A store's place.  ``label`` names it in messages and never holds a password."""

    url: str
    dialect: str
    """"sqlite" or "postgresql"."""
    path: Path | None
    """The SQLite file; ``None`` for one in memory and for PostgreSQL."""
    label: str
    secrets: tuple[str, ...] = ()
    """What must never be shown, in every spelling that a driver may repeat."""

    def missing(self) -> bool:
        """Whether it is an SQLite file that is not there yet (an empty one counts as not there)."""
        if self.path is None:
            return False
        try:
            return self.path.stat().st_size == 0
        except FileNotFoundError:
            return True
        except OSError:
            return False

    def redact(self, text: str) -> str:
        """``text`` without the password."""
        for secret in self.secrets:
            text = text.replace(secret, "***")
        return text


def parse_address(url: str) -> Address:
    """Read ``sqlite:///FILE``, ``sqlite://`` (in memory) or ``postgresql://…``.

    Raises:
        StoreError: it is neither.  The message never repeats what stands after the scheme.
    """
    scheme, separator, rest = url.partition("://")
    if separator and re.fullmatch(r"sqlite(\+pysqlite)?", scheme):
        return _sqlite(url, rest)
    if separator and re.fullmatch(r"postgres(ql)?(\+psycopg)?", scheme):
        return _postgresql(rest)
    what = f"{scheme}://…" if separator else "an address without a scheme"
    raise StoreError(
        f"the store cannot be {what}; write sqlite:///FILE or postgresql://USER@HOST/DATABASE",
        zh=f"无法使用该存储地址（{what}），应写作 sqlite:///文件 或 postgresql://用户@主机/数据库",
    )


def _sqlite(url: str, rest: str) -> Address:
    if rest in ("", "/", "/:memory:"):
        return Address(url="sqlite://", dialect="sqlite", path=None, label="the store in memory")
    if not rest.startswith("/") or "?" in rest:
        raise StoreError(
            "the store's SQLite address needs three slashes and no options: sqlite:///FILE",
            zh="SQLite 存储地址应有三个斜杠且不带参数：sqlite:///文件",
        )
    path = Path(rest[1:])
    return Address(url=url, dialect="sqlite", path=path, label=str(path))


def _postgresql(rest: str) -> Address:
    try:
        parts = urlsplit(f"postgresql://{rest}")
        port = f":{parts.port}" if parts.port else ""
    except ValueError:
        raise StoreError(
            "the store's PostgreSQL address does not parse; quote special characters of the "
            "password as %40 for @, %2F for /",
            zh="PostgreSQL 存储地址无法解析，密码中的特殊字符须转义，如 @ 写作 %40，/ 写作 %2F",
        ) from None
    query = dict(parse_qsl(parts.query))
    host = parts.hostname or query.get("host") or "local socket"
    spellings = [s for s in (parts.password, query.get("password")) if s]
    secrets = {*spellings, *(unquote(s) for s in spellings)}
    database = parts.path.lstrip("/") or query.get("dbname") or ""
    return Address(
        url=f"postgresql+psycopg://{rest}",
        dialect="postgresql",
        path=None,
        label=f"postgresql://{host}{port}/{database}",
        secrets=tuple(sorted(secrets, key=len, reverse=True)),
    )
