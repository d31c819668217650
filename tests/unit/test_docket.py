"""The register and the memory in cases: each account gets its own, and nothing of others."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from gatekeeper.account import SeenAddress, SeenEndpoint
from gatekeeper.filing import (
    Access,
    Application,
    Entity,
    Kind,
    Row,
    Service,
    ServiceType,
    Status,
    Where,
    merge,
)
from gatekeeper.gate import AccountFilings
from gatekeeper.policy import default_policy
from gatekeeper.reconcile import Memory
from gatekeeper.store import open_store
from gatekeeper.survey import Docket

NOON = datetime(2026, 5, 4, 4, 0, tzinfo=UTC)
POLICY = default_policy()
NAMES = [f"{number:012}" for number in range(100, 240)]


@pytest.fixture
def store():
    with open_store("sqlite://") as opened:
        rows = []
        for number, name in enumerate(NAMES[:3]):
            application = Application(
                application_id=f"A{number}",
                filing_id=f"F{number}",
                kind=Kind.NEW,
                status=Status.APPROVED,
                status_at=NOON,
                entity=Entity(name="示例"),
                service=Service(
                    type=ServiceType.WEBSITE, licence=f"宁ICP备2026000001号-{number + 1}"
                ),
                access=Access(account_id=name, ips=(f"52.83.1.{number + 1}",)),
            )
            rows.append(Row(application=application, where=Where(file="f.csv", line=number + 2)))
        opened.commit_merge(merge({}, rows, now=NOON), actor="t", source="f", at=NOON)
        for name in NAMES:
            ip = f"52.83.2.{int(name) - 99}"
            opened.remember_addresses(name, [SeenAddress(ip, "eip", None)], at=NOON)
            opened.remember_endpoints(
                name, [SeenEndpoint("eni-1", "interface", "ipv4", (ip,))], at=NOON
            )
        opened.remember_findings(
            [
                {"key": f"code|{name}|x|y", "account_id": name, "code": "code"}
                for name in (*NAMES[:2], "")
            ],
            accounts=[*NAMES, ""],
            at=NOON,
        )
        yield opened


def test_each_account_gets_its_own_and_nothing_of_others(store):
    docket = Docket(store, POLICY, at=NOON)
    cases = list(docket.cases(reversed(NAMES)))
    assert [case.account_id for case in cases] == NAMES[::-1]
    for case in cases:
        name = case.account_id
        assert {key[0] for key in case.memory.addresses} == {name}
        assert {key[0] for key in case.memory.endpoints} == {name}
        assert set(case.memory.first_seen) == ({f"code|{name}|x|y"} if name in NAMES[:2] else set())
        assert [one.access.account_id for one in case.filings.filings] == (
            [name] if name in NAMES[:3] else []
        )
    assert len(docket.first_seen) == 3


def test_what_comes_from_files_remembers_nothing(store):
    [case] = Docket(store, POLICY, at=NOON, recorded=True).cases(NAMES[:1])
    assert case.memory == Memory()
    assert case.filings.in_effect
    [case] = Docket(None, POLICY, at=NOON).cases(["1"])
    assert case == ("1", AccountFilings("1"), Memory())
