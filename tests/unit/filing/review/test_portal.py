"""The portal account: one e-mail address and one mobile number; every record is made up."""

from __future__ import annotations

from dataclasses import replace

import pytest

from gatekeeper.filing.review import AddressFacts, Facts, Holding, Surroundings, Told, not_told
from tests.unit.filing.review.others import peer
from tests.unit.filing.review.records import IPS, changed, facts, judged, verdict, website


def beside(**given: str) -> Surroundings:
    return Surroundings.of([peer(website(), application_id="W2", **given)])


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({}, "pass"),
        ({"mobile": "13995000098"}, "fail"),
        ({"email": "other@example.cn"}, "fail"),
        ({"email": "PORTAL@example.cn".casefold()}, "pass"),
        ({"email": "other@example.cn", "mobile": "13995000098"}, "pass"),
        ({"mobile": ""}, "pass"),
        ({"mobile": "13995000098", "provider": "21vianet"}, "pass"),
    ],
)
def test_one_account_has_one_address_and_one_number(given, expected: str) -> None:
    assert verdict(website(), "portal-one", surroundings=beside(**given)) == expected


@pytest.mark.parametrize(("mine", "theirs"), [("", "nwcd"), ("nwcd", ""), ("nwcd", "NWCD")])
def test_a_provider_is_the_same_however_it_is_written(mine: str, theirs: str) -> None:
    other = changed(website(), "provider", theirs)
    around = Surroundings.of([peer(other, application_id="W2", mobile="13995000098")])
    record = changed(website(), "provider", mine)
    assert verdict(record, "portal-one", surroundings=around) == "fail"


def test_no_number_of_the_account_is_told() -> None:
    [found] = judged(website(), "portal-one", surroundings=beside(mobile="13995000098"))
    for text in (found.message, found.message_zh):
        assert "1399500" not in text
        assert "@" not in text


@pytest.mark.parametrize("field", ["portal.email", "portal.mobile"])
def test_what_is_missing_is_unknown(field: str) -> None:
    [found] = judged(changed(website(), field, ""), "portal-one")
    assert (found.verdict, found.field) == ("unknown", field)


def live(*holdings: Told[Holding]) -> Facts:
    good = facts(website())
    account = good.account.value
    assert account is not None
    addresses = {ip: AddressFacts(one) for ip, one in zip(IPS, holdings, strict=True)}
    return replace(good, account=Told(replace(account, addresses=addresses)))


UNREAD: Told[Holding] = not_told("not read", "未读取")


@pytest.mark.parametrize(
    ("holdings", "expected"),
    [
        ((Told(Holding.EIP), Told(Holding.NONE)), "pass"),
        ((Told(Holding.NONE), UNREAD), "unknown"),
        ((Told(Holding.EIP), UNREAD), "pass"),
        ((Told(Holding.NONE), Told(Holding.AUTO)), "fail"),
    ],
)
def test_the_account_holds_an_address(holdings, expected: str) -> None:
    assert verdict(website(), "portal-ip", facts=live(*holdings)) == expected
