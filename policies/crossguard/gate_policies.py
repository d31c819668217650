"""Gated ports open only where the decision feed says so: judged as ``check-plan`` judges.

==================  ==============================================================================
policy              what it sees
==================  ==============================================================================
gated-ports         one resource, before it is made, with its inputs; no other resource, no id
gated-ports-stack   all resources and what comes from what; in a preview, and after an update
==================  ==============================================================================

Only the second can tell which endpoint a group guards, and it stops an update through the preview
that ``pulumi up`` makes first: ``--skip-preview`` takes that away.  The first refuses, also then,
what nothing could make lawful: no feed that can be believed, a source or port that cannot be read,
a family in which the feed opens nothing at all, an existing interface that is not open.  Of a
group that is made in the same update it concludes nothing: neither from names nor from tags, which
anybody can write.

An unknown value, read carelessly, turns a mandatory policy into an advisory one.  So every value
is read by itself, and what is unknown stays unknown; where it decides, that is a violation.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Final

from pulumi_policy import (
    PolicyConfigSchema,
    PolicyResource,
    ResourceValidationArgs,
    ResourceValidationPolicy,
    Severity,
    StackValidationArgs,
    StackValidationPolicy,
)
from pulumi_policy.proxy import UnknownValueError

from gatekeeper.errors import GatekeeperError
from gatekeeper.policy import default_policy
from gatekeeper.stacks import Decisions
from gatekeeper.stacks.check import (
    Blueprint,
    Note,
    PlanCheck,
    Resource,
    Violation,
    blueprint,
    check,
    pulumi_resource,
)
from gatekeeper.stacks.named import named_decisions

Report = Callable[..., None]

_RULES: Final = frozenset({"security_group_rule", "security_group_ingress_rule"})
_GROUPS: Final = frozenset({"security_group", "default_security_group"})
_ATTACHMENT: Final = "network_interface_group_attachment"
_NEW_GROUP: Final = "a group of this update"
_LISTS: Final = ("prefixListId", "prefixListIds")
_UNKNOWN: Final = "04da6b54-80e4-46f7-96ec-b56ff0331ba9"
"""Pulumi's mark of an unknown text."""
_OPTION: Final = "--allow-unattached"
"""What a command calls it."""
_REMEDY: Final = (
    "Wait until the filing is approved and take a fresh decision feed; close the port until then."
)

CONFIG: Final = PolicyConfigSchema(
    properties={
        "decisions": {
            "type": "string",
            "description": "The decision feed, as an absolute path. Default: GATEKEEPER_DECISIONS.",
        },
        "public_key": {
            "type": "string",
            "description": "An Ed25519 public key in PEM, or its file: the feed must be signed."
            " Default: GATEKEEPER_PUBLIC_KEY.",
        },
        "allow_unattached": {
            "type": "boolean",
            "default": False,
            "description": "Let rules pass whose group nothing in the feed is tied to.",
        },
    }
)


