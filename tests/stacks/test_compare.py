"""A preview passes only if it is exactly the plan; whatever is strange in it is refused."""

from __future__ import annotations

from dataclasses import replace

import pytest

from gatekeeper.errors import StackError
from gatekeeper.stacks.compare import SECRET, UNKNOWN, Entry, Step, differences, expected
from gatekeeper.stacks.layout import Layout, Place, attachment_of
from gatekeeper.stacks.state import (
    COMPONENT_TYPE,
    PROVIDER_TYPE,
    STACK_TYPE,
    StackState,
    read_state,
)

ACCOUNT = "111122223333"
REGION = "cn-northwest-1"
ROLE = f"arn:aws-cn:iam::{ACCOUNT}:role/gatekeeper"
ENTRY = Entry(account_id=ACCOUNT, region=REGION)
PREFIX = "urn:pulumi:s::gatekeeper-gates"
AWS = f"{PREFIX}::{PROVIDER_TYPE}::aws"
PORTS = (("tcp", 80), ("tcp", 443))
HERE = Place("vpc-1", "ipv4")
EMPTY = Layout("gates", "gatekeeper-gates/s", "o")
GATED = EMPTY.changed(gates={HERE: PORTS})
ONE = attachment_of("eni-1", "ipv4", "vpc-1")
HELD = GATED.changed(attached=[ONE])


def _state(layout):
    ids = {part.name: f"sg-{n}" for n, part in enumerate(layout.parts())}
    return StackState(layout, ids, {AWS: _provider()} if ids else {})


def _provider(**over):
    return {
        "region": REGION,
        "allowedAccountIds": f'["{ACCOUNT}"]',
        "skipCredentialsValidation": "false",
        "skipRegionValidation": "true",
        "version": "7.51.1",
        **over,
    }


def _steps(now, wanted):
    """A preview as it must be."""
    change = expected(now.layout, wanted)
    first = not now.layout.parts()
    op = "create" if first else "same"
    frame = [
        Step(op, f"{PREFIX}::{STACK_TYPE}::p-s", STACK_TYPE, None, {}),
        Step(op, AWS, PROVIDER_TYPE, None if first else _provider(), _provider()),
        Step(op, f"{PREFIX}::{COMPONENT_TYPE}::gates", COMPONENT_TYPE, None, {}),
    ]
    made = []
    for verb, parts in (("create", change.created), ("delete", change.deleted)):
        for name, part in parts.items():
            inputs = {"__defaults": [], **part.inputs}
            if part.group:
                fresh = part.group in change.created
                inputs["securityGroupId"] = UNKNOWN if fresh else now.ids[part.group]
            made.append(
                Step(
                    verb,
                    f"{PREFIX}::{COMPONENT_TYPE}${part.type}::{name}",
                    part.type,
                    inputs if verb == "delete" else None,
                    inputs if verb == "create" else None,
                    f"{AWS}::id",
                )
            )
    return [*frame, *made]


def _said(steps, now, wanted, entry=ENTRY):
    found = differences(steps, now, wanted, entry)
    assert all(one.reason and one.reason_zh for one in found)
    return [one.reason for one in found]


CASES = {
    "first gate": (EMPTY, GATED),
    "gate and attachment at once": (EMPTY, HELD),
    "attach": (GATED, HELD),
    "detach": (HELD, GATED),
    "another gate": (GATED, GATED.changed(gates={Place("vpc-2", "ipv6"): PORTS})),
    "a port more": (GATED, GATED.changed(gates={HERE: (*PORTS, ("udp", 443))})),
    "a port less": (GATED, GATED.changed(gates={HERE: PORTS[:1]})),
}


@pytest.mark.parametrize("case", CASES)
def test_just_the_plan_passes(case):
    before, wanted = CASES[case]
    now = _state(before)
    steps = _steps(now, wanted)
    assert len(expected(before, wanted)) > 0
    assert _said(steps, now, wanted) == []
    assert _said(reversed(steps), now, wanted) == []


