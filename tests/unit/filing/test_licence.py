"""Filing numbers: every shape that was seen in public, and what is none."""

from __future__ import annotations

import pytest

from gatekeeper.filing import LicenceError, parse_licence, parse_public_security

VALID = [
    # as written, canonical, province, kind, number, sequence, suffix
    ("京ICP备10046444号", "京ICP备10046444号", "京", "备", "10046444", None, None),
    ("沪ICP备13002172号", "沪ICP备13002172号", "沪", "备", "13002172", None, None),
    ("渝ICP备15004871号", "渝ICP备15004871号", "渝", "备", "15004871", None, None),
    ("京ICP备10046444号-9", "京ICP备10046444号-9", "京", "备", "10046444", 9, None),
    ("京ICP证030173号-151", "京ICP证030173号-151", "京", "证", "030173", 151, None),
    ("京ICP证030173号-155", "京ICP证030173号-155", "京", "证", "030173", 155, None),
    ("陕ICP备2024026116号-1A", "陕ICP备2024026116号-1A", "陕", "备", "2024026116", 1, "A"),
    ("沪ICP备2025152989号-1A", "沪ICP备2025152989号-1A", "沪", "备", "2025152989", 1, "A"),
    ("鄂ICP备2024036893号-1A", "鄂ICP备2024036893号-1A", "鄂", "备", "2024036893", 1, "A"),
    ("苏ICP备2025175795号-1A", "苏ICP备2025175795号-1A", "苏", "备", "2025175795", 1, "A"),
    ("渝ICP备2025052772号-1A", "渝ICP备2025052772号-1A", "渝", "备", "2025052772", 1, "A"),
    ("黔ICP备2025044274号-1X", "黔ICP备2025044274号-1X", "黔", "备", "2025044274", 1, "X"),
    ("皖ICP备2023023087号-1X", "皖ICP备2023023087号-1X", "皖", "备", "2023023087", 1, "X"),
    ("蜀ICP备2026004236号-1X", "蜀ICP备2026004236号-1X", "蜀", "备", "2026004236", 1, "X"),
    ("粤ICP备2026041617号-1X", "粤ICP备2026041617号-1X", "粤", "备", "2026041617", 1, "X"),
    ("宁ICP备2026000001号-4K", "宁ICP备2026000001号-4K", "宁", "备", "2026000001", 4, "K"),
    ("陇ICP备2026000001号-2", "陇ICP备2026000001号-2", "陇", "备", "2026000001", 2, None),
    ("京ICP证030173号", "京ICP证030173号", "京", "证", "030173", None, None),
    ("京ICP证030173号-1", "京ICP证030173号-1", "京", "证", "030173", 1, None),
    ("粤B2-20090059", "粤B2-20090059", "粤", "B2", "20090059", None, None),
    ("粤B2-20090059-5", "粤B2-20090059-5", "粤", "B2", "20090059", 5, None),
    ("粤A2-20044005号", "粤A2-20044005号", "粤", "A2", "20044005", None, None),
    ("粤A2-20044005", "粤A2-20044005号", "粤", "A2", "20044005", None, None),
    ("粤A2-20044005-3", "粤A2-20044005号-3", "粤", "A2", "20044005", 3, None),
    ("辽B-2-4-20080039", "辽B-2-4-20080039", "辽", "B-2-4", "20080039", None, None),
    ("皖B1.B2-20070020", "皖B1.B2-20070020", "皖", "B1.B2", "20070020", None, None),
    ("浙B2-20080224", "浙B2-20080224", "浙", "B2", "20080224", None, None),
    ("浙B2-20080224号", "浙B2-20080224", "浙", "B2", "20080224", None, None),
    ("合字B2-20090059-1", "合字B2-20090059-1", "合字", "B2", "20090059", 1, None),
    ("A2.B1.B2-20090001", "A2.B1.B2-20090001号", "", "A2.B1.B2", "20090001", None, None),
    ("京ICP备04000001-1A", "京ICP备04000001号-1A", "京", "备", "04000001", 1, "A"),
    ("京ICP备 05000593", "京ICP备05000593号", "京", "备", "05000593", None, None),
    ("京ICP备05000593号－2", "京ICP备05000593号-2", "京", "备", "05000593", 2, None),
    ("京ICP备05000593号—2", "京ICP备05000593号-2", "京", "备", "05000593", 2, None),
    (
        "京 ＩＣＰ 备 ０５０００５９３ 号 - ２",
        "京ICP备05000593号-2",
        "京",
        "备",
        "05000593",
        2,
        None,
    ),
    ("京icp备05000593号-2a", "京ICP备05000593号-2A", "京", "备", "05000593", 2, "A"),
]


