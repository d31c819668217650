"""One account at a time, in any order and in other processes, gives what all at once give."""

from __future__ import annotations

import json
import pickle
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import get_args

from hypothesis import given
from hypothesis import strategies as st

from gatekeeper.account import (
    AccountState,
    Address,
    Association,
    Failure,
    Interface,
    LoadBalancer,
    LoadBalancerType,
    ReadStatus,
    RememberedAddress,
    RememberedEndpoint,
    Rule,
    SecurityGroup,
    Vpc,
)
from gatekeeper.drift import snapshot
from gatekeeper.filing import (
    Access,
    Application,
    Entity,
    Kind,
    Order,
    OrderKind,
    Service,
    ServiceType,
    Status,
    fold,
)
from gatekeeper.gate import (
    AccountFilings,
    Direction,
    facts_of,
    filings_by_account,
    filings_of,
    gate_name,
    gate_rules,
    gate_tags,
    join_plans,
    make_plan,
)
from gatekeeper.policy import parse_policy
from gatekeeper.reconcile import Gathering, Memory, look_at, reconcile

ACCOUNTS = ("111122223333", "222233334444", "333344445555", "999988887777")
REGION = "cn-northwest-1"
NOW = datetime(2026, 6, 1, tzinfo=UTC)
POLICY = parse_policy(
    "exceptions: [{code: address-not-in-account, account_id: '222233334444', reason: known,"
    " until: 2027-01-01}, {code: exposed-unfiled, reason: known, until: 2027-01-01,"
    " account_id: '111122223333'}]"
)
IPS = (
    *(f"52.83.0.{n}" for n in range(1, 9)),
    "10.1.2.3",
    "54.222.1.1",
    "2406:da00:1::1",
)
FAMILY = {ip: "ipv6" if ":" in ip else "ipv4" for ip in IPS}

account_ids = st.sampled_from(ACCOUNTS)
some_ips = st.lists(st.sampled_from(IPS), min_size=1, max_size=4, unique=True).map(
    lambda found: tuple(sorted(found))
)
balancer_names = st.sampled_from(["", "", "", "shop", "gone"])
times = st.integers(0, 500).map(lambda hours: NOW - timedelta(hours=hours))


@st.composite
def applications(draw):
    number = draw(st.integers(0, 30))
    kind = draw(st.sampled_from([*([Kind.NEW] * 4), *Kind]))
    access = Access(
        account_id=draw(account_ids), load_balancer=draw(balancer_names), ips=draw(some_ips)
    )
    return Application(
        application_id=f"A{number:03}{draw(st.integers(0, 3))}",
        filing_id=f"F{draw(st.integers(0, 9))}",
        kind=kind,
        status=draw(st.sampled_from([Status.APPROVED] * 4 + [Status.BUREAU_REVIEW])),
        status_at=draw(times),
        entity=Entity(name=draw(st.sampled_from(["甲", "乙"]))),
        service=Service(
            type=ServiceType.WEBSITE,
            licence=draw(st.sampled_from(["", f"宁ICP备2026000001号-{number + 1}"])),
        ),
        access=Access() if kind.ends else access,
        review=draw(st.sampled_from(["", '{"a":1}'])),
    )


orders = st.builds(
    lambda filing, kind: Order(filing_id=filing, kind=kind, at=NOW, by="li", reason="r"),
    st.sampled_from([f"F{n}" for n in range(10)]),
    st.sampled_from(OrderKind),
)
registers = st.builds(
    partial(fold, at=NOW),
    st.lists(applications(), max_size=14, unique_by=lambda one: one.application_id),
    st.lists(orders, max_size=2, unique_by=lambda one: one.filing_id),
)


@st.composite
def states(draw, account_id):
    """An account with a few endpoints, some of them a load balancer's; now and then unread."""
    status = draw(st.sampled_from([*([ReadStatus.COMPLETE] * 4), *ReadStatus]))
    failures = ()
    if status is not ReadStatus.COMPLETE:
        failures = (Failure("DescribeVpcs", "AccessDenied", "no"),)
        if status is ReadStatus.UNREADABLE:
            return AccountState(
                account_id=account_id, region=REGION, status=status, failures=failures
            )
    wide = draw(st.booleans())
    rules = (Rule("tcp", 80, 80, "ipv4", "0.0.0.0/0"),) if wide else ()
    groups = {
        "sg-1": SecurityGroup("sg-1", "web", "vpc-1", account_id, rules),
        "sg-g": SecurityGroup(
            "sg-g", gate_name("ipv4"), "vpc-1", account_id, gate_rules("ipv4", POLICY),
            tuple(gate_tags(POLICY).items()),
        ),
    }  # fmt: skip
    held = st.sampled_from([("sg-1",), ("sg-1", "sg-g"), ("sg-g",), ("sg-x",)])
    interfaces, addresses = [], []
    ips = draw(st.lists(st.sampled_from(IPS), max_size=6, unique=True))
    balancer = draw(st.booleans())
    guard = draw(held)
    for number, ip in enumerate(ips):
        of_balancer = balancer and number < 2
        eip = not of_balancer and draw(st.booleans())
        interfaces.append(
            Interface(
                interface_id=f"eni-{number}",
                vpc_id="vpc-1",
                description="ELB app/shop/0123456789abcdef" if of_balancer else "",
                interface_type="interface",
                requester_managed=of_balancer,
                requester_id="amazon-elb" if of_balancer else "",
                group_ids=guard if of_balancer else draw(held),
                associations=()
                if FAMILY[ip] == "ipv6"
                else (Association(ip, "amazon-elb" if of_balancer else account_id),),
                ipv6=(ip,) if FAMILY[ip] == "ipv6" else (),
            )
        )
        if eip and FAMILY[ip] == "ipv4":
            allocation = f"eipalloc-{draw(st.integers(0, 1))}"
            addresses.append(Address(ip, allocation_id=allocation, interface_id=f"eni-{number}"))
    path = "app/shop/0123456789abcdef"
    arn = f"arn:aws-cn:elasticloadbalancing:{REGION}:{account_id}:loadbalancer/{path}"
    return AccountState(
        account_id=account_id,
        region=REGION,
        status=status,
        failures=failures,
        addresses=tuple(addresses),
        interfaces=tuple(interfaces),
        groups=groups,
        vpcs={"vpc-1": Vpc("vpc-1", ("10.0.0.0/16",))},
        load_balancers=(
            LoadBalancer(
                arn=arn,
                name="shop",
                dns_name="shop.elb.amazonaws.com.cn",
                type=LoadBalancerType.APPLICATION,
                scheme="internet-facing",
                vpc_id="vpc-1",
                group_ids=guard,
            ),
        )
        if balancer
        else (),
    )


