"""Which accounts there are, and that their way in is not told."""

from __future__ import annotations

from dataclasses import replace

from gatekeeper.store import Account, Store
from tests.unit.store.given import NOW, minutes

ONE = Account(
    account_id="111122223333",
    name="生产",
    role_arn="arn:aws-cn:iam::111122223333:role/gatekeeper",
    external_id="half-a-secret",
)
TWO = Account(account_id="011122223333")


def test_accounts_are_listed_by_id(store: Store) -> None:
    assert store.put_account(ONE, actor="li", at=NOW)
    assert store.put_account(TWO, actor="li", at=NOW)
    assert store.accounts() == (TWO, ONE)


def test_the_same_again_writes_nothing(store: Store) -> None:
    store.put_account(ONE, actor="li", at=NOW)
    head = store.trail_head()
    assert not store.put_account(ONE, actor="li", at=minutes(1))
    assert store.trail_head() == head
    assert store.put_account(replace(ONE, name="测试"), actor="li", at=minutes(2))
    assert store.accounts()[0].name == "测试"
    told = [(entry.kind, entry.data["change"]) for entry in store.history(subject="111122223333")]
    assert told == [("account.put", "added"), ("account.put", "changed")]


def test_several_at_once(store: Store) -> None:
    store.put_account(ONE, actor="li", at=NOW)
    assert store.put_accounts([ONE, TWO, TWO], actor="li", at=NOW) == 1
    assert store.put_accounts([], actor="li", at=NOW) == 0
    assert len(store.history()) == 2


def test_a_removed_account_is_told(store: Store) -> None:
    store.put_account(ONE, actor="li", at=NOW)
    assert store.remove_account("111122223333", actor="wang", at=minutes(1))
    assert not store.remove_account("111122223333", actor="wang", at=minutes(1))
    assert store.accounts() == ()
    gone = store.history(kinds=["account.removed"])
    assert [(entry.actor, entry.account_id) for entry in gone] == [("wang", "111122223333")]


def test_the_external_id_is_neither_told_nor_shown(store: Store) -> None:
    store.put_account(ONE, actor="li", at=NOW)
    assert "half-a-secret" not in repr(store.history()) + repr(store.accounts())
    assert store.history()[0].data["external_id"] is True
