"""The store: PostgreSQL on RDS, private, encrypted, with its password in Secrets Manager."""

from __future__ import annotations

from collections.abc import Sequence

import pulumi
import pulumi_aws as aws
from network import POSTGRESQL, Network
from settings import Settings

from gatekeeper.stacks.place import Place

USER = "gatekeeper"
NAME = "gatekeeper"
VERSION = "16"
BACKUP_DAYS = 35
"""The most that RDS keeps by itself."""


class Database(pulumi.ComponentResource):
    """One PostgreSQL.  RDS makes the master password, keeps it in a secret and rotates it."""

    def __init__(self, name: str, settings: Settings, place: Place, network: Network) -> None:
        super().__init__("gatekeeper:infra:Database", f"{name}-database", None, place.outer())
        assert network.database_group is not None
        own = pulumi.ResourceOptions(parent=self)
        subnets = aws.rds.SubnetGroup(
            f"{name}-database",
            name=f"{name}-database",
            description="gatekeeper's store",
            subnet_ids=list(settings.subnet_ids),
            tags=place.tags,
            opts=own,
        )
        parameters = aws.rds.ParameterGroup(
            f"{name}-database",
            name=f"{name}-database-{VERSION}",
            family=f"postgres{VERSION}",
            description="gatekeeper's store: TLS only",
            parameters=[{"name": "rds.force_ssl", "value": "1"}],
            tags=place.tags,
            opts=own,
        )
        self.instance = aws.rds.Instance(
            f"{name}-database",
            identifier=f"{name}-database",
            engine="postgres",
            engine_version=VERSION,
            auto_minor_version_upgrade=True,
            instance_class=settings.database_class,
            allocated_storage=settings.database_storage,
            max_allocated_storage=settings.database_storage * 10,
            storage_type="gp3",
            storage_encrypted=True,
            kms_key_id=settings.kms_key_arn,
            db_name=NAME,
            username=USER,
            manage_master_user_password=True,
            master_user_secret_kms_key_id=settings.kms_key_arn,
            port=POSTGRESQL,
            db_subnet_group_name=subnets.name,
            vpc_security_group_ids=[network.database_group.id],
            parameter_group_name=parameters.name,
            publicly_accessible=False,
            multi_az=settings.database_multi_az,
            backup_retention_period=BACKUP_DAYS,
            copy_tags_to_snapshot=True,
            delete_automated_backups=False,
            deletion_protection=True,
            skip_final_snapshot=False,
            final_snapshot_identifier=f"{name}-database-final",
            enabled_cloudwatch_logs_exports=["postgresql"],
            tags=place.tags,
            opts=pulumi.ResourceOptions(parent=self, protect=True),
        )
        self.secret_arn = self.instance.master_user_secrets.apply(_arn)
        self.url = pulumi.Output.format(
            "postgresql://{0}@{1}:{2}/{3}?sslmode=require",
            USER,
            self.instance.address,
            POSTGRESQL,
            NAME,
        )
        """Without the password, which the container gets as ``PGPASSWORD``."""
        self.register_outputs({"address": self.instance.address, "secretArn": self.secret_arn})


def _arn(secrets: Sequence[aws.rds.outputs.InstanceMasterUserSecret]) -> str:
    arn = secrets[0].secret_arn
    assert arn is not None
    return arn
