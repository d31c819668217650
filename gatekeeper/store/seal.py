"""Personal data at rest: the review of an application, encrypted where a key is set.

A review is stored as ``sealed:1:<key>:<token>``: the key's id, and a Fernet token (AES-128-CBC with
HMAC-SHA-256, a random IV for each) of the application's id and the review.

Why Fernet and not AES-GCM with the id as associated data: both bind the text to its application,
the one by what it encrypts and the other by what it authenticates, so a token that is moved to
another row does not open.  But GCM breaks wholly when a nonce comes twice, and nonces of 96 random
bits allow only so many texts a key; Fernet has no such bound, its recipe leaves nothing to choose,
and its keys are what key stores and ``cryptography`` hand out.

The id tells a missing key from a token that somebody altered.  It is a digest of a random key, and
says nothing of it.  The digest of an application stays that of its plain content, so equal
registers have equal versions whatever their keys, and the trail verifies after a rotation.
"""

from __future__ import annotations

import hashlib
import os
import re
import stat
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Final, NamedTuple

from gatekeeper.errors import StoreError, StoreSealed
from gatekeeper.filing import SEALED, Application, is_sealed
from gatekeeper.store.encoding import unpack

if TYPE_CHECKING:
    from cryptography.fernet import Fernet

KEY_FILE: Final = "GATEKEEPER_KEY_FILE"
KEY: Final = "GATEKEEPER_KEY"
_FORM: Final = f"{SEALED}1:"
_SEALED: Final = re.compile(rf"{_FORM}([0-9a-f]{{8}}):([A-Za-z0-9_=-]+)")
_KEY: Final = re.compile(r"[A-Za-z0-9_-]{43}=")
"""Thirty-two bytes; the library would also take a key with something behind it."""
_LARGEST: Final = 64 * 1024
"""Bytes of a key file; a key takes 45."""


class AlteredError(ValueError):
    """A sealed text that its own key does not open: somebody changed or moved it."""


class SealKey(NamedTuple):
    """One key, by the id that texts name it with."""

    name: str
    fernet: Fernet


class Seal:
    """Closes and opens reviews.  The first key closes, every key opens; without keys none does."""

    def __init__(self, keys: tuple[SealKey, ...] = ()) -> None:
        self._keys = {key.name: key.fernet for key in keys}
        self.name = keys[0].name if keys else ""
        """The id of the key that closes; empty where no key is set."""

    def __bool__(self) -> bool:
        return bool(self._keys)

    @property
    def form(self) -> str:
        """How a text begins that the newest key closed."""
        return f"{_FORM}{self.name}:"

    def close(self, application_id: str, review: str) -> str:
        """The review as it is stored: as it is where there is none, or no key."""
        if not self._keys or not review or is_sealed(review):
            return review
        token = self._keys[self.name].encrypt(f"{application_id}\0{review}".encode())
        return f"{self.form}{token.decode()}"

    def open(self, application_id: str, review: str) -> str:
        """The review as it was before ``close``.

        Raises:
            StoreSealed: its key is not set.
            AlteredError: its key is set and does not open it.
        """
        if not is_sealed(review):
            return review
        match = _SEALED.fullmatch(review)
        if match is None:
            raise AlteredError("not the form of a sealed text")
        fernet = self._keys.get(match[1])
        if fernet is None:
            raise missing_key(application_id, match[1], others=bool(self._keys))
        from cryptography.fernet import InvalidToken

        try:
            name, _, text = fernet.decrypt(match[2]).decode().partition("\0")
        except (InvalidToken, UnicodeDecodeError):
            raise AlteredError("the text does not open with its key") from None
        if name != application_id:
            raise AlteredError("the text was sealed for another application")
        return text

    def newest(self, review: str) -> bool:
        """Whether nothing is left to do: empty, or closed by the newest key."""
        return not review or review.startswith(self.form)


def missing_key(application_id: str, name: str, *, others: bool) -> StoreSealed:
    """What to say where a review cannot be opened for want of its key."""
    which, which_zh = ("another key", "其他密钥") if others else ("no key", "尚未设置密钥")
    return StoreSealed(
        f"application {application_id}: its personal data are sealed with key {name}, and {which} "
        f"is set; name that key's file in {KEY_FILE}",
        zh=f"申请 {application_id}：个人信息已用密钥 {name} 加密，"
        + (f"当前设置的是{which_zh}" if others else which_zh)
        + f"；请在 {KEY_FILE} 中指定该密钥文件",
    )


