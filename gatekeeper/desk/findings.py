"""The desk's findings, in the form of all others (DESIGN §9), each under the id of its rule.

What a review says of a record becomes a finding where the record breaks a rule; a table without
the review's part is no record to judge, and live rules have findings of their own (``address-*``,
``elb-*``).  A deadline becomes a finding when it is near, and another one when it is over.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final, NamedTuple

from gatekeeper.desk.review import Desk, dossier_of, surroundings
from gatekeeper.errors import FilingError
from gatekeeper.filing import Application, Clock, ClockId, Register, is_sealed
from gatekeeper.filing.review import How, Result, Verdict, judge, rules
from gatekeeper.filing.review.surroundings import LIVE
from gatekeeper.gate import Finding, Severity, by_weight, is_excepted, moment
from gatekeeper.survey import read_register

if TYPE_CHECKING:
    from pathlib import Path

    from gatekeeper.policy import Policy
    from gatekeeper.store import Store

SEVERITY: Final[Mapping[Verdict, Severity]] = {
    Verdict.FAIL: Severity.MEDIUM,
    Verdict.WARN: Severity.LOW,
}
"""What a broken rule weighs; the policy's ``severity`` may say otherwise by its id."""

UNREADABLE: Final = "record-unreadable"
"""The code of a record whose review part is not of its kind."""


class Notice(NamedTuple):
    """When a clock is worth a finding: so long before its end, and how much it weighs then."""

    code: str
    before: timedelta
    soon: Severity
    over: Severity


NOTICES: Final[Mapping[ClockId, Notice]] = {
    ClockId.PROVIDER: Notice("clock-provider", timedelta(0), Severity.LOW, Severity.LOW),
    ClockId.SMS: Notice("clock-sms", timedelta(hours=6), Severity.MEDIUM, Severity.MEDIUM),
    ClockId.BUREAU: Notice("clock-bureau", timedelta(0), Severity.LOW, Severity.LOW),
    ClockId.POLICE: Notice("after-police", timedelta(days=7), Severity.MEDIUM, Severity.HIGH),
    ClockId.DOMAIN: Notice("domain-valid", timedelta(days=30), Severity.MEDIUM, Severity.HIGH),
    ClockId.DOCUMENT: Notice("person-id-valid", timedelta(days=30), Severity.LOW, Severity.MEDIUM),
    ClockId.CERTIFICATE: Notice(
        "certificate-valid", timedelta(days=30), Severity.LOW, Severity.HIGH
    ),
}
"""The finding of each clock; those that nobody here can hasten are told only once they are over."""


def reviewable(applications: Iterable[Application], register: Register) -> list[Application]:
    """What can be judged: orders under way, and what gave living filings their content.

    Only records that came with the review's part.
    """
    content = {one.application_id for one in register.filings if one.state in LIVE}
    content |= {one.application_id for one in register.pending}
    return [one for one in applications if one.review and one.application_id in content]


def register_findings(
    store: Store | None,
    policy: Policy,
    *,
    at: datetime,
    accounts: Collection[str] = (),
    rules_files: Iterable[str | Path] = (),
) -> tuple[Finding, ...]:
    """What the review finds in the records of a store; cheap where it has none to judge.

    Args:
        store: ``None`` has no records.
        policy: the policy in force.
        rules_files: providers' review rules in place of the packaged ones.
        at: now.
        accounts: only records that name one of these; empty for all.
    """
    reviewed = store.reviewed_applications() if store is not None else ()
    known = [one for one in reviewed if not is_sealed(one.review)]
    if store is None or not known:
        return ()
    from gatekeeper.sources import read_holidays, read_providers

    register = read_register(store, policy, at)
    desk = Desk(
        providers=read_providers(rules_files),
        at=at,
        surroundings=surroundings((), known, register),
        answers=store.answers(),
        holidays=read_holidays(()),
    )
    return review_findings(reviewable(known, register), desk, policy, accounts=accounts)


def review_findings(
    applications: Iterable[Application],
    desk: Desk,
    policy: Policy,
    *,
    accounts: Collection[str] = (),
) -> tuple[Finding, ...]:
    """What the review finds in records of the register.

    Args:
        applications: ``reviewable`` ones.
        desk: their surroundings, answers and rules.
        policy: its overrides of severity and its exceptions hold here too.
        accounts: only records that name one of these; empty for all.
    """
    found: list[Finding] = []
    for application in applications:
        account_id = application.access.account_id
        if accounts and account_id not in accounts:
            continue
        found += _of_record(application, desk, policy)
    return by_weight(found)


