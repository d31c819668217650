"""The row of an application: what its columns are made of."""

from __future__ import annotations

from typing import NamedTuple

from gatekeeper.filing import Stored, content_text, text_digest, utc_text
from gatekeeper.store.seal import Seal, sealed
from gatekeeper.store.search import entity_row


class ApplicationRow(NamedTuple):
    """A row of ``applications``, in the order of its columns."""

    application_id: str
    filing_id: str
    kind: str
    status: str
    status_at: str
    seen_at: str
    entity_name: str
    account_id: str
    digest: str
    body: str
    entity: str

    @classmethod
    def of(cls, stored: Stored, seal: Seal | None = None) -> ApplicationRow:
        """The row that holds an application and when it was last seen so.

        The digest is that of the plain content; ``seal`` encrypts the review in the body.
        """
        application, seen_at = stored
        status_at = utc_text(application.status_at)
        body = content_text(application)
        digest = text_digest(body)
        if application.review and seal is not None:
            body = content_text(sealed(seal, application))
        return cls(
            application.application_id,
            application.filing_id,
            application.kind.value,
            application.status.value,
            status_at,
            status_at if seen_at is application.status_at else utc_text(seen_at),
            application.entity.name,
            application.access.account_id,
            digest,
            body,
            entity_row(application.entity).entity,
        )
