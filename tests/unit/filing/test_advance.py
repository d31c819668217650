from datetime import UTC, datetime, timedelta

import pytest

from gatekeeper.errors import FilingError, IllegalMove
from gatekeeper.filing import Application, Entity, Kind, Service, Status
from gatekeeper.filing.advance import advance

NOW = datetime(2026, 5, 4, 8, 0, tzinfo=UTC)
BEFORE = Application(
    application_id="A1",
    filing_id="F1",
    kind=Kind.NEW,
    status=Status.BUREAU_REVIEW,
    status_at=NOW - timedelta(days=9),
    entity=Entity(name="示例"),
    service=Service(licence="宁ICP备2026000001号-1"),
)


def test_a_move_changes_status_and_time_alone():
    after = advance(BEFORE, Status.APPROVED, at=NOW, now=NOW)
    assert (after.status, after.status_at) == (Status.APPROVED, NOW)
    assert (after.service, after.entity) == (BEFORE.service, BEFORE.entity)


def test_a_licence_comes_with_the_move():
    after = advance(BEFORE, Status.APPROVED, at=NOW, now=NOW, licence=" 宁ICP备2026000001号-2 ")
    assert after.service.licence == "宁ICP备2026000001号-2"


def test_an_illegal_move_is_refused():
    with pytest.raises(IllegalMove, match="bureau_review to draft"):
        advance(BEFORE, Status.DRAFT, at=NOW, now=NOW)


@pytest.mark.parametrize(
    ("at", "reason"),
    [
        (BEFORE.status_at - timedelta(seconds=1), "before its present status"),
        (NOW + timedelta(minutes=5, seconds=1), "future"),
    ],
)
def test_a_time_that_cannot_be_is_refused(at, reason):
    with pytest.raises(FilingError, match=reason) as refused:
        advance(BEFORE, Status.APPROVED, at=at, now=NOW)
    assert "--at" in refused.value.text("zh")


def test_clocks_may_differ_a_little():
    later = NOW + timedelta(minutes=5)
    assert advance(BEFORE, Status.APPROVED, at=later, now=NOW).status_at == later


def test_a_licence_that_is_none_is_refused():
    with pytest.raises(FilingError, match="nonsense"):
        advance(BEFORE, Status.APPROVED, at=NOW, now=NOW, licence="nonsense")
