"""The config of a Pulumi project is read strictly."""

from __future__ import annotations

import pytest

from gatekeeper.errors import StackError
from gatekeeper.stacks.settings import ACCOUNT_ID, Given

KNOWN = ("accountId", "replicas", "subnetIds", "tags", "feed", "kind")
HINT = "an account has 12 digits"


def given(**values):
    return Given("gatekeeper", values, KNOWN)


def test_values_are_read_as_they_are_meant():
    found = given(
        accountId=" 012345678901 ",
        replicas="2",
        subnetIds='["subnet-1","subnet-2"]',
        tags='{"team":"ops"}',
        feed="False",
        kind="rds",
    )
    assert found.text("accountId", ACCOUNT_ID, HINT) == "012345678901"
    assert found.number("replicas", default=1, low=1, high=9) == 2
    assert found.texts("subnetIds", r"subnet-\d", "ids") == ("subnet-1", "subnet-2")
    assert found.mapping("tags") == {"team": "ops"}
    assert found.flag("feed", default=True) is False
    assert found.one_of("kind", ["rds", "external"]) == "rds"


def test_what_is_not_set_has_its_default():
    found = given(accountId="", replicas="null")
    assert found.text("accountId", ACCOUNT_ID, HINT, default="none") == "none"
    assert found.maybe("accountId", ACCOUNT_ID, HINT) is None
    assert found.number("replicas", default=1, low=1, high=9) == 1
    assert found.texts("subnetIds", ".*", "ids", default=()) == ()
    assert found.mapping("tags") == {}
    assert found.flag("feed", default=True) is True
    assert found.one_of("kind", ["rds"], default="rds") == "rds"


def test_one_text_is_a_list_of_one():
    assert given(subnetIds="subnet-1").texts("subnetIds", r"subnet-\d", "ids") == ("subnet-1",)
    assert given(subnetIds="[111122223333]").texts("subnetIds", r"\d+", "ids") == ("111122223333",)


@pytest.mark.parametrize(
    ("values", "read", "words"),
    [
        (
            {"acountId": "1"},
            lambda found: found,
            ["gatekeeper:acountId", "'1'", "no such key", "accountId"],
        ),
        (
            {},
            lambda found: found.text("accountId", ACCOUNT_ID, HINT),
            ["gatekeeper:accountId is missing", HINT, "pulumi config set gatekeeper:accountId"],
        ),
        (
            {"accountId": "12345"},
            lambda found: found.text("accountId", ACCOUNT_ID, HINT),
            ["gatekeeper:accountId is '12345'", HINT],
        ),
        (
            {"replicas": "many"},
            lambda found: found.number("replicas", default=1, low=1, high=9),
            ["gatekeeper:replicas is 'many'", "from 1 to 9"],
        ),
        (
            {"replicas": "10"},
            lambda found: found.number("replicas", default=1, low=1, high=9),
            ["'10'", "from 1 to 9"],
        ),
        (
            {"feed": "yes"},
            lambda found: found.flag("feed", default=True),
            ["gatekeeper:feed is 'yes'", "true or false"],
        ),
        (
            {"subnetIds": '["subnet-1", 2.5]'},
            lambda found: found.texts("subnetIds", ".*", "ids"),
            ["gatekeeper:subnetIds", "list of texts"],
        ),
        (
            {"subnetIds": '["subnet-1","subnet-1"]'},
            lambda found: found.texts("subnetIds", ".*", "ids"),
            ["subnet-1 is named twice"],
        ),
        (
            {"subnetIds": "[subnet-1"},
            lambda found: found.texts("subnetIds", ".*", "ids"),
            ["gatekeeper:subnetIds", "no JSON"],
        ),
        (
            {},
            lambda found: found.texts("subnetIds", ".*", "two subnets"),
            ["gatekeeper:subnetIds is missing", "two subnets"],
        ),
        (
            {"tags": "[]"},
            lambda found: found.mapping("tags"),
            ["gatekeeper:tags is '[]'", "map"],
        ),
        (
            {"kind": "mysql"},
            lambda found: found.one_of("kind", ["rds", "external"]),
            ["gatekeeper:kind is 'mysql'", "rds, external"],
        ),
    ],
)
def test_an_error_names_the_key_the_value_and_what_to_do(values, read, words):
    with pytest.raises(StackError) as caught:
        read(given(**values))
    assert caught.value.code == "Config"
    for word in words:
        assert word in caught.value.message
    assert "配置项" in caught.value.text("zh")
    assert "\n" not in caught.value.message


def test_a_long_value_is_not_shown_whole():
    with pytest.raises(StackError) as caught:
        given(accountId="7" * 500).text("accountId", ACCOUNT_ID, HINT)
    assert len(caught.value.message) < 250
