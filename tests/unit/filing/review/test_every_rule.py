"""For every rule one record that keeps it and one that breaks it; every record is made up.

The tests of each area know the borders; this table knows that no rule is forgotten.  A rule that
only allows something has nothing to break, and says so.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any, NamedTuple

import pytest

from gatekeeper.filing.model import FilingState, Kind, Status
from gatekeeper.filing.review import (
    AddressFacts,
    BalancerFacts,
    Facts,
    Holding,
    Lookup,
    ShownNumber,
    Surroundings,
    Told,
    rules,
)
from tests.unit.filing.review.others import STRANGER, filing, peer, register
from tests.unit.filing.review.records import IPS, NOW, app, changed, facts, verdict, website

Record = dict[str, Any]

SITE = "宁ICP备2026000001号-1"
BALANCER = "arn:aws-cn:elasticloadbalancing:cn-northwest-1:123456789012:loadbalancer/app/web/1"
APPROVED = "2026-11-02T15:00:00+08:00"
MANUAL = {"entity.certificate_type": "事业单位法人证书", "verification.route": "manual"}


class Trial(NamedTuple):
    """A record, what stands around it, and the verdict that a rule must give."""

    record: Record
    verdict: str
    given: dict[str, Any]


def at(record: Record, changes: dict[str, Any] | None = None, **given: Any) -> Trial:
    """A record with changes that keeps the rule."""
    for path, value in (changes or {}).items():
        record = changed(record, path, value)
    return Trial(record, given.pop("says", "pass"), given)


def no(record: Record, changes: dict[str, Any] | None = None, **given: Any) -> Trial:
    """A record with changes that breaks it."""
    return at(record, changes, **{"says": "fail", **given})


def around(*filings: Any, peers: tuple[Any, ...] = ()) -> Surroundings:
    return Surroundings.of(peers, register(*filings))


def live(**changes: Any) -> Facts:
    """Good facts, with others of the first address, or of the account."""
    good = facts(website())
    account = good.account.value
    assert account is not None
    if "first" in changes:
        addresses = {**account.addresses, IPS[0]: changes.pop("first")}
        account = replace(account, addresses=addresses)
    return replace(good, account=Told(replace(account, **changes)))


def balanced(*whole: str) -> Facts:
    """The filed addresses are a load balancer's, which has these altogether."""
    mine = AddressFacts(Told(Holding.LOAD_BALANCER), balancer=BALANCER)
    balancers = {BALANCER: BalancerFacts(BALANCER, "web", whole)}
    return live(addresses=dict.fromkeys(IPS, mine), balancers=balancers)


def domain(**told: Any) -> Facts:
    good = facts(website())
    [(name, known)] = good.domains.items()
    return replace(good, domains={name: known._replace(**told)})


def answered(rule: str, word: str) -> dict[str, Any]:
    return {"answers": {rule: {"answer": word, "by": "li", "at": "2026-11-19T10:00:00+08:00"}}}


def approved(record: Record, licence: Any) -> Record:
    for path, value in (("status", "approved"), ("status_at", APPROVED)):
        record = changed(record, path, value)
    return changed(record, "service.licence", licence)


def since(status: str, days: float) -> dict[str, Any]:
    began = NOW - timedelta(days=days)
    return {"status": status, "status_at": began.isoformat()}


def order(kind: str, entry: str) -> Record:
    return changed(changed(website(), "kind", kind), "entry", entry)


def shown(*numbers: str, linked: bool = True) -> Facts:
    told = ShownNumber(numbers, numbers if linked else ())
    return replace(facts(website()), shown=Told(told))


def looked_up(*, found: bool) -> Facts:
    told = Lookup(found, False, (), datetime(2026, 11, 19, tzinfo=UTC))
    return replace(facts(website()), lookup=Told(told))


