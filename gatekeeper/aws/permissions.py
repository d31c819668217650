"""The IAM actions that gatekeeper needs, declared beside each call; the policies come from that."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Final, Literal, NamedTuple, TypeVar

Purpose = Literal["read", "change", "assume", "watch", "bury", "export", "attribute", "publish"]
Function = TypeVar("Function", bound=Callable[..., Any])

_CALLERS: Final = (
    "gatekeeper.aws.bucket",
    "gatekeeper.aws.changes",
    "gatekeeper.aws.cloudtrail",
    "gatekeeper.aws.collect",
    "gatekeeper.aws.queue",
    "gatekeeper.aws.securityhub",
    "gatekeeper.aws.session",
    "gatekeeper.aws.touched",
)
"""The modules that declare calls; importing them fills the registry."""

MEMBER_ROLES: Final = ("gatekeeper", "gatekeeper-read")
"""The roles that ``infra/member`` makes: one that may change, one that only reads."""

_needed: Final[set[tuple[Purpose, str]]] = set()


def needs(action: str, *, purpose: Purpose = "read") -> Callable[[Function], Function]:
    """Declares that the function makes a call which needs this IAM action."""

    def declare(function: Function) -> Function:
        _needed.add((purpose, action))
        return function

    return declare


def actions(purpose: Purpose) -> tuple[str, ...]:
    """The IAM actions of one purpose, sorted."""
    for module in _CALLERS:
        importlib.import_module(module)
    return tuple(sorted({action for kind, action in _needed if kind == purpose}))


REGION: Final = "cn-northwest-1"
MANAGED: Final = "gatekeeper:managed"
OWNER: Final = "gatekeeper:owner"
"""The tags of every group that gatekeeper makes, as ``gatekeeper.gate.gates`` sets them."""

_TAGGED: Final = {"StringEquals": {f"aws:ResourceTag/{MANAGED}": "true"}}
_MADE: Final = {
    "StringEquals": {"ec2:CreateAction": ["AuthorizeSecurityGroupIngress", "CreateSecurityGroup"]}
}


class _Scope(NamedTuple):
    """Actions, and the objects and circumstances that they are limited to.

    ``objects`` are what an ARN of the action's service ends in; ``*`` stands for actions that
    know no resources, which the region alone limits.
    """

    sid: str
    actions: tuple[str, ...]
    objects: tuple[str, ...]
    condition: Mapping[str, Mapping[str, Any]] = {}

    def statement(self, partition: str, region: str) -> dict[str, Any]:
        service = self.actions[0].partition(":")[0]
        if self.objects == ("*",):
            where: str | list[str] = "*"
            condition: Mapping[str, Any] = {"StringEquals": {"aws:RequestedRegion": region}}
        else:
            arns = [f"arn:{partition}:{service}:{region}:*:{one}" for one in self.objects]
            where = arns[0] if len(arns) == 1 else arns
            condition = self.condition
        return _statement(f"Gatekeeper{self.sid}", self.actions, where, condition)


# What IAM can tell apart for each action is in the "Service Authorization Reference".  A group
# that exposes an endpoint is anybody's, with anybody's tags: rules, and what an endpoint holds,
# cannot be limited to gatekeeper's own groups.
_READ: Final = (
    _Scope(
        "Read",
        (
            "ec2:DescribeAddresses",
            "ec2:DescribeManagedPrefixLists",
            "ec2:DescribeNetworkInterfaces",
            "ec2:DescribeSecurityGroups",
            "ec2:DescribeVpcs",
            "elasticloadbalancing:DescribeListeners",
            "elasticloadbalancing:DescribeLoadBalancers",
            "sts:GetCallerIdentity",
        ),
        ("*",),
    ),
    _Scope("ReadPrefixLists", ("ec2:GetManagedPrefixListEntries",), ("prefix-list/*",)),
)
_CHANGE: Final = (
    _Scope(
        "CreateGate",
        ("ec2:CreateSecurityGroup",),
        ("security-group/*",),
        {"StringEquals": {f"aws:RequestTag/{MANAGED}": "true"}},
    ),
    _Scope("CreateGateInVpc", ("ec2:CreateSecurityGroup",), ("vpc/*",)),
    _Scope(
        "TagWhatIsMade", ("ec2:CreateTags",), ("security-group/*", "security-group-rule/*"), _MADE
    ),
    _Scope(
        "OwnGroups",
        ("ec2:DeleteSecurityGroup", "ec2:RevokeSecurityGroupEgress"),
        ("security-group/*",),
        _TAGGED,
    ),
    _Scope(
        "AllowInbound",
        ("ec2:AuthorizeSecurityGroupIngress",),
        ("security-group/*", "security-group-rule/*"),
    ),
    _Scope("RevokeInbound", ("ec2:RevokeSecurityGroupIngress",), ("security-group/*",)),
    _Scope("ReadRules", ("ec2:DescribeSecurityGroupRules",), ("*",)),
    _Scope(
        "HoldGroups",
        ("ec2:ModifyNetworkInterfaceAttribute",),
        ("instance/*", "network-interface/*", "security-group/*", "subnet/*"),
    ),
    _Scope(
        "HoldGroupsOfBalancers",
        ("elasticloadbalancing:SetSecurityGroups",),
        ("loadbalancer/app/*/*", "loadbalancer/net/*/*"),
    ),
    _Scope(
        "HoldGroupsOfClassicBalancers",
        ("elasticloadbalancing:ApplySecurityGroupsToLoadBalancer",),
        ("loadbalancer/*",),
    ),
)
_EXPORT: Final = (_Scope("Export", ("securityhub:BatchImportFindings",), ("product/*/default",)),)
_ATTRIBUTE: Final = (_Scope("Attribute", ("cloudtrail:LookupEvents",), ("*",)),)


def read_policy(partition: str = "aws-cn", *, region: str = REGION) -> dict[str, Any]:
    """The least that a collection needs in the account that it reads.

    Describe calls take no resource, so they are limited to the region; a rule may name any prefix
    list of it, AWS's own ones too.
    """
    return _scoped(_READ, partition, region)


def change_policy(partition: str = "aws-cn", *, region: str = REGION) -> dict[str, Any]:
    """What carrying out plans needs in the account, beside ``read_policy``.

    Groups are made with gatekeeper's tag only and deleted only with it, and tags are set on
    nothing but what is made in the same call.  Which groups and interfaces a plan will touch is
    not known beforehand.
    """
    return _scoped(_CHANGE, partition, region)


def assume_policy(
    partition: str = "aws-cn",
    *roles: str,
    accounts: Sequence[str] = ("*",),
    external_id: str | None = None,
) -> dict[str, Any]:
    """What the caller needs in its own account to enter the accounts by roles of these names.

    Args:
        partition: AWS's partition.
        roles: names of roles; without any, the two that ``infra/member`` makes.
        accounts: their accounts.
        external_id: the only external id that may be sent along; ``None`` leaves it open.
    """
    arns = [
        f"arn:{partition}:iam::{account}:role/{role}"
        for account in accounts
        for role in roles or MEMBER_ROLES
    ]
    condition = {"StringEquals": {"sts:ExternalId": external_id}} if external_id else {}
    where = arns[0] if len(arns) == 1 else arns
    return _document(_statement("GatekeeperAssume", actions("assume"), where, condition))


def watch_policy(
    partition: str = "aws-cn",
    queue: str = "gatekeeper-events",
    *,
    region: str = REGION,
    account: str = "*",
) -> dict[str, Any]:
    """What the caller needs in its own account to consume the queue of events.

    ``queue`` is its name; that of its dead-letter queue has ``-dead`` at its end.
    """
    queues = f"arn:{partition}:sqs:{region}:{account}:{queue}"
    return _document(
        _statement("GatekeeperWatch", actions("watch"), queues),
        _statement("GatekeeperBury", actions("bury"), f"{queues}-dead"),
    )


def publish_policy(
    partition: str = "aws-cn", bucket: str = "gatekeeper-*", *, prefix: str = ""
) -> dict[str, Any]:
    """What writing the decision feed into a bucket needs in the caller's own account."""
    objects = f"arn:{partition}:s3:::{bucket}/{prefix}*"
    return _document(_statement("GatekeeperPublish", actions("publish"), objects))


