"""What the public sees of the register: names resolved, pages read, and judged.

Names and pages are as they are now; the register is as it stood at the time asked for.  Only a few
are asked at once, and nothing is stored.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final, TypeVar

from gatekeeper.errors import UnknownRecord
from gatekeeper.filing import (
    FOOTER_RULE,
    STATUS_ZH,
    Look,
    PageSeen,
    Result,
    Seen,
    ShellNotice,
    Watched,
    fold,
    look_at_public,
    printable,
    to_watch,
)
from gatekeeper.gate import Finder, Finding, shortlist

if TYPE_CHECKING:
    from gatekeeper.policy import Policy
    from gatekeeper.public import Names, Pages
    from gatekeeper.store import Store

WORKERS: Final = 16
"""How many names or pages are asked for at once."""

Found = TypeVar("Found")
Progress = Callable[[Iterable[Any], int, str], Iterator[Any]]
"""Shows how far it is: what comes, how much of it, and what it is called."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PublicLook:
    """The whole look."""

    looks: tuple[Look, ...]
    findings: tuple[Finding, ...]
    at: datetime

    @property
    def unclear(self) -> bool:
        """Whether something could not be told, or is left for a person to look at."""
        return any(
            result.verdict in (Seen.UNKNOWN, Seen.ASK)
            for look in self.looks
            for result in look.results
        )


def subjects(
    store: Store | None,
    policy: Policy,
    *,
    at: datetime,
    only: Collection[str] = (),
    accounts: Collection[str] = (),
) -> tuple[Watched, ...]:
    """What there is to look at.

    Args:
        store: where the register is; ``None`` has nothing.
        policy: whether a ``transfer_in`` counts early.
        at: the register's time.
        only: filing or application ids; empty for all.
        accounts: account ids; empty for all.

    Raises:
        UnknownRecord: an id that no application has.
    """
    if store is None:
        _check_known(only, ())
        return ()
    records = store.records()
    register = fold(
        records.applications,
        records.orders,
        at=at,
        open_transfer_in=policy.open_transfer_in,
        version=records.version,
    )
    _check_known(
        only,
        {name for one in records.applications for name in (one.filing_id, one.application_id)},
    )
    answers = {
        application_id: "yes" if given[FOOTER_RULE].yes else "no"
        for application_id, given in store.answers().items()
        if FOOTER_RULE in given
    }
    return tuple(
        one
        for one in to_watch(register, records.applications, answers)
        if (not only or {one.filing_id, one.application_id} & set(only))
        and (not accounts or one.account_id in accounts)
    )


def watch_public(
    watched: Sequence[Watched],
    names: Names,
    pages: Pages | None,
    notices: Sequence[ShellNotice],
    policy: Policy,
    *,
    at: datetime,
    progress: Progress | None = None,
    workers: int = WORKERS,
) -> PublicLook:
    """Resolve, fetch and judge.

    Args:
        watched: what to look at.
        names: who resolves.
        pages: who fetches; ``None`` leaves pages out.
        notices: the bureaus', about shells.
        policy: severities, and what is excepted.
        at: the present time, as far as notices count days.
        progress: shows how far it is.
        workers: threads at once.
    """
    wanted = dict.fromkeys(name for one in watched for name in one.names())
    known = _gather(names.resolve, wanted, workers, progress, "names")
    seen: Mapping[str, PageSeen] | None = None
    if pages is not None:
        targets = dict.fromkeys(page for one in watched for page in one.pages(known))
        seen = _gather(pages.read, targets, workers, progress, "pages")
    looks = tuple(look_at_public(one, known, seen, notices, at=at) for one in watched)
    return PublicLook(looks=looks, findings=public_findings(looks, policy, at=at), at=at)


def public_findings(looks: Iterable[Look], policy: Policy, *, at: datetime) -> tuple[Finding, ...]:
    """What failed, in the form of all findings: one for each code and filing or application."""
    finder = Finder(policy=policy, at=at, first_seen={})
    for look in looks:
        failed: dict[tuple[str, str], list[Result]] = {}
        for result in look.results:
            if result.verdict is Seen.FAIL:
                failed.setdefault((result.code, result.application_id), []).append(result)
        for (code, application_id), results in failed.items():
            _raise(finder, look.subject, code, application_id, results)
    return finder.findings()


def _raise(
    finder: Finder, subject: Watched, code: str, application_id: str, results: Sequence[Result]
) -> None:
    application = application_id or subject.application_id
    about = application if application_id or not subject.approved else ""
    status = next(
        (one.status for one in subject.waiting if one.application_id == application),
        subject.status,
    )
    finder.about_filing(
        code,
        subject.account_id,
        subject.filing_id,
        ips=dict.fromkeys(ip for result in results for ip in result.ips),
        about=about,
        application=printable(application),
        status=status.value,
        status_zh=STATUS_ZH[status],
        licence=printable(subject.service.licence),
        domains=shortlist(dict.fromkeys(printable(one.domain) for one in results if one.domain)),
        what=shortlist(dict.fromkeys(one.message for one in results), "; "),
        what_zh=shortlist(dict.fromkeys(one.message_zh for one in results), "；"),
    )


def _gather(
    ask: Callable[[str], Found],
    wanted: Iterable[str],
    workers: int,
    progress: Progress | None,
    label: str,
) -> dict[str, Found]:
    """Every answer, by what was asked; a few at once."""
    todo = tuple(wanted)
    found: dict[str, Found] = {}
    if not todo:
        return found
    with ThreadPoolExecutor(min(workers, len(todo)), thread_name_prefix=label) as pool:
        running = {pool.submit(ask, one): one for one in todo}
        try:
            done = as_completed(running)
            for future in progress(done, len(todo), label) if progress is not None else done:
                found[running[future]] = future.result()
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            raise
    return found


def _check_known(only: Collection[str], known: Collection[str]) -> None:
    for name in only:
        if name not in known:
            raise UnknownRecord(
                f"{printable(name)}: no filing or application has this id; see gatekeeper filings "
                "list",
                zh=f"{printable(name)}：没有此备案标识或申请编号，"
                "可用 gatekeeper filings list 查看",
            )
