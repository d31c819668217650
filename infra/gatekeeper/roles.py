"""What the service may do, and what Fargate may do to start it."""

from __future__ import annotations

import re
from typing import Any

import pulumi
import pulumi_aws as aws
from archive import EVIDENCE_PREFIX, FEED_PREFIX, Archive
from database import Database
from intake import EventIntake
from settings import Settings

from gatekeeper.aws.permissions import assume_policy, publish_policy, watch_policy
from gatekeeper.stacks.documents import document, merged, statement, trust
from gatekeeper.stacks.place import Place

TASKS = "ecs-tasks.amazonaws.com"
_REPOSITORY = re.compile(
    r"(?P<account>[0-9]{12})\.dkr\.ecr\.(?P<region>[a-z0-9-]+)\.amazonaws\.com(\.cn)?/(?P<name>[^:@]+)"
)


class Roles(pulumi.ComponentResource):
    """The task's role, which members trust, and the role that starts tasks.

    The task enters the members' roles with the one external id, takes events from the one queue,
    and writes below ``feed/`` and ``evidence/`` of the one bucket.  It reads no secret: Fargate
    hands them over when the task starts.
    """

    def __init__(
        self,
        name: str,
        settings: Settings,
        place: Place,
        archive: Archive,
        intake: EventIntake,
        database: Database | None,
    ) -> None:
        super().__init__("gatekeeper:infra:Roles", f"{name}-roles", None, place.outer())
        own = pulumi.ResourceOptions(parent=self)
        self.task = aws.iam.Role(
            f"{name}-service",
            name=f"{name}-service",
            description="gatekeeper: enters the guarded accounts",
            assume_role_policy=trust(TASKS, place.account_id),
            tags=place.tags,
            opts=own,
        )
        aws.iam.RolePolicy(
            f"{name}-service",
            name="gatekeeper",
            role=self.task.name,
            policy=_task_policy(
                settings, place, bucket=archive.bucket_name, queue=intake.queue_name
            ),
            opts=own,
        )
        self.execution = aws.iam.Role(
            f"{name}-execution",
            name=f"{name}-execution",
            description="Starts gatekeeper's tasks: image, log, secrets",
            assume_role_policy=trust(TASKS, place.account_id),
            tags=place.tags,
            opts=own,
        )
        secrets: list[Any] = [*settings.secrets.values()]
        if settings.sign_key_secret_arn is not None:
            secrets.append(settings.sign_key_secret_arn)
        if settings.store_secret_arn is not None:
            secrets.append(settings.store_secret_arn)
        if database is not None:
            secrets.append(database.secret_arn)
        aws.iam.RolePolicy(
            f"{name}-execution",
            name="start",
            role=self.execution.name,
            policy=document(*_execution(name, settings, place, secrets)),
            opts=own,
        )
        self.register_outputs({"task": self.task.arn, "execution": self.execution.arn})


def _task_policy(
    settings: Settings, place: Place, *, bucket: str, queue: str
) -> pulumi.Output[str]:
    found = merged(
        watch_policy(place.partition, queue, region=place.region, account=place.account_id)
    )
    if settings.member_accounts:
        found += merged(
            assume_policy(
                place.partition,
                *settings.member_roles,
                accounts=settings.member_accounts,
                external_id=settings.external_id,
            )
        )
    if settings.organization_id:
        (enter,) = merged(
            assume_policy(place.partition, *settings.member_roles, external_id=settings.external_id)
        )
        enter["Condition"]["StringEquals"]["aws:ResourceOrgID"] = settings.organization_id
        found.append({**enter, "Sid": "GatekeeperAssumeInOrganization"})
    for prefix, label in ((FEED_PREFIX, "Feed"), (EVIDENCE_PREFIX, "Evidence")):
        for one in merged(publish_policy(place.partition, bucket, prefix=prefix)):
            found.append({**one, "Sid": f"{one['Sid']}{label}"})
    if settings.kms_key_arn is not None:
        found.append(
            statement(
                "EncryptObjects",
                ["kms:Decrypt", "kms:GenerateDataKey"],
                settings.kms_key_arn,
                condition={"StringLike": {"kms:ViaService": f"s3.{place.region}.*"}},
            )
        )
    return document(*found)


def _execution(
    name: str, settings: Settings, place: Place, secrets: list[Any]
) -> list[dict[str, Any]]:
    """Pull the one image, write to the one log, read the named secrets."""
    found = [
        statement(
            "Log",
            ["logs:CreateLogStream", "logs:PutLogEvents"],
            place.arn("logs", f"log-group:/{name}/service:log-stream:*"),
        )
    ]
    if secrets:
        found.append(statement("Secrets", ["secretsmanager:GetSecretValue"], secrets))
    if settings.kms_key_arn is not None:
        found.append(
            statement(
                "DecryptSecrets",
                ["kms:Decrypt"],
                settings.kms_key_arn,
                condition={"StringLike": {"kms:ViaService": f"secretsmanager.{place.region}.*"}},
            )
        )
    repository = _REPOSITORY.match(settings.image)
    if repository is not None:
        account, region, image = repository["account"], repository["region"], repository["name"]
        found += [
            statement("RegistryToken", ["ecr:GetAuthorizationToken"], "*"),
            statement(
                "PullImage",
                [
                    "ecr:BatchCheckLayerAvailability",
                    "ecr:BatchGetImage",
                    "ecr:GetDownloadUrlForLayer",
                ],
                f"arn:{place.partition}:ecr:{region}:{account}:repository/{image}",
            ),
        ]
    return found
