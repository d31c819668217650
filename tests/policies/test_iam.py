"""The documents in policies/iam allow what the code declares, and IAM can express every line."""

from __future__ import annotations

import json
import re
import warnings
from fnmatch import fnmatchcase
from functools import cache
from pathlib import Path

import pytest

from gatekeeper.aws import permissions
from gatekeeper.gate import gates

FOLDER = Path(__file__).parents[2] / "policies" / "iam"
PURPOSES = {
    "read": ("read",),
    "change": ("change",),
    "assume": ("assume",),
    "watch": ("watch", "bury"),
    "publish": ("publish",),
    "export": ("export",),
    "attribute": ("attribute",),
    "boundary": ("read", "change", "attribute", "export"),
}
MOST_CHARACTERS = 6144
"""Of a managed policy, white space not counted ("IAM and AWS STS quotas")."""

#: What parliament says that is so on purpose: (policy, finding, what it is about) and why.
ACCEPTED = {
    ("change", "RESOURCE_MISMATCH", "ec2:CreateSecurityGroup"): "two statements: the group with "
    "its tag and the VPC, which has none; parliament wants both in each",
    ("boundary", "RESOURCE_MISMATCH", "ec2:CreateSecurityGroup"): "as in change",
}


@cache
def parliament():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it still asks for pkg_resources
        import parliament

    return parliament


@cache
def defined(action):
    """What the IAM definition says of an action: resource types and condition keys, or nothing."""
    from policy_sentry.querying.actions import get_action_data

    service, name = action.split(":")
    return (get_action_data(service, name) or {}).get(service, ())


def document(name):
    return json.loads((FOLDER / f"{name}.json").read_text(encoding="utf-8"))


def statements():
    for path in sorted(FOLDER.glob("*.json")):
        for statement in document(path.stem)["Statement"]:
            yield pytest.param(statement, id=f"{path.stem}-{statement['Sid']}")


def listed(value):
    return [value] if isinstance(value, str) else value


def last_of(arn):
    return arn.split(":", 5)[5]


def fits(arn, template):
    """Whether a pattern of ours is one for resources of this kind: all but the ids are its own."""
    if arn == "*":
        return False
    ours, theirs = arn.split(":", 5), template.split(":", 5)
    shape = re.sub(r"\$\{[^}]*\}", "*", theirs[5])
    return ours[2] == theirs[2] and (fnmatchcase(ours[5], shape) or fnmatchcase(shape, ours[5]))


def test_every_document_has_a_purpose():
    assert {path.stem for path in FOLDER.iterdir()} == PURPOSES.keys()


@pytest.mark.parametrize("name", sorted(PURPOSES))
def test_a_document_allows_the_declared_calls_and_nothing_more(name):
    allowed = [action for one in document(name)["Statement"] for action in one["Action"]]
    declared = {action for purpose in PURPOSES[name] for action in permissions.actions(purpose)}
    assert set(allowed) == declared
    assert all(one["Effect"] == "Allow" for one in document(name)["Statement"])


def test_every_declared_call_is_in_a_document():
    assert permissions.actions("read"), "this loads every caller"
    written = {purpose for purposes in PURPOSES.values() for purpose in purposes}
    assert {kind for kind, _ in permissions._needed} == written


@pytest.mark.parametrize("statement", list(statements()))
def test_every_action_exists_and_none_is_a_pattern(statement):
    for action in statement["Action"]:
        assert "*" not in action
        assert defined(action), f"the IAM definition has no {action}"


@pytest.mark.parametrize("statement", list(statements()))
def test_the_resources_are_of_a_kind_that_the_action_takes(statement):
    for action in statement["Action"]:
        kinds = {row["resource_arn_format"] for row in defined(action)} - {"*"}
        for arn in listed(statement["Resource"]):
            if arn == "*":
                assert not kinds, f"{action} can be limited to {kinds}"
            else:
                assert any(fits(arn, kind) for kind in kinds), (action, arn)


@pytest.mark.parametrize("statement", list(statements()))
def test_every_place_is_named_as_far_as_iam_can(statement):
    """The partition always; the region where the service has regions."""
    for arn in listed(statement["Resource"]):
        if arn == "*":
            region = statement["Condition"]["StringEquals"]["aws:RequestedRegion"]
            assert region == "cn-northwest-1"
            continue
        _, partition, service, region, *_ = arn.split(":")
        assert partition == "aws-cn"
        assert region == ("" if service in ("iam", "s3") else "cn-northwest-1")


