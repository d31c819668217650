"""Security groups: the service talks out, nobody talks in; the database hears the service alone."""

from __future__ import annotations

import pulumi
import pulumi_aws as aws
from settings import Settings

from gatekeeper.stacks.place import Place

POSTGRESQL = 5432


class Network(pulumi.ComponentResource):
    """The groups of the service and, where this project makes it, of the database."""

    def __init__(self, name: str, settings: Settings, place: Place) -> None:
        super().__init__("gatekeeper:infra:Network", f"{name}-network", None, place.outer())
        self._name, self._place = name, place
        own = pulumi.ResourceOptions(parent=self)
        self.service_group = aws.ec2.SecurityGroup(
            f"{name}-service",
            name=f"{name}-service",
            description="gatekeeper itself: no inbound traffic at all",
            vpc_id=settings.vpc_id,
            ingress=[],
            tags=place.tags,
            opts=own,
        )
        self._out("https", 443, "APIs of AWS, and notices", cidr="0.0.0.0/0")
        self.database_group: aws.ec2.SecurityGroup | None = None
        if settings.database == "external":
            self._out("store", POSTGRESQL, "the store", cidr=settings.store_network)
        else:
            self.database_group = aws.ec2.SecurityGroup(
                f"{name}-database",
                name=f"{name}-database",
                description="gatekeeper's store: the service alone comes in, nothing goes out",
                vpc_id=settings.vpc_id,
                egress=[],
                tags=place.tags,
                opts=own,
            )
            self._out("store", POSTGRESQL, "the store", group=self.database_group)
            aws.vpc.SecurityGroupIngressRule(
                f"{name}-database-service",
                security_group_id=self.database_group.id,
                referenced_security_group_id=self.service_group.id,
                ip_protocol="tcp",
                from_port=POSTGRESQL,
                to_port=POSTGRESQL,
                description="gatekeeper",
                tags=place.tags,
                opts=own,
            )
        self.register_outputs({"serviceGroup": self.service_group.id})

    def _out(
        self,
        label: str,
        port: int,
        description: str,
        *,
        cidr: str | None = None,
        group: aws.ec2.SecurityGroup | None = None,
    ) -> None:
        aws.vpc.SecurityGroupEgressRule(
            f"{self._name}-service-{label}",
            security_group_id=self.service_group.id,
            cidr_ipv4=cidr,
            referenced_security_group_id=group.id if group is not None else None,
            ip_protocol="tcp",
            from_port=port,
            to_port=port,
            description=description,
            tags=self._place.tags,
            opts=pulumi.ResourceOptions(parent=self),
        )
