"""Plans by chance, in every spelling of both tools, and a judge that only tries packets.

The judge knows nothing of ``gatekeeper.stacks.check`` or of the traffic algebra: it asks for each
probe, with ``ipaddress``, whether some rule lets it in.
"""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass
from functools import cache
from typing import Any

from hypothesis import strategies as st

from tests.unit.stacks.check import plans

GATED = (("tcp", 80), ("tcp", 443), ("tcp", 8080), ("udp", 443))
NUMBERS = {"tcp": 6, "udp": 17, "icmp": 1, "gre": 47, "all": -1}
NETWORKS = {
    "ipv4": (
        "0.0.0.0/0", "0.0.0.0/1", "128.0.0.0/1", "52.83.1.1/32", "52.0.0.0/8", "96.0.0.0/3",
        "10.0.0.0/8", "10.1.2.3/32", "100.64.0.0/10", "172.16.0.0/12", "192.168.0.0/16",
        "127.0.0.0/8", "203.0.113.0/24", "224.0.0.0/4", "9.0.0.0/8", "11.0.0.0/8", "8.0.0.0/6",
    ),
    "ipv6": (
        "::/0", "::/1", "8000::/1", "2000::/3", "2406:da70::/32", "2406:da70::1/128", "fc00::/7",
        "fe80::/10", "4000::/2",
    ),
}  # fmt: skip
INTERNAL = ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10", "fc00::/7")
SPECIAL = (
    "0.0.0.0/8", "127.0.0.0/8", "169.254.0.0/16", "192.0.0.0/24", "192.0.2.0/24",
    "198.18.0.0/15", "198.51.100.0/24", "203.0.113.0/24", "224.0.0.0/3",
)  # fmt: skip
PORTS = (0, 22, 79, 80, 81, 442, 443, 444, 8079, 8080, 8081, 65535)
ENDPOINTS = {
    # Whether each family may be opened; None where it has no address of it.
    plans.OPEN: (True, None),
    plans.CLOSED: (False, None),
    plans.BLIND: (False, None),
    plans.HOLD: (True, None),
    "eni-both": (True, False),
    "eni-nobody": (False, False),
}


def _probes() -> tuple[str, ...]:
    found = {"8.8.8.8", "52.83.1.1", "200.1.1.1", "101.1.1.1", "9.9.9.9", "11.1.1.1"}
    found |= {"2406:da70::1", "2001:db8::1", "3fff::1"}
    for networks in NETWORKS.values():
        for text in networks:
            network = ipaddress.ip_network(text)
            found |= {str(network.network_address), str(network.broadcast_address)}
    internal = [ipaddress.ip_network(text) for text in (*INTERNAL, *SPECIAL)]
    routable = ipaddress.ip_network("2000::/3")
    return tuple(
        text
        for text in sorted(found)
        for address in [ipaddress.ip_address(text)]
        if not any(address in network for network in internal)
        and (address.version == 4 or address in routable)
    )


PROBES = _probes()
"""Addresses of the Internet, in and beside every network."""


@cache
def _holds(network: str, address: str) -> bool:
    return ipaddress.ip_address(address) in ipaddress.ip_network(network)


@dataclass(frozen=True)
class Written:
    """One rule: what it means, and how it is written."""

    protocol: str
    ports: tuple[int, int] | None
    family: str
    networks: tuple[str, ...]
    holder: str
    """``inline``, ``rule`` or ``ingress``."""
    listed: bool
    veil: str
    """Which part is hidden: ``""``, ``protocol``, ``from``, ``to``, ``source`` (some of them)."""
    secret: bool
    spelling: int
    op: str

    def lets_in(self, protocol: str, port: int, source: str, *, lifted: bool = False) -> bool:
        """Whether the rule lets a packet in; ``lifted``: or some value of its hidden part does."""
        if self.veil not in ("", "source") and not lifted:
            return False
        if self.veil != "protocol" and self.protocol not in ("all", protocol):
            return False
        numbered = self.protocol != "all" and self.veil not in ("protocol", "from", "to")
        if numbered and self.ports and not self.ports[0] <= port <= self.ports[1]:
            return False
        if self.veil == "source" and lifted:
            return self.listed or (":" in source) == (self.family == "ipv6")
        return any(_holds(text, source) for text in self.visible)

    @property
    def hidden(self) -> frozenset[int]:
        """Which of the networks are hidden."""
        if self.veil != "source":
            return frozenset()
        if self.spelling >= 3 and not self.listed:
            return frozenset(range(len(self.networks)))
        return frozenset({self.spelling % len(self.networks)})

    @property
    def visible(self) -> tuple[str, ...]:
        """The networks that the plan shows."""
        return tuple(t for index, t in enumerate(self.networks) if index not in self.hidden)


