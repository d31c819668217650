"""Who may file through the provider, and which services must."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from gatekeeper.filing.model import Kind, ServiceType
from gatekeeper.filing.provinces import find_province
from gatekeeper.filing.review.case import Case
from gatekeeper.filing.review.model import (
    APP,
    WITH_ACCESS,
    Area,
    How,
    Level,
    Note,
    ask,
    fail,
    missing,
    not_here,
    unknown,
    warn,
)
from gatekeeper.filing.review.registry import rule
from gatekeeper.filing.review.words import CertificateType, EntityType, ServiceKind, chinese_of
from gatekeeper.filing.row import printable

_BALANCER_REGION: Final = re.compile(
    r"arn:[a-z-]+:elasticloadbalancing:([a-z0-9-]+):"
    r"|\.([a-z]{2}-[a-z]+-[0-9]+)\.elb\.amazonaws\.com(?:\.cn)?\.?$"
    r"|\.elb\.([a-z]{2}-[a-z]+-[0-9]+)\.amazonaws\.com(?:\.cn)?\.?$"
)
"""The region in a load balancer's ARN or DNS name; a network one's stands behind ``elb``."""

_SOLE_TRADER: Final = re.compile(r"92[0-9]{6}[0-9A-Z]{10}")
"""A unified social credit code (GB 32100) that begins so is a sole trader's."""


@rule(
    "who-region",
    area=Area.WHO,
    how=How.LIVE,
    source="A4 W3 E4",
    text="the service is reached through the provider's own region alone",
    zh="服务仅通过接入商所属区域接入互联网",
    remedy="serve it from addresses of the provider's region, or file with whoever provides the"
    " other access",
    remedy_zh="请改用接入商所属区域的 IP 地址提供服务，或向实际接入商申请备案",
    kinds=WITH_ACCESS,
)
def who_region(case: Case) -> Iterator[Note]:
    """A load balancer says its region itself; an address by the published ranges."""
    region, access = case.provider.region, case.record.access
    named = _BALANCER_REGION.search(access.load_balancer.lower())
    told = next((group for group in named.groups() if group), "") if named is not None else ""
    if told and told != region:
        yield fail(
            "access.load_balancer",
            f"the load balancer is in {told}, not in {region}",
            f"负载均衡位于 {told}，不在 {region}",
        )
    if not access.ips:
        if case.kind is Kind.CHANGE and not access.load_balancer:
            yield not_here("the change leaves the addresses as they are", "此变更不涉及 IP 地址")
            return
        yield missing("access.ips")
    for index, ip in enumerate(access.ips):
        field = f"access.ips[{index}]"
        fact = case.facts.in_region.get(ip) if case.facts is not None else None
        if fact is None or fact.value is None:
            why = fact.reason if fact is not None and fact.reason else "the ranges were not read"
            zh = fact.reason_zh if fact is not None and fact.reason_zh else "未读取该区域的地址段"
            yield unknown(
                field,
                f"whether {ip} lies in {region} is not known: {why}",
                f"无法确认 {ip} 是否属于 {region}：{zh}",
            )
        elif not fact.value:
            yield fail(
                field,
                f"{ip} lies outside the published address ranges of {region}",
                f"{ip} 不在 {region} 公布的地址段内",
            )


@rule(
    "who-organisation",
    area=Area.WHO,
    how=How.AUTO,
    source="A4 W3 E4 W8.1",
    text="an organisation files, no individual and no sole trader",
    zh="以单位名义备案，不受理个人和个体工商户",
    remedy="file in the name of a company, an institution or another organisation",
    remedy_zh="请以公司、事业单位或社会团体等单位为主体办理备案",
)
def who_organisation(case: Case) -> Iterator[Note]:
    """Beside the type that is stated, the credit code says who is a sole trader."""
    entity, refused = case.record.entity, case.provider.refused.entity_types
    if entity.type in refused:
        kind = chinese_of(entity.type)
        yield fail(
            "entity.type",
            f"{case.provider.name_en} takes no filing of this type of entity: {entity.type}",
            f"{case.provider.name}暂不支持{kind}备案",
        )
        return
    number = "".join(entity.certificate_number.split()).upper()
    if EntityType.SOLE_TRADER in refused and _SOLE_TRADER.fullmatch(number):
        yield fail(
            "entity.certificate_number",
            "the credit code begins with 92, so it is a sole trader's",
            "统一社会信用代码以 92 开头，属于个体工商户",
        )
    elif entity.type is None:
        yield missing("entity.type")


