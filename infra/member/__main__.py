"""What a guarded account needs: see README.md."""

from __future__ import annotations

import pulumi
from forwarding import Forwarding
from guard import Guard, rendered
from roles import Roles
from settings import Settings

from gatekeeper.stacks.gates import Gates
from gatekeeper.stacks.place import Place
from gatekeeper.stacks.settings import plain_errors

with plain_errors():
    settings = Settings.read()
place = Place.of(settings.account_id, settings.region, settings.tags)

if "roles" in settings.parts:
    roles = Roles("gatekeeper", settings, place)
    pulumi.export("readRoleArn", roles.read.arn)
    if roles.change is not None:
        pulumi.export("changeRoleArn", roles.change.arn)

if "forwarding" in settings.parts:
    forwarding = Forwarding("gatekeeper", settings, place)
    pulumi.export("ruleArn", forwarding.rule.arn)

if "gates" in settings.parts:
    with plain_errors():
        gates = Gates(
            "gates",
            vpcs=settings.vpc_ids,
            owner=settings.owner,
            opened=settings.opened,
            opts=place.outer(),
        )
    pulumi.export("gates", gates.group_ids)

pulumi.export("guard", rendered(settings, place))
if "guard" in settings.parts:
    with plain_errors():
        guard = Guard("gatekeeper", settings, place)
    pulumi.export("guardPolicyId", guard.policy.id)
