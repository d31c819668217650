"""Wrong usage in our own words: what the argument parser finds, as one line in either language."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any, Final

_VALUES: Final[dict[str, tuple[str, str]]] = {
    "int_parsing": ("is not a whole number", "不是整数"),
    "int_from_float": ("is not a whole number", "不是整数"),
    "int_parsing_size": ("is too large a number", "数值过大"),
    "float_parsing": ("is not a number", "不是数字"),
    "greater_than_equal": ("is too small, at least {ge}", "过小，不能小于 {ge}"),
    "less_than_equal": ("is too large, at most {le}", "过大，不能大于 {le}"),
}
"""What the parser's checks find wrong with a value, by their names."""

_SENTENCES: Final[tuple[tuple[str, str, str], ...]] = (
    (r"No such command '(.*?)'", "there is no command {0!r}", "没有命令 {0!r}"),
    (
        r"Got unexpected extra argument(?:s|\(s\))? \((.*)\)",
        "{0!r} is one word too many",
        "多余的参数 {0!r}",
    ),
    (r"Option '(.*?)' requires an argument", "{0} needs a value", "{0} 缺少值"),
    (r"Option '(.*?)' does not take a value", "{0} takes no value", "{0} 不带值"),
    (r"Missing command", "a command is missing", "缺少命令"),
)
"""What it says of the words as such."""


def explain(error: Any, lang: str) -> str:
    """One line for a usage error, without where to read more."""
    chinese = lang == "zh"
    name = _name(error)
    match type(error).__name__:
        case "NoSuchOption":
            line = f"没有选项 {error.option_name}" if chinese else f"no option {error.option_name}"
            return line + _meant(error.possibilities or (), chinese)
        case "MissingParameter":
            return f"缺少 {name}" if chinese else f"{name} is missing"
        case "Refused":
            return f"{name}：{error.zh}" if chinese else f"{name}: {error.message}"
        case "BadParameter":
            return _bad_value(error, name, chinese)
    text: str = error.format_message()
    for pattern, english, zh in _SENTENCES:
        found = re.match(pattern, text, re.DOTALL)
        if found is not None:
            meant = re.findall(r"'([^']*)'", text[found.end() :])
            return (zh if chinese else english).format(*found.groups()) + _meant(meant, chinese)
    return f"用法有误（{text.rstrip('.')}）" if chinese else text.rstrip(".")


def _bad_value(error: Any, name: str, chinese: bool) -> str:
    problems: list[Any] = getattr(error.__cause__, "errors", list)()
    first: dict[str, Any] = problems[0] if problems else {}
    value, facts = first.get("input"), first.get("ctx", {})
    known = _VALUES.get(first.get("type", ""))
    if known is not None:
        said = known[chinese].format(**facts)
        return f"{name}：{value!r} {said}" if chinese else f"{name}: {value!r} {said}"
    text = error.message.removeprefix("Value error, ").rstrip(".")
    choice = re.fullmatch(r"(.*) is not one of (.*)", text, re.DOTALL)
    if choice is None:
        return f"{name} 的值无效（{text}）" if chinese else f"{name}: {text}"
    allowed = choice[2].replace("'", "")
    if chinese:
        return f"{name}：{choice[1]} 无效，应为以下之一：{allowed}"
    return f"{name}: {choice[1]} is not one of {allowed}"


def _name(error: Any) -> str:
    """The option or argument that it is about."""
    param = getattr(error, "param", None)
    return str(param.get_error_hint()).replace("'", "") if param is not None else ""


def _meant(words: Iterable[str], chinese: bool) -> str:
    found = sorted(words)
    if not found:
        return ""
    if chinese:
        return f"，是否指 {'、'.join(found)}？"
    return f"; did you mean {' or '.join(found)}?"
