"""Records of CloudTrail, made up after the documented shapes: no real account is in them.

Where EC2 spells one thing in several ways, each spelling has its row.
"""

from __future__ import annotations

import json
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gatekeeper.aws.events import HEEDED, MOST_BYTES, PoisonMessage, parse_event

OWN = "111122223333"
GROUP, SOURCE = "sg-0123456789abcdef0", "sg-0fedcba9876543210"
ENI, ENI2 = "eni-0123456789abcdef0", "eni-0fedcba9876543210"
INSTANCE, EIP, ASSOCIATION = (
    "i-0123456789abcdef0",
    "eipalloc-0123456789abcdef0",
    "eipassoc-01234567",
)
LIST = "pl-0123456789abcdef0"
ALB = f"arn:aws-cn:elasticloadbalancing:cn-northwest-1:{OWN}:loadbalancer/app/web/0123456789abcdef"
RULES = {
    "items": [
        {
            "ipProtocol": "tcp",
            "fromPort": 443,
            "toPort": 443,
            "groups": {"items": [{"groupId": SOURCE}]},
            "ipRanges": {"items": [{"cidrIp": "0.0.0.0/0"}]},
        }
    ]
}
RULE_SET = {
    "requestId": "r",
    "_return": True,
    "securityGroupRuleSet": {
        "items": [
            {
                "groupOwnerId": OWN,
                "groupId": GROUP,
                "securityGroupRuleId": "sgr-0123456789abcdef0",
                "isEgress": False,
                "referencedGroupInfo": {"groupId": SOURCE},
            }
        ]
    },
}


def detail(name, request=None, response=None, *, source="ec2", **more):
    return {
        "eventVersion": "1.09",
        "userIdentity": {
            "type": "AssumedRole",
            "principalId": "AROAEXAMPLE:zhang.san",
            "arn": f"arn:aws-cn:sts::{OWN}:assumed-role/Admin/zhang.san",
            "accountId": OWN,
            "accessKeyId": "ASIAEXAMPLE",
        },
        "eventTime": "2026-05-04T01:02:03Z",
        "eventSource": f"{source}.amazonaws.com",
        "eventName": name,
        "awsRegion": "cn-northwest-1",
        "sourceIPAddress": "198.51.100.9",
        "userAgent": "console",
        "requestParameters": request,
        "responseElements": response,
        "requestID": "b0e1c7de-0000-4000-8000-000000000001",
        "eventID": "b0e1c7de-0000-4000-8000-000000000002",
        "readOnly": False,
        "eventType": "AwsApiCall",
        "managementEvent": True,
        "recipientAccountId": OWN,
        **more,
    }


def envelope(record):
    return {
        "version": "0",
        "id": "b0e1c7de-0000-4000-8000-000000000003",
        "detail-type": "AWS API Call via CloudTrail",
        "source": "aws.ec2",
        "account": OWN,
        "time": "2026-05-04T01:02:03Z",
        "region": "cn-northwest-1",
        "resources": [],
        "detail": record,
    }


def read(record):
    return parse_event(json.dumps(envelope(record)))


