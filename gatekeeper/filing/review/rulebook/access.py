"""The account and the addresses through which a service is reached (接入)."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterator
from functools import lru_cache
from typing import Final

from gatekeeper.filing.model import Kind
from gatekeeper.filing.review.case import Case
from gatekeeper.filing.review.facts import (
    AccountFacts,
    AddressFacts,
    BalancerFacts,
    Holding,
    Told,
    not_told,
)
from gatekeeper.filing.review.model import (
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
from gatekeeper.filing.row import printable

_ACCOUNT: Final = re.compile(r"[0-9]{12}")
_SHOWN: Final = 8
"""How many addresses a message names."""

_INSIDE: Final = tuple(
    ipaddress.ip_network(block)
    for block in (
        "10.0.0.0/8",
        "172.16.0.0/12",
        "192.168.0.0/16",
        "100.64.0.0/10",
        "127.0.0.0/8",
        "169.254.0.0/16",
        "fc00::/7",
        "fe80::/10",
        "::1/128",
    )
)
"""What is an address inside a VPC or a host, and no other can reach."""

_NOT_READ: Final[Told[AccountFacts]] = not_told(
    "the account was not read; review with --live or --dump",
    "未读取该账号，请用 --live 或 --dump 审核",
)


@rule(
    "access-account",
    area=Area.ACCESS,
    how=How.AUTO,
    source="A10.1 W9.1 E10.1",
    text="the AWS account id is given, 12 digits",
    zh="已填写亚马逊云科技账号 ID（12 位数字）",
    remedy="give the 12 digits of the AWS China account that has the addresses",
    remedy_zh="请填写持有这些 IP 地址的亚马逊云科技中国区账号 ID（12 位数字）",
    kinds=WITH_ACCESS,
)
def access_account(case: Case) -> Iterator[Note]:
    account_id = case.access.account_id
    if not account_id:
        yield fail("access.account_id", "the account id is missing", "未填写账号 ID")
    elif not _ACCOUNT.fullmatch(account_id):
        yield fail(
            "access.account_id",
            f"{printable(account_id)} is not 12 digits",
            f"“{printable(account_id)}”不是 12 位数字",
        )


@rule(
    "access-type",
    area=Area.ACCESS,
    how=How.LIVE,
    source="A7.2 W6.2 E7.2",
    text="only elastic IP addresses, or one complete set of a load balancer's addresses, are filed",
    zh="备案的 IP 只能是弹性 IP（EIP）或一组完整的负载均衡（ELB）地址",
    remedy="allocate an elastic IP address in the provider's region and file it, or the load "
    "balancer's addresses",
    remedy_zh="请在接入商所在区域申请弹性 IP（EIP）并以此备案，或填写负载均衡的全部地址",
    kinds=WITH_ACCESS,
)
def access_type(case: Case) -> Iterator[Note]:
    if not case.access.ips:
        if case.kind is Kind.CHANGE:  # it leaves the addresses as they are, but nobody knows them
            yield missing("access.ips")
        else:
            yield fail("access.ips", "no address is given", "未填写 IP 地址")
        return
    account = _account(case)
    if account.value is None:
        yield _untold("access.ips", account)
    for field, ip in _addresses(case):
        fact = account.value.addresses.get(ip) if account.value is not None else None
        if _inside(ip) and (fact is None or fact.holding.value in (None, Holding.NONE)):
            yield fail(
                field,
                f"{printable(ip)} is no public address",
                f"{printable(ip)} 不是公网地址",
            )
        elif account.value is not None:
            yield from _type_of(field, ip, fact)


def _type_of(field: str, ip: str, fact: AddressFacts | None) -> Iterator[Note]:
    holding = fact.holding if fact is not None else _NOT_READ
    shown = printable(ip)
    if fact is None or holding.value is None:
        yield unknown(field, f"{shown}: {holding.reason}", f"{shown}：{holding.reason_zh}")
    elif holding.value is Holding.AUTO:
        yield fail(
            field,
            f"{shown} was assigned automatically and is gone when its instance stops",
            f"{shown} 是自动分配的公网 IP，实例停止后即失效，不能备案",
        )
    elif fact.on_nat_gateway:
        yield fail(
            field,
            f"{shown} is on a NAT gateway, which no service is reached through",
            f"{shown} 绑定在 NAT 网关上，无法提供服务",
        )
    elif holding.value is Holding.NONE:
        yield unknown(
            field,
            f"the account does not have {shown}, so what it is cannot be told",
            f"该账号没有 {shown}，无法判断其类型",
        )
    elif not fact.serves:
        yield fine(
            field,
            f"{shown} is an elastic address that nothing uses yet",
            f"{shown} 是弹性 IP，尚未绑定任何资源",
        )


@rule(
    "access-owned",
    area=Area.ACCESS,
    how=How.LIVE,
    source="A7.2 W6.2 E7.2 V2.4(1)",
    text="every address belongs to the account, in the provider's region",
    zh="所填 IP 均属于该账号，且位于接入商所在区域",
    remedy="file addresses that this account has in the provider's region, or name the account "
    "that has them",
    remedy_zh="请填写该账号在接入商所在区域的 IP，或改填持有这些 IP 的账号",
    kinds=WITH_ACCESS,
)
def access_owned(case: Case) -> Iterator[Note]:
    if not case.access.ips:
        yield missing("access.ips")
        return
    account = _account(case)
    if account.value is None:
        yield _untold("access.ips", account)
    regions = case.facts.in_region if case.facts is not None else {}
    region = case.provider.region
    for field, ip in _addresses(case):
        shown, inside = printable(ip), regions.get(ip, _NO_REGION)
        if inside.value is False:
            where = f" ({inside.source})" if inside.source else ""
            where_zh = f"（{inside.source}）" if inside.source else ""
            yield fail(
                field,
                f"{shown} lies outside the published ranges of {region}{where}",
                f"{shown} 不在 {region} 区域公布的地址段内{where_zh}",
            )
        if account.value is None:
            continue
        fact = account.value.addresses.get(ip)
        holding = fact.holding if fact is not None else _NOT_READ
        if fact is None or holding.value is None:
            yield unknown(field, f"{shown}: {holding.reason}", f"{shown}：{holding.reason_zh}")
        elif holding.value is Holding.NONE and fact.elsewhere:
            yield fail(
                field,
                f"{shown} belongs to account {printable(fact.elsewhere)}",
                f"{shown} 属于账号 {printable(fact.elsewhere)}",
            )
        elif holding.value is Holding.NONE:
            name = printable(account.value.account_id)
            yield fail(
                field,
                f"account {name} does not have {shown}",
                f"账号 {name} 没有 {shown}",
            )


_NO_REGION: Final[Told[bool]] = not_told("it was not compared", "未比对")


@rule(
    "access-released",
    area=Area.ACCESS,
    how=How.LIVE,
    source="A7.2(1) W6.2(1) E7.2(1)",
    text="a filed elastic IP address is never released",
    zh="备案使用的弹性 IP 不得释放",
    remedy="an address that was released can be another's tomorrow: file one that the account has,"
    " by change_ip where it is filed already",
    remedy_zh="已释放的 IP 可能被他人使用：请改用该账号现有的 IP；已备案的请提交“变更IP”",
    kinds=WITH_ACCESS,
)
def access_released(case: Case) -> Iterator[Note]:
    if not case.access.ips:
        yield missing("access.ips")
        return
    account = _account(case)
    if account.value is None:
        yield _untold("access.ips", account)
        return
    for field, ip in _addresses(case):
        fact, shown = account.value.addresses.get(ip), printable(ip)
        holding = fact.holding if fact is not None else _NOT_READ
        if fact is None or holding.value is None:
            yield unknown(field, f"{shown}: {holding.reason}", f"{shown}：{holding.reason_zh}")
        elif fact.released.value is None:
            told = fact.released
            yield unknown(field, f"{shown}: {told.reason}", f"{shown}：{told.reason_zh}")
        elif fact.released.value and holding.value is Holding.NONE:
            yield fail(field, f"{shown} was released", f"{shown} 已被释放")
        elif fact.released.value:
            yield warn(
                field,
                f"{shown} was released once and allocated again",
                f"{shown} 曾被释放，后又重新分配",
            )


@rule(
    "access-elb-set",
    area=Area.ACCESS,
    how=How.LIVE,
    source="A7.2(2) W6.2(2) E7.2(2)",
    text="a load balancer is filed with all its addresses",
    zh="使用负载均衡备案时，须填写其全部 IP 地址",
    remedy="file all the addresses of an internet-facing load balancer, and name it by its ARN",
    remedy_zh="请填写面向公网的负载均衡的全部地址，并以 ARN 注明该负载均衡",
    kinds=WITH_ACCESS,
)
def access_elb_set(case: Case) -> Iterator[Note]:
    account = _account(case)
    if account.value is None:
        yield _untold(
            "access.load_balancer" if case.access.load_balancer else "access.ips", account
        )
        return
    facts = account.value
    if case.access.load_balancer:
        yield from _named(case, facts)
        return
    owners = dict.fromkeys(
        fact.balancer
        for ip in case.access.ips
        if (fact := facts.addresses.get(ip)) is not None and fact.balancer
    )
    for arn in owners:
        yield from _compared(case, facts.balancers[arn], named=False)
    if facts.owners.value is None:
        yield _untold("access.ips", facts.owners)
    elif not owners:
        yield not_here("no load balancer is filed", "未使用负载均衡")


def _named(case: Case, facts: AccountFacts) -> Iterator[Note]:
    field, shown = "access.load_balancer", printable(case.access.load_balancer)
    fits = facts.named.value
    if fits is None:
        yield _untold(field, facts.named)
    elif not fits:
        yield fail(
            field,
            f"account {printable(facts.account_id)} has no load balancer {shown}",
            f"账号 {printable(facts.account_id)} 没有负载均衡 {shown}",
        )
    elif len(fits) > 1:
        yield fail(
            field,
            f"{shown} fits {len(fits)} load balancers; name one by its ARN",
            f"{shown} 对应 {len(fits)} 个负载均衡，请以 ARN 注明",
        )
    elif facts.balancers[fits[0]].internal:
        yield fail(
            field,
            f"{shown} is internal and has no public address",
            f"{shown} 是内网负载均衡，没有公网地址",
        )
    else:
        yield from _compared(case, facts.balancers[fits[0]], named=True)


def _compared(case: Case, balancer: BalancerFacts, *, named: bool) -> Iterator[Note]:
    """Compare the filed set with the load balancer's own, in the families that are filed."""
    filed, name = case.access.ips, printable(balancer.name)
    both = any(":" in ip for ip in filed)
    present = [ip for ip in balancer.ips if both or ":" not in ip]
    lacking = [ip for ip in present if ip not in filed]
    extra = [ip for ip in filed if ip not in present] if named else []
    if lacking:
        yield fail(
            "access.ips",
            f"load balancer {name} has addresses that are missing here: {_listed(lacking)}",
            f"缺少负载均衡 {name} 的地址：{_listed(lacking, '、')}",
        )
    if balancer.whole.value is None:
        yield unknown(
            "access.ips",
            f"load balancer {name}: {balancer.whole.reason}",
            f"负载均衡 {name}：{balancer.whole.reason_zh}",
        )
    elif extra:
        yield fail(
            "access.ips",
            f"load balancer {name} does not have {_listed(extra)}",
            f"以下地址不属于负载均衡 {name}：{_listed(extra, '、')}",
        )


def _account(case: Case) -> Told[AccountFacts]:
    return case.facts.account if case.facts is not None else _NOT_READ


def _untold(field: str, told: Told[AccountFacts] | Told[bool] | Told[tuple[str, ...]]) -> Note:
    return unknown(field, told.reason or _NOT_READ.reason, told.reason_zh or _NOT_READ.reason_zh)


def _addresses(case: Case) -> Iterator[tuple[str, str]]:
    """Each address with its place in the record, where it stands there."""
    if case.record.access.ips:
        yield from ((f"access.ips[{n}]", ip) for n, ip in enumerate(case.record.access.ips))
    else:
        yield from (("access.ips", ip) for ip in case.access.ips)


@lru_cache(maxsize=65536)
def _inside(ip: str) -> bool:
    address = ipaddress.ip_address(ip)
    return any(address in block for block in _INSIDE)


def _listed(ips: list[str], comma: str = ", ") -> str:
    more = f"{comma}… ({len(ips)})" if len(ips) > _SHOWN else ""
    return comma.join(map(printable, ips[:_SHOWN])) + more
