"""What is tied to what, in Pulumi's words: ids, links, addresses, load balancers, unknown ties."""

from __future__ import annotations

import pytest

from gatekeeper.errors import PlanRefused
from gatekeeper.stacks.check import SECRET as SECRET_VALUE
from gatekeeper.stacks.check import UNKNOWN as UNKNOWN_VALUE
from gatekeeper.stacks.check import blueprint, pulumi_resource
from tests.unit.stacks.check.plans import (
    ALB,
    ASSOCIATION,
    ATTACHMENT,
    BALANCER,
    BLIND,
    CLASSIC,
    CLOSED,
    DATABASE,
    DEFAULT_GROUP,
    EIP,
    GROUP,
    HOLD,
    INGRESS,
    INSTANCE,
    INTERFACE,
    INTERFACE_ATTACHMENT,
    LISTENER,
    NLB,
    OPEN,
    SECRET,
    TEMPLATE,
    UNKNOWN,
    block,
    decided,
    export,
    feed,
    judge,
    preview,
    step,
    tied,
    urn,
    web,
)

RULE = step(INGRESS, "r", web())
SAME_RULE = step(INGRESS, "r", web(), op="same")


@pytest.mark.parametrize(
    ("endpoint", "standing", "joining"),
    [(OPEN, 0, 0), (HOLD, 0, 3), (CLOSED, 3, 3), (BLIND, 3, 3), ("eni-nobody", 3, 3)],
)
def test_a_rule_is_allowed_where_its_endpoint_is(endpoint, standing, joining):
    assert judge(preview(RULE, tied(endpoint))).exit_status == standing
    assert judge(preview(RULE, tied(endpoint, op="create"))).exit_status == joining
    assert judge(export(SAME_RULE, tied(endpoint))).exit_status == standing


def test_every_endpoint_must_be_open():
    found = judge(preview(RULE, tied(OPEN), tied(CLOSED), tied(BLIND)))
    (one,) = found.violations
    assert CLOSED in one.reason
    assert BLIND in one.reason
    assert OPEN not in one.reason
    assert "52.83.1.2" in one.reason
    assert "备案" in one.reason_zh


def test_nothing_tied_is_a_violation_unless_it_is_allowed():
    assert judge(preview(RULE)).exit_status == 3
    found = judge(preview(RULE), flag=True)
    assert (found.exit_status, len(found.warnings)) == (0, 1)
    assert judge(preview(RULE, tied(CLOSED)), flag=True).exit_status == 3
    assert judge(preview(RULE, tied("eni-nobody")), flag=True).exit_status == 3


def test_joining_an_open_group_is_named_at_what_joins():
    found = judge(preview(SAME_RULE, tied(OPEN), tied(CLOSED, op="create")))
    (one,) = found.violations
    assert one.resource == urn(ATTACHMENT, f"tie-{CLOSED}")
    assert urn(INGRESS, "r") in one.reason


def test_joining_is_said_once_for_all_the_rules_of_a_group():
    rules = [
        step(INGRESS, f"r{port}", web(fromPort=port, toPort=port), op="same") for port in (80, 443)
    ]
    udp = step(INGRESS, "u", web(ipProtocol="udp"), op="same")
    found = judge(preview(*rules, udp, tied(CLOSED, op="create"), tied(BLIND, op="create")))
    assert sorted((one.protocol, one.ports) for one in found.violations) == [
        ("tcp", (80, 443)),
        ("tcp", (80, 443)),
        ("udp", (443,)),
        ("udp", (443,)),
    ]
    assert {one.resource for one in found.violations} == {
        urn(ATTACHMENT, f"tie-{name}") for name in (CLOSED, BLIND)
    }


def test_a_new_group_is_tied_by_where_its_id_comes_from():
    links = {"securityGroupId": [urn(GROUP, "g")]}
    group = step(GROUP, "g", {"name": "g"})
    rule = step(INGRESS, "r", web(securityGroupId=UNKNOWN), links=links)
    for endpoint, status in ((OPEN, 0), (CLOSED, 3), (HOLD, 3)):
        inputs = {"securityGroupId": UNKNOWN, "networkInterfaceId": endpoint}
        tie = step(ATTACHMENT, "t", inputs, links=links)
        assert judge(preview(group, rule, tie)).exit_status == status
    plain = step(INGRESS, "r", web(securityGroupId=UNKNOWN), dependencies=[urn(GROUP, "g")])
    assert judge(preview(group, plain, tie)).exit_status == 3


