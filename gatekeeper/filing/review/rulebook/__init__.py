"""The rules of the guides, an area a module; importing them registers them."""

from gatekeeper.filing.review.rulebook import entity, files, letters, person, portal

__all__ = ["entity", "files", "letters", "person", "portal"]
