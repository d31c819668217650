"""A report as one HTML file for an inspector: no scripts, nothing fetched, ready to print."""

from __future__ import annotations

from collections.abc import Iterator
from html import escape
from typing import Final

from gatekeeper import __version__
from gatekeeper.report.records import Cell, Report, Table
from gatekeeper.report.text import visible
from gatekeeper.report.words import spoken, word

_SEVERITIES: Final = ("critical", "high", "medium", "low", "info")
_MARKED: Final = frozenset(
    (*_SEVERITIES, "open", "closed", "hold", "unknown", "partial", "unreadable", "failed")
)

_STYLE: Final = """
:root{color-scheme:light dark;--ink:#1b1f24;--soft:#57606a;--line:#d0d7de;--paper:#fff;
--band:#f6f8fa;--bad:#b3261e;--warn:#9a5b00;--good:#1a6b34;--alarm:#fdecea}
@media (prefers-color-scheme:dark){:root{--ink:#e6edf3;--soft:#9aa4af;--line:#3a424c;
--paper:#0f1318;--band:#181e25;--bad:#ff8a80;--warn:#f2b45c;--good:#6fd08c;--alarm:#3b1715}}
body{margin:2rem auto;max-width:84rem;padding:0 1rem;background:var(--paper);color:var(--ink);
font:15px/1.5 system-ui,"PingFang SC","Microsoft YaHei","Noto Sans CJK SC",sans-serif}
h1{font-size:1.6rem;margin:0 0 .5rem}h2{font-size:1.15rem;margin:2rem 0 .5rem}
dl{display:grid;grid-template-columns:max-content 1fr;gap:.15rem 1rem;margin:0 0 1rem}
dt{color:var(--soft)}dd{margin:0;overflow-wrap:anywhere}
.counts{display:flex;flex-wrap:wrap;gap:.75rem;list-style:none;padding:0;margin:0 0 1rem}
.counts li{border:1px solid var(--line);border-radius:.4rem;padding:.35rem .8rem}
.counts b{font-size:1.3rem;margin-right:.4rem}
.alarm{border-left:.35rem solid var(--bad);background:var(--alarm);padding:.6rem .9rem;
margin:.5rem 0;font-weight:600;overflow-wrap:anywhere}
.wide{overflow-x:auto}table{border-collapse:collapse;width:100%;font-size:.87rem}
th,td{border:1px solid var(--line);padding:.3rem .5rem;text-align:left;vertical-align:top;
overflow-wrap:anywhere}th{background:var(--band);white-space:nowrap}td.n{text-align:right}
.critical,.failed,.unreadable{color:var(--bad);font-weight:700}
.high,.partial,.unknown{color:var(--warn);font-weight:600}
.open{color:var(--good)}footer{margin-top:2rem;color:var(--soft);font-size:.85rem}
@media print{:root{--ink:#000;--paper:#fff;--band:#eee;--line:#888;--bad:#900;--warn:#640;
--good:#040;--alarm:#fff}body{margin:0;max-width:none;font-size:10pt}.wide{overflow:visible}
thead{display:table-header-group}tr{break-inside:avoid}}
""".strip().replace("\n", "")


def as_html(report: Report, lang: str) -> str:
    """The whole page."""
    return "".join(_page(report, lang))


def _page(report: Report, lang: str) -> Iterator[str]:
    title = _text(word(report.title, lang))
    yield (
        f'<!DOCTYPE html>\n<html lang="{"zh-CN" if lang == "zh" else "en"}">\n<head>\n'
        '<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        '<meta http-equiv="Content-Security-Policy" content="default-src \'none\'; '
        "style-src 'unsafe-inline'\">\n"
        f"<title>{title} - gatekeeper</title>\n<style>{_STYLE}</style>\n</head>\n<body>\n"
        f"<h1>{title}</h1>\n"
    )
    for alarm in report.alarms:
        yield f'<p class="alarm" role="alert">{_text(alarm)}</p>\n'
    if report.counts:
        yield f'<h2>{_text(word("by_severity", lang))}</h2>\n<ul class="counts">\n'
        for severity in _SEVERITIES:
            count = report.counts.get(severity, 0)
            mark = severity if count else ""
            yield f'<li><b class="{mark}">{count}</b>{_text(word(severity, lang))}</li>\n'
        yield "</ul>\n"
    facts = [(key, value) for key, value in report.facts if value is not None]
    if facts:
        yield "<dl>\n"
        for key, value in facts:
            yield f"<dt>{_text(word(key, lang))}</dt><dd>{_text(str(value))}</dd>\n"
        yield "</dl>\n"
    for table in report.tables:
        if table.rows or table.name not in report.headless:
            yield from _table(table, lang)
    made = word("made_with", lang).format(version=__version__)
    yield f"<footer>{_text(made)}</footer>\n</body>\n</html>\n"


def _table(table: Table, lang: str) -> Iterator[str]:
    yield f"<h2>{_text(word(table.name, lang))} ({len(table.rows)})</h2>\n"
    if not table.rows:
        yield f"<p>{_text(word('nothing', lang))}</p>\n"
        return
    heads = "".join(f'<th scope="col">{_text(word(key, lang))}</th>' for key in table.columns)
    yield f'<div class="wide"><table>\n<thead><tr>{heads}</tr></thead>\n<tbody>\n'
    for row in table.rows:
        yield (
            "<tr>"
            + "".join(
                _cell(column, cell, lang) for column, cell in zip(table.columns, row, strict=True)
            )
            + "</tr>\n"
        )
    yield "</tbody>\n</table></div>\n"


def _cell(column: str, cell: Cell, lang: str) -> str:
    if cell is None:
        return "<td></td>"
    if isinstance(cell, int):
        return f'<td class="n">{cell}</td>'
    mark = f' class="{cell}"' if cell in _MARKED else ""
    return f"<td{mark}>{_text(spoken(column, cell, lang))}</td>"


def _text(text: str) -> str:
    return escape(visible(text), quote=True)
