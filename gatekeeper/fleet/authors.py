"""Who made an account drift: CloudTrail is asked, where it may be."""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final

from gatekeeper.drift import name_actors, names_of
from gatekeeper.errors import AwsError
from gatekeeper.fleet.entry import targets

if TYPE_CHECKING:
    from gatekeeper.audit import Audit
    from gatekeeper.gate import Overview
    from gatekeeper.store import Store

_MOST: Final = 10
"""Requests for one account in one audit: five seconds and a half."""
_LONGEST: Final = timedelta(days=90)
"""As far back as CloudTrail tells."""
_SKEW: Final = timedelta(hours=1)
"""How far the clocks of AWS and of this host may lie apart."""

_log = logging.getLogger(__name__)


def name_authors(store: Store, found: Overview, result: Audit) -> Audit:
    """The same audit, its drift with who made it and when, where CloudTrail tells.

    An account that cannot be entered, or whose trail may not be read, keeps its drift without
    authors: nothing is raised.

    Args:
        store: which accounts there are.
        found: the look, whose verified states say which groups guard an endpoint.
        result: what came of it.
    """
    from gatekeeper.aws.cloudtrail import who
    from gatekeeper.aws.session import Gateway, Patience

    by_account: dict[str, list[Mapping[str, Any]]] = {}
    for entry in result.drift:
        by_account.setdefault(entry["account_id"], []).append(entry)
    registered = {account.account_id: account for account in store.accounts()}
    # An author is a courtesy: nobody waits for him through retries.
    gateway = Gateway(found.region, patience=Patience(read=10, attempts=1))
    since = max(result.since or found.at, found.at - _LONGEST) - _SKEW
    named: list[Mapping[str, Any]] = []
    named += by_account.pop("", [])  # about no account: an exception of the policy
    for account_id, entries in by_account.items():
        aliases = _guards(found, account_id)
        names = dict.fromkeys(name for entry in entries for name in names_of(entry))
        around = dict.fromkeys(one for name in names for one in aliases.get(name, ()))
        try:
            [target] = targets(registered, (account_id,))
            with gateway.open(target) as connection:
                authors = who(connection, {**names, **around}, since, found.at + _SKEW, most=_MOST)
        except AwsError as error:
            _log.info("no authors of %s: %s", account_id, error.message)
            authors = {}
        named += name_actors(entries, authors, aliases)
    return replace(result, drift=tuple(map(dict, named)))


def _guards(found: Overview, account_id: str) -> dict[str, list[str]]:
    """By endpoint, the groups that guard it."""
    text = found.verified.get(account_id)
    if text is None:
        return {}
    endpoints = json.loads(text)["endpoints"]
    return {name: list(one["groups"]) for name, one in endpoints.items()}
