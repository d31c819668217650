"""Reviews at rest: sealed where a key is set, never lost, never mistaken; on both engines."""

from __future__ import annotations

import base64
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest
from cryptography.fernet import Fernet

from gatekeeper.errors import StoreError, StoreSealed
from gatekeeper.filing import Search, Status, content_digest, is_sealed
from gatekeeper.store import EntryKind, Fault, SealCount, Store, open_store
from gatekeeper.store.seal import Seal, SealKey, key_name, read_seal
from tests.unit.store.conftest import Intruder
from tests.unit.store.given import NOW, REVIEW, application, bring, minutes

NUMBER = "11010519491231002X"
KEYS = [base64.urlsafe_b64encode(bytes([number]) * 32).decode() for number in range(2)]

Opening = Callable[..., object]


@pytest.fixture
def keyed(url: str, monkeypatch: pytest.MonkeyPatch, store: Store) -> Opening:
    """Open the store with the keys of the given places, newest first."""
    del store

    @contextmanager
    def opening(*numbers: int) -> Iterator[Store]:
        with monkeypatch.context() as patch:
            patch.setenv("GATEKEEPER_KEY", "\n".join(KEYS[number] for number in numbers))
            with open_store(url) as opened:
                yield opened

    return opening


def bodies(intruder: Intruder) -> list[str]:
    return [row[0] for row in intruder.run("SELECT body FROM applications ORDER BY 1")]


def test_what_is_stored_cannot_be_read_and_comes_out_again(
    keyed: Opening, intruder: Intruder
) -> None:
    bare = replace(application(2), review="")
    with keyed(0) as store:
        bring(store, [application(1), bare])
        stored = bodies(intruder)
        assert not any(NUMBER in body for body in stored)
        assert sum(f'"review":"sealed:1:{key_name(KEYS[0])}:' in body for body in stored) == 1
        assert store.applications() == (application(1), bare)
        assert store.application("A000001") == application(1)
        assert store.records().applications == (application(1), bare)
        assert store.search(Search()) == (application(1), bare)
        assert store.verify_trail().ok
        assert store.verify_trail().sealed == 0


def test_the_digest_and_the_version_are_those_of_the_content(
    keyed: Opening, store: Store, intruder: Intruder
) -> None:
    with keyed(0) as sealed:
        bring(sealed, [application(1)])
        version = sealed.register_version()
        head = sealed.trail_head()
        bring(sealed, [application(1)])
        assert sealed.trail_head() == head
    assert intruder.run("SELECT digest FROM applications") == [(content_digest(application(1)),)]
    assert store.register_version() == version
    assert store.records(sealed=True).version == version


def test_two_registers_seal_the_same_content_differently(
    keyed: Opening, intruder: Intruder
) -> None:
    with keyed(0) as store:
        bring(store, [application(1), application(2)])
    tokens = [re.findall('sealed:1:[0-9a-f]{8}:([^"]+)', body) for body in bodies(intruder)]
    assert len(tokens) == 2
    assert tokens[0] != tokens[1]


def test_moves_and_corrections_stay_sealed(keyed: Opening, intruder: Intruder) -> None:
    with keyed(0) as store:
        bring(store, [application(1)])
        bring(store, [replace(application(1), review='{"entry":"all"}')])
        moved = replace(
            application(1),
            review='{"entry":"all"}',
            status=Status.REPORTED,
            status_at=minutes(1),
        )
        store.advance(moved, before=Status.SUBMITTED, actor="li", source="cli", at=minutes(2))
        assert store.application("A000001") == moved
        assert "entry" not in bodies(intruder)[0]
        assert store.verify_trail().ok


@pytest.mark.parametrize("key", [None, 1])
def test_without_the_right_key_reviews_are_refused_and_decisions_go_on(
    keyed: Opening, store: Store, intruder: Intruder, key: int | None
) -> None:
    with keyed(0) as sealed:
        bring(sealed, [application(1), replace(application(2), review="")])
    before = bodies(intruder)

    def look(blind: Store) -> None:
        for read in (
            blind.applications,
            blind.records,
            lambda: blind.application("A000001"),
            lambda: blind.stored(["A000001"]),
        ):
            with pytest.raises(StoreSealed, match=f"A000001.*sealed with key {key_name(KEYS[0])}"):
                read()
        assert blind.application("A000002") == replace(application(2), review="")
        records = blind.records(sealed=True)
        assert is_sealed(records.applications[0].review)
        assert replace(records.applications[0], review=REVIEW) == application(1)
        assert is_sealed(blind.search(Search())[0].review)
        past = blind.filing_past("F000001")
        assert past is not None
        assert is_sealed(past.applications[0].review)
        moved = replace(records.applications[0], status=Status.REPORTED, status_at=minutes(1))
        with pytest.raises(StoreSealed):
            blind.advance(moved, before=Status.SUBMITTED, actor="li", source="cli", at=NOW)
        report = blind.verify_trail()
        assert (report.ok, report.sealed) == (True, 1)

    if key is None:
        look(store)
    else:
        with keyed(key) as wrong:
            look(wrong)
    assert bodies(intruder) == before


def test_a_sealed_review_is_never_written_as_content(keyed: Opening, store: Store) -> None:
    with keyed(0) as sealed:
        bring(sealed, [application(1)])
    (blind,) = store.search(Search())
    copied = replace(blind, application_id="A000009", filing_id="F000009")
    with pytest.raises(StoreSealed):
        bring(store, [copied])
    assert store.application("A000009") is None


