"""The two invariants, under everything that may happen (DESIGN §1).

A machine moves the register and the account at random, lets gatekeeper plan, apply, be killed,
take up again and roll back, with faults on the way, and lets ``oracle`` compare the account before
and after every call that gatekeeper made.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    precondition,
    rule,
    run_state_machine_as_test,
)

from gatekeeper.account import Listener, LoadBalancerType, Rule
from gatekeeper.errors import AwsError, GatekeeperError, PlanStale
from gatekeeper.filing import Application, Kind, Status
from gatekeeper.gate import Plan
from gatekeeper.policy import parse_policy
from gatekeeper.store import Store, open_store
from gatekeeper.testing import Call, FakeAccount, FakeAws, Fault, Killed, World
from tests.properties.gatekeeping import Gatekeeping
from tests.properties.oracle import (
    FAMILIES,
    GATE_NAMES,
    Filed,
    Oracle,
    endpoint_of,
    opened,
    ours,
    public,
    taken,
)

A, B = "111122223333", "444455556666"
POLICY = parse_policy("exempt_sources: [{cidr: 52.95.0.0/16, reason: partners}]\n")
V4 = (
    "0.0.0.0/0", "0.0.0.0/1", "128.0.0.0/1", "52.0.0.0/8", "10.0.0.0/8", "10.1.2.0/24",
    "8.8.8.0/24", "224.0.0.0/4", "52.82.160.0/20", "192.0.0.0/2",
)  # fmt: skip
V6 = ("::/0", "2000::/3", "2406:da00::/32", "fd00::/8")
LISTS = (("8.8.8.0/24", "10.1.2.0/24"), ("10.0.0.0/8",), ("0.0.0.0/1", "128.0.0.0/1"))
BLOCKS = ("10.20.0.0/16", "52.82.160.0/24", "2406:da00:1::/56")
PORTS = (
    ("tcp", 80, 80), ("tcp", 443, 443), ("tcp", 0, 65535), ("tcp", 1, 1024), ("tcp", 22, 22),
    ("tcp", 8080, 9000), ("6", 79, 81), ("udp", 443, 443), ("17", 0, 65535), ("-1", None, None),
    ("icmp", -1, -1), ("47", None, None),
)  # fmt: skip
IPS = tuple(f"52.83.0.{n}" for n in range(1, 10))
IPV6 = ("2406:da00:1::1", "2406:da00:1::2")
FILINGS = ("F1", "F2", "F3", "F4")
ORACLE = Oracle((*V4, *V6, *BLOCKS, *(one for entries in LISTS for one in entries)))

small = st.integers(0, 40)
faults = st.lists(
    st.tuples(st.sampled_from(Fault), st.integers(1, 6), st.sampled_from([True, True, False])),
    max_size=2,
)
addresses = st.sets(st.sampled_from((*IPS, *IPV6)), min_size=1, max_size=3).map(
    lambda found: tuple(sorted(found))
)
rules = st.one_of(
    st.builds(lambda p, s: Rule(*p, "ipv4", s), st.sampled_from(PORTS), st.sampled_from(V4)),
    st.builds(lambda p, s: Rule(*p, "ipv6", s), st.sampled_from(PORTS), st.sampled_from(V6)),
    st.builds(
        lambda p, n: Rule(*p, "prefix_list", str(n)), st.sampled_from(PORTS), st.integers(0, 2)
    ),
)


filings, ips = st.sampled_from(FILINGS), st.sampled_from(IPS)
new_ips = st.sampled_from([f"52.83.2.{n}" for n in range(1, 5)])
ends = st.sampled_from([Kind.CANCEL_ACCESS, Kind.DEREGISTER_SERVICE])


def moves(**known: tuple[Any, ...]) -> st.SearchStrategy[tuple[Any, ...]]:
    """A move's name and what it is made with."""
    return st.one_of(*(st.tuples(st.just(name), *args) for name, args in known.items()))


