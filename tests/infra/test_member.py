"""infra/member, run whole under mocks: what a guarded account gets, and what is refused."""

from __future__ import annotations

import json
import re
from collections import Counter

import pulumi
import pytest
import yaml

from gatekeeper.aws import permissions
from gatekeeper.aws.events import HEEDED
from gatekeeper.aws.guard import MOST_BYTES, guard_policy
from tests.infra.conftest import MEMBER
from tests.infra.programs import INFRA, run
from tests.infra.sound import check_everything, check_sources, check_statements, findings

TAGS = {
    "team": "carrier-operations",
    "gatekeeper:project": "gatekeeper-member",
    "gatekeeper:environment": "test",
}
GATE = {"gatekeeper:managed": "true", "gatekeeper:owner": "nwcd-gatekeeper"}


@pytest.fixture(scope="module")
def ran():
    return run("member", MEMBER)


@pytest.fixture(scope="module")
def full():
    """Every part, every option."""
    return run(
        "member",
        MEMBER
        | {
            "parts": ["roles", "forwarding", "gates", "guard"],
            "securityHub": "true",
            "vpcIds": ["vpc-0123456789abcdef0", "vpc-0123456789abcdef1"],
            "guardTargets": ["ou-exam-12345678", "111122223333"],
        },
    )


def policies(ran, role):
    return {
        name.removeprefix(f"{role}-"): one.json("policy")
        for name, one in ran.of("iam.RolePolicy").items()
        if one.inputs["role"] == role
    }


def test_it_makes_what_the_readme_says(ran, full):
    assert ran.counts() == Counter(
        {
            "cloudwatch.EventRule": 1,
            "cloudwatch.EventTarget": 1,
            "iam.Policy": 2,
            "iam.Role": 3,
            "iam.RolePolicy": 6,
        }
    )
    assert full.counts() - ran.counts() == Counter(
        {
            "ec2.SecurityGroup": 4,
            "vpc.SecurityGroupIngressRule": 16,
            "iam.RolePolicy": 2,
            "organizations.Policy": 1,
            "organizations.PolicyAttachment": 2,
        }
    )


def test_every_resource_is_sound(ran):
    check_everything(ran, "111122223333", TAGS)
    check_statements(ran, anywhere={"sts:GetCallerIdentity"})
    check_sources("member")


def test_the_outputs_are_what_the_readme_names(full):
    text = (INFRA / "member" / "README.md").read_text(encoding="utf-8")
    assert [name for name in full.outputs if f"`{name}`" not in text] == []
    assert full.outputs["changeRoleArn"] == "arn:aws-cn:iam::999988887777:role/gatekeeper"


# --- roles


@pytest.mark.parametrize("name", ["gatekeeper", "gatekeeper-read"])
def test_a_role_trusts_one_principal_with_one_external_id(ran, name):
    role = ran.one("iam.Role", name)
    (trust,) = role.json("assumeRolePolicy")["Statement"]
    assert trust["Principal"] == {"AWS": MEMBER["gatekeeperRoleArn"]}
    assert trust["Action"] == "sts:AssumeRole"
    assert trust["Condition"] == {"StringEquals": {"sts:ExternalId": MEMBER["externalId"]}}
    assert role.inputs["maxSessionDuration"] == 3600
    assert role.inputs["permissionsBoundary"].endswith(f"/{name}-boundary")


def test_the_roles_have_the_declared_policies_and_no_more(ran, full):
    region = {"region": "cn-northwest-1"}
    read, attribute, change = (
        permissions.read_policy("aws-cn", **region),
        permissions.attribute_policy("aws-cn", **region),
        permissions.change_policy("aws-cn", **region),
    )
    assert policies(ran, "gatekeeper-read") == {"read": read, "attribute": attribute}
    assert policies(ran, "gatekeeper") == {
        "read": read,
        "attribute": attribute,
        "change": change,
    }
    export = permissions.export_policy("aws-cn", **region)
    assert policies(full, "gatekeeper-read")["export"] == export


