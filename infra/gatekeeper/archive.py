"""The bucket of decision feeds and evidence: nothing in it is lost or changed before its time."""

from __future__ import annotations

import pulumi
import pulumi_aws as aws
from settings import Settings

from gatekeeper.stacks.documents import document, statement, tls_only
from gatekeeper.stacks.place import Place

FEED_PREFIX = "feed/"
FEED_KEY = "feed/decisions.json"
EVIDENCE_PREFIX = "evidence/"
FILTER = "feed"


class Archive(pulumi.ComponentResource):
    """A versioned, encrypted, locked and private bucket.

    Every write of the feed is a version of its own and stays for ``retentionDays``: what stacks
    were told at any time can be shown to an inspector.
    """

    def __init__(self, name: str, settings: Settings, place: Place) -> None:
        super().__init__("gatekeeper:infra:Archive", f"{name}-archive", None, place.outer())
        own = pulumi.ResourceOptions(parent=self)
        self.bucket_name = f"{name}-{place.account_id}-{place.region}"
        self.bucket = aws.s3.Bucket(
            f"{name}-archive",
            bucket=self.bucket_name,
            object_lock_enabled=True,
            force_destroy=False,
            tags=place.tags,
            opts=pulumi.ResourceOptions(parent=self, protect=True),
        )
        bucket = self.bucket.id
        aws.s3.BucketOwnershipControls(
            f"{name}-archive",
            bucket=bucket,
            rule={"object_ownership": "BucketOwnerEnforced"},
            opts=own,
        )
        block = aws.s3.BucketPublicAccessBlock(
            f"{name}-archive",
            bucket=bucket,
            block_public_acls=True,
            block_public_policy=True,
            ignore_public_acls=True,
            restrict_public_buckets=True,
            opts=own,
        )
        versioning = aws.s3.BucketVersioning(
            f"{name}-archive",
            bucket=bucket,
            versioning_configuration={"status": "Enabled"},
            opts=own,
        )
        aws.s3.BucketServerSideEncryptionConfiguration(
            f"{name}-archive", bucket=bucket, rules=[_encryption(settings)], opts=own
        )
        after = pulumi.ResourceOptions(parent=self, depends_on=[versioning])
        aws.s3.BucketObjectLockConfiguration(
            f"{name}-archive",
            bucket=bucket,
            rule={
                "default_retention": {
                    "mode": settings.retention_mode,
                    "days": settings.retention_days,
                }
            },
            opts=after,
        )
        aws.s3.BucketLifecycleConfiguration(
            f"{name}-archive", bucket=bucket, rules=_lifecycle(settings), opts=after
        )
        aws.s3.BucketPolicy(
            f"{name}-archive",
            bucket=bucket,
            policy=self._policy(settings),
            opts=pulumi.ResourceOptions(parent=self, depends_on=[block]),
        )
        # What the alarm for a missing feed counts.
        aws.s3.BucketMetric(
            f"{name}-archive",
            bucket=bucket,
            name=FILTER,
            filter={"prefix": FEED_PREFIX},
            opts=own,
        )
        self.feed_url = pulumi.Output.concat("s3://", self.bucket.bucket, "/", FEED_KEY)
        self.register_outputs({"bucket": self.bucket.bucket, "feed": self.feed_url})

    def _policy(self, settings: Settings) -> pulumi.Output[str]:
        arn = self.bucket.arn
        objects = pulumi.Output.concat(arn, "/*")
        found = [tls_only("TlsOnly", ["s3:*"], [arn, objects])]
        if settings.feed_readers:
            found.append(
                statement(
                    "ReadFeed",
                    ["s3:GetObject"],
                    pulumi.Output.concat(arn, "/", FEED_KEY),
                    principal={"AWS": list(settings.feed_readers)},
                )
            )
        return document(*found)


def _encryption(settings: Settings) -> aws.s3.BucketServerSideEncryptionConfigurationRuleArgsDict:
    if settings.kms_key_arn is None:
        return {"apply_server_side_encryption_by_default": {"sse_algorithm": "AES256"}}
    return {
        "apply_server_side_encryption_by_default": {
            "sse_algorithm": "aws:kms",
            "kms_master_key_id": settings.kms_key_arn,
        },
        "bucket_key_enabled": True,
    }


def _lifecycle(settings: Settings) -> list[aws.s3.BucketLifecycleConfigurationRuleArgsDict]:
    """Old versions go when their lock ends; evidence itself is kept."""
    return [
        {
            "id": "old-versions",
            "status": "Enabled",
            "filter": {"prefix": ""},
            "noncurrent_version_expiration": {"noncurrent_days": settings.retention_days},
            "abort_incomplete_multipart_upload": {"days_after_initiation": 7},
        },
        {
            "id": "cold-evidence",
            "status": "Enabled",
            "filter": {"prefix": EVIDENCE_PREFIX},
            "transitions": [{"days": 90, "storage_class": "STANDARD_IA"}],
        },
    ]
