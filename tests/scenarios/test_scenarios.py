"""Every scenario: the register and the accounts in, findings, decisions and the plan out.

``expect.findings`` and ``expect.plan`` are whole: a finding or an action that is not listed is an
error.  ``near`` names codes that the scenario comes close to without raising them.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from gatekeeper.gate import (
    CATALOGUE,
    Action,
    CreateGate,
    Narrow,
    RepairGate,
    SetGroups,
    plan_from_json,
)
from tests.scenarios.world import Scenario, load, rule_text, short

FOLDER = Path(__file__).parent
SCENARIOS = [one for path in sorted(FOLDER.glob("*.yaml")) for one in load(path)]


@pytest.mark.parametrize("scenario", [pytest.param(s, id=s.name) for s in SCENARIOS])
def test_scenario(scenario: Scenario) -> None:
    found, plan = scenario.run()
    expected = scenario.expected
    findings = sorted(
        f"{f.code} {short(f.endpoint) or f.filing_id or ''}".strip() for f in found.findings
    )
    assert findings == sorted(expected.get("findings", [])), [f.message for f in found.findings]
    for code in scenario.data.get("near", ()):
        assert code in CATALOGUE
        assert code not in {f.code for f in found.findings}
    if "decisions" in expected:
        decisions = {f"{short(d.endpoint)} {d.family}": str(d.verdict) for d in found.decisions}
        assert decisions == expected["decisions"], [d.reason for d in found.decisions]
    for text in expected.get("says", ()):
        said = [*(f.message for f in found.findings), *(d.reason for d in found.decisions)]
        assert any(text in one for one in said), (text, said)
    for text in expected.get("reasons", ()):
        assert any(text in action.reason for action in plan.actions), (text, plan.actions)
    for text in expected.get("no_reason", ()):
        assert not any(text in action.reason for action in plan.actions), (text, plan.actions)
    if "plan" in expected:
        assert [line for action in plan.actions for line in lines(action)] == expected["plan"]
        blocked = [f"{b.op} {short(b.endpoint) or b.group_id}" for b in plan.blocked]
        assert blocked == [text.partition(":")[0] for text in expected.get("blocked", [])]
        for one, text in zip(plan.blocked, expected.get("blocked", []), strict=True):
            assert text.partition(": ")[2] in one.reason
    if "belts" in expected:
        assert {"opens": plan.belts.opens, "closes": plan.belts.closes} == expected["belts"]
    assert plan_from_json(plan.to_json()).id == plan.id


def lines(action: Action) -> Iterator[str]:
    """An action as scenarios write it: one line, and one more for each rule of a narrowing."""
    if isinstance(action, SetGroups):
        shut = " shut" if getattr(action, "shut", False) else ""
        yield f"{action.op} {short(action.endpoint)} {action.family}{shut}"
    elif isinstance(action, Narrow):
        yield f"narrow {action.group_id} {' '.join(action.families)}"
        yield from (f"  - {rule_text(rule)}" for rule in action.removed)
        yield from (f"  + {rule_text(rule)}" for rule in action.added)
    elif isinstance(action, RepairGate):
        yield f"repair-gate {action.group_id}{' late' if action.late else ''}"
        yield from (f"  - {rule_text(rule)}" for rule in (*action.removed, *action.removed_egress))
        yield from (f"  + {rule_text(rule)}" for rule in action.added)
    else:
        assert isinstance(action, CreateGate)
        yield f"create-gate {action.target}"


def test_names_are_unique() -> None:
    names = [scenario.name for scenario in SCENARIOS]
    assert sorted(set(names)) == sorted(names)


#: Raised by ``filings watch``, which looks at names and pages: tests/unit/desk and tests/cli.
OUTSIDE = frozenset(
    {
        "after-footer",
        "domain-elsewhere",
        "domain-unresolved",
        "resolves-before-approval",
        "shell-filing",
    }
)


@pytest.mark.parametrize("code", sorted(CATALOGUE.keys() - OUTSIDE))
def test_every_code_is_seen_and_nearly_seen(code: str) -> None:
    raised = {text.split()[0] for one in SCENARIOS for text in one.expected.get("findings", ())}
    near = {text for one in SCENARIOS for text in one.data.get("near", ())}
    assert code in raised
    assert code in near


@pytest.mark.parametrize("scenario", [pytest.param(s, id=s.name) for s in SCENARIOS])
def test_every_word_is_filled_in(scenario: Scenario) -> None:
    """No finding shows an empty value or a raw placeholder, in either language."""
    found, plan = scenario.run()
    for one in found.findings:
        for text in (one.message, one.message_zh, one.remedy, one.remedy_zh):
            assert text
            assert "{" not in text
            assert "  " not in text
            assert "()" not in text
            assert "（）" not in text
    for decision in found.decisions:
        assert decision.reason
        assert decision.reason_zh
    for action in (*plan.actions, *plan.blocked):
        assert action.reason
        assert action.reason_zh
