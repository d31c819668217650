"""The decision feed: ``gatekeeper decisions`` as a task, every few minutes, into the bucket."""

from __future__ import annotations

import pulumi
import pulumi_aws as aws
from archive import Archive
from container import VOLUME, definition
from network import Network
from roles import TASKS, Roles
from service import Service
from settings import Settings

from gatekeeper.stacks.documents import document, statement, trust
from gatekeeper.stacks.place import Place


class FeedTask(pulumi.ComponentResource):
    """A rule that runs the task, and the one role that may."""

    def __init__(
        self,
        name: str,
        settings: Settings,
        place: Place,
        network: Network,
        roles: Roles,
        archive: Archive,
        service: Service,
    ) -> None:
        super().__init__("gatekeeper:infra:FeedTask", f"{name}-feed", None, place.outer())
        own = pulumi.ResourceOptions(parent=self)
        self.task = aws.ecs.TaskDefinition(
            f"{name}-feed",
            family=f"{name}-feed",
            container_definitions=definition(
                settings,
                place,
                service.database,
                name="feed",
                command=["decisions", "--out", archive.feed_url],
                log_group=service.logs.name,
                service={},
                sign=True,
            ),
            cpu=str(settings.cpu),
            memory=str(settings.memory),
            network_mode="awsvpc",
            requires_compatibilities=["FARGATE"],
            task_role_arn=roles.task.arn,
            execution_role_arn=roles.execution.arn,
            volumes=[{"name": VOLUME}],
            runtime_platform={"cpu_architecture": "X86_64", "operating_system_family": "LINUX"},
            tags=place.tags,
            opts=own,
        )
        every = settings.feed_every
        self.rule = aws.cloudwatch.EventRule(
            f"{name}-feed",
            name=f"{name}-feed",
            description="Writes the decision feed",
            schedule_expression=f"rate({every} minute{'' if every == 1 else 's'})",
            state="ENABLED",
            tags=place.tags,
            opts=own,
        )
        starter = aws.iam.Role(
            f"{name}-feed-start",
            name=f"{name}-feed-start",
            description="Lets the schedule start the task that writes the decision feed",
            assume_role_policy=trust("events.amazonaws.com", place.account_id),
            tags=place.tags,
            opts=own,
        )
        aws.iam.RolePolicy(
            f"{name}-feed-start",
            name="start",
            role=starter.name,
            policy=document(
                statement(
                    "RunTask",
                    ["ecs:RunTask"],
                    place.arn("ecs", f"task-definition/{name}-feed:*"),
                    condition={"ArnEquals": {"ecs:cluster": service.cluster.arn}},
                ),
                statement(
                    "TagTask",
                    ["ecs:TagResource"],
                    place.arn("ecs", f"task/{name}/*"),
                    condition={"StringEquals": {"ecs:CreateAction": "RunTask"}},
                ),
                statement(
                    "PassRoles",
                    ["iam:PassRole"],
                    [roles.task.arn, roles.execution.arn],
                    condition={"StringEquals": {"iam:PassedToService": TASKS}},
                ),
            ),
            opts=own,
        )
        aws.cloudwatch.EventTarget(
            f"{name}-feed",
            rule=self.rule.name,
            target_id="task",
            arn=service.cluster.arn,
            role_arn=starter.arn,
            ecs_target={
                "task_definition_arn": self.task.arn,
                "task_count": 1,
                "launch_type": "FARGATE",
                "platform_version": "LATEST",
                "enable_ecs_managed_tags": True,
                "propagate_tags": "TASK_DEFINITION",
                "network_configuration": {
                    "subnets": list(settings.subnet_ids),
                    "security_groups": [network.service_group.id],
                    "assign_public_ip": False,
                },
            },
            retry_policy={"maximum_event_age_in_seconds": 300, "maximum_retry_attempts": 2},
            opts=own,
        )
        self.register_outputs({"rule": self.rule.name})
