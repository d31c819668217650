"""The template: made of the model, filled in as a person would, and its example."""

from __future__ import annotations

import io
import json
import re
from pathlib import Path
from typing import Any

import openpyxl
import pytest

from gatekeeper.filing.review import read_dossier
from gatekeeper.filing.review.words import CHINESE, read_word
from gatekeeper.sources import (
    read_applications,
    read_dossiers,
    template_json,
    template_workbook,
)
from gatekeeper.sources.dossier_example import EXAMPLE_ID, example
from gatekeeper.sources.dossier_form import (
    FORMS,
    ROWS,
    SERVICES,
    Shape,
    field_of,
    model_fields,
    paths_of,
)
from gatekeeper.sources.template import explained, rows_of
from tests.unit.filing.review.records import app, read, website

ROOT = Path(__file__).resolve().parents[3]
RECORDS = {"website": website, "app": app}


def opened(service: str, lang: str) -> Any:
    return openpyxl.load_workbook(io.BytesIO(template_workbook(service, lang)))


def leaves(value: Any, path: str = "") -> set[str]:
    """The places that a nested record fills."""
    if isinstance(value, dict) and path != "answers":
        return {
            one
            for key, inner in value.items()
            for one in leaves(inner, f"{path}.{key}" if path else key)
        }
    if isinstance(value, dict):
        return {one for inner in value.values() for key in inner for one in [f"answers{{}}.{key}"]}
    if isinstance(value, list) and value and isinstance(value[0], dict):
        return {one for item in value for one in leaves(item, f"{path}[]")}
    return {path}


def test_the_example_fills_every_field_of_the_model() -> None:
    assert leaves(example("app")) == set(model_fields())
    website_only = {one for one in model_fields() if not one.startswith("service.app.")}
    assert leaves(example("website")) == website_only


@pytest.mark.parametrize("lang", ["en", "zh"])
@pytest.mark.parametrize("service", ["website", "app"])
def test_every_column_is_there_in_both_languages(service: str, lang: str) -> None:
    book = opened(service, lang)
    for form in FORMS:
        sheet = book[form.zh if lang == "zh" else form.name]
        headers = [str(cell.value) for cell in sheet[1]]
        for column in form.columns:
            pair = [column.name, column.zh] if lang == "en" else [column.zh, column.name]
            wanted = service == "app" or not column.path.startswith("service.app.")
            assert (" ".join(pair) in headers) is wanted
        assert all(cell.comment is not None for cell in sheet[1])
        letters = [cell.column_letter for cell in sheet[1]]
        assert {sheet.column_dimensions[one].number_format for one in letters} == {"@"}


@pytest.mark.parametrize("lang", ["en", "zh"])
def test_every_word_can_be_chosen_and_is_understood(lang: str) -> None:
    book = opened("app", lang)
    for form in FORMS:
        sheet = book[form.zh if lang == "zh" else form.name]
        lists = {
            str(one.sqref).split("2:")[0]: one.formula1
            for one in sheet.data_validations.dataValidation
        }
        for cell, column in zip(sheet[1], form.columns, strict=True):
            place = field_of(form, column)
            assert (cell.column_letter in lists) is (place.shape is Shape.WORD)
            if place.shape is not Shape.WORD or place.words not in CHINESE:
                continue
            title, _, cells = lists[cell.column_letter].partition("!")
            found = [row[0].value for row in book[title.strip("'")][cells.replace("$", "")]]
            meant = [read_word(place.words, str(word)) for word in found]
            assert meant == [word.value for word in place.words]


@pytest.mark.parametrize("lang", ["en", "zh"])
@pytest.mark.parametrize("service", ["website", "app"])
def test_filled_in_it_reads_as_the_json_does(tmp_path: Path, service: str, lang: str) -> None:
    """The cells of a record are typed below the example, in the template's own columns."""
    record = RECORDS[service]()
    book = opened(service, lang)
    for form, cells in rows_of(record):
        sheet = book[form.zh if lang == "zh" else form.name]
        row = sheet.max_row + 1
        for cell in list(sheet[1]):
            name = str(cell.value).split()[lang == "zh"]
            value = cells.get(name)
            if isinstance(value, list):
                value = ";".join(value) or "无"
            sheet.cell(row, cell.column, value)
    book.save(tmp_path / "a.xlsx")
    (tmp_path / "a.json").write_text(json.dumps(record), encoding="utf-8")
    found = read_dossiers(tmp_path / "a.xlsx")
    assert (found.problems, found.unknown_keys) == ((), ())
    assert [one.dossier for one in found.dossiers] == [read(record)]
    have, want = read_applications(tmp_path / "a.xlsx"), read_applications(tmp_path / "a.json")
    assert (have.problems, have.unknown_columns) == ((), ())
    assert [row.application for row in have.rows] == [row.application for row in want.rows]


@pytest.mark.parametrize("service", ["website", "app"])
def test_the_example_left_in_is_not_read(tmp_path: Path, service: str) -> None:
    (tmp_path / "a.json").write_text(template_json(service), encoding="utf-8")
    for lang in ("en", "zh"):
        (tmp_path / f"{lang}.xlsx").write_bytes(template_workbook(service, lang))
    for name in ("a.json", "en.xlsx", "zh.xlsx"):
        found = read_dossiers(tmp_path / name)
        assert (found.dossiers, found.problems, found.unknown_keys) == ((), (), ())
        rows = read_applications(tmp_path / name)
        assert (rows.rows, rows.problems, rows.unknown_columns) == ((), (), ())


def test_what_is_written_over_the_example_needs_an_id_of_its_own(tmp_path: Path) -> None:
    book = opened("website", "en")
    names = [str(cell.value).split()[0] for cell in book["entities"][1]]
    book["entities"].cell(2, names.index("entity_name") + 1).value = "宁夏测试科技有限公司"
    book.save(tmp_path / "a.xlsx")
    record = {**example("app"), "provider": "21vianet"}
    (tmp_path / "a.json").write_text(json.dumps([record]), encoding="utf-8")
    for name, sheet in (("a.xlsx", "services"), ("a.json", None)):
        for problems in (
            read_dossiers(tmp_path / name).problems,
            read_applications(tmp_path / name).problems,
        ):
            (problem,) = problems
            assert (problem.value, problem.where.sheet) == (EXAMPLE_ID, sheet)
            assert "is the example's" in problem.reason


def test_the_json_template_has_the_words_beside_it() -> None:
    given = json.loads(template_json("app"))
    assert read_dossier(given["applications"][0]) == read_dossier(example("app"))
    assert "android 安卓" in given["words"]["service.app.platforms[].platform"]
    assert not any(
        place.startswith("service.app.") for place in json.loads(template_json("website"))["words"]
    )


def test_the_document_tells_every_field() -> None:
    text = (ROOT / "docs" / "records.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| (?:`[a-z]|-).*\|$", text, flags=re.MULTILINE)
    expected = [
        f"| {', '.join(f'`{path}`' for path in paths_of(form, column)) or '-'} "
        f"| {form.name} {form.zh} | `{column.name}` | {column.zh} "
        f"| {explained(field_of(form, column), 'en')} |"
        for form in FORMS
        for column in form.columns
        if column.name != ROWS or form is SERVICES
    ]
    assert rows == expected
