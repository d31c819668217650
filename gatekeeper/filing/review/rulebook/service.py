"""What a service is: an APP's features, what it uses, and content that is approved first."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import Any, Final

from gatekeeper.filing.review.case import Case
from gatekeeper.filing.review.dossier import App, Platform
from gatekeeper.filing.review.model import (
    APP,
    Area,
    How,
    Note,
    fail,
    missing,
    warn,
)
from gatekeeper.filing.review.registry import rule
from gatekeeper.filing.review.rulebook.names import platform_zh
from gatekeeper.filing.review.words import AttachmentKind, Category, PlatformKind, chinese_of
from gatekeeper.filing.row import printable

_ANDROID: Final = re.compile(r"[A-Za-z][A-Za-z0-9_]*(?:\.[A-Za-z][A-Za-z0-9_]*)+")
_HARMONY: Final = re.compile(r"[A-Za-z][A-Za-z0-9_]*(?:\.[A-Za-z0-9][A-Za-z0-9_]*)+")
_APPLE: Final = re.compile(r"[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)+")
_OTHER: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._+-]*")
_PACKAGE: Final[Mapping[PlatformKind, re.Pattern[str]]] = MappingProxyType(
    {
        PlatformKind.ANDROID: _ANDROID,
        PlatformKind.HARMONYOS: _HARMONY,
        PlatformKind.IOS: _APPLE,
        PlatformKind.MACOS: _APPLE,
    }
)
"""How a package name (Android, HarmonyOS) and a bundle id (Apple) are written; other platforms
only keep to letters, digits and a few signs."""
_LONGEST_PACKAGE: Final = 255

_MD5: Final = re.compile(r"[0-9a-f]{32}|[0-9a-f]{2}(?::[0-9a-f]{2}){15}")


@rule(
    "app-features",
    area=Area.SERVICE,
    how=How.AUTO,
    source="A10.1 E10.1",
    text="for each platform of the APP: package name or bundle id, public key and MD5",
    zh="APP 的每个运行平台均填写包名/Bundle ID、公钥和 MD5",
    remedy="read the features from the signed package of each platform and fill them in",
    remedy_zh="请从各平台已签名的安装包中获取特征信息并填写完整",
    services=APP,
)
def app_features(case: Case) -> Iterator[Note]:
    """What a record leaves empty is not filled in; a record without ``app`` says nothing."""
    app = case.record.service.app
    if app is None:
        yield missing("service.app")
        return
    if not app.platforms:
        yield fail("service.app.platforms", "no platform is named", "未勾选应用运行平台")
    for index, platform in enumerate(app.platforms):
        yield from _features(f"service.app.platforms[{index}]", platform)


def _features(field: str, platform: Platform) -> Iterator[Note]:
    kind, package = platform.platform, platform.package
    where = f"on {kind}" if kind is not None else "on a platform"
    where_zh = f"{platform_zh(kind)}平台" if kind is not None else "运行平台"
    if kind is None:
        yield fail(f"{field}.platform", "the platform is not named", "未填写运行平台")
    if not package:
        yield fail(
            f"{field}.package",
            f"{where} there is no package name or bundle id",
            f"{where_zh}未填写包名或 Bundle ID",
        )
    elif not _written(kind, package):
        yield fail(
            f"{field}.package",
            f"{where} {printable(package)} is not written as a package name or bundle id is",
            f"{where_zh}的“{printable(package)}”不符合包名或 Bundle ID 的格式",
        )
    if not platform.public_key:
        yield fail(
            f"{field}.public_key", f"{where} there is no public key", f"{where_zh}未填写公钥"
        )
    if not platform.md5:
        yield fail(f"{field}.md5", f"{where} there is no MD5", f"{where_zh}未填写 MD5")
    elif not _MD5.fullmatch(unicodedata.normalize("NFKC", platform.md5).lower()):
        yield fail(
            f"{field}.md5",
            f"{where} the MD5 is not 32 hexadecimal digits, with or without colons",
            f"{where_zh}的 MD5 应为 32 位十六进制数，可用冒号分隔",
        )


def _written(kind: PlatformKind | None, package: str) -> bool:
    form = _PACKAGE.get(kind, _OTHER) if kind is not None else _OTHER
    return len(package) <= _LONGEST_PACKAGE and form.fullmatch(package) is not None


@rule(
    "app-sdk",
    area=Area.SERVICE,
    how=How.AUTO,
    source="A10.1 E10.1",
    text="the SDK services that the APP uses are declared, also that there are none",
    zh="已申报 APP 使用的 SDK 服务（未使用的也须说明）",
    remedy="list the SDK services in use, or say by an empty list that there are none",
    remedy_zh="请列明所使用的 SDK 服务；未使用的填写空列表",
    services=APP,
)
def app_sdk(case: Case) -> Iterator[Note]:
    app = case.record.service.app
    if app is None:
        yield missing("service.app")
    elif app.sdks is None:
        yield fail("service.app.sdks", "the SDK services are not declared", "未申报 SDK 服务")
    else:
        for index, sdk in enumerate(app.sdks):
            if not _says(sdk):
                yield fail(
                    f"service.app.sdks[{index}]",
                    "an SDK service is listed without a name",
                    "所列 SDK 服务未填写名称",
                )


def _says(sdk: Any) -> bool:
    """Whether an item names anything; its form is the portal's."""
    if isinstance(sdk, str):
        return bool(sdk.strip())
    if isinstance(sdk, Mapping):
        return any(isinstance(value, str) and value.strip() for value in sdk.values())
    return False


