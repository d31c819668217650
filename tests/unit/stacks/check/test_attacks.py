"""Plans that once passed and must not, or once ended in a traceback."""

from __future__ import annotations

import pytest

from gatekeeper.errors import PlanRefused
from tests.unit.stacks.check.plans import (
    ALB,
    ASSOCIATION,
    BALANCER,
    CLOSED,
    DATABASE,
    DEFAULT_GROUP,
    EIP,
    GROUP,
    INGRESS,
    INSTANCE,
    INTERFACE,
    LIST,
    LIST_ENTRY,
    LISTENER,
    OPEN,
    TEMPLATE,
    UNKNOWN,
    block,
    change,
    decided,
    export,
    feed,
    held,
    judge,
    kept,
    preview,
    state,
    step,
    terraform,
    tf_web,
    tied,
    urn,
    web,
)


def test_a_huge_count_of_steps_is_no_crash():
    found = judge(preview(step(INGRESS, "r", web()), changeSummary={"create": 10**400}))
    assert found.not_judged[0].reason.startswith("the preview counts")


def test_diagnostics_that_are_none_are_refused():
    with pytest.raises(PlanRefused, match="diagnostics"):
        judge(preview(step(INGRESS, "r", web()), diagnostics=5))


@pytest.mark.parametrize(
    ("words", "status"),
    [
        ({}, 4),
        ({"protocol": "UDP"}, 4),
        ({"protocol": UNKNOWN}, 4),
        ({"port": UNKNOWN}, 4),
        ({"port": 22}, 0),
        ({"protocol": "HTTPS"}, 0),
        ({"protocol": "HTTPS", "port": UNKNOWN}, 0),
    ],
)
def test_a_listener_of_a_load_balancer_that_nobody_can_name_is_not_judged(words, status):
    inputs = {"loadBalancerArn": UNKNOWN, "port": 443, "protocol": "TCP", **words}
    assert judge(preview(step(LISTENER, "l", inputs))).exit_status == status


def test_a_listener_of_a_load_balancer_of_unknown_type_is_not_judged():
    balancer = step(BALANCER, "n", {"name": "n", "loadBalancerType": "[secret]"})
    inputs = {"loadBalancerArn": UNKNOWN, "port": 443, "protocol": "TCP"}
    links = {"loadBalancerArn": [urn(BALANCER, "n")]}
    found = judge(preview(balancer, step(LISTENER, "l", inputs, links=links)))
    assert [one.resource for one in found.not_judged] == [urn(LISTENER, "l")]


@pytest.mark.parametrize(("endpoint", "status"), [(CLOSED, 3), (OPEN, 0)])
def test_two_resources_may_stand_for_one_group(endpoint, status):
    one = step(GROUP, "a", {"name": "a"}, op="same", id="sg-1", outputs={"ingress": []})
    other = step(GROUP, "b", {"ingress": [block()]}, op="update", old={}, id="sg-1")
    attached = tied(endpoint)
    assert judge(preview(one, other, attached), flag=True).exit_status == status
    assert judge(preview(other, one, attached)).exit_status == status


def test_a_group_whose_id_is_its_own_address_is_no_crash():
    group = step(GROUP, "a", {"ingress": [block()]}, op="same", id=urn(GROUP, "a"))
    assert judge(preview(group, tied(CLOSED, group=urn(GROUP, "a")))).exit_status == 3


@pytest.mark.parametrize("form", [preview, export])
def test_what_aws_has_beyond_the_inline_rules_of_a_state_is_open(form):
    """A refresh shows a rule made by hand in the outputs; the inputs are as they were."""
    asked = {"ingress": [block(cidrBlocks=["10.0.0.0/8"])]}
    had = {"ingress": [block(fromPort=443.0, cidrBlocks=["10.0.0.0/8"]), block()]}
    group = step(GROUP, "g", asked, op="same", id="sg-1", outputs=had)
    closed = judge(form(group, tied(CLOSED)))
    assert [one.sources for one in closed.violations] == [("0.0.0.0/0",)]
    assert judge(form(group, tied(OPEN))).exit_status == 0
    changed = step(GROUP, "g", asked, op="update", old={}, id="sg-1", outputs=had)
    assert judge(preview(changed, tied(CLOSED))).exit_status == 0, "the update revokes it"


