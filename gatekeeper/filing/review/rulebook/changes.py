"""Changes of a filing, and its endings."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from gatekeeper.filing.model import Filing, FilingState, Kind, Service, ServiceType
from gatekeeper.filing.review.case import Case
from gatekeeper.filing.review.differences import (
    Difference,
    access_differences,
    service_differences,
)
from gatekeeper.filing.review.filed import service_details
from gatekeeper.filing.review.model import (
    CREATING,
    EVERY_KIND,
    Area,
    How,
    Level,
    Note,
    fail,
    fine,
    missing,
    unknown,
    warn,
)
from gatekeeper.filing.review.registry import rule
from gatekeeper.filing.review.words import Entry, ServiceKind, chinese_of
from gatekeeper.filing.row import printable

_NAMED: Final = 8
"""How many filings a message names."""
_TYPES: Final = {
    ServiceKind.WEBSITE: ServiceType.WEBSITE,
    ServiceKind.APP: ServiceType.APP,
}


@rule(
    "change-entry",
    area=Area.CHANGES,
    how=How.AUTO,
    source="W8.2 E9.2 A9.2",
    text="entity data alone are changed by the entry of the entity, service data by that of all, "
    "addresses by their own, and endings by that of endings",
    zh="仅变更主体信息用“变更主体”，变更全部或服务信息用“变更信息”，变更地址用“变更IP”，注销用“注销”",
    remedy="send it through the portal's entry for what it changes",
    remedy_zh="请从备案平台中与变更内容相符的入口提交",
    kinds=EVERY_KIND - CREATING,
)
def change_entry(case: Case) -> Iterator[Note]:
    entry = case.record.entry
    if entry is None:
        yield missing("entry")
    elif case.kind is Kind.CHANGE_IP and entry is not Entry.IP:
        yield _through(Entry.IP)
    elif case.kind.ends and entry is not Entry.END:
        yield _through(Entry.END)
    elif case.kind is Kind.CHANGE:
        yield from _change_entry(case, entry)


def _change_entry(case: Case, entry: Entry) -> Iterator[Note]:
    if entry not in (Entry.ENTITY, Entry.ALL):
        yield fail(
            "entry",
            "a change goes through 变更主体 (entity) or 变更信息 (all)",
            "变更应通过“变更主体”或“变更信息”提交",
        )
        return
    before = _before(case)
    if isinstance(before, Note):
        yield before
        return
    entity = case.surroundings.entity_changes(case.record, before)
    others = [*_service_differences(case, before)]
    others += access_differences(case.access, before.access)
    if others and entry is Entry.ENTITY:
        yield fail(
            "entry",
            f"{_fields(others)} changed too: that goes through 变更信息 (all)",
            f"{_fields_zh(others)}也有变更，应通过“变更信息”提交",
        )
    elif entity and not others and entry is Entry.ALL:
        yield fail(
            "entry",
            f"only {_fields(entity)} changed: that goes through 变更主体 (entity)",
            f"仅{_fields_zh(entity)}有变更，应通过“变更主体”提交",
        )


def _through(entry: Entry) -> Note:
    name = chinese_of(entry)
    return fail("entry", f"it goes through {name} ({entry})", f"应通过“{name}”入口提交")


@rule(
    "change-ip-only",
    area=Area.CHANGES,
    how=How.AUTO,
    source="A9.4 W8.4 E9.4",
    text="a change of addresses changes nothing else",
    zh="“变更IP”仅变更 IP 地址，不得变更其他信息",
    remedy="leave all else as it is filed, and send what else changes as a change",
    remedy_zh="其他信息请与已备案内容保持一致；如需变更，请通过“变更信息”提交",
    kinds=frozenset({Kind.CHANGE_IP}),
)
def change_ip_only(case: Case) -> Iterator[Note]:
    before = _before(case)
    if isinstance(before, Note):
        yield before
        return
    changed = case.surroundings.entity_changes(case.record, before)
    changed += _service_differences(case, before)
    for field, zh in changed:
        yield fail(field, f"{field} differs from the filing in effect", f"{zh}与已备案内容不一致")
    if not changed and not list(access_differences(case.access, before.access)):
        yield warn(
            "access.ips",
            "the addresses are those that are filed already",
            "所填地址与已备案的地址相同",
        )


@rule(
    "end-entity",
    area=Area.CHANGES,
    how=How.AUTO,
    source="A9.3 W8.3 E9.3",
    text="ending an entity ends every website, APP, mini-program and fast app of it",
    zh="注销主体将注销其名下所有网站、APP、小程序和快应用",
    remedy="end one service alone (deregister_service) if the others are to stay",
    remedy_zh="如需保留其他服务，请只注销相应的网站或 APP",
    kinds=frozenset({Kind.DEREGISTER_ENTITY}),
)
def end_entity(case: Case) -> Iterator[Note]:
    if not (case.record.entity.name or case.record.entity.certificate_number):
        yield missing("entity.name")
        return
    filings = case.surroundings.filings_of(case.entity)
    if not filings and case.approved:
        yield fine("entity", "every filing of the entity has ended", "该主体的备案已全部注销")
        return
    if not filings:
        yield unknown(
            "entity",
            "the register has no living filing of this entity",
            "备案库中没有该主体的有效备案",
        )
        return
    count = len(filings)
    yield fine(
        "entity",
        f"ends {count} filing{'' if count == 1 else 's'}: {_names(filings)}; once it is approved "
        "none of them may be reached, and gatekeeper closes their ports",
        f"将注销 {count} 个备案：{_names(filings, '、')}；审核通过后均不得访问，端口随即关闭",
    )


@rule(
    "end-service",
    area=Area.CHANGES,
    how=How.AUTO,
    source="A9.3 W8.3 E9.3",
    text="ending a service ends that one; the entity and its others stay",
    zh="注销网站或 APP 仅注销该项服务，主体及其他服务保留",
    remedy="name the living filing that ends",
    remedy_zh="请填写要注销的有效备案",
    kinds=frozenset({Kind.DEREGISTER_SERVICE}),
)
def end_service(case: Case) -> Iterator[Note]:
    trouble = _ended(case)
    if trouble is not None:
        yield trouble
        return
    filing = case.surroundings.filings[case.record.filing_id]
    others = [
        one
        for one in case.surroundings.filings_of(filing.entity)
        if one.filing_id != filing.filing_id
    ]
    stay = f"{len(others)} other filing{'' if len(others) == 1 else 's'}"
    yield fine(
        "filing_id",
        f"ends {_names([filing])}; the entity and {stay} stay",
        f"将注销 {_names([filing])}；主体及其他 {len(others)} 个备案保留",
    )


@rule(
    "end-access",
    area=Area.CHANGES,
    how=How.AUTO,
    source="A9.3 W8.3 E9.3",
    text="the access is cancelled after the new provider has filed it",
    zh="取消接入前，应先在新的接入商处完成转入备案",
    remedy="file it with the new provider first (transfer_in there), then cancel it here",
    remedy_zh="请先在新的接入商处完成转入备案，再取消接入",
    level=Level.WARN,
    kinds=frozenset({Kind.CANCEL_ACCESS}),
)
def end_access(case: Case) -> Iterator[Note]:
    """The advice holds of a filing that the register does not have, too."""
    filing = case.surroundings.filings.get(case.record.filing_id)
    trouble = _ended(case)
    if trouble is not None and (filing is not None or not case.record.filing_id):
        yield trouble
        return
    name = _names([filing]) if filing is not None else printable(case.record.filing_id)
    yield warn(
        "filing_id",
        f"without another provider the bureau may cancel the number of {name}",
        f"如未转入其他接入商，{name} 的备案号可能被管局注销",
    )


def _ended(case: Case) -> Note | None:
    """Why an ending of one filing ends nothing."""
    if not case.record.filing_id:
        return missing("filing_id")
    filing = case.surroundings.filings.get(case.record.filing_id)
    if filing is None:
        return _no_filing(case)
    if filing.state is FilingState.ENDED and filing.ended_by != case.record.application_id:
        name = printable(filing.filing_id)
        return fail("filing_id", f"filing {name} has ended already", f"备案 {name} 已注销")
    return None


def _before(case: Case) -> Filing | Note:
    """The filing as it is before the change, or why there is none to compare with."""
    if case.filing is None:
        return _no_filing(case)
    if case.filing.application_id == case.record.application_id:
        return fine("", "it is in effect already", "该变更已生效")
    return case.filing


def _no_filing(case: Case) -> Note:
    if not case.record.filing_id:
        return missing("filing_id")
    name = printable(case.record.filing_id)
    return unknown(
        "filing_id",
        f"the register has no living filing {name} to compare with",
        f"备案库中没有有效的备案 {name}，无法比对",
    )


def _service_differences(case: Case, filing: Filing) -> list[Difference]:
    given = case.record.service
    kind = given.type
    if kind is not None and kind not in _TYPES and filing.service.type is not None:
        return [Difference("service.type", "服务类型")]
    service = Service(
        type=_TYPES.get(kind) if kind is not None else None,
        name=given.name,
        licence=given.licence,
        domains=tuple(one.name for one in given.domains if one.name),
    )
    found = list(service_differences(service, filing.service))
    found += service_details(case.record, case.surroundings.filed(filing))
    return found


def _fields(some: list[Difference]) -> str:
    return ", ".join(one.field for one in some)


def _fields_zh(some: list[Difference]) -> str:
    return "、".join(one.name_zh for one in some)


def _names(filings: list[Filing] | tuple[Filing, ...], comma: str = ", ") -> str:
    """A few filings by id and service."""
    shown = [
        f"{printable(one.filing_id)} ({printable(one.service.name)})"
        if one.service.name
        else printable(one.filing_id)
        for one in filings[:_NAMED]
    ]
    return comma.join([*shown, *(["…"] if len(filings) > _NAMED else [])])
