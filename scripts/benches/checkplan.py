"""Checking a plan of 5,000 resources as a whole process, next to reading its JSON alone.

The floor is a process that calls ``json.loads`` on the same file.  Every fifth resource is a
group, an interface that the feed decides open, an attachment and two rules, all but the interface
made by the plan, so that every tie runs over references; in Terraform all are one resource's.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from benches.measure import Run, medians, print_table, run_process
from gatekeeper.seal import digest

_FLOOR = "import json, sys; json.loads(open(sys.argv[1], 'rb').read())"
_LATER = "04da6b54-80e4-46f7-96ec-b56ff0331ba9"
_GROUP = "aws:ec2/securityGroup:SecurityGroup"
_RULE = "aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule"
_FACE = "aws:ec2/networkInterface:NetworkInterface"
_TIE = "aws:ec2/networkInterfaceSecurityGroupAttachment:NetworkInterfaceSecurityGroupAttachment"
_PAD = {"Team": "shop", "Environment": "production", "CostCentre": "40021", "Owner": "网站组"}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--resources", type=int, default=5_000)
    parser.add_argument("--runs", type=int, default=5, help="of each (default 5)")


def run(arguments: argparse.Namespace) -> int:
    environment = {
        name: value for name, value in os.environ.items() if not name.startswith("GATEKEEPER_")
    }
    count = arguments.resources // 5
    with tempfile.TemporaryDirectory() as folder:
        feed = Path(folder, "feed.json")
        feed.write_text(json.dumps(_feed(count)), encoding="utf-8")
        commands: dict[str, list[str]] = {}
        for name, plan in (("pulumi", _preview(count)), ("terraform", _plan(count))):
            path = Path(folder, f"{name}.json")
            path.write_text(json.dumps(plan, ensure_ascii=False), encoding="utf-8")
            size = path.stat().st_size / 2**20
            print(f"{name}: {size:.1f} MiB")
            commands[f"{name}: json.loads"] = [sys.executable, "-c", _FLOOR, str(path)]
            commands[f"{name}: check-plan"] = [
                *(sys.executable, "-m", "gatekeeper", "check-plan", str(path)),
                *("--decisions", str(feed), "--format", "json"),
            ]
        runs: dict[str, list[Run]] = {name: [] for name in commands}
        for _ in range(arguments.runs):
            for name, command in commands.items():
                runs[name].append(run_process(command, environment))
    print(f"\n{count * 5:,} resources; medians of {arguments.runs}\n")
    found = {name: medians(each) for name, each in runs.items()}
    print_table(
        ("", "seconds", "of the floor", "processor", "MiB"),
        [
            (
                name,
                f"{one.wall:.2f}",
                f"{one.wall / found[_floor(name)].wall:.2f}",
                f"{one.cpu:.2f}",
                f"{one.memory:.0f}",
            )
            for name, one in found.items()
        ],
    )
    return 0


def _floor(name: str) -> str:
    """The run that another is held against."""
    return name.partition(":")[0] + ": json.loads"


def _feed(count: int) -> dict[str, Any]:
    now = datetime.now(UTC)
    content = {
        "schema": "gatekeeper/decisions/1",
        "generated_at": now.isoformat(),
        "expires_at": (now + timedelta(hours=6)).isoformat(),
        "ports": [{"protocol": "tcp", "port": 80}, {"protocol": "tcp", "port": 443}],
        "decisions": [
            {
                "account_id": "111122223333",
                "endpoint": f"eni-{i:017x}",
                "kind": "interface",
                "family": "ipv4",
                "ips": [f"52.83.{i // 256}.{i % 256}"],
                "decision": "open",
                "reason": "covered by filings in effect",
                "filing_ids": [f"F{i}"],
            }
            for i in range(count)
        ],
    }
    return {**content, "digest": digest(content)}


def _preview(count: int) -> dict[str, Any]:
    steps: list[dict[str, Any]] = []

    def add(token: str, name: str, inputs: dict[str, Any], op: str = "create", **more: Any) -> None:
        urn = f"urn:pulumi:prod::shop::{token}::{name}"
        state = {"urn": urn, "custom": True, "type": token, "inputs": inputs, **more}
        steps.append({"op": op, "urn": urn, "newState": state, "detailedDiff": None})

    for i in range(count):
        links = {"securityGroupId": [f"urn:pulumi:prod::shop::{_GROUP}::web-{i}"]}
        group = {"name": f"web-{i}", "description": "web", "vpcId": "vpc-1", "tags": _PAD}
        add(_GROUP, f"web-{i}", group)
        face = {"subnetId": "subnet-1", "privateIps": ["10.0.0.1"], "tags": _PAD}
        add(_FACE, f"face-{i}", face, "same", id=f"eni-{i:017x}", outputs=face)
        tie = {"securityGroupId": _LATER, "networkInterfaceId": f"eni-{i:017x}"}
        add(_TIE, f"tie-{i}", tie, propertyDependencies=links)
        for port in (80, 443):
            rule = {"securityGroupId": _LATER, "ipProtocol": "tcp", "fromPort": port}
            rule |= {"toPort": port, "cidrIpv4": "0.0.0.0/0", "tags": _PAD}
            add(_RULE, f"rule-{i}-{port}", rule, propertyDependencies=links)
    return {"config": {}, "steps": steps, "duration": 1, "changeSummary": {"create": count * 4}}


def _plan(count: int) -> dict[str, Any]:
    changes: list[dict[str, Any]] = []

    def add(
        kind: str, key: str, after: dict[str, Any], unknown: dict[str, Any], name: str = "web"
    ) -> None:
        same = not unknown
        changes.append(
            {
                "address": f'{kind}.{name}["{key}"]',
                "mode": "managed",
                "type": kind,
                "name": name,
                "index": key,
                "provider_name": "registry.terraform.io/hashicorp/aws",
                "change": {
                    "actions": ["no-op"] if same else ["create"],
                    "before": after if same else None,
                    "after": after,
                    "after_unknown": unknown,
                    "before_sensitive": {},
                    "after_sensitive": {"tags": {}},
                },
            }
        )

    new = {"id": True, "arn": True, "tags_all": {}}
    late = {**new, "security_group_id": True}
    for i in range(count):
        name = f"web-{i}"
        group = {"name": name, "description": "web", "vpc_id": "vpc-1", "tags": _PAD}
        add("aws_security_group", name, group, {**new, "ingress": True, "egress": True})
        face = {"id": f"eni-{i:017x}", "security_groups": [], "subnet_id": "s", "tags": _PAD}
        add("aws_network_interface", name, face, {})
        tie = {"network_interface_id": f"eni-{i:017x}"}
        add("aws_network_interface_sg_attachment", name, tie, late)
        for port in (80, 443):
            rule = {"ip_protocol": "tcp", "from_port": port, "to_port": port}
            rule |= {"cidr_ipv4": "0.0.0.0/0", "cidr_ipv6": None, "tags": _PAD}
            kind = "aws_vpc_security_group_ingress_rule"
            add(kind, name, rule, late, "web" if port == 80 else "tls")
    group_id = {"references": ["aws_security_group.web", "each.key"]}
    names = {(change["type"], change["name"]) for change in changes}
    resources = [
        {
            "address": f"{kind}.{name}",
            "mode": "managed",
            "type": kind,
            "name": name,
            "expressions": {} if kind == "aws_security_group" else {"security_group_id": group_id},
        }
        for kind, name in sorted(names)
    ]
    return {
        "format_version": "1.2",
        "terraform_version": "1.9.0",
        "planned_values": {"root_module": {}},
        "resource_changes": changes,
        "configuration": {"root_module": {"resources": resources}},
    }
