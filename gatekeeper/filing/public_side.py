"""What the public must see of each filing and application, and what it sees.

=====================  ===================================  ==============================
check                  for                                  fails as finding
=====================  ===================================  ==============================
``domain-address``     each domain of a filing in effect    ``domain-elsewhere``,
                                                            ``domain-unresolved``
``before-approval``    each domain and address that an      ``resolves-before-approval``
                       application still waits for
``after-footer``       each page of a website in effect,    ``after-footer``
                       the declared place of an APP
``shell-filing``       a filing in effect                   ``shell-filing``
=====================  ===================================  ==============================
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
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
from gatekeeper.filing.number_shown import FOOTER_RULE, Judged, Seen, judge_page
from gatekeeper.filing.pointing import (
    Place,
    Resolution,
    canonical,
    judge_before_approval,
    judge_pointing,
    names_asked,
    point,
)
from gatekeeper.filing.row import printable
from gatekeeper.filing.shell import SHELL_CHECK, ShellNotice, judge_shell, notice_for

ADDRESS_CHECK: Final = "domain-address"
BEFORE_CHECK: Final = "before-approval"
ELSEWHERE: Final = "domain-elsewhere"
UNRESOLVED: Final = "domain-unresolved"
EARLY: Final = "resolves-before-approval"

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
    found = []
    for application in known.values():
        if application.status not in _BEFORE or application.kind.ends:
            continue
        if application.filing_id in live:
            waiting[application.filing_id].append(application)
        elif application.kind in _FIRST:
            found.append(_before(application))
    for filing in register.filings:
        if filing.state is FilingState.IN_EFFECT:
            changes = sorted(waiting[filing.filing_id], key=lambda one: one.application_id)
            found.append(_after(filing, known, changes, answers))
    return tuple(sorted(found, key=lambda one: (one.filing_id, one.application_id)))


def look_at_public(
    subject: Watched,
    known: Mapping[str, Resolution],
    pages: Mapping[str, PageSeen] | None,
    notices: Sequence[ShellNotice],
    *,
    at: datetime,
) -> Look:
    """Judge one subject.

    Args:
        subject: what to judge.
        known: what DNS said, by name.
        pages: what was fetched, by what ``Watched.pages`` names; ``None`` where no page was to be
            looked at: then no number is judged.
        notices: of the bureaus, about shells.
        at: the present time.
    """
    if not subject.approved:
        results = tuple(_early(subject, known))
        return _look(subject, results, known, pages)
    results = (*_addresses(subject, known), *_waiting(subject, known))
    if pages is not None:
        results += tuple(_footer(subject, known, pages))
    notice = notice_for(notices, subject.filing_id, subject.service, subject.entity, at=at)
    shell = judge_shell(
        has_access=bool(subject.addresses or subject.balancer),
        pointings=[point(domain, known, subject.addresses) for domain in subject.service.domains]
        if subject.addresses
        else (),
        notice=notice,
        listed=notice is not None and notice.names(subject.filing_id, subject.service),
        at=at,
    )
    results += (_result(SHELL_CHECK, shell, SHELL_CHECK),)
    return _look(subject, results, known, pages, notice)


def _look(
    subject: Watched,
    results: tuple[Result, ...],
    known: Mapping[str, Resolution],
    pages: Mapping[str, PageSeen] | None,
    notice: ShellNotice | None = None,
) -> Look:
    wanted = subject.pages(known)
    return Look(
        subject=subject,
        results=results,
        seen=tuple(known[name] for name in subject.names() if name in known),
        pages=tuple(pages[one] for one in wanted if one in pages) if pages is not None else (),
        notice=notice,
    )


def _before(application: Application) -> Watched:
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


def _early(subject: Watched, known: Mapping[str, Resolution]) -> Iterator[Result]:
    if not subject.addresses and subject.service.domains:
        yield _no_addresses(BEFORE_CHECK, subject)
        return
    for domain in subject.service.domains:
        judged, ips = judge_before_approval(domain, known, subject.addresses)
        yield _result(BEFORE_CHECK, judged, EARLY, domain, ips)


def _addresses(subject: Watched, known: Mapping[str, Resolution]) -> Iterator[Result]:
    """Where the domains of a filing in effect lead; what a change waits for is judged apart."""
    if not subject.service.domains:
        if subject.service.type is not ServiceType.APP:
            yield Result(
                ADDRESS_CHECK,
                Seen.UNKNOWN,
                "the filing names no domain, so nothing can be looked up",
                "该备案没有域名，无法查询",
            )
        return
    if not subject.addresses:
        if subject.balancer:
            yield _no_addresses(ADDRESS_CHECK, subject)
        return
    pending = _pending_addresses(subject)
    for domain in subject.service.domains:
        found = point(domain, known, subject.addresses)
        strange = tuple(ip for ip in found.strange if ip not in pending)
        if found.strange and not strange:
            continue  # said under before-approval
        code = UNRESOLVED if found.place is Place.UNRESOLVED else ELSEWHERE
        judged = judge_pointing(found._replace(strange=strange), former=subject.former)
        yield _result(ADDRESS_CHECK, judged, code, domain, strange)


def _waiting(subject: Watched, known: Mapping[str, Resolution]) -> Iterator[Result]:
    """What changes under way may not show yet: their new addresses, and their new domains."""
    for application in subject.waiting:
        new = canonical(application.access.ips) - subject.addresses
        domains = application.service.domains
        covered = [one for one in (*subject.service.domains, *domains) if _covered(one, subject)]
        uncovered = [one for one in domains if not _covered(one, subject)]
        for names, addresses in ((covered, new), (uncovered, new | subject.addresses)):
            for domain in dict.fromkeys(names) if addresses else ():
                judged, ips = judge_before_approval(domain, known, addresses)
                yield _result(BEFORE_CHECK, judged, EARLY, domain, ips, application.application_id)


def _footer(
    subject: Watched, known: Mapping[str, Resolution], pages: Mapping[str, PageSeen]
) -> Iterator[Result]:
    """What pages show; what a person answered settles what no page tells."""
    wanted = subject.pages(known)
    for one in wanted:
        seen = pages.get(one)
        if seen is None or seen.page is None:
            why, zh = (seen.reason, seen.reason_zh) if seen else ("not asked for", "未访问")
            judged = Judged(
                Seen.UNKNOWN,
                f"the page of {printable(one)} could not be read: {printable(why, 200)}",
                f"无法读取 {printable(one)} 的页面：{printable(zh, 200)}",
            )
        else:
            judged = judge_page(seen.page, subject.service, subject.entity)
        if judged.verdict in (Seen.UNKNOWN, Seen.ASK) and subject.answer:
            judged = _answered(subject.answer)
        url = seen.url if seen is not None else ""
        yield _result(FOOTER_RULE, judged, FOOTER_RULE, one, url=url)
    if not wanted:
        judged = _answered(subject.answer) if subject.answer else _asked(subject)
        yield _result(FOOTER_RULE, judged, FOOTER_RULE)


def _asked(subject: Watched) -> Judged:
    """What a person must look at, where there is no page to fetch."""
    if subject.service.type is ServiceType.APP:
        place = f" ({printable(subject.place)})" if subject.place else ""
        place_zh = f"（{printable(subject.place)}）" if subject.place else ""
        return Judged(
            Seen.ASK,
            f"look into the APP{place}: does it show {printable(subject.service.licence)}, linked?",
            f"请在 APP 内{place_zh}查看是否展示 {printable(subject.service.licence)} 并附链接",
        )
    return Judged(
        Seen.UNKNOWN,
        "no domain of it resolves, so there is no page to read",
        "其域名均无解析，没有可读取的页面",
    )


def _answered(answer: str) -> Judged:
    if answer == "yes":
        return Judged(Seen.PASS, "a person saw the number, linked", "人工确认已展示备案号并附链接")
    return Judged(
        Seen.FAIL, "a person saw that the number is not shown", "人工确认未按要求展示备案号"
    )


def _no_addresses(check: str, subject: Watched) -> Result:
    balancer = printable(subject.balancer) or "-"
    return Result(
        check,
        Seen.UNKNOWN,
        f"no addresses are filed (load balancer {balancer}), so none can be compared",
        f"未填写 IP 地址（负载均衡 {balancer}），无法比对",
    )


def _covered(domain: str, subject: Watched) -> bool:
    """Whether a domain, or one above it, is filed already."""
    key = domain_key(domain)
    filed = {domain_key(one) for one in subject.service.domains}
    return key in filed or any(key.endswith(f".{one}") for one in filed)


def _pending_addresses(subject: Watched) -> Collection[str]:
    return {ip for one in subject.waiting for ip in canonical(one.access.ips) - subject.addresses}


def _result(
    check: str,
    judged: Judged,
    code: str,
    domain: str = "",
    ips: tuple[str, ...] = (),
    application_id: str = "",
    url: str = "",
) -> Result:
    failed = judged.verdict is Seen.FAIL
    return Result(
        check, *judged, code if failed else "", domain, ips if failed else (), application_id, url
    )


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
