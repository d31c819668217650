"""Makes findings out of the catalogue: severity by policy, first and last sight, exceptions."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime

from gatekeeper.account import Doubt, Family
from gatekeeper.filing import mask_text
from gatekeeper.gate.catalogue import CATALOGUE
from gatekeeper.gate.model import Finding, Severity, shortlist
from gatekeeper.policy import Policy, Port


@dataclass(slots=True)
class Finder:
    """Collects the findings of one reconciliation."""

    policy: Policy
    at: datetime
    first_seen: Mapping[str, datetime]
    """When each finding was seen first, by its key."""
    found: list[Finding] = field(default_factory=list)
    muted: list[Finding] = field(default_factory=list)
    """What exceptions of the policy keep silent."""

    def about_account(self, code: str, account_id: str, **values: str) -> None:
        self._add(code, account_id, account_id, values)

    def about_filing(
        self,
        code: str,
        account_id: str,
        filing_id: str,
        *,
        ips: Iterable[str] = (),
        about: str = "",
        **values: str,
    ) -> None:
        """A finding about a filing; ``about`` tells two of one code apart (an application)."""
        addresses = tuple(ips)
        values = {"filing": filing_id, "account": account_id, "ips": shortlist(addresses)} | values
        self._add(code, account_id, about or filing_id, values, filing_id=filing_id, ips=addresses)

    def about_endpoint(
        self,
        code: str,
        account_id: str,
        endpoint: str,
        family: Family | None,
        *,
        ips: Iterable[str] = (),
        ports: Iterable[Port] = (),
        filing_id: str | None = None,
        also: Doubt | None = None,
        **values: str,
    ) -> None:
        """A finding about an endpoint or a group; ``also`` is what there is to do besides."""
        addresses = tuple(ips)
        reached = tuple(str(port) for port in ports)
        values = {
            "endpoint": endpoint,
            "family": family or "",
            "account": account_id,
            "ips": shortlist(addresses),
            "ports": ", ".join(reached),
        } | values
        self._add(
            code,
            account_id,
            f"{endpoint}|{family or ''}",
            values,
            filing_id=filing_id,
            endpoint=endpoint,
            family=family,
            ips=addresses,
            ports=reached,
            also=also,
        )

    def findings(self) -> tuple[Finding, ...]:
        """What was found: worst first, then by code, account and subject."""
        return by_weight(self.found)

    def silenced(self) -> tuple[Finding, ...]:
        """What exceptions keep silent, in the same order."""
        return by_weight(self.muted)

    def _add(
        self,
        code: str,
        account_id: str,
        subject: str,
        values: Mapping[str, str],
        *,
        filing_id: str | None = None,
        endpoint: str | None = None,
        family: Family | None = None,
        ips: tuple[str, ...] = (),
        ports: tuple[str, ...] = (),
        also: Doubt | None = None,
    ) -> None:
        entry = CATALOGUE[code]
        override = self.policy.severity.get(code)
        # Tags and descriptions are free text, and findings are sent far and kept for long.
        values = {"account": account_id} | {name: mask_text(one) for name, one in values.items()}
        finding = Finding(
            code=code,
            severity=Severity(override) if override else entry.severity,
            account_id=account_id,
            filing_id=filing_id,
            endpoint=endpoint,
            family=family,
            ips=ips,
            ports=ports,
            message=entry.message.format_map(values),
            message_zh=entry.message_zh.format_map(values),
            remedy=entry.remedy.format_map(values) + (f"; {also.reason}" if also else ""),
            remedy_zh=entry.remedy_zh.format_map(values) + (f"；{also.reason_zh}" if also else ""),
            first_seen=self.first_seen.get(f"{code}|{account_id}|{subject}", self.at),
            last_seen=self.at,
            subject=subject,
        )
        muted = is_excepted(finding, self.policy, self.at)
        (self.muted if muted else self.found).append(finding)


def by_weight(findings: Iterable[Finding]) -> tuple[Finding, ...]:
    """Worst first, then by code, account and subject."""
    return tuple(sorted(findings, key=_order))


def is_excepted(finding: Finding, policy: Policy, at: datetime) -> bool:
    """Whether an exception of the policy keeps a finding silent at ``at``."""
    today = at.astimezone(UTC).date()
    return any(
        exception.code == finding.code
        and today <= exception.until
        and exception.account_id in (None, finding.account_id)
        and exception.filing_id in (None, finding.filing_id)
        and exception.endpoint in (None, finding.endpoint)
        for exception in policy.exceptions
    )


def _order(finding: Finding) -> tuple[int, str, str, str]:
    return -finding.severity.rank, finding.code, finding.account_id, finding.subject
