"""Carrying out one action: read anew, compare with the plan, change, or say why not.

==========  ===================================================  =====================
action      changes only while                                   goal
==========  ===================================================  =====================
repair      the gate is as planned; ports go back only while     the gate's own rules
            every holder is decided open
create      no group of that name stands in the VPC              the gate, ours
attach      decided open, same addresses and groups, and the     the gate is held
            gate lets in nothing beyond its own ports
detach      decided closed, same groups                          the gate is not held
narrow      it still exposes a closed endpoint, no user is       the narrowed rules
            unknown, and every lawful user holds a whole gate
==========  ===================================================  =====================
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from gatekeeper.apply import endpoints, gates, groups
from gatekeeper.apply.context import Account, Refused
from gatekeeper.apply.outcome import Outcome, Result
from gatekeeper.apply.rules import Drifted
from gatekeeper.errors import AwsError
from gatekeeper.gate import Action, Attach, CreateGate, Detach, Narrow, RepairGate


def do(account: Account, action: Action) -> Outcome:
    """One action.

    Raises:
        RegisterChanged, LeaseLost: the whole run must stop.
    """
    return attempt(action, lambda: _dispatch(account, action))


def attempt(action: Action, run: Callable[[], tuple[Result, Mapping[str, str]]]) -> Outcome:
    """How an action ends that ``run`` carries out, whatever keeps it from it."""
    try:
        result, data = run()
    except Refused as refused:
        return _outcome(action, refused.result, refused.reason, refused.reason_zh)
    except Drifted:
        return _outcome(
            action,
            Result.DRIFTED,
            f"{action.target} was changed by somebody else since the plan was made",
            f"{action.target} 在计划生成后被他人改动",
        )
    except AwsError as error:
        return _outcome(action, Result.FAILED, error.message, error.zh)
    return _outcome(action, result, action.reason, action.reason_zh, data)


def _dispatch(account: Account, action: Action) -> tuple[Result, Mapping[str, str]]:
    if isinstance(action, CreateGate):
        return gates.create(account, action)
    if isinstance(action, RepairGate):
        return gates.repair(account, action), {}
    if isinstance(action, Attach):
        return endpoints.attach(account, action)
    if isinstance(action, Detach):
        return endpoints.detach(account, action), {}
    if isinstance(action, Narrow):
        return groups.narrow(account, action), {}
    raise TypeError(f"no such action: {action!r}")


def _outcome(
    action: Action,
    result: Result,
    reason: str,
    reason_zh: str,
    data: Mapping[str, str] | None = None,
) -> Outcome:
    return Outcome(
        action_id=action.id, result=result, reason=reason, reason_zh=reason_zh, data=data or {}
    )
