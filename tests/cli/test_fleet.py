"""A fleet of accounts on a server of canned pages: whoever reads it, the report is the same."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from itertools import islice
from pathlib import Path
from urllib.request import urlopen

import pytest

from gatekeeper.errors import FleetError
from tests.servers import unmeasured

ROOT = Path(__file__).resolve().parents[2]
SCRIPTS = ROOT / "scripts"
NOW = datetime(2026, 6, 1, tzinfo=UTC)


@dataclass
class Fleet:
    """Where the accounts answer."""

    url: str
    latency: float

    def get(self, path):
        with urlopen(self.url + path) as answer:
            return json.loads(answer.read())


@pytest.fixture(scope="module")
def server():
    """Answers after 20 ms, so that work overlaps."""
    command = [sys.executable, "-m", "benches.fleetserver", "--latency", "0.02"]
    with subprocess.Popen(
        command,
        env={**unmeasured(), "PYTHONPATH": str(SCRIPTS)},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    ) as process:
        yield Fleet(f"http://127.0.0.1:{int(process.stdout.readline())}", 0.02)
        process.kill()


@pytest.fixture
def canned(monkeypatch):
    monkeypatch.syspath_prepend(SCRIPTS)
    from benches import canned

    return canned


@pytest.fixture
def fleet(server, canned, gatekeeper, tmp_path, monkeypatch):
    """Register and file so many accounts; each is entered by a role of its own.

    Nine are more than two processes, three threads or a cluster of two have under way at once.
    """
    monkeypatch.setenv("AWS_ENDPOINT_URL", server.url)
    monkeypatch.delenv("AWS_SESSION_TOKEN", raising=False)

    def furnish(count, first=0):
        rows = ["account_id,name,role_arn,external_id"]
        lines = []
        for number in range(first, first + count):
            name = canned.account_of(number)
            rows.append(f"{name},n{number},arn:aws-cn:iam::{name}:role/gatekeeper,")
            lines += [json.dumps(one, ensure_ascii=False) for one in canned.filings_of(number)]
        (tmp_path / "accounts.csv").write_text("\n".join(rows) + "\n", encoding="utf-8")
        (tmp_path / "filings.jsonl").write_text("\n".join(lines) + "\n", encoding="utf-8")
        gatekeeper("accounts", "import", "accounts.csv", status=0)
        gatekeeper("filings", "import", "filings.jsonl", status=0)
        server.get("/calls")
        return server

    return furnish


def timeless(report):
    """A report without the times of the look: everything else must be equal, byte for byte."""
    data = json.loads(report)
    data.pop("generated_at", None)
    data.pop("since", None)
    for finding in data["findings"]:
        finding["first_seen"] = finding["last_seen"] = None
    return json.dumps(data, ensure_ascii=False)


def compare(command, kinds, status):
    """One report, whichever of these gives it: ``{workers: how to run the command}``."""
    shown = set()
    for kind, run in kinds.items():
        said = run(command, "--format", "json", "--workers", kind, status=status)
        shown.add(timeless(said.out))
    [same] = shown
    return json.loads(same)


def test_threads_and_processes_report_the_same(fleet, gatekeeper, process):
    server = fleet(9)
    kinds = {"1": gatekeeper, "threads:3": gatekeeper, "processes:2": process}
    shown = compare("reconcile", kinds, status=3)
    assert shown["summary"]["accounts"] == {"complete": 9, "partial": 0, "unreadable": 0}
    assert shown["summary"]["decisions"] == {"open": 414, "closed": 36, "hold": 0, "unknown": 0}
    codes = [finding["code"] for finding in shown["findings"]]
    assert {code: codes.count(code) for code in codes} == {
        "address-in-other-account": 8,
        "address-not-in-account": 1,
        "exposed-unfiled": 18,
    }
    assert server.get("/calls")["AssumeRole"] == 27


@pytest.mark.no_cover
def test_an_account_that_fails_is_unknown_and_hurts_no_other(fleet, gatekeeper, process, canned):
    server = fleet(5, first=2000)  # it fails from now on: nobody else has these
    failing = canned.account_of(2004)
    server.get(f"/fail/{failing}")
    shown = compare("reconcile", {"threads:3": gatekeeper, "processes:2": process}, status=4)
    statuses = {one["account_id"]: one["status"] for one in shown["accounts"]}
    assert statuses.pop(failing) == "partial"
    assert set(statuses.values()) == {"complete"}
    assert len(statuses) == 4
    assert {d["decision"] for d in shown["decisions"] if d["account_id"] == failing} <= {"unknown"}


@pytest.mark.soak
def test_an_audit_is_the_same_whoever_reads_and_remembers(fleet, process, tmp_path):
    fleet(30)
    store = tmp_path / "gatekeeper.db"
    fresh = store.read_bytes()
    first = compare_audits(process, store, fresh, ["threads:8", "processes:2", "2"])
    assert {finding["state"] for finding in first["findings"]} == {"new"}
    again = json.loads(process("audit", "--format", "json", status=3).out)
    assert {finding["state"] for finding in again["findings"]} == {"known"}
    assert len(again["findings"]) == len(first["findings"]) == 90
    assert again["drift"] == []
    assert again["since"]


def compare_audits(process, store, fresh, kinds):
    shown = set()
    for kind in kinds:
        store.write_bytes(fresh)
        for left in store.parent.glob("gatekeeper.db-*"):
            left.unlink()
        words = ("audit", "--format", "json", "--workers", kind)
        shown.add(timeless(process(*words, status=3, timeout=600).out))
    [same] = shown
    return json.loads(same)


def test_a_dump_is_gathered_in_the_same_way(gatekeeper, filings, dump):
    gatekeeper("filings", "import", filings({"ips": "52.83.1.9"}), status=0)
    dump()
    live = gatekeeper("reconcile", "--dump", "dump", "--workers", "2", "--format", "json", status=3)
    assert {f["code"] for f in live.json["findings"]} == {
        "address-not-in-account",
        "exposed-unfiled",
    }


@pytest.mark.parametrize("command", ["audit", "reconcile"])
def test_workers_that_are_none_are_wrong_usage(command, gatekeeper):
    said = gatekeeper(command, "--workers", "fibres:3", status=2)
    assert "threads:8" in said.err


@pytest.mark.no_cover
def test_a_scheduler_that_is_not_there_is_one_line(fleet, gatekeeper, monkeypatch):
    monkeypatch.setattr("gatekeeper.fleet.workers._CONNECT", "1s")
    fleet(1)
    said = gatekeeper("audit", "--workers", "tcp://127.0.0.1:9", status=1)
    assert said.err.splitlines()[-1].count("no Dask scheduler answers") == 1
    assert len(said.err.splitlines()) == 1


@pytest.fixture
def cluster(server, monkeypatch):
    """Two workers of a Dask cluster, each a process of its own."""
    distributed = pytest.importorskip("distributed")
    import dask

    monkeypatch.setenv("AWS_ENDPOINT_URL", server.url)
    monkeypatch.delenv("AWS_SESSION_TOKEN", raising=False)
    with (
        dask.config.set({"distributed.admin.log-format": "%(message)s"}),
        distributed.LocalCluster(
            n_workers=2,
            threads_per_worker=2,
            processes=True,
            dashboard_address=None,
            silence_logs=50,
        ) as made,
    ):
        yield made


def look(workers, watch=None):
    from gatekeeper.fleet import look_over, parse_workers
    from gatekeeper.gate import decision_record, finding_record
    from gatekeeper.policy import default_policy
    from gatekeeper.store import open_store

    with open_store("sqlite:///gatekeeper.db") as store:
        found = look_over(
            store,
            default_policy(),
            at=NOW,
            region="cn-northwest-1",
            workers=parse_workers(workers),
            watch=watch,
        )
    assert found.complete
    return json.dumps(
        [
            [finding_record(one) for one in found.findings],
            [decision_record(one) for one in found.decisions],
            dict(found.verified),
        ]
    )


def test_a_cluster_reports_the_same_though_a_worker_is_killed(fleet, cluster):
    from distributed import Client

    fleet(14)
    expected = look("threads:4")
    address = cluster.scheduler_address
    assert look(address) == expected
    with Client(address, set_as_default=False) as client:
        pids = sorted(client.run(os.getpid).values())
    killed = []

    def watch(sightings, total):
        assert total == 14
        for number, sighting in enumerate(sightings):
            if number == 4:
                os.kill(pids[0], signal.SIGKILL)
                killed.append(pids[0])
            yield sighting

    assert look(address, watch) == expected
    assert killed


def test_a_killed_process_of_a_pool_hurts_no_account(fleet):
    import multiprocessing

    fleet(9)
    expected = look("threads:4")

    def watch(sightings, _total):
        for number, sighting in enumerate(sightings):
            if number == 2:
                os.kill(multiprocessing.active_children()[0].pid, signal.SIGKILL)
            yield sighting

    assert look("processes:2", watch) == expected


def test_a_part_of_the_fleet_never_passes_for_the_whole(fleet):
    fleet(3)
    with pytest.raises(FleetError, match="ended before 2 of 3 accounts were read"):
        look("threads:2", lambda sightings, _total: islice(sightings, 1))


@pytest.mark.soak
def test_a_thousand_accounts_are_the_same_whoever_reads(fleet, process, cluster):
    fleet(1000)
    kinds = ("threads:16", "processes:4", cluster.scheduler_address)
    run = partial(process, timeout=600)
    shown = compare("reconcile", dict.fromkeys(kinds, run), status=3)
    assert shown["summary"]["accounts"]["complete"] == 1000