@st.composite
def written(draw: st.DrawFn) -> Written:
    family = draw(st.sampled_from(("ipv4", "ipv6")))
    holder = draw(st.sampled_from(("inline", "rule", "ingress")))
    listed = draw(st.booleans()) and draw(st.booleans())
    many = 1 if holder == "ingress" and not listed else 3
    networks = draw(st.lists(st.sampled_from(NETWORKS[family]), min_size=1, max_size=many))
    ports = draw(
        st.none()
        | st.tuples(st.sampled_from(PORTS), st.sampled_from(PORTS)).map(lambda p: (min(p), max(p)))
    )
    protocol = draw(st.sampled_from(tuple(NUMBERS)))
    numbered = ("from", "to") if protocol in ("tcp", "udp") else ()
    return Written(
        protocol=protocol,
        ports=None if protocol in ("icmp", "gre", "all") else ports,
        family=family,
        networks=tuple(networks),
        holder=holder,
        listed=listed,
        veil=draw(st.sampled_from(("", "", "", "protocol", "source", *numbered))),
        secret=draw(st.booleans()),
        spelling=draw(st.integers(0, 5)),
        op=draw(st.sampled_from(("create", "same", "update", "import", "replace", "delete"))),
    )


def protocol_words(rule: Written) -> Any:
    number = NUMBERS[rule.protocol]
    if rule.protocol == "gre":
        return ("47", 47, 47.0, "47", "47", "47")[rule.spelling]
    if rule.protocol == "all":
        return ("-1", "all", -1, "ALL", -1.0, "-1")[rule.spelling]
    words = rule.protocol
    return (words, words.upper(), str(number), number, float(number), words)[rule.spelling]


def port_words(rule: Written, which: int) -> Any:
    if rule.protocol in ("icmp", "gre"):
        return -1
    if rule.ports is None:
        return (None, -1, None, "-1", -1.0, None)[rule.spelling]
    port = rule.ports[which]
    return (port, float(port), str(port), port, port, f"{port}.0")[rule.spelling]


def expected(rules: list[Written], endpoints: tuple[str, ...]) -> int:
    """The exit status that packets give."""
    doubt = False
    for rule in rules:
        if rule.op == "delete":
            continue
        for protocol, port in GATED:
            for source in PROBES:
                if not rule.lets_in(protocol, port, source, lifted=True):
                    continue
                doubt = doubt or bool(rule.veil)
                if not rule.lets_in(protocol, port, source):
                    continue
                if not _allowed(endpoints, 1 if ":" in source else 0):
                    return 3
    return 4 if doubt else 0


def _allowed(endpoints: tuple[str, ...], family: int) -> bool:
    return bool(endpoints) and all(ENDPOINTS[one][family] is not False for one in endpoints)


# Pulumi's words


