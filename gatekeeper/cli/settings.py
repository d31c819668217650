"""The global options: what a command works on, from the command line, else the environment."""

from __future__ import annotations

import os
import re
from collections.abc import Collection, Iterator, Mapping, MutableMapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Literal

from gatekeeper.errors import PolicyError, UsageError

if TYPE_CHECKING:
    from gatekeeper.policy import Policy

Lang = Literal["en", "zh"]

DEFAULT_STORE: Final = "sqlite:///gatekeeper.db"
DEFAULT_REGION: Final = "cn-northwest-1"
KEY: Final = "gatekeeper.settings"
"""Where the parsed options wait in the context's ``meta``."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """The four global options, resolved."""

    store: str
    policy_file: str | None
    region: str
    lang: Lang
    store_named: bool = False
    """Whether somebody named the store, so that a missing one is a mistake."""

    def policy(self) -> Policy:
        """The policy that is in force.

        Raises:
            PolicyError: the file cannot be read, or a key of it is wrong.
        """
        from gatekeeper.policy import default_policy, parse_policy

        if self.policy_file is None:
            return default_policy()
        try:
            with open(self.policy_file, encoding="utf-8-sig") as stream:  # noqa: PTH123
                text = stream.read()
        except (OSError, UnicodeDecodeError) as error:
            why = error.strerror if isinstance(error, OSError) else "not UTF-8"
            raise PolicyError(
                f"{self.policy_file}: cannot read the policy ({why}); check --policy",
                zh=f"{self.policy_file}：无法读取策略文件（{why}），请检查 --policy",
            ) from None
        return parse_policy(text, source=self.policy_file, codes=_Codes())


class _Codes(Collection[str]):
    """Every code of a finding; the review's rules are loaded only where a code is none of §9's."""

    def __contains__(self, code: object) -> bool:
        from gatekeeper.gate import CATALOGUE

        return code in CATALOGUE or code in _desk_codes()

    def __iter__(self) -> Iterator[str]:
        from gatekeeper.gate import CATALOGUE

        yield from CATALOGUE
        yield from _desk_codes() - CATALOGUE.keys()

    def __len__(self) -> int:
        return sum(1 for _ in self)


def _desk_codes() -> frozenset[str]:
    from gatekeeper.desk.findings import codes

    return codes()


def resolve(given: Mapping[str, str], environ: Mapping[str, str] | None = None) -> Settings:
    """``given`` over the environment over the defaults; an empty variable counts as unset.

    Raises:
        UsageError: a region or language that cannot be meant.
    """
    env = os.environ if environ is None else environ

    def pick(name: str) -> str | None:
        return given.get(name) or env.get(f"GATEKEEPER_{name.upper()}") or None

    region = pick("region") or DEFAULT_REGION
    if not re.fullmatch(r"[a-z]{2}(-[a-z]+)+-\d", region):
        raise UsageError(
            f"--region {region!r} is not an AWS region; write it as cn-northwest-1",
            zh=f"--region {region!r} 不是有效的区域，应写作 cn-northwest-1",
        )
    lang = pick("lang") or "en"
    if lang not in ("en", "zh"):
        raise UsageError(
            f"--lang {lang!r} is not a language; write zh or en",
            zh=f"--lang {lang!r} 无效，应为 zh 或 en",
        )
    return Settings(
        store=pick("store") or DEFAULT_STORE,
        policy_file=pick("policy"),
        region=region,
        lang="zh" if lang == "zh" else "en",
        store_named=pick("store") is not None,
    )


def language(argv: list[str]) -> Lang:
    """The language of the command line, for errors that come before it is parsed."""
    lang = os.environ.get("GATEKEEPER_LANG", "")
    for index, word in enumerate(argv):
        if word.startswith("--lang="):
            lang = word.removeprefix("--lang=")
        elif word == "--lang" and index + 1 < len(argv):
            lang = argv[index + 1]
    return "zh" if lang == "zh" else "en"


def keep(meta: MutableMapping[str, Any], name: str, value: str) -> None:
    """Remember one option; what stands further right on the command line wins."""
    meta.setdefault(KEY, {})[name] = value


def settings_of(meta: Mapping[str, Any]) -> Settings:
    """The settings of the command whose context has ``meta``."""
    return resolve(meta.get(KEY, {}))
