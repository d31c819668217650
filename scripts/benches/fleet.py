"""A live `gatekeeper audit` of a fleet, next to bare boto3 threads that make the same calls.

Every call takes as long as over a network, a role is assumed in each account, and the register is
full.  Both are whole processes, one after the other; ``steady`` is an audit that finds nothing new.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.request import urlopen

from benches.canned import ENDPOINTS, FIRST, account_of, filings_of
from benches.estate import REGION
from benches.measure import Run, print_table, run_process


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--accounts", type=int, default=1000)
    parser.add_argument("--latency", type=float, default=0.1, help="seconds a call (default 0.1)")
    parser.add_argument("--workers", default="8", help="of gatekeeper, as its --workers")
    parser.add_argument("--threads", type=int, default=8, help="of the bare script (default 8)")
    parser.add_argument("--at-most", type=float, metavar="RATIO", help="fail where it is more")
    parser.add_argument("--memory", type=float, metavar="MIB", help="fail where it is more")


def run(arguments: argparse.Namespace) -> int:
    python = sys.executable
    floor = [python, str(Path(__file__).with_name("fleetfloor.py")), str(FIRST)]
    floor += [str(arguments.accounts), str(arguments.threads)]
    words = ["audit", "--format", "json", "--fail-on", "none", "--workers", arguments.workers]
    audit = [python, "-m", "gatekeeper", *words]
    runs: dict[str, Run] = {}
    calls: dict[str, dict[str, int]] = {}
    with tempfile.TemporaryDirectory() as folder, _server(arguments.latency) as url:
        store = Path(folder, "gatekeeper.db")
        environment = _environment(url, store)
        _furnish(python, Path(folder), environment, arguments.accounts)
        for name, command in {"bare boto3": floor, "first": audit, "steady": audit}.items():
            before = store.stat().st_size
            runs[name] = run_process(command, environment)
            with urlopen(f"{url}/calls") as answer:
                calls[name] = json.loads(answer.read())
            grown = store.stat().st_size - before
            kib = grown / 1024 / arguments.accounts
            print(
                f"{name}: {runs[name].wall:.1f} s, load {os.getloadavg()[0]:.1f},"
                f" store {kib:+.2f} KiB an account",
                flush=True,
            )
    print(
        f"\n{arguments.accounts:,} accounts of {ENDPOINTS} endpoints,"
        f" {arguments.latency * 1000:.0f} ms a call; {arguments.threads} threads and"
        f" --workers {arguments.workers}\n"
    )
    bare = runs["bare boto3"]
    print_table(
        ("", "seconds", "of boto3", "processor", "MiB", "calls"),
        [
            (
                name,
                f"{one.wall:.1f}",
                f"{one.wall / bare.wall:.2f}",
                f"{one.cpu:.1f}",
                f"{one.memory:.0f}",
                f"{sum(calls[name].values()):,}",
            )
            for name, one in runs.items()
        ],
    )
    return _judged(arguments, runs, bare)


def _judged(arguments: argparse.Namespace, runs: dict[str, Run], bare: Run) -> int:
    status = 0
    for name in ("first", "steady"):
        ratio = runs[name].wall / bare.wall
        if arguments.at_most is not None and ratio > arguments.at_most:
            print(f"\n{name}: {ratio:.2f} of bare boto3, more than {arguments.at_most}")
            status = 1
        if arguments.memory is not None and runs[name].memory > arguments.memory:
            print(f"\n{name}: {runs[name].memory:.0f} MiB, more than {arguments.memory:.0f}")
            status = 1
    return status


@contextmanager
def _server(latency: float) -> Iterator[str]:
    command = [sys.executable, "-m", "benches.fleetserver", "--latency", str(latency)]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdin=pipe, stdout=pipe) as process:
        assert process.stdout is not None
        try:
            yield f"http://127.0.0.1:{int(process.stdout.readline())}"
        finally:
            process.kill()


def _furnish(python: str, folder: Path, environment: dict[str, str], count: int) -> None:
    rows = ["account_id,name,role_arn,external_id"]
    lines = []
    for number in range(count):
        name = account_of(number)
        rows.append(f"{name},n{number},arn:aws-cn:iam::{name}:role/gatekeeper,")
        lines += [json.dumps(one, ensure_ascii=False) for one in filings_of(number)]
    accounts, filings = folder / "accounts.csv", folder / "filings.jsonl"
    accounts.write_text("\n".join(rows) + "\n", encoding="utf-8")
    filings.write_text("\n".join(lines) + "\n", encoding="utf-8")
    for words in (("accounts", "import", accounts), ("filings", "import", filings)):
        run_process([python, "-m", "gatekeeper", *map(str, words)], environment)


def _environment(url: str, store: Path) -> dict[str, str]:
    """Nothing of the caller's AWS configuration, and a store of our own."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
    return kept | {
        "AWS_ENDPOINT_URL": url,
        "AWS_REGION": REGION,
        "AWS_ACCESS_KEY_ID": "bench",
        "AWS_SECRET_ACCESS_KEY": "bench",
        "AWS_CONFIG_FILE": os.devnull,
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
        "GATEKEEPER_STORE": f"sqlite:///{store}",
    }
