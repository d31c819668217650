"""Exposure, decisions and narrowing in one process, on values built before the clock starts."""

from __future__ import annotations

import argparse
import gc
import random
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime
from ipaddress import IPv4Address
from statistics import median

from benches.measure import print_table
from gatekeeper.account import (
    AccountState,
    Address,
    Association,
    Interface,
    Rule,
    SecurityGroup,
    Vpc,
)
from gatekeeper.filing import Access, Entity, Filing, FilingState, Register, Service
from gatekeeper.gate import Internet, make_plan, narrow
from gatekeeper.policy import default_policy
from gatekeeper.reconcile import Memory, judge, reconcile

AT = datetime(2026, 6, 1, tzinfo=UTC)
ACCOUNT, REGION = "111122223333", "cn-northwest-1"
PORTS = (22, 80, 443, 3306, 5432, 6379, 8080, 8443, 9090, 9200)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--endpoints", type=int, default=100_000)
    parser.add_argument("--rules", type=int, default=1_000_000)
    parser.add_argument("--runs", type=int, default=3, help="of each (default 3)")
    parser.add_argument("--at-most", type=float, metavar="SECONDS", help="fail beyond this")


def run(arguments: argparse.Namespace) -> int:
    state = large_account(arguments.endpoints, arguments.rules)
    register = half_filed(state)
    policy = default_policy()
    rules = sum(len(group.rules) for group in state.groups.values())
    gc.collect()
    gc.disable()  # as one command does
    print(
        f"{len(state.interfaces):,} endpoints, {len(state.groups):,} groups, {rules:,} rules,"
        f" {len(register.filings):,} filings; the best and the median of {arguments.runs}\n"
    )

    def whole() -> None:
        found = reconcile(
            register, [state], policy, at=AT, region=REGION, known_accounts=frozenset({ACCOUNT})
        )
        make_plan(found)

    def floor() -> int:
        """Rules that any tool must at least look at: protocol, ports, and a source as a network."""
        wide = 0
        for group in state.groups.values():
            for rule in group.rules:
                if rule.protocol in ("tcp", "6", "-1") and rule.kind in ("ipv4", "ipv6"):
                    low, high = rule.from_port, rule.to_port
                    for port in (80, 443, 8080):
                        if low is None or high is None or low <= port <= high:
                            wide += rule.source in ("0.0.0.0/0", "::/0")
        return wide

    steps: dict[str, Callable[[], object]] = {
        "a plain loop over the rules": floor,
        "exposure and decisions": lambda: judge(state, register, policy, Memory(), AT),
        "reconcile and plan": whole,
    }
    taken = {name: seconds(step, arguments.runs) for name, step in steps.items()}
    loop = min(taken["a plain loop over the rules"])
    print_table(
        ("", "best s", "median s", "of the loop"),
        [
            (name, f"{min(all_):.2f}", f"{median(all_):.2f}", f"{min(all_) / loop:.1f}")
            for name, all_ in taken.items()
        ],
    )
    print()
    print_table(("narrowing", "ms", "rules added"), list(narrowings()))
    best = min(taken["exposure and decisions"])
    if arguments.at_most is not None and best > arguments.at_most:
        print(f"\nbeyond {arguments.at_most} s", file=sys.stderr)
        return 1
    return 0


def seconds(step: Callable[[], object], runs: int) -> list[float]:
    """Seconds of the processor that a step takes, each time."""
    taken = []
    for _ in range(runs):
        start = time.process_time()
        kept = step()
        taken.append(time.process_time() - start)
        del kept
        gc.collect()
    return taken


# values -----------------------------------------------------------------------------------------


