"""The words of a record in English and Chinese, and those that gatekeeper keeps (DESIGN §12)."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Mapping
from enum import StrEnum
from typing import Final

from gatekeeper.filing.lifecycle import KIND_ZH, STATUS_ZH
from gatekeeper.filing.model import Kind, Status


class EntityType(StrEnum):
    """What kind of organisation files (主办单位性质)."""

    ENTERPRISE = "enterprise"
    GOVERNMENT = "government"
    INSTITUTION = "institution"
    SOCIAL_ORGANISATION = "social_organisation"
    MILITARY = "military"
    INDIVIDUAL = "individual"
    SOLE_TRADER = "sole_trader"


class CertificateType(StrEnum):
    """What proves the organisation (证件类型)."""

    BUSINESS_LICENCE = "business_licence"
    ORGANISATION_CODE = "organisation_code"
    PUBLIC_INSTITUTION = "public_institution"
    SOCIAL_ORGANISATION = "social_organisation"
    GOVERNMENT = "government"
    MILITARY = "military"
    OTHER = "other"


class ServiceKind(StrEnum):
    """What is filed; the last two file through their platform."""

    WEBSITE = "website"
    APP = "app"
    MINI_PROGRAM = "mini_program"
    FAST_APP = "fast_app"


class PersonIdType(StrEnum):
    """What proves a person."""

    RESIDENT_ID = "resident_id"
    PASSPORT = "passport"
    HONG_KONG_MACAO_PERMIT = "hong_kong_macao_permit"
    TAIWAN_PERMIT = "taiwan_permit"
    RESIDENCE_PERMIT = "residence_permit"
    OTHER = "other"


class Category(StrEnum):
    """Content that needs the authority's paper before it is filed (前置审批)."""

    NEWS = "news"
    PUBLISHING = "publishing"
    DRUGS_AND_DEVICES = "drugs_and_devices"
    CULTURE = "culture"
    BROADCAST = "broadcast"
    GAMES = "games"
    EDUCATION = "education"
    RELIGION = "religion"


class PlatformKind(StrEnum):
    """Where an APP runs."""

    ANDROID = "android"
    IOS = "ios"
    HARMONYOS = "harmonyos"
    BLACKBERRY = "blackberry"
    LINUX = "linux"
    WINDOWS = "windows"
    MACOS = "macos"


class AttachmentKind(StrEnum):
    """What a file is."""

    CERTIFICATE_PHOTO = "certificate_photo"
    HEAD_PHOTO = "head_photo"
    SERVICE_HEAD_PHOTO = "service_head_photo"
    DOMAIN_CERTIFICATE = "domain_certificate"
    APP_ICON = "app_icon"
    SITE_PHOTO = "site_photo"
    VERIFICATION_FORM = "verification_form"
    AUTHORISATION_LETTER = "authorisation_letter"
    CONFIRMATION_LETTER = "confirmation_letter"
    COMMITMENT_LETTER = "commitment_letter"
    FRAUD_RISK_REPORT = "fraud_risk_report"
    PREAPPROVAL = "preapproval"
    PARTY_LETTER = "party_letter"


class AccessMode(StrEnum):
    """How the service is connected (接入方式)."""

    CLOUD = "cloud"
    DEDICATED_LINE = "dedicated_line"
    HOSTED_SERVER = "hosted_server"
    VIRTUAL_SPACE = "virtual_space"
    OTHER = "other"


class Route(StrEnum):
    """How the papers are verified."""

    ELECTRONIC = "electronic"
    MANUAL = "manual"


class VerificationStatus(StrEnum):
    """How far the verification is."""

    NONE = "none"
    PENDING = "pending"
    VERIFIED = "verified"
    FAILED = "failed"


class Entry(StrEnum):
    """Through which entry of the portal an order goes in."""

    ENTITY = "entity"
    ALL = "all"
    IP = "ip"
    END = "end"


class AnswerWord(StrEnum):
    """What a person says to a question."""

    YES = "yes"
    NO = "no"


