"""The figures of the service, as Prometheus reads them.

What happened is counted as it happens.  What *is* (findings, ages, the outbox) is kept as the
newest whole value and handed out at each scrape, so that a scrape never sees half of an audit.  A
figure that is not known yet is absent, not zero.
"""

from __future__ import annotations

import platform
import threading
from collections import Counter as Tally
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import UTC, datetime
from typing import Final

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, ProcessCollector
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.exposition import choose_encoder
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

from gatekeeper import __version__
from gatekeeper.gate import CATALOGUE, Finding

_SECONDS: Final = (0.1, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300, 600, 1800)
"""Bounds of a job's duration: a close takes moments, a full reconcile of a large fleet minutes."""

THROTTLED: Final = "throttled"
"""The outcome of an AWS call that was refused for its rate."""


class Metrics:
    """Every figure, in a registry of its own.  Threads may share it.

    It is an ``Observer`` of AWS calls too: hand it to ``gatekeeper.aws.session.observe``.
    """

    def __init__(self, clock: Callable[[], datetime] | None = None) -> None:
        self.registry = CollectorRegistry()
        self._now = clock or (lambda: datetime.now(UTC))
        self._present = _Present(self._now)
        self.registry.register(self._present)
        ProcessCollector(registry=self.registry)
        build = Gauge(
            "gatekeeper_build_info",
            "The version that runs; always 1.",
            ("version", "python"),
            registry=self.registry,
        )
        build.labels(__version__, platform.python_version()).set(1)
        self._runs = self._counter("job_runs", "Runs of jobs by result.", "job", "result")
        self._seconds = Histogram(
            "gatekeeper_job_seconds",
            "How long runs of jobs took.",
            ("job",),
            buckets=_SECONDS,
            registry=self.registry,
        )
        self._calls = self._counter(
            "aws_calls", "Attempts of AWS calls by outcome.", "operation", "outcome"
        )
        self._throttles = self._counter(
            "aws_throttles", "Attempts that AWS refused for their rate.", "operation"
        )
        self._applied = self._counter("apply_results", "Actions of plans by result.", "result")
        self._events = self._counter(
            "events", "Events from the queue by what became of them.", "result"
        )

    def job_finished(self, job: str, result: str, seconds: float, at: datetime) -> None:
        """A run of a job ended; ``result`` is "ok", "failed" or "lost"."""
        self._runs.labels(job, result).inc()
        self._seconds.labels(job).observe(max(0.0, seconds))
        if result == "ok":
            self._present.succeeded(job, at)

    def findings(self, findings: Iterable[Finding]) -> None:
        """What stands now: all of it, by code and severity."""
        self._present.findings(findings)

    def exposed(self, count: int) -> None:
        """How many endpoints the Internet reaches on a gated port."""
        self._present.exposed(count)

    def superseded(self) -> None:
        """Another instance has audited since: tell no findings and no exposures until we do again.

        So of several instances one tells them, and what is resolved does not stay for ever on the
        page of an instance whose turn does not come.
        """
        self._present.superseded()

    def account_read(self, account_id: str, at: datetime) -> None:
        """An account was read completely; an older time than the known one is passed over."""
        self._present.account_read(account_id, at)

    def accounts(self, known: Iterable[str]) -> None:
        """Forget the accounts that are not among these any more."""
        self._present.keep_accounts(known)

    def applied(self, results: Iterable[str]) -> None:
        """How actions of a run ended."""
        for result, count in Tally(results).items():
            self._applied.labels(result).inc(count)

    def events(self, result: str, count: int = 1) -> None:
        """Events that were handled, passed over or refused."""
        if count > 0:
            self._events.labels(result).inc(count)

    def outbox(self, counts: Mapping[str, int]) -> None:
        """How many notices stand in each state."""
        self._present.outbox(counts)

    def holder(self, job: str, instance: str, held: bool) -> None:
        """Whether ``instance`` holds the lease of a job."""
        self._present.holder(job, instance, held)

    def aws_call(self, operation: str, outcome: str) -> None:
        """One attempt of an AWS call was answered, or was not."""
        self._calls.labels(operation, outcome).inc()
        if outcome == THROTTLED:
            self._throttles.labels(operation).inc()

    def render(self, accept: str = "") -> tuple[bytes, str]:
        """The page and its content type, in the form that ``accept`` asks for."""
        encode, content_type = choose_encoder(accept)
        return encode(self.registry), content_type

    def _counter(self, name: str, text: str, *labels: str) -> Counter:
        return Counter(f"gatekeeper_{name}", text, labels, registry=self.registry)


