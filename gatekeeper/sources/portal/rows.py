"""Items of a portal into applications: mapped as its settings say, then judged like any import."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any, Final, NamedTuple

from gatekeeper.filing import Problem, Problems, Row, Where
from gatekeeper.sources import field
from gatekeeper.sources.column import APPLICATION_COLUMNS
from gatekeeper.sources.field import FieldError
from gatekeeper.sources.nested import read_object
from gatekeeper.sources.portal.config import FieldRule, Portal, TimeForm, as_word, target
from gatekeeper.sources.portal.page import Page
from gatekeeper.sources.portal.path import MISSING

_AHEAD: Final = timedelta(minutes=5)
"""How far a portal's clock may be ahead of ours."""
_LISTS: Final = frozenset(
    column.keys for column in APPLICATION_COLUMNS if column.name in ("domains", "ips")
)


class Rows(NamedTuple):
    """What all pages together say."""

    rows: tuple[Row, ...]
    problems: tuple[Problem, ...]
    more_problems: int
    until: datetime | None
    """The newest change that a row tells."""


class _RowError(Exception):
    """A value that the settings cannot place: the path, the value, the reason twice."""

    def __init__(self, column: str, value: object, reason: str, reason_zh: str) -> None:
        super().__init__(reason)
        self.column, self.value = column, _shown(value)
        self.reason, self.reason_zh = reason, reason_zh


class RowReader:
    """Takes pages one by one; what was wrong with any row is told at the end.

    Args:
        portal: whose rows.
        clock: aware times; asked anew for each page, since a long reading sees new changes.
    """

    def __init__(self, portal: Portal, *, clock: Callable[[], datetime]) -> None:
        self._portal, self._clock = portal, clock
        self._rows: dict[str, Row] = {}
        self._problems = Problems()
        self._until: datetime | None = None

    def take(self, page: Page) -> None:
        """Read the rows of a page."""
        file = f"portal {self._portal.name}, page {page.number}"
        here: set[str] = set()
        horizon = self._clock() + _AHEAD
        for number, item in enumerate(page.items, 1):
            where = Where(file=file, line=number)
            try:
                read = read_object(self._mapped(item), where, {})
                if isinstance(read, list):
                    self._problems.extend(read)
                    continue
                changed = self._changed(item, horizon)
                self._keep(read, here)
            except _RowError as bad:
                self._problems.add(
                    Problem(
                        where=where,
                        column=bad.column,
                        value=bad.value,
                        reason=bad.reason,
                        reason_zh=bad.reason_zh,
                    )
                )
                continue
            if changed is not None:
                self._until = changed if self._until is None else max(self._until, changed)

    def result(self) -> Rows:
        """Everything that was taken."""
        return Rows(
            tuple(self._rows.values()),
            tuple(self._problems.kept),
            self._problems.more,
            self._until,
        )

    def _keep(self, row: Row, here: set[str]) -> None:
        """Add a row; one that moved to a later page while they were read comes twice."""
        name = row.application.application_id
        earlier = self._rows.setdefault(name, row)
        moved = earlier.application == row.application and name not in here
        here.add(name)
        if earlier is not row and not moved:
            where = earlier.where
            raise _RowError(
                "application_id",
                name,
                f"stands in {where.describe()} too; an application has one row: sync again, and "
                "if it stays ask the portal's operator",
                f"与{where.describe('zh')}重复，每个申请只能有一行；请重新同步，"
                "若仍出现请联系门户运营方",
            )

    def _mapped(self, item: Any) -> dict[str, Any]:
        """An application's nested form from an item."""
        if not isinstance(item, dict):
            raise _RowError("", item, "is no JSON object", "应为 JSON 对象")
        made: dict[str, Any] = {}
        for key, rule in self._portal.fields.items():
            place = target(key)
            value = rule.value if rule.path is None else _value(rule, item, key, place in _LISTS)
            if value is MISSING:
                continue
            inner = made
            for step in place[:-1]:
                inner = inner.setdefault(step, {})
            inner[place[-1]] = value
        attachments = made.get("attachments")
        if isinstance(attachments, list):
            # A path names a file of this machine; another's word must never open one.
            made["attachments"] = [
                {key: value for key, value in one.items() if key != "path"}
                if isinstance(one, dict)
                else one
                for one in attachments
            ]
        return made

    def _changed(self, item: dict[str, Any], horizon: datetime) -> datetime | None:
        updated = self._portal.updated
        if updated is None:
            return None
        value = updated.path.of(item)
        at = _time(value, updated.format)
        if at is None:
            raise _RowError(
                updated.path.text,
                None if value is MISSING else value,
                "is no time of a change (updated.path); check updated.format",
                "不是有效的更新时间（updated.path）；请检查 updated.format",
            )
        if at > horizon:
            raise _RowError(
                updated.path.text,
                value,
                "lies in the future, and what changes before it would never be asked for",
                "更新时间晚于当前时间，否则此前的变更将不再读取",
            )
        return at


def _value(rule: FieldRule, item: dict[str, Any], key: str, several: bool) -> Any:
    assert rule.path is not None
    value = rule.path.of(item)
    if value is MISSING:
        return value
    if value is None or value == "":
        return None
    if rule.separator is not None and isinstance(value, str):
        value = [part.strip() for part in value.split(rule.separator) if part.strip()]
        if several:
            value = [part for text in value for part in field.split(text)]
    if rule.values is not None:
        found = [_meant(rule, key, one) for one in (value if isinstance(value, list) else [value])]
        value = found if isinstance(value, list) else found[0]
    if rule.format is not None:
        at = _time(value, rule.format)
        if at is None:
            raise _RowError(
                rule.path.text,
                value,
                f"is no time as {rule.format} ({key}); check fields.{key}.format",
                f"不是 {rule.format} 格式的时间（{key}）；请检查 fields.{key}.format",
            )
        value = at.isoformat()
    return value


def _meant(rule: FieldRule, key: str, value: Any) -> Any:
    assert rule.path is not None and rule.values is not None  # noqa: PT018 - both, for mypy
    word = as_word(value) if isinstance(value, str | int | float) else None
    if word is None or word.strip() not in rule.values:
        raise _RowError(
            rule.path.text,
            value,
            f"is none of the words that fields.{key}.values knows; add it there, with what it "
            "means",
            f"不在 fields.{key}.values 之中；请在该处补充其含义",
        )
    return rule.values[word.strip()]


def _time(value: Any, form: TimeForm) -> datetime | None:
    if isinstance(value, str):
        text = value.strip()
        if form in ("epoch", "epoch_ms") and text.isascii() and text.isdigit():
            return _epoch(int(text[:17]), form)
        try:
            return field.instant(text)
        except FieldError:
            return None
    if isinstance(value, int) and not isinstance(value, bool):
        return _epoch(value, form)
    return None


def _epoch(number: int, form: TimeForm) -> datetime | None:
    try:
        if form == "epoch":
            return datetime.fromtimestamp(number, UTC)
        if form == "epoch_ms":
            return datetime.fromtimestamp(0, UTC) + timedelta(milliseconds=number)
    except (ValueError, OverflowError, OSError):
        return None
    return None


def _shown(value: object) -> str:
    if value is None:
        return ""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)[:200]
