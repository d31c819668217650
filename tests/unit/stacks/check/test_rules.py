"""Which rules open: every spelling, inline and of its own, in Pulumi's and Terraform's words."""

from __future__ import annotations

import pytest

from gatekeeper.stacks.check import Hidden
from gatekeeper.stacks.check.values import from_pulumi
from tests.unit.stacks.check.plans import (
    CLOSED,
    DEFAULT_GROUP,
    GROUP,
    INGRESS,
    LIST,
    LIST_ENTRY,
    OPEN,
    RULE,
    SECRET,
    UNKNOWN,
    VPC,
    block,
    change,
    feed,
    judge,
    preview,
    refers,
    step,
    terraform,
    tf_block,
    tf_tied,
    tf_web,
    tied,
    urn,
    web,
)

OPENS = [
    ({}, {"tcp": (443,)}),
    ({"fromPort": 443.0, "toPort": "443"}, {"tcp": (443,)}),
    ({"ipProtocol": "TCP"}, {"tcp": (443,)}),
    ({"ipProtocol": "6"}, {"tcp": (443,)}),
    ({"ipProtocol": 6}, {"tcp": (443,)}),
    ({"ipProtocol": "17"}, {"udp": (443,)}),
    (
        {"ipProtocol": "-1", "fromPort": None, "toPort": None},
        {"tcp": (80, 443, 8080), "udp": (443,)},
    ),
    ({"ipProtocol": "all"}, {"tcp": (80, 443, 8080), "udp": (443,)}),
    ({"ipProtocol": -1, "fromPort": 0, "toPort": 0}, {"tcp": (80, 443, 8080), "udp": (443,)}),
    ({"fromPort": 0, "toPort": 65535}, {"tcp": (80, 443, 8080)}),
    ({"fromPort": None, "toPort": None}, {"tcp": (80, 443, 8080)}),
    ({"fromPort": -1, "toPort": -1}, {"tcp": (80, 443, 8080)}),
    ({"fromPort": 81, "toPort": 442}, {}),
    ({"fromPort": 79, "toPort": 81}, {"tcp": (80,)}),
    ({"fromPort": 22, "toPort": 22}, {}),
    ({"ipProtocol": "icmp", "fromPort": -1, "toPort": -1}, {}),
    ({"ipProtocol": "icmp", "fromPort": 8, "toPort": 0}, {}),
    ({"ipProtocol": "58"}, {}),
    ({"ipProtocol": "47"}, {}),
    ({"cidrIpv4": "0.0.0.0/1"}, {"tcp": (443,)}),
    ({"cidrIpv4": "128.0.0.0/1"}, {"tcp": (443,)}),
    ({"cidrIpv4": "52.1.2.3/32"}, {"tcp": (443,)}),
    ({"cidrIpv4": "52.1.2.3"}, {"tcp": (443,)}),
    ({"cidrIpv4": "52.1.2.3/8"}, {"tcp": (443,)}),
    ({"cidrIpv4": "8.0.0.0/5"}, {"tcp": (443,)}),
    ({"cidrIpv4": "10.0.0.0/8"}, {}),
    ({"cidrIpv4": "100.64.0.0/10"}, {}),
    ({"cidrIpv4": "100.64.0.0/9"}, {"tcp": (443,)}),
    ({"cidrIpv4": "192.168.0.0/16"}, {}),
    ({"cidrIpv4": "127.0.0.0/8"}, {}),
    ({"cidrIpv4": None, "cidrIpv6": "fc00::/7"}, {}),
    ({"cidrIpv4": None, "referencedSecurityGroupId": "sg-2"}, {}),
    ({"cidrIpv4": None, "referencedSecurityGroupId": UNKNOWN}, {}),
]