FILED = replace(filing("FW1", "website", "塞上测试商城", "example-test.cn"), application_id="N1")
OTHER_PORTAL = peer(website(), application_id="W2", mobile="13995000098")
ENDED = replace(FILED, state=FilingState.ENDED)
FILED_APP = replace(filing("FP1", "app", "塞上测试", "api.example-test.cn"), application_id="N2")
SECOND = [website()["service"]["domains"][0], "second-test.cn"]
V21 = {"provider": "21vianet", "access.server_place": "北京"}

#: Rule: a record that keeps it, and one that breaks it; ``None`` where nothing can.
TABLE: dict[str, tuple[Trial, Trial | None]] = {
    # who may file
    "who-region": (
        at(website()),
        no(website(), facts=replace(facts(website()), in_region=dict.fromkeys(IPS, Told(False)))),
    ),
    "who-organisation": (at(website()), no(website(), {"entity.type": "个人"})),
    "who-province": (at(website()), no(website(), {"entity.province": "青海"})),
    "who-foreign": (
        at(website(), {"entity.foreign": True, **answered("who-foreign", "yes")}),
        no(website(), {"entity.foreign": True, **answered("who-foreign", "no")}),
    ),
    "who-platform": (at(website()), no(website(), {"service.type": "fast_app"})),
    "who-offline": (at(app()), no(app(), {"service.online": False}, says="warn")),
    "who-again": (at(app()), no(app(), {"service.filed_as_website": True}, says="warn")),
    # portal
    "portal-one": (
        at(website(), surroundings=around(peers=(peer(website()),))),
        no(
            website(),
            surroundings=around(
                peers=(peer(website(), application_id="W2", mobile="13995000098"),)
            ),
        ),
    ),
    "portal-ip": (
        at(website()),
        no(
            website(),
            facts=live(addresses=dict.fromkeys(IPS, AddressFacts(Told(Holding.NONE)))),
        ),
    ),
    # domain
    "domain-tld": (at(website()), no(website(), facts=domain(tld_approved=Told(False)))),
    "domain-registrar": (
        at(website()),
        no(website(), facts=domain(registrar_approved=Told(False))),
    ),
    "domain-valid": (at(website()), no(website(), facts=domain(expires=Told(date(2026, 1, 1))))),
    "domain-real-name": (
        at(website()),
        no(website(), {"service.domains[0].real_name_verified": False}),
    ),
    "domain-holder": (at(website()), no(website(), {"service.domains[0].holder": "别的公司"})),
    "domain-website-level": (at(website()), no(website(), {"service.domains": []})),
    "domain-app-level": (
        at(app()),
        no(app(), {"service.domains[0].name": "a.b.c.d.example-test.cn"}),
    ),
    "domain-verify-one": (at(website()), no(website(), {"service.domains": SECOND}, says="warn")),
    "domain-added-by-change": (
        at(app(), {"kind": "change"}, surroundings=around(FILED_APP)),
        no(
            app(),
            {"service.domains[0].name": "new.example-test.cn", "filing_id": "FP1"},
            surroundings=around(FILED_APP),
        ),
    ),
    "domain-shared": (
        at(website(), surroundings=around(replace(FILED, filing_id="F9"))),
        no(website(), surroundings=around(replace(FILED, filing_id="F9", entity=STRANGER))),
    ),
    # entity and people
    "entity-fields": (at(website()), no(website(), {"entity.name": ""})),
    "entity-uscc": (
        at(website()),
        no(website(), {"entity.certificate_number": "91640100MA0000001Q"}),
    ),
    "entity-region": (at(website()), no(website(), {"entity.certificate_province": "北京"})),
    "entity-address": (at(website()), no(website(), {"entity.address": "宁夏银川"}, says="warn")),
    "entity-investor": (at(website(), V21), no(website(), {**V21, "entity.investor": ""})),
    "entity-head": (
        at(website()),
        no(website(), {"entity.legal_representative": "李示例"}, says="warn"),
    ),
    "person-fields": (at(website()), no(website(), {"service.head": None})),
    "person-id": (
        at(website()),
        no(website(), {"entity.head.id_number": "64010419900101001x"}),
    ),
    "person-id-valid": (
        at(website(), {"entity.head.valid_until": "2026-11-20"}),
        no(website(), {"entity.head.valid_until": "2026-11-19"}),
    ),
    "person-phone-region": (
        at(website()),
        no(website(), {"entity.head.office_phone": "010-65551234"}),
    ),
    # service
    "name-website-words": (at(website()), no(website(), {"service.name": "塞上 論壇"})),
    "name-website-length": (at(website()), no(website(), {"service.name": "塞上"}, says="warn")),
    "name-website-related": (at(website()), no(website(), answered("name-website-related", "no"))),
    "name-app-unique": (
        at(app(), surroundings=around(replace(FILED_APP, entity=STRANGER, filing_id="F9"))),
        no(app(), surroundings=around(replace(FILED_APP, filing_id="F9"))),
    ),
    "name-app-platforms": (at(app()), no(app(), {"service.app.platforms[0].name": "别的"})),
    "app-features": (at(app()), no(app(), {"service.app.platforms": []})),
    "app-sdk": (at(app()), no(app(), {"service.app.sdks": None})),
    "app-basics": (at(app()), no(app(), {"service.languages": []})),
    "preapproval": (at(website()), no(website(), {"service.categories": ["games"]})),
    # access
    "access-account": (at(website()), no(website(), {"access.account_id": "12345"})),
    "access-type": (
        at(website()),
        no(website(), facts=live(first=AddressFacts(Told(Holding.AUTO)))),
    ),
    "access-owned": (
        at(website()),
        no(website(), facts=live(first=AddressFacts(Told(Holding.NONE)))),
    ),
    "access-released": (
        at(website()),
        no(
            website(),
            facts=live(first=AddressFacts(Told(Holding.NONE), released=Told(True))),
        ),
    ),
    "access-elb-set": (
        at(website(), facts=balanced(*IPS)),
        no(website(), facts=balanced(*IPS, "52.83.200.9")),
    ),
    "access-count": (at(website()), None),
    "access-mode": (at(website(), V21), no(website(), {**V21, "access.mode": "主机托管"})),
    "access-order": (
        at(website(), V21),
        no(
            website(),
            V21,
            surroundings=around(
                peers=(
                    peer(
                        changed(website(), "provider", "21vianet"),
                        application_id="C1",
                        kind=Kind.CHANGE,
                        status=Status.SUBMITTED,
                    ),
                )
            ),
        ),
    ),
    # files and letters
    "file-licence-photo": (at(website()), no(website(), {"attachments[0].width": 1499})),
    "file-person-photo": (at(website()), no(website(), {"attachments[1].size": 99_999})),
    "file-photo-quality": (at(website()), no(website(), answered("file-photo-quality", "no"))),
    "file-domain-certificate": (
        at(website()),
        no(website(), {"attachments[2].kind": "party_letter"}),
    ),
    "file-app-icon": (at(app()), no(app(), {"attachments[4].kind": "party_letter"})),
    "file-site-photo": (
        at(website(), {**MANUAL, "attachments[3].kind": "site_photo"}),
        no(website(), MANUAL),
    ),
    "letter-verification-form": (
        at(
            website(),
            {
                **MANUAL,
                "attachments[3].kind": "verification_form",
                **answered("letter-verification-form", "yes"),
            },
        ),
        no(website(), MANUAL),
    ),
    "letter-authorisation": (
        at(
            website(),
            {
                "entity.legal_representative": "李示例",
                "attachments[3].kind": "authorisation_letter",
            },
        ),
        no(website(), {"entity.legal_representative": "李示例"}),
    ),
    "letter-confirmation": (
        at(
            website(),
            {"entity.aws_company": "别的公司", "attachments[3].kind": "confirmation_letter"},
        ),
        no(website(), {"entity.aws_company": "别的公司"}),
    ),
    "letter-commitment": (at(website()), no(website(), {"attachments[3].kind": "party_letter"})),
    "letter-fraud-risk": (at(app()), no(app(), {"attachments[5].kind": "party_letter"})),
    "letter-party": (at(website()), no(website(), answered("letter-party", "no"))),
    # steps
    "verify-route": (at(website()), no(website(), {"verification.route": "manual"})),
    "verify-status": (at(website()), no(website(), {"verification.status": "none"})),
    "clock-provider": (
        at(website(), since("submitted", 0.1)),
        no(website(), since("submitted", 9), says="warn"),
    ),
    "clock-sms": (
        at(website(), since("sms_pending", 0.9)),
        no(website(), since("sms_pending", 1.1)),
    ),
    "clock-bureau": (
        at(website(), since("bureau_review", 3)),
        no(website(), since("bureau_review", 60), says="warn"),
    ),
    "step-open": (
        at(website()),
        no(
            website(),
            facts=live(first=AddressFacts(Told(Holding.EIP), exposed=Told(("tcp 443",)))),
        ),
    ),
    "step-reject": (
        at(website()),
        no(website(), {"status": "rejected"}, says="warn"),
    ),
    # changes and endings
    "change-entry": (
        at(order("change_ip", "ip"), surroundings=around(FILED)),
        no(order("change_ip", "all"), surroundings=around(FILED)),
    ),
    "change-ip-only": (
        at(order("change_ip", "ip"), surroundings=around(FILED)),
        no(order("change_ip", "ip"), {"service.name": "别的名称"}, surroundings=around(FILED)),
    ),
    "end-entity": (
        at(order("deregister_entity", "end"), surroundings=around(FILED)),
        # an order that ends nothing: whose filings are meant is not known
        no(order("deregister_entity", "end"), surroundings=around(ENDED), says="unknown"),
    ),
    "end-service": (
        at(order("deregister_service", "end"), surroundings=around(FILED)),
        no(order("deregister_service", "end"), surroundings=around(ENDED)),
    ),
    "end-access": (
        at(
            order("cancel_access", "end"),
            surroundings=around(FILED),
            says="warn",  # the advice to file with the new provider first is given always
        ),
        None,
    ),
    # after approval
    "after-number": (
        at(approved(website(), SITE)),
        no(approved(app(), SITE)),
    ),
    "after-footer": (
        at(approved(website(), SITE), facts=shown(SITE)),
        no(approved(website(), SITE), facts=shown(SITE, linked=False)),
    ),
    "after-police": (
        at(approved(website(), SITE), answered("after-police", "yes")),
        no(approved(website(), SITE), at=NOW + timedelta(days=60)),
    ),
    "after-lookup": (
        at(approved(website(), SITE), facts=looked_up(found=True)),
        no(approved(website(), SITE), facts=looked_up(found=False)),
    ),
}

#: Why a rule has no record that breaks it.
ALLOWED = {
    "access-count": "the guides set no limit on the number of addresses",
    "end-access": "ending the link is lawful at any time; the guides only advise",
}


def test_every_rule_stands_in_the_table() -> None:
    assert set(TABLE) == set(rules())
    assert {rule for rule, (_, broken) in TABLE.items() if broken is None} == set(ALLOWED)


@pytest.mark.parametrize("rule", TABLE)
def test_a_record_that_keeps_the_rule(rule: str) -> None:
    kept, _ = TABLE[rule]
    assert verdict(kept.record, rule, **kept.given) == kept.verdict


@pytest.mark.parametrize("rule", sorted(TABLE.keys() - ALLOWED))
def test_a_record_that_breaks_the_rule(rule: str) -> None:
    _, broken = TABLE[rule]
    assert broken is not None
    assert verdict(broken.record, rule, **broken.given) == broken.verdict


def test_an_ended_filing_keeps_nobody_from_anything() -> None:
    ended = replace(FILED, filing_id="F9", entity=STRANGER, state=FilingState.ENDED)
    assert verdict(website(), "domain-shared", surroundings=around(ended)) == "pass"
