"""Taking a person out of a filing record, and keeping an import from bringing them back.

Where something was forgotten stands a marker, ``{"forgotten": "<when>"}``: a later reader must be
able to tell "was erased" from "was never given".  The marker says nothing of the person, not even
by a digest: an identity number has so little chance in it that its digest would be as good as the
number.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, Final, NamedTuple

from gatekeeper.filing.lifecycle import MOVES
from gatekeeper.filing.model import Application
from gatekeeper.filing.personal import FORGOTTEN, PERSONS, folded, is_forgotten, is_sealed

ENTITY: Final = "entity"
"""The role of somebody who files in their own name."""
_SHORTEST: Final = 5
"""Characters of a number that is looked for inside of other texts."""
_DOMAIN_NAME: Final = 3
"""Steps of the path of a domain's own name, which is what holds the record together."""
_ANSWERS: Final = "answers"
"""The part of a review in which names are those of operators."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """Whom to forget: by the number of their document, or by their name in one filing."""

    id_number: str = ""
    name: str = ""
    filing_id: str = ""

    def may_be_in(self, application: Application) -> bool:
        return not self.filing_id or application.filing_id == self.filing_id

    def __repr__(self) -> str:
        """Nothing of the person: values end in messages and logs."""
        return f"Person(filing_id={self.filing_id!r})"


class Erased(NamedTuple):
    """What an application is without somebody."""

    application: Application
    places: tuple[str, ...]
    """Where the person stood, as paths of the record; empty where they did not."""
    entity: bool = False
    """Whether they are the entity itself, and so stay."""


def is_final(application: Application) -> bool:
    """Whether nobody needs its persons any more: no move leads on from its status."""
    return not MOVES[application.status]


def forget(application: Application, person: Person, when: str) -> Erased:
    """The application without what it says of ``person``.

    A whole PERSON who is meant goes.  With them goes whatever else in the review is theirs: the
    portal's mobile number and e-mail address, the holder of a domain, the legal representative,
    any text that contains a number of theirs, and the name of a file that contains their name.

    Args:
        application: with its review opened.
        person: whom.
        when: the time that the marker says, as text.

    Raises:
        ValueError: the review is sealed.
    """
    if is_sealed(application.review):
        raise ValueError("a sealed review cannot be searched")
    if not person.may_be_in(application):
        return Erased(application, ())
    entity = _is_entity(application, person)
    record = _record(application)
    theirs = _theirs(record, person)
    if theirs is None:
        return Erased(application, (ENTITY,) if entity else (), entity)
    places: list[str] = []
    marker = {FORGOTTEN: when}
    kept = _without(record, theirs, marker, (), places)
    if not places:
        return Erased(application, (ENTITY,) if entity else (), entity)
    text = json.dumps(kept, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
    if entity:
        places.append(ENTITY)
    return Erased(replace(application, review=text), tuple(places), entity)


def keep_forgotten(said: str, stored: str) -> str:
    """The review that a file brings, with the markers of the stored one in their places.

    Whoever was forgotten stays so, however often the file that names them is imported.
    """
    if not said or FORGOTTEN not in stored or is_sealed(stored) or is_sealed(said):
        return said
    kept = _kept(json.loads(said), json.loads(stored))
    return json.dumps(kept, ensure_ascii=False, sort_keys=True, separators=(",", ":"))


def remembered(value: Any) -> Any:
    """A record without its markers: for a reader, what was erased was not given."""
    if isinstance(value, Mapping):
        return {
            key: remembered(kept)
            for key, kept in value.items()
            if not is_forgotten(kept) and not is_forgotten({key: kept})
        }
    if isinstance(value, list):
        return [remembered(kept) for kept in value if not is_forgotten(kept)]
    return value


class _Theirs(NamedTuple):
    number: str
    """The number of the document that they were asked for by; empty where by name."""
    names: frozenset[str]
    numbers: frozenset[str]
    """Numbers and addresses that are this person's alone, as they are compared."""


