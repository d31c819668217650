"""What the Internet reaches: every paragraph of DESIGN §6."""

from __future__ import annotations

from typing import Any

import pytest

from gatekeeper.account import AccountState, Association, Interface, Listener
from gatekeeper.gate import exposures, judge_account, unknown_exposures
from gatekeeper.policy import default_policy, parse_policy
from tests.scenarios.world import HOME, NOW, short, state_of

ONE = {"eni-1": {"groups": ["sg-1"], "eips": ["52.83.1.1"]}}
BOTH = {"eni-1": {"groups": ["sg-1"], "eips": ["52.83.1.1"], "ipv6": ["2404:c2c0::1"]}}


def judged(data: dict[str, Any], policy_text: str = "") -> tuple[list[str], list[str]]:
    """Exposures as ``eni-1 ipv4 tcp/443``, and unknowns as ``eni-1: reason``."""
    return told(state_of(HOME, data), policy_text)


def told(state: AccountState, policy_text: str = "") -> tuple[list[str], list[str]]:
    policy = parse_policy(policy_text) if policy_text else default_policy()
    reach = judge_account(state, policy, NOW)
    found = [
        f"{short(e.endpoint)} {e.family} {e.protocol}/{e.port}"
        for e in sorted(exposures(reach), key=lambda e: (e.endpoint, e.family, e.protocol, e.port))
    ]
    return found, [f"{short(u.endpoint)}: {u.reason}" for u in unknown_exposures(reach)]


def one_rule(*rules: str, **more: Any) -> dict[str, Any]:
    return {"groups": {"sg-1": list(rules)}, "interfaces": ONE, **more}


EVERYTHING = [f"eni-1 ipv4 {p}" for p in ("tcp/80", "tcp/443", "tcp/8080", "udp/443")]


@pytest.mark.parametrize(
    ("rules", "reached"),
    [
        (["tcp 443 0.0.0.0/0"], ["tcp/443"]),
        (["6 443 0.0.0.0/0"], ["tcp/443"]),
        (["17 443 0.0.0.0/0"], ["udp/443"]),
        (["udp 80 0.0.0.0/0"], []),
        (["tcp 79-81 0.0.0.0/0"], ["tcp/80"]),
        (["tcp 81-442 0.0.0.0/0"], []),
        (["tcp 8443 0.0.0.0/0"], []),
        (["tcp 0.0.0.0/0"], ["tcp/80", "tcp/443", "tcp/8080"]),
        (["all 0.0.0.0/0"], ["tcp/80", "tcp/443", "tcp/8080", "udp/443"]),
        (["tcp 443 0.0.0.0/1", "tcp 443 128.0.0.0/1"], ["tcp/443"]),
        (["tcp 443 128.0.0.0/1"], ["tcp/443"]),
        (["tcp 443 8.8.8.8/32"], ["tcp/443"]),
        (["tcp 443 52.83.1.77/16"], ["tcp/443"]),
        (["tcp 443 10.1.2.3/8"], []),
        (["tcp 443 192.168.0.0/16", "tcp 443 172.16.0.0/12", "tcp 443 100.64.0.0/10"], []),
        (["tcp 443 192.168.0.0/15"], ["tcp/443"]),
        (["tcp 443 127.0.0.0/8", "tcp 443 224.0.0.0/3", "tcp 443 203.0.113.0/24"], []),
        (["tcp 443 sg-9", "all sg-1"], []),
        (["icmp 0.0.0.0/0", "47 0.0.0.0/0", "icmp 443 0.0.0.0/0"], []),
        (["tcp 443 ::/0"], []),
        (["tcp 443 pl-mixed"], ["tcp/443"]),
        (["tcp 443 pl-internal", "all pl-empty", "tcp 443 pl-v6"], []),
    ],
)
def test_a_rule(rules: list[str], reached: list[str]) -> None:
    lists = {
        "pl-mixed": ["10.0.0.0/8", "8.8.8.0/24"],
        "pl-internal": ["10.0.0.0/8"],
        "pl-empty": ["10.9.9.9/32"],
        "pl-v6": ["2404:c2c0::/32"],
    }
    found, unknown = judged(one_rule(*rules, lists=lists))
    assert sorted(found) == sorted(f"eni-1 ipv4 {port}" for port in reached)
    assert unknown == []


