"""Findings in the AWS Security Finding Format, as Security Hub's BatchImportFindings takes them.

Lengths are those of the API's reference.  Severity and types stand twice: ``FindingProviderFields``
is where a provider sets them, the fields at the top are what older readers know.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

from gatekeeper.report.remembered import fingerprint, severity_of, subject_of
from gatekeeper.report.text import visible

if TYPE_CHECKING:
    from gatekeeper.store import RememberedFinding

_LABELS: Final = {
    "critical": "CRITICAL",
    "high": "HIGH",
    "medium": "MEDIUM",
    "low": "LOW",
    "info": "INFORMATIONAL",
}
_FILING: Final = "Software and Configuration Checks/Industry and Regulatory Standards/ICP Filing"
_REACHABLE: Final = (
    "Software and Configuration Checks/AWS Security Best Practices/Network Reachability"
)
_TITLE: Final = 256
_DESCRIPTION: Final = 1024
_REMEDY: Final = 512
_FIELD: Final = 2048
_RESOURCES: Final = 32

_INTERFACE: Final = re.compile(r"eni-[0-9a-f]{1,40}")
_GROUP: Final = re.compile(r"sg-[0-9a-f]{1,40}")
_BALANCER: Final = re.compile(r"arn:[a-z-]+:elasticloadbalancing:[^\s|]{1,500}")
_NAMED: Final = re.compile(r":loadbalancer/(?:app|net|gwy)/")


def to_asff(one: RememberedFinding, *, region: str, partition: str, hub: str) -> dict[str, Any]:
    """One finding for the Security Hub of one account and region.

    Args:
        one: the finding; one that is resolved is ARCHIVED.
        region: where the hub is.
        partition: "aws-cn" or "aws".
        hub: the account that imports it.  With a product of its own an account may import only
            findings of its own, so this is ``AwsAccountId``; the account that the finding is about
            is in its resources.
    """
    data = one.data
    severity = {"Label": _LABELS[severity_of(one).value], "Original": data["severity"]}
    types = [_FILING, *([_REACHABLE] if data["code"].startswith("exposed-") else [])]
    message = visible(data["message"])
    description = (
        f"{message} / {visible(data['message_zh'])}" if data.get("message_zh") else message
    )
    found: dict[str, Any] = {
        "SchemaVersion": "2018-10-08",
        "Id": f"{region}/{hub}/gatekeeper/{fingerprint(one)}",
        "ProductArn": f"arn:{partition}:securityhub:{region}:{hub}:product/{hub}/default",
        "ProductName": "gatekeeper",
        "GeneratorId": f"gatekeeper/{data['code']}",
        "AwsAccountId": hub,
        "Region": region,
        "Types": types,
        "CreatedAt": _time(one.first_seen),
        "FirstObservedAt": _time(one.first_seen),
        "LastObservedAt": _time(one.last_seen),
        "UpdatedAt": _time(one.resolved_at or one.last_seen),
        "Severity": severity,
        "FindingProviderFields": {"Severity": severity, "Types": types},
        "Title": _cut(message, _TITLE),
        "Description": _cut(description, _DESCRIPTION),
        "ProductFields": _fields(one),
        "Resources": _resources(one, region=region, partition=partition, hub=hub),
        "Compliance": {"Status": "FAILED" if one.resolved_at is None else "PASSED"},
        "RecordState": "ACTIVE" if one.resolved_at is None else "ARCHIVED",
    }
    remedy = visible(data.get("remedy") or "").strip()
    if remedy:
        found["Remediation"] = {"Recommendation": {"Text": _cut(remedy, _REMEDY)}}
    return found


def _fields(one: RememberedFinding) -> dict[str, str]:
    data: Mapping[str, Any] = one.data
    told = {
        "gatekeeper/Code": data["code"],
        "gatekeeper/Key": one.key,
        "gatekeeper/Filing": data.get("filing_id") or "",
        "gatekeeper/Family": data.get("family") or "",
        "gatekeeper/Addresses": ", ".join(data.get("ips") or ()),
        "gatekeeper/Ports": ", ".join(data.get("ports") or ()),
    }
    return {name: _cut(visible(text), _FIELD) for name, text in told.items() if text.strip()}


def _resources(
    one: RememberedFinding, *, region: str, partition: str, hub: str
) -> list[dict[str, Any]]:
    """What it is about, at least an account."""
    data = one.data
    account = str(data.get("account_id") or "") or hub
    where = {"Partition": partition, "Region": region}
    endpoint, subject = str(data.get("endpoint") or ""), subject_of(one)
    found: list[dict[str, Any]] = []
    if _INTERFACE.fullmatch(endpoint):
        arn = f"arn:{partition}:ec2:{region}:{account}:network-interface/{endpoint}"
        found.append({"Type": "AwsEc2NetworkInterface", "Id": arn, **where})
    elif _BALANCER.fullmatch(endpoint):
        kind = "AwsElbv2LoadBalancer" if _NAMED.search(endpoint) else "AwsElbLoadBalancer"
        found.append({"Type": kind, "Id": endpoint, **where})
    elif _GROUP.fullmatch(subject):
        arn = f"arn:{partition}:ec2:{region}:{account}:security-group/{subject}"
        found.append({"Type": "AwsEc2SecurityGroup", "Id": arn, **where})
    if not found:
        for ip in data.get("ips") or ():
            found.append({"Type": "Other", "Id": _cut(visible(str(ip)), _TITLE), **where})
    found = found[: _RESOURCES - 1]
    found.append({"Type": "AwsAccount", "Id": f"AWS::::Account:{account}", **where})
    return found


def _time(at: datetime) -> str:
    """RFC 3339 in UTC, to the millisecond."""
    return at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _cut(text: str, most: int) -> str:
    """At most so many characters, and never only blanks, which the API refuses."""
    shown = text if len(text) <= most else f"{text[: most - 1]}…"
    return shown if shown.strip() else "-"
