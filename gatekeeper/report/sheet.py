"""CSV that a spreadsheet opens without obeying it."""

from __future__ import annotations

import csv
import io

from gatekeeper.report.records import Table
from gatekeeper.report.text import spreadsheet_cell


def as_csv(table: Table) -> str:
    """One table with a header of stable English names."""
    stream = io.StringIO()
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow(table.columns)
    for row in table.rows:
        writer.writerow([spreadsheet_cell(c) if isinstance(c, str) else c for c in row])
    return stream.getvalue()