@pytest.mark.parametrize("case", CASES)
def test_each_missing_step_is_seen(case):
    before, wanted = CASES[case]
    now = _state(before)
    steps = _steps(now, wanted)
    for step in steps[3:]:
        left = [one for one in steps if one is not step]
        assert _said(left, now, wanted) == [f"it does not {step.op} {step.name}"]


@pytest.mark.parametrize("case", CASES)
def test_each_step_twice_is_seen(case):
    before, wanted = CASES[case]
    now = _state(before)
    steps = _steps(now, wanted)
    for step in steps[3:]:
        [said] = _said([*steps, step], now, wanted)
        assert said.endswith("was not planned")


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize(
    "op",
    [
        "update",
        "replace",
        "create-replacement",
        "delete-replaced",
        "import",
        "read",
        "discard",
        "?",
    ],
)
def test_no_other_operation_passes(case, op):
    before, wanted = CASES[case]
    now = _state(before)
    steps = _steps(now, wanted)
    for place in range(3, len(steps)):
        other = [*steps]
        other[place] = replace(steps[place], op=op)
        assert any("was not planned" in one for one in _said(other, now, wanted))


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("value", [UNKNOWN, SECRET, {"4dabf18193072939515e22adb298388d": "x"}])
def test_what_cannot_be_told_is_refused(case, value):
    """An unknown passes only as the id of a group that this very update makes."""
    before, wanted = CASES[case]
    now = _state(before)
    steps = _steps(now, wanted)
    for place in range(3, len(steps)):
        step = steps[place]
        side = "after" if step.op == "create" else "before"
        inputs = getattr(step, side)
        for key in inputs:
            if key == "__defaults" or (value == UNKNOWN and inputs[key] == UNKNOWN):
                continue
            other = [*steps]
            other[place] = replace(step, **{side: {**inputs, key: value}})
            [said] = _said(other, now, wanted)
            assert said.startswith(f"{step}: {key} is ")


@pytest.mark.parametrize("case", CASES)
def test_each_left_out_input_is_seen(case):
    before, wanted = CASES[case]
    now = _state(before)
    steps = _steps(now, wanted)
    for place in range(3, len(steps)):
        step = steps[place]
        side = "after" if step.op == "create" else "before"
        inputs = getattr(step, side)
        for key in inputs.keys() - {"__defaults"}:
            other = [*steps]
            left = {name: value for name, value in inputs.items() if name != key}
            other[place] = replace(step, **{side: left})
            assert len(_said(other, now, wanted)) == 1


def _with(case, kind, **inputs):
    """What is said where the first created part of a kind has other inputs."""
    before, wanted = CASES[case]
    now = _state(before)
    steps = _steps(now, wanted)
    place = next(n for n, s in enumerate(steps) if kind in s.type and s.op == "create")
    steps[place] = replace(steps[place], after={**steps[place].after, **inputs})
    return _said(steps, now, wanted)


@pytest.mark.parametrize(
    ("kind", "inputs"),
    [
        ("IngressRule", {"fromPort": 22}),
        ("IngressRule", {"toPort": 65535}),
        ("IngressRule", {"fromPort": 0, "toPort": 0}),
        ("IngressRule", {"fromPort": True}),
        ("IngressRule", {"fromPort": "443"}),
        ("IngressRule", {"ipProtocol": "-1"}),
        ("IngressRule", {"ipProtocol": "6"}),
        ("IngressRule", {"cidrIpv4": "0.0.0.0/1"}),
        ("IngressRule", {"cidrIpv4": None, "cidrIpv6": "::/0"}),
        ("IngressRule", {"cidrIpv6": "::/0"}),
        ("IngressRule", {"prefixListId": "pl-1"}),
        ("IngressRule", {"referencedSecurityGroupId": "sg-9"}),
        ("IngressRule", {"securityGroupId": "sg-9"}),
        ("IngressRule", {"region": "cn-north-1"}),
        ("SecurityGroup", {"vpcId": "vpc-9"}),
        ("SecurityGroup", {"name": "gatekeeper-gate-v6"}),
        ("SecurityGroup", {"ingress": [{"protocol": "-1"}]}),
        ("SecurityGroup", {"egress": [{"protocol": "-1"}]}),
        ("SecurityGroup", {"egress": None}),
        ("SecurityGroup", {"tags": {"gatekeeper:managed": "true"}}),
        ("SecurityGroup", {"tagsAll": {"team": "x"}}),
        ("SecurityGroup", {"revokeRulesOnDelete": True}),
        ("SecurityGroup", {"namePrefix": "x"}),
    ],
)
def test_another_port_source_group_or_key_is_refused(kind, inputs):
    said = _with("first gate", kind, **inputs)
    assert said
    assert all(any(f": {key} is " in one for key in inputs) for one in said)


