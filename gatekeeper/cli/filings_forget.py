"""``gatekeeper filings forget``: take a person out of the register."""

from __future__ import annotations

import sys
import unicodedata
from typing import TYPE_CHECKING, Annotated

import typer

from gatekeeper.cli import options
from gatekeeper.cli.output import deliver, say
from gatekeeper.cli.root import Command
from gatekeeper.cli.status import CLEAN, FOUND, INCOMPLETE, worst
from gatekeeper.cli.stores import present_store
from gatekeeper.errors import FilingError, UsageError
from gatekeeper.filing import Person

if TYPE_CHECKING:
    from collections.abc import Sequence

    from gatekeeper.cli.settings import Settings
    from gatekeeper.store import Forgotten, Store

_LONGEST = 200


class _Declined(FilingError):
    """Nobody agreed, so nobody was forgotten."""

    exit_status = 3


def register(app: typer.Typer) -> None:
    """Add the command to ``filings``."""
    app.command("forget", cls=Command)(forget)


def forget(
    context: typer.Context,
    by: options.RequiredBy,
    person: Annotated[
        str | None,
        typer.Argument(
            metavar="PERSON",
            help="An id number, or with --filing the exact name.  Left out it is asked for; - "
            "reads it from standard input, where no other user of the host sees it.",
        ),
    ] = None,
    filing: Annotated[
        str | None,
        typer.Option("--filing", metavar="ID", help="Only in the applications of this filing."),
    ] = None,
    reason: Annotated[
        str | None,
        typer.Option(
            "--reason",
            metavar="TEXT",
            parser=options.read_reason,
            help="Why; kept in the trail for ever, so no personal data.",
        ),
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Say what would be forgotten; change nothing.")
    ] = False,
    force: Annotated[
        bool,
        typer.Option(
            "--force", help="Also in applications under way, although the bureau needs them."
        ),
    ] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    form: options.Format = options.Form.TABLE,
    out: options.Out = None,
) -> int:
    """Take a person out of every application that names them; the audit trail stays verifiable.

    Exit 3 where an application under way was left alone, or where the person is the entity itself;
    4 where the database's files could not be cleared.
    """
    from gatekeeper.report.register import forgotten_report

    settings = options.settings_in(context)
    whom = _read_person(person, filing)
    with present_store(settings) as store:
        found = store.forget(whom, actor=by, at=options.now(), force=force, dry_run=True)
        if not dry_run:
            if found and not yes:
                _ask(found, settings)
            found = store.forget(
                whom, actor=by, at=options.now(), reason=reason or "", force=force, dry_run=False
            )
        deliver(forgotten_report(found, dry_run=dry_run), form=form, out=out, lang=settings.lang)
        return worst((_tell(found, settings, dry_run=dry_run), _clear(store, settings, dry_run)))


def _read_person(given: str | None, filing: str | None) -> Person:
    if given is None:
        if not sys.stdin.isatty():
            raise UsageError(
                "say whom: pass an id number, or - to read it from standard input",
                zh="请指明人员：给出证件号码，或用 - 从标准输入读取",
            )
        import getpass

        given = getpass.getpass("PERSON: ", stream=sys.stderr)
    elif given == "-":
        given = sys.stdin.readline(_LONGEST)
    word = unicodedata.normalize("NFKC", given).strip()
    if not word:
        raise UsageError(
            "whom to forget must not be empty; give an id number, or a name with --filing",
            zh="人员不能为空；请给出证件号码，或同时用 --filing 给出姓名",
        )
    if _is_number(word):
        return Person(id_number=word, filing_id=filing or "")
    if not filing:
        raise UsageError(
            "a name alone may be anybody's; add --filing, or give the id number",
            zh="仅凭姓名无法确定人员；请加上 --filing，或给出证件号码",
        )
    return Person(name=word, filing_id=filing)


def _is_number(word: str) -> bool:
    """Whether it can be the number of a document: letters and digits, most of them digits."""
    bare = word.replace("(", "").replace(")", "").replace("-", "")
    digits = sum(character.isdigit() for character in bare)
    return bare.isascii() and bare.isalnum() and len(bare) >= 5 and digits * 2 > len(bare)


def _ask(found: Sequence[Forgotten], settings: Settings) -> None:
    from gatekeeper.store import Outcome

    chinese = settings.lang == "zh"
    count = sum(one.result is not Outcome.REFUSED for one in found)
    if not count:
        return
    if not sys.stdin.isatty():
        raise _Declined(
            "declined, nothing was forgotten: nobody can be asked here; pass --yes",
            zh="未获确认，未删除任何信息；请加上 --yes",
        )
    question = (
        f"从 {count} 个申请中删除此人的信息？不可恢复"
        if chinese
        else f"Take this person out (applications: {count})? It cannot be undone"
    )
    if not typer.confirm(question, default=False, err=True):
        raise _Declined("declined, nothing was forgotten", zh="未删除任何信息")


def _tell(found: Sequence[Forgotten], settings: Settings, *, dry_run: bool) -> int:
    from gatekeeper.store import Outcome

    chinese = settings.lang == "zh"
    if not found:
        say("没有申请涉及此人" if chinese else "no application names this person")
    refused = sum(one.result is Outcome.REFUSED for one in found)
    if refused:
        say(
            f"{refused} 个申请尚在办理中，未作更改；确需删除请加 --force"
            if chinese
            else f"under way and left alone: {refused}; --force takes the person out of them too"
        )
    entities = sum(one.result is Outcome.ENTITY for one in found)
    if entities:
        say(
            f"{entities} 个申请的主办单位即为此人，主体名称和证件号码予以保留；须先注销备案"
            if chinese
            else f"filed by this very person: {entities}; the entity's name and number stay, and "
            "only a deregistration ends that"
        )
    if dry_run:
        say("仅试运行，未作更改" if chinese else "dry run: nothing was changed")
    return FOUND if refused or entities else CLEAN


def _clear(store: Store, settings: Settings, dry_run: bool) -> int:
    if dry_run:
        return CLEAN
    chinese = settings.lang == "zh"
    cleared = store.purge()
    if not cleared:
        say(
            "其他进程正在使用数据库，旧数据可能仍在文件中；请稍后重新执行同一命令"
            if chinese
            else "others use the database, so old data may still be in its files; run the same "
            "command again later"
        )
    say(
        "此前的备份以及外部文件仍含有此人的信息，须另行处理"
        if chinese
        else "backups made before, and files that were imported, still name the person; see to them"
    )
    return CLEAN if cleared else INCOMPLETE
