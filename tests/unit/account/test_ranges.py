"""The published ranges of the China regions."""

from __future__ import annotations

import json
import os
from ipaddress import collapse_addresses, ip_address, ip_network
from pathlib import Path

import pytest

from gatekeeper.account.ranges import outside_region, snapshot_date

ROOT = Path(__file__).parents[3]
RECORDED = Path(os.environ.get("GATEKEEPER_RECORDED", ROOT.parent / "shared" / "recorded"))
PUBLISHED = RECORDED / "ip-ranges-cn.json"


@pytest.mark.parametrize(
    ("ip", "region", "outside"),
    [
        ("52.83.0.0", "cn-northwest-1", False),
        ("52.83.255.255", "cn-northwest-1", False),
        ("52.84.0.0", "cn-northwest-1", True),
        ("52.82.255.255", "cn-northwest-1", True),
        ("43.194.16.255", "cn-northwest-1", False),
        ("43.194.17.0", "cn-northwest-1", True),
        ("52.80.0.1", "cn-northwest-1", True),
        ("52.80.0.1", "cn-north-1", False),
        ("0.0.0.0", "cn-northwest-1", True),
        ("255.255.255.255", "cn-northwest-1", True),
        ("2001:db8::1", "cn-northwest-1", True),
        ("52.83.0.1", "eu-central-1", None),
    ],
)
def test_addresses_and_regions(ip, region, outside):
    assert outside_region(ip, region) is outside


def test_a_text_that_is_no_address_is_an_error():
    with pytest.raises(ValueError, match="does not appear"):
        outside_region("52.83.0.0/16", "cn-northwest-1")


def test_the_snapshot_is_dated():
    assert snapshot_date() == "2026-08-22"


@pytest.mark.recorded
@pytest.mark.skipif(not PUBLISHED.is_file(), reason=f"{PUBLISHED} is not there")
@pytest.mark.parametrize("region", ["cn-north-1", "cn-northwest-1"])
@pytest.mark.parametrize("family", ["prefixes", "ipv6_prefixes"])
def test_the_snapshot_holds_what_was_published(region, family):
    key = "ip_prefix" if family == "prefixes" else "ipv6_prefix"
    rows = json.loads(PUBLISHED.read_text())[family]
    networks = list(
        collapse_addresses(
            ip_network(row[key])
            for row in rows
            if (row["region"], row["service"]) == (region, "EC2")
        )
    )
    ends = [(str(one[0]), str(one[-1])) for one in networks]
    assert ends
    for first, last in ends:
        assert outside_region(first, region) is False
        assert outside_region(last, region) is False
        for beyond in (ip_address(first) - 1, ip_address(last) + 1):
            published = any(beyond in network for network in networks)
            assert outside_region(str(beyond), region) is not published
