"""What in a plan is tied to which security group, and which public addresses it has.

An endpoint is a network interface, an instance (its primary interface) or a load balancer.  It is
tied to a group by its own list of groups or by an attachment, in the plan or by id; an address is
tied to it by an association.  Resources that the plan leaves as they are tie too.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from ipaddress import ip_address
from typing import Any, Final, NamedTuple

from gatekeeper.stacks.check import kinds, words
from gatekeeper.stacks.check.index import Index, Meant
from gatekeeper.stacks.check.model import NEW, UNKNOWN, Hidden, Note, Resource
from gatekeeper.stacks.check.values import is_true, items, whole

_TARGETS: Final = frozenset({kinds.INTERFACE, kinds.INSTANCE})
_IPV6: Final = (
    "ipv6_addresses",
    "ipv6_address_count",
    "ipv6_address_lists",
    "ipv6_prefixes",
    "ipv6_prefix_count",
)


class Tie(NamedTuple):
    """An endpoint that holds a group."""

    endpoint: str
    """Its node."""
    group: str
    by: str
    """The address of the resource that says so."""
    standing: bool
    """Whether it is so on AWS already."""


@dataclass(slots=True)
class Endpoint:
    """What a plan says of one endpoint."""

    node: str
    resource: Resource | None = None
    """``None`` for one outside the plan."""
    names: dict[str, None] = field(default_factory=dict)
    """What a feed may call it: interface ids, ARNs."""
    addresses: dict[str, None] = field(default_factory=dict)
    """Its public addresses, as far as the plan shows them."""
    fresh: list[str] = field(default_factory=list)
    """Resources that give it an address that nobody knows yet."""
    more_ipv6: bool = False
    """Whether the plan gives it more IPv6 addresses, of AWS's choice."""
    unread: list[Note] = field(default_factory=list)
    """Addresses that it is given and that the plan does not show."""
    ipv6: bool = False
    """Whether the plan gives it IPv6 addresses."""
    private: bool = False
    """Whether the plan shows that it has no public address."""


