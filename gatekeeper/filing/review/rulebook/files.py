"""Pictures that go with an application (appendix 1 of the guides)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final

from gatekeeper.filing.review.case import Case, Placed
from gatekeeper.filing.review.dossier import Attachment
from gatekeeper.filing.review.model import (
    Area,
    How,
    Note,
    ask,
    fail,
    missing,
    not_here,
    unknown,
)
from gatekeeper.filing.review.needs import need
from gatekeeper.filing.review.provider import Picture
from gatekeeper.filing.review.registry import rule
from gatekeeper.filing.review.words import AttachmentKind, chinese_of
from gatekeeper.filing.row import printable

_DOCUMENTS: Final = (
    AttachmentKind.CERTIFICATE_PHOTO,
    AttachmentKind.HEAD_PHOTO,
    AttachmentKind.SERVICE_HEAD_PHOTO,
)


def placed(case: Case, kind: AttachmentKind) -> tuple[Placed, ...]:
    """The attachments of one kind, each with its path."""
    return case.placed.get(kind, ())


def required(case: Case, kind: AttachmentKind) -> Iterator[Note]:
    """Whether what the case needs is there and can be read."""
    told = need(case, kind)
    found = placed(case, kind)
    if told.needed is False:
        yield not_here(told.why, told.why_zh)
    elif found:
        yield from faults(found)
    elif told.needed is None:
        yield unknown(
            told.lacks,
            f"{told.lacks} is missing, which decides whether the {_called(kind)} is needed",
            f"缺少 {told.lacks}，无法判断是否须提交{chinese_of(kind)}",
        )
    else:
        yield fail(
            "attachments",
            f"the {_called(kind)} is missing: {told.why}",
            f"缺少{chinese_of(kind)}：{told.why_zh}",
        )


def _called(kind: AttachmentKind) -> str:
    return kind.value.replace("_", " ")


def faults(found: Iterable[Placed]) -> Iterator[Note]:
    """The files that could not be measured."""
    for path, one in found:
        if one.fault:
            why, why_zh = printable(one.fault), printable(one.fault_zh or one.fault)
            yield fail(f"{path}.path", f"the file is of no use: {why}", f"附件无法使用：{why_zh}")


def _pictures(case: Case, kind: AttachmentKind, limits: Picture) -> Iterator[Note]:
    """Pictures of a document, within the provider's limits."""
    found = placed(case, kind)
    yield from faults(found)
    for path, one in found:
        if not one.fault:
            yield from _size(path, one, limits)
            yield from _dimensions(path, one, limits)
            yield from _colour(path, one)


def _size(path: str, one: Attachment, limits: Picture) -> Iterator[Note]:
    field = f"{path}.size"
    if one.size is None:
        yield missing(field)
    elif not limits.bytes_from <= one.size <= limits.bytes_to:
        yield fail(
            field,
            f"the file has {one.size:,} bytes, not {limits.bytes_from:,} to {limits.bytes_to:,}",
            f"文件大小为 {one.size:,} 字节，应为 {limits.bytes_from:,} 至 {limits.bytes_to:,} 字节",
        )


def _dimensions(path: str, one: Attachment, limits: Picture) -> Iterator[Note]:
    """Both sides, whichever way the picture lies; one side alone can be too short already."""
    short, long = sorted((limits.width, limits.height))
    sides = {"width": one.width, "height": one.height}
    known = sorted(side for side in sides.values() if side is not None)
    wanted = f"{limits.width} x {limits.height}"
    if known and (known[0] < short or (len(known) == 2 and known[1] < long)):
        shown = " x ".join("?" if side is None else str(side) for side in sides.values())
        field = f"{path}.height" if one.width is None else f"{path}.width"
        yield fail(
            field,
            f"the picture has {shown} pixels, less than {wanted}",
            f"图片分辨率为 {shown}，低于 {wanted}",
        )
        return
    for name, side in sides.items():
        if side is None:
            yield missing(f"{path}.{name}")


def _colour(path: str, one: Attachment) -> Iterator[Note]:
    if one.colour is None:
        yield missing(f"{path}.colour")
    elif not one.colour:
        yield fail(f"{path}.colour", "the picture is not in colour", "图片不是彩色")


@rule(
    "file-licence-photo",
    area=Area.FILES,
    how=How.AUTO,
    source="Aapp1 Wapp1 Eapp1",
    text="the certificate is attached: in colour, within the size and at the resolution asked for",
    zh="已提交主办单位证件：彩色，文件大小和分辨率符合要求",
    remedy="photograph or scan the original again, in colour, and save it within the limits",
    remedy_zh="请重新拍摄或扫描原件（彩色），并按要求的大小和分辨率保存",
)
def file_licence_photo(case: Case) -> Iterator[Note]:
    kind = AttachmentKind.CERTIFICATE_PHOTO
    yield from required(case, kind)
    yield from _pictures(case, kind, case.provider.pictures.certificate)