CHINESE: Final[Mapping[type[StrEnum], Mapping[str, str]]] = {
    EntityType: {
        "企业": "enterprise",
        "政府机关": "government",
        "党政机关": "government",
        "国家机关": "government",
        "事业单位": "institution",
        "社会团体": "social_organisation",
        "军队": "military",
        "个人": "individual",
        "个体工商户": "sole_trader",
    },
    CertificateType: {
        "营业执照": "business_licence",
        "工商营业执照": "business_licence",
        "组织机构代码证": "organisation_code",
        "组织机构代码": "organisation_code",
        "事业单位法人证书": "public_institution",
        "事业法人证书": "public_institution",
        "社会团体法人登记证书": "social_organisation",
        "社团法人证书": "social_organisation",
        "统一社会信用代码证书": "government",
        "军队代号": "military",
        "其他": "other",
    },
    ServiceKind: {
        "网站": "website",
        "小程序": "mini_program",
        "快应用": "fast_app",
        "应用": "app",
        "移动应用": "app",
    },
    PersonIdType: {
        "身份证": "resident_id",
        "居民身份证": "resident_id",
        "护照": "passport",
        "港澳居民来往内地通行证": "hong_kong_macao_permit",
        "台湾居民来往大陆通行证": "taiwan_permit",
        "台胞证": "taiwan_permit",
        "外国人永久居留身份证": "residence_permit",
        "港澳台居民居住证": "residence_permit",
        "其他": "other",
    },
    Category: {
        "新闻": "news",
        "出版": "publishing",
        "药品和医疗器械": "drugs_and_devices",
        "药品": "drugs_and_devices",
        "医疗器械": "drugs_and_devices",
        "文化": "culture",
        "广播电影电视节目": "broadcast",
        "网络游戏": "games",
        "游戏": "games",
        "教育": "education",
        "宗教": "religion",
    },
    PlatformKind: {
        "安卓": "android",
        "苹果": "ios",
        "鸿蒙": "harmonyos",
        "黑莓": "blackberry",
    },
    AttachmentKind: {
        "主办单位证件": "certificate_photo",
        "主体负责人证件": "head_photo",
        "服务负责人证件": "service_head_photo",
        "网站负责人证件": "service_head_photo",
        "APP负责人证件": "service_head_photo",
        "域名实名认证截图": "domain_certificate",
        "APP图标": "app_icon",
        "现场核验照片": "site_photo",
        "负责人核验照片": "site_photo",
        "真实性核验单": "verification_form",
        "备案信息真实性核验单": "verification_form",
        "授权书": "authorisation_letter",
        "负责人授权书": "authorisation_letter",
        "确认书": "confirmation_letter",
        "承诺书": "commitment_letter",
        "涉诈风险评估报告": "fraud_risk_report",
        "前置审批件": "preapproval",
        "前置审批文件": "preapproval",
        "党建确认函": "party_letter",
    },
    AccessMode: {
        "云接入": "cloud",
        "专线": "dedicated_line",
        "主机托管": "hosted_server",
        "租赁虚拟空间": "virtual_space",
        "虚拟主机": "virtual_space",
        "其他": "other",
    },
    Route: {
        "电子化核验": "electronic",
        "线上核验": "electronic",
        "人工核验": "manual",
        "线下核验": "manual",
    },
    VerificationStatus: {
        "未核验": "none",
        "核验中": "pending",
        "待核验": "pending",
        "已核验": "verified",
        "核验失败": "failed",
        "核验不通过": "failed",
    },
    Entry: {
        "变更主体": "entity",
        "变更信息": "all",
        "变更IP": "ip",
        "注销": "end",
    },
    AnswerWord: {"是": "yes", "否": "no"},
    Kind: {word: kind.value for kind, some in KIND_ZH.items() for word in some},
    Status: {word: status.value for status, word in STATUS_ZH.items()},
}
"""The Chinese words, each with what it means; the English ones are the values."""

_OTHER_ENGLISH: Final[Mapping[type[StrEnum], Mapping[str, str]]] = {
    CertificateType: {
        "business license": "business_licence",
        "organization_code": "organisation_code",
    },
    EntityType: {"social_organization": "social_organisation", "company": "enterprise"},
    PersonIdType: {"id card": "resident_id", "identity card": "resident_id"},
    PlatformKind: {"harmony": "harmonyos", "mac": "macos", "iphone": "ios"},
    ServiceKind: {"mini program": "mini_program"},
}


def folded(word: str) -> str:
    """A word without regard to width, case, spaces, hyphens and underscores."""
    return re.sub(r"[\s_-]+", "", unicodedata.normalize("NFKC", word)).casefold()


def _index(kind: type[StrEnum]) -> Mapping[str, str]:
    given = {one.value: one.value for one in kind}
    words = (given, _OTHER_ENGLISH.get(kind, {}), CHINESE[kind])
    return {folded(word): value for some in words for word, value in some.items()}


_WORDS: Final = {kind: _index(kind) for kind in CHINESE}


def read_word(kind: type[StrEnum], word: str) -> str | None:
    """The value of ``kind`` that a word means, in English or Chinese; ``None`` for none of them."""
    return _WORDS[kind].get(folded(word))


def shown_words(kind: type[StrEnum]) -> str:
    """The words that are understood, for a message."""
    return ", ".join(one.value for one in kind)


def chinese_of(value: StrEnum) -> str:
    """The first Chinese word for a value, or the value."""
    words: Iterable[tuple[str, str]] = CHINESE[type(value)].items()
    return next((word for word, meant in words if meant == value.value), value.value)
