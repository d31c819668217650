"""What schema 0001 wrote differently: its trail cannot be rewritten, only understood."""

from __future__ import annotations

import hashlib
import json
from datetime import UTC

from gatekeeper.filing import Application


def first_digest(application: Application) -> str:
    """The digest of an application as schema 0001 had it, in the trail and in its row.

    Since 0002 it is the digest of the row's text.
    """
    entity, service, access = application.entity, application.service, application.access
    content = {
        "application_id": application.application_id,
        "filing_id": application.filing_id,
        "kind": application.kind,
        "status": application.status,
        "status_at": application.status_at.astimezone(UTC).isoformat(timespec="microseconds"),
        "entity": [
            entity.name,
            entity.certificate_type,
            entity.certificate_number,
            entity.province,
            entity.licence,
        ],
        "service": [service.type, service.name, service.licence, service.domains],
        "access": [access.account_id, access.load_balancer, access.ips],
        "review": application.review,
    }
    text = json.dumps(content, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()