@pytest.mark.parametrize(
    ("rules", "reason"),
    [
        (["tcp 443 pl-unread"], "prefix list pl-unread could not be read"),
        (["all pl-absent"], "prefix list pl-absent could not be read"),
        (["tcp 443 ?odd"], "source '?odd' cannot be read"),
        (["tcp 443-80 0.0.0.0/0"], "ports 443 to 80 are no range"),
        (["tcq 443 0.0.0.0/0"], "protocol 'tcq'"),
        (["tcp 443 pl-bad"], "prefix list pl-bad could not be read"),
    ],
)
def test_what_cannot_be_resolved_is_unknown(rules: list[str], reason: str) -> None:
    found, unknown = judged(
        one_rule(*rules, lists={"pl-unread": None, "pl-bad": ["10.0.0.0/8", "none"]})
    )
    assert found == []
    assert len(unknown) == 1
    assert reason in unknown[0]
    assert "sg-1" in unknown[0]


@pytest.mark.parametrize(
    "rules",
    [
        ["tcp 22 pl-unread"],
        ["tcp 22 ?odd"],
        ["47 ?odd"],
        ["tcp 443-80 10.0.0.0/8"],
        ["tcp 443 sg-x"],
    ],
)
def test_what_cannot_matter_is_not_unknown(rules: list[str]) -> None:
    assert judged(one_rule(*rules, lists={"pl-unread": None})) == ([], [])


def test_what_is_certain_stands_beside_what_is_unknown() -> None:
    found, unknown = judged(one_rule("tcp 80 0.0.0.0/0", "tcp 443 pl-1", lists={"pl-1": None}))
    assert found == ["eni-1 ipv4 tcp/80"]
    assert len(unknown) == 1


def test_a_group_that_the_answers_lack() -> None:
    found, unknown = judged(
        {
            "groups": {"sg-1": []},
            "interfaces": {"eni-1": {"groups": ["sg-1", "sg-0"], "eips": ["52.83.1.1"]}},
        }
    )
    assert found == []
    assert unknown == ["eni-1: security group sg-0 is not in the answers"]


def test_the_union_of_groups_counts_and_names_each_rule() -> None:
    state = state_of(
        HOME,
        {
            "groups": {"sg-2": ["tcp 443 0.0.0.0/1"], "sg-1": ["tcp 443 128.0.0.0/1"]},
            "interfaces": {"eni-1": {"groups": ["sg-2", "sg-1"], "eips": ["52.83.1.1"]}},
        },
    )
    [exposure] = exposures(judge_account(state, default_policy(), NOW))
    assert [(r.group_id, r.rule.source) for r in exposure.rules] == [
        ("sg-1", "128.0.0.0/1"),
        ("sg-2", "0.0.0.0/1"),
    ]


def test_families_are_apart() -> None:
    rules = ["tcp 443 ::/0", "tcp 80 0.0.0.0/0"]
    assert judged({"groups": {"sg-1": rules}, "interfaces": BOTH})[0] == [
        "eni-1 ipv4 tcp/80",
        "eni-1 ipv6 tcp/443",
    ]
    assert judged({"groups": {"sg-1": ["tcp 443 ::/0"]}, "interfaces": ONE}) == ([], [])


def test_ipv6_that_is_no_public_address() -> None:
    data = {"eni-1": {"groups": ["sg-1"], "ipv6": ["fd00::1", "fe80::1"]}}
    assert judged({"groups": {"sg-1": ["all ::/0"]}, "interfaces": data}) == ([], [])


# the VPC's own blocks ---------------------------------------------------------------------------


def test_the_blocks_of_the_vpc_are_internal() -> None:
    vpcs = {"vpc-1": ["10.0.0.0/16", "52.83.16.0/20", "2404:c2c0:1::/56"]}
    rules = ["tcp 443 52.83.16.0/20", "tcp 80 2404:c2c0:1::/56"]
    assert judged({"groups": {"sg-1": rules}, "interfaces": BOTH, "vpcs": vpcs}) == ([], [])
    wider = ["tcp 443 52.83.16.0/19", "tcp 80 2404:c2c0:1::/55"]
    assert judged({"groups": {"sg-1": wider}, "interfaces": BOTH, "vpcs": vpcs})[0] == [
        "eni-1 ipv4 tcp/443",
        "eni-1 ipv6 tcp/80",
    ]


