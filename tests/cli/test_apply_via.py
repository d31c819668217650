"""``apply --via pulumi``: what it needs before it begins, and a run with a stand-in for Pulumi."""

from __future__ import annotations

import json

import pytest

from tests.cli.world import ACCOUNT_ID, BLOG, PORTAL, SHOP

pytestmark = pytest.mark.filterwarnings("ignore:.*EncryptionControl.*:DeprecationWarning")
PULUMI = {"PULUMI_BACKEND_URL": "file:///made-up", "PULUMI_CONFIG_PASSPHRASE": ""}
REGION = "cn-northwest-1"


@pytest.fixture
def backend(monkeypatch):
    for name, value in PULUMI.items():
        monkeypatch.setenv(name, value)


def _runs(gatekeeper):
    shown = gatekeeper("history", "--kind", "run.started", "--format", "json", status=0).json
    return shown["events"]


def test_without_the_command_nothing_is_read_or_changed(filed, process, gatekeeper, tmp_path):
    said = process("apply", "--via", "pulumi", "--yes", env={**PULUMI, "PATH": str(tmp_path)})
    assert said.status == 1
    assert said.err.startswith("gatekeeper: --via pulumi needs the pulumi command")
    assert len(said.err.splitlines()) == 1
    assert said.out == ""
    zh = process(
        "--lang", "zh", "apply", "--via", "pulumi", env={**PULUMI, "PATH": str(tmp_path)}, status=1
    )
    assert "请安装 Pulumi CLI" in zh.err
    assert _runs(gatekeeper) == []
    names = {g["GroupName"] for g in filed.describe_security_groups()["SecurityGroups"]}
    assert "gatekeeper-gate" not in names


@pytest.mark.parametrize(
    ("words", "environment", "named"),
    [
        ((), {}, "pass --backend file:///absolute/folder or s3://bucket"),
        (("--backend", "https://x"), {}, "is neither file:// nor s3://"),
        (("--backend", "s3://bucket"), {}, "set PULUMI_CONFIG_PASSPHRASE"),
    ],
)
def test_what_it_needs_is_said_before_anything_is_read(
    gatekeeper, monkeypatch, words, environment, named
):
    for name in ("PULUMI_BACKEND_URL", "PULUMI_CONFIG_PASSPHRASE", "PULUMI_CONFIG_PASSPHRASE_FILE"):
        monkeypatch.delenv(name, raising=False)
    assert named in gatekeeper("apply", "--via", "pulumi", *words, status=1).err


def test_another_way_is_wrong_usage(gatekeeper):
    assert "'terraform'" in gatekeeper("apply", "--via", "terraform", status=2).err


def test_gates_and_attachments_come_by_the_stack(
    filed, gatekeeper, backend, moto_server, monkeypatch
):
    from gatekeeper.stacks import automation
    from tests.stacks.engine import Cloud
    from tests.stacks.pulumi_cli import FakeCli

    cli = FakeCli(Cloud(REGION, moto_server))
    monkeypatch.setattr(automation, "find_command", lambda: cli)
    run = json.loads(
        gatekeeper("apply", "--via", "pulumi", "--yes", "--format", "json", status=0).out
    )
    assert {one["result"] for one in run["results"]} == {"done"}
    by = {one["action"].rpartition("-")[0]: one["reason"] for one in run["results"]}
    assert "done directly" in by["narrow"]
    assert "done directly" not in by["create-gate"] + by["attach"]
    assert cli.calls.count("up") == 2
    groups = filed.describe_security_groups(
        Filters=[{"Name": "group-name", "Values": ["gatekeeper-gate"]}]
    )["SecurityGroups"]
    tags = {tag["Key"]: tag["Value"] for tag in groups[0]["Tags"]}
    assert tags["gatekeeper:stack"] == f"gatekeeper-gates/{ACCOUNT_ID}-{REGION}"
    shown = gatekeeper("exposure", "--format", "json", status=0).json
    assert {ip for one in shown["exposures"] for ip in one["ips"]} == {SHOP, PORTAL} - {BLOG}
