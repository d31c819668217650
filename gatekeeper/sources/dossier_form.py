"""The sheets and columns of a full application record, and what the model says of each.

A column names a place of the model (``service.domains[].name``: one item a row).  What kind of
value stands there is read from the model itself, so that the two cannot say different things.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from enum import Enum, StrEnum
from functools import cache
from typing import Any, Final, NamedTuple, get_args, get_origin

from pydantic import AwareDatetime, BaseModel

from gatekeeper.filing.review import Dossier
from gatekeeper.sources.column import RECORD_SHEETS, Column, record_sheet

ROWS: Final = "application_id"
"""The column that joins the rows of the sheets."""
HEADS: Final = {"entity": ("entity",), "service": ("service",), "both": ("entity", "service")}
"""Whose head a row of the sheet of people is, by its role."""
_DIGITS: Final = frozenset(
    {
        "account_id",
        "certificate_number",
        "emergency_phone",
        "holder_certificate_number",
        "id_number",
        "md5",
        "mobile",
        "office_phone",
        "phone",
    }
)
"""Fields in which a spreadsheet loses digits when it takes them for a number."""
_NOT_GIVEN: Final = frozenset({"fault", "fault_zh"})
"""Fields of the model that whoever measures a file sets."""


class Role(StrEnum):
    """Whose head a person is."""

    ENTITY = "entity"
    SERVICE = "service"
    BOTH = "both"


ROLE_ZH: Final = {
    Role.ENTITY: "主体负责人",
    Role.SERVICE: "服务负责人",
    Role.BOTH: "主体和服务负责人",
}


class Shape(Enum):
    """What a cell holds."""

    TEXT = "text"
    DIGITS = "digits, as text"
    DATE = "date, or 长期"
    MOMENT = "time"
    FLAG = "yes or no"
    WHOLE = "whole number"
    WORD = "word"
    LIST = "list"


_SHAPES: Final[Mapping[type, Shape]] = {
    StrEnum: Shape.WORD,
    bool: Shape.FLAG,  # before int, which it is too
    int: Shape.WHOLE,
    AwareDatetime: Shape.MOMENT,
    date: Shape.DATE,
}


class Field(NamedTuple):
    """What the model says of one place."""

    path: str
    """``service.domains[].name``; of a mapping ``answers{}.by``."""
    shape: Shape
    words: type[StrEnum] | None = None
    """The words that it takes."""
    may_be_none: bool = False
    """Of a list: that none was declared is not the same as that there are none."""


class FormColumn(NamedTuple):
    """One column of a sheet."""

    name: str
    zh: str
    path: str
    """Its place in the model; of the sheet of people below the head."""


class Form(NamedTuple):
    """One sheet."""

    name: str
    zh: str
    columns: tuple[FormColumn, ...]
    needed: bool = True

    def header(self) -> Sequence[Column]:
        """The columns as a header line is matched with them."""
        return [Column(name=one.name, zh=one.zh, parse=str) for one in self.columns]


def _form(name: str, *columns: tuple[str, str, str], needed: bool = True) -> Form:
    joined = FormColumn(ROWS, "申请编号", ROWS)
    shown = (joined, *(FormColumn(*one) for one in columns))
    return Form(name, RECORD_SHEETS[name], shown, needed)


SERVICES: Final = _form(
    "services",
    ("filing_id", "备案标识", "filing_id"),
    ("kind", "申请类型", "kind"),
    ("status", "状态", "status"),
    ("status_at", "状态时间", "status_at"),
    ("provider", "接入服务商", "provider"),
    ("entry", "办理入口", "entry"),
    ("portal_email", "门户账号邮箱", "portal.email"),
    ("portal_mobile", "门户账号手机", "portal.mobile"),
    ("verification_route", "核验方式", "verification.route"),
    ("verification_status", "核验状态", "verification.status"),
    ("service_type", "服务类型", "service.type"),
    ("service_name", "服务名称", "service.name"),
    ("service_licence", "服务备案号", "service.licence"),
    ("categories", "前置审批内容", "service.categories"),
    ("languages", "语种", "service.languages"),
    ("name_papers", "名称有批准文件", "service.name_papers"),
    ("online", "已上线", "service.online"),
    ("filed_as_website", "已按网站备案", "service.filed_as_website"),
    ("app_service_type", "APP服务类型", "service.app.service_type"),
    ("app_category", "APP类别", "service.app.category"),
    ("sdks", "SDK", "service.app.sdks"),
    ("number_place", "备案号展示位置", "service.app.number_place"),
    ("domains", "域名", "service.domains[].name"),
    ("domain_registrar", "域名注册商", "service.domains[].registrar"),
    ("domain_valid_until", "域名到期日", "service.domains[].valid_until"),
    ("domain_real_name_verified", "域名已实名", "service.domains[].real_name_verified"),
    ("domain_holder", "域名持有者", "service.domains[].holder"),
    (
        "domain_holder_certificate_type",
        "域名持有者证件类型",
        "service.domains[].holder_certificate_type",
    ),
    (
        "domain_holder_certificate_number",
        "域名持有者证件号码",
        "service.domains[].holder_certificate_number",
    ),
    (
        "domain_certificate_valid_until",
        "TLS证书到期日",
        "service.domains[].certificate_valid_until",
    ),
    ("platform", "APP平台", "service.app.platforms[].platform"),
    ("platform_name", "平台APP名称", "service.app.platforms[].name"),
    ("platform_package", "包名或BundleID", "service.app.platforms[].package"),
    ("platform_public_key", "公钥", "service.app.platforms[].public_key"),
    ("platform_md5", "证书MD5", "service.app.platforms[].md5"),
)
ENTITIES: Final = _form(
    "entities",
    ("entity_name", "主办单位名称", "entity.name"),
    ("entity_type", "主办单位性质", "entity.type"),
    ("entity_certificate_type", "证件类型", "entity.certificate_type"),
    ("entity_certificate_number", "证件号码", "entity.certificate_number"),
    ("entity_province", "所属区域", "entity.province"),
    ("entity_certificate_province", "证件所属区域", "entity.certificate_province"),
    ("entity_address", "通信地址", "entity.address"),
    ("entity_investor", "投资者或主管单位", "entity.investor"),
    ("legal_representative", "法定代表人", "entity.legal_representative"),
    ("entity_licence", "主体备案号", "entity.licence"),
    ("aws_company", "亚马逊云科技账号公司名称", "entity.aws_company"),
    ("foreign", "境外主体", "entity.foreign"),
)
PEOPLE: Final = _form(
    "people",
    ("role", "角色", "role"),
    ("name", "姓名", "name"),
    ("id_type", "证件类型", "id_type"),
    ("id_number", "证件号码", "id_number"),
    ("valid_until", "证件有效期至", "valid_until"),
    ("phone", "手机号码", "phone"),
    ("office_phone", "办公电话", "office_phone"),
    ("email", "电子邮箱", "email"),
    ("emergency_phone", "应急电话", "emergency_phone"),
)
ACCESS: Final = _form(
    "access",
    ("account_id", "亚马逊云科技账号", "access.account_id"),
    ("load_balancer", "负载均衡", "access.load_balancer"),
    ("ips", "IP地址", "access.ips"),
    ("mode", "接入方式", "access.mode"),
    ("server_place", "服务器放置地", "access.server_place"),
)
ATTACHMENTS: Final = _form(
    "attachments",
    ("kind", "材料类型", "attachments[].kind"),
    ("path", "文件", "attachments[].path"),
    ("size", "大小（字节）", "attachments[].size"),
    ("width", "宽（像素）", "attachments[].width"),
    ("height", "高（像素）", "attachments[].height"),
    ("colour", "彩色", "attachments[].colour"),
)
ANSWERS: Final = _form(
    "answers",
    ("rule", "规则", "rule"),
    ("answer", "回答", "answers{}.answer"),
    ("by", "答复人", "answers{}.by"),
    ("at", "答复时间", "answers{}.at"),
    needed=False,
)
FORMS: Final = (ENTITIES, SERVICES, PEOPLE, ACCESS, ATTACHMENTS, ANSWERS)
"""In the order in which a workbook has them."""

HELP: Final = frozenset({"help", "说明", "words", "词汇"})
"""Sheets of the template that hold no records, folded."""


def form_of(title: str) -> Form | None:
    """The sheet that a title names, in English, in Chinese or both."""
    name = record_sheet(title)
    return next((one for one in FORMS if one.name == name), None)


def field_of(form: Form, column: FormColumn) -> Field:
    """What stands in a column, by the model."""
    if column.path in ("role", "rule"):
        return _BESIDE[column.path]
    path = f"entity.head.{column.path}" if form is PEOPLE and column.name != ROWS else column.path
    return model_fields()[path]


def paths_of(form: Form, column: FormColumn) -> tuple[str, ...]:
    """The places of the model that a column fills."""
    if column.path in ("role", "rule"):
        return ()
    if form is PEOPLE and column.name != ROWS:
        return tuple(f"{part}.head.{column.path}" for part in HEADS["both"])
    return (column.path,)


_BESIDE: Final[Mapping[str, Field]] = {
    "role": Field("role", Shape.WORD, Role),
    "rule": Field("rule", Shape.TEXT),
}


@cache
def model_fields() -> Mapping[str, Field]:
    """Every place of a record that somebody fills in, by its path."""
    return {one.path: one for one in _fields(Dossier, "")}


def _fields(model: type[BaseModel], above: str) -> Iterator[Field]:
    for name, info in model.model_fields.items():
        if name in _NOT_GIVEN:
            continue
        path = f"{above}.{name}" if above else name
        kinds = frozenset(_kinds(info.annotation))
        words = next((one for one in kinds if issubclass(one, StrEnum)), None)
        inner = next((one for one in kinds if issubclass(one, BaseModel)), None)
        if inner is not None:
            item = "{}" if Mapping in kinds else "[]" if tuple in kinds else ""
            yield from _fields(inner, path + item)
        elif tuple in kinds:
            yield Field(path, Shape.LIST, words, may_be_none=info.default is None)
        else:
            yield Field(path, _shape(name, kinds), words)


def _shape(name: str, kinds: frozenset[type]) -> Shape:
    for kind, shape in _SHAPES.items():
        if any(issubclass(one, kind) for one in kinds):
            return shape
    return Shape.DIGITS if name in _DIGITS else Shape.TEXT


def _kinds(annotation: Any) -> Iterator[type]:
    """The classes that an annotation is made of, containers included."""
    origin = get_origin(annotation)
    if isinstance(origin, type):
        yield origin
    elif isinstance(annotation, type):
        yield annotation
    for argument in get_args(annotation):
        yield from _kinds(argument)
