"""What the database finds is what Python finds among all records, on both engines."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from itertools import product

import pytest
from sqlalchemy import Connection, inspect, select

from gatekeeper.errors import StoreError
from gatekeeper.filing import (
    Access,
    Application,
    Entity,
    Kind,
    Order,
    OrderKind,
    Search,
    Service,
    Status,
    advance,
    fold,
)
from gatekeeper.store import Store, register, search
from gatekeeper.store.tables import applications, entities
from tests.unit.store.given import application, bring, minutes

LATER = datetime(2026, 11, 20, tzinfo=UTC)
NAMES = (
    "宁夏示例有限公司",
    "宁夏示例（银川）有限公司",
    "100% 网络_公司",
    "100 percent",
    "back\\slash 'single' \"double\"",
    "Straße GmbH",
    "STRASSE gmbh",
    "İstanbul",
    "ΣΊΣΥΦΟΣ",
    "𠮷野家",
    "a" * 999,
    "-- ; DROP TABLE applications",
    "$1 ? :name {x} %s",
)
TEXTS = (
    *("", "宁夏", "有限公司", "（", "示", "%", "_", "0%", "%%", "\\", "'", '"', "''", "\\\\"),
    *("straße", "STRASSE", "ss", "i̇", "I", "istanbul", "σίσυφος", "ς", "𠮷", "a" * 500, "a" * 1000),
    *("; drop", "?", "%s", ":name", "$1", "{x}", "no such", " ", "\0", "宁\0", "\udc80", "\n"),
    *("91640000ma7abc", "91640000MA7ABC", "9164", "宁icp备2026000003号", "2026000003", "²", "%ma%"),
)
ACCOUNTS = ("111122223333", "444455556666")


def records() -> list[Application]:
    numbers = ("", "91640000MA7ABC", "X²", "%MA%", "宁夏")
    found = []
    for n, (name, number) in enumerate(product(NAMES, numbers), 1):
        found.append(
            application(
                n,
                filing_id=f"F{n // 2:06}",
                kind=(Kind.NEW, Kind.CHANGE, Kind.TRANSFER_IN)[n % 3],
                status=(Status.SUBMITTED, Status.APPROVED, Status.DRAFT)[n % 4 % 3],
                entity=Entity(
                    name=name,
                    certificate_number=number,
                    licence=f"宁ICP备{2026000000 + n % 5}号" if n % 2 else "",
                ),
                access=Access(account_id=ACCOUNTS[n % 2], ips=("52.83.1.1",)),
            )
        )
    return found


@pytest.fixture
def full(store: Store) -> Store:
    bring(store, records())
    return store


@pytest.mark.parametrize("at_once", [search.FEW, 1], ids=["few", "many"])
def test_an_entity_is_found_by_any_text(
    full: Store, at_once: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(search, "FEW", at_once)
    everything = full.applications()
    found = 0
    for text in TEXTS:
        wanted = Search(entity=text)
        expected = tuple(one for one in everything if wanted.finds(one))
        assert full.search(wanted) == expected, text
        assert full.search(wanted, limit=3) == expected[:3], text
        found += bool(expected)
    assert found > len(TEXTS) // 2


def test_conditions_hold_together(full: Store) -> None:
    everything = full.applications()
    some = ((), (Status.APPROVED,), (Status.APPROVED, Status.DRAFT, Status.REJECTED))
    kinds = ((), (Kind.NEW, Kind.CHANGE), (Kind.CHANGE_IP,))
    whose = ((), ACCOUNTS[:1], ACCOUNTS, ("000000000000",))
    sizes = set()
    for statuses, kind, accounts, entity in product(some, kinds, whose, (None, "宁夏", "ma7")):
        wanted = Search(
            statuses=frozenset(statuses),
            kinds=frozenset(kind),
            accounts=frozenset(accounts),
            entity=entity,
        )
        expected = tuple(one for one in everything if wanted.finds(one))
        assert full.search(wanted) == expected
        assert full.search(wanted, limit=5) == expected[:5]
        sizes.add(len(expected))
    assert len(sizes) > 8


def test_a_new_name_is_found_and_the_old_one_no_more(store: Store) -> None:
    one = application(1)
    bring(store, [one, application(2)])
    renamed = replace(one, entity=replace(one.entity, name="新名称"), status_at=minutes(5))
    bring(store, [renamed], at=minutes(6))
    assert [a.application_id for a in store.search(Search(entity="新名"))] == ["A000001"]
    assert store.search(Search(entity="第1公司")) == ()
    with store._db.read() as connection:  # what a search reads tells nothing of the past
        names = connection.execute(select(entities.c.name)).scalars().all()
    assert sorted(names) == ["宁夏第2公司", "新名称"]
    before = store.application("A000002")
    assert before is not None
    moved = advance(before, Status.REPORTED, at=minutes(10), now=minutes(10))
    moved = replace(moved, entity=replace(moved.entity, licence="宁ICP备2026000009号"))
    store.advance(moved, before=before, actor="li", source="", at=minutes(10))
    assert store.search(Search(entity="宁ICP备2026000009号")) == (moved,)
    assert store.verify_trail().ok


def test_an_entity_stays_while_one_application_has_it(store: Store) -> None:
    both = [application(n, entity=application(1).entity) for n in (1, 2)]
    bring(store, both)
    renamed = replace(both[0].entity, name="新名称")
    bring(store, [replace(both[0], entity=renamed, status_at=minutes(5))], at=minutes(6))
    assert [a.application_id for a in store.search(Search(entity="第1公司"))] == ["A000002"]
    bring(store, [replace(both[1], entity=renamed, status_at=minutes(5))], at=minutes(6))
    assert store.search(Search(entity="第1公司")) == ()
    assert len(store.search(Search(entity="新名称"))) == 2


def test_an_entity_is_kept_once(store: Store) -> None:
    same = application(1).entity
    bring(store, [application(n, entity=same) for n in range(1, 300)])
    bring(store, [application(n, entity=same) for n in range(300, 310)])
    with store._db.read() as connection:
        assert len(connection.execute(entities.select()).all()) == 1
    assert len(store.search(Search(entity=same.name))) == 309


def lives() -> list[Application]:
    """Filings that move between accounts and entities, and an entity that ends one of them."""
    first, second = Entity(name="甲公司", certificate_number="91 640"), Entity(name="乙公司")
    licence = Service(licence="宁ICP备2026000001号-1")

    def one(number: int, filing: str, kind: Kind, entity: Entity, account: str) -> Application:
        return application(
            number,
            filing_id=filing,
            kind=kind,
            status=Status.APPROVED,
            status_at=minutes(number),
            entity=entity,
            service=licence,
            access=Access(account_id=account, ips=(f"52.83.1.{number}",)),
        )

    return [
        one(1, "F1", Kind.NEW, first, ACCOUNTS[0]),
        one(2, "F2", Kind.NEW, second, ACCOUNTS[0]),
        one(3, "F3", Kind.NEW, first, ACCOUNTS[1]),
        one(4, "F1", Kind.CHANGE_IP, first, ACCOUNTS[1]),
        one(5, "F2", Kind.CHANGE, replace(first, name="甲集团"), ACCOUNTS[0]),
        one(6, "", Kind.DEREGISTER_ENTITY, replace(first, certificate_number="91640"), ""),
        one(7, "F4", Kind.NEW, first, ACCOUNTS[0]),
        one(8, "F3", Kind.NEW, second, ACCOUNTS[0]),
        replace(one(9, "", Kind.DEREGISTER_ENTITY, second, ""), status=Status.SUBMITTED),
    ]


@pytest.mark.parametrize("accounts", [(), ACCOUNTS[:1], ACCOUNTS[1:], ("000000000000",)])
@pytest.mark.parametrize("entity", [None, "甲", "集团", "乙公司", "91 640", "none"])
def test_filings_fold_as_in_the_whole_register(
    store: Store, accounts: tuple[str, ...], entity: str | None
) -> None:
    bring(store, lives(), at=LATER)
    wanted = Search(accounts=frozenset(accounts), entity=entity)
    part = store.search_filings(wanted)
    assert [a.application_id for a in part] == sorted({a.application_id for a in part})
    for at in (minutes(3), minutes(5), LATER):
        whole = fold(store.applications(), at=at).filings
        found = fold(part, at=at).filings
        assert [f for f in found if wanted.concerns(f)] == [f for f in whole if wanted.concerns(f)]


def test_one_filing_with_all_that_decides_it(store: Store) -> None:
    bring(store, lives(), at=LATER)
    order = Order(filing_id="F4", kind=OrderKind.SUSPENSION, at=LATER, by="wang", reason="r")
    store.place_order(order)
    whole = {f.filing_id: f for f in fold(store.applications(), [order], at=LATER).filings}
    for record, filing_id in (("F1", "F1"), ("A000004", "F1"), ("F4", "F4"), ("A000002", "F2")):
        past = store.filing_past(record)
        assert past is not None
        assert past.filing_id == filing_id
        own = [a for a in store.applications() if a.filing_id == filing_id]
        assert list(past.applications) == own
        every = {a.application_id: a for a in (*own, *past.endings)}.values()
        folded = {f.filing_id: f for f in fold(every, past.orders, at=LATER).filings}
        assert folded[filing_id] == whole[filing_id]


def test_an_id_of_a_filing_comes_before_one_of_an_application(store: Store) -> None:
    bring(store, [application(1, filing_id="A000002"), application(2, filing_id="F2")])
    past = store.filing_past("A000002")
    assert past is not None
    assert past.filing_id == "A000002"
    # The application of that id is listed too, as it always was.
    assert [a.application_id for a in past.applications] == ["A000001", "A000002"]


@pytest.mark.parametrize("record", ["F9", "%", "f000001", "\0", "\udc80", "A000001 "])
def test_what_is_not_there_is_not_found(store: Store, record: str) -> None:
    bring(store, [application(1)])
    assert store.filing_past(record) is None


@pytest.mark.parametrize("owned", [True, False], ids=["owner", "other-role"])
def test_an_empty_register_is_filled_first_and_indexed_then(
    store: Store, owned: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(register, "_FILLED_AT_ONCE", 50)
    if not owned:
        real = Connection.exec_driver_sql

        def told(self: Connection, statement: str, *given: object, **options: object) -> object:
            if "relowner" in statement:
                statement = statement.replace("pg_has_role(relowner, 'USAGE')", "false")
            return real(self, statement, *given, **options)  # type: ignore[arg-type]

        monkeypatch.setattr(Connection, "exec_driver_sql", told)
    bring(store, records())
    with store._db.read() as connection:
        names = {index["name"] for index in inspect(connection).get_indexes("applications")}
    assert names == {index.name for index in applications.indexes}
    assert store.applications() == tuple(records())
    assert store.verify_trail().ok


def test_a_fill_that_fails_leaves_the_indexes(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(register, "_FILLED_AT_ONCE", 50)

    def refuse(*_: object) -> None:
        raise StoreError("the disk is full")

    with monkeypatch.context() as patch:
        patch.setattr(store._db, "add_missing", refuse)
        with pytest.raises(StoreError, match="disk"):
            bring(store, records())
    with store._db.read() as connection:
        names = {index["name"] for index in inspect(connection).get_indexes("applications")}
    assert names == {index.name for index in applications.indexes}
    assert store.applications() == ()
