"""The gates that a stack makes are gatekeeper's own: read back from moto by its own collector."""

from __future__ import annotations

import boto3
import pulumi
import pytest
from moto import mock_aws

from gatekeeper.account import Rule
from gatekeeper.aws.collect import collect
from gatekeeper.aws.session import AccountTarget, Gateway
from gatekeeper.errors import StackError
from gatekeeper.gate import (
    GATE_DESCRIPTION,
    STACK_TAG,
    alteration,
    gate_rules,
    gate_tags,
    read_gates,
)
from gatekeeper.policy import default_policy
from gatekeeper.stacks import Gates
from gatekeeper.stacks.layout import (
    ATTACHMENT_TYPE,
    GROUP_TYPE,
    RULE_TYPE,
    Layout,
    Place,
    attachment_of,
    places,
)
from tests.stacks.engine import QUIET, Cloud, Engine, EngineError

pytestmark = pytest.mark.filterwarnings(*QUIET)
POLICY = default_policy()
REGION = "cn-northwest-1"
BOTH = ("ipv4", "ipv6")


@pytest.fixture
def cloud(monkeypatch):
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "testing")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "testing")
    with mock_aws():
        yield Cloud(REGION)


@pytest.fixture
def engine(cloud):
    return Engine(cloud, project="gates", stack="cn")


@pytest.fixture
def ec2(cloud):
    return boto3.client("ec2", REGION)


def _vpc(ec2, block="10.0.0.0/16"):
    vpc = ec2.create_vpc(CidrBlock=block)["Vpc"]["VpcId"]
    subnet = ec2.create_subnet(VpcId=vpc, CidrBlock=block.replace("/16", "/24"))
    return vpc, subnet["Subnet"]["SubnetId"]


def _interface(ec2, vpc, subnet):
    group = ec2.create_security_group(
        GroupName=f"office-{subnet}", Description="its own", VpcId=vpc
    )["GroupId"]
    made = ec2.create_network_interface(SubnetId=subnet, Groups=[group])
    return made["NetworkInterface"]["NetworkInterfaceId"], group


def _program(vpcs, **kwargs):
    given = {"owner": POLICY.owner, "opened": POLICY.opened_ports, **kwargs}
    return lambda: Gates("gates", vpcs=vpcs, **given)


def _collected():
    """The account's groups, as gatekeeper collects them."""
    connection = Gateway(REGION).open(AccountTarget())
    try:
        state = collect(connection)
    finally:
        connection.close()
    assert state.complete, state.failures
    return state


def _held(ec2, interface):
    found = ec2.describe_network_interfaces(NetworkInterfaceIds=[interface])["NetworkInterfaces"]
    return {group["GroupId"] for group in found[0]["Groups"]}


def _gates():
    return read_gates(_collected(), POLICY)


def test_gatekeeper_reads_them_as_its_own_unaltered(engine, ec2):
    vpc, _ = _vpc(ec2)
    engine.up(_program([vpc]))
    gates = _gates()
    assert set(gates.ours) == {(vpc, "ipv4"), (vpc, "ipv6")}
    assert gates.foreign == {}
    for (_, family), group in gates.ours.items():
        assert not alteration(group, family, POLICY)
        assert {rule._replace(description=None) for rule in group.rules} == set(
            gate_rules(family, POLICY)
        )
        assert group.egress == ()
        assert dict(group.tags) == {**gate_tags(POLICY), STACK_TAG: "gates/cn"}
    described = ec2.describe_security_groups(GroupIds=sorted(gates.ids()))["SecurityGroups"]
    assert {one["Description"] for one in described} == {GATE_DESCRIPTION}


def test_a_second_run_changes_nothing(engine, ec2):
    vpc, subnet = _vpc(ec2)
    interface, _ = _interface(ec2, vpc, subnet)
    program = _program([vpc], attachments=[(interface, "ipv4")])
    engine.up(program)
    assert engine.up(program).changed() == set()