@pytest.mark.parametrize(
    "inputs",
    [{"networkInterfaceId": "eni-9"}, {"securityGroupId": "sg-9"}, {"securityGroupId": ""}],
)
def test_another_attachment_is_refused(inputs):
    assert len(_with("attach", "Attachment", **inputs)) == 1


def test_an_unknown_group_is_refused_where_the_gate_stands_already():
    [said] = _with("attach", "Attachment", securityGroupId=UNKNOWN)
    assert said.endswith("gates-eni-1-ipv4: securityGroupId is unknown yet")


@pytest.mark.parametrize(
    "inputs",
    [
        {"region": REGION},
        {"revokeRulesOnDelete": False},
        {"ingress": None},
        {"ingress": []},
        {"namePrefix": ""},
        {"tagsAll": dict(GATED.group(HERE).inputs["tags"])},
        {"__defaults": ["revokeRulesOnDelete"]},
    ],
)
def test_what_a_provider_fills_in_passes(inputs):
    assert _with("first gate", "SecurityGroup", **inputs) == []


def test_a_switch_is_no_number():
    low = EMPTY.changed(gates={HERE: (("tcp", 1),)})
    now = _state(EMPTY)
    steps = _steps(now, low)
    assert _said(steps, now, low) == []
    steps[-1] = replace(steps[-1], after={**steps[-1].after, "fromPort": True})
    assert len(_said(steps, now, low)) == 1


def test_numbers_out_of_protobuf_pass():
    assert _with("first gate", "IngressRule", fromPort=80.0, toPort=80.0) == []


EXTRA = [
    Step("create", f"{PREFIX}::aws:ec2/eip:Eip::ip", "aws:ec2/eip:Eip", None, {}, f"{AWS}::id"),
    Step("delete", f"{PREFIX}::aws:s3/bucket:Bucket::b", "aws:s3/bucket:Bucket", {}, None),
    Step("update", f"{PREFIX}::aws:ec2/vpc:Vpc::v", "aws:ec2/vpc:Vpc", {}, {}),
    Step("delete", f"{PREFIX}::{COMPONENT_TYPE}::gates", COMPONENT_TYPE, {}, None),
    Step("delete", AWS, PROVIDER_TYPE, {}, None),
    Step("replace", f"{PREFIX}::{STACK_TYPE}::p-s", STACK_TYPE, {}, {}),
]


@pytest.mark.parametrize("extra", EXTRA, ids=str)
def test_anything_besides_is_refused(extra):
    before, wanted = CASES["attach"]
    now = _state(before)
    assert f"{extra} was not planned" in _said([*_steps(now, wanted), extra], now, wanted)


def test_a_delete_of_another_part_of_the_stack_is_refused():
    now = _state(HELD)
    rule = HELD.rules(HERE)[0]
    wanted = HELD.changed(detached=[ONE])
    extra = Step(
        "delete", f"{PREFIX}::x::{rule.name}", rule.type, dict(rule.inputs), None, f"{AWS}::id"
    )
    assert _said([*_steps(now, wanted), extra], now, wanted) == [f"{extra} was not planned"]