class Ties:
    """Every tie and every endpoint of a plan."""

    def __init__(self, index: Index) -> None:
        self._index = index
        self.endpoints: dict[str, Endpoint] = {}
        self.by_group: dict[str, dict[Tie, None]] = {}
        self.notes: dict[Note, None] = {}
        self.addressed: dict[str, Resource] = {}
        """What the plan gives another address, and by which resource."""
        self._fronts: dict[str, dict[str, None]] = {}
        """Instances and the interfaces in front of them."""
        for resource in index.of_kind(kinds.GUARDED):
            self._guarded(resource)
        for resource in index.of_kind({kinds.GROUP_ATTACHMENT}):
            self._attached(resource)
        for resource in index.of_kind({kinds.INTERFACE_ATTACHMENT}):
            self._fronted(resource)
        for resource in index.of_kind({kinds.ADDRESS, kinds.ADDRESS_ASSOCIATION}):
            self._addressed(resource)
        self._make()
        for instance, interfaces in self._fronts.items():
            self._hand_over(instance, interfaces)
        for endpoint in self.endpoints.values():
            endpoint.private = self._is_private(endpoint)

    def endpoint(self, node: str) -> Endpoint:
        """The endpoint at a node, made where it is new."""
        found = self.endpoints.get(node)
        if found is None:
            found = self.endpoints[node] = Endpoint(node, self._index.resource(node))
            self._name(found)
        return found

    def of_group(self, node: str) -> tuple[Tie, ...]:
        """The ties of a group."""
        return tuple(self.by_group.get(node, ()))

    def _name(self, endpoint: Endpoint) -> None:
        resource = endpoint.resource
        if resource is None:
            endpoint.names[endpoint.node] = None
            return
        kind = resource.value("ip_address_type")
        endpoint.ipv6 = (
            any(_given(resource.value(name)) for name in _IPV6)
            or isinstance(kind, Hidden)
            or str(kind).startswith("dualstack")
        )
        if resource.change in NEW and resource.change != "import":
            if resource.type == kinds.INSTANCE and is_true(
                (resource.after or {}).get("associate_public_ip_address")
            ):
                endpoint.fresh.append(resource.address)
            return
        names = {
            kinds.INTERFACE: (resource.id,),
            kinds.INSTANCE: (resource.value("primary_network_interface_id"),),
        }.get(resource.type, (resource.value("arn"), resource.id))
        for name in names:
            if isinstance(name, str) and name:
                endpoint.names[name] = None
        endpoint.more_ipv6 = any(_grows(resource, name) for name in _IPV6)
        for name in ("ipv6_addresses", "ipv6_address_lists"):
            asked = items((resource.after or {}).get(name))
            had = items((resource.before or {}).get(name))
            for text in asked if resource.change == "update" else ():
                if isinstance(text, str) and text not in had and _is_address(text):
                    endpoint.addresses[text] = None
        public = resource.value("public_ip")
        if isinstance(public, str) and _is_address(public):
            endpoint.addresses[public] = None

    def _guarded(self, resource: Resource) -> None:
        endpoint = self.endpoint(resource.address)
        for name in ("security_groups", "vpc_security_group_ids"):
            self._join(endpoint, resource, name)
        if resource.type == kinds.INSTANCE:
            self._machine(endpoint, resource)
        elif resource.type == kinds.INTERFACE:
            for attachment in items(resource.value("attachments")):
                if isinstance(attachment, dict):
                    self._front(resource, "attachments", attachment.get("instance"))
        elif resource.type == kinds.LOAD_BALANCER:
            for mapping in items(resource.value("subnet_mappings")):
                if isinstance(mapping, Hidden):
                    note = words.unreadable(resource.address, "subnet_mappings", mapping)
                    endpoint.unread.append(note)
                elif isinstance(mapping, dict) and mapping.get("allocation_id") is not None:
                    given = mapping["allocation_id"]
                    self._give(endpoint, resource, "subnet_mappings", given)
        if not self._holds_group(resource):
            self._join_default(endpoint, resource)

    def _join(self, endpoint: Endpoint, resource: Resource, name: str) -> None:
        value = resource.value(name)
        if value is None:
            return
        again = name == "security_groups" and _given(resource.value("vpc_security_group_ids"))
        if again and isinstance(value, Hidden):
            return  # AWS shows the same groups once more, by name
        meant = self._index.meant(resource, name, value, kinds.GROUPS)
        standing = self._before(resource, name)
        for node in meant.nodes:
            self._tie(endpoint, node, resource, standing=standing is None or node in standing)
        if meant.hidden and (resource.after or {}).get(name) is not None:
            self.notes[words.unreadable(resource.address, name, meant.hidden)] = None

    def _before(self, resource: Resource, name: str) -> frozenset[str] | None:
        """The groups that a resource held before; ``None`` where all of them are as they were."""
        if resource.change in ("same", "kept"):
            return None
        if resource.change != "update":
            return frozenset()
        had = (resource.before or {}).get(name)
        return frozenset(self._index.meant(resource, name, had, kinds.GROUPS).nodes)

    def _tie(self, endpoint: Endpoint, group: str, by: Resource, *, standing: bool) -> None:
        kept = standing and not self._index.is_new(group) and not self._index.is_new(endpoint.node)
        self.by_group.setdefault(group, {})[Tie(endpoint.node, group, by.address, kept)] = None

    def _machine(self, endpoint: Endpoint, resource: Resource) -> None:
        for name, key in (
            ("network_interfaces", "network_interface_id"),
            ("primary_network_interface", "network_interface_id"),
        ):
            for one in items(resource.value(name)):
                if not isinstance(one, dict) or one.get(key) is None:
                    continue
                meant = self._index.meant(resource, name, one[key], {kinds.INTERFACE})
                for node in meant.nodes:
                    self._fronts.setdefault(resource.address, {})[node] = None
        for one in items(resource.value("launch_template")):
            if self._holds_group(resource, template=False):
                continue
            if isinstance(one, dict):
                self._templated(endpoint, resource, one)
            elif isinstance(one, Hidden):
                self.notes[words.unreadable(resource.address, "launch_template", one)] = None

    def _templated(self, endpoint: Endpoint, resource: Resource, one: dict[str, Any]) -> None:
        """An instance without groups of its own gets those of its launch template."""
        meant = self._template(resource, one)
        if meant.hidden:
            self.notes[words.unreadable(resource.address, "launch_template", meant.hidden)] = None
        standing = resource.change in ("same", "kept", "update")
        for node in meant.nodes:
            template = self._index.resource(node)
            if template is None:
                self._tie(endpoint, node, resource, standing=standing)
                continue
            inner = [
                block.get("security_groups")
                for block in items(template.value("network_interfaces"))
                if isinstance(block, dict)
            ]
            for name, value in (
                ("vpc_security_group_ids", template.value("vpc_security_group_ids")),
                ("security_groups", template.value("security_groups")),
                ("security_group_names", template.value("security_group_names")),
                *(("network_interfaces", value) for value in inner),
            ):
                groups = self._index.meant(template, name, value, kinds.GROUPS)
                for group in groups.nodes:
                    self._tie(endpoint, group, resource, standing=standing)
                if groups.hidden:
                    self.notes[words.unreadable(template.address, name, groups.hidden)] = None

    def _holds_group(self, resource: Resource, *, template: bool = True) -> bool:
        """Whether something says which groups a guarded resource holds."""
        names = ["security_groups", "vpc_security_group_ids", "network_interfaces"]
        names += ["primary_network_interface", *(["launch_template"] if template else [])]
        return any(_given(resource.value(name)) for name in names)

    def _join_default(self, endpoint: Endpoint, resource: Resource) -> None:
        """AWS gives the VPC's default group to what names none."""
        if resource.type == kinds.LOAD_BALANCER and (
            resource.value("load_balancer_type") not in (None, "application")
        ):
            return
        for group in self._index.of_kind({kinds.DEFAULT_GROUP}):
            standing = resource.change in ("same", "kept", "update")
            self._tie(endpoint, group.address, resource, standing=standing)

    def _make(self) -> None:
        """What makes interfaces with public addresses of AWS's choice, which no filing can name."""
        used = {
            node
            for instance in self._index.of_kind({kinds.INSTANCE})
            for one in items(instance.value("launch_template"))
            if isinstance(one, dict)
            for node in self._template(instance, one).nodes
        }
        for resource in self._index.of_kind(kinds.MAKERS):
            if resource.address in used:
                continue  # the instance says by itself which addresses it has
            made = tuple(_made_public(resource))
            if made and not any(_given(groups) for _, groups in made):
                self._join_default(self.endpoint(resource.address), resource)
            for name, groups in made:
                meant = self._index.meant(resource, name, groups, kinds.GROUPS)
                if not meant.nodes and meant.hidden:
                    self.notes[words.unreadable(resource.address, name, meant.hidden)] = None
                endpoint = self.endpoint(resource.address)
                endpoint.fresh.append(resource.address)
                standing = resource.change not in NEW
                for node in meant.nodes:
                    self._tie(endpoint, node, resource, standing=standing)

    def _template(self, resource: Resource, one: dict[str, Any]) -> Meant:
        given = one.get("id") or one.get("name")
        return self._index.meant(resource, "launch_template", given, {kinds.LAUNCH_TEMPLATE})

    def _attached(self, resource: Resource) -> None:
        groups = self._index.meant(
            resource, "security_group_id", resource.value("security_group_id"), kinds.GROUPS
        )
        name = "network_interface_id"
        targets = self._index.meant(resource, name, resource.value(name), _TARGETS)
        standing = resource.change in ("same", "kept", "update")
        for target in targets.nodes:
            for group in groups.nodes:
                self._tie(self.endpoint(target), group, resource, standing=standing)
        for why, what in ((groups.hidden, "security_group_id"), (targets.hidden, name)):
            if why:
                self.notes[words.unreadable(resource.address, what, why)] = None

    def _fronted(self, resource: Resource) -> None:
        if resource.value("device_index") not in (None, 0, "0"):
            return
        name = "network_interface_id"
        meant = self._index.meant(resource, name, resource.value(name), {kinds.INTERFACE})
        for node in meant.nodes:
            interface = self._index.resource(node)
            if interface is not None:
                given = resource.value("instance_id")
                found = self._index.meant(resource, "instance_id", given, {kinds.INSTANCE})
                for instance in found.nodes:
                    self._fronts.setdefault(instance, {})[node] = None

    def _front(self, interface: Resource, name: str, instance: Any) -> None:
        meant = self._index.meant(interface, name, instance, {kinds.INSTANCE})
        for node in meant.nodes:
            self._fronts.setdefault(node, {})[interface.address] = None

    def _hand_over(self, instance: str, interfaces: dict[str, None]) -> None:
        """The addresses of an instance are those of the interfaces in front of it."""
        machine = self.endpoints.get(instance)
        if machine is None:
            return
        for node in interfaces:
            front = self.endpoint(node)
            front.addresses.update(machine.addresses)
            front.fresh.extend(machine.fresh)
            front.unread.extend(machine.unread)

    def _addressed(self, resource: Resource) -> None:
        """An address, or an association of one, gives its target a public address."""
        for name in ("instance", "instance_id", "network_interface", "network_interface_id"):
            value = resource.value(name)
            if not _given(value):
                continue
            meant = self._index.meant(resource, name, value, _TARGETS)
            for node in meant.nodes:
                endpoint = self.endpoint(node)
                if self._moves(resource, name):
                    self.addressed.setdefault(node, resource)
                if resource.type == kinds.ADDRESS:
                    self._give_address(endpoint, resource)
                elif _given(resource.value("allocation_id")):
                    given = resource.value("allocation_id")
                    self._give(endpoint, resource, "allocation_id", given)
                else:
                    self._give(endpoint, resource, "public_ip", resource.value("public_ip"))
            if meant.hidden:
                self.notes[words.unreadable(resource.address, name, meant.hidden)] = None

    @staticmethod
    def _moves(resource: Resource, name: str) -> bool:
        """Whether the plan asks that the address come to this target."""
        asked, had = ((one or {}).get(name) for one in (resource.after, resource.before))
        if asked is None or resource.change in ("same", "kept", "import"):
            return False
        return resource.change != "update" or asked not in (had, resource.computed.get(name))

    def _give(self, endpoint: Endpoint, by: Resource, name: str, value: Any) -> None:
        """Give an endpoint the address that an allocation id or a text names."""
        meant = self._index.meant(by, name, value, {kinds.ADDRESS})
        for node in meant.nodes:
            address = self._index.resource(node)
            if address is not None:
                self._give_address(endpoint, address)
            elif _is_address(node):
                endpoint.addresses[node] = None
            elif by.change not in ("same", "kept"):
                endpoint.unread.append(words.unknown_address(by.address, node))
        if meant.hidden:
            endpoint.unread.append(words.unreadable(by.address, name, meant.hidden))

    def _give_address(self, endpoint: Endpoint, address: Resource) -> None:
        fresh = address.change in NEW and address.change != "import"
        text = (address.after or {}).get("address")
        if text is None and not fresh:
            text = address.value("public_ip")
        if isinstance(text, str) and _is_address(text):
            endpoint.addresses[text] = None
        elif isinstance(text, Hidden) and text is not UNKNOWN:
            endpoint.unread.append(words.unreadable(address.address, "public_ip", text))
        elif fresh:
            endpoint.fresh.append(address.address)
        else:
            endpoint.unread.append(words.unknown_address(address.address, address.id or ""))

    def _is_private(self, endpoint: Endpoint) -> bool:
        """Whether the plan shows an endpoint without any public address."""
        resource = endpoint.resource
        if resource is None or endpoint.addresses or endpoint.fresh or endpoint.unread:
            return False
        if resource.type in (kinds.LOAD_BALANCER, kinds.CLASSIC_BALANCER):
            return is_true(resource.value("internal")) is True
        if resource.type != kinds.INSTANCE or endpoint.ipv6:
            return False
        if resource.change in ("same", "kept", "update") and resource.value("public_ip") == "":
            return True
        return is_true((resource.after or {}).get("associate_public_ip_address")) is False


