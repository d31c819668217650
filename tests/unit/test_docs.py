"""The documents say what the code does: commands, options, findings, policy keys, links."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel

from gatekeeper.cli import app
from gatekeeper.gate.catalogue import CATALOGUE
from gatekeeper.policy import Policy

ROOT = Path(__file__).resolve().parents[2]
DOCS = ROOT / "docs"
GLOBAL_OPTIONS = {"--store", "--policy", "--region", "--lang", "--help", "--version"}


def commands(group: Any, path: tuple[str, ...] = ("gatekeeper",)) -> Iterator[tuple[str, Any]]:
    """Every command that can be run, by its full name."""
    for name in group.list_commands(None):
        command = group.get_command(None, name)
        if command.hidden:
            continue
        if hasattr(command, "list_commands"):
            yield from commands(command, (*path, name))
        else:
            yield " ".join((*path, name)), command


def sections(text: str) -> dict[str, str]:
    """Headings (any level, without back-ticks) and the text up to the next heading."""
    parts = re.split(r"^#+ +(.+)$", text, flags=re.MULTILINE)
    return {
        heading.replace("`", "").strip(): body
        for heading, body in zip(parts[1::2], parts[2::2], strict=True)
    }


def keys(model: type[BaseModel], above: str = "") -> Iterator[str]:
    """Every key of a policy model as it is written in YAML; nested ones with a dot."""
    for name, field in model.model_fields.items():
        key = f"{above}{field.alias or name}"
        yield key
        for inner in (field.annotation, *getattr(field.annotation, "__args__", ())):
            if isinstance(inner, type) and issubclass(inner, BaseModel):
                yield from keys(inner, f"{key}.")


def markdown() -> list[Path]:
    found = [*ROOT.glob("*.md")]
    for folder in ("docs", "infra", "policies", "scripts", "tests", "gatekeeper"):
        found += (ROOT / folder).rglob("*.md")
    return sorted(found)


def anchors(text: str) -> set[str]:
    """The anchors that a Markdown reader makes of the headings."""
    made = set()
    for heading in re.findall(r"^#+ +(.+?)\s*$", text, flags=re.MULTILINE):
        plain = re.sub(r"[`*]|\[([^\]]*)\]\([^)]*\)", r"\1", heading).lower()
        made.add(re.sub(r"[^\w\- ]", "", plain).replace(" ", "-"))
    return made


REFERENCE = sections((DOCS / "reference.md").read_text(encoding="utf-8"))
COMMANDS = dict(commands(app))


def test_the_command_line_has_commands() -> None:
    assert "gatekeeper exposure" in COMMANDS


@pytest.mark.parametrize("name", sorted(COMMANDS))
def test_every_command_and_option_is_documented(name: str) -> None:
    assert name in REFERENCE, f"docs/reference.md has no heading `{name}`"
    text = REFERENCE[name]
    missing = [
        option
        for parameter in COMMANDS[name].params
        if parameter.param_type_name == "option"
        for option in (*parameter.opts, *parameter.secondary_opts)
        if option.startswith("--") and option not in GLOBAL_OPTIONS
        if not re.search(rf"`{re.escape(option)}\b", text)
    ]
    assert missing == [], f"docs/reference.md, {name}"


@pytest.mark.parametrize("name", sorted(COMMANDS))
def test_every_command_and_option_helps(name: str) -> None:
    command = COMMANDS[name]
    assert command.help, f"{name} says nothing of itself"
    mute = [
        parameter.name
        for parameter in command.params
        if parameter.param_type_name == "option" and not getattr(parameter, "help", None)
    ]
    assert mute == [], f"{name} has options without help"


def test_the_reference_knows_no_command_that_is_gone() -> None:
    described = {heading for heading in REFERENCE if heading.startswith("gatekeeper ")}
    assert described - COMMANDS.keys() == set()


def test_the_reference_names_no_option_that_is_gone() -> None:
    for name, command in COMMANDS.items():
        known = {option for parameter in command.params for option in parameter.opts}
        rows = re.findall(r"^\| `(--[a-z-]+)", REFERENCE.get(name, ""), flags=re.MULTILINE)
        assert set(rows) - known == set(), f"docs/reference.md, {name}"


@pytest.mark.parametrize("option", sorted(GLOBAL_OPTIONS))
def test_every_global_option_is_documented(option: str) -> None:
    assert f"`{option}" in REFERENCE["Global options"]


def test_every_finding_is_documented_as_it_is() -> None:
    text = (DOCS / "findings.md").read_text(encoding="utf-8")
    described = dict(re.findall(r"^### `([a-z0-9-]+)` .*· (\w+)$", text, flags=re.MULTILINE))
    assert described == {code: str(entry.severity) for code, entry in CATALOGUE.items()}


def test_every_policy_key_is_documented() -> None:
    text = (DOCS / "policy.md").read_text(encoding="utf-8")
    described = set(re.findall(r"^\| `([a-z_.]+)` \|", text, flags=re.MULTILINE))
    assert described == set(keys(Policy))


def test_the_keys_of_nested_sections_are_found() -> None:
    assert {"limits.floor", "gated.ports", "exceptions.until", "version"} <= set(keys(Policy))


def test_the_policy_examples_are_policies() -> None:
    from gatekeeper.policy import parse_policy

    text = (DOCS / "policy.md").read_text(encoding="utf-8")
    examples = re.findall(r"^```yaml\n(.*?)^```", text, flags=re.MULTILINE | re.DOTALL)
    assert examples
    for example in examples:
        parse_policy(example, source=example)


@pytest.mark.parametrize("name", ["README.md", "README.zh-CN.md"])
def test_the_two_commands_of_the_readme_exist(name: str) -> None:
    text = (ROOT / name).read_text(encoding="utf-8")
    for script in ("scripts/demo", "scripts/test"):
        assert f"\n{script}\n" in text or f"\n{script} " in text
        assert (ROOT / script).is_file()


@pytest.mark.parametrize("path", markdown(), ids=lambda path: str(path.relative_to(ROOT)))
def test_relative_links_lead_somewhere(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    broken = []
    for target in re.findall(r"\]\(([^)\s]+)\)", re.sub(r"```.*?```", "", text, flags=re.DOTALL)):
        if re.match(r"[a-z]+:", target):
            continue
        name, _, anchor = target.partition("#")
        there = (path.parent / name).resolve() if name else path
        if (
            not there.exists()
            or not there.is_relative_to(ROOT)
            or (anchor and anchor not in anchors(there.read_text(encoding="utf-8")))
        ):
            broken.append(target)
    assert broken == []


@pytest.mark.parametrize("path", markdown(), ids=lambda path: str(path.relative_to(ROOT)))
def test_commands_in_documents_exist(path: Path) -> None:
    """``gatekeeper …`` in a code block names a command, and only options that it has."""
    text = path.read_text(encoding="utf-8")
    wrong = []
    blocks = re.findall(r"^```(\w*)\n(.*?)^```$", text, flags=re.MULTILINE | re.DOTALL)
    for block in [body for language, body in blocks if language in ("", "sh", "cron")]:
        for line in re.findall(r"\bgatekeeper ((?:[^\n\\#|;&]|\\\n)*)", block):
            words = line.replace("\\\n", " ").split()
            options = {word.split("=")[0] for word in words if word.startswith("--")}
            name = next(
                (
                    known
                    for length in (2, 1)
                    if (known := " ".join(["gatekeeper", *_verbs(words)[:length]])) in COMMANDS
                ),
                None,
            )
            if name is None:
                if _verbs(words):
                    wrong.append(line)
                continue
            known = {option for parameter in COMMANDS[name].params for option in parameter.opts}
            if options - known - GLOBAL_OPTIONS:
                wrong.append(line)
    assert wrong == []


def _verbs(words: list[str]) -> list[str]:
    """The words before the first argument; global options may stand before them."""
    found: list[str] = []
    skip = False
    for word in words:
        if skip:
            skip = False
        elif word in GLOBAL_OPTIONS:
            skip = True
        elif word.startswith("-"):
            if found:
                break
        else:
            found.append(word)
    return found
