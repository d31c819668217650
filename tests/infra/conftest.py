"""What the tests of the Pulumi programs share."""

from __future__ import annotations

import pytest

GATEKEEPER = {
    "accountId": "999988887777",
    "vpcId": "vpc-0123456789abcdef0",
    "subnetIds": ["subnet-0123456789abcdef0", "subnet-0123456789abcdef1"],
    "image": "999988887777.dkr.ecr.cn-northwest-1.amazonaws.com.cn/gatekeeper:0.1.0",
    "externalId": "EXAMPLE-ID-CHANGE-ME",
    "memberAccounts": ["111122223333", "444455556666"],
    "alarmTopicArn": "arn:aws-cn:sns:cn-northwest-1:999988887777:operations",
    "tags": {"team": "carrier-operations"},
}
"""Made up, as are all values here."""
MEMBER = {
    "accountId": "111122223333",
    "gatekeeperRoleArn": "arn:aws-cn:iam::999988887777:role/gatekeeper-service",
    "externalId": "EXAMPLE-ID-CHANGE-ME",
    "eventBusArn": "arn:aws-cn:events:cn-northwest-1:999988887777:event-bus/gatekeeper",
    "tags": {"team": "carrier-operations"},
}


@pytest.fixture
def gatekeeper_config():
    return dict(GATEKEEPER)


@pytest.fixture
def member_config():
    return dict(MEMBER)
