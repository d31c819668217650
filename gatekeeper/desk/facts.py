"""The live facts of records: accounts read once for all of them, domains as they come up.

What was not asked for is unknown and says so; an account that cannot be read is unknown, never
empty.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING

from gatekeeper.desk.account_facts import KnownAccounts, account_facts
from gatekeeper.desk.review import provider_of
from gatekeeper.filing import (
    Difference,
    Filing,
    MiitExport,
    Outcome,
    Seen,
    ServiceType,
    Status,
    judge_page,
    numbers_shown,
    verify,
)
from gatekeeper.filing.review import (
    Domain,
    DomainFacts,
    Dossier,
    Facts,
    Lookup,
    ProviderRules,
    ShownNumber,
    Told,
    not_told,
)
from gatekeeper.filing.review.case import access_of
from gatekeeper.filing.review.facts import NOT_ASKED
from gatekeeper.filing.review.surroundings import LIVE

if TYPE_CHECKING:
    from gatekeeper.account import AccountState
    from gatekeeper.gate import AddressMemory
    from gatekeeper.policy import Policy
    from gatekeeper.public import ApprovedLists, DomainLookup, Pages


@dataclass(frozen=True, slots=True, kw_only=True)
class Knowledge:
    """What may be asked about records."""

    providers: Mapping[str, ProviderRules]
    at: datetime
    accounts: KnownAccounts | None = None
    """``None`` where no account was read."""
    filings: Mapping[str, Filing] = field(default_factory=dict)
    """The register's, by id."""
    opened: Mapping[str, datetime] = field(default_factory=dict)
    """When an endpoint of a filing was first verified open."""
    memory: AddressMemory | None = None
    """What earlier reads remember; ``None`` where nothing is remembered (a dump)."""
    domains: DomainLookup | None = None
    lists: ApprovedLists | None = None
    pages: Pages | None = None
    exports: tuple[MiitExport, ...] = ()
    """Of MIIT's public query."""

    def facts(self, dossier: Dossier) -> Facts | None:
        """The facts of one record; ``None`` where nobody may be asked.

        Raises:
            FilingError: nobody knows the provider's rules.
        """
        asked = (self.accounts, self.domains, self.lists, self.pages, self.exports or None)
        if all(one is None for one in asked):
            return None
        filing = self._filing(dossier)
        domains = {
            one.name.lower(): self._domain(one) for one in dossier.service.domains if one.name
        }
        shown, lookup = self._shown(dossier, filing), self._lookup(filing)
        if self.accounts is None:
            return Facts(domains=domains, shown=shown, lookup=lookup)
        filed = access_of(dossier, filing)
        region = provider_of(dossier, self.providers).region
        live = account_facts(filed, self.accounts, self.memory, region=region)
        opened = self.opened.get(dossier.filing_id)
        return Facts(
            account=live.account,
            in_region=live.in_region,
            domains=domains,
            opened=NOT_ASKED if opened is None else Told(opened),
            shown=shown,
            lookup=lookup,
        )

    def _filing(self, dossier: Dossier) -> Filing | None:
        """The living filing that a record is about."""
        found = self.filings.get(dossier.filing_id)
        return found if found is not None and found.state in LIVE else None

    def _shown(self, dossier: Dossier, filing: Filing | None) -> Told[ShownNumber]:
        """What the page of an approved service shows of its number."""
        if self.pages is None or filing is None or dossier.status is not Status.APPROVED:
            return NOT_ASKED
        app = dossier.service.app
        place = app.number_place if app is not None else ""
        if filing.service.type is ServiceType.APP:
            if not place.startswith(("http://", "https://")):
                return NOT_ASKED
            target = place
        elif filing.service.domains:
            target = filing.service.domains[0]
        else:
            return NOT_ASKED
        seen = self.pages.read(target)
        if seen.page is None:
            return not_told(seen.reason, seen.reason_zh)
        judged = judge_page(seen.page, filing.service, filing.entity)
        if judged.verdict in (Seen.UNKNOWN, Seen.ASK):
            return not_told(judged.message, judged.message_zh)
        found = numbers_shown(seen.page)
        named = [(one.licence.canonical if one.licence else one.text, one.linked) for one in found]
        return Told(
            ShownNumber(
                tuple(dict.fromkeys(name for name, _ in named)),
                tuple(dict.fromkeys(name for name, linked in named if linked)),
            ),
            source=seen.url,
        )

    def _lookup(self, filing: Filing | None) -> Told[Lookup]:
        """What the exports of MIIT's public query show of a filing."""
        if not self.exports or filing is None:
            return NOT_ASKED
        found = verify([filing], (), self.exports, lifted=lambda _: None)
        if not found.filings:
            return NOT_ASKED
        [one] = found.filings
        codes = [point.code for point in one.differences]
        if not codes and one.outcome is not Outcome.EQUAL:
            doubts = ", ".join(point.code.value for point in one.doubts)
            return not_told(
                f"the export does not tell ({doubts or 'incomplete'})",
                f"导出文件不足以判断（{doubts or 'incomplete'}）",
            )
        at = max((answer.at for export in self.exports for answer in export.answers), default=None)
        if at is None:
            return not_told("the export has no answer", "导出文件中没有查询结果")
        return Told(
            Lookup(
                found=Difference.NOT_FOUND not in codes,
                restricted=one.restricted,
                differences=tuple(
                    code.value
                    for code in codes
                    if code not in (Difference.NOT_FOUND, Difference.RESTRICTED)
                ),
                at=at,
            )
        )

    def _domain(self, domain: Domain) -> DomainFacts:
        found = DomainFacts()
        if self.domains is not None:
            found = self.domains.facts(domain.name, self.at)
        if self.lists is None:
            return found
        if not found.tld_approved.known:
            found = found._replace(tld_approved=self.lists.tld(domain.name.lower(), self.at))
        if not found.registrar.known and domain.registrar:
            # No registry told whose it is, so the record's own word is held against the list.
            stated: Told[bool] = self.lists.registrar(domain.registrar, self.at)
            found = found._replace(registrar_approved=stated)
        return found


def accounts_of(dossiers: Iterable[Dossier]) -> tuple[str, ...]:
    """The accounts that records name, each once, in order."""
    named = (one.access.account_id for one in dossiers)
    return tuple(dict.fromkeys(name for name in named if name))


def known_accounts(states: Iterable[AccountState], policy: Policy, at: datetime) -> KnownAccounts:
    """The accounts that were read, and what the Internet reaches in them."""
    return KnownAccounts(states, policy=policy, at=at)
