"""What a file is, and what is refused: cut short, unknown, too deep, too large, not whole."""

from __future__ import annotations

import json

import pytest

from gatekeeper.errors import PlanRefused
from gatekeeper.stacks.check import LARGEST, read_blueprint
from tests.unit.stacks.check.plans import (
    BALANCER,
    GROUP,
    INGRESS,
    OPEN,
    change,
    export,
    held,
    judge,
    preview,
    state,
    step,
    terraform,
    tf_web,
    tied,
    urn,
    web,
)

PLAN = preview(step(INGRESS, "r", web()), tied(OPEN))

HALF = {"steps": [{"urn": urn(INGRESS, "g"), "op": "create", "oldState": {"type": INGRESS}}]}


def read(document):
    data = document if isinstance(document, bytes) else json.dumps(document).encode()
    return read_blueprint(data, name="plan.json")


@pytest.mark.parametrize(
    ("document", "source"),
    [
        (PLAN, "pulumi-preview"),
        ({"config": {}, "duration": 1, "changeSummary": {"same": 3}}, "pulumi-preview"),
        (export(), "pulumi-state"),
        ({"version": 3, "deployment": {"manifest": {}}}, "pulumi-state"),
        ({"version": 3, "checkpoint": {"latest": {"resources": []}}}, "pulumi-state"),
        (terraform(), "terraform-plan"),
        ({"format_version": "0.2", "planned_values": {}}, "terraform-plan"),
        (state(), "terraform-state"),
    ],
)
def test_files_are_told_apart(document, source):
    assert read(document).source == source
    assert read(json.dumps(document).encode("utf-8-sig")).source == source
    assert read(json.dumps(document).encode("utf-16")).source == source, "as PowerShell writes it"


@pytest.mark.parametrize(
    ("document", "said"),
    [
        (b"", "cut short"),
        (b"not json", "cut short"),
        (json.dumps(PLAN).encode()[:-20], "cut short"),
        (json.dumps(PLAN).encode() + b"\n{}", "cut short"),
        (b"Previewing update\n" + json.dumps(PLAN).encode(), "stdout alone"),
        (b"PK\x03\x04terraform", "terraform show -json"),
        (b"\xff\xfe\x00", "cut short"),
        ([], "nothing that can be checked"),
        ({}, "nothing that can be checked"),
        ({"resources": []}, "nothing that can be checked"),
        ({"steps": {}}, "nothing that can be checked"),
        ({"resourcePlans": {"u": {"goal": {}}}, "manifest": {}}, "--save-plan"),
        ({"version": 4, "lineage": "x", "terraform_version": "1", "resources": []}, "raw state"),
        ({"format_version": "1.0", "terraform_version": "1.9"}, "raw state file, or an empty one"),
        ({"version": 1, "deployment": {"resources": []}}, "version"),
        ({"version": 3, "deployment": None}, "no deployment"),
        ({"version": 3, "deployment": {}}, "no deployment"),
        ({"version": 3, "checkpoint": {}}, "no deployment"),
        ({"version": 3, "deployment": {"resources": {}}}, "no list"),
        ({"version": 3, "deployment": {"resources": [{}]}}, "no urn"),
        ({"version": 3, "deployment": {"resources": [1]}}, "no list"),
        (terraform() | {"format_version": "2.0"}, "format_version"),
        (terraform() | {"format_version": None}, "format_version"),
        (terraform() | {"resource_changes": {}}, "no list"),
        (terraform() | {"resource_changes": [{}]}, "no address"),
        (terraform({"address": "aws_eip.e", "type": "aws_eip"}), "no change"),
        ({"steps": [{}]}, "no urn"),
        ({"steps": ["x"]}, "no list"),
        ({"steps": [{"urn": urn(GROUP, "g")}]}, "no op"),
        (HALF, "no newState"),
        ({"changeSummary": {"create": 2}}, "counts 2"),
    ],
    ids=lambda value: str(value)[:50],
)  # fmt: skip
def test_what_cannot_be_trusted_is_refused(document, said):
    with pytest.raises(PlanRefused, match=said) as refused:
        read(document)
    assert refused.value.exit_status == 1
    assert refused.value.message.startswith("plan.json") or urn(INGRESS, "g") in str(refused.value)
    assert refused.value.zh != refused.value.message
    assert "\n" not in refused.value.message


