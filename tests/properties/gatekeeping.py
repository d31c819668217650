"""Gatekeeper as a user runs it, over some accounts and a real store."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Protocol

from gatekeeper.apply import Edge, GateStack, Outcome, RunReport, Tools, carry_out_plan, roll_back
from gatekeeper.approval import check_current
from gatekeeper.drift import snapshot
from gatekeeper.filing import (
    Access,
    Application,
    Entity,
    Kind,
    Order,
    OrderKind,
    Row,
    Service,
    ServiceType,
    Status,
    Where,
    merge,
)
from gatekeeper.gate import JudgedAccount, Plan, Reconciliation, make_plan, plan_from_json
from gatekeeper.policy import Policy
from gatekeeper.reconcile import judge
from gatekeeper.store import Store
from gatekeeper.survey import read_register, recall, remember, remember_account, survey

START = datetime(2026, 3, 2, 1, 0, tzinfo=UTC)


class Cloud(Protocol):
    """An AWS, in memory or on a server."""

    region: str

    def edge(self, account_id: str) -> Edge: ...


@dataclass(slots=True)
class Clock:
    """A clock that moves on by a second whenever it is asked."""

    at: datetime = START

    def __call__(self) -> datetime:
        self.at += timedelta(seconds=1)
        return self.at


@dataclass(slots=True)
class Gatekeeping:
    """One installation that looks after some accounts."""

    aws: Cloud
    store: Store
    policy: Policy
    accounts: tuple[str, ...]
    clock: Clock = field(default_factory=Clock)
    sleep: Callable[[float], None] = lambda _seconds: None
    wait: float = 0.0
    stack_for: Callable[[str], GateStack | None] = lambda _: None
    """The stack through which an account's gates are changed, if any."""
    _number: int = 0

    # the register ----------------------------------------------------------------------------

    def file(
        self,
        filing: str,
        kind: Kind,
        ips: tuple[str, ...] = (),
        *,
        balancer: str = "",
        account: str | None = None,
        status: Status = Status.APPROVED,
    ) -> Application:
        """One application comes in, approved unless said otherwise."""
        self._number += 1
        at = self.clock()
        access = Access(
            account_id=account or self.accounts[0], ips=tuple(sorted(ips)), load_balancer=balancer
        )
        made = Application(
            application_id=f"A{self._number:05}",
            filing_id=filing,
            kind=kind,
            status=status,
            status_at=at,
            entity=Entity(name="E"),
            service=Service(type=ServiceType.WEBSITE, licence=f"京ICP备10046444号-{filing[1:]}"),
            access=access if ips else Access(),
        )
        self._import(made, at)
        return made

    def move(self, application: Application, status: Status) -> None:
        """An application reaches another status."""
        at = self.clock()
        self._import(replace(application, status=status, status_at=at), at)

    def _import(self, application: Application, at: datetime) -> None:
        row = Row(application=application, where=Where(file="f.csv", line=self._number))
        made = merge(self.store.stored([application.application_id]), [row], now=at)
        assert not made.problems, made.problems
        self.store.commit_merge(made, actor="li", source="f.csv", at=at)

    def suspend(self, filing: str) -> None:
        order = Order(
            filing_id=filing,
            kind=OrderKind.SUSPENSION,
            at=self.clock(),
            by="li",
            reason="the bureau says so",
        )
        self.store.place_order(order)

    def resume(self, filing: str) -> None:
        self.store.lift_order(filing, by="li", at=self.clock(), reason="lifted")

    # the work --------------------------------------------------------------------------------

    def look(self) -> Reconciliation:
        at = self.clock()
        states = [self.aws.edge(name).read_account() for name in self.accounts]
        known = frozenset(self.accounts)
        found = survey(self.store, states, self.policy, at=at, region=self.aws.region, known=known)
        remember(self.store, found)
        return found

    def plan(self) -> Plan:
        return make_plan(self.look())

    def apply(self, plan: Plan | None = None) -> RunReport:
        """Apply a plan, or plan and apply, as the command does."""
        plan = plan_from_json(json.loads(json.dumps((plan or self.plan()).to_json())))
        mark = self.store.register_mark()
        check_current(plan, self.policy, self.store.register_version())
        return carry_out_plan(plan, self.tools(), mark=mark)

    def roll_back(self, run_id: str) -> RunReport:
        return roll_back(run_id, self.tools())

    def tools(self) -> Tools:
        register = read_register(self.store, self.policy, self.clock())
        memory = recall(self.store)

        def keep(account: JudgedAccount, at: datetime) -> None:
            remember_account(self.store, account, at)
            self.store.save_snapshot(account.state.account_id, snapshot(account), at=at)

        def silent(_outcome: Outcome) -> None:
            pass

        return Tools(
            store=self.store,
            policy=self.policy,
            edge_for=self.aws.edge,
            judge=lambda state: judge(state, register, self.policy, memory, self.clock()),
            clock=self.clock,
            sleep=self.sleep,
            actor="wang",
            keep=keep,
            progress=silent,
            wait=self.wait,
            stack_for=self.stack_for,
        )