def test_a_usual_stack_with_an_approved_filing_passes():
    parts = (
        step("aws:ec2/vpc:Vpc", "v", {"cidrBlock": "10.1.0.0/16"}, op="same", id="vpc-1"),
        step(
            BALANCER,
            "alb",
            {"securityGroups": ["sg-1"], "subnets": ["subnet-a", "subnet-b"]},
            op="same",
            id=ALB,
            outputs={"arn": ALB, "internal": False, "loadBalancerType": "application"},
        ),
        step(GROUP, "g", {"vpcId": "vpc-1"}, op="same", id="sg-1", outputs={"ingress": []}),
        step(INGRESS, "http", web(fromPort=80, toPort=80)),
        step(INGRESS, "https", web()),
        step(LISTENER, "l", {"loadBalancerArn": ALB, "port": 443, "protocol": "HTTPS"}),
        step(GROUP, "tasks", {"vpcId": "vpc-1", "ingress": []}),
        step(
            INGRESS,
            "in",
            web(securityGroupId=UNKNOWN, cidrIpv4=None, referencedSecurityGroupId="sg-1"),
            links={"securityGroupId": [urn(GROUP, "tasks")]},
        ),
        step(
            "aws:ecs/service:Service",
            "s",
            {
                "networkConfiguration": {
                    "assignPublicIp": True,
                    "securityGroups": [UNKNOWN],
                    "subnets": [UNKNOWN],
                }
            },
            links={
                "networkConfiguration": [
                    urn(GROUP, "tasks"),
                    urn("aws:ec2/subnet:Subnet", "a"),
                ]
            },
        ),
        step("aws:ec2/eip:Eip", "nat", {"domain": "vpc"}),
        step("aws:ec2/natGateway:NatGateway", "nat", {"allocationId": UNKNOWN}),
    )
    found = judge(preview(*parts))
    assert (found.exit_status, found.warnings) == (0, ())


SERVICE = "aws:ecs/service:Service"
CONFIGURATION = "aws:ec2/launchConfiguration:LaunchConfiguration"
SHARED = step(BALANCER, "alb", {"securityGroups": ["sg-1"]}, op="same", outputs={"arn": ALB})


def _network(public):
    return {"networkConfiguration": {"assignPublicIp": public, "securityGroups": ["sg-1"]}}


def _template(public, **more):
    card = {"associatePublicIpAddress": public, "securityGroups": ["sg-1"]}
    return {"networkInterfaces": [{**card, **more}]}


@pytest.mark.parametrize(
    ("token", "inputs", "status"),
    [
        (SERVICE, _network(True), 3),
        (SERVICE, _network("[secret]"), 3),
        (SERVICE, _network(False), 0),
        (SERVICE, {}, 0),
        (TEMPLATE, _template("true"), 3),
        (TEMPLATE, _template("false"), 0),
        (TEMPLATE, {**_template(True, securityGroups=[]), "vpcSecurityGroupIds": ["sg-1"]}, 3),
        (TEMPLATE, {"vpcSecurityGroupIds": ["sg-1"]}, 0),
        (CONFIGURATION, {"associatePublicIpAddress": True, "securityGroups": ["sg-1"]}, 3),
        (CONFIGURATION, {"securityGroups": ["sg-1"]}, 0),
        (DATABASE, {"publiclyAccessible": True, "vpcSecurityGroupIds": ["sg-1"]}, 3),
        (DATABASE, {"publiclyAccessible": False, "vpcSecurityGroupIds": ["sg-1"]}, 0),
    ],
)
@pytest.mark.parametrize("op", ["create", "same"])
def test_an_open_group_is_not_shared_with_what_gets_public_addresses(token, inputs, status, op):
    """Beside a load balancer that is open: AWS chooses these addresses, so no filing has them."""
    maker = step(token, "maker", inputs, op=op, id="made" if op == "same" else None)
    found = judge(preview(step(INGRESS, "r", web()), SHARED, maker), flag=True)
    assert found.exit_status == status
    assert all(urn(token, "maker") in one.reason for one in found.violations)
    assert judge(preview(SHARED, maker, step(INGRESS, "r", web(fromPort=444)))).exit_status in (
        0,
        4,
    )


