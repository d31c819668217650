"""What a job of the service works with."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING

from gatekeeper.service.metrics import Metrics

if TYPE_CHECKING:
    from gatekeeper.account import AccountState
    from gatekeeper.apply import Edge
    from gatekeeper.policy import Policy
    from gatekeeper.service.config import ServiceConfig
    from gatekeeper.store import Store


@dataclass(slots=True, kw_only=True)
class Context:
    """The store, the policy and the settings in force, and ways to AWS.

    ``policy`` and ``config`` are replaced by a reload; a job reads them once, when it begins.
    """

    store: Store
    region: str
    policy: Policy
    config: ServiceConfig
    clock: Callable[[], datetime]
    """The one clock: aware times."""
    instance: str
    """This process, as people find it: host and number."""
    actor: str
    """Who is said to have changed what a job changes."""
    stop: threading.Event = field(default_factory=threading.Event)
    """Set when the process is asked to end: no new change is begun."""
    wait: float = 60.0
    """Seconds to wait for the lease of an account."""
    metrics: Metrics = field(default_factory=Metrics)
    """The figures that ``/metrics`` shows."""

    def known_accounts(self) -> tuple[str, ...]:
        """The registered accounts."""
        return tuple(account.account_id for account in self.store.accounts())

    def states(self, only: tuple[str, ...] = ()) -> Iterator[AccountState]:
        """Read accounts live, as they come: ``only`` these, else every registered one."""
        from gatekeeper.aws.collect import collect_many
        from gatekeeper.fleet import targets

        registered = {account.account_id: account for account in self.store.accounts()}
        yield from collect_many(targets(registered, only), self.region)

    @contextmanager
    def edges(self) -> Iterator[Callable[[str], Edge]]:
        """Give the edge of an account, by which it is changed."""
        from gatekeeper.fleet import edges

        with edges(self.region, self.store) as edge_for:
            yield edge_for
