"""Filing numbers: the shapes that MIIT and the public-security organs issue, read strictly.

A number is read after NFKC, without white space, in upper case; 号 may be missing.  The canonical
form is MIIT's own: 号 after ``ICP备``, ``ICP证`` and A-class numbers, none after B-class ones.

======================  ============================  =======================
what                    shape                         example
======================  ============================  =======================
entity (主体)           P ``ICP备`` N ``号``          京ICP备10046444号
website                 entity ``-`` sequence         京ICP备10046444号-9
APP                     ``-`` sequence ``A``          沪ICP备2025152989号-1A
mini-program, fast app  ``-`` sequence ``X``, ``K``   蜀ICP备2026004236号-1X
licensed operator       P ``ICP证`` N ``号``          京ICP证030173号-151
telecom licence         P class ``-`` N               粤B2-20090059-5
======================  ============================  =======================
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from functools import lru_cache
from typing import Final, NamedTuple

from gatekeeper.errors import FilingError

PROVINCES: Final = "京津冀晋蒙辽吉黑沪苏浙皖闽赣鲁豫鄂湘粤桂琼渝蜀黔滇藏陕陇青宁新"
"""The characters that begin an ICP number."""

_MISTAKEN: Final = {"川": "蜀", "甘": "陇", "贵": "黔", "云": "滇"}
_HYPHENS: Final = dict.fromkeys(map(ord, "‐‑‒–—―−"), "-")
_MAX_LENGTH: Final = 64

_ICP: Final = re.compile(
    rf"(?P<province>[{PROVINCES}])(?P<sub>[A-Z])?ICP(?P<kind>备|证)"
    r"(?P<number>[0-9]{6}|[0-9]{8}|[0-9]{10})号?"
    r"(?:-(?P<sequence>[1-9][0-9]*)(?P<suffix>[AXK])?)?"
)
_TELECOM: Final = re.compile(
    rf"(?P<province>[{PROVINCES}]|合字)?(?P<kind>[AB][12](?:\.[AB][12])*|B-[0-9]-[0-9])"
    r"-(?P<number>[0-9]{8})号?(?:-(?P<sequence>[1-9][0-9]*)(?P<suffix>[AXK])?)?"
)
_WRONG_PROVINCE: Final = re.compile(r"[川甘贵云](?=[A-Z]?ICP|[AB][-12])")

# GB/T 2260: the first two digits of the county code, and the characters that the police use.
_POLICE_PREFIX: Final = {
    "11": "京", "12": "津", "13": "冀", "14": "晋", "15": "蒙", "21": "辽", "22": "吉", "23": "黑",
    "31": "沪", "32": "苏", "33": "浙", "34": "皖", "35": "闽", "36": "赣", "37": "鲁", "41": "豫",
    "42": "鄂", "43": "湘", "44": "粤", "45": "桂", "46": "琼", "50": "渝", "51": "川",
    "52": "贵黔", "53": "滇云", "54": "藏", "61": "陕", "62": "甘", "63": "青", "64": "宁",
    "65": "新",
}  # fmt: skip
_POLICE: Final = re.compile(
    r"(?P<province>\w)公网安备(?P<area>[0-9]{6})(?P<type>[0-9]{2})(?P<serial>[0-9]{6})号?"
)


class LicenceError(FilingError):
    """A text is not a filing number; ``hint`` is what was probably meant, or empty."""

    def __init__(self, reason: str, hint: str = "", *, zh: str) -> None:
        super().__init__(reason, zh=zh)
        self.hint = hint


class Licence(NamedTuple):
    """One ICP number, taken apart."""

    province: str
    """One character; ``合字`` or empty for a licence of several regions."""
    kind: str
    """``备``, ``证``, or the class of a telecom licence (``B2``, ``A2.B1``, ``B-2-4``)."""
    number: str
    sequence: int | None = None
    suffix: str | None = None
    """``A`` APP, ``X`` mini-program, ``K`` fast app; ``None`` for websites and entities."""
    sub: str = ""
    """A letter between province and ``ICP``, where there is one."""

    @property
    def is_subject(self) -> bool:
        """Whether it is an entity's number, which names no service."""
        return self.sequence is None

    @property
    def subject(self) -> str:
        """The entity's number in canonical form."""
        if self.kind in ("备", "证"):
            return f"{self.province}{self.sub}ICP{self.kind}{self.number}号"
        return f"{self.province}{self.kind}-{self.number}{'号' if self.kind[0] == 'A' else ''}"

    @property
    def canonical(self) -> str:
        if self.sequence is None:
            return self.subject
        return f"{self.subject}-{self.sequence}{self.suffix or ''}"


