"""The clocks that run on applications and filings, and what each means when it has run out.

==================  ==========================================  ===============================
clock               runs from                                   for
==================  ==========================================  ===============================
``clock-provider``  ``submitted``                               the provider's working days
``clock-sms``       ``sms_pending``                             24 hours, to the second
``clock-bureau``    ``bureau_review``                           20 working days
``after-police``    first verified open, else the approval      30 days
``domain``          the record that names the date              to the end of that day
``document``        the record that names the date              to the end of that day
``certificate``     the record that names the date              to the end of that day
==================  ==========================================  ===============================

``reported`` has no clock: the bureau's 20 days count from the moment that it has the papers.
"""

from __future__ import annotations

import json
import re
import unicodedata
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from enum import StrEnum
from types import MappingProxyType
from typing import Any, Final, NamedTuple

from gatekeeper.filing.fold import entity_keys, same_entity
from gatekeeper.filing.model import Application, Entity, Filing, FilingState, Kind, Register, Status
from gatekeeper.filing.workdays import (
    Deadline,
    Holidays,
    days_after,
    end_of,
    working_days_after,
)

SMS_TIME: Final = timedelta(hours=24)
BUREAU_DAYS: Final = 20
POLICE_DAYS: Final = 30
DEFAULT_PROVIDER: Final = "nwcd"
"""Whose an application is that names no provider."""
"""Whose first review it is where a record does not say."""

_CREATING: Final = frozenset({Kind.NEW, Kind.TRANSFER_IN})
_WITH_CONTENT: Final = frozenset({Kind.NEW, Kind.TRANSFER_IN, Kind.CHANGE})
_LIVE: Final = frozenset({FilingState.IN_EFFECT, FilingState.SUSPENDED, FilingState.RESTRICTED})
_DATE: Final = re.compile(
    r"(?P<year>[0-9]{4})(?:(?P<sep>[-/.])(?P<month>[0-9]{1,2})(?P=sep)(?P<day>[0-9]{1,2})"
    r"|年(?P<month_zh>[0-9]{1,2})月(?P<day_zh>[0-9]{1,2})日"
    r"|(?P<month_8>[0-9]{2})(?P<day_8>[0-9]{2}))"
)
_MANUAL: Final = frozenset({"manual", "人工核验", "线下核验"})
_ENDLESS: Final = frozenset({"长期", "长期有效", "long-term", "long_term", "permanent"})


class ClockId(StrEnum):
    """Which clock it is: the rule's id, or what has a date of its own."""

    PROVIDER = "clock-provider"
    SMS = "clock-sms"
    BUREAU = "clock-bureau"
    POLICE = "after-police"
    DOMAIN = "domain"
    DOCUMENT = "document"
    CERTIFICATE = "certificate"


class ReviewDays(NamedTuple):
    """Working days of a provider's first review, by the route of the verification."""

    electronic: int
    manual: int


def provider_name(text: str) -> str:
    """A provider's name as names are compared."""
    return text.strip().lower() or DEFAULT_PROVIDER


@dataclass(frozen=True, slots=True, kw_only=True)
class Clock:
    """One running clock.  Times are aware."""

    clock: ClockId
    application_id: str
    filing_id: str
    started_at: datetime
    deadline: datetime
    """The first moment that is too late."""
    estimated: bool
    then: str
    """What it means when the time is up."""
    then_zh: str

    def overdue(self, at: datetime) -> bool:
        return at >= self.deadline


class Unread(NamedTuple):
    """A date of a record that is none, so that its clock is not known."""

    application_id: str
    field: str
    value: str


class Running(NamedTuple):
    """Every clock of a register."""

    clocks: tuple[Clock, ...]
    """By deadline, then clock and application."""
    unread: tuple[Unread, ...]


def running_clocks(
    applications: Iterable[Application],
    register: Register,
    opened: Mapping[str, datetime],
    holidays: Holidays,
    first_review: Mapping[str, ReviewDays],
    *,
    at: datetime,
    police: Mapping[str, bool] = MappingProxyType({}),
) -> Running:
    """The clocks that run at ``at``, those that have run out too.

    Args:
        applications: all of them, each at its present status.
        register: the same, folded at ``at``.
        opened: filing to the moment at which an endpoint of it was first verified open.
        holidays: what is known of them.
        first_review: by provider; one that it lacks has the days of ``DEFAULT_PROVIDER``.
        at: what came to its status later has no clock yet.
        police: application to whether its public-security filing was made, as somebody answered
            beside the record; it wins over the record's own answer.
    """
    known = [one for one in applications if one.status_at <= at]
    found: list[Clock] = []
    unread: dict[Unread, None] = {}
    for application in known:
        clock = status_clock(application, holidays, first_review)
        if clock is not None:
            found.append(clock)
    stating: list[Application] = []
    lives = {one.filing_id: one for one in register.filings if one.state in _LIVE}
    past = _past(known, lives)
    for filing_id, filing in lives.items():
        mine = past[filing_id]
        content = _content(filing, mine)
        if content is not None:
            stating.append(content)
        running = _police(mine, opened.get(filing_id), police)
        if running is not None:
            found.append(running)
    stating += (one for one in register.pending if not one.kind.ends and one.status_at <= at)
    # One date of one filing has one clock, though an application under way repeats it.
    dates: dict[tuple[object, ...], Clock] = {}
    for application in stating:
        for what, clock in _dated(application, unread):
            dates.setdefault((application.filing_id, what, clock.clock, clock.deadline), clock)
    found += dates.values()
    found.sort(key=lambda one: (one.deadline, one.clock, one.application_id, one.then))
    return Running(tuple(found), tuple(unread))