def test_a_link_to_something_else_explains_nothing():
    group = step(GROUP, "g", {"name": "g"})
    other = urn("pulumi:pulumi:StackReference", "net")
    inputs = {"securityGroupId": UNKNOWN, "networkInterfaceId": OPEN}
    tie = step(ATTACHMENT, "t", inputs, links={"securityGroupId": [urn(GROUP, "g")]})
    for links in ([], [other], [urn(GROUP, "g"), other]):
        rule = step(INGRESS, "r", web(securityGroupId=UNKNOWN), links={"securityGroupId": links})
        found = judge(preview(group, rule, tie))
        assert urn(INGRESS, "r") in [note.resource for note in found.not_judged]
    secret = step(
        INGRESS, "r", web(securityGroupId=SECRET), links={"securityGroupId": [urn(GROUP, "g")]}
    )
    assert judge(preview(group, secret, tie)).exit_status == 4


def test_unknown_groups_in_a_list_are_counted():
    links = {"securityGroups": [urn(GROUP, "g")]}
    open_group = step(GROUP, "g", {"ingress": [block()]})
    one = step(INTERFACE, "i", {"securityGroups": [UNKNOWN]}, links=links)
    assert judge(preview(open_group, one)).exit_status == 3
    two = step(INTERFACE, "i", {"securityGroups": [UNKNOWN, UNKNOWN]}, links=links)
    found = judge(preview(step(GROUP, "g", {}), two))
    assert [note.resource for note in found.not_judged] == [urn(INTERFACE, "i")]
    mixed = {"securityGroups": [urn(GROUP, "g"), urn("pulumi:pulumi:StackReference", "net")]}
    three = step(INTERFACE, "i", {"securityGroups": ["sg-7", UNKNOWN]}, links=mixed)
    assert judge(preview(open_group, three)).exit_status == 3


@pytest.mark.parametrize(
    "inputs",
    [
        {"vpcSecurityGroupIds": ["sg-1"]},
        {"securityGroups": ["sg-1"]},
        {"securityGroups": ["web"]},
    ],
)
def test_an_instance_is_its_primary_interface(inputs):
    group = step(GROUP, "g", {"name": "web"}, op="same", id="sg-1")
    for interface, status in ((OPEN, 0), (CLOSED, 3)):
        shown = {"primaryNetworkInterfaceId": interface, "publicIp": ""}
        machine = step(INSTANCE, "i", inputs, op="same", id="i-1", outputs=shown)
        assert judge(preview(RULE, group, machine)).exit_status == status
        external = step(
            ATTACHMENT, "t", {"securityGroupId": "sg-5", "networkInterfaceId": interface}
        )
        other = step(INGRESS, "q", web(securityGroupId="sg-5"))
        assert judge(preview(other, group, machine, external)).exit_status == status


def test_a_new_instance_is_nothing_that_the_feed_knows():
    machine = step(INSTANCE, "i", {"vpcSecurityGroupIds": ["sg-1"]})
    assert judge(preview(RULE, machine)).exit_status == 3
    hidden = step(
        INSTANCE, "i", {"vpcSecurityGroupIds": ["sg-1"], "associatePublicIpAddress": False}
    )
    assert judge(preview(RULE, hidden)).exit_status == 3
    assert judge(preview(RULE, hidden), flag=True).exit_status == 0
    assert judge(preview(RULE, machine), flag=True).exit_status == 3


ADDRESS = {"publicIp": "52.83.1.1", "allocationId": "eipalloc-1"}


