"""What differs between providers and provinces, as data (``policies/review/<provider>.yaml``)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Final, Literal

from pydantic import BeforeValidator, Field, StrictInt

from gatekeeper.filing.provinces import find_province
from gatekeeper.filing.review.model import Level
from gatekeeper.filing.review.words import AccessMode, Category, EntityType
from gatekeeper.policy import ConfigModel, Text, wrong

DOCS: Final = "docs/review.md"


def _province(value: object) -> object:
    found = find_province(value) if isinstance(value, str) else None
    if found is None:
        raise wrong(f"{value} is no province", f"{value} 不是省级行政区")
    return found.short


def _level(value: object) -> object:
    return "off" if value is False else value  # YAML 1.1 reads off as false


ProvinceName = Annotated[str, BeforeValidator(_province)]
Count = Annotated[StrictInt, Field(ge=0)]
Positive = Annotated[StrictInt, Field(ge=1)]


class Picture(ConfigModel):
    """What a picture must be; dimensions may lie on their side."""

    bytes_from: Count
    bytes_to: Count
    width: Positive
    height: Positive


class Pictures(ConfigModel):
    """The pictures that are measured."""

    certificate: Picture
    person: Picture


class FirstReview(ConfigModel):
    """Working days of the provider's first review, by the route of the verification."""

    electronic: Positive
    manual: Positive


class Refused(ConfigModel):
    """Who cannot file through the provider."""

    provinces: tuple[ProvinceName, ...] = ()
    entity_types: tuple[EntityType, ...] = ()


class Names(ConfigModel):
    """What the name of a website may not be."""

    banned: tuple[Text, ...]
    characters: Positive
    """The fewest Chinese characters."""


class Domains(ConfigModel):
    """Which level of a domain is filed, and whose it may be."""

    app_level: Positive
    """The deepest level: 2 is the registrable domain."""
    holders: tuple[Literal["legal_representative", "head", "investor"], ...] = ()
    """Who may hold it beside the entity, as the record names them."""


class Commitment(ConfigModel):
    """In which provinces a commitment letter is asked for."""

    provinces: tuple[ProvinceName, ...] = ()
    electronic: tuple[ProvinceName, ...] = ()
    """Only on the electronic route."""


class Letters(ConfigModel):
    """Letters that not every case needs."""

    commitment_website: Commitment
    commitment_app: Commitment
    fraud_risk_app: Annotated[bool, Field(strict=True)] = False


class Preapproval(ConfigModel):
    """Content that needs an authority's paper, and content that may."""

    needed: tuple[Category, ...]
    advised: tuple[Category, ...] = ()


class AccessRules(ConfigModel):
    """How a service is connected; empty where the provider does not say."""

    modes: tuple[AccessMode, ...] = ()
    places: tuple[ProvinceName, ...] = ()


class Police(ConfigModel):
    """The provider as the public-security filing asks for it."""

    name: Text
    place: Text
    mode: Text
    phone: Text


class ProviderRules(ConfigModel):
    """One provider; two are equal only where they are the same object, so that it can be a key."""

    def __eq__(self, other: object) -> bool:
        return self is other

    def __hash__(self) -> int:
        return id(self)

    version: StrictInt
    provider: Text
    name: Text
    name_en: Text
    region: Text
    """The AWS region through which its customers are reached."""
    first_review: FirstReview
    refused: Refused = Field(default_factory=Refused)
    pictures: Pictures
    names: Names
    domains: Domains
    letters: Letters
    preapproval: Preapproval
    access: AccessRules = Field(default_factory=AccessRules)
    police: Police | None = None
    rules: Mapping[Text, Annotated[Level, BeforeValidator(_level)]] = Field(default_factory=dict)
    """Levels that differ from the rules' own: ``fail``, ``warn`` or ``off``."""