@pytest.mark.parametrize(("words", "expected"), OPENS, ids=lambda value: str(value)[:60])
def test_a_rule_opens_what_the_algebra_says(words, expected):
    found = judge(preview(step(INGRESS, "r", web(**words)), tied(CLOSED)))
    assert {one.protocol: one.ports for one in found.violations} == expected
    assert found.not_judged == ()
    assert found.exit_status == (3 if expected else 0)
    assert all(one.resource == urn(INGRESS, "r") for one in found.violations)


@pytest.mark.parametrize(("words", "expected"), OPENS, ids=lambda value: str(value)[:60])
def test_it_opens_nothing_unlawful_on_what_is_decided_open(words, expected):
    found = judge(preview(step(INGRESS, "r", web(**words)), tied(OPEN)))
    assert (found.exit_status, found.violations, found.not_judged) == (0, (), ())


@pytest.mark.parametrize("token", [GROUP, DEFAULT_GROUP])
def test_inline_rules_open(token):
    rules = [
        block(cidrBlocks=["10.0.0.0/8", "0.0.0.0/1", "128.0.0.0/1"]),
        block(fromPort=22, toPort=22),
        block(cidrBlocks=[], securityGroups=["sg-9"], self=True),
        block(protocol="-1", fromPort=0, toPort=0, cidrBlocks=None, ipv6CidrBlocks=["::/0"]),
    ]
    group = step(token, "g", {"ingress": rules}, op="update", old={}, id="sg-1")
    found = judge(preview(group, tied("eni-both")))
    # eni-both is decided open in IPv4 and closed in IPv6.
    assert [(one.protocol, one.ports, one.sources) for one in found.violations] == [
        ("tcp", (80, 443, 8080), ("::/0",)),
        ("udp", (443,), ("::/0",)),
    ]
    closed = judge(preview(group, tied(CLOSED)))
    assert closed.violations[0].sources == ("0.0.0.0/1", "128.0.0.0/1")


@pytest.mark.parametrize(
    "rule",
    [
        {"type": "ingress", "cidrBlocks": ["0.0.0.0/0"]},
        {"type": "ingress", "ipv6CidrBlocks": ["2000::/3"], "cidrBlocks": ["52.0.0.0/8"]},
        {"cidrBlocks": ["0.0.0.0/0"]},
        {"type": UNKNOWN, "cidrBlocks": ["0.0.0.0/0"]},
    ],
)
def test_the_older_rule_resource_opens(rule):
    inputs = {"securityGroupId": "sg-1", "protocol": "tcp", "fromPort": 80, "toPort": 90, **rule}
    found = judge(preview(step(RULE, "r", inputs), tied(CLOSED)))
    assert {one.ports for one in found.violations} == {(80,)}


def test_an_egress_rule_opens_nothing():
    inputs = {
        "type": "egress",
        "securityGroupId": "sg-1",
        "protocol": "-1",
        "fromPort": 0,
        "toPort": 0,
        "cidrBlocks": [UNKNOWN],
    }
    assert judge(preview(step(RULE, "r", inputs), tied(CLOSED))).exit_status == 0


def test_a_text_that_holds_an_unknown_is_unknown():
    assert from_pulumi(f"{UNKNOWN}/32") is Hidden.UNKNOWN
    assert from_pulumi([f"a{UNKNOWN}", "[secret]", SECRET]) == [
        Hidden.UNKNOWN,
        Hidden.SECRET,
        Hidden.SECRET,
    ]
    reference = {"4dabf18193072939515e22adb298388d": "5cf8f73096256a8f31e491e813e4eb8e"}
    assert from_pulumi({**reference, "urn": "u", "id": "sg-1"}) == "sg-1"
    assert from_pulumi({**reference, "urn": "u", "id": ""}) is Hidden.UNKNOWN
    output = {"4dabf18193072939515e22adb298388d": "d0e6a833031e9bbcd3f4e8bde6ca49a4"}
    assert from_pulumi({**output, "value": "sg-1"}) == "sg-1"
    assert from_pulumi({**output, "value": "sg-1", "secret": True}) is Hidden.SECRET
    assert from_pulumi({"cidrIpv4": 1, "__defaults": []}) == {"cidr_ipv4": 1}


