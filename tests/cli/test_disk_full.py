"""A full disk: one line says so, nothing is half written, and it goes on once there is room."""

from __future__ import annotations

import os
import re
import resource
import subprocess
import sys
from collections import Counter
from contextlib import contextmanager

import pytest

from gatekeeper.store import open_store
from tests.cli.faulty import Postgres, Proxy, serving
from tests.cli.test_run import reachable, until
from tests.cli.world import BLOG, PORTAL, SHOP

SETTINGS = """
jobs:
  collect: {every: 1s}
  audit: {every: 1s}
  reconcile: {every: 1h}
  close: {every: 1s}
  open: {every: 1h}
"""
SOME = 250
"""Applications that take more than ``ROOM``, and not much."""
ROOM = 80_000
"""Bytes for an import to begin with."""


class Disk:
    """A small one of its own, to be filled and emptied."""

    def __init__(self, path):
        self.path = path
        self._ballast = path / "ballast"

    def fill(self, *, leave=0):
        """Leave ``leave`` bytes, about."""
        with self._ballast.open("ab", buffering=0) as stream:
            for size in (1 << 16, 1 << 12):
                try:
                    while True:
                        stream.write(b"x" * size)
                except OSError:  # full, as it should be
                    continue
        if leave:
            os.truncate(self._ballast, self._ballast.stat().st_size - leave)

    def used(self):
        return sum(path.stat().st_size for path in self.path.iterdir())

    def clear(self):
        self._ballast.unlink(missing_ok=True)


@contextmanager
def mounted(path, size):
    path.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", f"size={size},mode=0755", "tmpfs", str(path)]
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    except FileNotFoundError:
        pytest.skip("no mount command here")
    if done.returncode:
        pytest.skip(f"no disk may be mounted here: {done.stderr.strip()}")
    try:
        yield Disk(path)
    finally:
        subprocess.run(["umount", "-l", str(path)], check=True)


@pytest.fixture
def disk(tmp_path):
    with mounted(tmp_path / "disk", "4m") as made:
        yield made


@pytest.fixture
def on_disk(disk, monkeypatch):
    """The store lies on the small disk."""
    url = f"sqlite:///{disk.path}/gatekeeper.db"
    monkeypatch.setenv("GATEKEEPER_STORE", url)
    return url


@pytest.fixture
def proxy(box, monkeypatch):
    made = Proxy(os.environ["AWS_ENDPOINT_URL"])
    monkeypatch.setenv("AWS_ENDPOINT_URL", made.url)
    yield made
    made.close()


def many(filings, count):
    return filings(
        *(
            {
                "application_id": f"A{number:05}",
                "filing_id": f"F{number:05}",
                "service_licence": f"宁ICP备2026000001号-{number + 1}",
                "domains": f"n{number}.example.cn",
                "ips": f"52.83.{number // 250}.{number % 250 + 1}",
            }
            for number in range(count)
        ),
        name="many.csv",
    )


def refused(said):
    """One line, in words for whoever is on duty."""
    assert said.err.count("\n") == 1
    # Where not even the log's index can be made, SQLite knows no more than that nothing went.
    assert re.search("the disk is full; make room|the disk takes or gives no data", said.err)


def test_an_import_stores_all_or_nothing(on_disk, disk, filings, process, gatekeeper):
    many(filings, SOME)
    filings({"application_id": "A-first"})
    gatekeeper("filings", "import", "filings.csv", status=0)
    disk.fill(leave=ROOM)
    refused(process("filings", "import", "many.csv", status=1))
    assert "磁盘已满" in gatekeeper("filings", "import", "many.csv", "--lang", "zh", status=1).err
    listed = gatekeeper("filings", "list", "--format", "json", status=0).json["applications"]
    assert [one["application_id"] for one in listed] == ["A-first"]
    gatekeeper("trail", "verify", status=0)
    disk.clear()
    taken = disk.used()
    gatekeeper("filings", "import", "many.csv", status=0)
    gatekeeper("trail", "verify", status=0)
    assert disk.used() > taken + 2 * ROOM, "the import had room to begin, and not to end"


