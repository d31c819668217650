"""The service control policy that keeps others from opening what gatekeeper keeps shut.

It goes to the organisational units whose accounts gatekeeper guards.  What such a policy can and
cannot say is in ``policies/README.md``: above all, it sees neither ports nor networks of a rule, so
it can only deny the calls that add inbound rules as a whole, with a tag as the exception.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from gatekeeper.aws.permissions import MANAGED, OWNER

DELEGATED: Final = "gatekeeper:ingress"
"""A group or prefix list whose tag of this name is ``delegated`` stays its team's own affair."""
FILED: Final = "gatekeeper:filed"
"""An EIP whose tag of this name is ``true`` is named by a filing and must not be released."""
ADMINISTRATOR: Final = "gatekeeper-administrator"
"""The role that sets gatekeeper up in an account, and the way out in an emergency."""
_KEYS: Final = (FILED, DELEGATED, MANAGED, OWNER)
"""IAM takes the key of ``aws:ResourceTag`` in any case, so none of its spellings may be set."""
MOST_BYTES: Final = 5120
"""The most that one service control policy may have ("AWS Organizations User Guide", quotas)."""


def guard_policy(
    partition: str = "aws-cn",
    *,
    roles: Sequence[str] = ("gatekeeper",),
    administrators: Sequence[str] = (ADMINISTRATOR,),
) -> dict[str, Any]:
    """The guard, for accounts that gatekeeper enters by one of ``roles``.

    Args:
        partition: AWS's partition.
        roles: names of the roles that gatekeeper enters accounts by to change them.
        administrators: names of the roles that may do what the guard denies, and alone may change
            the roles themselves and the forwarding of events.
    """
    trusted = [_role(partition, name) for name in (*roles, *administrators)]
    masters = [_role(partition, name) for name in administrators]
    gates = {"StringEquals": {f"aws:ResourceTag/{MANAGED}": "true"}}
    group, prefix_list = (f"arn:{partition}:ec2:*:*:{one}/*" for one in _INBOUND)
    address = f"arn:{partition}:ec2:*:*:elastic-ip/*"
    return {
        "Version": "2012-10-17",
        "Statement": [
            _deny("Gates", _ON_GATES, group, trusted, gates),
            _deny(
                "Inbound",
                _OPENING,
                [group, prefix_list],
                trusted,
                {"StringNotEquals": {f"aws:ResourceTag/{DELEGATED}": "delegated"}},
            ),
            _deny(
                "Addresses",
                ("ec2:DisassociateAddress", "ec2:ReleaseAddress"),
                address,
                trusted,
                {"StringEquals": {f"aws:ResourceTag/{FILED}": "true"}},
            ),
            _deny(
                "Tags",
                ("ec2:CreateTags", "ec2:DeleteTags"),
                "*",
                trusted,
                {"ForAnyValue:StringEqualsIgnoreCase": {"aws:TagKeys": list(_KEYS)}},
            ),
            _deny(
                "AllTags",
                ("ec2:DeleteTags",),
                [group, address],
                trusted,
                {"Null": {"aws:TagKeys": "true"}},
            ),
            _deny("Roles", _ON_ROLES, _role(partition, "gatekeeper*"), masters),
            _deny("Events", _ON_RULES, f"arn:{partition}:events:*:*:rule/gatekeeper*", masters),
        ],
    }


_INBOUND: Final = ("security-group", "prefix-list")
_OPENING: Final = (
    "ec2:AuthorizeSecurityGroupIngress",
    "ec2:ModifyManagedPrefixList",
    "ec2:ModifySecurityGroupRules",
    "ec2:RestoreManagedPrefixListVersion",
)
"""Calls that can let more of the Internet in through a group or a list that groups name."""
_ON_GATES: Final = (
    "ec2:AssociateSecurityGroupVpc",
    "ec2:AuthorizeSecurityGroupEgress",
    "ec2:AuthorizeSecurityGroupIngress",
    "ec2:CreateNetworkInterface",
    "ec2:DeleteSecurityGroup",
    "ec2:DisassociateSecurityGroupVpc",
    "ec2:ModifyNetworkInterfaceAttribute",
    "ec2:ModifySecurityGroupRules",
    "ec2:RevokeSecurityGroupEgress",
    "ec2:RevokeSecurityGroupIngress",
    "ec2:RunInstances",
    "ec2:UpdateSecurityGroupRuleDescriptionsEgress",
    "ec2:UpdateSecurityGroupRuleDescriptionsIngress",
)
"""Calls that change a gate, or hand it to an interface."""
_ON_ROLES: Final = (
    "iam:AttachRolePolicy",
    "iam:CreateRole",
    "iam:DeleteRole",
    "iam:DeleteRolePermissionsBoundary",
    "iam:DeleteRolePolicy",
    "iam:DetachRolePolicy",
    "iam:PutRolePermissionsBoundary",
    "iam:PutRolePolicy",
    "iam:UpdateAssumeRolePolicy",
)
_ON_RULES: Final = (
    "events:DeleteRule",
    "events:DisableRule",
    "events:PutRule",
    "events:PutTargets",
    "events:RemoveTargets",
)


def _role(partition: str, name: str) -> str:
    return f"arn:{partition}:iam::*:role/{name}"


def _deny(
    sid: str,
    actions: Sequence[str],
    resource: str | list[str],
    trusted: Sequence[str],
    condition: dict[str, Any] | None = None,
) -> dict[str, Any]:
    """Deny the actions to everybody but the trusted roles, where the condition holds."""
    return {
        "Sid": f"Guard{sid}",
        "Effect": "Deny",
        "Action": list(actions),
        "Resource": resource,
        "Condition": {"ArnNotLike": {"aws:PrincipalArn": list(trusted)}, **(condition or {})},
    }
