"""Who is told of what, and when: changes of findings into notices for the outbox.  Pure.

A notice is told once for each route, finding, time since when it holds, and state.  So a finding
that comes back after it was resolved is told again, and an audit that is repeated tells nothing
twice.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta, timezone
from typing import Final, Literal

from gatekeeper.filing import place_name
from gatekeeper.gate import Finding, Severity, finding_record, moment
from gatekeeper.service.config import QuietHours, Route
from gatekeeper.store import Notice

Change = Literal["new", "resolved"]

SHANGHAI: Final = timezone(timedelta(hours=8))
"""Asia/Shanghai: no summer time since 1991."""

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=SHANGHAI)
_LONGEST_KEY: Final = 400
"""Characters; PostgreSQL indexes no text beyond 2.7 KB."""


def plan_notices(
    changes: Iterable[tuple[Finding, Change]],
    routes: Sequence[Route],
    provinces: Mapping[str, str],
    *,
    at: datetime,
) -> list[Notice]:
    """The notices that ``changes`` make, in the order of the changes and of the routes.

    Args:
        changes: findings that are new or resolved.
        routes: who may be told.
        provinces: where the entity of each filing is, by filing id; as it was filed.
        at: now.
    """
    notices = []
    for finding, state in changes:
        record = {**finding_record(finding), "state": state}
        province = provinces.get(finding.filing_id or "", "")
        for route in routes:
            if (state == "resolved" and not route.resolved) or not tells(route, finding, province):
                continue
            due_at = due(route, finding.severity, at=at)
            notices.append(
                Notice(notice_key(route.name, finding, state), route.name, record, due_at)
            )
    return notices


def tells(route: Route, finding: Finding, province: str = "") -> bool:
    """Whether a route is told of a finding; ``province`` is that of the filing's entity."""
    return (
        finding.severity.at_least(Severity(route.severity))
        and (not route.codes or finding.code in route.codes)
        and (not route.accounts or finding.account_id in route.accounts)
        and (
            not route.provinces
            or (province != "" and place_name(province) in map(place_name, route.provinces))
        )
    )


def notice_key(route: str, finding: Finding, state: Change) -> str:
    """What makes it the same notice."""
    key = f"{route}|{finding.key}|{moment(finding.first_seen)}|{state}"
    if len(key) <= _LONGEST_KEY:
        return key
    digest = hashlib.sha256(key.encode(errors="surrogatepass")).hexdigest()
    return f"{key[: _LONGEST_KEY - 65]}#{digest}"


def due(route: Route, severity: Severity, *, at: datetime) -> datetime:
    """When a notice that is made at a time may be sent."""
    if severity is Severity.CRITICAL:
        return at
    if route.digest:
        at = _EPOCH + ((at - _EPOCH) // route.digest + 1) * route.digest
    return quiet_end(route.quiet, at)


def quiet_end(quiet: QuietHours | None, at: datetime) -> datetime:
    """The end of the quiet hours that ``at`` lies in, else ``at`` itself, in UTC.

    They may cross midnight.  Hours that end where they begin are none.
    """
    if quiet is None or quiet.begin == quiet.end:
        return at.astimezone(UTC)
    local = at.astimezone(SHANGHAI)
    clock = local.time()
    if quiet.begin < quiet.end:
        inside, today = quiet.begin <= clock < quiet.end, True
    else:
        inside, today = clock >= quiet.begin or clock < quiet.end, clock < quiet.end
    if not inside:
        return at.astimezone(UTC)
    day = local.date() if today else local.date() + timedelta(days=1)
    return datetime.combine(day, quiet.end, tzinfo=SHANGHAI).astimezone(UTC)


def is_quiet(quiet: QuietHours | None, at: datetime) -> bool:
    """Whether ``at`` lies in quiet hours."""
    return quiet_end(quiet, at) > at
