"""What stands beside the application under review: the other applications, and the register."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from gatekeeper.filing.clocks import provider_name
from gatekeeper.filing.fold import entity_keys, judge_service_licence, same_entity
from gatekeeper.filing.miit import domain_key
from gatekeeper.filing.model import Application, Entity, Filing, FilingState, Kind, Register, Status
from gatekeeper.filing.review.differences import Difference, entity_differences
from gatekeeper.filing.review.dossier import Dossier
from gatekeeper.filing.review.filed import approved_content, content_of, entity_details
from gatekeeper.filing.review.hanzi import name_key
from gatekeeper.filing.review.words import Entry, ServiceKind, read_word

LIVE: Final = frozenset({FilingState.IN_EFFECT, FilingState.SUSPENDED, FilingState.RESTRICTED})


class Peer(NamedTuple):
    """Another application, as far as a review compares with it."""

    application_id: str
    filing_id: str
    kind: Kind | None
    status: Status | None
    provider: str
    entity: Entity
    service_type: ServiceKind | None
    service_name: str
    domains: tuple[str, ...]
    email: str
    mobile: str
    licence: str = ""
    """The service's number in canonical form; empty where it has none that counts."""
    entry: Entry | None = None

    @classmethod
    def of(cls, dossier: Dossier) -> Peer:
        """A record as the others see it."""
        service, portal = dossier.service, dossier.portal
        return cls(
            dossier.application_id,
            dossier.filing_id,
            dossier.kind,
            dossier.status,
            provider_name(dossier.provider),
            entity_of(dossier),
            service.type,
            service.name,
            tuple(one.name.lower() for one in service.domains if one.name),
            portal.email.casefold(),
            portal.mobile,
            _number(service.licence),
            dossier.entry,
        )

    @classmethod
    def of_application(cls, application: Application) -> Peer:
        """An application of the register as the others see it; cheap, for there may be many."""
        record = json.loads(application.review) if application.review[:1] == "{" else {}
        portal = record.get("portal")
        email, mobile = (
            (portal.get("email"), portal.get("mobile")) if isinstance(portal, dict) else ("", "")
        )
        provider, service = record.get("provider"), application.service
        return cls(
            application.application_id,
            application.filing_id,
            application.kind,
            application.status,
            provider_name(provider if isinstance(provider, str) else ""),
            application.entity,
            ServiceKind(service.type.value) if service.type is not None else None,
            service.name,
            service.domains,
            email.strip().casefold() if isinstance(email, str) else "",
            str(mobile).strip() if isinstance(mobile, str | int) else "",
            _number(service.licence),
            _entry(record.get("entry")),
        )


def entity_of(dossier: Dossier) -> Entity:
    """The entity of a record, as the register keeps one."""
    entity = dossier.entity
    return Entity(
        name=entity.name,
        certificate_type=entity.certificate_type or "",
        certificate_number=entity.certificate_number,
        province=entity.province,
        licence=entity.licence,
    )


