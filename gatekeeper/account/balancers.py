"""Which load balancer an interface belongs to, and what is a NAT gateway's.

AWS marks a load balancer's interfaces by their description alone (``ELB app/NAME/ID``,
``ELB net/NAME/ID``, ``ELB NAME``; AWS knowledge center "find load balancer IP").  Descriptions are
the customer's to write, so an interface that serves an instance is never taken for one.
"""

from __future__ import annotations

import re
from typing import Final

from gatekeeper.account.model import Interface, LoadBalancer, LoadBalancerType

_V2_DESCRIPTION: Final = re.compile(r"ELB ((?:app|net|gwy)/[^/]+/[^/]+)(?:/.*)?")
_CLASSIC_DESCRIPTION: Final = re.compile(r"ELB ([A-Za-z0-9-]{1,32})")
_PATH: Final = {
    LoadBalancerType.APPLICATION: "app",
    LoadBalancerType.NETWORK: "net",
    LoadBalancerType.GATEWAY: "gwy",
}


def balancer_path(balancer: LoadBalancer) -> str:
    """``app/NAME/ID``, ``net/NAME/ID`` or, for a classic one, its name."""
    if balancer.type is LoadBalancerType.CLASSIC:
        return balancer.name
    return f"{_PATH[balancer.type]}/{balancer.name}/{balancer.arn.rsplit('/', 1)[-1]}"


def arn_path(balancer: LoadBalancer) -> str:
    """The path in the ARN: some emulators give a network load balancer an ``app/`` one."""
    return balancer.arn.partition(":loadbalancer/")[2]


def described_balancer(interface: Interface) -> str | None:
    """The path or name of the load balancer that an interface says it belongs to."""
    description = interface.description
    if not description.startswith("ELB ") or interface.instance_id:
        return None
    match = _V2_DESCRIPTION.fullmatch(description)
    if match is None:
        match = _CLASSIC_DESCRIPTION.fullmatch(description)
    return match[1] if match else None


def is_nat_gateway(interface: Interface) -> bool:
    return interface.interface_type in ("nat_gateway", "natGateway") or (
        interface.requester_managed
        and interface.description.startswith("Interface for NAT Gateway")
    )
