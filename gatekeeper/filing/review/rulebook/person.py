"""The two heads, of the entity and of the service: their fields, documents and telephones."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from datetime import date
from typing import Final

from stdnum.cn import ric

from gatekeeper.filing.phone_place import Placing, place_of
from gatekeeper.filing.provinces import Province
from gatekeeper.filing.review.case import Case
from gatekeeper.filing.review.dossier import Person
from gatekeeper.filing.review.model import (
    Area,
    How,
    Note,
    ask,
    fail,
    missing,
    not_here,
    unknown,
    warn,
)
from gatekeeper.filing.review.registry import rule
from gatekeeper.filing.review.words import PersonIdType
from gatekeeper.filing.row import printable

_ENTITY_HEAD: Final = "entity.head"
_SERVICE_HEAD: Final = "service.head"

_FIELDS: Final = (
    ("name", "the name", "姓名"),
    ("id_number", "the document number", "证件号码"),
    ("valid_until", "the document's validity", "证件有效期"),
    ("phone", "the telephone number", "联系电话"),
    ("email", "the e-mail address", "邮箱"),
    ("emergency_phone", "the emergency telephone number", "应急联系电话"),
)
_PHONES: Final = (("phone", "mobile", "手机号码"), ("office_phone", "office phone", "办公室电话"))

_SHAPE: Final = re.compile(r"\d{17}[0-9Xx]", re.ASCII)
_SPACE: Final = re.compile(r"\s+")


def _heads(case: Case) -> tuple[tuple[str, str, str, Person | None], ...]:
    """Both heads with their paths, and how they are called."""
    return (
        (_ENTITY_HEAD, "the entity's head", "主体负责人", case.record.entity.head),
        (_SERVICE_HEAD, "the service's head", "服务负责人", case.record.service.head),
    )


@rule(
    "person-fields",
    area=Area.ENTITY,
    how=How.AUTO,
    source="A10.1 W9.1 E10.1",
    text="of both heads name, document number and validity, phone, e-mail and emergency phone"
    " are given",
    zh="主体负责人和服务负责人的姓名、证件号码、证件有效期、联系电话、邮箱及应急联系电话均已填写",
    remedy="give what is missing; the head of the service has fields of their own, also where one"
    " person is both",
    remedy_zh="请补充所缺信息；两个负责人为同一人时，也须分别填写",
)
def person_fields(case: Case) -> Iterator[Note]:
    for path, who, who_zh, head in _heads(case):
        if head is None:
            yield fail(path, f"{who} is not given", f"未填写{who_zh}信息")
            continue
        for name, what, what_zh in _FIELDS:
            if not getattr(head, name):
                yield fail(
                    f"{path}.{name}", f"{what} of {who} is not given", f"未填写{who_zh}的{what_zh}"
                )


@rule(
    "person-id",
    area=Area.ENTITY,
    how=How.AUTO,
    source="V2.2(6)",
    text="the check digit of every resident id number holds, and a final X is upper case",
    zh="居民身份证号码校验位正确，末位为 X 的须大写",
    remedy="copy the 18 characters from the card, a final X in upper case",
    remedy_zh="请按身份证准确填写 18 位号码，末位 X 须大写",
)
def person_id(case: Case) -> Iterator[Note]:
    """Neither the county nor the date of birth in the number is judged (DESIGN §12)."""
    others = 0
    for path, who, who_zh, head in _heads(case):
        if head is None:
            yield missing(path)
        elif head.id_type is None:
            yield missing(f"{path}.id_type")
        elif head.id_type is not PersonIdType.RESIDENT_ID:
            others += 1
        elif not head.id_number:
            yield missing(f"{path}.id_number")
        else:
            yield from _resident_id(f"{path}.id_number", who, who_zh, head.id_number)
    if others == 2:
        yield not_here(
            "the documents are no resident ids; their numbers are not judged",
            "负责人证件不是居民身份证，不校验号码",
        )


def _resident_id(field: str, who: str, who_zh: str, given: str) -> Iterator[Note]:
    number = _SPACE.sub("", unicodedata.normalize("NFKC", given))
    if not _SHAPE.fullmatch(number):
        yield fail(
            field,
            f"the number of {who} is not 17 digits and a digit or X",
            f"{who_zh}的身份证号码应为 17 位数字加 1 位数字或 X",
        )
    elif number[-1] == "x":
        yield fail(
            field,
            f"the number of {who} ends in a lower-case x",
            f"{who_zh}的身份证号码末位 x 须大写",
        )
    elif ric.calc_check_digit(number) != number[-1]:
        yield fail(
            field,
            f"the check digit of the number of {who} does not hold",
            f"{who_zh}的身份证号码校验位不符",
        )


@rule(
    "person-id-valid",
    area=Area.ENTITY,
    how=How.AUTO,
    source="A10.1 W9.1",
    text="the documents of both heads have not expired",
    zh="两个负责人的证件均在有效期内",
    remedy="send the new document, with its validity",
    remedy_zh="请更换为有效证件，并填写新的有效期",
)
def person_id_valid(case: Case) -> Iterator[Note]:
    for path, who, who_zh, head in _heads(case):
        if head is None:
            yield missing(path)
        elif head.valid_until is None:
            yield missing(f"{path}.valid_until")
        elif isinstance(head.valid_until, date) and head.valid_until < case.today:
            yield fail(
                f"{path}.valid_until",
                f"the document of {who} expired on {head.valid_until}",
                f"{who_zh}的证件已于 {head.valid_until} 到期",
            )


@rule(
    "person-phone-region",
    area=Area.ENTITY,
    how=How.AUTO,
    source="V2.2(5)",
    text="office phone and mobile belong to the entity's province",
    zh="办公室电话和手机号码的归属地与主办单位所在地一致",
    remedy="give numbers of the entity's province, an office phone with its area code",
    remedy_zh="请填写归属地为主办单位所在省份的号码，办公室电话须带区号",
    asks=True,
)
def person_phone_region(case: Case) -> Iterator[Note]:
    """The guide asks it of the entity's head; a service's head who is another person is advised.

    A number of no place (400, 800, service numbers) is a warning: it is known that it belongs
    nowhere.  Where the tables cannot place a number a person is asked.
    """
    province = case.province
    if province is None:
        given = case.record.entity.province
        yield (
            unknown(
                "entity.province",
                f"{printable(given)} names no province",
                f"{printable(given)} 不是省级行政区名称",
            )
            if given
            else missing("entity.province")
        )
        return
    head, other = case.record.entity.head, case.record.service.head
    if head is None:
        yield missing(_ENTITY_HEAD)
    else:
        for name, what, what_zh in _PHONES:
            field, number = f"{_ENTITY_HEAD}.{name}", getattr(head, name)
            found = _misplaced(field, what, what_zh, number, province) if number else missing(field)
            if found is not None:
                yield found
    if other is None or case.one_person:
        return
    for name, what, what_zh in _PHONES:
        number = getattr(other, name)
        found = _misplaced(f"{_SERVICE_HEAD}.{name}", what, what_zh, number, province)
        if number and found is not None:
            yield warn(found.field, found.message, found.message_zh)


def _misplaced(field: str, what: str, what_zh: str, number: str, province: Province) -> Note | None:
    """What is wrong with the place of a number, which itself is never shown."""
    placing, found = place_of(number)
    if found == province:
        return None
    if found is not None:
        return fail(
            field,
            f"the {what} belongs to {found.pinyin}, the entity to {province.pinyin}",
            f"{what_zh}归属地为{found.short}，主办单位所在地为{province.short}",
        )
    if placing is Placing.NATIONWIDE:
        return warn(
            field,
            f"the {what} is a nationwide number, which belongs to no province",
            f"{what_zh}为全国统一号码，没有归属地",
        )
    if placing is Placing.NO_AREA_CODE:
        return unknown(field, f"the {what} has no area code", f"{what_zh}缺少区号，无法确认归属地")
    if placing is Placing.UNLISTED:
        return ask(
            field,
            f"the tables do not know where the {what} belongs; is it {province.pinyin}?",
            f"号码归属地数据中查不到该{what_zh}，其归属地是否为{province.short}？",
        )
    if placing is Placing.ABROAD:
        return fail(
            field,
            f"the {what} is not of mainland China",
            f"{what_zh}不是中国内地号码",
        )
    return fail(field, f"the {what} is no telephone number", f"{what_zh}不是有效的电话号码")
