"""The tables as the newest migration leaves them; a test compares the two."""

from __future__ import annotations

from typing import Final

from sqlalchemy import BigInteger, Column, Float, Index, Integer, MetaData, Table, Text

metadata = MetaData()

Key: Final = Text().with_variant(Text(collation="C"), "postgresql")
"""Text in the order of its code points, on every engine."""
Counter: Final = BigInteger().with_variant(Integer, "sqlite")

trail = Table(
    "trail",
    metadata,
    Column("seq", Counter, primary_key=True, autoincrement=False),
    Column("at", Key, nullable=False),
    Column("actor", Text, nullable=False),
    Column("kind", Key, nullable=False),
    Column("subject", Key, nullable=False),
    Column("account_id", Key),
    Column("data", Text, nullable=False),
    Column("prev_hash", Text, nullable=False),
    Column("hash", Text, nullable=False),
    Index("trail_subject", "subject"),
    Index("trail_kind", "kind", "seq"),
    Index("trail_account", "account_id"),
)

applications = Table(
    "applications",
    metadata,
    Column("application_id", Key, primary_key=True),
    Column("filing_id", Key, nullable=False),
    Column("kind", Text, nullable=False),
    Column("status", Text, nullable=False),
    Column("status_at", Key, nullable=False),
    Column("seen_at", Key, nullable=False),
    Column("entity_name", Text, nullable=False),
    Column("account_id", Key, nullable=False),
    Column("digest", Text, nullable=False),
    Column("body", Text, nullable=False),
    Column("entity", Key, nullable=False, server_default=""),
    Index("applications_filing", "filing_id"),
    Index("applications_account", "account_id"),
    Index("applications_entity", "entity"),
    Index("applications_status", "status", "kind"),
)

entities = Table(
    "entities",
    metadata,
    Column("entity", Key, primary_key=True),
    Column("name", Text, nullable=False),
    Column("certificate", Text, nullable=False),
    Column("licence", Text, nullable=False),
)
"""What a search for an entity reads: its words in one case, each combination of them once.

Kept apart from the applications, so that the search of a part of a name walks a narrow table.
"""

orders = Table(
    "orders",
    metadata,
    Column("filing_id", Key, primary_key=True),
    Column("kind", Key, primary_key=True),
    Column("at", Key, nullable=False),
    Column("placed_by", Text, nullable=False),
    Column("reason", Text, nullable=False),
)

accounts = Table(
    "accounts",
    metadata,
    Column("account_id", Key, primary_key=True),
    Column("name", Text, nullable=False),
    Column("role_arn", Text, nullable=False),
    Column("external_id", Text, nullable=False),
)

sightings = Table(
    "sightings",
    metadata,
    Column("account_id", Key, primary_key=True),
    Column("topic", Key, primary_key=True),
    Column("at", Key, nullable=False),
)
"""When the addresses, endpoints or findings of an account were last looked at as a whole."""

addresses = Table(
    "addresses",
    metadata,
    Column("account_id", Key, primary_key=True),
    Column("ip", Key, primary_key=True),
    Column("kind", Text, nullable=False),
    Column("allocation_id", Text),
    Column("first_seen", Key, nullable=False),
    Column("last_seen", Key, nullable=False),
    Column("present", Integer, nullable=False),
)

endpoints = Table(
    "endpoints",
    metadata,
    Column("account_id", Key, primary_key=True),
    Column("endpoint", Key, primary_key=True),
    Column("family", Key, primary_key=True),
    Column("kind", Text, nullable=False),
    Column("ips", Text, nullable=False),
    Column("opened_ips", Text),
    Column("opened_at", Key),
    Column("changed_at", Key),
    Column("last_seen", Key, nullable=False),
    Column("present", Integer, nullable=False),
)

findings = Table(
    "findings",
    metadata,
    Column("key", Key, primary_key=True),
    Column("account_id", Key, nullable=False),
    Column("first_seen", Key, nullable=False),
    Column("last_seen", Key, nullable=False),
    Column("resolved_at", Key),
    Column("data", Text, nullable=False),
)

