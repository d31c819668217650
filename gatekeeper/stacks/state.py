"""What a stack of gates holds, read from its exported state; anything else in it is refused.

The layout is rebuilt from the gates, rules and attachments of the state, and then must name exactly
what the state has: a resource that no layout explains would be deleted by the next update.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from gatekeeper.account import FAMILIES, Family
from gatekeeper.errors import StackError
from gatekeeper.gate import gate_name
from gatekeeper.stacks.layout import (
    ATTACHMENT_TYPE,
    GROUP_TYPE,
    RULE_TYPE,
    Attachment,
    Layout,
    OpenedPort,
    Place,
    attachment_of,
)

STACK_TYPE: Final = "pulumi:pulumi:Stack"
PROVIDER_TYPE: Final = "pulumi:providers:aws"
COMPONENT_TYPE: Final = "gatekeeper:stacks:Gates"
_FRAME: Final = frozenset({STACK_TYPE, PROVIDER_TYPE, COMPONENT_TYPE})
_FAMILIES: Final[Mapping[str, Family]] = {gate_name(family): family for family in FAMILIES}


@dataclass(frozen=True, slots=True)
class StackState:
    """The gates that a stack owns now, and the ids that AWS gave them."""

    layout: Layout
    ids: Mapping[str, str] = field(default_factory=dict)
    """Each part's id, by its logical name."""
    providers: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    """The inputs of each provider, by its URN: an update need not show one that stays the same."""

    def group_id(self, place: Place) -> str | None:
        """The gate that the stack owns at a place."""
        return self.ids.get(self.layout.group_name(place))

    def attachment(self, interface_id: str, family: Family) -> Attachment | None:
        """The stack's attachment of an interface for a family."""
        return next(
            (
                one
                for one in self.layout.attachments
                if one.interface_id == interface_id and one.family == family
            ),
            None,
        )


def name_of(urn: str) -> str:
    """The logical name at a URN's end."""
    return urn.rsplit("::", 1)[-1]


def is_ours(urn: str, kind: str) -> bool:
    """Whether a URN is that of a part of ``Gates``: its type goes by way of the component's."""
    return urn.split("::")[2:3] == [f"{COMPONENT_TYPE}${kind}"]


def read_state(deployment: Mapping[str, Any] | None, empty: Layout) -> StackState:
    """The state of a deployment as ``pulumi stack export`` writes it.

    Args:
        deployment: what stands under ``deployment``; ``None`` for a stack never brought up.
        empty: a layout without gates: its names, stack and owner.

    Raises:
        StackError: the state has something that no gate explains, or is half done.
    """
    found = list((deployment or {}).get("resources") or ())
    groups: dict[str, Place] = {}
    ports: dict[Place, list[OpenedPort]] = {}
    attachments: list[Attachment] = []
    ids: dict[str, str] = {}
    providers: dict[str, Mapping[str, Any]] = {}
    for one in found:
        kind, urn = one.get("type"), str(one.get("urn", ""))
        if one.get("delete") or one.get("external") or one.get("pendingReplacement"):
            raise _refused(empty, urn, "is half replaced or external", "处于替换过程中或为外部资源")
        if kind == GROUP_TYPE:
            place = _place(one, empty)
            groups[str(one.get("id"))] = place
            ports[place] = []
    for one in found:
        kind, urn, inputs = one.get("type"), str(one.get("urn", "")), one.get("inputs") or {}
        if kind == PROVIDER_TYPE:
            providers[urn] = inputs
        if kind in _FRAME:
            continue
        if kind not in (GROUP_TYPE, RULE_TYPE, ATTACHMENT_TYPE):
            raise _refused(empty, urn, "is no gate's", "不属于闸门")
        if not is_ours(urn, str(kind)):
            raise _refused(empty, urn, "is not the component's", "不属于该组件")
        ids[name_of(urn)] = str(one.get("id") or "")
        if kind == GROUP_TYPE:
            continue
        place_of = groups.get(str(inputs.get("securityGroupId")))
        if place_of is None:
            raise _refused(
                empty, urn, "is of a group that is not the stack's", "所属安全组不在堆栈中"
            )
        if kind == RULE_TYPE:
            ports[place_of].append((str(inputs.get("ipProtocol")), inputs.get("fromPort", 0)))
        else:
            interface, family = str(inputs.get("networkInterfaceId")), place_of.family
            attachments.append(attachment_of(interface, family, place_of.vpc_id))
    layout = empty.changed(gates=ports, attached=attachments)
    _explain(layout, ids, empty)
    return StackState(layout, ids, providers)


def _place(resource: Mapping[str, Any], empty: Layout) -> Place:
    inputs = resource.get("inputs") or {}
    family = _FAMILIES.get(str(inputs.get("name")))
    if family is None:
        raise _refused(empty, str(resource.get("urn")), "is no gate", "不是闸门")
    return Place(str(inputs.get("vpcId")), family)


def _explain(layout: Layout, names: Iterable[str], empty: Layout) -> None:
    explained = {part.name for part in layout.parts()}
    strange = sorted(set(names) ^ explained)
    if strange:
        raise _refused(empty, strange[0], "is not what its name says", "与其名称不符")


def _refused(empty: Layout, urn: str, why: str, why_zh: str) -> StackError:
    return StackError(
        f"stack {empty.stack}: {urn} {why}; gatekeeper changes only a stack that holds gates and"
        " nothing else: move it to another stack, or mend the state",
        zh=f"堆栈 {empty.stack}：{urn} {why_zh}；gatekeeper 只更改仅含闸门的堆栈，请移至其他堆栈"
        "或修正状态",
        code="ForeignState",
    )
