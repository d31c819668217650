"""Findings as SARIF 2.1.0, for whatever shows results of checks: one rule a finding code.

There is no file and no line in an AWS account; a result names its resource as a logical location.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final

from gatekeeper import __version__
from gatekeeper.gate import CATALOGUE, Entry, Severity
from gatekeeper.report.remembered import fingerprint, remembered_record, severity_of, subject_of
from gatekeeper.report.text import visible

if TYPE_CHECKING:
    from gatekeeper.store import RememberedFinding

_LEVELS: Final = {
    Severity.CRITICAL: "error",
    Severity.HIGH: "error",
    Severity.MEDIUM: "warning",
    Severity.LOW: "note",
    Severity.INFO: "note",
}
_SCORES: Final = {
    Severity.CRITICAL: "9.5",
    Severity.HIGH: "8.0",
    Severity.MEDIUM: "5.5",
    Severity.LOW: "3.0",
    Severity.INFO: "0.5",
}
"""What code scanning sorts by."""
_RULES: Final = {code: index for index, code in enumerate(CATALOGUE)}


def to_sarif(findings: Sequence[RememberedFinding]) -> dict[str, Any]:
    """One log with one run."""
    rules = [_rule(code, entry) for code, entry in CATALOGUE.items()]
    return log(rules, [_result(one) for one in findings])


def log(rules: Sequence[dict[str, Any]], results: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """One log with one run, from its rules and results."""
    return {
        "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
        "version": "2.1.0",
        "runs": [
            {
                "tool": {
                    "driver": {
                        "name": "gatekeeper",
                        "version": __version__,
                        "rules": list(rules),
                    }
                },
                "columnKind": "unicodeCodePoints",
                "results": list(results),
            }
        ],
    }


def _rule(code: str, entry: Entry) -> dict[str, Any]:
    return {
        "id": code,
        "name": "".join(part.capitalize() for part in code.split("-")),
        "shortDescription": {"text": code.replace("-", " ")},
        "fullDescription": {"text": plain(entry.message)},
        "help": {"text": plain(f"{entry.remedy} / {entry.remedy_zh}")},
        "defaultConfiguration": {"level": _LEVELS[entry.severity]},
        "properties": {"security-severity": _SCORES[entry.severity], "tags": ["security", "icp"]},
    }


def _result(one: RememberedFinding) -> dict[str, Any]:
    severity, code = severity_of(one), one.data["code"]
    passed = one.resolved_at is not None
    result: dict[str, Any] = {
        "ruleId": code,
        # SARIF 3.27.10: a result that does not fail has no level.
        "kind": "pass" if passed else "fail",
        "level": "none" if passed else _LEVELS[severity],
        "message": {"text": plain(one.data["message"])},
        "locations": [{"logicalLocations": [_where(one)]}],
        "partialFingerprints": {"gatekeeperFinding/v1": fingerprint(one)},
        "properties": {**remembered_record(one), "security-severity": _SCORES[severity]},
    }
    if code in _RULES:
        result["ruleIndex"] = _RULES[code]
    return result


def _where(one: RememberedFinding) -> dict[str, str]:
    account = str(one.data.get("account_id") or "")
    name = str(one.data.get("endpoint") or "") or subject_of(one) or account or one.data["code"]
    full = f"{account}/{name}" if account and name != account else name
    return {"name": visible(name), "fullyQualifiedName": visible(full), "kind": "resource"}


def plain(text: str) -> str:
    """Text that no reader takes for a link or a placeholder (SARIF 3.11.5, 3.11.6)."""
    shown = visible(text).replace("\\", "\\\\").replace("[", "\\[").replace("]", "\\]")
    return shown.replace("{", "{{").replace("}", "}}")