class _Present(Collector):
    """What is, at the time of the scrape."""

    def __init__(self, now: Callable[[], datetime]) -> None:
        self._now = now
        self._lock = threading.Lock()
        self._findings: dict[tuple[str, str], int] | None = None
        self._exposed: int | None = None
        self._read: dict[str, datetime] = {}
        self._succeeded: dict[str, datetime] = {}
        self._outbox: dict[str, int] | None = None
        self._holders: dict[tuple[str, str], bool] = {}

    def findings(self, findings: Iterable[Finding]) -> None:
        counted = Tally((one.code, one.severity.value) for one in findings)
        with self._lock:
            # A series that was there stays, at zero: so a graph falls instead of ending.
            known = self._findings or {
                (code, entry.severity.value): 0 for code, entry in CATALOGUE.items()
            }
            self._findings = {**dict.fromkeys(known, 0), **counted}

    def exposed(self, count: int) -> None:
        with self._lock:
            self._exposed = count

    def superseded(self) -> None:
        with self._lock:
            self._findings, self._exposed = None, None

    def account_read(self, account_id: str, at: datetime) -> None:
        with self._lock:
            known = self._read.get(account_id)
            if known is None or at > known:
                self._read[account_id] = at

    def keep_accounts(self, known: Iterable[str]) -> None:
        kept = frozenset(known)
        with self._lock:
            self._read = {name: at for name, at in self._read.items() if name in kept}

    def succeeded(self, job: str, at: datetime) -> None:
        with self._lock:
            self._succeeded[job] = at

    def outbox(self, counts: Mapping[str, int]) -> None:
        with self._lock:
            self._outbox = {**dict.fromkeys(("waiting", "sent", "dead"), 0), **counts}

    def holder(self, job: str, instance: str, held: bool) -> None:
        with self._lock:
            self._holders[job, instance] = held

    def describe(self) -> Iterator[Metric]:
        """The names alone; a registry asks for them once."""
        yield from self._families()

    def collect(self) -> Iterator[Metric]:
        findings, exposed, ages, successes, outbox, holders = families = self._families()
        now = self._now()
        with self._lock:
            for (code, severity), count in sorted((self._findings or {}).items()):
                findings.add_metric((code, severity), count)
            if self._exposed is not None:
                exposed.add_metric((), self._exposed)
            for account_id, at in sorted(self._read.items()):
                ages.add_metric((account_id,), max(0.0, (now - at).total_seconds()))
            for job, at in sorted(self._succeeded.items()):
                successes.add_metric((job,), at.timestamp())
            for state, count in sorted((self._outbox or {}).items()):
                outbox.add_metric((state,), count)
            for (job, instance), held in sorted(self._holders.items()):
                holders.add_metric((job, instance), int(held))
        yield from families

    @staticmethod
    def _families() -> tuple[GaugeMetricFamily, ...]:
        return tuple(
            GaugeMetricFamily(f"gatekeeper_{name}", text, labels=labels)
            for name, text, labels in (
                ("findings", "Findings that stand.", ("code", "severity")),
                ("exposed_endpoints", "Endpoints reachable on a gated port.", ()),
                ("account_age_seconds", "Age of the last complete read.", ("account_id",)),
                (
                    "job_last_success_timestamp_seconds",
                    "When a run of the job last ended well, in Unix time.",
                    ("job",),
                ),
                ("outbox", "Notices by state.", ("state",)),
                (
                    "lease_holder",
                    "1 where the instance holds the lease of the job.",
                    ("job", "instance"),
                ),
            )
        )
