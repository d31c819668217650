"""``Gates``: the gates of VPCs and who holds them, owned by a Pulumi stack.

What it makes is what gatekeeper itself would make, so gatekeeper recognises the groups as its own
and watches them as ever; the tag ``gatekeeper:stack`` says which stack owns them.

.. code-block:: python

    from gatekeeper.stacks import Gates

    Gates(
        "gates",
        vpcs=["vpc-0a1b2c3d"],
        owner="nwcd-gatekeeper",
        opened=[("tcp", 80), ("tcp", 443), ("tcp", 8080), ("udp", 443)],
        attachments=[("eni-0a1b2c3d", "ipv4")],
    )
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

import pulumi
from pulumi_aws import ec2, vpc

from gatekeeper.stacks.layout import Layout, OpenedPort, Part, Place, attachment_of, places

COMPONENT_TYPE: Final = "gatekeeper:stacks:Gates"


class Gates(pulumi.ComponentResource):
    """The gates of VPCs, one group for each VPC and family, and their attachments.

    The groups are protected, their rules are not: a rule that cannot be taken out would be a port
    that cannot be closed.  A rule or an attachment that must be replaced goes before it comes back.

    Args:
        name: the component's name; every part's logical name begins with it.
        vpcs: the VPCs, each with a gate of both families, or a mapping of VPC to families.
        owner: the policy's ``owner``: gatekeeper knows its gates by it.
        opened: the (protocol, port) pairs that each gate lets in, or a mapping of
            (VPC, family) to them.
        attachments: (interface, family) pairs; an interface holds the gate of its own VPC.
        interface_vpcs: the VPC of each interface, where the program knows it.  Others are looked
            up with DescribeNetworkInterfaces, unless all gates stand in one VPC.
        opts: a provider, aliases, …

    Raises:
        StackError: an id, a family or a port is malformed.
    """

    group_ids: pulumi.Output[dict[str, str]]
    """The group's id for each ``VPC/FAMILY``."""

    def __init__(
        self,
        name: str,
        *,
        vpcs: Sequence[str] | Mapping[str, Sequence[str]],
        owner: str,
        opened: Sequence[tuple[str, int]] | Mapping[tuple[str, str], Sequence[tuple[str, int]]],
        attachments: Sequence[tuple[str, str]] = (),
        interface_vpcs: Mapping[str, str] | None = None,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        super().__init__(COMPONENT_TYPE, name, None, opts)
        wanted = places(vpcs)
        ports: dict[Place, tuple[OpenedPort, ...]] = {
            place: tuple(opened.get(place, ()) if isinstance(opened, Mapping) else opened)
            for place in wanted
        }
        layout = Layout(
            name,
            f"{pulumi.get_project()}/{pulumi.get_stack()}",
            owner,
            ports,
            frozenset(
                attachment_of(
                    interface, family, self._vpc_of(interface, wanted, interface_vpcs or {})
                )
                for interface, family in attachments
            ),
        )
        self._register(layout)

    def _vpc_of(self, interface: str, wanted: Sequence[Place], known: Mapping[str, str]) -> str:
        vpcs = {place.vpc_id for place in wanted}
        if interface in known:
            return known[interface]
        if len(vpcs) == 1:
            return vpcs.pop()
        found = ec2.get_network_interface(id=interface, opts=pulumi.InvokeOptions(parent=self))
        return found.vpc_id

    def _register(self, layout: Layout) -> None:
        groups: dict[str, ec2.SecurityGroup] = {}
        ids: dict[str, pulumi.Output[str]] = {}
        rules: dict[str, list[pulumi.Resource]] = {}
        for place in sorted(layout.gates):
            part = layout.group(place)
            group = ec2.SecurityGroup(
                part.name,
                name=part.inputs["name"],
                description=part.inputs["description"],
                vpc_id=part.inputs["vpcId"],
                egress=part.inputs["egress"],
                tags=part.inputs["tags"],
                opts=pulumi.ResourceOptions(parent=self, protect=True),
            )
            groups[part.name] = group
            ids["/".join(place)] = group.id
            rules[part.name] = [self._rule(one, group) for one in layout.rules(place)]
        for one in sorted(layout.attachments):
            part = layout.attachment(one)
            assert part.group is not None
            ec2.NetworkInterfaceSecurityGroupAttachment(
                part.name,
                network_interface_id=part.inputs["networkInterfaceId"],
                security_group_id=groups[part.group].id,
                # A half-made gate is attached to nobody.
                opts=self._opts(depends_on=rules[part.group]),
            )
        self.group_ids = pulumi.Output.all(**ids) if ids else pulumi.Output.from_input({})
        self.register_outputs({"group_ids": self.group_ids})

    def _rule(self, part: Part, group: ec2.SecurityGroup) -> pulumi.Resource:
        return vpc.SecurityGroupIngressRule(
            part.name,
            security_group_id=group.id,
            ip_protocol=part.inputs["ipProtocol"],
            from_port=part.inputs["fromPort"],
            to_port=part.inputs["toPort"],
            cidr_ipv4=part.inputs.get("cidrIpv4"),
            cidr_ipv6=part.inputs.get("cidrIpv6"),
            opts=self._opts(),
        )

    def _opts(self, depends_on: Sequence[pulumi.Resource] = ()) -> pulumi.ResourceOptions:
        # Protection is inherited: without this a protected component could close nothing.
        return pulumi.ResourceOptions(
            parent=self,
            protect=False,
            retain_on_delete=False,
            delete_before_replace=True,
            depends_on=list(depends_on),
        )
