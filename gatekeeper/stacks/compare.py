"""Whether a preview does what was planned, and nothing else.

The plan says which parts come and which go; every step of the preview must be one of them, exactly,
and each of them must be a step.  What cannot be told (an unknown or secret value, an operation
without a name here) is refused like what is wrong: a stack that is not brought up opens nothing.

==========  =======================================================================================
op          passes when
==========  =======================================================================================
same        always: it changes nothing
create      the part is to come, with just its inputs
delete      the part is to go, and its inputs are those of the layout
others      never, but for the stack itself, the component and the provider
==========  =======================================================================================
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from gatekeeper.account import Doubt
from gatekeeper.stacks.layout import Layout, Part
from gatekeeper.stacks.state import (
    COMPONENT_TYPE,
    PROVIDER_TYPE,
    STACK_TYPE,
    StackState,
    is_ours,
    name_of,
)

UNKNOWN: Final = "04da6b54-80e4-46f7-96ec-b56ff0331ba9"
"""What Pulumi writes for a value that is known only after the update."""
SECRET: Final = "[secret]"  # noqa: S105 - the mask that Pulumi writes, no password
_SIGNATURE: Final = "4dabf18193072939515e22adb298388d"
"""The key under which Pulumi keeps a value of a special kind, as a secret is."""
_INTERNAL: Final = frozenset({"__defaults", "__internal"})
_CALM: Final = frozenset({"same", "refresh"})
_FRAME_OPS: Final = frozenset({"same", "create", "update", "refresh"})


@dataclass(frozen=True, slots=True)
class Step:
    """One step of a preview."""

    op: str
    urn: str
    type: str
    before: Mapping[str, Any] | None = None
    """The inputs that the state has."""
    after: Mapping[str, Any] | None = None
    """The inputs that it gets."""
    provider: str = ""
    """The provider that carries it out: its URN and id."""

    @property
    def name(self) -> str:
        return name_of(self.urn)

    def __str__(self) -> str:
        return f"{self.op} {self.type.rsplit(':', 1)[-1]} {self.name}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """How the stack's provider must enter AWS."""

    account_id: str
    region: str
    role_arn: str | None = None
    external_id: str | None = None


@dataclass(frozen=True, slots=True)
class Expected:
    """The parts that an update brings and takes away."""

    created: Mapping[str, Part] = field(default_factory=dict)
    deleted: Mapping[str, Part] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.created) + len(self.deleted)


def expected(now: Layout, wanted: Layout) -> Expected:
    """What must happen so that one layout becomes another."""
    before = {part.name: part for part in now.parts()}
    after = {part.name: part for part in wanted.parts()}
    return Expected(
        {name: part for name, part in after.items() if name not in before},
        {name: part for name, part in before.items() if name not in after},
    )


def differences(
    steps: Iterable[Step], now: StackState, wanted: Layout, entry: Entry
) -> tuple[Doubt, ...]:
    """Everything in a preview that was not planned, and everything planned that is not in it."""
    return tuple(_Comparison(now, wanted, entry).run(steps))