def test_an_interface_gains_the_gate_and_loses_it(engine, ec2):
    vpc, subnet = _vpc(ec2)
    interface, own = _interface(ec2, vpc, subnet)
    engine.up(_program([vpc]))
    gate = _gates().ours[vpc, "ipv4"].group_id
    opened = engine.up(_program([vpc], attachments=[(interface, "ipv4")]))
    assert opened.changed() == {("create", f"gates-{interface}-ipv4")}
    assert _held(ec2, interface) == {own, gate}
    closed = engine.up(_program([vpc]))
    assert closed.changed() == {("delete", f"gates-{interface}-ipv4")}
    assert _held(ec2, interface) == {own}


def test_a_gate_is_whole_before_anybody_holds_it(engine, ec2):
    vpc, subnet = _vpc(ec2)
    interface, _ = _interface(ec2, vpc, subnet)
    seen = []
    engine.before = lambda op, urn: seen.append(urn.split("::")[2].rpartition("$")[2])
    engine.up(_program({vpc: ["ipv4"]}, attachments=[(interface, "ipv4")]))
    assert seen == [GROUP_TYPE, *[RULE_TYPE] * 4, ATTACHMENT_TYPE]


def test_each_interface_holds_the_gate_of_its_own_vpc(engine, ec2):
    one, first = _vpc(ec2)
    two, second = _vpc(ec2, "10.1.0.0/16")
    here, _ = _interface(ec2, one, first)
    there, _ = _interface(ec2, two, second)
    engine.up(
        _program(
            [one, two],
            attachments=[(here, "ipv4"), (there, "ipv6")],
            interface_vpcs={here: one},
        )
    )
    gates = _gates().ours
    assert gates[one, "ipv4"].group_id in _held(ec2, here)
    assert gates[two, "ipv6"].group_id in _held(ec2, there)


def test_a_port_that_is_no_longer_opened_goes(engine, ec2):
    vpc, _ = _vpc(ec2)
    engine.up(_program({vpc: ["ipv4"]}))
    run = engine.up(_program({vpc: ["ipv4"]}, opened=[("tcp", 443.0)]))
    assert run.changed() == {
        ("delete", f"gates-{vpc}-ipv4-{port}") for port in ("tcp-80", "tcp-8080", "udp-443")
    }
    [gate] = _gates().ours.values()
    assert [rule._replace(description=None) for rule in gate.rules] == [
        Rule("tcp", 443, 443, "ipv4", "0.0.0.0/0")
    ]


def test_each_gate_may_have_its_own_ports(engine, ec2):
    vpc, _ = _vpc(ec2)
    engine.up(_program([vpc], opened={(vpc, "ipv4"): [("tcp", 80)]}))
    gates = _gates().ours
    assert [rule.from_port for rule in gates[vpc, "ipv4"].rules] == [80]
    assert gates[vpc, "ipv6"].rules == ()


def test_the_group_is_protected_and_its_rules_are_not(engine, ec2):
    vpc, subnet = _vpc(ec2)
    interface, _ = _interface(ec2, vpc, subnet)
    engine.up(_program([vpc], attachments=[(interface, "ipv4")]))
    protected = {one["type"] for one in engine.state if one.get("protect")}
    assert protected == {GROUP_TYPE}
    with pytest.raises(EngineError, match="protect"):
        engine.up(_program([]))
    assert set(_gates().ours) == {(vpc, "ipv4"), (vpc, "ipv6")}


def test_a_protected_component_can_still_close(engine, ec2):
    vpc, subnet = _vpc(ec2)
    interface, _ = _interface(ec2, vpc, subnet)
    kept = pulumi.ResourceOptions(protect=True)
    engine.up(_program([vpc], attachments=[(interface, "ipv4")], opts=kept))
    assert _held(ec2, interface)
    engine.up(_program([vpc], opts=kept))
    engine.up(_program([vpc], opened=[], opts=kept))
    assert not any(gate.rules for gate in _gates().ours.values())