UNREADABLE = [
    {"cidrIpv4": UNKNOWN},
    {"cidrIpv4": f"{UNKNOWN}/32"},
    {"cidrIpv4": None, "cidrIpv6": UNKNOWN},
    {"cidrIpv4": "[secret]"},
    {"cidrIpv4": SECRET},
    {"fromPort": UNKNOWN},
    {"toPort": "[secret]"},
    {"ipProtocol": UNKNOWN},
    {"ipProtocol": SECRET},
    {"ipProtocol": "tpc"},
    {"ipProtocol": None},
    {"ipProtocol": True},
    {"fromPort": 443, "toPort": 80},
    {"fromPort": 443, "toPort": None},
    {"fromPort": 443.5},
    {"fromPort": "https"},
    {"toPort": 70000},
    {"fromPort": True},
    {"cidrIpv4": "0.0.0.0/33"},
    {"cidrIpv4": "anywhere"},
    {"cidrIpv4": "::/0"},
    {"cidrIpv4": None, "cidrIpv6": "0.0.0.0/0"},
    {"cidrIpv4": None, "cidrIpv6": "::ffff:0.0.0.0/96"},
    {"cidrIpv4": None, "cidrIpv6": "::ffff:52.1.2.3/128"},
    {"cidrIpv4": 7},
    {"cidrIpv4": None, "prefixListId": "pl-1"},
    {"cidrIpv4": None, "prefixListId": UNKNOWN},
    {"cidrIpv4": {"4dabf18193072939515e22adb298388d": "d0e6a833031e9bbcd3f4e8bde6ca49a4"}},
]


@pytest.mark.parametrize("words", UNREADABLE, ids=str)
@pytest.mark.parametrize("endpoint", [OPEN, CLOSED])
def test_what_cannot_be_read_is_never_fine(words, endpoint):
    found = judge(preview(step(INGRESS, "r", web(**words)), tied(endpoint)))
    assert [note.resource for note in found.not_judged] == [urn(INGRESS, "r")]
    assert found.exit_status == 4
    assert all(note.reason_zh != note.reason for note in found.not_judged)


@pytest.mark.parametrize(
    "words",
    [
        {"cidrIpv4": UNKNOWN, "fromPort": 22, "toPort": 22},
        {"cidrIpv4": "nonsense", "ipProtocol": "icmp"},
        {"fromPort": UNKNOWN, "cidrIpv4": "10.0.0.0/8"},
        {"ipProtocol": UNKNOWN, "cidrIpv4": None, "referencedSecurityGroupId": "sg-2"},
        {"description": UNKNOWN, "fromPort": 22, "toPort": 22},
    ],
    ids=str,
)
def test_what_no_value_could_open_needs_no_value(words):
    assert judge(preview(step(INGRESS, "r", web(**words)), tied(CLOSED))).exit_status == 0


def test_a_rule_without_a_group_is_not_judged():
    found = judge(preview(step(INGRESS, "r", {"ipProtocol": "tcp"})))
    assert found.exit_status == 4


def test_unknown_inline_rules_are_not_judged():
    for value in (UNKNOWN, SECRET, [UNKNOWN], [block(cidrBlocks=[UNKNOWN])]):
        found = judge(preview(step(GROUP, "g", {"ingress": value}), tied(OPEN)))
        assert (found.exit_status, len(found.not_judged)) == (4, 1)


def test_a_violation_wins_over_what_cannot_be_judged():
    found = judge(
        preview(step(INGRESS, "r", web()), step(INGRESS, "q", web(cidrIpv4=UNKNOWN)), tied(CLOSED))
    )
    assert (len(found.violations), len(found.not_judged), found.exit_status) == (1, 1, 3)


# Prefix lists


def listed(*cidrs, **more):
    entries = [{"cidr": cidr} for cidr in cidrs]
    return step(LIST, "l", {"entries": entries, "maxEntries": 5}, op="same", id="pl-1", **more)


