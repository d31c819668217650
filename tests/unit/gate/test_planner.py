"""The plan as a value: its identity, its belts, and its file."""

from __future__ import annotations

import copy
import json
import random
from dataclasses import replace
from typing import Any

import pytest

from gatekeeper.account import AccountState, Rule
from gatekeeper.errors import PlanRefused, PlanTooLarge
from gatekeeper.filing import fold
from gatekeeper.gate import Belts, Op, Plan, make_plan, plan_from_json
from gatekeeper.gate.belts import check_belts
from gatekeeper.policy import Policy, default_policy, parse_policy
from gatekeeper.reconcile import reconcile
from tests.scenarios.world import HOME, NOW, REGION, application_of, state_of

OTHER = "444455556666"
GATE = {"name": "gatekeeper-gate", "ours": True}


def world() -> list[AccountState]:
    """Two accounts with every kind of action, and some that are blocked."""
    first: dict[str, Any] = {
        "vpcs": {"vpc-1": ["10.0.0.0/16"], "vpc-2": []},
        "groups": {
            "sg-gate": {**GATE, "rules": ["tcp 443 0.0.0.0/0", "tcp 22 0.0.0.0/0"]},
            "sg-web": ["all 0.0.0.0/0", "tcp 443 ::/0", "tcp 80 pl-1", "tcp 8080 9.0.0.0/8"],
            "sg-odd": ["tcp 443 pl-2", "tcp 80 pl-3"],
            "sg-2": {"vpc": "vpc-2", "rules": []},
        },
        "lists": {"pl-1": ["10.9.0.0/16", "9.9.0.0/16"], "pl-2": None, "pl-3": None},
        "interfaces": {
            "eni-1": {"groups": ["sg-web"], "eips": ["52.83.1.1"], "ipv6": ["2404:c2c0::1"]},
            "eni-2": {"groups": ["sg-gate"], "eips": ["52.83.1.2"]},
            "eni-3": {"groups": ["sg-web", "sg-2"], "eips": ["52.83.1.3", "52.83.1.4"]},
            "eni-4": {"groups": ["sg-2"], "eips": ["52.83.1.5"], "vpc": "vpc-2"},
        },
        "load_balancers": {"prod": {"groups": ["sg-web", "sg-gate"], "ips": ["52.83.1.6"]}},
    }
    second = {
        "groups": {"sg-odd": ["tcp 443 pl-2", "tcp 80 pl-1"], "sg-web": ["tcp 443 0.0.0.0/0"]},
        "interfaces": {
            "eni-8": {"groups": ["sg-web"], "eips": ["52.83.2.1"]},
            "eni-9": {"groups": ["sg-web", "sg-odd"], "eips": ["52.83.2.2"]},
        },
    }
    return [state_of(HOME, first), state_of(OTHER, second)]


def plan_of(
    states: list[AccountState], policy: Policy | None = None, direction: Any = "both"
) -> Plan:
    policy = policy or default_policy()
    applications = [
        application_of(0, {"ips": ["52.83.1.3", "52.83.1.4", "52.83.1.5"]}),
        application_of(1, {"filing": "F2", "ips": ["52.83.1.6"], "lb": "prod"}),
    ]
    found = reconcile(
        fold(applications, at=NOW),
        states,
        policy,
        at=NOW,
        region=REGION,
        known_accounts=frozenset({HOME, OTHER}),
    )
    return make_plan(found, direction=direction)


def shuffled(state: AccountState, draw: random.Random) -> AccountState:
    def mix(values: Any) -> tuple[Any, ...]:
        listed = list(values)
        draw.shuffle(listed)
        return tuple(listed)

    return replace(
        state,
        addresses=mix(state.addresses),
        interfaces=mix(
            one._replace(group_ids=mix(one.group_ids), associations=mix(one.associations))
            for one in state.interfaces
        ),
        groups={
            one.group_id: one._replace(rules=mix(one.rules), tags=mix(one.tags))
            for one in mix(state.groups.values())
        },
        vpcs=dict(mix(state.vpcs.items())),
        prefix_lists=dict(mix(state.prefix_lists.items())),
        load_balancers=mix(
            one._replace(group_ids=mix(one.group_ids)) for one in state.load_balancers
        ),
    )


