"""An account in memory in which one plan has every kind of action."""

from __future__ import annotations

from typing import Any

from gatekeeper.account import LoadBalancerType, Rule
from gatekeeper.filing import Kind
from gatekeeper.gate import rule_key
from gatekeeper.policy import Policy, default_policy
from gatekeeper.store import Store
from gatekeeper.testing import FakeAccount, FakeAws, World
from tests.properties.gatekeeping import Gatekeeping

OWN = "111122223333"
ANYWHERE = "0.0.0.0/0"


def tcp(low: int, high: int | None = None, source: str = ANYWHERE, says: str | None = None) -> Rule:
    kind: Any = "ipv6" if ":" in source else "ipv4"
    return Rule("tcp", low, low if high is None else high, kind, source, says)


class Scene:
    """What is filed, what stands in the account, and gatekeeper in front of it.

    ========  ==================  =========================================================
    endpoint  groups              what must happen
    ========  ==================  =========================================================
    lawful    wide                filed: gains the gate, since wide is narrowed
    unfiled   wide                closed: wide loses the gated ports
    ended     the gate            deregistered: loses the gate, gains the empty group
    dual      all                 nothing filed: both families of "all" are narrowed
    web       office              a load balancer, filed: gains the gate
    ========  ==================  =========================================================

    The gate itself was altered: a port too many, one missing, a way out.
    """

    def __init__(self, store: Store, policy: Policy | None = None) -> None:
        self.aws = FakeAws()
        self.account: FakeAccount = self.aws.account(OWN)
        self.keeper = Gatekeeping(self.aws, store, policy or default_policy(), (OWN,))
        here = self.account
        self.vpc = here.add_vpc("10.20.0.0/16", "2406:da00:1::/56")
        self.wide = here.create_group(self.vpc, "wide", rules=[tcp(0, 65535, says="web")])
        every = [Rule("-1", None, None, "ipv4", ANYWHERE), Rule("-1", None, None, "ipv6", "::/0")]
        self.all = here.create_group(self.vpc, "all", rules=every)
        for group in (self.wide, self.all):
            here.world.rule_tags[group] = {
                rule[:5]: {"team": "web"} for rule in here.world.groups[group].rules
            }
        self.office = here.create_group(self.vpc, "office", rules=[tcp(22, source="10.0.0.0/8")])
        self.lawful = here.add_interface(self.vpc, [self.office], eips=["52.83.0.1"])
        self.unfiled = here.add_interface(self.vpc, [self.office], eips=["52.83.0.2"])
        self.ended = here.add_interface(self.vpc, [self.office], eips=["52.83.0.3"])
        self.dual = here.add_interface(
            self.vpc, [self.office], ipv6=["2406:da00:1::9"], eips=["52.83.0.4"]
        )
        self.web = here.add_load_balancer(
            "web", self.vpc, [self.office], kind=LoadBalancerType.APPLICATION
        )
        here.grow(self.web, "52.83.1.1")
        here.grow(self.web, "52.83.1.2")

    def prepare(self) -> None:
        """Once in order, then disturbed: every kind of action is due."""
        here, keeper = self.account, self.keeper
        keeper.file("F1", Kind.NEW, ("52.83.0.3",))
        assert keeper.apply().exit_status == 0
        gate = self.named("gatekeeper-gate")
        here.set_interface_groups(self.ended, [gate])
        here.set_interface_groups(self.lawful, [self.wide])
        here.set_interface_groups(self.unfiled, [self.wide])
        here.set_interface_groups(self.dual, [self.all])
        here.authorize(gate, [tcp(22)])
        here.revoke(gate, [Rule("udp", 443, 443, "ipv4", ANYWHERE)])
        here.world.groups[gate] = here.world.groups[gate]._replace(
            egress=(Rule("-1", None, None, "ipv4", ANYWHERE),)
        )
        keeper.file("F1", Kind.DEREGISTER_SERVICE)
        keeper.file("F2", Kind.NEW, ("52.83.0.1",))
        keeper.file("F3", Kind.NEW, ("52.83.1.1", "52.83.1.2"), balancer="web")

    def named(self, name: str) -> str:
        return next(g.group_id for g in self.account.world.groups.values() if g.name == name)

    def holds(self, interface_id: str) -> set[str]:
        """The names of an interface's groups."""
        world = self.account.world
        return {world.groups[g].name for g in world.interfaces[interface_id].group_ids}


def shape(world: World) -> dict[str, Any]:
    """A world with names in place of ids, so that two of them compare."""
    names = {group_id: group.name for group_id, group in world.groups.items()}
    return {
        "groups": {
            group.name: (
                sorted((rule_key(rule), rule.description or "") for rule in group.rules),
                sorted(map(rule_key, group.egress)),
                sorted(map(str, world.rule_tags.get(group.group_id, {}).items())),
                group.tags,
            )
            for group in world.groups.values()
        },
        "holders": {
            **{i.interface_id: {names[g] for g in i.group_ids} for i in world.interfaces.values()},
            **{b.arn: {names[g] for g in b.group_ids} for b in world.load_balancers.values()},
        },
    }
