"""The register against MIIT's public query (RULES: ``after-lookup``).

=========================  ======================================================
MIIT shows                 what follows for a filing
=========================  ======================================================
its number, all the same   equal
its number, another unit   ``other-holder``
its number, without one    ``domain-not-found``; under another number
of its domains             ``domain-other-number``
its number, with a domain  ``domain-not-in-register``
that the register lacks
not its number, but its    ``other-number``
domain or APP, same unit
neither                    ``not-found``
限制接入, none recorded    ``restricted``
否, one is recorded        ``restriction-lifted``
=========================  ======================================================

What an answer cannot tell is a doubt, never a difference: nothing follows from an absence while a
page is missing, or from an export that is older than what it is compared with.  And nothing here
puts a filing in effect: MIIT knows no access provider.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Final, NamedTuple

from gatekeeper.filing.miit import (
    Dated,
    Gap,
    MiitExport,
    MiitRow,
    domain_key,
    holder_key,
    number_key,
    page_gaps,
    subject_key,
)
from gatekeeper.filing.model import Filing, FilingState, Order, OrderKind, ServiceType

LOOKUP_RULE: Final = "after-lookup"


class Outcome(StrEnum):
    """What a comparison ends with."""

    EQUAL = "equal"
    DIFFERENT = "different"
    UNKNOWN = "unknown"


class Difference(StrEnum):
    """How MIIT and the register differ."""

    NOT_FOUND = "not-found"
    OTHER_HOLDER = "other-holder"
    OTHER_NUMBER = "other-number"
    DOMAIN_OTHER_NUMBER = "domain-other-number"
    DOMAIN_NOT_FOUND = "domain-not-found"
    DOMAIN_NOT_IN_REGISTER = "domain-not-in-register"
    RESTRICTED = "restricted"
    RESTRICTION_LIFTED = "restriction-lifted"


class Doubt(StrEnum):
    """Why something cannot be told."""

    INCOMPLETE = "incomplete"
    """Not seen, and not everything was."""
    OLDER_THAN_FILING = "older-than-filing"
    """MIIT was asked before the filing's present content was approved."""
    OLDER_THAN_ORDER = "older-than-order"
    """MIIT was asked before the restriction was recorded, or lifted."""
    HOLDER_NOT_TOLD = "holder-not-told"
    ACCESS_NOT_TOLD = "access-not-told"


class Point(NamedTuple):
    """One difference or doubt, with what the register says and what MIIT shows."""

    code: Difference | Doubt
    register: str = ""
    miit: str = ""
    domain: str = ""


class Shown(NamedTuple):
    """A row with the answer that it comes from."""

    row: MiitRow
    at: datetime
    dated: Dated
    file: str
    line: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Verified:
    """One filing, compared."""

    filing: Filing
    outcome: Outcome
    differences: tuple[Point, ...]
    doubts: tuple[Point, ...]
    restricted: bool | None
    """What MIIT shows of it; ``None`` where it does not say."""
    decisive: Shown | None
    """The row that says so: the newest 是, or the oldest 否."""
    rows: tuple[Shown, ...]


class Restriction(NamedTuple):
    """A restriction to record (``place``) or to lift, as an operator may."""

    filing_id: str
    place: bool
    decisive: Shown


@dataclass(frozen=True, slots=True, kw_only=True)
class Verification:
    """The whole comparison."""

    exports: tuple[MiitExport, ...]
    filings: tuple[Verified, ...]
    gaps: tuple[Gap, ...]
    unmatched: int
    """Rows that belong to no filing of the register; others may file elsewhere, so no fault."""

    @property
    def outcome(self) -> Outcome:
        """Unknown wins over different: something was not told, or there was nothing to compare."""
        found = {one.outcome for one in self.filings}
        if self.gaps or not found or Outcome.UNKNOWN in found:
            return Outcome.UNKNOWN
        return Outcome.DIFFERENT if Outcome.DIFFERENT in found else Outcome.EQUAL

    def restrictions(self) -> tuple[tuple[Restriction, ...], tuple[Restriction, ...]]:
        """What an operator may record, and what is withheld.

        A restriction closes, so it may always be recorded.  Lifting one opens: only where nothing
        else is wrong with the filing, nothing that was asked is missing, and somebody said when
        MIIT was asked.
        """
        may: list[Restriction] = []
        withheld: list[Restriction] = []
        for one in self.filings:
            codes = {point.code for point in one.differences}
            if one.decisive is None:
                continue
            if Difference.RESTRICTED in codes:
                may.append(Restriction(one.filing.filing_id, True, one.decisive))
            elif Difference.RESTRICTION_LIFTED in codes:
                step = Restriction(one.filing.filing_id, False, one.decisive)
                sure = (
                    codes <= {Difference.RESTRICTION_LIFTED, Difference.DOMAIN_NOT_IN_REGISTER}
                    and not one.doubts
                    and not self.gaps
                    and all(shown.dated is not Dated.ASSUMED for shown in one.rows)
                )
                (may if sure else withheld).append(step)
        return tuple(may), tuple(withheld)


