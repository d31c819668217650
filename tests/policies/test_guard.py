"""The service control policy: what it denies to whom, and that it fits."""

from __future__ import annotations

import json
import re
import warnings
from fnmatch import fnmatchcase
from pathlib import Path

import pytest

from gatekeeper.aws.guard import MOST_BYTES, guard_policy

WRITTEN = Path(__file__).parents[2] / "policies" / "scp" / "guard.json"
CHANGER = "arn:aws-cn:iam::111122223333:role/gatekeeper"
READER = "arn:aws-cn:iam::111122223333:role/gatekeeper-read"
DEVELOPER = "arn:aws-cn:iam::111122223333:role/developer"
ADMINISTRATOR = "arn:aws-cn:iam::111122223333:role/gatekeeper-administrator"
GROUP = "arn:aws-cn:ec2:cn-northwest-1:111122223333:security-group/sg-0123456789abcdef0"
LIST = "arn:aws-cn:ec2:cn-northwest-1:111122223333:prefix-list/pl-0123456789abcdef0"
ADDRESS = "arn:aws-cn:ec2:cn-northwest-1:111122223333:elastic-ip/eipalloc-0123456789abcdef0"
RULE = "arn:aws-cn:events:cn-northwest-1:111122223333:rule/gatekeeper-forward"
GATE = {"gatekeeper:managed": "true", "gatekeeper:owner": "nwcd-gatekeeper"}


def listed(value):
    return [value] if isinstance(value, str) else value


def holds(test, key, wanted, context):
    """One test of a condition block, as IAM evaluates it, for the operators that the guard uses."""
    got = context.get(key.lower())
    wanted = listed(wanted)
    if test == "Null":
        return (got is None) == (wanted == ["true"])
    if test == "ArnNotLike":
        return not any(fnmatchcase(got, one) for one in wanted)
    if test == "StringEquals":
        return got in wanted
    if test == "StringNotEquals":
        return got not in wanted
    assert test == "ForAnyValue:StringEqualsIgnoreCase", test
    return any(one.lower() in {word.lower() for word in wanted} for one in got or ())


def denied(action, resource, who, *, tags=None, keys=None):
    """The statements that deny a call on an object with these tags; ``keys`` are set or removed."""
    context = {"aws:principalarn": who, "aws:tagkeys": keys}
    context |= {f"aws:resourcetag/{key}".lower(): value for key, value in (tags or {}).items()}
    return [
        one["Sid"]
        for one in guard_policy()["Statement"]
        if action in one["Action"]
        if any(fnmatchcase(resource, arn) for arn in listed(one["Resource"]))
        if all(
            holds(test, key, wanted, context)
            for test, block in one["Condition"].items()
            for key, wanted in block.items()
        )
    ]


def test_the_written_guard_is_the_made_one():
    assert json.loads(WRITTEN.read_text(encoding="utf-8")) == guard_policy()


def test_the_guard_fits_even_as_it_is_written():
    assert len(WRITTEN.read_bytes()) <= MOST_BYTES
    many = guard_policy(roles=["gatekeeper"] * 5, administrators=["gatekeeper-administrator"] * 5)
    assert len(json.dumps(many, separators=(",", ":"))) <= MOST_BYTES


def test_the_guard_only_denies_and_names_whole_actions():
    from policy_sentry.querying.actions import get_action_data

    for one in guard_policy()["Statement"]:
        assert one["Effect"] == "Deny"
        assert "ArnNotLike" in one["Condition"]
        for action in one["Action"]:
            assert "*" not in action
            assert get_action_data(*action.split(":")), f"the IAM definition has no {action}"


def test_iam_knows_no_ports_and_no_networks_of_a_rule():
    """Why the guard denies the call as a whole: should this fail one day, it can be narrower."""
    from policy_sentry.querying.actions import get_action_data

    rows = get_action_data("ec2", "AuthorizeSecurityGroupIngress")["ec2"]
    known = {key.lower() for row in rows for key in row["condition_keys"]}
    assert "ec2:vpc" in known
    assert not [key for key in known if re.search(r"port|cidr|protocol", key)]


def test_parliament_finds_nothing():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it still asks for pkg_resources
        from parliament import analyze_policy_string
    found = analyze_policy_string(json.dumps(guard_policy())).findings
    assert [(one.issue, one.detail) for one in found] == []


