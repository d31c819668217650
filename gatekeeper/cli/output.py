"""Where words go: records to stdout or a file, everything else to stderr.

A reader that went away (``| head``) never stops a command half way: what is left is dropped, and
the exit status stays what the command says.
"""

from __future__ import annotations

import contextlib
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

from gatekeeper.report.text import visible

if TYPE_CHECKING:
    from gatekeeper.cli.settings import Lang
    from gatekeeper.report.records import Report


def say(line: str, *, lang: Lang = "en", error: bool = False) -> None:
    """One line for a person, on stderr."""
    name = "gatekeeper：" if lang == "zh" else "gatekeeper: "
    _write(sys.stderr, (name if error else "") + visible(line) + "\n")


def show(text: str) -> None:
    """A result, on stdout."""
    _write(sys.stdout, text if text.endswith("\n") else text + "\n")


def deliver(report: Report, *, form: str, out: Path | None, lang: Lang) -> None:
    """Render ``report`` as ``form`` asks, into ``out`` (whole or not at all) or onto stdout."""
    from gatekeeper.report.render import render

    text = render(report, form=form, lang=lang)
    if out is None:
        show(text)
        return
    from gatekeeper.report.files import write_whole

    write_whole(out, text)


def _write(stream: TextIO, text: str) -> None:
    try:
        stream.write(text)
        stream.flush()
    except BrokenPipeError:
        with contextlib.suppress(OSError, ValueError):
            os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())