class _Comparison:
    """One preview against one plan."""

    def __init__(self, now: StackState, wanted: Layout, entry: Entry) -> None:
        self.now = now
        self.entry = entry
        self.expected = expected(now.layout, wanted)
        self.seen: dict[str, str] = {}
        self.entered: set[str] = set()
        """The providers that enter AWS as they must."""

    def run(self, steps: Iterable[Step]) -> Iterator[Doubt]:
        found = tuple(steps)
        shown = {step.urn for step in found}
        for urn, inputs in self.now.providers.items():
            if urn not in shown and not any(self._wrong(Step("same", urn, PROVIDER_TYPE), inputs)):
                self.entered.add(urn)
        # Providers first, whatever the order of the log.
        for step in sorted(found, key=lambda step: step.type != PROVIDER_TYPE):
            yield from self._step(step)
        missing = (self.expected.created.keys() | self.expected.deleted.keys()) - self.seen.keys()
        for name in sorted(missing):
            verb = "create" if name in self.expected.created else "delete"
            yield Doubt(f"it does not {verb} {name}", f"未包含对 {name} 的 {verb} 操作")

    def _step(self, step: Step) -> Iterator[Doubt]:
        if step.type in (STACK_TYPE, COMPONENT_TYPE):
            if step.op not in _FRAME_OPS:
                yield _not_planned(step)
            return
        if step.type == PROVIDER_TYPE:
            yield from self._provider(step)
            return
        if step.op in _CALM:
            return
        if step.op not in ("create", "delete"):
            yield _not_planned(step)
            return
        parts = self.expected.created if step.op == "create" else self.expected.deleted
        part = parts.get(step.name)
        ours = part is not None and part.type == step.type and is_ours(step.urn, step.type)
        if part is None or not ours or step.name in self.seen:
            yield _not_planned(step)
            return
        self.seen[step.name] = step.op
        inputs = step.after if step.op == "create" else step.before
        if inputs is None:
            yield Doubt(f"{step} shows no inputs", f"{step} 未显示输入")
            return
        if step.provider.rpartition("::")[0] not in self.entered:
            yield Doubt(
                f"{step} is carried out by another provider: {step.provider or 'none'}",
                f"{step} 由其他 provider 执行：{step.provider or '无'}",
            )
        yield from self._inputs(step, part, inputs)

    def _inputs(self, step: Step, part: Part, inputs: Mapping[str, Any]) -> Iterator[Doubt]:
        wanted = dict(part.inputs)
        if part.group is not None:
            fresh = step.op == "create" and part.group in self.expected.created
            # A group that this very update makes has no id yet; any other's is known.
            wanted["securityGroupId"] = UNKNOWN if fresh else self.now.ids.get(part.group)
        # What goes is told by what it is; what comes must have nothing besides.
        keys = wanted.keys() | inputs.keys() if step.op == "create" else wanted.keys()
        for key in sorted(keys):
            value = inputs.get(key)
            if key in wanted:
                if not _equal(value, wanted[key]):
                    yield _differs(step, key, value, wanted[key])
            elif not self._harmless(key, value, part):
                yield _differs(step, key, value, None)

    def _harmless(self, key: str, value: Any, part: Part) -> bool:
        """What a provider fills in by itself: nothing, the region, the tags once more."""
        if key in _INTERNAL or value is None or value in ("", False) or value in ([], {}):
            return True
        if key == "region":
            return bool(value == self.entry.region)
        return key == "tagsAll" and _equal(value, part.inputs.get("tags"))

    def _provider(self, step: Step) -> Iterator[Doubt]:
        """The provider enters the account that was planned, and the way it was registered."""
        if step.op not in _FRAME_OPS:
            yield _not_planned(step)
            return
        inputs = step.after if step.after is not None else step.before
        if inputs is None:
            yield Doubt(f"{step} shows no inputs", f"{step} 未显示输入")
            return
        wrong = tuple(self._wrong(step, inputs))
        if not wrong:
            self.entered.add(step.urn)
        yield from wrong

    def _wrong(self, step: Step, inputs: Mapping[str, Any]) -> Iterator[Doubt]:
        """What of a provider's inputs would enter AWS in another way."""
        wanted = self._entry()
        for key in sorted(wanted.keys() | inputs.keys()):
            value = _parsed(inputs.get(key))
            if key not in wanted:
                if not (key in _INTERNAL or key == "version" or _idle(key, value)):
                    yield _differs(step, key, value, None)
            elif not (_equal(value, wanted[key]) or (wanted[key] == SECRET and _secret(value))):
                yield _differs(step, key, value, wanted[key])

    def _entry(self) -> dict[str, Any]:
        wanted: dict[str, Any] = {
            "region": self.entry.region,
            "allowedAccountIds": [self.entry.account_id],
        }
        if self.entry.role_arn:
            # Pulumi masks the whole value where a part of it is secret.
            secret = bool(self.entry.external_id)
            wanted["assumeRoles"] = SECRET if secret else [{"roleArn": self.entry.role_arn}]
        return wanted


def _not_planned(step: Step) -> Doubt:
    return Doubt(f"{step} was not planned", f"{step} 不在计划之内")


def _differs(step: Step, key: str, value: Any, wanted: Any) -> Doubt:
    if _secret(value):
        return Doubt(f"{step}: {key} is secret", f"{step}：{key} 为机密值，无法核对")
    if value == UNKNOWN:
        return Doubt(f"{step}: {key} is unknown yet", f"{step}：{key} 尚未确定，无法核对")
    return Doubt(
        f"{step}: {key} is {_shown(value)}, planned is {_shown(wanted)}",
        f"{step}：{key} 为 {_shown(value)}，计划为 {_shown(wanted)}",
    )


def _shown(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False, sort_keys=True, default=str)
    return text if len(text) <= 80 else f"{text[:77]}…"


def _secret(value: Any) -> bool:
    return value == SECRET or (isinstance(value, Mapping) and _SIGNATURE in value)


def _equal(one: Any, other: Any) -> bool:
    """Equality of plain data: numbers by value, never a switch for a number."""
    if isinstance(one, bool) or isinstance(other, bool):
        return one is other
    if isinstance(one, Mapping) and isinstance(other, Mapping):
        keys = (one.keys() | other.keys()) - _INTERNAL
        return all(key in one and key in other and _equal(one[key], other[key]) for key in keys)
    if isinstance(one, list | tuple) and isinstance(other, list | tuple):
        return len(one) == len(other) and all(map(_equal, one, other))
    return bool(one == other)


def _idle(key: str, value: Any) -> bool:
    """Whether a provider's key says nothing, or only which checks it leaves out."""
    if key.startswith("skip") and (value in (True, False) or value in ("true", "false")):
        return True
    return value in (None, "", False, "false") or value in ([], {})


def _parsed(value: Any) -> Any:
    """A provider's list or mapping travels as JSON in a text."""
    if isinstance(value, str) and value[:1] in "[{":
        try:
            return json.loads(value)
        except ValueError:
            return value
    return value
