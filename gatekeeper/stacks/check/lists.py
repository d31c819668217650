"""Prefix lists and VPC blocks, as far as a plan holds them."""

from __future__ import annotations

from ipaddress import ip_network
from typing import Final, NamedTuple

from gatekeeper.stacks.check import kinds
from gatekeeper.stacks.check.index import Index
from gatekeeper.stacks.check.model import NEW, Hidden, Resource
from gatekeeper.stacks.check.values import items

_WIDEST: Final = {4: 16, 6: 44}
"""The shortest prefix that AWS lets a VPC have."""


class Entries(NamedTuple):
    """The networks of a prefix list."""

    cidrs: tuple[object, ...]
    """Texts; ``Hidden`` for one that cannot be read."""
    whole: bool
    """Whether these are all."""


class PrefixLists:
    """The prefix lists of a plan."""

    def __init__(self, index: Index) -> None:
        self._index = index
        self._found: dict[str, Entries] = {}
        self.added: list[tuple[Resource, str, tuple[object, ...]]] = []
        """Who adds which networks to which list that exists already."""
        alone: dict[str, list[object]] = {}
        for entry in index.of_kind({kinds.PREFIX_LIST_ENTRY}):
            value = entry.value("prefix_list_id")
            meant = index.meant(entry, "prefix_list_id", value, kinds.LISTS)
            for node in meant.nodes:
                alone.setdefault(node, []).append(entry.value("cidr"))
                if entry.change in ("create", "replace", "update") and not index.is_new(node):
                    self.added.append((entry, node, (entry.value("cidr"),)))
        for one in index.of_kind(kinds.LISTS):
            self._found[one.address] = _entries(one, alone.get(one.address, []))
            if one.change == "update" and (more := _more(one)):
                self.added.append((one, one.address, more))

    def entries(self, node: str) -> Entries | None:
        """The networks of a list; ``None`` where the plan does not have it."""
        return self._found.get(node)


def _entries(one: Resource, alone: list[object]) -> Entries:
    known = one.value("cidr_blocks" if one.type == kinds.SERVICE_LIST else "entries")
    if isinstance(known, Hidden) and alone:
        known = None
    if isinstance(known, Hidden):
        return Entries((*alone, known), whole=False)
    cidrs = [item.get("cidr") if isinstance(item, dict) else item for item in items(known)]
    return Entries((*cidrs, *alone), whole=known is not None or one.change in NEW - {"import"})


def _more(one: Resource) -> tuple[object, ...]:
    """The networks that an update adds to a list."""
    asked, had = ((each or {}).get("entries") for each in (one.after, one.before))
    if isinstance(asked, Hidden):
        return (asked,)
    new, old = (
        [item.get("cidr") if isinstance(item, dict) else item for item in items(value)]
        for value in (asked, had)
    )
    return tuple(cidr for cidr in new if cidr not in old)


def vpc_blocks(index: Index) -> dict[str, tuple[str, ...]]:
    """By VPC node its own blocks, which are internal to it.

    Blocks that no VPC can have are left out: they would make the Internet internal.
    """
    found: dict[str, set[str]] = {}
    for one in index.of_kind({kinds.VPC, kinds.VPC_BLOCK}):
        node = one.address
        if one.type == kinds.VPC_BLOCK:
            nodes = index.meant(one, "vpc_id", one.value("vpc_id"), {kinds.VPC}).nodes
            if len(nodes) != 1:
                continue
            node = nodes[0]
        for name in ("cidr_block", "ipv6_cidr_block"):
            block = one.value(name)
            if isinstance(block, str) and _possible(block):
                found.setdefault(node, set()).add(block)
    return {node: tuple(sorted(blocks)) for node, blocks in found.items()}


def _possible(block: str) -> bool:
    try:
        network = ip_network(block, strict=False)
    except ValueError:
        return False
    return network.prefixlen >= _WIDEST[network.version]
