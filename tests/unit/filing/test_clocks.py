"""Which clocks run on a register, from when and until when."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from gatekeeper.filing import (
    SHANGHAI,
    Access,
    Application,
    Clock,
    Entity,
    Kind,
    Order,
    OrderKind,
    ReviewDays,
    Running,
    Service,
    Status,
    clocks,
    fold,
    running_clocks,
    status_clock,
)
from gatekeeper.filing.clocks import read_until
from gatekeeper.sources import known_holidays
from gatekeeper.sources.provider_rules import first_reviews, packaged_providers

NOW = datetime(2026, 3, 2, 9, 30, tzinfo=SHANGHAI)
KNOWN = known_holidays()
DAYS = {"nwcd": ReviewDays(1, 3), "21vianet": ReviewDays(2, 2)}


def application(
    status: Status = Status.APPROVED, review: Any = None, **changes: Any
) -> Application:
    return replace(
        Application(
            application_id="A1",
            filing_id="F1",
            kind=Kind.NEW,
            status=status,
            status_at=NOW,
            entity=Entity(name="示例公司"),
            service=Service(licence="宁ICP备2026000001号-1"),
            access=Access(account_id="111122223333", ips=("52.83.1.2",)),
            review=review if isinstance(review, str) else json.dumps(review) if review else "",
        ),
        **changes,
    )


def running(
    *applications: Application,
    at: datetime = NOW,
    opened: dict[str, datetime] | None = None,
    orders: tuple[Order, ...] = (),
) -> Running:
    return running_clocks(
        applications, fold(applications, orders, at=at), opened or {}, KNOWN, DAYS, at=at
    )


def brief(clocks: tuple[Clock, ...]) -> list[tuple[str, str, date]]:
    """Clock, application and last day."""
    return [
        (
            one.clock.value,
            one.application_id,
            (one.deadline.astimezone(SHANGHAI) - timedelta(seconds=1)).date(),
        )
        for one in clocks
    ]


@pytest.mark.parametrize(
    ("review", "until"),
    [
        ("", 3),
        ({"provider": "nwcd"}, 3),
        ({"provider": "21vianet"}, 4),
        ({"provider": " 21Vianet "}, 4),
        ({"provider": None}, 3),
        ({"provider": ["21vianet"]}, 3),
        ({"provider": "somebody else"}, 3),
        ("not json", 3),
        ("[1]", 3),
        ("[" * 50_000, 3),
        ({"verification": {"route": "electronic"}}, 3),
        ({"verification": {"route": " Manual "}}, 5),
        ({"provider": "21vianet", "verification": {"route": "manual"}}, 4),
        ({"verification": {"route": "人工核验"}}, 5),
        ({"verification": {"route": ["manual"]}}, 3),
        ({"verification": "manual"}, 3),
    ],
)
def test_the_providers_first_review(review: Any, until: int) -> None:
    clock = status_clock(application(Status.SUBMITTED, review), KNOWN, DAYS)
    assert clock is not None
    assert brief((clock,)) == [("clock-provider", "A1", date(2026, 3, until))]
    assert clock.started_at == NOW


def test_nobodys_first_review_has_a_clock_where_no_days_are_known() -> None:
    assert status_clock(application(Status.SUBMITTED), KNOWN, {}) is None
    assert status_clock(application(Status.SMS_PENDING), KNOWN, {}) is not None


def test_the_days_of_the_packaged_providers() -> None:
    days = first_reviews(packaged_providers())
    assert days == {"nwcd": (1, 1), "21vianet": (2, 2)}


def test_the_sms_clock_runs_to_the_second() -> None:
    start = datetime(2026, 3, 2, 9, 30, 17, tzinfo=UTC)
    clock = status_clock(application(Status.SMS_PENDING, status_at=start), KNOWN, DAYS)
    assert clock is not None
    assert (clock.clock, clock.filing_id, clock.estimated) == ("clock-sms", "F1", False)
    assert clock.deadline == datetime(2026, 3, 3, 9, 30, 17, tzinfo=UTC)
    assert not clock.overdue(clock.deadline - timedelta(microseconds=1))
    assert clock.overdue(clock.deadline)
    assert "returned" in clock.then
    assert "已退回" in clock.then_zh


def test_the_bureau_has_20_working_days() -> None:
    start = datetime(2026, 1, 30, 9, tzinfo=SHANGHAI)
    clock = status_clock(application(Status.BUREAU_REVIEW, status_at=start), KNOWN, DAYS)
    assert clock is not None
    assert brief((clock,)) == [("clock-bureau", "A1", date(2026, 3, 5))]
    assert not clock.overdue(datetime(2026, 3, 5, 23, 59, 59, tzinfo=SHANGHAI))
    assert clock.overdue(datetime(2026, 3, 6, tzinfo=SHANGHAI))


@pytest.mark.parametrize(
    "status",
    sorted(set(Status) - {Status.SUBMITTED, Status.SMS_PENDING, Status.BUREAU_REVIEW}),
)
def test_no_other_status_has_a_clock(status: Status) -> None:
    assert status_clock(application(status), KNOWN, DAYS) is None


def test_what_came_to_its_status_later_has_no_clock_yet() -> None:
    one = application(Status.SUBMITTED)
    assert running(one, at=NOW - timedelta(seconds=1)).clocks == ()
    assert len(running(one).clocks) == 1


def test_police_counts_from_the_approval_or_the_opening() -> None:
    one = application()
    assert brief(running(one).clocks) == [("after-police", "A1", date(2026, 4, 1))]
    later = NOW + timedelta(days=5)
    opened = running(one, at=later, opened={"F1": later})
    assert brief(opened.clocks) == [("after-police", "A1", date(2026, 4, 6))]
    assert opened.clocks[0].started_at == later
    before = running(one, opened={"F1": NOW - timedelta(days=90)})
    assert before.clocks[0].started_at == NOW, "open for another filing before"


def test_police_runs_from_the_creation_not_from_a_change() -> None:
    changed = application(application_id="A2", kind=Kind.CHANGE, status_at=NOW + timedelta(days=9))
    moved = replace(changed, application_id="A3", kind=Kind.CHANGE_IP)
    found = running(application(), changed, moved, at=NOW + timedelta(days=20))
    assert brief(found.clocks) == [("after-police", "A1", date(2026, 4, 1))]


@pytest.mark.parametrize("kind", [Kind.DEREGISTER_SERVICE, Kind.DEREGISTER_ENTITY])
def test_an_end_ends_it_and_a_new_beginning_begins_it_anew(kind: Kind) -> None:
    end = application(application_id="A2", kind=kind, status_at=NOW + timedelta(days=1))
    again = application(application_id="A3", status_at=NOW + timedelta(days=2))
    at = NOW + timedelta(days=3)
    assert running(application(), end, at=at).clocks == ()
    assert brief(running(application(), end, again, at=at).clocks) == [
        ("after-police", "A3", date(2026, 4, 3))
    ]


def test_many_ended_entities_cost_no_square(monkeypatch: pytest.MonkeyPatch) -> None:
    compared = []

    def same(one: Entity, other: Entity) -> bool:
        compared.append(one)
        return one == other

    monkeypatch.setattr(clocks, "same_entity", same)
    ends = [
        application(
            application_id=f"D{n}",
            filing_id="",
            kind=Kind.DEREGISTER_ENTITY,
            entity=Entity(name=f"第{n}公司"),
        )
        for n in range(50)
    ]
    later = NOW + timedelta(days=1)
    lives = [
        application(
            application_id=f"A{n}",
            filing_id=f"F{n}",
            status_at=later,
            entity=Entity(name=f"第{n}公司"),
        )
        for n in range(100)
    ]
    assert len(running(*ends, *lives, at=later).clocks) == 100
    assert len(compared) == 50, "only those of its own name"


def test_police_needs_a_filing_that_came_into_effect() -> None:
    assert running(application(service=Service())).clocks == (), "no licence number"
    order = Order(filing_id="F1", kind=OrderKind.SUSPENSION, at=NOW, by="li", reason="1")
    assert len(running(application(), orders=(order,)).clocks) == 1, "an order stops no clock"


@pytest.mark.parametrize(
    ("answers", "clocks"),
    [
        ({"after-police": {"answer": "yes", "by": "li"}}, 0),
        ({"after-police": {"answer": "no"}}, 1),
        ({"after-police": "yes"}, 1),
        ({"after-footer": {"answer": "yes"}}, 1),
        ([], 1),
        (None, 1),
    ],
)
def test_a_yes_ends_the_police_clock(answers: Any, clocks: int) -> None:
    assert len(running(application(review={"answers": answers})).clocks) == clocks


FULL = {
    "entity": {"head": {"name": "甲", "id_number": "1", "valid_until": "2026-06-30"}},
    "service": {
        "head": {"name": "乙", "id_number": "2", "valid_until": "2026-05-31"},
        "domains": [
            {"name": "A.cn ", "valid_until": "2026-07-31"},
            {"name": "b.cn", "certificate_valid_until": "2026-04-30"},
        ],
    },
}


def test_dates_of_a_record_have_clocks() -> None:
    found = running(application(Status.RETURNED, FULL))
    assert brief(found.clocks) == [
        ("certificate", "A1", date(2026, 4, 30)),
        ("document", "A1", date(2026, 5, 31)),
        ("document", "A1", date(2026, 6, 30)),
        ("domain", "A1", date(2026, 7, 31)),
    ]
    assert [one.then.split(";")[0] for one in found.clocks] == [
        "the certificate of b.cn expires",
        "the document of the service's head expires",
        "the document of the entity's head expires",
        "a.cn expires",
    ]
    assert {one.started_at for one in found.clocks} == {NOW}
    assert found.unread == ()


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (Status.DRAFT, Kind.NEW),
        (Status.REJECTED, Kind.NEW),
        (Status.WITHDRAWN, Kind.NEW),
        (Status.REPORTED, Kind.CANCEL_ACCESS),
    ],
)
def test_what_is_not_under_way_has_no_dates(status: Status, kind: Kind) -> None:
    assert running(application(status, FULL, kind=kind)).clocks == ()


def test_one_date_of_one_filing_has_one_clock() -> None:
    change = application(Status.REPORTED, FULL, application_id="A2", kind=Kind.CHANGE)
    found = running(application(review=FULL), change)
    assert [one[:2] for one in brief(found.clocks)] == [
        ("after-police", "A1"),
        ("certificate", "A1"),
        ("document", "A1"),
        ("document", "A1"),
        ("domain", "A1"),
    ]
    renewed = json.loads(json.dumps(FULL).replace("2026-07-31", "2027-07-31"))
    renewing = replace(change, review=json.dumps(renewed))
    domains = running(application(review=FULL), renewing).clocks[-2:]
    assert [(one.application_id, one.deadline.year) for one in domains] == [
        ("A1", 2026),
        ("A2", 2027),
    ]


def test_the_approved_change_has_the_dates_of_its_filing() -> None:
    renewed = {"service": {"domains": [{"name": "a.cn", "valid_until": "2028-02-29"}]}}
    later = NOW + timedelta(days=1)
    change = application(review=renewed, application_id="A2", kind=Kind.CHANGE, status_at=later)
    moved = application(
        application_id="A3", kind=Kind.CHANGE_IP, status_at=later + timedelta(hours=1)
    )
    found = running(application(review=FULL), change, moved, at=later + timedelta(days=1))
    assert brief(found.clocks)[1:] == [("domain", "A2", date(2028, 2, 29))]


def test_a_change_that_does_not_count_gives_no_dates() -> None:
    renewed = {"service": {"domains": [{"name": "a.cn", "valid_until": "2028-02-29"}]}}
    later = NOW + timedelta(days=1)
    change = application(
        review=renewed,
        application_id="A2",
        kind=Kind.CHANGE,
        status_at=later,
        service=Service(licence="no number"),
    )
    found = running(application(review=FULL), change, at=later)
    assert brief(found.clocks)[-1] == ("domain", "A1", date(2026, 7, 31))


def test_one_person_in_both_roles_has_one_document() -> None:
    head = {"name": "甲", "id_number": "1", "valid_until": "2026-06-30"}
    same = {"entity": {"head": head}, "service": {"head": head}}
    assert len(running(application(Status.SUBMITTED, same)).clocks) == 2
    nameless = {"valid_until": "2026-06-30"}
    both = {"entity": {"head": nameless}, "service": {"head": nameless}}
    assert len(running(application(Status.SUBMITTED, both)).clocks) == 3, "perhaps two people"


@pytest.mark.parametrize(
    ("value", "until"),
    [
        ("2027-01-31", date(2027, 1, 31)),
        (" 2027/1/31 ", date(2027, 1, 31)),
        ("2027.01.31", date(2027, 1, 31)),
        ("2027年1月31日", date(2027, 1, 31)),
        ("20270131", date(2027, 1, 31)),
        ("２０２７-01-31", date(2027, 1, 31)),
        ("2028-02-29", date(2028, 2, 29)),
        ("2027-02-29", None),
        ("2027-13-01", None),
        ("2027-01/31", None),
        ("0000-01-01", None),
        ("soon", None),
        ("2027-01-31T00:00:00", None),
        (20270131, None),
        (["2027-01-31"], None),
        (True, None),
        ("长期", False),
        ("长期有效", False),
        ("Long-term", False),
        ("", False),
        (None, False),
    ],
)
def test_a_date_to_whose_end_something_holds(value: Any, until: date | bool | None) -> None:
    assert read_until(value) is until or read_until(value) == until


def test_a_date_that_is_none_is_said_and_never_guessed() -> None:
    review = {
        "entity": {"head": {"valid_until": "2027-02-29"}},
        "service": {"domains": [{"name": "a.cn", "valid_until": 20270131}]},
    }
    found = running(application(Status.RETURNED, review))
    assert found.clocks == ()
    assert found.unread == (
        ("A1", "service.domains[0].valid_until", "20270131"),
        ("A1", "entity.head.valid_until", "2027-02-29"),
    )


def test_the_last_day_of_all_is_no_deadline() -> None:
    review = {"entity": {"head": {"valid_until": "9999-12-31"}}}
    assert running(application(Status.RETURNED, review)) == Running((), ())


@pytest.mark.parametrize(
    "review",
    [
        "{",
        "null",
        "7",
        '{"entity": [], "service": 1, "provider": {}, "answers": "x"}',
        '{"entity": {"head": []}, "service": {"head": "x", "domains": {}}}',
        '{"service": {"domains": [1, null, {}, {"name": 5}, [], {"valid_until": "2027-01-31"}]}}',
        '{"entity": {"head": {"id_number": {"a": 1}, "valid_until": null}}}',
    ],
)
@pytest.mark.parametrize("status", list(Status))
def test_an_odd_record_never_stops_the_list(review: str, status: Status) -> None:
    odd = application(status, review)
    sound = application(Status.SUBMITTED, application_id="A2", filing_id="F2")
    found = running(odd, sound)
    assert "A2" in {one.application_id for one in found.clocks}
    assert found.unread == ()


def test_clocks_stand_in_the_order_in_which_they_end() -> None:
    found = running(
        application(Status.BUREAU_REVIEW, FULL),
        application(Status.SMS_PENDING, application_id="A0", filing_id="F0"),
        application(application_id="A9", filing_id="F9"),
    )
    assert [one.deadline for one in found.clocks] == sorted(one.deadline for one in found.clocks)
    assert [one.clock.value for one in found.clocks] == [
        "clock-sms",
        "clock-bureau",
        "after-police",
        "certificate",
        "document",
        "document",
        "domain",
    ]
