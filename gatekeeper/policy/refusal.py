"""Why a policy is refused, said about its key, in English and in Chinese."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from difflib import get_close_matches
from typing import TYPE_CHECKING, Any, Final, get_args

from pydantic import BaseModel

from gatekeeper.errors import PolicyError
from gatekeeper.policy.model import Policy

if TYPE_CHECKING:
    from pydantic_core import ErrorDetails


def check_codes(policy: Policy, source: str, codes: Collection[str]) -> None:
    """Refuse an override or an exception of a finding that does not exist.

    Raises:
        PolicyError: there is one; its key is named, and what it may have been meant for.
    """
    used: list[tuple[tuple[str | int, ...], str]] = [
        (("severity", code), code) for code in policy.severity
    ]
    used += [(("exceptions", n, "code"), one.code) for n, one in enumerate(policy.exceptions)]
    for key, code in used:
        if code not in codes:
            like, like_zh = _like(code, codes)
            raise refused(
                source,
                key,
                f"no finding has the code {code!r}{like}",
                f"没有代码为 {code!r} 的发现{like_zh}",
            )


def refused(
    source: str, key: tuple[str | int, ...], why: str, zh: str, *, docs: str = "docs/policy.md"
) -> PolicyError:
    """The error that names the key."""
    name = ".".join(str(part) for part in key if part != "[key]") or "policy"
    return PolicyError(
        f"{source}: key {name}: {why}; see {docs}",
        zh=f"{source}：键 {name} 无效：{zh}，参见 {docs}",
    )


_REASONS: Final[dict[str, tuple[str, str]]] = {
    "missing": ("is required", "不能缺少"),
    "int_type": ("must be a whole number", "应为整数"),
    "bool_type": ("must be true or false, without quotation marks", "应为 true 或 false，不加引号"),
    "greater_than_equal": ("must be at least {ge}", "不能小于 {ge}"),
    "less_than_equal": ("must be at most {le}", "不能大于 {le}"),
    "too_short": ("must not be empty", "不能为空"),
    "string_type": ("must be text; put it in quotation marks", "应为文本，请加引号"),
    "string_pattern_mismatch": (
        "must be 1 to 128 of A-Z a-z 0-9 . _ : / + @ - and begin with a letter or digit",
        "应为 1 至 128 个字符（A-Z a-z 0-9 . _ : / + @ -），以字母或数字开头",
    ),
    "tuple_type": ("must be a list", "应为列表"),
    "dict_type": ("must be a mapping of keys", "应为键值映射"),
    "model_type": ("must be a mapping of keys", "应为键值映射"),
}
"""What pydantic finds wrong, in our words."""


def reason(error: ErrorDetails, model: type[BaseModel]) -> tuple[str, str]:
    """Why a value is refused, in both languages."""
    kind, facts = error["type"], error.get("ctx", {})
    if kind == "gatekeeper":
        return facts["message"], facts["zh"]
    if kind == "literal_error":
        values = str(facts["expected"]).replace(" or ", ", ").replace("'", "")
        return f"must be one of: {values}", f"应为以下之一：{values}"
    if kind == "extra_forbidden":
        like, like_zh = _like(str(error["loc"][-1]), _siblings(error["loc"], model))
        return f"there is no such key{like}", f"没有这个键{like_zh}"
    message, zh = _REASONS.get(kind, ("has a value of the wrong kind", "值的类型有误"))
    return message.format(**facts), zh.format(**facts)


def _siblings(key: tuple[str | int, ...], model: type[BaseModel]) -> list[str]:
    """The keys that may stand where ``key`` does."""
    for part in key[:-1]:
        field = model.model_fields.get(part) if isinstance(part, str) else None
        model = (_model_in(field.annotation) if field else None) or model
    return [field.alias or name for name, field in model.model_fields.items()]


def _model_in(annotation: Any) -> type[BaseModel] | None:
    """The model in a field's type, however it is wrapped."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    found = (_model_in(part) for part in get_args(annotation))
    return next((model for model in found if model is not None), None)


def _like(word: str, known: Iterable[str]) -> tuple[str, str]:
    """The known words that ``word`` may have been meant for."""
    found = get_close_matches(word, sorted(known), n=3)
    if not found:
        return "", ""
    return f"; did you mean {' or '.join(found)}?", f"，是否指 {'、'.join(found)}？"
