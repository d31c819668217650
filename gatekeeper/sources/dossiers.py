"""Files of full application records, for the review: every value of its kind, nothing required.

The formats are those of an import (``applications.py``).  A draft may lack its status, its id or
whole parts: the rules judge what is missing.  A value that cannot be what its place asks for is a
problem with its place, and its record is left out.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, NamedTuple

from gatekeeper.filing import Problem, Problems, Where, mask_text, mask_tree, printable
from gatekeeper.filing.review import Dossier, Fault, read_dossier, unknown_keys
from gatekeeper.sources.applications import BESIDE, FORMATS, unknown_format
from gatekeeper.sources.json_file import JsonFile
from gatekeeper.sources.table import TableError, read_bytes

_HEADS: Final = ("entity.head.", "service.head.")


class Located(NamedTuple):
    """One record with the place that it was read from."""

    dossier: Dossier
    given: Mapping[str, Any]
    """Its nested form (DESIGN §12), as the file says it."""
    where: Where


@dataclass(frozen=True, slots=True, kw_only=True)
class DossierFile:
    """One file of records, read to its end."""

    file: str
    format: str
    """csv, xlsx, json or jsonl; empty where the ending is none of these."""
    dossiers: tuple[Located, ...] = ()
    problems: tuple[Problem, ...] = ()
    more_problems: int = 0
    """Problems found beyond those that are kept."""
    unknown_keys: tuple[str, ...] = ()
    """Keys or columns that nothing is made of; a warning, not an error."""


class _Given(NamedTuple):
    """A record before it is read, and how a fault in it is told."""

    nested: Mapping[str, Any]
    where: Where


def read_dossiers(path: str | Path) -> DossierFile:
    """Every record of a file, and everything that is wrong in it; nothing is raised."""
    path = Path(path)
    file = str(path)
    kind = FORMATS.get(path.suffix.lower(), "")
    problems = Problems()
    unknown: dict[str, None] = {}
    found: list[Located] = []
    first: dict[str, Where] = {}
    try:
        if not kind:
            raise unknown_format(path)
        for given in _given(path, kind, problems, unknown):
            read = read_dossier(given.nested)
            if not isinstance(read, Dossier):
                problems.extend(problem_of(fault, given.where) for fault in read)
                continue
            unknown.update(dict.fromkeys(printable(key) for key in unknown_keys(given.nested)))
            name = read.application_id
            if name and name in first:
                problems.add(_twice(name, first[name], given.where))
                continue
            first[name] = given.where
            found.append(Located(read, given.nested, given.where))
    except TableError as error:
        problems.add(error.problem(file))
    return DossierFile(
        file=file,
        format=kind,
        dossiers=tuple(found),
        problems=tuple(problems.kept),
        more_problems=problems.more,
        unknown_keys=tuple(unknown),
    )


def problem_of(fault: Fault, where: Where) -> Problem:
    """A fault at its place in a file, with what is personal in its value masked."""
    return Problem(
        where=where,
        column=fault.path,
        value=value_masked(fault.path, fault.value),
        reason=fault.reason,
        reason_zh=fault.reason_zh,
    )


def value_masked(path: str, value: str) -> str:
    """The value at a path (``entity.head.phone``) as a message may show it."""
    leaf = path.rpartition(".")[2].partition("[")[0]
    shown: Any = {leaf: value}
    if path.startswith(_HEADS):
        shown = mask_tree({"head": shown})["head"]
    else:
        shown = mask_tree(shown)
    return mask_text(str(shown[leaf]))


def _given(path: Path, kind: str, problems: Problems, unknown: dict[str, None]) -> Iterator[_Given]:
    source = JsonFile(read_bytes(path), lines=kind == "jsonl", wrapper="applications")
    for item in source.items():
        where = Where(file=str(path), line=item.line)
        problems.extend(key_twice(key, where) for key in item.repeated)
        if isinstance(item.value, dict):
            if not item.repeated:
                yield _Given(item.value, where)
            continue
        problems.add(
            Problem(
                where=where,
                column="",
                value=mask_text(printable(str(item.value))),
                reason="is no JSON object",
                reason_zh="应为 JSON 对象",
            )
        )
    unknown.update(dict.fromkeys(printable(key) for key in source.other_keys if key not in BESIDE))


def key_twice(key: str, where: Where) -> Problem:
    """A key that stands twice in one object: which of the two holds, nobody can say."""
    return Problem(
        where=where,
        column=key,
        value="",
        reason="the key stands twice in one object",
        reason_zh="同一对象中键重复",
    )


def _twice(name: str, first: Where, where: Where) -> Problem:
    return Problem(
        where=where,
        column="application_id",
        value=name,
        reason=f"stands twice in the file, first at line {first.line}",
        reason_zh=f"申请编号在文件中重复，首次出现在第 {first.line} 行",
    )
