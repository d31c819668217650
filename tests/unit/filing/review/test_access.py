"""The account and addresses, and how a service is connected; every record is made up."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from gatekeeper.filing.model import Access, Entity, FilingState
from gatekeeper.filing.review import (
    AccountFacts,
    AddressFacts,
    BalancerFacts,
    Facts,
    Holding,
    Surroundings,
    Told,
    not_told,
)
from gatekeeper.sources.provider_rules import packaged_providers
from tests.unit.filing.review.others import OWN, STRANGER, filing, peer, register
from tests.unit.filing.review.records import (
    ACCOUNT,
    DELETE,
    IPS,
    changed,
    facts,
    judged,
    verdict,
    website,
)

ARN = f"arn:aws-cn:elasticloadbalancing:cn-northwest-1:{ACCOUNT}:loadbalancer/app/shop/1"
OTHER_ARN = ARN.replace("shop/1", "shop/2")
FIRST, SECOND = IPS


def held(
    first: AddressFacts | None = None,
    *,
    balancers: tuple[BalancerFacts, ...] = (),
    named: Told[tuple[str, ...]] | None = None,
    in_region: Told[bool] | None = None,
    owners: Told[bool] | None = None,
) -> Facts:
    """Good live facts but for the first address, or with these load balancers."""
    good = facts(website())
    account = good.account.value
    assert account is not None
    account = replace(
        account,
        addresses={**account.addresses, FIRST: first or account.addresses[FIRST]},
        balancers={one.arn: one for one in balancers},
        named=named or Told(()),
        owners=owners or Told(True),
    )
    return replace(
        good,
        account=Told(account),
        in_region={**good.in_region, FIRST: in_region or Told(True)},
    )


def of_balancer(*ips: str, whole: Told[bool] | None = None, internal: bool = False) -> Facts:
    """The addresses are a load balancer's, which has these."""
    found = held(balancers=(BalancerFacts(ARN, "shop", ips, internal, whole or Told(True)),))
    assert found.account.value is not None
    mine = AddressFacts(Told(Holding.LOAD_BALANCER), balancer=ARN)
    account = replace(found.account.value, addresses=dict.fromkeys(IPS, mine), named=Told((ARN,)))
    return replace(found, account=Told(account))


UNTOLD = not_told("DescribeAddresses failed", "DescribeAddresses 读取失败")


@pytest.mark.parametrize(
    ("rule", "first", "expected"),
    [
        ("access-type", AddressFacts(Told(Holding.EIP)), "pass"),
        ("access-type", AddressFacts(Told(Holding.LOAD_BALANCER), balancer=ARN), "pass"),
        ("access-type", AddressFacts(Told(Holding.IPV6)), "pass"),
        ("access-type", AddressFacts(Told(Holding.EIP), serves=False), "pass"),
        ("access-type", AddressFacts(Told(Holding.AUTO)), "fail"),
        (
            "access-type",
            AddressFacts(Told(Holding.EIP), serves=False, on_nat_gateway=True),
            "fail",
        ),
        ("access-type", AddressFacts(Told(Holding.NONE)), "unknown"),
        ("access-type", AddressFacts(UNTOLD), "unknown"),
        ("access-owned", AddressFacts(Told(Holding.EIP)), "pass"),
        ("access-owned", AddressFacts(Told(Holding.AUTO)), "pass"),
        ("access-owned", AddressFacts(Told(Holding.NONE)), "fail"),
        ("access-owned", AddressFacts(Told(Holding.NONE), elsewhere="210987654321"), "fail"),
        ("access-owned", AddressFacts(UNTOLD), "unknown"),
        ("access-released", AddressFacts(Told(Holding.EIP)), "pass"),
        ("access-released", AddressFacts(Told(Holding.NONE)), "pass"),
        ("access-released", AddressFacts(Told(Holding.NONE), released=Told(True)), "fail"),
        ("access-released", AddressFacts(Told(Holding.NONE), released=UNTOLD), "unknown"),
        ("access-released", AddressFacts(Told(Holding.EIP), released=Told(True)), "warn"),
        ("access-released", AddressFacts(UNTOLD), "unknown"),
        ("access-elb-set", AddressFacts(Told(Holding.EIP)), "not_applicable"),
    ],
)
def test_what_the_account_says_decides(rule: str, first: AddressFacts, expected: str) -> None:
    found = judged(website(), rule, facts=held(first))
    assert {one.verdict.value for one in found} == {expected}
    if expected in ("fail", "unknown", "warn"):
        assert [one.field for one in found] == ["access.ips[0]"]
        assert FIRST in found[0].message
        assert FIRST in found[0].message_zh


