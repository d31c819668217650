"""Reads a scenario: accounts and a register in short hand, and what must come of them.

A rule is ``tcp 443 0.0.0.0/0``, ``all 10.0.0.0/8``, ``tcp 80-90 pl-1`` or ``tcp 443 sg-2``.  A load
balancer is written with its addresses; its interfaces are made here.  Names of load balancers
stand for their ARNs, in what is expected too.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import yaml

from gatekeeper.account import (
    AccountState,
    Address,
    Association,
    Failure,
    Interface,
    Listener,
    LoadBalancer,
    LoadBalancerType,
    PrefixList,
    ReadStatus,
    RememberedAddress,
    RememberedEndpoint,
    Rule,
    SecurityGroup,
    Vpc,
)
from gatekeeper.filing import (
    Access,
    Application,
    Entity,
    Kind,
    Order,
    OrderKind,
    Register,
    Service,
    ServiceType,
    Status,
    fold,
)
from gatekeeper.gate import Plan, Reconciliation, make_plan
from gatekeeper.policy import Policy, parse_policy
from gatekeeper.reconcile import Memory, reconcile

HOME = "111122223333"
REGION = "cn-northwest-1"
NOW = datetime(2026, 6, 1, tzinfo=UTC)
LICENCE = "宁ICP备2026000001号-1"
OURS = {"gatekeeper:managed": "true", "gatekeeper:owner": "nwcd-gatekeeper"}
GATE_RULES = {
    "gatekeeper-gate": [f"{p} 0.0.0.0/0" for p in ("tcp 80", "tcp 443", "tcp 8080", "udp 443")],
    "gatekeeper-gate-v6": [f"{p} ::/0" for p in ("tcp 80", "tcp 443", "tcp 8080", "udp 443")],
    "gatekeeper-shut": [],
}


@dataclass(frozen=True)
class Scenario:
    """One case of a file."""

    name: str
    data: Mapping[str, Any]

    def run(self) -> tuple[Reconciliation, Plan]:
        known = frozenset(map(str, self.data.get("known", [HOME])))
        policy = policy_of(self.data)
        found = reconcile(
            register_of(self.data.get("register", ()), self.data.get("orders", ()), policy),
            states_of(self.data),
            policy,
            at=NOW,
            region=REGION,
            known_accounts=known,
            memory=memory_of(self.data.get("memory", {})),
        )
        return found, make_plan(found)

    @property
    def expected(self) -> Mapping[str, Any]:
        return self.data["expect"]


def load(path: Path) -> Iterator[Scenario]:
    for name, data in yaml.safe_load(path.read_text(encoding="utf-8")).items():
        unknown = set(data) - {
            *("account", "accounts", "register", "orders", "policy", "memory", "known"),
            *("expect", "near", "why"),
        }
        assert not unknown, (name, unknown)
        yield Scenario(name, data)


def policy_of(data: Mapping[str, Any]) -> Policy:
    return parse_policy(yaml.safe_dump(data.get("policy", {})))


# accounts ---------------------------------------------------------------------------------------


def states_of(data: Mapping[str, Any]) -> list[AccountState]:
    accounts = data.get("accounts") or {HOME: data.get("account", {})}
    return [state_of(str(account_id), one or {}) for account_id, one in accounts.items()]


def state_of(account_id: str, data: Mapping[str, Any]) -> AccountState:
    made = _Account(account_id, data)
    failed = tuple(Failure(op, "AccessDenied", "no") for op in data.get("failed", ()))
    status = ReadStatus.PARTIAL if failed else ReadStatus.COMPLETE
    return AccountState(
        account_id=account_id,
        region=REGION,
        status=ReadStatus(data.get("status", status)),
        failures=failed,
        addresses=tuple(made.addresses),
        interfaces=tuple(made.interfaces),
        groups={g.group_id: g for g in map(made.group, data.get("groups", {}))},
        vpcs={
            vpc_id: Vpc(vpc_id, tuple(blocks))
            for vpc_id, blocks in data.get("vpcs", {"vpc-1": ["10.0.0.0/16"]}).items()
        },
        prefix_lists=dict(map(prefix_list_of, data.get("lists", {}).items())),
        load_balancers=tuple(made.balancers),
    )


def prefix_list_of(item: tuple[str, Any]) -> tuple[str, PrefixList]:
    name, entries = item
    family = "ipv6" if any(":" in cidr for cidr in entries or ()) else "ipv4"
    most = len(entries) + 2 if entries else 10
    return name, PrefixList(name, name, family, most, tuple(entries) if entries else None)


class _Account:
    def __init__(self, account_id: str, data: Mapping[str, Any]) -> None:
        self.account_id = account_id
        self.data = data
        self.addresses: list[Address] = []
        self.interfaces: list[Interface] = []
        self.balancers: list[LoadBalancer] = []
        for name, one in data.get("interfaces", {}).items():
            self._interface(name, one or {})
        for name, one in data.get("load_balancers", {}).items():
            self._balancer(name, one)
        for ip in data.get("idle", ()):
            self.addresses.append(Address(ip, f"eipalloc-{ip}"))
        for ip, interface_id in data.get("elsewhere", {}).items():
            self.addresses.append(Address(ip, f"eipalloc-{ip}", "assoc-1", interface_id))

    def _interface(self, name: str, one: Mapping[str, Any]) -> None:
        associations = []
        owner = str(one.get("owner", self.account_id))
        seen_by = one.get("seen_by", "both" if owner == self.account_id else "interface")
        for ip in one.get("eips", ()):
            allocation = one.get("allocation", f"eipalloc-{ip}")
            if seen_by in ("both", "interface"):
                associations.append(Association(ip, owner, allocation))
            if seen_by in ("both", "addresses"):
                self.addresses.append(Address(ip, allocation, f"assoc-{ip}", name))
        associations += [Association(ip, "amazon") for ip in one.get("auto", ())]
        self.interfaces.append(
            Interface(
                interface_id=name,
                vpc_id=one.get("vpc", "vpc-1"),
                description=one.get("description", ""),
                interface_type=one.get("type", "interface"),
                requester_managed=one.get("managed", False),
                requester_id="amazon-rds" if one.get("managed") else "",
                group_ids=tuple(one.get("groups", ())),
                associations=tuple(associations),
                ipv6=tuple(one.get("ipv6", ())),
                instance_id=one.get("instance"),
                owner_id=owner,
            )
        )

    def _balancer(self, name: str, one: Mapping[str, Any]) -> None:
        kind = LoadBalancerType(one.get("type", "application"))
        path = {"application": "app", "network": "net", "gateway": "gwy"}.get(kind)
        tail = name if path is None else f"{path}/{one.get('name', name)}/0123456789abcdef"
        shown = one.get("name", name)
        arn = f"arn:aws-cn:elasticloadbalancing:{REGION}:{self.account_id}:loadbalancer/{tail}"
        if one.get("id"):
            arn = arn.replace("0123456789abcdef", one["id"])
            tail = tail.replace("0123456789abcdef", one["id"])
        groups = tuple(one.get("groups", ()))
        listeners = one.get("listeners")
        self.balancers.append(
            LoadBalancer(
                arn=arn,
                name=shown,
                dns_name=f"{shown}-1.{REGION}.elb.amazonaws.com.cn",
                type=kind,
                scheme=one.get("scheme", "internet-facing"),
                vpc_id=one.get("vpc", "vpc-1"),
                group_ids=groups,
                listeners=None
                if listeners is None
                else tuple(Listener(text.split()[0], int(text.split()[1])) for text in listeners),
            )
        )
        for n, ip in enumerate(one.get("ips", ())):
            family_v6 = ":" in ip
            self.interfaces.append(
                Interface(
                    interface_id=f"eni-{name}-{n}",
                    vpc_id=one.get("vpc", "vpc-1"),
                    description=f"ELB {tail}",
                    interface_type="interface" if path == "app" else "network_load_balancer",
                    requester_managed=True,
                    requester_id="amazon-elb",
                    group_ids=groups,
                    associations=() if family_v6 else (Association(ip, "amazon-elb"),),
                    ipv6=(ip,) if family_v6 else (),
                    instance_owner_id="amazon-elb",
                )
            )

    def group(self, group_id: str) -> SecurityGroup:
        one = self.data["groups"][group_id]
        if isinstance(one, list):
            one = {"rules": one}
        name = one.get("name", group_id)
        ours = one.get("ours", False)
        return SecurityGroup(
            group_id=group_id,
            name=name,
            vpc_id=one.get("vpc", "vpc-1"),
            owner_id=str(one.get("owner", self.account_id)),
            rules=rules_of(one.get("rules", GATE_RULES.get(name, []))),
            egress=rules_of(one.get("egress", [])),
            tags=tuple(sorted({**(OURS if ours else {}), **one.get("tags", {})}.items())),
        )


def rules_of(texts: Sequence[str]) -> tuple[Rule, ...]:
    return tuple(map(rule_of, texts))


def rule_of(text: str) -> Rule:
    protocol, *ports, source = text.split()
    low: int | None = None
    high: int | None = None
    if ports:
        first, _, last = ports[0].partition("-")
        low, high = int(first), int(last or first)
    if source.startswith("pl-"):
        kind = "prefix_list"
    elif source.startswith("sg-"):
        kind = "group"
    elif source.startswith("?"):
        kind = "malformed"
    else:
        kind = "ipv6" if ":" in source else "ipv4"
    return Rule("-1" if protocol == "all" else protocol, low, high, kind, source)


def rule_text(rule: Rule) -> str:
    protocol = "all" if rule.protocol == "-1" else rule.protocol
    if rule.from_port is None or rule.from_port == -1:
        return f"{protocol} {rule.source}"
    ports = str(rule.from_port)
    if rule.to_port != rule.from_port:
        ports += f"-{rule.to_port}"
    return f"{protocol} {ports} {rule.source}"


# register ---------------------------------------------------------------------------------------


def register_of(
    applications: Sequence[Mapping[str, Any]], orders: Sequence[Mapping[str, Any]], policy: Policy
) -> Register:
    return fold(
        [application_of(n, one) for n, one in enumerate(applications)],
        [
            Order(
                filing_id=one["filing"],
                kind=OrderKind(one.get("kind", "suspension")),
                at=NOW,
                by="bureau",
                reason="order",
            )
            for one in orders
        ],
        at=NOW,
        open_transfer_in=policy.open_transfer_in,
    )


def application_of(number: int, one: Mapping[str, Any]) -> Application:
    ips = tuple(one.get("ips", ()))
    filing = one.get("filing", "F1")
    return Application(
        application_id=one.get("id", f"A{number + 1}"),
        filing_id=filing,
        kind=Kind(one.get("kind", "new")),
        status=Status(one.get("status", "approved")),
        status_at=datetime(2026, 1, 1 + number, tzinfo=UTC),
        entity=Entity(name=one.get("entity", "甲公司"), certificate_number=one.get("cert", "")),
        service=Service(
            type=ServiceType(one.get("type", "website")),
            name="站",
            licence=one.get("licence", LICENCE.replace("-1", f"-{filing[1:]}")),
        ),
        access=Access(
            account_id=str(one.get("account", HOME)) if ips or "account" in one else "",
            load_balancer=one.get("lb", ""),
            ips=ips,
        ),
    )


def memory_of(data: Mapping[str, Any]) -> Memory:
    return Memory(
        addresses={
            (str(one.get("account", HOME)), ip): RememberedAddress(
                ip, one.get("kind", "eip"), one.get("allocation"), NOW, NOW
            )
            for ip, one in data.get("addresses", {}).items()
        },
        endpoints={
            (HOME, name, one.get("family", "ipv4")): RememberedEndpoint(
                one.get("kind", "load_balancer"),
                tuple(one["ips"]),
                NOW,
                tuple(one["opened"]) if "opened" in one else None,
                NOW if "opened" in one else None,
                datetime.fromisoformat(one["changed_at"]) if "changed_at" in one else None,
            )
            for name, one in data.get("endpoints", {}).items()
        },
    )


def short(endpoint: str | None) -> str:
    """An endpoint by the name that the scenario gives it."""
    if endpoint is None or not endpoint.startswith("arn:"):
        return endpoint or ""
    tail = endpoint.partition(":loadbalancer/")[2]
    return tail.split("/")[1] if "/" in tail else tail
