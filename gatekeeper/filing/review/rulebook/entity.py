"""The entity that files (主办单位): its certificate, region, address, investor and head."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from typing import Final

from stdnum.cn import uscc

from gatekeeper.filing.provinces import Province, find_province, leading_province
from gatekeeper.filing.review.case import Case
from gatekeeper.filing.review.model import (
    Area,
    How,
    Level,
    Note,
    fail,
    missing,
    not_here,
    unknown,
    warn,
)
from gatekeeper.filing.review.needs import same_name
from gatekeeper.filing.review.registry import rule
from gatekeeper.filing.review.words import CertificateType, EntityType
from gatekeeper.filing.row import printable

_FIELDS: Final = (
    ("name", "the entity's name", "主办单位名称"),
    ("certificate_type", "the type of its certificate", "主办单位证件类型"),
    ("certificate_number", "the number of its certificate", "主办单位证件号码"),
    ("address", "the address on its certificate", "主办单位证件住所"),
)

_GAPS: Final = re.compile(r"[\s-]+")
_CODE: Final = re.compile(r"[0-9]{8}[0-9A-HJ-NP-RTUWXY]{10}")
"""Shape of a unified social credit code (GB 32100): I, O, S, V and Z are in none."""
_BEFORE: Final = {
    15: ("the registration number from before 2015", "旧版工商注册号"),
    9: ("an organisation code", "旧版组织机构代码"),
}
"""What was used before, by its length."""

_EXACT: Final = re.compile(
    r"[0-9A-Za-z一二三四五六七八九十百千零〇甲乙丙丁]\s*号|\d\s*弄|信箱|(?<!中关)村|屯|嘎查"
    r"|\bno\b\.?\s*\d",
    re.IGNORECASE,
)
"""A number in a street, a post box, or a village (in Inner Mongolia 嘎查); Beijing's 中关村
is a quarter."""

_NO_INVESTOR: Final = frozenset({"", "无", "没有", "暂无", "none", "no", "na", "null", "nil"})


@rule(
    "entity-fields",
    area=Area.ENTITY,
    how=How.AUTO,
    source="A10.1 W9.1 E10.1",
    text="the entity's name, certificate type and number, and address are given",
    zh="主办单位名称、证件类型、证件号码和住所地址均已填写",
    remedy="copy them from the entity's certificate",
    remedy_zh="请按主办单位证件填写完整",
)
def entity_fields(case: Case) -> Iterator[Note]:
    for name, what, what_zh in _FIELDS:
        if not getattr(case.record.entity, name):
            yield fail(f"entity.{name}", f"{what} is not given", f"未填写{what_zh}")


@rule(
    "entity-uscc",
    area=Area.ENTITY,
    how=How.AUTO,
    source="W8.1 V2.2(1)",
    text="the certificate number is a unified social credit code whose check character holds",
    zh="证件号码为统一社会信用代码，且校验码正确",
    remedy="copy the 18 characters of the unified social credit code from the certificate,"
    " letters in upper case",
    remedy_zh="请按证件准确填写 18 位统一社会信用代码，字母须大写",
)
def entity_uscc(case: Case) -> Iterator[Note]:
    """A military unit and an individual have none."""
    entity, field = case.record.entity, "entity.certificate_number"
    if entity.certificate_type is CertificateType.MILITARY:
        yield not_here(
            "a military unit files by its designation", "军队单位以部队代号备案，无统一社会信用代码"
        )
        return
    if entity.type is EntityType.INDIVIDUAL:
        yield not_here(
            "an individual files by an identity document", "个人以身份证件备案，无统一社会信用代码"
        )
        return
    if not entity.certificate_number:
        yield missing(field)
        return
    number = _GAPS.sub("", unicodedata.normalize("NFKC", entity.certificate_number))
    code = number.upper() if number.isascii() else number
    if len(code) != 18:
        yield fail(field, *_length(code))
    elif not _CODE.fullmatch(code):
        yield fail(
            field,
            "has a character that no unified social credit code has at its place: eight digits,"
            " then digits and capital letters without I, O, S, V and Z",
            "含有统一社会信用代码不会出现的字符：前 8 位为数字，其后为数字或大写字母"
            "（不含 I、O、S、V、Z）",
        )
    elif uscc.calc_check_digit(code[:17]) != code[17]:
        yield fail(
            field,
            "its check character does not hold: a character is wrong or swapped",
            "校验码不符：有字符填错或顺序颠倒",
        )
    elif code != number:
        yield warn(field, "has letters in lower case", "含有小写字母")


def _length(code: str) -> tuple[str, str]:
    before = _BEFORE.get(len(code))
    if before is not None and code.isascii():
        return (
            f"is {len(code)} long, like {before[0]}; a unified social credit code has 18",
            f"共 {len(code)} 位，应为{before[1]}；统一社会信用代码为 18 位",
        )
    return (
        f"is {len(code)} long; a unified social credit code has 18",
        f"共 {len(code)} 位；统一社会信用代码为 18 位",
    )


@rule(
    "entity-region",
    area=Area.ENTITY,
    how=How.AUTO,
    source="W8.1",
    text="the region chosen lies in the province of the certificate's address",
    zh="主办单位所属区域在证件住所所在的省级行政区内",
    remedy="choose the province of the address on the certificate",
    remedy_zh="请选择证件住所所在的省级行政区",
)
def entity_region(case: Case) -> Iterator[Note]:
    """The region is compared with the certificate's province, and with the one that the address
    begins with where it names one.

    The code of the registering authority in the certificate number is no evidence: a company that
    moves to another province keeps its number.
    """
    entity = case.record.entity
    chosen = case.province
    if chosen is None:
        yield _no_province("entity.province", entity.province)
        return
    certificate = find_province(entity.certificate_province) or leading_province(
        entity.certificate_province
    )
    if certificate is None:
        yield _no_province("entity.certificate_province", entity.certificate_province)
    elif certificate != chosen:
        yield _elsewhere("the certificate's province", "证件住所所在省份", certificate, chosen)
    address = leading_province(entity.address)
    if address is not None and address != chosen:
        yield _elsewhere("the province of the address", "住所地址所在省份", address, chosen)


def _no_province(field: str, value: str) -> Note:
    if not value:
        return missing(field)
    shown = printable(value)
    return unknown(field, f"{shown} names no province", f"{shown} 不是省级行政区名称")


def _elsewhere(what: str, what_zh: str, found: Province, chosen: Province) -> Note:
    return fail(
        "entity.province",
        f"{chosen.pinyin} is chosen, but {what} is {found.pinyin}",
        f"所选区域为{chosen.short}，但{what_zh}为{found.short}",
    )


@rule(
    "entity-address",
    area=Area.ENTITY,
    how=How.AUTO,
    source="V2.2(2)",
    text="the address goes down to street and number, or to the village",
    zh="通讯地址具体到街道门牌号，农村单位具体到村",
    remedy="add street and number (or the post box); in the country, the village",
    remedy_zh="请补充街道和门牌号（或信箱号）；农村单位请填写到村",
    level=Level.WARN,
)
def entity_address(case: Case) -> Iterator[Note]:
    address = case.record.entity.address
    if not address:
        yield missing("entity.address")
    elif not _EXACT.search(unicodedata.normalize("NFKC", address)):
        yield fail(
            "entity.address",
            "names neither a street number nor a village",
            "地址未写明门牌号或村",
        )


@rule(
    "entity-investor",
    area=Area.ENTITY,
    how=How.AUTO,
    source="V2.2(3)",
    text="the investor or superior is named; without a special one, the entity itself",
    zh="已填写投资者或上级主管单位；无特定投资者的，填写主办单位名称",
    remedy="write the investor or superior authority, or else the entity's own name",
    remedy_zh="请填写投资者或上级主管单位；没有的，填写主办单位名称",
)
def entity_investor(case: Case) -> Iterator[Note]:
    """Binds 21Vianet alone, which its file says."""
    entity = case.record.entity
    word = re.sub(r"[\W_]+", "", unicodedata.normalize("NFKC", entity.investor)).casefold()
    if word not in _NO_INVESTOR:
        return
    if entity.investor:
        shown = printable(entity.investor)
        yield fail("entity.investor", f"{shown} names nobody", f"{shown} 不是单位或个人名称")
    else:
        yield fail("entity.investor", "nobody is named", "未填写投资者或上级主管单位")


@rule(
    "entity-head",
    area=Area.ENTITY,
    how=How.AUTO,
    source="V2.2(4)",
    text="a company's head is the legal representative of its licence",
    zh="以公司为主体备案的，主体负责人为营业执照上的法定代表人",
    remedy="name the legal representative as the entity's head if you can",
    remedy_zh="建议主体负责人填写营业执照上的法定代表人",
    level=Level.WARN,
)
def entity_head(case: Case) -> Iterator[Note]:
    entity = case.record.entity
    if entity.type is None:
        yield missing("entity.type")
        return
    if entity.type is not EntityType.ENTERPRISE:
        yield not_here("the entity is no company", "主办单位不是企业")
        return
    head = entity.head.name if entity.head is not None else ""
    if not entity.legal_representative:
        yield missing("entity.legal_representative")
    if not head:
        yield missing("entity.head.name")
    if head and entity.legal_representative and not same_name(head, entity.legal_representative):
        yield fail(
            "entity.head.name",
            "the entity's head is not its legal representative",
            "主体负责人不是法定代表人",
        )
