"""One move of one application, as a person records it (DESIGN §10: ``filings advance``)."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from gatekeeper.errors import FilingError
from gatekeeper.filing.licence import LicenceError, parse_licence
from gatekeeper.filing.lifecycle import check_move
from gatekeeper.filing.merge import AHEAD
from gatekeeper.filing.model import Application, Status


def advance(
    application: Application,
    status: Status,
    *,
    at: datetime,
    now: datetime,
    licence: str | None = None,
) -> Application:
    """``application`` one step on, at ``status`` since ``at``.

    Args:
        application: as the register has it.
        status: where it goes.
        at: since when; not before its present status, and no more than 5 minutes after ``now``.
        now: the present time.
        licence: the service licence number that the bureau gave, where it is new.

    Raises:
        IllegalMove: ``status`` does not follow the present one.
        FilingError: ``at`` or ``licence`` cannot be right.
    """
    check_move(application.status, status)
    name = application.application_id
    if at < application.status_at:
        since = application.status_at.isoformat()
        raise FilingError(
            f"{name}: {at.isoformat()} is before its present status, {application.status} "
            f"since {since}; give a later --at",
            zh=f"{name}：{at.isoformat()} 早于当前状态的时间 {since}，请检查 --at",
        )
    if at > now + AHEAD:
        raise FilingError(
            f"{name}: {at.isoformat()} lies in the future; check --at and its offset",
            zh=f"{name}：{at.isoformat()} 晚于当前时间，请检查 --at 及其时区",
        )
    service = application.service
    if licence is not None:
        try:
            parse_licence(licence)
        except LicenceError as error:
            raise FilingError(
                f"{name}: licence {licence!r}: {error}; write it as 京ICP备12345678号-1",
                zh=f"{name}：备案号“{licence}”无效（{error.zh}），应形如 京ICP备12345678号-1",
            ) from None
        service = replace(service, licence=licence.strip())
    return replace(application, status=status, status_at=at, service=service)
