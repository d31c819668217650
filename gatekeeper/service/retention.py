"""How long the store keeps what is done with; the trail is kept for ever."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from gatekeeper.service.config import Retention
    from gatekeeper.store import Store


class Pruned(NamedTuple):
    """How many rows were dropped."""

    job_runs: int
    drift: int
    notices: int
    events: int


def prune(store: Store, retention: Retention, *, at: datetime) -> Pruned:
    """Drop what is older than the settings say.

    The newest run of each job stays, and so does a notice that nobody has sent yet.
    """
    return Pruned(
        job_runs=store.forget_job_runs(before=at - retention.job_runs),
        drift=store.forget_drifts(before=at - retention.drift),
        notices=store.forget_notices(before=at - retention.notices),
        events=store.forget_events(before=at - retention.events),
    )