LIVE = ("access-type", "access-owned", "access-released", "access-elb-set")


@pytest.mark.parametrize("rule", LIVE)
def test_without_the_account_nothing_is_known(rule: str) -> None:
    [offline] = judged(website(), rule, facts=None)
    assert (offline.verdict.value, "--dump" in offline.message) == ("unknown", True)
    refused = replace(facts(website()), account=not_told("AccessDenied", "权限不足"))
    [found] = judged(website(), rule, facts=refused)
    assert (found.verdict.value, found.message, found.message_zh) == (
        "unknown",
        "AccessDenied",
        "权限不足",
    )


@pytest.mark.parametrize("rule", LIVE)
def test_an_address_that_the_facts_lack_is_unknown(rule: str) -> None:
    empty = replace(
        facts(website()),
        account=Told(AccountFacts(account_id=ACCOUNT, owners=not_told("x", "x"))),
    )
    assert verdict(website(), rule, facts=empty) == "unknown"


def test_another_account_is_named() -> None:
    elsewhere = AddressFacts(Told(Holding.NONE), elsewhere="210987654321")
    [found] = judged(website(), "access-owned", facts=held(elsewhere))
    assert "210987654321" in found.message
    assert "210987654321" in found.message_zh


def test_no_address_is_a_failure_of_the_type_even_offline() -> None:
    record = changed(website(), "access.ips", [])
    [found] = judged(record, "access-type", facts=None)
    assert (found.verdict.value, found.field) == ("fail", "access.ips")
    assert verdict(record, "access-owned", facts=None) == "unknown"
    assert verdict(record, "access-released", facts=None) == "unknown"
    assert verdict(changed(website(), "access", DELETE), "access-type", facts=None) == "fail"


@pytest.mark.parametrize(
    ("ip", "expected"),
    [
        ("10.1.2.3", "fail"),
        ("172.31.255.255", "fail"),
        ("172.32.0.0", "unknown"),
        ("100.64.0.1", "fail"),
        ("fd00::1", "fail"),
        ("::1", "fail"),
        ("2400:7fc0::1", "unknown"),
        ("52.83.200.1", "unknown"),
    ],
)
def test_an_inside_address_needs_no_look(ip: str, expected: str) -> None:
    record = changed(website(), "access.ips", [ip])
    assert verdict(record, "access-type", facts=None) == expected


@pytest.mark.parametrize(
    ("inside", "expected"),
    [
        (Told(True, source="ip-ranges.json, 2026-11-01"), "pass"),
        (Told(False, source="ip-ranges.json, 2026-11-01"), "fail"),
        (not_told("no such region", "没有该区域"), "pass"),
    ],
)
def test_the_published_ranges(inside: Told[bool], expected: str) -> None:
    """What the region's own answers have is there, whether or not the ranges are known."""
    found = judged(website(), "access-owned", facts=held(in_region=inside))
    assert {one.verdict.value for one in found} == {expected}
    if expected == "fail":
        assert "2026-11-01" in found[0].message
        assert "cn-northwest-1" in found[0].message_zh


def test_an_address_outside_the_region_needs_no_account() -> None:
    live = Facts(account=not_told("x", "x"), in_region={FIRST: Told(False), SECOND: Told(True)})
    [found] = judged(website(), "access-owned", facts=live)
    assert (found.verdict.value, found.field) == ("fail", "access.ips[0]")


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (ACCOUNT, "pass"),
        ("000000000012", "pass"),
        ("12345678901", "fail"),
        ("1234567890123", "fail"),
        ("1234-5678-9012", "fail"),
        ("１２３４５６７８９０１２", "fail"),
        ("", "fail"),
    ],
)
def test_the_account_has_12_digits(value: str, expected: str) -> None:
    assert verdict(changed(website(), "access.account_id", value), "access-account") == expected


