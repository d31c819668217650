"""Masking: everything personal, nothing else, and the same again."""

from __future__ import annotations

import json
import re
from datetime import UTC, date, datetime
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from stdnum.cn import ric, uscc

from gatekeeper.filing import (
    Person,
    forget,
    keep_forgotten,
    mask_record,
    mask_text,
    masked_places,
)
from tests.unit.filing.test_forgetting import WHEN, application

HEX = "0123456789abcdef"
REGIONS = ("110105", "310104", "440305", "640121", "659001", "710000", "810000", "830000")


@st.composite
def resident_ids(draw: st.DrawFn) -> str:
    """Numbers as they are given out, with the check digit that fits."""
    born = draw(st.dates(min_value=date(1900, 1, 1), max_value=date(2026, 1, 1)))
    number = f"{draw(st.sampled_from(REGIONS))}{born:%Y%m%d}{draw(st.integers(0, 999)):03}"
    return number + ric.calc_check_digit(f"{number}0")


mobiles = st.from_regex(r"1[3-9][0-9]{9}", fullmatch=True)
between = st.text(st.sampled_from(" ，。；:\"'<>()[]{}=电话人\n"), min_size=1, max_size=4)


@st.composite
def credit_codes(draw: st.DrawFn) -> str:
    alphabet = "0123456789ABCDEFGHJKLMNPQRTUWXY"
    body = draw(st.sampled_from(("91", "92", "11", "12", "52", "N2"))) + draw(
        st.text(st.sampled_from("0123456789"), min_size=6, max_size=6)
    )
    body += draw(st.text(st.sampled_from(alphabet), min_size=9, max_size=9))
    return body + uscc.calc_check_digit(body)


ids_of_others = st.one_of(
    credit_codes().filter(lambda code: not ric.is_valid(code)),
    st.from_regex(r"[0-9]{12}", fullmatch=True),
    st.text(st.sampled_from(HEX), min_size=17, max_size=17).map(lambda t: f"eni-{t}"),
    st.text(st.sampled_from("0123456789"), min_size=11, max_size=11).map(lambda t: f"sg-{t}"),
    st.text(st.sampled_from(HEX), min_size=64, max_size=64),
    st.uuids().map(str),
    st.integers(0, 4_000_000_000).map(lambda s: datetime.fromtimestamp(s, UTC).isoformat()),
    st.integers(10**12, 10**13 - 1).map(str),
    st.ip_addresses().map(str),
    st.integers(1, 99_999_999).map(lambda n: f"宁ICP备{n:08}号-{n % 97}A"),
    st.from_regex(r"[0-9]{12}", fullmatch=True).map(
        lambda account: (
            f"arn:aws-cn:elasticloadbalancing:cn-northwest-1:{account}:"
            "loadbalancer/app/web/0123456789abcdef"
        )
    ),
)


@given(st.lists(st.tuples(between, st.one_of(resident_ids(), mobiles)), max_size=5), between)
def test_every_number_of_a_person_is_masked(parts: list[tuple[str, str]], end: str) -> None:
    text = "".join(gap + number for gap, number in parts) + end
    shown = mask_text(text)
    assert len(shown) == len(text)
    assert mask_text(shown) == shown
    for _, number in parts:
        assert number not in shown
    assert not re.search(r"[0-9]{8}", shown)


@given(st.lists(st.tuples(between, ids_of_others), max_size=5), between)
def test_no_other_number_is_touched(parts: list[tuple[str, str]], end: str) -> None:
    text = "".join(gap + number for gap, number in parts) + end
    assert mask_text(text) == text


@given(st.text(st.sampled_from("0123456789Xx+- .,_*A中"), max_size=60))
def test_any_text_is_masked_once(text: str) -> None:
    shown = mask_text(text)
    assert len(shown) == len(text)
    assert mask_text(shown) == shown


KEYS = (
    *("head", "name", "id_number", "phone", "email", "mobile", "portal", "entity", "service"),
    *("domains", "holder", "path", "investor", "forgotten", "certificate_number", "x"),
)
trees = st.recursive(
    st.one_of(
        st.none(),
        st.booleans(),
        st.integers(0, 10**18),
        st.text(max_size=12),
        resident_ids(),
        mobiles,
    ),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3), st.dictionaries(st.sampled_from(KEYS), inner, max_size=4)
    ),
    max_leaves=12,
)
records = st.dictionaries(st.sampled_from(("entity", "service", "portal", "entry")), trees)


@given(records)
def test_any_record_is_masked_once_and_holds_no_number(record: dict[str, Any]) -> None:
    shown = mask_record(record)
    assert mask_record(shown) == shown
    for text in leaves(shown):
        assert mask_text(text) == text


@given(records)
def test_what_was_masked_is_known_again(record: dict[str, Any]) -> None:
    shown = mask_record(record)
    if any(re.search(r"[0-9]\*{16}|1[3-9][0-9]\*{4}[0-9]{4}", text) for text in leaves(shown)):
        assert list(masked_places(shown))


@given(records, resident_ids())
def test_whoever_was_forgotten_is_gone_and_stays_so(record: dict[str, Any], number: str) -> None:
    record = {**record, "entity": {"head": {"name": "王某", "id_number": number}, "x": number}}
    before = application(record)
    erased = forget(before, Person(id_number=number), WHEN).application
    assert number not in erased.review
    assert keep_forgotten(before.review, erased.review) == erased.review
    assert forget(erased, Person(id_number=number), "u").application == erased
    assert json.loads(erased.review)["entity"]["head"] == {"forgotten": WHEN}


def leaves(value: Any) -> list[str]:
    if isinstance(value, dict):
        return [text for kept in value.values() for text in leaves(kept)]
    if isinstance(value, list):
        return [text for kept in value for text in leaves(kept)]
    return [value] if isinstance(value, str) else []
