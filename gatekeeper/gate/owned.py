"""Groups that a stack owns: which, how that is known, and what to tell whoever keeps its program.

Pulumi sets no tags of its own, so a group is known by a tag that somebody chose (``stacks.tags``),
by our components' ``gatekeeper:stack``, or by its id in the policy (``stacks.owned``).  Whatever
gatekeeper changes in such a group, the stack's next refresh shows as drift and its next update may
undo: its program must say the same.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final, NamedTuple

from gatekeeper.account import Doubt, Family, SecurityGroup
from gatekeeper.gate.model import shortlist
from gatekeeper.policy import Policy, Port

_NO: Final = frozenset({"", "0", "false", "no", "none", "null"})
"""Values of a tag such as ``terraform`` that say that no stack owns the group."""


class StackOwner(NamedTuple):
    """The stack that owns a group."""

    stack: str
    by: str
    """How it is known: ``tag KEY``, or ``stacks.owned``."""
    by_zh: str

    def __str__(self) -> str:
        return f"stack {self.stack} ({self.by})"

    @property
    def zh(self) -> str:
        """The same in Chinese."""
        return f"堆栈 {self.stack}（{self.by_zh}）"


class GatePorts(NamedTuple):
    """A change of a stack of gates: the gate of a VPC and family exists and lets in these ports."""

    vpc_id: str
    family: Family
    ports: tuple[tuple[str, int], ...]


class GateHeld(NamedTuple):
    """A change of a stack of gates: an interface holds the gate of its VPC, or ceases to."""

    interface_id: str
    family: Family
    vpc_id: str
    held: bool


GateChange = GatePorts | GateHeld


def stack_of(group: SecurityGroup, policy: Policy) -> StackOwner | None:
    """The stack that owns a group, if one is known to.

    The policy's list comes first, then the tags in the policy's order.  Keys compare without case:
    AWS keeps ``Terraform`` and ``terraform`` apart, people do not.
    """
    listed = next((o for o in policy.stacks.owned if o.group_id == group.group_id), None)
    if listed is not None:
        return StackOwner(listed.stack, "stacks.owned", "stacks.owned")
    if not group.tags:
        return None
    tags = {key.lower(): (key, value.strip()) for key, value in group.tags}
    for wanted in policy.stacks.tags:
        key, value = tags.get(wanted.lower(), ("", ""))
        if value.lower() not in _NO:
            return StackOwner(value, f"tag {key}", f"标签 {key}")
    return None


def stack_remedy(
    groups: Iterable[SecurityGroup], gates: frozenset[str], ports: Iterable[Port], policy: Policy
) -> Doubt | None:
    """What to change in the programs that own the groups through which an endpoint is exposed.

    Args:
        groups: the groups at fault.
        gates: the ids of our gates: there the attachment is to go, not a rule.
        ports: what is exposed.
        policy: whose are which, and whether gatekeeper narrows them.
    """
    english: list[str] = []
    chinese: list[str] = []
    named = shortlist([str(port) for port in ports])
    for group in groups:
        owner = stack_of(group, policy)
        if owner is None:
            continue
        if group.group_id in gates:
            english.append(
                f"{owner} attaches {group.group_id}: take the attachment out of its program too,"
                " or its next update brings it back"
            )
            chinese.append(
                f"{group.group_id} 由{owner.zh}绑定：请在其程序中同时移除该绑定，否则下次更新会恢复"
            )
        elif policy.stacks.mode == "report":
            english.append(
                f"{owner} owns {group.group_id} and stacks.mode is report, so apply leaves it: take"
                f" {named} from the Internet out of its program and update the stack"
            )
            chinese.append(
                f"{group.group_id} 归{owner.zh}所有，且 stacks.mode 为 report，apply 不会改动："
                f"请在其程序中移除对公网开放的 {named} 并更新堆栈"
            )
        else:
            english.append(
                f"{owner} owns {group.group_id}: take {named} from the Internet out of its program"
                " too, or its next update opens it again"
            )
            chinese.append(
                f"{group.group_id} 归{owner.zh}所有：请在其程序中同时移除对公网开放的 {named}，"
                "否则下次更新会重新开放"
            )
    if not english:
        return None
    return Doubt("; ".join(english), "；".join(chinese))


def narrowing_refused(owner: StackOwner) -> Doubt:
    """Why a group of a stack stays as it is under ``stacks.mode: report``."""
    return Doubt(
        f"{owner} owns the group and stacks.mode is report; close the gated ports in its program"
        " and bring the stack up, or set stacks.mode to enforce",
        f"该安全组归{owner.zh}所有，且 stacks.mode 为 report；请在其程序中移除受管控端口"
        "并更新堆栈，或将 stacks.mode 设为 enforce",
    )


def narrowing_warned(owner: StackOwner) -> Doubt:
    """What narrowing a group of a stack brings, under ``stacks.mode: enforce``."""
    return Doubt(
        f"{owner} owns it: its next refresh shows a difference and its next update may open it"
        " again, so take the gated ports out of its program too",
        f"该安全组归{owner.zh}所有：下次 refresh 会显示差异，下次更新可能重新开放，"
        "请同时在其程序中移除受管控端口",
    )