LISTED = web(cidrIpv4=None, prefixListId="pl-1")


def test_a_prefix_list_of_the_plan_is_taken_apart():
    rule = step(INGRESS, "r", LISTED)
    assert judge(preview(rule, listed("10.0.0.0/8"), tied(CLOSED))).exit_status == 0
    found = judge(preview(rule, listed("10.0.0.0/8", "52.0.0.0/8"), tied(CLOSED)))
    assert [one.sources for one in found.violations] == [("pl-1",)]
    assert judge(preview(rule, listed(UNKNOWN), tied(OPEN))).exit_status == 4
    assert judge(preview(rule, listed("nonsense"), tied(OPEN))).exit_status == 4


def test_entries_of_their_own_count():
    rule = step(INGRESS, "r", LISTED)
    entry = step(LIST_ENTRY, "e", {"prefixListId": "pl-1", "cidr": "52.0.0.0/8"})
    assert judge(preview(rule, listed("10.0.0.0/8"), entry, tied(CLOSED))).exit_status == 3
    assert judge(preview(rule, listed("10.0.0.0/8"), entry, tied(OPEN))).exit_status == 0


def test_a_new_list_is_whole_and_an_old_one_without_its_entries_is_not():
    rule = web(cidrIpv4=None, prefixListId=UNKNOWN)
    links = {"prefixListId": [urn(LIST, "l")]}
    entry = step(LIST_ENTRY, "e", {"prefixListId": UNKNOWN, "cidr": "10.0.0.0/8"}, links=links)
    steps = (step(INGRESS, "r", rule, links=links), entry, tied(CLOSED))
    assert judge(preview(*steps, step(LIST, "l", {"maxEntries": 5}))).exit_status == 0
    old = step(LIST, "l", {"maxEntries": 5}, op="same", id="pl-1")
    assert judge(preview(*steps, old)).exit_status == 4
    shown = {"entries": [{"cidr": "52.0.0.0/8"}]}
    old = step(LIST, "l", {"maxEntries": 5}, op="same", id="pl-1", outputs=shown)
    assert judge(preview(*steps, old)).exit_status == 3


def test_terraform_reads_lists_from_data_sources_too():
    rule = change(
        "aws_vpc_security_group_ingress_rule.r", tf_web(cidr_ipv4=None, prefix_list_id="pl-1")
    )
    for cidr, status in (("52.0.0.0/8", 3), ("10.0.0.0/8", 0)):
        data = {
            "address": "data.aws_ec2_managed_prefix_list.l",
            "mode": "data",
            "type": "aws_ec2_managed_prefix_list",
            "values": {"id": "pl-1", "entries": [{"cidr": cidr, "description": ""}]},
        }
        prior = {"values": {"root_module": {"resources": [data]}}}
        plan = terraform(rule, tf_tied(CLOSED), prior_state=prior)
        assert judge(plan).exit_status == status


# Who is not the Internet


def test_the_feed_says_who_is_not_the_internet():
    plan = preview(step(INGRESS, "r", web(cidrIpv4="52.9.0.0/16")), tied(CLOSED))
    assert judge(plan).exit_status == 3
    internal = feed(internal_sources=["52.9.0.0/16"], exempt_sources=[])
    assert judge(plan, data=internal).exit_status == 0
    exempt = feed(internal_sources=[], exempt_sources=["52.9.0.0/16"])
    assert judge(plan, data=exempt).exit_status == 0
    office = preview(step(INGRESS, "r", web(cidrIpv4="100.64.0.0/10")), tied(CLOSED))
    assert judge(office).exit_status == 0


def test_the_feed_says_which_ports_are_gated():
    plan = preview(step(INGRESS, "r", web(fromPort=8443, toPort=8443)), tied(CLOSED))
    assert judge(plan).exit_status == 0
    assert judge(plan, data=feed(ports=[{"protocol": "tcp", "port": 8443}])).exit_status == 3
    assert judge(preview(step(INGRESS, "r", web()), tied(CLOSED)), data=feed(ports=[])).violations


