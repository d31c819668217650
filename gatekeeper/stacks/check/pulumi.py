"""What Pulumi writes: ``pulumi preview --json``, ``pulumi stack export``, a backend's checkpoint.

Shapes: ``pkg/backend/display/json.go`` and ``sdk/go/common/apitype/core.go`` of Pulumi.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any, Final

from gatekeeper.errors import PlanRefused
from gatekeeper.stacks.check import kinds, words
from gatekeeper.stacks.check.index import ANY_PROPERTY
from gatekeeper.stacks.check.model import Blueprint, Change, Note, Resource
from gatekeeper.stacks.check.shape import Shape, as_object
from gatekeeper.stacks.check.values import camel, from_pulumi, hidden, snake

_SHAPE: Final = Shape("Pulumi")
_CHANGES: Final[dict[str, Change]] = {
    "same": "same",
    "create": "create",
    "update": "update",
    "delete": "delete",
    "replace": "replace",
    "create-replacement": "replace",
    "delete-replaced": "delete",
    "read": "same",
    "read-replacement": "same",
    "refresh": "same",
    "discard": "delete",
    "read-discard": "delete",
    "discard-replaced": "delete",
    "remove-pending-replace": "delete",
    "import": "import",
    "import-replacement": "replace",
}
_MADE: Final = ("create", "replace")
_MANY: Final = 10**9
_COUNTED: Final = ("create", "update", "delete", "import")
_ORDER: Final[tuple[Change, ...]] = ("replace", "import", "create", "update", "same", "delete")
"""Which of several steps of one resource says what there will be."""


def pulumi_resource(
    urn: str,
    token: str,
    inputs: Mapping[str, Any] | None,
    *,
    outputs: Mapping[str, Any] | None = None,
    old: Mapping[str, Any] | None = None,
    property_dependencies: Mapping[str, Sequence[str]] | None = None,
    dependencies: Sequence[str] = (),
    op: str = "create",
    id: str | None = None,  # noqa: A002 (Pulumi's name)
) -> Resource:
    """A resource as a Pulumi engine or policy pack shows it.

    Args:
        urn: its URN.
        token: its type, as ``aws:ec2/securityGroup:SecurityGroup``.
        inputs: what the program asks for, in camelCase; ``None`` for a resource that goes.
        outputs: what the provider says of it.
        old: the inputs before the change.
        property_dependencies: for an input the URNs of the resources that it comes from.
        dependencies: the same for the resource as a whole, where the former is not known.
        op: Pulumi's name of the step.
        id: the AWS id, where there is one.

    Raises:
        PlanRefused: a value is nested deeper than any resource is.
    """
    kind = kinds.pulumi_kind(token)
    change = _CHANGES.get(op, "update")
    if kind is None:
        return Resource(address=urn, type=token, change=change, after=inputs, id=id)
    links = {
        snake(name): tuple(urns)
        for name, urns in (property_dependencies or {}).items()
        if isinstance(urns, list | tuple)
    }
    if dependencies and not links:
        links[ANY_PROPERTY] = tuple(dependencies)
    before = None if old is None else {**_read(kind, old), **({"id": id} if id else {})}
    known = isinstance(id, str) and id and not hidden(from_pulumi(id)) and change != "replace"
    return Resource(
        address=urn,
        type=kind.name,
        change=change,
        before=before,
        after=None if inputs is None else _read(kind, inputs),
        computed=_read(kind, outputs) if outputs and change not in _MADE else {},
        links=links,
        id=id if known else None,
    )


def blueprint(resources: Iterable[Resource]) -> Blueprint:
    """A preview from resources, with what their types alone say."""
    found = tuple(resources)
    return Blueprint(
        source="pulumi-preview",
        resources=found,
        not_judged=tuple(
            words.foreign_type(one.address, one.type)
            for one in found
            if one.change != "delete" and kinds.foreign(one.type)
        ),
    )


def read_preview(document: Mapping[str, Any], *, name: str) -> Blueprint:
    """``pulumi preview --json``.

    Raises:
        PlanRefused: steps are missing, or are no steps.
    """
    steps = document.get("steps") or []
    notes = [*_missing(document, steps, name), *_troubles(document, name)]
    by_urn: dict[str, list[Mapping[str, Any]]] = {}
    for step in steps:
        by_urn.setdefault(step["urn"], []).append(step)
    shown = sum(step["op"] == "same" for step in steps)
    resources: list[Resource] = []
    for urn, several in by_urn.items():
        resource = _step(urn, several, notes, name)
        if resource is not None:
            resources.append(resource)
    return Blueprint(
        source="pulumi-preview",
        resources=tuple(resources),
        not_judged=tuple(notes),
        partial=_count(document, "same") > shown,
    )


def read_state(deployment: Mapping[str, Any], *, name: str) -> Blueprint:
    """The deployment of ``pulumi stack export``, or the newest one of a checkpoint.

    Raises:
        PlanRefused: its resources are none.
    """
    resources: list[Resource] = []
    notes: list[Note] = []
    warnings: list[Note] = []
    for state in _SHAPE.objects(deployment.get("resources"), name, "resources"):
        urn, token = _SHAPE.text(state, "urn", name), _SHAPE.text(state, "type", name)
        if state.get("delete") is True:
            if kinds.pulumi_kind(token) is not None:
                warnings.append(words.pending_delete(urn))
            continue
        if kinds.foreign(token):
            notes.append(words.foreign_type(urn, token))
        resources.append(_resource(urn, state, state, "same"))
    for pending in _SHAPE.objects(deployment.get("pending_operations"), name, "pending_operations"):
        begun = pending.get("resource")
        if isinstance(begun, dict) and _matters(str(begun.get("type"))):
            urn = _SHAPE.text(begun, "urn", name)
            notes.append(words.pending_operation(urn, str(pending.get("type"))))
    return Blueprint(
        source="pulumi-state",
        resources=tuple(resources),
        not_judged=tuple(notes),
        warnings=tuple(warnings),
    )


def _read(kind: kinds.Kind, properties: Mapping[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name in kind.reads:
        value = properties.get(camel(name))
        if value is not None:
            found[name] = from_pulumi(value)
    return found


def _matters(token: str) -> bool:
    return kinds.pulumi_kind(token) is not None or kinds.foreign(token)


def _missing(document: Mapping[str, Any], steps: Any, name: str) -> Iterator[Note]:
    """Steps that a preview counts and lacks.

    Raises:
        PlanRefused: it lacks all of them, or they are no steps.
    """
    found = dict.fromkeys(_COUNTED, 0)
    for step in _SHAPE.objects(steps, name, "steps"):
        _SHAPE.text(step, "urn", name)
        op = _SHAPE.text(step, "op", name)
        if op in found:
            found[op] += 1
    for op in _COUNTED:
        said = _count(document, op)
        if said > found[op] and not steps:
            raise PlanRefused(
                f"{name} counts {said:g} steps to {op} and has none: make it anew with"
                " pulumi preview --json --show-sames",
                zh=f"{name} 统计有 {said:g} 个 {op} 步骤，实际一个也没有："
                "请用 pulumi preview --json --show-sames 重新生成",
            )
        if said > found[op]:
            yield words.missing_steps(op, said, found[op])


def _count(document: Mapping[str, Any], op: str) -> float:
    """How many steps of a kind a preview says that it has."""
    said = as_object(document.get("changeSummary")).get(op)
    return min(said, _MANY) if isinstance(said, int | float) else 0


def _troubles(document: Mapping[str, Any], name: str) -> Iterable[Note]:
    """What the preview says of its own failure."""
    if document.get("maybeCorrupt"):
        yield words.corrupt("preview")
    for one in _SHAPE.objects(document.get("diagnostics"), name, "diagnostics"):
        if one.get("severity") == "error":
            yield words.errored(str(one.get("urn") or "preview"))


def _step(
    urn: str, steps: Sequence[Mapping[str, Any]], notes: list[Note], name: str
) -> Resource | None:
    """What the steps of one resource come to."""
    states = [state for step in steps for state in (step.get("newState"), step.get("oldState"))]
    token = next((str(s["type"]) for s in states if isinstance(s, dict) and s.get("type")), "")
    if kinds.foreign(token) and any(_makes(step) for step in steps):
        notes.append(words.foreign_type(urn, token))
    if not _matters(token):
        return Resource(address=urn, type=token, change="same")
    for step in steps:
        if step["op"] not in _CHANGES:
            notes.append(words.unknown_operation(urn, str(step["op"])))
    ranked: list[Mapping[str, Any]] = sorted(
        steps, key=lambda step: _ORDER.index(_CHANGES.get(step["op"], "update"))
    )
    best = ranked[0]
    change = _CHANGES.get(best["op"], "update")
    olds = [s["oldState"] for s in ranked if isinstance(s.get("oldState"), dict)]
    old: Mapping[str, Any] | None = olds[0] if olds else None
    new: Any = best.get("newState")
    if change == "delete":
        return _deleted(urn, old, name)
    if not isinstance(new, dict):
        if change == "same" and old is not None:
            new = old
        else:
            raise PlanRefused(
                f"{name}: the step to {best['op']} {urn} has no newState: a part is missing",
                zh=f"{name}：{urn} 的 {best['op']} 步骤缺少 newState，内容不完整",
            )
    if change == "replace" and old is not None and old.get("retainOnDelete"):
        notes.append(words.kept_behind(urn))
    return _resource(urn, new, old, change)


def _makes(step: Mapping[str, Any]) -> bool:
    return _CHANGES.get(step["op"], "update") != "delete"


def _deleted(urn: str, old: Mapping[str, Any] | None, name: str) -> Resource:
    """A resource that goes; one that Pulumi only forgets stays on AWS."""
    if old is None:
        raise PlanRefused(
            f"{name}: the step to delete {urn} has no oldState: a part is missing",
            zh=f"{name}：{urn} 的删除步骤缺少 oldState，内容不完整",
        )
    if old.get("retainOnDelete"):
        return _resource(urn, old, old, "kept")
    return _resource(urn, old, old, "delete")


def _resource(
    urn: str, state: Mapping[str, Any], old: Mapping[str, Any] | None, change: Change
) -> Resource:
    op = {"kept": "same"}.get(change, change)
    dependencies = state.get("propertyDependencies")
    inputs = state.get("inputs")
    if inputs is not None and not isinstance(inputs, dict):
        raise PlanRefused(
            f"{urn}: its inputs are no object: this is nothing that Pulumi wrote",
            zh=f"{urn}：inputs 不是对象，不是 Pulumi 生成的文件",
        )
    made = pulumi_resource(
        urn,
        str(state.get("type")),
        inputs or {},
        outputs=as_object(state.get("outputs")),
        old=as_object(old.get("inputs")) if old is not None else None,
        property_dependencies=as_object(dependencies) if dependencies else None,
        dependencies=[d for d in state.get("dependencies") or [] if isinstance(d, str)],
        op=op,
        id=state.get("id") or (old or {}).get("id"),
    )
    return made if change == op else replace(made, change="kept")
