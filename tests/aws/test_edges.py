"""What every edge must do: the same cases against an account in memory and the real edge on moto.

Where moto is not AWS the case runs in memory alone, and the skip says how they differ.
"""

from __future__ import annotations

import pytest

from gatekeeper.account import LoadBalancerType
from gatekeeper.errors import AwsError

from .bench import FakeBench, MotoBench, endpoint, rule

WEB, SSH, ALL = rule("tcp 80", description="web"), rule("tcp 22", "10.0.0.0/8"), rule("-1")
OURS = {"gatekeeper:managed": "true", "gatekeeper:owner": "o"}


@pytest.fixture(params=["memory", "moto"])
def bench(request):
    if request.param == "memory":
        return FakeBench()
    request.getfixturevalue("moto")
    return MotoBench(request.getfixturevalue("clients"))


@pytest.fixture
def edge(bench):
    return bench.edge()


def differs(bench, how: str) -> None:
    """Skip where moto is not AWS."""
    if not bench.is_aws:
        pytest.skip(f"moto differs from AWS: {how}")


def code(call, *arguments) -> str:
    with pytest.raises(AwsError) as refused:
        call(*arguments)
    return refused.value.code


def rules_of(edge, group_id):
    return {one[:5] for one in edge.read_groups([group_id])[group_id].rules}


def test_rules_come_back_as_ec2_keeps_them(bench, edge):
    group = bench.group(bench.vpc(), "g")
    added = [
        rule("tcp 80", description="web"),
        rule("17 53", "10.1.2.3/8") if bench.is_aws else rule("udp 53", "10.0.0.0/8"),
        rule("-1", "10.0.0.0/8"),
        rule("icmp", "10.0.0.0/8"),
        rule("tcp 443", "2001:db8::/32"),
    ]
    edge.authorize(group, added, {})
    found = edge.read_groups([group])[group]
    assert {one[:5] for one in found.rules} == {
        ("tcp", 80, 80, "ipv4", "0.0.0.0/0"),
        ("udp", 53, 53, "ipv4", "10.0.0.0/8"),
        ("-1", None, None, "ipv4", "10.0.0.0/8"),
        ("icmp", -1, -1, "ipv4", "10.0.0.0/8"),
        ("tcp", 443, 443, "ipv6", "2001:db8::/32"),
    }
    assert next(one.description for one in found.rules if one.protocol == "tcp") == "web"


def test_host_bits_and_protocol_numbers_are_normalised(bench, edge):
    differs(bench, "it keeps protocol numbers and host bits as they are sent")
    group = bench.group(bench.vpc(), "g")
    edge.authorize(group, [rule("6 80", "10.1.2.3/8")], {})
    assert rules_of(edge, group) == {("tcp", 80, 80, "ipv4", "10.0.0.0/8")}
    assert code(edge.authorize, group, [rule("tcp 80", "10.9.9.9/8")], {}) == (
        "InvalidPermission.Duplicate"
    )


def test_a_rule_that_stands_is_a_duplicate(bench, edge):
    group = bench.group(bench.vpc(), "g", WEB)
    assert code(edge.authorize, group, [WEB], {}) == "InvalidPermission.Duplicate"
    assert code(edge.authorize, group, [WEB._replace(description="b")], {}) == (
        "InvalidPermission.Duplicate"
    )


def test_authorize_adds_all_rules_or_none(bench, edge):
    differs(bench, "authorize of several permissions is not atomic")
    group = bench.group(bench.vpc(), "g", WEB)
    assert code(edge.authorize, group, [SSH, WEB], {}) == "InvalidPermission.Duplicate"
    assert rules_of(edge, group) == {WEB[:5]}


def test_revoke_takes_what_stands(bench, edge):
    group = bench.group(bench.vpc(), "g", WEB, SSH)
    edge.revoke(group, [WEB])
    assert rules_of(edge, group) == {SSH[:5]}


def test_revoke_of_a_rule_that_is_not_there(bench, edge):
    group = bench.group(bench.vpc(), "g", WEB)
    assert code(edge.revoke, group, [SSH]) == "InvalidPermission.NotFound"
    assert rules_of(edge, group) == {WEB[:5]}


def test_revoke_takes_all_rules_or_none(bench, edge):
    differs(bench, "revoke of several permissions is not atomic")
    group = bench.group(bench.vpc(), "g", WEB)
    assert code(edge.revoke, group, [WEB, SSH]) == "InvalidPermission.NotFound"
    assert rules_of(edge, group) == {WEB[:5]}


def test_the_default_vpc_passes_over_rules_that_are_not_there(bench, edge):
    differs(bench, "the default VPC refuses them too")
    vpc = bench.account.add_vpc("172.31.0.0/16", default=True)
    group = bench.group(vpc, "g", WEB)
    edge.revoke(group, [WEB, SSH])
    assert rules_of(edge, group) == set()


