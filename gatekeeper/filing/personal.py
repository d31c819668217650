"""What is personal in a filing record, and how it is shown to people who need not know it.

What is personal (DESIGN §12):

=====================================================  ===========================================
where                                                  what
=====================================================  ===========================================
``entity.head``, ``service.head``                      a PERSON: everything but the kind of the
                                                       document and its last day
``entity.legal_representative``, ``entity.investor``   a name, where it is short enough for one
``portal``                                             mobile number and e-mail address
``service.domains[]``                                  ``holder`` where it is a person's name,
                                                       ``holder_certificate_number`` where it is
                                                       no organisation's
``entity.certificate_number``                          where it is a person's
=====================================================  ===========================================

In free text (messages, notes, what somebody typed into the wrong column) only two things can be
told from other numbers: resident identity numbers (GB 11643) and mainland mobile numbers.

Masked is what remains readable: ``1****************X``, ``138****5678``, ``a***@b.cn``, ``王*``.
Masking twice gives the same as masking once, and never lengthens a text.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Mapping
from datetime import date
from typing import Any, Final, NamedTuple

SEALED: Final = "sealed:"
"""How a review begins that stands encrypted in the store and was not opened; JSON never does."""

PERSONS: Final = (("entity", "head"), ("service", "head"))
"""Where a record names a PERSON."""
FORGOTTEN: Final = "forgotten"
"""The only key of what stands in the place of something that was forgotten."""

DEEPEST: Final = 40
"""Levels of a record, of which DESIGN §12 needs five; whatever reads one goes down so far."""

_HIDDEN: Final = "***"
"""What stands for something of which nothing is shown."""
_OPEN_KEYS: Final = frozenset({"id_type", "valid_until"})
"""What a PERSON may say to everybody."""
_PHONES: Final = frozenset({"phone", "mobile", "office_phone", "emergency_phone"})
_EMAILS: Final = frozenset({"email"})
_NUMBERS: Final = frozenset({"id_number", "holder_certificate_number"})
_NAMES: Final = frozenset({"legal_representative"})
_IDENTITIES: Final = frozenset(
    {"application_id", "filing_id", "kind", "status", "status_at", "provider", "access"}
)
"""Parts of a record in which a number is an id, whatever it looks like."""
_PERSONAL_PAPERS: Final = frozenset(
    {
        "resident_id",
        "passport",
        "身份证",
        "居民身份证",
        "护照",
        "residence_permit",
        "港澳居民来往内地通行证",
    }
)
_TIME: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9:.]{8,15}Z")
_HAN_NAME: Final = re.compile(r"[\u3400-\u9fff·\U00020000-\U0003ffff]{2,4}")

_ORGANISATIONS: Final = (
    *("公司", "集团", "中心", "大学", "学院", "学校", "医院", "银行", "协会", "商会", "学会"),
    *("研究所", "委员会", "事务所", "工厂", "政府"),
)
# Two digits of a resident number's region: the provinces of GB/T 2260, and 83 of the residence
# permits of Taiwan's residents.
_PROVINCES: Final = r"(?:1[1-5]|2[1-3]|3[1-7]|4[1-6]|5[0-4]|6[1-5]|71|8[1-3])"
_RESIDENT: Final = re.compile(
    rf"(?<![0-9A-Za-z])({_PROVINCES}[0-9]{{4}})"
    r"((?:18|19|20)[0-9]{2}(?:0[1-9]|1[0-2])(?:0[1-9]|[12][0-9]|3[01]))"
    r"([0-9]{3}[0-9Xx])(?![0-9A-Za-z])"
)
# Not in the middle of a word, an id, a decimal number or the name of a host.
_MOBILE: Final = re.compile(
    r"(?:(?<![0-9A-Za-z_])((?:\+|00)?86[ -]?)|(?<![0-9A-Za-z_.])(?<![0-9A-Za-z_]-))"
    r"(1[3-9][0-9])([ -]?)([0-9]{4})(\3)([0-9]{4})(?![0-9A-Za-z_]|[.,-][0-9]|\.[A-Za-z])"
)
_WIDE: Final = {0xFF10 + digit: 0x30 + digit for digit in range(10)} | {
    ord("Ｘ"): "X",
    ord("ｘ"): "x",
    ord("＋"): "+",
    ord("－"): "-",
}
_MASKED: Final = re.compile(r"[0-9A-Za-z]\*{16}[0-9Xx]|1[3-9][0-9][ -]?\*{4}[ -]?[0-9]{4}")
_WEIGHTS: Final = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)
_CHECKS: Final = "10X98765432"
_USCC: Final = "0123456789ABCDEFGHJKLMNPQRTUWXY"


def is_sealed(review: str) -> bool:
    """Whether a review is still encrypted: its key was not at hand when it was read."""
    return review.startswith(SEALED)


def is_resident_id(text: str) -> bool:
    """Whether it reads as a resident identity number: a region, a day that there was, 18 places.

    The check digit does not count: a number with a slip of the pen is as personal.
    """
    match = _RESIDENT.fullmatch(text.strip())
    return match is not None and _born(match)


def mask_number(text: str) -> str:
    """A number of a document: its first and its last character."""
    if len(text) < 5:
        return "*" * len(text)
    return f"{text[0]}{'*' * (len(text) - 2)}{text[-1]}"


def mask_phone(text: str) -> str:
    """A mobile number as 138****5678; of any other the last two digits."""
    bare = re.sub(r"^(?:\+|00)?86[ -]?", "", text.strip())
    bare = bare.replace(" ", "").replace("-", "") if re.match(r"1[3-9]", bare) else bare
    if re.fullmatch(r"1[3-9][0-9](?:[0-9]|\*){4}[0-9]{4}", bare):
        return f"{bare[:3]}****{bare[-4:]}"
    if len(text) < 5:
        return "*" * len(text)
    return f"{'*' * (len(text) - 2)}{text[-2:]}"


def mask_email(text: str) -> str:
    """An address: the first letter and the domain."""
    local, at, domain = text.rpartition("@")
    if not at:
        return mask_number(text)
    return f"{local[:1].replace('*', '')}***@{domain}"


def mask_name(text: str) -> str:
    """A name: its first character."""
    return f"{text[0]}*" if text else ""


def mask_text(text: str) -> str:
    """``text`` with resident identity numbers and mainland mobile numbers masked, else as it is.

    Its length does not change, so neither do the columns of a table.  A time proportional to the
    length, whatever the text.
    """
    plain = text if text.isascii() else text.translate(_WIDE)
    if len(plain) < 11:
        return text
    pieces: list[str] = []
    end = 0
    for start, stop, masked in _hits(plain):
        pieces += (text[end:start], masked)
        end = stop
    if not pieces:
        return text
    return "".join((*pieces, text[end:]))


def mask_record(record: Mapping[str, Any]) -> dict[str, Any]:
    """A record as nested JSON (DESIGN §12), with persons masked; the given one is not changed."""
    names = _Names(_persons_names(record), _organisations_name(record))
    return {
        key: value if key in _IDENTITIES else _part(key, value, names)
        for key, value in record.items()
    }


def mask_tree(value: Any) -> Any:
    """Any JSON value, with what its keys call personal masked: for what has not its right shape."""
    return _tree(value, _Names(frozenset(), ""))


def masked_places(record: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Path and value of everything personal in a record that is masked already.

    Stored, it would take the place of what it stands for.
    """
    todo: list[tuple[Any, str, str, bool]] = [(record, "", "", False)]
    while todo:
        value, path, key, person = todo.pop()
        if isinstance(value, Mapping):
            below = [
                (kept, f"{path}.{name}" if path else str(name), str(name))
                for name, kept in value.items()
                if path or name not in _IDENTITIES
            ]
            todo += [
                (kept, place, name, person or tuple(place.split(".")) in PERSONS)
                for kept, place, name in reversed(below)
            ]
        elif isinstance(value, list):
            items = [(kept, f"{path}[{index}]", key, person) for index, kept in enumerate(value)]
            todo += reversed(items)
        elif isinstance(value, str) and "*" in value and _stands_masked(value, key, person=person):
            yield path, value


