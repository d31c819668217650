"""A change against all that the filing's approved applications said; every record is made up."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from gatekeeper.filing.model import Application, Filing, Kind, Service, ServiceType, Status
from gatekeeper.filing.review import Surroundings
from tests.unit.filing.review.others import OWN, filing, register
from tests.unit.filing.review.records import DELETE, IPS, app, changed, judged, verdict, website

LICENCE = {"website": "宁ICP备2026000001号-1", "app": "宁ICP备2026000002号-2A"}


def approved(record: dict[str, Any], **given: Any) -> Application:
    """The approved application that a record became."""
    kind = record["service"]["type"]
    review = {name: record[name] for name in ("entity", "service", "attachments", "portal")}
    values: dict[str, Any] = {
        "application_id": f"N-{record['filing_id']}",
        "filing_id": record["filing_id"],
        "kind": Kind.NEW,
        "status": Status.APPROVED,
        "status_at": filing("x", "app", "x").since,
        "entity": OWN,
        "service": Service(type=ServiceType(kind), licence=LICENCE[kind]),
        "review": json.dumps(review),
        **given,
    }
    return Application(**values)


def living(application: Application) -> Filing:
    """The filing that stands with it."""
    service = application.service
    one = filing(application.filing_id, service.type or "", service.name)
    return replace(
        one,
        service=service,
        application_id=application.application_id,
        access=replace(one.access, account_id="123456789012", ips=IPS),
        since=application.status_at,
    )


def around(*applications: Application) -> Surroundings:
    """The last application of each filing gave it its content."""
    last = {one.filing_id: one for one in applications}
    return Surroundings.of((), register(*map(living, last.values())), applications)


def order(record: dict[str, Any], kind: str, entry: str) -> dict[str, Any]:
    return {**record, "application_id": "C1", "kind": kind, "entry": entry}


MOVED = "宁夏回族自治区银川市兴庆区测试东路2号"
ENTITY = [
    ("entity.address", MOVED),
    ("entity.investor", "测试投资有限公司"),
    ("entity.legal_representative", "李测试"),
    ("entity.head.phone", "13995000009"),
    ("entity.head.valid_until", "长期"),
]
SERVICE = [
    ("service.head.name", "李测试"),
    ("service.head.emergency_phone", "13995000009"),
    ("service.languages", ["中文", "英文"]),
    ("service.categories", ["新闻"]),
    ("service.app.category", "团购"),
    ("service.app.platforms[0].package", "cn.example.other"),
    ("service.app.platforms[0].md5", "f" * 32),
]
SAME = [
    ("entity.address", "宁夏回族自治区 银川市金凤区测试街道测试路1号"),
    ("entity.head.phone", "+86 139-9500-0001"),
    ("entity.head.email", "HEAD@example.cn"),
    ("entity.head.phone", DELETE),
    ("service.head", None),
    ("service.categories", None),
    ("service.app.platforms[0].md5", "01:23:45:67:89:AB:CD:EF:01:23:45:67:89:ab:cd:ef"),
    ("service.app.platforms[0].md5", ""),
    ("service.app.sdks", None),
]


@pytest.mark.parametrize(("path", "value"), ENTITY + SERVICE)
def test_details_go_in_by_their_entry_and_not_with_addresses(path: str, value: Any) -> None:
    beside = around(approved(app()))
    record = changed(app(), path, value)
    for entry in ("entity", "all"):
        right = (entry == "entity") == ((path, value) in ENTITY)
        found = verdict(order(record, "change", entry), "change-entry", surroundings=beside)
        assert found == ("pass" if right else "fail"), entry
    moved = changed(order(record, "change_ip", "ip"), "access.ips", ["52.83.200.9"])
    found = judged(moved, "change-ip-only", surroundings=beside)
    place = path.partition("[")[0]
    assert [(str(one.verdict), one.field) for one in found] == [("fail", place)]
    assert not any(str(value) in one.message + one.message_zh for one in found)


@pytest.mark.parametrize(("path", "value"), SAME)
def test_what_is_left_out_or_written_otherwise_is_no_change(path: str, value: Any) -> None:
    moved = changed(changed(app(), path, value), "access.ips", ["52.83.200.9"])
    record = order(moved, "change_ip", "ip")
    assert verdict(record, "change-ip-only", surroundings=around(approved(app()))) == "pass"


def test_content_goes_back_to_what_created_the_filing() -> None:
    old, new = approved(changed(app(), "entity.address", MOVED)), approved(app())
    again = replace(new, application_id="N2", status_at=new.status_at + timedelta(days=9))
    change = replace(
        again,
        application_id="N3",
        kind=Kind.CHANGE,
        status_at=new.status_at + timedelta(days=12),
        review=json.dumps({"service": {"languages": ["英文"]}}),
    )
    record = changed(order(app(), "change_ip", "ip"), "access.ips", ["52.83.200.9"])
    record = changed(record, "service.languages", ["英文"])
    assert verdict(record, "change-ip-only", surroundings=around(old, again, change)) == "pass"
    assert verdict(record, "change-ip-only", surroundings=around(old, again)) == "fail"
    moved = changed(record, "entity.address", MOVED)
    assert verdict(moved, "change-ip-only", surroundings=around(old, again, change)) == "fail"


def test_what_another_filing_of_the_entity_has_already_is_no_change() -> None:
    other = approved(changed(website(), "entity.address", MOVED))
    record = changed(order(app(), "change_ip", "ip"), "access.ips", ["52.83.200.9"])
    record = changed(record, "entity.address", MOVED)
    assert verdict(record, "change-ip-only", surroundings=around(approved(app()))) == "fail"
    assert verdict(record, "change-ip-only", surroundings=around(approved(app()), other)) == "pass"


@pytest.mark.parametrize("review", ["", "sealed:v1:abc", '{"entity": []}'])
def test_what_cannot_be_read_is_not_compared(review: str) -> None:
    moved = changed(order(app(), "change_ip", "ip"), "access.ips", ["52.83.200.9"])
    record = changed(moved, "entity.address", MOVED)
    beside = around(approved(app(), review=review))
    assert verdict(record, "change-ip-only", surroundings=beside) == "pass"


def test_at_21vianet_a_new_filing_waits_for_the_entitys_details_too() -> None:
    record = changed(website(), "provider", "21vianet") | {"filing_id": "FW9"}
    beside = around(approved(app()))
    assert verdict(record, "access-order", surroundings=beside) == "pass"
    [found] = judged(changed(record, "entity.address", MOVED), "access-order", surroundings=beside)
    assert (str(found.verdict), found.field) == ("fail", "entity.address")


def test_an_applications_record_is_read_once() -> None:
    beside = around(approved(app()))
    [one] = beside.filings.values()
    assert beside.filed(one)
    assert beside.filed(one) is beside.filed(one)


def test_at_21vianet_the_newest_filing_says_what_the_entitys_details_are() -> None:
    record = changed(website(), "provider", "21vianet") | {"filing_id": "FW9"}
    old = approved(changed(app(), "entity.address", MOVED))
    newer = approved(website(), status_at=old.status_at + timedelta(days=1))
    assert verdict(record, "access-order", surroundings=around(old, newer)) == "pass"
