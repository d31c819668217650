"""From applications to the filings in effect (DESIGN §4).

========================  =====================  ==========================================
approved                  filing before          effect
========================  =====================  ==========================================
new, transfer_in          none, or ended         created; UNLICENSED where the licence is bad
new, transfer_in          live                   replaced, ``filing-duplicate``
change, good licence      live                   replaced; the access only if it has addresses
change, bad licence       live                   nothing, licence issue
change_ip                 live                   the whole access replaced
deregister_service,       live                   ended
cancel_access
deregister_entity         live ones of entity    all ended
any but new, transfer_in  none, or ended         nothing, ``application-orphan``
========================  =====================  ==========================================

A filing is live from its first application to its ending, with or without a good licence.  A
``new`` with a bad licence does not count either, so it replaces no filing that has a good one.
"""

from __future__ import annotations

import unicodedata
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import Final, NamedTuple

from gatekeeper.filing.digest import content_digest, register_version
from gatekeeper.filing.licence import Licence, LicenceError, parse_licence
from gatekeeper.filing.model import (
    Access,
    Application,
    Entity,
    Filing,
    FilingIssue,
    FilingState,
    Kind,
    Order,
    OrderKind,
    Register,
    Service,
    ServiceType,
    Status,
)

PENDING: Final = frozenset(
    {
        Status.SUBMITTED,
        Status.RETURNED,
        Status.REPORTED,
        Status.SMS_PENDING,
        Status.BUREAU_REVIEW,
    }
)
"""The statuses of an application under way."""

_NAMED: Final = 5
"""How many of the other filings an issue names: a number on thousands must not cost a square."""

_WITH_BUREAU: Final = frozenset({Status.REPORTED, Status.SMS_PENDING, Status.BUREAU_REVIEW})


def fold(
    applications: Iterable[Application],
    orders: Iterable[Order] = (),
    *,
    at: datetime,
    open_transfer_in: str = "approved",
    version: str = "",
) -> Register:
    """The register as it stands at ``at``.

    Args:
        applications: each at its present status, in any order.
        orders: the orders that stand; every one given counts, whatever its own time.
        at: applications approved later do not count yet.
        open_transfer_in: "reported" lets a ``transfer_in`` count from the moment that it is with
            the bureau; anything else waits for its approval.
        version: the register's version if the caller knows it, else it is computed.
    """
    known = tuple(applications)
    standing = tuple(orders)
    counted = sorted(
        (a for a in known if a.status_at <= at and _counts(a, open_transfer_in)),
        key=lambda a: (a.status_at, a.application_id),
    )
    ledger = _Ledger(by_entity=any(a.kind is Kind.DEREGISTER_ENTITY for a in counted))
    for application in counted:
        ledger.take(application)
    filings, issues = _standing(ledger, standing)
    issues += ledger.issues.values()
    return Register(
        filings=filings,
        pending=tuple(
            sorted((a for a in known if a.status in PENDING), key=lambda a: a.application_id)
        ),
        issues=tuple(sorted(issues, key=lambda i: (i.code, i.filing_id, i.application_id))),
        version=version or register_version(map(content_digest, known), standing),
    )


def same_entity(one: Entity, other: Entity) -> bool:
    """Whether two records mean one entity.

    By certificate number where both have one, else by subject licence where both have one that
    parses, else by exact name.
    """
    if one == other:
        return True
    if one.certificate_number and other.certificate_number:
        mine, theirs = _certificate(one.certificate_number), _certificate(other.certificate_number)
        if mine and theirs:
            return mine == theirs
    if one.licence and other.licence:
        mine, theirs = _subject(one.licence), _subject(other.licence)
        if mine and theirs:
            return mine == theirs
    return one.name == other.name


def entity_keys(entity: Entity) -> dict[str, str]:
    """What an entity can be known by: ``certificate``, ``licence`` and ``name``, or empty."""
    return {
        "certificate": _certificate(entity.certificate_number),
        "licence": _subject(entity.licence),
        "name": entity.name,
    }


class LicenceVerdict(NamedTuple):
    """What a service licence is worth; ``code`` is the finding's, empty where it counts."""

    licence: Licence | None
    code: str = ""
    reason: str = ""
    reason_zh: str = ""
    hint: str = ""


