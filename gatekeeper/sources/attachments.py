"""The attachments of a record, measured: size, dimensions, colour (DESIGN §12).

The files come from strangers, and so do the names that a record gives them.  A path is followed
from the record's folder downwards alone, through no link, to a regular file of at most 20 MB.  Of
a picture the header is read first; one with more pixels than ``MAX_PIXELS`` is never decoded.
"""

from __future__ import annotations

import errno
import io
import os
import re
import stat
import struct
import warnings
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final, NamedTuple

from gatekeeper.filing.review import Attachment, Dossier

MAX_BYTES: Final = 20 * 1024 * 1024
MAX_PIXELS: Final = 25_000_000
"""Some 100 MB once decoded; the guides ask for a twentieth of it."""
FORMATS: Final = ("JPEG", "PNG", "BMP", "GIF", "TIFF", "WEBP")
"""The formats that are read as pictures, whatever a file is called."""
GREY: Final = 12
"""How far apart red, green and blue of a grey pixel may be, of 255: what compression does."""

_SAMPLE: Final = (512, 512)
_NO_COLOUR: Final = frozenset({"1", "L", "LA", "La", "I", "F"})
_PICTURES: Final = frozenset(
    {".jpg", ".jpeg", ".jpe", ".png", ".bmp", ".gif", ".tif", ".tiff", ".webp"}
)
_DRIVE: Final = re.compile(r"[A-Za-z]:")

# What Pillow and its decoders raise for a damaged picture.
_DAMAGED: Final = (
    ArithmeticError,
    AttributeError,
    EOFError,
    LookupError,
    MemoryError,
    NotImplementedError,
    OSError,
    RuntimeError,
    SyntaxError,
    TypeError,
    ValueError,
    struct.error,
    zlib.error,
)
_WHY: Final[Mapping[int, tuple[str, str]]] = {
    errno.ENOENT: ("there is no such file", "文件不存在"),
    errno.ENOTDIR: (
        "there is no such file, or a folder of its path is a link",
        "文件不存在，或所在文件夹是链接",
    ),
    errno.ELOOP: ("is a link; name the file itself", "这是链接，请指定文件本身"),
    errno.EACCES: ("may not be read: permission denied", "没有读取权限"),
    errno.ENAMETOOLONG: ("has too long a name", "文件名过长"),
    errno.ENXIO: ("is no regular file", "不是普通文件"),
}


_ABSENT: Final = frozenset({errno.ENOENT, errno.EACCES})


class Measure(NamedTuple):
    """What a file is, or why that cannot be told."""

    size: int | None = None
    """Bytes."""
    width: int | None = None
    height: int | None = None
    """Pixels, as they are stored; ``None`` for what is no picture."""
    colour: bool | None = None
    fault: str = ""
    fault_zh: str = ""
    absent: bool = False
    """Whether there is nothing to read: no such file, or no permission."""


def measured(dossier: Dossier, folder: str | Path) -> Dossier:
    """The record with every attachment that names a file as that file is.

    What cannot be read keeps the figures that the record states, where it states some (DESIGN
    §12); what must not be followed, or is no proper file, is a fault whatever is stated.

    Args:
        dossier: a record; where an attachment's file is measured, the figures that it states go.
        folder: where the record's own file lies; paths are relative to it.
    """
    known: dict[str, Measure] = {}
    attachments: list[Attachment] = []
    for one in dossier.attachments:
        if not one.path:
            attachments.append(one)
            continue
        if one.path not in known:
            known[one.path] = measure(one.path, folder)
        found = known[one.path]
        if found.absent and (one.size, one.width, one.height, one.colour) != (None,) * 4:
            attachments.append(one)
            continue
        update = {name: value for name, value in found._asdict().items() if name != "absent"}
        attachments.append(one.model_copy(update=update))
    return dossier.model_copy(update={"attachments": tuple(attachments)})


def measure(path: str, folder: str | Path) -> Measure:
    """One file below ``folder``; nothing is raised."""
    try:
        content = _content(_steps(path), Path(folder))
        return _picture(content, named_so=Path(path).suffix.lower() in _PICTURES)
    except _Unfit as error:
        return Measure(fault=error.reason, fault_zh=error.reason_zh, absent=error.absent)


