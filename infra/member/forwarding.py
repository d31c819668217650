"""Events of this account to the bus of the account where gatekeeper runs."""

from __future__ import annotations

import json

import pulumi
import pulumi_aws as aws
from settings import Settings

from gatekeeper.aws.events import event_pattern
from gatekeeper.stacks.documents import document, statement, trust
from gatekeeper.stacks.place import Place


class Forwarding(pulumi.ComponentResource):
    """A rule on the default bus, and the role that may put events on that one bus."""

    def __init__(self, name: str, settings: Settings, place: Place) -> None:
        super().__init__("gatekeeper:infra:Forwarding", f"{name}-forwarding", None, place.outer())
        own = pulumi.ResourceOptions(parent=self)
        role = aws.iam.Role(
            f"{name}-forward",
            name=f"{name}-forward",
            description="Puts this account's events on gatekeeper's bus",
            assume_role_policy=trust("events.amazonaws.com", place.account_id),
            tags=place.tags,
            opts=own,
        )
        aws.iam.RolePolicy(
            f"{name}-forward",
            name="forward",
            role=role.name,
            policy=document(statement("Forward", ["events:PutEvents"], settings.event_bus_arn)),
            opts=own,
        )
        self.rule = aws.cloudwatch.EventRule(
            f"{name}-forward",
            name=f"{name}-forward",
            description="Calls that may change what the Internet reaches, to gatekeeper",
            event_pattern=json.dumps(event_pattern()),
            state="ENABLED",
            tags=place.tags,
            opts=own,
        )
        aws.cloudwatch.EventTarget(
            f"{name}-forward",
            rule=self.rule.name,
            target_id="gatekeeper",
            arn=settings.event_bus_arn,
            role_arn=role.arn,
            opts=own,
        )
        self.register_outputs({"rule": self.rule.arn})
