"""A live `gatekeeper exposure` of one large account, next to a bare boto3 script.

Both are whole processes, one after the other in turn, so that a busy machine slows both.
"""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path

from benches.estate import REGION, Size
from benches.measure import Run, medians, print_table, run_process
from benches.server import BenchServer

_COLLECT = (
    "from gatekeeper.aws.collect import collect\n"
    "from gatekeeper.aws.session import AccountTarget, open_account\n"
    f"with open_account(AccountTarget(), {REGION!r}) as connection:\n"
    "    assert collect(connection).complete\n"
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    whole = Size()
    parser.add_argument("--runs", type=int, default=5, help="of each (default 5)")
    parser.add_argument("--groups", type=int, default=whole.groups)
    parser.add_argument("--interfaces", type=int, default=whole.interfaces)
    parser.add_argument("--addresses", type=int, default=whole.addresses)
    parser.add_argument("--compact", action="store_true", help="pages without indentation")
    parser.add_argument(
        "--at-most", type=float, metavar="RATIO", help="fail where exposure takes more than this"
    )


def run(arguments: argparse.Namespace) -> int:
    size = Size(
        groups=arguments.groups,
        interfaces=arguments.interfaces,
        addresses=arguments.addresses,
        indent=0 if arguments.compact else 4,
    )
    python = sys.executable
    commands = {
        "bare boto3": [python, str(Path(__file__).with_name("floor.py"))],
        "collect": [python, "-c", _COLLECT],
        "exposure": [python, "-m", "gatekeeper", "exposure", "--format", "json"],
    }
    runs: dict[str, list[Run]] = {name: [] for name in commands}
    calls: dict[str, dict[str, int]] = {}
    with BenchServer(size) as server:
        environment = _environment(server.url)
        for _ in range(arguments.runs):
            for name, command in commands.items():
                runs[name].append(run_process(command, environment))
                calls[name] = server.calls()
        megabytes = server.bytes / 1e6
    print(
        f"{size.groups:,} groups, {size.interfaces:,} interfaces, {size.addresses:,} addresses,"
        f" {size.load_balancers + size.classic:,} load balancers: {megabytes:.1f} MB of XML;"
        f" medians of {arguments.runs}\n"
    )
    floor = medians(runs["bare boto3"])
    found = {name: medians(each) for name, each in runs.items()}
    print_table(
        ("", "seconds", "of boto3", "processor", "MiB"),
        [
            (
                name,
                f"{one.wall:.2f}",
                f"{one.wall / floor.wall:.2f}",
                f"{one.cpu:.2f}",
                f"{one.memory:.0f}",
            )
            for name, one in found.items()
        ],
    )
    print()
    operations = sorted({operation for counted in calls.values() for operation in counted})
    print_table(
        ("calls", *commands),
        [
            (operation, *(str(calls[name].get(operation, 0)) for name in commands))
            for operation in operations
        ],
    )
    ratio = found["exposure"].wall / floor.wall
    if arguments.at_most is not None and ratio > arguments.at_most:
        print(f"\nexposure took {ratio:.2f} of bare boto3, more than {arguments.at_most}")
        return 1
    return 0


def _environment(url: str) -> dict[str, str]:
    """Nothing of the caller's AWS configuration, and a store that is not there."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
    return kept | {
        "AWS_ENDPOINT_URL": url,
        "AWS_REGION": REGION,
        "AWS_ACCESS_KEY_ID": "bench",
        "AWS_SECRET_ACCESS_KEY": "bench",
        "AWS_CONFIG_FILE": os.devnull,
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
        "GATEKEEPER_STORE": "sqlite:///none.db",
    }