@lru_cache(maxsize=65536)
def judge_service_licence(text: str) -> LicenceVerdict:
    """Whether ``text`` is a service's number that puts a filing in effect (DESIGN §15)."""
    if not text.strip():
        return LicenceVerdict(
            None, "approved-without-licence", "no service licence number", "没有服务备案号"
        )
    try:
        licence = parse_licence(text)
    except LicenceError as error:
        return LicenceVerdict(None, "licence-invalid", error.message, error.text("zh"), error.hint)
    if licence.is_subject:
        return LicenceVerdict(
            licence,
            "licence-invalid",
            "an entity's number without a service sequence such as -1",
            "这是主体备案号，缺少服务序号（如 -1）",
        )
    if licence.suffix in ("X", "K"):
        return LicenceVerdict(
            licence,
            "licence-invalid",
            "a number of a mini-program or fast app, which file through their platform",
            "这是小程序或快应用的备案号，应通过其所属平台备案",
        )
    return LicenceVerdict(licence)


def _counts(application: Application, open_transfer_in: str) -> bool:
    if application.status is Status.APPROVED:
        return True
    return (
        open_transfer_in == "reported"
        and application.kind is Kind.TRANSFER_IN
        and application.status in _WITH_BUREAU
    )


@dataclass(slots=True)
class _Life:
    """A filing while it is being folded."""

    entity: Entity
    service: Service
    access: Access
    application_id: str
    since: datetime
    licence: Licence | None
    """The service's number where it counts."""
    former: tuple[Access, ...] = ()
    ended_by: str = ""
    ended_at: datetime | None = None

    @property
    def live(self) -> bool:
        return self.ended_at is None

    def past(self, now: Access) -> tuple[Access, ...]:
        """Its former accesses once ``now`` replaces the present one."""
        if now == self.access or not self.access.ips:
            return self.former
        return (*(access for access in self.former if access != self.access), self.access)

    def move(self, access: Access) -> None:
        self.former, self.access = self.past(access), access


class _Ledger:
    """Applies counted applications, one after the other."""

    def __init__(self, *, by_entity: bool) -> None:
        self._indexed = by_entity
        self.lives: dict[str, _Life] = {}
        self.issues: dict[tuple[str, str, str], FilingIssue] = {}
        self._by_entity: dict[tuple[str, str], set[str]] = defaultdict(set)
        self._passing: dict[str, list[tuple[str, str, str]]] = defaultdict(list)

    def take(self, application: Application) -> None:
        if application.kind in (Kind.NEW, Kind.TRANSFER_IN):
            self._create(application)
        elif application.kind is Kind.DEREGISTER_ENTITY:
            self._end_entity(application)
        else:
            life = self.lives.get(application.filing_id)
            if life is None or not life.live:
                self._orphan(application, ended_by=life.ended_by if life else "")
            elif application.kind is Kind.CHANGE:
                self._change(life, application)
            elif application.kind is Kind.CHANGE_IP:
                life.move(application.access)
                life.application_id, life.since = application.application_id, application.status_at
            else:
                self._end(application.filing_id, life, application)

    def _create(self, application: Application) -> None:
        filing_id = application.filing_id
        before = self.lives.get(filing_id)
        live = before if before is not None and before.live else None
        verdict = judge_service_licence(application.service.licence)
        if verdict.code and live is not None and live.licence is not None:
            self._bad_licence(application, verdict)
            return
        self._settle(filing_id)
        if live is not None:
            self._issue(
                "filing-duplicate",
                application,
                {"other_application_id": live.application_id, "kind": application.kind},
                passing=True,
            )
        if verdict.code:
            self._bad_licence(application, verdict)
        self.lives[filing_id] = _Life(
            entity=application.entity,
            service=application.service,
            access=application.access,
            application_id=application.application_id,
            since=application.status_at,
            licence=None if verdict.code else verdict.licence,
            former=before.past(application.access) if before is not None else (),
        )
        self._index(filing_id, application.entity)

    def _change(self, life: _Life, application: Application) -> None:
        verdict = judge_service_licence(application.service.licence)
        if verdict.code:
            self._bad_licence(application, verdict)
            return
        self._settle(application.filing_id, keep="filing-duplicate")
        life.entity, life.service = application.entity, application.service
        # An account number that a portal always fills in takes no address away.
        if application.access.ips:
            life.move(application.access)
        life.licence = verdict.licence
        life.application_id, life.since = application.application_id, application.status_at
        self._index(application.filing_id, application.entity)

    def _end(self, filing_id: str, life: _Life, application: Application) -> None:
        life.ended_by, life.ended_at = application.application_id, application.status_at
        self._settle(filing_id)

    def _end_entity(self, application: Application) -> None:
        ended = False
        keys = entity_keys(application.entity)
        candidates = set().union(*(self._by_entity.get(key, ()) for key in keys.items()))
        for filing_id in sorted(candidates):
            life = self.lives[filing_id]
            if life.live and same_entity(life.entity, application.entity):
                self._end(filing_id, life, application)
                ended = True
        if not ended:
            self._orphan(application, ended_by="")

    def _index(self, filing_id: str, entity: Entity) -> None:
        if not self._indexed:
            return
        for key in entity_keys(entity).items():
            if key[1]:
                self._by_entity[key].add(filing_id)

    def _orphan(self, application: Application, *, ended_by: str) -> None:
        detail = {"kind": str(application.kind), "entity": application.entity.name}
        if ended_by:
            detail["ended_by"] = ended_by
        self._issue("application-orphan", application, detail)

    def _bad_licence(self, application: Application, verdict: LicenceVerdict) -> None:
        detail = {
            "licence": application.service.licence,
            "reason": verdict.reason,
            "reason_zh": verdict.reason_zh,
            "hint": verdict.hint,
        }
        self._issue(verdict.code, application, detail, passing=True)

    def _issue(
        self, code: str, application: Application, detail: dict[str, str], *, passing: bool = False
    ) -> None:
        """Note an issue; a ``passing`` one is settled by the filing's next good content or end."""
        key = (code, application.filing_id, application.application_id)
        self.issues[key] = FilingIssue(
            code=code,
            filing_id=application.filing_id,
            application_id=application.application_id,
            account_id=application.access.account_id or self._account(application.filing_id),
            detail=detail,
        )
        if passing:
            self._passing[application.filing_id].append(key)

    def _account(self, filing_id: str) -> str:
        life = self.lives.get(filing_id)
        return life.access.account_id if life is not None else ""

    def _settle(self, filing_id: str, *, keep: str = "") -> None:
        kept = []
        for key in self._passing.pop(filing_id, ()):
            if key[0] == keep:
                kept.append(key)
            else:
                del self.issues[key]
        if kept:
            self._passing[filing_id] = kept


