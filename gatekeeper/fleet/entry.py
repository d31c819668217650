"""How each account is entered, to be read or to be changed."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from gatekeeper.apply import Edge
    from gatekeeper.aws.session import AccountTarget
    from gatekeeper.store import Account, Store


def targets(registered: Mapping[str, Account], only: tuple[str, ...] = ()) -> list[AccountTarget]:
    """How to enter each account in scope: by its role, else with the caller's own credentials.

    Args:
        registered: the registered accounts by id; where there are none, the caller's own is read.
        only: the accounts asked for; they need not be registered: AWS confirms whose the
            credentials are before anything is read.
    """
    from gatekeeper.aws.session import AccountTarget

    if not registered and not only:
        return [AccountTarget()]
    found = []
    for account_id in only or registered:
        account = registered.get(account_id)
        found.append(
            AccountTarget(
                account_id=account_id,
                role_arn=(account.role_arn if account else "") or None,
                external_id=(account.external_id if account else "") or None,
            )
        )
    return found


@contextmanager
def edges(region: str, store: Store) -> Iterator[Callable[[str], Edge]]:
    """Give the edge of an account, opened when it is asked for; all are closed at the end."""
    from gatekeeper.aws.changes import LiveEdge
    from gatekeeper.aws.session import Gateway

    registered = {account.account_id: account for account in store.accounts()}
    gateway = Gateway(region)
    with ExitStack() as stack:

        def edge_for(account_id: str) -> Edge:
            [target] = targets(registered, (account_id,))
            return LiveEdge(stack.enter_context(gateway.open(target)))

        yield edge_for
