"""What Pulumi and Terraform really wrote, kept beside the project and never in it."""

from __future__ import annotations

import json

import pytest

from gatekeeper.errors import PlanRefused
from gatekeeper.policy import default_policy
from gatekeeper.stacks import parse_decisions
from gatekeeper.stacks.check import check, read_blueprint
from tests.unit.stacks.check.plans import AT, feed

pytestmark = pytest.mark.recorded

SAMPLES = {
    "stratify_sample-export.json": ("pulumi-state", 17, 0),
    "stratify_sample-preview-creates.json": ("pulumi-preview", 16, 0),
    "stratify_sample-preview-deletes.json": ("pulumi-preview", 16, 0),
    "stratify_sample-preview-update.json": ("pulumi-preview", 16, 0),
    "pulumi-docs_sg_stack-export_excerpt.json": ("pulumi-state", 1, 3),
    "terraform-json_basic_plan.json": ("terraform-plan", 7, 0),
    "terraform_show_state_sg_excerpt.json": ("terraform-state", 1, 3),
}


def test_no_sample_is_left_out(recorded):
    assert {path.name for path in (recorded / "pulumi").glob("*.json")} == SAMPLES.keys()


@pytest.mark.parametrize("name", SAMPLES)
def test_a_recorded_sample(name, recorded):
    source, resources, status = SAMPLES[name]
    data = (recorded / "pulumi" / name).read_bytes()
    decisions = parse_decisions(feed(), name="feed", at=AT)
    plan = read_blueprint(data, name=name)
    found = check(plan, decisions, default_policy(), at=AT)
    assert (found.source, found.resources, found.exit_status) == (source, resources, status)
    assert found.not_judged == ()
    if status == 3:
        assert [(one.protocol, one.ports) for one in found.violations] == [("tcp", (80,))]
        allowed = check(plan, decisions, default_policy(), at=AT, allow_unattached=True)
        assert allowed.exit_status == 0


@pytest.mark.parametrize("name", SAMPLES)
def test_a_recorded_sample_that_was_cut_is_refused(name, recorded):
    data = (recorded / "pulumi" / name).read_bytes()
    for share in (0.2, 0.5, 0.9, 0.999):
        with pytest.raises(PlanRefused):
            read_blueprint(data[: int(len(data) * share)], name=name)


def test_a_recorded_preview_without_some_steps_is_not_judged(recorded):
    data = (recorded / "pulumi" / "stratify_sample-preview-creates.json").read_bytes()
    document = json.loads(data)
    document["steps"] = document["steps"][:-1]
    found = read_blueprint(json.dumps(document).encode(), name="cut")
    assert "a part is missing" in found.not_judged[0].reason
