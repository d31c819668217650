"""``filings sync`` by command, and as a process that is killed."""

import csv
import io
import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from tests.cli.test_reference import differences, sample
from tests.portals import TOKEN, VARIABLE, portal, row


@pytest.fixture
def there(monkeypatch, tmp_path):
    """A portal of four rows, and its settings in ``portals.yaml``."""
    monkeypatch.setenv(VARIABLE, TOKEN)
    monkeypatch.setenv("GATEKEEPER_PORTALS", "portals.yaml")
    with portal() as running:
        running.rows = [row(n) for n in range(1, 5)]
        write(running, tmp_path)
        yield running


def write(there, tmp_path, *changes, more=""):
    (tmp_path / "portals.yaml").write_text(there.settings(*changes) + more, encoding="utf-8")


def test_a_sync_is_shown_and_stored(gatekeeper, there, tmp_path):
    shown = gatekeeper("filings", "sync", "--by", "王", "--format", "json", status=0)
    assert shown.err == ""
    assert list(differences(shown.json, sample("sync"))) == []
    [one] = shown.json["sync"]
    assert one == {
        "portal": "made-up",
        "result": "stored",
        "pages": 2,
        "resumed": 0,
        "rows": 4,
        "new": 4,
        "moved": 0,
        "corrected": 0,
        "observed": 0,
        "unchanged": 0,
        "stale": 0,
        "since": None,
        "until": "2026-03-01T01:04:00Z",
        "error": None,
        "error_zh": None,
    }
    events = gatekeeper("filings", "history", "A004", "--format", "json", status=0).json["events"]
    assert [(e["actor"], e["source"]) for e in events] == [("王", "portal made-up, page 2")]
    gatekeeper("trail", "verify", status=0)
    table = gatekeeper("filings", "sync", status=0)
    assert "made-up unchanged 2 4" in " ".join(table.out.split())
    chinese = gatekeeper("filings", "sync", "--full", "--lang", "zh", status=0)
    assert "无变化" in chinese.out
    sheet = gatekeeper("filings", "sync", "--format", "csv", "--out", "sync.csv", status=0)
    assert sheet.out == ""
    [line] = csv.DictReader(io.StringIO((tmp_path / "sync.csv").read_text(encoding="utf-8")))
    assert (line["portal"], line["result"], line["unchanged"]) == ("made-up", "unchanged", "4")
    assert not list(tmp_path.glob("*.spool"))


def test_a_dry_run_makes_no_store(gatekeeper, there, tmp_path):
    shown = gatekeeper("filings", "sync", "--dry-run", "--format", "json", status=0)
    assert (shown.json["sync"][0]["result"], shown.json["sync"][0]["new"]) == ("dry-run", 4)
    assert "nothing was stored" in shown.err
    assert not (tmp_path / "gatekeeper.db").exists()


def test_one_portal_fails_and_the_other_is_stored(gatekeeper, there, tmp_path):
    first = there.settings().partition("portals:\n")[2]
    bad = first.replace("made-up", "bad").replace('1": submitted', '2": submitted')
    gone = first.replace("made-up", "gone").replace(there.url, "http://127.0.0.1:1")
    write(there, tmp_path, more=bad + gone.replace("retries: 2", "retries: 0"))
    shown = gatekeeper("filings", "sync", "bad", "gone", "made-up", "--format", "json", status=1)
    assert [(one["portal"], one["result"]) for one in shown.json["sync"]] == [
        ("bad", "failed"),
        ("gone", "failed"),
        ("made-up", "stored"),
    ]
    lines = shown.err.splitlines()
    assert len(lines) == 6
    assert lines[0].startswith('portal bad, page 1, line 1, column state, value "1": is none of')
    assert lines[4].startswith("gatekeeper: portal bad: 4 bad rows; nothing was stored")
    assert lines[5].startswith("gatekeeper: portal gone, page 1: cannot connect")
    assert shown.json["sync"][1]["error"] in lines[5]
    chinese = gatekeeper("filings", "sync", "bad", "--lang", "zh", status=1)
    assert "门户 bad：共 4 处错误，未写入任何记录" in chinese.err


def test_a_failed_sync_makes_no_store(gatekeeper, there, tmp_path, monkeypatch):
    monkeypatch.setenv(VARIABLE, "another-token")
    shown = gatekeeper("filings", "sync", status=1)
    assert "the token is refused (HTTP 401)" in shown.err
    assert "another-token" not in shown.err + shown.out
    assert not (tmp_path / "gatekeeper.db").exists()


def test_stale_rows_are_said(gatekeeper, there):
    gatekeeper("filings", "sync", status=0)
    for one in there.rows:
        one["stateTime"] = "2026-01-01 09:00:00"
    shown = gatekeeper("filings", "sync", "--full", status=0)
    assert "A001 is stale (submitted at 2026-01-01T01:00:00+00:00), left out" in shown.err
    assert shown.err.count("\n") == 4