@pytest.mark.parametrize("statement", list(statements()))
def test_the_actions_know_the_conditions(statement):
    keys = {key for test in statement.get("Condition", {}).values() for key in test}
    for action in statement["Action"]:
        for arn in listed(statement["Resource"]):
            rows = [
                row
                for row in defined(action)
                if (kind := row["resource_arn_format"]) == "*" or fits(arn, kind)
            ]
            known = {key for row in rows for key in row["condition_keys"]}
            known = {re.sub(r"/\$\{TagKey\}$", "", key) for key in known}
            asked = {key.partition("/")[0] for key in keys} - {"aws:RequestedRegion"}
            assert asked <= known, (action, arn)


@pytest.mark.parametrize("name", sorted(PURPOSES))
def test_parliament_finds_nothing_but_what_is_meant(name):
    found = parliament().analyze_policy_string(json.dumps(document(name))).findings
    said = {
        (name, one.issue, one.detail[0]["action"] if isinstance(one.detail, list) else one.detail)
        for one in found
    }
    assert said == {key for key in ACCEPTED if key[0] == name}


def test_parliament_would_find_something():
    wrong = {"Effect": "Allow", "Action": "ec2:AuthoriseIngress", "Resource": "*"}
    text = json.dumps({"Version": "2012-10-17", "Statement": [wrong]})
    assert "UNKNOWN_ACTION" in {
        one.issue for one in parliament().analyze_policy_string(text).findings
    }


@pytest.mark.parametrize("name", sorted(PURPOSES))
def test_a_document_fits_into_a_managed_policy(name):
    assert len(re.sub(r"\s", "", json.dumps(document(name)))) <= MOST_CHARACTERS


def test_our_tags_are_those_of_the_gates():
    assert (permissions.MANAGED, permissions.OWNER) == (gates.MANAGED_TAG, gates.OWNER_TAG)


def limits(action):
    """Each statement about an action: what its ARNs end in, and its condition."""
    return [
        ([last_of(arn) for arn in listed(one["Resource"]) if arn != "*"], one.get("Condition"))
        for one in document("change")["Statement"]
        if action in one["Action"]
    ]


def test_a_group_is_made_with_our_tag_only():
    group, place = limits("ec2:CreateSecurityGroup")
    assert group == (
        ["security-group/*"],
        {"StringEquals": {"aws:RequestTag/gatekeeper:managed": "true"}},
    )
    assert place == (["vpc/*"], None)


@pytest.mark.parametrize("action", ["ec2:DeleteSecurityGroup", "ec2:RevokeSecurityGroupEgress"])
def test_only_groups_with_our_tag_are_deleted_or_lose_outbound_rules(action):
    assert limits(action) == [
        (["security-group/*"], {"StringEquals": {"aws:ResourceTag/gatekeeper:managed": "true"}})
    ]


def test_tags_are_set_on_what_is_made_and_on_nothing_else():
    ((kinds, condition),) = limits("ec2:CreateTags")
    assert kinds == ["security-group/*", "security-group-rule/*"]
    assert set(condition["StringEquals"]["ec2:CreateAction"]) == {
        "AuthorizeSecurityGroupIngress",
        "CreateSecurityGroup",
    }


def test_inbound_rules_of_anybodys_groups_can_be_narrowed():
    """A condition on tags here would leave the groups open that have to be closed."""
    for action in ("ec2:AuthorizeSecurityGroupIngress", "ec2:RevokeSecurityGroupIngress"):
        ((kinds, condition),) = limits(action)
        assert "security-group/*" in kinds
        assert condition is None


def test_the_boundary_of_a_reading_role_changes_nothing():
    made = permissions.boundary_policy(change=False)
    allowed = {action for one in made["Statement"] for action in one["Action"]}
    assert not allowed & set(permissions.actions("change"))
    assert set(permissions.actions("read")) < allowed


def test_another_region_is_named_everywhere():
    text = json.dumps(permissions.boundary_policy("aws-cn", region="cn-north-1"))
    assert "cn-northwest-1" not in text
    assert "cn-north-1" in text


