"""Where gatekeeper runs: see README.md."""

from __future__ import annotations

import pulumi
from alarms import Alarms
from archive import Archive
from database import Database
from feed_task import FeedTask
from intake import EventIntake
from network import Network
from roles import Roles
from service import Service
from settings import Settings

from gatekeeper.stacks.place import Place
from gatekeeper.stacks.settings import plain_errors

with plain_errors():
    settings = Settings.read()
place = Place.of(settings.account_id, settings.region, settings.tags)

archive = Archive(settings.name, settings, place)
intake = EventIntake(settings.name, settings, place)
network = Network(settings.name, settings, place)
database = Database(settings.name, settings, place, network) if settings.database == "rds" else None
roles = Roles(settings.name, settings, place, archive, intake, database)
service = Service(settings.name, settings, place, network, roles, intake, database)
schedule = (
    FeedTask(settings.name, settings, place, network, roles, archive, service)
    if settings.feed
    else None
)
alarms = Alarms(settings.name, settings, place, intake, archive, service, schedule, database)

pulumi.export("roleArn", roles.task.arn)
pulumi.export("eventBusArn", intake.bus.arn)
pulumi.export("queueUrl", intake.queue.url)
pulumi.export("deadLetterQueueUrl", intake.dead.url)
pulumi.export("bucket", archive.bucket.bucket)
pulumi.export("feed", archive.feed_url)
pulumi.export("cluster", service.cluster.name)
pulumi.export("service", service.service.name)
pulumi.export("taskDefinitionArn", service.task.arn)
pulumi.export("securityGroupId", network.service_group.id)
pulumi.export("subnetIds", list(settings.subnet_ids))
pulumi.export("logGroup", service.logs.name)
pulumi.export("alarms", alarms.names)
if database is not None:
    pulumi.export("databaseAddress", database.instance.address)
    pulumi.export("databaseSecretArn", database.secret_arn)
