"""The least that anybody would write for many accounts: boto3, a role each, the same calls."""

from __future__ import annotations

import os
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import boto3
from botocore.config import Config

CALLS = 6


def main() -> None:
    first, count, workers = map(int, sys.argv[1:])
    config = Config(retries={"mode": "standard", "total_max_attempts": 5})
    session = boto3.session.Session(region_name=os.environ["AWS_REGION"])
    making = threading.Lock()
    caller = session.client("sts", config=config)

    def clients(account: str) -> list[Any]:
        given = caller.assume_role(
            RoleArn=f"arn:aws-cn:iam::{account}:role/gatekeeper", RoleSessionName="floor"
        )["Credentials"]
        # One session for all keeps what it loaded; making clients with it is not for threads.
        with making:
            return [
                session.client(
                    name,
                    config=config,
                    aws_access_key_id=given["AccessKeyId"],
                    aws_secret_access_key=given["SecretAccessKey"],
                    aws_session_token=given["SessionToken"],
                )
                for name in ("sts", "ec2", "elbv2", "elb")
            ]

    def pages(client: Any, operation: str, key: str, size: int) -> int:
        paginator = client.get_paginator(operation)
        return sum(
            len(page[key]) for page in paginator.paginate(PaginationConfig={"PageSize": size})
        )

    def account(number: int) -> int:
        sts, ec2, elbv2, elb = clients(str(first + number))
        sts.get_caller_identity()
        with ThreadPoolExecutor(CALLS) as pool:
            reads = [
                pool.submit(pages, ec2, "describe_security_groups", "SecurityGroups", 1000),
                pool.submit(pages, ec2, "describe_network_interfaces", "NetworkInterfaces", 1000),
                pool.submit(lambda: len(ec2.describe_addresses()["Addresses"])),
                pool.submit(pages, ec2, "describe_vpcs", "Vpcs", 1000),
                pool.submit(pages, elbv2, "describe_load_balancers", "LoadBalancers", 400),
                pool.submit(pages, elb, "describe_load_balancers", "LoadBalancerDescriptions", 400),
            ]
        for client in (sts, ec2, elbv2, elb):
            client.close()
        return sum(read.result() for read in reads)

    with ThreadPoolExecutor(workers) as pool:
        print(sum(pool.map(account, range(count))))


if __name__ == "__main__":
    main()