def test_a_feed_that_makes_everything_internal_is_refused():
    from gatekeeper.errors import FeedError

    for wide in (["0.0.0.0/0"], ["nonsense"]):
        with pytest.raises(FeedError):
            judge(preview(), data=feed(internal_sources=wide))


def test_the_blocks_of_the_groups_own_vpc_are_internal():
    group = step(GROUP, "g", {"vpcId": "vpc-1"}, op="same", id="sg-1")
    rule = step(INGRESS, "r", web(cidrIpv4=None, cidrIpv6="2406:da70:1:2::/64"))
    tie = tied("eni-both")
    for block_of_vpc, status in (("2406:da70:1::/56", 0), ("2406:da70:9::/56", 3), ("2000::/3", 3)):
        blocks = {"cidrBlock": "10.0.0.0/16", "ipv6CidrBlock": block_of_vpc}
        vpc = step(VPC, "v", {"cidrBlock": "10.0.0.0/16"}, op="same", id="vpc-1", outputs=blocks)
        assert judge(preview(group, rule, tie, vpc)).exit_status == status


def test_more_blocks_of_a_vpc_are_internal_too():
    group = step(GROUP, "g", {"vpcId": "vpc-1"}, op="same", id="sg-1")
    rule = step(INGRESS, "r", web(cidrIpv4="52.80.0.0/20"))
    vpc = step(VPC, "v", {"cidrBlock": "10.0.0.0/16"}, op="same", id="vpc-1")
    token = "aws:ec2/vpcIpv4CidrBlockAssociation:VpcIpv4CidrBlockAssociation"
    for vpc_id, block_of_vpc, status in (
        ("vpc-1", "52.80.0.0/16", 0),
        ("vpc-2", "52.80.0.0/16", 3),
        ("vpc-1", "52.0.0.0/8", 3),
        ("vpc-1", "nonsense", 3),
        (UNKNOWN, "52.80.0.0/16", 3),
    ):
        more = step(token, "b", {"vpcId": vpc_id, "cidrBlock": block_of_vpc}, op="same")
        assert judge(preview(group, rule, vpc, more, tied(CLOSED))).exit_status == status
    unsure = step(GROUP, "g", {"vpcId": UNKNOWN}, op="same", id="sg-1")
    assert judge(preview(unsure, rule, vpc, tied(CLOSED))).exit_status == 3


def test_a_list_whose_entries_are_unknown_is_not_judged():
    rule = step(INGRESS, "r", LISTED)
    for entries in (UNKNOWN, [UNKNOWN], SECRET):
        unknown = step(LIST, "l", {"entries": entries}, op="same", id="pl-1")
        assert judge(preview(rule, unknown, tied(OPEN))).exit_status == 4


def test_a_new_terraform_list_is_known_by_its_own_entries_alone():
    by_id = refers("aws_ec2_managed_prefix_list.l.id", "aws_ec2_managed_prefix_list.l")
    listed = change(
        "aws_ec2_managed_prefix_list.l", {"name": "l"}, unknown={"id": True, "entry": True}
    )
    late = {"prefix_list_id": True}
    rule = change(
        "aws_vpc_security_group_ingress_rule.r",
        tf_web(cidr_ipv4=None, prefix_list_id=None),
        unknown=late,
    )
    config = {
        "aws_ec2_managed_prefix_list.l": {"name": {}},
        "aws_vpc_security_group_ingress_rule.r": {"prefix_list_id": by_id},
        "aws_ec2_managed_prefix_list_entry.e": {"prefix_list_id": by_id},
    }
    assert judge(terraform(listed, rule, tf_tied(CLOSED), config=config)).exit_status == 4
    for cidr, status in (("10.0.0.0/8", 0), ("52.0.0.0/8", 3)):
        entry = change("aws_ec2_managed_prefix_list_entry.e", {"cidr": cidr}, unknown=late)
        plan = terraform(listed, rule, entry, tf_tied(CLOSED), config=config)
        assert judge(plan).exit_status == status


