"""What must hold once the bureau has approved: the number, where it shows, who else is told."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Final

from gatekeeper.filing.clocks import POLICE_DAYS
from gatekeeper.filing.fold import judge_service_licence
from gatekeeper.filing.licence import Licence
from gatekeeper.filing.model import FilingState, Service, ServiceType, Status
from gatekeeper.filing.number_shown import MIIT_SITE, right_number
from gatekeeper.filing.review.case import Case
from gatekeeper.filing.review.model import (
    CREATING,
    Area,
    How,
    Note,
    ask,
    fail,
    fine,
    missing,
    not_here,
    unknown,
    warn,
)
from gatekeeper.filing.review.registry import rule
from gatekeeper.filing.review.words import AnswerWord, ServiceKind
from gatekeeper.filing.row import printable
from gatekeeper.filing.workdays import SHANGHAI, days_after

_NOT_YET: Final = not_here("not approved yet", "尚未通过审核")
_ENDED: Final = not_here("the filing has ended", "该备案已注销")
_NUMBER: Final = "service.licence"
_FILED: Final = frozenset({ServiceKind.WEBSITE, ServiceKind.APP})


@rule(
    "after-number",
    area=Area.AFTER,
    how=How.AUTO,
    source="A14.8",
    text="the service has its own number: an APP's ends in A and is one on all platforms",
    zh="服务有唯一的备案号：APP 的备案号后缀为 A，各平台共用一个号",
    remedy="record the number as the bureau issued it; look it up on beian.miit.gov.cn",
    remedy_zh="请按管局下发的内容登记备案号，可在 beian.miit.gov.cn 查询",
    services=_FILED,
)
def after_number(case: Case) -> Iterator[Note]:
    if not _stands(case):
        yield _pause(case)
        return
    text = _licence_text(case)
    verdict = judge_service_licence(text)
    if verdict.licence is None or verdict.code:
        shown = f"{printable(text)}: " if text.strip() else ""
        hint = f"; {printable(verdict.hint)} is meant" if verdict.hint else ""
        hint_zh = f"，应为 {printable(verdict.hint)}" if verdict.hint else ""
        yield fail(
            _NUMBER,
            f"{shown}{printable(verdict.reason, 200)}{hint}",
            f"{shown}{printable(verdict.reason_zh, 200)}{hint_zh}",
        )
        return
    number, app = verdict.licence.canonical, case.service_type is ServiceKind.APP
    if app != (verdict.licence.suffix == "A"):
        yield fail(
            _NUMBER,
            f"{number}: an APP's number ends in A" if app else f"{number}: is an APP's number",
            f"{number}：APP 的备案号应以 A 结尾" if app else f"{number}：这是 APP 的备案号",
        )
    yield from _shared(case, number)
    if app:
        yield from _second_number(case, verdict.licence)


def _shared(case: Case, number: str) -> Iterator[Note]:
    """Another filing of the same number."""
    others = [
        one.filing_id
        for one in case.surroundings.filings_with_number(number)
        if one.filing_id != case.record.filing_id
    ]
    others += [
        one.filing_id or one.application_id
        for one in case.surroundings.with_number(number)
        if one.status is Status.APPROVED
        and one.kind in CREATING
        and one.application_id != case.record.application_id
        and one.filing_id != case.record.filing_id
        and _lives(case, one.filing_id)
    ]
    for other in dict.fromkeys(others):
        yield fail(
            _NUMBER,
            f"filing {printable(other)} has the number {number} too",
            f"备案 {printable(other)} 也使用 {number}",
        )


def _second_number(case: Case, mine: Licence) -> Iterator[Note]:
    """The same APP of the same entity, filed under another number."""
    name = case.record.service.name
    for one in case.surroundings.filings_named(name) if name else ():
        if one.filing_id == case.record.filing_id or one.service.type is not ServiceType.APP:
            continue
        theirs = judge_service_licence(one.service.licence)
        if theirs.licence is None or theirs.code or theirs.licence == mine:
            continue
        if one in case.surroundings.filings_of(case.entity):
            yield fail(
                _NUMBER,
                f"filing {printable(one.filing_id)} has this APP under {theirs.licence.canonical}",
                f"同一 APP 在备案 {printable(one.filing_id)} 中的备案号为"
                f" {theirs.licence.canonical}",
            )


@rule(
    "after-footer",
    area=Area.AFTER,
    how=How.LIVE,
    source="A14.9 W13.9 E14.8",
    text="the site's footer, or the APP's settings, shows the number, linked to beian.miit.gov.cn",
    zh="网站底部或 APP 设置页展示备案号，并链接至 beian.miit.gov.cn",
    remedy="show the number at the foot of the site, or in the APP's settings, as a link to "
    "https://beian.miit.gov.cn/",
    remedy_zh="请在网站底部或 APP 的“设置”“介绍”等处展示备案号，并链接至 https://beian.miit.gov.cn/",
    services=_FILED,
    asks=True,
)
def after_footer(case: Case) -> Iterator[Note]:
    if not _stands(case):
        yield _pause(case)
        return
    number = _right_number(case)
    if number is None:
        yield unknown(_NUMBER, "the number to look for is not known", "不知道应展示的备案号")
        return
    told = case.facts.shown if case.facts is not None else None
    if told is None or told.value is None:
        if case.service_type is ServiceKind.APP:
            yield ask(
                "service.app.number_place",
                f"do the APP's settings show {number}, linked to {MIIT_SITE}?",
                f"APP 的设置或介绍页是否展示 {number} 并链接至 {MIIT_SITE}？",
            )
        else:
            reason, zh = (told.reason, told.reason_zh) if told is not None else ("", "")
            yield unknown(
                "service.domains",
                f"the page was not read{f': {reason}' if reason else ''}",
                f"未读取网站页面{f'：{zh}' if zh else ''}",
            )
        return
    shown = told.value
    if number in shown.linked:
        return
    if number in shown.numbers:
        yield fail(
            "service.domains",
            f"{number} is shown, but does not link to {MIIT_SITE}",
            f"已展示 {number}，但未链接至 {MIIT_SITE}",
        )
    elif shown.numbers:
        others = ", ".join(map(printable, shown.numbers[:3]))
        yield fail(
            "service.domains",
            f"{others} is shown, not {number}",
            f"展示的是 {others}，应为 {number}",
        )
    else:
        yield fail("service.domains", f"{number} is not shown", f"未展示 {number}")


@rule(
    "after-police",
    area=Area.AFTER,
    how=How.AUTO,
    source="W13.9",
    text="the public-security filing is made within 30 days of opening, with the provider's data",
    zh="服务开通之日起 30 日内完成公安备案，并填写接入商信息",
    remedy="apply on beian.mps.gov.cn, and answer after-police with yes once it is made",
    remedy_zh="请登录全国互联网安全管理服务平台（beian.mps.gov.cn）办理，"
    "完成后将 after-police 答为“是”",
    kinds=CREATING,
    asks=True,
)
def after_police(case: Case) -> Iterator[Note]:
    if not _stands(case):
        yield _pause(case)
        return
    answer = case.answers.get("after-police")
    if answer is not None and answer.answer is AnswerWord.YES:
        by = printable(answer.by) or "?"
        yield fine("", f"confirmed by {by}", f"已由 {by} 确认")
        return
    deadline = _police_deadline(case)
    if deadline is None:
        yield missing("status_at")
        return
    day = f"{deadline.astimezone(SHANGHAI):%Y-%m-%d %H:%M}"
    data, data_zh = _provider_data(case)
    if case.at >= deadline:
        yield fail(
            "answers.after-police",
            f"the 30 days were over at {day} and nobody says that it was made{data}",
            f"30 日期限已于 {day} 届满，尚无完成公安备案的记录{data_zh}",
        )
    elif answer is not None and answer.answer is AnswerWord.NO:
        yield warn(
            "answers.after-police",
            f"not made yet; there is time until {day}{data}",
            f"尚未完成，截至 {day}{data_zh}",
        )
    else:
        yield ask(
            "answers.after-police",
            f"was the public-security filing made? There is time until {day}{data}",
            f"是否已完成公安备案？截至 {day}{data_zh}",
        )


@rule(
    "after-lookup",
    area=Area.AFTER,
    how=How.LIVE,
    source="A14.8 W13.8 E14.7",
    text="MIIT's public query shows the number for the entity and the domain",
    zh="可在工信部备案系统按主体或域名查询到备案号",
    remedy="compare with beian.miit.gov.cn, and ask the provider to have it put right",
    remedy_zh="请与 beian.miit.gov.cn 核对，并联系接入商更正",
    services=_FILED,
)
def after_lookup(case: Case) -> Iterator[Note]:
    if not _stands(case):
        yield _pause(case)
        return
    told = case.facts.lookup if case.facts is not None else None
    if told is None or told.value is None:
        yield unknown(
            _NUMBER,
            (told.reason if told is not None else "") or "MIIT's query was not read",
            (told.reason_zh if told is not None else "") or "未读取工信部查询结果",
        )
        return
    lookup, day = told.value, f"{told.value.at.astimezone(SHANGHAI):%Y-%m-%d}"
    if not lookup.found:
        approved = case.record.status_at
        if approved is not None and lookup.at < approved:
            yield unknown(
                _NUMBER,
                f"MIIT's export of {day} is older than the approval",
                f"工信部导出数据（{day}）早于审核通过时间",
            )
            return
        yield fail(
            _NUMBER,
            f"MIIT's query does not have it ({day})",
            f"工信部查询无此备案（{day}）",
        )
    if lookup.restricted:
        yield fail(
            _NUMBER,
            f"MIIT restricts its access ({day})",
            f"工信部显示“限制接入”（{day}）",
        )
    for one in lookup.differences:
        yield fail(
            _NUMBER,
            f"MIIT shows otherwise ({day}): {printable(one, 200)}",
            f"与工信部查询结果不一致（{day}）：{printable(one, 200)}",
        )


def _stands(case: Case) -> bool:
    """Whether it is approved and what it filed has not ended since."""
    return case.approved and _lives(case, case.record.filing_id)


def _lives(case: Case, filing_id: str) -> bool:
    filing = case.surroundings.filings.get(filing_id)
    return filing is None or filing.state is not FilingState.ENDED


def _pause(case: Case) -> Note:
    return _ENDED if case.approved else _NOT_YET


def _licence_text(case: Case) -> str:
    """The service's number: the record's, else what the register has of it."""
    filing = case.surroundings.filings.get(case.record.filing_id)
    filed = filing.service.licence if filing is not None else ""
    return case.record.service.licence or filed


def _right_number(case: Case) -> str | None:
    app = case.service_type is ServiceKind.APP
    service = Service(
        type=ServiceType.APP if app else ServiceType.WEBSITE, licence=_licence_text(case)
    )
    if judge_service_licence(service.licence).code:
        return None
    return right_number(service, case.entity)


def _police_deadline(case: Case) -> datetime | None:
    """30 days from when it was first verified open, else from the approval."""
    start = case.record.status_at
    if start is None:
        return None
    opened = case.facts.opened.value if case.facts is not None else None
    try:
        return days_after(start if opened is None else max(start, opened), POLICE_DAYS).at
    except OverflowError:
        return None


def _provider_data(case: Case) -> tuple[str, str]:
    """The provider as the public-security filing asks for it."""
    police = case.provider.police
    if police is None:
        return "", ""
    parts = (police.name, police.place, police.mode, police.phone)
    return f"; provider: {', '.join(parts)}", f"；接入商信息：{'，'.join(parts)}"
