"""An apply over 1,000 groups: how many calls, of which kind, and how long without AWS's latency.

The account is the in-memory edge (``gatekeeper.testing``), so only gatekeeper's own time and its
journal on disk are measured; the calls are counted one by one.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path

from benches.measure import print_table
from gatekeeper.account import AccountState, Rule
from gatekeeper.apply import Tools, carry_out_plan
from gatekeeper.gate import JudgedAccount, make_plan
from gatekeeper.policy import default_policy
from gatekeeper.reconcile import reconcile
from gatekeeper.store import open_store
from gatekeeper.survey import read_register
from gatekeeper.testing import FakeAws

ACCOUNT = "111122223333"
REGION = "cn-northwest-1"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--groups", type=int, default=1000)


def run(arguments: argparse.Namespace) -> int:
    aws, policy = FakeAws(REGION), default_policy()
    account = aws.account(ACCOUNT)
    vpc = account.add_vpc("10.0.0.0/16")
    wide = Rule("tcp", 0, 65535, "ipv4", "0.0.0.0/0", "wide")
    for number in range(arguments.groups):
        group = account.create_group(vpc, f"web-{number}", rules=[wide])
        account.add_interface(vpc, [group], eips=[f"52.83.{number // 250}.{number % 250 + 1}"])
    with (
        tempfile.TemporaryDirectory() as folder,
        open_store(f"sqlite:///{Path(folder, 'bench.db')}") as store,
    ):
        register = read_register(store, policy, _now())

        def look(state: AccountState) -> JudgedAccount:
            found = reconcile(
                register,
                [state],
                policy,
                at=_now(),
                region=REGION,
                known_accounts=frozenset({ACCOUNT}),
            )
            return found.accounts[0]

        edge = aws.edge(ACCOUNT)
        found = reconcile(
            register,
            [edge.read_account()],
            policy,
            at=_now(),
            region=REGION,
            known_accounts=frozenset({ACCOUNT}),
        )
        plan = make_plan(found)
        aws.calls.clear()
        tools = Tools(
            store=store,
            policy=policy,
            edge_for=aws.edge,
            judge=look,
            clock=_now,
            sleep=time.sleep,
            actor="bench",
            keep=lambda _judged, _at: None,
            progress=lambda _outcome: None,
        )
        start = time.perf_counter()
        report = carry_out_plan(plan, tools, mark=store.register_mark())
        taken = time.perf_counter() - start
    results = Counter(str(outcome.result) for outcome in report.outcomes)
    changing = sum(call.changing for call in aws.calls)
    print(f"{len(plan.actions):,} actions in {taken:.1f} s: {dict(results)}")
    print(f"changing calls for each group: {changing / arguments.groups:.2f}\n")
    counted = Counter((call.operation, call.changing) for call in aws.calls)
    print_table(
        ("call", "changing", "times"),
        [
            (name, "yes" if changes else "", str(n))
            for (name, changes), n in sorted(counted.items())
        ],
    )
    return 0 if changing <= 2 * arguments.groups and results["done"] == len(plan.actions) else 1


def _now() -> datetime:
    return datetime.now(UTC)