def test_what_was_altered_or_moved_is_told_from_a_missing_key(
    keyed: Opening, intruder: Intruder
) -> None:
    with keyed(0) as store:
        bring(store, [application(1), application(2)])
        first, second = bodies(intruder)
        token = second.split('"review":"')[1].split('"')[0]
        other = first.split('"review":"')[1].split('"')[0]
        intruder.run(
            "UPDATE applications SET body = ? WHERE application_id = 'A000001'",
            first.replace(other, token),
        )
        with pytest.raises(StoreError, match=r"A000001.*altered"):
            store.application("A000001")
        report = store.verify_trail()
        assert [(one.fault, one.subject) for one in report.problems] == [(Fault.ROW, "A000001")]
        assert "does not open with its key" in report.problems[0].message
        assert store.application("A000002") == application(2)


def test_a_forged_row_beside_a_sealed_review_is_still_seen(
    keyed: Opening, store: Store, intruder: Intruder
) -> None:
    with keyed(0) as sealed:
        bring(sealed, [application(1)])
    intruder.run("UPDATE applications SET account_id = '999900009999'")
    report = store.verify_trail()
    assert not report.ok
    assert report.sealed == 1


def test_the_register_is_sealed_afterwards_and_again_after_a_rotation(
    keyed: Opening, store: Store, intruder: Intruder
) -> None:
    rows = [application(number) for number in range(1, 1003)]
    bring(store, [*rows, replace(application(2000), review="")])
    version = store.register_version()
    assert store.seal_counts() == SealCount(plain=1002, newest=0, other=0)
    with pytest.raises(StoreError, match="no key is set"):
        store.seal_register(actor="li", at=NOW)
    seen: list[int] = []
    with keyed(0) as sealed:
        assert sealed.seal_register(actor="li", at=NOW, progress=seen.append) == 1002
        assert sum(seen) == 1003
        assert sealed.seal_counts() == SealCount(plain=0, newest=1002, other=0)
        assert sealed.seal_register(actor="li", at=NOW) == 0
        assert sealed.purge()
    assert not any(NUMBER in body for body in bodies(intruder))
    with keyed(1) as wrong:
        assert wrong.seal_counts() == SealCount(plain=0, newest=0, other=1002)
        with pytest.raises(StoreSealed):
            wrong.seal_register(actor="li", at=NOW)
    with keyed(1, 0) as rotated:
        assert rotated.application("A000001") == application(1)
        assert rotated.seal_register(actor="li", at=NOW) == 1002
    with keyed(1) as newest:
        assert newest.applications()[0] == application(1)
        assert newest.register_version() == version
        assert newest.verify_trail().ok
        told = newest.history(kinds=[EntryKind.STORE_SEALED])
    assert sum(entry.data["applications"] for entry in told) == 2004
    assert {entry.data["key"] for entry in told} == {key_name(key) for key in KEYS}


def test_a_content_that_is_not_its_digest_is_not_sealed(
    keyed: Opening, store: Store, intruder: Intruder
) -> None:
    bring(store, [application(1)])
    intruder.run("UPDATE applications SET digest = 'x'")
    with keyed(0) as sealed, pytest.raises(StoreError, match="trail verify"):
        sealed.seal_register(actor="li", at=NOW)


# --- keys


def file_of(tmp_path: Path, text: str, mode: int = 0o600) -> dict[str, str]:
    path = tmp_path / "keys"
    path.write_text(text, encoding="utf-8")
    path.chmod(mode)
    return {"GATEKEEPER_KEY_FILE": str(path)}


def test_keys_come_from_a_file_one_a_line(tmp_path: Path) -> None:
    given = file_of(tmp_path, f"# the newest first\n{KEYS[0]}\n\n{KEYS[1]}\n{KEYS[0]}\n")
    seal = read_seal(given | {"GATEKEEPER_KEY": "ignored"})
    assert seal.name == key_name(KEYS[0])
    older = read_seal({"GATEKEEPER_KEY": KEYS[1]}).close("A1", REVIEW)
    assert seal.open("A1", older) == REVIEW
    assert not seal.newest(older)
    assert seal.newest(seal.close("A1", REVIEW))
    assert seal.newest("")


@pytest.mark.parametrize(
    "environ", [{}, {"GATEKEEPER_KEY": ""}, {"GATEKEEPER_KEY": "", "GATEKEEPER_KEY_FILE": ""}]
)
def test_without_a_key_nothing_is_sealed(environ: dict[str, str]) -> None:
    seal = read_seal(environ)
    assert not seal
    assert seal.close("A1", REVIEW) == REVIEW
    assert seal.open("A1", REVIEW) == REVIEW


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660])
def test_a_key_file_that_others_may_read_is_refused(tmp_path: Path, mode: int) -> None:
    with pytest.raises(StoreError, match="chmod 600"):
        read_seal(file_of(tmp_path, KEYS[0], mode))


@pytest.mark.parametrize("text", ["", "# none\n", "short", "x" * 44, "密钥", KEYS[0] + "x"])
def test_a_file_without_a_key_is_refused_and_not_repeated(tmp_path: Path, text: str) -> None:
    with pytest.raises(StoreError, match="no Fernet key") as refused:
        read_seal(file_of(tmp_path, text))
    assert not text or text not in str(refused.value)


def test_a_missing_key_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="cannot read the key file"):
        read_seal({"GATEKEEPER_KEY_FILE": str(tmp_path / "gone")})
    with pytest.raises(StoreError, match=r"cannot read the key file|regular file"):
        read_seal({"GATEKEEPER_KEY_FILE": str(tmp_path)})


def test_a_sealed_text_belongs_to_its_application() -> None:
    seal = Seal((SealKey(key_name(KEYS[0]), Fernet(KEYS[0])),))
    text = seal.close("A1", REVIEW)
    assert seal.open("A1", text) == REVIEW
    for name, altered in (("A2", text), ("A1", text[:-6] + "AAAA=="), ("A1", "sealed:2:x")):
        with pytest.raises(ValueError, match=r"."):
            seal.open(name, altered)
