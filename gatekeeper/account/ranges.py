"""The address ranges that AWS publishes for its China regions, as a dated snapshot.

Inside the ranges is necessary for an EIP, never sufficient for ownership; outside them an address
cannot belong to the region.  The packaged snapshot (``gatekeeper/data/ranges.json``) holds the EC2
rows of AWS's ``ip-ranges.json``, collapsed; a newer one counts in its place once somebody who may
read files hands it over (``use_ranges``).
"""

from __future__ import annotations

import ipaddress
import json
import re
from bisect import bisect_right
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from functools import cache
from importlib import resources
from typing import Any, Final, NamedTuple

from gatekeeper.errors import AccountError

STALE_AFTER: Final = timedelta(days=180)
"""AWS adds ranges to a China region a few times a year."""
_NEEDED: Final = ("cn-north-1", "cn-northwest-1")
_FAMILIES: Final = (("ipv4", "prefixes", "ip_prefix"), ("ipv6", "ipv6_prefixes", "ipv6_prefix"))
_CREATED: Final = "%Y-%m-%d-%H-%M-%S"


@dataclass(frozen=True, slots=True, kw_only=True)
class Ranges:
    """One snapshot."""

    created: date
    """The day on which AWS made the list (UTC)."""
    sync_token: int
    """AWS's own version: seconds since 1970; a newer list has a higher one."""
    regions: Mapping[str, Mapping[str, tuple[str, ...]]]
    """Networks in CIDR form, disjoint, by region and family (``ipv4``, ``ipv6``)."""
    url: str = ""
    """Where it was fetched; empty for the packaged one."""
    etag: str = ""
    _intervals: dict[tuple[str, str], _Intervals] = field(
        default_factory=dict, init=False, compare=False, repr=False
    )

    def age(self, at: datetime) -> timedelta:
        return at.astimezone(UTC).date() - self.created

    def stale(self, at: datetime) -> bool:
        """Whether AWS may well have added ranges since."""
        return self.age(at) > STALE_AFTER

    def intervals(self, region: str, family: str) -> _Intervals | None:
        """The networks of a region as sorted numbers; ``None`` for a region that is not there."""
        cidrs = self.regions.get(region, {}).get(family)
        if cidrs is None:
            return None
        if (region, family) not in self._intervals:
            networks = sorted(
                (int(network.network_address), int(network.broadcast_address))
                for network in map(ipaddress.ip_network, cidrs)
            )
            self._intervals[region, family] = _Intervals(
                tuple(low for low, _ in networks), tuple(high for _, high in networks)
            )
        return self._intervals[region, family]


class _Intervals(NamedTuple):
    """Sorted, disjoint intervals of one region and family."""

    lows: tuple[int, ...]
    highs: tuple[int, ...]


_USED: Final[dict[str, Ranges]] = {}
"""The snapshot handed over, under one key, if any; set in one step, for threads that read it."""
_KEY: Final = "ranges"


def use_ranges(ranges: Ranges | None) -> None:
    """Let a snapshot count from now on in this process; ``None`` for the packaged one.

    One that is older than the packaged one does not count: a new release knows more.
    """
    if ranges is not None and ranges.sync_token > packaged_ranges().sync_token:
        _USED[_KEY] = ranges
    else:
        _USED.pop(_KEY, None)


def current_ranges() -> Ranges:
    """The snapshot that counts."""
    return _USED.get(_KEY) or packaged_ranges()


def refreshed_ranges() -> Ranges | None:
    """The snapshot that counts in place of the packaged one, if one does; for other processes."""
    return _USED.get(_KEY)


@cache
def packaged_ranges() -> Ranges:
    """The snapshot that ships with gatekeeper."""
    text = resources.files("gatekeeper").joinpath("data/ranges.json").read_text(encoding="utf-8")
    return read_snapshot(text, "data/ranges.json")


def snapshot_date() -> str:
    """The day (ISO 8601) on which AWS made the list that counts."""
    return current_ranges().created.isoformat()


