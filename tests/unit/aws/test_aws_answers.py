"""Answers of AWS into account values."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from gatekeeper.account import (
    Address,
    Association,
    Listener,
    LoadBalancerType,
    PrefixList,
    Rule,
    Vpc,
)
from gatekeeper.aws import answers
from gatekeeper.aws.answers import AnswerError
from gatekeeper.aws.cidr import canonical_ipv6, cidr_family

ROOT = Path(__file__).parents[3]
RECORDED = Path(os.environ.get("GATEKEEPER_RECORDED", ROOT.parent / "shared" / "recorded")) / "aws"

recorded = pytest.mark.skipif(
    not RECORDED.is_dir(), reason=f"no recorded answers in {RECORDED}; set GATEKEEPER_RECORDED"
)


def group(*permissions, **more):
    return answers.security_group(
        {
            "GroupId": "sg-1",
            "GroupName": "web",
            "VpcId": "vpc-1",
            "OwnerId": "111122223333",
            "IpPermissions": list(permissions),
            **more,
        }
    )


@pytest.mark.parametrize(
    ("text", "family"),
    [
        ("0.0.0.0/0", "ipv4"),
        ("10.1.2.3/8", "ipv4"),
        ("::/0", "ipv6"),
        ("2001:DB8::1/64", "ipv6"),
        ("10.0.0.0", None),
        ("10.0.0.0/33", None),
        ("10.0.0.0/08", None),
        ("010.0.0.0/8", None),
        ("10.0.0/8", None),
        ("10.0.0.0/255.0.0.0", None),
        ("fe80::1%eth0/64", None),
        ("::/129", None),
        ("10.0.0.0/8\x00", None),
        ("１0.0.0.0/8", None),
        ("", None),
    ],
)
def test_the_family_of_a_cidr(text, family):
    assert cidr_family(text) == family


def test_ipv6_addresses_are_written_shortly():
    assert canonical_ipv6("2001:0DB8:0:0::0001") == "2001:db8::1"
    assert canonical_ipv6("nonsense") == "nonsense"


def test_a_rule_for_each_source_in_a_fixed_order():
    found = group(
        {
            "IpProtocol": "tcp",
            "FromPort": 80,
            "ToPort": 443,
            "UserIdGroupPairs": [
                {"GroupId": "sg-2", "UserId": "111122223333", "Description": "own"},
                {"GroupId": "sg-3", "UserId": "999988887777"},
                {"GroupName": "amazon-elb-sg", "UserId": "amazon-elb"},
            ],
            "PrefixListIds": [{"PrefixListId": "pl-1"}],
            "Ipv6Ranges": [{"CidrIpv6": "::/0"}],
            "IpRanges": [{"CidrIp": "203.0.113.9/24", "Description": "host bits"}],
        }
    )
    assert found.rules == (
        Rule("tcp", 80, 443, "ipv4", "203.0.113.9/24", "host bits"),
        Rule("tcp", 80, 443, "ipv6", "::/0"),
        Rule("tcp", 80, 443, "prefix_list", "pl-1"),
        Rule("tcp", 80, 443, "group", "sg-2", "own"),
        Rule("tcp", 80, 443, "group", "999988887777/sg-3"),
        Rule("tcp", 80, 443, "group", "amazon-elb/amazon-elb-sg"),
    )


def test_protocol_all_has_no_ports_and_null_lists_are_empty():
    found = group(
        {
            "IpProtocol": "-1",
            "IpRanges": [{"CidrIp": "0.0.0.0/0"}],
            "Ipv6Ranges": None,
            "PrefixListIds": None,
            "UserIdGroupPairs": None,
        },
        {"IpProtocol": 6, "FromPort": -1, "ToPort": -1, "IpRanges": [{"CidrIp": "0.0.0.0/0"}]},
    )
    assert found.rules == (
        Rule("-1", None, None, "ipv4", "0.0.0.0/0"),
        Rule("6", -1, -1, "ipv4", "0.0.0.0/0"),
    )


@pytest.mark.parametrize(
    ("permission", "source"),
    [
        ({"IpRanges": [{"CidrIp": "::/0"}]}, "::/0"),
        ({"Ipv6Ranges": [{"CidrIpv6": "0.0.0.0/0"}]}, "0.0.0.0/0"),
        ({"IpRanges": [{"CidrIp": "everywhere"}]}, "everywhere"),
        ({"IpRanges": [{"Description": "no cidr"}]}, ""),
        ({"PrefixListIds": [{}]}, ""),
        ({"UserIdGroupPairs": [{"UserId": "111122223333"}]}, ""),
        ({"FromPort": "80", "IpRanges": [{"CidrIp": "0.0.0.0/0"}]}, "0.0.0.0/0"),
        ({"ToPort": True, "IpRanges": [{"CidrIp": "0.0.0.0/0"}]}, "0.0.0.0/0"),
        ({"IpProtocol": None, "IpRanges": [{"CidrIp": "0.0.0.0/0"}]}, "0.0.0.0/0"),
        ({"IpRanges": []}, ""),
    ],
)
def test_what_cannot_be_read_is_a_malformed_rule(permission, source):
    (rule,) = group({"IpProtocol": "tcp", **permission}).rules
    assert (rule.kind, rule.source) == ("malformed", source)


@pytest.mark.parametrize("missing", [{}, {"IpPermissions": None}])
def test_a_group_whose_rules_are_not_in_the_answer_is_not_closed(missing):
    found = answers.security_group({"GroupId": "sg-1", **missing})
    assert [rule.kind for rule in found.rules] == ["malformed"]
    assert group().rules == ()


def test_a_group_keeps_its_tags_in_order_and_its_outbound_rules():
    found = group(
        Tags=[{"Key": "b", "Value": "2"}, {"Key": "a", "Value": "1"}],
        IpPermissionsEgress=[{"IpProtocol": "-1", "IpRanges": [{"CidrIp": "0.0.0.0/0"}]}],
        Description="front",
    )
    assert found.tags == (("a", "1"), ("b", "2"))
    assert found.egress == (Rule("-1", None, None, "ipv4", "0.0.0.0/0"),)
    assert found.tag("b") == "2"
    assert found.description == "front"


def test_every_public_address_of_an_interface_counts_once():
    found = answers.interface(
        {
            "NetworkInterfaceId": "eni-1",
            "PrivateIpAddress": "10.0.0.5",
            "Association": {"PublicIp": "52.83.0.1", "IpOwnerId": "111122223333"},
            "PrivateIpAddresses": [
                {
                    "PrivateIpAddress": "10.0.0.5",
                    "Association": {"PublicIp": "52.83.0.1", "AllocationId": "eipalloc-1"},
                },
                {
                    "PrivateIpAddress": "10.0.0.6",
                    "Association": {"PublicIp": "52.83.0.2", "IpOwnerId": "amazon"},
                },
                {"PrivateIpAddress": "10.0.0.7", "Association": None},
            ],
            "Ipv6Address": "2001:db8::1",
            "Ipv6Addresses": [{"Ipv6Address": "2001:DB8::1"}, {"Ipv6Address": "2001:db8::2"}],
        }
    )
    assert found.associations == (
        Association("52.83.0.1", "111122223333", "eipalloc-1", "10.0.0.5"),
        Association("52.83.0.2", "amazon", None, "10.0.0.6"),
    )
    assert found.ipv6 == ("2001:db8::1", "2001:db8::2")


def test_an_old_and_bare_interface():
    found = answers.interface({"NetworkInterfaceId": "eni-1", "Attachment": {"InstanceId": ""}})
    assert found.interface_type == "interface"
    assert found.group_ids == ()
    assert found.instance_id is None
    assert not found.requester_managed


def test_an_operator_that_manages_an_interface_counts_as_its_requester():
    operator = {"Managed": True, "Principal": "eks.amazonaws.com"}
    found = answers.interface({"NetworkInterfaceId": "eni-1", "Operator": operator})
    assert (found.requester_managed, found.requester_id) == (True, "eks.amazonaws.com")
    free = answers.interface({"NetworkInterfaceId": "eni-1", "Operator": {"Managed": False}})
    assert not free.requester_managed


def test_addresses_with_empty_texts():
    assert answers.address(
        {"PublicIp": "52.83.0.1", "AllocationId": "eipalloc-1", "NetworkInterfaceId": ""}
    ) == Address("52.83.0.1", "eipalloc-1")
    assert answers.address({"CarrierIp": "155.146.0.1"}) is None
    with pytest.raises(AnswerError, match="PublicIp"):
        answers.address({"AllocationId": "eipalloc-1"})


def test_the_blocks_of_a_vpc():
    def associated(state):
        return {} if state is None else {"State": state}

    found = answers.vpc(
        {
            "VpcId": "vpc-1",
            "CidrBlock": "10.0.0.0/16",
            "IsDefault": True,
            "CidrBlockAssociationSet": [
                {"CidrBlock": "10.0.0.0/16", "CidrBlockState": associated("associated")},
                {"CidrBlock": "52.83.0.0/20", "CidrBlockState": associated(None)},
                {"CidrBlock": "10.9.0.0/16", "CidrBlockState": associated("disassociated")},
            ],
            "Ipv6CidrBlockAssociationSet": [
                {"Ipv6CidrBlock": "2001:db8::/56", "Ipv6CidrBlockState": associated("associated")},
                {"Ipv6CidrBlock": "2001:db8:1::/56", "Ipv6CidrBlockState": associated("failed")},
            ],
        }
    )
    assert found == Vpc("vpc-1", ("10.0.0.0/16", "52.83.0.0/20", "2001:db8::/56"), True)
    with pytest.raises(AnswerError, match="no CIDR"):
        answers.vpc({"VpcId": "vpc-1", "CidrBlock": "ten"})


@pytest.mark.parametrize(
    ("fields", "kind"),
    [
        ({"Type": "network"}, LoadBalancerType.NETWORK),
        ({}, LoadBalancerType.APPLICATION),
    ],
)
def test_load_balancers(fields, kind):
    arn = "arn:aws-cn:elasticloadbalancing:cn-northwest-1:111122223333:loadbalancer/app/prod/50dc"
    found = answers.load_balancer({"LoadBalancerArn": arn, "LoadBalancerName": "prod", **fields})
    assert found.type is kind
    assert found.group_ids == ()
    assert found.scheme == "internet-facing"
    with pytest.raises(AnswerError, match="unknown type"):
        answers.load_balancer(
            {"LoadBalancerArn": arn, "LoadBalancerName": "prod", "Type": "quantum"}
        )


def test_a_classic_load_balancer_has_the_arn_of_iam():
    found = answers.classic_load_balancer(
        {"LoadBalancerName": "old", "VPCId": "vpc-1", "SecurityGroups": ["sg-1"]},
        account_id="111122223333",
        region="cn-northwest-1",
        partition="aws-cn",
    )
    assert found.arn == (
        "arn:aws-cn:elasticloadbalancing:cn-northwest-1:111122223333:loadbalancer/old"
    )
    assert found.group_ids == ("sg-1",)


def test_prefix_lists():
    item = {
        "PrefixListId": "pl-1",
        "PrefixListName": "office",
        "AddressFamily": "IPv6",
        "MaxEntries": 5,
    }
    entries = answers.prefix_list_entries([{"Cidr": "2001:db8::/32"}, {"Cidr": "2001:db8::/32"}])
    assert answers.prefix_list(item, entries) == PrefixList(
        "pl-1", "office", "ipv6", 5, ("2001:db8::/32",)
    )
    assert answers.prefix_list(item, None).entries is None
    assert answers.prefix_list({"PrefixListId": "pl-1"}, ("10.0.0.0/8",)).family == "ipv4"
    with pytest.raises(AnswerError, match="ipv4 entries"):
        answers.prefix_list(item, ("10.0.0.0/8",))
    with pytest.raises(AnswerError, match="mixes"):
        answers.prefix_list(item, ("10.0.0.0/8", "::/0"))
    with pytest.raises(AnswerError, match="no AddressFamily"):
        answers.prefix_list({"PrefixListId": "pl-1"}, ())
    with pytest.raises(AnswerError, match="address family"):
        answers.prefix_list({"PrefixListId": "pl-1", "AddressFamily": "IPX"}, ())
    with pytest.raises(AnswerError, match="no CIDR"):
        answers.prefix_list_entries([{"Cidr": "10.0.0.0"}])


def test_listeners():
    assert answers.listener({"Protocol": "TLS", "Port": 443}) == Listener("TLS", 443)
    with pytest.raises(AnswerError, match="port"):
        answers.listener({"Protocol": "TLS"})


@pytest.mark.parametrize(
    "read",
    [
        lambda: answers.members([], "Vpcs"),
        lambda: answers.members({"Error": {"Code": "x"}}, "Vpcs"),
        lambda: answers.members({"Vpcs": ["x"]}, "Vpcs"),
        lambda: answers.interface({}),
        lambda: answers.interface({"NetworkInterfaceId": 7}),
        lambda: answers.interface({"NetworkInterfaceId": "eni-1", "Attachment": []}),
        lambda: answers.interface({"NetworkInterfaceId": "eni-1", "Groups": [{}]}),
        lambda: answers.load_balancer(
            {"LoadBalancerArn": "a", "LoadBalancerName": "n", "SecurityGroups": [None]}
        ),
    ],
)
def test_another_shape_is_refused(read):
    with pytest.raises(AnswerError):
        read()


@pytest.mark.parametrize(
    ("region", "partition"),
    [("cn-north-1", "aws-cn"), ("us-gov-west-1", "aws-us-gov"), ("eu-west-1", "aws")],
)
def test_partitions(region, partition):
    assert answers.partition_of(region) == partition


RECORDED_READS = {
    "ec2.DescribeSecurityGroups": ("SecurityGroups", answers.security_group),
    "ec2.DescribeNetworkInterfaces": ("NetworkInterfaces", answers.interface),
    "ec2.DescribeAddresses": ("Addresses", answers.address),
    "ec2.DescribeVpcs": ("Vpcs", answers.vpc),
    "ec2.DescribeManagedPrefixLists": ("PrefixLists", lambda item: answers.prefix_list(item, None)),
    "elasticloadbalancing.DescribeListeners": ("Listeners", answers.listener),
}


def recorded_items(operation, key):
    for path in sorted(RECORDED.glob(f"*/{operation}_*.json")):
        data = json.loads(path.read_text())["data"]
        if key in data:
            yield from answers.members(data, key)


@recorded
@pytest.mark.recorded
@pytest.mark.parametrize("operation", sorted(RECORDED_READS))
def test_recorded_answers_are_read_whole(operation):
    key, read = RECORDED_READS[operation]
    values = [read(item) for item in recorded_items(operation, key)]
    assert values
    if operation == "ec2.DescribeSecurityGroups":
        rules = [rule for value in values for rule in value.rules]
        assert {rule.kind for rule in rules} == {"ipv4", "group", "prefix_list"}
        assert any(rule.protocol == "-1" and rule.from_port is None for rule in rules)


@recorded
@pytest.mark.recorded
def test_recorded_load_balancers():
    operation = "elasticloadbalancing.DescribeLoadBalancers"
    values = [answers.load_balancer(item) for item in recorded_items(operation, "LoadBalancers")]
    assert {value.type for value in values} >= {
        LoadBalancerType.APPLICATION,
        LoadBalancerType.NETWORK,
    }
    classic = [
        answers.classic_load_balancer(item, account_id="1" * 12, region="r", partition="aws")
        for item in recorded_items(operation, "LoadBalancerDescriptions")
    ]
    assert {value.type for value in classic} == {LoadBalancerType.CLASSIC}
