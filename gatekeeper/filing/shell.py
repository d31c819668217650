"""Shell filings (空壳), and the bureaus' notices that they will be struck off.

A filing is a shell where MIIT finds no access behind it: the service has no provider, or its
domains lead to no address that it filed.  A bureau publishes the list of such filings and strikes
off what is still empty some days later (Ningxia and Guizhou gave 7).  The operator writes the
notice down; gatekeeper counts the days.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime
from typing import Final

from gatekeeper.filing.licence import LicenceError, parse_licence
from gatekeeper.filing.model import Entity, Service
from gatekeeper.filing.number_shown import Judged, Seen
from gatekeeper.filing.pointing import Pointing
from gatekeeper.filing.provinces import PROVINCES, Province, find_province
from gatekeeper.filing.row import printable
from gatekeeper.filing.workdays import SHANGHAI

SHELL_CHECK: Final = "shell-filing"
_BY_CHARACTER: Final = {province.character: province for province in PROVINCES}


@dataclass(frozen=True, slots=True, kw_only=True)
class ShellNotice:
    """One notice of a bureau, as the operator wrote it down."""

    province: Province
    published: date
    until: date
    """The last day on which a filing can still be mended."""
    filings: frozenset[str] = frozenset()
    """Filing ids and numbers that it lists; empty where it speaks of the whole province."""
    reference: str = ""
    """Where it stands, for people."""

    def names(self, filing_id: str, service: Service) -> bool:
        """Whether the notice lists this filing."""
        return bool(self.filings & {filing_id, *_numbers(service)})

    def days_left(self, at: datetime) -> int:
        """Whole days after today; 0 on the last one, negative when it is over."""
        return (self.until - at.astimezone(SHANGHAI).date()).days


def home_province(service: Service, entity: Entity) -> Province | None:
    """Whose bureau a filing belongs to: the number says, else the entity's place."""
    try:
        found = _BY_CHARACTER.get(parse_licence(service.licence).province)
    except LicenceError:
        found = None
    return found or find_province(entity.province)


def notice_for(
    notices: Iterable[ShellNotice],
    filing_id: str,
    service: Service,
    entity: Entity,
    *,
    at: datetime,
) -> ShellNotice | None:
    """The notice whose time is up next for a filing, else the last one that is over.

    One that lists it counts before one that speaks of its whole province.
    """
    today = at.astimezone(SHANGHAI).date()
    home = home_province(service, entity)
    fitting = [
        notice
        for notice in notices
        if notice.published <= today
        and (notice.names(filing_id, service) or (not notice.filings and notice.province == home))
    ]
    listed = [notice for notice in fitting if notice.filings]
    chosen = listed or fitting
    running = [notice for notice in chosen if notice.until >= today]
    if running:
        return min(running, key=lambda notice: notice.until)
    return max(chosen, key=lambda notice: notice.until, default=None)


def judge_shell(
    *,
    has_access: bool,
    pointings: Iterable[Pointing],
    notice: ShellNotice | None,
    listed: bool,
    at: datetime,
) -> Judged:
    """Whether a filing in effect is a shell, with the days that are left.

    Args:
        has_access: whether it names an address or a load balancer.
        pointings: where its domains lead.
        notice: the bureau's notice that concerns it, if any.
        listed: whether that notice lists it by name.
        at: the present time.
    """
    domains = tuple(pointings)
    if not has_access:
        why, zh = "the filing has no access", "该备案没有接入信息"
    elif domains and all(one.keeps is False for one in domains):
        why = "none of its domains leads to an address that it names"
        zh = "其全部域名均未解析至备案地址"
    elif listed:
        why, zh = "the bureau lists it as a shell", "管局已将其列为空壳备案"
    elif domains and not any(one.keeps for one in domains):
        return Judged(
            Seen.UNKNOWN,
            "whether it is a shell cannot be told: not every domain could be resolved",
            "部分域名无法解析，不能判断是否为空壳备案",
        )
    else:
        return Judged(Seen.PASS, "its access is there", "接入正常")
    left, left_zh = _time_left(notice, at)
    return Judged(Seen.FAIL, f"{why}; {left}", f"{zh}；{left_zh}")


def _time_left(notice: ShellNotice | None, at: datetime) -> tuple[str, str]:
    if notice is None:
        return "no notice of its bureau is recorded", "未登记管局公告"
    days = notice.days_left(at)
    which = f"the notice of {notice.published} ({notice.province.pinyin}"
    which += f", {printable(notice.reference)})" if notice.reference else ")"
    which_zh = f"{notice.province}管局 {notice.published} 公告"
    which_zh += f"（{printable(notice.reference)}）" if notice.reference else ""
    if days < 0:
        return (
            f"{which} ended {notice.until}, {-days} day{'s' if days < -1 else ''} ago",
            f"{which_zh}已于 {notice.until} 到期，逾期 {-days} 天",
        )
    left = "today is the last day" if days == 0 else f"{days} day{'s' if days > 1 else ''} left"
    left_zh = "今天为最后一天" if days == 0 else f"剩余 {days} 天"
    return (
        f"{which} gives until {notice.until}: {left}",
        f"{which_zh}截至 {notice.until}，{left_zh}",
    )


def _numbers(service: Service) -> Iterable[str]:
    try:
        licence = parse_licence(service.licence)
    except LicenceError:
        return ()
    return licence.canonical, licence.subject
