"""Options that several commands share, each with one meaning and one help text."""

from __future__ import annotations

import os
import re
import unicodedata
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta, timezone
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from gatekeeper.cli.ranges_file import adopt_ranges
from gatekeeper.cli.settings import Settings, settings_of

if TYPE_CHECKING:
    from gatekeeper.filing import Status
    from gatekeeper.gate import Finding

_UNSHOWN = frozenset({"Cc", "Cs", "Zl", "Zp"})
MOST_ROWS = 2**31 - 1
"""A row count that every database takes."""

_SHANGHAI = timezone(timedelta(hours=8))


class Form(StrEnum):
    """How records are printed."""

    TABLE = "table"
    JSON = "json"
    CSV = "csv"


class PageForm(StrEnum):
    """How a report is printed."""

    TABLE = "table"
    JSON = "json"
    CSV = "csv"
    HTML = "html"


class FailOn(StrEnum):
    """From which severity on a finding makes exit status 3."""

    CRITICAL = "critical"
    HIGH = "high"
    MEDIUM = "medium"
    LOW = "low"
    INFO = "info"
    NONE = "none"

    def reached(self, findings: Iterable[Finding]) -> bool:
        """Whether some finding is at least that severe."""
        if self is FailOn.NONE:
            return False
        from gatekeeper.gate import Severity

        threshold = Severity(self.value)
        return any(finding.severity.at_least(threshold) for finding in findings)


class Refused(typer.BadParameter):
    """A value that an option cannot take; the reason in both languages."""

    def __init__(self, message: str, *, zh: str) -> None:
        super().__init__(message)
        self.zh = zh


def read_time(text: str) -> datetime:
    """An ISO 8601 time; without an offset it is Asia/Shanghai."""
    try:
        at = datetime.fromisoformat(text.strip())
    except ValueError:
        raise Refused(
            f"{text!r} is not an ISO 8601 time; write 2026-05-04T09:30, or with an offset",
            zh=f"{text!r} 不是 ISO 8601 时间，应写作 2026-05-04T09:30，可带时区",
        ) from None
    return at if at.tzinfo is not None else at.replace(tzinfo=_SHANGHAI)


def read_account_id(text: str) -> str:
    """A 12-digit account id."""
    if not re.fullmatch(r"[0-9]{12}", text):
        raise Refused(
            f"{text!r} is not an account id; write its 12 digits",
            zh=f"{text!r} 不是账号 ID，应为 12 位数字",
        )
    return text


def read_status(text: str) -> Status:
    """A status by its name, or as operators call it in Chinese."""
    from gatekeeper.filing import STATUS_ZH, Status

    word = text.strip()
    for status in Status:
        if word in (status.value, STATUS_ZH[status]):
            return status
    raise Refused(
        f"{text!r} is not a status; write one of {', '.join(Status)}, or its Chinese name",
        zh=f"{text!r} 不是有效的状态，应为{'、'.join(STATUS_ZH.values())}之一，或其英文名",
    )


def read_name(text: str) -> str:
    """Who does something: a name that people can see and tell from others."""
    from gatekeeper.approval import person

    name = _one_line(text)
    if not person(name):
        raise Refused("a name must not be empty; say who does it", zh="不能为空，请写明操作人")
    return name


def read_reason(text: str) -> str:
    """Why something is done."""
    from gatekeeper.approval import person

    reason = _one_line(text)
    if not person(reason):
        raise Refused("a reason must not be empty; name the order", zh="不能为空，请写明指令文号")
    return reason


def _one_line(text: str) -> str:
    """``text`` without surrounding white space; it stands in the trail and is read in terminals."""
    from gatekeeper.filing import mask_text

    if any(unicodedata.category(character) in _UNSHOWN for character in text):
        raise Refused(
            f"{text!r} holds a control character or a line break; leave it out",
            zh=f"{text!r} 含有控制字符或换行，请去掉",
        )
    if mask_text(text) != text:
        raise Refused(
            "it holds somebody's id number or phone, which the trail could never forget; leave it "
            "out",
            zh="其中含有身份证号或手机号，而审计记录无法删除，请去掉",
        )
    return text.strip()