def test_public_tasks_in_terraforms_words():
    balancer = kept("aws_lb.a", {"id": ALB, "arn": ALB, "security_groups": ["sg-1"]})
    network = {"assign_public_ip": True, "security_groups": ["sg-1"], "subnets": ["subnet-1"]}
    service = change("aws_ecs_service.s", {"network_configuration": [network]})
    rule = change("aws_vpc_security_group_ingress_rule.r", tf_web())
    assert judge(terraform(rule, balancer, service)).exit_status == 3


def test_a_public_template_of_an_instance_is_that_instance():
    """An instance with a filed address of its own is open whatever its template says."""
    instance = step(
        INSTANCE,
        "m",
        {"launchTemplate": {"id": "lt-1"}},
        op="same",
        id="i-1",
        outputs={"primaryNetworkInterfaceId": OPEN, "publicIp": "52.83.1.1"},
    )
    template = step(TEMPLATE, "t", _template(True), op="same", id="lt-1")
    assert judge(preview(step(INGRESS, "r", web()), instance, template)).exit_status == 0


@pytest.mark.parametrize(
    ("token", "inputs", "had", "status"),
    [
        (EIP, {"networkInterface": "eni-private"}, None, 4),
        (EIP, {"networkInterface": "eni-private"}, {"networkInterface": OPEN}, 4),
        (EIP, {"networkInterface": "eni-nat"}, {"networkInterface": "eni-nat"}, 0),
        (EIP, {"domain": "vpc"}, {}, 0),
        (EIP, {"domain": "vpc"}, None, 0),
        (ASSOCIATION, {"networkInterfaceId": "eni-x", "allocationId": "eipalloc-9"}, None, 4),
        (ASSOCIATION, {"networkInterfaceId": "eni-x", "publicIp": "52.83.1.1"}, None, 0),
    ],
)
def test_a_new_address_for_what_has_its_groups_elsewhere_is_not_judged(token, inputs, had, status):
    op = "create" if had is None else "update"
    given = step(token, "e", inputs, op=op, old=had, id="eipalloc-1" if had is not None else None)
    assert judge(preview(given)).exit_status == status
    assert judge(preview({**given, "op": "same", "oldState": given["newState"]})).exit_status == 0


def test_a_new_address_for_what_has_its_groups_here_is_judged():
    interface = step(
        INTERFACE,
        "i",
        {"securityGroups": ["sg-1"]},
        op="same",
        id="eni-private",
    )
    group = step(GROUP, "g", {"ingress": []}, op="same", id="sg-1")
    address = step(EIP, "e", {"networkInterface": "eni-private"})
    assert judge(preview(interface, group, address)).exit_status == 0
    assert judge(preview(interface, address)).exit_status == 4
    opened = step(GROUP, "g", {"ingress": [block()]}, op="same", id="sg-1")
    assert judge(preview(interface, opened, address)).exit_status == 3


@pytest.mark.parametrize(
    ("cidr", "status"), [("0.0.0.0/0", 4), (UNKNOWN, 4), ("what", 4), ("10.0.0.0/8", 0)]
)
def test_a_list_that_lets_in_more_is_not_judged_where_no_rule_here_uses_it(cidr, status):
    old = {"name": "p", "entries": [{"cidr": "52.0.0.0/8"}]}
    new = {"name": "p", "entries": [{"cidr": cidr}, {"cidr": "52.0.0.0/8"}]}
    widened = step(LIST, "p", new, op="update", old=old, id="pl-1")
    entry = step(LIST_ENTRY, "e", {"cidr": cidr, "prefixListId": "pl-1"})
    assert judge(preview(widened)).exit_status == status
    assert judge(preview(entry)).exit_status == status
    assert judge(preview(step(LIST, "p", new))).exit_status == 0, "nobody uses a new list yet"
    assert judge(preview({**widened, "op": "same"})).exit_status == 0
    used = step(INGRESS, "r", web(cidrIpv4=None, prefixListId="pl-1", fromPort=22, toPort=22))
    assert judge(preview(widened, used)).exit_status == 0, "it is judged with its rule"


