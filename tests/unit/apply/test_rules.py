"""The rules of one group on their way from before to after: what is left to do, at every point."""

from __future__ import annotations

from itertools import combinations

import pytest

from gatekeeper.account import Rule
from gatekeeper.apply.journal import Journal
from gatekeeper.apply.rules import Drifted, RuleChange, carry_out
from gatekeeper.errors import AwsError
from gatekeeper.gate import rule_key
from gatekeeper.testing import FakeAws, Fault, Killed
from tests.properties.gatekeeping import Clock
from tests.unit.apply.given import OWN, tcp

WIDE, OTHER, STAYS = tcp(0, 65535), tcp(80), tcp(22)
LOW, HIGH = tcp(0, 79), tcp(81, 65535)
STRANGE = tcp(9999)
BEFORE, ADDED, REMOVED = (WIDE, OTHER, STAYS), (LOW, HIGH), (WIDE, OTHER)
AFTER = (STAYS, LOW, HIGH)


def change(**more) -> RuleChange:
    return RuleChange(group_id="sg-1", before=BEFORE, added=ADDED, removed=REMOVED, **more)


def subsets(rules):
    for size in range(len(rules) + 1):
        yield from combinations(rules, size)


#: Every state between the two ends: some of the new rules are there, some of the old are gone.
STATES = [
    (STAYS, *there, *(old for old in REMOVED if old not in gone))
    for there in subsets(ADDED)
    for gone in subsets(REMOVED)
]


def reachable(found, remove_first: bool) -> bool:
    """Whether our own calls, killed anywhere, could have left this behind."""
    all_added, none_added = set(ADDED) <= set(found), set(ADDED).isdisjoint(found)
    all_old, none_old = set(REMOVED) <= set(found), set(REMOVED).isdisjoint(found)
    if remove_first:
        return none_old or (none_added and not none_old)
    return all_old or (all_added and not all_old)


@pytest.mark.parametrize("remove_first", [False, True])
@pytest.mark.parametrize("found", STATES)
def test_what_a_killed_run_left_is_taken_up(found, remove_first):
    one = change(remove_first=remove_first)
    if not reachable(found, remove_first):
        with pytest.raises(Drifted):
            one.left(found, begun=True)
        return
    to_add, to_remove = one.left(found, begun=True)
    assert [ADDED[place] for place in to_add] == [rule for rule in ADDED if rule not in found]
    assert to_remove == [rule for rule in REMOVED if rule in found]


@pytest.mark.parametrize("found", STATES)
def test_without_our_own_journal_only_the_ends_will_do(found):
    if set(found) == set(BEFORE):
        assert change().left(found, begun=False) == ([0, 1], [WIDE, OTHER])
    elif set(found) == set(AFTER):
        assert change().left(found, begun=False) == ([], [])
    else:
        with pytest.raises(Drifted):
            change().left(found, begun=False)


@pytest.mark.parametrize("begun", [False, True])
@pytest.mark.parametrize(
    "found",
    [
        (*BEFORE, STRANGE),
        (*AFTER, STRANGE),
        (*BEFORE, *ADDED, STRANGE),
        (WIDE, OTHER),  # STAYS is gone
        (),
    ],
)
def test_what_somebody_else_did_is_drift(found, begun):
    with pytest.raises(Drifted):
        change().left(found, begun=begun)


def test_descriptions_and_spellings_do_not_matter():
    found = [rule._replace(description="other words") for rule in BEFORE]
    found[0] = found[0]._replace(protocol="6")
    to_add, to_remove = change().left(found, begun=False)
    assert to_add == [0, 1]
    assert to_remove == [found[0], found[1]], "what goes out is named as it is found"


# carried out ---------------------------------------------------------------------------------


class Pages:
    """A journal's store in memory; the register never moves."""

    def __init__(self):
        self.told = []

    def journal(self, run_id, action_id, call, phase, detail, at, token):
        self.told.append((call, phase))

    def register_mark(self):
        return 0


@pytest.fixture
def aws():
    return FakeAws()


@pytest.fixture
def group(aws):
    account = aws.account(OWN)
    vpc = account.add_vpc("10.0.0.0/16")
    return account.create_group(vpc, "g", rules=BEFORE)


def do(aws, group, pages, *, begun=False, tags=(), remove_first=False):
    one = RuleChange(
        group_id=group, before=BEFORE, added=ADDED, removed=REMOVED, tags=tags,
        remove_first=remove_first,
    )  # fmt: skip
    journal = Journal(pages, "r", 1, 0, Clock(), frozenset({"a"} if begun else ()))
    edge = aws.edge(OWN)
    return carry_out(one, edge, journal, "a", edge.read_groups([group])[group].rules)


def rules(aws, group):
    return {rule_key(rule) for rule in aws.account(OWN).world.groups[group].rules}


GOAL = {rule_key(rule) for rule in AFTER}
ADD, TAKE = "AuthorizeSecurityGroupIngress", "RevokeSecurityGroupIngress"


