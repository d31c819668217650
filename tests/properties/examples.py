"""How many examples a property gets: a few by default, very many in a long run."""

from __future__ import annotations

from hypothesis import settings


def examples(share: float) -> settings:
    """A multiple of what the profile in force says; ``settings(max_examples=…)`` would hide it."""
    return settings(max_examples=max(1, round(share * settings.default.max_examples)))
