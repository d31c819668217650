"""The provinces of mainland China, by every name that a record may use.

The code is the first two digits of GB/T 2260, which also begin a resident's id number and stand in
a unified social credit code; the character is the one in ICP numbers.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from functools import lru_cache
from types import MappingProxyType
from typing import Final, NamedTuple


class Province(NamedTuple):
    """One province, autonomous region or municipality."""

    code: str
    short: str
    """By which gatekeeper names it, for instance ``宁夏``."""
    full: str
    pinyin: str
    character: str

    def __str__(self) -> str:
        return self.short


PROVINCES: Final = (
    Province("11", "北京", "北京市", "Beijing", "京"),
    Province("12", "天津", "天津市", "Tianjin", "津"),
    Province("13", "河北", "河北省", "Hebei", "冀"),
    Province("14", "山西", "山西省", "Shanxi", "晋"),
    Province("15", "内蒙古", "内蒙古自治区", "Inner Mongolia", "蒙"),
    Province("21", "辽宁", "辽宁省", "Liaoning", "辽"),
    Province("22", "吉林", "吉林省", "Jilin", "吉"),
    Province("23", "黑龙江", "黑龙江省", "Heilongjiang", "黑"),
    Province("31", "上海", "上海市", "Shanghai", "沪"),
    Province("32", "江苏", "江苏省", "Jiangsu", "苏"),
    Province("33", "浙江", "浙江省", "Zhejiang", "浙"),
    Province("34", "安徽", "安徽省", "Anhui", "皖"),
    Province("35", "福建", "福建省", "Fujian", "闽"),
    Province("36", "江西", "江西省", "Jiangxi", "赣"),
    Province("37", "山东", "山东省", "Shandong", "鲁"),
    Province("41", "河南", "河南省", "Henan", "豫"),
    Province("42", "湖北", "湖北省", "Hubei", "鄂"),
    Province("43", "湖南", "湖南省", "Hunan", "湘"),
    Province("44", "广东", "广东省", "Guangdong", "粤"),
    Province("45", "广西", "广西壮族自治区", "Guangxi", "桂"),
    Province("46", "海南", "海南省", "Hainan", "琼"),
    Province("50", "重庆", "重庆市", "Chongqing", "渝"),
    Province("51", "四川", "四川省", "Sichuan", "蜀"),
    Province("52", "贵州", "贵州省", "Guizhou", "黔"),
    Province("53", "云南", "云南省", "Yunnan", "滇"),
    Province("54", "西藏", "西藏自治区", "Tibet", "藏"),
    Province("61", "陕西", "陕西省", "Shaanxi", "陕"),
    Province("62", "甘肃", "甘肃省", "Gansu", "陇"),
    Province("63", "青海", "青海省", "Qinghai", "青"),
    Province("64", "宁夏", "宁夏回族自治区", "Ningxia", "宁"),
    Province("65", "新疆", "新疆维吾尔自治区", "Xinjiang", "新"),
)

_OTHER_NAMES: Final = {
    "neimenggu": "15",
    "neimongol": "15",
    "xizang": "54",
    "shanxi1": "14",
    "shanxi3": "61",
    "广西省": "45",
    "宁夏省": "64",
    "新疆省": "65",
    "内蒙古省": "15",
}


def _folded(name: str) -> str:
    return re.sub(r"[\s'-]+", "", unicodedata.normalize("NFKC", name)).casefold()


def _names() -> Mapping[str, Province]:
    by_code = {one.code: one for one in PROVINCES}
    found = {_folded(name): by_code[code] for name, code in _OTHER_NAMES.items()}
    for one in PROVINCES:
        for name in (one.short, one.full, one.pinyin, f"{one.pinyin} Province"):
            found[_folded(name)] = one
    return MappingProxyType(found)


_BY_NAME: Final = _names()
BY_CODE: Final[Mapping[str, Province]] = MappingProxyType({one.code: one for one in PROVINCES})
"""Province by its two digits of GB/T 2260."""


_NO_PROVINCE: Final = re.compile(
    r"[东南西北中一二三四五六七八九十]?(?:路|街|大街|大道|道(?![里外])|巷|弄)"
    r"|藏族自治州|蒙古族自治县|州|县"
)
"""What follows a province's name where it is not the province that is meant."""


_BY_START: Final = {one.short[:2]: one for one in PROVINCES}
assert len(_BY_START) == len(PROVINCES)


@lru_cache(1024)
def find_province(name: str) -> Province | None:
    """The province of that name: full or short Chinese, or pinyin; ``None`` for another word."""
    return _BY_NAME.get(_folded(name))


@lru_cache(1024)
def leading_province(address: str) -> Province | None:
    """The province with whose Chinese name an address begins; ``None`` where it names none.

    A street that is named after a province (北京东路) and a place elsewhere of the same name
    (海南州 of 青海) name none.
    """
    text = re.sub(r"^中国", "", _folded(address))
    one = _BY_START.get(text[:2])
    if one is None or not text.startswith(one.short):
        return None
    if text.startswith(one.full):
        return one
    return None if _NO_PROVINCE.match(text, len(one.short)) else one


_BEYOND: Final = {
    _folded(name): short
    for short, names in {
        "香港": ("香港", "香港特别行政区", "Hong Kong", "Xianggang"),
        "澳门": ("澳门", "澳门特别行政区", "Macau", "Macao", "Aomen"),
        "台湾": ("台湾", "台湾省", "Taiwan"),
    }.items()
    for name in names
}


def place_name(text: str) -> str:
    """How a province or region is called for short: 宁夏回族自治区, 宁夏 and Ningxia are one.

    Another word stays itself, without white space and in one case.
    """
    found = find_province(text)
    return found.short if found is not None else _BEYOND.get(_folded(text), _folded(text))