@pytest.mark.parametrize("value", [[], {}, [[]], {"a": []}])
def test_ids_of_a_strange_shape_are_no_crash(value):
    places = {"publicIp": value, "arn": value, "name": value, "primaryNetworkInterfaceId": value}
    steps = [
        step(token, "x", places, op="same", outputs=places)
        for token in (EIP, BALANCER, INSTANCE, GROUP, TEMPLATE)
    ]
    assert judge(preview(*steps)).violations == ()
    values = {"root_module": {"resources": [{"mode": "data", "address": value, "type": "aws_lb"}]}}
    with pytest.raises(PlanRefused, match="address"):
        judge(terraform(prior_state={"values": values}))
    assert judge(state(held("aws_lb.a", {"id": value, "arn": value}))).violations == ()


BOTH = feed(
    decided("eni-b", "open", "52.83.1.9"),
    decided("eni-b", "open", "2406:da70::9", family="ipv6"),
)
NINE, TEN = "2406:da70::9", "2406:da70::a"


@pytest.mark.parametrize(
    ("after", "before", "status"),
    [
        ({"ipv6Addresses": [NINE.upper()]}, {"ipv6Addresses": [NINE]}, 0),
        ({"ipv6Addresses": [NINE, TEN]}, {"ipv6Addresses": [NINE]}, 3),
        ({"ipv6Addresses": [NINE, UNKNOWN]}, {"ipv6Addresses": [NINE]}, 3),
        ({"ipv6AddressListEnabled": True, "ipv6AddressLists": [TEN]}, {}, 3),
        ({"ipv6AddressCount": 2}, {"ipv6AddressCount": 1}, 3),
        ({"ipv6AddressCount": UNKNOWN}, {"ipv6AddressCount": 1}, 3),
        ({"ipv6AddressCount": 1}, {"ipv6AddressCount": 1.0}, 0),
        ({"ipv6AddressCount": 1}, {"ipv6AddressCount": 2}, 0),
        ({"ipv6PrefixCount": 1}, {}, 3),
        ({"ipv6Prefixes": ["2406:da70:1::/80"]}, {}, 3),
        ({"description": "web"}, {"description": "Web"}, 0),
    ],
)
def test_a_new_ipv6_address_is_no_address_that_was_decided_on(after, before, status):
    group = {"securityGroups": ["sg-1"]}
    had = {"ipv6Addresses": [NINE], "ipv6AddressCount": before.get("ipv6AddressCount", 1)}
    interface = step(
        INTERFACE,
        "i",
        {**group, **after},
        op="update",
        old={**group, **before},
        id="eni-b",
        outputs=had,
    )
    rule = step(INGRESS, "r", web(cidrIpv4=None, cidrIpv6="::/0"))
    assert judge(preview(rule, interface), data=BOTH).exit_status == status
    assert judge(preview(step(INGRESS, "r", web()), interface), data=BOTH).exit_status == 0


def test_public_tasks_without_groups_hold_the_default_one():
    group = step(DEFAULT_GROUP, "g", {"ingress": [block()]}, op="same", id="sg-1")
    tasks = step(SERVICE, "s", {"networkConfiguration": {"assignPublicIp": True}})
    inside = step(SERVICE, "s", {"networkConfiguration": {"assignPublicIp": False}})
    assert judge(preview(group, SHARED, tasks)).exit_status == 3
    assert judge(preview(group, SHARED, inside)).exit_status == 0