def test_an_apply_stops_before_its_next_change_and_goes_on_later(
    on_disk, disk, proxy, box, process, gatekeeper
):
    gatekeeper("filings", "import", "filings.csv", status=0)
    proxy.after = lambda call: disk.fill() if call.changes else None
    refused(process("apply", "--yes", status=1))
    assert len(proxy.changes) == 1, "what cannot be written down is not done"
    assert SHOP in reachable(box)
    assert BLOG in reachable(box)
    proxy.after = lambda _: None
    disk.fill()  # the log of the process that ended is gone, and what it took is free
    refused(process("apply", "--yes", status=1))
    assert len(proxy.changes) == 1
    disk.clear()
    gatekeeper("apply", "--yes", status=0)
    assert reachable(box) == {SHOP, PORTAL}
    assert max(Counter(call.body for call in proxy.changes).values()) == 1
    with open_store(on_disk) as store:
        assert store.verify_trail().ok
        assert store.unfinished_runs() == ()
        entries = [e for run in store.runs() for e in store.journal_entries(run.run_id)]
    intents = Counter(entry.call for entry in entries if entry.phase == "intent")
    assert Counter(call.operation for call in proxy.changes) == intents


@pytest.mark.soak
def test_the_service_waits_for_room(on_disk, disk, proxy, box, process, tmp_path):
    process("filings", "import", "filings.csv", status=0)
    proxy.after = lambda call: disk.fill() if call.changes else None
    with serving(tmp_path, SETTINGS) as service:
        until(lambda: "the disk is full" in service.log)
        proxy.after = lambda _: None
        changed = len(proxy.changes)
        until(lambda: service.log.count("the disk is full") > 10)
        assert service.lives()
        assert service.page("/healthz")[0] == 200
        assert len(proxy.changes) == changed == 1
        disk.clear()
        until(lambda: reachable(box) == {SHOP}, 40)
        with open_store(on_disk) as store:
            until(lambda: store.unfinished_runs() == ())
            assert store.verify_trail().ok
        assert service.ends() == 0
        assert "Traceback" not in service.log
    assert max(Counter(call.body for call in proxy.changes).values()) == 1


@pytest.mark.soak
@pytest.mark.parametrize(
    "words",
    [
        ("filings", "list", "--format", "json", "--out"),
        ("filings", "export", "--out"),
        ("store", "backup"),
    ],
    ids=["report", "export", "backup"],
)
def test_a_file_is_whole_or_as_it_was(disk, filings, process, words):
    many(filings, 1200)
    process("filings", "import", "many.csv", status=0)
    target = disk.path / "file.csv"
    target.write_text("what was there before\n")
    force = ["--force"] if words[-1] == "backup" else []
    disk.fill(leave=40_000)
    before = sorted(path.name for path in disk.path.iterdir())
    said = process(*words, target, *force, status=1)
    assert said.err.count("\n") == 1
    assert "No space left" in said.err or "disk is full" in said.err
    assert target.read_text() == "what was there before\n"
    assert sorted(path.name for path in disk.path.iterdir()) == before, "no piece is left behind"
    disk.clear()
    process(*words, target, *force, status=0)
    assert target.stat().st_size > 100_000


@pytest.mark.no_cover  # a report would not fit either
def test_a_limit_on_the_size_of_files_is_told_like_a_full_disk(filings, gatekeeper, tmp_path):
    """No disk need be mounted for this one."""
    many(filings, SOME)
    filings({"application_id": "A-first"})
    gatekeeper("filings", "import", "filings.csv", status=0)
    most = (tmp_path / "gatekeeper.db").stat().st_size + ROOM
    said = subprocess.run(
        [sys.executable, "-m", "gatekeeper", "filings", "import", "many.csv"],
        cwd=tmp_path,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (most, most)),
        capture_output=True,
        text=True,
        check=False,
    )
    assert said.returncode == 1
    assert said.stderr.count("\n") == 1
    assert "the disk takes or gives no data" in said.stderr
    listed = gatekeeper("filings", "list", "--format", "json", status=0).json["applications"]
    assert [one["application_id"] for one in listed] == ["A-first"]
    gatekeeper("trail", "verify", status=0)


@pytest.mark.soak
@pytest.mark.postgres
def test_postgresql_on_a_full_disk_says_so(tmp_path_factory, filings, process, monkeypatch):
    many(filings, 6_000)
    filings({"application_id": "A-first"})
    place = tmp_path_factory.mktemp("pg")
    with mounted(place / "disk", "140m") as disk:
        server = Postgres(disk.path)
        try:
            monkeypatch.setenv("GATEKEEPER_STORE", server.url)
            process("filings", "import", "filings.csv", status=0)
            disk.fill(leave=500_000)
            said = process("filings", "import", "many.csv", status=1)
            assert said.err.count("\n") == 1
            disk.clear()
            server.start()
            listed = process("filings", "list", "--format", "json", status=0)
            assert [one["application_id"] for one in listed.json["applications"]] == ["A-first"]
            process("filings", "import", "many.csv", status=0)
            process("trail", "verify", status=0)
        finally:
            server.close()
