"""How an application may move from one status to the next.

::

    draft ──► submitted ──► reported ──► sms_pending ──► bureau_review ──► approved
                │  ▲  ▲        │  └──────────┼───────────────▲    │
                ▼  │  │        │             │                    ▼
             returned ◄┼───────┼─────────────┘                 rejected ──► submitted
                       └── rejected ◄── reported

Every status but ``bureau_review``, ``approved`` and ``withdrawn`` may be withdrawn; ``approved``
and ``withdrawn`` are final.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from functools import cache
from types import MappingProxyType
from typing import Final

from gatekeeper.errors import IllegalMove
from gatekeeper.filing.model import Kind, Status

MOVES: Final[Mapping[Status, tuple[Status, ...]]] = MappingProxyType(
    {
        Status.DRAFT: (Status.SUBMITTED, Status.WITHDRAWN),
        Status.SUBMITTED: (Status.RETURNED, Status.REPORTED, Status.WITHDRAWN),
        Status.RETURNED: (Status.SUBMITTED, Status.WITHDRAWN),
        Status.REPORTED: (
            Status.SMS_PENDING,
            Status.BUREAU_REVIEW,
            Status.REJECTED,
            Status.WITHDRAWN,
        ),
        Status.SMS_PENDING: (Status.BUREAU_REVIEW, Status.RETURNED, Status.WITHDRAWN),
        Status.BUREAU_REVIEW: (Status.APPROVED, Status.REJECTED),
        Status.APPROVED: (),
        Status.REJECTED: (Status.SUBMITTED, Status.WITHDRAWN),
        Status.WITHDRAWN: (),
    }
)
"""The single steps that are legal, in the order in which a path tries them."""

KIND_ZH: Final[Mapping[Kind, tuple[str, ...]]] = MappingProxyType(
    {
        Kind.NEW: ("新增", "首次备案", "新增网站", "新增APP", "新增互联网信息服务"),
        Kind.TRANSFER_IN: ("新增接入", "转入", "接入备案"),
        Kind.CHANGE: ("变更信息", "变更主体", "变更备案", "变更互联网信息服务"),
        Kind.CHANGE_IP: ("变更IP", "变更IP地址"),
        Kind.DEREGISTER_SERVICE: ("注销网站", "注销APP", "注销互联网信息服务"),
        Kind.DEREGISTER_ENTITY: ("注销主体",),
        Kind.CANCEL_ACCESS: ("取消接入",),
    }
)
"""What an application asks for, in Chinese; the first is the usual word."""

STATUS_ZH: Final[Mapping[Status, str]] = MappingProxyType(
    {
        Status.DRAFT: "草稿",
        Status.SUBMITTED: "待初审",
        Status.RETURNED: "已退回",
        Status.REPORTED: "已上报",
        Status.SMS_PENDING: "待短信核验",
        Status.BUREAU_REVIEW: "管局审核中",
        Status.APPROVED: "已通过",
        Status.REJECTED: "管局驳回",
        Status.WITHDRAWN: "已撤回",
    }
)
"""What operators call each status."""


def check_move(old: Status, new: Status) -> None:
    """Accept one legal step.

    Raises:
        IllegalMove: ``new`` does not follow ``old``; both are named, with what does follow.
    """
    following = MOVES[old]
    if new in following:
        return
    if following:
        may = "it may become " + " or ".join(following)
        may_zh = "下一步只能是" + "或".join(STATUS_ZH[status] for status in following)
    else:
        may, may_zh = f"{old} is final", f"“{STATUS_ZH[old]}”为最终状态"
    raise IllegalMove(
        f"an application cannot go from {old} to {new}; {may}",
        zh=f"申请不能从“{STATUS_ZH[old]}”变为“{STATUS_ZH[new]}”，{may_zh}",
    )


@cache
def path(old: Status, new: Status) -> tuple[Status, ...] | None:
    """The statuses skipped on the shortest way from ``old`` to ``new``.

    Empty for a single step, ``None`` where no way leads there; a status is no move to itself.
    """
    if old is new:
        return None
    ways: deque[tuple[Status, ...]] = deque([(old,)])
    seen = {old}
    while ways:
        way = ways.popleft()
        for status in MOVES[way[-1]]:
            if status is new:
                return way[1:]
            if status not in seen:
                seen.add(status)
                ways.append((*way, status))
    return None