def test_another_vpcs_blocks_are_not() -> None:
    vpcs = {"vpc-1": [], "vpc-2": ["52.83.16.0/20"]}
    found, _ = judged(one_rule("tcp 443 52.83.16.0/20", vpcs=vpcs))
    assert found == ["eni-1 ipv4 tcp/443"]


@pytest.mark.parametrize(
    "more", [{"vpcs": {}, "failed": ["DescribeVpcs"]}, {"vpcs": {"vpc-9": []}}]
)
def test_without_the_blocks_a_narrow_source_is_unknown(more: dict[str, Any]) -> None:
    found, unknown = judged(one_rule("tcp 443 52.83.16.0/20", **more))
    assert found == []
    assert "the blocks of vpc-1 were not read" in unknown[-1]
    wide, still = judged(one_rule("tcp 443 0.0.0.0/0", "tcp 80 52.0.0.0/11", **more))
    assert wide == ["eni-1 ipv4 tcp/443"]
    assert "the blocks of vpc-1 were not read" in still[-1]


def test_an_answer_without_any_vpc_is_an_answer() -> None:
    found, unknown = judged(one_rule("tcp 443 52.83.16.0/20", vpcs={}))
    assert (found, unknown) == (["eni-1 ipv4 tcp/443"], [])


# network load balancers without groups ----------------------------------------------------------


@pytest.mark.parametrize(
    ("listeners", "reached"),
    [
        (["TCP 443"], ["tcp/443"]),
        (["TLS 443", "TCP 80"], ["tcp/80", "tcp/443"]),
        (["UDP 443"], ["udp/443"]),
        (["TCP_UDP 443"], ["tcp/443", "udp/443"]),
        (["QUIC 443"], ["udp/443"]),
        (["TCP_QUIC 443"], ["tcp/443", "udp/443"]),
        (["UDP 80", "TCP 8443", "GENEVE 6081"], []),
        ([], []),
    ],
)
def test_a_listener(listeners: list[str], reached: list[str]) -> None:
    data = {
        "load_balancers": {"nlb": {"type": "network", "ips": ["52.83.1.1"], "listeners": listeners}}
    }
    assert judged(data) == ([f"nlb ipv4 {port}" for port in reached], [])


def test_an_unknown_listener_takes_nothing_from_what_is_known() -> None:
    data = {
        "load_balancers": {
            "nlb": {"type": "network", "ips": ["52.83.1.1"], "listeners": ["TCP 80", "SCTP 443"]}
        }
    }
    found, unknown = judged(data)
    assert found == ["nlb ipv4 tcp/80"]
    assert unknown == ["nlb: listener protocol 'SCTP' is not known"]


def test_listeners_unread() -> None:
    data = {"load_balancers": {"nlb": {"type": "network", "ips": ["52.83.1.1"]}}}
    assert judged(data) == ([], ["nlb: its listeners were not read"])


def test_the_rule_of_a_listener_has_no_group() -> None:
    state = state_of(
        HOME,
        {
            "load_balancers": {
                "nlb": {"type": "network", "ips": ["52.83.1.1"], "listeners": ["TLS 443"]}
            }
        },
    )
    [exposure] = exposures(judge_account(state, default_policy(), NOW))
    assert [(r.group_id, r.rule.source, r.rule.description) for r in exposure.rules] == [
        (None, "0.0.0.0/0", "TLS listener")
    ]
    assert Listener("TLS", 443).port == 443


def test_a_network_load_balancer_with_groups_is_judged_by_them() -> None:
    data = {
        "groups": {"sg-1": ["tcp 80 0.0.0.0/0"]},
        "load_balancers": {
            "nlb": {
                "type": "network",
                "ips": ["52.83.1.1"],
                "groups": ["sg-1"],
                "listeners": ["TCP 443"],
            }
        },
    }
    assert judged(data) == (["nlb ipv4 tcp/80"], [])


# endpoints --------------------------------------------------------------------------------------

WIDE = {"sg-1": ["tcp 443 0.0.0.0/0"]}


