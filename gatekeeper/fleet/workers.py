"""Who does the work: threads of this process, processes of this machine, or a Dask cluster.

All three are a ``concurrent.futures.Executor``; nothing beyond this module knows which it is.
"""

from __future__ import annotations

import multiprocessing
import re
import signal
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Executor, Future, ProcessPoolExecutor, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from importlib import import_module
from typing import Any, Final, Literal, Protocol

from gatekeeper.errors import FleetError, UsageError

Kind = Literal["threads", "processes", "cluster"]

_MOST: Final = 512
_CONNECT: Final = "10s"
_RECOUNT: Final = 5.0
"""Seconds between two looks at how many threads a cluster has."""


@dataclass(frozen=True, slots=True)
class Workers:
    """How many of which kind, or the address of a cluster's scheduler."""

    kind: Kind
    count: int = 0
    address: str = ""


DEFAULT_WORKERS: Final = Workers("threads", 8)


def parse_workers(text: str) -> Workers:
    """``8``, ``threads:8``, ``processes:4`` or a scheduler as ``tcp://host:8786``.

    Raises:
        UsageError: it is none of these.
    """
    if re.fullmatch(r"(tcp|tls|ucx|ws|wss)://[^\s/]+", text):
        return Workers("cluster", address=text)
    match = re.fullmatch(r"(?:(threads|processes):)?([0-9]{1,4})", text)
    if match is None or not 1 <= int(match[2]) <= _MOST:
        raise UsageError(
            f"--workers {text!r}: write 8, threads:8, processes:4 (1 to {_MOST}) or"
            " tcp://SCHEDULER:8786",
            zh=f"--workers {text!r} 无效：应写作 8、threads:8、processes:4（1 至 {_MOST}）"
            "或 tcp://调度器地址:8786",
        )
    return Workers("processes" if match[1] == "processes" else "threads", int(match[2]))


class Crew(Protocol):
    """Workers at work."""

    def submit(self, function: Callable[..., Any], *arguments: object) -> Future[Any]: ...

    def capacity(self) -> int:
        """How many tasks are done at the same time."""
        ...

    def replace(self) -> None:
        """Take on others where a death made all of them useless."""
        ...


@contextmanager
def hired(workers: Workers) -> Iterator[Crew]:
    """The workers; let go of at the end, at once where it comes early.

    Raises:
        FleetError: the cluster is not there, or its library is missing.
    """
    crew = _Cluster(workers.address) if workers.kind == "cluster" else _Pool(workers)
    finished = False
    try:
        yield crew
        finished = True
    finally:
        crew.dismiss(wait=finished)


class _Pool:
    """Threads or processes of our own."""

    def __init__(self, workers: Workers) -> None:
        self._workers = workers
        self._executor = self._make()

    def _make(self) -> Executor:
        count = self._workers.count
        if self._workers.kind == "threads":
            return ThreadPoolExecutor(count, thread_name_prefix="account")
        # Forked, a process would share our sockets and half-held locks.
        return ProcessPoolExecutor(
            count, mp_context=multiprocessing.get_context("spawn"), initializer=_warm_up
        )

    def submit(self, function: Callable[..., Any], *arguments: object) -> Future[Any]:
        return self._executor.submit(function, *arguments)

    def capacity(self) -> int:
        return self._workers.count

    def replace(self) -> None:
        if self._workers.kind == "processes":
            self._executor.shutdown(wait=False, cancel_futures=True)
            self._executor = self._make()

    def dismiss(self, *, wait: bool) -> None:
        self._executor.shutdown(wait=wait, cancel_futures=not wait)


class _Cluster:
    """Workers of a Dask cluster; what a dead one had begun, the scheduler gives to another."""

    def __init__(self, address: str) -> None:
        self._client = _connect(address)
        self._executor: Executor = self._client.get_executor(pure=False)
        self._threads = 0
        self._counted = float("-inf")

    def submit(self, function: Callable[..., Any], *arguments: object) -> Future[Any]:
        return self._executor.submit(function, *arguments)

    def capacity(self) -> int:
        if time.monotonic() - self._counted > _RECOUNT:
            self._threads = sum(self._client.nthreads().values())
            self._counted = time.monotonic()
        return max(1, self._threads)

    def replace(self) -> None:
        """The cluster's own business."""

    def dismiss(self, *, wait: bool) -> None:
        try:
            self._executor.shutdown(wait=wait)
        finally:
            self._client.close()


def _connect(address: str) -> Any:
    """A Dask client, which is not typed."""
    try:
        distributed: Any = import_module("distributed")
    except ImportError:
        raise FleetError(
            f"--workers {address} needs Dask distributed; install gatekeeper[fleet]",
            zh=f"--workers {address} 需要 Dask distributed，请安装 gatekeeper[fleet]",
        ) from None
    try:
        return distributed.Client(address, timeout=_CONNECT, set_as_default=False)
    except (OSError, ValueError) as error:
        why = (str(error).split("\n")[0] or type(error).__name__).rstrip(".")
        raise FleetError(
            f"--workers {address}: no Dask scheduler answers ({why}); check the address and that"
            " it runs",
            zh=f"--workers {address}：无法连接 Dask 调度器（{why}），请检查地址及其是否在运行",
        ) from None


def _warm_up() -> None:
    """Load what every task needs before the first comes; an interrupt is the parent's business."""
    from gatekeeper.aws import collect

    signal.signal(signal.SIGINT, signal.SIG_IGN)
    del collect
