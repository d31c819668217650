"""The service's log: one line a record on stderr, JSON or text, without secrets.

A line says what it belongs to (``run``, ``job``, ``account_id``) where that is bound; whoever reads
the log of many accounts finds one of them by it.  A new thread begins with nothing bound.
"""

from __future__ import annotations

import json
import logging
import re
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import UTC, datetime
from types import MappingProxyType
from typing import Any, Final, Literal, TextIO

from gatekeeper.filing import mask_text

LogFormat = Literal["json", "text"]

_NOTHING: Final[Mapping[str, str]] = MappingProxyType({})
_bound: ContextVar[Mapping[str, str]] = ContextVar("bound", default=_NOTHING)

_QUIET: Final = (
    *("boto3", "botocore", "s3transfer", "urllib3", "requests", "apprise", "schedule"),
    *("alembic", "sqlalchemy", "distributed", "asyncio"),
)
"""Libraries whose chatter is shown only at debug."""
_STANDARD: Final = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}
_OWN: Final = frozenset({"time", "level", "message", "logger", "error", "stack"})

_SECRETIVE: Final = (
    r"[a-z0-9_-]{0,40}(?:secret|token|password|passwd|pwd|signature|credential|api_?key|access_?key)"
    r"[a-z0-9_-]{0,40}"
)
_URL: Final = r"[^\s\"'<>]"
_MASKS: Final = (
    # An address of apprise holds its token in the host or the path.
    (
        re.compile(rf"(?i)\b(?!https?:|postgres|sqlite|tcp:)([a-z][a-z0-9+.]{{2,15}}://){_URL}+"),
        r"\1…",
    ),
    (re.compile(rf"(?i)(://){_URL}{{0,400}}@"), r"\1…@"),
    (re.compile(rf"(?i)([?&](?:{_SECRETIVE}|x-amz-[a-z-]+|key|sign|sig)=)[^\s&\"'<>]+"), r"\1…"),
    (
        re.compile(rf"(?i)(https?://[^\s\"'<>/]{{1,255}}/{_URL}{{0,100}}?hooks?/){_URL}+"),
        r"\1…",
    ),
    (re.compile(rf"(?i)(https?://hooks\.[^\s\"'<>/]{{1,255}}/){_URL}+"), r"\1…"),
    (re.compile(r"(?i)(\bauthorization\b[\"']?\s*[:=]\s*).+"), r"\1…"),
    (re.compile(r"(?i)\b(bearer|basic)\s+[a-z0-9._~+/=-]{8,}"), r"\1 …"),
    (re.compile(r"\b(?:AKIA|ASIA|AROA|AIDA)[A-Z0-9]{12,}\b"), "…"),
    (
        re.compile(rf"(?i)\b({_SECRETIVE}[\"']?\s*[=:]\s*)(?:\"[^\"]*\"|'[^']*'|[^\s,;}})\]]+)"),
        r"\1…",
    ),
)
_HIDDEN: Final = re.compile(
    "[\x00-\x1f\x7f-\x9f\xad\u061c\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb"
    "\ud800-\udfff]"
)
_LONGEST: Final = 8000
"""Characters of one message; what AWS says may be long."""
_READ: Final = 4 * _LONGEST
"""Characters that are searched for secrets; those behind are dropped."""


@contextmanager
def bound(**fields: str | None) -> Iterator[None]:
    """Add fields to every line that this context writes; ``None`` adds none."""
    given = {name: value for name, value in fields.items() if value is not None}
    before = _bound.set({**_bound.get(), **given})
    try:
        yield
    finally:
        _bound.reset(before)


def mask(text: str) -> str:
    """``text`` without what may be a secret, passwords, tokens, keys, signatures, or a person's.

    Resident identity numbers and mobile numbers keep their ends.
    """
    text = text[:_READ]
    for pattern, replacement in _MASKS:
        text = pattern.sub(replacement, text)
    return mask_text(text)


def configure(
    format: LogFormat = "json",  # noqa: A002 - the name of the setting
    level: str = "info",
    *,
    stream: TextIO | None = None,
) -> None:
    """Send the process's log to stderr (or ``stream``); called again it replaces what was set.

    Args:
        format: "json" or "text".
        level: "debug", "info", "warning" or "error".
        stream: for tests.
    """
    number = logging.getLevelNamesMapping()[level.upper()]
    handler = _Handler(stream or sys.stderr)
    handler.setFormatter(_Json(number) if format == "json" else _Text(number))
    root = logging.getLogger()
    for old in root.handlers[:]:
        if isinstance(old, _Handler):
            root.removeHandler(old)
    root.addHandler(handler)
    root.setLevel(number)
    for name in _QUIET:
        logging.getLogger(name).setLevel(
            logging.DEBUG if number <= logging.DEBUG else logging.WARNING
        )
    logging.captureWarnings(True)


class _Handler(logging.StreamHandler[TextIO]):
    """Ours, to be told from others'.  A stderr that is gone stops nothing."""

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802 - logging's name
        """Say nothing: there is nowhere to say it."""


class _Line(logging.Formatter):
    """The fields of a line, in their order."""

    def __init__(self, level: int) -> None:
        super().__init__()
        self._debug = level <= logging.DEBUG

    def fields(self, record: logging.LogRecord) -> dict[str, Any]:
        at = datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds")
        fields: dict[str, Any] = {
            "time": at.replace("+00:00", "Z"),
            "level": record.levelname.lower(),
            "message": _short(mask(_said(record))),
            "logger": record.name,
        }
        extra = {name: value for name, value in vars(record).items() if name not in _STANDARD}
        for name, value in {**_bound.get(), **extra}.items():
            if name not in _OWN:
                fields[name] = value if isinstance(value, int | float) else _short(mask(str(value)))
        if record.exc_info and record.exc_info[1] is not None:
            error = record.exc_info[1]
            fields["error"] = _short(mask(f"{type(error).__name__}: {error}"))
            if self._debug:
                fields["stack"] = mask(self.formatException(record.exc_info))
        return fields


class _Json(_Line):
    def format(self, record: logging.LogRecord) -> str:
        text = json.dumps(self.fields(record), ensure_ascii=False, allow_nan=False, default=str)
        return _HIDDEN.sub(lambda match: f"\\u{ord(match[0]):04x}", text)


class _Text(_Line):
    def format(self, record: logging.LogRecord) -> str:
        fields = self.fields(record)
        head = f"{fields.pop('time')} {fields.pop('level'):7} {fields.pop('message')}"
        more = [f"{name}={value}" for name, value in fields.items()]
        return _HIDDEN.sub(_escape, " ".join([head, *more]))


def _said(record: logging.LogRecord) -> str:
    try:
        return record.getMessage()
    except (TypeError, ValueError, KeyError):
        # A record whose arguments do not fit its text is still worth a line.
        return f"{record.msg} {record.args!r}"


def _short(text: str) -> str:
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 1]}…"


def _escape(match: re.Match[str]) -> str:
    code = ord(match[0])
    named = {10: "\\n", 13: "\\r", 9: "\\t"}
    return named.get(code) or (f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}")
