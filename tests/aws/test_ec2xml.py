"""The fast reader says what botocore and ``answers`` say together, and refuses half an answer."""

from __future__ import annotations

import gc
from xml.sax.saxutils import escape

import pytest
from botocore.loaders import Loader
from botocore.model import ServiceModel
from botocore.parsers import EC2QueryParser
from hypothesis import given
from hypothesis import strategies as st

from gatekeeper.aws import answers
from gatekeeper.aws.answers import AnswerError
from gatekeeper.aws.ec2xml import OPERATIONS, read_page
from gatekeeper.aws.slim import EC2_READS
from tests.properties.examples import examples

from .conftest import ec2

READS = {
    "DescribeAddresses": ("Addresses", answers.address),
    "DescribeNetworkInterfaces": ("NetworkInterfaces", answers.interface),
    "DescribeSecurityGroups": ("SecurityGroups", answers.security_group),
    "DescribeVpcs": ("Vpcs", answers.vpc),
}


@pytest.fixture(scope="session")
def service():
    return ServiceModel(Loader().load_service_model("ec2", "service-2"), "ec2")


def by_botocore(service, operation, body):
    key, value = READS[operation]
    shape = service.operation_model(operation).output_shape
    response = {"status_code": 200, "headers": {}, "body": body, "context": {}}
    parsed = EC2QueryParser().parse(response, shape)
    values = [value(item) for item in answers.members(parsed, key)]
    return [one for one in values if one is not None], parsed.get("NextToken")


# --- every field, rendered from the service's own description ----------------------------------

TEXTS = st.text(
    st.characters(min_codepoint=32, max_codepoint=0x2FFF, exclude_characters="\x7f"), max_size=8
)
SOURCES = st.sampled_from(
    ["0.0.0.0/0", "10.1.2.3/8", "::/0", "2001:DB8::/32", "everywhere", "", "10.0.0.0", "1.2.3.4/33"]
)
KNOWN_TEXTS = {
    "cidrIp": SOURCES,
    "cidrIpv6": SOURCES,
    "cidrBlock": st.sampled_from(["10.0.0.0/16", "52.83.0.0/20"]),
    "ipv6CidrBlock": st.just("2001:db8::/56"),
    "state": st.sampled_from(["associated", "disassociated", "failed", ""]),
    "ipProtocol": st.sampled_from(["tcp", "-1", "6", "icmp", ""]),
    "publicIp": st.sampled_from(["52.83.0.1", "52.83.0.2", ""]),
    "ipv6Address": st.sampled_from(["2001:db8::1", "2001:0DB8::2", ""]),
    "userId": st.sampled_from(["111122223333", "999988887777"]),
    "ownerId": st.just("111122223333"),
    "groupId": st.sampled_from(["sg-1", "sg-2"]),
}
REQUIRED = {"groupId", "networkInterfaceId", "vpcId", "publicIp"}
SHALLOW = {"connectionTrackingConfiguration", "blockPublicAccessStates", "encryptionControl"}


@st.composite
def rendered(draw, shape, depth=0):
    """XML for a shape: some members are left out, some lists are empty, some texts too."""
    if shape.type_name == "list":
        count = draw(st.integers(0, 2))
        return "".join(f"<item>{draw(rendered(shape.member, depth))}</item>" for _ in range(count))
    if shape.type_name == "structure":
        parts = []
        for name, member in shape.members.items():
            tag = member.serialization.get("name", name)
            if tag in SHALLOW or (draw(st.integers(0, 3)) == 0 and (tag not in REQUIRED or depth)):
                continue
            if member.type_name == "string" and tag in KNOWN_TEXTS:
                text = draw(KNOWN_TEXTS[tag])
                if tag in REQUIRED:
                    text = text or draw(st.just("52.83.0.9"))
                inner = escape(text)
            elif tag in REQUIRED:
                inner = "id-" + draw(st.sampled_from("abc"))
            else:
                inner = draw(rendered(member, depth + 1))
            parts.append(f"\n  <{tag}>{inner}</{tag}>" if inner else f"<{tag}/>")
        return "".join(parts)
    if shape.type_name == "boolean":
        return draw(st.sampled_from(["true", "false"]))
    if shape.type_name in {"integer", "long"}:
        return str(draw(st.integers(-1, 65535)))
    if shape.type_name == "timestamp":
        return "2026-01-05T08:00:00.000Z"
    return escape(draw(TEXTS))