def in_pulumi(rules: list[Written], endpoints: tuple[str, ...], *, new: bool) -> dict[str, Any]:
    """A preview; with ``new`` the group is made by it, so that its id is unknown."""
    links = {"securityGroupId": [plans.urn(plans.GROUP, "g")]} if new else {}
    group_id = plans.UNKNOWN if new else "sg-1"
    steps, blocks = [], []
    for index, rule in enumerate(rules):
        steps += _pulumi_lists(rule, index)
        if rule.holder == "inline":
            if rule.op != "delete":
                blocks.append(_pulumi_fields(rule, index) | {"protocol": _pulumi_protocol(rule)})
            continue
        inputs = {"securityGroupId": group_id, **_pulumi_fields(rule, index)}
        name = "protocol" if rule.holder == "rule" else "ipProtocol"
        inputs[name] = _pulumi_protocol(rule)
        if rule.holder == "rule":
            inputs["type"] = "ingress"
        token = plans.RULE if rule.holder == "rule" else plans.INGRESS
        old = {"update": {**inputs, "toPort": 22}}.get(rule.op)
        steps.append(plans.step(token, f"r{index}", inputs, op=rule.op, old=old, links=links))
    inline = {"ingress": blocks} if blocks or new else {"ingress": []}
    group = plans.step(plans.GROUP, "g", inline, op="create" if new else "same",
                       id=None if new else "sg-1")  # fmt: skip
    for endpoint in endpoints:
        inputs = {"securityGroupId": group_id, "networkInterfaceId": endpoint}
        steps.append(plans.step(plans.ATTACHMENT, endpoint, inputs, op="same", links=links))
    return plans.preview(group, *steps)


def _pulumi_veiled(rule: Written, part: str, value: Any) -> Any:
    if rule.veil != part:
        return value
    return ("[secret]", plans.SECRET)[rule.spelling % 2] if rule.secret else plans.UNKNOWN


def _pulumi_protocol(rule: Written) -> Any:
    return _pulumi_veiled(rule, "protocol", protocol_words(rule))


def _pulumi_fields(rule: Written, index: int) -> dict[str, Any]:
    fields = {
        "fromPort": _pulumi_veiled(rule, "from", port_words(rule, 0)),
        "toPort": _pulumi_veiled(rule, "to", port_words(rule, 1)),
    }
    networks: list[Any] = list(rule.networks)
    for at in rule.hidden:
        networks[at] = _pulumi_veiled(rule, "source", None)
    if rule.listed:
        name = f"pl-{index}"
        one = rule.holder == "ingress"
        fields["prefixListId" if one else "prefixListIds"] = name if one else [name]
    elif rule.holder == "ingress":
        fields["cidrIpv4" if rule.family == "ipv4" else "cidrIpv6"] = networks[0]
    else:
        whole = len(rule.hidden) == len(networks)
        fields["cidrBlocks" if rule.family == "ipv4" else "ipv6CidrBlocks"] = (
            networks[0] if whole else networks
        )
    return fields


def _pulumi_lists(rule: Written, index: int) -> list[dict[str, Any]]:
    if not rule.listed:
        return []
    entries = [{"cidr": text} for text in rule.networks]
    if rule.veil == "source":
        entries[rule.spelling % len(entries)] = {"cidr": _pulumi_veiled(rule, "source", None)}
    return [plans.step(plans.LIST, f"l{index}", {"entries": entries}, op="same", id=f"pl-{index}")]


# Terraform's words


def in_terraform(rules: list[Written], endpoints: tuple[str, ...], *, new: bool) -> dict[str, Any]:
    """A plan; with ``new`` the group is made by it, so that its id is unknown."""
    by_id = plans.refers("aws_security_group.g.id", "aws_security_group.g")
    config: dict[str, Any] = {"aws_security_group.g": {"ingress": {}}}
    changes, blocks, unknowns = [], [], []
    for index, rule in enumerate(rules):
        values, unknown = _terraform_fields(rule, index)
        if rule.listed:
            changes.append(_terraform_list(rule, index))
            config[f"aws_ec2_managed_prefix_list.l{index}"] = {"entry": {}}
        if rule.holder == "inline":
            if rule.op != "delete":
                blocks.append(values)
                unknowns.append(unknown)
            continue
        kind = {"rule": "aws_security_group_rule"}.get(
            rule.holder, "aws_vpc_security_group_ingress_rule"
        )
        values |= {"type": "ingress"} if rule.holder == "rule" else {}
        values["security_group_id"] = None if new else "sg-1"
        unknown |= {"security_group_id": True, "id": True} if new else {}
        address = f"{kind}.r{index}"
        config[address] = {key: {} for key in values} | {"security_group_id": by_id}
        changes.append(_terraform_change(address, values, unknown, rule.op))
    changes.append(
        plans.change(
            "aws_security_group.g",
            {"ingress": blocks, **({} if new else {"id": "sg-1"})},
            unknown={"ingress": unknowns, **({"id": True} if new else {})},
            actions=("create",) if new else ("no-op",),
            before=None if new else {"id": "sg-1", "ingress": blocks},
        )
    )
    for endpoint in endpoints:
        address = f"aws_network_interface_sg_attachment.{endpoint.replace('-', '_')}"
        config[address] = {"security_group_id": by_id}
        values = {"network_interface_id": endpoint, "security_group_id": None if new else "sg-1"}
        changes.append(
            plans.change(
                address,
                values,
                actions=("no-op",),
                before=values,
                unknown={"security_group_id": True} if new else {},
            )
        )
    return plans.terraform(*changes, config=config)