@rule(
    "who-province",
    area=Area.WHO,
    how=How.AUTO,
    source="A4 W3 E4",
    text="the provider takes filings of the entity's province",
    zh="接入商受理主办单位所在省份的备案",
    remedy="file through a provider that takes filings of this province",
    remedy_zh="请通过受理该省份备案的接入商办理",
)
def who_province(case: Case) -> Iterator[Note]:
    """Of the region that is chosen and of the certificate's."""
    entity, refused = case.record.entity, case.provider.refused.provinces
    for field, text in (
        ("entity.province", entity.province),
        ("entity.certificate_province", entity.certificate_province),
    ):
        province = find_province(text) if text else None
        if province is not None and province.short in refused:
            yield fail(
                field,
                f"{case.provider.name_en} takes no filings of {province.pinyin}",
                f"{case.provider.name}暂不受理{province.full}的备案",
            )
    if not entity.province:
        yield missing("entity.province")
    elif case.province is None:
        shown = printable(entity.province)
        yield unknown(
            "entity.province",
            f"{shown} is no province of mainland China; write for instance 宁夏",
            f"“{shown}”不是省级行政区，应写作如“宁夏”",
        )


@rule(
    "who-foreign",
    area=Area.WHO,
    how=How.ASK,
    source="A14.3 W13.3 E14.3",
    text="a foreign company files with the business licence and in the name of a Chinese company",
    zh="境外企业以中国公司的营业执照和主体名称备案",
    remedy="give the name and the business licence of the Chinese company",
    remedy_zh="请提供中国公司的主体名称和营业执照",
)
def who_foreign(case: Case) -> Iterator[Note]:
    entity = case.record.entity
    if not entity.foreign:
        yield not_here("the entity is no foreign company", "主办单位不是境外企业")
        return
    if entity.certificate_type not in (None, CertificateType.BUSINESS_LICENCE):
        yield fail(
            "entity.certificate_type",
            "a foreign company files with a Chinese company's business licence, not with"
            f" {entity.certificate_type}",
            f"境外企业须使用中国公司的营业执照，而非{chinese_of(entity.certificate_type)}",
        )
        return
    yield ask(
        "entity.foreign",
        "are the name and the business licence those of a Chinese company?",
        "主办单位名称和营业执照是否为中国公司的？",
    )


@rule(
    "who-platform",
    area=Area.WHO,
    how=How.AUTO,
    source="A14.5 F E14.5",
    text="mini-programs and fast apps file through the platform that runs them, not here",
    zh="小程序、快应用通过其运行平台备案，不在此办理",
    remedy="file it through the platform that runs it, and withdraw this application",
    remedy_zh="请通过其运行平台（如微信、支付宝）备案，并撤回此申请",
)
def who_platform(case: Case) -> Iterator[Note]:
    kind = case.service_type
    if kind is None:
        yield missing("service.type")
    elif kind in (ServiceKind.MINI_PROGRAM, ServiceKind.FAST_APP):
        english = "mini-program" if kind is ServiceKind.MINI_PROGRAM else "fast app"
        yield fail(
            "service.type",
            f"a {english} files through its platform",
            f"{chinese_of(kind)}应通过其运行平台备案",
        )


@rule(
    "who-offline",
    area=Area.WHO,
    how=How.AUTO,
    source="A14.4 F E14.4",
    text="the APP uses the Internet; one that never goes online needs no filing",
    zh="APP 需要联网；单机不联网的 APP 无需备案",
    remedy="withdraw the application if the APP never goes online",
    remedy_zh="如 APP 确为单机不联网，可撤回申请",
    level=Level.WARN,
    services=APP,
)
def who_offline(case: Case) -> Iterator[Note]:
    if not case.record.service.online:
        yield fail(
            "service.online",
            "an APP that never goes online needs no filing",
            "单机不联网的 APP 无需备案",
        )


@rule(
    "who-again",
    area=Area.WHO,
    how=How.AUTO,
    source="F",
    text="an APP that was filed as a website files again, as an APP",
    zh="以网站形式备案过的 APP 须重新提交 APP 备案",
    remedy="send a new application of type APP with the APP's own information; the website's"
    " filing does not stand for it",
    remedy_zh="请重新提交 APP 备案并填写 APP 信息，原网站备案不能代替 APP 备案",
    level=Level.WARN,
    services=APP,
)
def who_again(case: Case) -> Iterator[Note]:
    """The record says so, or the filing that it names is a website's."""
    if case.record.service.filed_as_website:
        yield fail(
            "service.filed_as_website",
            "the APP was filed as a website, which does not count as its filing",
            "该 APP 曾以网站形式备案，须重新提交 APP 备案",
        )
    elif case.filing is not None and case.filing.service.type is ServiceType.WEBSITE:
        shown = printable(case.filing.filing_id)
        yield warn(
            "filing_id",
            f"filing {shown} is a website's; the APP needs one of its own",
            f"备案 {shown} 是网站备案，APP 须单独备案",
        )