def test_a_plan_without_all_its_changes_is_refused():
    planned = {"root_module": {"resources": [held("aws_security_group.g", {"id": "sg-1"})]}}
    with pytest.raises(PlanRefused, match="no change for it"):
        read(terraform(planned_values=planned))
    planned["root_module"]["resources"][0]["mode"] = "data"
    assert read(terraform(planned_values=planned)).source == "terraform-plan"


def test_every_cut_of_a_plan_is_refused():
    for document in (PLAN, export(*PLAN["steps"]), terraform(change("aws_eip.e", {})), state()):
        data = json.dumps(document).encode()
        for end in range(0, len(data), 7):
            with pytest.raises(PlanRefused):
                read(data[:end])


@pytest.mark.parametrize("depth", [100, 5_000, 200_000])
def test_deep_nesting_is_refused(depth):
    deep = b'{"a":' * depth + b"1" + b"}" * depth
    with pytest.raises(PlanRefused):
        read(deep)
    inner = b'"ingress":[' + b"[" * depth + b"]" * depth + b"]"
    data = json.dumps(preview(step(GROUP, "g", {"x": 1}))).encode().replace(b'"x": 1', inner)
    with pytest.raises(PlanRefused, match="deep"):
        read(data)
    blocks = b'"ingress":' + b'{"a":' * depth + b"1" + b"}" * depth
    group = change("aws_security_group.g", {"x": 1}, unknown={"ingress": {}})
    data = json.dumps(terraform(group)).encode().replace(b'"x": 1', blocks)
    with pytest.raises(PlanRefused, match="deep"):
        read(data)
    modules = b'{"child_modules":[' * depth + b"]}" * depth
    data = json.dumps(state()).encode().replace(b'{"resources": []}', modules)
    with pytest.raises(PlanRefused, match="deep"):
        read(data)


def test_what_is_too_large_is_refused_before_it_is_read():
    with pytest.raises(PlanRefused, match="128 MB"):
        read(b" " * (LARGEST + 1))


def test_strange_numbers_and_types_are_no_crash():
    text = json.dumps(preview(step(INGRESS, "r", web(fromPort=1)), tied(OPEN)))
    for number in ("NaN", "Infinity", "1e400", "9" * 3000, "[]", "{}", '"\\ud800"', "null"):
        found = judge(json.loads(text.replace('"fromPort": 1', f'"fromPort": {number}')))
        assert found.exit_status in (0, 4)
    for value in (None, 1, [], "x", True, [[]], [None], {"a": {}}, [{"cidrBlocks": {}}]):
        judge(preview(step(GROUP, "g", {"ingress": value})))
        judge(preview(step(BALANCER, "b", {"securityGroups": value, "subnetMappings": value})))
        judge(terraform(change("aws_security_group.g", {"ingress": value})))
        judge(terraform(change("aws_instance.i", {"vpc_security_group_ids": value})))
        for unknown in (None, True, [], [True], {"ingress": [True]}, {"ingress": {"a": True}}):
            judge(terraform(change("aws_security_group.g", {"ingress": value}, unknown=unknown)))


def test_errors_of_the_preview_itself_are_not_judged():
    assert judge(preview(maybeCorrupt=True)).exit_status == 4
    failed = {"severity": "error", "message": "boom", "urn": urn(GROUP, "g")}
    found = judge(preview(diagnostics=[failed]))
    assert [note.resource for note in found.not_judged] == [urn(GROUP, "g")]
    assert judge(preview(diagnostics=[{"severity": "warning"}])).exit_status == 0
    strange = step(INGRESS, "r", web(), op="polish")
    assert judge(preview(strange, tied(OPEN))).exit_status == 4
    kept = step(INGRESS, "r", web(), op="replace", retainOnDelete=True)
    assert judge(preview(kept, tied(OPEN))).exit_status == 4


def test_a_rule_in_a_plain_state_of_terraform():
    found = judge(state(held("aws_vpc_security_group_ingress_rule.r", tf_web(id="sgr-1"))))
    assert found.exit_status == 3


def test_a_preview_that_lacks_steps_is_judged_as_far_as_it_goes():
    found = read(preview(PLAN["steps"][0], changeSummary={"create": 2, "same": 9}))
    [note] = found.not_judged
    assert "counts 2 steps to create and has 1" in note.reason
    assert "只有 1 个" in note.reason_zh
    assert len(found.resources) == 1
    whole = read(preview(PLAN["steps"][0], changeSummary={"create": 1, "same": 9}))
    assert whole.not_judged == ()
