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

from gatekeeper.errors import GatekeeperError
from gatekeeper.report.text import visible

if TYPE_CHECKING:
    from gatekeeper.cli.settings import Lang
    from gatekeeper.report.records import Report


def say(line: str, *, lang: Lang = "en", error: bool = False) -> None:
    """One line for a person, on stderr; resident ids and mobile numbers in it are masked."""
    from gatekeeper.filing import mask_text  # a tenth of a second, and help says nothing

    name = "gatekeeper：" if lang == "zh" else "gatekeeper: "
    _write(sys.stderr, (name if error else "") + visible(mask_text(line)) + "\n")


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
        silence(stream)
    except OSError as error:
        silence(stream)
        if stream is sys.stdout:
            raise unwritten(error) from None


def unwritten(error: OSError) -> GatekeeperError:
    """What to say where stdout takes no more: a full disk, mostly."""
    why = error.strerror or type(error).__name__
    return GatekeeperError(
        f"cannot write to standard output: {why}; what was printed is not complete",
        zh=f"无法写入标准输出：{why}；已输出的内容不完整",
    )


def silence(stream: TextIO) -> None:
    """Let what is left go nowhere, or Python would complain of it at its end."""
    with contextlib.suppress(OSError, ValueError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())