class _Seen:
    """What this update showed of groups that existed before it, for they have an id."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._by_group: dict[str, dict[str, Resource]] = {}

    def with_peers(self, resource: Resource, group: str) -> tuple[Resource, ...]:
        """A rule with the attachments of its group that were seen, an attachment with the rules."""
        with self._lock:
            known = self._by_group.setdefault(group, {})
            known[resource.address] = resource
            peers = [one for one in known.values() if one.type != resource.type]
            return (resource, *peers)

    def forget(self) -> None:
        with self._lock:
            self._by_group.clear()


_seen = _Seen()


def validate_resource(args: ResourceValidationArgs, report: Report) -> None:
    """Refuse one resource before it is made, where nothing could make it lawful."""
    try:
        _validate_resource(args, report)
    except GatekeeperError as error:
        report(_text(error.message, error.zh))


def _validate_resource(args: ResourceValidationArgs, report: Report) -> None:
    inputs = plain(args.props)
    listed = any(inputs.get(name) for name in _LISTS)
    parts = _parts(args, inputs, listed=listed)
    if not parts:
        return
    config = args.get_config()
    decisions = _decisions(config)
    found = _check(blueprint(parts), decisions, allow_unattached=False)
    lenient = (
        _check(blueprint(parts), decisions, allow_unattached=True) if found.violations else found
    )
    for violation in found.violations:
        untied = violation not in lenient.violations
        leave = untied and (config.get("allow_unattached") or _opens(decisions, violation, listed))
        if not leave:
            report(_why(violation, decisions))
    for note in found.not_judged:
        report(_why(note, decisions))


def _parts(
    args: ResourceValidationArgs, inputs: dict[str, Any], *, listed: bool
) -> tuple[Resource, ...]:
    """What is judged together with a resource: itself, and what was seen of its group."""
    group = inputs.get("securityGroupId")
    known = isinstance(group, str) and group.startswith("sg-")
    if group is not None and not known:
        inputs["securityGroupId"] = _NEW_GROUP
    if listed:
        # Whose networks a list holds is not in its id: judged as if it held the Internet, and
        # resolved by the stack's policy.
        for name in _LISTS:
            inputs.pop(name, None)
        several = args.resource_type.endswith(":SecurityGroupRule")
        inputs["cidrBlocks" if several else "cidrIpv4"] = ["0.0.0.0/0"] if several else "0.0.0.0/0"
    # As it stands, because nobody says whether it is new: a ``hold`` is left to the stack's.
    op = "same" if args.resource_type.endswith(":NetworkInterfaceSecurityGroupAttachment") else ""
    resource = pulumi_resource(args.urn, args.resource_type, inputs, op=op or "create")
    if resource.type in _RULES or resource.type == _ATTACHMENT:
        if known:
            return _seen.with_peers(resource, str(group))
        return (resource,) if resource.type in _RULES else ()
    if resource.type in _GROUPS or blueprint([resource]).not_judged:
        return (resource,)
    return ()


def _opens(decisions: Decisions, violation: Violation, listed: bool) -> bool:
    """Whether the feed opens anything at all in the family: then a tie may make it lawful."""
    families = {"ipv6" if ":" in source else "ipv4" for source in violation.sources}
    return any(
        one.verdict in ("open", "hold") and (listed or one.family in families)
        for one in decisions.decided
    )


def validate_stack(args: StackValidationArgs, report: Report) -> None:
    """Judge a whole stack: in a preview before anything is made, after an update as it is."""
    _seen.forget()
    try:
        decisions = _decisions(args.get_config())
        found = _check(
            blueprint(_stack_resource(one) for one in args.resources),
            decisions,
            allow_unattached=bool(args.get_config().get("allow_unattached")),
        )
    except GatekeeperError as error:
        report(_text(error.message, error.zh))
        return
    several: list[Violation | Note] = [*found.violations, *found.not_judged]
    for one in several:
        report(_why(one, decisions), one.resource)


def _stack_resource(resource: PolicyResource) -> Resource:
    """A resource as the engine shows it to a stack's policy: its outputs, known or not.

    An unknown output that comes from no other resource is one that the provider computes.  An
    input that is unknown for another reason was refused by the resource's policy.
    """
    links = {
        name: [one.urn for one in several]
        for name, several in resource.property_dependencies.items()
        if several
    }
    outputs = plain(resource.props)
    made = _id(outputs)
    shown = {key: value for key, value in outputs.items() if value != _UNKNOWN or key in links}
    asked = dict(shown)
    if made is not None and resource.resource_type.endswith("SecurityGroup"):
        # Here are the rules of every origin: those with a resource of their own are judged there.
        asked.pop("ingress", None)
    return pulumi_resource(
        resource.urn,
        resource.resource_type,
        asked,
        outputs=shown,
        property_dependencies=links,
        dependencies=[one.urn for one in resource.dependencies],
        op="create" if made is None else "same",
        id=made,
    )


def _id(outputs: Mapping[str, Any]) -> str | None:
    """The id that AWS gave; ``None`` where there is none yet."""
    made = outputs.get("id") or outputs.get("securityGroupRuleId")
    if not made and isinstance(outputs.get("arn"), str):
        made = outputs["arn"].rpartition("/")[2]
    return made if isinstance(made, str) and made and made != _UNKNOWN else None


def plain(value: Any) -> Any:
    """Properties without their proxies; each unknown value as Pulumi's mark."""
    if isinstance(value, Mapping):
        return {key: _at(value, key) for key in value}
    if isinstance(value, Sequence) and not isinstance(value, str | bytes):
        return [_at(value, place) for place in range(len(value))]
    return value


def _at(holder: Any, key: Any) -> Any:
    try:
        return plain(holder[key])
    except UnknownValueError:
        return _UNKNOWN


def _check(found: Blueprint, decisions: Decisions, *, allow_unattached: bool) -> PlanCheck:
    return check(
        found,
        decisions,
        default_policy(),
        at=datetime.now(UTC),
        allow_unattached=allow_unattached and decisions.problem is None,
    )


def _decisions(config: Mapping[str, Any]) -> Decisions:
    return named_decisions(
        config.get("decisions"), config.get("public_key"), setting="decisions of the policy"
    )


def _why(one: Violation | Note, decisions: Decisions) -> str:
    """What is wrong, and with the feed too where nothing of it is believed."""
    reason = one.reason.replace(_OPTION, "allow_unattached in the policy's configuration")
    reason_zh = one.reason_zh.replace(_OPTION, "策略配置 allow_unattached")
    problem = decisions.problem
    if problem is None or problem.message in reason:
        return _text(reason, reason_zh)
    return _text(f"{reason} ({problem.message})", f"{reason_zh}（{problem.zh}）")


def _text(english: str, chinese: str) -> str:
    return chinese if os.environ.get("GATEKEEPER_LANG", "").startswith("zh") else english


POLICIES: Final[list[Any]] = [
    ResourceValidationPolicy(
        name="gated-ports",
        description="A gated port opens to the Internet only where a filing is in effect.",
        validate=validate_resource,
        config_schema=CONFIG,
        severity=Severity.CRITICAL,
        remediation_steps=_REMEDY,
    ),
    StackValidationPolicy(
        name="gated-ports-stack",
        description="Every endpoint that a group with open gated ports guards is decided open.",
        validate=validate_stack,
        config_schema=CONFIG,
        severity=Severity.CRITICAL,
        remediation_steps=_REMEDY,
    ),
]
