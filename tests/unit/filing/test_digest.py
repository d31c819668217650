"""Digests: every content counts, notation and order do not."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from hashlib import sha256

import pytest

from gatekeeper.filing import (
    Access,
    Application,
    Entity,
    Kind,
    Order,
    OrderKind,
    Service,
    ServiceType,
    Status,
    content_digest,
    content_text,
    register_version,
    utc_text,
)

AT = datetime(2026, 11, 1, 2, tzinfo=UTC)
APPLICATION = Application(
    application_id="A1",
    filing_id="F1",
    kind=Kind.NEW,
    status=Status.APPROVED,
    status_at=AT,
    entity=Entity(name="甲", certificate_type="t", certificate_number="1", province="宁夏"),
    service=Service(type=ServiceType.APP, name="站", licence="L", domains=("a.cn",)),
    access=Access(account_id="111122223333", load_balancer="lb", ips=("52.83.1.1",)),
)

CHANGES = {
    "id": {"application_id": "A2"},
    "filing": {"filing_id": "F2"},
    "kind": {"kind": Kind.CHANGE},
    "status": {"status": Status.REPORTED},
    "time": {"status_at": AT + timedelta(microseconds=1)},
    "entity": {"entity": replace(APPLICATION.entity, licence="宁ICP备10046444号")},
    "moved text": {"entity": replace(APPLICATION.entity, certificate_type="", name="甲t")},
    "service": {"service": replace(APPLICATION.service, type=ServiceType.WEBSITE)},
    "no type": {"service": replace(APPLICATION.service, type=None)},
    "domains": {"service": replace(APPLICATION.service, domains=("a.cn", "b.cn"))},
    "access": {"access": replace(APPLICATION.access, ips=())},
    "review": {"review": "{}"},
}


@pytest.mark.parametrize("change", list(CHANGES.values()), ids=list(CHANGES))
def test_every_part_counts(change: dict) -> None:
    assert content_digest(replace(APPLICATION, **change)) != content_digest(APPLICATION)


def test_the_offset_of_a_time_does_not_count() -> None:
    shanghai = AT.astimezone(timezone(timedelta(hours=8)))
    assert content_digest(replace(APPLICATION, status_at=shanghai)) == content_digest(APPLICATION)


def test_the_digest_is_of_the_text_that_is_stored() -> None:
    text = content_text(APPLICATION)
    assert content_digest(APPLICATION) == sha256(text.encode()).hexdigest()
    assert json.loads(text)["status_at"] == "2026-11-01T02:00:00.000000Z"


def test_a_time_without_offset_has_no_text() -> None:
    with pytest.raises(ValueError, match="offset"):
        utc_text(AT.replace(tzinfo=None))


def test_a_register_has_one_version_in_any_order() -> None:
    order = Order(filing_id="F1", kind=OrderKind.SUSPENSION, at=AT, by="li", reason="x")
    other = replace(order, filing_id="F2")
    assert register_version(["a", "b"], [order, other]) == register_version(
        iter(["b", "a"]), iter([other, order])
    )


def test_orders_count_but_not_who_placed_them() -> None:
    order = Order(filing_id="F1", kind=OrderKind.SUSPENSION, at=AT, by="li", reason="x")
    version = register_version(["a"], [order])
    assert version == register_version(["a"], [replace(order, by="wang", reason="y")])
    assert version != register_version(["a"], [])
    assert version != register_version(["a"], [replace(order, kind=OrderKind.RESTRICTION)])
    assert version != register_version(["a"], [replace(order, filing_id="F2")])
    assert version != register_version(["b"], [order])