@pytest.mark.parametrize(
    ("address", "association", "status"),
    [
        ({"instance": UNKNOWN}, None, 0),
        ({}, {"instanceId": UNKNOWN, "allocationId": "eipalloc-1"}, 0),
        ({}, {"instanceId": UNKNOWN, "publicIp": "52.83.1.1"}, 0),
        ({}, {"instanceId": UNKNOWN, "publicIp": "52.83.1.2"}, 3),
        ({}, {"instanceId": UNKNOWN, "publicIp": "52.83.77.7"}, 3),
        ({}, None, 3),
    ],
)
def test_an_address_ties_through_its_association(address, association, status):
    machine = step(INSTANCE, "i", {"vpcSecurityGroupIds": ["sg-1"]})
    to_machine = {"instance": [urn(INSTANCE, "i")], "instanceId": [urn(INSTANCE, "i")]}
    eip = step(
        EIP, "a", address, op="update", old={}, id="eipalloc-1", outputs=ADDRESS, links=to_machine
    )
    steps = [RULE, machine, eip]
    if association is not None:
        steps.append(step(ASSOCIATION, "b", association, links=to_machine))
    assert judge(preview(*steps)).exit_status == status


def test_a_new_address_is_filed_by_nobody():
    eip = step(EIP, "a", {"networkInterface": OPEN})
    found = judge(preview(SAME_RULE, tied(OPEN), eip))
    assert found.exit_status == 3
    assert urn(EIP, "a") in found.violations[0].reason
    unseen = step(ASSOCIATION, "b", {"networkInterfaceId": OPEN, "allocationId": "eipalloc-9"})
    found = judge(preview(SAME_RULE, tied(OPEN), unseen))
    assert [note.resource for note in found.not_judged] == [urn(ASSOCIATION, "b")]
    standing = step(
        ASSOCIATION, "b", {"networkInterfaceId": OPEN, "allocationId": "eipalloc-9"}, op="same"
    )
    assert judge(preview(SAME_RULE, tied(OPEN), standing)).exit_status == 0


def test_addresses_of_an_instance_are_those_of_its_interfaces():
    interface = step(INTERFACE, "n", {"securityGroups": ["sg-1"]})
    links = {"networkInterfaceId": [urn(INTERFACE, "n")], "instanceId": [urn(INSTANCE, "i")]}
    machine = step(
        INSTANCE,
        "i",
        {"networkInterfaces": [{"deviceIndex": 0, "networkInterfaceId": UNKNOWN}]},
        links={"networkInterfaces": [urn(INTERFACE, "n")]},
    )
    bare = step(INSTANCE, "i", {"networkInterfaces": [{"networkInterfaceId": "eni-x"}]})
    joined = step(
        INTERFACE_ATTACHMENT,
        "j",
        {"instanceId": UNKNOWN, "networkInterfaceId": UNKNOWN, "deviceIndex": 0},
        links=links,
    )
    for ip, status in (("52.83.1.1", 0), ("52.83.1.2", 3)):
        eip = step(ASSOCIATION, "b", {"instanceId": UNKNOWN, "publicIp": ip}, links=links)
        assert judge(preview(RULE, interface, machine, eip)).exit_status == status
        assert judge(preview(RULE, interface, bare, joined, eip)).exit_status == status


def test_an_interface_that_says_which_instance_it_is_attached_to():
    machine = step(INSTANCE, "i", {"networkInterfaces": [{"networkInterfaceId": "eni-x"}]})
    links = {"attachments": [urn(INSTANCE, "i")], "instanceId": [urn(INSTANCE, "i")]}
    inputs = {
        "securityGroups": ["sg-1"],
        "attachments": [{"instance": UNKNOWN, "deviceIndex": 0}],
    }
    interface = step(INTERFACE, "n", inputs, links=links)
    for ip, status in (("52.83.1.1", 0), ("52.83.1.2", 3)):
        eip = step(ASSOCIATION, "b", {"instanceId": UNKNOWN, "publicIp": ip}, links=links)
        assert judge(preview(RULE, machine, interface, eip)).exit_status == status


