"""What other filings, and applications for one, lay claim to: a name, a domain.

A claim is a living filing of the register, or an application with content that may still become
one.  Withdrawn and refused applications claim nothing; of an approved one the register speaks,
where it has the filing.  Whatever belongs to the filing under review is no other.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final, NamedTuple

from gatekeeper.filing.fold import same_entity
from gatekeeper.filing.model import Entity, Filing, Kind, Status
from gatekeeper.filing.review.case import Case
from gatekeeper.filing.review.model import WITH_CONTENT
from gatekeeper.filing.review.surroundings import Peer
from gatekeeper.filing.review.words import ServiceKind
from gatekeeper.filing.row import printable

_GIVEN_UP: Final = frozenset({Status.WITHDRAWN, Status.REJECTED})


class Claim(NamedTuple):
    """One filing or application beside the one under review."""

    filing_id: str
    application_id: str
    """Empty for a filing of the register."""
    approved: bool
    entity: Entity
    service_type: ServiceKind | None
    domains: tuple[str, ...]

    @property
    def shown(self) -> str:
        """Which it is, for a message."""
        if self.application_id or not self.filing_id:
            return f"application {printable(self.application_id)}".rstrip()
        return f"filing {printable(self.filing_id)}"

    @property
    def shown_zh(self) -> str:
        """The same in Chinese."""
        if self.application_id or not self.filing_id:
            return f"申请 {printable(self.application_id)}".rstrip()
        return f"备案 {printable(self.filing_id)}"


def on_domain(case: Case, domain: str) -> Iterator[Claim]:
    """Claims on a domain, the register's first."""
    around = case.surroundings
    yield from _claims(case, around.filings_with(domain), around.with_domain(domain))


def on_name(case: Case, name: str) -> Iterator[Claim]:
    """The same entity's claims on a service's name, the register's first."""
    around = case.surroundings
    for claim in _claims(case, around.filings_named(name), around.with_name(name)):
        if same_entity(claim.entity, case.entity):
            yield claim


def _claims(case: Case, filings: Iterable[Filing], peers: Iterable[Peer]) -> Iterator[Claim]:
    mine = case.record.filing_id
    for filing in filings:
        if filing.filing_id != mine:
            kind = filing.service.type
            yield Claim(
                filing.filing_id,
                "",
                True,
                filing.entity,
                ServiceKind(kind.value) if kind is not None else None,
                filing.service.domains,
            )
    for peer in peers:
        if (mine and peer.filing_id == mine) or not _stands(case, peer):
            continue
        if peer.application_id == case.record.application_id and (
            peer.application_id or peer == Peer.of(case.record)
        ):
            continue
        yield Claim(
            peer.filing_id,
            peer.application_id,
            peer.status is Status.APPROVED,
            peer.entity,
            peer.service_type,
            peer.domains,
        )


def _stands(case: Case, peer: Peer) -> bool:
    if (peer.kind or Kind.NEW) not in WITH_CONTENT or peer.status in _GIVEN_UP:
        return False
    return peer.status is not Status.APPROVED or peer.filing_id not in case.surroundings.filings
