"""What there is to look at from outside: filings in effect, and applications before approval."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple

from gatekeeper.filing.fold import PENDING
from gatekeeper.filing.html_text import PageText
from gatekeeper.filing.miit import domain_key
from gatekeeper.filing.model import (
    Application,
    Entity,
    Filing,
    FilingState,
    Kind,
    Register,
    Service,
    ServiceType,
    Status,
)
from gatekeeper.filing.number_shown import FOOTER_RULE, Seen
from gatekeeper.filing.pointing import Resolution, canonical, names_asked
from gatekeeper.filing.shell import ShellNotice

_BEFORE: Final = PENDING | {Status.DRAFT, Status.REJECTED}
_FIRST: Final = frozenset({Kind.NEW, Kind.TRANSFER_IN})


class PageSeen(NamedTuple):
    """A page that was asked for, or why it could not be had."""

    url: str
    """Where it was found in the end, after redirects; else what was asked for."""
    page: PageText | None
    reason: str = ""
    reason_zh: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Watched:
    """A filing in effect, or an application before its first approval, as something to look at."""

    filing_id: str
    application_id: str
    account_id: str
    entity: Entity
    service: Service
    addresses: frozenset[str]
    """Canonical; what the filing, or the application, names."""
    balancer: str
    approved: bool
    former: frozenset[str] = frozenset()
    waiting: tuple[Application, ...] = ()
    """Changes of it under way."""
    lawful: Mapping[str, frozenset[str]] = field(default_factory=dict)
    """Addresses at which other filings in effect may serve a domain, by domain in ASCII."""
    status: Status = Status.APPROVED
    place: str = ""
    """Where an APP shows its number, as the record declares it."""
    answer: str = ""
    """What a person answered to ``after-footer``: yes, no, or nothing."""

    def names(self) -> tuple[str, ...]:
        """Every name to resolve."""
        domains = [*self.service.domains]
        for application in self.waiting:
            domains += application.service.domains
        return tuple(dict.fromkeys(name for one in domains for name in names_asked(one)))

    def pages(self, known: Mapping[str, Resolution]) -> tuple[str, ...]:
        """What to fetch: a URL, or a name that resolves, for each page that must show a number."""
        if not self.approved:
            return ()
        if self.service.type is ServiceType.APP:
            return (self.place,) if self.place.lower().startswith(("http://", "https://")) else ()
        found = []
        for domain in self.service.domains:
            for name in names_asked(domain):
                if name in known and known[name].addresses:
                    found.append(name)
                    break
        return tuple(dict.fromkeys(found))


class Result(NamedTuple):
    """One check of one subject."""

    check: str
    verdict: Seen
    message: str
    message_zh: str
    code: str = ""
    """The finding's, where it fails."""
    domain: str = ""
    ips: tuple[str, ...] = ()
    application_id: str = ""
    """The application that it is about, where that is not the filing's own."""
    url: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """What the public sees of one subject."""

    subject: Watched
    results: tuple[Result, ...]
    seen: tuple[Resolution, ...]
    pages: tuple[PageSeen, ...]
    notice: ShellNotice | None = None


def to_watch(
    register: Register,
    applications: Iterable[Application],
    answers: Mapping[str, str],
) -> tuple[Watched, ...]:
    """Every filing in effect, and every application before its first approval.

    Args:
        register: as folded now.
        applications: all of those that it was folded from.
        answers: what people answered to ``after-footer``, by application.
    """
    known = {application.application_id: application for application in applications}
    live = {one.filing_id for one in register.filings if one.state is not FilingState.ENDED}
    waiting: defaultdict[str, list[Application]] = defaultdict(list)
    lawful: defaultdict[str, frozenset[str]] = defaultdict(frozenset)
    for filing in register.filings:
        if filing.state is FilingState.IN_EFFECT:
            for domain in filing.service.domains:
                lawful[domain_key(domain)] |= canonical(filing.access.ips)
    found = []
    for application in known.values():
        if application.status not in _BEFORE or application.kind.ends:
            continue
        if application.filing_id in live:
            waiting[application.filing_id].append(application)
        elif application.kind in _FIRST:
            found.append(_before(application, lawful))
    for filing in register.filings:
        if filing.state is FilingState.IN_EFFECT:
            changes = sorted(waiting[filing.filing_id], key=lambda one: one.application_id)
            found.append(_after(filing, known, changes, answers))
    return tuple(sorted(found, key=lambda one: (one.filing_id, one.application_id)))


def _before(application: Application, lawful: Mapping[str, frozenset[str]]) -> Watched:
    above = {name for domain in application.service.domains for name in upwards(domain)}
    return Watched(
        filing_id=application.filing_id,
        application_id=application.application_id,
        account_id=application.access.account_id,
        entity=application.entity,
        service=application.service,
        addresses=canonical(application.access.ips),
        balancer=application.access.load_balancer,
        approved=False,
        status=application.status,
        lawful={name: lawful[name] for name in above if name in lawful},
    )


def _after(
    filing: Filing,
    known: Mapping[str, Application],
    changes: Sequence[Application],
    answers: Mapping[str, str],
) -> Watched:
    source = known.get(filing.application_id)
    record = _record(source) if source is not None else {}
    return Watched(
        filing_id=filing.filing_id,
        application_id=filing.application_id,
        account_id=filing.access.account_id,
        entity=filing.entity,
        service=filing.service,
        addresses=canonical(filing.access.ips),
        balancer=filing.access.load_balancer,
        approved=True,
        former=frozenset(ip for access in filing.former for ip in canonical(access.ips)),
        waiting=tuple(changes),
        place=_text(record, "service", "app", "number_place"),
        answer=answers.get(filing.application_id)
        or _text(record, "answers", FOOTER_RULE, "answer").strip().lower(),
    )


def upwards(domain: str) -> Iterator[str]:
    """A domain in ASCII, and those above it but the top-level one."""
    name = domain_key(domain)
    yield name
    while "." in (name := name.partition(".")[2]):
        yield name


def _record(application: Application) -> Mapping[str, Any]:
    """What only a review reads; empty where there is none."""
    if not application.review:
        return {}
    try:
        loaded = json.loads(application.review)
    except (ValueError, RecursionError):
        return {}
    return loaded if isinstance(loaded, dict) else {}


def _text(record: Mapping[str, Any], *path: str) -> str:
    value: Any = record
    for key in path:
        value = value.get(key) if isinstance(value, dict) else None
    return value if isinstance(value, str) else ""