def test_wrong_usage(gatekeeper, there, monkeypatch):
    both = gatekeeper("filings", "sync", "--full", "--since", "2026-01-01", status=2)
    assert "choose one" in both.err
    assert "one of made-up" in gatekeeper("filings", "sync", "nobody", status=2).err
    monkeypatch.delenv("GATEKEEPER_PORTALS")
    assert "--portals FILE" in gatekeeper("filings", "sync", status=2).err
    missing = gatekeeper("filings", "sync", "--portals", "none.yaml", status=1)
    assert missing.err.startswith("gatekeeper: none.yaml: cannot read the portals")


def test_the_job_syncs(gatekeeper, there, tmp_path):
    (tmp_path / "service.yaml").write_text("portals: portals.yaml\n", encoding="utf-8")
    shown = gatekeeper("job", "sync", "--config", "service.yaml", "--format", "json", status=0)
    assert shown.json["detail"]["made-up"]["new"] == 4
    jobs = gatekeeper("jobs", "--config", "service.yaml", "--format", "json", status=0).json
    [line] = [one for one in jobs["jobs"] if one["job"] == "sync"]
    assert (line["enabled"], line["last_run"]["status"]) == (True, 0)


def test_killed_midway_it_goes_on_where_it_stopped(process, gatekeeper, there, tmp_path):
    """At no moment is anything half stored, and what is finished is not fetched again."""
    there.rows = [row(n) for n in range(1, 18)]
    reached, go_on = threading.Event(), threading.Event()

    def holds(handler, request, n):
        if request.query["page"] == "4" and not go_on.is_set():
            reached.set()
            go_on.wait(30)
        return False

    there.first = holds
    words = [sys.executable, "-m", "gatekeeper", "filings", "sync", "--by", "ops"]
    running = subprocess.Popen(words, cwd=tmp_path, env=os.environ, stderr=subprocess.PIPE)
    assert reached.wait(30)
    assert not (tmp_path / "gatekeeper.db").exists()
    os.kill(running.pid, signal.SIGKILL)
    running.communicate()
    assert not (tmp_path / "gatekeeper.db").exists()
    kept = sorted(path.name for path in Path("gatekeeper.db.spool/made-up").glob("page-*"))
    assert kept == ["page-000001.json", "page-000002.json", "page-000003.json"]
    assert there.pages == ["1", "2", "3", "4"]
    go_on.set()
    there.asked.clear()
    resumed = process("filings", "sync", "--by", "ops", "--format", "json", status=0)
    assert there.pages == ["4", "5", "6"]
    assert "went on where it broke off, 3 pages were there" in resumed.err
    [one] = resumed.json["sync"]
    assert (one["pages"], one["resumed"], one["rows"], one["new"]) == (6, 3, 17, 17)
    assert not list(tmp_path.glob("*.spool/*"))
    gatekeeper("trail", "verify", status=0)
    other = ("--store", "sqlite:///undisturbed.db")
    whole = gatekeeper("filings", "sync", "--by", "ops", "--format", "json", *other, status=0)
    assert whole.json["sync"] == [{**one, "resumed": 0}]
    mine, undisturbed = (
        gatekeeper("filings", "list", "--format", "json", *options, status=0).json["applications"]
        for options in ((), other)
    )
    assert len(mine) == 17
    assert mine == undisturbed


def test_killed_before_its_end_the_next_one_stores(process, gatekeeper, there, tmp_path):
    """Killed with every page there and nothing stored: the pages are used, the portal is not."""
    died = process("filings", "sync", env={"PYTHONPATH": _dying(tmp_path)}, status=-signal.SIGKILL)
    assert died.out == ""
    assert there.pages == ["1", "2"]
    there.asked.clear()
    resumed = gatekeeper("filings", "sync", "--format", "json", status=0)
    assert there.asked == []
    assert (resumed.json["sync"][0]["resumed"], resumed.json["sync"][0]["new"]) == (2, 4)


def _dying(tmp_path):
    """A folder whose ``sitecustomize`` kills the process inside the transaction of the sync."""
    folder = tmp_path / "dying"
    folder.mkdir()
    (folder / "sitecustomize.py").write_text(
        "import os, signal\n"
        "import gatekeeper.store.sources as sources\n"
        "def die(*_, **__):\n"
        "    os.kill(os.getpid(), signal.SIGKILL)\n"
        "sources.Sources.keep_source = die\n",
        encoding="utf-8",
    )
    return os.pathsep.join([str(folder), str(Path(__file__).resolve().parents[2])])
