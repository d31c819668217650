"""Endpoints: what has public addresses and can be guarded by security groups (DESIGN §5, §6)."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from itertools import chain
from typing import Final, Literal, NamedTuple

from gatekeeper.account.balancers import (
    arn_path,
    balancer_path,
    described_balancer,
    is_nat_gateway,
)
from gatekeeper.account.model import (
    FAMILIES,
    AccountState,
    Address,
    Family,
    Interface,
    LoadBalancer,
    LoadBalancerType,
)

AddressKind = Literal["eip", "elb", "auto", "ipv6"]
EndpointKind = Literal["interface", "load_balancer"]


class Doubt(NamedTuple):
    """Why something cannot be told, in both languages."""

    reason: str
    reason_zh: str


class Handle(StrEnum):
    """How the groups of an endpoint are changed."""

    INTERFACE = "interface"
    ELBV2 = "elbv2"
    CLASSIC = "classic"
    NONE = "none"
    """Not at all: another service manages the interface, or it takes no groups."""


class PublicAddress(NamedTuple):
    """One public address of an endpoint."""

    ip: str
    family: Family
    kind: AddressKind
    allocation_id: str | None = None


class Endpoint(NamedTuple):
    """A network interface, or a load balancer with its whole address set."""

    account_id: str
    endpoint: str
    kind: EndpointKind
    vpc_id: str
    group_ids: tuple[str, ...]
    addresses: tuple[PublicAddress, ...]
    handle: Handle
    fixed: Doubt | None = None
    """Why its groups cannot be changed, where ``handle`` is NONE."""
    doubts: tuple[Doubt, ...] = ()
    """Why what it exposes cannot be told."""
    load_balancer: LoadBalancer | None = None

    def ips(self, family: Family) -> tuple[str, ...]:
        """Its public addresses of one family."""
        return tuple([a.ip for a in self.addresses if a.family == family])

    @property
    def families(self) -> tuple[Family, ...]:
        """The families in which it has a public address."""
        if len(self.addresses) == 1:
            return (self.addresses[0].family,)
        found = {a.family for a in self.addresses}
        return tuple(f for f in FAMILIES if f in found)

    @property
    def groupless(self) -> bool:
        """A network load balancer without groups: it lets in whatever it listens on."""
        balancer = self.load_balancer
        return (
            balancer is not None
            and balancer.type is LoadBalancerType.NETWORK
            and not self.group_ids
        )


class AddressFact(NamedTuple):
    """What the account says of one public address that it has."""

    ip: str
    kind: AddressKind
    allocation_id: str | None
    interface_id: str | None
    endpoint: str | None
    """The endpoint that it serves, if any."""
    on_nat_gateway: bool = False


@dataclass(frozen=True, slots=True)
class AccountView:
    """The endpoints of an account, and every public address that it has."""

    endpoints: tuple[Endpoint, ...]
    addresses: dict[str, AddressFact]


_OCTETS: Final = {str(number): number for number in range(256)}
_PUBLIC_IPV6: Final = ipaddress.IPv6Network("2000::/3")
_LENT: Final = "amazon"
"""Also the head of "amazon-rds" and the like: a service that lends an address."""
_BALANCER_OWNER: Final = "amazon-elb"


def read_endpoints(state: AccountState) -> AccountView:
    """The endpoints of ``state`` in order of their ids, and its public addresses."""
    return _Reader(state).read()


def ipv4_number(text: str) -> int | None:
    """An IPv4 address as a number; ``None`` where the text is none.

    An account has tens of thousands of them, and ``ipaddress`` takes its time.
    """
    number = 0
    parts = text.split(".")
    for part in parts:
        octet = _OCTETS.get(part)
        if octet is None:
            return None
        number = number << 8 | octet
    return number if len(parts) == 4 else None


class _Reader:
    """Joins interfaces, addresses and load balancers of one account."""

    def __init__(self, state: AccountState) -> None:
        self.state = state
        self.by_interface: dict[str, list[Address]] = {}
        self.eips: dict[str, Address] = {}
        for address in state.addresses:
            self.eips[address.public_ip] = address
            if address.interface_id:
                self.by_interface.setdefault(address.interface_id, []).append(address)
        self.balancers = {arn_path(b): b for b in state.load_balancers}
        """By every path that the description of an interface may give."""
        self.balancers.update((balancer_path(b), b) for b in state.load_balancers)
        self.facts: dict[str, AddressFact] = {}
        self.illegible: dict[str, dict[str, None]] = {}
        """By interface, the texts that should be addresses and are none."""

    def read(self) -> AccountView:
        parts: dict[str, list[Interface]] = {}
        endpoints: list[Endpoint] = []
        seen: set[str] = set()
        own = ("", self.state.account_id)
        for interface in self.state.interfaces:
            seen.add(interface.interface_id)
            if interface.owner_id not in own and not self._has_own_address(interface):
                continue
            if is_nat_gateway(interface):
                self._addresses(interface, None, nat=True)
                continue
            path = described_balancer(interface)
            if path is not None and path in self.balancers:
                parts.setdefault(self.balancers[path].arn, []).append(interface)
                continue
            endpoint = self._interface(interface, path)
            if endpoint is not None:
                endpoints.append(endpoint)
        endpoints.extend(self._pretenders(parts))
        for balancer in self.state.load_balancers:
            made = self._balancer(balancer, parts.get(balancer.arn, []))
            if made is not None:
                endpoints.append(made)
        endpoints.extend(self._unseen(seen))
        for address in self.state.addresses:
            if address.public_ip not in self.facts:
                self.facts[address.public_ip] = AddressFact(
                    address.public_ip, "eip", address.allocation_id, address.interface_id, None
                )
        endpoints.sort(key=lambda e: e.endpoint)
        return AccountView(tuple(endpoints), self.facts)

    def _pretenders(self, parts: dict[str, list[Interface]]) -> Iterable[Endpoint]:
        """Takes interfaces of customers out of a load balancer that AWS gave its own.

        AWS manages every interface of a load balancer; only emulators leave that out.
        """
        for arn, found in parts.items():
            if any(part.requester_managed for part in found):
                parts[arn] = [part for part in found if part.requester_managed]
                for part in found:
                    endpoint = None if part.requester_managed else self._interface(part, None)
                    if endpoint is not None:
                        yield endpoint

    def _interface(self, interface: Interface, path: str | None) -> Endpoint | None:
        addresses = self._addresses(interface, interface.interface_id, balancer=path is not None)
        doubts = self._illegible(interface) if self.illegible else []
        if not addresses and not doubts:
            return None
        if path is not None:
            doubts.extend(self._balancers_unread(path))
        if not interface.group_ids:
            doubts.append(
                Doubt(
                    "it has no security groups and no load balancer explains it",
                    "该网卡没有安全组，也不属于任何已知的负载均衡",
                )
            )
        handle, fixed = Handle.INTERFACE, None
        if not self.state.owns(interface.owner_id):
            handle = Handle.NONE
            fixed = Doubt(
                f"account {interface.owner_id} owns the interface",
                f"该网卡属于账号 {interface.owner_id}",
            )
        elif path is not None:
            handle = Handle.NONE
            fixed = Doubt(
                f"its load balancer ({path}) no longer exists",
                f"其所属负载均衡（{path}）已不存在",
            )
        elif interface.requester_managed:
            handle = Handle.NONE
            by = interface.requester_id or interface.instance_owner_id or interface.interface_type
            fixed = Doubt(f"another service manages it ({by})", f"该网卡由其他服务托管（{by}）")
        return Endpoint(
            self.state.account_id,
            interface.interface_id,
            "interface",
            interface.vpc_id,
            interface.group_ids,
            addresses,
            handle,
            fixed,
            tuple(doubts),
        )

    def _balancer(self, balancer: LoadBalancer, parts: list[Interface]) -> Endpoint | None:
        found = (self._addresses(part, balancer.arn, balancer=True) for part in parts)
        addresses = tuple(sorted(chain.from_iterable(found), key=_address_order))
        internal = balancer.scheme == "internal"
        gateway = balancer.type is LoadBalancerType.GATEWAY
        if not addresses and (internal or gateway):
            return None
        doubts = [doubt for part in parts for doubt in self._illegible(part)]
        interfaces_unread = self.state.failed("DescribeNetworkInterfaces")
        if not parts:
            doubts.append(
                Doubt(
                    "its network interfaces are not in the answers",
                    "应答中没有该负载均衡的网络接口",
                )
            )
        elif interfaces_unread:
            doubts.append(
                Doubt(
                    "DescribeNetworkInterfaces was not read to its end: its address set may be"
                    " larger",
                    "DescribeNetworkInterfaces 未完整读取，其地址集可能不完整",
                )
            )
        elif not addresses:
            doubts.append(Doubt("its interfaces show no public address", "其网络接口没有公网地址"))
        handle, fixed = Handle.ELBV2, None
        if balancer.type is LoadBalancerType.CLASSIC:
            handle = Handle.CLASSIC
        if not balancer.group_ids:
            handle = Handle.NONE
            fixed = Doubt(
                "it has no security groups, and AWS lets none be added later",
                "该负载均衡没有安全组，且 AWS 不允许事后添加",
            )
            if balancer.type is not LoadBalancerType.NETWORK:
                doubts.append(
                    Doubt(
                        "the answer shows no security groups of it", "应答中没有该负载均衡的安全组"
                    )
                )
        return Endpoint(
            account_id=self.state.account_id,
            endpoint=balancer.arn,
            kind="load_balancer",
            vpc_id=balancer.vpc_id,
            group_ids=balancer.group_ids,
            addresses=addresses,
            handle=handle,
            fixed=fixed,
            doubts=tuple(doubts),
            load_balancer=balancer,
        )

    def _has_own_address(self, interface: Interface) -> bool:
        """Whether an EIP of this account is on an interface."""
        return interface.interface_id in self.by_interface or any(
            one.public_ip in self.eips or one.owner_id == self.state.account_id
            for one in interface.associations
        )

    def _unseen(self, seen: set[str]) -> Iterable[Endpoint]:
        """EIPs on interfaces that the answers lack: endpoints of which nothing is known."""
        for interface_id, addresses in self.by_interface.items():
            if interface_id in seen:
                continue
            for address in addresses:
                self.facts[address.public_ip] = AddressFact(
                    address.public_ip, "eip", address.allocation_id, interface_id, interface_id
                )
            yield Endpoint(
                account_id=self.state.account_id,
                endpoint=interface_id,
                kind="interface",
                vpc_id="",
                group_ids=(),
                addresses=tuple(
                    PublicAddress(a.public_ip, "ipv4", "eip", a.allocation_id)
                    for a in sorted(addresses)
                ),
                handle=Handle.NONE,
                fixed=Doubt("the interface is not in the answers", "应答中没有该网络接口"),
                doubts=(Doubt("the interface is not in the answers", "应答中没有该网络接口"),),
            )

    def _balancers_unread(self, path: str) -> Iterable[Doubt]:
        operation = "elbv2:DescribeLoadBalancers" if "/" in path else "elb:DescribeLoadBalancers"
        if self.state.failed(operation):
            yield Doubt(
                f"it belongs to load balancer {path}, and {operation} was not read",
                f"其属于负载均衡 {path}，但 {operation} 未能读取",
            )

    def _illegible(self, interface: Interface) -> list[Doubt]:
        """Addresses of an interface that are none: nobody can tell what it serves."""
        return [
            Doubt(f"its address {text!r} cannot be read", f"其地址 {text!r} 无法解析")
            for text in self.illegible.get(interface.interface_id, ())
        ]

    def _unread(self, text: str, interface: Interface) -> None:
        self.illegible.setdefault(interface.interface_id, {})[text] = None

    def _addresses(
        self,
        interface: Interface,
        endpoint: str | None,
        *,
        balancer: bool = False,
        nat: bool = False,
    ) -> tuple[PublicAddress, ...]:
        """The public addresses of an interface, IPv4 first."""
        found = self._ipv4(interface, balancer=balancer)
        for text in interface.ipv6:
            try:
                address = ipaddress.IPv6Address(text)
            except ValueError:
                self._unread(text, interface)
                continue
            if address in _PUBLIC_IPV6:
                found[str(address)] = PublicAddress(str(address), "ipv6", "ipv6")
        for public in found.values():
            self.facts[public.ip] = AddressFact(
                public.ip, public.kind, public.allocation_id, interface.interface_id, endpoint, nat
            )
        if len(found) < 2:
            return tuple(found.values())
        return tuple(sorted(found.values(), key=_address_order))

    def _ipv4(self, interface: Interface, *, balancer: bool) -> dict[str, PublicAddress]:
        """Both sides joined: what the interface shows, and what DescribeAddresses puts on it."""
        found: dict[str, PublicAddress] = {}
        for association in interface.associations:
            ip = association.public_ip
            if ipv4_number(ip) is None:
                self._unread(ip, interface)
                continue
            eip = self.eips.get(ip)
            if eip is not None:
                found[ip] = PublicAddress(ip, "ipv4", "eip", eip.allocation_id)
                continue
            kind: AddressKind = "eip"
            if association.allocation_id is None:
                if balancer or association.owner_id == _BALANCER_OWNER:
                    kind = "elb"
                elif association.owner_id.startswith(_LENT):
                    kind = "auto"
            found[ip] = PublicAddress(ip, "ipv4", kind, association.allocation_id)
        for eip in self.by_interface.get(interface.interface_id, ()):
            ip = eip.public_ip
            if ip in found:
                continue
            if ipv4_number(ip) is None:
                self._unread(ip, interface)
            else:
                found[ip] = PublicAddress(ip, "ipv4", "eip", eip.allocation_id)
        return found


def _address_order(address: PublicAddress) -> tuple[str, int]:
    return address.family, int(ipaddress.ip_address(address.ip))
