"""Legal moves, and the ways between statuses that an export skipped."""

from __future__ import annotations

from itertools import pairwise, product

import pytest

from gatekeeper.errors import IllegalMove
from gatekeeper.filing import MOVES, STATUS_ZH, Status, check_move, path

LEGAL = {
    "draft": "submitted withdrawn",
    "submitted": "returned reported withdrawn",
    "returned": "submitted withdrawn",
    "reported": "sms_pending bureau_review rejected withdrawn",
    "sms_pending": "bureau_review returned withdrawn",
    "bureau_review": "approved rejected",
    "rejected": "submitted withdrawn",
    "approved": "",
    "withdrawn": "",
}


@pytest.mark.parametrize(("old", "new"), list(product(Status, Status)))
def test_exactly_the_legal_moves_pass(old: Status, new: Status) -> None:
    if new in LEGAL[old].split():
        check_move(old, new)
        assert path(old, new) == ()
        return
    with pytest.raises(IllegalMove) as caught:
        check_move(old, new)
    assert f"from {old} to {new}" in caught.value.message
    assert STATUS_ZH[old] in caught.value.text("zh")
    assert STATUS_ZH[new] in caught.value.text("zh")


def test_an_illegal_move_says_what_would_follow() -> None:
    with pytest.raises(IllegalMove, match="submitted or withdrawn"):
        check_move(Status.DRAFT, Status.APPROVED)
    with pytest.raises(IllegalMove, match="approved is final"):
        check_move(Status.APPROVED, Status.WITHDRAWN)


@pytest.mark.parametrize(
    ("old", "new", "skipped"),
    [
        ("draft", "approved", "submitted reported bureau_review"),
        ("draft", "sms_pending", "submitted reported"),
        ("submitted", "approved", "reported bureau_review"),
        ("sms_pending", "approved", "bureau_review"),
        ("returned", "bureau_review", "submitted reported"),
        ("rejected", "approved", "submitted reported bureau_review"),
        ("bureau_review", "submitted", "rejected"),
        ("bureau_review", "withdrawn", "rejected"),
        ("bureau_review", "returned", "rejected submitted"),
        ("approved", "rejected", None),
        ("withdrawn", "submitted", None),
        ("reported", "draft", None),
        ("submitted", "submitted", None),
    ],
)
def test_the_shortest_way(old: str, new: str, skipped: str | None) -> None:
    expected = None if skipped is None else tuple(Status(s) for s in skipped.split())
    assert path(Status(old), Status(new)) == expected


@pytest.mark.parametrize(("old", "new"), list(product(Status, Status)))
def test_every_way_is_made_of_legal_moves(old: Status, new: Status) -> None:
    skipped = path(old, new)
    if skipped is not None:
        way = [old, *skipped, new]
        assert all(after in MOVES[before] for before, after in pairwise(way))
