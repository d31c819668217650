"""One application judged by every rule."""

from __future__ import annotations

from functools import cache, lru_cache
from itertools import chain
from typing import Final, NamedTuple

from gatekeeper.filing.model import Kind
from gatekeeper.filing.review.case import Case
from gatekeeper.filing.review.checklist import checklist
from gatekeeper.filing.review.model import (
    RANKS,
    Level,
    Note,
    Result,
    Review,
    Rule,
    Verdict,
    missing,
)
from gatekeeper.filing.review.provider import ProviderRules
from gatekeeper.filing.review.registry import rules
from gatekeeper.filing.review.words import AnswerWord, ServiceKind

_OFF: Final = Note(
    Verdict.NOT_APPLICABLE, "", "the provider's rules leave it out", "该接入商的规则不含此项"
)
_OTHER_KIND: Final = Note(
    Verdict.NOT_APPLICABLE,
    "",
    "does not concern this kind of application",
    "不适用于此类申请",
)
_OTHER_SERVICE: Final = Note(
    Verdict.NOT_APPLICABLE,
    "",
    "does not concern this kind of service",
    "不适用于此类服务",
)


def review(case: Case) -> Review:
    """Judge a case by every rule; nothing is raised for whatever a record says."""
    plan = _plan(case.provider, case.kind, case.service_type)
    by_rank: list[list[Result]] = [[] for _ in Verdict]
    for rule, level in plan.running:
        found = _run(rule, level, case)
        by_rank[RANKS[found[0].verdict]] += found
    by_rank[RANKS[Verdict.UNKNOWN]] += plan.undecided
    by_rank[-1] += plan.resting
    return Review(
        application_id=case.record.application_id,
        filing_id=case.record.filing_id,
        provider=case.provider.provider,
        results=tuple(chain.from_iterable(by_rank)),
        checklist=checklist(case),
    )


def judge(rule: Rule, case: Case) -> tuple[Result, ...]:
    """What one rule says: everything that is as bad as the worst of it, in the record's order."""
    level = case.provider.rules.get(rule.id, rule.level)
    note = _beforehand(rule, level, case.kind, case.service_type)
    return _run(rule, level, case) if note is None else (_result(rule, note),)


class _Plan(NamedTuple):
    """What kind of application it is decides which rules have anything to look at."""

    running: tuple[tuple[Rule, Level], ...]
    undecided: tuple[Result, ...]
    """Whether these concern it is not known."""
    resting: tuple[Result, ...]
    """These do not."""


@lru_cache(maxsize=256)
def _plan(provider: ProviderRules, kind: Kind, service: ServiceKind | None) -> _Plan:
    running: list[tuple[Rule, Level]] = []
    undecided: list[Result] = []
    resting: list[Result] = []
    for rule in rules().values():
        level = provider.rules.get(rule.id, rule.level)
        note = _beforehand(rule, level, kind, service)
        if note is None:
            running.append((rule, level))
        else:
            unclear = note.verdict is Verdict.UNKNOWN
            (undecided if unclear else resting).append(_result(rule, note))
    return _Plan(tuple(running), tuple(undecided), tuple(resting))


def _beforehand(rule: Rule, level: Level, kind: Kind, service: ServiceKind | None) -> Note | None:
    """What is to be said before a rule looks at the record; ``None`` where it must look."""
    if level is Level.OFF:
        return _OFF
    if kind not in rule.kinds:
        return _OTHER_KIND
    if rule.services and service is None:
        return missing("service.type")
    if rule.services and service not in rule.services:
        return _OTHER_SERVICE
    return None


def _run(rule: Rule, level: Level, case: Case) -> tuple[Result, ...]:
    notes = list(rule.check(case))
    if not notes:
        return _holds(rule)
    notes = [
        note if note.verdict in _SETTLED else _settled(rule, note, level, case) for note in notes
    ]
    if len(notes) == 1:
        note = notes[0]
        rests = note.verdict is Verdict.NOT_APPLICABLE
        return _rests(rule, note) if rests else (_result(rule, note),)
    worst = min(RANKS[note.verdict] for note in notes)
    return tuple(
        _result(rule, note) for note in dict.fromkeys(notes) if RANKS[note.verdict] == worst
    )


_SETTLED: Final = frozenset(Verdict) - {Verdict.FAIL, Verdict.ASK}
"""Verdicts that neither a rule's level nor an answer changes."""


@cache
def _holds(rule: Rule) -> tuple[Result, ...]:
    """What a rule says of all that keep it."""
    return (_result(rule, Note(Verdict.PASS, "", rule.text, rule.text_zh)),)


@lru_cache(maxsize=4096)
def _rests(rule: Rule, note: Note) -> tuple[Result, ...]:
    """What a rule says where it does not apply: of very many records the same."""
    return (_result(rule, note),)


def _settled(rule: Rule, note: Note, level: Level, case: Case) -> Note:
    """A breach counts as what the rule's level says; a question may be answered already."""
    found = _answered(rule, note, case) if note.verdict is Verdict.ASK else note
    if found.verdict is Verdict.FAIL and level is Level.WARN:
        return found._replace(verdict=Verdict.WARN)
    return found


def _answered(rule: Rule, note: Note, case: Case) -> Note:
    """A question that somebody answered is a question no more."""
    answer = case.answers.get(rule.id)
    if answer is None or answer.answer is None:
        return note
    by = answer.by or "?"
    if answer.answer is AnswerWord.YES:
        return Note(Verdict.PASS, note.field, f"confirmed by {by}", f"已由 {by} 确认")
    return Note(
        Verdict.FAIL,
        note.field,
        f"{by} says no: {note.message}",
        f"{by} 答“否”：{note.message_zh}",
    )


def _result(rule: Rule, note: Note) -> Result:
    mends = note.verdict not in (Verdict.PASS, Verdict.NOT_APPLICABLE)
    return Result(
        rule.id,
        note.verdict,
        note.field,
        note.message,
        note.message_zh,
        rule.remedy if mends else "",
        rule.remedy_zh if mends else "",
        rule.sources,
    )
