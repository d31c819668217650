"""Objects, lists and texts of a foreign document; what is not there is refused by name."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from gatekeeper.errors import PlanRefused


def as_object(value: Any) -> Mapping[str, Any]:
    """An object; anything else is an empty one."""
    return value if isinstance(value, dict) else {}


class Shape(NamedTuple):
    """What documents of one program must have."""

    writer: str
    """The program, for messages."""

    def objects(self, value: Any, name: str, what: str) -> list[Mapping[str, Any]]:
        """A list of objects; ``None`` is an empty one.

        Raises:
            PlanRefused: it is none.
        """
        if value is None:
            return []
        if not isinstance(value, list) or not all(isinstance(item, dict) for item in value):
            raise PlanRefused(
                f"{name}: {what} is no list of objects: this is nothing that {self.writer} wrote",
                zh=f"{name}：{what} 不是对象列表，不是 {self.writer} 生成的文件",
            )
        return value

    def text(self, item: Mapping[str, Any], key: str, name: str) -> str:
        """A text that is not empty.

        Raises:
            PlanRefused: there is none.
        """
        value = item.get(key)
        if not isinstance(value, str) or not value:
            raise PlanRefused(
                f"{name}: an entry has no {key}: this is nothing that {self.writer} wrote, or a"
                " part is missing",
                zh=f"{name}：有条目缺少 {key}，不是 {self.writer} 生成的文件，或内容不完整",
            )
        return value
