"""Where the rules are registered, each once, in the order in which a customer mends them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cache
from importlib import import_module
from types import MappingProxyType
from typing import Final

from gatekeeper.filing.model import Kind
from gatekeeper.filing.review.model import WITH_CONTENT, Area, Check, How, Level, Rule
from gatekeeper.filing.review.words import ServiceKind

_rules: Final[dict[str, Rule]] = {}


def rule(
    name: str,
    *,
    area: Area,
    how: How,
    source: str,
    text: str,
    zh: str,
    remedy: str,
    remedy_zh: str,
    level: Level = Level.FAIL,
    kinds: frozenset[Kind] = WITH_CONTENT,
    services: frozenset[ServiceKind] = frozenset(),
    asks: bool = False,
) -> Callable[[Check], Check]:
    """Register a check as the rule ``name``; see ``Rule`` for the rest.

    A check yields what it has to say; one that yields nothing passes.

    Raises:
        ValueError: the name is taken.
    """

    def register(check: Check) -> Check:
        if name in _rules:
            raise ValueError(f"rule {name} is registered twice")
        _rules[name] = Rule(
            id=name,
            area=area,
            how=how,
            source=source,
            text=text,
            text_zh=zh,
            remedy=remedy,
            remedy_zh=remedy_zh,
            check=check,
            level=level,
            kinds=kinds,
            services=services,
            asks=asks,
        )
        return check

    return register


@cache
def rules() -> Mapping[str, Rule]:
    """Every rule by its id, area by area."""
    import_module("gatekeeper.filing.review.rulebook")
    order = list(Area)
    found = sorted(_rules.values(), key=lambda one: order.index(one.area))
    return MappingProxyType({one.id: one for one in found})