@pytest.mark.parametrize(
    "action",
    [
        "ec2:AuthorizeSecurityGroupIngress",
        "ec2:DeleteSecurityGroup",
        "ec2:ModifyNetworkInterfaceAttribute",
        "ec2:RevokeSecurityGroupIngress",
        "ec2:RunInstances",
    ],
)
def test_the_gate_is_gatekeepers_alone(action):
    assert "GuardGates" in denied(action, GROUP, DEVELOPER, tags=GATE)
    assert denied(action, GROUP, CHANGER, tags=GATE) == []
    assert "GuardGates" in denied(action, GROUP, READER, tags=GATE)


def test_nobody_else_adds_inbound_rules_where_it_is_not_delegated():
    for tags in ({}, {"team": "shop"}, {"gatekeeper:ingress": "no"}):
        action = "ec2:AuthorizeSecurityGroupIngress"
        assert denied(action, GROUP, DEVELOPER, tags=tags) == ["GuardInbound"]
        assert denied(action, GROUP, CHANGER, tags=tags) == []
        assert denied(action, GROUP, ADMINISTRATOR, tags=tags) == []
    delegated = {"gatekeeper:ingress": "delegated"}
    assert denied("ec2:ModifySecurityGroupRules", GROUP, DEVELOPER, tags=delegated) == []
    assert denied("ec2:ModifyManagedPrefixList", LIST, DEVELOPER) == ["GuardInbound"]
    assert denied("ec2:ModifyManagedPrefixList", LIST, DEVELOPER, tags=delegated) == []


def test_everybody_may_close():
    assert denied("ec2:RevokeSecurityGroupIngress", GROUP, DEVELOPER, tags={"team": "shop"}) == []
    assert denied("ec2:DeleteSecurityGroup", GROUP, DEVELOPER) == []
    assert denied("ec2:CreateSecurityGroup", GROUP, DEVELOPER) == []


@pytest.mark.parametrize("action", ["ec2:ReleaseAddress", "ec2:DisassociateAddress"])
def test_a_filed_address_is_kept(action):
    assert denied(action, ADDRESS, DEVELOPER, tags={"gatekeeper:filed": "true"}) == [
        "GuardAddresses"
    ]
    assert denied(action, ADDRESS, DEVELOPER) == []
    assert denied(action, ADDRESS, ADMINISTRATOR, tags={"gatekeeper:filed": "true"}) == []


@pytest.mark.parametrize(
    "key", ["gatekeeper:ingress", "gatekeeper:managed", "Gatekeeper:Ingress", "gatekeeper:filed"]
)
def test_nobody_gives_or_takes_our_tags(key):
    for action in ("ec2:CreateTags", "ec2:DeleteTags"):
        assert denied(action, GROUP, DEVELOPER, keys=["team", key]) == ["GuardTags"]
        assert denied(action, GROUP, CHANGER, keys=[key]) == []
    assert denied("ec2:CreateTags", GROUP, DEVELOPER, keys=["team"]) == []


def test_nobody_takes_all_tags_at_once():
    """DeleteTags without a key takes every tag, and names none."""
    assert denied("ec2:DeleteTags", GROUP, DEVELOPER) == ["GuardAllTags"]
    assert denied("ec2:DeleteTags", ADDRESS, DEVELOPER) == ["GuardAllTags"]
    assert denied("ec2:DeleteTags", GROUP, DEVELOPER, keys=["team"]) == []


def test_only_administrators_change_roles_and_forwarding():
    for who in (DEVELOPER, CHANGER):
        assert denied("iam:PutRolePolicy", CHANGER, who) == ["GuardRoles"]
        assert denied("iam:UpdateAssumeRolePolicy", ADMINISTRATOR, who) == ["GuardRoles"]
        assert denied("events:DisableRule", RULE, who) == ["GuardEvents"]
    assert denied("iam:PutRolePolicy", CHANGER, ADMINISTRATOR) == []
    assert denied("events:DisableRule", RULE, ADMINISTRATOR) == []
    assert denied("iam:PutRolePolicy", DEVELOPER, DEVELOPER) == []


def test_other_names_take_the_place_of_ours():
    text = json.dumps(guard_policy("aws-cn", roles=["auditor"], administrators=["platform"]))
    assert "role/auditor" in text
    assert "role/platform" in text
    assert "gatekeeper-administrator" not in text