@dataclass(frozen=True, slots=True, kw_only=True)
class PoliceNumber:
    """A public-security filing number (公安备案号)."""

    province: str
    area: str
    """Six digits, GB/T 2260."""
    serial: str
    """The eight digits after the area."""

    @property
    def canonical(self) -> str:
        return f"{self.province}公网安备{self.area}{self.serial}号"


@lru_cache(maxsize=65536)
def _read(text: str) -> Licence | LicenceError:
    match = _ICP.fullmatch(text)
    if match is None:
        plain = _plain(text)
        if not plain:
            return LicenceError("the number is empty", zh="备案号为空")
        if len(plain) > _MAX_LENGTH:
            return LicenceError("too long for a filing number", zh="内容过长，不是备案号")
        match = _ICP.fullmatch(plain) or _TELECOM.fullmatch(plain)
        if match is None:
            return _explain(plain)
    found = match.groupdict()
    return Licence(
        province=found["province"] or "",
        kind=found["kind"],
        number=found["number"],
        sequence=int(found["sequence"]) if found["sequence"] else None,
        suffix=found["suffix"],
        sub=found.get("sub") or "",
    )


def parse_licence(text: str) -> Licence:
    """An ICP number from text as it was typed.

    Raises:
        LicenceError: it has none of the known shapes; the reason says what is wrong.
    """
    result = _read(text)
    if isinstance(result, LicenceError):
        raise LicenceError(result.message, result.hint, zh=result.text("zh"))
    return result


def parse_public_security(text: str) -> PoliceNumber:
    """A public-security number; its digits must belong to its province.

    Raises:
        LicenceError: another shape, or digits of another province.
    """
    match = _POLICE.fullmatch(_plain(text))
    if match is None:
        raise LicenceError(
            "not a public-security number: a province, 公网安备, 14 digits, 号",
            zh="不是公安备案号：应为省份简称、公网安备、14 位数字和“号”",
        )
    province, area = match["province"], match["area"]
    allowed = _POLICE_PREFIX.get(area[:2], "")
    if province not in allowed:
        raise LicenceError(
            f"the digits {area[:2]} do not belong to {province}",
            f"{allowed[0]}公网安备{area}{match['type']}{match['serial']}号" if allowed else "",
            zh=f"数字 {area[:2]} 与省份简称“{province}”不符",
        )
    return PoliceNumber(province=province, area=area, serial=match["type"] + match["serial"])


def _plain(text: str) -> str:
    folded = unicodedata.normalize("NFKC", text).translate(_HYPHENS)
    return "".join(folded.split()).upper()


def _explain(plain: str) -> LicenceError:
    """Why ``plain`` is no number, as closely as can be said."""
    mistaken = _WRONG_PROVINCE.match(plain)
    if mistaken is not None:
        wrong, right = plain[0], _MISTAKEN[plain[0]]
        return LicenceError(
            f"no ICP number begins with {wrong}; that province's character is {right}",
            right + plain[1:],
            zh=f"备案号不以“{wrong}”开头，该省简称应为“{right}”",
        )
    if "公网安备" in plain:
        return LicenceError(
            "a public-security number, not an ICP number",
            zh="这是公安备案号，不是 ICP 备案号",
        )
    body = re.match(rf"(?:[{PROVINCES}][A-Z]?)?ICP[备证]([0-9]*)", plain)
    if body is not None and plain[0] not in PROVINCES:
        return LicenceError("the province's character is missing", zh="缺少省份简称")
    if body is not None and len(body[1]) not in (6, 8, 10):
        return LicenceError(
            f"{len(body[1])} digits; a number has 6, 8 or 10",
            zh=f"数字为 {len(body[1])} 位，应为 6、8 或 10 位",
        )
    if body is not None:
        rest = plain[body.end() :].removeprefix("号")
        return LicenceError(
            f"{rest!r} after the number is no sequence such as -1 or -2A",
            zh=f"号码后的“{rest}”不是有效的序号（如 -1、-2A）",
        )
    return LicenceError(
        "not a filing number such as 京ICP备10046444号-9",
        zh="不是备案号（例如 京ICP备10046444号-9）",
    )
