"""Parts of accounts: what is read of what was touched, and what is not."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from gatekeeper.account import LoadBalancerType, ReadStatus
from gatekeeper.aws.collect import collect
from gatekeeper.aws.events import Touched
from gatekeeper.aws.session import AccountTarget, Gateway
from gatekeeper.aws.touched import PartEdge, Seeds, read_part, touched_endpoints

from .bench import OWN, REGION, rule
from .conftest import Reply, ec2, ec2_error

GATES = ("gatekeeper-gate",)
ONE, TWO, THREE = "52.83.0.1", "52.83.0.2", "52.83.0.3"


def nothing(_state, _touched):
    return ()


@pytest.fixture
def vpc(bench):
    return bench.vpc()


def part(bench, *, spread=nothing, **seeds):
    named = {key: frozenset(value) for key, value in seeds.items()}
    return read_part(bench.connection, Seeds(**named), gates=GATES, spread=spread)


def names(found):
    return {one.interface_id for one in found.state.interfaces}


def test_events_are_put_together():
    at = datetime(2026, 5, 4, tzinfo=UTC)
    common = {"account_id": OWN, "region": REGION, "at": at, "name": "X", "actor": ""}
    one = Touched(event_id="1", groups=frozenset({"sg-1"}), **common)
    two = Touched(event_id="2", groups=frozenset({"sg-2"}), instances=frozenset({"i-1"}), **common)
    assert Seeds.of([one, two]) == Seeds(
        groups=frozenset({"sg-1", "sg-2"}), instances=frozenset({"i-1"})
    )
    assert Seeds.of([]) == Seeds()


def test_a_group_brings_its_users_and_what_guards_them(bench, vpc):
    web, ssh = bench.group(vpc, "web", rule("tcp 80")), bench.group(vpc, "ssh", rule("tcp 22"))
    gate = bench.group(vpc, "gatekeeper-gate")
    site = bench.interface(vpc, [web, ssh], ONE)
    bench.interface(vpc, [ssh], TWO)
    found = part(bench, groups=[web])
    assert names(found) == {site}
    assert found.touched == {site}
    assert set(found.state.groups) == {web, ssh, gate}
    assert [one.public_ip for one in found.state.addresses] == [ONE]
    assert set(found.state.vpcs) == {vpc}
    assert found.state.load_balancers == ()
    assert found.whole == frozenset(), "load balancers may use it too, and were not read"


def test_more_users_are_read_where_they_are_needed(bench, vpc):
    web, ssh = bench.group(vpc, "web", rule("tcp 80")), bench.group(vpc, "ssh", rule("tcp 22"))
    site = bench.interface(vpc, [web, ssh], ONE)
    other = bench.interface(vpc, [ssh], TWO)
    arn = bench.balancer(vpc, "front", LoadBalancerType.APPLICATION, [ssh], THREE)
    found = part(bench, interfaces=[site], spread=lambda *_: {ssh})
    assert found.touched == {site}
    assert names(found) >= {site, other}
    assert [one.arn for one in found.state.load_balancers] == [arn]
    assert found.whole == {ssh}


@pytest.mark.parametrize("kind", [LoadBalancerType.APPLICATION, LoadBalancerType.CLASSIC])
def test_one_interface_brings_its_load_balancer_whole(bench, vpc, kind):
    web = bench.group(vpc, "web", rule("tcp 80"))
    arn = bench.balancer(vpc, "prod", kind, [web], ONE, TWO)
    bench.balancer(vpc, "prod-2", kind, [bench.group(vpc, "b")], THREE)
    [first] = [
        one.interface_id
        for one in collect(bench.connection).interfaces
        if ONE in [public.public_ip for public in one.associations]
        or any(a.interface_id == one.interface_id for a in addresses(bench, ONE))
    ]
    found = part(bench, interfaces=[first])
    assert found.touched == {arn}
    assert len(names(found)) == 2
    assert {one.public_ip for one in found.state.addresses} == {ONE, TWO}
    assert [one.arn for one in found.state.load_balancers] == [arn]


def addresses(bench, ip):
    return [one for one in collect(bench.connection).addresses if one.public_ip == ip]


@pytest.mark.parametrize("by", ["allocation_id", "association_id", "public_ip"])
def test_an_address_brings_its_interface(bench, vpc, by):
    web = bench.group(vpc, "web", rule("tcp 80"))
    site = bench.interface(vpc, [web], ONE)
    bench.interface(vpc, [web], TWO)
    [address] = addresses(bench, ONE)
    found = part(bench, addresses=[getattr(address, by)])
    assert (found.touched, names(found)) == ({site}, {site})


def test_what_is_gone_touches_nothing(bench, vpc):
    found = part(
        bench,
        groups=["sg-0123456789abcdef0"],
        interfaces=["eni-0123456789abcdef0"],
        instances=["i-0123456789abcdef0"],
        addresses=["eipalloc-0123456789abcdef0", "52.83.0.77"],
        balancers=["gone"],
    )
    assert found.state.complete
    assert found.touched == frozenset()
    assert found.state.interfaces == ()


def test_whole_accounts_know_the_same_endpoints_as_touched(bench, vpc):
    web = bench.group(vpc, "web", rule("tcp 80"))
    bench.interface(vpc, [web], ONE)
    bench.interface(vpc, [bench.group(vpc, "other")], TWO)
    bench.balancer(vpc, "front", LoadBalancerType.APPLICATION, [web], THREE)
    for seeds in (
        Seeds(groups=frozenset({web})),
        Seeds(balancers=frozenset({"front"})),
        Seeds(addresses=frozenset({TWO})),
    ):
        found = read_part(bench.connection, seeds, gates=GATES, spread=nothing)
        assert found.touched
        assert touched_endpoints(collect(bench.connection), seeds) == found.touched


def test_a_spread_without_end_is_given_up(bench, vpc):
    groups = [bench.group(vpc, f"g{number}") for number in range(9)]
    bench.interface(vpc, groups[:1], ONE)
    asked = iter(groups)
    assert part(bench, groups=groups[:1], spread=lambda *_: {next(asked)}) is None


def test_once_needed_users_stay_needed(bench, vpc):
    web, ssh = bench.group(vpc, "web", rule("tcp 80")), bench.group(vpc, "ssh")
    site = bench.interface(vpc, [web, ssh], ONE)
    other = bench.interface(vpc, [ssh], TWO)
    needed = [{ssh}, set()]
    edge = PartEdge(
        bench.connection,
        Seeds(groups=frozenset({web})),
        gates=GATES,
        spread=lambda *_: needed[0],
    )
    edge.read_part()
    needed.pop(0)
    assert {one.interface_id for one in edge.read_account().interfaces} == {site, other}


# --- what moto lacks


@pytest.fixture
def connection(script):
    with Gateway(REGION).open(AccountTarget()) as opened:
        yield opened


def test_a_prefix_list_brings_the_groups_that_name_it(script, connection):
    wanted = "pl-0123456789abcdef0"
    part = Seeds(prefix_lists=frozenset({wanted}))
    read_part(connection, part, gates=GATES, spread=nothing)
    [query] = [one for one in script.queries if one["Action"] == "DescribeSecurityGroups"]
    assert query["Filter.1.Name"] == "ip-permission.prefix-list-id"
    assert query["Filter.1.Value.1"] == wanted


def test_a_call_that_fails_makes_the_part_partial(script, connection):
    script["DescribeNetworkInterfaces"] = Reply(ec2_error("UnauthorizedOperation"), status=403)
    found = read_part(connection, Seeds(groups=frozenset({"sg-1"})), gates=GATES, spread=nothing)
    assert found.state.status is not ReadStatus.COMPLETE
    assert found.state.failed("DescribeNetworkInterfaces").code == "UnauthorizedOperation"
    assert found.whole == frozenset()


def test_a_list_that_is_too_long_is_left_after_its_first_page(script, connection):
    item = "<item><networkInterfaceId>eni-{}</networkInterfaceId></item>"
    page = "".join(item.format(number) for number in range(1000))
    script["DescribeNetworkInterfaces"] = ec2(
        "DescribeNetworkInterfaces",
        f"<networkInterfaceSet>{page}</networkInterfaceSet>",
        token="more",
    )
    seeds = Seeds(groups=frozenset({"sg-1"}))
    assert read_part(connection, seeds, gates=GATES, spread=nothing) is None
    assert script.calls["DescribeNetworkInterfaces"] <= 3
