"""The lease of an account: one process changes it at a time.

A row names the holder, and the holder writes the time into it every ``BEAT_SECONDS``.  A lease
whose time is older than ``LIVE_SECONDS``, or whose process is known to be gone, may be taken.  Each
taking has a greater token than all before (a fencing token); whoever writes the journal shows his
token, and learns there at the latest that the account is no longer his.

Which clock says how old the time is: within one boot of one host, the seconds since that boot, so
that setting the clock neither ends a lease nor keeps one.  Between hosts, the database's clock
(on SQLite the host's).  A waiter who sees no beat for ``LIVE_SECONDS`` by his own seconds needs
neither.
"""

from __future__ import annotations

import logging
import threading
import time
from collections import Counter
from datetime import UTC, datetime
from types import TracebackType
from typing import Any, Final, NamedTuple, Protocol, Self

from sqlalchemy import Connection, Row, delete, func, insert, select, update

from gatekeeper.errors import LeaseHeld, LeaseLost, StoreError
from gatekeeper.store.encoding import from_text, to_text
from gatekeeper.store.engine import Database
from gatekeeper.store.holder import Holder, this_host, this_process
from gatekeeper.store.tables import leases

BEAT_SECONDS: Final = 10.0
LIVE_SECONDS: Final = 60.0
_RETRY_SECONDS: Final = 1.0
"""After a beat that the database was too busy for."""
_POLL_SECONDS: Final = 0.25
_log = logging.getLogger(__name__)


class Clock(Protocol):
    """Time, as a test may set it."""

    def now(self) -> datetime:
        """The time of day, aware."""
        ...

    def elapsed(self) -> float:
        """Seconds since the host booted, those asleep too; never set back."""
        ...

    def sleep(self, seconds: float) -> None: ...


class SystemClock:
    """The host's own clock."""

    def now(self) -> datetime:
        return datetime.now(UTC)

    def elapsed(self) -> float:
        if hasattr(time, "CLOCK_BOOTTIME"):
            return float(time.clock_gettime(time.CLOCK_BOOTTIME))
        return time.monotonic()

    def sleep(self, seconds: float) -> None:
        time.sleep(seconds)


class _Moment(NamedTuple):
    at: datetime
    clock: float

    def age(self, row: Row[Any]) -> float:
        """Seconds since the holder's last beat."""
        host, boot = this_host()
        if boot and (row.host, row.boot) == (host, boot) and self.clock >= row.beat_clock:
            beat: float = row.beat_clock
            return self.clock - beat
        beat_at: str = row.beat_at
        return (self.at - from_text(beat_at)).total_seconds()


def _moment(database: Database, connection: Connection, clock: Clock) -> _Moment:
    if database.sqlite or not isinstance(clock, SystemClock):
        return _Moment(clock.now(), clock.elapsed())
    at: datetime = connection.exec_driver_sql("SELECT clock_timestamp()").scalar_one()
    return _Moment(at.astimezone(UTC), clock.elapsed())


