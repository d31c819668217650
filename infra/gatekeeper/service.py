"""``gatekeeper run`` on Fargate."""

from __future__ import annotations

import pulumi
import pulumi_aws as aws
from container import HEALTH, VOLUME, definition
from database import Database
from intake import EventIntake
from network import Network
from roles import Roles
from settings import Settings

from gatekeeper.stacks.place import Place


class Service(pulumi.ComponentResource):
    """The always-on service: no public address, no inbound traffic, a read-only file system."""

    def __init__(
        self,
        name: str,
        settings: Settings,
        place: Place,
        network: Network,
        roles: Roles,
        intake: EventIntake,
        database: Database | None,
    ) -> None:
        super().__init__("gatekeeper:infra:Service", f"{name}-service", None, place.outer())
        own = pulumi.ResourceOptions(parent=self)
        self.database = database
        self.logs = aws.cloudwatch.LogGroup(
            f"{name}-service",
            name=f"/{name}/service",
            retention_in_days=settings.log_days,
            tags=place.tags,
            opts=own,
        )
        self.cluster = aws.ecs.Cluster(
            f"{name}",
            name=name,
            settings=[{"name": "containerInsights", "value": "disabled"}],
            tags=place.tags,
            opts=own,
        )
        config = {
            **settings.service,
            "events": {"queue_url": intake.queue.url, "dead_letter_url": intake.dead.url},
            "http": {"listen": "127.0.0.1:9110"},
        }
        self.task = aws.ecs.TaskDefinition(
            f"{name}-service",
            family=f"{name}-service",
            container_definitions=definition(
                settings,
                place,
                database,
                name="gatekeeper",
                command=["run"],
                log_group=self.logs.name,
                service=config,
                health=HEALTH,
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
        self.service = aws.ecs.Service(
            f"{name}",
            name=name,
            cluster=self.cluster.arn,
            task_definition=self.task.arn,
            desired_count=settings.replicas,
            launch_type="FARGATE",
            platform_version="LATEST",
            network_configuration={
                "subnets": list(settings.subnet_ids),
                "security_groups": [network.service_group.id],
                "assign_public_ip": False,
            },
            deployment_minimum_healthy_percent=100,
            deployment_maximum_percent=200,
            deployment_circuit_breaker={"enable": True, "rollback": True},
            enable_execute_command=False,
            enable_ecs_managed_tags=True,
            propagate_tags="SERVICE",
            tags=place.tags,
            opts=own,
        )
        self.register_outputs({"service": self.service.name, "cluster": self.cluster.name})
