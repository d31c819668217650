"""The register: applications as they were sent, filings as they are in effect, and their events."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, Any, Final

from gatekeeper.filing import Application, Filing, Merge, Row, Step
from gatekeeper.gate import moment
from gatekeeper.report.records import Cell, Derived, Report, Table, clock, several

if TYPE_CHECKING:
    from gatekeeper.store import Event, Forgotten, TrailEntry

_APPLICATION_COLUMNS = (
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
_APPLICATION_WIDE = frozenset(
    {
        "entity_certificate_type",
        "entity_certificate_number",
        "entity_province",
        "entity_licence",
        "service_type",
        "domains",
    }
)
_FILING_COLUMNS = (
    "filing_id",
    "state",
    "entity_name",
    "service_type",
    "service_name",
    "service_licence",
    "domains",
    "account_id",
    "load_balancer",
    "ips",
    "application_id",
    "since",
    "ended_at",
)
_EVENT_COLUMNS = (
    "at",
    "actor",
    "kind",
    "subject",
    "filing_id",
    "status",
    "status_at",
    "skipped",
    "source",
    "note",
)
_FILING_WIDE = frozenset({"service_type", "domains", "application_id", "ended_at"})

_CHANGES_SHOWN: Final = 40
"""An import of a whole province is not read line by line."""


def applications_report(
    applications: Sequence[Application], to_json: Callable[[Application], Any]
) -> Report:
    """``filings list``: applications, nested in JSON as an import reads them."""
    return Report(
        title="applications",
        document={
            "schema": "gatekeeper/applications/1",
            "applications": [to_json(application) for application in applications],
        },
        tables=(applications_table(applications),),
    )


def filings_report(
    filings: Sequence[Filing],
    applications: Sequence[Application] | None = None,
    to_json: Callable[[Application], Any] | None = None,
) -> Report:
    """``filings list --in-effect``; ``filings show`` adds the applications behind a filing."""
    document: dict[str, Any] = {
        "schema": "gatekeeper/filings/1",
        "filings": [filing_record(filing) for filing in filings],
    }
    tables = [filings_table(filings)]
    if applications is not None and to_json is not None:
        document["applications"] = [to_json(application) for application in applications]
        tables.append(applications_table(applications))
    return Report(title="filings", document=document, tables=tuple(tables))


def filing_record(filing: Filing) -> dict[str, Any]:
    """One filing, folded from its approved applications."""
    entity, service, access = filing.entity, filing.service, filing.access
    return {
        "filing_id": filing.filing_id,
        "state": filing.state.value,
        "application_id": filing.application_id,
        "since": moment(filing.since),
        "ended_by": filing.ended_by or None,
        "ended_at": moment(filing.ended_at),
        "entity": {
            "name": entity.name,
            "certificate_type": entity.certificate_type,
            "certificate_number": entity.certificate_number,
            "province": entity.province,
            "licence": entity.licence,
        },
        "service": {
            "type": service.type.value if service.type is not None else None,
            "name": service.name,
            "licence": service.licence,
            "domains": list(service.domains),
        },
        "access": {
            "account_id": access.account_id,
            "load_balancer": access.load_balancer,
            "ips": list(access.ips),
        },
    }


def applications_table(applications: Iterable[Application]) -> Table:
    """Applications in the columns of DESIGN §4."""
    rows = [_application_row(application) for application in applications]
    return Table("applications", _APPLICATION_COLUMNS, rows, _APPLICATION_WIDE)


def filings_table(filings: Iterable[Filing]) -> Table:
    """Filings for people."""
    rows: list[tuple[Cell, ...]] = [
        (
            f.filing_id,
            f.state.value,
            f.entity.name,
            f.service.type.value if f.service.type is not None else None,
            f.service.name,
            f.service.licence,
            several(f.service.domains),
            f.access.account_id,
            f.access.load_balancer,
            several(f.access.ips),
            f.application_id,
            clock(f.since),
            clock(f.ended_at),
        )
        for f in filings
    ]
    return Table("filings", _FILING_COLUMNS, rows, _FILING_WIDE)


def events_report(events: Iterable[Event]) -> Report:
    """``filings history``: what happened to applications and filings."""
    known = tuple(events)
    return Report(
        title="events",
        document={
            "schema": "gatekeeper/events/1",
            "events": [
                {
                    "seq": e.seq,
                    "at": moment(e.at),
                    "actor": e.actor,
                    "kind": e.kind,
                    "subject": e.subject,
                    "filing_id": e.filing_id,
                    "status": e.status,
                    "status_at": moment(e.status_at),
                    "skipped": list(e.skipped),
                    "source": e.source,
                    "note": e.note,
                    "data": dict(e.data),
                }
                for e in known
            ],
        },
        tables=(
            Table(
                "events",
                _EVENT_COLUMNS,
                [
                    (
                        clock(e.at),
                        e.actor,
                        e.kind,
                        e.subject,
                        e.filing_id,
                        e.status,
                        clock(e.status_at),
                        several(e.skipped),
                        e.source,
                        e.note,
                    )
                    for e in known
                ],
                frozenset({"skipped"}),
            ),
        ),
    )


def trail_report(entries: Iterable[TrailEntry], head: str) -> Report:
    """``history``: entries of the trail as they stand."""
    from json import dumps

    known = tuple(entries)
    return Report(
        title="history",
        document={
            "schema": "gatekeeper/events/1",
            "events": [
                {
                    "seq": e.seq,
                    "at": moment(e.at),
                    "actor": e.actor,
                    "kind": e.kind,
                    "subject": e.subject,
                    "account_id": e.account_id,
                    "data": dict(e.data),
                    "hash": e.hash,
                }
                for e in known
            ],
            "trail_head": head,
        },
        tables=(
            Table(
                "events",
                ("number", "at", "actor", "kind", "subject", "account_id", "data", "hash"),
                [
                    (
                        e.seq,
                        clock(e.at),
                        e.actor,
                        e.kind,
                        e.subject,
                        e.account_id,
                        dumps(dict(e.data), ensure_ascii=False, sort_keys=True),
                        e.hash,
                    )
                    for e in known
                ],
                frozenset({"data", "hash"}),
            ),
        ),
        facts=(("trail_head", head),),
    )


def forgotten_report(found: Iterable[Forgotten], *, dry_run: bool) -> Report:
    """``filings forget``: every application that named the person, and nothing of the person."""
    known = tuple(found)
    columns = ("application_id", "filing_id", "status", "roles", "result")
    return Report(
        title="forgotten",
        document={
            "schema": "gatekeeper/forgotten/1",
            "dry_run": dry_run,
            "forgotten": [
                {
                    "application_id": one.application_id,
                    "filing_id": one.filing_id,
                    "status": one.status.value,
                    "roles": list(one.roles),
                    "result": one.result.value,
                }
                for one in known
            ],
        },
        tables=(
            Table(
                "forgotten",
                columns,
                [
                    (
                        one.application_id,
                        one.filing_id,
                        one.status.value,
                        several(one.roles),
                        one.result.value,
                    )
                    for one in known
                ],
            ),
        ),
    )


def import_report(merge: Merge, *, files: Sequence[str], dry_run: bool) -> Report:
    """``filings import``: what the files change."""
    counts = {
        "new": len(merge.new),
        "moved": len(merge.moved),
        "corrected": len(merge.corrected),
        "observed": len(merge.observed),
        "unchanged": len(merge.unchanged),
        "stale": len(merge.stale),
    }
    return Report(
        title="import",
        document={
            "schema": "gatekeeper/import/1",
            "files": list(files),
            "dry_run": dry_run,
            "changed": bool(merge.steps),
            "summary": counts,
            "import": Derived(_step_record, merge.steps),
            "stale": [_stale_record(row) for row in merge.stale],
        },
        tables=(
            Table(
                "changes",
                ("change", "application_id", "filing_id", "before", "status", "skipped"),
                Derived(_step_row, merge.steps),
                at_most=_CHANGES_SHOWN,
            ),
        ),
        facts=tuple((f"import_{key}", count) for key, count in counts.items()),
        headless=("changes",),
    )


def _step_record(step: Step) -> dict[str, Any]:
    after = step.after.application
    return {
        "change": step.kind.value,
        "application_id": step.application_id,
        "filing_id": after.filing_id,
        "before": step.before.application.status.value if step.before is not None else None,
        "status": after.status.value,
        "status_at": moment(after.status_at),
        "skipped": [status.value for status in step.skipped],
    }


def _step_row(step: Step) -> tuple[Cell, ...]:
    record = _step_record(step)
    return (
        record["change"],
        record["application_id"],
        record["filing_id"],
        record["before"],
        record["status"],
        several(record["skipped"]),
    )


def _stale_record(row: Row) -> dict[str, Any]:
    return {
        "application_id": row.application.application_id,
        "status": row.application.status.value,
        "status_at": moment(row.application.status_at),
        "file": row.where.file,
        "line": row.where.line,
    }


def _application_row(a: Application) -> tuple[Cell, ...]:
    return (
        a.application_id,
        a.filing_id,
        a.kind.value,
        a.status.value,
        clock(a.status_at),
        a.entity.name,
        a.entity.certificate_type,
        a.entity.certificate_number,
        a.entity.province,
        a.entity.licence,
        a.service.type.value if a.service.type is not None else None,
        a.service.name,
        a.service.licence,
        several(a.service.domains),
        a.access.account_id,
        a.access.load_balancer,
        several(a.access.ips),
    )