# Inline rules that a program no longer writes


def test_a_dropped_ingress_stays_open():
    was = {"name": "g", "ingress": [block()]}
    group = step(GROUP, "g", {"name": "g"}, op="update", old=was, id="sg-1")
    found = judge(preview(group, tied(CLOSED)))
    assert [one.ports for one in found.violations] == [(443,)]
    assert "leaves open" in found.violations[0].reason
    found = judge(preview(group, tied(OPEN)))
    assert found.exit_status == 0
    assert [note.resource for note in found.warnings][:1] == [urn(GROUP, "g")]
    was = {"name": "g", "ingress": [block(fromPort=22, toPort=22)]}
    group = step(GROUP, "g", {"name": "g"}, op="update", old=was, id="sg-1")
    found = judge(preview(group, tied(CLOSED)))
    assert (found.exit_status, len(found.warnings)) == (0, 1)


def test_an_empty_ingress_closes():
    was = {"name": "g", "ingress": [block()]}
    group = step(GROUP, "g", {"name": "g", "ingress": []}, op="update", old=was, id="sg-1")
    found = judge(preview(group, tied(CLOSED)))
    assert (found.exit_status, found.warnings) == (0, ())


def test_a_replaced_group_leaves_nothing_open():
    was = {"name": "g", "ingress": [block()]}
    group = step(GROUP, "g", {"name": "h"}, op="replace", old=was, id="sg-1")
    assert judge(preview(group, tied(CLOSED))).exit_status == 0


def test_terraform_says_the_same_of_a_dropped_block():
    values = {"id": "sg-1", "name": "g", "ingress": [tf_block()]}
    group = change("aws_security_group.g", values, actions=("no-op",), before=values)
    config = {"aws_security_group.g": {"name": {"constant_value": "g"}}}
    assert judge(terraform(group, tf_tied(CLOSED), config=config)).exit_status == 3
    found = judge(terraform(group, tf_tied(OPEN), config=config))
    assert (found.exit_status, len(found.warnings)) == (0, 1)
    emptied = change(
        "aws_security_group.g", {**values, "ingress": []}, actions=("update",), before=values
    )
    config["aws_security_group.g"]["ingress"] = {"constant_value": []}
    assert judge(terraform(emptied, tf_tied(CLOSED), config=config)).exit_status == 0


def test_what_aws_shows_of_rules_of_their_own_is_not_judged_twice():
    rule = tf_web(id="sgr-1")
    values = {"id": "sg-1", "name": "g", "ingress": [tf_block()]}
    group = change("aws_security_group.g", values, actions=("no-op",), before=values)
    config = {"aws_security_group.g": {}}
    address = "aws_vpc_security_group_ingress_rule.r"
    gone = change(address, None, actions=("delete",), before=rule)
    assert judge(terraform(group, gone, tf_tied(CLOSED), config=config)).exit_status == 0
    stays = change(address, rule, actions=("no-op",), before=rule)
    found = judge(terraform(group, stays, tf_tied(CLOSED), config=config))
    assert [one.resource for one in found.violations] == [address]
    more = {**values, "ingress": [tf_block(cidr_blocks=["0.0.0.0/0", "52.0.0.0/8"])]}
    group = change("aws_security_group.g", more, actions=("no-op",), before=more)
    found = judge(terraform(group, gone, tf_tied(CLOSED), config=config))
    assert [one.sources for one in found.violations] == [("52.0.0.0/8",)]


