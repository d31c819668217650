"""What one look leaves to the next: address sets that change, findings that come and go."""

from __future__ import annotations

import sqlite3
from datetime import UTC, datetime, timedelta

import pytest

from gatekeeper.account import (
    AccountState,
    Association,
    Failure,
    Interface,
    LoadBalancer,
    LoadBalancerType,
    SecurityGroup,
    SeenAddress,
    SeenEndpoint,
    Vpc,
    unreadable,
)
from gatekeeper.audit import audit, keep, since
from gatekeeper.filing import (
    Access,
    Application,
    Entity,
    FilingState,
    Kind,
    Order,
    OrderKind,
    Row,
    Service,
    ServiceType,
    Status,
    Where,
    merge,
)
from gatekeeper.gate import Facts, gate_name, gate_rules, gate_tags
from gatekeeper.policy import default_policy, parse_policy
from gatekeeper.store import open_store
from gatekeeper.survey import (
    read_register,
    register_version,
    remember,
    remember_several,
    survey,
)

ACCOUNT, OTHER = "111122223333", "444455556666"
REGION = "cn-northwest-1"
ARN = f"arn:aws-cn:elasticloadbalancing:{REGION}:{ACCOUNT}:loadbalancer/app/shop/0123456789abcdef"
POLICY = default_policy()
NOON = datetime(2026, 5, 4, 4, 0, tzinfo=UTC)
HOUR = timedelta(hours=1)
OLD, NEW = ("52.83.1.2", "52.83.1.3"), ("52.83.1.2", "52.83.1.9")


@pytest.fixture
def store():
    with open_store("sqlite://") as opened:
        file(opened, OLD)
        yield opened


def file(store, ips, *, number="A1", kind=Kind.NEW, at=NOON - timedelta(days=9)):
    application = Application(
        application_id=number,
        filing_id="F1",
        kind=kind,
        status=Status.APPROVED,
        status_at=at,
        entity=Entity(name="示例"),
        service=Service(type=ServiceType.WEBSITE, licence="宁ICP备2026000001号-1"),
        access=Access(account_id=ACCOUNT, load_balancer="shop", ips=ips),
    )
    row = Row(application=application, where=Where(file="f.csv", line=2))
    store.commit_merge(merge({}, [row], now=max(at, NOON)), actor="t", source="f", at=NOON)


def balancer(ips, *, gate=True):
    """A load balancer with these addresses, and the gate on it or not."""
    family = "ipv4"
    groups = {
        "sg-gate": SecurityGroup(
            group_id="sg-gate",
            name=gate_name(family),
            vpc_id="vpc-1",
            owner_id=ACCOUNT,
            rules=gate_rules(family, POLICY),
            tags=tuple(gate_tags(POLICY).items()),
        ),
        "sg-plain": SecurityGroup("sg-plain", "plain", "vpc-1", ACCOUNT, ()),
    }
    held = ("sg-gate", "sg-plain") if gate else ("sg-plain",)
    return AccountState(
        account_id=ACCOUNT,
        region=REGION,
        interfaces=tuple(
            Interface(
                interface_id=f"eni-{number}",
                vpc_id="vpc-1",
                description="ELB app/shop/0123456789abcdef",
                interface_type="interface",
                requester_managed=True,
                requester_id="amazon-elb",
                group_ids=held,
                associations=(Association(ip, "amazon-elb"),),
            )
            for number, ip in enumerate(ips)
        ),
        groups=groups,
        vpcs={"vpc-1": Vpc("vpc-1", ("10.0.0.0/16",))},
        load_balancers=(
            LoadBalancer(
                arn=ARN,
                name="shop",
                dns_name="shop.elb.amazonaws.com.cn",
                type=LoadBalancerType.APPLICATION,
                scheme="internet-facing",
                vpc_id="vpc-1",
                group_ids=held,
            ),
        ),
    )


