"""Where Terraform's values come from: the ``references`` of a plan's ``configuration``.

A value that is unknown while planning is an expression over other resources; the configuration
names them, through variables and outputs of modules.  It does not hold locals, so a value that
comes through one stays unexplained.  Shape: Terraform's "JSON Output Format", configuration.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any, Final, NamedTuple

_RESOURCE: Final = re.compile(
    r"(?P<data>data\.)?(?P<type>[a-zA-Z][\w-]*)\.(?P<name>[\w-]+)(?P<index>\[(?:\"[^\"]*\"|[^\]\"]*)\])?"
)
_MODULE: Final = re.compile(r"module\.([\w-]+)(\[(?:\"[^\"]*\"|[^\]\"]*)\])?(?:\.([\w-]+))?")
_STEP: Final = re.compile(r"module\.([\w-]+)(\[(?:\"[^\"]*\"|[^\]\"]*)\])?\.?")
_MODULES: Final = re.compile(r"(?:module\.[\w-]+(?:\[(?:\"[^\"]*\"|[^\]\"]*)\])?\.)+")
_INDEX: Final = re.compile(r"\[(?:\"[^\"]*\"|[^\]\"]*)\]$")
_NO_SOURCE: Final = ("each", "count", "path", "terraform", "self")
_NONE: Final[dict[str, Any]] = {}
_DEEPEST: Final = 32
_MOST: Final = 10_000
"""How many references one property may lead to."""


class _Place(NamedTuple):
    """Where an expression stands."""

    module: str
    """The module instance's address, "" for the root."""
    key: str
    """The index of the resource that holds it, as ``["a"]``; "" without one."""


_Step = tuple[str, _Place]


class References:
    """The configuration of one plan."""

    def __init__(self, configuration: Any, addresses: Mapping[tuple[str, str], list[str]]) -> None:
        root = configuration.get("root_module") if isinstance(configuration, dict) else None
        self._root: Mapping[str, Any] = root if isinstance(root, dict) else {}
        self._instances = addresses
        """Addresses in the plan by (module instance, resource without index)."""
        self._resources: dict[tuple[str, ...], dict[str, Mapping[str, Any]]] = {}
        self._links: dict[tuple[str, str, _Place], tuple[str, ...]] = {}
        self._dynamic: dict[int, bool] = {}
        self._children: dict[str, set[str]] = {}
        """Module instances by their address without the last index."""
        for module, _ in addresses:
            self._children.setdefault(_INDEX.sub("", module), set()).add(module)

    def expressions(self, module: str, address: str) -> Mapping[str, Any] | None:
        """The expressions of a resource; ``None`` where the configuration lacks it."""
        found = self._in_module(_path(module)).get(bare_address(module, address))
        if found is None:
            return None
        given = found.get("expressions")
        return given if isinstance(given, dict) else _NONE

    def dynamic(self, module: str, address: str) -> bool:
        """Whether a resource's expressions name a dynamic block anywhere."""
        found = self.expressions(module, address)
        if found is None:
            return False
        known = self._dynamic.get(id(found))
        if known is None:
            known = self._dynamic[id(found)] = _dynamic(found)
        return known

    def links(self, module: str, address: str, name: str) -> tuple[str, ...]:
        """The addresses of everything that a property of a resource comes from."""
        bare = bare_address(module, address)
        found = self._in_module(_path(module)).get(bare)
        if found is None:
            return ()
        given = found.get("expressions")
        expression = given.get(name) if isinstance(given, dict) else None
        place = _Place(module, address[len(f"{module}.{bare}" if module else bare) :])
        names = list(_references(expression))
        if any(one.startswith("each.") for one in names):
            names += _references(found.get("for_each_expression"))
        else:
            place = _Place(module, "")  # the same for every instance
        key = (bare, name, place)
        known = self._links.get(key)
        if known is None:
            known = self._links[key] = self._all(names, place)
        return known

    def _all(self, names: list[str], place: _Place) -> tuple[str, ...]:
        reached: dict[str, None] = {}
        for one in self._reached(names, place, set()):
            reached[one] = None
            if len(reached) > _MOST:
                reached["more references"] = None  # no resource: the value stays unexplained
                break
        return tuple(reached)

    def _reached(self, names: list[str], place: _Place, seen: set[_Step]) -> Iterator[str]:
        pinned = place.key if "each.key" in names else ""
        for name in _subjects(names):
            if (name, place) in seen or len(seen) > _MOST:
                continue
            seen.add((name, place))
            head = name.partition(".")[0].partition("[")[0]
            if head in _NO_SOURCE:
                continue
            if head == "var":
                yield from self._variable(name, place, seen)
            elif head == "module":
                yield from self._output(name, names, place, seen)
            elif head == "local":
                yield name
            else:
                yield from self._resource(name, place, pinned)

    def _resource(self, name: str, place: _Place, pinned: str) -> Iterator[str]:
        match = _RESOURCE.match(name)
        if match is None:
            yield name
            return
        bare = f"{match['data'] or ''}{match['type']}.{match['name']}"
        instances = self._instances.get((place.module, bare), [])
        prefix = f"{place.module}.{bare}" if place.module else bare
        for index in (match["index"], pinned):
            if index and f"{prefix}{index}" in instances:
                instances = [f"{prefix}{index}"]
                break
        yield from instances or (prefix,)

    def _variable(self, name: str, place: _Place, seen: set[_Step]) -> Iterator[str]:
        """What the caller of a module passes in."""
        parent, call, index = _caller(place.module)
        if not call:
            return
        module = self._call(parent, call)
        expressions = module.get("expressions") if module else None
        key = name.split(".")[1].partition("[")[0] if "." in name else ""
        names = list(_references(expressions.get(key) if isinstance(expressions, dict) else None))
        if module and any(one.startswith("each.") for one in names):
            names += _references(module.get("for_each_expression"))
        yield from self._reached(names, _Place(parent, index), seen)

    def _output(
        self, name: str, names: list[str], place: _Place, seen: set[_Step]
    ) -> Iterator[str]:
        """What a module hands out."""
        match = _MODULE.match(name)
        if match is None:
            yield name
            return
        if match[3] is None:
            if not any(one != name and one.startswith(name) for one in names):
                yield name
            return
        call = self._call(place.module, match[1])
        inner = call.get("module") if call else None
        outputs = inner.get("outputs") if isinstance(inner, dict) else None
        output = outputs.get(match[3]) if isinstance(outputs, dict) else None
        if not isinstance(output, dict):
            yield name
            return
        base = f"{place.module}.module.{match[1]}" if place.module else f"module.{match[1]}"
        wanted = f"{base}{match[2]}" if match[2] else base
        children = {wanted} if match[2] else self._children.get(base, {base})
        expression = list(_references(output.get("expression")))
        for child in sorted(children):
            yield from self._reached(expression, _Place(child, ""), seen)

    def _call(self, module: str, name: str) -> Mapping[str, Any] | None:
        inside = self._module(_path(module))
        calls = inside.get("module_calls") if inside else None
        found = calls.get(name) if isinstance(calls, dict) else None
        return found if isinstance(found, dict) else None

    def _module(self, path: tuple[str, ...]) -> Mapping[str, Any] | None:
        here: Any = self._root
        for name in path:
            calls = here.get("module_calls") if isinstance(here, dict) else None
            call = calls.get(name) if isinstance(calls, dict) else None
            here = call.get("module") if isinstance(call, dict) else None
        return here if isinstance(here, dict) else None

    def _in_module(self, path: tuple[str, ...]) -> dict[str, Mapping[str, Any]]:
        known = self._resources.get(path)
        if known is None:
            inside = self._module(path) or {}
            listed = inside.get("resources")
            known = self._resources[path] = {
                one["address"]: one
                for one in (listed if isinstance(listed, list) else [])
                if isinstance(one, dict) and isinstance(one.get("address"), str)
            }
        return known


