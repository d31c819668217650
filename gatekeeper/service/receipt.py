"""What a receiver answered, told without the secrets that a route's URL holds."""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final, NamedTuple
from urllib.parse import parse_qsl, unquote, unquote_plus, urlsplit

from gatekeeper.service.config import Route
from gatekeeper.service.message import clean

_HIDDEN: Final = "***"
_SHORTEST: Final = 4
"""Characters of a part that is hidden; shorter ones stand in ordinary words."""
_LONGEST: Final = 200
"""Characters of another's words that are kept."""
_LATER: Final = frozenset({408, 425, 429})
"""Refusals that ask to come again: RFC 9110 §15.5.9, RFC 8470 §5.2, RFC 6585 §4."""

_TALKATIVE: Final = ("urllib3.connectionpool", "urllib3.util.retry")
_turn = threading.Lock()


class Receipt(NamedTuple):
    """How one message fared."""

    arrived: bool
    reason: str = ""
    reason_zh: str = ""
    refused: bool = False
    """The receiver will not take it, however often it is tried."""
    retry_after: float | None = None
    """Seconds after which the receiver asks to be tried again."""


ARRIVED: Final = Receipt(arrived=True)


def failed(reason: str, zh: str) -> Receipt:
    """It did not arrive, and may the next time."""
    return Receipt(arrived=False, reason=reason, reason_zh=zh)


def answered(status: int, words: str = "", *, retry_after: float | None = None) -> Receipt:
    """The receipt for an HTTP status; ``words`` of the answer are bounded and must be masked."""
    if 200 <= status < 300:
        return ARRIVED
    said = clean(words, _LONGEST)
    tail, tail_zh = (f": {said}", f"：{said}") if said else ("", "")
    if 300 <= status < 400:
        tail, tail_zh = "; redirects are not followed", "，不跟随重定向"
    return Receipt(
        arrived=False,
        reason=f"HTTP {status}{tail}",
        reason_zh=f"HTTP {status}{tail_zh}",
        refused=400 <= status < 500 and status not in _LATER,
        retry_after=retry_after,
    )


class Mask:
    """Hides the secret parts of a route wherever they stand in a text."""

    def __init__(self, route: Route) -> None:
        url = route.url.get_secret_value()
        found = {url}
        try:
            parts = urlsplit(url)
            # Of a chat service the host may be the token itself.
            names = [] if parts.scheme in ("http", "https") else [parts.netloc, parts.hostname]
            names += [parts.username, parts.password, parts.path, parts.query]
            names += parts.path.split("/")
            found |= {name for name in names if name}
            found |= {value for _, value in parse_qsl(parts.query)}
            if parts.query:
                found.add(f"{parts.path}?{parts.query}")
        except ValueError:  # no URL: the whole of it is hidden
            pass
        if route.secret is not None:
            found.add(route.secret.get_secret_value())
        found |= {unquote(text) for text in found} | {unquote_plus(text) for text in found}
        kept = {text for text in found if len(text) >= _SHORTEST}
        self._texts = sorted(kept, key=lambda text: (-len(text), text))

    def hide(self, text: str) -> str:
        """``text`` without secrets."""
        for secret in self._texts:
            text = text.replace(secret, _HIDDEN)
        return text


class _Masking(logging.Filter):
    """Takes the secrets out of what a library logs."""

    def __init__(self, mask: Mask) -> None:
        super().__init__()
        self._mask = mask

    def filter(self, record: logging.LogRecord) -> bool:
        record.msg, record.args = self._mask.hide(record.getMessage()), ()
        return True


class _Listening(logging.Handler):
    """Keeps the warnings of a library in place of letting them into the log."""

    def __init__(self, mask: Mask) -> None:
        super().__init__(logging.WARNING)
        self.lines: list[str] = []
        self._mask = mask

    def emit(self, record: logging.LogRecord) -> None:
        self.lines.append(self._mask.hide(record.getMessage()))


@contextmanager
def hushed(mask: Mask) -> Iterator[list[str]]:
    """Let no secret into the log meanwhile; gives what apprise warned of, masked."""
    apprise, listening, masking = logging.getLogger("apprise"), _Listening(mask), _Masking(mask)
    with _turn:
        before = apprise.propagate, apprise.level, apprise.handlers[:]
        apprise.propagate, apprise.handlers = False, [listening]
        apprise.setLevel(logging.WARNING)
        for name in _TALKATIVE:
            logging.getLogger(name).addFilter(masking)
        try:
            yield listening.lines
        finally:
            for name in _TALKATIVE:
                logging.getLogger(name).removeFilter(masking)
            apprise.propagate, level, apprise.handlers = before
            apprise.setLevel(level)