def status_clock(
    application: Application, holidays: Holidays, first_review: Mapping[str, ReviewDays]
) -> Clock | None:
    """The clock that runs on an application's present status, if one does.

    Nobody's first review has a clock where ``first_review`` is empty.
    """
    provider, days = _first_review(application, first_review)
    running = status_deadline(application.status, application.status_at, holidays, days)
    if running is None:
        return None
    which, deadline = running
    then, then_zh = _THEN[which]
    return _clock(
        which,
        application,
        application.status_at,
        deadline,
        then.format(provider=provider),
        then_zh.format(provider=provider),
    )


def status_deadline(
    status: Status, start: datetime, holidays: Holidays, first_review: int
) -> tuple[ClockId, Deadline] | None:
    """The clock of a status that began at ``start``, and when it has run out.

    Args:
        status: only three of them have a clock.
        start: aware.
        holidays: what is known of them.
        first_review: working days; without any the first review has no clock.
    """
    if status is Status.SUBMITTED and first_review:
        return ClockId.PROVIDER, working_days_after(start, first_review, holidays)
    if status is Status.SMS_PENDING:
        return ClockId.SMS, Deadline((start + SMS_TIME).astimezone(UTC))
    if status is Status.BUREAU_REVIEW:
        return ClockId.BUREAU, working_days_after(start, BUREAU_DAYS, holidays)
    return None


_THEN: Final[Mapping[ClockId, tuple[str, str]]] = {
    ClockId.PROVIDER: (
        "the provider ({provider}) should have reviewed it; ask where it stands",
        "接入商（{provider}）应已完成初审，请催办",
    ),
    ClockId.SMS: (
        "not verified in time, the application goes back to returned, to be submitted again",
        "逾期未完成短信核验，申请退回（已退回），需重新提交",
    ),
    ClockId.BUREAU: (
        "the bureau should have decided; ask the provider where it stands",
        "管局应已作出审核决定，请通过接入商查询进度",
    ),
}
"""What the end of a status's clock means."""


def _clock(
    which: ClockId,
    application: Application,
    start: datetime,
    deadline: Deadline,
    then: str,
    then_zh: str,
) -> Clock:
    return Clock(
        clock=which,
        application_id=application.application_id,
        filing_id=application.filing_id,
        started_at=start,
        deadline=deadline.at,
        estimated=deadline.estimated,
        then=then,
        then_zh=then_zh,
    )


def _past(
    known: Iterable[Application], lives: Mapping[str, Filing]
) -> dict[str, list[Application]]:
    """What was approved of each living filing, in the order in which it counted."""
    past: dict[str, list[Application]] = {filing_id: [] for filing_id in lives}
    ending: defaultdict[tuple[str, str], list[Application]] = defaultdict(list)
    for one in known:
        if one.status is not Status.APPROVED:
            continue
        if one.kind is Kind.DEREGISTER_ENTITY:
            for key in _keys(one.entity):
                ending[key].append(one)
        elif one.filing_id in past:
            past[one.filing_id].append(one)
    for filing_id, filing in lives.items():
        for key in _keys(filing.entity) if ending else ():
            found = ending.get(key, ())
            past[filing_id] += (one for one in found if same_entity(filing.entity, one.entity))
    for applications in past.values():
        applications.sort(key=lambda one: (one.status_at, one.application_id))
    return past


def _keys(entity: Entity) -> Iterator[tuple[str, str]]:
    """What an entity can be found by; an empty number finds nobody."""
    return ((name, value) for name, value in entity_keys(entity).items() if value)


def _content(filing: Filing, past: Iterable[Application]) -> Application | None:
    """The application from which a filing has its entity and service: no change of addresses."""
    content = None
    for one in past:
        if one.kind in _WITH_CONTENT:
            content = one
            if one.application_id == filing.application_id:
                break
    return content