def test_the_boundaries_hold_each_role(ran):
    boundary = ran.one("iam.Policy", "gatekeeper-boundary").json("policy")
    assert boundary == permissions.boundary_policy("aws-cn")
    reading = ran.one("iam.Policy", "gatekeeper-read-boundary").json("policy")
    assert reading == permissions.boundary_policy("aws-cn", change=False)
    for name in ("gatekeeper", "gatekeeper-read"):
        limit = ran.one("iam.Policy", f"{name}-boundary").json("policy")["Statement"]
        for policy in policies(ran, name).values():
            assert all(one in limit for one in policy["Statement"])


def test_the_region_of_the_config_is_in_every_policy():
    made = run("member", MEMBER | {"region": "cn-north-1", "parts": ["roles"]})
    for one in [*made.of("iam.RolePolicy").values(), *made.of("iam.Policy").values()]:
        assert "cn-northwest-1" not in one.inputs["policy"]
    assert "cn-north-1" in made.one("iam.RolePolicy", "gatekeeper-change").inputs["policy"]


def test_an_account_may_be_read_only():
    made = run("member", MEMBER | {"change": "false", "attribute": "false", "parts": ["roles"]})
    assert made.of("iam.Role").keys() == {"gatekeeper-read"}
    assert policies(made, "gatekeeper-read").keys() == {"read"}
    assert "changeRoleArn" not in made.outputs


# --- forwarding


def test_events_go_to_the_one_bus(ran):
    rule = ran.one("cloudwatch.EventRule")
    assert rule.json("eventPattern")["detail"]["eventName"] == list(HEEDED)
    assert not rule.inputs.get("eventBusName"), "CloudTrail's events come on the default bus"
    target = ran.one("cloudwatch.EventTarget").inputs
    assert target["arn"] == MEMBER["eventBusArn"]
    (forward,) = policies(ran, "gatekeeper-forward").values()
    (put,) = forward["Statement"]
    assert (put["Action"], put["Resource"]) == (["events:PutEvents"], MEMBER["eventBusArn"])
    assert findings(json.dumps({"Version": "2012-10-17", "Statement": [put]})) == set()
    (trust,) = ran.one("iam.Role", "gatekeeper-forward").json("assumeRolePolicy")["Statement"]
    assert trust["Principal"] == {"Service": "events.amazonaws.com"}
    assert trust["Condition"] == {"StringEquals": {"aws:SourceAccount": "111122223333"}}


# --- gates


def test_the_gates_are_those_that_gatekeeper_would_make(full):
    groups = full.of("ec2.SecurityGroup").values()
    found = {(one.inputs["vpcId"], one.inputs["name"]) for one in groups}
    assert found == {
        (vpc, name)
        for vpc in ("vpc-0123456789abcdef0", "vpc-0123456789abcdef1")
        for name in ("gatekeeper-gate", "gatekeeper-gate-v6")
    }
    for one in groups:
        assert GATE.items() <= one.inputs["tags"].items()
        assert one.protect
        assert one.provider
    opened = Counter(
        (one.inputs["ipProtocol"], int(one.inputs["fromPort"]), one.inputs.get("cidrIpv4", "v6"))
        for one in full.of("vpc.SecurityGroupIngressRule").values()
    )
    wanted = [("tcp", 80), ("tcp", 443), ("tcp", 8080), ("udp", 443)]
    assert opened == Counter(
        {(*port, source): 2 for port in wanted for source in ("0.0.0.0/0", "v6")}
    )


def test_the_policy_says_whose_the_gates_are_and_what_they_let_in(tmp_path):
    (tmp_path / "gate.yaml").write_text(
        "owner: example-owner\nopened: [{protocol: tcp, ports: [443]}]\n"
    )
    made = run(
        "member",
        MEMBER
        | {
            "parts": ["gates"],
            "vpcIds": ["vpc-0123456789abcdef0"],
            "policyFile": "gate.yaml",
        },
        beside=tmp_path,
    )
    assert made.counts() == Counter({"ec2.SecurityGroup": 2, "vpc.SecurityGroupIngressRule": 2})
    for one in made.of("ec2.SecurityGroup").values():
        assert one.inputs["tags"]["gatekeeper:owner"] == "example-owner"


