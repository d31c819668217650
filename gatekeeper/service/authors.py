"""Who changed what: drift of the touched objects, each entry with the event behind it.

What was told here is renewed in the last verified state, object by object, so that the next audit
does not tell it again without its author.  What is gone, and where an EIP went, is left to audits:
a part of an account cannot say that something is nowhere else.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

from gatekeeper.drift import drift, snapshot
from gatekeeper.gate import Action, Attach, Detach, JudgedAccount, Narrow, RepairGate, moment

if TYPE_CHECKING:
    from gatekeeper.aws.events import Touched
    from gatekeeper.store import Store

_SKEW: Final = timedelta(hours=1)
"""How far the clocks of AWS and of this host may lie apart."""


@dataclass(frozen=True, slots=True)
class Names:
    """The endpoints and groups that something is about."""

    endpoints: frozenset[str]
    groups: frozenset[str]

    def with_actions(self, actions: Iterable[Action]) -> Names:
        """Those as well that actions change."""
        endpoints, groups = set(self.endpoints), set(self.groups)
        for action in actions:
            if isinstance(action, Attach | Detach):
                endpoints.add(action.endpoint)
            elif isinstance(action, Narrow):
                endpoints.update(action.closes)
                groups.add(action.group_id)
            elif isinstance(action, RepairGate):
                groups.add(action.group_id)
        return Names(frozenset(endpoints), frozenset(groups))


def keep_drift(
    store: Store,
    judged: JudgedAccount,
    names: Names,
    events: Collection[Touched],
    *,
    at: datetime,
) -> int:
    """Keep what differs from the last verified state, once however often the events come.

    Returns how many entries there are; none where no state was verified yet.
    """
    account_id = judged.state.account_id
    before = store.snapshots([account_id]).get(account_id)
    if before is None:
        return 0
    after = _pieces(snapshot(judged), names)
    present = Names(frozenset(after["endpoints"]), frozenset(after["groups"]))
    changes = drift(account_id, _pieces(before.data, present), after)
    found = list(_attributed(changes, judged, events))
    if found:
        since = min(at, *(event.at for event in events)) - _SKEW
        told = {_identity(entry) for entry in store.drifts(since=since, account_ids=[account_id])}
        store.remember_drifts([one for one in found if _identity(one) not in told], at=at)
    return len(found)


def renew(store: Store, judged: JudgedAccount, names: Names) -> None:
    """Renew these objects in the last verified state, if there is one; all others stay."""
    account_id = judged.state.account_id
    before = store.snapshots([account_id]).get(account_id)
    if before is None:
        return
    pieces = _pieces(snapshot(judged), names)
    data = {key: {**before.data[key], **pieces[key]} for key in ("endpoints", "groups")}
    if any(data[key] != before.data[key] for key in data):
        gates = sorted({*(before.data.get("gates") or ()), *pieces["gates"]})
        # The account as a whole was verified when it was, not now.
        store.save_snapshot(account_id, {**before.data, **data, "gates": gates}, at=before.at)


def _pieces(data: Mapping[str, Any], names: Names) -> dict[str, Any]:
    groups = {key: value for key, value in data["groups"].items() if key in names.groups}
    return {
        "endpoints": {k: v for k, v in data["endpoints"].items() if k in names.endpoints},
        "groups": groups,
        "gates": [name for name in data.get("gates") or () if name in groups],
    }


def _identity(entry: Mapping[str, Any]) -> tuple[Any, ...]:
    return tuple(entry.get(key) for key in ("event_id", "kind", "endpoint", "group_id"))


def _attributed(
    changes: Iterable[dict[str, Any]], judged: JudgedAccount, events: Collection[Touched]
) -> Iterator[dict[str, Any]]:
    """Entries of drift, each with the newest event that touched its object."""
    newest = sorted(events, key=lambda event: (event.at, event.event_id), reverse=True)
    aliases = _aliases(judged)
    for entry in changes:
        subject = str(entry.get("endpoint") or entry.get("group_id"))
        names = aliases.get(subject, frozenset()) | {subject}
        event = next((one for one in newest if not names.isdisjoint(one.names)), newest[0])
        yield {
            **entry,
            "actor": event.actor,
            "at": moment(event.at),
            "event": event.name,
            "event_id": event.event_id,
        }


def _aliases(judged: JudgedAccount) -> dict[str, frozenset[str]]:
    """By endpoint, every name by which an event may touch it."""
    of_interface: dict[str, set[str]] = {}
    for one in judged.state.interfaces:
        names = of_interface.setdefault(one.interface_id, {one.interface_id, *one.group_ids})
        names.add(one.instance_id or one.interface_id)
    found: dict[str, set[str]] = {}
    for name, reach in judged.reach.endpoints.items():
        balancer = reach.endpoint.load_balancer
        mine = found.setdefault(name, {name, *reach.endpoint.group_ids})
        mine.update([balancer.name] if balancer is not None else of_interface.get(name, ()))
    for fact in judged.reach.view.addresses.values():
        if fact.endpoint is not None:
            mine = found.setdefault(fact.endpoint, set())
            mine.update({fact.ip, fact.allocation_id or fact.ip})
            mine.update(of_interface.get(fact.interface_id or "", ()))
    for address in judged.state.addresses:
        if address.interface_id in found and address.association_id:
            found[address.interface_id].add(address.association_id)
    return {name: frozenset(names) for name, names in found.items()}
