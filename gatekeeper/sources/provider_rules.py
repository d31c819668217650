"""The review rules of each provider: packaged ones, and an operator's files in their place."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import cache
from importlib import resources
from pathlib import Path
from typing import Any, Final

from gatekeeper.errors import PolicyError
from gatekeeper.filing import ReviewDays, provider_name
from gatekeeper.filing.review import ProviderRules, rules
from gatekeeper.filing.review.provider import DOCS
from gatekeeper.policy import checked, read_mapping
from gatekeeper.textfile import read_text

_MAX_BYTES: Final = 200_000
_DEEPEST: Final = 8


@cache
def packaged_providers() -> Mapping[str, ProviderRules]:
    """The providers that gatekeeper knows by itself, by name."""
    return _read(_packaged())


def read_providers(paths: Iterable[str | Path]) -> Mapping[str, ProviderRules]:
    """The packaged providers and those of these files; a file's provider replaces one of its name.

    A file that says ``extends: NAME`` needs only the keys that differ from that provider's.

    Raises:
        PolicyError: a file cannot be read, or a key of it is wrong; it is named.
    """
    given = dict(_packaged())
    named = list(paths)
    if not named:
        return packaged_providers()
    own = set()
    for path in named:
        source, content = str(path), _content(Path(path))
        name = content.get("provider")
        if not isinstance(name, str) or not name.strip():
            raise PolicyError(
                f"{source}: provider is missing; name the provider that it is about (see {DOCS})",
                zh=f"{source}：缺少 provider，请写明是哪家接入商的规则（见 {DOCS}）",
            )
        name = provider_name(name)
        extends = content.get("extends")
        same = isinstance(extends, str) and provider_name(extends) == name
        base = given.get(name) if same else None
        if base is not None:
            content = _over(base[1], {k: v for k, v in content.items() if k != "extends"})
        given[name] = (source, content)
        own.add(name)
    found = _read(given)
    for name in own:
        _check_rules(found[name], given[name][0])
    return found


def first_reviews(providers: Mapping[str, ProviderRules]) -> Mapping[str, ReviewDays]:
    """The working days of each provider's first review, as the clocks take them."""
    return {
        name: ReviewDays(one.first_review.electronic, one.first_review.manual)
        for name, one in providers.items()
    }


def _check_rules(provider: ProviderRules, source: str) -> None:
    for rule in provider.rules:
        if rule not in rules():
            raise PolicyError(
                f"{source}: rules.{rule}: there is no rule of that name; see filings rules",
                zh=f"{source}：rules.{rule}：没有该规则，请用 filings rules 查看",
            )


def _packaged() -> Mapping[str, tuple[str, dict[str, Any]]]:
    folder = resources.files("gatekeeper").joinpath("data/review")
    found = {}
    for file in sorted(folder.iterdir(), key=lambda one: one.name):
        content = read_mapping(file.read_text(encoding="utf-8"), file.name)
        found[str(content["provider"])] = (file.name, content)
    return found


def _content(path: Path) -> dict[str, Any]:
    text = read_text(path, "the review rules", "审核规则文件", largest=_MAX_BYTES)
    return read_mapping(text, str(path))


def _read(given: Mapping[str, tuple[str, dict[str, Any]]]) -> Mapping[str, ProviderRules]:
    return {name: _checked(name, given) for name in given}


def _checked(name: str, given: Mapping[str, tuple[str, dict[str, Any]]]) -> ProviderRules:
    source, content = given[name]
    whole = _extended(content, source, given, _DEEPEST)
    return checked(ProviderRules, whole, source, docs=DOCS)


def _extended(
    content: dict[str, Any],
    source: str,
    given: Mapping[str, tuple[str, dict[str, Any]]],
    deeper: int,
) -> dict[str, Any]:
    base = content.get("extends")
    rest = {key: value for key, value in content.items() if key != "extends"}
    if base is None:
        return rest
    base = provider_name(base) if isinstance(base, str) and base.strip() else ""
    if base not in given or not deeper:
        known = ", ".join(given)
        raise PolicyError(
            f"{source}: extends: {base} cannot be extended; known are {known}",
            zh=f"{source}：extends：无法继承 {base}，可用的有 {known}",
        )
    base_source, base_content = given[base]
    return _over(_extended(base_content, base_source, given, deeper - 1), rest)


def _over(base: dict[str, Any], given: dict[str, Any]) -> dict[str, Any]:
    """``given`` over ``base``, key by key; lists are replaced whole."""
    found = dict(base)
    for key, value in given.items():
        before = found.get(key)
        both = isinstance(before, dict) and isinstance(value, dict)
        found[key] = _over(before, value) if both and before is not None else value
    return found