def test_a_name_of_another_type_is_refused():
    before, wanted = CASES["attach"]
    now = _state(before)
    steps = _steps(now, wanted)
    steps[-1] = replace(steps[-1], type="aws:ec2/securityGroupRule:SecurityGroupRule")
    assert len(_said(steps, now, wanted)) == 2


def test_a_part_outside_the_component_is_refused():
    before, wanted = CASES["attach"]
    now = _state(before)
    steps = _steps(now, wanted)
    steps[-1] = replace(steps[-1], urn=steps[-1].urn.replace(f"{COMPONENT_TYPE}$", ""))
    said = _said(steps, now, wanted)
    assert said == [f"{steps[-1]} was not planned", "it does not create gates-eni-1-ipv4"]


def test_sames_of_anything_change_nothing():
    before, wanted = CASES["attach"]
    now = _state(before)
    same = [replace(step, op="same") for step in EXTRA if step.type != PROVIDER_TYPE]
    assert _said([*_steps(now, wanted), *same], now, wanted) == []


# the provider ------------------------------------------------------------------------------------


def _entered(inputs, entry=ENTRY, op="same"):
    before, wanted = CASES["attach"]
    now = _state(before)
    steps = _steps(now, wanted)
    steps[1] = replace(steps[1], op=op, after=inputs)
    return _said(steps, now, wanted, entry)


ASSUMED = replace(ENTRY, role_arn=ROLE)
SEALED = replace(ASSUMED, external_id="once")


@pytest.mark.parametrize(
    ("inputs", "entry"),
    [
        (_provider(), ENTRY),
        (_provider(allowedAccountIds=[ACCOUNT]), ENTRY),
        (_provider(assumeRoles=f'[{{"roleArn":"{ROLE}"}}]'), ASSUMED),
        (_provider(assumeRoles=SECRET), SEALED),
        (
            _provider(assumeRoles={"4dabf18193072939515e22adb298388d": "1b", "ciphertext": "v"}),
            SEALED,
        ),
    ],
)
@pytest.mark.parametrize("op", ["same", "update", "create"])
def test_the_registered_way_in_passes(inputs, entry, op):
    assert _entered(inputs, entry, op) == []


@pytest.mark.parametrize(
    ("inputs", "entry"),
    [
        (_provider(region="cn-north-1"), ENTRY),
        (_provider(region=UNKNOWN), ENTRY),
        (_provider(allowedAccountIds='["999999999999"]'), ENTRY),
        (_provider(allowedAccountIds=f'["{ACCOUNT}","999999999999"]'), ENTRY),
        (_provider(allowedAccountIds=None), ENTRY),
        (_provider(allowedAccountIds=SECRET), ENTRY),
        (_provider(assumeRoles=f'[{{"roleArn":"{ROLE}"}}]'), ENTRY),
        (_provider(assumeRoles=SECRET), ENTRY),
        (_provider(), ASSUMED),
        (_provider(assumeRoles=SECRET), ASSUMED),
        (_provider(assumeRoles='[{"roleArn":"arn:aws-cn:iam::9:role/x"}]'), ASSUMED),
        (_provider(), SEALED),
        (_provider(assumeRoles=f'[{{"roleArn":"{ROLE}"}}]'), SEALED),
        (_provider(endpoints='[{"ec2":"http://127.0.0.1:1"}]'), ENTRY),
        (_provider(accessKey="AKIA"), ENTRY),
        (_provider(profile="other"), ENTRY),
        (_provider(defaultTags='{"tags":{"a":"b"}}'), ENTRY),
        (_provider(skipEverything="yes"), ENTRY),
    ],
)
def test_another_way_in_is_refused(inputs, entry):
    said = _entered(inputs, entry)
    assert any("Provider" in one or "aws aws:" in one for one in said), said
    assert any("is carried out by another provider" in one for one in said)