def export_policy(partition: str = "aws-cn", *, region: str = REGION) -> dict[str, Any]:
    """What sending findings to an account's Security Hub needs there."""
    return _scoped(_EXPORT, partition, region)


def attribute_policy(partition: str = "aws-cn", *, region: str = REGION) -> dict[str, Any]:
    """What telling who changed something needs in the account; without it the author is unknown."""
    return _scoped(_ATTRIBUTE, partition, region)


def boundary_policy(
    partition: str = "aws-cn", *, region: str = REGION, change: bool = True
) -> dict[str, Any]:
    """A permissions boundary of the role in an account: whatever is attached, no more than this.

    With ``change`` false it is that of a role that only reads.
    """
    scopes = _READ + (_CHANGE if change else ()) + _ATTRIBUTE + _EXPORT
    return _scoped(scopes, partition, region)


def _scoped(scopes: Iterable[_Scope], partition: str, region: str) -> dict[str, Any]:
    return _document(*(scope.statement(partition, region) for scope in scopes))


def _statement(
    sid: str,
    allowed: tuple[str, ...],
    resource: str | list[str],
    condition: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    statement: dict[str, Any] = {
        "Sid": sid,
        "Effect": "Allow",
        "Action": list(allowed),
        "Resource": resource,
    }
    if condition:
        statement["Condition"] = {test: dict(keys) for test, keys in condition.items()}
    return statement


def _document(*statements: dict[str, Any]) -> dict[str, Any]:
    return {"Version": "2012-10-17", "Statement": list(statements)}
