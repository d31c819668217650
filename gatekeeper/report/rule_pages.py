"""The documentation's pages about the rules, one an area, made from the registered rules.

``scripts/rule-pages`` writes them to ``docs/rules/``; a test compares, so they cannot drift.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from gatekeeper.filing.review import Area, How, ProviderRules, Rule
from gatekeeper.filing.review.model import EVERY_KIND
from gatekeeper.report.review_words import EN, ZH

_HOW = {
    How.AUTO: "from the record alone",
    How.LIVE: "from live facts (`--live` or `--dump`); unknown without them",
    How.ASK: "by a person: `gatekeeper filings answer APPLICATION RULE yes|no --by WHO`",
}


def rule_pages(
    rules: Mapping[str, Rule], providers: Mapping[str, ProviderRules]
) -> Mapping[str, str]:
    """Every page by its file name, ``index.md`` too."""
    pages = {
        f"{area.value}.md": _page(
            area, [one for one in rules.values() if one.area is area], providers
        )
        for area in Area
    }
    return {"index.md": _index(rules), **pages}


def _index(rules: Mapping[str, Rule]) -> str:
    lines = [
        "# The rules of the review",
        "",
        f"`gatekeeper filings review` judges every application by {len(rules)} rules of the",
        "guides. These pages are made from the rules themselves (`scripts/rule-pages`); how to",
        "read a review is told in [review.md](../review.md).",
        "",
        "| area | 类别 | rules |",
        "|---|---|---|",
    ]
    for area in Area:
        page = f"{area.value}.md"
        mine = ", ".join(
            f"[`{one.id}`]({page}#{one.id})" for one in rules.values() if one.area is area
        )
        name = f"area.{area.value}"
        lines.append(f"| [{EN[name]}]({page}) | {ZH[name]} | {mine} |")
    return "\n".join(lines) + "\n"


def _page(area: Area, rules: Iterable[Rule], providers: Mapping[str, ProviderRules]) -> str:
    lines = [f"# {EN[f'area.{area.value}']} ({ZH[f'area.{area.value}']})"]
    for one in rules:
        lines += ["", f"## {one.id}", "", f"{_sentence(one.text)} {one.text_zh}。", ""]
        decided = _HOW[one.how]
        if one.asks and one.how is not How.ASK:
            decided += "; it may ask a person"
        lines += [
            f"- **Decided:** {decided}",
            f"- **Concerns:** {_concerns(one)}",
            f"- **A breach is:** {_levels(one, providers)}",
            f"- **Source:** {one.sources}",
            f"- **What to do:** {_sentence(one.remedy)} {one.remedy_zh}。",
        ]
    return "\n".join(lines) + "\n"


def _sentence(text: str) -> str:
    return f"{text[:1].upper()}{text[1:]}."


def _concerns(one: Rule) -> str:
    kinds = (
        "every kind of application"
        if one.kinds == EVERY_KIND
        else ", ".join(f"`{kind.value}`" for kind in sorted(one.kinds))
    )
    if not one.services:
        return kinds
    return f"{kinds}; " + ", ".join(f"`{kind.value}`" for kind in sorted(one.services))


def _levels(one: Rule, providers: Mapping[str, ProviderRules]) -> str:
    levels = {
        name: provider.rules.get(one.id, one.level).value for name, provider in providers.items()
    }
    if len(set(levels.values())) == 1:
        return f"`{next(iter(levels.values()))}`"
    return ", ".join(f"`{level}` at {name}" for name, level in levels.items())