def test_a_part_of_another_provider_is_refused():
    before, wanted = CASES["attach"]
    now = _state(before)
    steps = _steps(now, wanted)
    for provider in ("", f"{PREFIX}::{PROVIDER_TYPE}::default_7_51_1::id", AWS):
        steps[-1] = replace(steps[-1], provider=provider)
        [said] = _said(steps, now, wanted)
        assert "is carried out by another provider" in said


def test_a_provider_that_stays_the_same_need_not_be_shown():
    before, wanted = CASES["attach"]
    now = _state(before)
    steps = [step for step in _steps(now, wanted) if step.type != PROVIDER_TYPE]
    assert _said(steps, now, wanted) == []
    elsewhere = replace(now, providers={AWS: _provider(region="cn-north-1")})
    assert any("another provider" in one for one in _said(steps, elsewhere, wanted))


# the state ---------------------------------------------------------------------------------------


def _deployment(layout, **over):
    state = _state(layout)
    resources = [
        {"type": STACK_TYPE, "urn": f"{PREFIX}::{STACK_TYPE}::p-s"},
        {"type": PROVIDER_TYPE, "urn": AWS, "inputs": _provider()},
        {"type": COMPONENT_TYPE, "urn": f"{PREFIX}::{COMPONENT_TYPE}::gates"},
    ]
    for part in layout.parts():
        inputs = dict(part.inputs)
        if part.group:
            inputs["securityGroupId"] = state.ids[part.group]
        resources.append(
            {
                "type": part.type,
                "urn": f"{PREFIX}::{COMPONENT_TYPE}${part.type}::{part.name}",
                "id": state.ids[part.name],
                "inputs": inputs,
            }
        )
    return {"resources": resources, **over}


@pytest.mark.parametrize("layout", [EMPTY, GATED, HELD, CASES["another gate"][1]])
def test_a_state_is_read_as_it_was_made(layout):
    state = read_state(_deployment(layout), EMPTY)
    assert state.layout == layout
    assert dict(state.ids) == dict(_state(layout).ids)
    assert state.providers == {AWS: _provider()}


@pytest.mark.parametrize("nothing", [None, {}, {"resources": []}, {"resources": None}])
def test_a_stack_never_brought_up_is_empty(nothing):
    assert read_state(nothing, EMPTY) == StackState(EMPTY)


def test_ids_answer_who_owns_what():
    state = read_state(_deployment(HELD), EMPTY)
    assert state.group_id(HERE) == "sg-0"
    assert state.group_id(Place("vpc-2", "ipv4")) is None
    assert state.attachment("eni-1", "ipv4") == ONE
    assert state.attachment("eni-1", "ipv6") is None


def _changed(**over):
    """The state with its last resource, the attachment, changed."""
    deployment = _deployment(HELD)
    deployment["resources"][-1] = {**deployment["resources"][-1], **over}
    return deployment


@pytest.mark.parametrize(
    "deployment",
    [
        _changed(type="aws:ec2/eip:Eip"),
        _changed(type="aws:ec2/securityGroupRule:SecurityGroupRule"),
        _changed(delete=True),
        _changed(external=True),
        _changed(pendingReplacement=True),
        _changed(urn=f"{PREFIX}::{COMPONENT_TYPE}${HELD.parts()[-1].type}::gates-eni-2-ipv4"),
        _changed(inputs={"networkInterfaceId": "eni-1", "securityGroupId": "sg-9"}),
        _changed(inputs={"networkInterfaceId": "i-1", "securityGroupId": "sg-0"}),
        _changed(inputs={}),
        _changed(urn=f"{PREFIX}::{HELD.parts()[-1].type}::gates-eni-1-ipv4"),
    ],
)
def test_a_state_with_anything_else_is_refused(deployment):
    with pytest.raises(StackError) as refused:
        read_state(deployment, EMPTY)
    assert refused.value.zh != refused.value.message


def test_a_group_that_is_no_gate_is_refused():
    deployment = _deployment(GATED)
    deployment["resources"][3]["inputs"]["name"] = "web"
    with pytest.raises(StackError, match="is no gate; gatekeeper changes only a stack that holds"):
        read_state(deployment, EMPTY)
