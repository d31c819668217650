"""What a stack of gates consists of: pure values, which ``Gates`` registers one by one.

A preview is compared with the same values, so what is registered and what is allowed cannot differ.

=====================  ==========================================================================
part                   logical name
=====================  ==========================================================================
a gate                 ``NAME-VPC-FAMILY``, protected
a rule of it           ``NAME-VPC-FAMILY-PROTOCOL-PORT``, never protected: it must be closable
an attachment of it    ``NAME-INTERFACE-FAMILY``
=====================  ==========================================================================

Names come from what a part is, never from its place in a list: a renamed rule would be made before
the old one goes, which AWS refuses as a duplicate.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Any, Final, NamedTuple, TypeGuard

from gatekeeper.account import FAMILIES, Family
from gatekeeper.errors import StackError
from gatekeeper.gate import GATE_DESCRIPTION, STACK_TAG, gate_name, owner_tags, port_rules

GROUP_TYPE: Final = "aws:ec2/securityGroup:SecurityGroup"
RULE_TYPE: Final = "aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule"
ATTACHMENT_TYPE: Final = (
    "aws:ec2/networkInterfaceSecurityGroupAttachment:NetworkInterfaceSecurityGroupAttachment"
)
_VPC: Final = re.compile(r"vpc-[0-9a-z-]+")
_INTERFACE: Final = re.compile(r"eni-[0-9a-z-]+")


class Place(NamedTuple):
    """Where a gate stands: its VPC and address family."""

    vpc_id: str
    family: Family


class Attachment(NamedTuple):
    """An interface that holds the gate of its VPC for one family."""

    interface_id: str
    family: Family
    vpc_id: str

    @property
    def place(self) -> Place:
        return Place(self.vpc_id, self.family)


OpenedPort = tuple[str, int]
"""("tcp" or "udp", number)."""


class Part(NamedTuple):
    """One resource as its provider gets it: inputs under the names that Pulumi's schema gives."""

    name: str
    type: str
    inputs: Mapping[str, Any]
    group: str | None = None
    """The part whose id is this one's ``securityGroupId``."""


@dataclass(frozen=True, slots=True)
class Layout:
    """The gates that one stack owns in one account, and who holds them."""

    name: str
    """The component's name, with which every part's begins."""
    stack: str
    """``project/stack``, as the tag of the gates says it."""
    owner: str
    gates: Mapping[Place, tuple[OpenedPort, ...]] = field(default_factory=dict)
    attachments: frozenset[Attachment] = frozenset()

    def __post_init__(self) -> None:
        """Refuse what no gate can be.

        Raises:
            StackError: a place or a port is malformed, or an attachment has no gate.
        """
        gates = {
            _place(place): tuple(sorted({_port(one) for one in ports}))
            for place, ports in self.gates.items()
        }
        object.__setattr__(self, "gates", MappingProxyType(gates))
        for one in self.attachments:
            if one.place not in gates:
                raise StackError(
                    f"{one.interface_id} is to hold the {one.family} gate of {one.vpc_id}, which"
                    " is not among the stack's; add the VPC to vpcs",
                    zh=f"{one.interface_id} 需绑定 {one.vpc_id} 的 {one.family} 闸门，但该闸门不在"
                    "堆栈中，请将该 VPC 加入 vpcs",
                )

    def group_name(self, place: Place) -> str:
        """The logical name of a gate."""
        return f"{self.name}-{place.vpc_id}-{place.family}"

    def group(self, place: Place) -> Part:
        """A gate's group, without its rules.

        ``egress`` is an empty list and not left out: the provider then takes out the rule that AWS
        puts into each new group, and any that comes later.
        """
        return Part(
            self.group_name(place),
            GROUP_TYPE,
            {
                "name": gate_name(place.family),
                "description": GATE_DESCRIPTION,
                "vpcId": place.vpc_id,
                "egress": [],
                "tags": {**owner_tags(self.owner), STACK_TAG: self.stack},
            },
        )

    def rules(self, place: Place) -> tuple[Part, ...]:
        """The rules of a gate, one for each opened port."""
        source = "cidrIpv6" if place.family == "ipv6" else "cidrIpv4"
        group = self.group_name(place)
        return tuple(
            Part(
                f"{group}-{rule.protocol}-{rule.from_port}",
                RULE_TYPE,
                {
                    "ipProtocol": rule.protocol,
                    "fromPort": rule.from_port,
                    "toPort": rule.to_port,
                    source: rule.source,
                },
                group,
            )
            for rule in port_rules(place.family, self.gates[place])
        )

    def attachment(self, one: Attachment) -> Part:
        """An attachment."""
        return Part(
            f"{self.name}-{one.interface_id}-{one.family}",
            ATTACHMENT_TYPE,
            {"networkInterfaceId": one.interface_id},
            self.group_name(one.place),
        )

    def parts(self) -> tuple[Part, ...]:
        """Every part, each after the one that it hangs on."""
        found: list[Part] = []
        for place in sorted(self.gates):
            found += [self.group(place), *self.rules(place)]
        return (*found, *(self.attachment(one) for one in sorted(self.attachments)))

    def changed(
        self,
        *,
        gates: Mapping[Place, Iterable[OpenedPort]] | None = None,
        attached: Iterable[Attachment] = (),
        detached: Iterable[Attachment] = (),
    ) -> Layout:
        """This layout with gates laid over its own, and interfaces that gain or lose one."""
        merged = {**self.gates, **{p: tuple(ports) for p, ports in (gates or {}).items()}}
        held = (self.attachments | frozenset(attached)) - frozenset(detached)
        return replace(self, gates=merged, attachments=held)


