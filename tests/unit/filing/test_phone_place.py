"""Where a telephone number belongs; the numbers are made up within real ranges."""

from __future__ import annotations

import pytest

from gatekeeper.filing.phone_place import Place, Placing, place_of
from gatekeeper.filing.provinces import leading_province


@pytest.mark.parametrize(
    ("number", "province"),
    [
        ("0951-5000001", "宁夏"),
        ("951-5000001", "宁夏"),
        ("０９５１－５０００００１", "宁夏"),
        ("0951—5000001", "宁夏"),
        ("+86 951 5000001", "宁夏"),
        ("0086-951-5000001", "宁夏"),
        ("86-951-5000001", "宁夏"),
        ("0951-5000001-801", "宁夏"),
        ("0951-5000001转801", "宁夏"),
        ("0951-5000001 分机 801", "宁夏"),
        ("0951 5000001 ext. 12", "宁夏"),
        ("(010) 6555 1234", "北京"),
        ("021-55551234", "上海"),
        ("029-88881234", "陕西"),
        ("0371 6555 1234", "河南"),
        ("0898-65551234", "海南"),
        ("13995000001", "宁夏"),
        ("139 9500 0001", "宁夏"),
        ("8613995000001", "宁夏"),
        ("013995000001", "宁夏"),
        ("13800138000", "北京"),
        ("18516100001", "上海"),  # in the middle of 1851, which the tables call Beijing
    ],
)
def test_a_number_is_placed_however_it_is_written(number: str, province: str) -> None:
    found = place_of(number)
    assert found.placing is Placing.PLACED
    assert str(found.province) == province


@pytest.mark.parametrize(
    ("number", "placing"),
    [
        ("400-610-0000", Placing.NATIONWIDE),
        ("8008100000", Placing.NATIONWIDE),
        ("10100966", Placing.NATIONWIDE),
        ("95511", Placing.NATIONWIDE),
        ("5000001", Placing.NO_AREA_CODE),
        ("65551234", Placing.NO_AREA_CODE),
        ("19912345678", Placing.UNLISTED),
        ("17312345678", Placing.UNLISTED),  # the tables say Beijing of the whole network
        ("0950-5000001", Placing.UNLISTED),
        ("+852 2345 6789", Placing.ABROAD),
        ("00852 2345 6789", Placing.ABROAD),
        ("1399500000", Placing.NO_NUMBER),
        ("139950000011", Placing.NO_NUMBER),
        ("0951-500001", Placing.NO_NUMBER),
        ("0951-5000001/13995000001", Placing.NO_NUMBER),
        ("wrong", Placing.NO_NUMBER),
        ("0086", Placing.NO_NUMBER),
        ("+86", Placing.NO_NUMBER),
        ("-", Placing.NO_NUMBER),
        ("", Placing.NO_NUMBER),
    ],
)
def test_what_has_no_place_says_why(number: str, placing: Placing) -> None:
    assert place_of(number) == Place(placing)


@pytest.mark.parametrize(
    ("address", "province"),
    [
        ("北京市东城区", "北京"),
        ("北京东路1号", None),
        ("上海路12号", None),
        ("四川一路5号", None),
        ("黑龙江道里区", "黑龙江"),
        ("海南海口", "海南"),
        ("海南藏族自治州共和县", None),
        ("河南蒙古族自治县", None),
        ("中国宁夏银川市", "宁夏"),
        ("内蒙古自治区呼和浩特市", "内蒙古"),
        ("银川市金凤区", None),
    ],
)
def test_a_street_named_after_a_province_is_no_province(address: str, province: str | None) -> None:
    found = leading_province(address)
    assert (found and found.short) == province
