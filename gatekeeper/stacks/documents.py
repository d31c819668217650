"""IAM documents as text; any part of one may be an output."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

import pulumi

VERSION = "2012-10-17"


def statement(
    sid: str,
    actions: Sequence[str],
    resources: Any,
    *,
    effect: str = "Allow",
    principal: Any = None,
    condition: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """One statement; any part may be an output."""
    made: dict[str, Any] = {"Sid": sid, "Effect": effect}
    if principal is not None:
        made["Principal"] = principal
    made |= {"Action": list(actions), "Resource": resources}
    if condition:
        made["Condition"] = dict(condition)
    return made


def document(*statements: Mapping[str, Any]) -> pulumi.Output[str]:
    """The statements as a policy's text."""
    return pulumi.Output.json_dumps({"Version": VERSION, "Statement": list(statements)})


def merged(*documents: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The statements of documents."""
    return [one for document in documents for one in document["Statement"]]


def trust(service: str, account_id: str) -> str:
    """Let a service of AWS take the role, for objects of this account alone."""
    return json.dumps(
        {
            "Version": VERSION,
            "Statement": [
                {
                    "Effect": "Allow",
                    "Principal": {"Service": service},
                    "Action": "sts:AssumeRole",
                    "Condition": {"StringEquals": {"aws:SourceAccount": account_id}},
                }
            ],
        }
    )


def tls_only(sid: str, actions: Sequence[str], resources: Any) -> dict[str, Any]:
    """Deny every call that does not come over TLS."""
    return statement(
        sid,
        actions,
        resources,
        effect="Deny",
        principal="*",
        condition={"Bool": {"aws:SecureTransport": "false"}},
    )