snapshots = Table(
    "snapshots",
    metadata,
    Column("account_id", Key, primary_key=True),
    Column("at", Key, nullable=False),
    Column("data", Text, nullable=False),
)

plans = Table(
    "plans",
    metadata,
    Column("plan_id", Key, primary_key=True),
    Column("at", Key, nullable=False),
    Column("data", Text, nullable=False),
)

runs = Table(
    "runs",
    metadata,
    Column("run_id", Key, primary_key=True),
    Column("plan_id", Key, nullable=False),
    Column("kind", Text, nullable=False),
    Column("actor", Text, nullable=False),
    Column("started_at", Key, nullable=False),
    Column("plan", Text, nullable=False),
    Column("outcome", Text),
    Column("finished_at", Key),
)

run_accounts = Table(
    "run_accounts",
    metadata,
    Column("run_id", Key, primary_key=True),
    Column("account_id", Key, primary_key=True),
)

settings = Table(
    "settings",
    metadata,
    Column("name", Key, primary_key=True),
    Column("value", Text, nullable=False),
)

leases = Table(
    "leases",
    metadata,
    Column("account_id", Key, primary_key=True),
    Column("token", Counter, nullable=False),
    Column("held", Integer, nullable=False),
    Column("host", Text, nullable=False),
    Column("pid", Integer, nullable=False),
    Column("started", Text, nullable=False),
    Column("boot", Text, nullable=False),
    Column("acquired_at", Key, nullable=False),
    Column("beat_at", Key, nullable=False),
    Column("beat_clock", Float(53), nullable=False),
)

job_runs = Table(
    "job_runs",
    metadata,
    Column("run_id", Counter, primary_key=True),
    Column("job", Key, nullable=False),
    Column("instance", Text, nullable=False),
    Column("token", Counter, nullable=False),
    Column("started_at", Key, nullable=False),
    Column("finished_at", Key),
    Column("result", Text),
    Column("status", Integer),
    Column("detail", Text, nullable=False),
    Index("job_runs_job", "job", "run_id"),
)

drifts = Table(
    "drifts",
    metadata,
    Column("drift_id", Counter, primary_key=True),
    Column("at", Key, nullable=False),
    Column("account_id", Key, nullable=False),
    Column("kind", Text, nullable=False),
    Column("subject", Key, nullable=False),
    Column("data", Text, nullable=False),
    Index("drifts_at", "at"),
)
"""The history of drift: one row a difference, with who and when where that is known."""

outbox = Table(
    "outbox",
    metadata,
    Column("notice_id", Counter, primary_key=True),
    Column("key", Key, nullable=False),
    Column("route", Key, nullable=False),
    Column("created_at", Key, nullable=False),
    Column("due_at", Key, nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("state", Text, nullable=False),
    Column("done_at", Key),
    Column("error", Text, nullable=False),
    Column("data", Text, nullable=False),
    Index("outbox_key", "key", unique=True),
    Index("outbox_due", "state", "due_at"),
)
"""Notices: written with what they tell of in one transaction, sent afterwards."""

events = Table(
    "events",
    metadata,
    Column("event_id", Key, primary_key=True),
    Column("at", Key, nullable=False),
    Column("data", Text, nullable=False),
    Index("events_at", "at"),
)
"""Events whose effect is stored: one that comes again is known."""

answers = Table(
    "answers",
    metadata,
    Column("application_id", Key, primary_key=True),
    Column("rule", Key, primary_key=True),
    Column("answer", Text, nullable=False),
    Column("answered_by", Text, nullable=False),
    Column("at", Key, nullable=False),
)
"""What people answered to the review's questions; beside applications, which may be final."""

sources = Table(
    "sources",
    metadata,
    Column("name", Key, primary_key=True),
    Column("at", Key, nullable=False),
    Column("data", Text, nullable=False),
)
"""How far a portal was read, in the transaction that stored what was read."""
