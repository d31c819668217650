"""The way of an application: its verification, its clocks, what opens and what comes back."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from gatekeeper.filing.clocks import status_deadline
from gatekeeper.filing.lifecycle import STATUS_ZH
from gatekeeper.filing.model import FilingState, Status
from gatekeeper.filing.review.case import Case
from gatekeeper.filing.review.model import (
    EVERY_KIND,
    WITH_ACCESS,
    Area,
    How,
    Note,
    fail,
    fine,
    missing,
    not_here,
    unknown,
    warn,
)
from gatekeeper.filing.review.registry import rule
from gatekeeper.filing.review.words import Route, VerificationStatus
from gatekeeper.filing.row import printable
from gatekeeper.filing.workdays import SHANGHAI, Deadline

_BEFORE_SUBMISSION: Final = frozenset(
    {None, Status.DRAFT, Status.RETURNED, Status.REJECTED, Status.WITHDRAWN}
)
_REFRESH: Final = "the status is renewed about 3 minutes after the verification"
_REFRESH_ZH: Final = "核验完成约 3 分钟后刷新页面查看状态"


@rule(
    "verify-route",
    area=Area.STEPS,
    how=How.AUTO,
    source="A11 W10 E11",
    text="a business licence and resident id cards are verified electronically, all else by hand",
    zh="营业执照加居民身份证须电子化核验，其他证件为人工核验",
    remedy="take the route that the papers ask for; with a business licence and the resident id "
    "cards of both heads the electronic one is compulsory",
    remedy_zh="请按证件类型选择核验方式：营业执照且两位负责人均为居民身份证的，必须电子化核验",
)
def verify_route(case: Case) -> Iterator[Note]:
    stated, asked = case.record.verification.route, case.route
    if asked is None:
        entity, service = case.record.entity, case.record.service
        if entity.certificate_type is None:
            yield missing("entity.certificate_type")
        for field, head in (("entity.head", entity.head), ("service.head", service.head)):
            if head is None or head.id_type is None:
                yield missing(f"{field}.id_type")
    elif stated is None:
        yield missing("verification.route")
    elif stated is not asked and asked is Route.ELECTRONIC:
        yield fail(
            "verification.route",
            "these papers must be verified electronically",
            "该证件组合必须使用电子化核验",
        )
    elif stated is not asked:
        yield fail(
            "verification.route",
            "these papers cannot be verified electronically; they go by hand, on paper",
            "该证件组合不支持电子化核验，须人工核验并提交纸质材料",
        )


@rule(
    "verify-status",
    area=Area.STEPS,
    how=How.AUTO,
    source="A12.1 W11.1 E12.1",
    text="on the electronic route the papers are verified before they are sent, and only once",
    zh="电子化核验须在提交前完成；已核验的无需重复核验",
    remedy="verify in the mini-program, refresh the page about 3 minutes later, and submit once "
    "it shows that they are verified",
    remedy_zh="请在小程序完成核验，约 3 分钟后刷新页面，状态为“已核验”后再提交",
)
def verify_status(case: Case) -> Iterator[Note]:
    """Not begun is a failure, as a missing paper is; under way is, until it is sent, advice."""
    route, status = case.route or case.record.verification.route, case.record.verification.status
    field = "verification.status"
    if status is VerificationStatus.FAILED:
        yield fail(field, "the verification failed", "核验未通过")
    elif route is Route.MANUAL:
        yield not_here("the papers are verified by hand", "采用人工核验")
    elif status is None:
        yield missing(field)
    elif status is VerificationStatus.VERIFIED:
        yield fine(field, "verified; do not verify it again", "已核验，请勿再次核验")
    elif case.record.status not in _BEFORE_SUBMISSION:
        yield fail(field, "it was sent before it was verified", "尚未核验即已提交")
    elif status is VerificationStatus.PENDING:
        yield warn(
            field,
            f"the verification is under way; {_REFRESH}",
            f"核验中，{_REFRESH_ZH}",
        )
    else:
        yield fail(field, "not verified yet", "尚未核验")


@rule(
    "clock-provider",
    area=Area.STEPS,
    how=How.AUTO,
    source="A8.3 W7.3 E8.3 V4",
    text="the provider answers within its working days",
    zh="接入商在规定的工作日内完成初审",
    remedy="ask the provider where the review stands",
    remedy_zh="请联系接入商查询初审进度",
    kinds=EVERY_KIND,
)
def clock_provider(case: Case) -> Iterator[Note]:
    days = case.provider.first_review
    by_hand = (case.record.verification.route or case.route) is Route.MANUAL
    deadline = _deadline(case, Status.SUBMITTED, days.manual if by_hand else days.electronic)
    if isinstance(deadline, Note):
        yield deadline
    elif case.at >= deadline.at:
        name, zh = case.provider.name_en, case.provider.name
        yield warn(
            "status_at",
            f"{name} should have reviewed it by {_shown(deadline)}",
            f"{zh}应已于 {_shown_zh(deadline)} 前完成初审",
        )
    else:
        yield _runs(deadline, "the first review", "初审")


@rule(
    "clock-sms",
    area=Area.STEPS,
    how=How.AUTO,
    source="W9.2.3",
    text="the SMS verification is made within 24 hours",
    zh="须在 24 小时内完成短信核验",
    remedy="verify on MIIT's site within 24 hours of the SMS; after that submit it again",
    remedy_zh="请在收到短信后 24 小时内到工信部网站完成核验；超时须重新提交",
    kinds=EVERY_KIND,
)
def clock_sms(case: Case) -> Iterator[Note]:
    deadline = _deadline(case, Status.SMS_PENDING)
    if isinstance(deadline, Note):
        yield deadline
    elif case.at >= deadline.at:
        yield fail(
            "status_at",
            f"the 24 hours were over at {_shown(deadline)}; it goes back to the provider",
            f"短信核验已于 {_shown_zh(deadline)} 超时，申请将退回接入商",
        )
    else:
        yield _runs(deadline, "the SMS verification", "短信核验")


@rule(
    "clock-bureau",
    area=Area.STEPS,
    how=How.AUTO,
    source="A14.7 W13.7 E14.6 F",
    text="the bureau decides within 20 working days of complete papers",
    zh="材料齐全的，管局在二十个工作日内作出决定",
    remedy="ask the provider where the bureau's review stands",
    remedy_zh="请通过接入商查询管局审核进度",
    kinds=EVERY_KIND,
)
def clock_bureau(case: Case) -> Iterator[Note]:
    deadline = _deadline(case, Status.BUREAU_REVIEW)
    if isinstance(deadline, Note):
        yield deadline
    elif case.at >= deadline.at:
        yield warn(
            "status_at",
            f"the bureau should have decided by {_shown(deadline)}",
            f"管局应已于 {_shown_zh(deadline)} 前作出决定",
        )
    else:
        yield _runs(deadline, "the bureau's review", "管局审核")


@rule(
    "step-open",
    area=Area.STEPS,
    how=How.AUTO,
    source="A8.6 W7.6 E8.6",
    text="ports 80, 8080 and 443 open only after the bureau has approved",
    zh="管局审核通过后才开通 80/8080/443 端口",
    remedy="close the ports until the bureau has approved; gatekeeper plan shows the changes",
    remedy_zh="请在管局审核通过前关闭端口；可用 gatekeeper plan 查看所需变更",
    kinds=WITH_ACCESS,
)
def step_open(case: Case) -> Iterator[Note]:
    """A filing in effect that names the address may hold its port open, whoever asks for it."""
    if case.approved:
        yield fine("", "approved: its ports may be open", "已通过，可开通端口")
        return
    account = case.facts.account.value if case.facts is not None else None
    for ip in case.access.ips if account is not None else ():
        fact = account.addresses.get(ip) if account is not None else None
        ports = fact.exposed.value if fact is not None else None
        if not ports or _covered(case, ip):
            continue
        yield fail(
            "access.ips",
            f"the Internet reaches {printable(ip)} on {', '.join(ports)} before the approval",
            f"审核通过前，互联网已可访问 {printable(ip)} 的 {'、'.join(ports)} 端口",
        )
    yield fine(
        "",
        "not approved: nothing is opened for it; reconcile finds what is open all the same",
        "尚未通过：不会为其开通端口；已开放的端口由 reconcile 查出",
    )


@rule(
    "step-reject",
    area=Area.STEPS,
    how=How.AUTO,
    source="F V4.7",
    text="a refusal comes back with its reason, and may be reported again",
    zh="被退回或驳回的申请附有原因，修改后可再次提交",
    remedy="mend what the reason names and submit it again",
    remedy_zh="请按退回原因修改后再次提交",
    kinds=EVERY_KIND,
)
def step_reject(case: Case) -> Iterator[Note]:
    if case.record.status is Status.RETURNED:
        yield warn("status", "the provider returned it", "已被接入商退回")
    elif case.record.status is Status.REJECTED:
        yield warn("status", "the bureau rejected it", "已被管局驳回")


def _deadline(case: Case, status: Status, first_review: int = 0) -> Deadline | Note:
    """When the clock of a status has run out, or why there is no such clock."""
    now = case.record.status
    if now is None:
        return missing("status")
    if now is not status:
        return not_here(f"does not run while it is {now}", f"状态为“{STATUS_ZH[now]}”，不计时")
    if case.record.status_at is None:
        return missing("status_at")
    try:
        found = status_deadline(status, case.record.status_at, case.holidays, first_review)
    except OverflowError:
        found = None
    if found is None:
        return unknown("status_at", "no clock can count from this time", "该时间无法计算时限")
    return found[1]


def _runs(deadline: Deadline, what: str, zh: str) -> Note:
    return fine(
        "status_at", f"{what} has time until {_shown(deadline)}", f"{zh}截至 {_shown_zh(deadline)}"
    )


def _shown(deadline: Deadline, estimated: str = "estimated") -> str:
    time = f"{deadline.at.astimezone(SHANGHAI):%Y-%m-%d %H:%M}"
    return f"{time} ({estimated})" if deadline.estimated else time


def _shown_zh(deadline: Deadline) -> str:
    return _shown(deadline, "估算")


def _covered(case: Case, ip: str) -> bool:
    filings = case.surroundings.filings_at(case.access.account_id, ip)
    return any(one.state is FilingState.IN_EFFECT for one in filings)