ELB = "elasticloadbalancing"
CALLS = [
    (
        "AuthorizeSecurityGroupIngress",
        {"groupId": GROUP, "ipPermissions": RULES},
        RULE_SET,
        {GROUP},
    ),
    (
        "AuthorizeSecurityGroupIngress",
        {"groupName": "web", "ipPermissions": RULES},
        RULE_SET,
        {GROUP},
    ),
    (
        "RevokeSecurityGroupIngress",
        {"groupId": GROUP, "ipPermissions": {}},
        {"_return": True},
        {GROUP},
    ),
    (
        "RevokeSecurityGroupIngress",
        {"groupId": GROUP, "securityGroupRuleIds": {"items": [{"securityGroupRuleId": "sgr-1"}]}},
        {"revokedSecurityGroupRuleSet": {"items": [{"groupId": GROUP, "isEgress": False}]}},
        {GROUP},
    ),
    (
        "ModifySecurityGroupRules",
        {
            "ModifySecurityGroupRulesRequest": {
                "GroupId": GROUP,
                "SecurityGroupRule": {
                    "SecurityGroupRuleId": "sgr-0123456789abcdef0",
                    "SecurityGroupRule": {"IpProtocol": "tcp", "CidrIpv4": "0.0.0.0/0"},
                    "tag": 1,
                },
            }
        },
        {"ModifySecurityGroupRulesResponse": {"return": True}},
        {GROUP},
    ),
    ("UpdateSecurityGroupRuleDescriptionsIngress", {"groupId": GROUP}, None, set()),
    ("CreateSecurityGroup", {"groupName": "web", "vpcId": "vpc-1"}, {"groupId": GROUP}, set()),
    ("DeleteSecurityGroup", {"groupId": GROUP}, {"_return": True}, {GROUP}),
    (
        "ModifyNetworkInterfaceAttribute",
        {"networkInterfaceId": ENI, "groupSet": {"items": [{"groupId": GROUP}]}},
        {"_return": True},
        {ENI},
    ),
    (
        "CreateNetworkInterface",
        {"subnetId": "subnet-1", "groupSet": {"items": [{"groupId": GROUP}]}},
        {"networkInterface": {"networkInterfaceId": ENI, "groupSet": {"items": []}}},
        {ENI},
    ),
    ("DeleteNetworkInterface", {"networkInterfaceId": ENI}, {"_return": True}, {ENI}),
    (
        "AttachNetworkInterface",
        {"networkInterfaceId": ENI, "instanceId": INSTANCE, "deviceIndex": 1},
        {"attachmentId": "eni-attach-0123456789abcdef0"},
        {ENI},
    ),
    ("DetachNetworkInterface", {"attachmentId": "eni-attach-0123456789abcdef0"}, None, set()),
    (
        "AllocateAddress",
        {"domain": "vpc"},
        {"publicIp": "52.83.0.1", "allocationId": EIP},
        {"52.83.0.1", EIP},
    ),
    (
        "AssociateAddress",
        {"allocationId": EIP, "networkInterfaceId": ENI, "allowReassociation": True},
        {"associationId": ASSOCIATION},
        {EIP, ENI, ASSOCIATION},
    ),
    (
        "AssociateAddress",
        {"publicIp": "52.83.0.1", "instanceId": INSTANCE},
        None,
        {"52.83.0.1", INSTANCE},
    ),
    ("DisassociateAddress", {"associationId": ASSOCIATION}, {"_return": True}, {ASSOCIATION}),
    ("ReleaseAddress", {"allocationId": EIP}, {"_return": True}, {EIP}),
    (
        "AssignIpv6Addresses",
        {"AssignIpv6AddressesRequest": {"NetworkInterfaceId": ENI, "Ipv6AddressCount": 1}},
        {
            "AssignIpv6AddressesResponse": {
                "networkInterfaceId": ENI,
                "assignedIpv6Addresses": {"item": "2406::1"},
            }
        },
        {ENI},
    ),
    (
        "RunInstances",
        {
            "instancesSet": {"items": [{"imageId": "ami-1", "minCount": 1}]},
            "groupSet": {"items": [{"groupId": GROUP}]},
        },
        {
            "instancesSet": {
                "items": [
                    {
                        "instanceId": INSTANCE,
                        "groupSet": {"items": [{"groupId": GROUP}]},
                        "networkInterfaceSet": {
                            "items": [{"networkInterfaceId": ENI}, {"networkInterfaceId": ENI2}]
                        },
                    }
                ]
            }
        },
        {INSTANCE, ENI, ENI2},
    ),
    ("StartInstances", {"instancesSet": {"items": [{"instanceId": INSTANCE}]}}, None, {INSTANCE}),
    (
        "TerminateInstances",
        {"instancesSet": {"items": [{"instanceId": INSTANCE}]}},
        None,
        {INSTANCE},
    ),
    (
        "ModifyInstanceAttribute",
        {"instanceId": INSTANCE, "groupSet": {"items": [{"groupId": GROUP}]}},
        {"_return": True},
        {INSTANCE},
    ),
    (
        "ModifyManagedPrefixList",
        {
            "ModifyManagedPrefixListRequest": {
                "PrefixListId": LIST,
                "AddEntry": {"Cidr": "0.0.0.0/0", "tag": 1},
            }
        },
        {"ModifyManagedPrefixListResponse": {"prefixList": {"prefixListId": LIST}}},
        {LIST},
    ),
    (
        "RestoreManagedPrefixListVersion",
        {"RestoreManagedPrefixListVersionRequest": {"PrefixListId": LIST}},
        None,
        {LIST},
    ),
    ("DescribeSecurityGroups", {"securityGroupSet": {"items": [{"groupId": GROUP}]}}, None, set()),
]
BALANCING = [
    (
        "CreateLoadBalancer",
        {"name": "web", "subnets": ["subnet-1"], "securityGroups": [GROUP], "type": "application"},
        {"loadBalancers": [{"loadBalancerArn": ALB, "loadBalancerName": "web"}]},
        {ALB, "web"},
    ),
    (
        "CreateLoadBalancer",
        {"loadBalancerName": "old", "securityGroups": [GROUP]},
        {"dNSName": "old-1.elb"},
        {"old"},
    ),
    ("DeleteLoadBalancer", {"loadBalancerArn": ALB}, None, {ALB}),
    ("DeleteLoadBalancer", {"loadBalancerName": "old"}, None, {"old"}),
    (
        "SetSecurityGroups",
        {"loadBalancerArn": ALB, "securityGroups": [GROUP]},
        {"securityGroupIds": [GROUP]},
        {ALB},
    ),
    ("SetSubnets", {"loadBalancerArn": ALB, "subnets": ["subnet-1"]}, {}, {ALB}),
    ("SetIpAddressType", {"loadBalancerArn": ALB, "ipAddressType": "dualstack"}, {}, {ALB}),
    (
        "ApplySecurityGroupsToLoadBalancer",
        {"loadBalancerName": "old", "securityGroups": [GROUP]},
        {},
        {"old"},
    ),
    (
        "AttachLoadBalancerToSubnets",
        {"loadBalancerName": "old", "subnets": ["subnet-1"]},
        {},
        {"old"},
    ),
]


