"""The template of a full record, made from the model: a workbook to fill in, or JSON.

Both hold an example that is made up.  Left in as it is, nobody reads it; written over with its id
kept, it is refused (``dossier_example.py``).
"""

from __future__ import annotations

import io
import json
from collections.abc import Iterable, Iterator, Mapping
from enum import StrEnum
from typing import Any, Final

from gatekeeper.filing.review.words import chinese_of
from gatekeeper.sources.dossier_example import example
from gatekeeper.sources.dossier_form import (
    FORMS,
    PEOPLE,
    ROLE_ZH,
    ROWS,
    SERVICES,
    Field,
    Form,
    FormColumn,
    Role,
    Shape,
    field_of,
    model_fields,
)
from gatekeeper.sources.dossier_lines import value_at
from gatekeeper.sources.table import GUARDED

Cells = Mapping[str, Any]
"""One row, by the names of its columns."""

_LAST_ROW: Final = 2000
"""How far down the lists of words reach."""
_HELP_SHEET: Final = {"en": "help", "zh": "说明"}
_WORDS_SHEET: Final = {"en": "words", "zh": "词汇"}
_SHAPES: Final[Mapping[Shape, tuple[str, str]]] = {
    Shape.TEXT: ("text", "文本"),
    Shape.DIGITS: ("digits, in a cell of text", "号码，单元格须为文本格式"),
    Shape.DATE: ("a date such as 2027-01-31, or 长期", "日期，如 2027-01-31；长期有效写“长期”"),
    Shape.MOMENT: (
        "a time such as 2026-11-03T09:30; without an offset Asia/Shanghai",
        "时间，如 2026-11-03T09:30，不写时区即为北京时间",
    ),
    Shape.FLAG: ("yes or no (是, 否)", "是 或 否"),
    Shape.WHOLE: ("a whole number", "整数"),
    Shape.WORD: ("a word of the list", "从列表中选择"),
    Shape.LIST: ("several, separated by ;", "多个内容用“;”分隔"),
}


_HELP: Final = (
    (
        "Rows of all sheets are joined by application_id; each begins in the sheet services.",
        "A further domain or platform: another row of services, same application_id, else empty.",
        "The grey rows are an example, made up. Delete them, or leave them: they are not read.",
        "Formulas are not read. Cells may be empty: the review says what is missing.",
        "The path of an attachment is relative to this file; the file is then measured.",
    ),
    (
        "各工作表按“申请编号”关联；每个申请先在“服务”工作表中填写一行。",
        "更多的域名或 APP 平台：在“服务”中以相同申请编号另起一行填写，其余单元格留空。",
        "灰色行为虚构的示例，可删除或原样保留，不会被读取。",
        "不读取公式；单元格可以留空，审核会列出缺少的内容。",
        "材料的“文件”为相对于本文件的路径，填写后自动测量大小和尺寸。",
    ),
)


def template_json(service: str) -> str:
    """The JSON template for a ``website`` or an ``app``: every key, with the example's values.

    Beside the applications stand the words that each place takes.
    """
    words = {
        place.path: [_both(word) for word in place.words]
        for place in model_fields().values()
        if place.words is not None and _concerns(place.path, service)
    }
    content = {"words": words, "applications": [example(service)]}
    return json.dumps(content, ensure_ascii=False, indent=2) + "\n"


def template_workbook(service: str, lang: str) -> bytes:
    """The workbook to fill in for a ``website`` or an ``app``, with sheets named in ``lang``."""
    return workbook([example(service)], lang, service=service, guide=True)


def rows_of(nested: Mapping[str, Any]) -> Iterator[tuple[Form, Cells]]:
    """A record in its nested form as rows of the sheets, each with its sheet."""
    name = nested.get(ROWS)
    for form in FORMS:
        for cells in _rows(form, nested):
            yield form, {ROWS: name, **cells}