class _Unfit(Exception):
    """Why a file is not measured."""

    def __init__(self, reason: str, reason_zh: str, *, absent: bool = False) -> None:
        super().__init__(reason)
        self.reason, self.reason_zh, self.absent = reason, reason_zh, absent


def _steps(path: str) -> list[str]:
    """The folders and the name of a relative path; a record from Windows may write ``\\``."""
    plain = path.replace("\\", "/")
    if plain.startswith("/") or _DRIVE.match(plain):
        raise _Unfit("must be a path relative to the record's file", "应为相对于申请文件的路径")
    steps = [step for step in plain.split("/") if step not in ("", ".")]
    if ".." in steps:
        raise _Unfit(
            "leads out of the folder of the record's file (..)",
            "路径超出申请文件所在的文件夹（..）",
        )
    if not steps:
        raise _Unfit("is no regular file", "不是普通文件")
    return steps


def _content(steps: list[str], folder: Path) -> bytes:
    """The file's bytes.  Each step is opened from the one before, and none may be a link."""
    opened: list[int] = []
    try:
        opened.append(os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC))
        for step in steps[:-1]:
            flags = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
            opened.append(os.open(step, flags, dir_fd=opened[-1]))
        # Without O_NONBLOCK, opening a pipe waits for its writer.
        flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC
        opened.append(os.open(steps[-1], flags, dir_fd=opened[-1]))
        if not stat.S_ISREG(os.fstat(opened[-1]).st_mode):
            raise _Unfit("is no regular file", "不是普通文件")
        with os.fdopen(opened[-1], "rb", closefd=False) as stream:
            content = stream.read(MAX_BYTES + 1)
    except OSError as error:
        why = _WHY.get(error.errno or 0)
        if why is None:
            reason = error.strerror or type(error).__name__
            why = (f"cannot be read: {reason}", f"无法读取：{reason}")
        raise _Unfit(*why, absent=error.errno in _ABSENT) from None
    except ValueError:  # a null character
        raise _Unfit("has no possible name", "文件名无效") from None
    finally:
        for one in reversed(opened):
            os.close(one)
    if len(content) > MAX_BYTES:
        limit = MAX_BYTES // (1024 * 1024)
        raise _Unfit(f"is larger than {limit} MB", f"文件超过 {limit} MB")
    return content


def _picture(content: bytes, *, named_so: bool) -> Measure:
    """Dimensions and colour of a picture; of anything else the size alone."""
    from PIL import Image, UnidentifiedImageError

    size = len(content)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            with Image.open(io.BytesIO(content), formats=FORMATS) as image:
                width, height = image.size
                if width * height > MAX_PIXELS:
                    raise _too_many(f"{width * height // 1_000_000}")
                return Measure(size, width, height, _colour(image))
        except UnidentifiedImageError:
            if named_so:
                known = ", ".join(FORMATS)
                raise _Unfit(
                    f"is damaged, or no picture: none of {known}",
                    f"图片已损坏，或不是 {known} 格式",
                ) from None
            return Measure(size)
        except Image.DecompressionBombError:
            raise _too_many(f"{MAX_PIXELS // 1_000_000}+") from None
        except _DAMAGED:
            raise _Unfit("is a damaged picture", "图片已损坏") from None


def _too_many(pixels: str) -> _Unfit:
    most = MAX_PIXELS // 1_000_000
    return _Unfit(
        f"has {pixels} megapixels, more than {most}; scale it down",
        f"图片为 {pixels} 百万像素，超过 {most} 百万像素，请缩小",
    )


def _colour(image: Any) -> bool:
    """Whether some pixel of the picture, made smaller, is not grey; decodes the whole picture."""
    from PIL import ImageChops

    grey = image.mode in _NO_COLOUR or image.mode.startswith("I;")
    image.draft("L" if grey else "RGB", _SAMPLE)
    image.load()
    if grey:
        return False
    small = image.convert("RGB") if image.mode in ("P", "PA") else image
    small.thumbnail(_SAMPLE)
    red, green, blue = small.convert("RGB").split()
    pairs = ((red, green), (green, blue), (blue, red))
    return any(_highest(ImageChops.difference(*pair)) > GREY for pair in pairs)


def _highest(band: Any) -> int:
    """The greatest value of an image of one band."""
    _, highest = band.getextrema()
    return int(highest)
