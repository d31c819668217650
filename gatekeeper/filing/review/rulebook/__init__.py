"""The rules of the guides, an area a module; importing them registers them."""

from gatekeeper.filing.review.rulebook import portal

__all__ = ["portal"]