def look(store, state, at, policy=POLICY, **more):
    found = survey(store, [state], policy, at=at, region=REGION, known=frozenset({ACCOUNT}), **more)
    if not more.get("recorded"):
        remember(store, found)
    return found


def verdict(found):
    [decision] = found.decisions
    return decision.verdict.value


def test_a_changed_set_is_held_from_its_first_sight_and_no_longer(store):
    assert verdict(look(store, balancer(OLD), NOON)) == "open"
    changed = NOON + HOUR
    assert verdict(look(store, balancer(NEW), changed)) == "hold"
    for hours, expected in ((1, "hold"), (71, "hold"), (72, "closed"), (100, "closed")):
        assert verdict(look(store, balancer(NEW), changed + hours * HOUR)) == expected


def test_a_set_that_comes_back_starts_anew(store):
    look(store, balancer(OLD), NOON)
    look(store, balancer(NEW), NOON + HOUR)
    assert verdict(look(store, balancer(OLD), NOON + 2 * HOUR)) == "open"
    assert verdict(look(store, balancer(NEW), NOON + 80 * HOUR)) == "hold"


def test_taking_the_gate_off_and_putting_it_back_does_not_renew_the_grace(store):
    look(store, balancer(OLD), NOON)
    look(store, balancer(NEW), NOON + HOUR)
    assert verdict(look(store, balancer(NEW, gate=False), NOON + 80 * HOUR)) == "closed"
    assert verdict(look(store, balancer(NEW), NOON + 81 * HOUR)) == "closed"


def test_a_dump_leaves_memory_as_it_is(store):
    look(store, balancer(OLD), NOON, recorded=True)
    assert store.endpoint_memory() == {}
    assert store.address_memory() == {}


def test_a_released_address_was_there_before(store):
    look(store, balancer(OLD), NOON)
    empty = AccountState(account_id=ACCOUNT, region=REGION)
    later = look(store, empty, NOON + HOUR)
    assert "elb-not-found" in {finding.code for finding in later.findings}
    assert set(store.address_memory()) == {(ACCOUNT, ip) for ip in OLD}


def test_an_unreadable_account_keeps_its_endpoints_as_unknown(store):
    look(store, balancer(OLD), NOON)
    failed = unreadable(ACCOUNT, REGION, Failure("GetCallerIdentity", "AccessDenied", "no"))
    found = look(store, failed, NOON + HOUR)
    assert verdict(found) == "unknown"
    assert found.decisions[0].ips == OLD
    assert verdict(look(store, balancer(OLD), NOON + 2 * HOUR)) == "open"


def run_audit(store, state, at, *, whole=True):
    found = look(store, state, at)
    result = audit(store, found, whole=whole)
    keep(store, found, result, whole=whole)
    return {finding.code: (known, finding) for finding, known in result.findings}


def test_findings_are_new_then_known_then_resolved_once(store):
    first = run_audit(store, balancer(NEW, gate=False), NOON)
    assert {known for known, _ in first.values()} == {"new"}
    code = "elb-set-incomplete"
    again = run_audit(store, balancer(NEW, gate=False), NOON + HOUR)
    assert again[code][0] == "known"
    assert again[code][1].first_seen == NOON
    good = run_audit(store, balancer(OLD), NOON + 2 * HOUR)
    assert good[code][0] == "resolved"
    assert good[code][1].first_seen == NOON
    assert code not in run_audit(store, balancer(OLD), NOON + 3 * HOUR)
    back = run_audit(store, balancer(NEW, gate=False), NOON + 4 * HOUR)
    assert back[code][0] == "new"


