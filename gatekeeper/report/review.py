"""The review: the reply to the customer, and every rule."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from gatekeeper.filing.review import AttachmentKind, Material, Result, Review, Rule, Verdict
from gatekeeper.filing.review.words import chinese_of
from gatekeeper.report.records import Cell, Report, Table

_QUIET: Final = frozenset({Verdict.PASS, Verdict.NOT_APPLICABLE})
_COLUMNS: Final = ("application_id", "verdict", "rule", "field", "message", "remedy", "source")
_CHECKLIST: Final = ("application_id", "material", "needed", "present", "why")
_SUMMARY: Final = ("application_id", "verdict", "fails", "warns", "asks", "unknowns")
_RULES: Final = ("rule", "area", "how", "level", "text", "source")


def review_report(reviews: Sequence[Review], *, single: bool, full: bool, lang: str) -> Report:
    """``filings review``.

    Args:
        reviews: one an application, in the order of the file.
        single: whether one application was asked about; then the document is its review alone.
        full: list the rules that hold, and those that do not apply, for people too.
        lang: of the tables; the document has both languages.
    """
    documents = [review_document(one) for one in reviews]
    document: Mapping[str, Any] = (
        documents[0] if single else {"schema": "gatekeeper/reviews/1", "reviews": documents}
    )
    shown = [
        _result_row(one, result, lang)
        for one in reviews
        for result in one.results
        if full or result.verdict not in _QUIET
    ]
    materials = [
        _material_row(one, material, lang)
        for one in reviews
        for material in one.checklist
        if full or material.needed or material.present
    ]
    narrow = frozenset({"source"} | ({"application_id"} if single else set()))
    tables = [
        Table("to_mend", _COLUMNS, shown, wide=narrow),
        Table("checklist", _CHECKLIST, materials, wide=narrow - {"source"}),
    ]
    if not single:
        tables.append(Table("reviews", _SUMMARY, [_summary_row(one) for one in reviews]))
    facts: tuple[tuple[str, Cell], ...] = ()
    if single:
        [one] = reviews
        facts = (
            ("application_id", one.application_id or None),
            ("provider", one.provider),
            ("verdict", _verdict_word(one.verdict, lang)),
        )
    return Report(
        title="review" if single else "reviews",
        document=document,
        tables=tuple(tables),
        facts=facts,
        headless=("to_mend",),
    )


def review_document(one: Review) -> dict[str, Any]:
    """One review as JSON (DESIGN §12)."""
    return {
        "schema": "gatekeeper/review/1",
        "application_id": one.application_id,
        "filing_id": one.filing_id,
        "provider": one.provider,
        "verdict": one.verdict.value,
        "results": [
            {
                "rule": result.rule,
                "verdict": result.verdict.value,
                "field": result.field,
                "message": result.message,
                "message_zh": result.message_zh,
                "remedy": result.remedy,
                "remedy_zh": result.remedy_zh,
                "source": result.source,
            }
            for result in one.results
        ],
        "checklist": [
            {
                "kind": material.kind,
                "needed": material.needed,
                "present": material.present,
                "why": material.why,
                "why_zh": material.why_zh,
            }
            for material in one.checklist
        ],
    }


def rules_report(rules: Iterable[Rule], levels: Mapping[str, str], *, lang: str) -> Report:
    """``filings rules``: every rule, with the level that the provider's file gives it."""
    found = list(rules)
    chinese = lang == "zh"
    return Report(
        title="rules",
        document={
            "schema": "gatekeeper/rules/1",
            "rules": [
                {
                    "id": one.id,
                    "area": one.area.value,
                    "kind": one.how.value,
                    "level": levels[one.id],
                    "source": one.sources,
                    "text": one.text,
                    "text_zh": one.text_zh,
                    "remedy": one.remedy,
                    "remedy_zh": one.remedy_zh,
                    "applications": sorted(kind.value for kind in one.kinds),
                    "services": sorted(kind.value for kind in one.services),
                }
                for one in found
            ],
        },
        tables=(
            Table(
                "rules",
                _RULES,
                [
                    (
                        one.id,
                        one.area.value,
                        one.how.value,
                        levels[one.id],
                        one.text_zh if chinese else one.text,
                        one.sources,
                    )
                    for one in found
                ],
            ),
        ),
    )


def _result_row(one: Review, result: Result, lang: str) -> tuple[Cell, ...]:
    chinese = lang == "zh"
    return (
        one.application_id,
        result.verdict.value,
        result.rule,
        result.field,
        result.message_zh if chinese else result.message,
        result.remedy_zh if chinese else result.remedy,
        result.source,
    )


def _material_row(one: Review, material: Material, lang: str) -> tuple[Cell, ...]:
    chinese = lang == "zh"
    return (
        one.application_id,
        chinese_of(AttachmentKind(material.kind)) if chinese else material.kind,
        "yes" if material.needed else "no",
        "yes" if material.present else "no",
        material.why_zh if chinese else material.why,
    )


def _summary_row(one: Review) -> tuple[Cell, ...]:
    counts = (len(one.of(verdict)) for verdict in _COUNTED)
    return (one.application_id, one.verdict.value, *counts)


_COUNTED: Final = (Verdict.FAIL, Verdict.WARN, Verdict.ASK, Verdict.UNKNOWN)


def _verdict_word(verdict: Verdict, lang: str) -> str:
    from gatekeeper.report.words import word

    return word(f"verdict.{verdict.value}", lang)