@rule(
    "file-person-photo",
    area=Area.FILES,
    how=How.AUTO,
    source="Aapp1 Wapp1 Eapp1",
    text="both heads' documents are attached: in colour, within the size and at the resolution"
    " asked for",
    zh="已提交两个负责人的证件：彩色，文件大小和分辨率符合要求",
    remedy="photograph or scan the originals again, in colour, and save them within the limits",
    remedy_zh="请重新拍摄或扫描原件（彩色），并按要求的大小和分辨率保存",
)
def file_person_photo(case: Case) -> Iterator[Note]:
    """One person in both roles gives one document; a second one is measured all the same."""
    mine, theirs = AttachmentKind.HEAD_PHOTO, AttachmentKind.SERVICE_HEAD_PHOTO
    yield from required(case, mine)
    if need(case, theirs).needed is not False:
        yield from required(case, theirs)
    for kind in (mine, theirs):
        yield from _pictures(case, kind, case.provider.pictures.person)


@rule(
    "file-photo-quality",
    area=Area.FILES,
    how=How.ASK,
    source="A12.3 W11.3 E12.3",
    text="every document is photographed from the original, flat and clean, sharp and without"
    " glare, on pure white, and fills 98 % of the picture",
    zh="证件均为原件拍摄，干净平整、字迹清晰无反光、背景纯白，且占画面 98% 以上",
    remedy="photograph the original again: flat, sharp, without glare, on white, close enough",
    remedy_zh="请按要求重新拍摄原件：平整、清晰、无反光、白底、占满画面",
)
def file_photo_quality(case: Case) -> Iterator[Note]:
    """What a measure can say is said; the rest is for a person's eyes."""
    found = [one for kind in _DOCUMENTS for one in placed(case, kind)]
    if not found:
        yield not_here("no document is attached yet", "尚未提交证件照片")
        return
    hints = [_hint(path, one) for path, one in found]
    yield ask(
        "attachments",
        "are all documents originals, flat, sharp, without glare, on pure white, and do they fill"
        f" 98 % of the picture? Measured: {'; '.join(english for english, _ in hints)}",
        "证件是否均为原件拍摄，平整、清晰、无反光、背景纯白，且占画面 98% 以上？"
        f"测得：{'；'.join(chinese for _, chinese in hints)}",
    )


_SHARP: Final = 0.04
"""Bytes a pixel below which a photograph's compression is seen: 200 KB at five megapixels."""


def _hint(path: str, one: Attachment) -> tuple[str, str]:
    if one.fault or None in (one.size, one.width, one.height):
        return f"{path} not measured", f"{path} 未测得"
    size, width, height = one.size or 0, one.width or 0, one.height or 0
    english, chinese = [f"{width} x {height} pixels"], [f"{width} x {height} 像素"]
    if one.colour is False:
        english.append("without colour, perhaps a copy")
        chinese.append("无彩色，可能为复印件")
    if size < _SHARP * width * height:
        english.append("strongly compressed, look for blur")
        chinese.append("压缩率高，请留意是否模糊")
    return f"{path} {', '.join(english)}", f"{path} {'、'.join(chinese)}"


@rule(
    "file-domain-certificate",
    area=Area.FILES,
    how=How.AUTO,
    source="Aapp1 Wapp1 Eapp1",
    text="a screenshot of the domain's real-name record is attached",
    zh="已提交域名实名认证截图",
    remedy="attach a screenshot from the registrar that shows holder, document type and number",
    remedy_zh="请在域名注册商平台截图，须显示域名持有者、证件类型和证件号码",
)
def file_domain_certificate(case: Case) -> Iterator[Note]:
    yield from required(case, AttachmentKind.DOMAIN_CERTIFICATE)


@rule(
    "file-app-icon",
    area=Area.FILES,
    how=How.AUTO,
    source="Aapp1 Eapp1",
    text="the APP's icon is attached, as its platforms show it",
    zh="已提交 APP 图标，且与运行平台显示的一致",
    remedy="attach the icon that the platforms show",
    remedy_zh="请提交运行平台显示的 APP 图标",
)
def file_app_icon(case: Case) -> Iterator[Note]:
    yield from required(case, AttachmentKind.APP_ICON)


@rule(
    "file-site-photo",
    area=Area.FILES,
    how=How.AUTO,
    source="Aapp1 Wapp1 Eapp1",
    text="the verification photo of the service's head is attached",
    zh="已提交服务负责人的现场核验照片",
    remedy="take the photo as the provider's portal says and attach it",
    remedy_zh="请按备案系统指引拍摄并提交现场核验照片",
)
def file_site_photo(case: Case) -> Iterator[Note]:
    """On the electronic route the mini-program takes it."""
    yield from required(case, AttachmentKind.SITE_PHOTO)
