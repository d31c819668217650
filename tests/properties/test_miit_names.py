"""Whatever way a name or a number is written, it compares as one; no two numbers become one."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from gatekeeper.filing.licence import PROVINCES, Licence
from gatekeeper.filing.miit import domain_key, holder_key, number_key
from tests.properties.examples import examples

NAMES = st.text(
    alphabet=st.characters(
        codec="utf-8", categories=("Lu", "Ll", "Lo", "Nd", "Ps", "Pe", "Po", "Zs")
    ),
    max_size=30,
)
SPACES = st.sampled_from(["", " ", "\u3000", "\t", "\u200b", "\u00a0"])
OPEN, CLOSE = "（(〔【[", "）)〕】]"
SEQUENCES = st.one_of(
    st.tuples(st.none(), st.none()),
    st.tuples(st.integers(1, 999), st.sampled_from([None, "A", "X", "K"])),
)


def digits(size):
    return st.text("0123456789", min_size=size, max_size=size)


NUMBERS = st.builds(
    lambda province, kind, number, sequence: Licence(province, kind, number, *sequence),
    st.sampled_from(PROVINCES),
    st.sampled_from(["备", "证"]),
    st.sampled_from([6, 8, 10]).flatmap(digits),
    SEQUENCES,
) | st.builds(
    lambda province, kind, number, sequence: Licence(province, kind, number, *sequence),
    st.sampled_from(PROVINCES),
    st.sampled_from(["B2", "A2", "A2.B1", "B-2-4"]),
    digits(8),
    SEQUENCES,
)
_WIDE = str.maketrans({chr(code): chr(code + 0xFEE0) for code in range(0x21, 0x7F)})


@examples(4)
@given(NAMES, NAMES, SPACES, st.integers(0, 4), st.integers(0, 4))
def test_brackets_width_and_white_space_never_part_a_name(first, second, space, one, other):
    plain = f"{first}({second})"
    written = f"{space}{first}{space}{OPEN[one]}{second}{CLOSE[other]}{space}"
    assert holder_key(written) == holder_key(plain)
    assert holder_key(plain.translate(_WIDE)) == holder_key(plain)


@examples(4)
@given(NAMES)
def test_a_key_is_its_own_key(name):
    assert holder_key(holder_key(name)) == holder_key(name)
    assert domain_key(domain_key(name)) == domain_key(name)


@examples(4)
@given(NAMES, NAMES)
def test_names_that_differ_in_a_visible_character_stay_apart(first, second):
    assert holder_key(f"{first}甲{second}") != holder_key(f"{first}乙{second}")


@examples(4)
@given(NUMBERS, SPACES)
def test_a_number_is_one_however_it_is_written(licence, space):
    text = licence.canonical
    if space != "\u200b":  # no white space: a number with one is no number
        assert number_key(space.join(text)) == text
    assert number_key(text.lower().translate(_WIDE)) == text
    assert number_key(text.replace("号", "")) == text


@examples(4)
@given(NUMBERS, NUMBERS)
def test_two_numbers_are_one_only_where_they_are(one, other):
    assert (number_key(one.canonical) == number_key(other.canonical)) == (one == other)
