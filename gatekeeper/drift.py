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
``gate-changed``       the inbound rules of a gate
``gate-gone``          a gate that is no longer there
``address-released``   an EIP that the account no longer has
``address-moved``      an EIP that serves another endpoint than it did
``exception-expired``  an exception of the policy that ended
=====================  ====================================================

A snapshot is plain JSON: only endpoints with public addresses, the groups that they hold, the
gates, and the EIPs.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

from gatekeeper.account import Actor, Rule
from gatekeeper.gate import JudgedAccount, moment, rule_order
from gatekeeper.policy import FindingException


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
    gates = account.gates.ids()
    return {
        "endpoints": endpoints,
        "groups": {
            group_id: [_rule(rule) for rule in sorted(groups[group_id].rules, key=rule_order)]
            for group_id in sorted((guarding | gates) & set(groups))
        },
        "gates": sorted(gates),
        "eips": {
            fact.ip: fact.endpoint or fact.interface_id
            for fact in sorted(account.reach.view.addresses.values())
            if fact.kind == "eip"
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
        *_groups(before["groups"], after["groups"], _gates(before) | _gates(after)),
        *_addresses(before.get("eips"), after.get("eips")),
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


def _gates(state: Mapping[str, Any]) -> frozenset[str]:
    return frozenset(state.get("gates") or ())


def _groups(
    before: Mapping[str, Any], after: Mapping[str, Any], gates: frozenset[str]
) -> Iterator[_Change]:
    for group_id in sorted(gates & {*before} - {*after}):
        yield "gate-gone", "group_id", group_id, before[group_id], None
    for group_id in sorted({*before} & {*after}):
        old, new = before[group_id], after[group_id]
        if old != new:
            yield (
                "gate-changed" if group_id in gates else "rules-changed",
                "group_id",
                group_id,
                [rule for rule in old if rule not in new],
                [rule for rule in new if rule not in old],
            )


def _addresses(
    before: Mapping[str, str | None] | None, after: Mapping[str, str | None] | None
) -> Iterator[_Change]:
    """EIPs by what they serve; snapshots of earlier versions have none."""
    if before is None or after is None:
        return
    for ip in sorted(before):
        old = {"ip": ip, "endpoint": before[ip]}
        if ip not in after:
            yield "address-released", "endpoint", before[ip] or ip, old, None
        elif after[ip] != before[ip]:
            new = {"ip": ip, "endpoint": after[ip]}
            yield "address-moved", "endpoint", after[ip] or before[ip] or ip, old, new


def names_of(entry: Mapping[str, Any]) -> tuple[str, ...]:
    """The names by which records of API calls speak of what drifted, the likeliest first."""
    names = [str(entry.get("endpoint") or entry.get("group_id") or "")]
    if ":loadbalancer/" in names[0]:
        path = names[0].partition(":loadbalancer/")[2].split("/")
        names.append(path[1] if len(path) == 3 else path[0])
    for side in (entry.get("before"), entry.get("after")):
        if str(entry["kind"]).startswith("address-") and isinstance(side, Mapping):
            names += [str(side[key]) for key in ("ip", "endpoint") if side.get(key)]
    return tuple(dict.fromkeys(name for name in names if name))


def name_actors(
    entries: Iterable[Mapping[str, Any]],
    lookup: Mapping[str, Actor],
    aliases: Mapping[str, Iterable[str]] | None = None,
) -> list[dict[str, Any]]:
    """The entries, each with who did it and when, where that is known.

    Args:
        entries: as ``drift`` gives them, of one account; one that has an actor keeps him.
        lookup: by the name of a resource, who changed it last.
        aliases: by endpoint, further names of what makes it reachable, such as its groups.

    Returns:
        Entries with ``actor``, ``at``, ``event`` and ``event_id`` where somebody is known, else as
        they were.
    """
    found: list[dict[str, Any]] = []
    for entry in entries:
        names = names_of(entry)
        further = [one for name in names for one in (aliases or {}).get(name, ())]
        # What is named first is the thing itself; of what lies around it the newest change counts.
        own = [lookup[name] for name in names if name in lookup]
        around = sorted((lookup[n] for n in further if n in lookup), key=lambda one: one.at)
        actor = own[0] if own else around[-1] if around else None
        if actor is None or entry.get("actor") or entry["kind"] == "exception-expired":
            found.append(dict(entry))
            continue
        told = {
            "actor": actor.name,
            "at": moment(actor.at),
            "event": actor.event_name,
            "event_id": actor.event_id,
        }
        found.append({**entry, **told})
    return found


def expired(
    exceptions: Iterable[FindingException], since: datetime, at: datetime
) -> list[dict[str, Any]]:
    """The exceptions that held at ``since`` and hold no more, as entries of drift."""
    first, last = since.astimezone(UTC).date(), at.astimezone(UTC).date()
    return [
        {
            "kind": "exception-expired",
            "account_id": one.account_id or "",
            "endpoint": one.endpoint or one.filing_id or "",
            "before": {"code": one.code, "reason": one.reason, "until": one.until.isoformat()},
            "after": None,
            "actor": None,
            "at": None,
        }
        for one in exceptions
        if first <= one.until < last
    ]


def _reached(endpoint: Mapping[str, Any]) -> set[tuple[str, str]]:
    return {(family, port) for family, ports in endpoint["ports"].items() for port in ports}


def _rule(rule: Rule) -> dict[str, Any]:
    return {
        "protocol": rule.protocol,
        "from_port": rule.from_port,
        "to_port": rule.to_port,
        "source": rule.source,
    }
