"""The account at the provider's portal that sends the application."""

from __future__ import annotations

from collections.abc import Iterator

from gatekeeper.filing.clocks import provider_name
from gatekeeper.filing.model import Kind
from gatekeeper.filing.review.case import Case
from gatekeeper.filing.review.facts import Holding
from gatekeeper.filing.review.model import (
    EVERY_KIND,
    Area,
    How,
    Note,
    fail,
    missing,
    unknown,
)
from gatekeeper.filing.review.registry import rule


@rule(
    "portal-one",
    area=Area.PORTAL,
    how=How.AUTO,
    source="A7.3 W6.3 E7.3",
    text="one e-mail address and one mobile number belong to one portal account",
    zh="一个邮箱、一个手机号只能注册一个备案平台账号",
    remedy="send it from the portal account that has this e-mail address and mobile number already",
    remedy_zh="请使用该邮箱和手机号已注册的备案平台账号提交",
    kinds=EVERY_KIND,
)
def portal_one(case: Case) -> Iterator[Note]:
    email, mobile = case.record.portal.email, case.record.portal.mobile
    mine = provider_name(case.record.provider)
    if not email:
        yield missing("portal.email")
    if not mobile:
        yield missing("portal.mobile")
    for other in case.surroundings.with_email(email) if email and mobile else ():
        if other.provider == mine and other.mobile not in ("", mobile):
            yield fail(
                "portal.mobile",
                f"application {other.application_id} has this e-mail address with another mobile"
                " number",
                f"申请 {other.application_id} 的邮箱与此相同，但手机号不同",
            )
            return
    for other in case.surroundings.with_mobile(mobile) if email and mobile else ():
        if other.provider == mine and other.email not in ("", email.casefold()):
            yield fail(
                "portal.email",
                f"application {other.application_id} has this mobile number with another e-mail"
                " address",
                f"申请 {other.application_id} 的手机号与此相同，但邮箱不同",
            )
            return


@rule(
    "portal-ip",
    area=Area.PORTAL,
    how=How.LIVE,
    source="A7.3 W6.3 E7.3",
    text="the portal account was registered with an address of the AWS account in the region",
    zh="注册备案平台账号须填写该亚马逊云科技账号在本区域的一个 IP 地址",
    remedy="name at least one EIP or load balancer address that the account holds in the region",
    remedy_zh="请填写该账号在本区域持有的至少一个弹性 IP 或负载均衡地址",
    kinds=frozenset({Kind.NEW, Kind.TRANSFER_IN}),
)
def portal_ip(case: Case) -> Iterator[Note]:
    if not case.access.ips:
        yield missing("access.ips")
        return
    if case.facts is None or case.facts.account.value is None:
        told = case.facts.account if case.facts is not None else None
        yield unknown(
            "access.ips",
            (told.reason if told is not None else "") or "the account was not read",
            (told.reason_zh if told is not None else "") or "未读取该账号",
        )
        return
    held = {ip: fact.holding.value for ip, fact in case.facts.account.value.addresses.items()}
    if any(value in (Holding.EIP, Holding.LOAD_BALANCER, Holding.IPV6) for value in held.values()):
        return
    if None in held.values():
        yield unknown(
            "access.ips",
            "whether the account holds any of the addresses is not known",
            "无法确认该账号是否持有所填地址",
        )
        return
    yield fail(
        "access.ips",
        f"account {case.record.access.account_id} holds none of the addresses",
        f"账号 {case.record.access.account_id} 不持有所填的任何地址",
    )