def verify(
    filings: Iterable[Filing],
    orders: Iterable[Order],
    exports: Sequence[MiitExport],
    *,
    lifted: Callable[[str], datetime | None],
) -> Verification:
    """Compare every filing that has not ended with what the exports show.

    Args:
        filings: as folded; ended ones are passed over, MIIT may show them for a while.
        orders: those that stand.
        exports: in any order; for a domain, and for an APP's number, the newest answer counts.
        lifted: when the last restriction of a filing was lifted, if ever.
    """
    answers = [answer for export in exports for answer in export.answers]
    gaps = (*(gap for export in exports for gap in export.gaps), *page_gaps(answers))
    index = _Index(exports)
    scope = _Scope(
        index=index,
        complete=not gaps and bool(answers) and all(answer.counted for answer in answers),
        newest=max((answer.at for answer in answers), default=None),
        standing={o.filing_id: o for o in orders if o.kind is OrderKind.RESTRICTION},
        lifted=lifted,
    )
    verified = tuple(
        _verify(filing, scope) for filing in filings if filing.state is not FilingState.ENDED
    )
    used = {id(shown) for one in verified for shown in one.rows}
    return Verification(
        exports=tuple(exports),
        filings=verified,
        gaps=gaps,
        unmatched=sum(id(shown) not in used for shown in index.shown),
    )


class _Index:
    """The newest rows, by number, by domain and by unit and name."""

    def __init__(self, exports: Iterable[MiitExport]) -> None:
        newest: dict[str, tuple[datetime, dict[MiitRow, Shown]]] = {}
        for export in exports:
            for answer in export.answers:
                for row in answer.rows:
                    key = domain_key(row.domain) or f"/{number_key(row.service_licence)}"
                    shown = Shown(row, answer.at, answer.dated, export.file, answer.where.line)
                    known = newest.get(key)
                    if known is None or answer.at > known[0]:
                        newest[key] = (answer.at, {row: shown})
                    elif answer.at == known[0]:
                        known[1].setdefault(row, shown)
        self.shown = [shown for _, rows in newest.values() for shown in rows.values()]
        self.by_number: dict[str, list[Shown]] = defaultdict(list)
        self.by_domain: dict[str, list[Shown]] = defaultdict(list)
        self.by_name: dict[tuple[str, str], list[Shown]] = defaultdict(list)
        for shown in self.shown:
            row = shown.row
            self.by_number[number_key(row.service_licence)].append(shown)
            if row.domain:
                self.by_domain[domain_key(row.domain)].append(shown)
            elif row.service_name:
                self.by_name[holder_key(row.unit_name), holder_key(row.service_name)].append(shown)

    def of_domain(self, key: str) -> list[Shown]:
        """Rows of a domain, else of the nearest domain above it: a filed one covers those below."""
        return next((self.by_domain[up] for up in _upwards(key) if up in self.by_domain), [])


@dataclass(frozen=True, slots=True, kw_only=True)
class _Scope:
    index: _Index
    complete: bool
    newest: datetime | None
    standing: dict[str, Order]
    lifted: Callable[[str], datetime | None]


@dataclass(slots=True)
class _Points:
    """Differences and doubts of one filing, each once."""

    filing: Filing
    scope: _Scope
    differences: dict[Point, None] = field(default_factory=dict)
    doubts: dict[Point, None] = field(default_factory=dict)

    def absent(self, point: Point) -> None:
        """Something was not seen: a difference only where everything was."""
        newest = self.scope.newest
        if not self.scope.complete or newest is None:
            self.doubts[point._replace(code=Doubt.INCOMPLETE)] = None
        else:
            self.seen(point, newest)

    def seen(self, point: Point, at: datetime) -> None:
        """Something else was seen at ``at``: a difference unless that was before the approval."""
        if at < self.filing.since:
            self.doubts[point._replace(code=Doubt.OLDER_THAN_FILING)] = None
        else:
            self.differences[point] = None


def _verify(filing: Filing, scope: _Scope) -> Verified:
    points = _Points(filing, scope)
    own = _own(filing, scope.index)
    if own:
        _holder(points, own)
        others = _domains(points, own)
    else:
        others = _elsewhere(points)
    mine = holder_key(filing.entity.name)
    telling = own + [shown for shown in others if holder_key(shown.row.unit_name) == mine]
    restricted, decisive = _restriction(points, own, telling)
    if points.doubts:
        outcome = Outcome.UNKNOWN
    else:
        outcome = Outcome.DIFFERENT if points.differences else Outcome.EQUAL
    rows = {id(shown): shown for shown in own + others}
    return Verified(
        filing=filing,
        outcome=outcome,
        differences=tuple(points.differences),
        doubts=tuple(points.doubts),
        restricted=restricted,
        decisive=decisive,
        rows=tuple(rows.values()),
    )


