"""The published address ranges that count."""

from __future__ import annotations

from datetime import datetime
from ipaddress import ip_network

from gatekeeper.account import Ranges
from gatekeeper.report.records import Report, Table

_PACKAGED = "gatekeeper"


def ranges_report(ranges: Ranges, *, at: datetime) -> Report:
    """``ranges show``: how many networks each region has, and how old that is."""
    days = ranges.age(at).days
    return Report(
        title="ranges",
        document={
            "schema": "gatekeeper/ranges/1",
            "created": ranges.created.isoformat(),
            "sync_token": str(ranges.sync_token),
            "origin": ranges.url or _PACKAGED,
            "age_days": days,
            "stale": ranges.stale(at),
            "ranges": [
                {"region": region, "family": family, "networks": list(cidrs)}
                for region, families in sorted(ranges.regions.items())
                for family, cidrs in sorted(families.items())
            ],
        },
        tables=(
            Table(
                "ranges",
                ("region", "family", "networks", "addresses"),
                [
                    (
                        region,
                        family,
                        len(cidrs),
                        sum(ip_network(cidr).num_addresses for cidr in cidrs)
                        if family == "ipv4"
                        else None,
                    )
                    for region, families in sorted(ranges.regions.items())
                    for family, cidrs in sorted(families.items())
                ],
            ),
        ),
        facts=(
            ("published", ranges.created.isoformat()),
            ("sync_token", str(ranges.sync_token)),
            ("origin", ranges.url or _PACKAGED),
            ("age_days", days),
        ),
    )