def test_a_gate_altered_by_hand_is_seen_by_gatekeeper_and_mended_by_the_stack(engine, ec2):
    vpc, _ = _vpc(ec2)
    engine.up(_program({vpc: ["ipv4"]}))
    [gate] = _gates().ours.values()
    rule = {"IpProtocol": "tcp", "FromPort": 443, "ToPort": 443}
    ec2.revoke_security_group_ingress(
        GroupId=gate.group_id, IpPermissions=[{**rule, "IpRanges": [{"CidrIp": "0.0.0.0/0"}]}]
    )
    [gate] = _gates().ours.values()
    assert [one.from_port for one in alteration(gate, "ipv4", POLICY).missing] == [443]
    engine.refresh()
    run = engine.up(_program({vpc: ["ipv4"]}))
    assert run.changed() == {("create", f"gates-{vpc}-ipv4-tcp-443")}
    [gate] = _gates().ours.values()
    assert not alteration(gate, "ipv4", POLICY)


def test_it_says_the_ids_of_its_groups(engine, ec2):
    vpc, _ = _vpc(ec2)

    def program():
        pulumi.export("groups", Gates("g", vpcs=[vpc], owner="o", opened=[]).group_ids)

    ids = engine.up(program).outputs["groups"]
    groups = _collected().groups
    assert {place: groups[group_id].name for place, group_id in ids.items()} == {
        f"{vpc}/ipv4": "gatekeeper-gate",
        f"{vpc}/ipv6": "gatekeeper-gate-v6",
    }


# the layout alone ----------------------------------------------------------------------------


def test_no_part_shares_its_name():
    layout = Layout(
        "gates",
        "p/s",
        "o",
        dict.fromkeys(places(["vpc-1", "vpc-2"]), POLICY.opened_ports),
        frozenset({attachment_of("eni-1", f, "vpc-1") for f in BOTH}),
    )
    names = [part.name for part in layout.parts()]
    assert len(names) == len(set(names)) == 4 + 4 * 4 + 2


def test_names_do_not_depend_on_the_order():
    one = Layout("g", "p/s", "o", {p: [("tcp", 80), ("udp", 443)] for p in places(["vpc-1"])})
    two = Layout("g", "p/s", "o", {p: [("udp", 443), ("tcp", 80)] for p in places(["vpc-1"])})
    assert one.parts() == two.parts()


def test_a_changed_layout_adds_and_takes_away_just_that():
    held = attachment_of("eni-1", "ipv4", "vpc-1")
    more = attachment_of("eni-2", "ipv4", "vpc-1")
    one = Layout("g", "p/s", "o", {held.place: [("tcp", 80)]}, frozenset({held}))
    two = one.changed(
        gates={Place("vpc-2", "ipv6"): [("tcp", 443)]}, attached=[more], detached=[held]
    )
    assert dict(two.gates) == {
        Place("vpc-1", "ipv4"): (("tcp", 80),),
        Place("vpc-2", "ipv6"): (("tcp", 443),),
    }
    assert two.attachments == {more}
    assert one.attachments == {held}


@pytest.mark.parametrize(
    ("kwargs", "named"),
    [
        ({"vpcs": ["subnet-1"]}, "'subnet-1'"),
        ({"vpcs": {"vpc-1": ["ipv5"]}}, "'ipv5'"),
        ({"opened": [("tcp", 0)]}, "'tcp/0'"),
        ({"opened": [("tcp", 65536)]}, "'tcp/65536'"),
        ({"opened": [("tcp", 80.5)]}, "'tcp/80.5'"),
        ({"opened": [("tcp", True)]}, "'tcp/True'"),
        ({"opened": [("icmp", 8)]}, "'icmp/8'"),
        ({"attachments": [("i-1", "ipv4")]}, "'i-1'"),
        ({"attachments": [("eni-1", "both")]}, "'both'"),
        ({"vpcs": {"vpc-1": ["ipv6"]}, "attachments": [("eni-1", "ipv4")]}, "ipv4 gate of vpc-1"),
        ({"attachments": [("eni-1", "ipv4")], "interface_vpcs": {"eni-1": "vpc-9"}}, "vpc-9"),
    ],
)
def test_what_no_gate_can_be_is_refused(engine, kwargs, named):
    given = {"vpcs": ["vpc-1"], "owner": "o", "opened": [("tcp", 80)], **kwargs}
    with pytest.raises(StackError, match=named) as refused:
        engine.up(lambda: Gates("gates", **given))
    assert refused.value.zh != refused.value.message