def too_deep(value: Any) -> bool:
    """Whether a record is nested deeper than any that is meant: ``DEEPEST`` levels."""
    level = [value]
    for _ in range(DEEPEST):
        level = [
            kept
            for one in level
            if isinstance(one, Mapping | list)
            for kept in (one.values() if isinstance(one, Mapping) else one)
        ]
        if not level:
            return False
    return True


def certificate_is_personal(certificate_type: str, number: str) -> bool:
    """Whether the certificate of an entity is a person's, and so its number."""
    return certificate_type.strip().lower() in _PERSONAL_PAPERS or is_resident_id(number)


def _hits(plain: str) -> Iterator[tuple[int, int, str]]:
    residents = [match for match in _RESIDENT.finditer(plain) if _born(match)]
    found = [
        (match.start(), match.end(), f"{plain[match.start()]}{'*' * 16}{plain[match.end() - 1]}")
        for match in residents
        if not _organisation(match.group())
    ]
    for match in _MOBILE.finditer(plain):
        before, head, gap, _, _, tail = match.groups()
        found.append((match.start(), match.end(), f"{before or ''}{head}{gap}****{gap}{tail}"))
    return iter(sorted(found))


def _born(match: re.Match[str]) -> bool:
    day = match[2]
    try:
        date(int(day[:4]), int(day[4:6]), int(day[6:]))
    except ValueError:
        return False
    return True


def _organisation(number: str) -> bool:
    """Whether a number is a unified social credit code (GB 32100) and cannot be a person's."""
    if not _credit_code(number):
        return False
    if not number[:17].isdigit():
        return True
    weighed = sum(int(c) * w for c, w in zip(number[:17], _WEIGHTS, strict=True))
    return _CHECKS[weighed % 11] != number[17]