def workbook(
    records: Iterable[Mapping[str, Any]],
    lang: str,
    *,
    service: str = "app",
    guide: bool = False,
) -> bytes:
    """A workbook with the sheets of records, of these records.

    Args:
        records: in their nested form.
        lang: the language of its titles and words, and the first one of its headers.
        service: ``website`` leaves out the columns that only an APP has.
        guide: whether to add comments, lists of words and the sheet of help.
    """
    from openpyxl import Workbook
    from openpyxl.styles import Font

    book = Workbook()
    for sheet in book.worksheets:
        book.remove(sheet)
    ranges = _words_sheet(book, lang) if guide else {}
    rows = [row for record in records for row in rows_of(record)]
    for form in FORMS:
        columns = [one for one in form.columns if _concerns(one.path, service)]
        sheet = book.create_sheet(form.zh if lang == "zh" else form.name)
        sheet.freeze_panes = "B2"
        sheet.append([_title(one, lang) for one in columns])
        for cell in sheet[1]:
            cell.font = Font(bold=True)
        for index, column in enumerate(columns, start=1):
            _format(sheet, index, form, column, lang, ranges, guide=guide)
        for of, cells in rows:
            if of is form:
                sheet.append([_cell(cells.get(one.name), lang) for one in columns])
                for cell in sheet[sheet.max_row]:
                    cell.number_format = "@"
                    if guide:
                        cell.font = Font(italic=True, color="808080")
    if guide:
        _help_sheet(book, service, lang)
        book.move_sheet(_WORDS_SHEET[lang], len(book.sheetnames))
    content = io.BytesIO()
    book.save(content)
    return content.getvalue()


def _concerns(path: str, service: str) -> bool:
    return service == "app" or not path.startswith("service.app.")


def _title(column: FormColumn, lang: str) -> str:
    return f"{column.zh} {column.name}" if lang == "zh" else f"{column.name} {column.zh}"


def _both(word: StrEnum) -> str:
    zh = _chinese(word)
    return word.value if zh == word.value else f"{word.value} {zh}"


def _chinese(word: StrEnum) -> str:
    return ROLE_ZH[word] if isinstance(word, Role) else chinese_of(word)


def _rows(form: Form, nested: Mapping[str, Any]) -> Iterator[Cells]:
    if form is PEOPLE:
        for part in ("entity", "service"):
            head = value_at(nested, f"{part}.head")
            if isinstance(head, Mapping):
                yield {"role": Role(part), **_leaves(form, head, "")}
        return
    if form.name == "answers":
        for rule, answer in (nested.get("answers") or {}).items():
            yield {"rule": rule, **_leaves(form, answer, "answers{}.")}
        return
    if form.name == "attachments":
        for one in nested.get("attachments") or ():
            yield _leaves(form, one, "attachments[].")
        return
    first = {
        one.name: value_at(nested, one.path)
        for one in form.columns
        if one.name != ROWS and "[]" not in one.path
    }
    further: list[dict[str, Any]] = []
    if form is SERVICES:
        further = _side_by_side(
            _items(nested, "service.domains"), _items(nested, "service.app.platforms")
        )
    yield {**first, **(further[0] if further else {})}
    yield from further[1:]


def _items(nested: Mapping[str, Any], path: str) -> list[dict[str, Any]]:
    given = value_at(nested, path) or ()
    return [
        _leaves(SERVICES, one if isinstance(one, Mapping) else {"name": one}, f"{path}[].")
        for one in given
    ]


