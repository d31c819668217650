"""Bureaus' notices about shell filings (空壳), as an operator writes them down."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Annotated, Final

from pydantic import BeforeValidator, Field, StrictInt, model_validator

from gatekeeper.filing import LicenceError, ShellNotice, find_province, parse_licence
from gatekeeper.policy import ConfigModel, Text, checked, read_mapping, wrong
from gatekeeper.sources.year_file import Day
from gatekeeper.textfile import read_text

DOCS: Final = "docs/public.md"
_LARGEST: Final = 1_000_000
"""Bytes of a file; a notice of 1,000 filings takes 40,000."""
_LONGEST: Final = 3660


def _province(value: object) -> object:
    if isinstance(value, str) and find_province(value) is not None:
        return value
    raise wrong("must be a province, as 宁夏 or Ningxia", "应为省份，例如 宁夏")


class _Notice(ConfigModel):
    """One notice."""

    province: Annotated[str, BeforeValidator(_province)]
    published: Day
    days: StrictInt | None = Field(None, ge=1, le=_LONGEST)
    until: Day | None = None
    filings: tuple[Text, ...] = ()
    reference: Text | None = None

    @model_validator(mode="after")
    def _one_end(self) -> _Notice:
        if (self.days is None) == (self.until is None):
            raise wrong("write either days or until", "days 与 until 须填写其一")
        if self.until is not None and self.until < self.published:
            raise wrong("until lies before published", "until 早于 published")
        return self


class _Notices(ConfigModel):
    notices: tuple[_Notice, ...]


def read_shell_notices(path: Path) -> tuple[ShellNotice, ...]:
    """The notices of one file.

    Raises:
        PolicyError: it cannot be read, or a key is missing, unknown or wrong; it is named.
    """
    text = read_text(path, "the bureaus' notices", "管局公告文件", largest=_LARGEST)
    return parse_shell_notices(text, source=str(path))


def parse_shell_notices(text: str, *, source: str) -> tuple[ShellNotice, ...]:
    """Notices from YAML text.

    Raises:
        PolicyError: the text is not YAML, or a key is missing, unknown or wrong; it is named.
    """
    given = checked(_Notices, read_mapping(text, source), source, docs=DOCS)
    return tuple(_notice(one) for one in given.notices)


def _notice(given: _Notice) -> ShellNotice:
    province = find_province(given.province)
    assert province is not None
    until = given.until or given.published + timedelta(days=given.days or 0)
    return ShellNotice(
        province=province,
        published=given.published,
        until=until,
        filings=frozenset(map(_key, given.filings)),
        reference=given.reference or "",
    )


def _key(text: str) -> str:
    """A filing's id, or a number in canonical form."""
    try:
        return parse_licence(text).canonical
    except LicenceError:
        return text.strip()
