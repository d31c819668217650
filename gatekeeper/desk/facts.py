"""The live facts of records: accounts read once for all of them, domains as they come up.

What was not asked for is unknown and says so; an account that cannot be read is unknown, never
empty.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from gatekeeper.desk.account_facts import KnownAccounts, account_facts
from gatekeeper.desk.review import provider_of
from gatekeeper.filing import Access
from gatekeeper.filing.review import Domain, DomainFacts, Dossier, Facts, ProviderRules, Told

if TYPE_CHECKING:
    from gatekeeper.account import AccountState
    from gatekeeper.gate import AddressMemory
    from gatekeeper.public import ApprovedLists, DomainLookup


@dataclass(frozen=True, slots=True, kw_only=True)
class Knowledge:
    """What may be asked about records."""

    providers: Mapping[str, ProviderRules]
    at: datetime
    accounts: KnownAccounts | None = None
    """``None`` where no account was read."""
    memory: AddressMemory | None = None
    """What earlier reads remember; ``None`` where nothing is remembered (a dump)."""
    domains: DomainLookup | None = None
    lists: ApprovedLists | None = None

    def facts(self, dossier: Dossier) -> Facts | None:
        """The facts of one record; ``None`` where nobody may be asked.

        Raises:
            FilingError: nobody knows the provider's rules.
        """
        if self.accounts is None and self.domains is None and self.lists is None:
            return None
        domains = {
            one.name.lower(): self._domain(one) for one in dossier.service.domains if one.name
        }
        if self.accounts is None:
            return Facts(domains=domains)
        access = dossier.access
        filed = Access(
            account_id=access.account_id, load_balancer=access.load_balancer, ips=access.ips
        )
        region = provider_of(dossier, self.providers).region
        live = account_facts(filed, self.accounts, self.memory, region=region)
        return Facts(account=live.account, in_region=live.in_region, domains=domains)

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


def known_accounts(states: Iterable[AccountState]) -> KnownAccounts:
    """The accounts that were read."""
    return KnownAccounts(states)
