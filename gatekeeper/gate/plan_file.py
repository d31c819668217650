"""A plan file read back: refused if it is truncated, altered, or no plan at all."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from gatekeeper.account import Handle, Rule
from gatekeeper.errors import PlanRefused
from gatekeeper.gate.plan import (
    SCHEMA,
    Action,
    Attach,
    Belts,
    Blocked,
    CreateGate,
    Detach,
    Narrow,
    Op,
    Plan,
    RepairGate,
)
from gatekeeper.seal import canonical_json


def plan_from_json(data: object) -> Plan:
    """A plan file back as a plan.

    Raises:
        PlanRefused: it is no plan, is truncated, or was altered since it was made.
    """
    try:
        plan = _parse(data)
        identity = plan.identity()
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise PlanRefused(
            f"this is no plan file that can be read ({type(error).__name__}: {error}); make a new"
            " one with plan --out",
            zh=f"无法识别的计划文件（{type(error).__name__}: {error}），请用 plan --out 重新生成",
        ) from None
    assert isinstance(data, Mapping)
    said = {key: data.get(key) for key in identity}
    if plan.id != data.get("id") or canonical_json(said) != canonical_json(identity):
        raise PlanRefused(
            "the plan file was altered: its content does not give its id; make a new one",
            zh="计划文件已被改动：内容与标识不符，请重新生成",
        )
    return plan


def _parse(data: object) -> Plan:
    if not isinstance(data, Mapping) or data.get("schema") != SCHEMA:
        raise ValueError(f"schema is not {SCHEMA}")
    belts = data["belts"]
    return Plan(
        region=str(data["region"]),
        accounts=tuple(map(str, data["accounts"])),
        register_version=str(data["register_version"]),
        policy_version=str(data["policy_version"]),
        actions=tuple(_action(item) for item in data["actions"]),
        blocked=tuple(_blocked(item) for item in data["blocked"]),
        belts=Belts(
            opens=belts["opens"],
            closes=belts["closes"],
            endpoints=belts["endpoints"],
            floor=belts["limits"]["floor"],
            percent=belts["limits"]["percent"],
            count=belts["limits"]["count"],
        ),
        incomplete=tuple(map(str, data["incomplete"])),
        offline=bool(data["offline"]),
        meta={key: data.get(key) for key in ("made_at", "made_by", "trail_head")},
    )


def _blocked(item: Mapping[str, Any]) -> Blocked:
    return Blocked(
        op=Op(item["op"]),
        account_id=item["account_id"],
        endpoint=item.get("endpoint"),
        group_id=item.get("group_id"),
        reason=item["reason"],
        reason_zh=item["reason_zh"],
        filing_ids=tuple(item["filing_ids"]),
    )


def _action(item: Mapping[str, Any]) -> Action:
    op = Op(item["op"])
    common: dict[str, Any] = {
        "account_id": item["account_id"],
        "vpc_id": item["vpc_id"],
        "reason": item["reason"],
        "reason_zh": item["reason_zh"],
        "filing_ids": tuple(item["filing_ids"]),
    }
    before, after = item["before"], item["after"]
    if op is Op.REPAIR_GATE:
        return RepairGate(
            **common,
            group_id=item["group_id"],
            kind=item["kind"],
            late=item["late"],
            before=_rules(before["rules"]),
            before_egress=_rules(before["egress"]),
            removed=_rules(after["removed"]),
            removed_egress=_rules(after["removed_egress"]),
            added=_rules(after["added"]),
        )
    if op is Op.CREATE_GATE:
        return CreateGate(
            **common,
            kind=item["kind"],
            rules=_rules(after["rules"]),
            tags=tuple(sorted(after["tags"].items())),
        )
    if op is Op.NARROW:
        return Narrow(
            **common,
            group_id=item["group_id"],
            families=tuple(item["families"]),
            before=_rules(before["rules"]),
            added=_rules(after["added"]),
            removed=_rules(after["removed"]),
            heirs=tuple(item["heirs"]),
            closes=tuple(item["closes"]),
            keeps=tuple((endpoint, family) for endpoint, family in item["keeps"]),
        )
    shared: dict[str, Any] = {
        "endpoint": item["endpoint"],
        "endpoint_kind": item["endpoint_kind"],
        "handle": Handle(item["handle"]),
        "family": item["family"],
        "ips": tuple(item["ips"]),
        "gate_id": item["gate_id"],
    }
    if op is Op.ATTACH:
        return Attach(**common, **shared, groups=tuple(before["groups"]))
    return Detach(**common, **shared, groups=tuple(after["groups"]), shut=item["shut"])


def _rules(items: Sequence[Mapping[str, Any]]) -> tuple[Rule, ...]:
    return tuple(Rule(**item) for item in items)
