"""What changed in an account since it was verified last (DESIGN §13: ``drift``).

=====================  ====================================================
kind                   what is different
=====================  ====================================================
``endpoint-new``       an endpoint that was not there
``endpoint-gone``      one that is no longer there
``endpoint-reopened``  the Internet reaches a gated port that it did not
``endpoint-closed``    it no longer reaches one that it did
``addresses-changed``  an endpoint's public addresses
``groups-changed``     the security groups that an endpoint holds
``rules-changed``      the inbound rules of a group that guards an endpoint
=====================  ====================================================

A snapshot is plain JSON: only endpoints with public addresses, and the groups that they hold.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from gatekeeper.account import Rule
from gatekeeper.gate import JudgedAccount, rule_order


def snapshot(account: JudgedAccount) -> dict[str, Any]:
    """What is worth comparing of an account that was read whole."""
    endpoints: dict[str, Any] = {}
    guarding: set[str] = set()
    for name, reach in sorted(account.reach.endpoints.items()):
        endpoint = reach.endpoint
        if not endpoint.families:
            continue
        guarding.update(endpoint.group_ids)
        endpoints[name] = {
            "kind": endpoint.kind,
            "groups": sorted(endpoint.group_ids),
            "ips": {family: list(endpoint.ips(family)) for family in endpoint.families},
            "ports": {
                family: [str(port) for port in reach.ports(family)] for family in endpoint.families
            },
        }
    groups = account.state.groups
    return {
        "endpoints": endpoints,
        "groups": {
            group_id: [_rule(rule) for rule in sorted(groups[group_id].rules, key=rule_order)]
            for group_id in sorted(guarding & set(groups))
        },
    }


def drift(
    account_id: str, before: Mapping[str, Any], after: Mapping[str, Any]
) -> list[dict[str, Any]]:
    """The differences between two snapshots, as entries of audit/1.

    Who did it, and when, is not in a snapshot: ``actor`` and ``at`` are null.
    """
    found = [
        *_endpoints(before["endpoints"], after["endpoints"]),
        *_groups(before["groups"], after["groups"]),
    ]
    return [
        {
            "kind": kind,
            "account_id": account_id,
            what: name,
            "before": old,
            "after": new,
            "actor": None,
            "at": None,
        }
        for kind, what, name, old, new in found
    ]


_Change = tuple[str, str, str, Any, Any]


def _endpoints(before: Mapping[str, Any], after: Mapping[str, Any]) -> Iterator[_Change]:
    for name in sorted({*before, *after}):
        old, new = before.get(name), after.get(name)
        if old is None:
            yield "endpoint-new", "endpoint", name, None, new
        elif new is None:
            yield "endpoint-gone", "endpoint", name, old, None
        else:
            yield from _endpoint(name, old, new)


def _endpoint(name: str, old: Mapping[str, Any], new: Mapping[str, Any]) -> Iterator[_Change]:
    was, now = _reached(old), _reached(new)
    if now - was:
        yield "endpoint-reopened", "endpoint", name, old["ports"], new["ports"]
    if was - now:
        yield "endpoint-closed", "endpoint", name, old["ports"], new["ports"]
    if old["ips"] != new["ips"]:
        yield "addresses-changed", "endpoint", name, old["ips"], new["ips"]
    if old["groups"] != new["groups"]:
        yield "groups-changed", "endpoint", name, old["groups"], new["groups"]


def _groups(before: Mapping[str, Any], after: Mapping[str, Any]) -> Iterator[_Change]:
    for group_id in sorted({*before} & {*after}):
        old, new = before[group_id], after[group_id]
        if old != new:
            yield (
                "rules-changed",
                "group_id",
                group_id,
                [rule for rule in old if rule not in new],
                [rule for rule in new if rule not in old],
            )


def _reached(endpoint: Mapping[str, Any]) -> set[tuple[str, str]]:
    return {(family, port) for family, ports in endpoint["ports"].items() for port in ports}


def _rule(rule: Rule) -> dict[str, Any]:
    return {
        "protocol": rule.protocol,
        "from_port": rule.from_port,
        "to_port": rule.to_port,
        "source": rule.source,
    }
