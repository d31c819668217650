"""``WebAccess``: the gated ports of one guarded thing, open while the bureau's approval stands.

.. code-block:: python

    from gatekeeper.stacks import WebAccess

    WebAccess("web", security_group_id=group.id, addresses=[address.public_ip])

Closing is the next ``pulumi up``: a rule that the decisions no longer allow is not registered, so
the engine deletes it.  Between two updates nothing happens; gatekeeper's own audit looks then.

**Addresses that are not known yet.**  Where every address is a plain string the rules are made at
once, and a preview shows them.  Where one is an Output they are made when it is known.  A preview
of a new address therefore shows no rules, and of a replaced one their deletion, although the
update may make them again; it never shows a rule that the decisions do not allow.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final, Protocol

import pulumi
from pulumi_aws.vpc import SecurityGroupIngressRule

from gatekeeper.errors import StackError
from gatekeeper.stacks.access import (
    Access,
    OnHold,
    Opening,
    access,
    filing_tag,
    gated_ports,
    read_ports,
    read_sources,
)
from gatekeeper.stacks.feed import Decisions, Family
from gatekeeper.stacks.named import named_decisions, still_good

COMPONENT_TYPE: Final = "gatekeeper:stacks:WebAccess"
COMPONENT_TAG: Final = "gatekeeper:component"
STACK_TAG: Final = "gatekeeper:stack"
FILINGS_TAG: Final = "gatekeeper:filings"
_DESCRIPTION: Final = "Opened by WebAccess while the filing is in effect"

RuleAliases = Mapping[tuple[str, int, str], Sequence[str | pulumi.Alias]]


class Balancer(Protocol):
    """An ``aws.lb.LoadBalancer`` or ``aws.alb.LoadBalancer``."""

    @property
    def arn(self) -> pulumi.Output[str]: ...
    @property
    def security_groups(self) -> pulumi.Output[Sequence[str]]: ...


class WebAccess(pulumi.ComponentResource):
    """One inbound rule for each gated port and source, while all addresses of its family are open.

    The group must guard nothing else: whoever holds it is opened with it.

    Args:
        name: the component's name, with which every rule's begins.
        security_group_id: the group that gets the rules.
        load_balancer: its ARN, or the load balancer itself; its decision must allow what is
            opened.  The group may then be left out if the load balancer has just one, and the
            addresses too: the feed knows them.
        addresses: every public address, IPv4 and IPv6.
        ports: numbers (tcp) or (protocol, number) pairs; default: all that the feed gates.
        sources: networks or prefix lists for ``ipv4`` and ``ipv6``; default: anywhere.  A family
            that is left out gets no rule.
        decisions: the feed's file, or a feed that was read.  Default: the configuration
            ``gatekeeper:decisions``, then the variable ``GATEKEEPER_DECISIONS``.
        public_key: an Ed25519 key in PEM, or its file: the feed must be signed.  Default:
            ``gatekeeper:public_key``, then ``GATEKEEPER_PUBLIC_KEY``.
        on_hold: ``close`` (a stack cannot know whether rules stood before) or ``keep``.
        strict: raise where the feed cannot be believed, in place of closing with a warning.
        aliases: what rules were before, by (protocol, port, source): URNs or ``pulumi.Alias``.
            A renamed component needs an alias of its own in ``opts`` only.
        tags: more tags for the rules.
        opts: as of every component.  Rules are never protected nor retained, whatever it says.

    Raises:
        StackError: a port that is not gated, a malformed source, no group.
        FeedError: ``strict``, and the feed cannot be believed.
    """

    opened: pulumi.Output[list[str]]
    """What is open now, as ``tcp 443 from 0.0.0.0/0``."""
    verdict: pulumi.Output[str]
    """``open``, ``hold``, ``unknown`` or ``closed``: the strictest of the families."""
    reason: pulumi.Output[str]
    """Why."""

    def __init__(
        self,
        name: str,
        *,
        security_group_id: pulumi.Input[str] | None = None,
        load_balancer: pulumi.Input[str] | Balancer | None = None,
        addresses: Sequence[pulumi.Input[str]] | pulumi.Output[Sequence[str]] = (),
        ports: Sequence[int | tuple[str, int]] | None = None,
        sources: Mapping[Family, Sequence[str]] | None = None,
        decisions: str | Path | Decisions | None = None,
        public_key: str | bytes | Path | None = None,
        on_hold: OnHold = "close",
        strict: bool = False,
        aliases: RuleAliases | None = None,
        tags: Mapping[str, str] | None = None,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        if isinstance(addresses, str) or on_hold not in ("close", "keep"):
            raise StackError(
                f"{name}: addresses is a list, and on_hold is close or keep",
                zh=f"{name}：addresses 应为列表，on_hold 只能是 close 或 keep",
            )
        self._group, endpoint = _guarded(name, security_group_id, load_balancer)
        self._ports = read_ports(ports)
        self._sources = read_sources(sources)
        self._on_hold: OnHold = on_hold
        self._decisions = _decisions(decisions, public_key)
        if strict and self._decisions.problem is not None:
            raise self._decisions.problem
        if self._decisions.problem is None:
            gated_ports(self._decisions, self._ports)  # told before anything is registered
        self._rule_aliases = dict(aliases or {})
        self._tags = dict(tags or {})
        super().__init__(COMPONENT_TYPE, name, None, opts)
        self._name_of_rules = name

        if _plain(addresses) and not isinstance(endpoint, pulumi.Output):
            found = pulumi.Output.from_input(self._open(list(addresses), endpoint))
        else:
            found = pulumi.Output.all(_list(addresses), endpoint).apply(
                lambda known: self._open(known[0], known[1])
            )
        self.opened = found.apply(lambda it: list(it["opened"]))
        self.verdict = found.apply(lambda it: str(it["verdict"]))
        self.reason = found.apply(lambda it: str(it["reason"]))
        self.register_outputs(
            {"opened": self.opened, "verdict": self.verdict, "reason": self.reason}
        )

    def _open(self, addresses: Sequence[Any], endpoint: str | None) -> dict[str, Any]:
        """Register the rules that are allowed; what is not registered the engine deletes."""
        found = access(
            self._decisions,
            addresses=addresses,
            endpoint=endpoint,
            ports=self._ports,
            sources=self._sources,
            on_hold=self._on_hold,
        )
        self._say(found)
        for opening in found.openings:
            self._rule(opening, found)
        return {
            "opened": [opening.describe() for opening in found.openings],
            "verdict": found.verdict,
            "reason": found.reason,
        }

    def _say(self, found: Access) -> None:
        if self._decisions.problem is not None or not found.verdicts:
            pulumi.log.warn(
                f"{self._name_of_rules}: every gated port is closed: {found.reason}", resource=self
            )
        elif found.verdict != "open":
            pulumi.log.info(f"{self._name_of_rules}: {found.reason}", resource=self)

    def _rule(self, opening: Opening, found: Access) -> None:
        key = {"ipv4": "cidr_ipv4", "ipv6": "cidr_ipv6"}[opening.family]
        if opening.source.startswith("pl-"):
            key = "prefix_list_id"
        where: dict[str, Any] = {key: opening.source}
        was = self._rule_aliases.get((opening.protocol, opening.port, opening.source), ())
        SecurityGroupIngressRule(
            opening.name(self._name_of_rules),
            security_group_id=self._group,
            ip_protocol=opening.protocol,
            from_port=opening.port,
            to_port=opening.port,
            description=_DESCRIPTION,
            tags={
                **self._tags,
                COMPONENT_TAG: "WebAccess",
                STACK_TAG: f"{pulumi.get_project()}/{pulumi.get_stack()}",
                FILINGS_TAG: filing_tag(found.filing_ids),
            },
            **where,
            # A protected or retained rule could not be closed; protection comes from the parent.
            opts=pulumi.ResourceOptions(
                parent=self,
                protect=False,
                retain_on_delete=False,
                delete_before_replace=True,
                aliases=list(was),
            ),
        )


def _list(
    addresses: Sequence[pulumi.Input[str]] | pulumi.Output[Sequence[str]],
) -> pulumi.Output[Any]:
    return pulumi.Output.from_input(
        addresses if isinstance(addresses, pulumi.Output) else list(addresses)
    )


def _plain(addresses: object) -> bool:
    return isinstance(addresses, Sequence) and all(isinstance(one, str) for one in addresses)


def _guarded(
    name: str,
    group: pulumi.Input[str] | None,
    balancer: pulumi.Input[str] | Balancer | None,
) -> tuple[pulumi.Input[str], Any]:
    """The group, and the ARN of the load balancer if there is one."""
    whole = balancer is not None and hasattr(balancer, "security_groups")
    endpoint: Any = balancer.arn if whole else balancer  # type: ignore[union-attr]
    if group is not None:
        return group, endpoint
    if not whole:
        raise StackError(
            f"{name}: say which group gets the rules: security_group_id",
            zh=f"{name}：请用 security_group_id 指明写入规则的安全组",
        )
    groups: pulumi.Output[Sequence[str]] = balancer.security_groups  # type: ignore[union-attr]
    return groups.apply(lambda ids: _only(name, ids)), endpoint


def _only(name: str, groups: Sequence[str] | None) -> str:
    if not groups or len(groups) != 1:
        raise StackError(
            f"{name}: the load balancer has {len(groups or ())} groups; say which one gets the"
            " rules: security_group_id",
            zh=f"{name}：负载均衡器有 {len(groups or ())} 个安全组，"
            "请用 security_group_id 指明写入规则的安全组",
        )
    return groups[0]


def _decisions(given: str | Path | Decisions | None, key: str | bytes | Path | None) -> Decisions:
    if isinstance(given, Decisions):
        return still_good(given)
    config = pulumi.Config("gatekeeper")
    return named_decisions(
        given or config.get("decisions"),
        key or config.get("public_key"),
        setting="gatekeeper:decisions",
    )