register_moves = moves(
    approve=(filings, addresses, st.sampled_from(["", "", "web"])),
    change_ip=(filings, addresses),
    end=(filings, ends),
    submit=(filings, addresses),
    conclude=(st.booleans(),),
    suspend=(filings,),
    resume=(filings,),
    file_elsewhere=(filings, addresses),
)
filing_moves = moves(
    approve_for_endpoint=(filings, small, st.booleans(), st.booleans()), end=(filings, ends)
)
interludes = st.none() | st.tuples(
    st.integers(1, 20), register_moves | filing_moves | moves(end_all=())
)
account_moves = moves(
    associate=(ips, small),
    take_address=(ips, st.booleans()),
    set_ipv6=(small, st.sets(st.sampled_from(IPV6))),
    add_rule=(small, rules),
    alter_gate=(small, rules),
    remove_rule=(small, small),
    attach=(small, small),
    attach_gate=(small, small),
    detach=(small, small),
    grow=(small, new_ips),
    shrink=(small,),
    make_foreign_gate=(st.sampled_from(GATE_NAMES), small),
    delete_foreign_gates=(),
    rewrite_list=(st.integers(0, 2), st.sampled_from(LISTS)),
    wait=(st.sampled_from([1, 80]),),
)

between_moves = moves(
    attach=(small, small),
    attach_gate=(small, small),
    associate=(ips, small),
    alter_gate=(small, rules),
    remove_rule=(small, small),
    set_ipv6=(small, st.sets(st.sampled_from(IPV6))),
)


