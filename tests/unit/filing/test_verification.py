"""The register against MIIT's rows: a test for each line of the table, and what comes close.

Names, numbers and domains are made up.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from gatekeeper.filing import (
    Access,
    Dated,
    Difference,
    Doubt,
    Entity,
    Filing,
    FilingState,
    Gap,
    MiitAnswer,
    MiitExport,
    MiitRow,
    Order,
    OrderKind,
    Outcome,
    Service,
    ServiceType,
    Where,
    verify,
)

SINCE = datetime(2026, 6, 1, tzinfo=UTC)
ASKED = SINCE + timedelta(days=30)
UNIT, NUMBER = "示例科技（宁夏）有限公司", "宁ICP备2026000001号-1"
OTHER = "宁ICP备2026000002号-1"


def filing(
    *,
    licence=NUMBER,
    domains=("example.cn",),
    name=UNIT,
    entity_licence="",
    kind=ServiceType.WEBSITE,
    service_name="",
    state=FilingState.IN_EFFECT,
    filing_id="F1",
):
    return Filing(
        filing_id=filing_id,
        state=state,
        entity=Entity(name=name, licence=entity_licence),
        service=Service(type=kind, name=service_name, licence=licence, domains=domains),
        access=Access(account_id="111122223333", ips=("52.83.1.2",)),
        application_id="A1",
        since=SINCE,
    )


def row(**more):
    return MiitRow(
        **{
            "unit_name": UNIT.replace("（", "(").replace("）", ")"),
            "main_licence": "宁ICP备2026000001号",
            "service_licence": NUMBER,
            "domain": "example.cn",
            "restricted": False,
            **more,
        }
    )


def export(*rows, at=ASKED, dated=Dated.FILE, gaps=(), counted=True, file="x.json"):
    answer = MiitAnswer(
        where=Where(file, 1),
        at=at,
        dated=dated,
        rows=rows,
        counted=counted,
        total=len(rows),
        pages=1,
        page=1,
    )
    return MiitExport(file=file, answers=(answer,), gaps=gaps)


def judge(*exports, filings=None, orders=(), lifted=None):
    return verify(filings or [filing()], orders, exports, lifted=lambda _: lifted)


def codes(*exports, **more):
    [one] = judge(*exports, **more).filings
    return [point.code for point in one.differences], [point.code for point in one.doubts]


def restriction(at=SINCE, kind=OrderKind.RESTRICTION):
    return Order(filing_id="F1", kind=kind, at=at, by="x", reason="r")


def test_equal():
    found = judge(export(row()))
    assert found.outcome is Outcome.EQUAL
    assert found.filings[0].outcome is Outcome.EQUAL
    assert found.filings[0].restricted is False
    assert found.unmatched == 0
    assert found.restrictions() == ((), ())


def test_a_number_without_its_last_character_is_the_same():
    assert codes(export(row()), filings=[filing(licence="宁ICP备 2026000001－1")]) == ([], [])


def test_not_found():
    found = judge(export())
    assert found.outcome is Outcome.DIFFERENT
    assert [point.code for point in found.filings[0].differences] == [Difference.NOT_FOUND]
    assert codes(export(row(service_licence=OTHER, domain="other.cn"))) == (
        [Difference.NOT_FOUND],
        [],
    )


def test_another_holder():
    [one] = judge(export(row(unit_name="别家有限公司"))).filings
    assert [tuple(point) for point in one.differences] == [
        (Difference.OTHER_HOLDER, UNIT, "别家有限公司", "")
    ]


def test_another_number_for_the_same_unit():
    [one] = judge(export(row(service_licence=OTHER))).filings
    assert [tuple(point) for point in one.differences] == [
        (Difference.OTHER_NUMBER, NUMBER, OTHER, "example.cn")
    ]


def test_a_number_that_the_register_lacks_is_shown():
    unlicensed = filing(licence="", state=FilingState.UNLICENSED)
    [one] = judge(export(row()), filings=[unlicensed]).filings
    assert [tuple(point) for point in one.differences] == [
        (Difference.OTHER_NUMBER, "", NUMBER, "example.cn")
    ]


def test_another_number_of_the_entity():
    found = codes(export(row()), filings=[filing(entity_licence="宁ICP备2026000009号")])
    assert found == ([Difference.OTHER_NUMBER], [])
    assert codes(export(row()), filings=[filing(entity_licence="宁ICP备2026000001")]) == ([], [])


def test_a_domain_of_another_unit():
    found = codes(export(row(service_licence=OTHER, unit_name="别家有限公司")))
    assert found == ([Difference.DOMAIN_OTHER_NUMBER, Difference.NOT_FOUND], [])


def test_one_of_two_domains_under_another_number():
    two = filing(domains=("example.cn", "example.com"))
    moved = row(domain="example.com", service_licence=OTHER)
    [one] = judge(export(row(), moved), filings=[two]).filings
    assert [tuple(point) for point in one.differences] == [
        (Difference.DOMAIN_OTHER_NUMBER, NUMBER, OTHER, "example.com")
    ]


def test_one_of_two_domains_is_not_listed():
    two = filing(domains=("example.cn", "example.com"))
    assert codes(export(row()), filings=[two]) == ([Difference.DOMAIN_NOT_FOUND], [])


def test_a_domain_that_the_register_lacks():
    found = codes(export(row(), row(domain="example.net")))
    assert found == ([Difference.DOMAIN_NOT_IN_REGISTER], [])
    assert codes(export(row()), filings=[filing(domains=())]) == ([], []), "it names none at all"


def test_a_filed_domain_covers_those_below():
    assert codes(export(row()), filings=[filing(domains=("shop.example.cn",))]) == ([], [])
    near = filing(domains=("notexample.cn",))
    found, _ = codes(export(row()), filings=[near])
    assert found == [Difference.DOMAIN_NOT_FOUND, Difference.DOMAIN_NOT_IN_REGISTER]


def test_a_domain_below_is_looked_up_by_the_one_above():
    lost = filing(licence=OTHER, domains=("shop.example.cn",))
    assert codes(export(row()), filings=[lost]) == ([Difference.OTHER_NUMBER], [])


def test_several_rows_of_one_number_are_its_domains():
    two = filing(domains=("example.cn", "example.com"))
    assert codes(export(row(), row(domain="example.com")), filings=[two]) == ([], [])


def test_an_app_has_no_domain_and_no_word_on_access():
    app = filing(
        licence="宁ICP备2026000001号-2A", domains=(), kind=ServiceType.APP, service_name="示例"
    )
    shown = row(
        service_licence="宁ICP备2026000001号-2A", domain="", service_name="示例", restricted=None
    )
    found = judge(export(shown), filings=[app])
    assert found.outcome is Outcome.EQUAL
    assert found.filings[0].restricted is None
    moved = shown._replace(service_licence="宁ICP备2026000001号-5A")
    assert codes(export(moved), filings=[app]) == ([Difference.OTHER_NUMBER], [])
    foreign = moved._replace(unit_name="别家有限公司")
    assert codes(export(foreign), filings=[app]) == ([Difference.NOT_FOUND], [])


def test_a_website_is_not_looked_up_by_its_name():
    site = filing(licence=OTHER, domains=(), service_name="示例")
    shown = row(service_licence="宁ICP备2026000001号-2A", domain="", service_name="示例")
    assert codes(export(shown), filings=[site]) == ([Difference.NOT_FOUND], [])


def test_the_domains_of_an_app_are_not_asked_of_a_row_that_has_none():
    licence = "宁ICP备2026000001号-2A"
    app = filing(licence=licence, domains=("api.example.cn",), kind=ServiceType.APP)
    shown = row(service_licence=licence, domain="", service_name="示例", restricted=None)
    assert codes(export(shown), filings=[app]) == ([], [])


def test_a_row_without_a_holder_tells_no_holder():
    assert codes(export(row(unit_name=""))) == ([], [Doubt.HOLDER_NOT_TOLD])


def test_nothing_follows_from_an_absence_where_something_is_missing():
    gap = Gap(Where("x.json", 2), "error", "错误")
    found = judge(export(gaps=(gap,)))
    assert found.outcome is Outcome.UNKNOWN
    assert codes(export(gaps=(gap,))) == ([], [Doubt.INCOMPLETE])
    assert codes(export(counted=False)) == ([], [Doubt.INCOMPLETE])
    assert codes() == ([], [Doubt.INCOMPLETE]), "no answer at all"


def test_a_gap_is_never_clean():
    gap = Gap(Where("x.json", 2), "error", "错误")
    found = judge(export(row(), gaps=(gap,)))
    assert found.filings[0].outcome is Outcome.EQUAL
    assert found.outcome is Outcome.UNKNOWN


def test_rows_alone_are_enough_where_they_show_everything():
    assert judge(export(row(), counted=False)).outcome is Outcome.EQUAL


def test_an_export_from_before_the_approval_says_nothing_against_it():
    early = SINCE - timedelta(days=1)
    assert codes(export(at=early)) == ([], [Doubt.OLDER_THAN_FILING])
    assert codes(export(row(unit_name="旧名"), at=early)) == ([], [Doubt.OLDER_THAN_FILING])
    assert codes(export(row(), at=early)) == ([], [])


def test_the_newest_answer_counts_for_a_domain():
    old = export(row(unit_name="旧名"), at=ASKED, file="old.json")
    new = export(row(), at=ASKED + timedelta(days=1), file="new.json")
    for order in ((old, new), (new, old)):
        [one] = judge(*order).filings
        assert one.outcome is Outcome.EQUAL
        assert [shown.file for shown in one.rows] == ["new.json"]


def test_of_two_answers_of_one_time_both_count():
    found, _ = codes(export(row()), export(row(unit_name="别家有限公司"), file="y.json"))
    assert found == [Difference.OTHER_HOLDER]


def test_ended_filings_are_passed_over():
    found = judge(export(row()), filings=[filing(state=FilingState.ENDED)])
    assert found.filings == ()
    assert found.unmatched == 1
    assert found.outcome is Outcome.UNKNOWN, "nothing was compared"


def test_rows_of_others_are_counted_only():
    found = judge(export(row(), row(domain="other.cn", service_licence=OTHER)))
    assert (found.outcome, found.unmatched) == (Outcome.EQUAL, 1)


# -- restricted access ---------------------------------------------------------------------------


def test_restricted_access_may_be_recorded():
    found = judge(export(row(restricted=True)))
    assert [point.code for point in found.filings[0].differences] == [Difference.RESTRICTED]
    [step], withheld = found.restrictions()
    assert (step.filing_id, step.place, step.decisive.at) == ("F1", True, ASKED)
    assert withheld == ()


def test_one_restricted_domain_restricts_the_filing():
    two = filing(domains=("example.cn", "example.com"))
    found, _ = codes(export(row(), row(domain="example.com", restricted=True)), filings=[two])
    assert found == [Difference.RESTRICTED]


def test_the_newest_yes_decides():
    two = filing(domains=("example.cn", "example.com"))
    older = export(row(domain="example.com", restricted=True), at=SINCE, file="old.json")
    newer = export(row(restricted=True))
    for exports in ((older, newer), (newer, older)):
        [step], _ = judge(*exports, filings=[two]).restrictions()
        assert step.decisive.at == ASKED


def test_a_restriction_that_stands_is_no_difference():
    assert codes(export(row(restricted=True)), orders=[restriction()]) == ([], [])


def test_a_suspension_is_no_restriction():
    order = restriction(kind=OrderKind.SUSPENSION)
    assert codes(export(row(restricted=True)), orders=[order]) == ([Difference.RESTRICTED], [])
    assert codes(export(row()), orders=[order]) == ([], [])


def test_a_restriction_under_another_number_of_the_unit_counts():
    found, _ = codes(export(row(service_licence=OTHER, restricted=True)))
    assert found == [Difference.OTHER_NUMBER, Difference.RESTRICTED]
    theirs = row(service_licence=OTHER, restricted=True, unit_name="别家有限公司")
    found, _ = codes(export(theirs))
    assert Difference.RESTRICTED not in found


def test_a_newer_no_may_lift_it():
    found = judge(export(row()), orders=[restriction()])
    assert [point.code for point in found.filings[0].differences] == [Difference.RESTRICTION_LIFTED]
    [step], _ = found.restrictions()
    assert (step.place, step.decisive.at) == (False, ASKED)


def test_an_older_no_lifts_nothing():
    found = judge(export(row()), orders=[restriction(at=ASKED)])
    assert [point.code for point in found.filings[0].doubts] == [Doubt.OLDER_THAN_ORDER]
    assert found.restrictions() == ((), ())


def test_a_no_of_an_unknown_day_lifts_nothing():
    may, [withheld] = judge(
        export(row(), dated=Dated.ASSUMED), orders=[restriction()]
    ).restrictions()
    assert (may, withheld.place) == ((), False)


def test_an_incomplete_export_lifts_nothing():
    gap = Gap(Where("x.json", 2), "error", "错误")
    may, withheld = judge(export(row(), gaps=(gap,)), orders=[restriction()]).restrictions()
    assert (may, len(withheld)) == ((), 1)


def test_what_is_wrong_besides_lifts_nothing():
    two = filing(domains=("example.cn", "example.com"))
    for shown, filings, count in (
        (row(), [two], 0),
        (row(), [filing()], 1),
        (row(unit_name="别家有限公司"), [filing()], 0),
    ):
        may, withheld = judge(export(shown), filings=filings, orders=[restriction()]).restrictions()
        assert (len(may), len(withheld)) == (count, 1 - count)
    loose = judge(export(row(), counted=False), filings=[two], orders=[restriction()])
    assert [len(steps) for steps in loose.restrictions()] == [0, 1], "a domain was not seen"
    more = judge(export(row(), row(domain="example.net")), orders=[restriction()])
    assert len(more.restrictions()[0]) == 1, "a domain too many, and not restricted"


def test_every_row_must_be_newer_to_lift():
    two = filing(domains=("example.cn", "example.com"))
    old = export(row(domain="example.com"), at=SINCE, file="old.json")
    found, doubts = codes(old, export(row()), filings=[two], orders=[restriction()])
    assert (found, doubts) == ([], [Doubt.OLDER_THAN_ORDER])


def test_a_number_that_is_not_found_lifts_nothing():
    found = judge(export(row(service_licence=OTHER)), orders=[restriction()])
    assert found.restrictions() == ((), ())


def test_access_that_is_not_told_lifts_nothing():
    found = judge(export(row(restricted=None)), orders=[restriction()])
    assert [point.code for point in found.filings[0].doubts] == [Doubt.ACCESS_NOT_TOLD]
    assert found.restrictions() == ((), ())


def test_an_old_yes_is_not_recorded_again_after_its_lifting():
    found = judge(export(row(restricted=True)), lifted=ASKED)
    assert [point.code for point in found.filings[0].doubts] == [Doubt.OLDER_THAN_ORDER]
    assert found.restrictions() == ((), ())
    [step], _ = judge(
        export(row(restricted=True)), lifted=ASKED - timedelta(seconds=1)
    ).restrictions()
    assert step.place