def _theirs(record: Mapping[str, Any], person: Person) -> _Theirs | None:
    """By what the record knows the person; ``None`` where it does not."""
    number, name = folded(person.id_number), folded(person.name)
    names, numbers = set(), set()
    found = False
    for one in _persons(record):
        said = folded(str(one.get("id_number") or ""))
        called = folded(str(one.get("name") or ""))
        if (number and said == number) or (not number and name and called == name):
            found = True
            names.add(called)
            for key in ("id_number", "phone", "email", "mobile"):
                numbers.add(folded(str(one.get(key) or "")))
    if not found and number:
        found = number in folded(json.dumps(record, ensure_ascii=False))
    if not found and not number and name:
        found = any(folded(text) == name for text in _texts(record))
    if not found:
        return None
    return _Theirs(
        number, frozenset((names | {name}) - {""}), frozenset((numbers | {number}) - {""})
    )


def _persons(record: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    for part, key in PERSONS:
        inner = record.get(part)
        person = inner.get(key) if isinstance(inner, Mapping) else None
        if isinstance(person, Mapping) and not is_forgotten(person):
            yield person


def _without(
    value: Any, theirs: _Theirs, marker: Any, path: tuple[str, ...], places: list[str]
) -> Any:
    if is_forgotten(value):
        return value
    if isinstance(value, dict):
        if path in PERSONS and _is(value, theirs):
            places.append(".".join(path))
            return marker
        found: dict[str, Any] = {}
        for key, kept in value.items():
            if _names(key, theirs, (*path, "key")):
                places.append(".".join(path))
                found |= marker
            else:
                found[key] = _without(kept, theirs, marker, (*path, key), places)
        return found
    if isinstance(value, list):
        return [
            _without(kept, theirs, marker, (*path[:-1], f"{path[-1]}[{index}]"), places)
            for index, kept in enumerate(value)
        ]
    if isinstance(value, str | int) and _names(str(value), theirs, path):
        places.append(".".join(path))
        return marker
    return value


def _is(person: Mapping[str, Any], theirs: _Theirs) -> bool:
    """Whether a PERSON is who is meant: by the number where both have one, else by the name."""
    number = folded(str(person.get("id_number") or ""))
    if number and theirs.number:
        return number == theirs.number
    return folded(str(person.get("name") or "")) in theirs.names


def _names(text: str, theirs: _Theirs, path: tuple[str, ...]) -> bool:
    if len(path) == _DOMAIN_NAME and path[-1] == "name" and path[1].startswith("domains["):
        return False
    plain = folded(text)
    named = path[:2] not in PERSONS and path[0] != _ANSWERS
    if named and plain in theirs.names:
        return True
    if any(len(number) >= _SHORTEST and number in plain for number in theirs.numbers):
        return True
    return path[-1] == "path" and any(len(name) > 1 and name in plain for name in theirs.names)


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, Mapping):
        for key, kept in value.items():
            if key != _ANSWERS:
                yield from _texts(kept)
    elif isinstance(value, list):
        for kept in value:
            yield from _texts(kept)
    elif isinstance(value, str):
        yield value


def _is_entity(application: Application, person: Person) -> bool:
    entity = application.entity
    number = folded(person.id_number)
    if number:
        return folded(entity.certificate_number) == number
    return bool(person.name) and folded(entity.name) == folded(person.name)


def _record(application: Application) -> dict[str, Any]:
    record = json.loads(application.review) if application.review else {}
    return record if isinstance(record, dict) else {}


def _kept(said: Any, stored: Any) -> Any:
    if is_forgotten(stored):
        return stored
    if isinstance(said, dict) and isinstance(stored, dict):
        found = {key: _kept(kept, stored.get(key)) for key, kept in said.items()}
        missing = {
            key: kept for key, kept in stored.items() if key not in said and is_forgotten(kept)
        }
        return found | missing
    if isinstance(said, list) and isinstance(stored, list):
        if len(said) == len(stored):
            return [_kept(one, other) for one, other in zip(said, stored, strict=True)]
        known = {one["name"]: one for one in stored if _named(one)}
        return [_kept(one, known.get(one["name"])) if _named(one) else one for one in said]
    return said


def _named(value: Any) -> bool:
    return isinstance(value, dict) and isinstance(value.get("name"), str)
