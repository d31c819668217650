"""Single values of a plan: what is hidden, how numbers and names are written.

Pulumi writes an unknown value as a text that stands for it, alone or inside another text, and a
secret as ``"[secret]"`` or as an object with a signature (``sdk/go/common/resource/plugin/rpc.go``
and ``sdk/go/common/resource/sig`` of Pulumi).  Terraform keeps both beside the value.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache
from typing import Any, Final

from gatekeeper.errors import PlanRefused
from gatekeeper.stacks.check.model import SECRET, UNKNOWN, Hidden, Marked, MarkedNumber

SIGNATURE: Final = "4dabf18193072939515e22adb298388d"
_SECRET_SIGNATURE: Final = "1b47061264138c4ac30d75fd1eb44270"  # noqa: S105 (Pulumi's public mark)
_REFERENCE_SIGNATURE: Final = "5cf8f73096256a8f31e491e813e4eb8e"
_OUTPUT_SIGNATURE: Final = "d0e6a833031e9bbcd3f4e8bde6ca49a4"
_UNKNOWN: Final = re.compile(
    "04da6b54-80e4-46f7-96ec-b56ff0331ba9|1c4a061d-8072-4f0a-a4cb-0ff528b18fe7"
    "|3eeb2bf0-c639-47a8-9e75-3b44932eb421|6a19a0b0-7e62-4c92-b797-7f8e31da9cc2"
    "|030794c1-ac77-496b-92df-f27374a8bd58|e48ece36-62e2-4504-bad9-02848725956a"
    "|dd056dcd-154b-4c76-9bd3-c8f88648b5ff|74D93920-ED26-11E3-AC10-0800200C9A66",
    re.IGNORECASE,
)
"""Pulumi's marks by type of value; the last is the Terraform bridge's."""
_SECRET: Final = "[secret]"  # noqa: S105
_CAPITAL: Final = re.compile(r"(?<=[a-z0-9])([A-Z])")
_DEEPEST: Final = 64
_SHOWN: Final = "(sensitive)"


@lru_cache(maxsize=4096)
def snake(name: str) -> str:
    """``cidrBlocks`` as ``cidr_blocks``."""
    return _CAPITAL.sub(lambda match: f"_{match[1].lower()}", name)


@lru_cache(maxsize=4096)
def camel(name: str) -> str:
    """``cidr_blocks`` as ``cidrBlocks``."""
    first, *rest = name.split("_")
    return first + "".join(word.capitalize() for word in rest)


def from_pulumi(value: Any, depth: int = 0) -> Any:
    """A Pulumi value with snake_case keys, its unknown and secret parts as sentinels.

    Raises:
        PlanRefused: it is nested deeper than any resource is.
    """
    if isinstance(value, str):
        if _UNKNOWN.search(value):
            return UNKNOWN
        return SECRET if _SECRET in value else value
    if isinstance(value, list):
        _check_depth(depth)
        return [from_pulumi(item, depth + 1) for item in value]
    if isinstance(value, dict):
        _check_depth(depth)
        if SIGNATURE in value:
            return _signed(value, depth)
        return {
            snake(key): from_pulumi(item, depth + 1)
            for key, item in value.items()
            if not key.startswith("__")
        }
    return value


def _signed(value: Mapping[str, Any], depth: int) -> Any:
    kind = value[SIGNATURE]
    if kind == _SECRET_SIGNATURE:
        return SECRET
    if kind == _REFERENCE_SIGNATURE and isinstance(value.get("id"), str) and value["id"]:
        return from_pulumi(value["id"], depth + 1)
    if kind == _OUTPUT_SIGNATURE and "value" in value:
        return SECRET if value.get("secret") else from_pulumi(value["value"], depth + 1)
    return UNKNOWN


def from_terraform(value: Any, unknown: Any, marked: Any, depth: int = 0) -> Any:
    """A Terraform value; ``unknown`` and ``marked`` are its places in ``after_unknown`` and
    ``after_sensitive``: ``true``, or the same shape with ``true`` where something is.

    Raises:
        PlanRefused: it is nested deeper than any resource is.
    """
    if unknown is True:
        return UNKNOWN
    if isinstance(unknown, dict) and (value is None or isinstance(value, dict)):
        keys = [*(value or {}), *(key for key in unknown if key not in (value or {}))]
        _check_depth(depth)
        return {
            key: from_terraform(
                (value or {}).get(key), unknown.get(key), _inside(marked, key), depth + 1
            )
            for key in keys
            if value is not None or _any_true(unknown.get(key))
        } or value
    if isinstance(unknown, list) and (value is None or isinstance(value, list)):
        _check_depth(depth)
        items = value or []
        if value is None and not _any_true(unknown):
            return None
        return [
            from_terraform(
                items[index] if index < len(items) else None,
                unknown[index] if index < len(unknown) else None,
                _inside(marked, index),
                depth + 1,
            )
            for index in range(max(len(items), len(unknown)))
        ]
    if isinstance(value, dict):
        _check_depth(depth)
        return {
            key: from_terraform(item, None, _inside(marked, key), depth + 1)
            for key, item in value.items()
        }
    if isinstance(value, list):
        _check_depth(depth)
        return [
            from_terraform(item, None, _inside(marked, index), depth + 1)
            for index, item in enumerate(value)
        ]
    if marked is True:
        if isinstance(value, str):
            return Marked(value)
        if isinstance(value, float) and value.is_integer():
            return MarkedNumber(value)
        if isinstance(value, int) and not isinstance(value, bool):
            return MarkedNumber(value)
    return value


def _inside(marked: Any, key: Any) -> Any:
    if marked is True:
        return True
    if isinstance(marked, dict):
        return marked.get(key)
    if isinstance(marked, list) and isinstance(key, int):
        return marked[key] if key < len(marked) else None
    return None


def _any_true(unknown: Any, depth: int = 0) -> bool:
    if isinstance(unknown, dict):
        _check_depth(depth)
        return any(_any_true(item, depth + 1) for item in unknown.values())
    if isinstance(unknown, list):
        _check_depth(depth)
        return any(_any_true(item, depth + 1) for item in unknown)
    return unknown is True


def _check_depth(depth: int) -> None:
    if depth > _DEEPEST:
        raise PlanRefused(
            f"the plan holds a value nested more than {_DEEPEST} deep: no resource is; make the"
            " file anew",
            zh=f"计划文件含有嵌套超过 {_DEEPEST} 层的值，不是正常的资源，请重新生成该文件",
        )


def whole(value: Any) -> int | None:
    """A port number, which may be written 443, 443.0 or "443"; ``None`` where there is none.

    Raises:
        ValueError: it is something else.
    """
    if value is None or value == "":
        return None
    if isinstance(value, float) and value.is_integer():
        return int(value)
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    if isinstance(value, str) and re.fullmatch(r"\s*-?[0-9]{1,9}(\.0+)?\s*", value):
        return int(float(value))
    raise ValueError("no whole number")


def protocol_text(value: Any) -> str:
    """A protocol, which may be a number too.

    Raises:
        ValueError: it is neither a text nor a whole number.
    """
    if isinstance(value, str) and not re.fullmatch(r"\s*-?[0-9]+\.0+\s*", value):
        return value
    number = whole(value)
    if number is None:
        raise ValueError("there is no protocol")
    return str(number)


def is_true(value: Any) -> bool | None:
    """A boolean, which may be a text; ``None`` where it is hidden or missing."""
    if isinstance(value, bool):
        return value
    if isinstance(value, str) and value.lower() in ("true", "false"):
        return value.lower() == "true"
    return None


def hidden(value: Any) -> Hidden | None:
    """Why a value cannot be read, if it cannot: it is hidden, or a part of it is."""
    if isinstance(value, Hidden):
        return value
    if isinstance(value, dict):
        return next((why for item in value.values() if (why := hidden(item))), None)
    if isinstance(value, list):
        return next((why for item in value if (why := hidden(item))), None)
    return None


def items(value: Any) -> list[Any]:
    """A list, which one block of Terraform 0.11 or an object may stand for; none are none."""
    if value is None:
        return []
    return value if isinstance(value, list) else [value]


def shown(value: object) -> str:
    """A value for a message; what is marked sensitive is not told."""
    return _SHOWN if isinstance(value, Marked | MarkedNumber) else str(value)