def _police(
    past: Iterable[Application], opened: datetime | None, answered: Mapping[str, bool]
) -> Clock | None:
    """The clock of the public-security filing, until somebody answers that it was made."""
    created: Application | None = None
    for one in past:
        if one.kind.ends:
            created = None
        elif answered.get(one.application_id, _answered_yes(one, ClockId.POLICE)):
            return None
        elif created is None and one.kind in _CREATING:
            created = one
    if created is None:
        return None  # a transfer that counts before its approval
    start = created.status_at if opened is None else max(opened, created.status_at)
    return _clock(
        ClockId.POLICE,
        created,
        start,
        days_after(start, POLICE_DAYS),
        "the public-security filing must have been made, with the provider's details",
        "应已完成公安联网备案（接入商信息须填写完整）",
    )


def _dated(application: Application, unread: dict[Unread, None]) -> Iterator[tuple[object, Clock]]:
    """The clocks of the dates that a record states, each with what has the date."""
    record = _record(application)
    for field, which, what, value, then, then_zh in _stated(record):
        until = read_until(value)
        if until is None:
            unread[Unread(application.application_id, field, _shown(value))] = None
        if not isinstance(until, date):
            continue
        try:
            deadline = Deadline(end_of(until))
        except OverflowError:
            continue  # 9999-12-31 says that there is no end
        yield what, _clock(which, application, application.status_at, deadline, then, then_zh)


def _stated(
    record: Mapping[str, Any],
) -> Iterator[tuple[str, ClockId, object, Any, str, str]]:
    """Each date of a record: its field, its clock, what has it, the value and what follows."""
    domains = _part(record, "service").get("domains")
    for index, item in enumerate(domains if isinstance(domains, list) else ()):
        if not isinstance(item, dict) or not isinstance(item.get("name"), str):
            continue
        name, place = item["name"].strip().lower(), f"service.domains[{index}]"
        yield (
            f"{place}.valid_until",
            ClockId.DOMAIN,
            name,
            item.get("valid_until"),
            f"{name} expires; renew it, or the filing must be changed or cancelled",
            f"域名 {name} 到期，请续费，否则须变更或注销备案",
        )
        yield (
            f"{place}.certificate_valid_until",
            ClockId.CERTIFICATE,
            name,
            item.get("certificate_valid_until"),
            f"the certificate of {name} expires; renew it",
            f"{name} 的证书到期，请更换",
        )
    seen: list[tuple[Any, Any]] = []
    for part, whose, whose_zh in (
        ("entity", "the entity's head", "主体负责人"),
        ("service", "the service's head", "服务负责人"),
    ):
        head = _part(_part(record, part), "head")
        person = (head.get("id_number") or head.get("name"), head.get("valid_until"))
        if person[0] and person in seen:
            continue  # one person in both roles has one document
        seen.append(person)
        yield (
            f"{part}.head.valid_until",
            ClockId.DOCUMENT,
            whose,
            head.get("valid_until"),
            f"the document of {whose} expires; file a change with the new one",
            f"{whose_zh}证件到期，请提交变更申请更新证件",
        )


def read_until(value: Any) -> date | bool | None:
    """A date to whose end something is valid; ``False`` for none or endless, ``None`` if odd."""
    if value is None:
        return False
    if not isinstance(value, str):
        return None
    text = unicodedata.normalize("NFKC", value).strip()
    if not text or text.lower() in _ENDLESS:
        return False
    match = _DATE.fullmatch(text)
    if match is None:
        return None
    given = [
        next(found for kind in ("", "_zh", "_8") if (found := match[f"{name}{kind}"]))
        for name in ("month", "day")
    ]
    try:
        return date(int(match["year"]), int(given[0]), int(given[1]))
    except ValueError:
        return None


def _first_review(application: Application, known: Mapping[str, ReviewDays]) -> tuple[str, int]:
    """Whose first review it is, and in how many days: NWCD's where the record does not say."""
    if application.status is not Status.SUBMITTED:
        return "", 0
    record = _record(application)
    given = record.get("provider")
    name = provider_name(given if isinstance(given, str) else "")
    if name not in known:
        name = DEFAULT_PROVIDER
    days = known.get(name)
    if days is None:
        return name, 0
    route = _part(record, "verification").get("route")
    by_hand = isinstance(route, str) and route.strip().lower() in _MANUAL
    return name, days.manual if by_hand else days.electronic


def _answered_yes(application: Application, rule: str) -> bool:
    if rule not in application.review:
        return False
    answer = _part(_record(application), "answers").get(rule)
    return isinstance(answer, dict) and answer.get("answer") == "yes"


def _record(application: Application) -> Mapping[str, Any]:
    """What only a review reads; empty where it is no JSON object."""
    if not application.review:
        return {}
    try:
        record = json.loads(application.review)
    except (ValueError, RecursionError):
        return {}
    return record if isinstance(record, dict) else {}


def _part(record: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    part = record.get(name)
    return part if isinstance(part, dict) else {}


def _shown(value: Any) -> str:
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return text[:80]