def test_a_deleted_rule_opens_nothing_and_a_kept_one_stays_open():
    rule = step(INGRESS, "r", web(), op="delete")
    assert judge(preview(rule, tied(CLOSED))).exit_status == 0
    rule = step(INGRESS, "r", web(), op="delete", retainOnDelete=True)
    assert judge(preview(rule, tied(CLOSED))).exit_status == 3
    forgotten = change(
        "aws_vpc_security_group_ingress_rule.r", None, actions=("forget",), before=tf_web()
    )
    assert judge(terraform(forgotten, tf_tied(CLOSED))).exit_status == 3
    assert judge(terraform(forgotten, tf_tied(OPEN))).exit_status == 0


def test_a_dynamic_block_is_not_judged():
    values = {"name": "g", "ingress": [tf_block(cidr_blocks=["10.0.0.0/8"])]}
    group = change("aws_security_group.g", values)
    shapes = (
        {"dynamic": {"ingress": refers("var.rules")}},
        {"ingress": {"dynamic": [{"for_each": refers("var.rules")}]}},
    )
    for expressions in shapes:
        found = judge(terraform(group, config={"aws_security_group.g": expressions}))
        assert [note.resource for note in found.not_judged] == ["aws_security_group.g"]
        assert found.exit_status == 4


def test_a_new_group_that_may_hide_a_dynamic_block_is_not_judged():
    group = change("aws_security_group.g", {"name": "g"}, unknown={"id": True, "ingress": True})
    silent = {"aws_security_group.g": {"name": {"constant_value": "g"}}}
    found = judge(terraform(group, config=silent))
    assert [note.resource for note in found.not_judged] == ["aws_security_group.g"]
    assert "ingress = []" in found.not_judged[0].reason

    none = change("aws_security_group.g", {"name": "g", "ingress": []}, unknown={"id": True})
    said = {"aws_security_group.g": {"ingress": {"constant_value": []}}}
    assert judge(terraform(none, config=said)).exit_status == 0

    web = {key: value for key, value in tf_web().items() if key != "security_group_id"}
    rule = change(
        "aws_vpc_security_group_ingress_rule.r",
        {**web, "from_port": 22, "to_port": 22},
        unknown={"security_group_id": True},
    )
    ruled = silent | {
        "aws_vpc_security_group_ingress_rule.r": {
            "security_group_id": refers("aws_security_group.g.id", "aws_security_group.g")
        }
    }
    assert judge(terraform(group, rule, config=ruled)).exit_status == 0


def test_a_dynamic_block_that_the_configuration_hides_is_judged_by_its_values():
    values = {"id": "sg-1", "name": "g", "ingress": [tf_block()]}
    before = {**values, "ingress": []}
    made = change("aws_security_group.g", values, actions=("update",), before=before)
    config = {"aws_security_group.g": {"name": {"constant_value": "g"}}}
    assert judge(terraform(made, tf_tied(CLOSED), config=config)).exit_status == 3
    unknown = change(
        "aws_security_group.g",
        {"id": "sg-1", "name": "g"},
        actions=("update",),
        before=before,
        unknown={"ingress": True},
    )
    assert judge(terraform(unknown, tf_tied(OPEN), config=config)).exit_status == 4


def test_a_rule_moved_into_a_block_that_the_configuration_hides_is_seen():
    rule = change(
        "aws_vpc_security_group_ingress_rule.r", None, actions=("delete",), before=tf_web()
    )
    values = {"id": "sg-1", "name": "g", "ingress": [tf_block()]}
    before = {**values, "ingress": []}
    group = change("aws_security_group.g", values, actions=("update",), before=before)
    plan = terraform(group, rule, tf_tied(CLOSED), config={"aws_security_group.g": {}})
    assert judge(plan).exit_status == 3


def test_a_rule_moved_from_a_resource_into_the_group_is_seen():
    rule = change(
        "aws_vpc_security_group_ingress_rule.r", None, actions=("delete",), before=tf_web()
    )
    before = {"id": "sg-1", "name": "g", "ingress": [tf_block()]}
    group = change("aws_security_group.g", before, actions=("no-op",), before=before)
    config = {"aws_security_group.g": {"ingress": {"constant_value": []}}}
    assert judge(terraform(group, rule, tf_tied(CLOSED), config=config)).exit_status == 3


