"""Where a value stands in a portal's answer: ``data.list``, ``hosts[].ip``, ``rows[0].name``."""

from __future__ import annotations

import re
from typing import Any, Final, NamedTuple

_STEP: Final = re.compile(r"([^.\[\]\s][^.\[\]]{0,127})((?:\[[0-9]{0,6}\])*)")
_INDEX: Final = re.compile(r"\[([0-9]*)\]")
_DEEPEST: Final = 20


class _Missing:
    """Stands where an answer has no such key; ``null`` is a value."""

    def __repr__(self) -> str:
        return "MISSING"


MISSING: Final = _Missing()
_EACH: Final = -1


class Path(NamedTuple):
    """A place below a JSON value; the empty one, written ``.``, is the value itself."""

    steps: tuple[str | int, ...]
    """Keys, places in lists, and ``_EACH`` for every place of one."""
    text: str
    """As it was written."""

    @property
    def several(self) -> bool:
        """Whether it names a list of values, one from each item of a list in the answer."""
        return _EACH in self.steps

    def of(self, value: Any) -> Any:
        """What stands there, or ``MISSING``; items of a list that lack it are left out."""
        return _walk(value, self.steps)


def parse_path(text: str) -> Path:
    """Read a path.

    Raises:
        ValueError: the text is none.
    """
    words = text.strip()
    if words == ".":
        return Path((), ".")
    steps: list[str | int] = []
    at = 0
    while at < len(words):
        match = _STEP.match(words, at)
        if match is None:
            raise ValueError(text)
        steps.append(match[1].strip())
        steps.extend(int(n) if n else _EACH for n in _INDEX.findall(match[2]))
        at = match.end()
        if at < len(words):
            if words[at] != "." or at + 1 == len(words):
                raise ValueError(text)
            at += 1
    if not 0 < len(steps) <= _DEEPEST or steps.count(_EACH) > 1:
        raise ValueError(text)
    return Path(tuple(steps), words)


def _walk(value: Any, steps: tuple[str | int, ...]) -> Any:
    for number, step in enumerate(steps):
        if step == _EACH:
            if not isinstance(value, list):
                return MISSING
            found = (_walk(item, steps[number + 1 :]) for item in value)
            return [item for item in found if item is not MISSING]
        if isinstance(step, str):
            if not isinstance(value, dict) or step not in value:
                return MISSING
            value = value[step]
        else:
            if not isinstance(value, list) or step >= len(value):
                return MISSING
            value = value[step]
    return value
