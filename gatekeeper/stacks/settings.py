"""The config of a Pulumi project, read strictly: every error names key, value and what to do.

A key that nobody knows is refused, so that a misspelt one never leaves a default in force.

.. code-block:: python

    given = Given("gatekeeper", project_config("gatekeeper"), known=("accountId", "replicas"))
    account_id = given.text("accountId", ACCOUNT_ID, "an account has 12 digits")
    replicas = given.number("replicas", default=1, low=1, high=10)
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, Final

from gatekeeper.errors import GatekeeperError, StackError

ACCOUNT_ID: Final = r"[0-9]{12}"
REGION: Final = r"[a-z]{2}(-[a-z]+)+-[0-9]"
NAME: Final = r"[a-z][a-z0-9-]{1,30}[a-z0-9]"

_FLAGS: Final = {"true": True, "false": False}
_LONGEST_VALUE: Final = 80


class Given:
    """One project's config as ``pulumi config set`` keeps it: text by key, lists and maps as JSON.

    Args:
        project: its name, for messages.
        values: the config, without the project's prefix.
        known: the keys that there are.

    Raises:
        StackError: a key is not known.
    """

    def __init__(self, project: str, values: Mapping[str, str], known: Collection[str]) -> None:
        self.project = project
        self._values = dict(values)
        self._known = tuple(known)
        for key in sorted(self._values):
            if key not in self._known:
                raise self.refused(
                    key, f"there is no such key; the keys are {', '.join(sorted(self._known))}",
                    f"没有该配置项；可用的配置项为 {', '.join(sorted(self._known))}",
                )  # fmt: skip

    def has(self, key: str) -> bool:
        """Whether it is set, and not to nothing."""
        assert key in self._known, key
        return self._values.get(key, "").strip() not in ("", "null")

    def text(self, key: str, pattern: str, hint: str, *, default: str | None = None) -> str:
        """Text of a form.

        Raises:
            StackError: it is missing and has no default, or has another form.
        """
        if not self.has(key):
            if default is None:
                raise self.missing(key, hint)
            return default
        return self._fitting(key, self._values[key].strip(), pattern, hint)

    def maybe(self, key: str, pattern: str, hint: str) -> str | None:
        """As ``text``; ``None`` where it is not set."""
        return self.text(key, pattern, hint) if self.has(key) else None

    def one_of(self, key: str, choices: Sequence[str], *, default: str | None = None) -> str:
        """One of the choices."""
        pattern = "|".join(map(re.escape, choices))
        return self.text(key, pattern, f"it is one of {', '.join(choices)}", default=default)

    def number(self, key: str, *, default: int, low: int, high: int) -> int:
        """A whole number within bounds."""
        if not self.has(key):
            return default
        text = self._values[key].strip()
        if not re.fullmatch(r"-?[0-9]{1,9}", text) or not low <= int(text) <= high:
            raise self.refused(
                key, f"write a whole number from {low} to {high}", f"应为 {low} 至 {high} 的整数"
            )
        return int(text)

    def flag(self, key: str, *, default: bool) -> bool:
        """``true`` or ``false``."""
        if not self.has(key):
            return default
        text = self._values[key].strip().lower()
        if text not in _FLAGS:
            raise self.refused(key, "write true or false", "应为 true 或 false")
        return _FLAGS[text]

    def texts(
        self, key: str, pattern: str, hint: str, *, default: Sequence[str] | None = None
    ) -> tuple[str, ...]:
        """A list of texts of a form, each once; a single text is a list of one."""
        if not self.has(key):
            if default is None:
                raise self.missing(key, hint)
            return tuple(default)
        value = self._json(key) if self._values[key].lstrip().startswith("[") else None
        items = [self._values[key].strip()] if value is None else value
        if not isinstance(items, list) or not all(isinstance(one, str | int) for one in items):
            raise self.refused(key, f"write a list of texts: {hint}", f"应为文本列表：{hint}")
        found = tuple(self._fitting(key, str(one), pattern, hint) for one in items)
        twice = next((one for one in found if found.count(one) > 1), None)
        if twice is not None:
            raise self.refused(key, f"{twice} is named twice; once is enough", f"{twice} 重复出现")
        return found

    def mapping(self, key: str) -> dict[str, Any]:
        """A map as it is; empty where it is not set."""
        if not self.has(key):
            return {}
        value = self._json(key)
        if not isinstance(value, dict):
            raise self.refused(key, "write a map of names to values", "应为名称到值的映射")
        return value

    def refused(self, key: str, why: str, zh: str) -> StackError:
        """The error for a key whose value will not do."""
        value = self._values.get(key, "")
        shown = value if len(value) <= _LONGEST_VALUE else f"{value[:_LONGEST_VALUE]}…"
        return StackError(
            f"config {self.project}:{key} is {shown!r}: {why}",
            zh=f"配置项 {self.project}:{key} 的值为 {shown!r}：{zh}",
            code="Config",
        )

    def missing(self, key: str, hint: str) -> StackError:
        """The error for a key that must be set."""
        return StackError(
            f"config {self.project}:{key} is missing: {hint}; set it with"
            f" pulumi config set {self.project}:{key}, see Pulumi.example.yaml",
            zh=f"缺少配置项 {self.project}:{key}（{hint}）；"
            f"请用 pulumi config set {self.project}:{key} 设置，参见 Pulumi.example.yaml",
            code="Config",
        )

    def _fitting(self, key: str, value: str, pattern: str, hint: str) -> str:
        if not re.fullmatch(pattern, value):
            raise self.refused(key, hint, f"格式不符（{hint}）")
        return value

    def _json(self, key: str) -> Any:
        try:
            return json.loads(self._values[key])
        except ValueError:
            raise self.refused(
                key, "this is no JSON; write the value in the stack's YAML file", "不是有效的 JSON"
            ) from None


@contextmanager
def plain_errors() -> Iterator[None]:
    """End a Pulumi program with one line, in the operator's language, in place of a traceback.

    Raises:
        pulumi.RunError: what ``GatekeeperError`` was raised within.
    """
    try:
        yield
    except GatekeeperError as error:
        import pulumi

        lang = "zh" if os.environ.get("GATEKEEPER_LANG") == "zh" else "en"
        raise pulumi.RunError(error.text(lang)) from None


def project_config(project: str) -> dict[str, str]:
    """Every key of the project's own config, as the engine handed it to this program."""
    import pulumi
    from pulumi.runtime import config as held

    prefix = f"{project}:"
    keys = {*held.CONFIG.get(), *held.get_config_env()}
    config = pulumi.Config(project)
    found = {key.removeprefix(prefix) for key in keys if key.startswith(prefix)}
    return {key: str(config.get(key) or "") for key in found}
