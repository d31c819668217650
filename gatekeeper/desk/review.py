"""A record with everything that is known about it, ready to be judged.

The record's own answers count until the store has newer ones; the other records of the file, the
register's applications and its filings stand around it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING

from gatekeeper.collector import uncollected
from gatekeeper.errors import FilingError
from gatekeeper.filing import Application, Holidays, Register, provider_name, remembered
from gatekeeper.filing.review import (
    Answer,
    AnswerWord,
    Case,
    Dossier,
    Facts,
    Peer,
    ProviderRules,
    Review,
    Surroundings,
    read_dossier,
    review,
)
from gatekeeper.sources import application_to_json

if TYPE_CHECKING:
    from gatekeeper.store import Store, StoredAnswer


def _no_facts(_: Dossier) -> Facts | None:
    return None


@dataclass(frozen=True, kw_only=True)
class Desk:
    """What every review of one run shares."""

    providers: Mapping[str, ProviderRules]
    at: datetime
    surroundings: Surroundings
    answers: Mapping[str, Mapping[str, StoredAnswer]] = field(default_factory=dict)
    """By application and rule."""
    facts: Callable[[Dossier], Facts | None] = _no_facts
    holidays: Holidays = field(default_factory=Holidays)

    def case(self, dossier: Dossier) -> Case:
        """The case that a record makes.

        Raises:
            FilingError: nobody knows the provider's rules.
        """
        return Case(
            record=dossier,
            provider=provider_of(dossier, self.providers),
            at=self.at,
            surroundings=self.surroundings,
            facts=self.facts(dossier),
            answers=_answers(dossier, self.answers.get(dossier.application_id, {})),
            holidays=self.holidays,
        )

    def reviews(self, dossiers: Iterable[Dossier]) -> Iterator[Review]:
        """Each record judged, in their order."""
        with uncollected():
            for dossier in dossiers:
                yield review(self.case(dossier))


def provider_of(dossier: Dossier, providers: Mapping[str, ProviderRules]) -> ProviderRules:
    """The rules that a record is judged by; NWCD's where it names no provider.

    Raises:
        FilingError: nobody knows the provider's rules.
    """
    found = providers.get(provider_name(dossier.provider))
    if found is None:
        known = ", ".join(providers)
        what = dossier.application_id or "-"
        raise FilingError(
            f"{what}: provider: no rules of {dossier.provider!r}; known are {known}; give the "
            "provider's with --rules FILE",
            zh=f"{what}：provider：没有接入商 {dossier.provider!r} 的规则，已知的有 {known}；"
            "可用 --rules 指定规则文件",
        )
    return found


def surroundings(
    dossiers: Sequence[Dossier], applications: Iterable[Application], register: Register | None
) -> Surroundings:
    """What stands around records: themselves first, then what the register has beside them."""
    mine, known = [Peer.of(one) for one in dossiers], list(applications)
    return Surroundings.of([*mine, *map(Peer.of_application, known)], register, known)


def dossier_of(application: Application) -> Dossier:
    """A stored application as the review reads it.

    Raises:
        FilingError: what the store keeps for the review is not of its kind.
    """
    found = read_dossier(remembered(application_to_json(application)))
    if isinstance(found, Dossier):
        return found
    first, name = found[0], application.application_id
    raise FilingError(
        f"{name}: {first.path}: {first.reason}; correct the record and import it again",
        zh=f"{name}：{first.path}：{first.reason_zh}；请更正记录后重新导入",
    )


def stored_dossiers(store: Store, application_ids: Iterable[str]) -> dict[str, Dossier]:
    """The named applications that the store has, as the review reads them."""
    return {
        name: dossier_of(stored.application)
        for name, stored in store.stored(application_ids).items()
    }


def _answers(dossier: Dossier, stored: Mapping[str, StoredAnswer]) -> dict[str, Answer]:
    """The record's answers, and the store's where it has newer ones."""
    found = dict(dossier.answers)
    for rule, given in stored.items():
        own = dossier.answers.get(rule)
        if own is None or own.answer is None or own.at is None or own.at <= given.at:
            word = AnswerWord.YES if given.yes else AnswerWord.NO
            found[rule] = Answer(answer=word, by=given.by, at=given.at)
    return found
