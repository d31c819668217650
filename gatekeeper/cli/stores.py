"""Opening the store for a command: to read what there is, or to write."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from gatekeeper.cli.output import say
from gatekeeper.errors import StoreError

if TYPE_CHECKING:
    from gatekeeper.cli.settings import Settings
    from gatekeeper.store import Store


@contextmanager
def reading_store(settings: Settings) -> Iterator[Store | None]:
    """The store if there is one; a missing file is not made, and loads no SQL library."""
    from gatekeeper.store import open_store

    store = open_store(settings.store, create=False)
    if store is None:
        yield None
        return
    with store:
        yield store


@contextmanager
def writing_store(settings: Settings) -> Iterator[Store]:
    """The store, made where it is missing."""
    from gatekeeper.store import open_store

    with open_store(settings.store) as store:
        yield store


@contextmanager
def announced_store(settings: Settings) -> Iterator[Store | None]:
    """The store if there is one; else ``None``, and a line that says so.

    An empty register must never pass for one that has no records.
    """
    with reading_store(settings) as store:
        if store is None:
            say_empty(settings)
        yield store


@contextmanager
def look_store(settings: Settings, *, recorded: bool) -> Iterator[Store | None]:
    """The store to compare accounts with, announced where it is missing.

    A live look makes it, since only memory can later tell a released address from one that never
    was there.
    """
    with announced_store(settings) as store:
        if store is not None or recorded:
            yield store
            return
    with writing_store(settings) as made:
        yield made


@contextmanager
def present_store(settings: Settings) -> Iterator[Store]:
    """The store that must be there already.

    Raises:
        StoreError: there is none.
    """
    with reading_store(settings) as store:
        if store is None:
            raise no_store(settings)
        yield store


def say_empty(settings: Settings) -> None:
    """Say that there is no store, and what follows from it."""
    from gatekeeper.store import parse_address

    where = parse_address(settings.store).label
    say(
        f"{where}：数据库不存在，备案库按空处理；请检查 --store 或 GATEKEEPER_STORE"
        if settings.lang == "zh"
        else f"{where}: there is no store, so the register is empty; "
        "check --store or GATEKEEPER_STORE"
    )


def no_store(settings: Settings) -> StoreError:
    """What to say to a command that needs a store that is not there."""
    from gatekeeper.store import parse_address

    where = parse_address(settings.store).label
    return StoreError(
        f"{where}: there is no store yet; import filings or add an account first, or check --store "
        "or GATEKEEPER_STORE",
        zh=f"{where}：数据库尚不存在，请先导入备案或添加账号，或检查 --store 和 GATEKEEPER_STORE",
    )
