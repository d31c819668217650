"""The columns of a table: their names in two languages, and how a header line is matched."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final

from gatekeeper.filing import Problem, Where, printable
from gatekeeper.sources import field


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """One column of a table, and the same thing's place in JSON."""

    name: str
    zh: str
    parse: Callable[[str], Any]
    required: bool = False
    path: tuple[str, ...] = ()
    """Where nested JSON has it; ``(name,)`` if empty."""

    @property
    def keys(self) -> tuple[str, ...]:
        return self.path or (self.name,)


APPLICATION_COLUMNS: Final = (
    Column(name="application_id", zh="申请编号", parse=field.identifier, required=True),
    Column(name="filing_id", zh="备案标识", parse=field.identifier),
    Column(name="kind", zh="申请类型", parse=field.kind, required=True),
    Column(name="status", zh="状态", parse=field.status, required=True),
    Column(name="status_at", zh="状态时间", parse=field.instant, required=True),
    Column(
        name="entity_name",
        zh="主办单位名称",
        parse=field.text,
        required=True,
        path=("entity", "name"),
    ),
    Column(
        name="entity_certificate_type",
        zh="证件类型",
        parse=field.text,
        path=("entity", "certificate_type"),
    ),
    Column(
        name="entity_certificate_number",
        zh="证件号码",
        parse=field.text,
        path=("entity", "certificate_number"),
    ),
    Column(name="entity_province", zh="所属区域", parse=field.text, path=("entity", "province")),
    Column(name="entity_licence", zh="主体备案号", parse=field.text, path=("entity", "licence")),
    Column(name="service_type", zh="服务类型", parse=field.service_type, path=("service", "type")),
    Column(name="service_name", zh="服务名称", parse=field.text, path=("service", "name")),
    Column(name="service_licence", zh="服务备案号", parse=field.text, path=("service", "licence")),
    Column(name="domains", zh="域名", parse=field.domains, path=("service", "domains")),
    Column(
        name="account_id", zh="亚马逊云科技账号", parse=field.account, path=("access", "account_id")
    ),
    Column(name="load_balancer", zh="负载均衡", parse=field.text, path=("access", "load_balancer")),
    Column(name="ips", zh="IP地址", parse=field.addresses, path=("access", "ips")),
)
"""The table format of applications (DESIGN §4), in the order in which it is written."""

LIST_COLUMNS: Final = frozenset({"domains", "ips"})

RECORD_SHEETS: Final = {
    "entities": "主办单位",
    "services": "服务",
    "people": "人员",
    "access": "接入",
    "attachments": "材料",
    "answers": "答复",
}
"""The sheets of a workbook of full records (``dossier_form.py``), in English and Chinese."""


@dataclass(frozen=True, slots=True)
class Header:
    """A header line, understood."""

    columns: tuple[tuple[int, Column, str], ...]
    """Position, column, and its name as the file has it."""
    unknown: tuple[str, ...]
    problems: tuple[Problem, ...]
    width: int

    @property
    def names(self) -> frozenset[str]:
        return frozenset(column.name for _, column, _ in self.columns)

    def find(self, name: str) -> tuple[str, int]:
        """A column's name as the file has it, and its position; -1 where the file lacks it."""
        for index, column, shown in self.columns:
            if column.name == name:
                return shown, index
        return name, -1


def record_sheet(title: str) -> str | None:
    """The sheet of full records that a title names, in English, in Chinese or both."""
    plain = folded(title)
    for name, zh in RECORD_SHEETS.items():
        if plain in (folded(name), folded(zh), folded(name + zh), folded(zh + name)):
            return name
    return None


def has_record_sheets(titles: Iterable[str]) -> bool:
    """Whether a workbook holds full records, and not one table: two of their sheets, or more."""
    return len({record_sheet(title) for title in titles} - {None}) >= 2


def is_header(cells: Sequence[object], columns: Iterable[Column]) -> bool:
    """Whether a line looks like the header of such a table: two of its names, or the first."""
    names = _index(columns)
    found = {names[folded(cell)].name for cell in cells if folded(cell) in names}
    first = next(iter(columns)).name
    return first in found or len(found) >= 2


def match_header(
    cells: Sequence[object], columns: Sequence[Column], where: Where, *, needed: Iterable[str]
) -> Header:
    """Find the known columns among ``cells``; what is missing or stands twice is a problem."""
    names = _index(columns)
    matched: list[tuple[int, Column, str]] = []
    unknown: list[str] = []
    problems: list[Problem] = []
    seen: dict[str, str] = {}
    for index, cell in enumerate(cells):
        shown = "" if cell is None else str(cell).strip()
        column = names.get(folded(cell))
        if column is None:
            if shown:
                unknown.append(printable(shown))
            continue
        if column.name in seen:
            problems.append(
                Problem(
                    where=where,
                    column=shown,
                    value="",
                    reason=f"the column {column.name} stands twice",
                    reason_zh=f"列“{column.zh}”重复出现",
                )
            )
            continue
        seen[column.name] = shown
        matched.append((index, column, shown))
    for column in columns:
        if column.name in needed and column.name not in seen:
            problems.append(
                Problem(
                    where=where,
                    column=column.name,
                    value="",
                    reason=f"the column {column.name} ({column.zh}) is missing",
                    reason_zh=f"缺少列“{column.zh}”（{column.name}）",
                )
            )
    return Header(tuple(matched), tuple(unknown), tuple(problems), len(cells))


def _index(columns: Iterable[Column]) -> dict[str, Column]:
    """Columns by what a header may call them: in English, in Chinese, or both."""
    index: dict[str, Column] = {}
    for column in columns:
        for name in (column.name, column.zh, column.name + column.zh, column.zh + column.name):
            index[folded(name)] = column
    return index


def folded(cell: object) -> str:
    """A name without regard to width, case, spaces, hyphens and underscores."""
    if not isinstance(cell, str):
        return ""
    return re.sub(r"[\s_-]+", "", unicodedata.normalize("NFKC", cell).casefold())
