"""Exports of MIIT's public query: the JSON answers, as a browser or a tool saved them.

A file holds one answer, an array of answers, or one answer a line (``.jsonl``).  An answer may
stand in an object under ``body``, beside ``queried_at`` (ISO 8601): when MIIT was asked.  Rows
alone are read too; they do not say how many there are.  Nothing is fetched and nothing is stored.
"""

from __future__ import annotations

import math
import unicodedata
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Final

from gatekeeper.filing import Dated, Gap, MiitAnswer, MiitExport, MiitRow, Problem, Problems, Where
from gatekeeper.sources import field
from gatekeeper.sources.field import FieldError
from gatekeeper.sources.json_file import JsonFile
from gatekeeper.sources.table import TableError, read_bytes

MAX_BYTES: Final = 32 * 1024 * 1024
MAX_ROWS: Final = 100_000
MAX_ANSWERS: Final = 10_000
_MAX_DEPTH: Final = 4
"""Arrays and wrappers around one answer."""
_MAX_COUNT: Final = 10**9
_AHEAD: Final = timedelta(minutes=5)
"""How far another clock may be ahead of ours."""

_WRAPPER: Final = "body"
_QUERIED: Final = "queried_at"
_ENVELOPE: Final = frozenset({"params", "code", "success"})
_ROW: Final = frozenset({"serviceLicence", "mainLicence", "unitName", "domain"})
_RESTRICTED: Final = {"是": True, "否": False, "": None}
_JSON_LINES: Final = (".jsonl", ".ndjson")


@dataclass(frozen=True, slots=True, kw_only=True)
class MiitResult:
    """One file, read to its end."""

    export: MiitExport
    problems: tuple[Problem, ...] = ()
    more_problems: int = 0
    """Problems found beyond those that are kept."""


def read_miit(path: str | Path, *, at: datetime, given: bool, now: datetime) -> MiitResult:
    """Every answer of a file, and everything that is wrong in it; nothing is raised.

    Args:
        path: the file.
        at: when MIIT was asked, where the file does not say.
        given: whether somebody said so; else it is only assumed.
        now: no answer may be newer, but for a clock that is a little ahead.
    """
    reader = _Reader(str(path), Dated.GIVEN if given else Dated.ASSUMED, now)
    try:
        content = read_bytes(Path(path))
        if len(content) > MAX_BYTES:
            limit = MAX_BYTES // (1024 * 1024)
            raise TableError(
                0, f"larger than {limit} MB; split the file", f"文件超过 {limit} MB，请拆分"
            )
        if content.lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"<"):
            raise TableError(
                1,
                "is a web page, not JSON: MIIT asked for a captcha or refused; ask again and "
                "save the answer",
                "这是网页而非 JSON，可能是验证码或拦截页面；请重新查询并保存查询结果",
            )
        lines = Path(path).suffix.lower() in _JSON_LINES
        for item in JsonFile(content, lines=lines, wrapper="\x00").items():
            where = Where(file=str(path), line=item.line)
            for key in item.repeated:
                reader.problem(where, key, "", "stands twice in one object", "键在同一对象中重复")
            reader.take(item.value, where, at, 0)
    except TableError as error:
        reader.problems.add(error.problem(str(path)))
    return MiitResult(
        export=MiitExport(file=str(path), answers=tuple(reader.answers), gaps=tuple(reader.gaps)),
        problems=tuple(reader.problems.kept),
        more_problems=reader.problems.more,
    )