@pytest.mark.parametrize(("name", "request_", "response", "names"), CALLS)
def test_what_a_call_of_ec2_touches(name, request_, response, names):
    found = read(detail(name, request_, response))
    assert (found.name, found.names) == (name, names)


@pytest.mark.parametrize(("name", "request_", "response", "names"), BALANCING)
def test_what_a_call_of_load_balancing_touches(name, request_, response, names):
    found = read(detail(name, request_, response, source=ELB))
    assert (found.balancers, found.names) == (names, names)


def test_every_call_has_a_record():
    touching = {name for name, _, _, names in (*CALLS, *BALANCING) if names}
    assert touching | {"DetachNetworkInterface"} == set(HEEDED)


def test_the_documented_pattern_asks_for_every_call(root):
    text = (root / "docs" / "events.md").read_text(encoding="utf-8")
    patterns = [json.loads(part.split("```")[0]) for part in text.split("```json\n")[1:]]
    [pattern] = [one for one in patterns if "detail-type" in one]
    assert tuple(pattern["detail"]["eventName"]) == HEEDED


def test_who_and_when():
    found = read(detail("DeleteSecurityGroup", {"groupId": GROUP}))
    assert found.actor == f"arn:aws-cn:sts::{OWN}:assumed-role/Admin/zhang.san"
    assert (found.account_id, found.region) == (OWN, "cn-northwest-1")
    assert found.at == datetime(2026, 5, 4, 1, 2, 3, tzinfo=UTC)
    assert found.event_id == "b0e1c7de-0000-4000-8000-000000000002"


@pytest.mark.parametrize(
    ("identity", "actor"),
    [
        (
            {"type": "IAMUser", "arn": "arn:aws-cn:iam::1:user/li", "accountId": OWN},
            "arn:aws-cn:iam::1:user/li",
        ),
        (
            {"type": "AWSService", "invokedBy": "autoscaling.amazonaws.com"},
            "autoscaling.amazonaws.com",
        ),
        ({"type": "Unknown", "arn": "a\nb\u202e"}, "ab"),
        ({"arn": 5}, ""),
        (None, ""),
    ],
)
def test_other_callers(identity, actor):
    record = detail("DeleteSecurityGroup", {"groupId": GROUP}, userIdentity=identity)
    assert read(record).actor == actor