def test_an_address_whose_target_is_unknown_is_not_judged():
    eip = step(EIP, "a", {"instance": UNKNOWN}, op="same", id="eipalloc-1", outputs=ADDRESS)
    found = judge(preview(eip))
    assert [note.resource for note in found.not_judged] == [urn(EIP, "a")]
    tie = step(ATTACHMENT, "t", {"securityGroupId": "sg-1", "networkInterfaceId": UNKNOWN})
    found = judge(preview(step(GROUP, "g", {"ingress": []}, op="same", id="sg-1"), tie))
    assert [note.resource for note in found.not_judged] == [urn(ATTACHMENT, "t")]
    own = step(EIP, "a", {"instance": "i-1", "address": "52.83.1.1"})
    machine = step(INSTANCE, "i", {"vpcSecurityGroupIds": ["sg-1"]}, op="same", id="i-1")
    assert judge(preview(RULE, machine, own)).exit_status == 0, "it asks for a filed address"


def test_an_instance_takes_the_groups_of_its_template():
    template = step(TEMPLATE, "l", {"vpcSecurityGroupIds": ["sg-1"]}, op="same", id="lt-1")
    shown = {"primaryNetworkInterfaceId": CLOSED}
    machine = step(
        INSTANCE, "i", {"launchTemplate": {"id": "lt-1"}}, op="same", id="i-1", outputs=shown
    )
    assert judge(preview(RULE, template)).exit_status == 3
    assert judge(preview(RULE, template), flag=True).exit_status == 0
    assert judge(preview(RULE, template, machine), flag=True).exit_status == 3
    inner = {"networkInterfaces": [{"securityGroups": ["sg-1"]}]}
    template = step(TEMPLATE, "l", inner, op="same", id="lt-1")
    assert judge(preview(RULE, template, machine), flag=True).exit_status == 3


def test_an_unknown_template_is_not_judged():
    for value in (UNKNOWN, {"id": UNKNOWN}, {"name": SECRET}):
        machine = step(INSTANCE, "i", {"launchTemplate": value})
        found = judge(preview(machine))
        assert [note.resource for note in found.not_judged] == [urn(INSTANCE, "i")]
    outside = step(INSTANCE, "i", {"launchTemplate": {"id": "lt-9"}})
    assert judge(preview(outside)).exit_status == 4
    own = step(INSTANCE, "i", {"launchTemplate": UNKNOWN, "vpcSecurityGroupIds": ["sg-1"]})
    group = step(GROUP, "g", {"ingress": []}, op="same", id="sg-1")
    assert judge(preview(own, group)).exit_status == 0


def test_unknown_addresses_of_a_load_balancer_are_not_judged():
    for mappings in (UNKNOWN, [UNKNOWN], [{"allocationId": UNKNOWN}]):
        inputs = {"securityGroups": ["sg-1"], "subnetMappings": mappings}
        balancer = step(BALANCER, "b", inputs, op="update", id=ALB, old={})
        group = step(GROUP, "g", {"ingress": [block()]}, op="same", id="sg-1")
        found = judge(preview(balancer, group))
        assert [note.resource for note in found.not_judged] == [urn(BALANCER, "b")]


def test_what_names_no_group_has_the_default_one():
    group = step(DEFAULT_GROUP, "d", {"ingress": [block()]}, op="same", id="sg-d")
    machine = step(INSTANCE, "i", {})
    assert judge(preview(group), flag=True).exit_status == 0
    assert judge(preview(group, machine), flag=True).exit_status == 3
    named = step(INSTANCE, "i", {"vpcSecurityGroupIds": ["sg-2"]})
    assert judge(preview(group, named), flag=True).violations == ()


@pytest.mark.parametrize(
    "token",
    [
        BALANCER,
        "aws:alb/loadBalancer:LoadBalancer",
        "aws:elasticloadbalancingv2/loadBalancer:LoadBalancer",
        "aws:applicationloadbalancing/loadBalancer:LoadBalancer",
        "aws:lb:LoadBalancer",
    ],
)
def test_load_balancers_by_whatever_name(token):
    inputs = {"securityGroups": ["sg-1"]}
    standing = step(token, "b", inputs, op="same", id=ALB)
    assert judge(preview(RULE, standing)).exit_status == 0
    assert judge(preview(RULE, step(token, "b", inputs))).exit_status == 3
    internal = step(token, "b", {**inputs, "internal": True})
    assert judge(preview(RULE, internal), flag=True).exit_status == 0
    closed = step(token, "b", inputs, op="same", id=NLB)
    assert judge(preview(RULE, closed)).exit_status == 3


