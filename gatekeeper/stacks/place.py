"""The account, region and partition that a Pulumi program makes everything in, and its tags."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import pulumi
import pulumi_aws as aws


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where things are made.

    The provider refuses credentials of any other account; the partition is the provider's, so that
    no ARN names one of its own.
    """

    provider: aws.Provider
    partition: str
    account_id: str
    region: str
    tags: dict[str, str]

    @classmethod
    def of(cls, account_id: str, region: str, tags: Mapping[str, str]) -> Place:
        """The place of a program: makes the provider, and asks it for the partition.

        Args:
            account_id: the only account whose credentials are taken.
            region: its region.
            tags: the operator's own, beside those of project and stack.
        """
        provider = aws.Provider("aws", region=region, allowed_account_ids=[account_id])
        partition = aws.get_partition(opts=pulumi.InvokeOptions(provider=provider)).partition
        ours = {
            "gatekeeper:project": pulumi.get_project(),
            "gatekeeper:environment": pulumi.get_stack(),
        }
        return cls(
            provider=provider,
            partition=partition,
            account_id=account_id,
            region=region,
            tags={**tags, **ours},
        )

    def arn(self, service: str, resource: str, *, region: str | None = None) -> str:
        """An ARN of this account; pass ``region=""`` for services without regions."""
        there = self.region if region is None else region
        return f"arn:{self.partition}:{service}:{there}:{self.account_id}:{resource}"

    def outer(self) -> pulumi.ResourceOptions:
        """The options of a component: its children use the provider."""
        return pulumi.ResourceOptions(providers=[self.provider])