def _standing(
    ledger: _Ledger, orders: tuple[Order, ...]
) -> tuple[tuple[Filing, ...], list[FilingIssue]]:
    """The folded filings under the standing orders, and what their final content raises."""
    suspended = {o.filing_id for o in orders if o.kind is OrderKind.SUSPENSION}
    restricted = {o.filing_id: o for o in orders if o.kind is OrderKind.RESTRICTION}
    filings = []
    issues: list[FilingIssue] = []
    holders: dict[str, list[Filing]] = defaultdict(list)
    for filing_id in sorted(ledger.lives):
        life = ledger.lives[filing_id]
        filing = Filing(
            filing_id=filing_id,
            state=_state(life, filing_id in suspended, filing_id in restricted),
            entity=life.entity,
            service=life.service,
            access=life.access,
            application_id=life.application_id,
            since=life.since,
            former=life.former,
            ended_by=life.ended_by,
            ended_at=life.ended_at,
        )
        filings.append(filing)
        if not life.live:
            continue
        if filing_id in restricted:
            order = restricted[filing_id]
            issues.append(
                _about(filing, "access-restricted", {"by": order.by, "reason": order.reason})
            )
        licence = life.licence
        if licence is None:
            continue
        if _wrong_kind(life.service.type, licence):
            detail = {"licence": licence.canonical, "service_type": str(life.service.type)}
            issues.append(_about(filing, "licence-kind", detail))
        if filing.state is FilingState.IN_EFFECT:
            holders[licence.canonical].append(filing)
    for canonical, sharing in holders.items():
        if len(sharing) > 1:
            ids = [filing.filing_id for filing in sharing[: _NAMED + 1]]
            for filing in sharing:
                others = ";".join([i for i in ids if i != filing.filing_id][:_NAMED])
                detail = {"licence": canonical, "other_filing_id": others}
                issues.append(_about(filing, "licence-duplicate", detail))
    return tuple(filings), issues


def _state(life: _Life, suspended: bool, restricted: bool) -> FilingState:
    if not life.live:
        return FilingState.ENDED
    if life.licence is None:
        return FilingState.UNLICENSED
    if suspended:
        return FilingState.SUSPENDED
    if restricted:
        return FilingState.RESTRICTED
    return FilingState.IN_EFFECT


def _wrong_kind(service_type: ServiceType | None, licence: Licence) -> bool:
    if service_type is None:
        return False
    return (service_type is ServiceType.APP) != (licence.suffix == "A")


def _about(filing: Filing, code: str, detail: dict[str, str]) -> FilingIssue:
    return FilingIssue(
        code=code,
        filing_id=filing.filing_id,
        application_id=filing.application_id,
        account_id=filing.access.account_id,
        detail=detail,
    )


@lru_cache(maxsize=65536)
def _certificate(number: str) -> str:
    return "".join(unicodedata.normalize("NFKC", number).split()).upper()


def _subject(licence: str) -> str:
    if not licence:
        return ""
    try:
        return parse_licence(licence).subject
    except LicenceError:
        return ""