def test_a_classic_load_balancer_is_known_by_its_name():
    inputs = {"securityGroups": ["sg-1"], "name": "old"}
    assert judge(preview(RULE, step(CLASSIC, "b", inputs, op="same", id="old"))).exit_status == 0
    assert judge(preview(RULE, step(CLASSIC, "b", inputs, op="same", id="new"))).exit_status == 3
    made = step(CLASSIC, "b", inputs)
    assert judge(preview(RULE, made)).exit_status == 3


def test_a_network_load_balancer_without_groups_is_what_it_listens_on():
    balancer = step(BALANCER, "b", {"loadBalancerType": "network"}, op="same", id=NLB)
    for protocol, port, status in (
        ("TCP", 443, 3),
        ("TLS", 443, 3),
        ("UDP", 443, 3),
        ("UDP", 80, 0),
        ("TCP", 22, 0),
        ("TCP", "443", 3),
        ("TCP", UNKNOWN, 4),
        ("NEW", 443, 3),
    ):
        inputs = {"loadBalancerArn": NLB, "port": port, "protocol": protocol}
        listener = step(LISTENER, "l", inputs)
        assert judge(preview(balancer, listener)).exit_status == status, (protocol, port)
    grouped = step(
        BALANCER,
        "b",
        {"loadBalancerType": "network", "securityGroups": ["sg-2"]},
        op="same",
        id=NLB,
    )
    listener = step(LISTENER, "l", {"loadBalancerArn": NLB, "port": 443, "protocol": "TCP"})
    assert judge(preview(grouped, listener)).exit_status == 0
    internal = step(
        BALANCER, "b", {"loadBalancerType": "network", "internal": True}, op="same", id="arn:x"
    )
    inside = step(LISTENER, "l", {"loadBalancerArn": "arn:x", "port": 443, "protocol": "TCP"})
    assert judge(preview(internal, inside)).exit_status == 0
    assert judge(preview(listener)).exit_status == 4, "who knows whether it has groups"


def test_a_network_load_balancer_on_filed_addresses_is_open():
    eip = step(EIP, "a", {}, op="same", id="eipalloc-1", outputs=ADDRESS)
    balancer = step(
        BALANCER,
        "b",
        {"loadBalancerType": "network", "subnetMappings": [{"allocationId": "eipalloc-1"}]},
    )
    links = {"loadBalancerArn": [urn(BALANCER, "b")]}
    inputs = {"loadBalancerArn": UNKNOWN, "port": 443, "protocol": "TCP"}
    listener = step(LISTENER, "l", inputs, links=links)
    found = judge(preview(eip, balancer, listener))
    assert {one.sources for one in found.violations} == {("::/0",)}, "its subnets may give IPv6"


def test_a_database_is_nothing_that_the_feed_decides_on():
    database = step(DATABASE, "d", {"vpcSecurityGroupIds": ["sg-1"]})
    assert judge(preview(RULE, database)).exit_status == 3
    assert judge(preview(RULE, database), flag=True).exit_status == 0


def test_ipv6_is_decided_apart():
    six = step(INGRESS, "r", web(cidrIpv4=None, cidrIpv6="::/0"))
    assert judge(preview(six, tied("eni-both"))).exit_status == 3
    found = judge(preview(six, tied(OPEN)))
    assert (found.exit_status, len(found.warnings)) == (0, 1)
    found = judge(preview(six, tied(CLOSED)))
    assert (found.exit_status, len(found.warnings)) == (0, 1)
    assert judge(preview(six, tied("eni-nobody"))).exit_status == 3
    dual = step(
        BALANCER,
        "b",
        {"securityGroups": ["sg-1"], "ipAddressType": "dualstack"},
        op="same",
        id=ALB,
    )
    assert judge(preview(six, dual)).exit_status == 3
    only = decided("eni-six", "open", "2406:da70::6", family="ipv6")
    assert judge(preview(six, tied("eni-six")), data=feed(only)).exit_status == 0
    assert judge(preview(RULE, tied("eni-six")), data=feed(only)).exit_status == 3


