"""Attachments, measured: what the files say, and files that are meant to hurt."""

from __future__ import annotations

import io
import os
import struct
import subprocess
import sys
import zlib
from pathlib import Path

import pytest
from PIL import Image

from gatekeeper.filing.review import Attachment
from gatekeeper.sources import attachments, measured
from gatekeeper.sources.attachments import measure
from tests.unit.filing.review.records import changed, read, website

RED, GREY = (200, 10, 10), (120, 120, 120)


def picture(path: Path, mode: str = "RGB", size: tuple[int, int] = (60, 40), colour=RED) -> Path:
    path.parent.mkdir(exist_ok=True)
    Image.new(mode, size, colour).save(path)
    return path


def png(width: int, height: int) -> bytes:
    """A PNG whose header says so; its pixels are not there."""

    def part(kind: bytes, data: bytes) -> bytes:
        return (
            struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        )

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + part(b"IHDR", header) + part(b"IDAT", zlib.compress(b"\0" * 9))


def test_a_file_wins_over_what_the_record_states(tmp_path: Path) -> None:
    file = picture(tmp_path / "materials" / "照片.jpg", size=(800, 600))
    record = changed(
        website(),
        "attachments",
        [
            {"kind": "certificate_photo", "path": "materials/照片.jpg", "size": 1, "colour": False},
            {"kind": "head_photo", "path": "materials\\照片.jpg"},
            {"kind": "domain_certificate", "path": "gone.jpg", "size": 9, "width": 9, "height": 9},
            {"kind": "commitment_letter", "size": 90_000},
            {"kind": "app_icon", "path": "gone.png"},
            {"kind": "site_photo", "path": "../a.jpg", "size": 9, "width": 9, "height": 9},
        ],
    )
    dossier = read(record)
    one, again, gone, stated, nowhere, outside = measured(dossier, tmp_path).attachments
    assert (one.size, one.width, one.height, one.colour) == (file.stat().st_size, 800, 600, True)
    assert again.model_copy(update={"path": one.path, "kind": one.kind}) == one
    assert gone == dossier.attachments[2], "nothing to read: what the record states counts"
    assert (nowhere.fault, nowhere.fault_zh) == ("there is no such file", "文件不存在")
    assert (outside.size, outside.width, outside.height, outside.colour) == (None,) * 4
    assert "leads out of the folder" in outside.fault
    assert stated == dossier.attachments[3]
    assert isinstance(one, Attachment)


@pytest.mark.parametrize(
    ("name", "mode", "fill", "colour"),
    [
        ("a.jpg", "RGB", RED, True),
        ("a.jpg", "RGB", GREY, False),
        ("a.jpg", "L", 99, False),
        ("a.png", "1", 1, False),
        ("a.png", "LA", (9, 9), False),
        ("a.png", "I;16", 9, False),
        ("a.png", "RGBA", (*RED, 0), True),
        ("a.png", "P", 0, False),
        ("a.png", "RGB", (120, 120, 126), False),
        ("a.gif", "RGB", RED, True),
        ("a.bmp", "RGB", GREY, False),
        ("a.tiff", "CMYK", (0, 255, 255, 0), True),
        ("a.webp", "RGB", RED, True),
    ],
)
def test_colour(tmp_path: Path, name: str, mode: str, fill, colour: bool) -> None:
    picture(tmp_path / name, mode, colour=fill)
    found = measure(name, tmp_path)
    assert (found.width, found.height, found.colour, found.fault) == (60, 40, colour, "")


def test_a_red_seal_on_a_grey_page_is_colour(tmp_path: Path) -> None:
    page = Image.new("RGB", (1600, 2200), (240, 240, 240))
    page.paste(RED, (1000, 1500, 1300, 1800))
    page.save(tmp_path / "a.jpg")
    assert measure("a.jpg", tmp_path).colour is True


