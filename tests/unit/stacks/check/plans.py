"""Plans made up after the documented shapes of Pulumi and Terraform, and feeds for them.

Nothing here was written by either tool; what they really wrote is read in ``test_recorded``.
"""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

from gatekeeper.policy import default_policy
from gatekeeper.seal import digest
from gatekeeper.stacks import parse_decisions
from gatekeeper.stacks.check import PlanCheck, check, read_blueprint

AT = datetime(2026, 5, 4, 9, 0, tzinfo=UTC)
UNKNOWN = "04da6b54-80e4-46f7-96ec-b56ff0331ba9"
SECRET = {
    "4dabf18193072939515e22adb298388d": "1b47061264138c4ac30d75fd1eb44270",
    "ciphertext": "v1:bm90aGluZw==:bm90aGluZw==",
}
PORTS = (("tcp", 80), ("tcp", 443), ("tcp", 8080), ("udp", 443))

GROUP = "aws:ec2/securityGroup:SecurityGroup"
DEFAULT_GROUP = "aws:ec2/defaultSecurityGroup:DefaultSecurityGroup"
RULE = "aws:ec2/securityGroupRule:SecurityGroupRule"
INGRESS = "aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule"
LIST = "aws:ec2/managedPrefixList:ManagedPrefixList"
LIST_ENTRY = "aws:ec2/managedPrefixListEntry:ManagedPrefixListEntry"
INTERFACE = "aws:ec2/networkInterface:NetworkInterface"
ATTACHMENT = (
    "aws:ec2/networkInterfaceSecurityGroupAttachment:NetworkInterfaceSecurityGroupAttachment"
)
INTERFACE_ATTACHMENT = "aws:ec2/networkInterfaceAttachment:NetworkInterfaceAttachment"
INSTANCE = "aws:ec2/instance:Instance"
TEMPLATE = "aws:ec2/launchTemplate:LaunchTemplate"
EIP = "aws:ec2/eip:Eip"
ASSOCIATION = "aws:ec2/eipAssociation:EipAssociation"
BALANCER = "aws:lb/loadBalancer:LoadBalancer"
CLASSIC = "aws:elb/loadBalancer:LoadBalancer"
LISTENER = "aws:lb/listener:Listener"
VPC = "aws:ec2/vpc:Vpc"
DATABASE = "aws:rds/instance:Instance"

OPEN, CLOSED, HOLD, BLIND = "eni-open", "eni-closed", "eni-hold", "eni-unknown"
ALB = "arn:aws-cn:elasticloadbalancing:cn-northwest-1:111122223333:loadbalancer/app/shop/1"
NLB = "arn:aws-cn:elasticloadbalancing:cn-northwest-1:111122223333:loadbalancer/net/tcp/1"
OLD_ELB = "arn:aws-cn:elasticloadbalancing:cn-northwest-1:111122223333:loadbalancer/old"


def decided(endpoint: str, verdict: str, *ips: str, family: str = "ipv4") -> dict[str, Any]:
    return {
        "account_id": "111122223333",
        "endpoint": endpoint,
        "kind": "interface" if endpoint.startswith("eni") else "load_balancer",
        "family": family,
        "ips": list(ips),
        "decision": verdict,
        "reason": f"made up to be {verdict}",
        "filing_ids": [],
    }


DECIDED = (
    decided(OPEN, "open", "52.83.1.1"),
    decided(CLOSED, "closed", "52.83.1.2"),
    decided(HOLD, "hold", "52.83.1.3"),
    decided(BLIND, "unknown", "52.83.1.4"),
    decided("eni-both", "open", "52.83.1.5"),
    decided("eni-both", "closed", "2406:da70::5", family="ipv6"),
    decided(ALB, "open", "52.83.2.1", "52.83.2.2"),
    decided(NLB, "closed", "52.83.2.3"),
    decided(OLD_ELB, "open", "52.83.2.4"),
)


def feed(*decisions: dict[str, Any], **more: Any) -> bytes:
    """A feed with a right digest."""
    content = {
        "schema": "gatekeeper/decisions/1",
        "generated_at": AT.isoformat(),
        "expires_at": (AT + timedelta(hours=1)).isoformat(),
        "ports": [{"protocol": protocol, "port": port} for protocol, port in PORTS],
        "decisions": list(decisions or DECIDED),
        **more,
    }
    return json.dumps({**content, "digest": digest(content)}).encode()


def judge(document: Any, *, flag: bool = False, data: bytes | None = None) -> PlanCheck:
    """Check a plan against the common feed, or another."""
    decisions = parse_decisions(data or feed(), name="feed", at=AT)
    plan = read_blueprint(json.dumps(document).encode(), name="plan.json")
    return check(plan, decisions, default_policy(), at=AT, allow_unattached=flag)


def urn(token: str, name: str) -> str:
    return f"urn:pulumi:dev::shop::{token}::{name}"


def step(
    token: str,
    name: str,
    inputs: dict[str, Any],
    *,
    op: str = "create",
    old: dict[str, Any] | None = None,
    id: str | None = None,  # noqa: A002 (Pulumi's name)
    outputs: dict[str, Any] | None = None,
    links: dict[str, list[str]] | None = None,
    **more: Any,
) -> dict[str, Any]:
    """One step of a preview; ``links`` are its propertyDependencies."""
    state = {
        "urn": urn(token, name),
        "custom": True,
        "type": token,
        "inputs": inputs,
        "propertyDependencies": links or {},
        **({"id": id} if id else {}),
        **({"outputs": outputs} if outputs is not None else {}),
        **more,
    }
    found: dict[str, Any] = {"op": op, "urn": state["urn"], "detailedDiff": None}
    if op != "delete":
        found["newState"] = state
    if op != "create":
        found["oldState"] = {**state, "inputs": inputs if old is None else old}
    return found


