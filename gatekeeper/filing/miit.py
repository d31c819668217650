"""What MIIT's public query shows: rows, the answers that hold them, and how two texts are equal.

The query is not documented.  Its shapes are known from answers that people kept: an envelope
(``code``, ``msg``, ``success``, ``params``) with a page of rows, one row for each domain of a
website and one for each APP.  A row names neither the access provider nor an address, so it proves
that something is filed and never that it may be served from here.
"""

from __future__ import annotations

import unicodedata
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Final, NamedTuple

from gatekeeper.filing.licence import LicenceError, parse_licence
from gatekeeper.filing.row import Where

_NAMED: Final = 10
"""How many missing pages one gap names."""

_BRACKETS: Final = str.maketrans("[{<〔【〈《「『〖⟨❲", "(" * 12) | str.maketrans(
    "]}>〕】〉》」』〗⟩❳", ")" * 12
)


class Dated(StrEnum):
    """Where the time of an answer comes from."""

    FILE = "file"
    """The file says when it was asked."""
    GIVEN = "at"
    """The operator said so."""
    ASSUMED = "now"
    """Nobody said so: taken for new, which must not lift a restriction."""


class MiitRow(NamedTuple):
    """One row of an answer; empty text where it says nothing.

    MIIT's numeric ids are left out: tools damage them (float64), and nothing here needs them.
    """

    unit_name: str = ""
    """主办单位."""
    main_licence: str = ""
    service_licence: str = ""
    domain: str = ""
    """A website's; one row for each."""
    service_name: str = ""
    """An APP's; websites had one until about 2021."""
    restricted: bool | None = None
    """``limitAccess``: 是, 否, or not told (rows of APPs have no such field)."""
    approved_at: datetime | None = None
    """``updateRecordTime``: the last approval, not the first."""


class Gap(NamedTuple):
    """Something that MIIT was asked and that an export does not tell."""

    where: Where
    reason: str
    reason_zh: str


@dataclass(frozen=True, slots=True, kw_only=True)
class MiitAnswer:
    """One page of rows."""

    where: Where
    at: datetime
    """When MIIT was asked."""
    dated: Dated
    rows: tuple[MiitRow, ...]
    counted: bool = True
    """Whether it says how many rows and pages there are; loose rows do not."""
    total: int = 0
    pages: int = 0
    page: int = 0
    page_size: int = 0
    more: bool = False
    """``hasNextPage``."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MiitExport:
    """One file of answers."""

    file: str
    answers: tuple[MiitAnswer, ...]
    gaps: tuple[Gap, ...] = ()
    """Error answers, and rows that say nothing."""


def page_gaps(answers: Iterable[MiitAnswer]) -> tuple[Gap, ...]:
    """Pages and rows that are missing, over all answers given.

    An answer does not repeat its question, so pages belong together where their totals are equal;
    of two such questions each page must be there twice.  The same page kept twice counts once.
    """
    questions: dict[tuple[int, int, int], list[MiitAnswer]] = defaultdict(list)
    seen: set[tuple[int, int, int, int, frozenset[MiitRow]]] = set()
    for answer in answers:
        content = (answer.total, answer.pages, answer.page_size, answer.page)
        if answer.counted and (*content, frozenset(answer.rows)) not in seen:
            seen.add((*content, frozenset(answer.rows)))
            questions[content[:3]].append(answer)
    return tuple(gap for pages in questions.values() for gap in _missing(pages))


def _missing(answers: list[MiitAnswer]) -> Iterator[Gap]:
    first = answers[0]
    if first.pages <= 1:
        for answer in answers:
            if answer.more or answer.page > 1 or len(answer.rows) != answer.total:
                yield _short(answer.where, answer.total, len(answer.rows))
        return
    for answer in answers:
        if not 1 <= answer.page <= answer.pages:
            yield Gap(
                answer.where,
                f"is page {answer.page} of {answer.pages}",
                f"页码 {answer.page} 超出总页数 {answer.pages}",
            )
    counts = Counter(answer.page for answer in answers)
    times = max(counts.values())
    # Never one step for each page that a file claims: the number is whatever somebody wrote.
    wanted = range(1, min(first.pages, len(counts) + _NAMED) + 1)
    absent = [page for page in wanted if counts[page] < times]
    if absent:
        named = ", ".join(map(str, absent[:_NAMED]))
        yield Gap(
            first.where,
            f"page {named} of {first.pages} is missing ({first.total} rows in all)",
            f"缺少第 {named} 页（共 {first.pages} 页，{first.total} 条）",
        )
        return
    rows = sum(len(answer.rows) for answer in answers)
    if rows != first.total * times:
        yield _short(first.where, first.total * times, rows)


def _short(where: Where, total: int, rows: int) -> Gap:
    return Gap(
        where,
        f"says {total} rows in all, and has {rows}",
        f"应有 {total} 条记录，实有 {rows} 条",
    )


def holder_key(name: str) -> str:
    """A unit's name as it is compared: NFKC, one kind of bracket, no white space, one case."""
    folded = unicodedata.normalize("NFKC", name).translate(_BRACKETS).casefold()
    return "".join(
        character
        for character in unicodedata.normalize("NFKC", folded).translate(_BRACKETS)
        if not character.isspace() and unicodedata.category(character) != "Cf"
    )


def number_key(text: str) -> str:
    """A filing number as it is compared; one that has no known shape stands for itself."""
    try:
        return parse_licence(text).canonical
    except LicenceError:
        return "".join(unicodedata.normalize("NFKC", text).split()).upper()


def subject_key(text: str) -> str:
    """The entity's part of a number; empty where it has no known shape."""
    try:
        return parse_licence(text).subject
    except LicenceError:
        return ""


def domain_key(name: str) -> str:
    """A domain as it is compared: lower case, in ASCII, without the root's dot."""
    plain = unicodedata.normalize("NFKC", name).strip().lower().rstrip(".")
    try:
        return plain.encode("idna").decode("ascii")
    except UnicodeError:
        return plain
