"""The embedded accounts: the demonstration in this process, the sandbox as one of its own."""

import os
import signal
import subprocess
import sys

import pytest


@pytest.fixture
def embedded(moto_server, monkeypatch):
    """Moto is loaded, unmeasured, and what the sandbox adds to it is gone after the test."""
    from moto.cloudtrail.responses import CloudTrailResponse

    monkeypatch.setattr(
        CloudTrailResponse, "lookup_events", lambda _: '{"Events": []}', raising=False
    )


def test_the_demo_does_the_whole_job_and_leaves_nothing(embedded, gatekeeper, tmp_path):
    before = dict(os.environ)
    shown = gatekeeper("demo", status=0)
    assert dict(os.environ) == before
    for word in ("import", "reconcile", "apply", "audit", "trail verify"):
        assert f"$ gatekeeper {word}" in shown.out or f" {word}" in shown.out
    assert list(tmp_path.iterdir()) == []


def test_the_sandbox_serves_until_it_is_interrupted(tmp_path, gatekeeper, monkeypatch):
    started = subprocess.Popen(
        [sys.executable, "-m", "gatekeeper", "sandbox", "--filings", "f.csv"],
        cwd=tmp_path,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        # Whoever runs the tests in the background has it ignored, and children inherit that.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # noqa: PLW1509
    )
    try:
        assert started.stdout is not None
        for line in iter(started.stdout.readline, ""):
            name, found, value = line.removeprefix("export ").strip().partition("=")
            if found and name.startswith("AWS_"):
                monkeypatch.setenv(name, value)
            if line.startswith("gatekeeper "):  # the variables come first
                break
        imported = gatekeeper("filings", "import", "f.csv", "--format", "json", status=0)
        assert imported.json["summary"]["new"] > 0
        shown = gatekeeper("exposure", "--account", "111122223333", "--format", "json")
        assert shown.status in (0, 4), shown.err
    finally:
        started.send_signal(signal.SIGINT)
        _, said = started.communicate(timeout=30)
    assert started.returncode == 0, said
