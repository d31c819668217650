"""Terraform's shapes: references through modules and indices, computed values, states."""

from __future__ import annotations

import pytest

from tests.unit.stacks.check.plans import (
    ALB,
    CLOSED,
    HOLD,
    OPEN,
    change,
    configured,
    held,
    judge,
    kept,
    refers,
    state,
    terraform,
    tf_block,
    tf_tied,
    tf_web,
)

RULE = "aws_vpc_security_group_ingress_rule.r"
TIE = "aws_network_interface_sg_attachment.t"
NEW_GROUP = change(
    "aws_security_group.g", {"name": "g"}, unknown={"id": True, "ingress": True, "arn": True}
)
NEW_RULE = change(RULE, tf_web(security_group_id=None), unknown={"security_group_id": True})
BY_ID = refers("aws_security_group.g.id", "aws_security_group.g")


def tie(endpoint, address=TIE, **more):
    values = {"network_interface_id": endpoint}
    return change(address, values, unknown={"security_group_id": True}, **more)


def config(**more):
    return {
        "aws_security_group.g": {"name": {"constant_value": "g"}},
        RULE: {"security_group_id": BY_ID, "cidr_ipv4": {"constant_value": "0.0.0.0/0"}},
        TIE: {"security_group_id": BY_ID},
        **more,
    }


@pytest.mark.parametrize(("endpoint", "status"), [(OPEN, 0), (CLOSED, 3), (HOLD, 3)])
def test_references_tie_what_is_new(endpoint, status):
    found = judge(terraform(NEW_GROUP, NEW_RULE, tie(endpoint), config=config()))
    assert (found.exit_status, found.not_judged) == (status, ())


def test_without_references_nothing_is_explained():
    found = judge(terraform(NEW_GROUP, NEW_RULE, tie(OPEN)))
    assert RULE in {note.resource for note in found.not_judged}
    found = judge(
        terraform(NEW_GROUP, NEW_RULE, tie(OPEN), config=config(**{RULE: {
            "security_group_id": refers("local.group")
        }}))
    )  # fmt: skip
    assert {note.resource for note in found.not_judged} == {RULE, "aws_security_group.g"}


def test_indices_are_told_apart_by_key():
    def plan(references):
        changes = []
        for key, endpoint in (("a", OPEN), ("b", CLOSED)):
            group = change(f'aws_security_group.g["{key}"]', {"name": key}, unknown={"id": True})
            changes += [group, tie(endpoint, f'{TIE}["{key}"]')]
        changes.append(
            change(
                f'{RULE}["a"]', tf_web(security_group_id=None), unknown={"security_group_id": True}
            )
        )
        mine = config(
            **{
                RULE: {"security_group_id": references},
                TIE: {"security_group_id": refers("aws_security_group.g", "each.key")},
            }
        )
        return judge(terraform(*changes, config=mine))

    group = "aws_security_group.g"
    as_terraform_writes = refers(f'{group}["a"].id', f'{group}["a"]', group)
    assert plan(as_terraform_writes).exit_status == 0
    both = refers(f'{group}["a"].id', f'{group}["a"]', group, group)
    assert plan(both).exit_status == 3
    assert plan(refers("aws_security_group.g", "each.key")).exit_status == 0
    assert (
        plan(refers('aws_security_group.g["a"].id', 'aws_security_group.g["a"]')).exit_status == 0
    )
    assert (
        plan(refers('aws_security_group.g["b"].id', 'aws_security_group.g["b"]')).exit_status == 3
    )
    assert plan(refers("aws_security_group.g", "each.value")).exit_status == 3
    # Which one a count means, only Terraform knows: every one of them must be open.
    assert plan(refers("aws_security_group.g", "count.index")).exit_status == 3


def test_references_pass_modules_and_variables():
    module = "module.web[0]"
    rule = change(
        f"{module}.{RULE}",
        tf_web(security_group_id=None),
        unknown={"security_group_id": True},
        module_address=module,
    )
    inner = change(
        "module.net.aws_security_group.g",
        {"name": "g"},
        unknown={"id": True, "ingress": True},
        module_address="module.net",
    )
    root = {
        "resources": configured(
            {TIE: {"security_group_id": refers("module.net.group_id", "module.net")}}
        ),
        "module_calls": {
            "net": {
                "module": {
                    "outputs": {"group_id": {"expression": BY_ID}},
                    "resources": configured({"aws_security_group.g": {}}),
                }
            },
            "web": {
                "expressions": {"group": refers("module.net.group_id", "module.net")},
                "module": {
                    "resources": configured({RULE: {"security_group_id": refers("var.group")}})
                },
            },
        },
    }
    for endpoint, status in ((OPEN, 0), (CLOSED, 3)):
        found = judge(terraform(inner, rule, tie(endpoint), config=root))
        assert (found.exit_status, found.not_judged) == (status, ())
    del rule["module_address"]
    assert judge(terraform(inner, rule, tie(CLOSED), config=root)).exit_status == 3
    del root["module_calls"]["net"]["module"]["outputs"]
    assert judge(terraform(inner, rule, tie(OPEN), config=root)).exit_status == 4