@pytest.mark.parametrize("case", VALID, ids=[case[0] for case in VALID])
def test_every_public_shape_is_read(case: tuple) -> None:
    written, canonical, province, kind, number, sequence, suffix = case
    licence = parse_licence(written)
    assert licence.canonical == canonical
    assert (licence.province, licence.kind, licence.number) == (province, kind, number)
    assert (licence.sequence, licence.suffix) == (sequence, suffix)
    assert licence.is_subject is (sequence is None)
    assert parse_licence(licence.canonical) == licence


def test_the_subject_is_the_number_without_its_service() -> None:
    assert parse_licence("京ICP备10046444-9").subject == "京ICP备10046444号"
    assert parse_licence("粤B2-20090059-5").subject == "粤B2-20090059"


@pytest.mark.parametrize(
    ("written", "hint"),
    [
        ("川ICP备2026004236号-1", "蜀ICP备2026004236号-1"),
        ("甘ICP备2026004236号-1", "陇ICP备2026004236号-1"),
        ("贵ICP备2026004236号", "黔ICP备2026004236号"),
        ("云ICP备12345678号-1A", "滇ICP备12345678号-1A"),
        ("川B2-20080224", "蜀B2-20080224"),
    ],
)
def test_a_mistaken_province_gets_a_hint(written: str, hint: str) -> None:
    with pytest.raises(LicenceError) as caught:
        parse_licence(written)
    assert caught.value.hint == hint
    assert hint[0] in caught.value.message
    assert hint[0] in caught.value.text("zh")


@pytest.mark.parametrize(
    ("written", "reason"),
    [
        ("", "empty"),
        ("   ", "empty"),
        ("ICP备10046444号", "province"),
        ("京ICP备1004644号", "7 digits"),
        ("京ICP备100464441号-1", "9 digits"),
        ("京ICP备号-1", "0 digits"),
        ("京ICP备10046444号-0", "-0"),
        ("京ICP备10046444号-01", "-01"),
        ("京ICP备10046444号-1B", "-1B"),
        ("京ICP备10046444号-A", "-A"),
        ("京ICP备10046444号9", "'9'"),
        ("京ICP备10046444号-1-2", "-1-2"),
        ("京ICP备10046444号-1;京ICP备10046444号-2", "no sequence"),
        ("台ICP备10046444号", "not a filing number"),
        ("粤B3-20090059", "not a filing number"),
        ("粤B2-2009005", "not a filing number"),
        ("B2", "not a filing number"),
        ("审核中", "not a filing number"),
        ("渝公网安备 50010302001456号", "public-security"),
        ("京ICP备" + "1" * 100, "too long"),
    ],
)
def test_what_is_no_number_is_refused_with_the_reason(written: str, reason: str) -> None:
    with pytest.raises(LicenceError) as caught:
        parse_licence(written)
    assert reason in caught.value.message
    assert caught.value.text("zh") != caught.value.message


@pytest.mark.parametrize(
    "written",
    [
        "渝公网安备 50010302001456号",
        "川公网安备 51012202001387号",
        "滇公网安备 53252702252753号",
        "甘公网安备62102702000211号",
        "陕公网安备61010302000815号",
        "新公网安备65010402002238",
    ],
)
def test_public_security_numbers(written: str) -> None:
    number = parse_public_security(written)
    assert number.canonical == "".join(written.split()).removesuffix("号") + "号"
    assert number.area == number.canonical[5:11]


@pytest.mark.parametrize(
    ("written", "hint"),
    [
        ("京公网安备 51012202001387号", "川公网安备51012202001387号"),
        ("京公网安备 99012202001387号", ""),
        ("京公网安备 1101220200138号", ""),
        ("京ICP备10046444号", ""),
    ],
)
def test_public_security_numbers_that_are_none(written: str, hint: str) -> None:
    with pytest.raises(LicenceError) as caught:
        parse_public_security(written)
    assert caught.value.hint == hint