def _side_by_side(*lists: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Items of several lists, the first of each in the first row, and so on."""
    longest = max(map(len, lists))
    return [
        {key: value for one in lists if row < len(one) for key, value in one[row].items()}
        for row in range(longest)
    ]


def _leaves(form: Form, item: Mapping[str, Any], above: str) -> dict[str, Any]:
    """What an item says, by the columns of its leaves."""
    return {
        one.name: item.get(one.path.removeprefix(above))
        for one in form.columns
        if one.name not in (ROWS, "role", "rule") and one.path.startswith(above)
    }


def _cell(value: Any, lang: str) -> str | None:
    """A value as a cell of text; what a spreadsheet would run gets an apostrophe."""
    if value is None or value == "":
        return None
    if isinstance(value, bool):
        return ("是" if value else "否") if lang == "zh" else ("yes" if value else "no")
    if isinstance(value, list | tuple):
        if not value:
            return "无" if lang == "zh" else "none"
        return ";".join(_cell(one, lang) or "" for one in value)
    if isinstance(value, StrEnum):
        return _chinese(value) if lang == "zh" else value.value
    text = str(value)
    return f"'{text}" if GUARDED.match(text) else text


def _format(
    sheet: Any,
    index: int,
    form: Form,
    column: FormColumn,
    lang: str,
    ranges: Mapping[type[StrEnum], str],
    *,
    guide: bool,
) -> None:
    """Make a column text, and tell what belongs into it."""
    from openpyxl.comments import Comment
    from openpyxl.utils import get_column_letter
    from openpyxl.worksheet.datavalidation import DataValidation

    letter = get_column_letter(index)
    sheet.column_dimensions[letter].width = max(14, 2 * len(column.zh) + len(column.name) + 3)
    sheet.column_dimensions[letter].number_format = "@"
    if not guide:
        return
    place = field_of(form, column)
    comment = Comment(explained(place, lang), "gatekeeper")
    comment.width, comment.height = 320, 120
    sheet.cell(1, index).comment = comment
    if place.words is not None and place.shape is Shape.WORD:
        choice = DataValidation(
            type="list", formula1=ranges[place.words], allow_blank=True, errorStyle="warning"
        )
        choice.add(f"{letter}2:{letter}{_LAST_ROW}")
        sheet.add_data_validation(choice)


def explained(place: Field, lang: str) -> str:
    """What belongs into a place, as one line."""
    text = _SHAPES[place.shape][lang == "zh"]
    if place.may_be_none:
        text += "；没有则写“无”" if lang == "zh" else "; none (无) where there are none"
    if place.words is not None:
        text += ("：" if lang == "zh" else ": ") + ", ".join(map(_both, place.words))
    return text


def _words_sheet(book: Any, lang: str) -> dict[type[StrEnum], str]:
    """The sheet of words, a column each; gives the range of each."""
    from openpyxl.utils import get_column_letter

    title = _WORDS_SHEET[lang]
    sheet = book.create_sheet(title)
    kinds = dict.fromkeys(
        place.words
        for form in FORMS
        for column in form.columns
        if (place := field_of(form, column)).words is not None
    )
    ranges = {}
    for index, kind in enumerate(kinds, start=1):
        assert kind is not None
        letter = get_column_letter(index)
        sheet.column_dimensions[letter].width = 26
        for row, word in enumerate(kind, start=1):
            sheet.cell(row, index, _chinese(word) if lang == "zh" else word.value)
        ranges[kind] = f"'{title}'!${letter}$1:${letter}${len(kind)}"
    return ranges


def _help_sheet(book: Any, service: str, lang: str) -> None:
    """The first sheet: how to fill in the others, and every column with what belongs into it."""
    from openpyxl.styles import Font

    sheet = book.create_sheet(_HELP_SHEET[lang], 0)
    for line in _HELP[lang == "zh"]:
        sheet.append([line])
    sheet.append([])
    sheet.append(["工作表", "列", "内容"] if lang == "zh" else ["sheet", "column", "what it holds"])
    for cell in sheet[sheet.max_row]:
        cell.font = Font(bold=True)
    for form in FORMS:
        for column in form.columns:
            if _concerns(column.path, service):
                title = form.zh if lang == "zh" else form.name
                place = field_of(form, column)
                sheet.append([title, _title(column, lang), explained(place, lang)])
    for letter, width in (("A", 16), ("B", 44), ("C", 90)):
        sheet.column_dimensions[letter].width = width