class _Tokens:
    """The tokens that this process works with, of whatever database.

    A lease of ours whose token is not among them was let go while the database was away: nobody
    works with it any more, and it need not run out first.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._counts = Counter[int]()

    def take(self, token: int) -> None:
        with self._lock:
            self._counts[token] += 1

    def drop(self, token: int) -> None:
        with self._lock:
            self._counts[token] -= 1
            self._counts += Counter()  # forgets those at zero

    def abandoned(self, row: Row[Any]) -> bool:
        """Whether a lease is held by this process, and by nobody in it."""
        holder = _holder(row)
        if not holder.boot or holder != this_process():
            return False
        with self._lock:
            return self._counts[row.token] == 0


_tokens: Final = _Tokens()


class Lease:
    """An account held by this process.

    As a context manager it beats by itself in a daemon thread, and is released at the end.
    """

    def __init__(self, database: Database, clock: Clock, account_id: str, token: int) -> None:
        self.account_id = account_id
        self.token = token
        """Greater than every token given before."""
        self._db = database
        self._clock = clock
        self._lost = threading.Event()
        self._done = threading.Event()
        self._thread: threading.Thread | None = None
        self._beat = clock.elapsed()
        self._let_go = False

    def heartbeat(self) -> None:
        """Say that we are alive.

        Raises:
            LeaseLost: it ran out or was taken; it stays lost.
            StoreError: the database did not answer; try again.
        """
        self._refuse_lost()
        with self._db.write() as connection:
            self._own_row(connection)
            moment = _moment(self._db, connection, self._clock)
            connection.execute(
                update(leases)
                .where(leases.c.account_id == self.account_id, leases.c.token == self.token)
                .values(beat_at=to_text(moment.at), beat_clock=moment.clock)
            )
        self._beat = moment.clock

    def check(self) -> None:
        """Ask before every change.

        Raises:
            LeaseLost: it ran out or was taken; nothing more may be changed.
        """
        self._refuse_lost()
        with self._db.read() as connection:
            self._own_row(connection, lock=False)

    def release(self) -> None:
        """Give it back; one that was lost is let go."""
        self._stop()
        self._lost.set()
        if not self._let_go:
            self._let_go = True
            _tokens.drop(self.token)
        with self._db.write() as connection:
            connection.execute(
                update(leases)
                .where(leases.c.account_id == self.account_id, leases.c.token == self.token)
                .values(held=0)
            )

    def __enter__(self) -> Self:
        self._thread = threading.Thread(
            target=self._keep, name=f"lease-{self.account_id}", daemon=True
        )
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        try:
            self.release()
        except StoreError as busy:
            # Whatever happened inside matters more; others wait until the lease runs out.
            _log.warning("lease of %s not released: %s", self.account_id, busy.message)

    def _keep(self) -> None:
        pause = BEAT_SECONDS
        while not self._done.wait(pause):
            try:
                self.heartbeat()
            except LeaseLost as lost:
                _log.warning("%s", lost.message)
                return
            except StoreError as busy:
                _log.warning("lease of %s: no heartbeat: %s", self.account_id, busy.message)
                pause = _RETRY_SECONDS
            else:
                pause = BEAT_SECONDS

    def _stop(self) -> None:
        self._done.set()
        if self._thread is not None and self._thread is not threading.current_thread():
            self._thread.join()
        self._thread = None

    def _refuse_lost(self) -> None:
        if self._lost.is_set() or self._clock.elapsed() - self._beat > LIVE_SECONDS:
            self._lost.set()
            raise _lost(self.account_id)

    def _own_row(self, connection: Connection, *, lock: bool = True) -> None:
        try:
            account_of(self._db, connection, self._clock, self.token, lock=lock)
        except LeaseLost:
            self._lost.set()
            raise _lost(self.account_id) from None


class Leases:
    """The part of the store that gives leases."""

    _db: Database
    _clock: Clock

    def acquire_lease(self, account_id: str, *, wait: float = 0.0) -> Lease:
        """Take the lease of an account, waiting up to ``wait`` seconds for whoever has it.

        Raises:
            LeaseHeld: another process has it still; the message names it and since when.
        """
        deadline = self._clock.elapsed() + wait
        watched, since = None, self._clock.elapsed()
        while True:
            row, free = self._peek(account_id)
            now = self._clock.elapsed()
            sight = None if row is None else (row.token, row.beat_at)
            if sight != watched:
                watched, since = sight, now
            if free or now - since > LIVE_SECONDS:
                lease = self._take(account_id, watched)
                if lease is not None:
                    return lease
                continue
            assert row is not None
            if now >= deadline:
                raise _held(row, wait)
            self._clock.sleep(min(_POLL_SECONDS, deadline - now))

    def holders(self) -> tuple[str, ...]:
        """Who holds a lease at this moment, as people find them."""
        with self._db.read() as connection:
            moment = _moment(self._db, connection, self._clock)
            rows = connection.execute(select(leases).order_by(leases.c.account_id))
            return tuple(dict.fromkeys(str(_holder(r)) for r in rows if not _free(r, moment)))

    def _peek(self, account_id: str) -> tuple[Row[Any] | None, bool]:
        """The lease's row, and whether it may be taken."""
        with self._db.read() as connection:
            row = _row(connection, account_id)
            moment = _moment(self._db, connection, self._clock)
            return row, row is None or _free(row, moment)

    def _take(self, account_id: str, seen: tuple[int, str] | None) -> Lease | None:
        """Take a lease whose row is still as it was seen; ``None`` if it is not."""
        token: int | None = None
        try:
            with self._db.write(trail=True) as connection:
                row = _row(connection, account_id, lock=True)
                if (None if row is None else (row.token, row.beat_at)) != seen:
                    return None
                newest: int = connection.execute(select(func.max(leases.c.token))).scalar() or 0
                # Before anybody can see the row: it must never seem to be abandoned.
                _tokens.take(newest + 1)
                token = newest + 1
                self._write(connection, account_id, token)
            return Lease(self._db, self._clock, account_id, token)
        except BaseException:
            if token is not None:
                _tokens.drop(token)
            raise

    def _write(self, connection: Connection, account_id: str, token: int) -> None:
        moment = _moment(self._db, connection, self._clock)
        me = this_process()
        connection.execute(delete(leases).where(leases.c.account_id == account_id))
        connection.execute(
            insert(leases),
            {
                "account_id": account_id,
                "token": token,
                "held": 1,
                "host": me.host,
                "pid": me.pid,
                "started": me.started,
                "boot": me.boot,
                "acquired_at": to_text(moment.at),
                "beat_at": to_text(moment.at),
                "beat_clock": moment.clock,
            },
        )


