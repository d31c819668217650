"""No plan passes that a packet would pass: rules by chance against probes of the Internet."""

from __future__ import annotations

import pytest
from hypothesis import event, given, settings
from hypothesis import strategies as st

from tests.properties.plan_oracle import (
    ENDPOINTS,
    GATED,
    PROBES,
    Written,
    expected,
    in_pulumi,
    in_terraform,
    written,
)
from tests.unit.stacks.check.plans import judge

TIED = st.lists(st.sampled_from(tuple(ENDPOINTS)), max_size=2, unique=True).map(tuple)
RULES = st.lists(written(), min_size=1, max_size=4)


@pytest.mark.parametrize("write", [in_pulumi, in_terraform])
@settings(max_examples=100)
@given(rules=RULES, endpoints=TIED, new=st.booleans())
def test_the_check_says_what_packets_say(write, rules, endpoints, new):
    # In a new group a tie that stands already does not exist: what is on hold stays shut.
    if new:
        endpoints = tuple(one for one in endpoints if one != "eni-hold")
    status = expected(rules, endpoints)
    found = judge(write(rules, endpoints, new=new))
    event(f"status {status}")
    assert found.exit_status == status, found


@pytest.mark.parametrize("write", [in_pulumi, in_terraform])
@settings(max_examples=50)
@given(rule=written(), endpoints=TIED)
def test_the_ports_are_the_ones_that_packets_reach(write, rule, endpoints):
    found = judge(write([rule], endpoints, new=False))
    said = {(one.protocol, port) for one in found.violations for port in one.ports}
    reached = {
        (protocol, port)
        for protocol, port in GATED
        for source in PROBES
        if rule.op != "delete" and rule.lets_in(protocol, port, source)
        if expected([rule], endpoints) == 3
    }
    assert said == reached


@pytest.mark.soak
@pytest.mark.parametrize("write", [in_pulumi, in_terraform])
@given(rules=RULES, endpoints=TIED, new=st.booleans())
def test_the_check_says_what_packets_say_for_long(write, rules, endpoints, new):
    if new:
        endpoints = tuple(one for one in endpoints if one != "eni-hold")
    status = expected(rules, endpoints)
    assert judge(write(rules, endpoints, new=new)).exit_status == status


def test_the_judge_tells_rules_apart():
    wide = Written(
        protocol="tcp", ports=(0, 500), family="ipv4", networks=("96.0.0.0/3",), holder="rule",
        listed=False, veil="", secret=False, spelling=0, op="create",
    )  # fmt: skip
    assert wide.lets_in("tcp", 443, "101.1.1.1")
    assert not wide.lets_in("tcp", 8080, "101.1.1.1")
    assert not wide.lets_in("udp", 443, "101.1.1.1")
    assert not wide.lets_in("tcp", 443, "8.8.8.8")
    assert expected([wide], ("eni-closed",)) == 3
    assert expected([wide], ("eni-open",)) == 0
    assert "10.1.2.3" not in PROBES