def test_an_interface_without_groups() -> None:
    found, unknown = judged({"interfaces": {"eni-1": {"eips": ["52.83.1.1"]}}})
    assert found == []
    assert "no security groups and no load balancer explains it" in unknown[0]


def test_a_load_balancer_without_interfaces() -> None:
    found, unknown = judged({"groups": WIDE, "load_balancers": {"prod": {"groups": ["sg-1"]}}})
    assert (found, unknown) == ([], ["prod: its network interfaces are not in the answers"])


def test_an_internal_load_balancer_is_no_endpoint() -> None:
    data = {"groups": WIDE, "load_balancers": {"in": {"groups": ["sg-1"], "scheme": "internal"}}}
    assert judged(data) == ([], [])


@pytest.mark.parametrize("kind", ["application", "network", "classic"])
def test_a_load_balancer_has_all_its_interfaces_and_no_neighbours(kind: str) -> None:
    groups = {"sg-1": ["tcp 443 0.0.0.0/0"], "sg-2": []}
    balancers = {
        "prod": {"type": kind, "groups": ["sg-1"], "ips": ["52.83.1.1", "52.83.1.2"]},
        "prod-2": {"type": kind, "groups": ["sg-2"], "ips": ["52.83.1.3"]},
    }
    reach = judge_account(
        state_of(HOME, {"groups": groups, "load_balancers": balancers}), default_policy(), NOW
    )
    assert {short(n): e.endpoint.ips("ipv4") for n, e in reach.endpoints.items()} == {
        "prod": ("52.83.1.1", "52.83.1.2"),
        "prod-2": ("52.83.1.3",),
    }
    assert [short(e.endpoint) for e in exposures(reach)] == ["prod"]


def test_an_instance_is_never_taken_for_a_load_balancer() -> None:
    """A customer who names an instance's interface like a load balancer's hides nothing."""
    data = {
        "groups": {"sg-1": ["tcp 443 0.0.0.0/0"], "sg-2": []},
        "load_balancers": {"prod": {"groups": ["sg-2"], "ips": ["52.83.1.1"]}},
        "interfaces": {
            "eni-9": {
                "groups": ["sg-1"],
                "eips": ["52.83.1.9"],
                "instance": "i-1",
                "description": "ELB app/prod/0123456789abcdef",
            }
        },
    }
    found, unknown = judged(data)
    assert (found, unknown) == (["eni-9 ipv4 tcp/443"], [])


def test_an_unattached_interface_adds_nothing_to_a_load_balancer() -> None:
    """Nor can a customer spoil a lawful load balancer's address set by a description."""
    data = {
        "groups": {"sg-1": ["tcp 443 0.0.0.0/0"], "sg-2": []},
        "load_balancers": {"prod": {"groups": ["sg-2"], "ips": ["52.83.1.1"]}},
        "interfaces": {
            "eni-9": {
                "groups": ["sg-1"],
                "eips": ["52.83.1.9"],
                "description": "ELB app/prod/0123456789abcdef",
            }
        },
    }
    reach = judge_account(state_of(HOME, data), default_policy(), NOW)
    assert {short(n): e.endpoint.ips("ipv4") for n, e in reach.endpoints.items()} == {
        "prod": ("52.83.1.1",),
        "eni-9": ("52.83.1.9",),
    }
    assert reach.view.addresses["52.83.1.9"].endpoint == "eni-9"
    assert [e.endpoint for e in exposures(reach)] == ["eni-9"]


def test_the_load_balancer_of_an_interface_is_gone() -> None:
    data = {
        "groups": WIDE,
        "interfaces": {
            "eni-1": {
                "groups": ["sg-1"],
                "eips": ["52.83.1.1"],
                "description": "ELB app/gone/0123456789abcdef",
            }
        },
    }
    reach = judge_account(state_of(HOME, data), default_policy(), NOW)
    endpoint = reach.endpoints["eni-1"].endpoint
    assert (endpoint.kind, str(endpoint.handle)) == ("interface", "none")
    assert endpoint.fixed is not None
    assert "no longer exists" in endpoint.fixed.reason
    assert exposures(reach)


@pytest.mark.parametrize("operation", ["elbv2:DescribeLoadBalancers", "DescribeNetworkInterfaces"])
def test_an_unread_operation_hides_endpoints(operation: str) -> None:
    _, unknown = judged({"failed": [operation]})
    assert len(unknown) == 1
    assert operation in unknown[0]