@pytest.mark.parametrize("operation", sorted(READS))
def test_the_same_values_as_botocore_and_answers(service, operation):
    assert READS.keys() == OPERATIONS.keys()
    key, _ = READS[operation]
    shape = service.operation_model(operation).output_shape.members[key]
    tag = shape.serialization["name"]

    @examples(1)
    @given(st.lists(rendered(shape.member), max_size=3), st.sampled_from([None, "more"]))
    def same(items, token):
        inner = "".join(f"<item>{item}</item>" for item in items)
        if operation == "DescribeAddresses":
            token = None
        body = ec2(operation, f"<{tag}>{inner}</{tag}>", token).encode()
        try:
            values, next_token = by_botocore(service, operation, body)
        except AnswerError:
            with pytest.raises(AnswerError):
                read_page(operation, body)
            return
        page = read_page(operation, body)
        assert page.values == values
        assert page.token == next_token

    same()


WIDE = """<securityGroupInfo><item><ownerId>111122223333</ownerId><groupId>sg-1</groupId>
<groupName>a &amp; b</groupName><groupDescription>&#x5907;案</groupDescription><vpcId>vpc-1</vpcId>
<ipPermissions>
 <item><ipProtocol>tcp</ipProtocol><fromPort>80</fromPort><toPort>443</toPort>
  <groups><item><userId>999988887777</userId><groupId>sg-9</groupId><vpcId>v</vpcId>
   <vpcPeeringConnectionId>pcx</vpcPeeringConnectionId><peeringStatus>active</peeringStatus></item>
   <item><userId>111122223333</userId><groupId>sg-1</groupId></item></groups>
  <ipRanges><item><cidrIp>0.0.0.0/0</cidrIp><description>&lt;all&gt;</description></item></ipRanges>
  <ipv6Ranges><item><cidrIpv6>::/0</cidrIpv6></item></ipv6Ranges>
  <prefixListIds><item><prefixListId>pl-1</prefixListId></item></prefixListIds></item>
 <item><ipProtocol>-1</ipProtocol><groups/><ipRanges><item><cidrIp>10.0.0.1/8</cidrIp></item>
  </ipRanges><ipv6Ranges/><prefixListIds/></item>
 <item><ipProtocol>icmp</ipProtocol><fromPort>-1</fromPort><toPort>-1</toPort><groups/><ipRanges/>
  <ipv6Ranges/><prefixListIds/></item>
</ipPermissions><ipPermissionsEgress/>
<tagSet><item><key>z</key><value/></item><item><key>a</key><value>1</value></item></tagSet>
</item></securityGroupInfo>"""


def test_a_wide_group(service):
    body = ec2("DescribeSecurityGroups", WIDE).encode()
    page = read_page("DescribeSecurityGroups", body)
    assert page.values == by_botocore(service, "DescribeSecurityGroups", body)[0]
    (group,) = page.values
    assert (group.name, group.description) == ("a & b", "备案")
    assert group.tags == (("a", "1"), ("z", ""))
    assert [(rule.kind, rule.source) for rule in group.rules] == [
        ("ipv4", "0.0.0.0/0"),
        ("ipv6", "::/0"),
        ("prefix_list", "pl-1"),
        ("group", "999988887777/sg-9"),
        ("group", "sg-1"),
        ("ipv4", "10.0.0.1/8"),
        ("malformed", ""),
    ]


# --- bodies that are not an answer --------------------------------------------------------------

GOOD = ec2("DescribeSecurityGroups", WIDE).encode()


@pytest.mark.parametrize("kept", [0, 1, 100, len(GOOD) // 2, len(GOOD) - 1])
def test_a_cut_body_is_refused(kept):
    with pytest.raises(AnswerError):
        read_page("DescribeSecurityGroups", GOOD[:kept])


@examples(3)
@given(st.integers(0, len(GOOD) - 1))
def test_no_prefix_of_an_answer_is_an_answer(kept):
    with pytest.raises(AnswerError):
        read_page("DescribeSecurityGroups", GOOD[:kept])


BOMB = (
    '<?xml version="1.0"?><!DOCTYPE x [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;">]>'
    "<DescribeVpcsResponse><vpcSet><item><vpcId>&b;</vpcId></item></vpcSet></DescribeVpcsResponse>"
)


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b"<html><body>Sign in to the proxy</body></html>", "document 'html'"),
        (b"not xml at all", "no XML in UTF-8"),
        (b"{}", "no XML in UTF-8"),
        (BOMB.encode(), "document type"),
        (BOMB.encode("utf-16"), "no XML in UTF-8"),
        (BOMB.encode("utf-16-le"), "no XML in UTF-8"),
        (BOMB.encode("utf-16-be"), "no XML in UTF-8"),
        (GOOD + b"<more/>", "no whole XML"),
        (ec2("DescribeVpcs", "<addressesSet/>").encode(), "no vpcSet"),
        (ec2("DescribeAddresses", "<vpcSet/>").encode(), "DescribeAddressesResponse"),
        (ec2("DescribeVpcs", "<vpcSet><member/></vpcSet>").encode(), "'member'"),
        (ec2("DescribeVpcs", "<vpcSet><item/></vpcSet>").encode(), "vpcId is missing"),
        (ec2("DescribeVpcs", "<vpcSet><item>\xff</item></vpcSet>").encode("latin-1"), "no whole"),
        (b"<Response><Errors><Error><Code>x</Code></Error></Errors></Response>", "'Response'"),
    ],
)
def test_other_bodies_are_refused(body, reason):
    with pytest.raises(AnswerError, match=reason):
        read_page("DescribeVpcs", body)


