"""What a rule is, and what a review says."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from types import MappingProxyType
from typing import TYPE_CHECKING, Final, NamedTuple

from gatekeeper.filing.model import Kind
from gatekeeper.filing.review.words import ServiceKind

if TYPE_CHECKING:
    from gatekeeper.filing.review.case import Case


class Verdict(StrEnum):
    """What a rule says of one application, worst first."""

    FAIL = "fail"
    UNKNOWN = "unknown"
    """It cannot be decided: a field is missing, or a live fact was not read."""
    ASK = "ask"
    """A person must say."""
    WARN = "warn"
    PASS = "pass"  # noqa: S105 (a verdict)
    NOT_APPLICABLE = "not_applicable"

    @property
    def rank(self) -> int:
        """0 is the worst."""
        return RANKS[self]


RANKS: Final[Mapping[Verdict, int]] = {verdict: rank for rank, verdict in enumerate(Verdict)}


class How(StrEnum):
    """How a rule is decided (RULES.md)."""

    AUTO = "auto"
    LIVE = "live"
    ASK = "ask"


class Area(StrEnum):
    """What a rule is about; each has a page of the documentation."""

    WHO = "who"
    PORTAL = "portal"
    DOMAIN = "domain"
    ENTITY = "entity"
    SERVICE = "service"
    ACCESS = "access"
    FILES = "files"
    STEPS = "steps"
    CHANGES = "changes"
    AFTER = "after"


class Level(StrEnum):
    """What a breach of a rule counts as; a provider's file may say otherwise."""

    FAIL = "fail"
    WARN = "warn"
    OFF = "off"


class Note(NamedTuple):
    """One thing that a rule has to say; ``field`` is a path into the record, or empty."""

    verdict: Verdict
    field: str
    message: str
    message_zh: str


def fail(field: str, message: str, zh: str) -> Note:
    """The rule is broken."""
    return Note(Verdict.FAIL, field, message, zh)


def warn(field: str, message: str, zh: str) -> Note:
    """Advice, whatever the rule's level."""
    return Note(Verdict.WARN, field, message, zh)


def unknown(field: str, message: str, zh: str) -> Note:
    """It cannot be decided, and why."""
    return Note(Verdict.UNKNOWN, field, message, zh)


def missing(field: str) -> Note:
    """It cannot be decided: the record lacks a field."""
    return Note(Verdict.UNKNOWN, field, f"{field} is missing", f"缺少 {field}")


def ask(field: str, question: str, zh: str) -> Note:
    """A person must say; ``yes`` means that the rule's sentence holds."""
    return Note(Verdict.ASK, field, question, zh)


def not_here(message: str, zh: str) -> Note:
    """The rule does not concern this application."""
    return Note(Verdict.NOT_APPLICABLE, "", message, zh)


def fine(field: str, message: str, zh: str) -> Note:
    """The rule holds, with something to say about it."""
    return Note(Verdict.PASS, field, message, zh)


Check = Callable[["Case"], Iterable[Note]]

CREATING: Final = frozenset({Kind.NEW, Kind.TRANSFER_IN})
"""Orders that bring a filing here."""
WITH_CONTENT: Final = CREATING | {Kind.CHANGE}
"""Orders that carry the whole record."""
WITH_ACCESS: Final = WITH_CONTENT | {Kind.CHANGE_IP}
ENDING: Final = frozenset(kind for kind in Kind if kind.ends)
EVERY_KIND: Final = frozenset(Kind)

WEBSITE: Final = frozenset({ServiceKind.WEBSITE})
APP: Final = frozenset({ServiceKind.APP})


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Rule:
    """One rule of the guides."""

    id: str
    area: Area
    how: How
    source: str
    """Guides and sections, as ``A4 W3 E4`` (see ``GUIDES``)."""
    text: str
    """What must hold, as a sentence; of an *ask*, what ``yes`` confirms."""
    text_zh: str
    remedy: str
    remedy_zh: str
    check: Check
    level: Level = Level.FAIL
    kinds: frozenset[Kind] = WITH_CONTENT
    services: frozenset[ServiceKind] = frozenset()
    """Empty for every kind of service."""
    asks: bool = False
    """Whether it may ask a person although it is decided otherwise as a rule."""

    @property
    def answerable(self) -> bool:
        """Whether a person may answer it."""
        return self.asks or self.how is How.ASK

    @property
    def sources(self) -> str:
        """Guides and sections in full."""
        return _sources(self.source)


class Guide(NamedTuple):
    """A guide that the rules come from."""

    name: str
    name_zh: str


@cache
def _sources(source: str) -> str:
    return "; ".join(
        f"{GUIDES[word[0]].name} {_section(word[1:])}".rstrip() for word in source.split()
    )


def _section(text: str) -> str:
    """``7.1(1)`` or ``app1``; empty for a guide without sections."""
    if text.startswith("app"):
        return f"appendix {text[3:]}"
    return f"§{text}" if text else ""


GUIDES: Final[Mapping[str, Guide]] = MappingProxyType(
    {
        "A": Guide("NWCD APP guide", "西云数据 APP 备案指导流程"),
        "W": Guide("NWCD website guide", "西云数据网站备案指导流程"),
        "E": Guide("NWCD APP guide (English)", "西云数据 APP 备案指导流程（英文版）"),
        "F": Guide("APP filing FAQ", "APP 备案常见问题解答"),
        "V": Guide("21Vianet APP manual", "世纪互联 APP 备案操作指导"),
    }
)
"""The guides by the letter that a rule's source begins with."""


class Result(NamedTuple):
    """What one rule says, of one field."""

    rule: str
    verdict: Verdict
    field: str
    message: str
    message_zh: str
    remedy: str
    remedy_zh: str
    source: str


class Material(NamedTuple):
    """One paper or picture of the checklist."""

    kind: str
    needed: bool
    present: bool
    why: str
    why_zh: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Review:
    """One application, judged by every rule."""

    application_id: str
    filing_id: str
    provider: str
    results: tuple[Result, ...]
    """Worst first, then in the order in which a customer mends them."""
    checklist: tuple[Material, ...]

    @property
    def verdict(self) -> Verdict:
        """FAIL where a rule is broken, ASK where something is not decided, else PASS."""
        found = {result.verdict for result in self.results}
        if Verdict.FAIL in found:
            return Verdict.FAIL
        return Verdict.ASK if found & {Verdict.ASK, Verdict.UNKNOWN} else Verdict.PASS

    def of(self, verdict: Verdict) -> tuple[Result, ...]:
        """The results with one verdict."""
        return tuple(result for result in self.results if result.verdict is verdict)
