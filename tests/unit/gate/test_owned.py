"""Which stack owns a group, and what its keepers are told."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from gatekeeper.account import SecurityGroup
from gatekeeper.gate import stack_of
from gatekeeper.policy import parse_policy
from tests.scenarios.world import Scenario

POLICY = parse_policy("")


def _group(tags: dict[str, str], group_id: str = "sg-1") -> SecurityGroup:
    return SecurityGroup(group_id, "web", "vpc-1", "", (), tags=tuple(sorted(tags.items())))


@pytest.mark.parametrize(
    ("tags", "stack", "by"),
    [
        ({"gatekeeper:stack": "gates/cn"}, "gates/cn", "tag gatekeeper:stack"),
        ({"pulumi:stack": "cn", "pulumi:project": "shop"}, "cn", "tag pulumi:stack"),
        ({"pulumi:project": "shop"}, "shop", "tag pulumi:project"),
        ({"aws:cloudformation:stack-name": "web"}, "web", "tag aws:cloudformation:stack-name"),
        ({"Terraform": " true "}, "true", "tag Terraform"),
    ],
)
def test_known_by_a_tag(tags: dict[str, str], stack: str, by: str) -> None:
    owner = stack_of(_group(tags), POLICY)
    assert owner is not None
    assert (owner.stack, owner.by) == (stack, by)


@pytest.mark.parametrize(
    "tags",
    [
        {},
        {"Name": "pulumi:stack"},
        {"terraform": "false"},
        {"terraform": "No"},
        {"pulumi:stack": ""},
        {"pulumi:stack": "  "},
        {"pulumi:stacks": "cn"},
        {"gatekeeper:managed": "true", "gatekeeper:owner": "somebody"},
    ],
)
def test_nobodys(tags: dict[str, str]) -> None:
    assert stack_of(_group(tags), POLICY) is None


def test_the_policy_says_which_tags_count() -> None:
    mine = parse_policy("stacks: {tags: [team:stack]}")
    assert mine.stacks.mode == "enforce"
    assert stack_of(_group({"team:stack": "x"}), mine) is not None
    assert stack_of(_group({"pulumi:stack": "x"}), mine) is None


def test_the_list_of_the_policy_comes_before_tags() -> None:
    listed = parse_policy("stacks: {owned: [{group_id: sg-1, stack: shop/cn}]}")
    owner = stack_of(_group({"pulumi:stack": "other"}), listed)
    assert owner is not None
    assert (owner.stack, owner.by) == ("shop/cn", "stacks.owned")
    assert stack_of(_group({}, "sg-2"), listed) is None


# what findings say -------------------------------------------------------------------------------


def _found(groups: str, policy: str = "{}", held: str = "[sg-1]"):
    data = yaml.safe_load(
        f"""
        policy: {policy}
        account:
          groups: {groups}
          interfaces: {{eni-1: {{groups: {held}, eips: [52.83.1.1]}}}}
        """
    )
    found, plan = Scenario("here", data).run()
    return found.findings, plan


WIDE = '{sg-1: {rules: [tcp 443 0.0.0.0/0], tags: {"pulumi:stack": shop/cn}}}'


def test_an_exposure_names_the_stack_and_what_to_change() -> None:
    [finding], plan = _found(WIDE)
    assert finding.remedy.endswith(
        "; stack shop/cn (tag pulumi:stack) owns sg-1: take tcp/443 from the Internet out of its"
        " program too, or its next update opens it again"
    )
    assert "sg-1 归堆栈 shop/cn（标签 pulumi:stack）所有" in finding.remedy_zh
    [narrow] = plan.actions
    assert "下次更新可能重新开放" in narrow.reason_zh


def test_in_report_mode_it_says_that_apply_leaves_it() -> None:
    [finding], plan = _found(WIDE, "{stacks: {mode: report}}")
    assert "stacks.mode is report, so apply leaves it" in finding.remedy
    assert "apply 不会改动" in finding.remedy_zh
    [blocked] = plan.blocked
    assert "set stacks.mode to enforce" in blocked.reason
    assert "stacks.mode 设为 enforce" in blocked.reason_zh


def test_a_gate_of_a_stack_is_to_be_detached_in_its_program() -> None:
    groups = (
        "{sg-in: [tcp 22 10.0.0.0/8], sg-g: {name: gatekeeper-gate, ours: true,"
        ' tags: {"gatekeeper:stack": gates/cn}}}'
    )
    [finding], _ = _found(groups, held="[sg-in, sg-g]")
    assert "stack gates/cn (tag gatekeeper:stack) attaches sg-g: take the attachment out" in (
        finding.remedy
    )


def test_an_altered_gate_of_a_stack_asks_for_a_refresh() -> None:
    groups = (
        '{sg-g: {name: gatekeeper-gate, ours: true, rules: [], tags: {"gatekeeper:stack": p/s}},'
        " sg-in: [tcp 22 10.0.0.0/8]}"
    )
    findings, _ = _found(groups, held="[sg-in]")
    [altered] = [one for one in findings if one.code == "gate-altered"]
    assert "refresh the stack afterwards" in altered.remedy


def test_an_unused_group_of_a_stack_names_it() -> None:
    groups = WIDE.replace("sg-1", "sg-idle")[:-1] + ", sg-in: [tcp 22 10.0.0.0/8]}"
    [finding], plan = _found(groups, held="[sg-in]")
    assert finding.code == "group-exposing-unused"
    assert "shop/cn" in finding.remedy
    assert plan.actions == ()


def test_what_no_stack_owns_says_nothing_of_stacks() -> None:
    [finding], _ = _found("{sg-1: [tcp 443 0.0.0.0/0]}")
    assert "stack" not in finding.remedy
    assert "堆栈" not in finding.remedy_zh


def test_the_example_of_the_docs_loads() -> None:
    text = (Path(__file__).parents[3] / "docs" / "stacks-apply.md").read_text(encoding="utf-8")
    example = next(part for part in text.split("```yaml\n")[1:] if part.startswith("stacks:"))
    policy = parse_policy(example.partition("```")[0])
    assert policy.stacks.mode == "report"
    assert [one.group_id for one in policy.stacks.owned] == ["sg-0a1b2c3d4e5f60718"]