class _Reader:
    """Collects the answers of one file."""

    def __init__(self, file: str, dated: Dated, now: datetime) -> None:
        self.file, self.now = file, now
        self.problems = Problems()
        self.answers: list[MiitAnswer] = []
        self.gaps: list[Gap] = []
        self._dated = dated
        self._rows = self._pages = 0

    def take(self, value: Any, where: Where, at: datetime, depth: int) -> None:
        """One value: an answer, a row, or what holds some."""
        if depth > _MAX_DEPTH:
            raise TableError(where.line, "is nested too deeply", "JSON 嵌套层次过深")
        if isinstance(value, list):
            self._list(value, where, at, depth)
        elif isinstance(value, dict) and _WRAPPER in value:
            self._wrapped(value, where, at, depth)
        elif isinstance(value, dict) and value.keys() & _ENVELOPE:
            self._answer(value, where, at)
        elif isinstance(value, dict) and value.keys() & _ROW:
            self._loose([value], where, at)
        else:
            self.problem(
                where,
                "",
                _shown(value),
                "is no answer of MIIT's query: an object with code, success and params",
                "不是工信部备案查询结果：应为含 code、success、params 的对象",
            )

    def problem(self, where: Where, column: str, value: str, reason: str, zh: str) -> None:
        """Note something that cannot be read."""
        self.problems.add(
            Problem(where=where, column=column, value=value, reason=reason, reason_zh=zh)
        )

    def _list(self, values: list[Any], where: Where, at: datetime, depth: int) -> None:
        loose = []
        for value in values:
            plain = isinstance(value, dict) and not value.keys() & {*_ENVELOPE, _WRAPPER}
            if plain and value.keys() & _ROW:
                loose.append(value)
            else:
                self.take(value, where, at, depth + 1)
        if loose:
            self._loose(loose, where, at)

    def _wrapped(self, value: dict[str, Any], where: Where, at: datetime, depth: int) -> None:
        said = value.get(_QUERIED)
        before = self._dated
        if said is not None:
            try:
                if not isinstance(said, str):
                    raise FieldError("must be text in quotation marks", "应为带引号的文本")
                at = field.instant(said.strip())
            except FieldError as error:
                self.problem(where, _QUERIED, _shown(said), error.reason, error.reason_zh)
                return
            if at > self.now + _AHEAD:
                self.problem(where, _QUERIED, said, "lies in the future", "晚于当前时间")
                return
            self._dated = Dated.FILE
        self.take(value[_WRAPPER], where, at, depth + 1)
        self._dated = before

    def _answer(self, value: dict[str, Any], where: Where, at: datetime) -> None:
        code = value.get("code")
        if value.get("success") is False or str(code if code is not None else 200) != "200":
            said = value.get("msg")
            why = f"{code} {said}" if isinstance(said, str) else str(code)
            self._gap(
                where,
                f"MIIT answered with an error ({why[:200]}); ask again",
                f"工信部返回错误（{why[:200]}），请重新查询",
            )
            return
        params = value.get("params")
        if isinstance(params, dict) and "list" not in params and params.keys() & _ROW:
            self._loose([params], where, at)  # the detail of one APP
            return
        rows = params.get("list") if isinstance(params, dict) else None
        if not isinstance(params, dict) or not isinstance(rows, list):
            self.problem(
                where,
                "params.list",
                "",
                "holds no rows; save the answers of queryByCondition",
                "没有记录列表；请保存 queryByCondition 的查询结果",
            )
            return
        read = self._read(rows, where, at, "params.list")
        if "total" not in params or "pages" not in params:
            self._add(MiitAnswer(where=where, at=at, dated=self._dated, rows=read, counted=False))
            return
        counts = {
            key: self._count(params.get(key), where, key)
            for key in ("total", "pages", "pageNum", "pageSize")
        }
        self._add(
            MiitAnswer(
                where=where,
                at=at,
                dated=self._dated,
                rows=read,
                total=counts["total"],
                pages=counts["pages"],
                page=counts["pageNum"],
                page_size=counts["pageSize"],
                more=params.get("hasNextPage") is True,
            )
        )

    def _loose(self, rows: list[Any], where: Where, at: datetime) -> None:
        read = self._read(rows, where, at, "")
        self._add(MiitAnswer(where=where, at=at, dated=self._dated, rows=read, counted=False))

    def _add(self, answer: MiitAnswer) -> None:
        self._pages += answer.counted  # loose rows are bounded by their number
        if self._pages > MAX_ANSWERS:
            raise TableError(
                answer.where.line,
                f"holds more than {MAX_ANSWERS} answers; split the file",
                f"超过 {MAX_ANSWERS} 个查询结果，请拆分文件",
            )
        self.answers.append(answer)

    def _gap(self, where: Where, reason: str, reason_zh: str) -> None:
        if len(self.gaps) >= MAX_ANSWERS:
            raise TableError(
                where.line,
                f"holds more than {MAX_ANSWERS} error answers",
                f"超过 {MAX_ANSWERS} 个错误结果",
            )
        self.gaps.append(Gap(where, reason, reason_zh))

    def _read(self, rows: list[Any], where: Where, at: datetime, path: str) -> tuple[MiitRow, ...]:
        self._rows += len(rows)
        if self._rows > MAX_ROWS:
            raise TableError(
                where.line,
                f"holds more than {MAX_ROWS} rows; split the file",
                f"超过 {MAX_ROWS} 条记录，请拆分文件",
            )
        read = []
        for index, value in enumerate(rows):
            place = f"{path}[{index}]"
            if not isinstance(value, dict):
                self.problem(where, place, _shown(value), "is no row", "不是记录")
                continue
            row = self._row(value, where, place)
            if row is None:
                continue
            if row.approved_at is not None and row.approved_at > at + _AHEAD:
                self.problem(
                    where,
                    f"{place}.updateRecordTime",
                    _shown(value["updateRecordTime"]),
                    f"is later than the export ({at.isoformat(timespec='seconds')}); say when "
                    "MIIT was asked, by queried_at or --at",
                    f"晚于查询时间（{at.isoformat(timespec='seconds')}）；"
                    "请用 queried_at 或 --at 指明查询时间",
                )
            read.append(row)
            if not row.service_licence:
                self._gap(
                    where,
                    "shows a row without a number; ask for it again",
                    "有一条记录没有服务备案号，请重新查询",
                )
        return tuple(read)

    def _row(self, value: dict[str, Any], where: Where, place: str) -> MiitRow | None:
        texts = {}
        good = True
        for key in (
            "unitName",
            "mainLicence",
            "serviceLicence",
            "domain",
            "serviceName",
            "limitAccess",
            "updateRecordTime",
        ):
            try:
                texts[key] = _text(value.get(key))
            except FieldError as error:
                shown = _shown(value[key])
                self.problem(where, f"{place}.{key}", shown, error.reason, error.reason_zh)
                good = False
        if not good:
            return None
        approved_at = None
        access = unicodedata.normalize("NFKC", texts["limitAccess"])
        try:
            if texts["updateRecordTime"]:
                approved_at = field.instant(texts["updateRecordTime"])
        except FieldError as error:
            shown = texts["updateRecordTime"]
            self.problem(where, f"{place}.updateRecordTime", shown, error.reason, error.reason_zh)
            return None
        if access not in _RESTRICTED:
            self.problem(
                where, f"{place}.limitAccess", access, "is neither 是 nor 否", "应为“是”或“否”"
            )
            return None
        return MiitRow(
            unit_name=texts["unitName"],
            main_licence=texts["mainLicence"],
            service_licence=texts["serviceLicence"],
            domain=texts["domain"],
            service_name=texts["serviceName"],
            restricted=_RESTRICTED[access],
            approved_at=approved_at,
        )

    def _count(self, value: Any, where: Where, key: str) -> int:
        """A figure of the envelope; a tool may have written it as a float or as text."""
        if value is None:
            return 0
        number: int | None = None
        if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) < 11:
            number = int(value)
        elif isinstance(value, int) and not isinstance(value, bool):
            number = value
        elif isinstance(value, float) and math.isfinite(value) and value.is_integer():
            number = int(value)
        if number is None or not 0 <= number <= _MAX_COUNT:
            self.problem(where, f"params.{key}", _shown(value), "is no count", "不是有效的数目")
            return 0
        return number


def _text(value: Any) -> str:
    if value is None:
        return ""
    if not isinstance(value, str):
        raise FieldError("must be text in quotation marks", "应为带引号的文本")
    plain = value.strip()
    return field.text(plain) if plain else ""


def _shown(value: Any) -> str:
    """A value for a message, never walked to its depth."""
    if isinstance(value, dict):
        return "{…}"
    if isinstance(value, list):
        return "[…]"
    if isinstance(value, int) and not isinstance(value, bool) and value.bit_length() > 256:
        return "…"
    return str(value)