def preview(*steps: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"config": {}, "steps": list(steps), "duration": 1, "changeSummary": {}, **more}


def export(*steps: dict[str, Any], **more: Any) -> dict[str, Any]:
    """A stack export of what the steps would leave."""
    resources = [one["newState"] for one in steps]
    return {"version": 3, "deployment": {"manifest": {}, "resources": resources, **more}}


def web(**more: Any) -> dict[str, Any]:
    """Inputs of an ingress rule on a group that is known by its id."""
    return {
        "securityGroupId": "sg-1",
        "ipProtocol": "tcp",
        "fromPort": 443,
        "toPort": 443,
        "cidrIpv4": "0.0.0.0/0",
        **more,
    }


def tied(endpoint: str, *, op: str = "same", group: str = "sg-1") -> dict[str, Any]:
    """An attachment of an interface to a group."""
    return step(
        ATTACHMENT,
        f"tie-{endpoint}",
        {"securityGroupId": group, "networkInterfaceId": endpoint},
        op=op,
    )


def block(**more: Any) -> dict[str, Any]:
    """An inline rule, in Pulumi's words."""
    return {
        "protocol": "tcp",
        "fromPort": 443,
        "toPort": 443,
        "cidrBlocks": ["0.0.0.0/0"],
        "self": False,
        **more,
    }


def change(
    address: str,
    after: dict[str, Any] | None,
    *,
    actions: tuple[str, ...] = ("create",),
    before: dict[str, Any] | None = None,
    unknown: Any = None,
    sensitive: Any = None,
    **more: Any,
) -> dict[str, Any]:
    """One entry of ``resource_changes``."""
    inside = address.rpartition("module.")[2].partition(".")[2] if "module." in address else address
    mode = "data" if inside.startswith("data.") else "managed"
    words = inside.removeprefix("data.").split(".")
    inner = {
        "actions": list(actions),
        "before": before,
        "after": after,
        "after_unknown": {} if unknown is None else unknown,
        "after_sensitive": {} if sensitive is None else sensitive,
        **{key: more.pop(key) for key in ("importing",) if key in more},
    }
    return {
        "address": address,
        "mode": mode,
        "type": words[0],
        "name": words[1].partition("[")[0],
        "change": inner,
        **more,
    }


def kept(address: str, values: dict[str, Any]) -> dict[str, Any]:
    """A resource that does not change."""
    return change(address, values, actions=("no-op",), before=values)


def terraform(
    *changes: dict[str, Any], config: dict[str, Any] | None = None, **more: Any
) -> dict[str, Any]:
    """A plan; ``config`` gives each resource's expressions, or the whole root module."""
    plan: dict[str, Any] = {
        "format_version": "1.2",
        "terraform_version": "1.9.0",
        "planned_values": {"root_module": {}},
        "resource_changes": list(changes),
        **more,
    }
    if config is not None:
        root = config if "resources" in config else {"resources": configured(config)}
        plan["configuration"] = {"root_module": root}
    return plan


def configured(expressions: dict[str, Any]) -> list[dict[str, Any]]:
    """Resources of a configuration, from their expressions."""
    return [
        {"address": address, "mode": "managed", "type": address.split(".")[0], "expressions": one}
        for address, one in expressions.items()
    ]


def refers(*references: str) -> dict[str, Any]:
    return {"references": list(references)}


def state(*resources: dict[str, Any]) -> dict[str, Any]:
    """``terraform show -json`` of a state."""
    return {
        "format_version": "1.0",
        "terraform_version": "1.9.0",
        "values": {"root_module": {"resources": list(resources)}},
    }


def held(address: str, values: dict[str, Any]) -> dict[str, Any]:
    """One resource of a state."""
    return {
        "address": address,
        "mode": "managed",
        "type": address.split(".", maxsplit=1)[0],
        "name": address.split(".")[1],
        "values": values,
    }


def tf_web(**more: Any) -> dict[str, Any]:
    """Values of a Terraform ingress rule."""
    return {
        "security_group_id": "sg-1",
        "ip_protocol": "tcp",
        "from_port": 443,
        "to_port": 443,
        "cidr_ipv4": "0.0.0.0/0",
        "cidr_ipv6": None,
        "prefix_list_id": None,
        "referenced_security_group_id": None,
        **more,
    }


def tf_block(**more: Any) -> dict[str, Any]:
    """An inline rule, in Terraform's words."""
    return {
        "protocol": "tcp",
        "from_port": 443,
        "to_port": 443,
        "cidr_blocks": ["0.0.0.0/0"],
        "ipv6_cidr_blocks": [],
        "prefix_list_ids": [],
        "security_groups": [],
        "self": False,
        "description": "",
        **more,
    }


def tf_tied(endpoint: str, group: str = "sg-1") -> dict[str, Any]:
    name = endpoint.replace("-", "_")
    return kept(
        f"aws_network_interface_sg_attachment.{name}",
        {"security_group_id": group, "network_interface_id": endpoint},
    )