def is_family(text: object) -> TypeGuard[Family]:
    """Whether a text names an address family."""
    return text in FAMILIES


def places(
    vpcs: Sequence[str] | Mapping[str, Sequence[str]],
) -> tuple[Place, ...]:
    """The places that a program names: a gate of each family where it does not say which.

    Raises:
        StackError: a family or a VPC id is malformed.
    """
    named = vpcs if isinstance(vpcs, Mapping) else dict.fromkeys(vpcs, FAMILIES)
    return tuple(
        sorted({_place((vpc_id, f)) for vpc_id, families in named.items() for f in families})
    )


def attachment_of(interface_id: str, family: str, vpc_id: str) -> Attachment:
    """An attachment as a program names it.

    Raises:
        StackError: an id or the family is malformed.
    """
    if not isinstance(interface_id, str) or not _INTERFACE.fullmatch(interface_id):
        raise _wrong(interface_id, "network interface id (eni-…)", "网卡 ID（eni-…）")
    place = _place((vpc_id, family))
    return Attachment(interface_id, place.family, place.vpc_id)


def _place(given: tuple[str, str]) -> Place:
    vpc_id, family = given
    if not isinstance(vpc_id, str) or not _VPC.fullmatch(vpc_id):
        raise _wrong(vpc_id, "VPC id (vpc-…)", "VPC ID（vpc-…）")
    if not is_family(family):
        raise _wrong(family, "address family (ipv4 or ipv6)", "地址族（ipv4 或 ipv6）")
    return Place(vpc_id, family)


def _port(given: tuple[str, int]) -> OpenedPort:
    """A port; numbers out of Pulumi's configuration come as floats."""
    protocol, number = given
    whole = not isinstance(number, bool) and isinstance(number, int | float) and number % 1 == 0
    if protocol not in ("tcp", "udp") or not whole or not 1 <= number <= 65535:
        raise _wrong(
            f"{protocol}/{number}", "port (tcp or udp, 1-65535)", "端口（tcp 或 udp，1-65535）"
        )
    return protocol, int(number)


def _wrong(value: object, kind: str, kind_zh: str) -> StackError:
    return StackError(
        f"{value!r} is no {kind}; correct the program of the stack",
        zh=f"{value!r} 不是{kind_zh}，请更正堆栈程序",
    )
