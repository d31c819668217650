"""Records that the store's tests put in."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from gatekeeper.filing import (
    Access,
    Application,
    Entity,
    Kind,
    Row,
    Service,
    ServiceType,
    Status,
    Where,
    merge,
)
from gatekeeper.store import Store

NOW = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)
SECRET = "91310000MA1SECRET1"
REVIEW = '{"entity":{"head":{"id_number":"11010519491231002X"}}}'


def minutes(count: float) -> datetime:
    """So long after ``NOW``."""
    return NOW + timedelta(minutes=count)


def application(number: int = 1, **changes: Any) -> Application:
    """A submitted application with everything that can be set."""
    return replace(
        Application(
            application_id=f"A{number:06}",
            filing_id=f"F{number:06}",
            kind=Kind.NEW,
            status=Status.SUBMITTED,
            status_at=NOW,
            entity=Entity(
                name=f"宁夏第{number}公司",
                certificate_type="business_licence",
                certificate_number=SECRET,
                province="宁夏",
                licence="宁ICP备2026000001号",
            ),
            service=Service(
                type=ServiceType.WEBSITE,
                name='引号"与\\反斜杠',
                licence="宁ICP备2026000001号-1",
                domains=("a.cn", "b.cn"),
            ),
            access=Access(
                account_id="111122223333", load_balancer="prod", ips=("52.83.1.1", "52.83.1.2")
            ),
            review=REVIEW,
        ),
        **changes,
    )


def bring(store: Store, rows: Sequence[Application], *, at: datetime = NOW) -> None:
    """Import applications as a file would."""
    told = [
        Row(application=one, where=Where(file="f.csv", line=2 + n)) for n, one in enumerate(rows)
    ]
    outcome = merge(store.stored(one.application_id for one in rows), told, now=at)
    assert not outcome.problems
    store.commit_merge(outcome, actor="li", source="f.csv", at=at)
