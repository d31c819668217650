"""The belts of a plan: how much may change at once (DESIGN §8)."""

from __future__ import annotations

from gatekeeper.errors import PlanTooLarge
from gatekeeper.gate.plan import Belts

_ZH = {"opens": "开放", "closes": "关闭"}


def check_belts(belts: Belts) -> None:
    """Let a plan pass that changes few enough endpoints.

    Raises:
        PlanTooLarge: it does not; the measured value, the limit, its key and the flag are named.
    """
    for direction in belts.exceeded():
        value = belts.opens if direction == "opens" else belts.closes
        if value > belts.count:
            limit, key = f"{belts.count}", "limits.count"
            limit_zh = limit
        else:
            share = f"{belts.percent:g}"
            limit = f"{belts.floor} and {share} % of {belts.endpoints}"
            limit_zh = f"{belts.floor} 且超过 {belts.endpoints} 个端点的 {share}%"
            key = "limits.floor and limits.percent"
        raise PlanTooLarge(
            f"the plan {direction} {value} endpoints, beyond {limit} ({key} of the policy); "
            "look at it closely, then pass --allow-large",
            zh=f"计划将{_ZH[direction]} {value} 个端点，超过上限 {limit_zh}（策略键 {key}）；"
            "请仔细核对后使用 --allow-large",
        )