@pytest.mark.parametrize("remove_first", [False, True])
def test_two_calls_each_written_down_before_and_after(aws, group, remove_first):
    pages = Pages()
    assert do(aws, group, pages, remove_first=remove_first)
    first, second = (TAKE, ADD) if remove_first else (ADD, TAKE)
    assert pages.told == [(first, "intent"), (first, "done"), (second, "intent"), (second, "done")]
    assert rules(aws, group) == GOAL
    assert not do(aws, group, Pages(), remove_first=remove_first)


def test_one_call_more_for_every_other_set_of_tags(aws, group):
    pages = Pages()
    assert do(aws, group, pages, tags=({"team": "a"}, {"team": "b"}))
    assert [call for call, phase in pages.told if phase == "intent"] == [ADD, ADD, TAKE]
    account = aws.account(OWN)
    assert account.tags_of(group, LOW) == {"team": "a"}
    assert account.tags_of(group, HIGH) == {"team": "b"}


def test_the_register_stops_what_is_not_owed(aws, group):
    pages = Pages()
    pages.register_mark = lambda: 1
    with pytest.raises(Exception, match="the register changed"):
        do(aws, group, pages)
    assert pages.told == []
    assert len(aws.changes()) == 0


def test_the_register_never_keeps_back_what_is_owed(aws, group):
    pages = Pages()
    pages.register_mark = lambda: 1 if pages.told else 0
    assert do(aws, group, pages, remove_first=True)
    assert rules(aws, group) == GOAL


def meanwhile(aws, operation, act):
    """Somebody else is a moment quicker than our call."""
    edge_authorize, account = aws.account(OWN).authorize, aws.account(OWN)
    del edge_authorize
    done = []

    def hook(call):
        if not done and call.operation == operation:
            done.append(call)
            act(account)

    aws.on_call = hook


def test_a_rule_that_somebody_added_meanwhile_is_reread(aws, group):
    meanwhile(aws, "DescribeSecurityGroups", lambda account: account.authorize(group, [LOW]))
    pages = Pages()
    assert do(aws, group, pages)
    assert pages.told[:2] == [(ADD, "intent"), (ADD, "failed")]
    assert rules(aws, group) == GOAL


def test_a_rule_that_somebody_took_meanwhile_is_reread(aws, group):
    meanwhile(aws, ADD, lambda account: account.revoke(group, [WIDE]))
    pages = Pages()
    assert do(aws, group, pages)
    assert (TAKE, "failed") in pages.told
    assert rules(aws, group) == GOAL


def test_a_stranger_among_the_rules_after_a_race_is_drift(aws, group):
    meanwhile(
        aws, "DescribeSecurityGroups", lambda account: account.authorize(group, [LOW, STRANGE])
    )
    with pytest.raises(Drifted):
        do(aws, group, Pages())
    assert rules(aws, group) == {rule_key(rule) for rule in (*BEFORE, LOW, STRANGE)}


def test_an_answer_that_was_lost_at_the_end_is_success(aws, group):
    aws.fail(Fault.LOST, 2)
    assert do(aws, group, Pages())
    assert rules(aws, group) == GOAL


def test_an_error_is_told_and_nothing_is_lost(aws, group):
    aws.fail(Fault.THROTTLED, 1)
    pages = Pages()
    with pytest.raises(AwsError) as refused:
        do(aws, group, pages)
    assert refused.value.code == "RequestLimitExceeded"
    assert pages.told == [(ADD, "intent"), (ADD, "failed")]
    assert rules(aws, group) == {rule_key(rule) for rule in BEFORE}


@pytest.mark.parametrize("remove_first", [False, True])
@pytest.mark.parametrize("at", [1, 2])
@pytest.mark.parametrize("fault", [Fault.KILLED_BEFORE, Fault.KILLED_AFTER])
def test_killed_and_taken_up(aws, group, fault, at, remove_first):
    aws.fail(fault, at)
    with pytest.raises(Killed):
        do(aws, group, Pages(), remove_first=remove_first)
    do(aws, group, Pages(), begun=True, remove_first=remove_first)
    assert rules(aws, group) == GOAL


def test_a_group_that_is_gone(aws, group):
    meanwhile(aws, "DescribeSecurityGroups", lambda account: account.delete_group(group))
    with pytest.raises(AwsError) as refused:
        do(aws, group, Pages())
    assert refused.value.code == "InvalidGroup.NotFound"


def test_a_prefix_list_is_one_rule(aws):
    account = aws.account(OWN)
    vpc = account.add_vpc("10.0.0.0/16")
    names = account.add_prefix_list("8.8.8.0/24")
    listed = Rule("tcp", 80, 80, "prefix_list", names)
    made = account.create_group(vpc, "h", rules=[listed])
    one = RuleChange(group_id=made, before=(listed,), added=(), removed=(listed,))
    edge = aws.edge(OWN)
    journal = Journal(Pages(), "r", 1, 0, Clock())
    assert carry_out(one, edge, journal, "a", [listed])
    assert edge.read_groups([made])[made].rules == ()