@dataclass(frozen=True, slots=True)
class Surroundings:
    """Peers and filings, found by what a rule compares; made once for many reviews."""

    filings: Mapping[str, Filing]
    """Every filing of the register by its id, ended ones too."""
    _by: Mapping[tuple[str, str], tuple[Peer, ...]]
    _filings_of: Mapping[tuple[str, str], tuple[Filing, ...]]
    _content: Mapping[str, tuple[Application, ...]] = field(default_factory=dict)
    _filed: dict[str, tuple[Dossier, ...]] = field(default_factory=dict)
    """Read when it is asked for, and once."""

    @classmethod
    def of(
        cls,
        peers: Iterable[Peer],
        register: Register | None = None,
        applications: Iterable[Application] = (),
    ) -> Surroundings:
        """Index them; of one application id the first peer counts.

        ``applications`` are the register's: what its filings do not keep stands in them.
        """
        first = {(one.application_id or id(one)): one for one in reversed(list(peers))}
        by: defaultdict[tuple[str, str], list[Peer]] = defaultdict(list)
        for peer in reversed(first.values()):
            for key in _keys(peer):
                by[key].append(peer)
        filings = register.filings if register is not None else ()
        of: defaultdict[tuple[str, str], list[Filing]] = defaultdict(list)
        for filing in filings:
            for key in _entity_keys(filing.entity):
                of[key].append(filing)
            for domain in filing.service.domains:
                of["domain", _compared(domain)].append(filing)
            number = _number(filing.service.licence)
            if number:
                of["number", number].append(filing)
            for ip in filing.access.ips:
                of["address", f"{filing.access.account_id} {ip}"].append(filing)
            if filing.service.name:
                of["name", name_key(filing.service.name)].append(filing)
        return cls(
            {one.filing_id: one for one in filings},
            {key: tuple(some) for key, some in by.items()},
            {key: tuple(some) for key, some in of.items()},
            approved_content(applications),
        )

    def filed(self, filing: Filing) -> tuple[Dossier, ...]:
        """What the approved applications of a filing said for the review, newest first."""
        if filing.filing_id not in self._filed:
            of_it = self._content.get(filing.filing_id, ())
            found = (content_of(one) for one in of_it if one.status_at <= filing.since)
            self._filed[filing.filing_id] = tuple(one for one in found if one is not None)
        return self._filed[filing.filing_id]

    def entity_changes(self, record: Dossier, filing: Filing) -> list[Difference]:
        """In what the entity of a record is not that of a filing, by all that is known of it."""
        found = list(entity_differences(entity_of(record), filing.entity))
        found += entity_details(record, self.filed(filing), lambda: self._beside(filing))
        return found

    def _beside(self, filing: Filing) -> Iterator[Dossier]:
        """What the entity's other living filings said last."""
        for one in self.filings_of(filing.entity):
            if one.filing_id != filing.filing_id:
                yield from self.filed(one)[:1]

    def with_email(self, email: str) -> tuple[Peer, ...]:
        """Peers of a portal account's e-mail address."""
        return self._by.get(("email", email.casefold()), ())

    def with_mobile(self, mobile: str) -> tuple[Peer, ...]:
        """Peers of a portal account's mobile number."""
        return self._by.get(("mobile", mobile), ())

    def with_domain(self, domain: str) -> tuple[Peer, ...]:
        """Peers that file a domain, however they write it."""
        return self._by.get(("domain", _compared(domain)), ())

    def with_name(self, name: str) -> tuple[Peer, ...]:
        """Peers whose service has a name, as names are compared."""
        return self._by.get(("name", name_key(name)), ())

    def of_entity(self, entity: Entity) -> tuple[Peer, ...]:
        """Peers of an entity: the same by certificate, licence or name (DESIGN §15)."""
        found = {id(peer): peer for key in _entity_keys(entity) for peer in self._by.get(key, ())}
        return tuple(peer for peer in found.values() if same_entity(peer.entity, entity))

    def filings_of(self, entity: Entity) -> tuple[Filing, ...]:
        """Living filings of an entity."""
        found = {
            one.filing_id: one
            for key in _entity_keys(entity)
            for one in self._filings_of.get(key, ())
        }
        return tuple(
            one for one in found.values() if one.state in LIVE and same_entity(one.entity, entity)
        )

    def filings_with(self, domain: str) -> tuple[Filing, ...]:
        """Living filings that file a domain, however it is written."""
        found = self._filings_of.get(("domain", _compared(domain)), ())
        return tuple(one for one in found if one.state in LIVE)

    def filings_named(self, name: str) -> tuple[Filing, ...]:
        """Living filings whose service has a name, as names are compared."""
        found = self._filings_of.get(("name", name_key(name)), ())
        return tuple(one for one in found if one.state in LIVE)

    def with_number(self, number: str) -> tuple[Peer, ...]:
        """Peers that state a service's number, which is in canonical form."""
        return self._by.get(("number", number), ())

    def filings_with_number(self, number: str) -> tuple[Filing, ...]:
        """Living filings of a service's number, which is in canonical form."""
        found = self._filings_of.get(("number", number), ())
        return tuple(one for one in found if one.state in LIVE)

    def filings_at(self, account_id: str, ip: str) -> tuple[Filing, ...]:
        """Living filings that name an address of an account."""
        found = self._filings_of.get(("address", f"{account_id} {ip}"), ())
        return tuple(one for one in found if one.state in LIVE)


def _number(licence: str) -> str:
    """A service's number in canonical form, or nothing."""
    verdict = judge_service_licence(licence) if licence else None
    return verdict.licence.canonical if verdict and not verdict.code and verdict.licence else ""


def _entry(given: object) -> Entry | None:
    found = read_word(Entry, given) if isinstance(given, str) else None
    return Entry(found) if found is not None else None


def _keys(peer: Peer) -> Iterable[tuple[str, str]]:
    yield from _entity_keys(peer.entity)
    if peer.email:
        yield "email", peer.email
    if peer.mobile:
        yield "mobile", peer.mobile
    if peer.licence:
        yield "number", peer.licence
    for domain in dict.fromkeys(map(_compared, peer.domains)):
        yield "domain", domain
    if peer.service_name:
        yield "name", name_key(peer.service_name)


def _entity_keys(entity: Entity) -> Iterable[tuple[str, str]]:
    return ((f"entity {name}", value) for name, value in entity_keys(entity).items() if value)


def _compared(domain: str) -> str:
    """A domain as it is compared; nearly every one is plain ASCII, for which this is quick."""
    return domain.lower().rstrip(".") if domain.isascii() else domain_key(domain)
