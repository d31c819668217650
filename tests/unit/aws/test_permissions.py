"""The policies in policies/iam are what the code declares."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from gatekeeper.aws import permissions

FOLDER = Path(__file__).parents[3] / "policies" / "iam"


@pytest.mark.parametrize(
    "name", ["read", "change", "assume", "watch", "export", "attribute", "publish", "boundary"]
)
def test_the_written_policy_is_the_declared_one(name):
    document = getattr(permissions, f"{name}_policy")()
    assert json.loads((FOLDER / f"{name}.json").read_text()) == document


def test_only_reads_are_needed_to_read():
    actions = permissions.actions("read")
    assert actions == tuple(sorted(set(actions)))
    assert "ec2:DescribeSecurityGroups" in actions
    assert all(action.split(":")[1].startswith(("Describe", "Get")) for action in actions)
    assert permissions.actions("assume") == ("sts:AssumeRole",)


def test_a_call_may_need_several_actions():
    changes = permissions.actions("change")
    assert {"ec2:CreateSecurityGroup", "ec2:CreateTags"} <= set(changes)
    assert not set(changes) & set(permissions.actions("read"))


def test_the_partition_and_the_role_are_in_the_resource():
    (statement,) = permissions.assume_policy("aws", "auditor")["Statement"]
    assert statement["Resource"] == "arn:aws:iam::*:role/auditor"


def test_a_watcher_takes_messages_from_one_queue_and_puts_them_into_another():
    made = permissions.watch_policy("aws", "mine", region="*", account="111122223333")
    take, put = made["Statement"]
    assert take["Resource"] == "arn:aws:sqs:*:111122223333:mine"
    assert set(take["Action"]) == {
        "sqs:ReceiveMessage",
        "sqs:DeleteMessage",
        "sqs:ChangeMessageVisibility",
    }
    assert (put["Action"], put["Resource"]) == (
        ["sqs:SendMessage"],
        "arn:aws:sqs:*:111122223333:mine-dead",
    )