def test_what_terraform_marks_sensitive_is_judged_and_never_shown():
    rule = change(
        "aws_vpc_security_group_ingress_rule.r",
        tf_web(cidr_ipv4="52.7.7.0/24", from_port=440, to_port=450),
        sensitive={"cidr_ipv4": True, "from_port": True},
    )
    found = judge(terraform(rule, tf_tied(CLOSED)))
    (one,) = found.violations
    assert (one.sources, one.ports) == (("(sensitive)",), ())
    assert "52.7.7" not in str(found)
    assert "440" not in str(found)
    wrong = change(
        "aws_vpc_security_group_ingress_rule.r",
        tf_web(cidr_ipv4="52.7.7.0/99"),
        sensitive={"cidr_ipv4": True},
    )
    found = judge(terraform(wrong, tf_tied(CLOSED)))
    assert found.exit_status == 4
    assert "52.7.7" not in str(found)


def test_ids_that_terraform_marks_sensitive_are_not_shown_either():
    tie = change(
        "aws_network_interface_sg_attachment.t",
        {"security_group_id": "sg-1", "network_interface_id": CLOSED},
        sensitive={"network_interface_id": True},
    )
    by_list = tf_web(cidr_ipv4=None, prefix_list_id="pl-77")
    veiled = {"prefix_list_id": True}
    address = "aws_vpc_security_group_ingress_rule.r"
    values = {"id": "pl-77", "entry": [{"cidr": "52.0.0.0/8"}]}
    listed = change("aws_ec2_managed_prefix_list.l", values, actions=("no-op",), before=values)
    rule = change(address, by_list, sensitive=veiled)
    for plan, status in ((terraform(rule, listed, tie), 3), (terraform(rule, tie), 4)):
        found = judge(plan)
        assert found.exit_status == status
        assert "(sensitive)" in str(found)
        assert not [secret for secret in (CLOSED, "52.83.1.2", "pl-77") if secret in str(found)]


@pytest.mark.parametrize(
    ("values", "unknown"),
    [
        ({"cidr_ipv4": None}, {"cidr_ipv4": True}),
        ({"from_port": None}, {"from_port": True}),
        ({"ip_protocol": None}, {"ip_protocol": True}),
        ({"cidr_ipv4": None, "prefix_list_id": None}, {"prefix_list_id": True}),
        ({}, True),
    ],
)
def test_what_terraform_does_not_know_yet_is_not_judged(values, unknown):
    address = "aws_vpc_security_group_ingress_rule.r"
    rule = change(address, tf_web(**values), unknown=unknown)
    found = judge(terraform(rule, tf_tied(OPEN)))
    assert {note.resource for note in found.not_judged} == {address}


def test_unknown_parts_of_a_terraform_block_are_not_judged():
    address = "aws_security_group.g"
    for unknown in (
        {"ingress": True},
        {"ingress": [{"cidr_blocks": True}]},
        {"ingress": [{"cidr_blocks": [False, True]}]},
        {"ingress": [{}, {"cidr_blocks": True, "protocol": True}]},
    ):
        values = {"id": "sg-1", "ingress": [tf_block(cidr_blocks=["10.0.0.0/8"])]}
        before = {"id": "sg-1", "ingress": []}
        group = change(address, values, actions=("update",), before=before, unknown=unknown)
        found = judge(terraform(group, tf_tied(OPEN)))
        assert [note.resource for note in found.not_judged] == [address], unknown


def test_a_feed_of_a_dump_is_judged_with_a_warning():
    plan = preview(step(INGRESS, "r", web()), tied(OPEN))
    found = judge(plan, data=feed(offline=True))
    assert found.exit_status == 0
    [warning] = found.warnings
    assert "made from a dump" in warning.reason
    assert judge(plan).warnings == ()
