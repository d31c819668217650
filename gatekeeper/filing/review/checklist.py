"""The checklist of papers and pictures for exactly one case."""

from __future__ import annotations

from functools import lru_cache

from gatekeeper.filing.review.case import Case, Need
from gatekeeper.filing.review.model import Material
from gatekeeper.filing.review.needs import need
from gatekeeper.filing.review.words import AttachmentKind


def checklist(case: Case) -> tuple[Material, ...]:
    """Every kind of attachment: whether this case needs it, whether it is there, and why.

    What cannot be decided for want of a field counts as needed, and says which field decides.
    """
    return tuple(
        _material(
            kind, need(case, kind), any(not one.fault for _, one in case.placed.get(kind, ()))
        )
        for kind in AttachmentKind
    )


@lru_cache(maxsize=4096)
def _material(kind: AttachmentKind, told: Need, present: bool) -> Material:
    why, why_zh = told.why, told.why_zh
    if told.needed is None:
        why, why_zh = f"{why}; {told.lacks} decides", f"{why_zh}；取决于 {told.lacks}"
    return Material(
        kind=kind.value,
        needed=told.needed is not False,
        present=present,
        why=why,
        why_zh=why_zh,
    )
