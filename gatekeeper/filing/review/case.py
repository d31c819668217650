"""One application with all that a rule may look at."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import NamedTuple

from gatekeeper.filing.model import Access, Entity, Filing, Kind, Status
from gatekeeper.filing.provinces import Province
from gatekeeper.filing.review.dossier import Answer, Attachment, Dossier
from gatekeeper.filing.review.facts import Facts
from gatekeeper.filing.review.once import once
from gatekeeper.filing.review.provider import ProviderRules
from gatekeeper.filing.review.surroundings import LIVE, Surroundings, entity_of
from gatekeeper.filing.review.words import (
    AttachmentKind,
    CertificateType,
    PersonIdType,
    Route,
    ServiceKind,
)
from gatekeeper.filing.workdays import SHANGHAI, Holidays

Placed = tuple[str, Attachment]
"""An attachment with its path in the record."""


class Need(NamedTuple):
    """Whether something is needed; ``None`` where the record lacks what decides it."""

    needed: bool | None
    why: str
    why_zh: str
    lacks: str = ""
    """The field that would decide, where ``needed`` is ``None``."""


@dataclass(frozen=True, kw_only=True)
class Case:
    """What one review is made of."""

    record: Dossier
    provider: ProviderRules
    at: datetime
    surroundings: Surroundings = field(default_factory=lambda: Surroundings.of(()))
    facts: Facts | None = None
    """``None`` where nothing live was read."""
    answers: dict[str, Answer] = field(default_factory=dict)
    """By rule; those that stand in the store win over the record's own."""
    holidays: Holidays = field(default_factory=Holidays)
    """What is known of them, for the clocks."""
    needs: dict[AttachmentKind, Need] = field(default_factory=dict, repr=False, compare=False)
    """What ``need`` found already; the rules and the checklist ask the same."""

    @once
    def today(self) -> date:
        """The day in Asia/Shanghai."""
        return self.at.astimezone(SHANGHAI).date()

    @once
    def kind(self) -> Kind:
        """What it asks for; a record that does not say is judged as a new filing."""
        return self.record.kind or Kind.NEW

    @once
    def service_type(self) -> ServiceKind | None:
        """What it files, by the record, else by the filing that it concerns."""
        if self.record.service.type is not None:
            return self.record.service.type
        known = self.filing.service.type if self.filing is not None else None
        return ServiceKind(known.value) if known is not None else None

    @property
    def approved(self) -> bool:
        """Whether the bureau approved this application."""
        return self.record.status is Status.APPROVED

    @once
    def entity(self) -> Entity:
        """The entity, as the register keeps one."""
        return entity_of(self.record)

    @once
    def filing(self) -> Filing | None:
        """The living filing that it concerns, as the register has it."""
        found = self.surroundings.filings.get(self.record.filing_id)
        return found if found is not None and found.state in LIVE else None

    @once
    def access(self) -> Access:
        """The account and addresses that stand once it is approved; see ``access_of``."""
        return access_of(self.record, self.filing)

    @once
    def province(self) -> Province | None:
        """The entity's province, where the record names one."""
        return self.record.entity.known_province

    @once
    def route(self) -> Route | None:
        """The route that the papers ask for; ``None`` where the record does not say which they are.

        A business licence and resident id cards of both heads go the electronic way, anything
        else the manual one (A11, W10, E11; A12.1, W11.1).
        """
        entity, service = self.record.entity, self.record.service
        heads = [one.id_type for one in (entity.head, service.head) if one is not None]
        certificate = entity.certificate_type
        if certificate is not None and certificate is not CertificateType.BUSINESS_LICENCE:
            return Route.MANUAL
        if any(one is not None and one is not PersonIdType.RESIDENT_ID for one in heads):
            return Route.MANUAL
        if certificate is None or len(heads) < 2 or None in heads:
            return None
        return Route.ELECTRONIC

    @once
    def one_person(self) -> bool:
        """Whether one person is head of both the entity and the service."""
        mine, theirs = self.record.entity.head, self.record.service.head
        if mine is None or theirs is None:
            return False
        if mine.id_number and theirs.id_number:
            return mine.id_number.upper() == theirs.id_number.upper()
        return bool(mine.name) and mine.name == theirs.name

    @once
    def placed(self) -> Mapping[AttachmentKind, tuple[Placed, ...]]:
        """The attachments by kind, each with its path in the record."""
        found: dict[AttachmentKind, tuple[Placed, ...]] = {}
        for index, one in enumerate(self.record.attachments):
            if one.kind is not None:
                found[one.kind] = (*found.get(one.kind, ()), (f"attachments[{index}]", one))
        return found

    def attached(self, kind: AttachmentKind) -> tuple[Attachment, ...]:
        """The attachments of one kind."""
        return tuple(one for _, one in self.placed.get(kind, ()))


def access_of(record: Dossier, filing: Filing | None) -> Access:
    """The access of a record; a change without addresses leaves the filing's as it is."""
    if record.kind is Kind.CHANGE and filing is not None and not record.access.ips:
        return filing.access
    given = record.access
    return Access(
        account_id=given.account_id, load_balancer=given.load_balancer, ips=tuple(given.ips)
    )