@st.composite
def memories(draw):
    addresses = {
        (account, ip): RememberedAddress(ip, kind, allocation, NOW, seen)
        for account, ip, kind, allocation, seen in draw(
            st.lists(
                st.tuples(
                    account_ids,
                    st.sampled_from(IPS),
                    st.sampled_from(["eip", "elb", "auto"]),
                    st.sampled_from([None, "eipalloc-0"]),
                    times,
                ),
                max_size=6,
            )
        )
    }
    endpoints = {
        (account, name, "ipv4"): RememberedEndpoint("interface", ips, seen, opened, None, changed)
        for account, name, ips, seen, opened, changed in draw(
            st.lists(
                st.tuples(
                    account_ids,
                    st.sampled_from(["eni-0", "eni-1", "eni-9"]),
                    some_ips,
                    times,
                    st.none() | some_ips,
                    st.none() | times,
                ),
                max_size=5,
            )
        )
    }
    return Memory(addresses=addresses, endpoints=endpoints)


@st.composite
def worlds(draw):
    read = [draw(states(one)) for one in draw(st.sets(account_ids, min_size=1))]
    memory = draw(memories())
    return draw(registers), read, memory, draw(st.permutations(read))


def of_account(memory, account_id):
    return Memory(
        addresses={k: v for k, v in memory.addresses.items() if k[0] == account_id},
        endpoints={k: v for k, v in memory.endpoints.items() if k[0] == account_id},
        first_seen={k: v for k, v in memory.first_seen.items() if k.split("|")[1] == account_id},
    )


@given(worlds(), st.booleans(), st.sampled_from(get_args(Direction)))
def test_account_by_account_gives_what_all_at_once_give(world, limited, direction):
    register, read, memory, order = world
    known = frozenset(ACCOUNTS[:3])
    scope = frozenset(one.account_id for one in read) if limited else None
    frame = {"at": NOW, "region": REGION, "known_accounts": known, "scope": scope}
    first = reconcile(register, read, POLICY, memory=memory, **frame)
    seen = {one.key: NOW - timedelta(days=3) for one in first.findings[::2]}
    memory = Memory(addresses=memory.addresses, endpoints=memory.endpoints, first_seen=seen)
    whole = reconcile(register, read, POLICY, memory=memory, **frame)

    filings = filings_by_account(register)
    gathering = Gathering(register, POLICY, first_seen=seen, **frame)
    sightings = {}
    for state in order:
        mine = filings.get(state.account_id, AccountFilings(state.account_id))
        assert mine == filings_of(register, state.account_id)
        task = (state, mine, POLICY, of_account(memory, state.account_id), NOW)
        sighting = look_at(*pickle.loads(pickle.dumps(task)), plan=direction)
        sighting = pickle.loads(pickle.dumps(sighting))
        sightings[state.account_id] = sighting
        gathering.add(sighting)
    found = gathering.overview()

    assert found.findings == whole.findings
    assert found.muted == whole.muted
    assert found.decisions == whole.decisions
    assert found.complete == whole.complete
    assert join_plans(found) == make_plan(whole, direction=direction)
    assert [(r.account_id, r.status, r.failures) for r in found.readings] == [
        (r.account_id, r.status, r.failures) for r in whole.readings
    ]
    for account in whole.accounts:
        sighting = sightings[account.state.account_id]
        if account.state.complete:
            assert sighting.facts == facts_of(account, memory.endpoints)
            assert json.loads(sighting.snapshot) == snapshot(account)
            assert found.verified[sighting.account_id] == sighting.snapshot
        else:
            assert sighting.facts is None
            assert not sighting.snapshot
            assert sighting.account_id not in found.verified


@given(worlds())
def test_decisions_that_nobody_asks_for_are_still_counted(world):
    register, read, memory, _ = world
    frame = {"at": NOW, "region": REGION, "known_accounts": frozenset(ACCOUNTS)}
    whole = reconcile(register, read, POLICY, memory=memory, **frame)
    gathering = Gathering(register, POLICY, first_seen={}, decisions=False, **frame)
    for state in read:
        mine = filings_of(register, state.account_id)
        gathering.add(look_at(state, mine, POLICY, of_account(memory, state.account_id), NOW))
    found = gathering.overview()
    assert found.decisions == ()
    assert sum(found.verdicts.values()) == len(whole.decisions)
    assert found.complete == whole.complete
    assert found.findings == whole.findings