def test_the_world_has_every_kind_of_action() -> None:
    plan = plan_of(world())
    assert {action.op for action in plan.actions} == set(Op)
    assert plan.blocked


@pytest.mark.parametrize("seed", range(12))
def test_equal_worlds_give_equal_plans(seed: int) -> None:
    draw = random.Random(seed)
    states = [shuffled(state, draw) for state in world()]
    draw.shuffle(states)
    assert plan_of(states).to_json() == plan_of(world()).to_json()


def as_an_emulator_says(rule: Rule) -> Rule:
    """The same rule in another spelling: the number of its protocol, host bits, no ports."""
    numbers = {"tcp": "6", "udp": "17", "-1": "all"}
    source = rule.source.replace("9.0.0.0/8", "9.1.2.3/8").replace("::/0", "0:0::/0")
    ports = rule[1:3] if rule.protocol != "-1" else (-1, -1)
    return Rule(numbers[rule.protocol], *ports, rule.kind, source, rule.description)


def test_rules_spelled_otherwise_give_the_same_plan() -> None:
    states = [
        replace(
            state,
            groups={
                name: one._replace(rules=tuple(map(as_an_emulator_says, one.rules)))
                for name, one in state.groups.items()
            },
        )
        for state in world()
    ]
    assert states != world()
    assert plan_of(states).to_json() == plan_of(world()).to_json()


def test_another_world_gives_another_plan() -> None:
    """Whatever a plan rests on is in its id: register, policy, region, and each touched object."""
    plan = plan_of(world())
    group = plan.actions[-1]
    others = [
        replace(plan, register_version="other"),
        replace(plan, policy_version="other"),
        replace(plan, region="cn-north-1"),
        replace(plan, accounts=(*plan.accounts, "999999999999")),
        replace(plan, actions=plan.actions[:-1]),
        replace(plan, actions=(*plan.actions[:-1], replace(group, before=group.before[1:]))),
        replace(plan, blocked=plan.blocked[1:]),
        replace(plan, offline=True),
        replace(plan, belts=replace(plan.belts, opens=0)),
    ]
    assert len({one.id for one in (plan, *others)}) == len(others) + 1
    assert replace(plan, meta={"made_by": "someone"}).id == plan.id


def test_actions_come_in_their_order() -> None:
    phases = [action.phase for action in plan_of(world()).actions]
    assert phases == sorted(phases)
    ids = [action.id for action in plan_of(world()).actions]
    assert len(set(ids)) == len(ids)


def test_a_plan_file_comes_back_whole() -> None:
    plan = replace(
        plan_of(world()), meta={"made_at": "2026-06-01", "made_by": "a", "trail_head": ""}
    )
    again = plan_from_json(json.loads(json.dumps(plan.to_json())))
    assert again.to_json() == plan.to_json()
    assert [type(action) for action in again.actions] == [type(a) for a in plan.actions]


