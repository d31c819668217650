"""What Terraform and OpenTofu write: ``show -json`` of a plan or of a state.

Shape: Terraform's "JSON Output Format".
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

from gatekeeper.errors import PlanRefused
from gatekeeper.stacks.check import kinds, words
from gatekeeper.stacks.check.model import Blueprint, Change, Hidden, Note, Resource
from gatekeeper.stacks.check.references import References, bare_address, module_of
from gatekeeper.stacks.check.shape import Shape, as_object
from gatekeeper.stacks.check.values import from_terraform, hidden

_SHAPE: Final = Shape("Terraform")
_CHANGES: Final[dict[tuple[str, ...], Change]] = {
    ("no-op",): "same",
    ("read",): "same",
    ("create",): "create",
    ("update",): "update",
    ("delete",): "delete",
    ("delete", "create"): "replace",
    ("create", "delete"): "replace",
    ("forget",): "kept",
    ("create", "forget"): "replace",
}
_SEEN: Final = frozenset({*kinds.GUARDED, *kinds.LISTS, kinds.ADDRESS, kinds.VPC})
"""What data sources tell of what is on AWS already."""
_DEEPEST: Final = 64
_LATE: Final = frozenset(
    {
        "security_group_id",
        "prefix_list_id",
        "prefix_list_ids",
        "ingress",
        "vpc_id",
        "security_groups",
        "vpc_security_group_ids",
        "security_group_names",
        "network_interfaces",
        "primary_network_interface",
        "launch_template",
        "attachments",
        "network_interface_id",
        "instance_id",
        "instance",
        "network_interface",
        "allocation_id",
        "subnet_mappings",
        "load_balancer_arn",
    }
)
"""The properties that lead to other resources."""


def read_plan(document: Mapping[str, Any], *, name: str) -> Blueprint:
    """``terraform show -json PLANFILE``.

    Raises:
        PlanRefused: changes are missing, or are no changes.
    """
    changes = _SHAPE.objects(document.get("resource_changes"), name, "resource_changes")
    instances: dict[tuple[str, str], list[str]] = {}
    for one in changes:
        address, module = _SHAPE.text(one, "address", name), _module(one)
        instances.setdefault((module, bare_address(module, address)), []).append(address)
    _check_whole(document, {_SHAPE.text(one, "address", name) for one in changes}, name)
    references = References(document.get("configuration"), instances)
    notes = list(_troubles(document, name))
    resources: list[Resource] = []
    unsure: list[str] = []
    for one in changes:
        found = _changed(one, references, notes, unsure, name)
        if found is not None:
            resources.append(found)
    ruled = {
        group
        for resource in resources
        if resource.type in kinds.RULES
        for group in resource.links.get("security_group_id", ())
    }
    notes += [words.perhaps_dynamic(group) for group in unsure if group not in ruled]
    known = {resource.address for resource in resources}
    prior = document.get("prior_state")
    if isinstance(prior, dict) and isinstance(prior.get("values"), dict):
        for one in _values(prior["values"], name):
            if one.get("mode") == "data" and _SHAPE.text(one, "address", name) not in known:
                resources += _seen(one, name)
    return Blueprint(
        source="terraform-plan",
        resources=tuple(resources),
        not_judged=tuple(notes),
        warnings=tuple(_doubts(document, notes)),
        partial=document.get("complete") is False,
    )


def read_state(document: Mapping[str, Any], *, name: str) -> Blueprint:
    """``terraform show -json``.

    Raises:
        PlanRefused: its resources are none.
    """
    notes: list[Note] = []
    resources: list[Resource] = []
    values = document["values"]
    for one in _values(values if isinstance(values, dict) else {}, name):
        if one.get("mode") == "data":
            resources += _seen(one, name)
            continue
        token, address = _SHAPE.text(one, "type", name), _SHAPE.text(one, "address", name)
        if kinds.foreign(token):
            notes.append(words.foreign_type(address, token))
        kind = kinds.terraform_kind(token)
        if kind is None:
            resources.append(Resource(address=address, type=token, change="same"))
            continue
        after = _read(kind, as_object(one.get("values")), None, one.get("sensitive_values"))
        computed = {"ingress": after.pop("ingress")} if "ingress" in after else {}
        resources.append(
            Resource(
                address=address,
                type=kind.name,
                change="same",
                before=after,
                after=after,
                computed=computed,
                id=_id(one.get("values")),
            )
        )
    return Blueprint(source="terraform-state", resources=tuple(resources), not_judged=tuple(notes))


def _changed(
    one: Mapping[str, Any],
    references: References,
    notes: list[Note],
    unsure: list[str],
    name: str,
) -> Resource | None:
    """One entry of ``resource_changes``; ``unsure`` gets a new group that may have rules or not."""
    address, token = _SHAPE.text(one, "address", name), _SHAPE.text(one, "type", name)
    change = one.get("change")
    if not isinstance(change, dict) or not isinstance(change.get("actions"), list):
        raise PlanRefused(
            f"{name}: {address} has no change: a part is missing",
            zh=f"{name}：{address} 缺少 change，内容不完整",
        )
    if one.get("deposed"):
        return None
    actions = tuple(str(action) for action in change["actions"])
    kind = kinds.terraform_kind(token)
    if one.get("mode") == "data":
        if kind is None or kind.name not in _SEEN or not isinstance(change.get("after"), dict):
            return None
        return _existing(kind, address, change["after"], change.get("after_unknown"))
    does = _CHANGES.get(actions)
    if kind is None and not kinds.foreign(token):
        return Resource(address=address, type=token, change=does or "update")
    if does is None:
        notes.append(words.unknown_operation(address, " ".join(actions)))
        does = "update"
    if kind is None:
        if does != "delete":
            notes.append(words.foreign_type(address, token))
        return Resource(address=address, type=token, change=does)
    if actions == ("create", "forget"):
        notes.append(words.kept_behind(address))
    if change.get("importing") and does in ("same", "update", "create"):
        does = "import"
    return _resource(one, kind, does, references, notes, unsure)


def _resource(
    one: Mapping[str, Any],
    kind: kinds.Kind,
    does: Change,
    references: References,
    notes: list[Note],
    unsure: list[str],
) -> Resource:
    address, module, change = one["address"], _module(one), one["change"]
    had = change.get("before") if isinstance(change.get("before"), dict) else None
    has = had if does == "kept" else change.get("after")
    before = None if had is None else {**_read(kind, had, None, change.get("before_sensitive"))}
    if before is not None and _id(had):
        before["id"] = _id(had)
    unknown = None if does == "kept" else change.get("after_unknown")
    after = (
        None
        if does == "delete"
        else _read(
            kind, has if isinstance(has, dict) else {}, unknown, change.get("after_sensitive")
        )
    )
    computed: dict[str, Any] = {}
    expressions = references.expressions(module, address)
    if after is not None and expressions is not None:
        dropped = _forget_computed(kind, after, expressions, made=does in ("create", "replace"))
        if kind.name in kinds.GROUPS and "ingress" in dropped:
            unsure.append(address)
    if after is not None and kind.name in kinds.GROUPS:
        computed = _part(after, before, does, expressions)
    if does != "delete" and expressions and kind.reads and references.dynamic(module, address):
        notes.append(words.dynamic_block(address))
    return Resource(
        address=address,
        type=kind.name,
        change=does,
        before=before,
        after=after,
        computed=computed,
        links=_links(kind, after, references, module, address),
        id=None if does == "replace" else _id(has) or (None if does == "create" else _id(had)),
    )


def _forget_computed(
    kind: kinds.Kind, after: dict[str, Any], expressions: Mapping[str, Any], *, made: bool
) -> list[str]:
    """Drop what is unknown because AWS fills it in, and not because of another resource.

    A dynamic block over something unknown looks the same: Terraform leaves such blocks out of the
    configuration that it shows (hashicorp/terraform#29522).  It is told apart where it can be: AWS
    fills in the rules of a group, and the entries of a list, only when they are made, and lists
    without entries are rare.

    Returns:
        What was dropped.
    """
    dropped = []
    for name in [name for name, value in after.items() if isinstance(value, Hidden)]:
        blocks = name == "entries" or (name == "ingress" and not made)
        if kind.terraform_name(name) not in expressions and not blocks:
            del after[name]
            dropped.append(name)
    return dropped


def _part(
    after: dict[str, Any],
    before: dict[str, Any] | None,
    does: Change,
    expressions: Mapping[str, Any] | None,
) -> dict[str, Any]:
    """Take the ``ingress`` out of a group that nobody asked for; gives it as computed.

    The argument is optional and computed: where the configuration lacks it, a plan repeats what
    AWS has, and for a new group says that it is unknown.  A dynamic block may stand in for the
    argument, which the configuration does not show; then the plan differs from what there was.
    """
    value = after.get("ingress")
    had = before.get("ingress") if before else None
    if value is None or (expressions is not None and "ingress" in expressions):
        return {}
    if (
        does in ("create", "replace")
        or isinstance(value, Hidden)
        or (had is not None and had != value)
    ):
        return {}
    del after["ingress"]
    if before is not None:
        before.pop("ingress", None)
    return {"ingress": value}


def _links(
    kind: kinds.Kind,
    after: Mapping[str, Any] | None,
    references: References,
    module: str,
    address: str,
) -> dict[str, tuple[str, ...]]:
    found: dict[str, tuple[str, ...]] = {}
    for name, value in (after or {}).items():
        if name in _LATE and hidden(value):
            links = references.links(module, address, kind.terraform_name(name))
            if links:
                found[name] = links
    return found


def _read(
    kind: kinds.Kind, properties: Mapping[str, Any], unknown: Any, marked: Any
) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name in kind.reads:
        key = kind.terraform_name(name)
        if key not in properties and name in properties:
            key = name  # a data source has Pulumi's name of it
        late = True if unknown is True else as_object(unknown).get(key)
        veiled = True if marked is True else as_object(marked).get(key)
        value = properties.get(key)
        if value is None and not late:
            continue
        value = from_terraform(value, late, veiled)
        if value is not None:
            found[name] = value
    return found


def _seen(one: Mapping[str, Any], name: str) -> Iterable[Resource]:
    """A data source: what is on AWS already."""
    kind = kinds.terraform_kind(_SHAPE.text(one, "type", name))
    if kind is None or kind.name not in _SEEN:
        return ()
    return (_existing(kind, _SHAPE.text(one, "address", name), as_object(one.get("values")), None),)


def _existing(kind: kinds.Kind, address: str, values: Mapping[str, Any], unknown: Any) -> Resource:
    return Resource(
        address=address,
        type=kind.name,
        change="same",
        after={**_read(kind, values, unknown, None)},
        id=_id(values),
    )


def _values(values: Mapping[str, Any], name: str) -> Iterator[Mapping[str, Any]]:
    """Every resource of a state, through its modules."""
    todo = [(values.get("root_module"), 0)]
    while todo:
        module, depth = todo.pop()
        if module is None:
            continue
        if not isinstance(module, dict) or depth > _DEEPEST:
            raise PlanRefused(
                f"{name}: a module is no object, or is nested too deep",
                zh=f"{name}：模块不是对象，或嵌套过深",
            )
        yield from _SHAPE.objects(module.get("resources"), name, "resources")
        todo += [
            (child, depth + 1)
            for child in _SHAPE.objects(module.get("child_modules"), name, "child_modules")
        ]


def _check_whole(document: Mapping[str, Any], known: set[str], name: str) -> None:
    """Refuse a plan whose planned values hold a resource that its changes lack."""
    planned = document.get("planned_values")
    for one in _values(planned if isinstance(planned, dict) else {}, name):
        if one.get("mode") != "data" and one.get("address") not in known:
            raise PlanRefused(
                f"{name} plans {one.get('address')} and has no change for it: a part is missing;"
                " make it anew with terraform show -json",
                zh=f"{name} 计划了 {one.get('address')}，但缺少其变更内容；请用 terraform show"
                " -json 重新生成",
            )


def _troubles(document: Mapping[str, Any], name: str) -> Iterator[Note]:
    """What the plan says of its own failure, and of what it put off."""
    if document.get("errored"):
        yield words.errored("plan")
    for one in _SHAPE.objects(document.get("deferred_changes"), name, "deferred_changes"):
        change = one.get("resource_change")
        address = change.get("address") if isinstance(change, dict) else None
        yield words.deferred(str(address or "plan"), str(one.get("reason") or "unknown"))


def _doubts(document: Mapping[str, Any], notes: list[Note]) -> Iterator[Note]:
    if document.get("complete") is False and not notes:
        yield words.partial("plan")


def _module(one: Mapping[str, Any]) -> str:
    module = one.get("module_address")
    return module if isinstance(module, str) else module_of(str(one["address"]))


def _id(values: Any) -> str | None:
    found = values.get("id") if isinstance(values, dict) else None
    return found if isinstance(found, str) and found else None
