"""Applications as a table for spreadsheets, in a form that imports back unchanged."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import BinaryIO, Final

from gatekeeper.errors import FilingError, UsageError
from gatekeeper.filing import Application
from gatekeeper.sources.column import APPLICATION_COLUMNS
from gatekeeper.sources.field import SHANGHAI
from gatekeeper.sources.table import GUARDED

_MARK: Final = "\N{BYTE ORDER MARK}"
_WIDTHS: Final = {"entity_name": 32, "service_licence": 26, "status_at": 28, "ips": 32}


def write_applications(
    applications: Iterable[Application],
    target: str | Path | BinaryIO,
    format: str | None = None,  # noqa: A002 - the option's own name
    *,
    lang: str = "en",
) -> None:
    """Write the table of DESIGN §4.

    Args:
        applications: written in the order given.
        target: a path, or a stream that takes bytes.
        format: "csv" or "xlsx"; if missing, the path's ending decides, and CSV where it is none.
        lang: the language of the header; the words in the cells are always the same.

    Raises:
        UsageError: another format.
        FilingError: the file cannot be written.
    """
    path = Path(target) if isinstance(target, str | Path) else None
    chosen = format or (path.suffix.lower().removeprefix(".") if path else "") or "csv"
    if chosen not in ("csv", "xlsx"):
        raise UsageError(
            f"applications are exported as csv or xlsx, not {chosen}; name the file accordingly",
            zh=f"申请可导出为 csv 或 xlsx，不支持 {chosen}，请更改文件扩展名",
        )
    lines = _lines(applications, lang)
    content = _csv(lines) if chosen == "csv" else _xlsx(lines)
    if path is None:
        assert not isinstance(target, str | Path)
        target.write(content)
        return
    try:
        path.write_bytes(content)
    except OSError as error:
        reason = error.strerror or str(error)
        raise FilingError(
            f"{path} cannot be written: {reason}; choose another place",
            zh=f"无法写入 {path}：{reason}，请更换位置",
        ) from None


def _lines(applications: Iterable[Application], lang: str) -> Iterator[list[str]]:
    yield [column.zh if lang == "zh" else column.name for column in APPLICATION_COLUMNS]
    for application in applications:
        yield [_guarded(cell) for cell in _cells(application)]


def _cells(application: Application) -> tuple[str, ...]:
    """The cells of one application, in the order of ``APPLICATION_COLUMNS``."""
    entity, service, access = application.entity, application.service, application.access
    return (
        application.application_id,
        application.filing_id,
        application.kind,
        application.status,
        application.status_at.astimezone(SHANGHAI).isoformat(),
        entity.name,
        entity.certificate_type,
        entity.certificate_number,
        entity.province,
        entity.licence,
        service.type or "",
        service.name,
        service.licence,
        ";".join(service.domains),
        access.account_id,
        access.load_balancer,
        ";".join(access.ips),
    )


def _guarded(cell: str) -> str:
    return f"'{cell}" if GUARDED.match(cell) else str(cell)


def _csv(lines: Iterable[list[str]]) -> bytes:
    text = io.StringIO(newline="")
    text.write(_MARK)  # without it Excel takes the file for GBK
    csv.writer(text).writerows(lines)
    return text.getvalue().encode()


def _xlsx(lines: Iterable[list[str]]) -> bytes:
    from openpyxl import Workbook
    from openpyxl.cell import WriteOnlyCell
    from openpyxl.styles import Font
    from openpyxl.utils import get_column_letter

    workbook = Workbook(write_only=True)
    sheet = workbook.create_sheet("applications")
    sheet.freeze_panes = "A2"
    for index, column in enumerate(APPLICATION_COLUMNS, start=1):
        sheet.column_dimensions[get_column_letter(index)].width = _WIDTHS.get(column.name, 18)
    bold = Font(bold=True)
    for number, line in enumerate(lines):
        cells = []
        for text in line:
            cell = WriteOnlyCell(sheet, value=text)
            cell.number_format = "@"
            if number == 0:
                cell.font = bold
            cells.append(cell)
        sheet.append(cells)
    content = io.BytesIO()
    workbook.save(content)
    return content.getvalue()