def test_the_accounts_and_the_external_id_narrow_the_roles():
    made = permissions.assume_policy(
        "aws-cn", "auditor", accounts=("111122223333", "444455556666"), external_id="EXAMPLE-ID"
    )
    (statement,) = made["Statement"]
    assert statement["Resource"] == [
        "arn:aws-cn:iam::111122223333:role/auditor",
        "arn:aws-cn:iam::444455556666:role/auditor",
    ]
    assert statement["Condition"] == {"StringEquals": {"sts:ExternalId": "EXAMPLE-ID"}}


# --- evaluated, as IAM does it: every object of a call must be allowed

HOME = "arn:aws-cn:ec2:cn-northwest-1:111122223333"
GROUP, RULE, VPC = (
    f"{HOME}:security-group/sg-1",
    f"{HOME}:security-group-rule/*",
    f"{HOME}:vpc/vpc-1",
)
OURS = {"aws:ResourceTag/gatekeeper:managed": "true"}
BALANCER = "arn:aws-cn:elasticloadbalancing:cn-northwest-1:111122223333:loadbalancer"


def allows(action, *objects, **context):
    """Whether ``change`` allows a call on all of these objects in this context."""
    return all(
        any(
            action in one["Action"]
            and any(fnmatchcase(resource, arn) for arn in listed(one["Resource"]))
            and all(
                context.get(key) in listed(wanted)
                for key, wanted in one.get("Condition", {}).get("StringEquals", {}).items()
            )
            for one in document("change")["Statement"]
        )
        for resource in objects
    )


def test_a_gate_can_be_made_filled_and_taken_away():
    tagged = {"aws:RequestTag/gatekeeper:managed": "true"}
    assert allows("ec2:CreateSecurityGroup", GROUP, VPC, **tagged)
    assert allows("ec2:CreateTags", GROUP, **{"ec2:CreateAction": "CreateSecurityGroup"})
    assert allows("ec2:RevokeSecurityGroupEgress", GROUP, **OURS)
    assert allows("ec2:AuthorizeSecurityGroupIngress", GROUP, RULE, **OURS)
    assert allows("ec2:DeleteSecurityGroup", GROUP, **OURS)


def test_anybodys_group_can_be_narrowed_with_the_tags_of_its_rules():
    assert allows("ec2:AuthorizeSecurityGroupIngress", GROUP, RULE)
    made = {"ec2:CreateAction": "AuthorizeSecurityGroupIngress"}
    assert allows("ec2:CreateTags", RULE, **made)
    assert allows("ec2:RevokeSecurityGroupIngress", GROUP)


def test_every_kind_of_endpoint_can_be_given_groups():
    interface = f"{HOME}:network-interface/eni-1"
    others = (f"{HOME}:instance/i-1", f"{HOME}:subnet/subnet-1")
    assert allows("ec2:ModifyNetworkInterfaceAttribute", interface, GROUP, *others)
    for kind in ("app", "net"):
        there = f"{BALANCER}/{kind}/shop/0123456789abcdef"
        assert allows("elasticloadbalancing:SetSecurityGroups", there)
    classic = f"{BALANCER}/shop"
    assert allows("elasticloadbalancing:ApplySecurityGroupsToLoadBalancer", classic)


def test_what_apply_never_does_is_not_allowed():
    assert not allows("ec2:CreateSecurityGroup", GROUP, VPC)
    assert not allows("ec2:DeleteSecurityGroup", GROUP)
    assert not allows("ec2:RevokeSecurityGroupEgress", GROUP)
    assert not allows("ec2:CreateTags", GROUP), "a group that exists cannot be made ours"
    assert not allows("ec2:CreateTags", GROUP, **{"ec2:CreateAction": "RunInstances"})
    assert not allows("ec2:ReleaseAddress", f"{HOME}:elastic-ip/eipalloc-1")
    assert not allows("ec2:ModifyManagedPrefixList", f"{HOME}:prefix-list/pl-1")
    elsewhere = GROUP.replace("cn-northwest-1", "cn-north-1")
    assert not allows("ec2:AuthorizeSecurityGroupIngress", elsewhere)
