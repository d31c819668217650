"""``filings watch``: what the public sees of each filing, then the findings."""

from __future__ import annotations

from collections import Counter
from typing import Any, Final

from gatekeeper.desk.watch import PublicLook
from gatekeeper.filing import Look, PageSeen, Resolution, Result, Seen, ShellNotice
from gatekeeper.gate import finding_record, moment
from gatekeeper.report.findings import findings_table
from gatekeeper.report.records import Cell, Report, Table, clock

SCHEMA: Final = "gatekeeper/public/1"
_COLUMNS = ("filing_id", "application_id", "check", "domain", "verdict", "message")


def public_report(found: PublicLook, *, lang: str) -> Report:
    """Every check, those that fail or are not told first of each filing."""
    counts = Counter(result.verdict for look in found.looks for result in look.results)
    return Report(
        title="public",
        document={
            "schema": SCHEMA,
            "at": moment(found.at),
            "filings": [_record(look, found) for look in found.looks],
            "findings": [finding_record(finding) for finding in found.findings],
            "summary": {
                "looked_at": len(found.looks),
                **{verdict.value: counts[verdict] for verdict in Seen},
            },
        },
        tables=(
            Table("public", _COLUMNS, [row for look in found.looks for row in _rows(look, lang)]),
            findings_table(found.findings, lang),
        ),
        facts=(
            ("at", clock(found.at)),
            ("count_looked_at", len(found.looks)),
            *((f"count_{verdict.value}", counts[verdict]) for verdict in Seen),
        ),
        headless=("findings",),
    )


def _record(look: Look, found: PublicLook) -> dict[str, Any]:
    subject = look.subject
    return {
        "filing_id": subject.filing_id,
        "application_id": subject.application_id,
        "account_id": subject.account_id,
        "in_effect": subject.approved,
        "entity": subject.entity.name,
        "licence": subject.service.licence,
        "domains": list(subject.service.domains),
        "filed_addresses": sorted(subject.addresses),
        "names": [_name(one) for one in look.seen],
        "pages": [_page(one) for one in look.pages],
        "results": [_result(one) for one in look.results],
        "notice": None if look.notice is None else _notice(look.notice, found),
    }


def _name(one: Resolution) -> dict[str, Any]:
    return {
        "name": one.name,
        "answer": one.answer.value,
        "addresses": list(one.addresses),
        "aliases": list(one.aliases),
        "reason": one.reason or None,
        "reason_zh": one.reason_zh or None,
    }


def _page(one: PageSeen) -> dict[str, Any]:
    return {
        "url": one.url,
        "read": one.page is not None,
        "reason": one.reason or None,
        "reason_zh": one.reason_zh or None,
    }


def _result(one: Result) -> dict[str, Any]:
    return {
        "rule": one.check,
        "code": one.code or None,
        "verdict": one.verdict.value,
        "domain": one.domain or None,
        "ips": list(one.ips),
        "application_id": one.application_id or None,
        "url": one.url or None,
        "message": one.message,
        "message_zh": one.message_zh,
    }


def _notice(notice: ShellNotice, found: PublicLook) -> dict[str, Any]:
    return {
        "province": notice.province.short,
        "published": notice.published.isoformat(),
        "until": notice.until.isoformat(),
        "days_left": notice.days_left(found.at),
        "reference": notice.reference or None,
    }


_ORDER: Final = {Seen.FAIL: 0, Seen.UNKNOWN: 1, Seen.ASK: 2, Seen.PASS: 3}


def _rows(look: Look, lang: str) -> list[tuple[Cell, ...]]:
    subject = look.subject
    return [
        (
            subject.filing_id,
            one.application_id or subject.application_id,
            one.check,
            one.domain or None,
            one.verdict.value,
            one.message_zh if lang == "zh" else one.message,
        )
        for one in sorted(look.results, key=lambda one: _ORDER[one.verdict])
    ]
