"""What is written by hand for speed is the canonical JSON that it claims to be."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gatekeeper.filing import (
    Access,
    Application,
    Entity,
    Kind,
    Service,
    ServiceType,
    Status,
    Stored,
    content_text,
)
from gatekeeper.store.chain import link_hash
from gatekeeper.store.encoding import _unpack_any, canonical, from_text, plain, to_text, unpack
from gatekeeper.store.register import _told
from gatekeeper.store.row import ApplicationRow
from tests.unit.store.given import application

texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
times = st.datetimes(
    datetime(1990, 1, 1),  # noqa: DTZ001
    datetime(2090, 1, 1),  # noqa: DTZ001
    timezones=st.just(timezone(timedelta(hours=8))),
)
lists = st.lists(texts, max_size=3).map(tuple)
applications = st.builds(
    Application,
    application_id=texts,
    filing_id=texts,
    kind=st.sampled_from(Kind),
    status=st.sampled_from(Status),
    status_at=times,
    entity=st.builds(
        Entity,
        name=texts,
        certificate_type=texts,
        certificate_number=texts,
        province=texts,
        licence=texts,
    ),
    service=st.builds(
        Service,
        type=st.none() | st.sampled_from(ServiceType),
        name=texts,
        licence=texts,
        domains=lists,
    ),
    access=st.builds(Access, account_id=texts, load_balancer=texts, ips=lists),
    review=texts,
)


@given(applications)
def test_an_application_comes_back_and_is_canonical(application: Application) -> None:
    body = content_text(application)
    assert unpack(body) == _unpack_any(body) == application
    assert body == canonical(plain(body))


words = st.text("示例a1 .;-%'[]{}:,", max_size=8)


@given(words, words, st.lists(words, max_size=3).map(tuple), st.none() | st.just(ServiceType.APP))
def test_a_plain_body_is_read_without_json(
    one: str, other: str, several: tuple[str, ...], type_: ServiceType | None
) -> None:
    application = Application(
        application_id=one,
        filing_id=other,
        kind=Kind.CHANGE_IP,
        status=Status.APPROVED,
        status_at=datetime(2026, 1, 1, tzinfo=UTC),
        entity=Entity(name=one.strip("{}"), licence=other.strip("{}")),
        service=Service(type=type_, name=other, domains=several),
        access=Access(account_id=one, load_balancer=other, ips=several),
    )
    body = content_text(application)
    assert unpack(body) == _unpack_any(body) == application


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ('"kind":"new"', '"kind":"old"'),
        ('"status":"approved"', '"status":""'),
        ('"type":null', '"type":"mini_program"'),
        ('"province":""', '"province":"","more":""'),
        ("2026-01-01T", "2026-13-01T"),
        ('"ips":[]', '"ips":["a""b"]'),
        ('"ips":[]', '"ips":["a",]'),
        ('"review":""', '"review":"" x'),
        (
            "}",
            "",
        ),
    ],
)
def test_a_body_that_was_altered_is_refused(old: str, new: str) -> None:
    application = Application(
        application_id="A1",
        filing_id="F1",
        kind=Kind.NEW,
        status=Status.APPROVED,
        status_at=datetime(2026, 1, 1, tzinfo=UTC),
        entity=Entity(name="n"),
    )
    body = content_text(application)
    assert old in body
    with pytest.raises((ValueError, KeyError, TypeError)):
        unpack(body.replace(old, new))


@given(applications, st.none() | texts, texts, texts, st.integers(0, 9), times)
def test_what_is_told_of_a_change_is_canonical(
    application: Application,
    before: str | None,
    source: str,
    note: str,
    line: int,
    seen_at: datetime,
) -> None:
    data = _told(
        ApplicationRow.of(Stored(application=application, seen_at=seen_at)),
        before or None,
        source=source,
        note=note,
        line=line,
        skipped=(Status.REPORTED, Status.BUREAU_REVIEW) if line else (),
    )
    assert data == canonical(plain(data))


@given(texts, st.none() | texts, texts)
def test_a_hash_is_over_canonical_json(actor: str, account_id: str | None, data: str) -> None:
    from hashlib import sha256

    content = {
        "account_id": account_id,
        "actor": actor,
        "at": "t",
        "data": data,
        "kind": "k",
        "prev_hash": "p",
        "seq": 7,
        "subject": "s",
    }
    text = json.dumps(content, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
    made = link_hash(7, "t", actor, "k", "s", account_id, data, "p")
    assert made == sha256(text.encode()).hexdigest()


@given(times, times)
def test_the_order_of_texts_is_the_order_of_times(one: datetime, other: datetime) -> None:
    assert (to_text(one) < to_text(other)) is (one < other)
    assert from_text(to_text(one)) == one
    assert from_text(to_text(one)).tzinfo is UTC


def test_a_time_without_offset_is_a_mistake() -> None:
    with pytest.raises(ValueError, match="offset"):
        to_text(datetime(2026, 1, 1))  # noqa: DTZ001
    assert from_text(None) is None


@pytest.mark.parametrize("name", ["店", '引号"与\\反斜杠'])
def test_a_sealed_review_is_unpacked_as_it_stands(name: str) -> None:
    sealed = "sealed:1:00000000:gAAAAA-_="
    one = replace(application(1), review=sealed)
    one = replace(one, service=replace(one.service, name=name))
    assert unpack(content_text(one)) == one