class Invariants(RuleBasedStateMachine):
    """A carrier's day, made of accidents."""

    def __init__(self) -> None:
        super().__init__()
        self.store: Store = open_store("sqlite://")
        self.aws = FakeAws()
        self.here: FakeAccount = self.aws.account(A)
        self.keeper = Gatekeeping(self.aws, self.store, POLICY, (A, B))
        self.filed = Filed()
        self.pending: list[tuple[Application, Callable[[], None]]] = []
        self.plans: list[Plan] = []
        self.runs: list[str] = []
        self.shadow: dict[str, World] = {}
        self.interludes: dict[int, Callable[[], None]] = {}
        self.rolling = False
        self.start: World | None = None
        self.before_run: dict[str, World | None] = {}
        """The account as it was before each run; ``None`` where others touched it since."""
        self.aws.on_call = self.after_call

    def teardown(self) -> None:
        report = self.store.verify_trail()
        assert report.ok, report.problems
        self.store.close()

    # the account as it starts ----------------------------------------------------------------

    @initialize(lag=st.booleans(), filed=st.lists(st.tuples(filings, small), max_size=4))
    def build(self, lag: bool, filed: list[tuple[str, int]]) -> None:
        """Two accounts, some of it filed, and gatekeeper at work once."""
        self._furnish()
        self.copy()
        for filing, which in filed:
            self.approve_for_endpoint(filing, which, False)
        self.keeper.apply()
        self.aws.lag = lag

    def _furnish(self) -> None:
        here = self.here
        vpc, other = here.add_vpc(*BLOCKS), here.add_vpc("10.21.0.0/16")
        self.lists = [here.add_prefix_list(*entries) for entries in LISTS]
        wide = here.create_group(vpc, "wide", rules=[Rule("tcp", 0, 65535, "ipv4", V4[0], "web")])
        every = here.create_group(
            vpc,
            "every",
            rules=[Rule("-1", None, None, "ipv4", V4[0]), Rule("-1", None, None, "ipv6", V6[0])],
        )
        office = here.create_group(vpc, "office", rules=[Rule("tcp", 22, 22, "ipv4", V4[4])])
        far = here.create_group(other, "far", rules=[Rule("tcp", 443, 443, "ipv4", V4[0])])
        here.world.rule_tags[wide] = {r[:5]: {"team": "web"} for r in here.world.groups[wide].rules}
        here.add_interface(vpc, [wide], eips=[IPS[0]])
        here.add_interface(vpc, [wide, office], eips=[IPS[1]])
        here.add_interface(vpc, [office], eips=[IPS[2]], ipv6=[IPV6[0]])
        here.add_interface(vpc, [every], lent=["52.83.9.9"])
        here.add_interface(vpc, [wide, every])  # a bystander
        here.add_interface(vpc, [every], eips=[IPS[3]], requester_managed=True)
        here.add_interface(other, [far], eips=[IPS[4]])
        for name, kind, groups in (
            ("web", LoadBalancerType.APPLICATION, [office]),
            ("old", LoadBalancerType.CLASSIC, [wide]),
            ("bare", LoadBalancerType.NETWORK, []),
        ):
            listeners = [Listener("TCP", 80)] if not groups else None
            arn = here.add_load_balancer(name, vpc, groups, kind=kind, listeners=listeners)
            here.grow(arn, f"52.83.1.{len(here.world.load_balancers)}")
            here.grow(arn, f"52.83.4.{len(here.world.load_balancers)}")
        there = self.aws.account(B)
        home = there.add_vpc("10.30.0.0/16")
        guard = there.create_group(home, "g", rules=[Rule("tcp", 80, 80, "ipv4", V4[0])])
        there.add_interface(home, [guard], eips=["52.83.3.1"])

    # the register ----------------------------------------------------------------------------

    @rule(move=register_moves)
    def change_register(self, move: tuple[Any, ...]) -> None:
        """Also while gatekeeper is at work."""
        getattr(self, move[0])(*move[1:])

    def approve(self, filing: str, ips: tuple[str, ...], balancer: str = "") -> None:
        self.keeper.file(filing, Kind.NEW, ips, balancer=balancer)
        self.filed.live[filing] = frozenset(ips), balancer

    @rule(filing=filings, which=small, balancer=st.booleans(), part=st.booleans())
    def approve_for_endpoint(
        self, filing: str, which: int, balancer: bool, part: bool = False
    ) -> None:
        """File the whole set of something that stands there, or only one address of it."""
        sets: dict[str, set[str]] = {}
        for interface in self.here.world.interfaces.values():
            for family in FAMILIES:
                name = endpoint_of(interface, self.here.world)
                sets.setdefault(name, set()).update(public(interface, family))
        choice = [name for name in sorted(sets) if sets[name]]
        name = choice[which % len(choice)]
        only = name if balancer and not name.startswith("eni-") else ""
        self.approve(filing, tuple(sorted(sets[name])[: 1 if part else None]), only)

    def change_ip(self, filing: str, ips: tuple[str, ...]) -> None:
        self.keeper.file(filing, Kind.CHANGE_IP, ips)
        if filing in self.filed.live:
            self.filed.live[filing] = frozenset(ips), ""

    def end(self, filing: str, kind: Kind) -> None:
        self.keeper.file(filing, kind)
        self.filed.live.pop(filing, None)

    def end_all(self) -> None:
        for filing in list(self.filed.live):
            self.end(filing, Kind.CANCEL_ACCESS)

    def submit(self, filing: str, ips: tuple[str, ...]) -> None:
        """Something that is under way changes nothing."""
        made = self.keeper.file(filing, Kind.NEW, ips, status=Status.BUREAU_REVIEW)
        self.pending.append((made, lambda: self.filed.live.update({filing: (frozenset(ips), "")})))

    def conclude(self, approved: bool) -> None:
        if not self.pending:
            return
        made, effect = self.pending.pop()
        self.keeper.move(made, Status.APPROVED if approved else Status.REJECTED)
        if approved:
            effect()

    def suspend(self, filing: str) -> None:
        self.keeper.suspend(filing)
        self.filed.suspended.add(filing)

    def resume(self, filing: str) -> None:
        self.keeper.resume(filing)
        self.filed.suspended.discard(filing)

    def file_elsewhere(self, filing: str, ips: tuple[str, ...]) -> None:
        """A filing of another account covers nothing here."""
        self.keeper.file(filing, Kind.NEW, ips, account="777788889999")
        self.filed.live[filing] = frozenset(), ""

    # the account -----------------------------------------------------------------------------

    @contextlib.contextmanager
    def by_hand(self) -> Iterator[World]:
        """What others do; what AWS refuses them is not done."""
        with contextlib.suppress(AwsError):
            yield self.here.world
        self.aws.settle()
        self.copy()
        self.before_run = dict.fromkeys(self.before_run)

    @rule(move=account_moves)
    def change_account(self, move: tuple[Any, ...]) -> None:
        getattr(self, move[0])(*move[1:])

    def interface(self, which: int) -> str:
        found = sorted(self.here.world.interfaces)
        return found[which % len(found)]

    def group(self, which: int) -> str:
        found = sorted(self.here.world.groups)
        return found[which % len(found)]

    def associate(self, ip: str, which: int) -> None:
        with self.by_hand():
            self.here.associate(ip, self.interface(which))

    def take_address(self, ip: str, release: bool) -> None:
        with self.by_hand() as world:
            if ip in world.addresses:
                (self.here.release if release else self.here.disassociate)(ip)

    def set_ipv6(self, which: int, ipv6: set[str]) -> None:
        with self.by_hand():
            self.here.set_ipv6(self.interface(which), sorted(ipv6))

    def add_rule(self, which: int, one: Rule) -> None:
        """Gates of ours are groups too: this alters them."""
        if one.kind == "prefix_list":
            one = one._replace(source=self.lists[int(one.source)])
        with self.by_hand():
            self.here.authorize(self.group(which), [one])

    def alter_gate(self, which: int, one: Rule) -> None:
        """A rule more in a gate of ours, or one less."""
        gates = sorted(g for g, group in self.here.world.groups.items() if ours(group))
        if gates:
            place = sorted(self.here.world.groups).index(gates[which % len(gates)])
            if which % 2:
                self.add_rule(place, one)
            else:
                self.remove_rule(place, which)

    def attach_gate(self, which: int, place: int) -> None:
        """Somebody gives an endpoint a gate by hand."""
        gates = sorted(g for g, group in self.here.world.groups.items() if ours(group))
        if gates:
            gate = gates[place % len(gates)]
            self.attach(which, sorted(self.here.world.groups).index(gate))

    def remove_rule(self, which: int, place: int) -> None:
        with self.by_hand() as world:
            group = world.groups[self.group(which)]
            if group.rules:
                self.here.revoke(group.group_id, [group.rules[place % len(group.rules)]])

    def attach(self, which: int, group: int) -> None:
        self._set_groups(which, lambda held, one: [*held, one] if one not in held else held, group)

    def detach(self, which: int, place: int) -> None:
        self._set_groups(
            which, lambda held, _: [g for g in held if g != held[place % len(held)]], 0
        )

    def _set_groups(
        self, which: int, change: Callable[[list[str], str], list[str]], group: int
    ) -> None:
        with self.by_hand() as world:
            targets = [
                i for i in sorted(world.interfaces) if not world.interfaces[i].requester_managed
            ]
            targets += sorted(world.load_balancers)
            name = targets[which % len(targets)]
            if name in world.interfaces:
                held = list(world.interfaces[name].group_ids)
                self.here.set_interface_groups(name, change(held, self.group(group)))
            else:
                held = list(world.load_balancers[name].group_ids)
                if held:
                    self.here.set_balancer_groups(name, change(held, self.group(group)))

    def grow(self, which: int, ip: str) -> None:
        with self.by_hand() as world:
            arns = sorted(world.load_balancers)
            taken_already = any(ip in public(i, "ipv4") for i in world.interfaces.values())
            if not taken_already:
                self.here.grow(arns[which % len(arns)], ip)

    def shrink(self, which: int) -> None:
        with self.by_hand() as world:
            parts = sorted(i for i in world.interfaces if world.interfaces[i].description)
            if parts:
                self.here.remove_interface(parts[which % len(parts)])

    def make_foreign_gate(self, name: str, place: int) -> None:
        with self.by_hand() as world:
            vpcs = sorted(world.vpcs)
            self.here.create_group(vpcs[place % len(vpcs)], name)

    def delete_foreign_gates(self) -> None:
        for group in list(self.here.world.groups.values()):
            if group.name in GATE_NAMES and not ours(group):
                with self.by_hand():
                    self.here.delete_group(group.group_id)

    def rewrite_list(self, which: int, entries: tuple[str, ...]) -> None:
        with self.by_hand() as world:
            name = self.lists[which]
            world.prefix_lists[name] = world.prefix_lists[name]._replace(entries=entries)

    def wait(self, hours: int) -> None:
        self.keeper.clock.at += timedelta(hours=hours)

    # gatekeeper ------------------------------------------------------------------------------

    @rule()
    def apply_in_peace(self) -> None:
        self.apply_now([], None)

    @rule(
        first=register_moves | filing_moves,
        between=st.lists(between_moves, max_size=2),
        faults=faults,
        meanwhile=interludes,
    )
    def apply(
        self,
        first: tuple[Any, ...],
        between: list[tuple[Any, ...]],
        faults: list[Any],
        meanwhile: Any,
    ) -> None:
        getattr(self, first[0])(*first[1:])
        self.apply_now(faults, meanwhile, between)

    def apply_now(
        self, faults: list[Any], meanwhile: Any, between: list[tuple[Any, ...]] | None = None
    ) -> None:
        plan = self.keeper.plan()
        self.plans.append(plan)
        for move in between or ():
            self.change_account(move)
        with self.under(faults, meanwhile):
            start = self.here.world.copy()
            run_id = self.keeper.apply(plan).run_id
            self.runs.append(run_id)
            self.before_run.setdefault(run_id, start)

    @rule(faults=faults)
    @precondition(lambda self: self.plans)
    def apply_file(self, faults: list[Any]) -> None:
        """The last plan's file again: after a kill it takes up, else it finds things done."""
        with self.under(faults, None):
            self.runs.append(self.keeper.apply(self.plans[-1]).run_id)

    @rule(faults=faults, which=small)
    @precondition(lambda self: self.runs)
    def roll_back(self, faults: list[Any], which: int) -> None:
        with self.under(faults, None):
            run_id = self.runs[-1 - (0 if which % 2 else which % len(self.runs))]
            self.rolling, self.start = True, self.before_run.get(run_id)
            self.keeper.roll_back(run_id)
        self.rolling = False

    @contextlib.contextmanager
    def under(self, faults: list[Any], meanwhile: Any) -> Iterator[None]:
        self.copy()
        for fault, at, changing in faults:
            self.aws.fail(fault, at if changing else 4 * at, changing=changing)
        if meanwhile is not None:
            after, move = meanwhile
            self.interludes[len(self.aws.calls) + after] = lambda: self.change_register(move)
        try:
            yield
        except Killed:
            pass
        except PlanStale:
            pass
        except GatekeeperError as error:
            raise AssertionError(f"{type(error).__name__}: {error.message}") from error
        finally:
            self.aws.clear_faults()
            self.aws.settle()
            self.interludes.clear()
            self.rolling = False

    @rule()
    def converge(self) -> None:
        """Left in peace, gatekeeper is done soon, and what is left is explained."""
        self.copy()
        lag, self.aws.lag = self.aws.lag, False
        for _ in range(4):
            found = self.keeper.look()
            plan = self.keeper.plan()
            if not plan.actions and not self.store.unfinished_runs():
                break
            report = self.keeper.apply(plan)
            assert report.exit_status != 1, report
        else:
            raise AssertionError(f"not done yet: {[a.describe() for a in plan.actions]}")
        self.aws.lag = lag
        excused = {b.endpoint for b in plan.blocked} | {b.group_id for b in plan.blocked}
        excused |= {d.endpoint for d in found.decisions if d.verdict in ("hold", "unknown")}
        self.check_explained(excused)

    def check_explained(self, excused: set[str | None]) -> None:
        world = self.here.world
        arns = {b.name: b.arn for b in world.load_balancers.values()}
        for interface in world.interfaces.values():
            name = endpoint_of(interface, world)
            if {arns.get(name, name), *interface.group_ids} & excused or not interface.group_ids:
                continue
            for family in FAMILIES:
                if not public(interface, family):
                    continue
                internet = ORACLE.internet(interface.vpc_id, family, world)
                reach = ORACLE.interface(interface, family, world) & internet
                covered = self.filed.covers(interface, family, world)
                wrong = internet & ~reach if covered else reach
                assert not wrong, (
                    f"{name} {family} is {'covered and closed' if covered else 'open'}:",
                    ORACLE.name(family, wrong),
                )

    # after every call ------------------------------------------------------------------------

    def copy(self) -> None:
        self.shadow = {name: self.aws.account(name).world.copy() for name in (A, B)}

    def after_call(self, call: Call) -> None:
        if call.changing and not call.error:
            before = self.shadow[call.account_id]
            after = self.aws.account(call.account_id).world.copy()
            filed = self.filed if call.account_id == A else Filed()
            bad = opened(ORACLE, before, after, filed)
            assert not bad, f"SAFETY: {call} opened {bad}"
            start = self.start if call.account_id == A else None
            gone = taken(ORACLE, before, after, filed, rolling=self.rolling, start=start)
            assert not gone, f"CARE: {call} took {gone}"
            self.shadow[call.account_id] = after
        interlude = self.interludes.pop(call.number, None)
        if interlude is not None:
            interlude()


def test_invariants_hold() -> None:
    run_state_machine_as_test(
        Invariants, settings=settings(max_examples=10, stateful_step_count=20, deadline=None)
    )


@pytest.mark.soak
def test_invariants_hold_for_long() -> None:
    run_state_machine_as_test(
        Invariants, settings=settings(max_examples=3000, stateful_step_count=60, deadline=None)
    )
