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

from collections.abc import Collection, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Final
from urllib.parse import urlsplit

from gatekeeper.filing.miit import domain_key
from gatekeeper.filing.model import ServiceType
from gatekeeper.filing.number_shown import FOOTER_RULE, Judged, Seen, judge_page
from gatekeeper.filing.pointing import (
    Place,
    Resolution,
    canonical,
    judge_before_approval,
    judge_pointing,
    point,
)
from gatekeeper.filing.row import printable
from gatekeeper.filing.shell import SHELL_CHECK, ShellNotice, judge_shell, notice_for
from gatekeeper.filing.watched import Look, PageSeen, Result, Watched, upwards

ADDRESS_CHECK: Final = "domain-address"
BEFORE_CHECK: Final = "before-approval"
ELSEWHERE: Final = "domain-elsewhere"
UNRESOLVED: Final = "domain-unresolved"
EARLY: Final = "resolves-before-approval"


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


def _early(subject: Watched, known: Mapping[str, Resolution]) -> Iterator[Result]:
    if not subject.addresses and subject.service.domains:
        yield _no_addresses(BEFORE_CHECK, subject)
        return
    for domain in subject.service.domains:
        others = [subject.lawful.get(name, frozenset()) for name in upwards(domain)]
        early = subject.addresses.difference(*others)
        judged, ips = judge_before_approval(domain, known, early)
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
            if judged.verdict is Seen.FAIL and _left(one, seen.url):
                judged = _led_away(seen.url, judged)
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


def _left(target: str, url: str) -> bool:
    """Whether a bare name's page redirected to another site."""
    if "://" in target:
        return False
    site, host = target.removeprefix("www."), domain_key(urlsplit(url).hostname or "")
    return host != site and not host.endswith(f".{site}")


def _led_away(url: str, judged: Judged) -> Judged:
    shown = printable(url)
    return Judged(
        Seen.ASK,
        f"it leads on to {shown}, another site; there {judged.message}: look at it",
        f"页面跳转至其他网站 {shown}，该页面上{judged.message_zh}，请人工查看",
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
    filed = {domain_key(one) for one in subject.service.domains}
    return any(name in filed for name in upwards(domain))


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
