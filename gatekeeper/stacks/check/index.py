"""Which resource a value means: by id, by name, or by where the tool says that it comes from."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable
from typing import Any, Final, NamedTuple

from gatekeeper.stacks.check import kinds, words
from gatekeeper.stacks.check.model import NEW, UNKNOWN, Hidden, Resource
from gatekeeper.stacks.check.values import items

ANY_PROPERTY: Final = "*"
"""The key of links that are known for a resource as a whole only."""
_TERRAFORM_TYPE: Final = re.compile(
    r"(?:^|\.)((?:aws|awscc)_[a-z0-9_]+)\.[^.\[\]]+(?:\[[^\]]*\])?$"
)


class Meant(NamedTuple):
    """What a property points at."""

    nodes: tuple[str, ...]
    """Addresses of resources in the plan, else the ids or addresses as they stand there."""
    hidden: Hidden | None = None
    """Why there may be more."""


class Index:
    """The resources of a plan, found by address, id or name.

    Raises:
        PlanRefused: an address stands twice.
    """

    def __init__(self, resources: Iterable[Resource]) -> None:
        self.by_address: dict[str, Resource] = {}
        self.gone: list[Resource] = []
        """What the plan deletes."""
        self._split: dict[tuple[object, ...], list[str]] = {}
        self._by_kind: dict[str, list[Resource]] = {}
        self._by_id: dict[str, list[Resource]] = {}
        for resource in resources:
            if resource.change == "delete":
                self.gone.append(resource)
                continue
            if resource.address in self.by_address:
                raise words.twice(resource.address)
            self.by_address[resource.address] = resource
            self._by_kind.setdefault(resource.type, []).append(resource)
            for name in _names(resource):
                self._by_id.setdefault(name, []).append(resource)

    def resource(self, node: str) -> Resource | None:
        """The resource at a node; ``None`` for what lies outside the plan."""
        return self.by_address.get(node)

    def of_kind(self, wanted: Collection[str]) -> list[Resource]:
        """Every resource of some kinds."""
        return [one for kind in sorted(wanted) for one in self._by_kind.get(kind, ())]

    def node(self, text: str, wanted: Collection[str]) -> str:
        """The node that an id, a name or an address means."""
        if text in self.by_address:
            return self.canonical(text)
        for resource in self._by_id.get(text, ()):
            if resource.type in wanted:
                return resource.address
        return text

    def canonical(self, address: str) -> str:
        """The one node of a group that several resources of a plan stand for, by its id."""
        found = self.by_address.get(address)
        if found is None or not found.id or found.type not in kinds.GROUPS:
            return address
        several = self._by_id.get(found.id, ())
        return next((one.address for one in several if one.type in kinds.GROUPS), address)

    def meant(self, resource: Resource, name: str, value: Any, wanted: Collection[str]) -> Meant:
        """What a property of a resource points at, among ``wanted`` kinds.

        An unknown value is explained by the resources that it comes from where all of them are
        of the wanted kinds and there are enough of them; it then means every one of them.
        """
        values = items(value)
        texts = [one for one in values if isinstance(one, str) and one]
        nodes = dict.fromkeys(self.node(text, wanted) for text in texts)
        covered = [one for one in values if one is not None and not isinstance(one, str)]
        if not covered:
            return Meant(tuple(nodes))
        why = next((one for one in covered if isinstance(one, Hidden)), UNKNOWN)
        links = resource.links.get(name) or resource.links.get(ANY_PROPERTY, ())
        linked = self._linked(links, wanted)
        others = len(links) - len(linked)
        fitting = [link for link in linked if link not in nodes] if nodes else linked
        strangers = sum(node not in self.by_address for node in nodes)
        nodes.update(dict.fromkeys(fitting))
        if any(one is not UNKNOWN for one in covered) or not fitting:
            return Meant(tuple(nodes), why)
        if isinstance(value, Hidden):
            return Meant(tuple(nodes), why if others else None)
        explained = len(covered) <= len(fitting) and others <= strangers
        return Meant(tuple(nodes), None if explained else why)

    def _linked(self, links: tuple[str, ...], wanted: Collection[str]) -> list[str]:
        """The links of wanted kinds; many instances of one resource share theirs."""
        key = (id(links), *sorted(wanted))
        known = self._split.get(key)
        if known is None:
            known = [self.canonical(link) for link in links if self.kind(link) in wanted]
            self._split[key] = known
        return known

    def kind(self, address: str) -> str | None:
        """The kind of what is at an address, in the plan or beyond it."""
        found = self.by_address.get(address)
        if found is not None:
            return found.type
        if address.startswith("urn:pulumi:"):
            parts = address.split("::")
            token = parts[2].rpartition("$")[2] if len(parts) > 3 else ""
            kind = kinds.pulumi_kind(token)
        else:
            match = _TERRAFORM_TYPE.search(address)
            kind = kinds.terraform_kind(match[1]) if match else None
        return kind.name if kind else None

    def is_new(self, node: str) -> bool:
        """Whether the plan makes what is at a node."""
        found = self.by_address.get(node)
        return found is not None and found.change in NEW


def _names(resource: Resource) -> set[str]:
    """What others call a resource: its id now and before, its ARN, its name where names serve."""
    found = [resource.id, (resource.before or {}).get("id")]
    if resource.type == kinds.INSTANCE and resource.change not in NEW:
        found.append(resource.value("primary_network_interface_id"))
    if resource.type in (kinds.LOAD_BALANCER, kinds.CLASSIC_BALANCER):
        found.append(resource.value("arn"))
    if resource.type == kinds.ADDRESS:
        found += [resource.value("public_ip"), resource.value("allocation_id")]
    if resource.type in (*kinds.GROUPS, kinds.LAUNCH_TEMPLATE):
        found.append(resource.value("name"))
    return {name for name in found if isinstance(name, str) and name}