def _made_public(resource: Resource) -> Iterator[tuple[str, Any]]:
    """The groups of the public interfaces that a resource makes, with the property's name."""
    own = ("vpc_security_group_ids", "security_groups", "security_group_names")
    flags = ("associate_public_ip_address", "publicly_accessible")
    if any(_perhaps(resource.value(name)) for name in flags):
        yield from ((name, resource.value(name)) for name in own)
    for block in ("network_interfaces", "network_configuration"):
        for one in items(resource.value(block)):
            if not isinstance(one, dict):
                continue
            if _perhaps(one.get("associate_public_ip_address", one.get("assign_public_ip"))):
                yield block, one.get("security_groups")
                if not _given(one.get("security_groups")):
                    yield from ((name, resource.value(name)) for name in own)


def _grows(resource: Resource, name: str) -> bool:
    """Whether an update asks for more of something, or for what cannot be read."""
    asked = (resource.after or {}).get(name)
    if resource.change != "update" or not _given(asked):
        return False
    had = (resource.before or {}).get(name) or resource.computed.get(name)
    if name.endswith("_count"):
        try:
            return (whole(asked) or 0) > (whole(had) or 0)
        except ValueError:
            return True
    if name == "ipv6_prefixes":
        return any(one not in items(had) for one in items(asked))
    return any(isinstance(one, Hidden) for one in items(asked))


def _perhaps(flag: Any) -> bool:
    return isinstance(flag, Hidden) or is_true(flag) is True


def _given(value: Any) -> bool:
    return value not in (None, "", [], {}, 0, "0")


def _is_address(text: str) -> bool:
    try:
        ip_address(text)
    except ValueError:
        return False
    return True