@pytest.mark.parametrize("named", ["", "shop"])
@pytest.mark.parametrize(
    ("has", "expected"),
    [
        ((FIRST, SECOND), {"pass"}),
        ((FIRST, SECOND, "52.83.200.3"), {"fail"}),
        ((FIRST, SECOND, "2400:7fc0::1"), {"pass"}),  # only filed families are compared
    ],
)
def test_a_load_balancer_is_filed_whole(
    has: tuple[str, ...], expected: set[str], named: str
) -> None:
    record = changed(website(), "access.load_balancer", named)
    found = judged(record, "access-elb-set", facts=of_balancer(*has))
    assert {one.verdict.value for one in found} == expected
    if expected == {"fail"}:
        assert ["52.83.200.3" in one.message and "shop" in one.message for one in found] == [True]


def test_a_filed_ipv6_address_asks_for_all_of_them() -> None:
    record = changed(website(), "access.ips", [*IPS, "2400:7fc0::1"])
    live = of_balancer(*IPS, "2400:7fc0::1", "2400:7fc0::2")
    [found] = judged(record, "access-elb-set", facts=live)
    assert "2400:7fc0::2" in found.message


def test_extra_addresses_count_where_the_load_balancer_is_named() -> None:
    record = changed(website(), "access.load_balancer", "shop")
    [found] = judged(record, "access-elb-set", facts=of_balancer(FIRST))
    assert (found.verdict.value, SECOND in found.message) == ("fail", True)
    assert verdict(website(), "access-elb-set", facts=of_balancer(FIRST)) == "pass"


def test_a_set_that_was_read_in_part() -> None:
    """What is lacking lacks; what is too much may be there after all."""
    record, doubt = changed(website(), "access.load_balancer", "shop"), not_told("part", "部分")
    assert verdict(record, "access-elb-set", facts=of_balancer(FIRST, whole=doubt)) == "unknown"
    more = of_balancer(FIRST, "52.83.200.3", whole=doubt)
    assert verdict(record, "access-elb-set", facts=more) == "fail"


@pytest.mark.parametrize(
    ("named", "words"),
    [
        (Told(()), "has no load balancer"),
        (Told((ARN, OTHER_ARN)), "fits 2"),
        (not_told("elbv2 failed", "elbv2 读取失败"), "elbv2 failed"),
    ],
)
def test_a_name_fits_one_load_balancer(named: Told[tuple[str, ...]], words: str) -> None:
    record = changed(website(), "access.load_balancer", "shop\n")
    [found] = judged(record, "access-elb-set", facts=held(named=named))
    assert found.verdict.value == ("unknown" if named.value is None else "fail")
    assert (found.field, words in found.message) == ("access.load_balancer", True)


def test_an_internal_load_balancer_is_refused() -> None:
    record = changed(website(), "access.load_balancer", ARN)
    [found] = judged(record, "access-elb-set", facts=of_balancer(*IPS, internal=True))
    assert (found.verdict.value, "internal" in found.message) == ("fail", True)


def test_an_owner_that_was_not_read_is_unknown() -> None:
    live = held(owners=not_told("elb:DescribeLoadBalancers failed", "读取失败"))
    assert verdict(website(), "access-elb-set", facts=live) == "unknown"


def test_a_change_without_addresses_leaves_the_filings() -> None:
    record = changed(website(), "kind", "change")
    record = changed(record, "access", {"account_id": ACCOUNT})
    mine = replace(
        filing("FW1", "website", "塞上测试商城"),
        access=Access(account_id=ACCOUNT, ips=IPS),
    )
    around = Surroundings.of((), register(mine))
    lent = held(AddressFacts(Told(Holding.AUTO)))
    assert verdict(record, "access-type", facts=held(), surroundings=around) == "pass"
    [found] = judged(record, "access-type", facts=lent, surroundings=around)
    assert (found.verdict.value, found.field) == ("fail", "access.ips")
    assert verdict(record, "access-type", facts=held()) == "unknown"


@pytest.mark.parametrize("count", [0, 1, 2000])
def test_any_number_of_addresses_passes(count: int) -> None:
    ips = [f"52.83.{n // 250}.{n % 250}" for n in range(count)]
    [found] = judged(changed(website(), "access.ips", ips), "access-count")
    assert (found.verdict.value, str(count) in found.message) == ("pass", True)


def test_without_addresses_none_of_them_is_not_held() -> None:
    record = changed(website(), "access.ips", [])
    [found] = judged(record, "portal-ip")
    assert (found.verdict.value, found.field) == ("unknown", "access.ips")
    assert "missing" in found.message


def vianet() -> dict[str, Any]:
    return changed(changed(website(), "provider", "21vianet"), "access.server_place", "北京")


