"""The Automation API as we use it, with a stand-in for the command: the simulator, on moto."""

from __future__ import annotations

import boto3
import pytest
from moto import mock_aws
from pulumi.automation import LocalWorkspace

from gatekeeper.errors import StackError
from gatekeeper.gate import GateHeld, GatePorts
from gatekeeper.stacks import Backend, PulumiGates
from gatekeeper.stacks import automation as room
from tests.stacks.engine import QUIET, Cloud
from tests.stacks.pulumi_cli import FakeCli

pytestmark = pytest.mark.filterwarnings(*QUIET)
REGION = "cn-northwest-1"
ACCOUNT = "123456789012"
URL = "file:///made-up"
PORTS = (("tcp", 80), ("tcp", 443))


@pytest.fixture
def cli(monkeypatch):
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "testing")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "testing")
    with mock_aws():
        made = FakeCli(Cloud(REGION))
        yield made


@pytest.fixture
def ec2(cli):
    return boto3.client("ec2", REGION)


@pytest.fixture
def vpc(ec2):
    return ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]


@pytest.fixture
def web(ec2, vpc):
    subnet = ec2.create_subnet(VpcId=vpc, CidrBlock="10.0.0.0/24")["Subnet"]["SubnetId"]
    group = ec2.create_security_group(GroupName="web", Description="its own", VpcId=vpc)
    made = ec2.create_network_interface(SubnetId=subnet, Groups=[group["GroupId"]])
    return made["NetworkInterface"]["NetworkInterfaceId"]


@pytest.fixture
def gates(cli):
    return _gates(cli)


def _gates(cli, **kwargs):
    return PulumiGates.of(
        ACCOUNT, REGION, owner="nwcd-gatekeeper", backend=Backend(URL, cli), **kwargs
    )


def _up(gates, *changes):
    gates.read()
    assert gates.propose(changes) is None
    gates.carry_out()
    gates.read()


def _ports(ec2, group):
    found = ec2.describe_security_groups(GroupIds=[group])["SecurityGroups"][0]
    return {(one["IpProtocol"], one["FromPort"]) for one in found["IpPermissions"]}


def test_a_gate_is_made_previewed_and_owned(gates, cli, ec2, vpc):
    gates.read()
    assert gates.gate(vpc, "ipv4") is None
    assert gates.propose([GatePorts(vpc, "ipv4", PORTS)]) is None
    assert _names(ec2) == set()
    gates.carry_out()
    group = gates.gate(vpc, "ipv4")
    assert _names(ec2) == {"gatekeeper-gate"}
    assert _ports(ec2, group) == set(PORTS) == gates.ports(vpc, "ipv4")
    assert gates.gate(vpc, "ipv6") is None
    changing = [call for call in cli.calls if not call.startswith("stack ")]
    assert changing == ["preview", "up", "refresh"]
    assert cli.cleared


def _names(ec2):
    groups = ec2.describe_security_groups()["SecurityGroups"]
    return {group["GroupName"] for group in groups} - {"default", "web"}


def test_the_stack_says_its_account_and_region_and_the_tag_says_the_stack(gates, cli, ec2, vpc):
    _up(gates, GatePorts(vpc, "ipv4", PORTS))
    assert gates.stack == f"gatekeeper-gates/{ACCOUNT}-{REGION}"
    assert set(cli.engines) == {f"{ACCOUNT}-{REGION}"}
    groups = ec2.describe_security_groups(GroupIds=[gates.gate(vpc, "ipv4")])["SecurityGroups"]
    assert {"Key": "gatekeeper:stack", "Value": gates.stack} in groups[0]["Tags"]
    assert {env["PULUMI_BACKEND_URL"] for env in cli.environments} == {URL}


def test_an_interface_is_attached_and_detached(gates, ec2, vpc, web):
    _up(gates, GatePorts(vpc, "ipv4", PORTS), GateHeld(web, "ipv4", vpc, held=True))
    group = gates.gate(vpc, "ipv4")
    assert gates.attached(web, "ipv4")
    assert not gates.attached(web, "ipv6")
    assert group in _held(ec2, web)
    _up(gates, GateHeld(web, "ipv4", vpc, held=False))
    assert not gates.attached(web, "ipv4")
    assert group not in _held(ec2, web)


