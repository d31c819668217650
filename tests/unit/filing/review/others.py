"""Other filings and applications beside the one under review; all of them are made up."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from gatekeeper.filing.model import (
    Access,
    Entity,
    Filing,
    FilingState,
    Register,
    Service,
    ServiceType,
)
from gatekeeper.filing.review import Peer
from tests.unit.filing.review.records import read, website

OWN = Entity(
    name=website()["entity"]["name"],
    certificate_number=website()["entity"]["certificate_number"],
)
STRANGER = Entity(name="银川另一测试有限公司", certificate_number="91640100MA0000002L")


def filing(
    filing_id: str,
    service_type: str,
    name: str,
    *domains: str,
    entity: Entity = OWN,
    state: FilingState = FilingState.IN_EFFECT,
) -> Filing:
    """A filing of the register."""
    return Filing(
        filing_id=filing_id,
        state=state,
        entity=entity,
        service=Service(type=ServiceType(service_type), name=name, domains=domains),
        access=Access(),
        application_id=f"of-{filing_id}",
        since=datetime(2025, 1, 1, tzinfo=UTC),
    )


def register(*filings: Filing) -> Register:
    """A register of these filings."""
    return Register(filings=filings, pending=(), issues=(), version="made-up")


def peer(record: Mapping[str, Any], **given: Any) -> Peer:
    """Another application; ``given`` replaces what a peer has of its record."""
    return Peer.of(read(record))._replace(**given)