def test_unknown_groups(bench, edge):
    bench.vpc()
    unknown = "sg-0123456789abcdef0"
    assert code(edge.authorize, unknown, [WEB], {}) == "InvalidGroup.NotFound"
    assert code(edge.revoke, unknown, [WEB]) == "InvalidGroup.NotFound"
    assert code(edge.delete_group, unknown) == "InvalidGroup.NotFound"
    assert edge.read_groups([unknown]) == {}
    assert edge.group_users(unknown) == {}


def test_the_quota_of_a_group(bench, edge):
    group = bench.group(bench.vpc(), "g", *(rule(f"tcp {n}") for n in range(1, 61)))
    assert code(edge.authorize, group, [rule("tcp 99")], {}) == (
        "RulesPerSecurityGroupLimitExceeded"
    )
    assert len(rules_of(edge, group)) == 60


def test_families_have_quotas_of_their_own(bench, edge):
    differs(bench, "it counts the rules of both families together")
    group = bench.group(bench.vpc(), "g", *(rule(f"tcp {n}") for n in range(1, 61)))
    edge.authorize(group, [rule("tcp 99", "::/0")], {})
    assert len(rules_of(edge, group)) == 61


def test_a_new_group_has_tags_and_an_outbound_rule(bench, edge):
    vpc = bench.vpc()
    made = edge.create_group(vpc, "gatekeeper-gate", "words", OURS)
    found = edge.find_group(vpc, "gatekeeper-gate")
    assert found is not None
    assert (found.group_id, found.vpc_id, found.description) == (made, vpc, "words")
    assert dict(found.tags) == OURS
    assert found.rules == ()
    assert [one[:5] for one in found.egress] == [("-1", None, None, "ipv4", "0.0.0.0/0")]
    edge.revoke_egress(made, found.egress)
    assert edge.read_groups([made])[made].egress == ()


def test_a_name_is_given_once_in_a_vpc(bench, edge):
    vpc, other = bench.vpc(), bench.vpc("10.21.0.0/16")
    edge.create_group(vpc, "g", "words", OURS)
    assert code(edge.create_group, vpc, "g", "words", OURS) == "InvalidGroup.Duplicate"
    edge.create_group(other, "g", "words", OURS)
    assert edge.find_group(vpc, "other") is None


def test_a_group_of_another_account_is_not_found_by_name(bench, edge, monkeypatch):
    vpc = bench.vpc()
    made = edge.create_group(vpc, "gatekeeper-gate", "words", OURS)
    if bench.is_aws:
        bench.account.hand_over(made, "444455556666")
    else:
        # moto has no shared VPCs: let the edge be another account's.
        monkeypatch.setattr(type(edge), "account_id", "444455556666")
    assert edge.find_group(vpc, "gatekeeper-gate") is None


def test_a_group_in_use_stays(bench, edge):
    differs(bench, "it deletes groups that interfaces hold")
    vpc = bench.vpc()
    group = bench.group(vpc, "g")
    bench.interface(vpc, [group])
    assert code(edge.delete_group, group) == "DependencyViolation"


def test_users_of_a_group(bench, edge):
    vpc = bench.vpc()
    group, other = bench.group(vpc, "g"), bench.group(vpc, "other")
    used = bench.interface(vpc, [group])
    assert set(edge.group_users(group)) == {used}
    edge.delete_group(other)
    assert edge.find_group(vpc, "other") is None


def test_a_group_that_another_names_stays(bench, edge):
    differs(bench, "it deletes groups that rules name")
    vpc = bench.vpc()
    named = bench.group(vpc, "named")
    bench.group(vpc, "naming", rule("tcp 80", named))
    assert code(edge.delete_group, named) == "DependencyViolation"


def test_the_groups_of_an_interface(bench, edge):
    vpc = bench.vpc()
    first, second = bench.group(vpc, "a"), bench.group(vpc, "b")
    name = bench.interface(vpc, [first], "52.83.0.1")
    found = endpoint(edge, name)
    assert found.ips("ipv4") == ("52.83.0.1",)
    edge.set_groups(found, [first, second])
    again = edge.read_endpoint(found)
    assert set(again.group_ids) == {first, second}
    assert again.ips("ipv4") == ("52.83.0.1",)
    edge.set_groups(found, [second])
    assert edge.read_endpoint(found).group_ids == (second,)


def test_an_interface_keeps_at_least_one_group(bench, edge):
    differs(bench, "it lets the last group go")
    vpc = bench.vpc()
    name = bench.interface(vpc, [bench.group(vpc, "a")], "52.83.0.1")
    assert code(edge.set_groups, endpoint(edge, name), []) == "InvalidParameterValue"


