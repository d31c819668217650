"""What somebody must look at: set-aside events, a silent service, a feed that went stale."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pulumi
import pulumi_aws as aws
from archive import FILTER, Archive
from database import Database
from feed_task import FeedTask
from intake import EventIntake
from service import Service
from settings import Settings

from gatekeeper.stacks.place import Place

STORAGE_LEFT = 0.1
"""The part of the database's storage below which it is an alarm."""


class Alarms(pulumi.ComponentResource):
    """CloudWatch alarms; they tell ``alarmTopicArn``, also when they end."""

    def __init__(
        self,
        name: str,
        settings: Settings,
        place: Place,
        intake: EventIntake,
        archive: Archive,
        service: Service,
        schedule: FeedTask | None,
        database: Database | None,
    ) -> None:
        super().__init__("gatekeeper:infra:Alarms", f"{name}-alarms", None, place.outer())
        self._name, self._place = name, place
        self._tell = [settings.alarm_topic_arn] if settings.alarm_topic_arn else []
        self._made: list[pulumi.Output[str]] = []
        if not self._tell:
            pulumi.log.warn(
                "gatekeeper:alarmTopicArn is not set: alarms will be raised and nobody told",
                self,
            )
        self._alarm(
            "dead-letters",
            "Events were set aside: read docs/events.md, then send them back or delete them",
            "AWS/SQS",
            "ApproximateNumberOfMessagesVisible",
            {"QueueName": intake.dead.name},
            statistic="Maximum",
            above=0,
        )
        self._alarm(
            "event-age",
            "Events wait: does the service run, and can it read the accounts?",
            "AWS/SQS",
            "ApproximateAgeOfOldestMessage",
            {"QueueName": intake.queue.name},
            statistic="Maximum",
            above=settings.event_age,
        )
        self._alarm(
            "events-undelivered",
            "The bus could not put events into the queue",
            "AWS/Events",
            "FailedInvocations",
            {"EventBusName": intake.bus.name, "RuleName": intake.rule.name},
            statistic="Sum",
            above=0,
        )
        if settings.replicas:
            self._alarm(
                "service-down",
                "No task of the service runs: each running task reports its CPU once a minute",
                "AWS/ECS",
                "CPUUtilization",
                {"ClusterName": service.cluster.name, "ServiceName": service.service.name},
                statistic="SampleCount",
                below=1,
                evaluations=5,
                missing="breaching",
            )
        if schedule is not None:
            self._alarm(
                "no-feed",
                f"No decision feed for twice its lifetime of {settings.ttl}: stacks refuse to open",
                "AWS/S3",
                "PutRequests",
                {"BucketName": archive.bucket.bucket, "FilterId": FILTER},
                statistic="Sum",
                below=1,
                period=max(60, 2 * int(settings.ttl.total_seconds()) // 60 * 60),
                missing="breaching",
            )
            self._alarm(
                "feed-not-started",
                "The schedule could not start the task that writes the decision feed",
                "AWS/Events",
                "FailedInvocations",
                {"RuleName": schedule.rule.name},
                statistic="Sum",
                above=0,
            )
        if database is not None:
            self._alarm(
                "database-storage",
                "The database's storage is nearly full",
                "AWS/RDS",
                "FreeStorageSpace",
                {"DBInstanceIdentifier": database.instance.identifier},
                statistic="Minimum",
                below=int(settings.database_storage * 2**30 * STORAGE_LEFT),
                missing="missing",
            )
        self.names = pulumi.Output.all(*self._made)
        self.register_outputs({"names": self.names})

    def _alarm(
        self,
        label: str,
        description: str,
        namespace: str,
        metric: str,
        dimensions: Mapping[str, Any],
        *,
        statistic: str,
        above: int | None = None,
        below: int | None = None,
        period: int = 60,
        evaluations: int = 1,
        missing: str = "notBreaching",
    ) -> None:
        threshold = above if above is not None else below
        assert threshold is not None
        alarm = aws.cloudwatch.MetricAlarm(
            f"{self._name}-{label}",
            name=f"{self._name}-{label}",
            alarm_description=description,
            namespace=namespace,
            metric_name=metric,
            dimensions=dict(dimensions),
            statistic=statistic,
            comparison_operator="GreaterThanThreshold"
            if above is not None
            else "LessThanThreshold",
            threshold=threshold,
            period=period,
            evaluation_periods=evaluations,
            treat_missing_data=missing,
            alarm_actions=self._tell,
            ok_actions=self._tell,
            tags=self._place.tags,
            opts=pulumi.ResourceOptions(parent=self),
        )
        self._made.append(alarm.name)
