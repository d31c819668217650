"""Opening the store for a command: to read what there is, or to write."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

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
def present_store(settings: Settings) -> Iterator[Store]:
    """The store that must be there already.

    Raises:
        StoreError: there is none.
    """
    with reading_store(settings) as store:
        if store is None:
            raise no_store(settings)
        yield store


def no_store(settings: Settings) -> StoreError:
    """What to say to a command that needs a store that is not there."""
    from gatekeeper.store import parse_address

    where = parse_address(settings.store).label
    return StoreError(
        f"{where}: there is no store yet; import filings or add an account first, or check --store",
        zh=f"{where}：数据库尚不存在，请先导入备案或添加账号，或检查 --store",
    )
