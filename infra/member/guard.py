"""The service control policy that keeps others from opening what gatekeeper keeps shut."""

from __future__ import annotations

import json
from typing import Any

import pulumi
import pulumi_aws as aws
from settings import Settings

from gatekeeper.aws.guard import MOST_BYTES, guard_policy
from gatekeeper.errors import StackError
from gatekeeper.stacks.place import Place


def rendered(settings: Settings, place: Place) -> dict[str, Any]:
    """The guard's document."""
    return guard_policy(place.partition, administrators=settings.guard_administrators)


class Guard(pulumi.ComponentResource):
    """The guard, attached to units or accounts; in the organisation's management account only."""

    def __init__(self, name: str, settings: Settings, place: Place) -> None:
        super().__init__("gatekeeper:infra:Guard", f"{name}-guard", None, place.outer())
        own = pulumi.ResourceOptions(parent=self)
        content = json.dumps(rendered(settings, place), separators=(",", ":"))
        if len(content.encode()) > MOST_BYTES:
            raise StackError(
                f"the guard has {len(content.encode())} bytes, a service control policy at most"
                f" {MOST_BYTES}: name fewer guardAdministrators",
                zh=f"服务控制策略共 {len(content.encode())} 字节，超过上限 {MOST_BYTES}："
                "请减少 guardAdministrators",
                code="Config",
            )
        self.policy = aws.organizations.Policy(
            f"{name}-guard",
            name=f"{name}-guard",
            description="Nobody but gatekeeper opens gated ports or changes the gates",
            type="SERVICE_CONTROL_POLICY",
            content=content,
            tags=place.tags,
            opts=own,
        )
        for target in settings.guard_targets:
            aws.organizations.PolicyAttachment(
                f"{name}-guard-{target}", policy_id=self.policy.id, target_id=target, opts=own
            )
        self.register_outputs({"policy": self.policy.id})