def test_the_content_says_what_a_file_is_not_its_name(tmp_path: Path) -> None:
    picture(tmp_path / "a.png").rename(tmp_path / "scan.dat")
    assert measure("scan.dat", tmp_path).width == 60
    (tmp_path / "a.pdf").write_bytes(b"%PDF-1.7\n")
    assert measure("a.pdf", tmp_path)[:6] == (9, None, None, None, "", "")
    (tmp_path / "a.jpeg").write_bytes(b"%PDF-1.7\n")
    assert "no picture" in measure("a.jpeg", tmp_path).fault
    (tmp_path / "a.eps").write_bytes(b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n")
    assert measure("a.eps", tmp_path).width is None


@pytest.mark.parametrize(
    ("path", "fault"),
    [
        ("/dev/zero", "must be a path relative"),
        ("C:\\a.jpg", "must be a path relative"),
        ("\\\\host\\a.jpg", "must be a path relative"),
        ("../a.jpg", "leads out of the folder"),
        ("in/../../a.jpg", "leads out of the folder"),
        ("link.jpg", "is a link"),
        ("zero", "is a link"),
        ("out/a.jpg", "a folder of its path is a link"),
        ("in", "is no regular file"),
        (".", "is no regular file"),
        ("pipe", "is no regular file"),
        ("a\0.jpg", "has no possible name"),
        ("n" * 300, "too long a name"),
    ],
)
def test_paths_that_are_not_followed(tmp_path: Path, path: str, fault: str) -> None:
    folder = tmp_path / "record"
    (folder / "in").mkdir(parents=True)
    picture(tmp_path / "a.jpg")
    picture(folder / "b.jpg")
    (folder / "link.jpg").symlink_to("b.jpg")
    (folder / "zero").symlink_to("/dev/zero")
    (folder / "out").symlink_to(tmp_path)
    os.mkfifo(folder / "pipe")
    before = sorted(Path("/proc/self/fd").iterdir())
    found = measure(path, folder)
    assert len(sorted(Path("/proc/self/fd").iterdir())) == len(before), "a file was left open"
    assert fault in found.fault
    assert found.fault_zh != found.fault
    assert found[:4] == (None,) * 4


def test_a_file_without_permission(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    picture(tmp_path / "a.jpg")

    def refuse(*args: object, **options: object) -> int:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(attachments.os, "open", refuse)
    assert measure("a.jpg", tmp_path).fault == "may not be read: permission denied"


def test_a_file_that_is_too_large(tmp_path: Path) -> None:
    with (tmp_path / "a.pdf").open("wb") as stream:
        stream.truncate(attachments.MAX_BYTES)
    assert measure("a.pdf", tmp_path).size == attachments.MAX_BYTES
    with (tmp_path / "a.pdf").open("ab") as stream:
        stream.write(b"x")
    assert measure("a.pdf", tmp_path).fault == "is larger than 20 MB"


@pytest.mark.parametrize("cut", [30, 300, 2000])
def test_truncated_pictures(tmp_path: Path, cut: int) -> None:
    image = Image.effect_noise((400, 300), 80).convert("RGB")
    for name in ("a.jpg", "a.png", "a.gif", "a.webp", "a.tiff"):
        stream = io.BytesIO()
        image.save(stream, Image.registered_extensions()[Path(name).suffix])
        (tmp_path / name).write_bytes(stream.getvalue()[:cut])
        found = measure(name, tmp_path)
        assert "damaged" in found.fault, name
        assert found[:4] == (None,) * 4


def test_flipped_bytes_never_raise(tmp_path: Path) -> None:
    stream = io.BytesIO()
    Image.effect_noise((64, 48), 80).convert("RGB").save(stream, "TIFF", compression="tiff_lzw")
    good = stream.getvalue()
    for place in range(0, min(len(good), 1200), 7):
        (tmp_path / "a.tiff").write_bytes(
            good[:place] + bytes([good[place] ^ 0xFF]) + good[place + 1 :]
        )
        measure("a.tiff", tmp_path)


@pytest.mark.parametrize("side", [(8000, 6250), (20_000, 20_000), (2**31 - 1, 2**31 - 1)])
def test_a_picture_with_too_many_pixels_is_refused_by_its_header(
    tmp_path: Path, side: tuple[int, int]
) -> None:
    (tmp_path / "a.png").write_bytes(png(*side))
    found = measure("a.png", tmp_path)
    assert "megapixels" in found.fault or "damaged" in found.fault
    assert found.width is None


def test_memory_stays_bounded(tmp_path: Path) -> None:
    """50 megapixels, decoded, would take 200 MB: the process may have less."""
    (tmp_path / "a.png").write_bytes(png(8000, 6250))
    program = (
        "import resource, sys\n"
        "from gatekeeper.sources.attachments import measure\n"
        "from PIL import Image\n"
        "Image.init()\n"
        "used = int(open('/proc/self/statm').read().split()[0]) * resource.getpagesize()\n"
        "resource.setrlimit(resource.RLIMIT_AS, (used + 100_000_000,) * 2)\n"
        "print(measure('a.png', sys.argv[1]).fault)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, str(tmp_path)],
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    assert done.stdout.strip() == "has 50 megapixels, more than 25; scale it down"
