"""Findings into an account's Security Hub, in pages."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from gatekeeper.aws.faults import EXPECTED, scrub, translate
from gatekeeper.aws.permissions import needs

if TYPE_CHECKING:
    from gatekeeper.aws.session import Connection

PAGE: Final = 100
"""Findings in one call; AWS takes no more."""
_TRIES: Final = 3
"""Attempts for one page, beside the driver's own."""
_PAUSE: Final = 1.0
_FINAL: Final = frozenset({"InvalidInput", "InvalidInputException", "InvalidAccessException"})
"""What another attempt would not mend."""
_OPERATION: Final = "BatchImportFindings"


class Refused(NamedTuple):
    """A finding that was not taken, and why."""

    finding_id: str
    code: str
    message: str


@needs("securityhub:BatchImportFindings", purpose="export")
def import_findings(
    connection: Connection,
    findings: Sequence[dict[str, Any]],
    *,
    sleep: Callable[[float], None] = time.sleep,
) -> tuple[Refused, ...]:
    """Import findings of the connection's account, in its own format; those that failed.

    A page that fails is tried again, and of a page that was taken in part only the rest.  One page
    never keeps the next one back, except where the account has no Security Hub at all.
    """
    client = connection.client("securityhub")
    refused: list[Refused] = []
    for start in range(0, len(findings), PAGE):
        page = list(findings[start : start + PAGE])
        failed = _import(client, page, sleep)
        refused += failed
        if len(failed) == len(page) and failed[0].code == "InvalidAccessException":
            rest = findings[start + PAGE :]
            refused += [Refused(one["Id"], *failed[0][1:]) for one in rest]
            break
    return tuple(refused)


def _import(
    client: Any, page: list[dict[str, Any]], sleep: Callable[[float], None]
) -> list[Refused]:
    """What of one page is not taken after every attempt."""
    refused: list[Refused] = []
    for attempt in range(1, _TRIES + 1):
        again = _once(client, page)
        refused += [one for one in again if one.code in _FINAL]
        again = [one for one in again if one.code not in _FINAL]
        if not again or attempt == _TRIES:
            return refused + again
        sleep(_PAUSE * attempt)
        left = {one.finding_id for one in again}
        page = [one for one in page if one["Id"] in left]
    return refused


def _once(client: Any, page: list[dict[str, Any]]) -> list[Refused]:
    try:
        answer = client.batch_import_findings(Findings=page)
    except EXPECTED as error:
        fault = translate(error, _OPERATION)
        message = fault.message.removeprefix(f"{fault.operation}: {fault.code}: ")
        return [Refused(one["Id"], fault.code, message) for one in page]
    return [
        Refused(
            str(one.get("Id") or ""),
            str(one.get("ErrorCode") or "Unknown"),
            scrub(str(one.get("ErrorMessage") or "")),
        )
        for one in answer.get("FailedFindings") or ()
    ]
