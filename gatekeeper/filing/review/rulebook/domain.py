"""The domains of a service: whose they are, what they are worth, on which level they stand."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from types import MappingProxyType
from typing import Final

from gatekeeper.filing.fold import same_entity
from gatekeeper.filing.miit import domain_key
from gatekeeper.filing.model import ServiceType
from gatekeeper.filing.review.case import Case
from gatekeeper.filing.review.domain_name import read_domain
from gatekeeper.filing.review.dossier import LONG_TERM, Domain, DossierEntity
from gatekeeper.filing.review.facts import DomainFacts, Told, not_told
from gatekeeper.filing.review.hanzi import plain
from gatekeeper.filing.review.model import (
    APP,
    CREATING,
    WEBSITE,
    Area,
    How,
    Level,
    Note,
    fail,
    fine,
    missing,
    unknown,
)
from gatekeeper.filing.review.registry import rule
from gatekeeper.filing.review.rivals import on_domain, on_name
from gatekeeper.filing.review.words import ServiceKind
from gatekeeper.filing.row import printable

_NOT_LIVE: Final = DomainFacts(*[not_told("it was not read", "未读取")] * len(DomainFacts._fields))
_HOLDERS: Final[Mapping[str, Callable[[DossierEntity], tuple[str, str]]]] = MappingProxyType(
    {
        "legal_representative": lambda entity: (entity.legal_representative, ""),
        "head": lambda entity: (
            (entity.head.name, entity.head.id_number) if entity.head is not None else ("", "")
        ),
        "investor": lambda entity: (entity.investor, ""),
    }
)
"""Name, and document number where the record has it, of those who may hold it for the entity."""


def _named(case: Case) -> Iterator[tuple[str, Domain]]:
    """Each domain that has a name, with its place."""
    for index, domain in enumerate(case.record.service.domains):
        if domain.name:
            yield f"service.domains[{index}]", domain


def _lacking(case: Case) -> Iterator[Note]:
    """What is missing where there is no domain to judge, or one without a name."""
    domains = case.record.service.domains
    if not domains:
        yield missing("service.domains")
    for index, domain in enumerate(domains):
        if not domain.name:
            yield missing(f"service.domains[{index}].name")


def _facts(case: Case, domain: Domain) -> DomainFacts:
    known = case.facts.domains if case.facts is not None else {}
    return known.get(domain.name.lower(), _NOT_LIVE)


def _dated(told: Told[bool]) -> str:
    return f" ({printable(told.source)})" if told.source else ""


@rule(
    "domain-tld",
    area=Area.DOMAIN,
    how=How.LIVE,
    source="A7.1(1) W6.1(1) E7.1(1) V2.3(2)",
    text="the top-level domain is approved by the state",
    zh="域名对应的顶级域名已获国家批复",
    remedy="use a domain below an approved top-level domain; domain.miit.gov.cn lists them",
    remedy_zh="请改用已获批复的顶级域名下的域名，名单见 domain.miit.gov.cn（域名.信息）",
)
def domain_tld(case: Case) -> Iterator[Note]:
    yield from _lacking(case)
    for field, domain in _named(case):
        told, name = _facts(case, domain).tld_approved, read_domain(domain.name)
        top = printable(name.top)
        if name.fault:
            shown = printable(domain.name)
            yield unknown(field, f"{shown} {name.fault}", f"{shown} {name.fault_zh}")
        elif told.value is None:
            yield unknown(
                field,
                f"whether the top-level domain .{top} is approved is not known: {told.reason}",
                f"无法确认顶级域名 .{top} 是否已获批复：{told.reason_zh}",
            )
        elif not told.value:
            yield fail(
                field,
                f"the top-level domain .{top} is not approved{_dated(told)}",
                f"顶级域名 .{top} 未获国家批复{_dated(told)}",
            )


@rule(
    "domain-registrar",
    area=Area.DOMAIN,
    how=How.LIVE,
    source="A7.1(2) W6.1(2) E7.1(2) V2.3(2)",
    text="the domain is registered with a registrar that the state approved",
    zh="域名由国家批复的域名注册服务机构注册管理，境外注册商注册的域名不能备案",
    remedy="transfer the domain to an approved registrar, then file it",
    remedy_zh="请先将域名转入国家批复的域名注册服务机构，再申请备案",
)
def domain_registrar(case: Case) -> Iterator[Note]:
    yield from _lacking(case)
    for field, domain in _named(case):
        facts = _facts(case, domain)
        told, name = facts.registrar_approved, facts.registrar.value or domain.registrar
        shown = printable(name) or "the registrar"
        shown_zh = printable(name) or "该注册商"
        if told.value is None:
            yield unknown(
                f"{field}.registrar",
                f"whether {shown} is approved is not known: {told.reason}",
                f"无法确认{shown_zh}是否已获批复：{told.reason_zh}",
            )
        elif not told.value:
            yield fail(
                f"{field}.registrar",
                f"{shown} is no registrar that the state approved{_dated(told)}",
                f"{shown_zh}不是国家批复的域名注册服务机构{_dated(told)}",
            )


@rule(
    "domain-valid",
    area=Area.DOMAIN,
    how=How.AUTO,
    source="A7.1(3) W6.1(3) E7.1(3)",
    text="the domain is within its registration period",
    zh="域名在注册有效期内",
    remedy="renew the domain, and put its new last day into the record",
    remedy_zh="请续费域名，并更新备案信息中的域名有效期",
)
def domain_valid(case: Case) -> Iterator[Note]:
    """By the record's date and by the registry's, where it was read; the last day counts."""
    yield from _lacking(case)
    for field, domain in _named(case):
        stated, registry = domain.valid_until, _facts(case, domain).expires.value
        if registry is not None and registry < case.today:
            yield fail(
                f"{field}.valid_until",
                f"the registration ended on {registry}, by the registry",
                f"注册局显示域名已于 {registry} 到期",
            )
        elif stated is None:
            if registry is None:
                yield missing(f"{field}.valid_until")
        elif stated != LONG_TERM and stated < case.today:
            renewed = f"; the registry says {registry}" if registry is not None else ""
            renewed_zh = f"；注册局显示为 {registry}" if registry is not None else ""
            yield fail(
                f"{field}.valid_until",
                f"the registration ended on {stated}, by the record{renewed}",
                f"备案信息中域名已于 {stated} 到期{renewed_zh}",
            )


@rule(
    "domain-real-name",
    area=Area.DOMAIN,
    how=How.AUTO,
    source="A7.1(4) W6.1(4) E7.1(4)",
    text="the domain passed real-name verification",
    zh="域名已通过实名认证",
    remedy="pass real-name verification with the registrar, and wait until the bureau has it",
    remedy_zh="请在域名注册商处完成实名认证，待信息同步后再提交",
)
def domain_real_name(case: Case) -> Iterator[Note]:
    yield from _lacking(case)
    for field, domain in _named(case):
        if domain.real_name_verified is None:
            yield missing(f"{field}.real_name_verified")
        elif not domain.real_name_verified:
            yield fail(
                f"{field}.real_name_verified",
                f"{printable(domain.name)} has not passed real-name verification",
                f"{printable(domain.name)} 未通过实名认证",
            )


@rule(
    "domain-holder",
    area=Area.DOMAIN,
    how=How.AUTO,
    source="A7.1(5) W6.1(5) E7.1(5) V2.3(2)",
    text="the holder of the domain is the entity, or one of its people where the provider says so",
    zh="域名持有者与主办单位一致（接入商允许时，也可为其相关人员）",
    remedy="transfer the domain to the entity, with its name and certificate number",
    remedy_zh="请将域名过户至主办单位名下，名称与证件号码须与备案信息一致",
)
def domain_holder(case: Case) -> Iterator[Note]:
    """Names are compared after NFKC and without white space, numbers where both are given."""
    yield from _lacking(case)
    entity = case.record.entity
    if not entity.name:
        yield missing("entity.name")
        return
    allowed = [(entity.name, entity.certificate_number)]
    allowed += [_HOLDERS[who](entity) for who in case.provider.domains.holders]
    for field, domain in _named(case):
        if not domain.holder:
            yield missing(f"{field}.holder")
            continue
        numbers = [number for name, number in allowed if name and _same(name, domain.holder)]
        if not numbers:
            yield fail(
                f"{field}.holder",
                f"the holder of {printable(domain.name)} is not {printable(entity.name)}",
                f"{printable(domain.name)} 的持有者不是{printable(entity.name)}",
            )
        elif domain.holder_certificate_number and not any(
            not number or _same(number, domain.holder_certificate_number) for number in numbers
        ):
            yield fail(
                f"{field}.holder_certificate_number",
                f"the holder of {printable(domain.name)} has another certificate number than the"
                " application",
                f"{printable(domain.name)} 持有者的证件号码与备案信息不一致",
            )


def _same(one: str, other: str) -> bool:
    return one == other or plain(one) == plain(other)


@rule(
    "domain-website-level",
    area=Area.DOMAIN,
    how=How.AUTO,
    source="W8.1",
    text="a website files the domain that is registered, without www. and without a sub-domain",
    zh="网站填写已注册的域名本身，不带“www.”，不填子域名",
    remedy="give the registered domain alone, for instance example.cn",
    remedy_zh="请仅填写注册域名本身，例如 example.cn",
    services=WEBSITE,
)
def domain_website_level(case: Case) -> Iterator[Note]:
    yield from _unusable(case)
    for field, domain in _named(case):
        found, shown = read_domain(domain.name), printable(domain.name)
        if found.level > 2:
            whole = printable(found.registrable)
            yield fail(
                field,
                f"{shown} is a sub-domain; a website files {whole}",
                f"{shown} 是子域名，网站应填写 {whole}",
            )


@rule(
    "domain-app-level",
    area=Area.DOMAIN,
    how=How.AUTO,
    source="A9.1 A10.2.2 E9.1 E10.2.2",
    text="an APP files each domain on the level that it uses, up to the deepest that is taken",
    zh="APP 用到哪级域名即填写哪级，不超过支持的最深级别",
    remedy="give the domain that the APP uses; one on a deeper level cannot be filed",
    remedy_zh="请填写 APP 实际使用的域名，超过支持级别的域名无法备案",
    services=APP,
)
def domain_app_level(case: Case) -> Iterator[Note]:
    """See ``domain_name`` for how levels are counted."""
    yield from _unusable(case)
    deepest = case.provider.domains.app_level
    for field, domain in _named(case):
        level, shown = read_domain(domain.name).level, printable(domain.name)
        if level > deepest:
            yield fail(
                field,
                f"{shown} is on level {level}; an APP files up to level {deepest}",
                f"{shown} 为第 {level} 级域名，APP 最多备案到第 {deepest} 级",
            )


def _unusable(case: Case) -> Iterator[Note]:
    """No domain at all, and names that are none."""
    domains = case.record.service.domains
    if not any(domain.name for domain in domains):
        yield fail("service.domains", "there is no domain", "未填写域名")
        return
    for index, domain in enumerate(domains):
        if not domain.name:
            yield missing(f"service.domains[{index}].name")
        elif found := read_domain(domain.name).fault:
            shown = printable(domain.name)
            yield fail(
                f"service.domains[{index}]",
                f"{shown} is no domain name that can be filed: it {found}",
                f"{shown} 不能作为备案域名：{read_domain(domain.name).fault_zh}",
            )


@rule(
    "domain-verify-one",
    area=Area.DOMAIN,
    how=How.AUTO,
    source="A9.1 E9.1",
    text="one domain goes into the first check of the application; more are added afterwards",
    zh="备案信息校验时仅填写一个域名，其余域名在校验成功后添加",
    remedy="give one domain in the first check, and add the others on the page that follows",
    remedy_zh="信息校验时先填一个域名，校验成功后在信息填写页面添加其他域名",
    level=Level.WARN,
    kinds=CREATING,
)
def domain_verify_one(case: Case) -> Iterator[Note]:
    yield from _lacking(case)
    names = [domain.name for _, domain in _named(case)]
    count = len(set(map(domain_key, names))) if len(names) > 1 else 1
    if count > 1:
        yield fail(
            "service.domains",
            f"there are {count} domains; the first check takes one of them",
            f"共 {count} 个域名，信息校验时只能填写其中一个",
        )


@rule(
    "domain-added-by-change",
    area=Area.DOMAIN,
    how=How.AUTO,
    source="A10.2.2 E10.2.2",
    text="a further domain of an APP that is filed goes through a change of its filing",
    zh="已备案 APP 新增域名须通过变更添加",
    remedy="withdraw this application and send a change of the APP's filing with every domain",
    remedy_zh="请撤回此申请，改为提交该 APP 备案的变更，并填写全部域名",
    services=APP,
)
def domain_added_by_change(case: Case) -> Iterator[Note]:
    """A new order for an APP that the register has, by its filing or by the entity and name."""
    yield from _lacking(case)
    if case.kind not in CREATING:
        return
    filed = []
    if case.filing is not None and case.filing.service.type is not ServiceType.WEBSITE:
        shown = printable(case.filing.filing_id)
        filed.append((f"filing {shown}", f"备案 {shown}", case.filing.service.domains))
    if case.record.service.name:
        filed += [
            (claim.shown, claim.shown_zh, claim.domains)
            for claim in on_name(case, case.record.service.name)
            if claim.approved and claim.service_type is ServiceKind.APP
        ]
    for shown, shown_zh, domains in filed[:1]:  # one is enough to say which filing is changed
        known = {domain_key(domain) for domain in domains}
        for field, domain in _named(case):
            if domain_key(domain.name) not in known:
                name = printable(domain.name)
                yield fail(
                    field,
                    f"the APP is filed already ({shown}); {name} is added by a change",
                    f"该 APP 已备案（{shown_zh}），新增域名 {name} 须通过变更添加",
                )


@rule(
    "domain-shared",
    area=Area.DOMAIN,
    how=How.AUTO,
    source="F",
    text="no other entity files the domain; an entity's own APP and website may share it",
    zh="域名未被其他主办单位备案；同一主体的 APP 与网站可使用相同域名",
    remedy="use a domain of the entity's own, or have the other filing give it up first",
    remedy_zh="请使用本单位的域名，或待对方注销该域名的备案后再提交",
)
def domain_shared(case: Case) -> Iterator[Note]:
    yield from _lacking(case)
    if not case.record.entity.name and not case.record.entity.certificate_number:
        yield missing("entity.name")
        return
    for field, domain in _named(case):
        allowed = None
        for claim in on_domain(case, domain.name):
            if not same_entity(claim.entity, case.entity):
                yield fail(
                    field,
                    f"{claim.shown} of another entity has this domain",
                    f"其他主办单位的{claim.shown_zh} 已使用该域名",
                )
                break
            allowed = allowed or claim
        else:
            if allowed is not None:
                yield fine(
                    field,
                    f"{allowed.shown} of the same entity has this domain too, which is allowed",
                    f"同一主体的{allowed.shown_zh} 也使用该域名，符合规定",
                )
