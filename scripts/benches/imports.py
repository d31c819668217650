"""Importing 100,000 applications as a whole process, next to bare csv and sqlite3.

The floor reads the same table with the csv module and writes each row, and a second row a
hash-chained trail would need, with sqlite3's executemany.
"""

from __future__ import annotations

import argparse
import csv
import os
import sys
import tempfile
from pathlib import Path

from benches.measure import Run, medians, print_table, run_process

_FLOOR = """
import csv, hashlib, json, sqlite3, sys
with open(sys.argv[1], encoding="utf-8", newline="") as stream:
    rows = list(csv.DictReader(stream))
base = sqlite3.connect("floor.db")
base.execute("PRAGMA journal_mode=WAL")
base.execute("PRAGMA synchronous=FULL")
base.execute("CREATE TABLE a (id TEXT PRIMARY KEY, body TEXT)")
base.execute("CREATE TABLE t (seq INTEGER PRIMARY KEY, body TEXT, hash TEXT)")
bodies = [json.dumps(row, ensure_ascii=False) for row in rows]
base.executemany("INSERT INTO a VALUES (?,?)", zip((r["application_id"] for r in rows), bodies))
chain, head = [], ""
for number, body in enumerate(bodies):
    head = hashlib.sha256((head + body).encode()).hexdigest()
    chain.append((number, body[:80], head))
base.executemany("INSERT INTO t VALUES (?,?,?)", chain)
base.commit()
"""
_COLUMNS = (
    "application_id",
    "filing_id",
    "kind",
    "status",
    "status_at",
    "entity_name",
    "entity_certificate_type",
    "entity_certificate_number",
    "entity_province",
    "entity_licence",
    "service_type",
    "service_name",
    "service_licence",
    "domains",
    "account_id",
    "load_balancer",
    "ips",
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--applications", type=int, default=100_000)
    parser.add_argument("--runs", type=int, default=3, help="of each (default 3)")


def run(arguments: argparse.Namespace) -> int:
    environment = {
        name: value for name, value in os.environ.items() if not name.startswith("GATEKEEPER_")
    }
    with tempfile.TemporaryDirectory() as folder:
        table = Path(folder, "applications.csv")
        write_table(table, arguments.applications)
        commands = {
            "bare csv and sqlite3": [sys.executable, "-c", _FLOOR, str(table)],
            "filings import": [
                *(sys.executable, "-m", "gatekeeper", "filings", "import"),
                *(str(table), "--by", "bench"),
            ],
        }
        runs: dict[str, list[Run]] = {name: [] for name in commands}
        for _ in range(arguments.runs):
            for name, command in commands.items():
                runs[name].append(run_process(command, environment))
    print(f"{arguments.applications:,} applications; medians of {arguments.runs}\n")
    found = {name: medians(each) for name, each in runs.items()}
    floor = found["bare csv and sqlite3"]
    print_table(
        ("", "seconds", "of the floor", "processor", "MiB"),
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
    return 0


def write_table(path: Path, count: int) -> None:
    """Applications as a provider exports them; every value but the words differs."""
    with path.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.writer(stream)
        writer.writerow(_COLUMNS)
        for i in range(count):
            entity = f"宁ICP备{2026000000 + i // 3}号"
            writer.writerow(
                (
                    f"A{i:07d}",
                    f"F{i:07d}",
                    "new",
                    "approved",
                    f"2026-10-{i % 28 + 1:02d}T{i % 24:02d}:{i % 60:02d}:{i % 59:02d}+08:00",
                    f"公司{i // 3}",
                    "营业执照",
                    f"9111{i // 3:014d}",
                    "宁夏",
                    entity,
                    "website",
                    f"站点{i}",
                    f"{entity}-{i % 3 + 1}",
                    f"d{i}.example.cn;e{i}.example.cn",
                    f"{111100000000 + i // 7}",
                    "",
                    f"52.{i % 200}.{i // 256 % 256}.{i % 256};52.83.{i % 256}.{i // 256 % 256}",
                )
            )
