"""Who may approve a plan, and whether it has the approvals that the policy asks for."""

from __future__ import annotations

import unicodedata
from datetime import datetime
from typing import TYPE_CHECKING

from gatekeeper.errors import ApprovalMissing, PlanRefused, PlanStale

if TYPE_CHECKING:
    from gatekeeper.gate import Plan
    from gatekeeper.policy import Policy
    from gatekeeper.store import Store


def approve(store: Store, plan: Plan, policy: Policy, *, by: str, at: datetime) -> datetime:
    """Record one person's approval of a plan; when it expires.

    Raises:
        PlanRefused: the plan was made offline, or by the same person.
        PlanStale: the register or the policy is another one by now.
    """
    check_current(plan, policy, store.register_version())
    if plan.offline:
        raise PlanRefused(
            "this plan was made from a dump and cannot be applied, so nobody can approve it; "
            "make one without --dump",
            zh="该计划由 --dump 生成，不能执行，无需批准；请不带 --dump 重新生成",
        )
    authors = {str(plan.meta.get("made_by") or ""), *store.plan_authors(plan.id)}
    if person(by) in {person(author) for author in authors}:
        raise PlanRefused(
            f"{by} made this plan; another person must approve it",
            zh=f"该计划由 {by} 生成，须由他人批准",
        )
    expires = at + policy.approvals.valid_for
    store.save_plan(plan.id, str(plan.meta.get("made_by") or "unknown"), at, plan.to_json())
    store.approve(plan.id, by, at, expires)
    return expires


def check_approved(store: Store, plan: Plan, policy: Policy, *, at: datetime) -> None:
    """Let a plan pass that enough people approved.

    Raises:
        ApprovalMissing: approvals are missing; how many, and of which kind.
    """
    authors = {person(author) for author in store.plan_authors(plan.id)}
    people = {person(one.by) for one in store.approvals(plan.id, at=at)} - authors - {""}
    needs = [("opens", "开放", policy.approvals.open)] if plan.opens else []
    needs += [("closes", "关闭", policy.approvals.close)] if plan.closes else []
    for what, what_zh, count in needs:
        if len(people) < count:
            raise ApprovalMissing(
                f"plan {plan.id[:12]} {what} endpoints and has {len(people)} of {count} approvals "
                "(approvals of the policy); have it approved: gatekeeper approve FILE --by WHO",
                zh=f"计划 {plan.id[:12]} 将{what_zh}端点，需要 {count} 人批准，"
                f"现有 {len(people)} 人；请使用 gatekeeper approve FILE --by WHO 批准",
            )


def check_current(plan: Plan, policy: Policy, register_version: str) -> None:
    """Let a plan pass that was made on the register and the policy in force.

    Raises:
        PlanStale: it was not.
    """
    for name, name_zh, made, present in (
        ("register", "备案库", plan.register_version, register_version),
        ("policy", "策略", plan.policy_version, policy.version),
    ):
        if made != present:
            raise PlanStale(
                f"plan {plan.id[:12]} was made on another {name} "
                f"({made[:12]}, now {present[:12]}); make a new one",
                zh=f"计划 {plan.id[:12]} 所依据的{name_zh}已变化"
                f"（{made[:12]}，现为 {present[:12]}），请重新生成",
            )


def person(name: str) -> str:
    """Who is meant by a name: names that only look different are the same person.

    Full-width and other compatibility letters, case, invisible characters (category Cf: zero-width
    ones, direction marks) and white space do not count.  Empty where nothing is left.
    """
    folded = unicodedata.normalize("NFKC", name).casefold()
    seen = "".join(c for c in folded if unicodedata.category(c) != "Cf")
    return " ".join(unicodedata.normalize("NFKC", seen).split())
