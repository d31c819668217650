"""Runs the command tree and turns whatever happens into one line and an exit status."""

from __future__ import annotations

import errno
import io
import os
import sys
from typing import Any, Final

from gatekeeper.cli.output import say, silence, unwritten
from gatekeeper.cli.settings import Lang, language
from gatekeeper.errors import GatekeeperError, ImportRefused

INTERRUPTED = 130
_FULL: Final = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO})


def run(argv: list[str]) -> int:
    """Run ``argv``; 0-4 as DESIGN §10 says, 130 after an interrupt."""
    lang = language(argv)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
    try:
        status = _dispatch(argv, lang)
    except KeyboardInterrupt:
        status = INTERRUPTED
    except GatekeeperError as error:
        if isinstance(error, ImportRefused):
            for problem in error.problems:
                say(problem.describe(lang))
        say(error.text(lang), lang=lang, error=True)
        status = error.exit_status
    except OSError as error:
        status = 1
        if error.filename is None and error.errno in _FULL:
            # Help is written by a library, straight to stdout.
            silence(sys.stdout)
            say(unwritten(error).text(lang), lang=lang, error=True)
        else:
            _confess(error, lang)
    except Exception as error:  # noqa: BLE001 - the last stop: nobody is shown a traceback
        status = 1
        _confess(error, lang)
    if status == INTERRUPTED:
        say("已中断" if lang == "zh" else "interrupted", lang=lang, error=True)
    _flush()
    return status


def _dispatch(argv: list[str], lang: Lang) -> int:
    from gatekeeper.cli.root import app

    try:
        result = app.main(args=argv, prog_name="gatekeeper", standalone_mode=False)
    except SystemExit as stop:  # completion requests and a closed pipe end this way
        return stop.code if isinstance(stop.code, int) else 0
    except Exception as error:
        if isinstance(error, GatekeeperError) or not hasattr(error, "format_message"):
            if type(error).__name__ == "Abort":
                return INTERRUPTED
            raise
        return _wrong_usage(error, lang)
    return result if isinstance(result, int) else 0


def _wrong_usage(error: Any, lang: Lang) -> int:
    """Say what the argument parser found, on one line, with where to read more."""
    from gatekeeper.cli.usage import explain

    context = getattr(error, "ctx", None)
    if type(error).__name__ == "NoArgsIsHelpError":
        print(error.format_message(), file=sys.stderr)  # noqa: T201
        return 2
    path = context.command_path if context is not None else "gatekeeper"
    line = explain(error, lang)
    more = f"用法见 {path} --help" if lang == "zh" else f"see {path} --help"
    if not line.endswith(("?", "？")):
        line += "，" if lang == "zh" else ";"
    say(f"{line}{'' if lang == 'zh' else ' '}{more}", lang=lang, error=True)
    return int(getattr(error, "exit_code", 2))


def _confess(error: Exception, lang: Lang) -> None:
    """One line for what nobody foresaw; the traceback for who asks."""
    if os.environ.get("GATEKEEPER_DEBUG"):
        import traceback

        from gatekeeper.filing import mask_text

        sys.stderr.write(mask_text("".join(traceback.format_exception(error))))
    say(_unexpected(error, lang), lang=lang, error=True)


def _unexpected(error: Exception, lang: Lang) -> str:
    detail = f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
    if lang == "zh":
        return f"意外错误：{detail}；设置 GATEKEEPER_DEBUG=1 后重试可查看详情，并请报告此问题"
    return f"unexpected {detail}; run again with GATEKEEPER_DEBUG=1 for the details and report it"


def _flush() -> None:
    """Flush while a closed pipe can still be ignored, and not at interpreter exit."""
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except (OSError, ValueError):
            silence(stream)
