"""The IAM actions that gatekeeper needs, declared beside each call; the policies come from that."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from typing import Any, Final, Literal, TypeVar

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


def read_policy(partition: str = "aws-cn") -> dict[str, Any]:
    """The least that a collection needs in the account that it reads.

    None of these actions can be limited to resources that are known beforehand: Describe calls
    take ``*`` alone, and a rule may name any prefix list, AWS's own ones too.
    """
    del partition
    return _document(_statement("GatekeeperRead", actions("read"), "*"))


def change_policy(partition: str = "aws-cn") -> dict[str, Any]:
    """What carrying out plans needs in the account, beside ``read_policy``.

    Which groups and interfaces a plan will touch is not known beforehand.
    """
    del partition
    return _document(_statement("GatekeeperChange", actions("change"), "*"))


def assume_policy(partition: str = "aws-cn", role: str = "gatekeeper") -> dict[str, Any]:
    """What the caller needs in its own account to enter the accounts by a role of that name."""
    return _document(
        _statement("GatekeeperAssume", actions("assume"), f"arn:{partition}:iam::*:role/{role}")
    )


def watch_policy(partition: str = "aws-cn", queue: str = "gatekeeper-events") -> dict[str, Any]:
    """What the caller needs in its own account to consume the queue of events.

    ``queue`` is its name; that of its dead-letter queue has ``-dead`` at its end.
    """
    queues = f"arn:{partition}:sqs:*:*:{queue}"
    return _document(
        _statement("GatekeeperWatch", actions("watch"), queues),
        _statement("GatekeeperBury", actions("bury"), f"{queues}-dead"),
    )


def export_policy(partition: str = "aws-cn") -> dict[str, Any]:
    """What sending findings to an account's Security Hub needs there."""
    product = f"arn:{partition}:securityhub:*:*:product/*/default"
    return _document(_statement("GatekeeperExport", actions("export"), product))


def publish_policy(partition: str = "aws-cn", bucket: str = "gatekeeper-*") -> dict[str, Any]:
    """What writing the decision feed into a bucket needs in the caller's own account."""
    objects = f"arn:{partition}:s3:::{bucket}/*"
    return _document(_statement("GatekeeperPublish", actions("publish"), objects))


def attribute_policy(partition: str = "aws-cn") -> dict[str, Any]:
    """What telling who changed something needs in the account; without it the author is unknown."""
    del partition
    return _document(_statement("GatekeeperAttribute", actions("attribute"), "*"))


def _statement(sid: str, allowed: tuple[str, ...], resource: str) -> dict[str, Any]:
    return {"Sid": sid, "Effect": "Allow", "Action": list(allowed), "Resource": resource}


def _document(*statements: dict[str, Any]) -> dict[str, Any]:
    return {"Version": "2012-10-17", "Statement": list(statements)}