def test_references_that_run_in_circles_end():
    root = {
        "resources": [],
        "module_calls": {
            "a": {
                "expressions": {"x": refers("module.a.y", "module.a")},
                "module": {
                    "outputs": {"y": {"expression": refers("var.x")}},
                    "resources": configured({RULE: {"security_group_id": refers("var.x")}}),
                },
            }
        },
    }
    rule = change(
        f"module.a.{RULE}",
        tf_web(security_group_id=None),
        unknown={"security_group_id": True},
        module_address="module.a",
    )
    assert judge(terraform(rule, config=root)).exit_status == 4


def test_references_that_branch_end_too():
    every = refers(*(f"module.a.o{i}" for i in range(30)))
    outputs = {f"o{i}": {"expression": every} for i in range(30)}
    inner = {"outputs": outputs, "module_calls": {"a": {"module": {"outputs": outputs}}}}
    root = {
        "resources": configured({RULE: {"security_group_id": refers("module.a.o1", "module.a")}}),
        "module_calls": {"a": {"module": inner}},
    }
    found = judge(terraform(NEW_RULE, config=root))
    assert (found.exit_status, [note.resource for note in found.not_judged]) == (4, [RULE])


def test_what_aws_fills_in_is_no_unknown():
    machine = change(
        "aws_instance.i",
        {"vpc_security_group_ids": ["sg-1"], "launch_template": []},
        unknown={"security_groups": True, "public_ip": True, "network_interface": True},
    )
    group = kept("aws_security_group.g", {"id": "sg-1", "name": "g", "ingress": []})
    mine = {
        "aws_instance.i": {"vpc_security_group_ids": refers("aws_security_group.g")},
        "aws_security_group.g": {},
    }
    found = judge(terraform(machine, group, config=mine))
    assert (found.exit_status, found.not_judged) == (0, ())
    assert judge(terraform(NEW_GROUP, NEW_RULE, tie(OPEN), config=config())).exit_status == 0


def test_an_instance_in_terraforms_words():
    for interface, status in ((OPEN, 0), (CLOSED, 3)):
        values = {
            "id": "i-1",
            "vpc_security_group_ids": ["sg-1"],
            "primary_network_interface_id": interface,
            "public_ip": "",
        }
        plan = terraform(change(RULE, tf_web()), kept("aws_instance.i", values))
        assert judge(plan).exit_status == status
        shown = state(held("aws_instance.i", values), held(RULE, tf_web(id="sgr-1")))
        assert judge(shown).exit_status == status
        front = {
            "id": "i-1",
            "network_interface": [{"device_index": 0, "network_interface_id": interface}],
        }
        join = kept("aws_network_interface.n", {"id": interface, "security_groups": ["sg-1"]})
        plan = terraform(change(RULE, tf_web()), kept("aws_instance.i", front), join)
        assert judge(plan).exit_status == status


def test_addresses_in_terraforms_words():
    eip = kept("aws_eip.e", {"id": "eipalloc-1", "public_ip": "52.83.1.1"})
    machine = change("aws_instance.i", {"vpc_security_group_ids": ["sg-1"]}, unknown={"id": True})
    join = change(
        "aws_eip_association.a", {"allocation_id": "eipalloc-1"}, unknown={"instance_id": True}
    )
    mine = {
        "aws_instance.i": {"vpc_security_group_ids": {"constant_value": ["sg-1"]}},
        "aws_eip_association.a": {
            "instance_id": refers("aws_instance.i.id", "aws_instance.i"),
            "allocation_id": {"constant_value": "eipalloc-1"},
        },
        "aws_eip.e": {},
    }
    rule = change(RULE, tf_web())
    assert judge(terraform(rule, eip, machine, join, config=mine)).exit_status == 0
    assert judge(terraform(rule, machine, join, config=mine)).exit_status == 3
    data = {
        "address": "data.aws_eip.e",
        "mode": "data",
        "type": "aws_eip",
        "values": {"id": "eipalloc-1", "public_ip": "52.83.1.1"},
    }
    prior = {"values": {"root_module": {"resources": [data]}}}
    plan = terraform(rule, machine, join, config=mine, prior_state=prior)
    assert judge(plan).exit_status == 0