def test_joining_a_group_that_the_plan_does_not_hold_is_not_judged():
    tie = tied(CLOSED, op="create")
    assert judge(preview(tie)).exit_status == 4
    assert judge(preview(tied(CLOSED))).exit_status == 0, "it is so already"
    assert judge(preview(tied(OPEN, op="create"))).exit_status == 0
    group = step(GROUP, "g", {"ingress": []}, op="same", id="sg-1")
    assert judge(preview(group, tie)).exit_status == 0
    hidden = preview(group, tie, changeSummary={"create": 1, "same": 7})
    assert judge(hidden).exit_status == 4, "unchanged rules of the group are left out"


def test_a_preview_without_sames_warns_that_a_group_may_be_shared():
    group = step(GROUP, "g", {"name": "g"}, op="same", id="sg-1")
    steps = (group, RULE, tied(OPEN))
    assert judge(preview(*steps, changeSummary={"same": 2})).warnings == ()
    found = judge(preview(*steps, changeSummary={"same": 3}))
    assert (found.exit_status, len(found.warnings)) == (0, 1)


def test_a_tie_on_hold_must_stand_already():
    standing = step(
        INTERFACE, "n", {"securityGroups": ["sg-0", "sg-1"]}, op="update", id=HOLD,
        old={"securityGroups": ["sg-1"]},
    )  # fmt: skip
    other = step(GROUP, "o", {}, op="same", id="sg-0")
    assert judge(preview(RULE, other, standing)).exit_status == 0
    joining = step(
        INTERFACE, "n", {"securityGroups": ["sg-0", "sg-1"]}, op="update", id=HOLD,
        old={"securityGroups": ["sg-0"]},
    )  # fmt: skip
    assert judge(preview(RULE, other, joining)).exit_status == 3
    replaced = step(INTERFACE, "n", {"securityGroups": ["sg-1"]}, op="replace", id=HOLD)
    assert judge(preview(RULE, replaced)).exit_status == 3
    links = {"securityGroups": [urn(GROUP, "g")], "securityGroupId": [urn(GROUP, "g")]}
    group = step(GROUP, "g", {"name": "h"}, op="replace", old={"name": "g"}, id="sg-1")
    moved = step(
        INTERFACE, "n", {"securityGroups": [UNKNOWN]}, op="update", id=HOLD, links=links,
        old={"securityGroups": ["sg-1"]},
    )  # fmt: skip
    rule = step(INGRESS, "r", web(securityGroupId=UNKNOWN), links=links)
    assert judge(preview(group, moved, rule)).exit_status == 3
    imported = step(INTERFACE, "n", {"securityGroups": ["sg-1"]}, op="import", id=HOLD)
    assert judge(preview(RULE, imported)).exit_status == 3


def test_what_the_plan_makes_anew_is_not_what_the_feed_decided_on():
    for op in ("create", "replace"):
        made = step(INTERFACE, "n", {"securityGroups": ["sg-1"]}, op=op, id=OPEN)
        assert judge(preview(RULE, made)).exit_status == 3
    kept = step(INTERFACE, "n", {"securityGroups": ["sg-1"]}, op="update", id=OPEN, old={})
    assert judge(preview(RULE, kept)).exit_status == 0


def test_an_import_is_judged_as_a_creation():
    rule = step(INGRESS, "r", web(), op="import", id="sgr-1")
    assert judge(preview(rule, tied(CLOSED))).exit_status == 3
    assert judge(preview(rule, tied(OPEN))).exit_status == 0


def test_a_replacement_in_whatever_steps():
    for ops in (("replace",), ("create-replacement", "replace", "delete-replaced")):
        steps = [step(INGRESS, "r", web(), op=op, old=web(fromPort=22, toPort=22)) for op in ops]
        for one in steps:
            if one["op"] == "delete-replaced":
                del one["newState"]
        assert judge(preview(*steps, tied(CLOSED))).exit_status == 3
        assert judge(preview(*steps, tied(OPEN))).exit_status == 0