# --- the guard


def test_the_guard_is_rendered_and_attached_only_where_it_is_asked_for(ran, full):
    assert ran.outputs["guard"] == guard_policy("aws-cn")
    assert "organizations.Policy" not in ran.counts()
    policy = full.one("organizations.Policy")
    assert policy.json("content") == guard_policy("aws-cn")
    assert policy.inputs["type"] == "SERVICE_CONTROL_POLICY"
    assert len(policy.inputs["content"]) <= MOST_BYTES
    targets = {one.inputs["targetId"] for one in full.of("organizations.PolicyAttachment").values()}
    assert targets == {"ou-exam-12345678", "111122223333"}


def test_the_guard_alone_needs_neither_roles_nor_a_bus():
    only = {"accountId": "999988887777", "parts": "guard", "guardTargets": "r-exam"}
    made = run("member", only)
    assert made.counts() == Counter(
        {"organizations.Policy": 1, "organizations.PolicyAttachment": 1}
    )


def test_a_guard_that_does_not_fit_is_refused():
    many = [f"administrator-{one:040}" for one in range(40)]
    with pytest.raises(pulumi.RunError, match=r"5120: name fewer guardAdministrators"):
        run(
            "member",
            {
                "accountId": "999988887777",
                "parts": "guard",
                "guardTargets": "r-exam",
                "guardAdministrators": many,
            },
        )


# --- config


def known_keys():
    with pytest.raises(pulumi.RunError) as caught:
        run("member", {"nonsense": "1"})
    return set(re.search(r"the keys are (.*)$", str(caught.value))[1].split(", "))


def test_the_example_has_every_key_and_runs(tmp_path):
    text = (INFRA / "member" / "Pulumi.example.yaml").read_text(encoding="utf-8")
    told = re.findall(r"^ +(?:# )?gatekeeper-member:(\w+):", text, re.MULTILINE)
    assert set(told) == known_keys()
    every = re.sub(r"^(  )# (gatekeeper-member:\w+:)", r"\1\2", text, flags=re.MULTILINE)
    (tmp_path / "gate.yaml").write_text("")
    for one in (text, every):
        config = {
            key.removeprefix("gatekeeper-member:"): (
                value if isinstance(value, str) else json.dumps(value)
            )
            for key, value in yaml.safe_load(one)["config"].items()
        }
        assert run("member", config, beside=tmp_path).counts()["iam.Role"] == 3


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"gatekeeperRole": "x"}, ["gatekeeper-member:gatekeeperRole", "no such key"]),
        ({"accountId": "111"}, ["accountId", "'111'", "12 digits"]),
        ({"parts": ["roles", "bus"]}, ["parts", "roles, forwarding, gates, guard"]),
        ({"gatekeeperRoleArn": ""}, ["gatekeeperRoleArn is missing", "roleArn"]),
        ({"gatekeeperRoleArn": "arn:aws-cn:iam::999988887777:root"}, ["gatekeeperRoleArn"]),
        ({"externalId": ""}, ["externalId is missing"]),
        ({"eventBusArn": "gatekeeper"}, ["eventBusArn", "'gatekeeper'"]),
        ({"parts": ["gates"]}, ["vpcIds is missing"]),
        ({"parts": ["guard"]}, ["guardTargets is missing"]),
        ({"parts": ["guard"], "guardTargets": "everything"}, ["guardTargets", "'everything'"]),
        ({"sessionHours": "24"}, ["sessionHours", "from 1 to 12"]),
        ({"policyFile": "no.yaml"}, ["policyFile", "cannot read"]),
    ],
)
def test_wrong_config_is_refused_by_name(member_config, changed, words):
    with pytest.raises(pulumi.RunError) as caught:
        run("member", member_config | changed)
    for word in words:
        assert word in str(caught.value)
    assert "\n" not in str(caught.value)
