"""Findings about what was filed: applications, licences, and the addresses that filings name."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from gatekeeper.account import (
    AccountView,
    AddressFact,
    Family,
    LoadBalancer,
    ReadStatus,
    RememberedAddress,
)
from gatekeeper.filing import Filing, FilingIssue, FilingState, Register, same_entity
from gatekeeper.gate.absent import Absence
from gatekeeper.gate.coverage import Coverage
from gatekeeper.gate.exposure import AccountReach, EndpointReach
from gatekeeper.gate.finder import Finder

_NAMED: Final = 5
"""How many other filings a finding about a shared address names."""

AddressMemory = Mapping[tuple[str, str], RememberedAddress]
"""(account, address) to what is remembered of it."""


def find_register_issues(register: Register, finder: Finder, accounts: frozenset[str]) -> None:
    """What the fold noticed, for filings of the accounts in scope or of none."""
    filings = {filing.filing_id: filing for filing in register.filings}
    for issue in register.issues:
        if issue.account_id and issue.account_id not in accounts:
            continue
        finder.about_filing(
            issue.code,
            issue.account_id,
            issue.filing_id,
            about=issue.filing_id or issue.application_id,
            **_issue_values(issue, filings.get(issue.filing_id)),
        )


def _issue_values(issue: FilingIssue, filing: Filing | None) -> dict[str, str]:
    detail = issue.detail
    kind = filing.service.type if filing is not None else None
    return {
        "application": issue.application_id,
        "kind": detail.get("kind", ""),
        "licence": detail.get("licence", ""),
        "problem": detail.get("reason", ""),
        "problem_zh": detail.get("reason_zh", ""),
        "other": detail.get("other_filing_id", ""),
        "type": kind or "",
    }


def find_unknown_accounts(
    register: Register, finder: Finder, known: frozenset[str], scope: frozenset[str] | None
) -> None:
    """Filings in effect whose account nobody registered."""
    for filing in register.filings:
        account_id = filing.access.account_id
        if filing.state is not FilingState.IN_EFFECT or account_id in known:
            continue
        if scope is None or account_id in scope:
            finder.about_filing("account-unknown", account_id, filing.filing_id)


@dataclass(frozen=True, slots=True)
class AddressCheck:
    """Judges the addresses of the filings of one completely read account."""

    reach: AccountReach
    coverage: Coverage
    memory: AddressMemory
    finder: Finder
    absences: list[Absence] = field(default_factory=list)
    """What the account lacks, for ``find_absent``."""

    @property
    def view(self) -> AccountView:
        return self.reach.view

    @property
    def account_id(self) -> str:
        return self.coverage.account_id

    def run(self) -> None:
        if self.reach.state.status is not ReadStatus.COMPLETE:
            return
        for filing in self.coverage.in_effect:
            balancer = self._balancer(filing)
            self._lack(filing, self._present(filing), balancer)
        self._shared()

    def _report(self, code: str, filing: Filing, ips: list[str], **values: str) -> None:
        if ips:
            self.finder.about_filing(code, self.account_id, filing.filing_id, ips=ips, **values)

    def _present(self, filing: Filing) -> list[str]:
        """Judge the addresses that the account has; returns the others."""
        gone: list[str] = []
        lent: list[str] = []
        idle: list[str] = []
        nat: list[str] = []
        again: list[str] = []
        for ip in filing.access.ips:
            fact = self.view.addresses.get(ip)
            if fact is None:
                gone.append(ip)
            elif fact.kind == "auto":
                lent.append(ip)
            elif fact.on_nat_gateway:
                nat.append(ip)
            elif fact.kind == "eip" and fact.interface_id is None:
                idle.append(ip)
            if fact is not None and self._reallocated(fact):
                again.append(ip)
        self._report("address-not-eligible", filing, lent)
        self._report("address-on-nat-gateway", filing, nat)
        self._report("address-unassociated", filing, idle)
        self._report("address-reallocated", filing, again)
        return gone

    def _reallocated(self, fact: AddressFact) -> bool:
        before = self.memory.get((self.account_id, fact.ip))
        return bool(
            before is not None
            and before.allocation_id
            and fact.allocation_id
            and before.allocation_id != fact.allocation_id
        )

    def _lack(self, filing: Filing, gone: list[str], balancer: LoadBalancer | None) -> None:
        """Note what the account lacks; where that is, all accounts together must tell."""
        one = self.reach.endpoints.get(balancer.arn) if balancer is not None else None
        strays: list[str] = []
        if balancer is not None:
            if one is None or one.endpoint.doubts:
                return
            present = self._compared(filing, balancer, one)
            strays = [ip for ip in filing.access.ips if ip not in present]
        if gone or strays:
            before = (self.memory.get((self.account_id, ip)) for ip in gone)
            self.absences.append(
                Absence(
                    self.account_id,
                    filing.filing_id,
                    self.reach.state.region,
                    tuple(gone),
                    tuple(one for one in before if one is not None),
                    balancer.name if balancer is not None else None,
                    tuple(strays),
                )
            )

    def _balancer(self, filing: Filing) -> LoadBalancer | None:
        """The one load balancer that the filing names; reports when there is no such one."""
        text = filing.access.load_balancer
        if not text:
            return None
        fits = self.coverage.balancers[filing.filing_id]
        if len(fits) == 1 and fits[0].scheme != "internal":
            return fits[0]
        if not fits:
            code = "elb-not-found"
        elif len(fits) > 1:
            code = "elb-ambiguous"
        else:
            code = "elb-internal"
        self.finder.about_filing(
            code,
            self.account_id,
            filing.filing_id,
            balancer=text,
            others=", ".join(b.arn for b in fits),
        )
        return None

    def _compared(
        self, filing: Filing, balancer: LoadBalancer, one: EndpointReach
    ) -> frozenset[str]:
        """The load balancer's own addresses, of the families that are filed; says what lacks."""
        filed = set(filing.access.ips)
        families: set[Family] = {"ipv4"}
        if any(":" in ip for ip in filed):
            families.add("ipv6")
        present = [a.ip for a in one.endpoint.addresses if a.family in families]
        lacking = [ip for ip in present if ip not in filed]
        self._report("elb-set-incomplete", filing, lacking, balancer=balancer.name)
        return frozenset(present)

    def _shared(self) -> None:
        """Addresses that two entities file in this account; a few of the others are named.

        One filing an entity is enough to tell, and keeps an address of thousands of filings cheap.
        """
        users: dict[str, list[Filing]] = {}
        for filing in self.coverage.in_effect:
            for ip in filing.access.ips:
                one_each = users.setdefault(ip, [])
                if len(one_each) <= _NAMED and not any(
                    same_entity(other.entity, filing.entity) for other in one_each
                ):
                    one_each.append(filing)
        contested = {ip for ip, one_each in users.items() if len(one_each) > 1}
        for filing in self.coverage.in_effect if contested else ():
            shared = [ip for ip in filing.access.ips if ip in contested]
            others: dict[str, None] = {}
            for ip in shared:
                for other in users[ip]:
                    if not same_entity(other.entity, filing.entity):
                        others[f"{other.filing_id} ({other.entity.name})"] = None
            self._report("address-shared", filing, shared, others=", ".join(list(others)[:_NAMED]))