def altered(application_id: str) -> StoreError:
    """What to say where a sealed text was changed in the database."""
    return StoreError(
        f"application {application_id}: its sealed personal data were altered in the database; "
        "keep it as it is and compare it with a backup",
        zh=f"申请 {application_id}：加密的个人信息在数据库中被改动，请保留现状并与备份比对",
    )


def read_seal(environ: Mapping[str, str] | None = None) -> Seal:
    """The keys that the environment names.

    ``GATEKEEPER_KEY_FILE`` names a file with one Fernet key a line; ``GATEKEEPER_KEY`` is one key,
    for where secrets come as variables.  An empty variable counts as unset; the file goes first.

    Raises:
        StoreError: the file cannot be read, others may read it, or it holds no key.
    """
    given = os.environ if environ is None else environ
    file, key = given.get(KEY_FILE), given.get(KEY)
    if file:
        return Seal(_keys(_read(Path(file)), f"{KEY_FILE} ({file})"))
    if key:
        return Seal(_keys(key, KEY))
    return Seal()


def key_name(key: str) -> str:
    """The id of a key: eight hexadecimal digits."""
    return hashlib.sha256(b"gatekeeper seal key\0" + key.encode()).hexdigest()[:8]


def _read(path: Path) -> str:
    try:
        with path.open("rb") as stream:
            mode = os.fstat(stream.fileno())
            if not stat.S_ISREG(mode.st_mode):
                raise StoreError(
                    f"{path}: {KEY_FILE} must name a regular file; nothing was read",
                    zh=f"{path}：{KEY_FILE} 必须指向普通文件，未读取",
                )
            if os.name != "nt" and mode.st_mode & (stat.S_IRWXG | stat.S_IRWXO):
                raise StoreError(
                    f"{path}: others than its owner may read the key file; run chmod 600 on it, "
                    "and change the key if somebody did",
                    zh=f"{path}：密钥文件可被他人读取，请执行 chmod 600；若已泄露请更换密钥",
                )
            return stream.read(_LARGEST).decode("ascii")
    except UnicodeDecodeError:
        raise _no_key(str(path)) from None
    except OSError as error:
        why = error.strerror or type(error).__name__
        raise StoreError(
            f"{path}: cannot read the key file ({why}); check {KEY_FILE}",
            zh=f"{path}：无法读取密钥文件（{why}），请检查 {KEY_FILE}",
        ) from None


def _keys(text: str, source: str) -> tuple[SealKey, ...]:
    from cryptography.fernet import Fernet

    found: dict[str, SealKey] = {}
    for line in text.splitlines():
        word = line.strip()
        if not word or word.startswith("#"):
            continue
        if not _KEY.fullmatch(word):
            raise _no_key(source)
        found.setdefault(word, SealKey(key_name(word), Fernet(word)))
    if not found:
        raise _no_key(source)
    return tuple(found.values())


def _no_key(source: str) -> StoreError:
    return StoreError(
        f"{source}: holds something that is no Fernet key; write one key of 44 characters a line",
        zh=f"{source}：内容不是 Fernet 密钥；应每行一个 44 个字符的密钥",
    )


def opened(seal: Seal, application: Application) -> Application:
    """The application with its review opened.

    Raises:
        StoreSealed: the key is not set.
        StoreError: somebody altered the sealed text.
    """
    if not is_sealed(application.review):
        return application
    name = application.application_id
    try:
        return replace(application, review=seal.open(name, application.review))
    except AlteredError:
        raise altered(name) from None


def sealed(seal: Seal, application: Application) -> Application:
    """The application as it is stored.

    Raises:
        StoreSealed: its review was never opened, so its content is not known.
    """
    name = application.application_id
    if is_sealed(application.review):
        raise missing_key(name, application.review[len(_FORM) :][:8], others=bool(seal))
    return replace(application, review=seal.close(name, application.review))


def opener(seal: Seal, *, lenient: bool = False) -> Callable[[str], Application]:
    """What reads a body of the register and opens its review.

    Args:
        seal: the keys.
        lenient: leave a review sealed whose key is not set, for whoever only shows or decides.
    """

    def read(body: str) -> Application:
        application = unpack(body)
        if not application.review or not is_sealed(application.review):
            return application
        try:
            return opened(seal, application)
        except StoreSealed:
            if lenient:
                return application
            raise

    return read
