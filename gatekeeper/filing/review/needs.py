"""Which papers and pictures a case needs, and why (appendices 1 and 2 of the guides).

The rules about papers and the checklist read the same answers, so they cannot disagree.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Final

from gatekeeper.filing.provinces import find_province
from gatekeeper.filing.review.case import Case, Need
from gatekeeper.filing.review.model import WITH_CONTENT
from gatekeeper.filing.review.provider import Commitment, Letters
from gatekeeper.filing.review.words import AttachmentKind, Route, ServiceKind, chinese_of


def need(case: Case, kind: AttachmentKind) -> Need:
    """Whether the case needs attachments of this kind."""
    if case.kind not in WITH_CONTENT:
        return _NOTHING
    found = case.needs.get(kind)
    if found is None:
        found = case.needs[kind] = _NEEDS[kind](case)
    return found


_NOTHING: Final = Need(False, "this kind of application sends no papers", "此类申请无需提交材料")


def _always(why: str, why_zh: str) -> Callable[[Case], Need]:
    return lambda _: Need(True, why, why_zh)


def _service_head_photo(case: Case) -> Need:
    for path, head in (
        ("entity.head", case.record.entity.head),
        ("service.head", case.record.service.head),
    ):
        if head is None or not (head.name or head.id_number):
            return Need(
                None,
                "needed unless one person is head of both",
                "两个负责人不是同一人时须提交",
                path if head is None else f"{path}.name",
            )
    if case.one_person:
        return Need(
            False,
            "one person is head of both; the first document serves",
            "两个负责人为同一人，提交一份证件即可",
        )
    return Need(
        True, "the service's head is another person than the entity's", "两个负责人不是同一人"
    )


def _domain_certificate(_: Case) -> Need:
    return Need(
        True,
        "it shows the domain's holder, document type and number",
        "须显示域名持有者、证件类型和证件号码",
    )


def _app_icon(case: Case) -> Need:
    if case.service_type is None:
        return Need(None, "needed for an APP", "APP 须提交", "service.type")
    if case.service_type is ServiceKind.APP:
        return Need(True, "an APP shows its icon", "APP 须提交图标")
    return Need(False, "only an APP has an icon", "仅 APP 需要")


def _by_hand(case: Case) -> Need:
    """What the mini-program makes by itself on the electronic route."""
    if case.route is Route.ELECTRONIC:
        return Need(
            False,
            "the mini-program makes it on the electronic route",
            "电子化核验时由小程序生成",
        )
    if case.route is None:
        return Need(None, "needed on the manual route", "人工核验时须提交", _undecided(case))
    return Need(True, "the papers are verified by hand", "人工核验须提交")


def _undecided(case: Case) -> str:
    """The first field that the route of the verification wants for."""
    if case.record.entity.certificate_type is None:
        return "entity.certificate_type"
    mine, theirs = case.record.entity.head, case.record.service.head
    if mine is None or mine.id_type is None:
        return "entity.head" if mine is None else "entity.head.id_type"
    return "service.head" if theirs is None else "service.head.id_type"


def _authorisation(case: Case) -> Need:
    entity, head = case.record.entity, case.record.service.head
    if not entity.legal_representative:
        return Need(
            None,
            "needed unless the service's head is the legal representative",
            "服务负责人不是法定代表人时须提交",
            "entity.legal_representative",
        )
    if head is None or not head.name:
        return Need(
            None,
            "needed unless the service's head is the legal representative",
            "服务负责人不是法定代表人时须提交",
            "service.head.name",
        )
    if same_name(head.name, entity.legal_representative):
        return Need(
            False,
            "the service's head is the legal representative",
            "服务负责人即法定代表人，无需提交",
        )
    return Need(
        True,
        "the service's head is not the legal representative",
        "服务负责人不是法定代表人",
    )


def _confirmation(case: Case) -> Need:
    entity = case.record.entity
    if not entity.name or not entity.aws_company:
        return Need(
            None,
            "needed where the AWS account is another company's",
            "亚马逊云科技账号的公司名称与主办单位不一致时须提交",
            "entity.name" if not entity.name else "entity.aws_company",
        )
    if same_name(entity.name, entity.aws_company):
        return Need(
            False,
            "the AWS account is the entity's own",
            "亚马逊云科技账号的公司名称与主办单位一致，无需提交",
        )
    return Need(
        True,
        "the AWS account's company is not the entity",
        "亚马逊云科技账号的公司名称与主办单位不一致",
    )


def _commitment(case: Case) -> Need:
    letters = case.provider.letters
    by_kind = {ServiceKind.APP: (letters.commitment_app,), None: _commitments(letters)}
    some = by_kind.get(case.service_type, (letters.commitment_website,))
    places = [place for one in some for place in (*one.provinces, *one.electronic)]
    if not places:
        return Need(False, "the provider asks for none", "该接入商不要求提交")
    if len(some) > 1:
        return Need(None, "depends on the kind of service", "取决于服务类型", "service.type")
    [asked] = some
    if case.province is None:
        known = [one.pinyin for one in map(find_province, places) if one is not None]
        return Need(
            None,
            "needed in " + ", ".join(known),
            "以下地区须提交：" + "、".join(places),
            "entity.province",
        )
    name = case.province.short
    if name in asked.provinces:
        return Need(True, f"{case.province.pinyin} asks for it", f"{name}要求提交")
    if name in asked.electronic:
        if case.route is None:
            return Need(
                None,
                f"{case.province.pinyin} asks for it on the electronic route",
                f"{name}电子化核验时须提交",
                _undecided(case),
            )
        if case.route is Route.ELECTRONIC:
            return Need(
                True,
                f"{case.province.pinyin} asks for it on the electronic route",
                f"{name}电子化核验时须提交",
            )
    return Need(False, f"{case.province.pinyin} does not ask for it", f"{name}不要求提交")


def _commitments(letters: Letters) -> tuple[Commitment, ...]:
    """What may be asked for where the kind of service is not known."""
    if letters.commitment_website == letters.commitment_app:
        return (letters.commitment_website,)
    return (letters.commitment_website, letters.commitment_app)


def _fraud_risk(case: Case) -> Need:
    if not case.provider.letters.fraud_risk_app:
        return Need(False, "the provider asks for none", "该接入商不要求提交")
    if case.service_type is None:
        return Need(None, "needed for an APP", "APP 须提交", "service.type")
    if case.service_type is ServiceKind.APP:
        return Need(
            True, "an APP sends it, on its template and sealed", "APP 须按模板填写并盖章提交"
        )
    return Need(False, "only an APP sends it", "仅 APP 需要")


def _preapproval(case: Case) -> Need:
    categories = case.record.service.categories
    if categories is None:
        return Need(
            None,
            "needed for content that an authority approves first",
            "涉及前置审批的内容须提交",
            "service.categories",
        )
    needed = [one for one in case.provider.preapproval.needed if one in categories]
    if needed:
        return Need(
            True,
            f"the content is {', '.join(needed)}",
            f"内容涉及{'、'.join(map(chinese_of, needed))}",
        )
    advised = [one for one in case.provider.preapproval.advised if one in categories]
    if advised:
        return Need(
            False,
            f"the bureau may ask for it: {', '.join(advised)}",
            f"管局可能要求提交：{'、'.join(map(chinese_of, advised))}",
        )
    return Need(False, "no content that an authority approves first", "不涉及前置审批")


def _party(_: Case) -> Need:
    return Need(False, "only where the review asks for it", "仅在审核要求时提交")


def same_name(one: str, other: str) -> bool:
    """Whether two names of a person or company are one, without regard to width, case and white
    space, and to which dot parts a name (阿依·古丽).
    """
    return _plain(one) == _plain(other)


def _plain(name: str) -> str:
    return "".join(unicodedata.normalize("NFKC", name).translate(_DOTS).split()).casefold()


_DOTS: Final = str.maketrans(dict.fromkeys("•‧∙⋅・.", "·"))

_NEEDS: Final[Mapping[AttachmentKind, Callable[[Case], Need]]] = MappingProxyType(
    {
        AttachmentKind.CERTIFICATE_PHOTO: _always(
            "every entity sends its certificate", "每个主办单位均须提交"
        ),
        AttachmentKind.HEAD_PHOTO: _always(
            "every entity's head has a document", "每个主体负责人均须提交"
        ),
        AttachmentKind.SERVICE_HEAD_PHOTO: _service_head_photo,
        AttachmentKind.DOMAIN_CERTIFICATE: _domain_certificate,
        AttachmentKind.APP_ICON: _app_icon,
        AttachmentKind.SITE_PHOTO: _by_hand,
        AttachmentKind.VERIFICATION_FORM: _by_hand,
        AttachmentKind.AUTHORISATION_LETTER: _authorisation,
        AttachmentKind.CONFIRMATION_LETTER: _confirmation,
        AttachmentKind.COMMITMENT_LETTER: _commitment,
        AttachmentKind.FRAUD_RISK_REPORT: _fraud_risk,
        AttachmentKind.PREAPPROVAL: _preapproval,
        AttachmentKind.PARTY_LETTER: _party,
    }
)
