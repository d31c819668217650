"""Plans that once passed and must not, or once ended in a traceback."""

from __future__ import annotations

import pytest

from gatekeeper.errors import PlanRefused
from tests.unit.stacks.check.plans import (
    ALB,
    BALANCER,
    CLOSED,
    GROUP,
    INGRESS,
    LISTENER,
    OPEN,
    UNKNOWN,
    block,
    export,
    judge,
    preview,
    step,
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
