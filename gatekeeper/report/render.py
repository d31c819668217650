"""One report, in the form that was asked for."""

from __future__ import annotations

from typing import Literal

from gatekeeper.report.records import Report

Form = Literal["table", "json", "csv", "html"]


def render(report: Report, *, form: str, lang: str) -> str:
    """``report`` as ``form``; what a form needs is imported only for it."""
    if form == "json":
        from gatekeeper.report.text import to_json

        return to_json(report.document) + "\n"
    if form == "csv":
        from gatekeeper.report.sheet import as_csv

        return as_csv(report.tables[0])
    if form == "html":
        from gatekeeper.report.page import as_html

        return as_html(report, lang)
    from gatekeeper.report.table import as_table

    return as_table(report, lang)
