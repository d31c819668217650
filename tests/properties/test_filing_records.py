"""Properties of filing records: the way out and back, the fold, and the merge."""

from __future__ import annotations

import ipaddress
import tempfile
from datetime import UTC, datetime, timedelta
from io import BytesIO
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from gatekeeper.filing import (
    Access,
    Application,
    Entity,
    FilingState,
    Kind,
    Order,
    OrderKind,
    Row,
    Service,
    ServiceType,
    Status,
    Stored,
    Where,
    content_digest,
    fold,
    merge,
)
from gatekeeper.sources import (
    application_from_json,
    application_to_json,
    read_applications,
    write_applications,
)
from tests.properties.examples import examples

START = datetime(2026, 1, 1, tzinfo=UTC)
NOW = datetime(2026, 12, 1, tzinfo=UTC)

# Text as an import accepts it, rich in what spreadsheets and CSV readers trip over.
_CHARS = st.one_of(
    st.sampled_from("='+-@＝＋－＠\"',;|\\ _x0041/*#%"),
    st.characters(
        exclude_categories=("Cc", "Cs", "Cf", "Zl", "Zp"), exclude_characters="\ufffe\uffff"
    ),
)
texts = st.text(_CHARS, max_size=12).map(str.strip)
names = texts.filter(bool)
addresses = st.lists(
    st.one_of(st.ip_addresses(v=4), st.ip_addresses(v=6)).filter(
        lambda ip: getattr(ip, "ipv4_mapped", None) is None
    ),
    max_size=4,
).map(
    lambda ips: tuple(
        str(ip)
        for ip in sorted(set(ips), key=lambda ip: (ip.version, int(ipaddress.ip_address(ip))))
    )
)
domains = st.lists(st.from_regex(r"\A[a-z0-9_-]{1,8}(\.[a-z]{2,5}){0,2}\Z"), max_size=3).map(
    lambda found: tuple(sorted(set(found)))
)
accounts = st.from_regex(r"\A[0-9]{12}\Z")


@st.composite
def records(draw: st.DrawFn) -> Application:
    kind = draw(st.sampled_from(Kind))
    ips = draw(addresses.filter(bool) if kind is Kind.CHANGE_IP else addresses)
    return Application(
        application_id=draw(names),
        filing_id=draw(names),
        kind=kind,
        status=draw(st.sampled_from(Status)),
        status_at=draw(
            st.datetimes(datetime(1970, 1, 1), datetime(2100, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001
        ),
        entity=Entity(
            name=draw(names),
            certificate_type=draw(texts),
            certificate_number=draw(texts.filter(lambda text: "*" not in text)),  # it is masked
            province=draw(texts),
            licence=draw(texts),
        ),
        service=Service(
            type=draw(st.sampled_from([None, *ServiceType])),
            name=draw(texts),
            licence=draw(texts),
            domains=draw(domains),
        ),
        access=Access(account_id=draw(accounts), load_balancer=draw(texts), ips=ips),
    )


@given(st.lists(records(), max_size=5), st.sampled_from(["csv", "xlsx"]))
@examples(1)
def test_a_table_comes_back_as_it_went(applications: list[Application], form: str) -> None:
    stream = BytesIO()
    write_applications(applications, stream, form)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"a.{form}"
        path.write_bytes(stream.getvalue())
        result = read_applications(path)
    assert result.problems == ()
    assert [row.application for row in result.rows] == applications


@given(records())
def test_json_comes_back_as_it_went(application: Application) -> None:
    back = application_from_json(application_to_json(application))
    assert back == application
    assert content_digest(back) == content_digest(application)


LICENCES = ["", "?", "宁ICP备2026000001号", "宁ICP备2026000001号-1", "宁ICP备2026000001号-2A"]
ENTITIES = [Entity(name="甲"), Entity(name="乙"), Entity(name="丙", certificate_number="1")]


@st.composite
def histories(draw: st.DrawFn) -> list[Application]:
    count = draw(st.integers(0, 8))
    return [
        Application(
            application_id=f"A{number}",
            filing_id=draw(st.sampled_from(["F1", "F2", "F3"])),
            kind=draw(st.sampled_from(Kind)),
            status=draw(st.sampled_from([*Status, *[Status.APPROVED] * 9])),
            status_at=START + timedelta(days=draw(st.integers(0, 5))),
            entity=draw(st.sampled_from(ENTITIES)),
            service=Service(licence=draw(st.sampled_from(LICENCES))),
            access=Access(account_id="111122223333", ips=(f"52.83.1.{draw(st.integers(0, 3))}",)),
        )
        for number in range(count)
    ]


orders = st.lists(
    st.builds(
        Order,
        filing_id=st.sampled_from(["F1", "F2", "F9"]),
        kind=st.sampled_from(OrderKind),
        at=st.just(START),
        by=st.just("li"),
        reason=st.just("x"),
    ),
    max_size=2,
)


@given(histories(), orders, st.randoms(use_true_random=False), st.integers(0, 6))
def test_the_order_of_the_records_does_not_matter(history, standing, random, day) -> None:
    at = START + timedelta(days=day)
    shuffled = random.sample(history, len(history))
    assert fold(history, standing, at=at) == fold(shuffled, standing, at=at)


@given(histories(), orders)
def test_what_is_not_approved_changes_no_filing(history, standing) -> None:
    approved = [a for a in history if a.status is Status.APPROVED]
    whole, part = fold(history, standing, at=NOW), fold(approved, standing, at=NOW)
    assert whole.filings == part.filings
    assert whole.issues == part.issues


@given(histories(), orders)
def test_in_effect_means_approved_licensed_and_not_held(history, standing) -> None:
    held = {order.filing_id for order in standing}
    by_id = {a.application_id: a for a in history}
    for filing in fold(history, standing, at=NOW).filings:
        assert by_id[filing.application_id].status is Status.APPROVED
        if filing.state is FilingState.IN_EFFECT:
            assert filing.service.licence in LICENCES[3:]
            assert filing.filing_id not in held
        assert (filing.state is FilingState.ENDED) == bool(filing.ended_by)


@given(histories(), orders)
def test_an_order_never_puts_a_filing_in_effect(history, standing) -> None:
    free = {f.filing_id: f for f in fold(history, at=NOW).filings}
    for filing in fold(history, standing, at=NOW).filings:
        if filing.state is FilingState.IN_EFFECT:
            assert filing == free[filing.filing_id]


@given(histories(), histories())
def test_importing_a_file_again_changes_nothing(first, second) -> None:
    current: dict[str, Stored] = {}
    for history in (first, second):
        rows = [Row(a, Where("a.csv", line)) for line, a in enumerate(history, 2)]
        once = merge(current, rows, now=NOW)
        if once.problems:
            return
        current |= once.outcome
        again = merge(current, rows, now=NOW)
        assert again.steps == ()
        assert again.problems == ()
        assert len(again.unchanged) + len(again.stale) == len(rows)
        assert again.stale == once.stale


@given(histories(), histories())
def test_a_merge_never_goes_back_in_time(first, second) -> None:
    current = merge({}, [Row(a, Where("a.csv", 2)) for a in first], now=NOW).outcome
    merged = merge(current, [Row(a, Where("b.csv", 2)) for a in second], now=NOW)
    for step in merged.steps:
        if step.before is not None:
            assert step.after.seen_at >= step.before.seen_at
            assert step.after.application.status_at >= step.before.application.status_at
            assert step.after.application.kind is step.before.application.kind
            assert step.before.application.status is not Status.APPROVED or step.kind == "observed"