def _terraform_change(
    address: str, values: dict[str, Any], unknown: dict[str, Any], op: str
) -> dict[str, Any]:
    before = {**values, "to_port": 22}
    if op == "delete":
        return plans.change(address, None, actions=("delete",), before=values)
    if op == "import":
        return plans.change(
            address, values, actions=("no-op",), before=values, unknown=unknown,
            importing={"id": "sgr-1"},
        )  # fmt: skip
    actions = {
        "create": ("create",),
        "same": ("no-op",),
        "update": ("update",),
        "replace": ("delete", "create"),
    }[op]
    return plans.change(
        address,
        values,
        actions=actions,
        before=None if op == "create" else (values if op == "same" else before),
        unknown=unknown,
    )


def _terraform_fields(rule: Written, index: int) -> tuple[dict[str, Any], dict[str, Any]]:
    name = "ip_protocol" if rule.holder == "ingress" else "protocol"
    values: dict[str, Any] = {
        name: protocol_words(rule),
        "from_port": port_words(rule, 0),
        "to_port": port_words(rule, 1),
    }
    unknown: dict[str, Any] = {}
    for part, key in (("protocol", name), ("from", "from_port"), ("to", "to_port")):
        if rule.veil == part:
            values[key], unknown[key] = None, True
    networks: list[Any] = list(rule.networks)
    late: Any = {}
    if rule.hidden:
        for at in rule.hidden:
            networks[at] = None
        late = [at in rule.hidden for at in range(len(networks))]
        late = True if all(late) else late
    if rule.listed:
        one = rule.holder == "ingress"
        values["prefix_list_id" if one else "prefix_list_ids"] = (
            f"pl-{index}" if one else [f"pl-{index}"]
        )
        return values, unknown
    if rule.holder == "ingress":
        key = "cidr_ipv4" if rule.family == "ipv4" else "cidr_ipv6"
        values[key] = networks[0]
        unknown |= {key: True} if rule.veil == "source" else {}
    else:
        key = "cidr_blocks" if rule.family == "ipv4" else "ipv6_cidr_blocks"
        values[key] = None if late is True else networks
        unknown |= {key: late} if late else {}
    return values, unknown


def _terraform_list(rule: Written, index: int) -> dict[str, Any]:
    entries: list[dict[str, Any]] = [{"cidr": text} for text in rule.networks]
    unknown: dict[str, Any] = {}
    if rule.veil == "source":
        at = rule.spelling % len(entries)
        entries[at] = {"cidr": None}
        unknown = {"entry": [{"cidr": True} if one == at else {} for one in range(len(entries))]}
    values = {"id": f"pl-{index}", "entry": entries}
    if rule.op == "delete":  # a list that grows without a rule to use it is another matter
        return plans.kept(f"aws_ec2_managed_prefix_list.l{index}", values)
    return plans.change(
        f"aws_ec2_managed_prefix_list.l{index}",
        values,
        actions=("update",),
        before={"id": f"pl-{index}", "entry": []},
        unknown=unknown,
    )