def read_note(text: str) -> str:
    """What stands beside an event for ever; it may be empty."""
    return _one_line(text)


def now() -> datetime:
    """The one clock of the command line."""
    return datetime.now(UTC)


def whoami(given: str | None) -> str:
    """``--by``, else the user and host that run the command."""
    if given:
        return given
    import getpass
    import socket

    try:
        user = getpass.getuser()
    except (OSError, KeyError):
        user = "unknown"
    return f"{user}@{socket.gethostname()}"


def settings_in(context: typer.Context) -> Settings:
    """The global options of the running command; the refreshed address ranges count from here."""
    adopt_ranges()
    return settings_of(context.meta)


def review_rules() -> tuple[str, ...]:
    """The files that ``GATEKEEPER_REVIEW`` names, read as ``filings review`` reads it."""
    named = os.environ.get("GATEKEEPER_REVIEW", "")
    return tuple(one for one in named.split(os.pathsep) if one)


def unique(items: Sequence[str] | None) -> tuple[str, ...]:
    """A repeatable option's values, each once, in order."""
    return tuple(dict.fromkeys(items or ()))


Format = Annotated[
    Form, typer.Option("--format", help="How to print: table, json or csv.", show_default=True)
]
PageFormat = Annotated[
    PageForm, typer.Option("--format", help="How to print: table, json, csv or html.")
]
Out = Annotated[
    Path | None,
    typer.Option(
        "--out", metavar="FILE", help="Write into FILE, whole or not at all, not to stdout."
    ),
]
Dump = Annotated[
    Path | None,
    typer.Option(
        "--dump",
        metavar="DIR",
        help="Read AWS answers from DIR, one folder an account; no AWS call is made.",
    ),
]
Accounts = Annotated[
    list[str] | None,
    typer.Option(
        "--account",
        metavar="ID",
        parser=read_account_id,
        help="Only this account (12 digits); may be given several times.",
    ),
]
FailOnOption = Annotated[
    FailOn,
    typer.Option("--fail-on", help="Exit 3 from findings of this severity on; none for never."),
]
WORKERS = "threads:8"
Config = Annotated[
    str | None,
    typer.Option(
        "--config",
        metavar="FILE",
        envvar="GATEKEEPER_SERVICE",
        show_envvar=False,
        help="The service's settings; only keys that differ from the packaged ones.  "
        "[env: GATEKEEPER_SERVICE]",
    ),
]
WorkersOption = Annotated[
    str,
    typer.Option(
        "--workers",
        metavar="N|KIND:N|URL",
        help="Who reads the accounts: 8 or threads:8, processes:4, or a Dask scheduler as "
        "tcp://HOST:8786.",
    ),
]
At = Annotated[
    datetime | None,
    typer.Option(
        "--at",
        metavar="TIME",
        parser=read_time,
        help="ISO 8601; without an offset it is Asia/Shanghai.  Default: now.",
    ),
]
Calendar = Annotated[
    list[Path] | None,
    typer.Option(
        "--calendar",
        metavar="FILE",
        help="A year's holidays as YAML (year, holidays, workdays), in place of what is "
        "known of that year; may be given several times.",
    ),
]
By = Annotated[
    str | None,
    typer.Option("--by", metavar="WHO", parser=read_name, help="Who does it.  Default: user@host."),
]
RequiredBy = Annotated[
    str, typer.Option("--by", metavar="WHO", parser=read_name, help="Who does it.")
]
Wait = Annotated[
    float,
    typer.Option(
        "--wait",
        metavar="SECONDS",
        min=0,
        help="How long to wait for another process that is changing the same account.",
    ),
]
