"""``filings verify``: the register against MIIT's public query."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final, NamedTuple

from gatekeeper.filing import (
    LOOKUP_RULE,
    Difference,
    Doubt,
    Outcome,
    Point,
    Restriction,
    Shown,
    Verification,
    Verified,
)
from gatekeeper.gate import moment
from gatekeeper.report.records import Cell, Report, Table, clock

SCHEMA: Final = "gatekeeper/verification/1"


class Recorded(NamedTuple):
    """A restriction that could be recorded or lifted, and whether it was."""

    step: Restriction
    done: bool
    reason: str
    reason_zh: str


_TEXTS: Final[Mapping[Difference | Doubt, tuple[str, str]]] = {
    Difference.NOT_FOUND: (
        "MIIT shows neither the number {register} nor the domains of this filing",
        "工信部查询中没有备案号 {register}，也没有该备案的域名",
    ),
    Difference.OTHER_HOLDER: (
        "MIIT shows {miit} as the holder, the register {register}",
        "工信部显示的主办单位为 {miit}，备案库为 {register}",
    ),
    Difference.OTHER_NUMBER: (
        "MIIT shows the number {miit}, the register {register}",
        "工信部显示的备案号为 {miit}，备案库为 {register}",
    ),
    Difference.DOMAIN_OTHER_NUMBER: (
        "MIIT lists {domain} under {miit}, the register under {register}",
        "工信部将 {domain} 列于 {miit}，备案库列于 {register}",
    ),
    Difference.DOMAIN_NOT_FOUND: (
        "MIIT does not list {domain}, which the register has under {register}",
        "工信部查询中没有域名 {domain}，备案库列于 {register}",
    ),
    Difference.DOMAIN_NOT_IN_REGISTER: (
        "MIIT lists {domain} under this number, the register does not",
        "工信部在该备案号下列有 {domain}，备案库没有",
    ),
    Difference.RESTRICTED: (
        "MIIT shows 限制接入 and the register does not: record it with --record --by WHO",
        "工信部显示限制接入，备案库尚未登记；请用 --record --by 登记",
    ),
    Difference.RESTRICTION_LIFTED: (
        "MIIT no longer shows 限制接入: lift the recorded restriction with --record --by WHO",
        "工信部已不再显示限制接入；请用 --record --by 解除已登记的限制",
    ),
    Doubt.INCOMPLETE: (
        "not in these exports, which are not complete: nothing follows from that",
        "导出内容中没有，但导出不完整，不能据此得出结论",
    ),
    Doubt.OLDER_THAN_FILING: (
        "MIIT was asked before this filing's present content was approved: ask again",
        "查询时间早于该备案现有内容的通过时间，请重新查询",
    ),
    Doubt.OLDER_THAN_ORDER: (
        "MIIT was asked before the restriction was last recorded or lifted: ask again",
        "查询时间早于最近一次登记或解除限制的时间，请重新查询",
    ),
    Doubt.HOLDER_NOT_TOLD: (
        "MIIT's row names no holder: ask for its detail",
        "查询结果没有主办单位，请查询详情",
    ),
    Doubt.ACCESS_NOT_TOLD: (
        "MIIT's row does not say whether access is restricted: ask again",
        "查询结果没有说明是否限制接入，请重新查询",
    ),
}


def verification_report(
    found: Verification, *, at: datetime, recorded: Sequence[Recorded], lang: str
) -> Report:
    """Every filing with what differs; then what the exports do not tell, and what was recorded."""
    counts = {outcome: sum(one.outcome is outcome for one in found.filings) for outcome in Outcome}
    zh = lang == "zh"
    return Report(
        title="verification",
        document={
            "schema": SCHEMA,
            "rule": LOOKUP_RULE,
            "at": moment(at),
            "result": found.outcome.value,
            "summary": {
                "filings": len(found.filings),
                **{outcome.value: count for outcome, count in counts.items()},
                "unmatched_rows": found.unmatched,
            },
            "exports": [
                {
                    "file": export.file,
                    "answers": [
                        {
                            "line": answer.where.line,
                            "at": moment(answer.at),
                            "dated": answer.dated.value,
                            "rows": len(answer.rows),
                            "page": answer.page if answer.counted else None,
                            "pages": answer.pages if answer.counted else None,
                            "total": answer.total if answer.counted else None,
                        }
                        for answer in export.answers
                    ],
                }
                for export in found.exports
            ],
            "filings": [_record(one) for one in found.filings],
            "gaps": [
                {
                    "file": gap.where.file,
                    "line": gap.where.line,
                    "reason": gap.reason,
                    "reason_zh": gap.reason_zh,
                }
                for gap in found.gaps
            ],
            "recorded": [_recorded(one) for one in recorded],
        },
        tables=(
            Table(
                "verification",
                (
                    "filing_id",
                    "entity_name",
                    "service_licence",
                    "result",
                    "code",
                    "domain",
                    "message",
                ),
                [row for one in found.filings for row in _rows(one, lang)],
            ),
            Table(
                "gaps",
                ("file", "line", "reason"),
                [
                    (gap.where.file, gap.where.line, gap.reason_zh if zh else gap.reason)
                    for gap in found.gaps
                ],
            ),
            Table(
                "restrictions",
                ("filing_id", "result", "at", "file", "reason"),
                [
                    (
                        one.step.filing_id,
                        _change(one),
                        clock(one.step.decisive.at),
                        one.step.decisive.file,
                        one.reason_zh if zh else one.reason,
                    )
                    for one in recorded
                ],
            ),
        ),
        facts=(
            *((f"count_{outcome.value}", count) for outcome, count in counts.items()),
            ("unmatched_rows", found.unmatched),
        ),
        headless=("gaps", "restrictions"),
    )


def message(point: Point, lang: str) -> str:
    """One difference or doubt as a sentence."""
    text = _TEXTS[point.code][1 if lang == "zh" else 0].format(
        register=point.register or "—", miit=point.miit or "—", domain=point.domain
    )
    if point.code in (Doubt.INCOMPLETE, Doubt.OLDER_THAN_FILING):
        what = point.domain or point.register
        return f"{what}{'：' if lang == 'zh' else ': '}{text}" if what else text
    return text


def _record(one: Verified) -> dict[str, Any]:
    filing = one.filing
    return {
        "filing_id": filing.filing_id,
        "application_id": filing.application_id,
        "state": filing.state.value,
        "entity": filing.entity.name,
        "licence": filing.service.licence,
        "domains": list(filing.service.domains),
        "result": one.outcome.value,
        "restricted": one.restricted,
        "differences": [_point(point) for point in one.differences],
        "doubts": [_point(point) for point in one.doubts],
        "rows": [_shown(shown) for shown in one.rows],
    }


def _point(point: Point) -> dict[str, Any]:
    return {
        "code": point.code.value,
        "domain": point.domain or None,
        "register": point.register or None,
        "miit": point.miit or None,
        "message": message(point, "en"),
        "message_zh": message(point, "zh"),
    }


def _shown(shown: Shown) -> dict[str, Any]:
    row = shown.row
    return {
        "file": shown.file,
        "line": shown.line,
        "at": moment(shown.at),
        "unit_name": row.unit_name,
        "main_licence": row.main_licence,
        "service_licence": row.service_licence,
        "domain": row.domain or None,
        "service_name": row.service_name or None,
        "restricted": row.restricted,
        "approved_at": moment(row.approved_at),
    }


def _recorded(one: Recorded) -> dict[str, Any]:
    return {
        "filing_id": one.step.filing_id,
        "result": _change(one),
        "at": moment(one.step.decisive.at),
        "file": one.step.decisive.file,
        "reason": one.reason,
        "reason_zh": one.reason_zh,
    }


def _change(one: Recorded) -> str:
    if not one.done:
        return "withheld"
    return "placed" if one.step.place else "lifted"


def _rows(one: Verified, lang: str) -> list[tuple[Cell, ...]]:
    filing = one.filing
    start: tuple[Cell, ...] = (
        filing.filing_id,
        filing.entity.name,
        filing.service.licence,
    )
    points = [*one.differences, *one.doubts]
    if not points:
        return [(*start, one.outcome.value, None, None, None)]
    return [
        (
            *start,
            (Outcome.UNKNOWN if isinstance(point.code, Doubt) else Outcome.DIFFERENT).value,
            point.code.value,
            point.domain or None,
            message(point, lang),
        )
        for point in points
    ]
