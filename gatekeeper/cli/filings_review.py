"""``gatekeeper filings review``, ``answer`` and ``rules``: the filing desk's first review."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from gatekeeper.cli import options
from gatekeeper.cli.filings_import import check_files
from gatekeeper.cli.output import deliver, say
from gatekeeper.cli.progress import watched
from gatekeeper.cli.root import Command
from gatekeeper.cli.status import CLEAN, FOUND, INCOMPLETE
from gatekeeper.cli.stores import present_store, reading_store
from gatekeeper.errors import FilingError, ImportRefused, UnknownRecord, UsageError

if TYPE_CHECKING:
    from gatekeeper.cli.settings import Settings
    from gatekeeper.desk.facts import Knowledge
    from gatekeeper.filing import Application, Register
    from gatekeeper.filing.review import Dossier, ProviderRules
    from gatekeeper.store import Store

_AHEAD: Final = timedelta(minutes=5)

RulesFiles = Annotated[
    list[Path] | None,
    typer.Option(
        "--rules",
        metavar="FILE",
        envvar="GATEKEEPER_REVIEW",
        show_envvar=False,
        help="A provider's review rules in place of the packaged ones; may be given several "
        "times.  [env: GATEKEEPER_REVIEW]",
    ),
]


class Word(StrEnum):
    """What a person answers."""

    YES = "yes"
    NO = "no"


def register(app: typer.Typer) -> None:
    """Add the commands to ``filings``."""
    app.command("review", cls=Command)(review_filings)
    app.command("answer", cls=Command)(answer)
    app.command("rules", cls=Command)(list_rules)


def review_filings(
    context: typer.Context,
    records: Annotated[
        list[str],
        typer.Argument(
            metavar="FILE|APPLICATION...",
            help="A file of applications (JSON, JSON lines, XLSX, CSV), or the id of a stored one.",
        ),
    ],
    live: Annotated[
        bool,
        typer.Option("--live", help="Read the AWS accounts and the public side of the domains."),
    ] = False,
    dump: options.Dump = None,
    rules: RulesFiles = None,
    lists: Annotated[
        Path | None,
        typer.Option(
            "--lists",
            metavar="FILE",
            help="Your dated list of approved top-level domains and registrars (YAML).",
        ),
    ] = None,
    nameserver: Annotated[
        list[str] | None,
        typer.Option(
            "--nameserver",
            metavar="HOST[:PORT]",
            help="Ask this server for names, with --live; may be given several times.",
        ),
    ] = None,
    miit: Annotated[
        list[Path] | None,
        typer.Option(
            "--miit",
            metavar="FILE",
            help="An export of MIIT's public query, for what is approved; may be given several "
            "times.",
        ),
    ] = None,
    everything: Annotated[
        bool, typer.Option("--all", help="Show the rules that hold, too.")
    ] = False,
    calendar: options.Calendar = None,
    at: options.At = None,
    form: options.Format = options.Form.TABLE,
    out: options.Out = None,
) -> int:
    """Judge applications by every rule of the guides: what to mend, in order, and the checklist.

    Exit 0 where every rule holds, 3 where some fail, 4 where only questions or unknown facts are
    left.  Nothing is stored.
    """
    from gatekeeper.desk.review import Desk, surroundings
    from gatekeeper.filing.review import Verdict
    from gatekeeper.report.review import review_report
    from gatekeeper.sources import read_holidays, read_providers

    settings = options.settings_in(context)
    if live and dump is not None:
        raise UsageError(
            "--live reads AWS and --dump reads files; give one of them",
            zh="--live 读取 AWS，--dump 读取文件，两者只能选一",
        )
    providers = read_providers(rules or ())
    holidays = read_holidays(calendar or ())
    moment = at or options.now()
    with reading_store(settings) as store:
        dossiers = _read(records, store)
        applications, folded = _register(store, settings, moment)
        knowledge = _knowledge(
            settings,
            store,
            dossiers,
            providers,
            live=live,
            dump=dump,
            lists=lists,
            nameserver=nameserver,
            miit=miit or (),
            at=moment,
            register=folded,
        )
        desk = Desk(
            providers=providers,
            at=moment,
            surroundings=surroundings(dossiers, applications, folded),
            answers=store.answers() if store is not None else {},
            facts=knowledge.facts,
            holidays=holidays,
        )
        judged = desk.reviews(dossiers)
        reviews = tuple(watched(judged, total=len(dossiers), label="applications"))
    report = review_report(reviews, single=len(reviews) == 1, full=everything, lang=settings.lang)
    deliver(report, form=form, out=out, lang=settings.lang)
    verdicts = {one.verdict for one in reviews}
    if Verdict.FAIL in verdicts:
        return FOUND
    return INCOMPLETE if Verdict.ASK in verdicts else CLEAN


def answer(
    context: typer.Context,
    application: Annotated[str, typer.Argument(metavar="APPLICATION", help="Its id.")],
    rule: Annotated[str, typer.Argument(metavar="RULE", help="The rule that asks.")],
    word: Annotated[Word, typer.Argument(metavar="yes|no", help="yes: the rule's sentence holds.")],
    by: options.RequiredBy,
    at: options.At = None,
) -> None:
    """Answer a question of the review; kept with who and when, the newest answer counts."""
    from gatekeeper.filing.review import rules
    from gatekeeper.store import StoredAnswer

    settings = options.settings_in(context)
    now = options.now()
    if at is not None and at > now + _AHEAD:
        raise FilingError(
            f"--at {at.isoformat(timespec='seconds')} lies in the future; leave it out, or correct "
            "the date",
            zh=f"--at {at.isoformat(timespec='seconds')} 晚于当前时间，请去掉或更正",
        )
    known = rules().get(rule)
    if known is None:
        raise UsageError(
            f"{rule}: there is no such rule; see gatekeeper filings rules",
            zh=f"{rule}：没有该规则，可用 gatekeeper filings rules 查看",
        )
    if not known.answerable:
        asking = [one.id for one in rules().values() if one.answerable]
        raise UsageError(
            f"{rule} is decided from the record or from live facts and asks nothing; questions "
            f"are {', '.join(asking)}",
            zh=f"{rule} 依据填报内容或实时信息判定，无需回答；可回答的有{'、'.join(asking)}",
        )
    given = StoredAnswer(application, rule, word is Word.YES, by, at or now)
    with present_store(settings) as store:
        changed = store.answer(given)
    said = "是" if word is Word.YES else "否"
    if settings.lang == "zh":
        say(f"{application}：{rule} 已答“{said}”" if changed else f"{application}：{rule} 无变化")
    else:
        say(f"{application}: {rule}: {word}" if changed else f"{application}: {rule}: unchanged")
    say(known.text_zh if settings.lang == "zh" else known.text)


def list_rules(
    context: typer.Context,
    provider: Annotated[
        str, typer.Option("--provider", metavar="NAME", help="Levels as this provider has them.")
    ] = "nwcd",
    rules: RulesFiles = None,
    form: options.Format = options.Form.TABLE,
    out: options.Out = None,
) -> None:
    """List every rule: id, how it is decided, guide and section, texts."""
    from gatekeeper.filing.review import rules as every_rule
    from gatekeeper.report.review import rules_report
    from gatekeeper.sources import read_providers

    settings = options.settings_in(context)
    providers = read_providers(rules or ())
    if provider not in providers:
        known = ", ".join(providers)
        raise UsageError(
            f"--provider {provider}: no rules of this provider; known are {known}",
            zh=f"--provider {provider}：没有该接入商的规则，已知的有 {known}",
        )
    found = every_rule().values()
    levels = {one.id: (providers[provider].rules.get(one.id, one.level)).value for one in found}
    report = rules_report(found, levels, lang=settings.lang)
    deliver(report, form=form, out=out, lang=settings.lang)


def _read(records: Sequence[str], store: Store | None) -> list[Dossier]:
    """The records, files first read whole; a name that is no file is a stored application."""
    from gatekeeper.desk.review import dossier_of
    from gatekeeper.sources import FORMATS

    found: list[Dossier] = []
    for record in records:
        path = Path(record)
        if path.suffix.lower() in FORMATS or path.is_file():
            found += _from_file(path)
            continue
        application: Application | None = store.application(record) if store is not None else None
        if application is None:
            raise UnknownRecord(
                f"{record}: neither a file nor a stored application; see gatekeeper filings list",
                zh=f"{record}：既不是文件，也不是已保存的申请，可用 gatekeeper filings list 查看",
            )
        found.append(dossier_of(application))
    return found


def _from_file(path: Path) -> list[Dossier]:
    from gatekeeper.sources import measured, read_dossiers

    check_files([path])
    result = read_dossiers(path)
    if result.problems:
        count = len(result.problems) + result.more_problems
        raise ImportRefused(
            f"{path}: {count} place{'s' if count > 1 else ''} cannot be read; nothing was reviewed",
            result.problems,
            zh=f"{path}：共 {count} 处无法读取，未作审核",
        )
    for key in result.unknown_keys:
        say(f"{path.name}: {key}: nothing is made of this key")
    if not result.dossiers:
        raise FilingError(
            f"{path}: holds no application; fill in at least one",
            zh=f"{path}：没有任何申请，请至少填写一条",
        )
    return [measured(one.dossier, path.parent) for one in result.dossiers]


def _knowledge(
    settings: Settings,
    store: Store | None,
    dossiers: Sequence[Dossier],
    providers: Mapping[str, ProviderRules],
    *,
    live: bool,
    dump: Path | None,
    lists: Path | None,
    nameserver: Sequence[str] | None,
    miit: Sequence[Path],
    at: datetime,
    register: Register | None,
) -> Knowledge:
    """What the options allow to ask: accounts are read here, domains when they come up."""
    from gatekeeper.cli.filings_verify import read_exports
    from gatekeeper.cli.scope import read_scope
    from gatekeeper.deadlines import first_openings
    from gatekeeper.desk.facts import Knowledge, accounts_of, known_accounts
    from gatekeeper.public import (
        DnsNames,
        Fetcher,
        LiveDomains,
        WebPages,
        read_lists,
        read_nameserver,
    )

    approved = read_lists(lists) if lists is not None else None
    accounts = memory = domains = None
    opened: Mapping[str, datetime] = {}
    if live or dump is not None:
        registered = {one.account_id for one in store.accounts()} if store is not None else set()
        only = tuple(one for one in accounts_of(dossiers) if one in registered) if live else ()
        # Without names a scope is every registered account, and here none of them is meant.
        nobody = live and registered and not only
        states = () if nobody else read_scope(settings, store, dump=dump, only=only).states
        accounts = known_accounts(states, settings.policy(), at)
        if live and store is not None and register is not None:
            memory = store.address_memory()
            opened = first_openings(register, store.endpoint_memory(gone=True))
    pages = None
    if live:
        names = DnsNames([read_nameserver(one) for one in nameserver or ()])
        fetcher = Fetcher(names)
        domains, pages = LiveDomains(names, fetcher, lists=approved), WebPages(fetcher)
    return Knowledge(
        providers=providers,
        at=at,
        accounts=accounts,
        filings={one.filing_id: one for one in register.filings} if register is not None else {},
        opened=opened,
        memory=memory,
        domains=domains,
        lists=approved,
        pages=pages,
        exports=read_exports(miit, at=None, now=options.now()) if miit else (),
    )


def _register(
    store: Store | None, settings: Settings, at: datetime
) -> tuple[Iterable[Application], Register | None]:
    from gatekeeper.filing import fold

    if store is None:
        return (), None
    records = store.records()
    return records.applications, fold(
        records.applications,
        records.orders,
        at=at,
        open_transfer_in=settings.policy().open_transfer_in,
        version=records.version,
    )
