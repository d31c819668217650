"""The least that anybody would write: boto3, the same calls, in threads."""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import boto3


def main() -> None:
    session = boto3.session.Session(region_name=os.environ["AWS_REGION"])
    sts, ec2, elbv2, elb = (session.client(name) for name in ("sts", "ec2", "elbv2", "elb"))
    sts.get_caller_identity()

    def pages(client: Any, operation: str, key: str, size: int) -> list[Any]:
        paginator = client.get_paginator(operation)
        found: list[Any] = []
        for page in paginator.paginate(PaginationConfig={"PageSize": size}):
            found += page[key]
        return found

    with ThreadPoolExecutor(6) as pool:
        reads = [
            pool.submit(pages, ec2, "describe_security_groups", "SecurityGroups", 1000),
            pool.submit(pages, ec2, "describe_network_interfaces", "NetworkInterfaces", 1000),
            pool.submit(lambda: ec2.describe_addresses()["Addresses"]),
            pool.submit(pages, ec2, "describe_vpcs", "Vpcs", 1000),
            pool.submit(pages, elbv2, "describe_load_balancers", "LoadBalancers", 400),
            pool.submit(pages, elb, "describe_load_balancers", "LoadBalancerDescriptions", 400),
        ]
    print([len(read.result()) for read in reads])


if __name__ == "__main__":
    main()