@rule(
    "app-basics",
    area=Area.SERVICE,
    how=How.AUTO,
    source="A10.1 E10.1",
    text="the APP's name, icon, service type, category and languages are given",
    zh="已填写 APP 名称、图标、应用服务类型、服务类目和语种",
    remedy="fill in what is missing, and attach the icon as the platform shows it",
    remedy_zh="请补充缺少的信息，并上传与运行平台显示一致的 APP 图标",
    services=APP,
)
def app_basics(case: Case) -> Iterator[Note]:
    """What a record leaves empty is not filled in; a record without ``app`` says nothing."""
    service = case.record.service
    if service.app is None:
        yield missing("service.app")
        return
    if not service.name:
        yield fail("service.name", "the APP has no name", "未填写 APP 名称")
    if not case.attached(AttachmentKind.APP_ICON):
        yield fail("attachments", "the APP's icon is not attached", "未上传 APP 图标")
    yield from _kind_of_app(service.app)
    if not any(service.languages or ()):
        yield fail("service.languages", "no language is given", "未填写语种")


def _kind_of_app(app: App) -> Iterator[Note]:
    if not app.service_type:
        yield fail("service.app.service_type", "no service type is given", "未填写应用服务类型")
    if not app.category:
        yield fail("service.app.category", "no category is given", "未填写服务类目")


@rule(
    "preapproval",
    area=Area.SERVICE,
    how=How.AUTO,
    source="A10.2.3 W9.2.2 E10.2.3 F",
    text="content that an authority approves first has the authority's paper",
    zh="涉及前置审批的内容已附主管部门的审批文件",
    remedy="attach the paper of the authority that approves such content, or drop the content",
    remedy_zh="请上传相应主管部门的前置审批文件，或不提供此类内容",
)
def preapproval(case: Case) -> Iterator[Note]:
    """Of content that only some guides name (education, religion) the paper is advice."""
    categories = case.record.service.categories
    if categories is None:
        yield missing("service.categories")
        return
    if case.attached(AttachmentKind.PREAPPROVAL):
        return
    asked = case.provider.preapproval
    for index, category in enumerate(categories):
        field = f"service.categories[{index}]"
        if category in asked.needed:
            yield fail(
                field,
                f"{category} needs the authority's paper, which is not attached",
                f"“{_category_zh(category)}”须前置审批，未上传审批文件",
            )
        elif category in asked.advised:
            yield warn(
                field,
                f"the bureau may ask for the authority's paper on {category}",
                f"管局可能要求提交“{_category_zh(category)}”的前置审批文件",
            )


def _category_zh(category: str) -> str:
    return chinese_of(category) if isinstance(category, Category) else printable(category)