def large_account(endpoints: int, rules: int, *, seed: int = 11) -> AccountState:
    """An account whose endpoints each hold two of many groups; a few rules expose."""
    draw = random.Random(seed)
    vpcs = [f"vpc-{n}" for n in range(20)]
    count = max(len(vpcs), rules // 25)
    groups = {f"sg-{n:06d}": _group(n, vpcs, rules, count, draw) for n in range(count)}
    by_vpc: dict[str, list[str]] = {}
    for group in groups.values():
        by_vpc.setdefault(group.vpc_id, []).append(group.group_id)
    interfaces = []
    addresses = []
    first = int(IPv4Address("52.82.0.0"))
    for n in range(endpoints):
        vpc = vpcs[n % len(vpcs)]
        ip, name = str(IPv4Address(first + n)), f"eni-{n:06d}"
        interfaces.append(
            Interface(
                interface_id=name,
                vpc_id=vpc,
                description="",
                interface_type="interface",
                requester_managed=False,
                requester_id="",
                group_ids=tuple(draw.sample(by_vpc[vpc], 2)),
                associations=(Association(ip, ACCOUNT, f"eipalloc-{n}"),),
                instance_id=f"i-{n}",
            )
        )
        addresses.append(Address(ip, f"eipalloc-{n}", f"eipassoc-{n}", name))
    return AccountState(
        account_id=ACCOUNT,
        region=REGION,
        addresses=tuple(addresses),
        interfaces=tuple(interfaces),
        groups=groups,
        vpcs={vpc: Vpc(vpc, ("10.0.0.0/16",)) for vpc in vpcs},
    )


def _group(n: int, vpcs: list[str], rules: int, count: int, draw: random.Random) -> SecurityGroup:
    size = rules // count + (n < rules % count)
    made = {_rule(draw): None for _ in range(size)}
    while len(made) < size:
        made[_rule(draw)] = None
    return SecurityGroup(f"sg-{n:06d}", f"group {n}", vpcs[n % len(vpcs)], ACCOUNT, tuple(made))


def _rule(draw: random.Random) -> Rule:
    port = draw.choice(PORTS)
    chance = draw.random()
    if chance < 0.02:
        return Rule("tcp", port, port, "ipv4", "0.0.0.0/0")
    if chance < 0.03:
        return Rule("-1", None, None, "ipv4", f"10.{draw.randrange(256)}.0.0/16")
    if chance < 0.10:
        return Rule("tcp", port, port, "group", f"sg-{draw.randrange(1000):06d}")
    if chance < 0.15:
        return Rule("tcp", port, port, "ipv6", f"fd00:{draw.randrange(9999):x}::/32")
    block = f"10.{draw.randrange(256)}.{draw.randrange(256)}.0/24"
    return Rule("tcp", port, port, "ipv4", block, "office")


def half_filed(state: AccountState) -> Register:
    """A register in which every other endpoint is filed."""
    return Register(
        filings=tuple(
            Filing(
                filing_id=f"F{n}",
                state=FilingState.IN_EFFECT,
                entity=Entity(name=f"entity {n}"),
                service=Service(),
                access=Access(account_id=ACCOUNT, ips=(address.public_ip,)),
                application_id=f"A{n}",
                since=AT,
            )
            for n, address in enumerate(state.addresses)
            if n % 2
        ),
        pending=(),
        issues=(),
        version="bench",
    )


# narrowing --------------------------------------------------------------------------------------

TYPICAL = {
    "one wide rule": [Rule("tcp", 0, 65535, "ipv4", "0.0.0.0/0")],
    "one port": [Rule("tcp", 443, 443, "ipv4", "0.0.0.0/0")],
    "-1 in both families": [
        Rule("-1", None, None, "ipv4", "0.0.0.0/0"),
        Rule("-1", None, None, "ipv6", "::/0"),
    ],
    "twenty rules": [
        Rule("tcp", 80, 80, "ipv4", "0.0.0.0/0", "web"),
        Rule("tcp", 443, 443, "ipv4", "0.0.0.0/0", "web"),
        Rule("tcp", 8000, 9000, "ipv4", "0.0.0.0/0", "apps"),
        Rule("tcp", 443, 443, "ipv6", "::/0", "web"),
        *(Rule("tcp", 443, 443, "ipv4", f"58.{n}.0.0/16", f"partner {n}") for n in range(8)),
        *(Rule("tcp", 22, 22, "ipv4", f"10.{n}.0.0/16", f"office {n}") for n in range(8)),
    ],
}


def narrowings(times: int = 40) -> list[tuple[str, str, str]]:
    """Milliseconds to narrow a group; no group comes twice, so that nothing is remembered."""
    policy = default_policy()
    rows = []
    for name, rules in TYPICAL.items():
        taken = []
        added = 0
        for n in range(times):
            internet = Internet.of(policy, AT, (f"10.{n}.0.0/16", f"52.{n}.0.0/20"))
            internet.sources("ipv4")  # a VPC's groups share it
            group = SecurityGroup("sg-1", "web", "vpc-1", ACCOUNT, tuple(rules))
            entries: dict[str, dict[str, tuple[tuple[int, int], ...]]] = {"ipv4": {}, "ipv6": {}}
            start = time.perf_counter()
            found = narrow(group, ("ipv4", "ipv6"), internet, policy, entries)
            taken.append(time.perf_counter() - start)
            added = len(found.added)
        rows.append((name, f"{median(taken) * 1000:.2f}", str(added)))
    return rows