def test_the_history_tells_what_came_and_went_since_a_time(store):
    run_audit(store, balancer(NEW, gate=False), NOON)
    run_audit(store, balancer(OLD), NOON + HOUR)
    found = look(store, balancer(OLD), NOON + 2 * HOUR)
    now = audit(store, found, whole=True)
    assert now.findings == now.drift == ()
    told = since(store, now, NOON + HOUR)
    assert ("elb-set-incomplete", "resolved") in {(f.code, state) for f, state in told.findings}
    assert "addresses-changed" in {entry["kind"] for entry in told.drift}
    early = since(store, now, NOON - HOUR)
    assert {state for _, state in early.findings} == {"resolved"}
    late = since(store, now, NOON + 2 * HOUR)
    assert late.findings == late.drift == ()


def test_what_stands_is_new_if_it_was_first_seen_since(store):
    run_audit(store, balancer(NEW, gate=False), NOON)
    found = look(store, balancer(NEW, gate=False), NOON + HOUR)
    now = audit(store, found, whole=True)
    assert {state for _, state in now.findings} == {"known"}
    assert {state for _, state in since(store, now, NOON).findings} == {"new"}
    assert {state for _, state in since(store, now, NOON + HOUR).findings} == {"known"}


def test_what_was_resolved_before_that_time_and_is_back_is_new(store):
    run_audit(store, balancer(NEW, gate=False), NOON)
    run_audit(store, balancer(OLD), NOON + HOUR)
    found = look(store, balancer(NEW, gate=False), NOON + 3 * HOUR)
    now = audit(store, found, whole=True)
    back = [state for f, state in now.findings if f.code == "elb-set-incomplete"]
    assert back == ["new"]
    told = since(store, now, NOON + 2 * HOUR).findings
    assert [state for f, state in told if f.code == "elb-set-incomplete"] == ["new"]


def test_an_audit_that_finds_nothing_changed_writes_no_state_anew(store):
    run_audit(store, balancer(OLD), NOON)
    with store._db.read() as connection:
        before = connection.exec_driver_sql("SELECT * FROM snapshots").all()
    run_audit(store, balancer(OLD), NOON + HOUR)
    with store._db.read() as connection:
        assert connection.exec_driver_sql("SELECT * FROM snapshots").all() == before
    assert store.snapshots()[ACCOUNT].at == NOON + HOUR


def test_an_exception_that_ended_is_drift_once(store):
    text = "exceptions: [{code: address-shared, reason: group, until: 2026-06-01}]"
    policy = parse_policy(text)
    kinds = []
    for hours in (0, 24, 48, 72):
        at = datetime(2026, 5, 31, 12, tzinfo=UTC) + hours * HOUR
        found = look(store, balancer(OLD), at, policy=policy)
        result = audit(store, found, whole=True)
        kinds.append([entry["kind"] for entry in result.drift])
        keep(store, found, result, whole=True)
    assert kinds == [[], [], ["exception-expired"], []]


def test_what_was_not_read_resolves_nothing(store):
    run_audit(store, balancer(NEW, gate=False), NOON)
    failed = unreadable(ACCOUNT, REGION, Failure("GetCallerIdentity", "AccessDenied", "no"))
    silent = run_audit(store, failed, NOON + HOUR)
    assert "resolved" not in {known for known, _ in silent.values()}
    back = run_audit(store, balancer(NEW, gate=False), NOON + 2 * HOUR)
    assert back["elb-set-incomplete"][0] == "known"


def test_a_limited_audit_resolves_nothing_elsewhere(store):
    run_audit(store, balancer(NEW, gate=False), NOON)
    other = AccountState(account_id=OTHER, region=REGION)
    limited = survey(
        store,
        [other],
        POLICY,
        at=NOON + HOUR,
        region=REGION,
        known=frozenset({ACCOUNT, OTHER}),
        only=[OTHER],
    )
    assert audit(store, limited, whole=False).findings == ()