def leaves(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Where every plain value of a JSON document stands."""
    if isinstance(value, dict):
        return [one for key in value for one in leaves(value[key], (*path, key))]
    if isinstance(value, list):
        return [one for n, item in enumerate(value) for one in leaves(item, (*path, n))]
    return [path]


def test_any_altered_value_is_refused() -> None:
    data = plan_of(world()).to_json()
    for path in leaves(data):
        altered = copy.deepcopy(data)
        place = altered
        for key in path[:-1]:
            place = place[key]
        old = place[path[-1]]
        place[path[-1]] = (not old) if isinstance(old, bool) else f"{old}x"
        with pytest.raises(PlanRefused):
            plan_from_json(altered)


@pytest.mark.parametrize(
    "cut", ["schema", "id", "actions", "blocked", "belts", "offline", "incomplete", "region"]
)
def test_a_plan_file_without_a_part_is_refused(cut: str) -> None:
    data = plan_of(world()).to_json()
    del data[cut]
    with pytest.raises(PlanRefused):
        plan_from_json(data)


@pytest.mark.parametrize("data", [None, [], "x", {}, {"schema": "gatekeeper/plan/1"}, 7])
def test_what_is_no_plan_is_refused(data: object) -> None:
    with pytest.raises(PlanRefused, match="no plan file"):
        plan_from_json(data)


def test_an_action_slipped_in_is_refused() -> None:
    data = plan_of(world()).to_json()
    data["actions"].append(copy.deepcopy(data["actions"][-1]))
    with pytest.raises(PlanRefused, match="altered"):
        plan_from_json(data)


# belts ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("value", "endpoints", "passes"),
    [
        (0, 0, True),
        (10, 10, True),  # the floor, whatever the share
        (11, 36, False),  # 30.6 %
        (11, 37, True),  # 29.7 %
        (12, 40, True),  # just 30 %
        (200, 1000, True),
        (201, 100_000, False),  # the count, whatever the share
        (30, 100, True),
        (31, 100, False),
    ],
)
@pytest.mark.parametrize("direction", ["opens", "closes"])
def test_belts(value: int, endpoints: int, passes: bool, direction: str) -> None:
    counts = {"opens": 0, "closes": 0, direction: value}
    belts = Belts(endpoints=endpoints, floor=10, percent=30, count=200, **counts)
    assert (belts.exceeded() == ()) is passes
    if passes:
        check_belts(belts)
        return
    with pytest.raises(PlanTooLarge) as caught:
        check_belts(belts)
    for word in (str(value), "limits.", "--allow-large", direction):
        assert word in caught.value.message
    assert "200" in caught.value.message or str(endpoints) in caught.value.message


def test_a_floor_above_the_count_lifts_nothing() -> None:
    assert Belts(opens=6, closes=0, endpoints=10, floor=10, percent=100, count=5).exceeded()


def test_the_plan_counts_endpoints_not_actions() -> None:
    """An endpoint that opens in both families is one; one closed by two groups is one."""
    states = [
        state_of(
            HOME,
            {
                "groups": {"sg-1": ["tcp 443 0.0.0.0/0"], "sg-2": ["tcp 80 0.0.0.0/0"], "sg-3": []},
                "interfaces": {
                    "eni-1": {"groups": ["sg-1", "sg-2"], "eips": ["52.83.1.1"]},
                    "eni-2": {"groups": ["sg-3"], "eips": ["52.83.1.2"], "ipv6": ["2404:c2c0::2"]},
                },
            },
        )
    ]
    found = reconcile(
        fold([application_of(0, {"ips": ["52.83.1.2", "2404:c2c0::2"]})], at=NOW),
        states,
        parse_policy("limits: {percent: 0, floor: 0}"),
        at=NOW,
        region=REGION,
        known_accounts=frozenset({HOME}),
    )
    belts = make_plan(found).belts
    assert (belts.opens, belts.closes, belts.endpoints) == (1, 1, 2)
    assert belts.exceeded() == ("opens", "closes")


@pytest.mark.parametrize("direction", ["open", "close"])
def test_a_plan_of_one_direction_leaves_the_other_out(direction: str) -> None:
    whole = plan_of(world())
    half = plan_of(world(), direction=direction)
    ops = {action.op for action in half.actions}
    if direction == "open":
        assert not ops & {Op.DETACH, Op.NARROW}
        assert half.belts.closes == 0
    else:
        narrowed = {a.id for a in whole.actions if a.op in (Op.DETACH, Op.NARROW)}
        assert narrowed == {a.id for a in half.actions if a.op in (Op.DETACH, Op.NARROW)}
    assert {a.id for a in half.actions} <= {a.id for a in whole.actions}
    assert half.id != whole.id