WITHOUT_GROUP_ID = (
    "<networkInterfaceSet><item><networkInterfaceId>e</networkInterfaceId>"
    "<groupSet><item/></groupSet></item></networkInterfaceSet>"
)


@pytest.mark.parametrize(
    ("operation", "inner", "reason"),
    [
        ("DescribeAddresses", "<addressesSet><item/></addressesSet>", "publicIp"),
        (
            "DescribeNetworkInterfaces",
            WITHOUT_GROUP_ID,
            "groupId",
        ),
        ("DescribeSecurityGroups", "<securityGroupInfo><item/></securityGroupInfo>", "groupId"),
    ],
)
def test_objects_without_what_names_them_are_refused(operation, inner, reason):
    with pytest.raises(AnswerError, match=reason):
        read_page(operation, ec2(operation, inner).encode())


def test_addresses_that_no_internet_route_has_are_left_out():
    inner = "<addressesSet><item><carrierIp>155.146.0.1</carrierIp></item></addressesSet>"
    assert read_page("DescribeAddresses", ec2("DescribeAddresses", inner).encode()).values == []


@pytest.mark.parametrize("port", ["eighty", ""])
def test_a_port_that_is_no_number_makes_the_rule_malformed(port):
    inner = WIDE.replace("<fromPort>80<", f"<fromPort>{port}<")
    page = read_page("DescribeSecurityGroups", ec2("DescribeSecurityGroups", inner).encode())
    assert page.values[0].rules[0].kind == "malformed"


def test_another_version_of_the_namespace_and_none_at_all():
    for namespace in (b' xmlns="http://ec2.amazonaws.com/doc/2030-01-01/"', b""):
        body = GOOD.replace(b' xmlns="http://ec2.amazonaws.com/doc/2016-11-15/"', namespace)
        assert len(read_page("DescribeSecurityGroups", body).values) == 1


@pytest.mark.parametrize("before", [True, False])
def test_the_garbage_collector_is_left_as_it_was(before):
    was = gc.isenabled()
    try:
        (gc.enable if before else gc.disable)()
        read_page("DescribeSecurityGroups", GOOD)
        with pytest.raises(AnswerError):
            read_page("DescribeSecurityGroups", b"")
        assert gc.isenabled() is before
    finally:
        (gc.enable if was else gc.disable)()


# --- our description of the calls ---------------------------------------------------------------


def test_our_description_of_ec2_is_a_part_of_botocores(service):
    real = Loader().load_service_model("ec2", "service-2")
    ours = EC2_READS["metadata"]
    assert {key: real["metadata"][key] for key in ours} == ours
    for name, operation in EC2_READS["operations"].items():
        assert {key: real["operations"][name][key] for key in operation} == operation
    for name, shape in EC2_READS["shapes"].items():
        theirs = real["shapes"][name]
        assert shape["type"] == theirs["type"]
        if shape["type"] == "list":
            assert shape["member"]["locationName"] == theirs["member"]["locationName"]
            kinds = [model["shapes"] for model in (EC2_READS, real)]
            ours_kind, theirs_kind = (
                shapes[one["member"]["shape"]]["type"]
                for shapes, one in zip(kinds, (shape, theirs), strict=True)
            )
            assert ours_kind == theirs_kind
        for member, description in shape.get("members", {}).items():
            there = theirs["members"][member]
            assert description.get("locationName") == there.get("locationName"), (name, member)
            assert "queryName" not in there
            kind = EC2_READS["shapes"][description["shape"]]["type"]
            assert kind == real["shapes"][there["shape"]]["type"]