def _own(filing: Filing, index: _Index) -> list[Shown]:
    if not filing.service.licence.strip():
        return []
    return list(index.by_number.get(number_key(filing.service.licence), ()))


def _holder(points: _Points, own: list[Shown]) -> None:
    entity = points.filing.entity
    subject = subject_key(entity.licence)
    for shown in own:
        row = shown.row
        if not row.unit_name:
            points.doubts[Point(Doubt.HOLDER_NOT_TOLD, entity.name)] = None
        elif holder_key(row.unit_name) != holder_key(entity.name):
            point = Point(Difference.OTHER_HOLDER, entity.name, row.unit_name)
            points.seen(point, shown.at)
        main = subject_key(row.main_licence)
        if subject and main and main != subject:
            points.seen(Point(Difference.OTHER_NUMBER, subject, main), shown.at)


def _domains(points: _Points, own: list[Shown]) -> list[Shown]:
    """Compare the domains; gives the rows under other numbers that were met."""
    licence = points.filing.service.licence
    listed = {domain_key(s.row.domain): s for s in own if s.row.domain}
    filed = {domain_key(name): name for name in points.filing.service.domains}
    others: list[Shown] = []
    if not listed or not filed:
        return others
    for key, name in filed.items():
        if any(above in listed for above in _upwards(key)):
            continue
        elsewhere = points.scope.index.of_domain(key)
        others += elsewhere
        for shown in elsewhere:
            number = shown.row.service_licence
            points.seen(Point(Difference.DOMAIN_OTHER_NUMBER, licence, number, name), shown.at)
        if not elsewhere:
            points.absent(Point(Difference.DOMAIN_NOT_FOUND, licence, "", name))
    reached = {above for key in filed for above in _upwards(key)}
    for key, shown in listed.items():
        if key not in reached:
            domain = shown.row.domain
            points.seen(Point(Difference.DOMAIN_NOT_IN_REGISTER, "", domain, domain), shown.at)
    return others


def _elsewhere(points: _Points) -> list[Shown]:
    """Look for the domains or the APP under other numbers."""
    filing, index = points.filing, points.scope.index
    entity, service = filing.entity, filing.service
    mine = holder_key(entity.name)
    found: list[Shown] = []
    moved = False
    for name in service.domains:
        for shown in index.of_domain(domain_key(name)):
            found.append(shown)
            same = holder_key(shown.row.unit_name) == mine
            moved = moved or same
            code = Difference.OTHER_NUMBER if same else Difference.DOMAIN_OTHER_NUMBER
            points.seen(Point(code, service.licence, shown.row.service_licence, name), shown.at)
    if service.type is not ServiceType.WEBSITE and service.name:
        for shown in index.by_name.get((mine, holder_key(service.name)), ()):
            found.append(shown)
            moved = True
            point = Point(Difference.OTHER_NUMBER, service.licence, shown.row.service_licence)
            points.seen(point, shown.at)
    if not moved:
        points.absent(Point(Difference.NOT_FOUND, service.licence))
    return found


def _restriction(
    points: _Points, own: list[Shown], telling: list[Shown]
) -> tuple[bool | None, Shown | None]:
    """What MIIT shows of the access, and the row that says so; compared with the orders."""
    filing = points.filing
    order = points.scope.standing.get(filing.filing_id)
    denied = [shown for shown in telling if shown.row.restricted]
    if denied:
        decisive = max(denied, key=lambda shown: shown.at)
        lifted = points.scope.lifted(filing.filing_id) if order is None else None
        if lifted is not None and decisive.at <= lifted:
            points.doubts[Point(Doubt.OLDER_THAN_ORDER, "", "是")] = None
        elif order is None:
            points.differences[Point(Difference.RESTRICTED, "", "是")] = None
        return True, decisive
    if own and all(shown.row.restricted is False for shown in telling):
        decisive = min(telling, key=lambda shown: shown.at)
        if order is not None and decisive.at <= order.at:
            points.doubts[Point(Doubt.OLDER_THAN_ORDER, "是", "否")] = None
        elif order is not None:
            points.differences[Point(Difference.RESTRICTION_LIFTED, "是", "否")] = None
        return False, decisive
    # Rows of APPs have no such field; where one stands recorded, that is not enough to lift it.
    if own and (order is not None or any(shown.row.domain for shown in own)):
        points.doubts[Point(Doubt.ACCESS_NOT_TOLD, "是" if order else "")] = None
    return None, None


def _upwards(key: str) -> Iterator[str]:
    """A domain and those above it, but no top-level one."""
    yield key
    while "." in (key := key.partition(".")[2]):
        yield key