def outside_region(ip: str, region: str) -> bool | None:
    """Whether an address lies outside the EC2 ranges of a region.

    ``None`` for a region that the snapshot lacks: nothing is known then.

    Raises:
        ValueError: ``ip`` is no address.
    """
    address = ipaddress.ip_address(ip)
    ranges = current_ranges().intervals(region, f"ipv{address.version}")
    if ranges is None:
        return None
    number = int(address)
    index = bisect_right(ranges.lows, number) - 1
    return index < 0 or number > ranges.highs[index]


def read_published(data: str | bytes, source: str, *, etag: str = "") -> Ranges:
    """AWS's ``ip-ranges.json``: the EC2 rows of the China regions, collapsed.

    Raises:
        AccountError: it is another file, or not whole.
    """
    found = _object(data, source)
    regions: dict[str, dict[str, tuple[str, ...]]] = {}
    try:
        created = datetime.strptime(found["createDate"], _CREATED).replace(tzinfo=UTC).date()
        token = _token(found["syncToken"])
        for family, rows, key in _FAMILIES:
            named: dict[str, list[Any]] = {}
            for row in found[rows]:
                if row["service"] == "EC2" and row["region"].startswith("cn-"):
                    named.setdefault(row["region"], []).append(ipaddress.ip_network(row[key]))
            for region, networks in named.items():
                if any(f"ipv{network.version}" != family for network in networks):
                    raise ValueError
                collapsed = ipaddress.collapse_addresses(networks)
                regions.setdefault(region, {})[family] = tuple(map(str, collapsed))
    except (KeyError, TypeError, ValueError, AttributeError):
        raise _unread(source) from None
    for region in _NEEDED:
        if len(regions.get(region, {})) < len(_FAMILIES):
            raise AccountError(
                f"{source}: names no EC2 ranges of {region}; is it AWS's ip-ranges.json, whole?",
                zh=f"{source}：缺少 {region} 的 EC2 地址范围，请确认是完整的 AWS ip-ranges.json",
            )
    return Ranges(created=created, sync_token=token, regions=regions, url=source, etag=etag)


def read_snapshot(data: str | bytes, source: str) -> Ranges:
    """A snapshot as ``snapshot_text`` writes it.

    Raises:
        AccountError: it is another file, or not whole.
    """
    found = _object(data, source)
    try:
        regions = {
            str(region): {
                family: tuple(str(ipaddress.ip_network(cidr)) for cidr in families[family])
                for family in families
                if family in ("ipv4", "ipv6")
            }
            for region, families in found["regions"].items()
        }
        created = date.fromisoformat(found["created"])
        token = _token(found["sync_token"])
    except (KeyError, TypeError, ValueError, AttributeError):
        raise _unread(source) from None
    if not all(regions.get(region, {}).get("ipv4") for region in _NEEDED):
        raise _unread(source)
    return Ranges(
        created=created,
        sync_token=token,
        regions=regions,
        url=str(found.get("url", "")),
        etag=str(found.get("etag", "")),
    )


def snapshot_text(ranges: Ranges) -> str:
    """A snapshot as a file."""
    document = {
        "publisher": "Amazon Web Services, ip-ranges.json",
        "created": ranges.created.isoformat(),
        "sync_token": str(ranges.sync_token),
        "url": ranges.url,
        "etag": ranges.etag,
        "regions": {
            region: {family: list(cidrs) for family, cidrs in families.items()}
            for region, families in sorted(ranges.regions.items())
        },
    }
    return json.dumps(document, ensure_ascii=False, indent=1) + "\n"


def _object(data: str | bytes, source: str) -> dict[str, Any]:
    try:
        found = json.loads(data)
    except (ValueError, RecursionError):
        raise AccountError(
            f"{source}: not JSON, or cut short; it is not AWS's list of ranges",
            zh=f"{source}：不是 JSON 或内容不完整，不是 AWS 的地址范围列表",
        ) from None
    if not isinstance(found, dict):
        raise _unread(source)
    return found


def _token(value: object) -> int:
    if not isinstance(value, str) or not re.fullmatch(r"[0-9]{1,15}", value):
        raise ValueError
    return int(value)


def _unread(source: str) -> AccountError:
    return AccountError(
        f"{source}: not a list of address ranges in the known form",
        zh=f"{source}：不是已知格式的地址范围列表",
    )
