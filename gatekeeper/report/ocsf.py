"""Findings as OCSF events: class Compliance Finding (2003) of the schema 1.3.0, cloud profile.

https://schema.ocsf.io/1.3.0/classes/compliance_finding: times are milliseconds since 1970.
"""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any, Final

from gatekeeper import __version__
from gatekeeper.report.remembered import fingerprint, severity_of, subject_of
from gatekeeper.report.text import visible

if TYPE_CHECKING:
    from gatekeeper.store import RememberedFinding

SCHEMA: Final = "1.3.0"
_CATEGORY: Final = 2
_CLASS: Final = 2003
_CREATE, _UPDATE, _CLOSE = (1, "Create"), (2, "Update"), (3, "Close")
_SEVERITIES: Final = {
    "info": (1, "Informational"),
    "low": (2, "Low"),
    "medium": (3, "Medium"),
    "high": (4, "High"),
    "critical": (5, "Critical"),
}
_STANDARD: Final = "ICP filing (PRC, MII Order No. 33)"


def to_ocsf(one: RememberedFinding, *, region: str, partition: str) -> dict[str, Any]:
    """One finding as an event; what is resolved is closed and passes."""
    data = one.data
    resolved = one.resolved_at is not None
    activity = _CLOSE if resolved else _CREATE if one.first_seen == one.last_seen else _UPDATE
    severity = _SEVERITIES[severity_of(one).value]
    message, account = visible(data["message"]), str(data.get("account_id") or "")
    modified = _millis(one.resolved_at or one.last_seen)
    event: dict[str, Any] = {
        "activity_id": activity[0],
        "activity_name": activity[1],
        "category_uid": _CATEGORY,
        "category_name": "Findings",
        "class_uid": _CLASS,
        "class_name": "Compliance Finding",
        "type_uid": _CLASS * 100 + activity[0],
        "type_name": f"Compliance Finding: {activity[1]}",
        "severity_id": severity[0],
        "severity": severity[1],
        "status_id": 4 if resolved else 1,
        "status": "Resolved" if resolved else "New",
        "time": modified,
        "message": message,
        "metadata": {
            "version": SCHEMA,
            "profiles": ["cloud"],
            "event_code": data["code"],
            "product": {
                "name": "gatekeeper",
                "vendor_name": "gatekeeper",
                "version": __version__,
            },
        },
        "cloud": {
            "provider": "AWS",
            "region": region,
            **(
                {"account": {"uid": account, "type": "AWS Account", "type_id": 10}}
                if account
                else {}
            ),
        },
        "finding_info": {
            "uid": fingerprint(one),
            "title": message,
            "desc": visible(data.get("message_zh") or data["message"]),
            "types": [data["code"]],
            "created_time": _millis(one.first_seen),
            "first_seen_time": _millis(one.first_seen),
            "last_seen_time": _millis(one.last_seen),
            "modified_time": modified,
        },
        "compliance": {
            "standards": [_STANDARD],
            "control": data["code"],
            "status_id": 1 if resolved else 3,
            "status": "Pass" if resolved else "Fail",
        },
        "resources": [
            {
                "uid": visible(str(data.get("endpoint") or subject_of(one) or account)) or "-",
                "type": "endpoint" if data.get("endpoint") else "other",
                "region": region,
                "cloud_partition": partition,
            }
        ],
        "unmapped": {
            "key": visible(one.key),
            "filing_id": data.get("filing_id"),
            "family": data.get("family"),
            "ips": list(data.get("ips") or ()),
            "ports": list(data.get("ports") or ()),
        },
    }
    if data.get("remedy"):
        event["remediation"] = {"desc": visible(data["remedy"])}
    return event


def _millis(at: datetime) -> int:
    return round(at.timestamp() * 1000)
