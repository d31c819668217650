"""The checklist of papers and pictures for exactly one case."""

from __future__ import annotations

from gatekeeper.filing.review.case import Case
from gatekeeper.filing.review.model import Material
from gatekeeper.filing.review.needs import need
from gatekeeper.filing.review.words import AttachmentKind


def checklist(case: Case) -> tuple[Material, ...]:
    """Every kind of attachment: whether this case needs it, whether it is there, and why.

    What cannot be decided for want of a field counts as needed, and says which field decides.
    """
    found = []
    for kind in AttachmentKind:
        told = need(case, kind)
        why, why_zh = told.why, told.why_zh
        if told.needed is None:
            why, why_zh = f"{why}; {told.lacks} decides", f"{why_zh}；取决于 {told.lacks}"
        found.append(
            Material(
                kind=kind.value,
                needed=told.needed is not False,
                present=any(not one.fault for one in case.attached(kind)),
                why=why,
                why_zh=why_zh,
            )
        )
    return tuple(found)
