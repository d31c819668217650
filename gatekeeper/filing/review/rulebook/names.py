"""The names of websites and APPs.

Names are compared after NFKC and without white space, in simplified characters (DESIGN §12).
"""

from __future__ import annotations

from collections.abc import Iterator

from gatekeeper.filing.review.case import Case
from gatekeeper.filing.review.hanzi import chinese_characters, name_key, simplified, visible
from gatekeeper.filing.review.model import (
    APP,
    WEBSITE,
    Area,
    How,
    Note,
    ask,
    fail,
    fine,
    missing,
    warn,
)
from gatekeeper.filing.review.registry import rule
from gatekeeper.filing.review.rivals import on_name
from gatekeeper.filing.review.words import PlatformKind, ServiceKind, chinese_of
from gatekeeper.filing.row import printable


@rule(
    "name-website-words",
    area=Area.SERVICE,
    how=How.AUTO,
    source="W9.2.1",
    text="a website's name has no word that needs the state's papers, unless there are such papers",
    zh="无国家相应文件时，网站名称不含限制使用的词语",
    remedy="choose a name without the word, or say by name_papers that there are the papers",
    remedy_zh="请修改网站名称；如有国家相应文件，请在 name_papers 中注明并提交",
    services=WEBSITE,
)
def name_website_words(case: Case) -> Iterator[Note]:
    """Containing is literal, in any script, width and case: ``ＣＨＩＮＡ``, ``論 壇``."""
    service = case.record.service
    if not service.name:
        yield missing("service.name")
        return
    name = name_key(service.name)
    found = [word for word in case.provider.names.banned if name_key(word) in name]
    words, words_zh = ", ".join(found), "、".join(f"“{word}”" for word in found)
    if found and service.name_papers:
        yield fine(
            "service.name_papers",
            f"the name has {words}, with the state's papers",
            f"名称含{words_zh}，已有国家相应文件",
        )
    elif found:
        shown = printable(service.name)
        yield fail(
            "service.name",
            f"the name {shown} has {words}, which needs the state's papers",
            f"网站名称“{shown}”含{words_zh}，须有国家相应文件",
        )


@rule(
    "name-website-length",
    area=Area.SERVICE,
    how=How.AUTO,
    source="W9.2.1",
    text="a website's name has enough Chinese characters",
    zh="网站名称的汉字数量符合要求",
    remedy="choose a name of three or more Chinese characters that relates to the entity",
    remedy_zh="建议修改为 3 个汉字以上且与主办单位有关联的名称",
    services=WEBSITE,
)
def name_website_length(case: Case) -> Iterator[Note]:
    """Only Chinese characters count; letters, digits and punctuation do not."""
    name, fewest = case.record.service.name, case.provider.names.characters
    if not name:
        yield missing("service.name")
        return
    count = chinese_characters(name)
    if count < fewest:
        shown = printable(name)
        yield fail(
            "service.name",
            f"the name {shown} has {count} Chinese characters, fewer than {fewest}",
            f"网站名称“{shown}”仅有 {count} 个汉字，应不少于 {fewest} 个",
        )


@rule(
    "name-website-related",
    area=Area.SERVICE,
    how=How.ASK,
    source="W9.2.1",
    text="the website's name relates to the entity and what it does",
    zh="网站名称与主办单位性质一致、有关联性",
    remedy="choose a name that relates to the entity",
    remedy_zh="请修改为与主办单位有关联性的网站名称",
    services=WEBSITE,
)
def name_website_related(case: Case) -> Iterator[Note]:
    service, entity = case.record.service.name, case.record.entity.name
    if not service:
        yield missing("service.name")
    if not entity:
        yield missing("entity.name")
    if service and entity:
        yield ask(
            "service.name",
            f"does the name {printable(service)} relate to {printable(entity)}?",
            f"网站名称“{printable(service)}”与主办单位“{printable(entity)}”是否有关联？",
        )


@rule(
    "name-app-unique",
    area=Area.SERVICE,
    how=How.AUTO,
    source="A10.2.1 E10.2.1",
    text="no other APP of the entity has the APP's name",
    zh="同一主体下 APP 名称唯一",
    remedy="choose another name; if it is the same APP, change its filing instead",
    remedy_zh="请修改 APP 名称；如为同一款 APP，请对原备案提交变更",
    services=APP,
)
def name_app_unique(case: Case) -> Iterator[Note]:
    """Among the entity's living filings and its applications, other than this filing's own."""
    name, entity = case.record.service.name, case.record.entity
    if not name:
        yield missing("service.name")
    if not entity.name and not entity.certificate_number:
        yield missing("entity.name")
        return
    for claim in on_name(case, name) if name else ():
        if claim.service_type is ServiceKind.APP:
            shown = printable(name)
            yield fail(
                "service.name",
                f"{claim.shown} of this entity is an APP named {shown} too",
                f"该主体的{claim.shown_zh} 也是名为“{shown}”的 APP",
            )
            return


@rule(
    "name-app-platforms",
    area=Area.SERVICE,
    how=How.AUTO,
    source="A10.2.1 E10.2.1",
    text="the APP has one name on every platform",
    zh="同一款 APP 在各平台的名称一致",
    remedy="give the APP the same name on every platform, which is the one that is filed",
    remedy_zh="请统一各平台的 APP 名称，并与备案名称一致",
    services=APP,
)
def name_app_platforms(case: Case) -> Iterator[Note]:
    """A platform without a name has the service's; capitals alone are advice."""
    service = case.record.service
    if not service.name:
        yield missing("service.name")
        return
    if service.app is None or not service.app.platforms:
        yield missing("service.app.platforms")
        return
    shown = printable(service.name)
    for index, platform in enumerate(service.app.platforms):
        if platform.name in ("", service.name):
            continue
        field, there = f"service.app.platforms[{index}].name", printable(platform.name)
        kind = platform.platform
        where = str(kind or f"platform {index + 1}")
        where_zh = f"{platform_zh(kind)}平台" if kind is not None else f"第 {index + 1} 个平台"
        if name_key(platform.name) != name_key(service.name):
            yield fail(
                field,
                f"on {where} the APP is named {there}, not {shown}",
                f"APP 在{where_zh}上的名称为“{there}”，与备案名称“{shown}”不一致",
            )
        elif _cased(platform.name) != _cased(service.name):
            yield warn(
                field,
                f"on {where} the APP is named {there}, with other capitals than {shown}",
                f"APP 在{where_zh}上的名称“{there}”与备案名称“{shown}”大小写不同",
            )


def _cased(name: str) -> str:
    """As ``name_key``, with its capitals."""
    return simplified(visible(name))


def platform_zh(kind: PlatformKind) -> str:
    """A platform in Chinese; iOS goes by its own name, as in the guides."""
    return "iOS" if kind is PlatformKind.IOS else chinese_of(kind)