def worth_telling(clocks: Iterable[Clock], at: datetime) -> list[Clock]:
    """The clocks that end soon, each by its own measure, or have ended."""
    return [
        one for one in clocks if one.overdue(at) or one.deadline - at <= NOTICES[one.clock].before
    ]


def deadline_findings(
    clocks: Sequence[Clock], accounts: Mapping[str, str], policy: Policy, *, at: datetime
) -> tuple[Finding, ...]:
    """The clocks that end soon or have ended, as findings.

    Args:
        clocks: those that run.
        accounts: application to the account that it names.
        policy: its overrides of severity and its exceptions hold here too.
        at: now.
    """
    found = []
    for clock in worth_telling(clocks, at):
        notice = NOTICES[clock.clock]
        over = clock.overdue(at)
        until = moment(clock.deadline)
        which = f"{clock.application_id}|{clock.clock.value}|{until}"
        finding = _finding(
            notice.code,
            notice.over if over else notice.soon,
            policy,
            account_id=accounts.get(clock.application_id, ""),
            filing_id=clock.filing_id,
            subject=f"{which}|{'over' if over else 'soon'}",
            words=(
                f"application {clock.application_id}: the time was up at {until}: {clock.then}"
                if over
                else f"application {clock.application_id}: until {until}, then {clock.then}",
                f"申请 {clock.application_id}：已于 {until} 到期：{clock.then_zh}"
                if over
                else f"申请 {clock.application_id}：截止 {until}，届时{clock.then_zh}",
                "see gatekeeper filings due",
                "请用 gatekeeper filings due 查看",
            ),
            first_seen=clock.deadline if over else clock.deadline - notice.before,
            at=at,
        )
        if not is_excepted(finding, policy, at):
            found.append(finding)
    return by_weight(found)


def _of_record(application: Application, desk: Desk, policy: Policy) -> list[Finding]:
    try:
        case = desk.case(dossier_of(application))
    except FilingError as error:
        results = [_unreadable(error)]
    else:
        results = [
            result
            for rule in rules().values()
            if rule.how is not How.LIVE
            for result in judge(rule, case)
            if result.verdict in SEVERITY
        ]
    found = []
    for result in results:
        place = result.field
        field, field_zh = (f" ({place})", f"（{place}）") if place else ("", "")
        finding = _finding(
            result.rule,
            SEVERITY[result.verdict],
            policy,
            account_id=application.access.account_id,
            filing_id=application.filing_id,
            subject=f"{application.application_id}|{result.field}",
            words=(
                f"application {application.application_id}{field}: {result.message}",
                f"申请 {application.application_id}{field_zh}：{result.message_zh}",
                result.remedy,
                result.remedy_zh,
            ),
            first_seen=application.status_at,
            at=desk.at,
        )
        if not is_excepted(finding, policy, desk.at):
            found.append(finding)
    return found


def _unreadable(error: FilingError) -> Result:
    return Result(
        UNREADABLE,
        Verdict.FAIL,
        "",
        error.message,
        error.text("zh"),
        "correct the record and import it again",
        "请更正记录后重新导入",
        "",
    )


def _finding(
    code: str,
    severity: Severity,
    policy: Policy,
    *,
    account_id: str,
    filing_id: str,
    subject: str,
    words: tuple[str, str, str, str],
    first_seen: datetime,
    at: datetime,
) -> Finding:
    override = policy.severity.get(code)
    message, message_zh, remedy, remedy_zh = words
    return Finding(
        code=code,
        severity=Severity(override) if override else severity,
        account_id=account_id,
        filing_id=filing_id or None,
        endpoint=None,
        family=None,
        ips=(),
        ports=(),
        message=message,
        message_zh=message_zh,
        remedy=remedy,
        remedy_zh=remedy_zh,
        first_seen=min(first_seen, at),
        last_seen=at,
        subject=subject,
    )


def codes() -> frozenset[str]:
    """Every code that a finding of the desk may carry."""
    return frozenset(rules()) | {one.code for one in NOTICES.values()} | {UNREADABLE}