def _held(ec2, web):
    found = ec2.describe_network_interfaces(NetworkInterfaceIds=[web])["NetworkInterfaces"]
    return {group["GroupId"] for group in found[0]["Groups"]}


def test_a_rule_taken_out_by_hand_is_put_back(gates, ec2, vpc):
    _up(gates, GatePorts(vpc, "ipv4", PORTS))
    group = gates.gate(vpc, "ipv4")
    rule = {"IpProtocol": "tcp", "FromPort": 443, "ToPort": 443}
    ec2.revoke_security_group_ingress(
        GroupId=group, IpPermissions=[{**rule, "IpRanges": [{"CidrIp": "0.0.0.0/0"}]}]
    )
    gates.read()
    assert gates.ports(vpc, "ipv4") == {("tcp", 80)}
    _up(gates, GatePorts(vpc, "ipv4", PORTS))
    assert _ports(ec2, group) == set(PORTS)


def test_a_role_is_assumed_and_its_external_id_sealed(cli, vpc):
    role = f"arn:aws-cn:iam::{ACCOUNT}:role/gatekeeper"
    gates = _gates(cli, role_arn=role, external_id="once")
    _up(gates, GatePorts(vpc, "ipv4", PORTS))
    [provider] = [
        one for one in cli.engines[gates.stack_name].state if one["type"] == "pulumi:providers:aws"
    ]
    assert ACCOUNT in provider["inputs"]["allowedAccountIds"]
    assert "once" not in str(cli.engines[gates.stack_name].export()["deployment"])
    assert (
        _gates(cli, role_arn=role, external_id="once").propose([GatePorts(vpc, "ipv6", PORTS)])
        is None
    )


def test_another_role_than_the_registered_one_is_refused(cli, vpc, monkeypatch):
    gates = _gates(cli)
    gates.read()
    real = room.gates_program
    other = _gates(cli, role_arn=f"arn:aws-cn:iam::{ACCOUNT}:role/other").entry
    monkeypatch.setattr(room, "gates_program", lambda layout, entry: real(layout, other))
    refused = gates.propose([GatePorts(vpc, "ipv4", PORTS)])
    assert "assumeRoles is" in refused.reason


def test_what_is_there_already_is_not_brought_up_again(gates, vpc):
    _up(gates, GatePorts(vpc, "ipv4", PORTS))
    refused = gates.propose([GatePorts(vpc, "ipv4", PORTS)])
    assert "has all of it already" in refused.reason


# what is refused ---------------------------------------------------------------------------------


def _steps(events):
    return [one["resourcePreEvent"]["metadata"] for one in events if "resourcePreEvent" in one]


def _other_port(events):
    next(s for s in _steps(events) if "IngressRule" in s["type"])["new"]["inputs"]["toPort"] = 65535
    return events


def _extra(events):
    bucket = {"op": "create", "urn": "urn:pulumi:x::y::aws:s3/bucket:Bucket::b",
              "type": "aws:s3/bucket:Bucket", "provider": "", "old": None, "new": None}  # fmt: skip
    events[-2]["summaryEvent"]["resourceChanges"]["create"] += 1
    return [*events[:-2], {"resourcePreEvent": {"metadata": bucket}}, *events[-2:]]


def _without_a_rule(events):
    gone = next(
        n for n, one in enumerate(events)
        if "IngressRule" in str(one.get("resourcePreEvent", {}).get("metadata", {}).get("type"))
    )  # fmt: skip
    return events[:gone] + events[gone + 1 :]


def _unsaid(events):
    events[-2]["summaryEvent"]["resourceChanges"]["delete"] = 1
    return events


def _error(events):
    said = {"message": "error: no\nmore", "color": "auto", "severity": "error"}
    return [{"diagnosticEvent": said}, *events]


def _endless(events):
    return events[:-1]