def test_the_account_is_the_one_that_received_the_event():
    record = detail("AuthorizeSecurityGroupIngress", {"groupId": GROUP})
    record["userIdentity"]["accountId"] = "999988887777"
    assert read(record).account_id == OWN
    del record["recipientAccountId"]
    assert read(record).account_id == OWN
    assert parse_event(json.dumps(record)).account_id == "999988887777"


def test_a_notification_and_a_bare_record_are_read_too():
    record = detail("DeleteSecurityGroup", {"groupId": GROUP})
    wrapped = {"Type": "Notification", "Message": json.dumps(envelope(record))}
    assert parse_event(json.dumps(wrapped)) == parse_event(json.dumps(record)) == read(record)


def test_a_failed_call_touches_nothing():
    denied = detail(
        "DeleteSecurityGroup", {"groupId": GROUP}, errorCode="Client.DependencyViolation"
    )
    assert read(denied).names == frozenset()


@pytest.mark.parametrize(
    "value",
    [
        "sg-1",
        "sg-XYZ",
        f"{GROUP} ",
        f"{GROUP}\n",
        "sg-" + "a" * 18,
        5,
        None,
        {"a": 1},
        "*",
        "eni-1",
    ],
)
def test_an_id_that_aws_would_not_write_is_none(value):
    assert read(detail("DeleteSecurityGroup", {"groupId": value})).names == frozenset()


def test_another_service_with_the_same_call_is_passed_over():
    record = detail("CreateLoadBalancer", {"loadBalancerName": "web"}, source="lightsail")
    assert read(record).names == frozenset()


def nested(depth):
    return '{"a":' * depth + "1" + "}" * depth


POISON = {
    "empty": "",
    "not JSON": "{",
    "a list": "[]",
    "a number": "1" * 5000,
    "no detail": "{}",
    "a test notification": json.dumps({"Type": "Notification", "Message": "hello"}),
    "a detail that is text": json.dumps({"detail": "x"}),
    "a detail of something else": json.dumps({"detail": {"instance-id": INSTANCE}}),
    "too deep for JSON": nested(100_000),
    "too large": json.dumps({"detail": "x" * MOST_BYTES}),
    "too large in bytes": json.dumps({"detail": "网" * (MOST_BYTES // 2)}, ensure_ascii=False),
}


@pytest.mark.parametrize("body", POISON.values(), ids=POISON.keys())
def test_what_makes_no_sense_is_poison(body):
    with pytest.raises(PoisonMessage) as caught:
        parse_event(body)
    assert "\n" not in caught.value.message
    assert "事件无法读取" in caught.value.zh


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("eventID", None),
        ("eventID", "x" * 65),
        ("eventID", "a b c d e f g h"),
        ("eventName", 5),
        ("eventName", "Authorize\x1b[31m"),
        ("eventTime", "yesterday"),
        ("eventTime", "0001-01-01T00:00:00+14:00"),
        ("awsRegion", "mars"),
        ("eventSource", None),
        ("recipientAccountId", "12345"),
        ("recipientAccountId", 111122223333),
        ("userIdentity", "me"),
        ("requestParameters", []),
        ("responseElements", "x"),
        ("requestParameters", {"a": [0] * 60_000}),
        ("requestParameters", json.loads(nested(40))),
    ],
)
def test_a_field_of_the_wrong_kind_is_poison(key, value):
    with pytest.raises(PoisonMessage):
        read(detail("DeleteSecurityGroup", {"groupId": GROUP}) | {key: value})


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=12), inner, max_size=4)
    ),
    max_leaves=12,
)


@given(
    key=st.sampled_from([*detail("x"), "errorCode"]),
    value=JSON,
    name=st.sampled_from([name for name, *_ in CALLS]),
)
def test_no_value_breaks_it(key, value, name):
    record = detail(name, {"groupId": GROUP}) | {key: value}
    try:
        found = read(record)
    except PoisonMessage:
        return
    assert found.names <= {GROUP}


@given(body=st.text(max_size=200) | JSON.map(json.dumps))
def test_no_body_breaks_it(body):
    with pytest.raises(PoisonMessage):
        parse_event(body)
