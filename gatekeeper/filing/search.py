"""What a person looks for in the register: by status, kind, account and entity."""

from __future__ import annotations

from dataclasses import dataclass

from gatekeeper.filing.model import Application, Entity, Filing, Kind, Status


@dataclass(frozen=True, slots=True, kw_only=True)
class Search:
    """Conditions that must all hold; an empty one holds for everything."""

    statuses: frozenset[Status] = frozenset()
    kinds: frozenset[Kind] = frozenset()
    accounts: frozenset[str] = frozenset()
    entity: str | None = None
    """Part of the entity's name, or its whole certificate or licence number, in any case."""

    def finds(self, application: Application) -> bool:
        """Whether the application is looked for."""
        return (
            (not self.statuses or application.status in self.statuses)
            and (not self.kinds or application.kind in self.kinds)
            and self.concerns(application)
        )

    def concerns(self, record: Application | Filing) -> bool:
        """Whether account and entity are those looked for, whatever status and kind are."""
        return (not self.accounts or record.access.account_id in self.accounts) and (
            self.entity is None or _named(record.entity, self.entity.casefold())
        )


def search_words(entity: Entity) -> tuple[str, str, str]:
    """Name, certificate and licence number in one case, as a search compares them."""
    return (
        entity.name.casefold(),
        entity.certificate_number.casefold(),
        entity.licence.casefold(),
    )


def _named(entity: Entity, text: str) -> bool:
    name, *numbers = search_words(entity)
    return text in name or text in numbers