def test_an_interface_holds_five_groups_at_most(bench, edge):
    differs(bench, "it knows no quota of groups on an interface")
    vpc = bench.vpc()
    groups = [bench.group(vpc, f"g{n}") for n in range(6)]
    name = bench.interface(vpc, groups[:1], "52.83.0.1")
    assert code(edge.set_groups, endpoint(edge, name), groups) == (
        "SecurityGroupsPerInterfaceLimitExceeded"
    )


def test_an_interface_that_is_gone(bench, edge):
    vpc = bench.vpc()
    group = bench.group(vpc, "g")
    name = bench.interface(vpc, [group], "52.83.0.1")
    found = endpoint(edge, name)
    if bench.is_aws:
        bench.account.remove_interface(name)
    else:
        address = bench.ec2.describe_addresses()["Addresses"][0]
        bench.ec2.disassociate_address(AssociationId=address["AssociationId"])
        bench.ec2.delete_network_interface(NetworkInterfaceId=name)
    assert edge.read_endpoint(found) is None
    assert code(edge.set_groups, found, [group]) == "InvalidNetworkInterfaceID.NotFound"


@pytest.mark.parametrize(
    "kind", [LoadBalancerType.APPLICATION, LoadBalancerType.NETWORK, LoadBalancerType.CLASSIC]
)
def test_the_groups_of_a_load_balancer(bench, edge, kind):
    vpc = bench.vpc()
    first, second = bench.group(vpc, "a"), bench.group(vpc, "b")
    arn = bench.balancer(vpc, "web", kind, [first], "52.83.0.1", "52.83.0.2")
    bench.balancer(vpc, "web-2", kind, [first], "52.83.0.3")
    found = endpoint(edge, arn)
    assert found.kind == "load_balancer"
    assert set(found.ips("ipv4")) == {"52.83.0.1", "52.83.0.2"}
    edge.set_groups(found, [first, second])
    again = edge.read_endpoint(found)
    assert set(again.group_ids) == {first, second}
    assert set(again.ips("ipv4")) == {"52.83.0.1", "52.83.0.2"}


@pytest.mark.parametrize("by_arn", [True, False], ids=["path of the ARN", "net"])
def test_a_network_load_balancer_is_read_anew_by_either_path(bench, edge, by_arn):
    """moto gives it an ``app/`` ARN, AWS a ``net/`` one; interfaces may be described by both."""
    vpc = bench.vpc()
    group = bench.group(vpc, "first")
    arn = bench.balancer(vpc, "web", LoadBalancerType.NETWORK, [group])
    path = arn.partition(":loadbalancer/")[2]
    if not by_arn:
        path = f"net/{path.partition('/')[2]}"
    bench.interface(vpc, [group], "52.83.0.1", description=f"ELB {path}")
    bench.interface(vpc, [group], "52.83.0.2", description=f"ELB {path}0")
    found = endpoint(edge, arn)
    assert found.ips("ipv4") == ("52.83.0.1",)
    assert edge.read_endpoint(found) == found


def test_a_load_balancer_gives_its_groups_to_its_interfaces(bench, edge):
    differs(bench, "load balancers have no interfaces of their own")
    vpc = bench.vpc()
    first, second = bench.group(vpc, "a"), bench.group(vpc, "b")
    arn = bench.balancer(vpc, "web", LoadBalancerType.APPLICATION, [first], "52.83.0.1")
    edge.set_groups(endpoint(edge, arn), [second])
    assert len(edge.group_users(second)) == 1
    assert edge.group_users(first) == {}


def test_tags_of_rules(bench, edge):
    vpc = bench.vpc()
    group = bench.group(vpc, "g", WEB, tags={"team": "a"})
    bench.allow(group, SSH)
    assert {
        name: [(one[:5], tags) for one, tags in found]
        for name, found in edge.read_rule_tags([group]).items()
    } == {group: [(WEB[:5], {"team": "a"})]}
    edge.authorize(group, [rule("tcp 81"), rule("tcp 82")], {"team": "b"})
    found = {one[:5]: tags for one, tags in edge.read_rule_tags([group])[group]}
    assert found[rule("tcp 82")[:5]] == {"team": "b"}
    edge.revoke(group, [WEB])
    assert WEB[:5] not in {one[:5] for one, _ in edge.read_rule_tags([group])[group]}


def test_ipv6_addresses_count(bench, edge):
    vpc = bench.vpc(ipv6=True)
    ip = f"{bench.ipv6_of(vpc)}::5"
    name = bench.interface(vpc, [bench.group(vpc, "g")], ipv6=[ip])
    found = endpoint(edge, name)
    assert found.families == ("ipv6",)
    assert found.ips("ipv6") == edge.read_endpoint(found).ips("ipv6")
