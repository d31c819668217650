"""What WebAccess would open, as pure values; and what its import costs."""

from __future__ import annotations

import subprocess
import sys

import pytest

from gatekeeper.errors import StackError
from gatekeeper.stacks import Decided, Decisions, load_decisions
from gatekeeper.stacks.access import access, filing_tag, read_ports, read_sources

PORTS = (("tcp", 80), ("tcp", 443), ("udp", 443))
ARN = "arn:aws-cn:elasticloadbalancing:cn-northwest-1:123456789012:loadbalancer/app/a/1"
V4, V4B, V6 = "52.83.1.1", "52.83.1.2", "2406:da18::1"


def decided(endpoint, *ips, verdict="open", family="ipv4", reason="", filings=("F1",)):
    return Decided(
        account_id="123456789012",
        endpoint=endpoint,
        kind="interface",
        family=family,
        ips=ips,
        verdict=verdict,
        reason=reason,
        filing_ids=filings,
    )


def believed(*several):
    return Decisions(decided=several, ports=PORTS)


def opened(found):
    return [one.describe() for one in found.openings]


def test_every_gated_port_is_open_while_every_address_is():
    decisions = believed(decided("eni-1", V4), decided("eni-2", V4B, filings=("F2",)))
    found = access(decisions, addresses=[V4, V4B])
    assert opened(found) == [
        "tcp 80 from 0.0.0.0/0",
        "tcp 443 from 0.0.0.0/0",
        "udp 443 from 0.0.0.0/0",
    ]
    assert (found.verdict, found.filing_ids) == ("open", ("F1", "F2"))


@pytest.mark.parametrize("verdict", ["closed", "unknown", "hold"])
def test_one_address_that_is_not_open_closes_its_family(verdict):
    decisions = believed(
        decided("eni-1", V4),
        decided("eni-2", V4B, verdict=verdict, reason="in review"),
        decided("eni-1", V6, family="ipv6"),
    )
    found = access(decisions, addresses=[V4, V4B, V6])
    assert {one.family for one in found.openings} == {"ipv6"}
    assert found.verdict == verdict
    assert f"ipv4 {verdict}: in review" in found.reason


def test_a_hold_is_kept_only_where_it_is_asked_for():
    decisions = believed(decided("eni-1", V4, verdict="hold"))
    assert opened(access(decisions, addresses=[V4])) == []
    assert len(access(decisions, addresses=[V4], on_hold="keep").openings) == 3
    unknown = believed(decided("eni-1", V4, verdict="unknown"))
    assert opened(access(unknown, addresses=[V4], on_hold="keep")) == []


@pytest.mark.parametrize(
    ("addresses", "why"),
    [
        ([], "no public address is given"),
        ([V4B], f"no decision about {V4B}"),
        ([V4, ""], "'' is no public address"),
        ([V4, None], "None is no public address"),
        ([V4, "52.83.1.0/24"], "'52.83.1.0/24' is no public address"),
    ],
)
def test_in_doubt_all_is_closed(addresses, why):
    found = access(believed(decided("eni-1", V4)), addresses=addresses)
    assert (opened(found), found.verdict) == ([], "closed")
    assert why in found.reason


def test_a_feed_that_is_not_believed_opens_nothing(tmp_path):
    found = access(load_decisions(tmp_path / "none.json"), addresses=[V4], ports=[("tcp", 22)])
    assert (opened(found), found.verdict) == ([], "closed")
    assert "none.json cannot be read" in found.reason


def test_a_load_balancer_is_decided_whole():
    decisions = believed(decided(ARN, V4, V4B), decided("eni-1", V6, family="ipv6"))
    assert len(access(decisions, addresses=[], endpoint=ARN).openings) == 3
    both = access(decisions, addresses=[V6], endpoint=ARN)
    assert {one.family for one in both.openings} == {"ipv4"}, "it has no IPv6 in the feed"
    assert both.verdicts == {"ipv4": "open", "ipv6": "closed"}
    closed = believed(decided(ARN, V4, verdict="closed"), decided("eni-1", V4B))
    assert opened(access(closed, addresses=[V4B], endpoint=ARN)) == []
    absent = access(decisions, addresses=[], endpoint="arn:else")
    assert (opened(absent), absent.verdict) == ([], "closed")


def test_ports_and_sources_are_those_asked_for():
    decisions = believed(decided("eni-1", V4), decided("eni-1", V6, family="ipv6"))
    found = access(
        decisions,
        addresses=[V4, V6],
        ports=read_ports([443, ("udp", 443.0)]),
        sources=read_sources({"ipv4": ["52.0.0.0/8", "pl-0a", "1.0.0.0/8"]}),
    )
    assert opened(found) == [
        f"{protocol} 443 from {source}"
        for protocol in ("tcp", "udp")
        for source in ("1.0.0.0/8", "52.0.0.0/8", "pl-0a")
    ]
    assert {one.family for one in found.openings} == {"ipv4"}, "a family left out has no source"


def test_a_port_that_is_not_gated_is_refused_with_what_is():
    with pytest.raises(StackError, match=r"tcp 22 is not gated \(gated: tcp 80, tcp 443, udp 443"):
        access(believed(), addresses=[V4], ports=[("tcp", 22)])


@pytest.mark.parametrize("port", [0, 65536, 443.5, "443", ("icmp", 1), True])
def test_what_is_no_port_is_refused(port):
    with pytest.raises(StackError, match="is no port"):
        read_ports([port])


@pytest.mark.parametrize(
    "sources",
    [{"ipv4": ["::/0"]}, {"ipv4": ["10.0.0.1/8"]}, {"ipv4": ["anywhere"]}, {"v4": ["0.0.0.0/0"]}],
)
def test_what_is_no_source_is_refused(sources):
    with pytest.raises(StackError):
        read_sources(sources)


def test_names_come_from_what_a_rule_is():
    decisions = believed(decided("eni-1", V4), decided("eni-1", V6, family="ipv6"))
    found = access(
        decisions,
        addresses=[V4, V6],
        ports=[("tcp", 443)],
        sources=read_sources({"ipv4": ["0.0.0.0/0"], "ipv6": ["2406:DA00::/24", "::/0"]}),
    )
    assert [one.name("web") for one in found.openings] == [
        "web-tcp-443-ipv4-0.0.0.0-0",
        "web-tcp-443-ipv6-2406.da00..-24",
        "web-tcp-443-ipv6-..-0",
    ]


def test_a_tag_holds_what_fits():
    assert filing_tag(["F1", "京ICP备1号", "a<b"]) == "F1 京ICP备1号 a_b"
    many = [f"FILING-{number:04}" for number in range(100)]
    text = filing_tag(many)
    assert len(text) <= 256
    shown = text.split()
    assert shown[:-1] == many[: len(shown) - 1]
    assert shown[-1] == f"+{100 - (len(shown) - 1)}"


def test_reading_decisions_loads_nothing_heavy():
    heavy = ("pulumi", "pulumi_aws", "pydantic", "boto3", "sqlalchemy", "yaml", "cryptography")
    program = (
        "import sys, gatekeeper.stacks as s\n"
        "assert 'WebAccess' in s.__all__\n"
        f"print([name for name in {heavy!r} if name in sys.modules])\n"
        "from gatekeeper.stacks import WebAccess\n"
        "print([name for name in ('pydantic', 'boto3', 'sqlalchemy') if name in sys.modules])\n"
        "print('pulumi_aws.ec2.security_group' in sys.modules)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert done.stdout.split("\n") == ["[]", "[]", "False", ""]
