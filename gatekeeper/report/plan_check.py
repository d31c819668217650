"""What a plan would open, for people, for programs and for code scanning."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Any, Final, NamedTuple

from gatekeeper.report.records import Report, Table, several
from gatekeeper.report.sarif import log, plain
from gatekeeper.report.text import to_json, visible
from gatekeeper.stacks.check import Note, PlanCheck, Violation

SCHEMA: Final = "gatekeeper/plan-check/1"


class _Rule(NamedTuple):
    """One kind of result in SARIF."""

    code: str
    level: str
    score: str
    text: str
    help: str


_RULES: Final = (
    _Rule(
        "plan-opens-unfiled",
        "error",
        "8.0",
        "the plan opens a gated port to the Internet beyond the decisions",
        "Have the endpoint's addresses filed, or close the rule. / 请先完成备案，或关闭该规则。",
    ),
    _Rule(
        "plan-not-judged",
        "error",
        "5.5",
        "a part of the plan cannot be judged",
        "Give plain values, or apply what they come from first. / 请使用明文值，或先执行其依赖。",
    ),
    _Rule(
        "plan-warning",
        "warning",
        "3.0",
        "the plan does something that is easily misread",
        "Read the message. / 请阅读说明。",
    ),
)


def plan_check_text(found: PlanCheck, *, form: str, name: str, lang: str) -> str:
    """A check as ``table``, ``json`` or ``sarif``; ``name`` is what was checked."""
    if form == "json":
        return to_json(plan_check_document(found)) + "\n"
    if form == "sarif":
        return to_json(plan_check_sarif(found, name=name)) + "\n"
    from gatekeeper.report.table import as_table

    return as_table(plan_check_report(found, lang), lang)


def plan_check_document(found: PlanCheck) -> dict[str, Any]:
    """plan-check/1 (DESIGN §14)."""
    return {
        "schema": SCHEMA,
        "source": found.source,
        "violations": [
            {
                "resource": one.resource,
                "protocol": one.protocol,
                "ports": list(one.ports),
                "sources": list(one.sources),
                "reason": one.reason,
                "reason_zh": one.reason_zh,
            }
            for one in found.violations
        ],
        "not_judged": [one._asdict() for one in found.not_judged],
        "warnings": [one._asdict() for one in found.warnings],
    }


def plan_check_report(found: PlanCheck, lang: str) -> Report:
    """Three tables: violations, what could not be judged, warnings."""
    return Report(
        title="plan_check",
        document=plan_check_document(found),
        tables=(
            Table(
                "violations",
                ("resource", "protocol", "ports", "sources", "reason"),
                [
                    (
                        one.resource,
                        one.protocol,
                        several(one.ports),
                        several(one.sources),
                        one.reason_zh if lang == "zh" else one.reason,
                    )
                    for one in found.violations
                ],
            ),
            _notes("not_judged", found.not_judged, lang),
            _notes("warnings", found.warnings, lang),
        ),
        facts=(("source", found.source),),
        headless=("not_judged", "warnings"),
    )


def summary(found: PlanCheck, *, name: str, lang: str) -> str:
    """The check on one line, for a log."""
    violations, unknown = len(found.violations), len(found.not_judged)
    warned = len(found.warnings)
    if lang == "zh":
        said = {0: "通过", 3: "不通过"}.get(found.exit_status, "无法判断")
        return (
            f"{name}（{found.source}）：{said}，违规 {violations}，无法判断 {unknown}，"
            f"提示 {warned}，资源 {found.resources}"
        )
    said = {0: "passed", 3: "failed"}.get(found.exit_status, "not judged")
    return (
        f"{name} ({found.source}): {said}; {violations} violations, {unknown} not judged,"
        f" {warned} warnings, {found.resources} resources"
    )


def plan_check_sarif(found: PlanCheck, *, name: str) -> dict[str, Any]:
    """SARIF 2.1.0: a resource is a logical location, the plan the artifact."""
    results = [
        *(_violation(one, name) for one in found.violations),
        *(_result(1, one, name) for one in found.not_judged),
        *(_result(2, one, name) for one in found.warnings),
    ]
    return log([_described(rule) for rule in _RULES], results)


def _described(rule: _Rule) -> dict[str, Any]:
    return {
        "id": rule.code,
        "name": "".join(part.capitalize() for part in rule.code.split("-")),
        "shortDescription": {"text": rule.code.replace("-", " ")},
        "fullDescription": {"text": rule.text},
        "help": {"text": rule.help},
        "defaultConfiguration": {"level": rule.level},
        "properties": {"security-severity": rule.score, "tags": ["security", "icp"]},
    }


def _violation(one: Violation, name: str) -> dict[str, Any]:
    note = Note(one.resource, one.reason, one.reason_zh)
    more = {"protocol": one.protocol, "ports": list(one.ports), "sources": list(one.sources)}
    return _result(0, note, name, more)


def _result(index: int, one: Note, name: str, more: dict[str, Any] | None = None) -> dict[str, Any]:
    rule = _RULES[index]
    seed = f"{rule.code}\x1f{one.resource}\x1f{one.reason}"
    return {
        "ruleId": rule.code,
        "ruleIndex": index,
        "kind": "fail",
        "level": rule.level,
        "message": {"text": plain(f"{one.resource} {one.reason}")},
        "locations": [
            {
                "physicalLocation": {"artifactLocation": {"uri": _uri(name)}},
                "logicalLocations": [
                    {
                        "name": visible(one.resource.rpartition("::")[2]),
                        "fullyQualifiedName": visible(one.resource),
                        "kind": "resource",
                    }
                ],
            }
        ],
        "partialFingerprints": {
            "gatekeeperPlan/v1": hashlib.sha256(seed.encode("utf-8", "replace")).hexdigest()
        },
        "properties": {
            "reason_zh": one.reason_zh,
            **(more or {}),
            "security-severity": rule.score,
        },
    }


def _uri(name: str) -> str:
    """A file name as a relative URI reference (RFC 3986); absolute paths stay file URIs."""
    from urllib.parse import quote

    plain_name = name.replace("\\", "/")
    return ("file://" if plain_name.startswith("/") else "") + quote(
        plain_name, safe="/", errors="replace"
    )


def _notes(table: str, notes: Sequence[Note], lang: str) -> Table:
    return Table(
        table,
        ("resource", "reason"),
        [(one.resource, one.reason_zh if lang == "zh" else one.reason) for one in notes],
    )
