"""What members' events come in by: a bus, and the queue that the service takes them from."""

from __future__ import annotations

import json

import pulumi
import pulumi_aws as aws
from settings import Settings

from gatekeeper.aws.events import event_pattern
from gatekeeper.stacks.documents import document, statement, tls_only
from gatekeeper.stacks.place import Place

TRIES = 20
"""Deliveries before a message is set aside: an outage of AWS for an hour or two is outlived."""
KEPT_SECONDS = 14 * 24 * 60 * 60
HIDDEN_SECONDS = 120


class EventIntake(pulumi.ComponentResource):
    """A bus that members put events on, a rule, a queue, and a queue for what is set aside.

    Both queues are encrypted and take messages from the one rule alone.
    """

    def __init__(self, name: str, settings: Settings, place: Place) -> None:
        super().__init__("gatekeeper:infra:EventIntake", f"{name}-intake", None, place.outer())
        own = pulumi.ResourceOptions(parent=self)
        self.bus = aws.cloudwatch.EventBus(
            f"{name}-events",
            name=name,
            description="Calls that may change what the Internet reaches, of the guarded accounts",
            tags=place.tags,
            opts=own,
        )
        aws.cloudwatch.EventBusPolicy(
            f"{name}-events",
            event_bus_name=self.bus.name,
            policy=document(*self._senders(settings, place)),
            opts=own,
        )
        self.rule = aws.cloudwatch.EventRule(
            f"{name}-events",
            name=f"{name}-events",
            description="To gatekeeper's queue",
            event_bus_name=self.bus.name,
            # An organisation's accounts are not known by their ids.
            event_pattern=json.dumps(
                event_pattern(() if settings.organization_id else settings.member_accounts)
            ),
            state="ENABLED",
            tags=place.tags,
            opts=own,
        )
        self.queue_name, dead_name = f"{name}-events", f"{name}-events-dead"
        queue_arn, dead_arn = place.arn("sqs", self.queue_name), place.arn("sqs", dead_name)
        self.dead = aws.sqs.Queue(
            f"{name}-events-dead",
            name=dead_name,
            message_retention_seconds=KEPT_SECONDS,
            sqs_managed_sse_enabled=True,
            redrive_allow_policy=json.dumps(
                {"redrivePermission": "byQueue", "sourceQueueArns": [queue_arn]}
            ),
            tags=place.tags,
            opts=own,
        )
        self.queue = aws.sqs.Queue(
            f"{name}-events",
            name=self.queue_name,
            message_retention_seconds=KEPT_SECONDS,
            visibility_timeout_seconds=HIDDEN_SECONDS,
            receive_wait_time_seconds=20,
            sqs_managed_sse_enabled=True,
            redrive_policy=pulumi.Output.json_dumps(
                {"deadLetterTargetArn": self.dead.arn, "maxReceiveCount": TRIES}
            ),
            tags=place.tags,
            opts=own,
        )
        for queue, arn, label in (
            (self.queue, queue_arn, "events"),
            (self.dead, dead_arn, "events-dead"),
        ):
            aws.sqs.QueuePolicy(
                f"{name}-{label}",
                queue_url=queue.url,
                policy=document(
                    statement(
                        "FromTheRule",
                        ["sqs:SendMessage"],
                        arn,
                        principal={"Service": "events.amazonaws.com"},
                        condition={"ArnEquals": {"aws:SourceArn": self.rule.arn}},
                    ),
                    tls_only("TlsOnly", ["sqs:*"], arn),
                ),
                opts=own,
            )
        aws.cloudwatch.EventTarget(
            f"{name}-events",
            rule=self.rule.name,
            event_bus_name=self.bus.name,
            target_id="queue",
            arn=self.queue.arn,
            dead_letter_config={"arn": self.dead.arn},
            opts=own,
        )
        self.register_outputs({"bus": self.bus.arn, "queue": self.queue.url})

    def _senders(self, settings: Settings, place: Place) -> list[dict[str, object]]:
        """Who may put events on the bus: accounts by id, or all of an organisation."""
        found = []
        if settings.member_accounts:
            accounts = [
                f"arn:{place.partition}:iam::{account}:root" for account in settings.member_accounts
            ]
            found.append(
                statement(
                    "Members", ["events:PutEvents"], self.bus.arn, principal={"AWS": accounts}
                )
            )
        if settings.organization_id:
            found.append(
                statement(
                    "Organization",
                    ["events:PutEvents"],
                    self.bus.arn,
                    principal="*",
                    condition={
                        "StringEquals": {"aws:PrincipalOrgID": settings.organization_id},
                    },
                )
            )
        return found
