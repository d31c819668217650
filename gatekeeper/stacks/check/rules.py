"""The rules that a plan writes, whatever resource holds them, in one form."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final, NamedTuple

from gatekeeper.gate import MalformedRule, protocol_number
from gatekeeper.stacks.check import kinds
from gatekeeper.stacks.check.index import Index
from gatekeeper.stacks.check.model import NEW, Hidden, Resource
from gatekeeper.stacks.check.values import items, protocol_text, whole

_ALL: Final = -1
_FIELDS: Final = (
    ("ipv4", "cidr_blocks"),
    ("ipv4", "cidr_ipv4"),
    ("ipv6", "ipv6_cidr_blocks"),
    ("ipv6", "cidr_ipv6"),
    ("list", "prefix_list_ids"),
    ("list", "prefix_list_id"),
)
"""Where sources stand.  Groups and ``self`` are left out: they are never the Internet."""

Key = tuple[int, int | None, int | None, str]
"""One rule as AWS tells rules apart: protocol, ports, source."""


class Sources(NamedTuple):
    """Sources of one kind in one property."""

    kind: str
    """``ipv4``, ``ipv6`` or ``list``."""
    name: str
    """The property."""
    value: Any


class Spec(NamedTuple):
    """One rule in the words of a plan."""

    protocol: Any
    from_port: Any
    to_port: Any
    sources: tuple[Sources, ...]


def spec(properties: Mapping[str, Any], prefix: str = "") -> Spec:
    """The rule that some properties write; ``prefix`` names the block that holds them."""
    return Spec(
        properties.get("ip_protocol") or properties.get("protocol"),
        properties.get("from_port"),
        properties.get("to_port"),
        tuple(
            Sources(kind, prefix or name, properties[name])
            for kind, name in _FIELDS
            if properties.get(name) is not None
        ),
    )


def standalone(resource: Resource) -> Spec | None:
    """The rule of a rule resource as it will be; ``None`` for one that lets nothing in."""
    if resource.type == kinds.GROUP_RULE and resource.value("type") == "egress":
        return None
    names = kinds.BY_NAME[resource.type].reads
    return spec({name: resource.value(name) for name in names})


class Inline(NamedTuple):
    """One inline rule of a group."""

    value: Spec | Hidden
    left: bool
    """Whether the plan does not ask for it: it is on AWS and stays there."""


def inline(resource: Resource, elsewhere: frozenset[Key]) -> Iterator[Inline]:
    """The inline rules of a group as they will be.

    A group whose ``ingress`` is missing keeps what it has: the argument is computed where it is
    not given.  So does a group that does not change, whatever was asked for when it did.  What
    AWS showed of it stays, less the rules that have a resource of their own (``elsewhere``), which
    are judged there.
    """
    asked = (resource.after or {}).get("ingress")
    if asked is not None:
        yield from (Inline(one, left=False) for one in _blocks(asked))
        if resource.change not in ("same", "kept"):
            return
        written = {key for one in _blocks(asked) if isinstance(one, Spec) for key in _keys(one)}
        elsewhere = elsewhere | written
    elif resource.change in NEW and resource.change != "import":
        return
    seen: set[str] = set()
    before = (resource.before or {}).get("ingress") if asked is None else None
    for known in (resource.computed.get("ingress"), before):
        for one in _blocks(known):
            rest = one if isinstance(one, Hidden) else _without(one, elsewhere)
            if rest is not None and repr(rest) not in seen:
                seen.add(repr(rest))
                yield Inline(rest, left=True)


def drops(resource: Resource) -> bool:
    """Whether a plan takes the inline rules of a group out of the program, and no more."""
    return (
        resource.change == "update"
        and bool((resource.before or {}).get("ingress"))
        and (resource.after or {}).get("ingress") is None
    )


def elsewhere(index: Index) -> dict[str, frozenset[Key]]:
    """For each group the rules that have, or had until this plan, a resource of their own."""
    found: dict[str, set[Key]] = {}
    for resource in (*index.of_kind(kinds.RULES), *index.gone):
        if resource.type not in kinds.RULES:
            continue
        for properties in (resource.before, resource.after):
            if not properties:
                continue
            group = properties.get("security_group_id")
            meant = index.meant(resource, "security_group_id", group, kinds.GROUPS)
            keys = tuple(_keys(spec(properties)))
            for node in meant.nodes:
                found.setdefault(node, set()).update(keys)
    return {node: frozenset(keys) for node, keys in found.items()}


def _blocks(value: Any) -> Iterator[Spec | Hidden]:
    for block in items(value):
        if isinstance(block, Mapping):
            yield spec(block, "ingress")
        elif isinstance(block, Hidden):
            yield block


def _without(one: Spec, known: frozenset[Key]) -> Spec | None:
    """A rule less the sources that are judged elsewhere; ``None`` where none is left."""
    if not known:
        return one
    kept: list[Sources] = []
    for sources in one.sources:
        values = [
            value
            for value in items(sources.value)
            if (key := _key(one, value)) is None or key not in known
        ]
        if values:
            kept.append(sources._replace(value=values))
    return one._replace(sources=tuple(kept)) if kept else None


def _keys(one: Spec) -> Iterator[Key]:
    for sources in one.sources:
        for value in items(sources.value):
            key = _key(one, value)
            if key is not None:
                yield key


def _key(one: Spec, value: Any) -> Key | None:
    try:
        number = protocol_number(protocol_text(one.protocol))
        low, high = whole(one.from_port), whole(one.to_port)
    except (MalformedRule, ValueError):
        return None
    if not isinstance(value, str):
        return None
    return (number, None, None, value) if number == _ALL else (number, low, high, value)
