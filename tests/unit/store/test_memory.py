"""What was seen is remembered, what is gone is known as gone, and a quiet look writes little."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import pytest

from gatekeeper.account import RememberedAddress, SeenAddress, SeenEndpoint
from gatekeeper.errors import StoreError
from gatekeeper.store import Store
from tests.unit.store.conftest import Intruder
from tests.unit.store.given import NOW, minutes

A, B = "111122223333", "999988887777"
EIP = SeenAddress("52.83.1.1", "eip", "eipalloc-1")
LENT = SeenAddress("52.83.1.2", "auto", None)
ENI = SeenEndpoint("eni-1", "interface", "ipv4", ("52.83.1.1", "52.83.1.2"))
KEY = (A, "eni-1", "ipv4")


def finding(code: str, account_id: str | None = A, **more: Any) -> dict[str, Any]:
    return {"key": f"{code}|{account_id}", "code": code, "account_id": account_id, **more}


def test_addresses_are_remembered_by_account(store: Store) -> None:
    store.remember_addresses(A, [EIP, LENT], at=NOW)
    store.remember_addresses(B, [EIP._replace(ip="52.83.9.9")], at=minutes(1))
    memory = store.address_memory()
    assert set(memory) == {(A, "52.83.1.1"), (A, "52.83.1.2"), (B, "52.83.9.9")}
    assert memory[A, "52.83.1.1"] == RememberedAddress(*EIP, NOW, NOW)
    assert memory[A, "52.83.1.2"].allocation_id is None
    assert set(store.address_memory([B, "000000000000"])) == {(B, "52.83.9.9")}
    assert store.address_memory([]) == {}


def test_a_gone_address_keeps_the_time_it_was_last_seen(store: Store) -> None:
    store.remember_addresses(A, [EIP, LENT], at=NOW)
    store.remember_addresses(A, [EIP, LENT], at=minutes(5))
    store.remember_addresses(A, [EIP], at=minutes(10))
    store.remember_addresses(A, [EIP], at=minutes(15))
    memory = store.address_memory()
    assert (memory[A, LENT.ip].first_seen, memory[A, LENT.ip].last_seen) == (NOW, minutes(5))
    assert (memory[A, EIP.ip].first_seen, memory[A, EIP.ip].last_seen) == (NOW, minutes(15))


def test_a_look_at_one_account_says_nothing_of_another(store: Store) -> None:
    store.remember_addresses(A, [EIP], at=NOW)
    store.remember_addresses(B, [], at=minutes(5))
    assert store.address_memory()[A, EIP.ip].last_seen == NOW


def test_an_address_comes_back_and_its_first_allocation_is_remembered(store: Store) -> None:
    store.remember_addresses(A, [EIP], at=NOW)
    store.remember_addresses(A, [], at=minutes(1))
    again = EIP._replace(allocation_id="eipalloc-2")
    store.remember_addresses(A, [again], at=minutes(2))
    store.remember_addresses(A, [again], at=minutes(3))
    assert store.address_memory()[A, EIP.ip] == RememberedAddress(*EIP, NOW, minutes(3))


def test_a_store_is_of_one_region(store: Store) -> None:
    store.bind_region("cn-northwest-1")
    store.bind_region("cn-northwest-1")
    with pytest.raises(StoreError, match="cn-northwest-1 and cannot be used for cn-north-1"):
        store.bind_region("cn-north-1")


def test_endpoints_are_remembered_while_they_are_there(store: Store) -> None:
    six = ENI._replace(family="ipv6", ips=("2408::1",))
    store.remember_endpoints(A, [ENI, six], at=NOW)
    store.remember_endpoints(A, [ENI], at=minutes(5))
    memory = store.endpoint_memory()
    assert set(memory) == {KEY}
    assert (memory[KEY].kind, memory[KEY].ips) == ("interface", ENI.ips)
    assert memory[KEY].last_seen == minutes(5)
    gone = store.endpoint_memory([A], gone=True)[A, "eni-1", "ipv6"]
    assert (gone.ips, gone.last_seen) == (("2408::1",), NOW)
    assert store.endpoint_memory([B]) == {}


def test_what_was_opened_outlives_every_look(store: Store) -> None:
    store.remember_endpoints(A, [ENI], at=NOW)
    assert store.endpoint_memory()[KEY].opened_ips is None
    store.mark_opened(A, "eni-1", "ipv4", ["52.83.1.2", "52.83.1.1"], at=minutes(1))
    other = ENI._replace(ips=("52.83.1.1", "52.83.7.7"))
    store.remember_endpoints(A, [other], at=minutes(2))
    store.remember_endpoints(A, [], at=minutes(3))
    store.remember_endpoints(A, [other], at=minutes(4))
    known = store.endpoint_memory()[KEY]
    assert known.ips == other.ips
    assert (known.opened_ips, known.opened_at) == (ENI.ips, minutes(1))
    store.mark_opened(A, "eni-1", "ipv4", None, at=minutes(5))
    known = store.endpoint_memory()[KEY]
    assert (known.opened_ips, known.opened_at, known.changed_at) == (None, None, None)


def test_the_first_sight_of_a_change_stays_until_it_is_over(store: Store) -> None:
    store.remember_endpoints(A, [ENI], at=NOW)
    store.mark_opened(A, "eni-1", "ipv4", ENI.ips, at=NOW)

    def changed() -> datetime | None:
        return store.endpoint_memory()[KEY].changed_at

    store.mark_changed(A, "eni-1", "ipv4", minutes(1))
    store.mark_changed(A, "eni-1", "ipv4", minutes(2))
    store.remember_endpoints(A, [ENI._replace(kind="load_balancer")], at=minutes(3))
    assert changed() == minutes(1)
    store.mark_changed(A, "eni-1", "ipv4", None)
    assert changed() is None
    store.mark_changed(A, "eni-1", "ipv4", minutes(4))
    store.mark_opened(A, "eni-1", "ipv4", ENI.ips, at=minutes(5))
    assert changed() is None


def test_an_endpoint_opened_before_any_look_is_remembered(store: Store) -> None:
    store.mark_opened(A, "eni-1", "ipv4", ENI.ips, at=NOW)
    store.mark_changed(A, "eni-9", "ipv4", NOW)
    store.remember_endpoints(A, [ENI], at=minutes(1))
    known = store.endpoint_memory(gone=True)
    assert set(known) == {KEY}
    assert (known[KEY].kind, known[KEY].opened_at) == ("interface", NOW)


def test_a_quiet_look_writes_only_its_time(store: Store, intruder: Intruder) -> None:
    many = [ENI._replace(endpoint=f"eni-{number}") for number in range(300)]
    addresses = [EIP._replace(ip=f"52.83.2.{number}") for number in range(200)]
    store.remember_endpoints(A, many, at=NOW)
    store.remember_addresses(A, addresses, at=NOW)
    for table in ("endpoints", "addresses"):
        if intruder.sqlite:
            intruder.run(
                f"CREATE TRIGGER no_{table} BEFORE INSERT ON {table} "
                "BEGIN SELECT RAISE(ABORT, 'written'); END"
            )
        else:
            intruder.run(f"REVOKE ALL ON {table} FROM public")
            intruder.run(f"ALTER TABLE {table} ADD CONSTRAINT no_{table} CHECK (false) NOT VALID")
    store.remember_endpoints(A, many, at=minutes(5))
    store.remember_addresses(A, addresses, at=minutes(5))
    assert {known.last_seen for known in store.endpoint_memory().values()} == {minutes(5)}
    assert {known.last_seen for known in store.address_memory().values()} == {minutes(5)}


def test_findings_are_new_known_and_resolved(store: Store) -> None:
    one, two = finding("x"), finding("y", ips=["52.83.1.1"])
    store.remember_findings([one, two], accounts=[A], at=NOW)
    store.remember_findings([one], accounts=[A], at=minutes(5))
    memory = store.findings_memory()
    x, y = memory[one["key"]], memory[two["key"]]
    assert (x.first_seen, x.last_seen, x.resolved_at) == (NOW, minutes(5), None)
    assert (y.first_seen, y.last_seen, y.resolved_at) == (NOW, NOW, minutes(5))
    assert y.data == two
    assert store.findings_memory(standing=True) == {one["key"]: x}
    assert store.findings_memory(resolved_from=minutes(5)) == memory
    assert store.findings_memory(resolved_from=minutes(6)) == {one["key"]: x}


def test_a_finding_that_comes_back_is_new(store: Store) -> None:
    store.remember_findings([finding("x")], accounts=[A], at=NOW)
    store.remember_findings([], accounts=[A], at=minutes(5))
    store.remember_findings([], accounts=[A], at=minutes(7))
    assert store.findings_memory()[f"x|{A}"].resolved_at == minutes(5)
    store.remember_findings([finding("x")], accounts=[A], at=minutes(10))
    known = store.findings_memory()[f"x|{A}"]
    assert (known.first_seen, known.last_seen, known.resolved_at) == (
        minutes(10),
        minutes(10),
        None,
    )


def test_the_times_within_a_finding_are_not_kept(store: Store) -> None:
    said = finding("x", first_seen="a", last_seen="b", state="new", message="m")
    store.remember_findings([said], accounts=[A], at=NOW)
    assert store.findings_memory()[f"x|{A}"].data == finding("x", message="m")


def test_an_account_out_of_scope_resolves_nothing(store: Store) -> None:
    store.remember_findings([finding("x"), finding("y", B)], accounts=[A, B], at=NOW)
    store.remember_findings([], accounts=[A], at=minutes(5))
    memory = store.findings_memory()
    assert memory[f"x|{A}"].resolved_at == minutes(5)
    assert memory[f"y|{B}"].resolved_at is None
    assert memory[f"y|{B}"].last_seen == NOW
    store.remember_findings([finding("y", B)], accounts=[A], at=minutes(6))
    assert store.findings_memory()[f"y|{B}"].last_seen == minutes(6)


@pytest.mark.parametrize("nobody", ["", None])
def test_findings_about_no_account_have_a_scope_of_their_own(
    store: Store, nobody: str | None
) -> None:
    said = finding("z", nobody)
    store.remember_findings([said], accounts=["", A], at=NOW)
    store.remember_findings([], accounts=[A], at=minutes(1))
    assert store.findings_memory()[said["key"]].resolved_at is None
    store.remember_findings([], accounts=[""], at=minutes(2))
    assert store.findings_memory()[said["key"]].resolved_at == minutes(2)


def test_the_last_verified_state_is_replaced(store: Store) -> None:
    assert store.snapshot(A) is None
    store.save_snapshot(A, {"groups": {"sg-1": ["规则"]}}, at=NOW)
    store.save_snapshot(A, {"groups": {}}, at=minutes(1))
    store.save_snapshot(B, {"b": 1}, at=minutes(2))
    assert store.snapshot(A) == {"groups": {}}
    assert {name: state.at for name, state in store.snapshots().items()} == {
        A: minutes(1),
        B: minutes(2),
    }
