"""Lists of accounts to watch: CSV, XLSX or JSON."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from gatekeeper.filing import Problem, Problems, Where, printable
from gatekeeper.sources import field
from gatekeeper.sources.applications import FORMATS, unknown_format
from gatekeeper.sources.column import Column, is_header
from gatekeeper.sources.field import FieldError
from gatekeeper.sources.json_file import JsonFile
from gatekeeper.sources.table import (
    TableError,
    open_table,
    read_bytes,
    read_header,
    read_records,
)

_ROLE: Final = re.compile(r"arn:aws(?:-cn)?:iam::([0-9]{12}):role/[\w+=,.@/-]{1,512}")


def role_arn(value: str) -> str:
    """The ARN of an IAM role."""
    if not _ROLE.fullmatch(value):
        raise FieldError(
            "not the ARN of a role such as arn:aws-cn:iam::111122223333:role/gatekeeper",
            "不是有效的角色 ARN，例如 arn:aws-cn:iam::111122223333:role/gatekeeper",
        )
    return value


_COLUMNS: Final = (
    Column(name="account_id", zh="亚马逊云科技账号", parse=field.account, required=True),
    Column(name="name", zh="账号名称", parse=field.text),
    Column(name="role_arn", zh="角色ARN", parse=role_arn),
    Column(name="external_id", zh="外部ID", parse=field.text),
)
_REQUIRED: Final = frozenset({"account_id"})


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountRow:
    """One account as a file states it; empty text where it does not say."""

    account_id: str
    where: Where
    name: str = ""
    role_arn: str = ""
    external_id: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountsResult:
    """One file of accounts, read to its end."""

    file: str
    rows: tuple[AccountRow, ...] = ()
    problems: tuple[Problem, ...] = ()
    more_problems: int = 0
    unknown_columns: tuple[str, ...] = ()


def read_accounts(path: str | Path) -> AccountsResult:
    """Every account of a file, and everything that is wrong in it; nothing is raised.

    The same account twice, or a role of another account, is a bad row.
    """
    path = Path(path)
    file = str(path)
    reading = _Reading(file)
    try:
        kind = FORMATS.get(path.suffix.lower())
        if kind is None:
            raise unknown_format(path)
        if kind in ("json", "jsonl"):
            reading.json(JsonFile(read_bytes(path), lines=kind == "jsonl", wrapper="accounts"))
        else:
            reading.table(path)
    except TableError as error:
        reading.problems.add(error.problem(file))
    return AccountsResult(
        file=file,
        rows=tuple(reading.rows.values()),
        problems=tuple(reading.problems.kept),
        more_problems=reading.problems.more,
        unknown_columns=tuple(reading.unknown),
    )


class _Reading:
    def __init__(self, file: str) -> None:
        self.file = file
        self.rows: dict[str, AccountRow] = {}
        self.problems = Problems()
        self.unknown: dict[str, None] = {}

    def table(self, path: Path) -> None:
        with open_table(path, lambda cells: is_header(cells, _COLUMNS)) as table:
            header = read_header(table, self.file, _COLUMNS, _REQUIRED)
            self.unknown.update(dict.fromkeys(header.unknown))
            self.problems.extend(header.problems)
            if header.problems:
                return
            for found in read_records(table, self.file, header, _REQUIRED, self.problems):
                self._add(found.where, found.values)

    def json(self, source: JsonFile) -> None:
        names = {column.name for column in _COLUMNS}
        for item in source.items():
            where = Where(file=self.file, line=item.line)
            for key in item.repeated:
                self._bad(where, key, "", "the key stands twice in one object", "同一对象中键重复")
            if not isinstance(item.value, dict):
                self._bad(where, "", str(item.value), "is no JSON object", "应为 JSON 对象")
                continue
            self.unknown.update(dict.fromkeys(printable(k) for k in item.value if k not in names))
            values = self._values(where, item.value)
            if values is not None:
                self._add(where, values)

    def _values(self, where: Where, given: Mapping[str, Any]) -> dict[str, str] | None:
        values: dict[str, str] = {}
        good = True
        for column in _COLUMNS:
            value = given.get(column.name)
            if isinstance(value, int) and not isinstance(value, bool):
                value = str(value)
            try:
                if value is not None and not isinstance(value, str):
                    raise FieldError("must be text in quotation marks", "应为带引号的文本")
                text = (value or "").strip()
                if text:
                    values[column.name] = column.parse(text)
                elif column.required:
                    raise FieldError("is required", "不能为空")
            except FieldError as error:
                good = False
                self._bad(where, column.name, str(value or ""), error.reason, error.reason_zh)
        return values if good else None

    def _add(self, where: Where, values: Mapping[str, str]) -> None:
        account_id, role = values["account_id"], values.get("role_arn", "")
        earlier = self.rows.get(account_id)
        if earlier is not None:
            line = earlier.where.line
            self._bad(
                where,
                "account_id",
                account_id,
                f"stands in line {line} too",
                f"与第 {line} 行重复",
            )
            return
        owner = _ROLE.fullmatch(role)
        if owner is not None and owner[1] != account_id:
            self._bad(
                where,
                "role_arn",
                role,
                f"is a role of account {owner[1]}, not of {account_id}",
                f"该角色属于账号 {owner[1]}，而不是 {account_id}",
            )
            return
        self.rows[account_id] = AccountRow(where=where, **values)

    def _bad(self, where: Where, column: str, value: str, reason: str, reason_zh: str) -> None:
        self.problems.add(
            Problem(where=where, column=column, value=value, reason=reason, reason_zh=reason_zh)
        )
