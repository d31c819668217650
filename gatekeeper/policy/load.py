"""A policy from YAML: laid over the packaged one, then checked key by key."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from importlib import resources
from typing import Any, TypeVar

import yaml
from pydantic import BaseModel, ValidationError

from gatekeeper.errors import PolicyError
from gatekeeper.policy.model import Policy
from gatekeeper.policy.refusal import check_codes, reason, refused

M = TypeVar("M", bound=BaseModel)


def default_policy() -> Policy:
    """The policy that ships with gatekeeper."""
    return parse_policy("")


def parse_policy(
    text: str, *, source: str = "policy", codes: Collection[str] | None = None
) -> Policy:
    """A policy from YAML text; keys that it lacks come from the packaged one.

    Args:
        text: the YAML.
        source: the file, for messages.
        codes: every finding code that there is, from who knows them; an override or exception of
            any other is refused.  ``None`` leaves them unjudged.

    Raises:
        PolicyError: the text is not YAML, or a key is unknown or wrong; the key is named.
    """
    policy = checked(Policy, _overlay(_packaged(), read_mapping(text, source)), source)
    if codes is not None:
        check_codes(policy, source, codes)
    return policy


def read_mapping(text: str, source: str) -> dict[Any, Any]:
    """The keys of a YAML file; none where it is empty.

    Raises:
        PolicyError: it is not YAML, or no mapping, or a key stands twice.
    """
    try:
        given = yaml.load(text, Loader=_Loader)  # noqa: S506 (a safe loader, see below)
    except (yaml.YAMLError, ValueError, RecursionError) as error:  # a day such as 2027-02-30
        where = getattr(error, "problem_mark", None)
        line = f", line {where.line + 1}" if where else ""
        raise PolicyError(
            f"{source}{line}: not valid YAML ({getattr(error, 'problem', error)}); mend the file",
            zh=f"{source}{line}：不是有效的 YAML，请修正该文件",
        ) from None
    if given is None:
        given = {}
    if not isinstance(given, dict):
        raise PolicyError(
            f"{source}: it must be a mapping of keys, not {type(given).__name__}",
            zh=f"{source}：文件内容应为键值映射",
        )
    return given


def checked(
    model: type[M], given: Mapping[Any, Any], source: str, *, docs: str = "docs/policy.md"
) -> M:
    """``given`` as a model.

    Raises:
        PolicyError: a key is unknown or wrong; it is named, with why and with ``docs`` to read.
    """
    try:
        return model.model_validate(given)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        raise refused(source, first["loc"], *reason(first, model), docs=docs) from None


class _Loader(getattr(yaml, "CSafeLoader", yaml.SafeLoader)):  # type: ignore[misc]
    """The safe loader, which here also refuses a key that stands twice."""

    def construct_mapping(self, node: Any, deep: bool = False) -> dict[Any, Any]:
        seen: set[Any] = set()
        for key_node, _ in node.value:
            key = self.construct_object(key_node, deep=True)
            if isinstance(key, str | int):
                if key in seen:
                    raise yaml.constructor.ConstructorError(
                        None, None, f"key {key!r} stands twice", key_node.start_mark
                    )
                seen.add(key)
        mapping: dict[Any, Any] = super().construct_mapping(node, deep=deep)
        return mapping


def _packaged() -> dict[Any, Any]:
    text = resources.files("gatekeeper").joinpath("data/gate.yaml").read_text(encoding="utf-8")
    return read_mapping(text, "data/gate.yaml")


def _overlay(base: Mapping[str, Any], given: Mapping[Any, Any]) -> dict[str, Any]:
    """``given`` over ``base``; the nested sections merge key by key."""
    merged: dict[str, Any] = {**base, **{str(key): value for key, value in given.items()}}
    for section in ("limits", "approvals", "stacks"):
        if isinstance(merged[section], dict):
            merged[section] = {**base[section], **merged[section]}
    return merged
