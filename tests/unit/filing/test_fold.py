"""From applications to filings: one test for each line of DESIGN §4's table, and the hard cases."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from gatekeeper.filing import (
    Access,
    Application,
    Entity,
    Filing,
    FilingState,
    Kind,
    Order,
    OrderKind,
    Register,
    Service,
    ServiceType,
    Status,
    fold,
    same_entity,
)

START = datetime(2026, 1, 1, tzinfo=UTC)
GOOD = "宁ICP备2026000001号-1"
OLD, NEW = ("52.83.1.1",), ("52.83.2.2",)


def app(
    application_id: str,
    kind: str = "new",
    day: int = 1,
    *,
    filing: str = "F1",
    status: Status = Status.APPROVED,
    entity: Entity | str = "甲公司",
    licence: str = GOOD,
    ips: tuple[str, ...] = OLD,
    account: str = "111122223333",
    service_type: ServiceType | None = ServiceType.WEBSITE,
    name: str = "站",
) -> Application:
    return Application(
        application_id=application_id,
        filing_id=filing,
        kind=Kind(kind),
        status=status,
        status_at=START + timedelta(days=day),
        entity=Entity(name=entity) if isinstance(entity, str) else entity,
        service=Service(type=service_type, name=name, licence=licence),
        access=Access(account_id=account if ips else "", ips=ips),
    )


def at(day: int) -> datetime:
    return START + timedelta(days=day)


def run(*applications: Application, day: int = 100, **options: str) -> Register:
    return fold(applications, at=at(day), **options)


def only(register: Register) -> Filing:
    (filing,) = register.filings
    return filing


def codes(register: Register) -> list[tuple[str, str]]:
    return [(issue.code, issue.application_id) for issue in register.issues]


@pytest.mark.parametrize("kind", ["new", "transfer_in"])
def test_an_approved_creation_is_in_effect(kind: str) -> None:
    register = run(app("A1", kind))
    filing = only(register)
    assert filing.state is FilingState.IN_EFFECT
    assert filing.access.ips == OLD
    assert (filing.application_id, filing.since) == ("A1", at(1))
    assert register.issues == ()


@pytest.mark.parametrize("status", [s for s in Status if s is not Status.APPROVED])
@pytest.mark.parametrize("kind", list(Kind))
def test_nothing_counts_before_its_approval(kind: Kind, status: Status) -> None:
    base = app("A1")
    register = run(base, app("A2", kind, 2, status=status, ips=NEW))
    assert register.filings == run(base).filings
    assert register.issues == ()
    under_way = status not in (Status.DRAFT, Status.REJECTED, Status.WITHDRAWN)
    assert [a.application_id for a in register.pending] == (["A2"] if under_way else [])


def test_an_approval_counts_from_its_moment_on() -> None:
    application = app("A1", day=5)
    assert fold([application], at=at(5)).filings
    assert not fold([application], at=at(5) - timedelta(microseconds=1)).filings


def test_change_replaces_entity_and_service_and_a_given_access() -> None:
    kept = only(run(app("A1"), app("A2", "change", 2, entity="乙公司", name="新站", ips=())))
    assert (kept.entity.name, kept.service.name, kept.access.ips) == ("乙公司", "新站", OLD)
    assert (kept.application_id, kept.since) == ("A2", at(2))
    moved = only(run(app("A1"), app("A2", "change", 2, ips=NEW)))
    assert moved.access.ips == NEW


def test_a_change_that_names_an_account_and_no_address_takes_none_away() -> None:
    change = app("A2", "change", 2, ips=NEW, name="新站")
    bare = replace(change, access=Access(account_id="111122223333"))
    filing = only(run(app("A1"), bare))
    assert (filing.service.name, filing.access.ips) == ("新站", OLD)


def test_change_ip_replaces_the_whole_access_and_nothing_else() -> None:
    first = app("A1")
    first = Application(
        **{
            **{name: getattr(first, name) for name in first.__dataclass_fields__},
            "access": Access(account_id="111122223333", load_balancer="lb", ips=OLD),
        }
    )
    filing = only(run(first, app("A2", "change_ip", 2, ips=NEW, licence="", name="", entity="x")))
    assert filing.access == Access(account_id="111122223333", ips=NEW)
    assert (filing.entity.name, filing.service.name) == ("甲公司", "站")
    assert filing.state is FilingState.IN_EFFECT


@pytest.mark.parametrize("kind", ["deregister_service", "cancel_access", "deregister_entity"])
def test_endings_end(kind: str) -> None:
    filing = only(run(app("A1"), app("A2", kind, 2, ips=(), licence="")))
    assert filing.state is FilingState.ENDED
    assert (filing.ended_by, filing.ended_at) == ("A2", at(2))
    assert filing.access.ips == OLD


def test_deregister_entity_ends_every_filing_of_that_entity_alone() -> None:
    register = run(
        app("A1", filing="F1"),
        app("A2", filing="F2", licence="宁ICP备2026000001号-2"),
        app("A3", filing="F3", entity="乙公司", licence="宁ICP备2026000002号-1"),
        app("A4", "deregister_entity", 2, filing="", ips=()),
    )
    assert {f.filing_id: f.state for f in register.filings} == {
        "F1": FilingState.ENDED,
        "F2": FilingState.ENDED,
        "F3": FilingState.IN_EFFECT,
    }


def test_deregister_entity_knows_the_entity_by_its_present_name() -> None:
    register = run(
        app("A1"),
        app("A2", "change", 2, entity="新名", ips=()),
        app("A3", "deregister_entity", 3, filing="", entity="甲公司", ips=()),
    )
    assert only(register).state is FilingState.IN_EFFECT
    assert codes(register) == [("application-orphan", "A3")]


ENTITIES = [
    # one, other, same
    (Entity(name="甲"), Entity(name="甲"), True),
    (Entity(name="甲"), Entity(name="乙"), False),
    (Entity(name="甲"), Entity(name="甲公司"), False),
    (Entity(name="甲", certificate_number="1"), Entity(name="乙", certificate_number="1"), True),
    (Entity(name="甲", certificate_number="1"), Entity(name="甲", certificate_number="2"), False),
    (Entity(name="甲", certificate_number="9a"), Entity(name="乙", certificate_number="9A "), True),
    (Entity(name="甲", certificate_number="1"), Entity(name="甲"), True),
    (
        Entity(name="甲", licence="宁ICP备2026000001号"),
        Entity(name="乙", licence="宁ICP备 2026000001"),
        True,
    ),
    (
        Entity(name="甲", licence="宁ICP备2026000001号"),
        Entity(name="甲", licence="宁ICP备2026000002号"),
        False,
    ),
    (Entity(name="甲", licence="宁ICP备2026000001号"), Entity(name="甲", licence="?"), True),
    (
        Entity(name="甲", licence="宁ICP备2026000001号", certificate_number="1"),
        Entity(name="乙", licence="宁ICP备2026000001号"),
        True,
    ),
    (
        Entity(name="甲", licence="宁ICP备2026000001号", certificate_number="1"),
        Entity(name="甲", licence="宁ICP备2026000001号", certificate_number="2"),
        False,
    ),
]


@pytest.mark.parametrize(("one", "other", "same"), ENTITIES)
def test_same_entity(one: Entity, other: Entity, same: bool) -> None:
    assert same_entity(one, other) is same
    assert same_entity(other, one) is same
    register = run(app("A1", entity=one), app("A2", "deregister_entity", 2, entity=other, ips=()))
    assert (only(register).state is FilingState.ENDED) is same


@pytest.mark.parametrize(
    "kind", ["change", "change_ip", "deregister_service", "cancel_access", "deregister_entity"]
)
def test_nothing_before_it_is_an_orphan(kind: str) -> None:
    register = run(app("A1", kind))
    assert register.filings == ()
    assert codes(register) == [("application-orphan", "A1")]
    assert register.issues[0].detail["kind"] == kind


@pytest.mark.parametrize("kind", ["change", "change_ip", "deregister_service", "cancel_access"])
def test_after_the_end_it_is_an_orphan_too(kind: str) -> None:
    register = run(app("A1"), app("A2", "cancel_access", 2), app("A3", kind, 3, ips=NEW))
    assert only(register).ended_by == "A2"
    assert only(register).access.ips == OLD
    assert codes(register) == [("application-orphan", "A3")]
    assert register.issues[0].detail["ended_by"] == "A2"


def test_a_second_new_replaces_and_is_said() -> None:
    register = run(app("A1"), app("A2", "transfer_in", 2, ips=NEW))
    assert only(register).access.ips == NEW
    assert codes(register) == [("filing-duplicate", "A2")]
    assert register.issues[0].detail["other_application_id"] == "A1"


def test_new_brings_an_ended_filing_back() -> None:
    register = run(app("A1"), app("A2", "cancel_access", 2), app("A3", "new", 3, ips=NEW))
    filing = only(register)
    assert (filing.state, filing.access.ips) == (FilingState.IN_EFFECT, NEW)
    assert (filing.ended_by, filing.ended_at) == ("", None)
    assert register.issues == ()


@pytest.mark.parametrize(
    ("licence", "code"),
    [
        ("", "approved-without-licence"),
        ("审核中", "licence-invalid"),
        ("川ICP备2026000001号-1", "licence-invalid"),
        ("宁ICP备2026000001号", "licence-invalid"),
        ("宁ICP备2026000001号-1X", "licence-invalid"),
        ("宁ICP备2026000001号-1K", "licence-invalid"),
    ],
)
def test_a_bad_licence_keeps_a_filing_out_of_effect(licence: str, code: str) -> None:
    register = run(app("A1", licence=licence))
    assert only(register).state is FilingState.UNLICENSED
    assert codes(register) == [(code, "A1")]
    assert register.issues[0].detail["licence"] == licence
    assert register.issues[0].detail["reason"]
    assert register.issues[0].detail["reason_zh"]
    changed = run(app("A1"), app("A2", "change", 2, licence=licence, ips=NEW, entity="乙"))
    assert only(changed).access.ips == OLD
    assert only(changed).entity.name == "甲公司"
    assert only(changed).state is FilingState.IN_EFFECT
    assert codes(changed) == [(code, "A2")]
    again = run(app("A1"), app("A2", "new", 2, licence=licence, ips=NEW))
    assert (only(again).access.ips, codes(again)) == (OLD, [(code, "A2")])


def test_the_hint_of_a_bad_licence_is_kept() -> None:
    register = run(app("A1", licence="川ICP备2026000001号-1"))
    assert register.issues[0].detail["hint"] == "蜀ICP备2026000001号-1"


def test_a_good_change_puts_an_unlicensed_filing_in_effect() -> None:
    register = run(
        app("A1", licence=""),
        app("A2", "change_ip", 2, ips=NEW),
        app("A3", "change", 3, ips=()),
    )
    filing = only(register)
    assert (filing.state, filing.access.ips) == (FilingState.IN_EFFECT, NEW)
    assert register.issues == ()


def test_change_ip_reaches_an_unlicensed_filing_without_putting_it_in_effect() -> None:
    filing = only(run(app("A1", licence=""), app("A2", "change_ip", 2, ips=NEW)))
    assert (filing.state, filing.access.ips) == (FilingState.UNLICENSED, NEW)


def test_an_ending_settles_licence_issues() -> None:
    register = run(app("A1", licence=""), app("A2", "cancel_access", 2))
    assert register.issues == ()


@pytest.mark.parametrize(
    ("service_type", "licence", "expected"),
    [
        (ServiceType.WEBSITE, GOOD + "A", True),
        (ServiceType.APP, GOOD, True),
        (ServiceType.WEBSITE, GOOD, False),
        (ServiceType.APP, GOOD + "A", False),
        (None, GOOD + "A", False),
        (ServiceType.WEBSITE, "粤B2-20090059-5", False),
    ],
)
def test_a_number_of_the_other_kind_is_said_and_counts(
    service_type: ServiceType | None, licence: str, expected: bool
) -> None:
    register = run(app("A1", service_type=service_type, licence=licence))
    assert only(register).state is FilingState.IN_EFFECT
    assert codes(register) == ([("licence-kind", "A1")] if expected else [])


def test_one_licence_on_two_filings_is_said_of_both() -> None:
    same = "宁ICP备 2026000001-1"
    register = run(app("A1"), app("A2", filing="F2", licence=same), app("A3", filing="F3"))
    assert [(i.code, i.filing_id) for i in register.issues] == [
        ("licence-duplicate", "F1"),
        ("licence-duplicate", "F2"),
        ("licence-duplicate", "F3"),
    ]
    assert register.issues[0].detail == {"licence": GOOD, "other_filing_id": "F2;F3"}
    ended = run(app("A1"), app("A2", filing="F2"), app("A3", "cancel_access", 2, filing="F2"))
    assert ended.issues == ()


def order(kind: OrderKind, filing: str = "F1") -> Order:
    return Order(filing_id=filing, kind=kind, at=at(50), by="li", reason="责令关停")


@pytest.mark.parametrize(
    ("kinds", "state", "issues"),
    [
        ([OrderKind.SUSPENSION], FilingState.SUSPENDED, []),
        ([OrderKind.RESTRICTION], FilingState.RESTRICTED, [("access-restricted", "A1")]),
        (
            [OrderKind.RESTRICTION, OrderKind.SUSPENSION],
            FilingState.SUSPENDED,
            [("access-restricted", "A1")],
        ),
    ],
)
def test_standing_orders_hold_a_filing_out_of_effect(
    kinds: list[OrderKind], state: FilingState, issues: list[tuple[str, str]]
) -> None:
    register = fold([app("A1")], [order(kind) for kind in kinds], at=at(100))
    assert only(register).state is state
    assert codes(register) == issues
    if issues:
        assert register.issues[0].detail == {"by": "li", "reason": "责令关停"}


def test_orders_do_not_touch_other_ended_or_unlicensed_filings() -> None:
    other = fold([app("A1")], [order(OrderKind.SUSPENSION, "F9")], at=at(100))
    assert only(other).state is FilingState.IN_EFFECT
    ended = fold(
        [app("A1"), app("A2", "cancel_access", 2)], [order(OrderKind.RESTRICTION)], at=at(100)
    )
    assert (only(ended).state, ended.issues) == (FilingState.ENDED, ())
    bare = fold([app("A1", licence="")], [order(OrderKind.SUSPENSION)], at=at(100))
    assert only(bare).state is FilingState.UNLICENSED


@pytest.mark.parametrize("status", [Status.REPORTED, Status.SMS_PENDING, Status.BUREAU_REVIEW])
def test_a_transfer_may_count_early_if_the_policy_says_so(status: Status) -> None:
    transfer = app("A1", "transfer_in", status=status)
    assert run(transfer).filings == ()
    early = run(transfer, open_transfer_in="reported")
    assert only(early).state is FilingState.IN_EFFECT
    assert early.pending == (transfer,)
    assert run(app("A1", "new", status=status), open_transfer_in="reported").filings == ()


@pytest.mark.parametrize(
    "status", [Status.DRAFT, Status.SUBMITTED, Status.RETURNED, Status.REJECTED, Status.WITHDRAWN]
)
def test_a_transfer_counts_early_only_while_it_is_with_the_bureau(status: Status) -> None:
    transfer = app("A1", "transfer_in", status=status)
    assert run(transfer, open_transfer_in="reported").filings == ()


def test_equal_times_are_ordered_by_id_as_text() -> None:
    register = run(
        app("A10", "change_ip", 1, ips=NEW), app("A9", "change_ip", 1, ips=OLD), app("A1")
    )
    assert only(register).application_id == "A9"


def test_the_version_is_the_callers_or_follows_the_content() -> None:
    assert run(app("A1"), version="v").version == "v"
    one, two = run(app("A1"), app("A2", "change_ip", 2)), run(app("A2", "change_ip", 2), app("A1"))
    assert one == two
    assert one.version != run(app("A1")).version


# what a filing named before ---------------------------------------------------------------------


def former(register: Register) -> list[tuple[str, ...]]:
    return [access.ips for access in only(register).former]


def test_a_new_filing_has_no_past():
    assert former(run(app("A1"))) == []


def test_replaced_accesses_are_remembered_newest_last():
    steps = [
        app("A1"),
        app("A2", "change_ip", 2, ips=NEW),
        app("A3", "change", 3, ips=("52.83.3.3",)),
    ]
    assert former(run(*steps)) == [OLD, NEW]
    assert former(run(*steps, day=2)) == [OLD]
    assert former(run(*steps, app("A4", "change_ip", 4, ips=OLD))) == [OLD, NEW, ("52.83.3.3",)]
    assert former(run(*steps, app("A4", "deregister_service", 4, ips=()))) == [OLD, NEW]


def test_an_access_that_stays_is_no_past():
    assert former(run(app("A1"), app("A2", "change", 2))) == []
    assert former(run(app("A1"), app("A2", "change", 2, ips=()))) == []


def test_a_new_order_for_an_ended_filing_remembers_its_addresses():
    steps = [app("A1"), app("A2", "cancel_access", 2, ips=()), app("A3", day=3, ips=NEW)]
    assert former(run(*steps)) == [OLD]


def test_a_second_new_replaces_and_remembers():
    assert former(run(app("A1"), app("A2", day=2, ips=NEW))) == [OLD]
