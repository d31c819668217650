"""The roles that gatekeeper enters the account by: one that only reads, one that changes."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import pulumi
import pulumi_aws as aws
from settings import Settings

from gatekeeper.aws.permissions import (
    MEMBER_ROLES,
    attribute_policy,
    boundary_policy,
    change_policy,
    export_policy,
    read_policy,
)
from gatekeeper.stacks.place import Place


class Roles(pulumi.ComponentResource):
    """Each role trusts the one principal with the one external id, within a boundary of its own.

    Register the one that changes where gatekeeper closes ports, the one that reads where it only
    looks.
    """

    def __init__(self, name: str, settings: Settings, place: Place) -> None:
        super().__init__("gatekeeper:infra:MemberRoles", f"{name}-roles", None, place.outer())
        self._settings, self._place = settings, place
        changer, reader = MEMBER_ROLES
        partition, region = place.partition, place.region
        looking: dict[str, Mapping[str, Any]] = {"read": read_policy(partition, region=region)}
        if settings.attribute:
            looking["attribute"] = attribute_policy(partition, region=region)
        if settings.security_hub:
            looking["export"] = export_policy(partition, region=region)
        self.read = self._role(
            reader,
            "gatekeeper reads this account",
            looking,
            boundary_policy(partition, region=region, change=False),
        )
        self.change: aws.iam.Role | None = None
        if settings.change:
            self.change = self._role(
                changer,
                "gatekeeper opens and closes gated ports in this account",
                {**looking, "change": change_policy(partition, region=region)},
                boundary_policy(partition, region=region),
            )
        self.register_outputs({"read": self.read.arn})

    def _role(
        self,
        name: str,
        description: str,
        policies: Mapping[str, Mapping[str, Any]],
        boundary: Mapping[str, Any],
    ) -> aws.iam.Role:
        own = pulumi.ResourceOptions(parent=self)
        limit = aws.iam.Policy(
            f"{name}-boundary",
            name=f"{name}-boundary",
            description=f"The most that the role {name} may ever do",
            policy=json.dumps(boundary),
            tags=self._place.tags,
            opts=own,
        )
        role = aws.iam.Role(
            name,
            name=name,
            description=description,
            assume_role_policy=_trust(self._settings),
            permissions_boundary=limit.arn,
            max_session_duration=self._settings.session_hours * 3600,
            tags=self._place.tags,
            opts=own,
        )
        for label, policy in policies.items():
            aws.iam.RolePolicy(
                f"{name}-{label}",
                name=label,
                role=role.name,
                policy=json.dumps(policy),
                opts=own,
            )
        return role


def _trust(settings: Settings) -> str:
    """The one principal that runs gatekeeper, and only with the external id."""
    statement = {
        "Sid": "Gatekeeper",
        "Effect": "Allow",
        "Principal": {"AWS": settings.gatekeeper_role_arn},
        "Action": "sts:AssumeRole",
        "Condition": {"StringEquals": {"sts:ExternalId": settings.external_id}},
    }
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})
