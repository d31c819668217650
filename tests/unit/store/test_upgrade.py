"""A store that an earlier version wrote is read, verified and written on, on both engines."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest

from gatekeeper.filing import Row, Search, Status, Where, content_digest, merge
from gatekeeper.store import open_store, schema
from gatekeeper.store.address import parse_address
from gatekeeper.store.engine import Database

STORES = Path(__file__).parent / "stores"
NOW = datetime(2026, 11, 20, tzinfo=UTC)


def restore(url: str, revision: str) -> None:
    """Put a store as the version of ``revision`` left it in place of an empty one."""
    from alembic import command
    from alembic.config import Config

    content = json.loads((STORES / f"schema_{revision}.json").read_text("utf-8"))
    database = Database(parse_address(url))
    with database.write(trail=True) as connection:
        config = Config()
        config.set_main_option("script_location", "gatekeeper.store:migrations")
        config.attributes["connection"] = connection
        command.upgrade(config, revision)
        for name, table in content["tables"].items():
            columns, rows = table["columns"], [tuple(row) for row in table["rows"]]
            marks = ", ".join("?" * len(columns))
            statement = f"INSERT INTO {name} ({', '.join(columns)}) VALUES ({marks})"
            database.many(connection, statement, rows)
    database.close()


@pytest.mark.parametrize("revision", schema.REVISIONS[:-1])
def test_a_store_of_an_earlier_version_is_whole(url: str, revision: str) -> None:
    restore(url, revision)
    with open_store(url) as store:
        assert store.verify_trail().ok
        records = store.records()
        assert [one.application_id for one in records.applications] == ["A1", "A2", "A3"]
        assert [order.filing_id for order in records.orders] == ["F2"]
        for one in records.applications:
            assert one in store.search(Search(entity=one.entity.name[1:]))
            assert one in store.search(Search(accounts=frozenset({one.access.account_id})))
        pending = records.applications[2]
        row = Row(pending, Where("again.csv", 2))
        assert merge(store.stored(["A3"]), [row], now=NOW).unchanged == (row,)
        moved = store.stored(["A3"])["A3"].application
        later = merge(
            store.stored(["A3"]),
            [Row(_returned(moved), Where("next.csv", 2))],
            now=NOW,
        )
        store.commit_merge(later, actor="li", source="next.csv", at=NOW)
        assert store.verify_trail().ok
        assert store.applications()[2].status is Status.RETURNED


@pytest.mark.parametrize("revision", schema.REVISIONS[:-1])
def test_an_altered_row_of_an_earlier_version_is_found(url: str, revision: str) -> None:
    restore(url, revision)
    open_store(url).close()
    database = Database(parse_address(url))
    with database.write() as connection:
        body = connection.exec_driver_sql(
            "SELECT body FROM applications WHERE application_id = 'A1'"
        ).scalar_one()
        forged = body.replace("52.83.1.2", "52.83.1.9")
        from gatekeeper.store.encoding import unpack

        digest = content_digest(unpack(forged))
        statement = "UPDATE applications SET body = ?, digest = ? WHERE application_id = 'A1'"
        assert database.many(connection, statement, [(forged, digest)]) == 1
    database.close()
    with open_store(url) as store:
        report = store.verify_trail()
    assert [problem.subject for problem in report.problems] == ["A1"]


def _returned(application: object) -> object:
    from dataclasses import replace

    return replace(
        application,  # type: ignore[type-var]
        status=Status.RETURNED,
        status_at=datetime(2026, 11, 5, tzinfo=UTC),
    )