def _dynamic(expressions: Any, depth: int = 0) -> bool:
    if depth > _DEEPEST:
        return True
    if isinstance(expressions, dict):
        return any(
            key == "dynamic" or _dynamic(value, depth + 1) for key, value in expressions.items()
        )
    if isinstance(expressions, list):
        return any(_dynamic(value, depth + 1) for value in expressions)
    return False


def _subjects(names: list[str]) -> Iterator[str]:
    """The references that say something: after one instance Terraform adds the whole resource."""
    before = ""
    for name in names:
        if not (before.endswith("]") and _INDEX.sub("", before) == name):
            yield name
        before = name


def _references(expression: Any, depth: int = 0) -> Iterator[str]:
    """Every reference in an expression, or in the blocks inside it."""
    if depth > _DEEPEST:
        return
    if isinstance(expression, dict):
        for key, value in expression.items():
            if key == "references" and isinstance(value, list):
                yield from (one for one in value if isinstance(one, str))
            elif key != "constant_value":
                yield from _references(value, depth + 1)
    elif isinstance(expression, list):
        for value in expression:
            yield from _references(value, depth + 1)


def _path(module: str) -> tuple[str, ...]:
    """``module.a["x"].module.b`` as ``("a", "b")``."""
    return tuple(match[1] for match in _STEP.finditer(module))


def module_of(address: str) -> str:
    """The module instance that an address lies in; "" for the root."""
    match = _MODULES.match(address)
    return match[0].rstrip(".") if match else ""


def _caller(module: str) -> tuple[str, str, str]:
    """The module that calls a module instance, by what name, and with which index."""
    steps = list(_STEP.finditer(module))
    if not steps:
        return "", "", ""
    last = steps[-1]
    return module[: last.start()].rstrip("."), last[1], last[2] or ""


def bare_address(module: str, address: str) -> str:
    """A resource's address without its module and its index."""
    inside = address[len(module) + 1 :] if module else address
    match = _RESOURCE.match(inside)
    if match is None:
        return inside
    return f"{match['data'] or ''}{match['type']}.{match['name']}"
