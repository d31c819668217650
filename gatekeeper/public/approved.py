"""The approved top-level domains and registrars, as an operator keeps them with their date.

The state publishes no list that a machine could read (domain.miit.gov.cn shows pages), so somebody
copies it into a file.  A registrar has a Chinese and an English name, and registries know the one
or the other; that a name is not on the list proves something only where the list has names in the
same script.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Annotated, Final
from urllib.parse import urlsplit

from pydantic import BeforeValidator, Field

from gatekeeper.filing import SHANGHAI, domain_key, printable
from gatekeeper.filing.review import Told, not_told
from gatekeeper.policy import ConfigModel, Text, checked, read_mapping, wrong
from gatekeeper.textfile import read_text

DOCS: Final = "docs/public.md"
STALE_AFTER: Final = timedelta(days=90)
_LARGEST: Final = 2_000_000
"""Bytes of a lists file."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ApprovedLists:
    """What the state approved, at one day."""

    made: date
    tlds: frozenset[str] = frozenset()
    """In ASCII, without a dot before."""
    registrars: frozenset[str] = frozenset()
    """Every name of each, as names are compared."""
    rdap: Mapping[str, str] = field(default_factory=dict)
    """RDAP servers by top-level domain, where IANA's list is not to be used."""

    def age(self, at: datetime) -> timedelta:
        return at.astimezone(SHANGHAI).date() - self.made

    def stale(self, at: datetime) -> bool:
        """Whether the lists are too old to be trusted without saying so."""
        return self.age(at) > STALE_AFTER

    def source(self, at: datetime) -> str:
        """Where a fact comes from, with the list's age where that is too high."""
        old = f", {self.age(at).days} days old" if self.stale(at) else ""
        return f"list of {self.made}{old}"

    def tld(self, name: str, at: datetime) -> Told[bool]:
        """Whether the top-level domain of ``name`` is approved."""
        if not self.tlds:
            return not_told("the list has no tlds", "名单中没有顶级域名（tlds）")
        labels = domain_key(name).split(".")
        ends = {".".join(labels[start:]) for start in range(1, len(labels))}
        return Told(bool(ends & self.tlds), source=self.source(at))

    def registrar(self, name: str, at: datetime) -> Told[bool]:
        """Whether a registrar is approved, by any of its names."""
        if not self.registrars:
            return not_told("the list has no registrars", "名单中没有注册服务机构（registrars）")
        key = registrar_key(name)
        if key in self.registrars:
            return Told(True, source=self.source(at))
        if any(_chinese(one) == _chinese(key) for one in self.registrars):
            return Told(False, source=self.source(at))
        return not_told(
            f"the list has no names in the script of {printable(name)}; add them under also",
            f"名单中没有与 {printable(name)} 同一文字的名称，请在 also 中补充",
        )


def registrar_key(name: str) -> str:
    """A registrar's name as it is compared: NFKC, letters and digits of one case."""
    folded = unicodedata.normalize("NFKC", name).casefold()
    return "".join(character for character in folded if character.isalnum())


def _chinese(key: str) -> bool:
    return any("\u4e00" <= character <= "\u9fff" for character in key)


def _tld(value: object) -> object:
    text = domain_key(value.strip().lstrip(".")) if isinstance(value, str) else ""
    if not text or not all(text.split(".")) or not text.replace("-", "").replace(".", "").isalnum():
        raise wrong("must be a top-level domain, as cn or 公益", "应为顶级域名，例如 cn、公益")
    return text


def _day(value: object) -> object:
    """A date, as YAML reads it."""
    if type(value) is not date:
        raise wrong("write a date as 2026-10-01", "日期应写作 2026-10-01")
    return value


def _named(value: object) -> object:
    return {"name": value} if isinstance(value, str) else value


def _server(value: object) -> object:
    parts = urlsplit(value) if isinstance(value, str) else None
    if parts is None or parts.scheme != "https" or not parts.hostname:
        raise wrong("must be an https URL", "应为 https 网址")
    return value


class _Registrar(ConfigModel):
    name: Text
    also: tuple[Text, ...] = ()


class _Lists(ConfigModel):
    made: Annotated[date, BeforeValidator(_day)] = Field(alias="date")
    tlds: tuple[Annotated[str, BeforeValidator(_tld)], ...] = ()
    registrars: tuple[Annotated[_Registrar, BeforeValidator(_named)], ...] = ()
    rdap: dict[Text, Annotated[str, BeforeValidator(_server)]] = Field(default_factory=dict)


def read_lists(path: Path) -> ApprovedLists:
    """The lists of a file.

    Raises:
        PolicyError: it cannot be read, or a key is missing, unknown or wrong; it is named.
    """
    return parse_lists(read_text(path, "the approved lists", "批复名单文件"), source=str(path))


def parse_lists(text: str, *, source: str) -> ApprovedLists:
    """Lists from YAML text.

    Raises:
        PolicyError: the text is not YAML, or a key is missing, unknown or wrong; it is named.
    """
    given = checked(_Lists, read_mapping(text, source), source, docs=DOCS)
    return ApprovedLists(
        made=given.made,
        tlds=frozenset(given.tlds),
        registrars=frozenset(_keys(given.registrars)),
        rdap={domain_key(tld.lstrip(".")): url for tld, url in given.rdap.items()},
    )


def _keys(registrars: Iterable[_Registrar]) -> Iterable[str]:
    for one in registrars:
        for name in (one.name, *one.also):
            yield registrar_key(name)
