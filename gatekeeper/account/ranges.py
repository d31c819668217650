"""The address ranges that AWS publishes for its China regions, as a dated snapshot.

Inside the ranges is necessary for an EIP, never sufficient for ownership; outside them an address
cannot belong to the region.  The snapshot (``gatekeeper/data/ranges.json``) holds the EC2 rows of
AWS's ``ip-ranges.json``, collapsed.
"""

from __future__ import annotations

import ipaddress
import json
from bisect import bisect_right
from functools import cache
from importlib import resources
from typing import NamedTuple


class _Ranges(NamedTuple):
    """Sorted, disjoint intervals of one region and family."""

    lows: tuple[int, ...]
    highs: tuple[int, ...]


def snapshot_date() -> str:
    """The day (ISO 8601) on which AWS made the published list."""
    return str(_snapshot()["created"])


def outside_region(ip: str, region: str) -> bool | None:
    """Whether an address lies outside the EC2 ranges of a region.

    ``None`` for a region that the snapshot lacks: nothing is known then.

    Raises:
        ValueError: ``ip`` is no address.
    """
    address = ipaddress.ip_address(ip)
    ranges = _ranges(region, f"ipv{address.version}")
    if ranges is None:
        return None
    number = int(address)
    index = bisect_right(ranges.lows, number) - 1
    return index < 0 or number > ranges.highs[index]


@cache
def _ranges(region: str, family: str) -> _Ranges | None:
    cidrs = _snapshot()["regions"].get(region, {}).get(family)
    if cidrs is None:
        return None
    networks = sorted(
        (int(network.network_address), int(network.broadcast_address))
        for network in map(ipaddress.ip_network, cidrs)
    )
    return _Ranges(tuple(low for low, _ in networks), tuple(high for _, high in networks))


@cache
def _snapshot() -> dict[str, dict[str, dict[str, list[str]]]]:
    text = resources.files("gatekeeper").joinpath("data/ranges.json").read_text(encoding="utf-8")
    loaded: dict[str, dict[str, dict[str, list[str]]]] = json.loads(text)
    return loaded