def test_load_balancers_in_terraforms_words():
    rule = change(RULE, tf_web())
    values = {"id": ALB, "arn": ALB, "security_groups": ["sg-1"], "internal": False}
    for kind in ("aws_lb.b", "aws_alb.b"):
        assert judge(terraform(rule, kept(kind, values))).exit_status == 0
        made = change(kind, {"security_groups": ["sg-1"]}, unknown={"arn": True, "id": True})
        assert judge(terraform(rule, made)).exit_status == 3
    old = {"id": "old", "name": "old", "security_groups": ["sg-1"]}
    assert judge(terraform(rule, kept("aws_elb.b", old))).exit_status == 0


@pytest.mark.parametrize(
    ("actions", "status"),
    [
        (("create",), 3),
        (("update",), 3),
        (("no-op",), 3),
        (("create", "delete"), 3),
        (("delete", "create"), 3),
        (("delete",), 0),
        (("forget",), 3),
    ],
)
def test_actions(actions, status):
    after = None if actions in (("delete",), ("forget",)) else tf_web()
    before = None if actions == ("create",) else tf_web()
    rule = change(RULE, after, actions=actions, before=before)
    found = judge(terraform(rule, tf_tied(CLOSED)))
    assert (found.exit_status, found.not_judged) == (status, ())
    found = judge(terraform(rule, tf_tied(OPEN)))
    assert found.exit_status == 0


def test_an_action_of_tomorrow_is_not_judged():
    rule = change(RULE, tf_web(), actions=("polish",))
    assert judge(terraform(rule, tf_tied(OPEN))).exit_status == 4
    behind = change(RULE, tf_web(), actions=("create", "forget"), before=tf_web())
    assert judge(terraform(behind, tf_tied(OPEN))).exit_status == 4


def test_an_import_in_terraforms_words():
    rule = change(RULE, tf_web(), actions=("no-op",), before=tf_web(), importing={"id": "sgr-1"})
    assert judge(terraform(rule, tf_tied(CLOSED))).exit_status == 3
    join = change(
        TIE,
        {"security_group_id": "sg-1", "network_interface_id": HOLD},
        actions=("no-op",),
        before={"security_group_id": "sg-1", "network_interface_id": HOLD},
    )
    assert judge(terraform(change(RULE, tf_web()), join)).exit_status == 0
    join["change"]["importing"] = {"id": "x"}
    assert judge(terraform(change(RULE, tf_web()), join)).exit_status == 3


def test_a_deposed_copy_is_not_the_resource():
    gone = change(RULE, None, actions=("delete",), before=tf_web(), deposed="abc")
    rule = change(RULE, tf_web())
    assert judge(terraform(gone, rule, tf_tied(CLOSED))).exit_status == 3


def test_what_a_plan_says_of_itself():
    assert judge(terraform(errored=True)).exit_status == 4
    late = {"reason": "resource_config_unknown", "resource_change": change(RULE, tf_web())}
    found = judge(terraform(deferred_changes=[late], complete=False))
    assert [note.resource for note in found.not_judged] == [RULE]
    found = judge(terraform(complete=False))
    assert (found.exit_status, len(found.warnings)) == (0, 1)


def test_awscc_is_not_judged():
    group = change("awscc_ec2_security_group.g", {"group_description": "x"})
    found = judge(terraform(group))
    assert [note.resource for note in found.not_judged] == ["awscc_ec2_security_group.g"]
    assert judge(state(held("awscc_ec2_instance.i", {}))).exit_status == 4
    assert judge(terraform(change("awscc_s3_bucket.b", {}))).exit_status == 0


def test_states_through_modules():
    inner = {
        "address": "module.a",
        "resources": [held(RULE, tf_web(id="sgr-1")) | {"address": f"module.a.{RULE}"}],
        "child_modules": [
            {
                "address": "module.a.module.b",
                "resources": [
                    held("aws_network_interface.n", {"id": CLOSED, "security_groups": ["sg-1"]})
                ],
            }
        ],
    }
    document = state()
    document["values"]["root_module"]["child_modules"] = [inner]
    found = judge(document)
    assert [one.resource for one in found.violations] == [f"module.a.{RULE}"]
    assert found.source == "terraform-state"


def test_a_group_of_a_state_and_its_rules_are_said_once():
    group = held("aws_security_group.g", {"id": "sg-1", "ingress": [tf_block()]})
    rule = held(RULE, tf_web(id="sgr-1"))
    held_by = held("aws_network_interface.n", {"id": CLOSED, "security_groups": ["sg-1"]})
    assert len(judge(state(group, rule, held_by)).violations) == 1
    assert len(judge(state(group, held_by)).violations) == 1