def test_an_emulators_arn_path_is_understood() -> None:
    """Some give a network load balancer an ``app/`` ARN; its interfaces say either path."""
    state = state_of(
        HOME,
        {
            "groups": WIDE,
            "load_balancers": {
                "nlb": {"type": "network", "groups": ["sg-1"], "ips": ["52.83.1.1"]}
            },
        },
    )
    [balancer] = state.load_balancers
    arn = balancer.arn.replace("net/", "app/")
    for path in ("app", "net"):
        part = state.interfaces[0]._replace(description=f"ELB {path}/nlb/0123456789abcdef")
        odd = AccountState(
            account_id=HOME,
            region=state.region,
            interfaces=(part,),
            groups=state.groups,
            vpcs=state.vpcs,
            load_balancers=(balancer._replace(arn=arn),),
        )
        assert told(odd) == (["nlb ipv4 tcp/443"], [])


def test_several_associations_and_either_side() -> None:
    data = {
        "groups": WIDE,
        "interfaces": {
            "eni-1": {"groups": ["sg-1"], "eips": ["52.83.1.2", "52.83.1.1"]},
            "eni-2": {"groups": ["sg-1"], "eips": ["52.83.1.3"], "seen_by": "addresses"},
            "eni-3": {"groups": ["sg-1"], "eips": ["52.83.1.4"], "seen_by": "interface"},
        },
    }
    reach = judge_account(state_of(HOME, data), default_policy(), NOW)
    assert [e.endpoint.ips("ipv4") for e in reach.endpoints.values()] == [
        ("52.83.1.1", "52.83.1.2"),
        ("52.83.1.3",),
        ("52.83.1.4",),
    ]
    assert {a.kind for e in reach.endpoints.values() for a in e.endpoint.addresses} == {"eip"}


@pytest.mark.parametrize(
    ("owner", "allocation", "kind"),
    [
        (HOME, "eipalloc-1", "eip"),
        (HOME, None, "eip"),
        ("amazon", None, "auto"),
        ("amazon-rds", None, "auto"),
        ("amazon-elb", None, "elb"),
    ],
)
def test_the_kind_of_an_address(owner: str, allocation: str | None, kind: str) -> None:
    interface = Interface(
        "eni-1",
        "vpc-1",
        "",
        "interface",
        False,
        "",
        ("sg-1",),
        (Association("52.83.1.1", owner, allocation),),
    )
    state = AccountState(account_id=HOME, region="cn-northwest-1", interfaces=(interface,))
    reach = judge_account(state, default_policy(), NOW)
    assert reach.view.addresses["52.83.1.1"].kind == kind


@pytest.mark.parametrize("more", [{"ipv6": ["2404::zz"]}, {"eips": ["52.83.1.1", "52.83.1.999"]}])
def test_an_address_that_is_none_is_unknown(more: dict[str, Any]) -> None:
    found, unknown = judged({"groups": WIDE, "interfaces": {"eni-1": {"groups": ["sg-1"], **more}}})
    assert found == []
    assert "cannot be read" in unknown[0]


def test_a_nat_gateway_is_no_endpoint() -> None:
    data = {"interfaces": {"eni-1": {"groups": [], "eips": ["52.83.1.1"], "type": "nat_gateway"}}}
    assert judged(data) == ([], [])
    named = {
        "interfaces": {
            "eni-1": {
                "groups": ["sg-1"],
                "eips": ["52.83.1.1"],
                "description": "Interface for NAT Gateway nat-1",
            }
        },
        "groups": WIDE,
    }
    assert judged(named)[0] == ["eni-1 ipv4 tcp/443"], "anyone may write that description"


def test_the_policy_says_which_ports_are_gated() -> None:
    policy = "gated: [{protocol: udp, ports: [53]}]\nopened: []\n"
    assert judged(one_rule("all 0.0.0.0/0"), policy)[0] == ["eni-1 ipv4 udp/53"]
    assert judged(one_rule("all 0.0.0.0/0"))[0] == sorted(
        EVERYTHING, key=lambda text: (text.split("/")[0], int(text.split("/")[1]))
    )
