"""Thousands of everything in one place: what grows with the square would take minutes here."""

from __future__ import annotations

import time
from typing import Any

from gatekeeper.filing import fold
from gatekeeper.gate import make_plan, plan_from_json
from gatekeeper.policy import default_policy
from gatekeeper.reconcile import Memory, reconcile
from tests.scenarios.world import HOME, NOW, REGION, application_of, memory_of, state_of

MANY = 6000


def timed(account: dict[str, Any], register: list[dict[str, Any]], memory: Memory) -> Any:
    applications = [application_of(0, one) for one in register]
    state = state_of(HOME, account)
    start = time.process_time()
    found = reconcile(
        fold(applications, at=NOW),
        [state],
        default_policy(),
        at=NOW,
        region=REGION,
        known_accounts=frozenset({HOME}),
        memory=memory,
    )
    plan = make_plan(found)
    assert plan_from_json(plan.to_json()).id == plan.id
    assert time.process_time() - start < 20
    return found, plan


def test_many_filings_on_one_address() -> None:
    """A hosting platform: all services of many entities behind one load balancer, one number."""
    account = {
        "groups": {"sg-1": ["tcp 443 0.0.0.0/0"]},
        "load_balancers": {"prod": {"groups": ["sg-1"], "ips": ["52.83.1.1", "52.83.1.2"]}},
    }
    register = [
        {
            "id": f"A{n}",
            "filing": f"F{n}",
            "entity": f"公司 {n % 900}",
            "licence": "宁ICP备2026000001号-1",
            "ips": ["52.83.1.1", "52.83.1.2"],
        }
        for n in range(MANY)
    ]
    found, _ = timed(account, register, Memory())
    codes = {finding.code for finding in found.findings}
    assert {"address-shared", "licence-duplicate", "closed-approved"} <= codes
    assert all(len(finding.message) < 400 for finding in found.findings)
    [decision] = found.decisions
    assert len(decision.filing_ids) == MANY
    assert len(decision.reason) < 200


def test_many_endpoints_behind_one_group_and_one_gate() -> None:
    account = {
        "groups": {
            "sg-1": ["tcp 443 0.0.0.0/0"],
            "sg-gate": {"name": "gatekeeper-gate", "ours": True, "rules": ["tcp 443 0.0.0.0/0"]},
        },
        "interfaces": {
            f"eni-{n}": {
                "groups": ["sg-gate", "sg-1"] if n % 2 else ["sg-gate"],
                "eips": [f"52.83.{n // 250}.{n % 250}"],
            }
            for n in range(MANY)
        },
    }
    _, plan = timed(account, [], Memory())
    assert plan.belts.closes == MANY
    assert all(len(action.reason) < 300 for action in plan.actions)


def test_many_remembered_endpoints_of_accounts_that_cannot_be_read() -> None:
    remembered = {f"eni-{n}": {"kind": "interface", "ips": ["52.83.1.1"]} for n in range(MANY)}
    account = {"status": "unreadable", "failed": ["DescribeVpcs"]}
    found, _ = timed(account, [], memory_of({"endpoints": remembered}))
    assert len(found.decisions) == MANY