@pytest.mark.parametrize(
    "token",
    [
        "aws-native:ec2:SecurityGroup",
        "aws-native:ec2:SecurityGroupIngress",
        "aws-native:elasticloadbalancingv2:LoadBalancer",
        "aws-native:ec2:Instance",
        "awscc:ec2/securityGroup:SecurityGroup",
        "aws-native:somethingnew:Thing",
    ],
)
def test_types_of_other_packages_are_not_judged(token):
    found = judge(preview(step(token, "x", {}), step(token, "y", {}, op="same")))
    assert len(found.not_judged) == 2
    assert judge(export(step(token, "x", {}))).exit_status == 4
    assert judge(preview(step(token, "x", {}, op="delete"))).exit_status == 0
    assert judge(preview(step("aws-native:s3:Bucket", "x", {"n": UNKNOWN}))).exit_status == 0
    shown = judge_resources(pulumi_resource(urn(token, "x"), token, {}))
    assert shown.exit_status == 4


def judge_resources(*resources):
    from gatekeeper.policy import default_policy
    from gatekeeper.stacks import parse_decisions
    from gatekeeper.stacks.check import check
    from tests.unit.stacks.check.plans import AT

    decisions = parse_decisions(feed(), name="feed", at=AT)
    return check(blueprint(resources), decisions, default_policy(), at=AT)


def test_a_policy_pack_builds_the_same_resources():
    links = {"securityGroupId": [urn(GROUP, "g")]}
    group = pulumi_resource(urn(GROUP, "g"), GROUP, {"name": "g"})
    rule = pulumi_resource(
        urn(INGRESS, "r"),
        INGRESS,
        web(securityGroupId=UNKNOWN, fromPort=443.0),
        property_dependencies=links,
    )
    tie = pulumi_resource(
        urn(ATTACHMENT, "t"),
        ATTACHMENT,
        {"securityGroupId": UNKNOWN, "networkInterfaceId": CLOSED},
        property_dependencies=links,
    )
    assert rule.after["security_group_id"] is UNKNOWN_VALUE
    assert (
        pulumi_resource("u", INGRESS, web(cidrIpv4="[secret]")).after["cidr_ipv4"] is SECRET_VALUE
    )
    found = judge_resources(group, rule, tie)
    assert [one.resource for one in found.violations] == [urn(INGRESS, "r")]


def test_a_feed_that_is_not_believed_allows_nothing():
    import json

    from gatekeeper.policy import default_policy
    from gatekeeper.stacks import load_decisions
    from gatekeeper.stacks.check import check, read_blueprint
    from tests.unit.stacks.check.plans import AT

    decisions = load_decisions("no-such-file.json", at=AT)
    plan = read_blueprint(json.dumps(preview(RULE, tied(OPEN))).encode(), name="p")
    found = check(plan, decisions, default_policy(), at=AT)
    assert found.exit_status == 3
    assert "no-such-file.json" in found.violations[0].reason


def test_two_resources_of_one_name_are_refused():
    resource = pulumi_resource(urn(GROUP, "g"), GROUP, {})
    with pytest.raises(PlanRefused, match="twice"):
        judge_resources(resource, resource)


def test_cloudformation_is_said_aloud():
    found = judge(preview(step("aws:cloudformation/stack:Stack", "s", {"templateBody": "{}"})))
    assert (found.exit_status, len(found.warnings)) == (0, 1)


def test_a_state_says_what_is_open():
    group = step(GROUP, "g", {"ingress": [block()]}, op="same", id="sg-1")
    assert judge(export(group, tied(CLOSED))).exit_status == 3
    assert judge(export(group, tied(OPEN))).exit_status == 0
    seen = {"ingress": [block(cidrBlocks=["52.0.0.0/8"])]}
    group = step(GROUP, "g", {}, op="same", id="sg-1", outputs=seen)
    assert judge(export(group, tied(CLOSED))).exit_status == 3, "what was seen on AWS counts"
    pending = [{"type": "creating", "resource": step(INGRESS, "r", web())["newState"]}]
    assert judge(export(pending_operations=pending)).exit_status == 4
    leaving = step(INGRESS, "r", web(), delete=True)
    found = judge(export(leaving, tied(CLOSED)))
    assert (found.exit_status, len(found.warnings)) == (0, 1)
