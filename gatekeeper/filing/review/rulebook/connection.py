"""How a service is connected, and in which order: how many addresses, which mode, what first."""

from __future__ import annotations

from collections.abc import Iterator

from gatekeeper.filing.fold import PENDING
from gatekeeper.filing.model import Kind
from gatekeeper.filing.provinces import find_province, leading_province
from gatekeeper.filing.review.case import Case
from gatekeeper.filing.review.differences import entity_differences
from gatekeeper.filing.review.model import (
    CREATING,
    WITH_ACCESS,
    Area,
    How,
    Note,
    fail,
    fine,
    missing,
    not_here,
    warn,
)
from gatekeeper.filing.review.registry import rule
from gatekeeper.filing.review.surroundings import Peer
from gatekeeper.filing.review.words import Entry, chinese_of
from gatekeeper.filing.row import printable


@rule(
    "access-count",
    area=Area.ACCESS,
    how=How.AUTO,
    source="A14.2 W13.2 E14.2",
    text="any number of addresses may be filed",
    zh="备案的 IP 地址没有个数限制",
    remedy="nothing to do",
    remedy_zh="无需处理",
    kinds=WITH_ACCESS,
)
def access_count(case: Case) -> Iterator[Note]:
    count = len(case.access.ips)
    yield fine(
        "access.ips",
        f"{count} address{'' if count == 1 else 'es'}; there is no limit",
        f"共 {count} 个地址，没有个数限制",
    )


@rule(
    "access-mode",
    area=Area.ACCESS,
    how=How.AUTO,
    source="V2.4(2) V2.4(3)",
    text="the access mode and the place of the server are those that the provider offers",
    zh="接入方式和服务器放置地点应为接入商提供的选项",
    remedy="choose the provider's access mode and one of its places",
    remedy_zh="请选择接入商提供的接入方式和服务器放置地点",
)
def access_mode(case: Case) -> Iterator[Note]:
    given, asked = case.record.access, case.provider.access
    untouched = not (given.ips or given.mode or given.server_place)
    if case.kind is Kind.CHANGE and untouched:
        yield not_here("the access is not changed", "不变更接入信息")
        return
    if asked.modes and given.mode is None:
        yield missing("access.mode")
    elif asked.modes and given.mode not in asked.modes:
        yield fail(
            "access.mode",
            f"{given.mode}: the provider's is {', '.join(asked.modes)}",
            f"接入方式应为{'、'.join(map(chinese_of, asked.modes))}",
        )
    if not asked.places:
        return
    place = find_province(given.server_place) or leading_province(given.server_place)
    if not given.server_place:
        yield missing("access.server_place")
    elif place is None or place.short not in asked.places:
        places = [find_province(one) for one in asked.places]
        yield fail(
            "access.server_place",
            f"{printable(given.server_place)} is none of the provider's places: "
            + ", ".join(one.pinyin for one in places if one is not None),
            f"服务器放置地点应为{'、'.join(asked.places)}之一，不能是“{printable(given.server_place)}”",
        )


@rule(
    "access-order",
    area=Area.ACCESS,
    how=How.AUTO,
    source="V2.3(1) V2.4(4)",
    text="entity data that are out of date are changed first, and nothing new is filed meanwhile",
    zh="主体信息与实际不符的须先变更；主体变更审核通过前不得新增",
    remedy="file a change of the entity's data first, and this once the bureau has approved it",
    remedy_zh="请先提交主体变更，待管局审核通过后再新增",
    kinds=CREATING,
)
def access_order(case: Case) -> Iterator[Note]:
    if not (case.record.entity.name or case.record.entity.certificate_number):
        yield missing("entity.name")
        return
    filings = case.surroundings.filings_of(case.entity)
    told: set[str] = set()
    newest = max(filings, key=lambda one: one.since, default=None)
    for filing in filings:
        changed = (
            case.surroundings.entity_changes(case.record, filing)
            if filing is newest
            else entity_differences(case.entity, filing.entity)
        )
        for field, zh in changed:
            if field not in told:
                told.add(field)
                yield fail(
                    field,
                    f"differs from the entity's filing {printable(filing.filing_id)}",
                    f"{zh}与该主体已有备案 {printable(filing.filing_id)} 不一致",
                )
    for peer in case.surroundings.of_entity(case.entity):
        if not _changes_here(case, peer):
            continue
        name = printable(peer.application_id)
        if _of_the_entity(case, peer):
            yield fail(
                "entity",
                f"a change of the entity's data is under way: application {name}",
                f"该主体的变更正在办理：申请 {name}",
            )
        else:
            yield warn(
                "entity",
                f"application {name} changes a filing of this entity; wait for it if it changes "
                "the entity's data",
                f"申请 {name} 正在变更该主体的备案；如涉及主体信息，须待其审核通过后再新增",
            )


def _changes_here(case: Case, peer: Peer) -> bool:
    """Whether a peer is a change under way at the same provider."""
    return (
        peer.kind is Kind.CHANGE
        and peer.status in PENDING
        and peer.application_id != case.record.application_id
        and peer.provider.lower() in ("", case.provider.provider)
    )


def _of_the_entity(case: Case, peer: Peer) -> bool:
    """Whether a change touches the entity's data, as far as it is not seen to leave them alone."""
    if peer.entry is Entry.ENTITY:
        return True
    before = case.surroundings.filings.get(peer.filing_id)
    return before is None or bool(list(entity_differences(peer.entity, before.entity)))