def _credit_code(number: str) -> bool:
    """Whether the check digit of GB 32100 fits."""
    try:
        values = [_USCC.index(character) for character in number]
    except ValueError:
        return False
    if len(values) != 18:
        return False
    weighed = sum(value * pow(3, place, 31) for place, value in enumerate(values[:17]))
    return (31 - weighed % 31) % 31 == values[17]


class _Names(NamedTuple):
    """Who is named in a record, as names are compared."""

    persons: frozenset[str]
    organisation: str

    def person(self, text: str) -> bool:
        """Whether a holder or investor is a person: a short name, and no organisation's."""
        name = folded(text)
        if name in self.persons:
            return True
        short = _HAN_NAME.fullmatch(text.strip()) is not None
        return short and name != self.organisation and not name.endswith(_ORGANISATIONS)


def _organisations_name(record: Mapping[str, Any]) -> str:
    entity = record.get("entity")
    name = entity.get("name") if isinstance(entity, Mapping) else None
    return folded(name) if isinstance(name, str) else ""


def _persons_names(record: Mapping[str, Any]) -> frozenset[str]:
    names = set()
    for part, key in PERSONS:
        inner = record.get(part)
        person = inner.get(key) if isinstance(inner, Mapping) else None
        name = person.get("name") if isinstance(person, Mapping) else None
        if isinstance(name, str):
            names.add(folded(name))
    return frozenset(names - {""})


def folded(text: str) -> str:
    """A name or number as it is compared: NFKC, without white space, in capitals."""
    return re.sub(r"\s+", "", unicodedata.normalize("NFKC", text)).upper()


def _part(key: str, value: Any, names: _Names) -> Any:
    if key not in ("entity", "service") or not isinstance(value, Mapping):
        return _tree(value, names, key)
    shown = {
        inner: (_person(kept) if (key, inner) in PERSONS else _tree(kept, names, inner))
        for inner, kept in value.items()
    }
    if key == "entity":
        number = value.get("certificate_number")
        papers = value.get("certificate_type")
        if isinstance(number, str) and certificate_is_personal(str(papers or ""), number):
            shown["certificate_number"] = mask_number(number)
        # The name of an organisation or an individual is public in MIIT's query.
        if isinstance(value.get("name"), str):
            shown["name"] = mask_text(value["name"])
    return shown


def _person(value: Any) -> Any:
    if not isinstance(value, Mapping) or is_forgotten(value):
        return _hidden(value)
    return {
        key: kept if key in _OPEN_KEYS else _leaf(key, kept) if key in _MASKS else _hidden(kept)
        for key, kept in value.items()
    }


def _leaf(key: str, value: Any) -> Any:
    if value is None or value == _HIDDEN or is_forgotten(value):
        return value
    if isinstance(value, int) and not isinstance(value, bool):
        value = str(value)
    if not isinstance(value, str):
        return _hidden(value)
    return _MASKS[key](value)


def _hidden(value: Any) -> Any:
    return value if value is None or value == "" or is_forgotten(value) else _HIDDEN


def is_forgotten(value: Any) -> bool:
    """Whether this stands in the place of something that was forgotten."""
    if not isinstance(value, Mapping) or set(value) != {FORGOTTEN}:
        return False
    when = value[FORGOTTEN]
    return isinstance(when, str) and _TIME.fullmatch(when) is not None


_MASKS: Final = {
    **dict.fromkeys(_PHONES, mask_phone),
    **dict.fromkeys(_EMAILS, mask_email),
    **dict.fromkeys(_NUMBERS, mask_number),
    **dict.fromkeys(_NAMES, mask_name),
    "name": mask_name,
}


def _tree(value: Any, names: _Names, key: str = "") -> Any:
    """A value below a key that is not a PERSON's."""
    if isinstance(value, Mapping):
        if is_forgotten(value):
            return value
        if key == "head":
            return _person(value)
        return {inner: _tree(kept, names, inner) for inner, kept in value.items()}
    if isinstance(value, list):
        return [_tree(kept, names, key) for kept in value]
    if key in _PHONES | _EMAILS | _NAMES:
        return _leaf(key, value)
    if key in _NUMBERS:
        own = key == "holder_certificate_number" and _organisation(str(value).strip())
        return value if own else _leaf(key, value)
    if not isinstance(value, str):
        return mask_tree(str(value)) if _numeric(value) else value
    if key in ("holder", "investor") and names.person(value):
        return mask_name(value)
    if key == "path":  # of a file, often called after whose document it shows
        for name in names.persons:
            value = value.replace(name, mask_name(name))
    return mask_text(value)


def _numeric(value: Any) -> bool:
    """Whether a number would be masked, were it text."""
    return isinstance(value, int) and mask_text(str(value)) != str(value)


def _stands_masked(value: str, key: str, *, person: bool) -> bool:
    if key in _MASKS.keys() - {"name"} or key == "certificate_number":
        return True
    if (person or key in ("holder", "investor")) and re.fullmatch(r".\*+", value):
        return True
    return _MASKED.search(value) is not None
