"""The rules of the guides, an area a module; importing them registers them."""

from gatekeeper.filing.review.rulebook import (
    access,
    after,
    changes,
    connection,
    domain,
    entity,
    files,
    letters,
    names,
    person,
    portal,
    service,
    steps,
    who,
)

__all__ = [
    "access",
    "after",
    "changes",
    "connection",
    "domain",
    "entity",
    "files",
    "letters",
    "names",
    "person",
    "portal",
    "service",
    "steps",
    "who",
]
