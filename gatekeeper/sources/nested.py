"""Applications as nested JSON (DESIGN §4, §12), in both directions."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from functools import lru_cache
from typing import Any, Final

from gatekeeper.errors import FilingError
from gatekeeper.filing import (
    Application,
    Problem,
    Row,
    Where,
    is_sealed,
    mask_tree,
    masked_places,
    printable,
    too_deep,
)
from gatekeeper.sources import field, record
from gatekeeper.sources.column import APPLICATION_COLUMNS, LIST_COLUMNS
from gatekeeper.sources.field import FieldError

MAX_REVIEW: Final = 1_000_000
"""Characters of what only a review reads, in one application."""

REVIEW_KEYS: Final[Mapping[str, frozenset[str]]] = {
    "": frozenset({"provider", "attachments", "portal", "entry", "verification", "answers"}),
    "entity": frozenset(
        {
            "type",
            "certificate_province",
            "address",
            "investor",
            "legal_representative",
            "aws_company",
            "foreign",
            "head",
        }
    ),
    "service": frozenset(
        {
            "head",
            "categories",
            "languages",
            "name_papers",
            "online",
            "filed_as_website",
            "app",
        }
    ),
    "access": frozenset({"mode", "server_place"}),
}
"""Kept as they are for the review, by the part that they stand in."""

_PARTS: Final = ("entity", "service", "access")
_KEYS: Final = {
    part: frozenset(
        c.keys[-1] for c in APPLICATION_COLUMNS if c.keys[:-1] == ((part,) if part else ())
    )
    for part in ("", *_PARTS)
}
_PATHS: Final = {column.name: ".".join(column.keys) for column in APPLICATION_COLUMNS}
_SURROGATE: Final = re.compile(r"[\ud800-\udfff]")


def read_object(value: Any, where: Where, unknown: dict[str, None]) -> Row | list[Problem]:
    """One JSON value as a row, or everything that is wrong with it.

    Keys that are neither the table's nor the review's are added to ``unknown``.
    """
    if not isinstance(value, dict):
        return [_problem(where, "", _shown(value), "is no JSON object", "应为 JSON 对象")]
    if too_deep(value):
        return [_problem(where, "", "", "is nested too deeply", "JSON 嵌套层次过深")]
    problems: list[Problem] = []
    parts: dict[str, dict[str, Any]] = {"": value}
    for part in _PARTS:
        inner = value.get(part)
        if isinstance(inner, dict):
            parts[part] = inner
        elif inner is not None:
            problems.append(
                _problem(where, part, _shown(inner), "must be an object", "应为 JSON 对象")
            )
    for place, shown in masked_places(value):
        problems.append(_problem(where, place, shown, *record.MASKED))
    values, silent = _values(parts, where, problems)
    review = _review(parts, where, problems, unknown)
    if problems:
        return problems
    for column, reason, reason_zh in record.faults(values):
        problems.append(_problem(where, _PATHS[column], "", reason, reason_zh))
    if problems:
        return problems
    return Row(application=record.application(values, review), where=where, silent=_shared(silent))


def application_from_json(value: Any) -> Application:
    """One application from its nested form.

    Raises:
        FilingError: the first thing that is wrong with it.
    """
    row = read_object(value, Where(file="application", line=0), {})
    if isinstance(row, list):
        raise FilingError(row[0].describe(), zh=row[0].describe("zh"))
    return row.application


def application_to_json(application: Application) -> dict[str, Any]:
    """The nested form, with what the review keeps; reading it back gives the same application.

    Raises:
        FilingError: its review is sealed, so nobody can say what it keeps.
    """
    if is_sealed(application.review):
        name = application.application_id
        raise FilingError(
            f"application {name}: its personal data are sealed and their key is not set; name its "
            "file in GATEKEEPER_KEY_FILE",
            zh=f"申请 {name}：个人信息已加密且未设置密钥，请在 GATEKEEPER_KEY_FILE 中指定密钥文件",
        )
    entity, service, access = application.entity, application.service, application.access
    nested: dict[str, Any] = {
        "application_id": application.application_id,
        "filing_id": application.filing_id,
        "kind": str(application.kind),
        "status": str(application.status),
        "status_at": application.status_at.astimezone(field.SHANGHAI).isoformat(),
        "entity": {
            "name": entity.name,
            "certificate_type": entity.certificate_type,
            "certificate_number": entity.certificate_number,
            "province": entity.province,
            "licence": entity.licence,
        },
        "service": {
            "type": str(service.type) if service.type is not None else None,
            "name": service.name,
            "licence": service.licence,
            "domains": list(service.domains),
        },
        "access": {
            "account_id": access.account_id,
            "load_balancer": access.load_balancer,
            "ips": list(access.ips),
        },
    }
    if application.review:
        _add_review(nested, json.loads(application.review))
    return nested


def _values(
    parts: Mapping[str, dict[str, Any]], where: Where, problems: list[Problem]
) -> tuple[dict[str, Any], frozenset[str]]:
    values: dict[str, Any] = {}
    silent = []
    for column in APPLICATION_COLUMNS:
        part = parts.get(column.keys[0] if len(column.keys) == 2 else "", {})
        key = column.keys[-1]
        given = part.get(key)
        if key not in part:
            silent.append(column.name)
        try:
            if isinstance(given, list) and column.name in LIST_COLUMNS:
                values[column.name] = _list(column.name, given)
                continue
            text = _text(column.name, given)
            if text:
                values[column.name] = column.parse(text)
            elif column.required:
                raise FieldError("is required", "不能为空", value="")
        except FieldError as error:
            place = _PATHS[column.name]
            if error.index is not None and isinstance(given, list):
                place += f"[{error.index}]"
            shown = _shown(given) if error.value is None else error.value
            problems.append(_problem(where, place, shown, error.reason, error.reason_zh))
    return values, frozenset(silent) & record.OPTIONAL


def _text(column: str, given: Any) -> str:
    if given is None:
        return ""
    if isinstance(given, str):
        return given.strip()
    if isinstance(given, int) and not isinstance(given, bool) and column != "status_at":
        return str(given)
    raise FieldError("must be text in quotation marks", "应为带引号的文本")


def _list(column: str, given: list[Any]) -> tuple[str, ...]:
    items = []
    for index, item in enumerate(given):
        name = item.get("name") if isinstance(item, dict) and column == "domains" else item
        if not isinstance(name, str) or not name.strip():
            raise FieldError(
                "must be text in quotation marks",
                "应为带引号的文本",
                value=_shown(item),
                index=index,
            )
        items.append(name.strip())
    return field.address_list(items) if column == "ips" else field.domain_list(items)


def _review(
    parts: Mapping[str, dict[str, Any]],
    where: Where,
    problems: list[Problem],
    unknown: dict[str, None],
) -> str:
    """Canonical JSON of the review's keys, or an empty text."""
    kept: dict[str, Any] = {}
    for part, inner in parts.items():
        for key, value in inner.items():
            if key in REVIEW_KEYS[part]:
                (kept.setdefault(part, {}) if part else kept)[key] = value
            elif key not in _KEYS[part] and not (part == "" and key in _PARTS):
                unknown[printable(f"{part}.{key}" if part else key)] = None
    described = _described(parts.get("service", {}).get("domains"))
    if described:
        kept.setdefault("service", {})["domains"] = described
    if not kept:
        return ""
    text = json.dumps(kept, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
    if len(text) > MAX_REVIEW:
        problems.append(
            _problem(
                where,
                "",
                "",
                f"the review's part has {len(text)} characters; at most {MAX_REVIEW}",
                f"审核内容为 {len(text)} 个字符，上限为 {MAX_REVIEW}",
            )
        )
    if _SURROGATE.search(text):
        problems.append(
            _problem(where, "", "", "contains half a character (\\ud8xx)", "含有不完整的字符")
        )
    return text


def _described(domains: Any) -> list[dict[str, Any]]:
    """The domains that are given as objects, in order of their names."""
    if not isinstance(domains, list):
        return []
    found = {
        item["name"].strip().lower(): item
        for item in domains
        if isinstance(item, dict) and isinstance(item.get("name"), str) and len(item) > 1
    }
    return [found[name] for name in sorted(found)]


def _add_review(nested: dict[str, Any], review: Mapping[str, Any]) -> None:
    for key, value in review.items():
        if key not in _PARTS:
            nested[key] = value
            continue
        for inner, kept in value.items():
            if (key, inner) == ("service", "domains"):
                by_name = {item["name"].strip().lower(): item for item in kept}
                nested[key][inner] = [by_name.get(name, name) for name in nested[key][inner]]
            else:
                nested[key][inner] = kept


@lru_cache(maxsize=256)
def _shared(silent: frozenset[str]) -> frozenset[str]:
    return silent


def _problem(where: Where, column: str, value: str, reason: str, reason_zh: str) -> Problem:
    return Problem(where=where, column=column, value=value, reason=reason, reason_zh=reason_zh)


def _shown(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, str):
        return value
    return json.dumps(mask_tree(value), ensure_ascii=False)[:200]