def account_of(
    database: Database, connection: Connection, clock: Clock, token: int, *, lock: bool = True
) -> str:
    """The account that ``token`` holds at this moment; nobody takes it in this transaction.

    Raises:
        LeaseLost: it holds none: it ran out, was taken or was given back.
    """
    query = select(leases).where(leases.c.token == token, leases.c.held == 1)
    if lock:
        query = query.with_for_update()
    row = connection.execute(query).one_or_none()
    if row is None:
        raise _lost("")
    if _moment(database, connection, clock).age(row) > LIVE_SECONDS:
        raise _lost(row.account_id)
    return str(row.account_id)


def _row(connection: Connection, account_id: str, *, lock: bool = False) -> Row[Any] | None:
    query = select(leases).where(leases.c.account_id == account_id)
    return connection.execute(query.with_for_update() if lock else query).one_or_none()


def _free(row: Row[Any], moment: _Moment) -> bool:
    if not row.held or moment.age(row) > LIVE_SECONDS:
        return True
    return _holder(row).dead() or _tokens.abandoned(row)


def _holder(row: Row[Any]) -> Holder:
    return Holder(row.host, row.boot, row.pid, row.started)


def _held(row: Row[Any], wait: float) -> LeaseHeld:
    holder, since = _holder(row), from_text(row.acquired_at).strftime("%Y-%m-%d %H:%M:%SZ")
    if row.account_id == "service":
        return LeaseHeld(
            f"gatekeeper runs already: {holder} since {since}",
            zh=f"服务已在运行：{row.host} 上的进程 {row.pid}，自 {since} 起",
        )
    job = row.account_id.removeprefix("job:")
    if job != row.account_id:
        return LeaseHeld(
            f"job {job} is being run by {holder} since {since}",
            zh=f"作业 {job} 自 {since} 起正由 {row.host} 上的进程 {row.pid} 执行",
        )
    return LeaseHeld(
        f"account {row.account_id} is being changed by {holder} since {since}; waited {wait:g} s, "
        "try again or wait longer with --wait",
        zh=f"账号 {row.account_id} 自 {since} 起正由 {row.host} 上的进程 {row.pid} 变更，"
        f"已等待 {wait:g} 秒，请稍后重试或用 --wait 延长等待",
    )


def _lost(account_id: str) -> LeaseLost:
    what, what_zh = (
        (f"the lease of account {account_id}", f"账号 {account_id} 的租约")
        if account_id
        else ("the lease", "租约")
    )
    return LeaseLost(
        f"{what} ran out or was taken by another process; nothing more is changed, run it again",
        zh=f"{what_zh}已过期或被其他进程取得，不再进行任何变更，请重新执行",
    )
