"""The rules of the guides, an area a module; importing them registers them."""

from gatekeeper.filing.review.rulebook import (
    domain,
    entity,
    files,
    letters,
    names,
    person,
    portal,
    service,
    who,
)

__all__ = ["domain", "entity", "files", "letters", "names", "person", "portal", "service", "who"]
