"""Who approves: names that only look different are one person."""

import pytest

from gatekeeper.approval import person


@pytest.mark.parametrize(
    "other",
    [
        "li wei",
        "  Li   Wei ",
        "LI WEI",
        "Ｌｉ\u3000Ｗｅｉ",
        "Li\u200b Wei",
        "\ufeffLi Wei\u2060",
        "L\u00adi Wei",
        "\u202aLi Wei\u202c",
        "Li\u00a0Wei",
        "Li \u200bWei",
        "Li\u200b \u200b Wei",
    ],
)
def test_names_that_only_look_different_are_one_person(other):
    assert person(other) == person("Li Wei")


@pytest.mark.parametrize("other", ["Li Wen", "LiWei", "李伟", "Li Wei 2", ""])
def test_other_names_are_other_people(other):
    assert person(other) != person("Li Wei")


@pytest.mark.parametrize("name", ["", " ", "\u200b", "\u3000\ufeff"])
def test_a_name_that_nobody_sees_is_none(name):
    assert person(name) == ""


def test_folding_is_stable():
    for name in ("Straße", "ﬁ", "İ", "ǰ", "①"):
        assert person(person(name)) == person(name)
