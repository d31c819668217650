"""Records as a command prints them: persons masked, unless somebody asked for them in full."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Annotated, Any, TypeVar

import typer

from gatekeeper.cli.output import say
from gatekeeper.filing import (
    Application,
    Filing,
    certificate_is_personal,
    is_sealed,
    mask_number,
    mask_record,
    mask_text,
    mask_tree,
)
from gatekeeper.store import Event, TrailEntry

Filed = TypeVar("Filed", Application, Filing)
Told = TypeVar("Told", Event, TrailEntry)

Unmasked = Annotated[
    bool,
    typer.Option(
        "--unmasked",
        help="Print id numbers, phones, e-mails and names of persons in full; without it they are "
        "masked, and such a file cannot be imported.",
    ),
]


def filed(items: Iterable[Filed], *, unmasked: bool) -> list[Filed]:
    """Applications or filings as tables show them: an entity's number masked if a person's."""
    return list(items) if unmasked else [_hidden(item) for item in items]


def record(application: Application, *, unmasked: bool = False) -> dict[str, Any]:
    """An application for JSON: as an import reads it, its time in UTC like every other.

    Masked, a sealed review whose key is not set is only said to be there.

    Raises:
        FilingError: it is sealed, and is to be printed in full.
    """
    from gatekeeper.gate import moment
    from gatekeeper.sources import application_to_json

    closed = is_sealed(application.review)
    plain = replace(application, review="") if closed and not unmasked else application
    nested = {**application_to_json(plain), "status_at": moment(application.status_at)}
    if unmasked:
        return nested
    return {**mask_record(nested), "sealed": True} if closed else mask_record(nested)


def told(events: Iterable[Told], *, unmasked: bool = False) -> tuple[Told, ...]:
    """Events, with the words of people searched for numbers of persons."""
    return tuple(events) if unmasked else tuple(_quiet(event) for event in events)


def say_sealed(applications: Iterable[Application], lang: str) -> bool:
    """Say how many records lack their sealed part for want of a key; whether any does."""
    count = sum(is_sealed(one.review) for one in applications)
    if count:
        say(
            f"{count} 个申请的个人信息已加密且未设置其密钥，未显示；请设置 GATEKEEPER_KEY_FILE"
            if lang == "zh"
            else f"sealed, and their key is not set: {count}; what only a review reads is not "
            "shown; set GATEKEEPER_KEY_FILE"
        )
    return bool(count)


def _hidden(item: Filed) -> Filed:
    entity = item.entity
    number = entity.certificate_number
    if not number or not certificate_is_personal(entity.certificate_type, number):
        return item
    return replace(item, entity=replace(entity, certificate_number=mask_number(number)))


def _quiet(event: Told) -> Told:
    data: Mapping[str, Any] = mask_tree(dict(event.data))
    if isinstance(event, Event):
        return replace(event, note=mask_text(event.note), source=mask_text(event.source), data=data)
    return replace(event, data=data)