@pytest.mark.parametrize(
    ("tamper", "named"),
    [
        (_other_port, "toPort is 65535, planned is "),
        (_extra, "create Bucket b was not planned"),
        (_without_a_rule, "it does not create"),
        (_unsaid, "it counts 1 delete and shows 0"),
        (_error, "it reports an error: error: no; more"),
        (_endless, "its event log has no end"),
    ],
)
def test_a_preview_that_is_not_the_plan_is_refused_and_nothing_brought_up(
    gates, cli, ec2, vpc, tamper, named
):
    cli.tamper = tamper
    refused = gates.propose([GatePorts(vpc, "ipv4", PORTS)])
    assert named in refused.reason
    assert "预览与计划不符" in refused.reason_zh
    assert "up" not in cli.calls
    assert _names(ec2) == set()
    with pytest.raises(AssertionError):
        gates.carry_out()


def test_a_log_without_a_summary_is_a_failure(gates, cli, vpc):
    cli.tamper = lambda events: events[-1:]
    with pytest.raises(StackError, match="summary event never found"):
        gates.propose([GatePorts(vpc, "ipv4", PORTS)])


@pytest.mark.parametrize(
    ("verb", "says", "named", "code"),
    [
        (
            "preview",
            "error: the stack is currently locked by 1 lock(s). Either wait",
            "run pulumi cancel on it (error: the stack is currently locked by 1 lock(s)",
            "Locked",
        ),
        ("preview", "error: no credentials\nreally", "preview of stack gatekeeper-gates/", None),
        ("stack select", "error: bucket gone", "stack select of stack", "CommandError"),
        ("stack export", "error: bucket gone", "error: bucket gone", "CommandError"),
        ("up", "error: update failed", "pulumi up of stack", "CommandError"),
    ],
)
def test_a_command_that_fails_is_one_line(gates, cli, vpc, verb, says, named, code):
    cli.fail = {verb: says}
    with pytest.raises(StackError) as refused:
        _up(gates, GatePorts(vpc, "ipv4", PORTS))
    assert named in refused.value.message
    assert "\n" not in refused.value.message + refused.value.zh
    assert code in (None, refused.value.code)


def test_a_stack_of_somebody_else_is_left_alone(gates, cli, vpc, ec2):
    _up(gates, GatePorts(vpc, "ipv4", PORTS))
    state = cli.engines[gates.stack_name].state
    state.append({**state[-1], "type": "aws:ec2/eip:Eip", "urn": "urn:x::ip", "custom": False})
    with pytest.raises(StackError, match="is no gate's"):
        gates.read()


# the backend -------------------------------------------------------------------------------------

SAID = {"PULUMI_CONFIG_PASSPHRASE": ""}


@pytest.mark.parametrize(
    ("url", "environment", "named"),
    [
        (None, SAID, "pass --backend"),
        ("", SAID, "pass --backend"),
        ("https://api.example.com", SAID, "is neither file:// nor s3://"),
        ("/srv/state", SAID, "is neither file:// nor s3://"),
        ("file:///srv/state", {}, "set PULUMI_CONFIG_PASSPHRASE"),
    ],
)
def test_a_backend_that_cannot_be_used_is_refused(url, environment, named):
    with pytest.raises(StackError, match=named) as refused:
        Backend.find(url, environment)
    assert refused.value.zh != refused.value.message


def test_without_the_command_it_says_what_to_install(monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(StackError, match="there is no pulumi on the PATH; install") as refused:
        Backend.find("s3://bucket", {"PULUMI_CONFIG_PASSPHRASE_FILE": "/x"})
    assert "请安装 Pulumi CLI" in refused.value.zh


@pytest.mark.parametrize(
    ("script", "named"),
    [
        ("echo v1.0.0", "Minimum version|Major version"),
        ("echo what", "Could not parse"),
        ("exit 3", "exit status 3"),
    ],
)
def test_a_command_that_cannot_be_used_is_refused(monkeypatch, tmp_path, script, named):
    command = tmp_path / "pulumi"
    command.write_text(f"#!/bin/sh\n{script}\n")
    command.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    with pytest.raises(StackError, match=named):
        Backend.find(URL, SAID)


def test_the_workspace_is_the_sdks_own():
    """The names that the stand-in leans on: another SDK must fail here, and say so."""
    assert hasattr(LocalWorkspace, "_run_pulumi_cmd_sync")