def test_a_look_that_finds_nothing_changed_writes_next_to_nothing(tmp_path):
    path = tmp_path / "gatekeeper.db"
    seen = [
        (
            f"{number:012d}",
            Facts(
                addresses=tuple(
                    SeenAddress(ip=f"52.{number % 250}.{n}.1", kind="eip", allocation_id=f"e-{n}")
                    for n in range(50)
                ),
                endpoints=tuple(
                    SeenEndpoint(f"eni-{n}", "interface", "ipv4", (f"52.{number % 250}.{n}.1",))
                    for n in range(50)
                ),
                marks=(),
            ),
        )
        for number in range(100)
    ]
    with open_store(f"sqlite:///{path}") as store:
        remember_several(store, seen, NOON)
        with store._db.read() as connection:
            connection.exec_driver_sql("SELECT 1")
        raw = sqlite3.connect(path)
        raw.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        remember_several(store, seen, NOON + HOUR)
        written = path.with_name("gatekeeper.db-wal").stat().st_size
        raw.close()
        assert written / len(seen) < 1024
        assert len(store.address_memory()) == 5000
        newest = {one.last_seen for one in store.address_memory().values()}
        assert newest == {NOON + HOUR}


def test_several_accounts_are_remembered_together_or_not_at_all(store):
    facts = Facts(addresses=(), endpoints=(), marks=())

    def broken():
        yield (
            ACCOUNT,
            facts._replace(addresses=(SeenAddress(ip=OLD[0], kind="eip", allocation_id="e-1"),)),
        )
        raise RuntimeError

    with pytest.raises(RuntimeError):
        remember_several(store, broken(), NOON)
    assert store.address_memory() == {}
    remember_several(store, [(ACCOUNT, facts)], NOON)


def test_a_look_that_began_earlier_overwrites_no_newer_one(store):
    run_audit(store, balancer(OLD), NOON)
    newer, older = NOON + HOUR, NOON + HOUR - timedelta(minutes=3)
    run_audit(store, balancer(OLD), newer)
    empty = look(store, AccountState(account_id=ACCOUNT, region=REGION), older)
    assert audit(store, empty, whole=True).drift == ()
    keep(store, empty, audit(store, empty, whole=True), whole=True)
    assert {one.last_seen for one in store.endpoint_memory().values()} == {newer}
    assert {one.last_seen for one in store.address_memory().values()} == {newer}
    assert store.snapshots()[ACCOUNT].data["endpoints"]
    back = NOON - 5 * HOUR  # not an older look: the clock was set back
    look(store, AccountState(account_id=ACCOUNT, region=REGION), back)
    assert store.endpoint_memory() == {}


def test_the_register_is_read_again_only_where_it_may_say_something_else(store):
    first = read_register(store, POLICY, NOON)
    assert read_register(store, POLICY, NOON + HOUR) is first
    assert register_version(store) == store.register_version() == first.version
    eager = parse_policy("open_transfer_in: reported")
    assert read_register(store, eager, NOON) is not first
    read_register(store, POLICY, NOON)

    file(store, NEW, number="A2", kind=Kind.CHANGE_IP, at=NOON + 2 * HOUR)
    assert register_version(store) == store.register_version() != first.version
    before = read_register(store, POLICY, NOON + HOUR)
    assert before is not first
    assert [one.access.ips for one in before.filings] == [OLD]
    assert read_register(store, POLICY, NOON + HOUR) is before
    after = read_register(store, POLICY, NOON + 2 * HOUR)
    assert [one.access.ips for one in after.filings] == [NEW]
    assert [one.access.ips for one in read_register(store, POLICY, NOON).filings] == [OLD]

    order = Order(filing_id="F1", kind=OrderKind.SUSPENSION, at=NOON, by="ops", reason="ordered")
    assert store.place_order(order)
    [suspended] = read_register(store, POLICY, NOON + 2 * HOUR).filings
    assert suspended.state is FilingState.SUSPENDED
    assert not store.place_order(order)
    assert store.lift_order("F1", by="ops", at=NOON, reason="over")
    [resumed] = read_register(store, POLICY, NOON + 2 * HOUR).filings
    assert resumed.state is after.filings[0].state