@pytest.mark.parametrize(
    ("path", "value", "expected"),
    [
        ("access.mode", "云接入", "pass"),
        ("access.mode", "专线", "fail"),
        ("access.mode", DELETE, "unknown"),
        ("access.server_place", "上海市", "pass"),
        ("access.server_place", "Hebei", "pass"),
        ("access.server_place", "北京市朝阳区", "pass"),
        ("access.server_place", "河北省张家口市", "pass"),
        ("access.server_place", "宁夏中卫市", "fail"),
        ("access.server_place", "宁夏", "fail"),
        ("access.server_place", "火星\u2028", "fail"),
        ("access.server_place", "", "unknown"),
        ("provider", "nwcd", "not_applicable"),
    ],
)
def test_the_access_mode_and_place(path: str, value: Any, expected: str) -> None:
    found = judged(changed(vianet(), path, value), "access-mode")
    assert {one.verdict.value for one in found} == {expected}
    assert all(one.message.isprintable() for one in found)


def test_a_change_that_leaves_the_access_alone_states_no_mode() -> None:
    record = changed(changed(vianet(), "kind", "change"), "access", {})
    assert verdict(record, "access-mode") == "not_applicable"


def test_a_provider_that_names_no_places_takes_any() -> None:
    known = packaged_providers()["21vianet"]
    anywhere = known.model_copy(update={"access": known.access.model_copy(update={"places": ()})})
    record = changed(vianet(), "access.server_place", "火星")
    assert verdict(record, "access-mode", provider=anywhere) == "pass"


def changing(status: str = "submitted", **given: Any) -> Any:
    record = changed(changed(vianet(), "kind", "change"), "status", status)
    return peer(changed(record, "application_id", "C1"), **given)


@pytest.mark.parametrize(
    ("other", "expected"),
    [
        (changing(), "fail"),
        (changing("returned"), "fail"),
        (changing("approved"), "pass"),
        (changing("draft"), "pass"),
        (changing("withdrawn"), "pass"),
        (changing(provider=""), "fail"),
        (changing(provider="nwcd"), "pass"),
        (changing(entity=STRANGER), "pass"),
        (changing(application_id="W1"), "pass"),
        (peer(changed(vianet(), "application_id", "N2")), "pass"),
    ],
)
def test_nothing_new_while_the_entity_changes(other: Any, expected: str) -> None:
    assert verdict(vianet(), "access-order", surroundings=Surroundings.of([other])) == expected


def test_a_change_of_the_service_alone_is_a_warning() -> None:
    known = register(filing("FW2", "website", "塞上另一商城"))
    service_only = changing(filing_id="FW2", entry=None)
    around = Surroundings.of([service_only], known)
    assert verdict(vianet(), "access-order", surroundings=around) == "warn"
    renamed = service_only._replace(entity=replace(OWN, name="宁夏新名称有限公司"))
    around = Surroundings.of([renamed], known)
    assert verdict(vianet(), "access-order", surroundings=around) == "fail"


@pytest.mark.parametrize(
    ("entity", "field"),
    [
        (OWN, None),
        (replace(OWN, name="宁夏测试科技 有限公司"), None),
        (replace(OWN, province="宁夏回族自治区", certificate_type="营业执照"), None),
        (replace(OWN, name="宁夏旧名称有限公司"), "entity.name"),
        (replace(OWN, province="北京"), "entity.province"),
        (replace(OWN, certificate_type="组织机构代码证"), "entity.certificate_type"),
        (STRANGER, None),
    ],
)
def test_stale_entity_data_are_changed_first(entity: Entity, field: str | None) -> None:
    known = register(filing("FW2", "website", "塞上另一商城", entity=entity))
    found = judged(vianet(), "access-order", surroundings=Surroundings.of((), known))
    assert [one.field for one in found if one.verdict.value == "fail"] == ([field] if field else [])
    ended = replace(known.filings[0], state=FilingState.ENDED)
    around = Surroundings.of((), register(ended))
    assert verdict(vianet(), "access-order", surroundings=around) == "pass"


def test_who_files_must_be_known_and_only_21vianet_asks() -> None:
    assert verdict(changed(vianet(), "entity", {}), "access-order") == "unknown"
    around = Surroundings.of([changing(provider="nwcd")])
    assert verdict(website(), "access-order", surroundings=around) == "not_applicable"
